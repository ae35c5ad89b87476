// Package linux opens real drives: block devices of a Linux kernel, spoken to by
// SG_IO (SCSI, and ATA through the SAT layer), by the NVMe admin ioctl, by the MMC
// ioctls, and by what the kernel read of a card when it was put in. It is the only
// package of Handback that makes ioctls to drives.
//
// It carries commands and builds none that destroys: those come from package
// wipe, through a Target. A Device passes only what drive.ReadOnly knows to
// change nothing. No command that the kernel or the drive never answers holds the
// caller up: it gets drive.ErrNoAnswer, and the outcome is unknown.
//
// Sources: the SCSI generic driver's interface version 3 (scsi/sg.h), NVMe
// passthrough (linux/nvme_ioctl.h), MMC commands (linux/mmc/ioctl.h), block ioctls
// (linux/fs.h), SAT-4, SPC-5, NVM Express Base 2.0, JESD84-B51.
package linux
