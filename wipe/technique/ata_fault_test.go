package technique

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

func ataOpcode(op byte) *byte     { return &op }
func ataFeature(f uint32) *uint32 { return &f }

const (
	ataOpSanitize = 0xb4
	ataOpSet      = 0xf1
	ataOpPrepare  = 0xf3
	ataOpUnit     = 0xf4
	ataOpDisable  = 0xf6
	ataOpIdentify = 0xec
)

// Whatever goes wrong with whichever command, nothing is said that is not so.
func TestATAFaults(t *testing.T) {
	const half, quarter = ataSectors / 2 * 512, ataSectors / 4 * 512
	erases := sim.When{Erases: true}
	for _, c := range []struct {
		name  string
		fault sim.Fault
		want  bool // sanitised all the same
		says  error
	}{
		{"erases nothing", sim.Fault{When: erases, Do: sim.Action{KeepAll: true}}, false, nil},
		{"pretends", sim.Fault{When: erases, Do: sim.Action{Pretend: true}}, false, nil},
		{"leaves the last half", sim.Fault{When: erases, Do: sim.Action{Keep: []sim.Range{{Off: half, Len: half}}}}, false, nil},
		{"leaves 64 KiB", sim.Fault{When: erases, Do: sim.Action{Keep: []sim.Range{{Off: quarter, Len: 64 << 10}}}}, false, nil},
		{"the data comes back meanwhile", sim.Fault{When: erases, Do: sim.Action{Reappear: time.Second / 2}}, true, nil},
		{"sticks at a half", sim.Fault{When: erases, Do: sim.Action{StickAt: 0.5}}, false, nil},
		{"fails at a half", sim.Fault{When: erases, Do: sim.Action{FailAt: 0.5}}, false, nil},
		{"is refused", sim.Fault{When: erases, Do: sim.Action{Abort: true}}, false, nil},
		{"is refused without sense data", sim.Fault{When: erases, Do: sim.Action{Abort: true, Sense: sim.SenseMissing}}, false, nil},
		{"never answers", sim.Fault{When: erases, Do: sim.Action{Hang: true}}, false, nil},
		{"is pulled out", sim.Fault{When: erases, Do: sim.Action{Unplug: true}}, false, ErrUnanswered},
		{"becomes another", sim.Fault{When: erases, Do: sim.Action{Become: "ANOTHER"}}, false, ErrOther},
		{"shrinks", sim.Fault{When: erases, Do: sim.Action{Shrink: ataSectors / 2}}, false, ErrOther},
		{"IDENTIFY hangs once", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpIdentify), Nth: 3, Times: 1}, Do: sim.Action{Hang: true}}, false, nil},
		{"IDENTIFY fails for ever", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpIdentify), Nth: 3}, Do: sim.Action{Abort: true}}, false, nil},
		{"SET PASSWORD is refused", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSet)}, Do: sim.Action{Abort: true}}, true, nil},
		{"SET PASSWORD pretends", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSet)}, Do: sim.Action{Pretend: true}}, true, nil},
		{"SET PASSWORD hangs", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSet)}, Do: sim.Action{Hang: true}}, true, nil},
		{"ERASE PREPARE is refused", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpPrepare)}, Do: sim.Action{Abort: true}}, true, nil},
		{"ERASE PREPARE is refused, DISABLE too", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpDisable)}, Do: sim.Action{Abort: true}}, true, nil},
		{"SANITIZE STATUS EXT loses its registers for ever", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0)}, Do: sim.Action{Sense: sim.SenseMissing}}, true, nil},
		{"SANITIZE STATUS EXT loses them after the command", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0), Nth: 3}, Do: sim.Action{Sense: sim.SenseMissing}}, true, nil},
		{"SANITIZE STATUS EXT in fixed format", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Nth: 3}, Do: sim.Action{Sense: sim.SenseFixed}}, true, nil},
		{"SANITIZE STATUS EXT loses them twice", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0), Nth: 3, Times: 2}, Do: sim.Action{Sense: sim.SenseMissing}}, true, nil},
		{"SANITIZE STATUS EXT hangs once", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0), Nth: 4, Times: 1}, Do: sim.Action{Hang: true}}, true, nil},
		{"SANITIZE STATUS EXT is refused", sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0), Nth: 4}, Do: sim.Action{Abort: true}}, true, nil},
	} {
		for _, id := range ataTechniques {
			sanitize := strings.HasPrefix(string(id), "ata-sanitize")
			if op := c.fault.When.Opcode; op != nil && *op != ataOpIdentify && sanitize != (*op == ataOpSanitize) {
				continue // a command that it does not send
			}
			t.Run(fmt.Sprintf("%s/%s", c.name, id), func(t *testing.T) {
				r := newATARig(t, ataFaults(c.fault))
				r.hangs = c.fault.Do.Hang
				x := r.erase(r.bench(id, nil))
				r.honest(x)
				if x.sanitised() && !c.want {
					t.Errorf("sanitised: %s", x)
				}
				if c.says != nil && !errors.Is(x.report.Err, c.says) {
					t.Errorf("%v, want %v", x.report.Err, c.says)
				}
				if !x.sanitised() && x.report.Err == nil && x.prepare == nil && x.v.Survivors == 0 && x.verify == nil {
					t.Errorf("no reason is given: %s", x)
				}
				// A drive that takes the password away again, and answers, has none.
				if op := c.fault.When.Opcode; r.drive.Plugged() && (op == nil || *op != ataOpIdentify) && r.lockedOrEnabled() && c.fault.Do.StickAt == 0 {
					t.Errorf("a password is left (%04x): %s", r.security(), x)
				}
			})
		}
	}
}

// Answers that mean the failure of the sanitize, or its loss, are told apart.
func TestATASanitizeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		fault   sim.Fault
		unknown bool
	}{
		"its failure":        {sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{FailAt: 0.5}}, false},
		"its refusal":        {sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{Abort: true}}, false},
		"lost registers":     {sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Nth: 3}, Do: sim.Action{Sense: sim.SenseMissing}}, true},
		"registers cut":      {sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Nth: 3}, Do: sim.Action{Sense: sim.SenseFixed}}, true},
		"pulled out":         {sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Nth: 4}, Do: sim.Action{Unplug: true}}, true},
		"answers no more":    {sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Nth: 4}, Do: sim.Action{Hang: true}}, true},
		"the command hangs":  {sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0x12)}, Do: sim.Action{Hang: true}}, false},
		"stuck at a quarter": {sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{StickAt: 0.25}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, ataFaults(c.fault))
			r.hangs = c.fault.Do.Hang
			x := r.erase(r.bench(wipe.ATASanitizeBlock, nil))
			r.honest(x)
			if x.report.Err == nil || x.report.Complete || errors.Is(x.report.Err, ErrUnanswered) != c.unknown {
				t.Errorf("%s", x)
			}
			if name == "stuck at a quarter" && !errors.Is(x.report.Err, ErrStuck) {
				t.Errorf("%v", x.report.Err)
			}
			var status *drive.StatusError
			if (name == "its failure" || name == "its refusal") && !errors.As(x.report.Err, &status) {
				t.Errorf("the drive's own status is not in %v", x.report.Err)
			}
		})
	}
}

// A drive that says 'completed' though nothing ever ran.
func TestATASanitizeClaimsDone(t *testing.T) {
	claims := func(c *simata.Config, _ *sat.Config) { c.Sanitize.ClaimsDone = true }
	t.Run("and runs it", func(t *testing.T) {
		r := newATARig(t, claims)
		if x := r.erase(r.bench(wipe.ATASanitizeBlock, nil)); !x.sanitised() || r.left() != 0 {
			t.Error(x)
		}
	})
	t.Run("and loses the command", func(t *testing.T) {
		r := newATARig(t, claims, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(ataOpSanitize), Sub: ataFeature(0x12)}, Do: sim.Action{Hang: true}}))
		r.hangs = true
		if x := r.erase(r.bench(wipe.ATASanitizeBlock, nil)); x.sanitised() || !errors.Is(x.report.Err, ErrUnanswered) {
			t.Error(x)
		}
	})
	t.Run("and has no such command", func(t *testing.T) {
		r := newATARig(t, claims, func(c *simata.Config, _ *sat.Config) {
			c.Sanitize.Block, c.Claims = false, map[simata.Feature]bool{simata.FeatureSanitizeBlock: true}
		})
		if x := r.erase(r.bench(wipe.ATASanitizeBlock, nil)); x.sanitised() || x.report.Err == nil {
			t.Error(x)
		}
	})
}

// What keeps a drive from being erased is found before anything is sent.
func TestATANotPrepared(t *testing.T) {
	frozen := func(c *simata.Config, _ *sat.Config) {
		c.Security.Freeze, c.Sanitize.Freeze = simata.FreezeAlways, simata.FreezeAlways
	}
	locked := func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = "7h4t nobody knows" }
	for name, c := range map[string]struct {
		change ataChange
		says   error
	}{
		"frozen": {frozen, ErrFrozen},
		"locked": {locked, ErrLocked},
		"without either feature set": {func(c *simata.Config, _ *sat.Config) {
			c.Security, c.Sanitize = simata.Security{}, simata.Sanitize{}
		}, nil},
		"no pass-through": {func(_ *simata.Config, s *sat.Config) { s.NoPassThrough = true }, nil},
		"broken IDENTIFY": {func(c *simata.Config, _ *sat.Config) { c.BadChecksum = true }, nil},
	} {
		for _, id := range ataTechniques {
			t.Run(name+"/"+string(id), func(t *testing.T) {
				r := newATARig(t, c.change)
				d := r.bench(id, nil)
				before := len(r.drive.Trace())
				x := r.erase(d)
				if x.prepare == nil || c.says != nil && !errors.Is(x.prepare, c.says) {
					t.Fatalf("%s", x)
				}
				for _, e := range r.drive.Trace()[before:] {
					if op := ataCommand(e); op == ataOpSet || op == ataOpUnit || op == ataOpDisable {
						t.Errorf("command %02xh was sent", op)
					}
				}
				if len(r.marks) != 0 || r.left() != len(r.owner)/512 {
					t.Errorf("marks %v, %d blocks left", r.marks, r.left())
				}
			})
		}
	}
}

// Five wrong passwords lock a drive out: ours is tried once, by whoever asks.
func TestATALockedIsTriedOnce(t *testing.T) {
	unlocks := func(r *ataRig) (n int) {
		for _, e := range r.drive.Trace() {
			if ataCommand(e) == 0xf2 {
				n++
			}
		}
		return n
	}
	foreign := func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = "7h4t nobody knows" }
	r := newATARig(t, foreign)
	d := r.bench(wipe.ATASecurityErase, nil)
	if s, err := UnlockTemporary(t.Context(), d.Target); s != LockForeign || err != nil || unlocks(r) != 1 {
		t.Errorf("%v, %v, %d tries", s, err, unlocks(r))
	}
	r = newATARig(t, func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = TemporaryPassword })
	d = r.bench(wipe.ATASecurityErase, nil)
	if s, err := UnlockTemporary(t.Context(), d.Target); s != LockOpened || err != nil || unlocks(r) != 1 {
		t.Errorf("%v, %v, %d tries", s, err, unlocks(r))
	}
	if s, err := UnlockTemporary(t.Context(), d.Target); s != LockNone || err != nil || unlocks(r) != 1 {
		t.Errorf("%v, %v, %d tries", s, err, unlocks(r))
	}
	if err := DisableTemporary(t.Context(), d.Target); err != nil || r.lockedOrEnabled() {
		t.Errorf("%v, security %04x", err, r.security())
	}
	if r.left() != len(r.owner)/512 {
		t.Error("something was erased")
	}
}

// ataCommand of an entry in the model's trace; 0: it is none of ATA.
func ataCommand(e sim.Entry) byte {
	if len(e.Frame) != simata.FrameSize {
		return 0
	}
	return e.Frame[12]
}

// The machine loses its power at each step in turn. The next start ends it, and no
// drive is left locked.
func TestATAPowerCuts(t *testing.T) {
	points := map[wipe.TechniqueID][]string{}
	for _, id := range ataTechniques {
		all := []string{"before mark canaries", "after mark canaries", "write", "before mark issue", "after mark issue", "after mark erased", "identify"}
		if strings.HasPrefix(string(id), "ata-sanitize") {
			all = append(all, "before b4", "after b4", "after b4 x4")
		} else {
			all = append(all, "before mark password", "after mark password", "before f1", "after f1", "before f3", "after f3", "before f4", "during f4", "after f4")
		}
		points[id] = all
	}
	for id, all := range points {
		for _, point := range all {
			t.Run(string(id)+"/"+point, func(t *testing.T) {
				r := newATARig(t)
				first := r.cutAt(id, point)
				if first.sanitised() {
					t.Fatalf("sanitised without power: %s", first)
				}
				if r.left() > 0 && first.sanitised() {
					t.Fatal("data is left")
				}
				past := &journal.Past{Marks: r.marks}
				r.powerOn()
				d := r.bench(id, past)
				past.Entry = journal.Entry{Drive: d.Plan, Step: d.Step}
				x := r.erase(d)
				if !x.sanitised() || r.left() > 0 || r.lockedOrEnabled() {
					t.Errorf("%d blocks left, security %04x: %s", r.left(), r.security(), x)
				}
			})
		}
	}
}

// cutAt runs a technique until the machine loses its power at a point.
func (r *ataRig) cutAt(id wipe.TechniqueID, point string) ataResult {
	d := r.bench(id, nil)
	want, nth, _ := strings.Cut(point, " x")
	if want == "during f4" { // the drive loses its power in the middle, and the machine then
		r.cutUnit, want = true, "after f4"
	}
	seen, times := 0, 1
	_, _ = fmt.Sscan(nth, &times)
	r.mu.Lock()
	r.cut = func(at string) bool {
		if at == want {
			seen++
		}
		return seen >= times && at == want
	}
	r.mu.Unlock()
	return r.erase(d)
}

// powerOn after a cut: the drive has had none either.
func (r *ataRig) powerOn() {
	r.mu.Lock()
	r.dead, r.cut, r.marks = false, nil, nil
	r.mu.Unlock()
	r.host.Detach("/dev/sda")
	r.drive.PowerCycle()
	if err := r.host.AttachSCSI("/dev/sda", drive.BusSATA, r.drive); err != nil {
		r.t.Fatal(err)
	}
}

// Sectors that can't be read before: an erasure that reaches them ends well; one that
// can't never passes for one that did.
func TestATABadSectors(t *testing.T) {
	for _, dead := range []bool{false, true} {
		for _, id := range ataTechniques {
			t.Run(fmt.Sprintf("%s/dead %t", id, dead), func(t *testing.T) {
				r := newATARig(t, func(c *simata.Config, _ *sat.Config) {
					c.Bad = []simata.Extent{{LBA: 100, Count: 8, Dead: dead}, {LBA: ataSectors - 8, Count: 8, Dead: dead}}
				})
				x := r.erase(r.bench(id, nil))
				r.honest(x)
				if !dead && !x.sanitised() || dead && x.sanitised() {
					t.Errorf("%d blocks left: %s", r.left(), x)
				}
			})
		}
	}
}
