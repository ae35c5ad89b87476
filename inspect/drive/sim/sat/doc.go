// Package sat puts the model of an ATA drive behind CDBs, as the SAT layer of a
// host adapter, a bridge or a kernel does. It follows SAT-4 (INCITS 491) with
// SPC-5 and SBC-4, and where they leave a choice does what Linux's libata does.
//
// What becomes an ATA command is counted, faulted and traced as that command by
// the drive; what the layer answers by itself (INQUIRY, READ CAPACITY, MODE SENSE
// and so on) is counted and traced as its CDB. Opcode 25h is both READ CAPACITY(10)
// and READ DMA EXT: a fault that means the second says When.Reads.
//
// Not modelled: SANITIZE, FORMAT UNIT and ATA security (protocol EFh) as SCSI
// commands, which libata does not translate either; WRITE SAME but for UNMAP;
// reservations; the ATA PASS-THROUGH Results log page.
package sat
