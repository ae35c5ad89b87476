package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	sleep "handback.example/wipe/platform"
)

// frozenBed is a machine with a SATA SSD whose sanitize and security are frozen, and
// that says so until awake is set.
type frozenBed struct {
	*bed
	slept   atomic.Int32
	free    atomic.Bool
	gone    atomic.Bool // it has not come back
	trouble error       // of the sleep
	helps   bool
}

func newFrozenBed(t *testing.T) *frozenBed {
	f := &frozenBed{bed: newBed(t, "bravo"), helps: true}
	f.set.Wipe.Level = "purge"
	f.report = func(r *inspect.Report) {
		if f.gone.Load() {
			r.Drives = nil
			return
		}
		const word128 = 0x0001 | 0x0020 // supported, enhanced erase
		d := &r.Drives[0]
		d.Identity = drive.Identity{Bus: drive.BusSATA, Media: drive.MediaSSD, Model: "Froster", Serial: "F1", WWN: "naa.5000000000000001", Size: d.Geometry.Size, Inner: true}
		d.ATA = &inspect.ATA{Security: inspect.Known(uint16(word128|0x0008), "IDENTIFY word 128"), Sanitize: inspect.Known(uint16(1<<12|1<<15), "IDENTIFY word 59"),
			SanitizeState: inspect.Known(inspect.SanitizeFrozen, "SANITIZE STATUS EXT"), NativeMax: inspect.Known(d.Geometry.Size, "test")}
		if f.free.Load() {
			d.ATA.Security.Value, d.ATA.SanitizeState.Value = word128, inspect.SanitizeIdle
		}
	}
	return f
}

func (f *frozenBed) world() World {
	w := f.bed.world()
	w.Suspend = func(_ context.Context, m sleep.Machine) error {
		f.slept.Add(1)
		if !m.Mains.Known {
			f.t.Error("the machine that is put to sleep has no power facts")
		}
		if f.trouble == nil && f.helps {
			f.free.Store(true)
		}
		return f.trouble
	}
	return w
}

func (f *frozenBed) run() *Engine {
	f.t.Helper()
	e := New(f.world())
	go e.Run(f.t.Context())
	return e
}

// factsOf a machine as they are recorded, and as the screen shows them.
func factsOf(t *testing.T, e *Engine) *certs.Facts {
	t.Helper()
	toStage(t, e, wire.StageIntake)
	f := evidence.Facts(e.report, e.plan, certs.Tool{})
	for _, n := range f.Notes {
		if !slices.Contains(facts(e.report, nil), wire.Fact{Part: wire.PartMachine, Name: "Done before", Value: n}) {
			t.Errorf("the screen does not show %q", n)
		}
	}
	return f
}

// A frozen drive is freed by one sleep: the plan is another, and the record says so.
func TestFrozenFreed(t *testing.T) {
	f := newFrozenBed(t)
	e := f.run()
	f2 := factsOf(t, e)
	if f.slept.Load() != 1 {
		t.Fatalf("it slept %d times", f.slept.Load())
	}
	const want = "The firmware had frozen Froster 17 MB (serial F1). The machine was put to sleep and woken once, and it is free."
	if !slices.Equal(f2.Notes, []string{want}) || len(f2.NotHandled) != 0 {
		t.Errorf("%q %+v", f2.Notes, f2.NotHandled)
	}
	if d := e.plan.Drives[0]; len(d.Ladder) == 0 || d.Ladder[0].Technique != "ata-sanitize-block" {
		t.Errorf("%+v", d)
	}
	if log := strings.Join(e.View().Log, "\n"); !strings.Contains(log, "sleeps for a moment") || e.View().Notice != nil {
		t.Errorf("%s %+v", log, e.View().Notice)
	}
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	if n := e.report.Notes; f.slept.Load() != 1 || len(n) != 1 || n[0] != want {
		t.Errorf("looked at again: slept %d times, %q", f.slept.Load(), n)
	}
	// An engine that takes over after this one does not try again.
	f.free.Store(false)
	f2 = evidence.Facts(f.run2(t), e.plan, certs.Tool{})
	if f.slept.Load() != 1 || len(f2.Notes) != 0 {
		t.Errorf("an engine that took over: slept %d times, %q", f.slept.Load(), f2.Notes)
	}
}

// run2 starts another engine of the same power-on and gives its report.
func (f *frozenBed) run2(t *testing.T) *inspect.Report {
	t.Helper()
	e := f.run()
	until(t, "the second engine", func() bool { return e.View().Stage != wire.StageStarting })
	return e.report
}

func TestFrozenStays(t *testing.T) {
	for name, c := range map[string]struct {
		trouble error
		says    string
	}{
		"frozen again":      {nil, "woken once, and it is frozen as before."},
		"no sleep":          {fmt.Errorf("%w: its kernel offers no sleep", sleep.ErrCannot), "It was not freed: this machine can't be put to sleep: its kernel offers no sleep."},
		"did not fall over": {sleep.ErrAwake, "told to sleep: the machine did not fall asleep."},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFrozenBed(t)
			f.helps, f.trouble = false, c.trouble
			e := f.run()
			f2 := factsOf(t, e)
			if len(f2.Notes) != 1 || !strings.Contains(f2.Notes[0], c.says) || !strings.Contains(f2.Notes[0], "serial F1") {
				t.Errorf("%q", f2.Notes)
			}
			d := e.plan.Drives[0]
			said := strings.Join(d.Warnings, " ")
			if d.Refusal != nil {
				said += d.Refusal.Do
			}
			if !strings.Contains(said, "power") && !strings.Contains(said, "off and on") {
				t.Errorf("nobody is told how to go on: %+v", d)
			}
		})
	}
}

// A drive that does not come back from the sleep is not passed over.
func TestFrozenLost(t *testing.T) {
	f := newFrozenBed(t)
	w := f.world()
	suspend := w.Suspend
	w.Suspend = func(ctx context.Context, m sleep.Machine) error {
		f.gone.Store(true)
		return suspend(ctx, m)
	}
	e := New(w)
	go e.Run(t.Context())
	f2 := factsOf(t, e)
	if len(f2.NotHandled) != 1 || f2.NotHandled[0].Code != "lost-by-sleep" || !strings.Contains(f2.NotHandled[0].What, "serial F1") {
		t.Errorf("%+v", f2.NotHandled)
	}
	f.gone.Store(false)
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	if len(e.report.Unhandled) != 0 {
		t.Errorf("it is back, and %+v", e.report.Unhandled)
	}
}

// Drives come back one after the other: they are waited for.
func TestFrozenComesLate(t *testing.T) {
	f := newFrozenBed(t)
	w := f.world()
	look, surveys := w.Survey, 0
	w.Survey = func(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
		if surveys++; surveys == 2 {
			return nil, errors.New("nothing yet")
		}
		f.gone.Store(surveys == 3)
		return look(ctx, silent)
	}
	e := New(w)
	go e.Run(t.Context())
	if f2 := factsOf(t, e); len(f2.NotHandled) != 0 || len(f2.Notes) != 1 || surveys != 4 {
		t.Errorf("%+v %q after %d looks", f2.NotHandled, f2.Notes, surveys)
	}
}

// Where nothing is won by it, the machine does not sleep.
func TestNoNeedlessSleep(t *testing.T) {
	for name, c := range map[string]struct {
		before func(f *frozenBed)
		drive  func(d *inspect.Drive)
	}{
		"nothing frozen":          {before: func(f *frozenBed) { f.free.Store(true) }},
		"an overwrite is ordered": {before: func(f *frozenBed) { f.set.Wipe.Technique, f.set.Wipe.Level = "overwrite-zero", "clear" }},
		"only security frozen":    {drive: func(d *inspect.Drive) { d.ATA.SanitizeState.Value = inspect.SanitizeIdle }},
		"mounted":                 {drive: func(d *inspect.Drive) { d.InUse = []string{"/ is mounted from it"} }},
		"the stick":               {drive: func(d *inspect.Drive) { d.Boot = true }},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFrozenBed(t)
			if c.before != nil {
				c.before(f)
			}
			if was := f.report; c.drive != nil {
				f.report = func(r *inspect.Report) {
					was(r)
					c.drive(&r.Drives[0])
				}
			}
			e := f.run()
			until(t, "its start", func() bool { return e.View().Stage != wire.StageStarting })
			if f.slept.Load() != 0 || len(e.report.Notes) != 0 {
				t.Errorf("slept %d times: %q", f.slept.Load(), e.report.Notes)
			}
		})
	}
}
