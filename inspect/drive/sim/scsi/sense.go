package scsi

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
)

// Status codes (SAM-5 table 33).
const (
	statusGood  = 0x00
	statusCheck = 0x02
)

// Sense keys (SPC-5 table 49).
const (
	keyNone       = 0x0
	keyRecovered  = 0x1
	keyNotReady   = 0x2
	keyMedium     = 0x3
	keyHardware   = 0x4
	keyIllegal    = 0x5
	keyAttention  = 0x6
	keyProtect    = 0x7
	keyAborted    = 0xb
	keyMiscompare = 0xe
)

// sense is what a command ended with.
type sense struct {
	key, asc, ascq byte
	info           uint64
	hasInfo        bool
	specific       [3]byte // sense-key specific; SKSV is bit 7 of the first
}

func (s *sense) with(info uint64) *sense {
	s.info, s.hasInfo = info, true
	return s
}

func code(key, asc, ascq byte) *sense { return &sense{key: key, asc: asc, ascq: ascq} }

// badField of a CDB (in data: of a parameter list), by its byte (SPC-5 clause
// 4.4.2.4.2).
func badField(at int) *sense {
	s := code(keyIllegal, 0x24, 0x00)
	s.specific = [3]byte{0xc0, byte(at >> 8), byte(at)}
	return s
}

func badParameter(at int) *sense {
	s := code(keyIllegal, 0x26, 0x00)
	s.specific = [3]byte{0x80, byte(at >> 8), byte(at)}
	return s
}

// progress of what is under way, 0 to 1 (SPC-5 clause 4.4.2.4.4).
func (s *sense) progress(f float64) *sense {
	n := min(0xffff, int(f*0x10000))
	s.specific = [3]byte{0x80, byte(n >> 8), byte(n)}
	return s
}

// bytes in one of the two formats (SPC-5 clauses 4.4.2 and 4.4.3).
func (s *sense) bytes(descriptor bool) []byte {
	if descriptor {
		return s.descriptor()
	}
	b := make([]byte, 18)
	b[0], b[2], b[7], b[12], b[13] = 0x70, s.key, 10, s.asc, s.ascq
	if s.hasInfo && s.info>>32 == 0 { // else it has no room here
		b[0] |= 0x80
		binary.BigEndian.PutUint32(b[3:], uint32(s.info))
	}
	copy(b[15:], s.specific[:])
	return b
}

func (s *sense) descriptor() []byte {
	b := []byte{0x72, s.key, s.asc, s.ascq, 0, 0, 0, 0}
	if s.hasInfo {
		b = binary.BigEndian.AppendUint64(append(b, 0x00, 0x0a, 0x80, 0), s.info)
	}
	if s.specific[0]&0x80 != 0 {
		b = append(b, 0x02, 0x06, 0, 0, s.specific[0], s.specific[1], s.specific[2], 0)
	}
	b[7] = byte(len(b) - 8)
	return b
}

// answer of a command.
type answer struct {
	in    []byte
	sense *sense // nil: GOOD
	// wait: the answer comes when what the command started has ended.
	wait bool
}

func refuse(s *sense) answer { return answer{sense: s} }

func data(b []byte) answer { return answer{in: b} }

// reply as the initiator gets it.
func (d *Drive) reply(a answer, form sim.SenseForm, limit int) sim.SCSIReply {
	r := sim.SCSIReply{Status: statusGood, In: a.in[:min(len(a.in), max(0, limit))]}
	if a.sense == nil {
		return r
	}
	r.Status = statusCheck
	switch form {
	case sim.SenseMissing:
	case sim.SenseFixed:
		r.Sense = a.sense.bytes(false)
	case sim.SenseDescriptor:
		r.Sense = a.sense.bytes(true)
	default:
		r.Sense = a.sense.bytes(d.modes.descriptorSense())
	}
	return r
}
