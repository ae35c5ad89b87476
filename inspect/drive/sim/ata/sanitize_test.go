package ata_test

import (
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// Task files as hdparm sends them: LBA holds the key.
var (
	sanitizeStatus   = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true}
	sanitizeClear    = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Count: 0x0001}
	cryptoScramble   = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Features: 0x0011, LBA: 0x43727970}
	blockErase       = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Features: 0x0012, LBA: 0x426b4572}
	overwriteOnce    = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Features: 0x0014, Count: 0x0001, LBA: 0x4f57_a1b2c3d4}
	sanitizeFreeze   = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Features: 0x0020, LBA: 0x46724c6b}
	sanitizeAntiLock = ata.TaskFile{Command: 0xb4, Device: 0x40, Extend: true, Features: 0x0040, LBA: 0x416e7469}
)

// permitted: the failed state may be left without a success.
func permitted(t ata.TaskFile) ata.TaskFile {
	t.Count |= 0x0010
	return t
}

var purgeable = ata.Config{HPA: 64, DCO: 16, ErasedAs: sim.Repeat([]byte{0x33, 0xcc}), Sanitize: ata.Sanitize{Crypto: true, Block: true, Overwrite: true,
	AntiFreeze: true, CryptoTime: time.Minute, BlockTime: 2 * time.Hour, OverwriteTime: 4 * time.Hour}}

// status of a sanitize that answers well: count, and progress in LBA 15:0.
func (r *rig) status(count uint16, progress uint64) {
	r.Helper()
	regs, _ := r.good(sanitizeStatus, nil)
	if regs.Count != count || regs.LBA != progress {
		r.Fatalf("sanitize status: count %04x, LBA %04x, want %04x, %04x", regs.Count, regs.LBA, count, progress)
	}
}

// TestSanitizeGoesOn over a power cycle to its end, over all that is hidden.
func TestSanitizeGoesOn(t *testing.T) {
	r := build(t, purgeable)
	places := []int64{5, sectors - 10, sectors + 3} // user area, HPA, DCO
	for _, lba := range places {
		r.plant(lba)
	}
	r.status(0, 0xffff) // never ran
	r.good(blockErase, nil)
	r.status(0x4000, 0)
	r.clock.Advance(30 * time.Minute)
	r.status(0x4000, 0x4000)
	r.must("a quarter is done", 5, false)
	r.must("not there yet", sectors-10, true)
	r.bad(read(2000), nil, 0x04)
	r.bad(ata.TaskFile{Command: 0xe5, Device: 0x40}, nil, 0x04)
	r.bad(blockErase, nil, 0x04)
	r.good(identify, nil)
	r.good(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x30}, nil)
	r.bad(ata.TaskFile{Command: 0x2f, Extend: true, Count: 1, LBA: 0x04}, nil, 0x04)

	r.Plug(false) // no power for a day
	r.clock.Advance(24 * time.Hour)
	r.Plug(true)
	r.status(0x4000, 0x4000)
	r.must("nothing happens without power", sectors-10, true)
	r.clock.Advance(90 * time.Minute)
	r.status(0x8000, 0xffff)
	for _, lba := range places {
		r.must("all is erased, whatever hid it", lba, false)
	}
	if _, b := r.good(read(5), nil); b[0] != 0x33 || b[511] != 0xcc {
		t.Errorf("reads as % x", b[:4])
	}
	r.PowerCycle()
	r.status(0x8000, 0xffff) // remembered
	if r.Capacity() != sectors-64 {
		t.Errorf("a sanitize moves no limit: %d", r.Capacity())
	}
}

// TestSanitizeRefusals: keys, what is not supported, freezing.
func TestSanitizeRefusals(t *testing.T) {
	r := build(t, ata.Config{Sanitize: ata.Sanitize{Block: true, AntiFreeze: true}})
	r.plant(9)
	reason := func(f ata.TaskFile, want uint64) {
		t.Helper()
		if regs := r.bad(f, nil, 0x04); regs.LBA != want {
			t.Errorf("features %04x: reason %02x, want %02x", f.Features, regs.LBA, want)
		}
	}
	wrong := blockErase
	wrong.LBA++
	reason(wrong, 0x00)
	for _, f := range []ata.TaskFile{cryptoScramble, overwriteOnce, overwriteOnce} {
		all := build(t, purgeable)
		all.plant(9)
		f.LBA ^= 1 << 32 // of the overwrite's key, which stands above
		if f.Features == 0x0011 {
			f.LBA ^= 1<<32 | 1
		}
		all.bad(f, nil, 0x04)
		all.clock.Advance(100 * time.Hour)
		all.must("a wrong key", 9, true)
	}
	reason(cryptoScramble, 0x02)
	reason(overwriteOnce, 0x02)
	reason(ata.TaskFile{Command: 0xb4, Extend: true, Features: 0x0013}, 0x02)
	short := blockErase
	short.Extend = false // the key has 32 bits
	reason(short, 0x00)

	r.good(sanitizeAntiLock, nil)
	r.status(0x1000, 0xffff)
	reason(sanitizeFreeze, 0x04)
	r.PowerCycle()
	r.good(sanitizeFreeze, nil)
	r.status(0x2000, 0xffff)
	reason(blockErase, 0x03)
	reason(sanitizeAntiLock, 0x03)
	r.Reset()
	r.status(0x2000, 0xffff)
	r.must("nothing ran", 9, true)
	r.PowerCycle()
	r.status(0, 0xffff)
	r.good(blockErase, nil) // takes no time
	r.status(0x8000, 0xffff)
	r.must("ran", 9, false)

	r = build(t, ata.Config{Sanitize: ata.Sanitize{Block: true, Freeze: ata.FreezeBoot, ClaimsDone: true}})
	r.status(0xa000, 0xffff) // frozen, and says that something was done
	r.PowerCycle()
	r.status(0x8000, 0xffff)
	r = build(t, ata.Config{})
	r.bad(sanitizeStatus, nil, 0x04)
}

// TestSanitizeFails: how the failed state is left.
func TestSanitizeFails(t *testing.T) {
	op := byte(0xb4)
	once := sim.Fault{When: sim.When{Opcode: &op, Erases: true, Times: 1}, Do: sim.Action{FailAt: 0.5}}
	for _, allow := range []bool{false, true} {
		r := build(t, purgeable, once)
		r.plant(5)
		r.plant(4000)
		first := blockErase
		if allow {
			first = permitted(first)
		}
		r.good(first, nil)
		r.clock.Advance(time.Hour)
		if regs := r.bad(sanitizeStatus, nil, 0x04); regs.LBA != 1 {
			t.Errorf("reason %02x", regs.LBA)
		}
		r.must("first half", 5, false)
		r.must("second half", 4000, true)
		r.bad(read(3000), nil, 0x04)
		r.PowerCycle()
		r.bad(read(3000), nil, 0x04)
		if allow {
			r.good(sanitizeClear, nil)
			r.status(0, 0xffff)
			r.good(read(3000), nil)
			r.must("left without a success", 4000, true)
			continue
		}
		r.bad(sanitizeClear, nil, 0x04)
		if regs := r.bad(permitted(blockErase), nil, 0x04); regs.LBA != 1 { // not by a weaker one
			t.Errorf("reason %02x", regs.LBA)
		}
		r.good(overwriteOnce, nil)
		r.clock.Advance(4 * time.Hour)
		r.status(0x8000, 0xffff)
		r.must("at last", 4000, false)
		if _, b := r.good(read(0), nil); string(b[:4]) != "\xd4\xc3\xb2\xa1" {
			t.Errorf("reads as % x", b[:4])
		}
	}
}

// TestFailureForgetsSuccess: after one that went well and one that failed, and whose
// failure was let be, the drive does not say that the last went well.
func TestFailureForgetsSuccess(t *testing.T) {
	r := build(t, purgeable, sim.Fault{When: sim.When{Erases: true, Nth: 2, Times: 1}, Do: sim.Action{FailAt: 0.5}})
	r.good(blockErase, nil)
	r.clock.Advance(2 * time.Hour)
	r.status(0x8000, 0xffff)
	r.good(permitted(blockErase), nil)
	r.clock.Advance(2 * time.Hour)
	r.bad(sanitizeStatus, nil, 0x04)
	r.good(sanitizeClear, nil)
	r.status(0, 0xffff)
}

// TestOverwrite: passes take time each, the last one decides.
func TestOverwrite(t *testing.T) {
	for name, c := range map[string]struct {
		count  uint16
		passes time.Duration
		want   string
	}{
		"one":                    {0x01, 1, "\xd4\xc3\xb2\xa1"},
		"three, inverted":        {0x83, 3, "\xd4\xc3\xb2\xa1"},
		"two, inverted":          {0x82, 2, "\x2b\x3c\x4d\x5e"},
		"two, definitive ending": {0xc2, 2, "\xd4\xc3\xb2\xa1"},
		"sixteen":                {0x00, 16, "\xd4\xc3\xb2\xa1"},
	} {
		r := build(t, purgeable)
		r.plant(sectors + 3)
		f := overwriteOnce
		f.Count = c.count
		r.good(f, nil)
		r.clock.Advance(c.passes*4*time.Hour - time.Minute)
		if regs, _ := r.good(sanitizeStatus, nil); regs.Count != 0x4000 {
			t.Errorf("%s: over too early: %04x", name, regs.Count)
		}
		r.clock.Advance(time.Minute)
		r.status(0x8000, 0xffff)
		r.must(name, sectors+3, false)
		if _, b := r.good(read(7), nil); string(b[508:]) != c.want {
			t.Errorf("%s: % x", name, b[508:])
		}
	}
}

// TestCrypto: after a change of keys every sector reads as noise, another each time.
func TestCrypto(t *testing.T) {
	r := build(t, purgeable)
	places := []int64{5, sectors - 10, sectors + 3} // user area, HPA, DCO
	for _, lba := range places {
		r.plant(lba)
	}
	defer func() {
		for _, lba := range places {
			r.must("scrambled, whatever hid it", lba, false)
		}
	}()
	seen := map[string]bool{}
	for range 2 {
		r.good(cryptoScramble, nil)
		r.clock.Advance(time.Minute)
		_, b := r.good(read(0), nil)
		seen[string(b)] = true
	}
	if len(seen) != 2 || seen[string(make([]byte, 512))] {
		t.Error("noise is the same again, or none")
	}
}

// TestSanitizeLies: success without erasing, a part left, data that comes back, one
// that stands still.
func TestSanitizeLies(t *testing.T) {
	all := sim.When{Erases: true}
	for name, c := range map[string]struct {
		do    sim.Action
		there [2]bool
	}{
		"pretend":   {sim.Action{Pretend: true}, [2]bool{true, true}},
		"keep":      {sim.Action{Keep: []sim.Range{{Off: 512 * 4000, Len: 512}}}, [2]bool{false, true}},
		"reappears": {sim.Action{Reappear: -1}, [2]bool{false, false}},
	} {
		r := build(t, purgeable, sim.Fault{When: all, Do: c.do})
		r.plant(100)
		r.plant(4000)
		r.good(blockErase, nil)
		r.clock.Advance(time.Hour)
		r.status(0x4000, 0x8000)
		r.clock.Advance(time.Hour)
		r.status(0x8000, 0xffff)
		if got := [2]bool{r.stands(100), r.stands(4000)}; got != c.there {
			t.Errorf("%s: data there: %v", name, got)
		}
		r.PowerCycle()
		r.status(0x8000, 0xffff)
		if back := r.stands(100); back != (name != "keep") {
			t.Errorf("%s: after the power cycle there: %v", name, back)
		}
	}
	r := build(t, purgeable, sim.Fault{When: all, Do: sim.Action{StickAt: 0.01}})
	r.plant(4000)
	r.good(blockErase, nil)
	r.clock.Advance(1000 * time.Hour)
	r.status(0x4000, 655)
	r.must("stuck", 4000, true)
}

// TestSanitizeLocked: only a drive that says so sanitizes while it is locked, in
// restricted mode only, and is unlocked by its success.
func TestSanitizeLocked(t *testing.T) {
	c := purgeable
	c.Security = ata.Security{Supported: true, UserPassword: "lost"}
	r := build(t, c)
	r.bad(blockErase, nil, 0x04)
	r.good(sanitizeStatus, nil)

	c.Sanitize.OverridesSecurity = true
	r = build(t, c)
	r.plant(5)
	r.bad(permitted(blockErase), nil, 0x04)
	r.good(blockErase, nil)
	if w := r.word(128); w != 0x0007 {
		t.Errorf("word 128 meanwhile: %04x", w)
	}
	r.clock.Advance(2 * time.Hour)
	r.status(0x8000, 0xffff)
	r.must("erased", 5, false)
	if w := r.word(128); w != 0x0001 {
		t.Errorf("word 128: %04x", w)
	}
	// Frozen security keeps no sanitize from running.
	c.Security = ata.Security{Supported: true, Freeze: ata.FreezeBoot}
	r = build(t, c)
	r.good(blockErase, nil)
}
