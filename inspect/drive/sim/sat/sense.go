package sat

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// sense is what an answer tells beside its status.
type sense struct {
	what
	regs     *passed // ATA registers
	lba      *uint64 // INFORMATION
	progress *uint16
}

// form of sense data: the script's word, then the layer's, then what D_SENSE asks
// for. Where that is nothing, errors come in fixed format, and registers that were
// asked for in a descriptor, as libata sends them.
func (s *SAT) form(c *command) sim.SenseForm {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case c.form != sim.SenseAsAsked:
		return c.form
	case s.cfg.Sense != sim.SenseAsAsked:
		return s.cfg.Sense
	case s.descriptors:
		return sim.SenseDescriptor
	}
	return sim.SenseAsAsked
}

func (s *SAT) refuse(c *command, w what) sim.SCSIReply { return s.check(c, sense{what: w}) }

// check is CHECK CONDITION with sense data in the form that is due.
func (s *SAT) check(c *command, x sense) sim.SCSIReply {
	reply := sim.SCSIReply{Status: statusCheck}
	switch form := s.form(c); {
	case form == sim.SenseMissing:
	case form == sim.SenseDescriptor, form == sim.SenseAsAsked && x.what == passInfo:
		reply.Sense = x.descriptors()
	default:
		reply.Sense = x.fixed()
	}
	return reply
}

// descriptors is descriptor format (SPC-5 clause 4.4.2), with the ATA Status Return
// descriptor of SAT-4 clause 12.2.2.7.
func (x sense) descriptors() []byte {
	b := []byte{0x72, x.key, x.asc, x.ascq, 0, 0, 0, 0}
	if x.lba != nil { // clause 4.4.2.2
		b = binary.BigEndian.AppendUint64(append(b, 0x00, 0x0a, 0x80, 0), *x.lba)
	}
	if x.progress != nil { // clause 4.4.2.4
		b = append(b, 0x02, 0x06, 0, 0, 0x80, byte(*x.progress>>8), byte(*x.progress), 0)
	}
	if x.regs != nil {
		b = append(b, x.regs.descriptor()...)
	}
	b[7] = byte(len(b) - 8)
	return b
}

func (p *passed) descriptor() []byte {
	r := p.regs
	d := []byte{0: 0x09, 1: 0x0c, 3: r.Error, 5: byte(r.Count), 7: byte(r.LBA), 9: byte(r.LBA >> 8),
		11: byte(r.LBA >> 16), 12: r.Device, 13: r.Status}
	if p.extend {
		d[2] = 0x01
		d[4], d[6], d[8], d[10] = byte(r.Count>>8), byte(r.LBA>>24), byte(r.LBA>>32), byte(r.LBA>>40)
	}
	return d
}

// fixed format (SPC-5 clause 4.4.3); registers stand in INFORMATION and
// COMMAND-SPECIFIC INFORMATION (SAT-4 clause 12.2.2.8), their high bytes only as two
// bits.
func (x sense) fixed() []byte {
	b := make([]byte, 18)
	b[0], b[2], b[7], b[12], b[13] = 0x70, x.key, 10, x.asc, x.ascq
	switch {
	case x.regs != nil:
		r := x.regs.regs
		b[3], b[4], b[5], b[6] = r.Error, r.Status, r.Device, byte(r.Count)
		if x.regs.extend {
			b[8] |= 0x80
			if r.Count>>8 != 0 {
				b[8] |= 0x40
			}
			if r.LBA>>24 != 0 {
				b[8] |= 0x20
			}
		}
		b[9], b[10], b[11] = byte(r.LBA), byte(r.LBA>>8), byte(r.LBA>>16)
	case x.lba != nil && *x.lba <= 0xffffffff:
		b[0] |= 0x80
		binary.BigEndian.PutUint32(b[3:], uint32(*x.lba))
	}
	if x.progress != nil {
		b[15] = 0x80
		binary.BigEndian.PutUint16(b[16:], *x.progress)
	}
	return b
}

// Bits of the ATA error and status registers.
const (
	ataError   = 0x01
	ataFault   = 0x20
	errAbort   = 0x04
	errNoID    = 0x10
	errUncorr  = 0x40
	errIfCRC   = 0x80
	errCRCStop = errIfCRC | errAbort
)

// translate an ATA error (SAT-4 table 'Translation of ATA errors', with the
// additional sense that libata gives).
func translate(r ata.Registers) what {
	switch {
	case r.Status&ataFault != 0:
		return what{keyHardware, 0x44, 0x00} // INTERNAL TARGET FAILURE
	case r.Error&errCRCStop == errCRCStop:
		return what{keyAborted, 0x47, 0x00}
	case r.Error&errNoID != 0:
		return outOfRange
	case r.Error&errUncorr != 0:
		return what{keyMedium, 0x11, 0x04}
	}
	return notDone
}

// failed: the ATA command did not go well.
func failed(r ata.Registers) bool { return r.Status&(ataError|ataFault) != 0 }
