package ata_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// TestTransfers: every form of read gives what every form of write left, at an
// address whose bytes all differ.
func TestTransfers(t *testing.T) {
	const lba = 0x010203
	r := build(t, ata.Config{NativeSectors: 1 << 20})
	r.good(ata.TaskFile{Command: 0xc6, Device: 0x40, Count: 8}, nil)
	if w := r.word(59); w != 0x0108 {
		t.Errorf("word 59: %04x", w)
	}
	at := func(op byte, extend bool, features, count uint16) ata.TaskFile {
		f := ata.TaskFile{Command: op, Device: 0x40, Extend: extend, Features: features, Count: count, LBA: lba}
		if !extend {
			f.Device, f.LBA = 0x40, lba&0xffffff
		}
		return f
	}
	for i, w := range []ata.TaskFile{at(0x30, false, 0, 2), at(0x31, false, 0, 2), at(0x34, true, 0, 2), at(0xc5, false, 0, 2),
		at(0x39, true, 0, 2), at(0xce, true, 0, 2), at(0xca, false, 0, 2), at(0xcb, false, 0, 2), at(0x35, true, 0, 2),
		at(0x3d, true, 0, 2), at(0x61, true, 2, 0x28)} {
		block := bytes.Repeat([]byte{byte(i + 1), 0xa5}, 512)
		r.good(w, block)
		for _, f := range []ata.TaskFile{at(0x20, false, 0, 2), at(0x24, true, 0, 2), at(0xc4, false, 0, 2), at(0x29, true, 0, 2),
			at(0xc8, false, 0, 2), at(0x25, true, 0, 2), at(0x60, true, 2, 0x30)} {
			if _, b := r.good(f, nil); !bytes.Equal(b, block) {
				t.Errorf("%02x after %02x: %d bytes", f.Command, w.Command, len(b))
			}
		}
	}
	got := make([]byte, 1)
	if _, err := r.medium.ReadAt(got, lba*512); err != nil || got[0] != 11 {
		t.Errorf("on the medium %d", got[0])
	}
	if _, b := r.good(ata.TaskFile{Command: 0xc8, Device: 0x40}, nil); len(b) != 256*512 {
		t.Errorf("a count of 0 moves %d bytes", len(b))
	}
	if _, b := r.good(ata.TaskFile{Command: 0x25, Device: 0x40, Extend: true}, nil); len(b) != 65536*512 {
		t.Errorf("a count of 0 moves %d bytes", len(b))
	}
	r.good(ata.TaskFile{Command: 0x42, Device: 0x40, Extend: true, Count: 2, LBA: lba}, nil)
	// 28 bits: 27:24 come in the device register.
	r.bad(ata.TaskFile{Command: 0xc8, Device: 0x41, Count: 1}, nil, 0x10)
	r.bad(ata.TaskFile{Command: 0xc8, Device: 0x00, Count: 1}, nil, 0x04) // CHS
	r.bad(write(1), make([]byte, 511), 0x04)
	if n := len(r.Trace()); n != 2 { // SET MULTIPLE MODE and IDENTIFY
		t.Errorf("the trace holds %d commands", n)
	}
}

// TestNative4K: addresses count logical sectors.
func TestNative4K(t *testing.T) {
	r := build(t, ata.Config{LogicalBlock: 4096, NativeSectors: 100})
	r.good(write(3), bytes.Repeat([]byte{7}, 4096))
	b := make([]byte, 4098)
	if _, err := r.medium.ReadAt(b, 3*4096-1); err != nil || b[0] != 0 || b[1] != 7 || b[4096] != 7 || b[4097] != 0 {
		t.Error("not where it belongs")
	}
	if r.word(106) != 0x5000 || r.word(117) != 0x0800 {
		t.Errorf("words 106, 117: %04x, %04x", r.word(106), r.word(117))
	}
}

// TestPending: forty sectors can't be read until they are written; a dead one
// never.
func TestPending(t *testing.T) {
	r := build(t, ata.Config{Bad: []ata.Extent{{LBA: 1000, Count: 40}, {LBA: 2000, Count: 1, Dead: true}}})
	attribute := func(id byte) uint64 {
		_, b := r.good(ata.TaskFile{Command: 0xb0, Device: 0x40, Features: 0xd0, Count: 1, LBA: 0xc24f00}, nil)
		for i := 2; i < 362; i += 12 {
			if b[i] == id {
				return uint64(b[i+5]) | uint64(b[i+6])<<8
			}
		}
		return 999
	}
	if attribute(197) != 41 || attribute(5) != 0 {
		t.Errorf("pending %d, reallocated %d", attribute(197), attribute(5))
	}
	many := ata.TaskFile{Command: 0x25, Device: 0x40, Extend: true, Count: 64, LBA: 990}
	if regs := r.bad(many, nil, 0x40); regs.LBA != 1000 {
		t.Errorf("first unreadable sector %d", regs.LBA)
	}
	many.Command = 0x42
	if regs := r.bad(many, nil, 0x40); regs.LBA != 1000 {
		t.Errorf("first unreadable sector %d", regs.LBA)
	}
	many.Command, many.Count = 0x35, 12
	r.good(many, make([]byte, 12*512))
	r.good(read(1001), nil)
	if regs := r.bad(read(1002), nil, 0x40); regs.LBA != 1002 {
		t.Errorf("LBA %d", regs.LBA)
	}
	if attribute(197) != 39 || attribute(5) != 2 {
		t.Errorf("pending %d, reallocated %d", attribute(197), attribute(5))
	}
	many.LBA = 1995
	block := bytes.Repeat([]byte{1}, 12*512)
	if regs := r.bad(many, block, 0x10); regs.LBA != 2000 {
		t.Errorf("first unwritten sector %d", regs.LBA)
	}
	if _, b := r.good(read(1999), nil); b[0] != 1 {
		t.Error("what lies before it was not written")
	}
	r.bad(read(2000), nil, 0x40)
}

// TestMediumFaults: errors by script.
func TestMediumFaults(t *testing.T) {
	lba := uint64(50)
	r := build(t, ata.Config{},
		sim.Fault{When: sim.When{Reads: true, LBA: &lba, Blocks: 2, Times: 1}, Do: sim.Action{Medium: true, Sense: sim.SenseFixed}},
		sim.Fault{When: sim.When{Writes: true, LBA: &lba, Nth: 2, Times: 1}, Do: sim.Action{Medium: true}},
		sim.Fault{When: sim.When{Writes: true, Nth: 3, Times: 1}, Do: sim.Action{Pretend: true}})
	f := read(48)
	f.Count = 4
	if regs := r.bad(f, nil, 0x40); regs.LBA != 50 || regs.Sense != sim.SenseFixed {
		t.Errorf("%+v", regs)
	}
	r.good(f, nil)
	block := bytes.Repeat([]byte{1}, 512)
	r.good(write(50), block)
	if regs := r.bad(write(50), block, 0x10); regs.LBA != 50 {
		t.Errorf("%+v", regs)
	}
	r.plant(60)
	r.good(write(60), block) // which it forgets
	r.must("a lost write", 60, true)
	r.good(write(60), block)
	r.must("written", 60, false)
}

// TestHang: no answer comes, until the power goes or the host gives up.
func TestHang(t *testing.T) {
	op := byte(0xec)
	r := build(t, ata.Config{}, sim.Fault{When: sim.When{Opcode: &op, Times: 1}, Do: sim.Action{Hang: true}},
		sim.Fault{When: sim.When{Opcode: &op, Nth: 2, Times: 1}, Do: sim.Action{Unplug: true}},
		sim.Fault{When: sim.When{Opcode: &op, Nth: 3, Times: 1}, Do: sim.Action{Abort: true}})
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, _, err := r.Execute(ctx, identify, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, _, err := r.Execute(context.Background(), identify, nil); !errors.Is(err, sim.ErrGone) || r.Plugged() {
		t.Error(err)
	}
	if _, _, err := r.Execute(context.Background(), identify, nil); !errors.Is(err, sim.ErrGone) {
		t.Error(err)
	}
	r.Plug(true)
	r.bad(identify, nil, 0x04)
	r.good(identify, nil)
}

// TestTrimIsNoErasure: what is trimmed reads as zeros over a power cycle and stands in
// the flash, until it is written or erased.
func TestTrimIsNoErasure(t *testing.T) {
	c := purgeable
	c.Trim = ata.Trim{Supported: true, Deterministic: true, Zeros: true}
	r := build(t, c)
	for _, lba := range []int64{100, 101, 102} {
		r.plant(lba)
	}
	ranges := make([]byte, 512)
	copy(ranges, []byte{100, 0, 0, 0, 0, 0, 3, 0})
	r.good(ata.TaskFile{Command: 0x06, Device: 0x40, Extend: true, Features: 1, Count: 1}, ranges)
	r.good(write(101), bytes.Repeat([]byte{7}, 512))
	r.PowerCycle()
	many := read(99)
	many.Count = 5
	_, b := r.good(many, nil)
	for i, want := range []byte{0, 0, 7, 0, 0} {
		if b[512*i] != want {
			t.Errorf("sector %d reads as %02x, want %02x", 99+i, b[512*i], want)
		}
	}
	r.must("trimmed", 100, true)
	r.must("written anew", 101, false)
	r.must("trimmed", 102, true)
	r.good(blockErase, nil)
	r.clock.Advance(2 * time.Hour)
	r.status(0x8000, 0xffff)
	r.must("sanitized", 100, false)
	if _, b := r.good(read(100), nil); b[0] != 0x33 || b[1] != 0xcc {
		t.Errorf("after a block erase it reads as % x", b[:2])
	}
}

// TestDeadSectorsStay: an erasure that writes can't reach a sector that can't be
// written, and does not say that all went well; a new key makes noise of all.
func TestDeadSectorsStay(t *testing.T) {
	c := purgeable
	c.Security, c.Bad = ata.Security{Supported: true, EraseTime: time.Minute}, []ata.Extent{{LBA: 2000, Count: 2, Dead: true}, {LBA: 3000, Count: 1}}
	for what, f := range map[string]ata.TaskFile{"block erase": blockErase, "overwrite": overwriteOnce} {
		r := build(t, c)
		for _, lba := range []int64{1999, 2000, 2001, 2002, 3000} {
			r.plant(lba)
		}
		r.good(permitted(f), nil)
		r.clock.Advance(4 * time.Hour)
		if regs := r.bad(sanitizeStatus, nil, 0x04); regs.LBA != 1 {
			t.Errorf("%s: reason %d, want 1: it failed", what, regs.LBA)
		}
		for _, lba := range []int64{1999, 2002, 3000} {
			r.must(what, lba, false)
		}
		for _, lba := range []int64{2000, 2001} {
			r.must(what, lba, true)
		}
		r.good(cryptoScramble, nil)
		r.clock.Advance(time.Minute)
		r.status(0x8000, 0xffff)
		r.must("crypto scramble", 2000, false)
	}
	r := build(t, c)
	r.plant(2000)
	r.good(setPassword, password(0, 0, "x"))
	if regs, err := r.erased(password(0, 0, "x"), time.Minute); err != nil || regs.Error != 0x04 {
		t.Errorf("SECURITY ERASE UNIT: %+v, %v", regs, err)
	}
	r.must("SECURITY ERASE UNIT", 2000, true)
	if w := r.word(128); w&2 == 0 {
		t.Errorf("word 128 is %04x: an erase that failed took the password away", w)
	}
}

// TestTrim: a hint that one drive acts on and another does not.
func TestTrim(t *testing.T) {
	trim := ata.TaskFile{Command: 0x06, Device: 0x40, Extend: true, Features: 1, Count: 1}
	ranges := make([]byte, 512)
	copy(ranges, []byte{0x05, 0x01, 0, 0, 0, 0, 0x02, 0x00}) // LBA 0105h, two sectors
	for _, zeros := range []bool{false, true} {
		r := build(t, ata.Config{Trim: ata.Trim{Supported: true, Deterministic: true, Zeros: zeros}})
		r.plant(0x105)
		r.plant(0x107)
		r.good(trim, ranges)
		if _, b := r.good(read(0x105), nil); (b[0] == 0) != zeros {
			t.Errorf("zeros %v: a trimmed sector reads as % x", zeros, b[:4])
		}
		r.must("trimmed, and in the flash", 0x105, true)
		r.must("not trimmed", 0x107, true)
		if _, b := r.good(read(0x107), nil); b[0] != 'a' {
			t.Error("what was not trimmed does not read")
		}
		copy(ranges[8:], []byte{0xff, 0x0f, 0, 0, 0, 0, 0x02, 0x00}) // past the end
		r.bad(trim, ranges, 0x10)
		clear(ranges[8:])
	}
	build(t, ata.Config{}).bad(trim, ranges, 0x04)
}

// cell is a Trusted Computing subsystem that notes what it gets.
type cell struct {
	locked, cycled bool
	got            []byte
	specific       uint16
}

func (c *cell) Send(protocol byte, specific uint16, b []byte) bool {
	c.got, c.specific = b, specific
	return protocol == 1
}

func (c *cell) Receive(protocol byte, specific uint16, n int) ([]byte, bool) {
	return []byte{byte(specific >> 8), byte(specific), byte(n >> 8)}, protocol == 1
}

func (c *cell) Locked() (bool, bool) { return c.locked, c.locked }
func (c *cell) PowerCycle()          { c.cycled = true }

// lockedOut: what the subsystem keeps shut no command of ATA erases.
func lockedOut(t *testing.T, c *cell) {
	t.Helper()
	r := build(t, ata.Config{TCG: c, Sanitize: ata.Sanitize{Block: true, Crypto: true, Overwrite: true}, Security: ata.Security{Supported: true}})
	r.plant(7)
	for _, f := range []ata.TaskFile{blockErase, cryptoScramble, overwriteOnce} {
		r.bad(f, nil, 0x04)
	}
	r.status(0, 0xffff)
	r.good(setPassword, password(0, 0, "x"))
	if regs, err := r.erased(password(0, 0, "x"), 0); err != nil || regs.Error != 0x04 {
		t.Errorf("SECURITY ERASE UNIT: %+v, %v", regs, err)
	}
	r.must("locked", 7, true)
}

func TestTrusted(t *testing.T) {
	c := &cell{}
	r := build(t, ata.Config{TCG: c})
	if w := r.word(48); w != 0x4001 {
		t.Errorf("word 48: %04x", w)
	}
	// Protocol 01h, specific 0304h, 0201h blocks.
	_, b := r.good(ata.TaskFile{Command: 0x5c, Device: 0x40, Features: 0x01, Count: 0x01, LBA: 0x030402}, nil)
	if len(b) != 0x201*512 || b[0] != 3 || b[1] != 4 {
		t.Errorf("%d bytes, % x", len(b), b[:4])
	}
	r.good(ata.TaskFile{Command: 0x5f, Device: 0x40, Features: 0x01, Count: 0x01, LBA: 0x102000}, make([]byte, 512))
	if len(c.got) != 512 || c.specific != 0x1020 {
		t.Errorf("%d bytes, %04x", len(c.got), c.specific)
	}
	r.bad(ata.TaskFile{Command: 0x5e, Device: 0x40, Features: 0x02, Count: 0x01}, make([]byte, 512), 0x04)
	_, b = r.good(ata.TaskFile{Command: 0x5d, Device: 0x40, Count: 1}, nil)
	if !bytes.Equal(b[:12], []byte{0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 2, 0}) {
		t.Errorf("protocols % x", b[:12])
	}
	c.locked = true
	r.bad(read(0), nil, 0x04)
	r.bad(write(0), make([]byte, 512), 0x04)
	r.PowerCycle()
	lockedOut(t, c)
	if !c.cycled {
		t.Error("the subsystem was not told of the power cycle")
	}
	build(t, ata.Config{}).bad(ata.TaskFile{Command: 0x5c, Device: 0x40, Features: 1, Count: 1}, nil, 0x04)
}
