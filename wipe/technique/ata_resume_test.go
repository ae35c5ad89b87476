package technique

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// raw sends a frame that is written out here, past everything that is tested.
func (r *ataRig) raw(d *Drive, frame string) {
	r.t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(frame, " ", ""))
	if err != nil {
		r.t.Fatal(err)
	}
	for range 3 {
		if _, err = d.Target.Do(r.t.Context(), drive.Command{Protocol: drive.ProtocolSCSI, Frame: b}); !attention(err) {
			break
		}
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

const rawBlockErase = "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"

func (r *ataRig) count(op byte, feature byte) (n int) {
	for _, e := range r.drive.Trace() {
		if ataCommand(e) == op && e.Frame[2] == feature {
			n++
		}
	}
	return n
}

// A sanitize that somebody else began is waited for, and then ours is run: the drive
// does not say what it was at. Nothing but its end lets ours begin.
func TestATASanitizeForeign(t *testing.T) {
	r := newATARig(t)
	r.raw(r.bench(wipe.ATASanitizeBlock, nil), rawBlockErase)
	r.host = inproc.NewHost(r.clock)
	if err := r.host.AttachSCSI("/dev/sda", drive.BusSATA, r.drive); err != nil {
		t.Fatal(err)
	}
	x := r.erase(r.bench(wipe.ATASanitizeCrypto, nil))
	if !x.sanitised() || r.left() != 0 || r.count(0xb4, 0x11) != 1 {
		t.Errorf("%d scrambles: %s", r.count(0xb4, 0x11), x)
	}
}

// One that had failed before, with the right to leave that state and without it.
func TestATASanitizeAfterFailure(t *testing.T) {
	for name, c := range map[string]struct {
		frame string
		runs  int
	}{
		"restricted":   {rawBlockErase, 2},
		"unrestricted": {"85 07 20 00 12 00 10 42 72 00 45 00 6b 40 b4 00", 1},
	} {
		for _, lies := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				faults := []sim.Fault{{When: sim.When{Erases: true, Times: 1}, Do: sim.Action{FailAt: 0.5}}}
				if lies {
					faults = append(faults, sim.Fault{When: sim.When{Erases: true, Nth: 2}, Do: sim.Action{KeepAll: true}})
				}
				r := newATARig(t, ataFaults(faults...))
				d := r.bench(wipe.ATASanitizeBlock, nil)
				r.raw(d, c.frame)
				r.clock.Advance(time.Hour)
				if err := d.Target.Close(); err != nil {
					t.Fatal(err)
				}
				x := r.erase(r.bench(wipe.ATASanitizeCrypto, nil))
				r.honest(x)
				if x.sanitised() == lies || r.count(0xb4, 0x11) != c.runs || lies && x.v.Survivors == 0 {
					t.Errorf("lies %t, %d scrambles: %s", lies, r.count(0xb4, 0x11), x)
				}
			})
		}
	}
}

// Ours, that an earlier start left at work: it is adopted, with the canaries of that
// start, or run once more where they are lost. Never on the word of an idle drive.
func TestATASanitizeAdopted(t *testing.T) {
	for name, c := range map[string]struct {
		keep  func([]journal.Mark) []journal.Mark
		wait  time.Duration
		runs  int // in all
		keeps bool
	}{
		"with its canaries":           {func(m []journal.Mark) []journal.Mark { return m }, time.Second, 1, false},
		"that lies":                   {func(m []journal.Mark) []journal.Mark { return m }, time.Second, 1, true},
		"whose canaries are lost":     {func(m []journal.Mark) []journal.Mark { return m[1:] }, time.Second, 2, false},
		"that lies, canaries lost":    {func(m []journal.Mark) []journal.Mark { return m[1:] }, time.Second, 2, true},
		"that has ended meanwhile":    {func(m []journal.Mark) []journal.Mark { return m }, time.Hour, 2, false},
		"that the journal knows not":  {func([]journal.Mark) []journal.Mark { return nil }, time.Second, 2, false},
		"that lies, and nobody knows": {func([]journal.Mark) []journal.Mark { return nil }, time.Second, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			changes := []ataChange{}
			if c.keeps {
				changes = append(changes, ataFaults(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{KeepAll: true}}))
			}
			r := newATARig(t, changes...)
			if first := r.cutAt(wipe.ATASanitizeBlock, "after b4 x3"); first.sanitised() || r.count(0xb4, 0x12) != 1 {
				t.Fatalf("%s", first)
			}
			past := &journal.Past{Marks: c.keep(r.marks)}
			r.powerOn()
			r.clock.Advance(c.wait)
			d := r.bench(wipe.ATASanitizeBlock, past)
			past.Entry = journal.Entry{Drive: d.Plan, Step: d.Step}
			x := r.erase(d)
			r.honest(x)
			if x.sanitised() == c.keeps || r.count(0xb4, 0x12) != c.runs {
				t.Errorf("%d runs: %s", r.count(0xb4, 0x12), x)
			}
			if strings.Contains(name, "canaries") && !strings.Contains(x.report.Resumed, "still running") {
				t.Errorf("resumed %q", x.report.Resumed)
			}
		})
	}
}

// The drive alone loses its power while the machine watches: it goes on by itself.
func TestATASanitizeOverAPowerCycle(t *testing.T) {
	r := newATARig(t)
	d := r.bench(wipe.ATASanitizeBlock, nil)
	seen := 0
	r.cut = func(at string) bool {
		if at == "before b4" {
			if seen++; seen == 5 {
				r.drive.PowerCycle()
			}
		}
		return false
	}
	if x := r.erase(d); !x.sanitised() || r.left() != 0 {
		t.Error(x)
	}
}

// A reset of the bus while the drive erases itself: its answer may be another's.
func TestATASecurityReset(t *testing.T) {
	for name, point := range map[string]string{"between PREPARE and ERASE UNIT": "before f4", "before the drive is asked again": "after f4"} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t)
			d := r.bench(wipe.ATASecurityErase, nil)
			r.cut = func(at string) bool {
				if at == point {
					r.drive.Reset()
				}
				return false
			}
			x := r.erase(d)
			r.honest(x)
			if x.sanitised() || !errors.Is(x.report.Err, ErrUnanswered) || r.lockedOrEnabled() {
				t.Errorf("security %04x: %s", r.security(), x)
			}
		})
	}
}

// Found locked with our password: with the journal's word or without, it is opened
// once, erased, and left open.
func TestATASecurityFoundLocked(t *testing.T) {
	ours := func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = TemporaryPassword }
	password := &journal.Past{Marks: []journal.Mark{{Step: journal.StepPassword}}}
	for name, c := range map[string]struct {
		change []ataChange
		past   *journal.Past
		want   error
		erases int
	}{
		"the journal knows":      {[]ataChange{ours}, password, nil, 1},
		"the journal is lost":    {[]ataChange{ours}, nil, nil, 1},
		"it takes only an erase": {[]ataChange{ours, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xf2)}, Do: sim.Action{Abort: true}})}, password, nil, 2},
		"it takes only an erase, and lies": {[]ataChange{ours, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xf2)}, Do: sim.Action{Abort: true}},
			sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{KeepAll: true}})}, password, nil, 2},
		"that is not known": {[]ataChange{ours, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xf2)}, Do: sim.Action{Abort: true}})}, nil, ErrLocked, 0},
		"frozen":            {[]ataChange{ours, func(c *simata.Config, _ *sat.Config) { c.Words = map[int]uint16{128: 0x2f} }}, password, ErrFrozen, 0},
		"expired":           {[]ataChange{ours, func(c *simata.Config, _ *sat.Config) { c.Words = map[int]uint16{128: 0x37} }}, password, ErrPowerCycle, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, c.change...)
			x := r.erase(r.bench(wipe.ATASecurityErase, c.past))
			r.honest(x)
			lies := strings.Contains(name, "lies")
			switch {
			case c.want != nil && !errors.Is(x.prepare, c.want):
				t.Errorf("%v, want %v", x.prepare, c.want)
			case c.want == nil && x.sanitised() == lies:
				t.Error(x)
			case c.want == nil && (r.lockedOrEnabled() || x.report.Resumed == ""):
				t.Errorf("security %04x, resumed %q", r.security(), x.report.Resumed)
			}
			if r.count(0xf4, 0) != c.erases || r.count(0xf2, 0) > 1 {
				t.Errorf("%d erases, %d unlocks", r.count(0xf4, 0), r.count(0xf2, 0))
			}
		})
	}
}

// A sanitize leaves no password of ours on the drive either, be it locked or open; a
// ladder of many steps tries ours once on a drive that has another.
func TestATASanitizeFoundLocked(t *testing.T) {
	password := &journal.Past{Marks: []journal.Mark{{Step: journal.StepPassword}}}
	for name, change := range map[string]func(*ataRig){
		"locked": func(r *ataRig) { r.drive.PowerCycle() },
		"open":   func(*ataRig) {},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t)
			d := r.bench(wipe.ATASanitizeBlock, password)
			if _, _, err := ataAsk(t.Context(), d.Target, frame.ATASetPassword()); err != nil {
				t.Fatal(err)
			}
			change(r)
			x := r.erase(d)
			if !x.sanitised() || r.left() != 0 || r.lockedOrEnabled() || !strings.Contains(x.report.Resumed, "temporary password") {
				t.Errorf("security %04x: %s", r.security(), x)
			}
		})
	}
	r := newATARig(t, func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = "7h4t nobody knows" })
	d := r.bench("", nil)
	for _, id := range ataTechniques {
		d.Step.Technique = id
		tech, err := For(d)
		if err != nil {
			t.Fatal(err)
		}
		if err := tech.Prepare(t.Context()); !errors.Is(err, ErrLocked) {
			t.Errorf("%s: %v", id, err)
		}
	}
	if n := r.count(0xf2, 0); n != 1 {
		t.Errorf("%d passwords were tried", n)
	}
}

// Without a journal no password is set, and nothing is erased.
func TestATAWithoutJournal(t *testing.T) {
	for _, id := range ataTechniques {
		for _, step := range []string{journal.StepCanaries, journal.StepPassword, journal.StepIssue} {
			if step == journal.StepPassword && !strings.Contains(string(id), "security") {
				continue
			}
			t.Run(string(id)+"/"+step, func(t *testing.T) {
				r := newATARig(t)
				d := r.bench(id, nil)
				r.cut = func(at string) bool { return at == "before mark "+step }
				x := r.erase(d)
				if x.sanitised() || !errors.Is(x.report.Err, ErrUnmarked) {
					t.Error(x)
				}
				if n := r.count(0xf1, 0) + r.count(0xf4, 0) + r.count(0xb4, 0x11) + r.count(0xb4, 0x12) + r.count(0xb4, 0x14); n > 0 || r.lockedOrEnabled() {
					t.Errorf("%d commands were sent, security %04x", n, r.security())
				}
				if step == journal.StepCanaries && (x.report.Sent || r.left() != ataSectors) {
					t.Errorf("sent %t, %d blocks left", x.report.Sent, r.left())
				}
			})
		}
	}
}

// Drives as they come in, by the library of profiles, but smaller.
func TestATAProfiles(t *testing.T) {
	for _, c := range []struct {
		file string
		id   wipe.TechniqueID
		want error // of Prepare
		lies bool
	}{
		{"sata-ssd-frozen", wipe.ATASanitizeBlock, ErrFrozen, false},
		{"sata-ssd-frozen", wipe.ATASecurityErase, ErrFrozen, false},
		{"sata-locked", wipe.ATASecurityErase, ErrLocked, false},
		{"sata-hdd-hpa", wipe.ATASecurityErase, nil, false},
		{"sata-ssd-lies", wipe.ATASanitizeBlock, nil, true},
		{"sata-ssd-lies", wipe.ATASanitizeCrypto, nil, true},
		{"sata-ssd-lies", wipe.ATASecurityErase, nil, true},
		{"sata-ssd-lies", wipe.ATASecurityEraseEnhanced, nil, true},
	} {
		t.Run(c.file+"/"+string(c.id), func(t *testing.T) {
			r := &ataRig{t: t, clock: sim.NewManual()}
			p := ataProfile(t, c.file, r.clock)
			r.drive, r.host = p.SCSI.(*sat.SAT), inproc.NewHost(r.clock)
			if _, err := p.Attach(r.host, "/dev/sda"); err != nil {
				t.Fatal(err)
			}
			d := r.bench(c.id, nil)
			if c.want != nil {
				if x := r.erase(d); !errors.Is(x.prepare, c.want) {
					t.Error(x)
				}
				return
			}
			if strings.Contains(c.file, "hpa") {
				if says, err := RestoreCapacity(t.Context(), d); err != nil || d.Plan.Geometry.Size != r.medium().Size() {
					t.Fatalf("%q, %v", says, err)
				}
			}
			before := r.spots()
			x := r.erase(d)
			left := 0
			for i, s := range r.spots() {
				if s == before[i] {
					left++
				}
			}
			if x.sanitised() != (left == 0) || x.sanitised() == c.lies {
				t.Errorf("%d of %d spots left: %s", left, len(before), x)
			}
		})
	}
}

var profileSizes = regexp.MustCompile(`(?m)^(native_sectors|hpa) = (\d+)$`)

// ataProfile with a five-thousandth of its sectors: what takes seconds of 240 GB is shown
// elsewhere.
func ataProfile(t *testing.T, name string, clock sim.Clock) *profile.Drive {
	t.Helper()
	path := filepath.Join("../../testdata/drives", name+".toml")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	small := profileSizes.ReplaceAllStringFunc(string(text), func(line string) string {
		key, value, _ := strings.Cut(line, " = ")
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%s = %d", key, n/40000*8)
	})
	if small == string(text) {
		t.Fatal("the profile names no size")
	}
	p, err := profile.Parse(path, small, profile.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spots of a medium that is too big to be read whole, its ends and hidden parts too.
func (r *ataRig) spots() (all []string) {
	b, m := make([]byte, 512), r.medium()
	for i := range int64(1000) {
		off := (m.Size() - 512) / 999 * i / 512 * 512
		if i == 999 {
			off = m.Size() - 512
		}
		if _, err := m.ReadAt(b, off); err != nil {
			r.t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}
