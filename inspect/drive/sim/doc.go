// Package sim is the kit that models of drives are made of: a medium that is
// sparse, an erasure that takes time and survives a power cut, faults by script, a
// clock that tests move, a trace of what was asked. The models themselves stand
// below it (ata behind sat, scsi, nvme, mmc, usb, opal), and so do the doors to
// them: inproc (a drive.Opener in this process), vhost (vhost-user-scsi), nvmetcp
// and usbredir. Package profile reads a drive's character from a file.
//
// A model decodes the bytes of a command by itself and shares no builder or parser
// with the rest of Handback: it is the other side of the wire, and an oracle for
// this one. What became of the data is asked of its Medium, never of its answers.
package sim
