package sat

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// PROTOCOL (SAT-4 table 'PROTOCOL field').
const (
	protoHardReset  = 0
	protoSoftReset  = 1
	protoNonData    = 3
	protoPIOIn      = 4
	protoPIOOut     = 5
	protoDMA        = 6
	protoDiagnostic = 8
	protoUDMAIn     = 10
	protoUDMAOut    = 11
	protoFPDMA      = 12
	protoResponse   = 15 // RETURN RESPONSE INFORMATION
)

// T_LENGTH: where the length of the transfer stands.
const (
	lengthNone     = 0
	lengthFeatures = 1
	lengthCount    = 2
	lengthTPSIU    = 3 // the transport says it
)

// pass is what a pass-through CDB asks for (SAT-4 clauses 12.2.2 to 12.2.4).
type pass struct {
	ata.TaskFile
	protocol, multiple byte
	checkCondition     bool // CK_COND
	toHost             bool // T_DIR
	blocks             bool // BYT_BLOK
	logical            bool // T_TYPE: blocks are logical sectors, not of 512 bytes
	length             byte
}

// parsePass reads a CDB of 12, 16 or 32 bytes; false: it is none, or another
// command of variable length.
func parsePass(b []byte) (p pass, good bool) {
	flags, kind := 2, 1
	switch {
	case len(b) == 12 && b[0] == 0xa1:
		p.Features, p.Count = uint16(b[3]), uint16(b[4])
		p.LBA = uint64(b[5]) | uint64(b[6])<<8 | uint64(b[7])<<16
		p.Device, p.Command = b[8], b[9]
	case len(b) == 16 && b[0] == 0x85:
		p.Extend = b[1]&1 != 0
		p.Features, p.Count = binary.BigEndian.Uint16(b[3:]), binary.BigEndian.Uint16(b[5:])
		p.LBA = uint64(b[8]) | uint64(b[10])<<8 | uint64(b[12])<<16 |
			uint64(b[7])<<24 | uint64(b[9])<<32 | uint64(b[11])<<40
		p.Device, p.Command = b[13], b[14]
	case len(b) == 32 && b[0] == 0x7f && b[7] == 0x18 && binary.BigEndian.Uint16(b[8:]) == 0x1ff0:
		flags, kind = 11, 10
		p.Extend = b[10]&1 != 0
		p.LBA = uint64(binary.BigEndian.Uint16(b[14:]))<<32 | uint64(binary.BigEndian.Uint32(b[16:]))
		p.Features, p.Count = binary.BigEndian.Uint16(b[20:]), binary.BigEndian.Uint16(b[22:])
		p.Device, p.Command = b[24], b[25]
	default:
		return p, false
	}
	p.protocol, p.multiple = b[kind]>>1&0xf, b[kind]>>5
	f := b[flags]
	p.checkCondition, p.logical, p.toHost, p.blocks, p.length = f&0x20 != 0, f&0x10 != 0, f&0x08 != 0, f&0x04 != 0, f&0x03
	if !p.Extend { // the high bytes are not sent
		p.Features &= 0xff
		p.Count &= 0xff
		p.LBA &= 0xffffff
	}
	return p, true
}

// fits: protocol, direction and length agree.
func (p pass) fits() bool {
	switch p.protocol {
	case protoNonData, protoDiagnostic:
		return p.length == lengthNone
	case protoPIOIn, protoUDMAIn:
		return p.length != lengthNone && p.toHost
	case protoPIOOut, protoUDMAOut:
		return p.length != lengthNone && !p.toHost
	case protoDMA, protoFPDMA:
		return p.length != lengthNone
	}
	return false
}

// bytes that go over the wire.
func (p pass) bytes(logical, transport int) int {
	n := 0
	switch p.length {
	case lengthFeatures:
		n = int(p.Features)
	case lengthCount:
		n = int(p.Count)
	case lengthTPSIU:
		return transport
	}
	switch {
	case !p.blocks:
		return n
	case p.logical:
		return n * logical
	}
	return n * 512
}

// multipleCommand: READ or WRITE MULTIPLE, the only ones with a MULTIPLE_COUNT.
func multipleCommand(op byte) bool {
	switch op {
	case 0x29, 0x39, 0xc4, 0xc5, 0xce:
		return true
	}
	return false
}

func (s *SAT) passThrough(c *command) (sim.SCSIReply, error) {
	p, is := parsePass(c.cdb)
	switch {
	case !is:
		return s.refuse(c, badField), nil
	case p.protocol == protoHardReset, p.protocol == protoSoftReset:
		s.Reset()
		return good(nil)
	case p.protocol == protoResponse:
		s.mu.Lock()
		last := s.last
		s.mu.Unlock()
		return s.registers(c, last), nil
	case !p.fits(), p.multiple != 0 && !multipleCommand(p.Command):
		return s.refuse(c, badField), nil
	}
	toDrive := p.length != lengthNone && !p.toHost
	transport := c.In
	if toDrive {
		transport = len(c.Out)
	}
	n := p.bytes(s.LogicalBlock(), transport)
	var out []byte
	if toDrive {
		if n > len(c.Out) {
			return s.refuse(c, badField), nil
		}
		out = c.Out[:n]
	}
	return s.pass(c, p, out, n)
}

// pass sends the command and says what came of it.
func (s *SAT) pass(c *command, p pass, out []byte, n int) (sim.SCSIReply, error) {
	regs, in, err := s.Execute(c.ctx, p.TaskFile, out)
	if err != nil {
		return sim.SCSIReply{}, err
	}
	c.form = regs.Sense
	got := passed{regs, p.Extend}
	s.mu.Lock()
	s.last = got
	s.mu.Unlock()
	if failed(regs) {
		return s.check(c, sense{what: translate(regs), regs: &got}), nil
	}
	sends := len(in) > 0
	if sends && !p.toHost || // the drive sends and nobody takes it
		!sends && p.toHost && n > 0 || // nothing comes
		len(out) > 0 && !takesData(p.TaskFile) { // nothing is taken
		return s.check(c, sense{what: notDone, regs: &got}), nil
	}
	reply := sim.SCSIReply{}
	if p.checkCondition {
		reply = s.registers(c, got)
	}
	reply.In = in[:min(len(in), n)]
	return reply, nil
}

// takesData: the host sends data with the command (ACS-4 clause 7; ACS-3 for HPA and
// DCO). With any other a host that sends some sees the drive end the command before
// its time, whatever it has done.
func takesData(t ata.TaskFile) bool {
	switch t.Command {
	case 0x06, 0x30, 0x31, 0x34, 0x35, 0x39, 0x3d, 0x5e, 0x5f, 0x61, 0xc5, 0xca, 0xcb, 0xce, 0xf1, 0xf2, 0xf4, 0xf6:
		return true
	case 0xb1: // DEVICE CONFIGURATION SET
		return t.Features&0xff == 0xc3
	case 0xf9: // SET MAX SET PASSWORD, UNLOCK
		return t.Features&0xff == 0x01 || t.Features&0xff == 0x03
	}
	return false
}

// registers of a command that went well, as CK_COND asks for them. An adapter that
// drops sense data shows GOOD.
func (s *SAT) registers(c *command, p passed) sim.SCSIReply {
	if s.form(c) == sim.SenseMissing {
		return sim.SCSIReply{Status: statusGood}
	}
	return s.check(c, sense{what: passInfo, regs: &p})
}
