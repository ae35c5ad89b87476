package technique

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/wipe"
	"handback.example/wipe/journal"
)

// Sectors that hide, of a drive of ataSectors in all.
func ataHides(hpa, dco uint64) ataChange {
	return func(c *simata.Config, _ *sat.Config) { c.NativeSectors, c.HPA, c.DCO = ataSectors-dco, hpa, dco }
}

func ataHidesAMA(hpa uint64) ataChange {
	return func(c *simata.Config, _ *sat.Config) { c.AMA, c.HPA = true, hpa }
}

func ata28(hpa uint64) ataChange {
	return func(c *simata.Config, _ *sat.Config) {
		c.HPA, c.Words = hpa, map[int]uint16{83: 0x7900, 86: 0x3800}
	}
}

// Whatever hides a part of the drive, it is shown first, and then erased and looked
// for like the rest; a power cycle hides nothing of it again.
func TestRestoreCapacity(t *testing.T) {
	const half, some = ataSectors / 2 * 512, 1000 * 512
	for name, c := range map[string]struct {
		change ataChange
		says   string
		sets   []byte
	}{
		"HPA":         {ataHides(ataSectors/2, 0), fmt.Sprintf("hid %d of its 1048576 bytes (HPA)", half), []byte{0x37}},
		"AMA":         {ataHidesAMA(ataSectors / 2), fmt.Sprintf("hid %d of its 1048576 bytes (AMA)", half), []byte{0x78}},
		"DCO":         {ataHides(0, 1000), fmt.Sprintf("hid %d of its 1048576 bytes (DCO)", some), []byte{0xb1}},
		"HPA and DCO": {ataHides(7, 1000), fmt.Sprintf("hid %d of its 1048576 bytes (HPA, then DCO)", some+7*512), []byte{0x37, 0xb1}},
		"28 bits":     {ata28(1000), fmt.Sprintf("hid %d of its 1048576 bytes (HPA)", some), []byte{0xf9}},
		"nothing":     {ataHides(0, 0), "nothing was hidden any more", nil},
		"no features": {func(c *simata.Config, _ *sat.Config) { c.NoHPA, c.NoDCO = true, true }, "nothing was hidden any more", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, c.change)
			d := r.bench(wipe.ATASecurityErase, nil)
			d.Plan.Restore = &wipe.Restore{From: d.Plan.Geometry.Size, To: ataSectors * 512}
			from := len(r.drive.Trace())
			says, err := RestoreCapacity(t.Context(), d)
			if err != nil || !strings.Contains(says, c.says) {
				t.Fatalf("%q, %v", says, err)
			}
			if d.Plan.Geometry.Size != ataSectors*512 || d.Plan.Identity.Size != ataSectors*512 || d.Target.Geometry() != d.Plan.Geometry {
				t.Errorf("planned %+v, %d; shown %+v", d.Plan.Geometry, d.Plan.Identity.Size, d.Target.Geometry())
			}
			if got := ataChanges(r.drive.Trace()[from:]); string(got) != string(c.sets) {
				t.Errorf("commands % x, want % x", got, c.sets)
			}
			if len(r.marks) != len(c.sets) {
				t.Errorf("marks %+v", r.marks)
			}
			if r.left() != ataSectors {
				t.Error("something was erased")
			}
			x := r.erase(d)
			if !x.sanitised() || r.left() != 0 {
				t.Errorf("%d blocks left: %s", r.left(), x)
			}
			r.drive.PowerCycle()
			if n := r.drive.Capacity(); n != ataSectors {
				t.Errorf("after a power cycle it shows %d sectors", n)
			}
		})
	}
}

// ataChanges are the commands of a trace that change the capacity, in their order.
// SET MAX must stand directly behind the question for the native size.
func ataChanges(trace []sim.Entry) (sets []byte) {
	for i, e := range trace {
		feature := byte(0)
		if len(e.Frame) == simata.FrameSize {
			feature = e.Frame[2]
		}
		switch op := ataCommand(e); {
		case op == 0x37 && ataCommand(trace[i-1]) != 0x27, op == 0xf9 && ataCommand(trace[i-1]) != 0xf8:
			sets = append(sets, 0xff)
		case op == 0x37, op == 0xf9, op == 0x78 && feature == 1, op == 0xb1 && feature == 0xc0:
			sets = append(sets, op)
		}
	}
	return sets
}

// A technique that erases without the capacity restored leaves what is hidden, and a
// drive that hides must not be taken for a whole one: the plan's word is kept to.
func TestRestoreCapacityNeedsPowerCycle(t *testing.T) {
	for name, c := range map[string]struct {
		change ataChange
		before func(*ataRig, *Drive)
	}{
		"a change was made in this power-up": {ataHides(1000, 0), func(r *ataRig, d *Drive) { ataSetMax(r, d, ataSectors-501) }},
		"frozen by SET MAX FREEZE LOCK":      {ataHides(1000, 0), func(r *ataRig, d *Drive) { r.raw(d, "85 06 20 00 04 00 00 00 00 00 00 00 00 40 f9 00") }},
		"AMA was set in this power-up":       {ataHidesAMA(1000), func(r *ataRig, d *Drive) { r.raw(d, "85 07 20 00 01 00 00 00 ff 00 03 00 00 40 78 00") }},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, c.change)
			d := r.bench(wipe.ATASecurityErase, nil)
			c.before(r, d)
			if err := d.Target.Close(); err != nil {
				t.Fatal(err)
			}
			d = r.bench(wipe.ATASecurityErase, nil)
			was := d.Plan
			if says, err := RestoreCapacity(t.Context(), d); !errors.Is(err, ErrPowerCycle) || says != "" {
				t.Fatalf("%q, %v", says, err)
			}
			if d.Plan.Geometry != was.Geometry || d.Plan.Identity != was.Identity {
				t.Errorf("the plan has changed: %+v", d.Plan)
			}
			_ = d.Target.Close()
			r.drive.PowerCycle()
			d = r.bench(wipe.ATASecurityErase, nil)
			if says, err := RestoreCapacity(t.Context(), d); err != nil || d.Plan.Geometry.Size != ataSectors*512 {
				t.Errorf("after the power cycle: %q, %v", says, err)
			}
		})
	}
}

func ataSetMax(r *ataRig, d *Drive, last uint32) {
	r.raw(d, "85 07 20 00 00 00 00 00 00 00 00 00 00 40 27 00")
	r.raw(d, fmt.Sprintf("85 07 20 00 00 00 01 %02x %02x 00 %02x 00 %02x 40 37 00", byte(last>>24), byte(last), byte(last>>8), byte(last>>16)))
}

// This system may show the old size until it is started again.
func TestRestoreCapacityUnseenBySystem(t *testing.T) {
	for name, again := range map[string]bool{"it opens": true, "it opens no more": false} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, ataHides(1000, 0))
			d := r.bench(wipe.ATASecurityErase, nil)
			was, calls := d.Plan, 0
			d.Reopen = func(context.Context) error {
				calls++
				if !again || d.Plan.Identity.Size != was.Identity.Size {
					return ErrOther
				}
				return nil
			}
			says, err := RestoreCapacity(t.Context(), d)
			if says != "" || err == nil || errors.Is(err, ErrPowerCycle) != again || calls != 2 {
				t.Errorf("%q, %v, %d calls", says, err, calls)
			}
			if d.Plan.Geometry != was.Geometry || d.Plan.Identity != was.Identity {
				t.Errorf("the plan has changed: %+v", d.Plan)
			}
		})
	}
}

// A drive of more than 2^24 sectors, behind an adapter that gives the low bits alone.
func TestRestoreCapacityCut(t *testing.T) {
	r := newATARig(t)
	m, err := simata.New(simata.Config{Serial: "ATA-RIG-2", Clock: r.clock, NativeSectors: 1 << 25, HPA: 1 << 24})
	if err != nil {
		t.Fatal(err)
	}
	r.drive, r.host = sat.New(m, sat.Config{Sense: sim.SenseFixed}), inproc.NewHost(r.clock)
	if err := r.host.AttachSCSI("/dev/sda", drive.BusSATA, r.drive); err != nil {
		t.Fatal(err)
	}
	d := r.bench(wipe.ATASecurityErase, nil)
	if says, err := RestoreCapacity(t.Context(), d); says != "" || !errors.Is(err, ata.ErrCut) || len(ataChanges(r.drive.Trace())) > 0 {
		t.Errorf("%q, %v", says, err)
	}
}

// What is not known, or not done, is an error, and never a smaller drive.
func TestRestoreCapacityFails(t *testing.T) {
	hidden := ataHides(1000, 500)
	op := func(o byte, do sim.Action, nth int) ataChange {
		return ataFaults(sim.Fault{When: sim.When{Opcode: &o, Nth: nth}, Do: do})
	}
	for name, c := range map[string]struct {
		change []ataChange
		to     int64
		mark   error
		says   error
	}{
		"registers lost":                   {[]ataChange{hidden, func(_ *simata.Config, s *sat.Config) { s.Sense = sim.SenseMissing }}, 0, nil, nil},
		"native size refused":              {[]ataChange{hidden, op(0x27, sim.Action{Abort: true}, 1)}, 0, nil, nil},
		"SET MAX refused":                  {[]ataChange{hidden, op(0x37, sim.Action{Abort: true}, 1)}, 0, nil, ErrPowerCycle},
		"SET MAX pretends":                 {[]ataChange{hidden, op(0x37, sim.Action{Pretend: true}, 1)}, 0, nil, ErrPowerCycle},
		"SET MAX never answers":            {[]ataChange{hidden, op(0x37, sim.Action{Hang: true}, 1)}, 0, nil, ErrUnanswered},
		"DCO RESTORE refused":              {[]ataChange{hidden, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xb1), Sub: ataFeature(0xc0)}, Do: sim.Action{Abort: true}})}, 0, nil, ErrPowerCycle},
		"DCO RESTORE pretends":             {[]ataChange{hidden, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xb1), Sub: ataFeature(0xc0)}, Do: sim.Action{Pretend: true}})}, 0, nil, ErrPowerCycle},
		"it shrinks":                       {[]ataChange{hidden, op(0x37, sim.Action{Shrink: 100}, 1)}, 0, nil, nil},
		"pulled out":                       {[]ataChange{hidden, op(0x37, sim.Action{Unplug: true}, 1)}, 0, nil, ErrUnanswered},
		"the journal is gone":              {[]ataChange{hidden}, 0, errPower, ErrUnmarked},
		"locked":                           {[]ataChange{hidden, func(c *simata.Config, _ *sat.Config) { c.Security.UserPassword = "x" }}, 0, nil, ErrLocked},
		"less comes back than there is":    {[]ataChange{ataHides(1000, 0)}, 1 << 40, nil, nil},
		"the overlay is frozen, and hides": {[]ataChange{hidden, ataFaults(sim.Fault{When: sim.When{Opcode: ataOpcode(0xb1)}, Do: sim.Action{Abort: true}})}, ataSectors * 512, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := newATARig(t, c.change...)
			r.hangs = strings.Contains(name, "never answers")
			d := r.bench(wipe.ATASecurityErase, nil)
			if c.mark != nil {
				d.Mark = func(context.Context, journal.Mark) error { return c.mark }
			}
			d.Plan.Restore = &wipe.Restore{From: d.Plan.Geometry.Size, To: c.to}
			was := d.Plan
			says, err := RestoreCapacity(t.Context(), d)
			if err == nil || says != "" || c.says != nil && !errors.Is(err, c.says) {
				t.Errorf("%q, %v", says, err)
			}
			if d.Plan.Geometry != was.Geometry || d.Plan.Identity != was.Identity {
				t.Errorf("the plan has changed: %+v", d.Plan)
			}
			if r.left() != ataSectors {
				t.Error("something was erased")
			}
			if sets := ataChanges(r.drive.Trace()); c.mark != nil && len(sets) > 0 {
				t.Errorf("without a journal % x was sent", sets)
			}
		})
	}
}
