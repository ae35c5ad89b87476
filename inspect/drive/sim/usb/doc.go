// Package usb is a model of a bridge between USB and a drive: USB Mass Storage
// Bulk-Only Transport 1.0 (BOT) on one side, any sim.SCSI on the other: an ATA
// drive behind its SAT layer, or a drive that speaks SCSI itself.
//
// A Bridge is a sim.SCSI too: what a host sees through it, in this process or
// behind another door. NewDevice makes a USB device of it: descriptors, control
// requests, a bulk pipe each way; package usbredir takes that to a real kernel.
//
// It lies as bridges do: one refuses pass-through, one hangs or falls off the bus
// on it, one loses the registers or the high bytes, one hides the drive's identity,
// one shows other blocks or fewer of them. What became of the data is asked of the
// drive's media, which are the bridge's Media.
//
// Not modelled: UAS (the interface offers protocol 50h only), ejection, write
// protection, several logical units, and fill data in answers that are too short.
// Of an Action, a bridge knows what concerns a command and who it is; erasures
// belong to the script of the drive behind it.
package usb
