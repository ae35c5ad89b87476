package nvme

import "encoding/binary"

// security runs Security Send and Security Receive (Base 2.0, clauses 5.25 and
// 5.26). The TCG's own lock is its matter: the drive's is free meanwhile.
func (d *Drive) security(c *command) reply {
	t := d.cfg.TCG
	if t == nil {
		return refuse(invalidOpcode)
	}
	protocol, specific, n := byte(c.dw(10)>>24), uint16(c.dw(10)>>8), c.dw(11)
	switch {
	case uint64(n) > uint64(d.transfer()):
		return refuse(invalidField)
	case c.opcode() == opSecuritySend:
		if uint64(len(c.out)) < uint64(n) {
			return refuse(sglLengthInvalid)
		}
		if !t.Send(protocol, specific, c.out[:n]) {
			return refuse(invalidField)
		}
		return reply{}
	}
	p, ok := t.Receive(protocol, specific, int(n))
	if !ok && protocol == 0 {
		p, ok = protocols(specific)
	}
	if !ok {
		return refuse(invalidField)
	}
	// The transfer is as long as the host asked for (SPC-5, clause 6.41).
	out := make([]byte, min(int(n), c.in))
	copy(out, p)
	return reply{in: out}
}

// protocols is security protocol 00h: the list of those there are, and a
// certificate of no length (SPC-5, clause 7.7.1).
func protocols(specific uint16) ([]byte, bool) {
	switch specific {
	case 0:
		p := make([]byte, 8, 11)
		binary.BigEndian.PutUint16(p[6:], 3)
		return append(p, 0x00, 0x01, 0x02), true
	case 1:
		return make([]byte, 4), true
	}
	return nil, false
}
