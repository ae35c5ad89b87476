package ata_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
)

// password is the block of 512 bytes of a security command: word 0, then the
// password, then the master password's identifier.
func password(low, high byte, text string) []byte {
	b := make([]byte, 512)
	b[0], b[1] = low, high
	copy(b[2:34], text)
	return b
}

// Task files as hdparm sends them.
var (
	setPassword  = ata.TaskFile{Command: 0xf1, Device: 0x40, Count: 1}
	unlock       = ata.TaskFile{Command: 0xf2, Device: 0x40, Count: 1}
	erasePrepare = ata.TaskFile{Command: 0xf3, Device: 0x40}
	eraseUnit    = ata.TaskFile{Command: 0xf4, Device: 0x40, Count: 1}
	freezeLock   = ata.TaskFile{Command: 0xf5, Device: 0x40}
	disable      = ata.TaskFile{Command: 0xf6, Device: 0x40, Count: 1}
)

var lockable = ata.Config{DCO: 16, Security: ata.Security{Supported: true, Enhanced: true, MasterPassword: "factory",
	EraseTime: time.Hour, EnhancedTime: 2 * time.Hour}}

// erased runs an erase to its end: d passes while it is at work.
func (r *rig) erased(out []byte, d time.Duration) (ata.Registers, error) {
	r.Helper()
	r.good(erasePrepare, nil)
	if d == 0 {
		regs, _, err := r.Execute(context.Background(), eraseUnit, out)
		return regs, err
	}
	type result struct {
		regs ata.Registers
		err  error
	}
	done := make(chan result, 1)
	go func() {
		regs, _, err := r.Execute(context.Background(), eraseUnit, out)
		done <- result{regs, err}
	}()
	r.busy(true)
	r.clock.Advance(d)
	got := <-done
	return got.regs, got.err
}

// busy waits for the drive to begin an erase or to be over with it.
func (r *rig) busy(want bool) {
	r.Helper()
	for range 10000 {
		if r.Busy() == want {
			return
		}
		time.Sleep(100 * time.Microsecond)
	}
	r.Fatalf("busy is not %v", want)
}

// TestLockedByCrash is the machine that loses its power between SET PASSWORD and
// ERASE UNIT.
func TestLockedByCrash(t *testing.T) {
	c := lockable
	c.Trim = ata.Trim{Supported: true, Zeros: true}
	trim7 := append([]byte{7, 0, 0, 0, 0, 0, 1, 0}, make([]byte, 504)...)
	r := build(t, c)
	r.plant(7)
	r.plant(sectors + 3) // above native max
	r.good(setPassword, password(0, 0, "handback"))
	if w := r.word(128); w != 0x0023 { // SEC5
		t.Fatalf("word 128: %04x", w)
	}
	if _, b := r.good(read(7), nil); string(b[:8]) != "a person" {
		t.Fatal("an unlocked drive can be read")
	}
	r.PowerCycle()
	if w := r.word(128); w != 0x0027 { // SEC4
		t.Fatalf("word 128 after the crash: %04x", w)
	}
	r.bad(read(7), nil, 0x04)
	r.bad(write(7), make([]byte, 512), 0x04)
	r.bad(ata.TaskFile{Command: 0xea, Device: 0x40, Extend: true}, nil, 0x04)
	r.bad(setPassword, password(0, 0, "other"), 0x04)
	r.bad(disable, password(0, 0, "handback"), 0x04)
	r.bad(freezeLock, nil, 0x04)
	r.good(ata.TaskFile{Command: 0x27, Device: 0x40, Extend: true}, nil)                               // READ NATIVE MAX ADDRESS EXT
	r.bad(ata.TaskFile{Command: 0x37, Device: 0x40, Extend: true, LBA: 100}, nil, 0x04)                // SET MAX ADDRESS EXT
	r.bad(ata.TaskFile{Command: 0xb1, Device: 0x40, Features: 0xc0}, nil, 0x04)                        // DEVICE CONFIGURATION RESTORE
	r.bad(ata.TaskFile{Command: 0x06, Device: 0x40, Extend: true, Features: 1, Count: 1}, trim7, 0x04) // TRIM
	r.must("locked", 7, true)

	if regs, err := r.erased(password(0, 0, "handback"), time.Hour); err != nil || regs.Status != 0x50 {
		t.Fatalf("erase of the locked drive: %+v, %v", regs, err)
	}
	if w := r.word(128); w != 0x0021 { // SEC1
		t.Errorf("word 128 after the erase: %04x", w)
	}
	r.must("erased", 7, false)
	r.must("a normal erase ends at native max", sectors+3, true)
	if _, b := r.good(read(7), nil); b[0] != 0 {
		t.Errorf("reads %02x", b[0])
	}
	trace := r.Trace()
	if got := trace[len(trace)-2]; got.Frame[12] != 0xf4 || got.Status != 0x0050 {
		t.Errorf("trace: % x, %04x", got.Frame, got.Status)
	}
}

// TestLockedCapacity: a locked drive that has AMA tells its native max and changes
// nothing.
func TestLockedCapacity(t *testing.T) {
	r := build(t, ata.Config{AMA: true, HPA: 64, Security: ata.Security{Supported: true, UserPassword: "lost"}})
	if regs, _ := r.good(ata.TaskFile{Command: 0x78, Device: 0x40, Extend: true}, nil); regs.LBA != sectors-1 {
		t.Errorf("native max %d", regs.LBA)
	}
	r.bad(ata.TaskFile{Command: 0x78, Device: 0x40, Extend: true, Features: 1, LBA: sectors - 1}, nil, 0x04)
	if n := r.word(100); n != sectors-64 {
		t.Errorf("%d sectors", n)
	}
}

// TestUnenhanced: a drive without the enhanced mode refuses it, and erases nothing.
func TestUnenhanced(t *testing.T) {
	r := build(t, ata.Config{Security: ata.Security{Supported: true}})
	r.plant(7)
	r.good(setPassword, password(0, 0, "x"))
	if regs, err := r.erased(password(2, 0, "x"), 0); err != nil || regs.Error != 0x04 {
		t.Errorf("%+v, %v", regs, err)
	}
	r.must("refused", 7, true)
}

// TestEraseCut: the power goes in the middle of ERASE UNIT.
func TestEraseCut(t *testing.T) {
	r := build(t, lockable)
	r.plant(100)
	r.plant(4000)
	r.good(setPassword, password(0, 0, "handback"))
	r.good(erasePrepare, nil)
	done := make(chan error, 1)
	go func() {
		_, _, err := r.Execute(context.Background(), eraseUnit, password(0, 0, "handback"))
		done <- err
	}()
	r.busy(true)
	r.clock.Advance(30 * time.Minute)
	r.PowerCycle()
	if err := <-done; !errors.Is(err, sim.ErrGone) {
		t.Fatalf("answer: %v", err)
	}
	if got := r.Trace(); got[len(got)-1].Frame[12] != 0xf4 || got[len(got)-1].Status != 0x80 {
		t.Errorf("the trace ends with % x, %04x", got[len(got)-1].Frame, got[len(got)-1].Status)
	}
	if w := r.word(128); w != 0x0027 {
		t.Errorf("word 128: %04x", w)
	}
	r.must("first half", 100, false)
	r.clock.Advance(10 * time.Hour)
	r.must("second half, and nothing goes on by itself", 4000, true)
	r.bad(read(4000), nil, 0x04)
	if regs, err := r.erased(password(0, 0, "handback"), time.Hour); err != nil || regs.Status != 0x50 {
		t.Fatalf("erase: %+v, %v", regs, err)
	}
	r.must("erased at last", 4000, false)
}

// TestEraseRules: what ERASE UNIT asks for.
func TestEraseRules(t *testing.T) {
	r := build(t, lockable)
	r.plant(7)
	r.plant(sectors + 3)
	r.good(setPassword, password(0, 0, "handback"))
	r.bad(eraseUnit, password(0, 0, "handback"), 0x04) // not prepared
	r.good(erasePrepare, nil)
	r.good(identify, nil)
	r.bad(eraseUnit, password(0, 0, "handback"), 0x04) // not directly
	r.good(erasePrepare, nil)
	r.bad(eraseUnit, password(0, 0, "wrong"), 0x04)
	r.bad(eraseUnit, password(0, 0, "handback"), 0x04) // the failed one came between
	r.must("refused", 7, true)
	// Another command waits until the drive is not busy any more.
	r.good(erasePrepare, nil)
	go func() { _, _, _ = r.Execute(context.Background(), eraseUnit, password(2, 0, "handback")) }()
	r.busy(true)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if _, _, err := r.Execute(ctx, identify, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("IDENTIFY while busy: %v", err)
	}
	r.clock.Advance(2 * time.Hour)
	if w := r.word(128); w != 0x0021 {
		t.Errorf("word 128: %04x", w)
	}
	r.must("enhanced", 7, false)
	r.must("enhanced covers what DCO hides", sectors+3, false)
}

// TestHostGivesUp: a host that stops waiting stops nothing.
func TestHostGivesUp(t *testing.T) {
	r := build(t, lockable)
	r.plant(4000)
	r.good(setPassword, password(0, 0, "handback"))
	r.good(erasePrepare, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.Execute(ctx, eraseUnit, password(0, 0, "handback")); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r.must("at work", 4000, true)
	r.clock.Advance(time.Hour)
	r.must("over", 4000, false)
	if w := r.word(128); w != 0x0021 {
		t.Errorf("word 128: %04x", w)
	}
}

// TestAttempts: five wrong passwords, and only a power cycle helps.
func TestAttempts(t *testing.T) {
	c := lockable
	c.Security.UserPassword = "secret"
	r := build(t, c)
	for range 5 {
		r.bad(unlock, password(0, 0, "guess"), 0x04)
	}
	if w := r.word(128); w != 0x0037 {
		t.Fatalf("word 128: %04x", w)
	}
	r.bad(unlock, password(0, 0, "secret"), 0x04)
	r.good(erasePrepare, nil)
	r.bad(eraseUnit, password(0, 0, "secret"), 0x04)
	r.Reset()
	r.bad(unlock, password(0, 0, "secret"), 0x04)
	r.PowerCycle()
	r.good(unlock, password(0, 0, "secret"))
	if w := r.word(128); w != 0x0023 {
		t.Fatalf("word 128: %04x", w)
	}
	r.good(disable, password(0, 0, "secret"))
	if w := r.word(128); w != 0x0021 {
		t.Errorf("word 128: %04x", w)
	}
	r.PowerCycle()
	r.good(read(0), nil)
}

// TestMaster: at the maximum level the master password only erases.
func TestMaster(t *testing.T) {
	r := build(t, lockable)
	p := password(1, 0, "depot")
	p[34], p[35] = 0x21, 0x43
	r.good(setPassword, p)
	if w := r.word(128); w != 0x0021 || r.word(92) != 0x4321 {
		t.Fatalf("a master password enables nothing: %04x, %04x", w, r.word(92))
	}
	r.good(setPassword, password(0, 1, "secret")) // maximum
	r.PowerCycle()
	if w := r.word(128); w != 0x0127 {
		t.Fatalf("word 128: %04x", w)
	}
	r.bad(unlock, password(1, 0, "depot"), 0x04)
	r.plant(1)
	if regs, err := r.erased(password(1, 0, "depot"), time.Hour); err != nil || regs.Status != 0x50 {
		t.Fatalf("%+v, %v", regs, err)
	}
	r.must("erased with the master password", 1, false)
	// At the high level it unlocks.
	r.good(setPassword, password(0, 0, "secret"))
	r.PowerCycle()
	r.good(unlock, password(1, 0, "depot"))
	r.good(disable, password(1, 0, "depot"))
}

// TestFreeze: who freezes a drive, and what ends it.
func TestFreeze(t *testing.T) {
	c := lockable
	c.Security.Freeze = ata.FreezeBoot
	r := build(t, c)
	if w := r.word(128); w != 0x0029 { // SEC2
		t.Fatalf("word 128: %04x", w)
	}
	for _, f := range []ata.TaskFile{setPassword, unlock, erasePrepare, eraseUnit, disable} {
		r.bad(f, password(0, 0, "x"), 0x04)
	}
	r.good(read(0), nil)
	r.Reset()
	if w := r.word(128); w != 0x0029 {
		t.Errorf("a reset ends no freeze: %04x", w)
	}
	r.PowerCycle() // suspend to RAM
	if w := r.word(128); w != 0x0021 {
		t.Errorf("after suspend: %04x", w)
	}
	r.Boot()
	if w := r.word(128); w != 0x0029 {
		t.Errorf("after a boot: %04x", w)
	}
	r.PowerCycle()
	r.good(setPassword, password(0, 0, "x"))
	r.good(freezeLock, nil)
	if w := r.word(128); w != 0x002b { // SEC6
		t.Errorf("word 128: %04x", w)
	}
	r.Boot() // locked: the firmware's freeze is refused
	if w := r.word(128); w != 0x0027 {
		t.Errorf("word 128: %04x", w)
	}
	c.Security.Freeze = ata.FreezeAlways
	r = build(t, c)
	r.Plug(false)
	r.Plug(true)
	if w := r.word(128); w != 0x0029 {
		t.Errorf("word 128: %04x", w)
	}
}

// TestEraseFaults: what a drive that lies does at ERASE UNIT.
func TestEraseFaults(t *testing.T) {
	op := byte(0xf4)
	when := sim.When{Opcode: &op}
	for name, c := range map[string]struct {
		do     sim.Action
		status byte
		there  [2]bool // data in the first and in the last quarter
		word   uint16
	}{
		"pretend":  {sim.Action{Pretend: true}, 0x50, [2]bool{true, true}, 0x21},
		"keep":     {sim.Action{Keep: []sim.Range{{Off: 512 * 100, Len: 512}}}, 0x50, [2]bool{true, false}, 0x21},
		"keep all": {sim.Action{KeepAll: true}, 0x50, [2]bool{true, true}, 0x21},
		"fail":     {sim.Action{FailAt: 0.5}, 0x51, [2]bool{false, true}, 0x23},
		"none":     {sim.Action{}, 0x50, [2]bool{false, false}, 0x21},
	} {
		r := build(t, lockable, sim.Fault{When: when, Do: c.do})
		r.plant(100)
		r.plant(4000)
		r.good(setPassword, password(0, 0, "handback"))
		regs, err := r.erased(password(0, 0, "handback"), time.Hour)
		if err != nil || regs.Status != c.status {
			t.Errorf("%s: %+v, %v", name, regs, err)
		}
		if got := [2]bool{r.stands(100), r.stands(4000)}; got != c.there {
			t.Errorf("%s: data there: %v, want %v", name, got, c.there)
		}
		if w := r.word(128); w != c.word {
			t.Errorf("%s: word 128: %04x", name, w)
		}
	}
	// One that hangs for ever at 40 %: only the power helps.
	r := build(t, lockable, sim.Fault{When: when, Do: sim.Action{StickAt: 0.4}})
	r.plant(4000)
	r.good(setPassword, password(0, 0, "handback"))
	r.good(erasePrepare, nil)
	done := make(chan error, 1)
	go func() {
		_, _, err := r.Execute(context.Background(), eraseUnit, password(0, 0, "handback"))
		done <- err
	}()
	r.busy(true)
	r.clock.Advance(1000 * time.Hour)
	if !r.Busy() {
		t.Error("a stuck erase ended")
	}
	r.PowerCycle()
	if err := <-done; !errors.Is(err, sim.ErrGone) {
		t.Error(err)
	}
	r.must("stuck", 4000, true)
}
