// Package scsi models a drive that speaks SCSI by itself, as SAS drives do: SPC-5
// and SBC-4. It decodes CDBs and parameter lists on its own, knows from a table
// which bits of a CDB it takes and refuses the others, and erases its medium in the
// time that the real command takes.
//
// What follows a state: SANITIZE runs, fails in the restricted or the unrestricted
// way and goes on after a power cut (SBC-4 clause 4.11); FORMAT UNIT does not, and
// leaves a format that is corrupt; a drive that was cut short by MODE SELECT shows
// only its first blocks until its whole size is set again; a new block length holds
// from the next FORMAT UNIT. While a sanitize runs or has failed, INQUIRY, REQUEST
// SENSE, REPORT LUNS, REPORT SUPPORTED OPERATION CODES and TASK MANAGEMENT
// FUNCTIONS, the temperature page of LOG SENSE and, unless Sanitize.HidesCapacity,
// READ CAPACITY are answered; all else is refused.
//
// Not modelled: protection information, reservations that hold (PERSISTENT RESERVE
// IN says that there are none), zones, several initiators, WRITE LONG and READ
// LONG, microcode download, copy offload, 32-byte commands.
package scsi
