package scsi

import "fmt"

// Sense is what sense data says: key, additional code and qualifier.
type Sense struct{ Key, ASC, ASCQ byte }

// ParseSense reads fixed (70h, 71h) and descriptor (72h, 73h) format; ok is false
// for anything else.
func ParseSense(b []byte) (s Sense, ok bool) {
	if len(b) < 4 {
		return Sense{}, false
	}
	switch b[0] & 0x7f {
	case 0x70, 0x71:
		if len(b) < 8 {
			return Sense{}, false
		}
		s.Key = b[2] & 0xf
		if len(b) >= 14 && b[7] >= 6 {
			s.ASC, s.ASCQ = b[12], b[13]
		}
		return s, true
	case 0x72, 0x73:
		return Sense{b[1] & 0xf, b[2], b[3]}, true
	}
	return Sense{}, false
}

// keys of SPC-5 table 49.
var keys = [16]string{"no sense", "recovered error", "not ready", "medium error", "hardware error",
	"illegal request", "unit attention", "data protect", "blank check", "vendor specific", "copy aborted",
	"aborted command", "reserved", "volume overflow", "miscompare", "completed"}

func (s Sense) String() string {
	return fmt.Sprintf("%s (%x/%02x/%02x)", keys[s.Key&0xf], s.Key&0xf, s.ASC, s.ASCQ)
}

// Good: the command did what it should: no sense at all, or 'recovered', or a
// pass-through that only brings registers (SPC-5: 00h/1Dh).
func (s Sense) Good() bool { return s.Key == 0 || s.Key == 1 }
