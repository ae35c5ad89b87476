// Package scsi frames SCSI commands that destroy nothing and change nothing, and
// parses what they answer: INQUIRY with its VPD pages, sense data, which commands a
// drive has and what goes on in it (SPC-5), READ CAPACITY(16) (SBC-4). The package does
// no input or output and never writes, formats, sanitises or sets a mode.
package scsi

import (
	"time"

	"handback.example/inspect/drive"
)

const timeout = 10 * time.Second

// VPD pages, SPC-5 table 612 and SBC-4 table 283.
const (
	pageSupported       = 0x00
	pageSerial          = 0x80
	pageIdentification  = 0x83
	pageATA             = 0x89
	pageCharacteristics = 0xb1
)

// Inquiry frames INQUIRY for the standard data. 36 bytes: every device has them,
// and some USB bridges break when asked for more.
func Inquiry() drive.Command { return in([]byte{0x12, 0, 0, 0, 36, 0}, 36) }

// SupportedPages frames INQUIRY for VPD page 00h.
func SupportedPages() drive.Command { return vpd(pageSupported, 252) }

// UnitSerial frames INQUIRY for VPD page 80h.
func UnitSerial() drive.Command { return vpd(pageSerial, 252) }

// Identification frames INQUIRY for VPD page 83h.
func Identification() drive.Command { return vpd(pageIdentification, 252) }

// ATAInformation frames INQUIRY for VPD page 89h: 572 bytes, with the IDENTIFY
// data that the SAT layer has cached.
func ATAInformation() drive.Command { return vpd(pageATA, 572) }

// Characteristics frames INQUIRY for VPD page B1h.
func Characteristics() drive.Command { return vpd(pageCharacteristics, 252) }

// ReadCapacity frames READ CAPACITY(16): 32 bytes.
func ReadCapacity() drive.Command {
	return in([]byte{0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}, 32)
}

func vpd(page byte, n int) drive.Command {
	return in([]byte{0x12, 1, page, byte(n >> 8), byte(n), 0}, n)
}

func in(cdb []byte, n int) drive.Command {
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: cdb, Direction: drive.DirectionIn,
		Data: make([]byte, n), Timeout: timeout}
}
