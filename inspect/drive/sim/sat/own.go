package sat

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"handback.example/inspect/drive/sim"
)

func (s *SAT) testUnitReady(*command) (sim.SCSIReply, error) { return good(nil) }

// requestSense (SPC-5): a unit attention, the state of a sanitize, or
// nothing.
func (s *SAT) requestSense(c *command) (sim.SCSIReply, error) {
	running, failed, progress := s.Sanitizing()
	x := sense{what: noSense}
	switch {
	case s.attend():
		x.what = wasReset
	case running:
		x = sense{what: sanitizing, progress: &progress}
	case failed:
		x.what = sanitizeFailed
	}
	if c.cdb[1]&1 != 0 { // DESC
		return upTo(x.descriptors(), int(c.cdb[4]))
	}
	return upTo(x.fixed(), int(c.cdb[4]))
}

func (s *SAT) readCapacity10(*command) (sim.SCSIReply, error) {
	b := make([]byte, 8)
	binary.BigEndian.PutUint32(b, uint32(min(s.Capacity()-1, 0xffffffff)))
	binary.BigEndian.PutUint32(b[4:], uint32(s.LogicalBlock()))
	return good(b)
}

// serviceActionIn: READ CAPACITY(16) (SBC-4).
func (s *SAT) serviceActionIn(c *command) (sim.SCSIReply, error) {
	if c.cdb[1]&0x1f != 0x10 {
		return s.refuse(c, badField), nil
	}
	b := make([]byte, 32)
	binary.BigEndian.PutUint64(b, s.Capacity()-1)
	binary.BigEndian.PutUint32(b[8:], uint32(s.LogicalBlock()))
	id := s.Identity()
	w := func(n int) uint16 { return binary.LittleEndian.Uint16(id[2*n:]) }
	b[13] = byte(exponent(w))
	if w(169)&1 != 0 {
		b[14] = 0x80 // LBPME
		if w(69)&(1<<14|1<<5) == 1<<14|1<<5 {
			b[14] |= 0x40 // LBPRZ
		}
	}
	return upTo(b, int(min(c.be32(10), 1<<16)))
}

func (s *SAT) reportLUNs(c *command) (sim.SCSIReply, error) {
	if c.be32(6) < 16 || c.cdb[2] > 2 {
		return s.refuse(c, badField), nil
	}
	b := make([]byte, 16)
	b[3] = 8 // one LUN, 0
	if c.cdb[2] == 1 {
		b = b[:8] // well known ones only: none
		b[3] = 0
	}
	return upTo(b, int(min(c.be32(6), 1<<16)))
}

// logSense: the pages that there are, and informational exceptions, which is what
// SMART RETURN STATUS becomes (SAT-4).
func (s *SAT) logSense(c *command) (sim.SCSIReply, error) {
	if c.cdb[1]&1 != 0 || c.cdb[3] != 0 {
		return s.refuse(c, badField), nil
	}
	var b []byte
	switch page := c.cdb[2] & 0x3f; page {
	case 0x00:
		b = []byte{page, 0, 0, 2, 0x00, 0x2f}
	case 0x2f:
		b = []byte{page, 0, 0, 8, 0, 0, 0x03, 4, 0, 0, 0, 0}
		if s.Failing() {
			b[8], b[9] = 0x5d, 0x10 // FAILURE PREDICTION THRESHOLD EXCEEDED, by hardware
		}
	default:
		return s.refuse(c, badField), nil
	}
	return upTo(b, int(c.be16(7)))
}

// maintenanceIn: REPORT SUPPORTED OPERATION CODES (SPC-5).
func (s *SAT) maintenanceIn(c *command) (sim.SCSIReply, error) {
	if c.cdb[1]&0x1f != 0x0c {
		return s.refuse(c, badField), nil
	}
	n := int(min(c.be32(6), 1<<16))
	switch c.cdb[2] & 7 {
	case 0:
		return upTo(s.allOpcodes(), n)
	case 1, 3:
		return upTo(s.oneOpcode(c.cdb[3], c.be16(4)), n)
	case 2:
		if action(c.cdb[3]) == 0 { // it has no service actions
			return s.refuse(c, badField), nil
		}
		return upTo(s.oneOpcode(c.cdb[3], c.be16(4)), n)
	}
	return s.refuse(c, badField), nil
}

// action is the service action that an opcode is served with; 0: it has none.
func action(op byte) uint16 {
	switch op {
	case 0x9e:
		return 0x10
	case 0xa3:
		return 0x0c
	case 0x7f:
		return 0x1ff0
	}
	return 0
}

// serves: the layer has the command.
func (s *SAT) serves(op byte) bool {
	_, known := handlers[op]
	switch {
	case isPassThrough(op):
		return !s.cfg.NoPassThrough
	case op == 0x42 || op == 0x93:
		return s.trims()
	case op == 0xa2 || op == 0xb5:
		return s.word(48)&1 != 0
	}
	return known
}

func (s *SAT) allOpcodes() []byte {
	b := make([]byte, 4)
	for _, op := range slices.SortedFunc(maps.Keys(handlers), cmp.Compare[byte]) {
		if !s.serves(op) {
			continue
		}
		d := []byte{op, 0, 0, 0, 0, 0, 0, byte(cdbSize[op>>5])}
		if a := action(op); a != 0 {
			binary.BigEndian.PutUint16(d[2:], a)
			d[5] = 0x01 // SERVACTV
		}
		b = append(b, d...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func (s *SAT) oneOpcode(op byte, service uint16) []byte {
	if !s.serves(op) || action(op) != 0 && action(op) != service {
		return []byte{0, 0x01, 0, 0} // not supported
	}
	n := cdbSize[op>>5]
	b := make([]byte, 4+n)
	b[1], b[3], b[4] = 0x03, byte(n), op // supported as the standard has it
	for i := 5; i < len(b)-1; i++ {
		b[i] = 0xff
	}
	return b
}
