package scsi

import (
	"encoding/binary"

	"handback.example/inspect/drive"
)

// RequestSense frames REQUEST SENSE (SPC-5 clause 6.39), which tells what goes on in
// the drive. Fixed format is asked for: every drive has it.
func RequestSense() drive.Command { return in([]byte{0x03, 0, 0, 0, 252, 0}, 252) }

// TestUnitReady frames TEST UNIT READY (SPC-5 clause 6.44): good where blocks can be
// read and written.
func TestUnitReady() drive.Command {
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: make([]byte, 6), Timeout: timeout}
}

// ReadFirstBlock frames READ(16) of block 0 (SBC-4 clause 5.18).
func ReadFirstBlock(blockSize int) drive.Command {
	return in([]byte{0x88, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, blockSize)
}

// Activity is what sense data says of the drive as a whole.
type Activity byte

// Activities. The zero Activity is none of them: the sense data says something else.
const (
	ActivityUnknown  Activity = iota
	ActivityNone              // nothing goes on, or nothing that keeps from reading and writing
	ActivitySanitize          // 04h/1Bh: a sanitize runs
	ActivityFormat            // 04h/04h: a format runs
	ActivityOther             // it becomes ready, tests itself, does something else
	SanitizeFailed            // 31h/03h: a sanitize failed
	FormatCorrupted           // 31h/00h, 31h/01h: a format did not come to its end
	Attention                 // it tells of something that was before: ask again
)

// Sense keys of SPC-5 table 49.
const (
	keyNone      = 0x0
	keyRecovered = 0x1
	keyNotReady  = 0x2
	keyAttention = 0x6
)

// Activity by the codes of SPC-5 annex F. Drives tell them with the key NOT READY and,
// in REQUEST SENSE, some with NO SENSE.
func (s Sense) Activity() Activity {
	if s.Key == keyAttention {
		return Attention
	}
	switch {
	case s.ASC == 0x04 && s.ASCQ == 0x1b:
		return ActivitySanitize
	case s.ASC == 0x04 && s.ASCQ == 0x04:
		return ActivityFormat
	case s.ASC == 0x31 && s.ASCQ == 0x03:
		return SanitizeFailed
	case s.ASC == 0x31 && s.ASCQ <= 0x01:
		return FormatCorrupted
	case s.Key == keyNotReady && s.ASC == 0x04 && (s.ASCQ == 0x01 || s.ASCQ == 0x07 || s.ASCQ == 0x09 || s.ASCQ == 0x14):
		return ActivityOther // becoming ready, operation in progress, self-test, space allocation
	case s.Key == keyNone || s.Key == keyRecovered:
		return ActivityNone
	}
	return ActivityUnknown
}

// Progress finds the progress indication in sense data of either format (SPC-5
// clauses 4.4.2.4.4 and 4.4.3): 0 up to, not including, 1. ok is false where it has
// none.
func Progress(b []byte) (fraction float64, ok bool) {
	s, ok := ParseSense(b)
	if !ok || s.Key != keyNone && s.Key != keyNotReady {
		return 0, false // with other keys the same bytes mean something else
	}
	switch b[0] & 0x7f {
	case 0x70, 0x71:
		if len(b) < 18 || b[7] < 10 {
			return 0, false
		}
		return keySpecific(b[15:18])
	}
	if len(b) < 8 {
		return 0, false
	}
	for b = b[8:min(len(b), 8+int(b[7]))]; len(b) >= 2; {
		n := int(b[1])
		if 2+n > len(b) {
			break
		}
		if b[0] == 0x02 && n >= 5 {
			return keySpecific(b[4:7])
		}
		b = b[2+n:]
	}
	return 0, false
}

// keySpecific: bit 7 (SKSV) says that the next two bytes tell something.
func keySpecific(b []byte) (float64, bool) {
	if b[0]&0x80 == 0 {
		return 0, false
	}
	return float64(binary.BigEndian.Uint16(b[1:])) / 65536, true
}
