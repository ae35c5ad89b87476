package usb

import (
	"encoding/binary"
	"slices"

	"handback.example/inspect/drive/sim"
)

// Operation codes and service actions (SPC-5 clause 6, SBC-4 clause 5, SAT-4
// clause 12.2) that a bridge looks at.
const (
	opTestUnitReady  = 0x00
	opRequestSense   = 0x03
	opFormatUnit     = 0x04
	opRead6          = 0x08
	opWrite6         = 0x0a
	opInquiry        = 0x12
	opModeSelect6    = 0x15
	opModeSense6     = 0x1a
	opStartStop      = 0x1b
	opPreventRemoval = 0x1e
	opReadCapacity10 = 0x25
	opRead10         = 0x28
	opWrite10        = 0x2a
	opWriteVerify10  = 0x2e
	opVerify10       = 0x2f
	opSyncCache10    = 0x35
	opWriteSame10    = 0x41
	opUnmap          = 0x42
	opSanitize       = 0x48
	opModeSense10    = 0x5a
	opVariable       = 0x7f
	opATA16          = 0x85
	opRead16         = 0x88
	opCompareWrite   = 0x89
	opWrite16        = 0x8a
	opWriteVerify16  = 0x8e
	opVerify16       = 0x8f
	opSyncCache16    = 0x91
	opWriteSame16    = 0x93
	opServiceIn      = 0x9e
	opReportLUNs     = 0xa0
	opATA12          = 0xa1
	opRead12         = 0xa8
	opWrite12        = 0xaa
	opWriteVerify12  = 0xae
	opVerify12       = 0xaf

	saReadCapacity16 = 0x10
	saGetLBAStatus   = 0x12
)

// cdbLengths by the group code of an opcode (SPC-5 clause 4.2.5.1); 0: not known.
var cdbLengths = [8]int{6, 10, 10, 0, 16, 12, 0, 0}

// cdb is a command block as far as a bridge understands it.
type cdb struct {
	bytes         []byte // a copy, of the length that its opcode has
	op            byte
	lba, blocks   uint64
	reads, writes bool // it reads or writes blocks
	data          int  // how many blocks of data go with it; -1: not known
}

// parseCDB says false to a command block that is too short for its opcode.
func parseCDB(b []byte) (cdb, bool) {
	if len(b) == 0 || len(b) > 260 {
		return cdb{bytes: []byte{}, data: -1}, false
	}
	c := cdb{op: b[0], data: -1, bytes: slices.Clone(b)}
	n := cdbLengths[c.op>>5]
	switch {
	case c.op == opVariable && len(b) >= 8:
		n = 8 + int(b[7]) // ADDITIONAL CDB LENGTH, SPC-5 clause 4.2.3
	case n == 0:
		n = len(b)
	}
	if len(b) < n {
		return c, false
	}
	c.bytes = c.bytes[:n]
	c.address()
	return c, true
}

// address takes the block address and number out of commands that have them (SBC-4
// clause 5).
func (c *cdb) address() {
	b := c.bytes
	switch c.op {
	case opRead6, opWrite6:
		c.lba = uint64(b[1]&0x1f)<<16 | uint64(b[2])<<8 | uint64(b[3])
		if c.blocks = uint64(b[4]); c.blocks == 0 {
			c.blocks = 256
		}
	case opRead10, opWrite10, opWriteVerify10, opVerify10, opSyncCache10, opWriteSame10:
		c.lba, c.blocks = uint64(binary.BigEndian.Uint32(b[2:])), uint64(binary.BigEndian.Uint16(b[7:]))
	case opRead12, opWrite12, opWriteVerify12, opVerify12:
		c.lba, c.blocks = uint64(binary.BigEndian.Uint32(b[2:])), uint64(binary.BigEndian.Uint32(b[6:]))
	case opRead16, opWrite16, opWriteVerify16, opVerify16, opSyncCache16, opWriteSame16:
		c.lba, c.blocks = binary.BigEndian.Uint64(b[2:]), uint64(binary.BigEndian.Uint32(b[10:]))
	}
	switch c.op {
	case opRead6, opRead10, opRead12, opRead16:
		c.reads, c.data = true, int(c.blocks)
	case opWrite6, opWrite10, opWrite12, opWrite16, opWriteVerify10, opWriteVerify12, opWriteVerify16:
		c.writes, c.data = true, int(c.blocks)
	}
}

// moves blocks of data: the commands that a bridge with other blocks translates.
func (c cdb) moves() bool {
	switch c.op {
	case opVerify10, opVerify12, opVerify16, opSyncCache10, opSyncCache16:
		return true
	}
	return c.reads || c.writes
}

func (c cdb) passThrough() bool { return c.op == opATA12 || c.op == opATA16 }

// call is the command as a script sees it.
func (c cdb) call() sim.Call {
	l := sim.Call{Opcode: c.op, LBA: c.lba, Blocks: c.blocks, Reads: c.reads, Writes: c.writes}
	b := c.bytes
	switch {
	case c.op == opATA12 && len(b) == 12:
		l.Sub = uint32(b[9])
	case c.op == opATA16 && len(b) == 16:
		l.Sub = uint32(b[14])
	case (c.op == opSanitize || c.op == opServiceIn) && len(b) > 1:
		l.Sub = uint32(b[1] & 0x1f)
	}
	l.Erases = c.op == opSanitize || c.op == opFormatUnit
	return l
}

// unseen are commands with block addresses that a bridge does not know how to
// translate: it refuses them, or they would fall on other blocks of the drive.
var unseen = []byte{opFormatUnit, opUnmap, opWriteSame10, opWriteSame16, opCompareWrite, opVariable}

// basic commands are those that no disk does without.
func basic(op byte) bool {
	switch op {
	case opTestUnitReady, opRequestSense, opInquiry, opModeSelect6, opModeSense6, opModeSense10, opStartStop, opPreventRemoval,
		opReadCapacity10, opServiceIn, opReportLUNs, opSyncCache10, opSyncCache16, opVerify10, opVerify16,
		opRead6, opRead10, opRead12, opRead16, opWrite6, opWrite10, opWrite12, opWrite16:
		return true
	}
	return false
}
