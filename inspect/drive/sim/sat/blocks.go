package sat

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// ATA commands that blocks become (ACS-4 clause 7), all 48-bit.
const (
	ataDataSet      = 0x06
	ataReadDMA      = 0x25
	ataWriteDMA     = 0x35
	ataWriteFUA     = 0x3d
	ataVerify       = 0x42
	ataReceiveDMA   = 0x5d
	ataSendDMA      = 0x5f
	ataStandbyNow   = 0xe0
	ataFlush        = 0xea
	ataSetFeatures  = 0xef
	featureTrim     = 0x01
	featureCacheOn  = 0x02
	featureCacheOff = 0x82
)

// maxTransfer is how many blocks one ATA command moves.
const maxTransfer = 1 << 16

func taskFile(op byte, lba uint64, count uint64) ata.TaskFile {
	return ata.TaskFile{Command: op, Device: 0x40, LBA: lba, Count: uint16(count), Extend: true}
}

// run an ATA command of the layer's own, and translate its errors.
func (s *SAT) run(c *command, t ata.TaskFile, out []byte) (sim.SCSIReply, error) {
	regs, in, err := s.Execute(c.ctx, t, out)
	if err != nil {
		return sim.SCSIReply{}, err
	}
	c.form = regs.Sense
	if failed(regs) {
		x := sense{what: translate(regs)}
		if x.key == keyMedium || x.what == outOfRange {
			x.lba = &regs.LBA
		}
		return s.check(c, x), nil
	}
	return good(in)
}

// extent of a CDB of blocks: READ, WRITE, VERIFY of 6, 10, 12 and 16 bytes (SBC-4).
func (c *command) extent() (lba, blocks uint64) {
	switch len(c.cdb) {
	case 6:
		lba, blocks = uint64(c.be32(0)&0x1fffff), uint64(c.cdb[4])
		if blocks == 0 {
			blocks = 256
		}
	case 10:
		lba, blocks = uint64(c.be32(2)), uint64(c.be16(7))
	case 12:
		lba, blocks = uint64(c.be32(2)), uint64(c.be32(6))
	case 16:
		lba, blocks = c.be64(2), uint64(c.be32(10))
	}
	return lba, blocks
}

// begin looks at an extent; done says that nothing is left to do.
func (s *SAT) begin(c *command) (lba, blocks uint64, reply sim.SCSIReply, done bool) {
	lba, blocks = c.extent()
	limit := s.Capacity()
	switch {
	case len(c.cdb) > 6 && c.cdb[1]>>5 != 0, blocks > maxTransfer: // protection information
		return lba, blocks, s.refuse(c, badField), true
	case lba > limit || blocks > limit-lba:
		return lba, blocks, s.check(c, sense{what: outOfRange, lba: &lba}), true
	}
	return lba, blocks, sim.SCSIReply{}, blocks == 0
}

func (s *SAT) read(c *command) (sim.SCSIReply, error) {
	lba, n, reply, done := s.begin(c)
	if done {
		return reply, nil
	}
	return s.run(c, taskFile(ataReadDMA, lba, n), nil)
}

func (s *SAT) write(c *command) (sim.SCSIReply, error) {
	lba, n, reply, done := s.begin(c)
	if done {
		return reply, nil
	}
	size := n * uint64(s.LogicalBlock())
	if uint64(len(c.Out)) < size {
		return s.refuse(c, badField), nil
	}
	op := byte(ataWriteDMA)
	if len(c.cdb) > 6 && c.cdb[1]&0x08 != 0 {
		op = ataWriteFUA
	}
	return s.run(c, taskFile(op, lba, n), c.Out[:size])
}

// verify without BYTCHK: nothing is compared.
func (s *SAT) verify(c *command) (sim.SCSIReply, error) {
	if c.cdb[1]>>1&3 != 0 {
		return s.refuse(c, badField), nil
	}
	lba, n, reply, done := s.begin(c)
	if done {
		return reply, nil
	}
	return s.run(c, taskFile(ataVerify, lba, n), nil)
}

func (s *SAT) synchronize(c *command) (sim.SCSIReply, error) {
	return s.run(c, taskFile(ataFlush, 0, 0), nil)
}

// startStop: a start is a READ VERIFY of a sector, a stop STANDBY IMMEDIATE (SAT-4).
func (s *SAT) startStop(c *command) (sim.SCSIReply, error) {
	switch {
	case c.cdb[4]&0x02 != 0, c.cdb[4]>>4 != 0: // load or eject; power conditions
		return s.refuse(c, badField), nil
	case c.cdb[4]&0x01 != 0:
		return s.run(c, taskFile(ataVerify, 0, 1), nil)
	}
	return s.run(c, ata.TaskFile{Command: ataStandbyNow, Device: 0x40}, nil)
}

// One TRIM takes eight blocks of 64 ranges of 65535 sectors.
const (
	trimEntries = 8 * 64
	trimSectors = 0xffff
	trimMost    = 64 * trimSectors // that one UNMAP or WRITE SAME asks for
	unmapMost   = 64               // descriptors
)

// trims: the drive knows TRIM (IDENTIFY DEVICE word 169).
func (s *SAT) trims() bool { return s.word(169)&1 != 0 }

func (s *SAT) word(n int) uint16 { return binary.LittleEndian.Uint16(s.Identity()[2*n:]) }

// unmap (SBC-4): each descriptor is an LBA of eight bytes and a count of
// four.
func (s *SAT) unmap(c *command) (sim.SCSIReply, error) {
	n := int(c.be16(7))
	switch {
	case !s.trims():
		return s.refuse(c, badOpcode), nil
	case c.cdb[1]&1 != 0: // ANCHOR
		return s.refuse(c, badField), nil
	case n == 0:
		return good(nil)
	case n < 8 || len(c.Out) < n:
		return s.refuse(c, badLength), nil
	}
	list := c.Out[8:n]
	if size := int(binary.BigEndian.Uint16(c.Out[2:])); size < len(list) {
		list = list[:size]
	}
	if len(list)/16 > unmapMost {
		return s.refuse(c, badParameter), nil
	}
	var ranges []byte
	for ; len(list) >= 16; list = list[16:] {
		lba, blocks := binary.BigEndian.Uint64(list), uint64(binary.BigEndian.Uint32(list[8:]))
		limit := s.Capacity()
		if lba > limit || blocks > limit-lba {
			return s.check(c, sense{what: outOfRange, lba: &lba}), nil
		}
		if blocks > trimMost {
			return s.refuse(c, badParameter), nil
		}
		ranges = appendTrim(ranges, lba, blocks)
	}
	return s.trim(c, ranges)
}

// appendTrim adds ranges of eight bytes: LBA in 47:0, count in 63:48.
func appendTrim(b []byte, lba, n uint64) []byte {
	for n > 0 {
		some := min(n, trimSectors)
		b = binary.LittleEndian.AppendUint64(b, lba|some<<48)
		lba, n = lba+some, n-some
	}
	return b
}

// trim sends ranges, as many commands as they need.
func (s *SAT) trim(c *command, ranges []byte) (sim.SCSIReply, error) {
	for len(ranges) > 0 {
		some := ranges[:min(len(ranges), trimEntries*8)]
		ranges = ranges[len(some):]
		out := make([]byte, (len(some)+511)/512*512)
		copy(out, some)
		t := taskFile(ataDataSet, 0, uint64(len(out)/512))
		t.Features = featureTrim
		if reply, err := s.run(c, t, out); err != nil || reply.Status != statusGood {
			return reply, err
		}
	}
	return good(nil)
}

// writeSame is WRITE SAME(16) with UNMAP, which TRIM can do; without it libata has
// no translation.
func (s *SAT) writeSame(c *command) (sim.SCSIReply, error) {
	lba, n := c.be64(2), uint64(c.be32(10))
	limit := s.Capacity()
	switch {
	case !s.trims(), c.cdb[1]&0x08 == 0, c.cdb[1]>>5 != 0, n == 0, n > trimMost:
		return s.refuse(c, badField), nil
	case lba > limit || n > limit-lba:
		return s.check(c, sense{what: outOfRange, lba: &lba}), nil
	}
	return s.trim(c, appendTrim(nil, lba, n))
}

// securityBlocks is how many blocks of 512 bytes TRUSTED SEND and RECEIVE move for
// a CDB (SAT-4); false: too many.
func securityBlocks(c *command) (blocks, bytes int, good bool) {
	n := uint64(c.be32(6))
	blocks64 := n
	if c.cdb[4]&0x80 == 0 { // INC_512
		blocks64 = (n + 511) / 512
	} else {
		n *= 512
	}
	return int(min(blocks64, 0x10000)), int(min(n, 1<<25)), blocks64 <= 0xffff
}

// trusted is the task file of a transfer: protocol in features, what is specific to
// it in LBA 23:8, the number of blocks in count and LBA 7:0.
func trusted(op byte, c *command, blocks int) ata.TaskFile {
	return ata.TaskFile{Command: op, Device: 0x40, Features: uint16(c.cdb[1]), Count: uint16(blocks & 0xff),
		LBA: uint64(c.be16(2))<<8 | uint64(blocks>>8)}
}

// passwordProtocol is the SAT layer's own protocol for ATA security.
const passwordProtocol = 0xef

func (s *SAT) securityIn(c *command) (sim.SCSIReply, error) {
	blocks, n, fits := securityBlocks(c)
	switch {
	case s.word(48)&1 == 0:
		return s.refuse(c, badOpcode), nil
	case !fits, c.cdb[1] == passwordProtocol:
		return s.refuse(c, badField), nil
	case blocks == 0:
		return good(nil)
	}
	reply, err := s.run(c, trusted(ataReceiveDMA, c, blocks), nil)
	reply.In = reply.In[:min(len(reply.In), n)]
	return reply, err
}

func (s *SAT) securityOut(c *command) (sim.SCSIReply, error) {
	blocks, n, fits := securityBlocks(c)
	switch {
	case s.word(48)&1 == 0:
		return s.refuse(c, badOpcode), nil
	case !fits, c.cdb[1] == passwordProtocol, len(c.Out) < n:
		return s.refuse(c, badField), nil
	case blocks == 0:
		return good(nil)
	}
	out := make([]byte, 512*blocks) // padded with zeros
	copy(out, c.Out[:n])
	return s.run(c, trusted(ataSendDMA, c, blocks), out)
}
