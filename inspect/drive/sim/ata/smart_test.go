package ata_test

import (
	"testing"
	"time"

	"handback.example/inspect/drive/sim/ata"
)

// smart is a SMART command: its key, and what stands in LBA 7:0.
func smart(feature uint16, low uint64) ata.TaskFile {
	return ata.TaskFile{Command: 0xb0, Device: 0x40, Features: feature, Count: 1, LBA: 0xc24f00 | low}
}

func summed(t *testing.T, b []byte) []byte {
	t.Helper()
	var sum byte
	for _, c := range b {
		sum += c
	}
	if len(b) != 512 || sum != 0 {
		t.Fatalf("%d bytes that sum up to %02x", len(b), sum)
	}
	return b
}

func TestSMART(t *testing.T) {
	r := build(t, ata.Config{SMART: ata.SMART{Hours: 0x1234, ShortTest: 3 * time.Minute, ExtendedTest: 400 * time.Minute,
		Attributes: []ata.Attribute{{ID: 9, Flags: 0x32, Value: 98, Worst: 97, Threshold: 5}, {ID: 241, Flags: 0x31, Value: 60, Worst: 61, Threshold: 62, Raw: 0x060504030201}}}})
	r.clock.Advance(2 * time.Hour)
	_, b := r.good(smart(0xd0, 0), nil)
	want := []byte{0x10, 0, 9, 0x32, 0, 98, 97, 0x36, 0x12, 0, 0, 0, 0, 0, 241, 0x31, 0, 60, 61, 1, 2, 3, 4, 5, 6, 0, 0}
	if got := summed(t, b)[:len(want)]; string(got) != string(want) {
		t.Errorf("% x", got)
	}
	if b[372] != 3 || b[373] != 0xff || b[375] != 0x90 || b[376] != 0x01 {
		t.Errorf("test times % x", b[372:377])
	}
	_, b = r.good(smart(0xd1, 0), nil)
	if got := summed(t, b); got[2] != 9 || got[3] != 5 || got[14] != 241 || got[15] != 62 {
		t.Errorf("thresholds % x", got[:27])
	}
	// 241 is at its threshold, and predicts a failure.
	if regs, _ := r.good(smart(0xda, 0), nil); regs.LBA != 0x2cf400 {
		t.Errorf("status %06x", regs.LBA)
	}
	r.bad(ata.TaskFile{Command: 0xb0, Device: 0x40, Features: 0xd0, Count: 1}, nil, 0x04) // no key
	r.good(smart(0xd9, 0), nil)
	if w := r.word(85); w&1 != 0 {
		t.Error("still enabled")
	}
	r.bad(smart(0xd0, 0), nil, 0x04)
	r.good(smart(0xd8, 0), nil)

	healthy := build(t, ata.Config{})
	if regs, _ := healthy.good(smart(0xda, 0), nil); regs.LBA != 0xc24f00 {
		t.Errorf("status %06x", regs.LBA)
	}
	if regs, _ := build(t, ata.Config{SMART: ata.SMART{Failing: true}}).good(smart(0xda, 0), nil); regs.LBA != 0x2cf400 {
		t.Errorf("status %06x", regs.LBA)
	}
	build(t, ata.Config{SMART: ata.SMART{Off: true}}).bad(smart(0xda, 0), nil, 0x04)
}

// TestSelfTest: progress in tenths, a verdict in the logs.
func TestSelfTest(t *testing.T) {
	r := build(t, ata.Config{SMART: ata.SMART{Hours: 0x0708}, Bad: []ata.Extent{{LBA: 0x0203, Count: 1}}})
	state := func() byte {
		_, b := r.good(smart(0xd0, 0), nil)
		return b[363]
	}
	r.good(smart(0xd4, 0x01), nil)
	r.clock.Advance(time.Minute)
	if s := state(); s != 0xf4 {
		t.Errorf("half way: %02x", s)
	}
	r.clock.Advance(time.Minute)
	if s := state(); s != 0x00 {
		t.Errorf("over: %02x", s)
	}
	r.good(smart(0xd4, 0x02), nil)
	r.clock.Advance(time.Hour)
	if s := state(); s != 0x70 { // read element
		t.Errorf("over: %02x", s)
	}
	_, b := r.good(smart(0xd5, 0x06), nil)
	if got := summed(t, b); got[508] != 2 || string(got[26:35]) != "\x02\x70\x09\x07\x00\x03\x02\x00\x00" {
		t.Errorf("log 06h % x", got[:50])
	}
	_, b = r.good(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x07}, nil)
	if got := summed(t, b); got[2] != 2 || string(got[30:41]) != "\x02\x70\x09\x07\x00\x03\x02\x00\x00\x00\x00" {
		t.Errorf("log 07h % x", got[:60])
	}
	r.good(smart(0xd4, 0x02), nil)
	r.PowerCycle()
	if s := state(); s != 0x20 {
		t.Errorf("cut: %02x", s)
	}
	r.good(smart(0xd4, 0x01), nil)
	r.good(smart(0xd4, 0x7f), nil)
	if s := state(); s != 0x10 {
		t.Errorf("aborted: %02x", s)
	}
	r.bad(smart(0xd4, 0x55), nil, 0x04)
	_, b = r.good(smart(0xd5, 0x00), nil)
	if b[2] != 1 || b[12] != 1 {
		t.Errorf("directory % x", b[:16])
	}
	r.bad(smart(0xd5, 0x99), nil, 0x04)
}

// TestStatistics: page 1 of log 04h counts sectors.
func TestStatistics(t *testing.T) {
	r := build(t, ata.Config{SMART: ata.SMART{Hours: 0x0102}})
	r.good(write(1), make([]byte, 512))
	r.good(read(1), nil)
	r.good(read(1), nil)
	_, b := r.good(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x0104}, nil)
	if b[2] != 1 || string(b[8:16]) != "\x01\x00\x00\x00\x00\x00\x00\xc0" || b[16] != 2 || b[17] != 1 || b[24] != 1 || b[40] != 2 {
		t.Errorf("% x", b[:48])
	}
}

// TestPower: modes, features, the signature.
func TestPower(t *testing.T) {
	r := build(t, ata.Config{Rotation: 7200})
	mode := func() uint16 {
		regs, _ := r.good(ata.TaskFile{Command: 0xe5, Device: 0x40}, nil)
		return regs.Count
	}
	if mode() != 0xff {
		t.Error("not active")
	}
	for op, want := range map[byte]uint16{0xe0: 0x00, 0xe1: 0x80, 0xe6: 0x00} {
		r.good(ata.TaskFile{Command: op, Device: 0x40}, nil)
		if m := mode(); m != want {
			t.Errorf("after %02x: %02x", op, m)
		}
		r.good(read(0), nil)
		if mode() != 0xff {
			t.Error("a read wakes it")
		}
	}
	for feature, bit := range map[uint16]uint16{0x82: 1 << 5, 0x55: 1 << 6} {
		r.good(ata.TaskFile{Command: 0xef, Device: 0x40, Features: feature}, nil)
		if r.word(85)&bit != 0 {
			t.Errorf("feature %02x: word 85 %04x", feature, r.word(85))
		}
	}
	r.good(ata.TaskFile{Command: 0xef, Device: 0x40, Features: 0x02}, nil)
	if r.word(85)&(1<<5) == 0 {
		t.Error("write cache is off")
	}
	r.bad(ata.TaskFile{Command: 0xef, Device: 0x40, Features: 0x77}, nil, 0x04)
	for _, op := range []byte{0x00, 0xa1, 0x92, 0x3f, 0xff} {
		r.bad(ata.TaskFile{Command: op, Device: 0x40}, nil, 0x04)
	}
	if regs, _ := r.send(ata.TaskFile{Command: 0x90}, nil); regs.Error != 1 || regs.Count != 1 || regs.LBA != 1 {
		t.Errorf("signature %+v", regs)
	}
	r.good(ata.TaskFile{Command: 0xea, Device: 0x40, Extend: true}, nil)
}
