package scsi

import (
	"encoding/binary"
	"fmt"

	"handback.example/inspect/drive"
)

// NoAction is for SupportedOperation: the command has no service action.
const NoAction = -1

// SupportedOperation frames REPORT SUPPORTED OPERATION CODES of one command (SPC-5
// clause 6.34): by its operation code alone (reporting option 001b) or with its
// service action (010b).
func SupportedOperation(code byte, action int) drive.Command {
	const n = 64 // 4, and the usage of a CDB of 32 bytes at most
	cdb := []byte{0xa3, 0x0c, 1, code, 0, 0, 0, 0, 0, n, 0, 0}
	if action >= 0 {
		cdb[2] = 2
		binary.BigEndian.PutUint16(cdb[4:], uint16(action))
	}
	return in(cdb, n)
}

// Support is what a drive says of one of its commands.
type Support struct {
	// Supported as its standard says; a command that the vendor defined is none.
	Supported bool
	// Usage has the bits of the CDB that the drive takes, from its second byte on; the
	// first is the operation code.
	Usage []byte
}

// ParseSupport reads the answer (SPC-5 table 289, one_command parameter data). An
// error says that the drive does not know it now, or answered something else.
func ParseSupport(b []byte, code byte) (Support, error) {
	if len(b) < 4 {
		return Support{}, fmt.Errorf("REPORT SUPPORTED OPERATION CODES: %w", errShort)
	}
	switch support := b[1] & 7; support {
	case 1, 5: // not supported; supported in a vendor's way
		return Support{}, nil
	case 3:
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 6 || n > len(b)-4 || b[4] != code {
			return Support{}, fmt.Errorf("REPORT SUPPORTED OPERATION CODES: %w", errShort)
		}
		return Support{Supported: true, Usage: append([]byte(nil), b[4:4+n]...)}, nil
	default: // 000b: not known at the moment; the rest is reserved
		return Support{}, fmt.Errorf("REPORT SUPPORTED OPERATION CODES: the drive does not tell now (%d)", support)
	}
}
