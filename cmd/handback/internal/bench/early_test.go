package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	sleep "handback.example/wipe/platform"
)

// startStalled starts an engine one of whose drives is silent until answer is called.
func (b *bed) startStalled(change func(*World)) (e *Engine, answer func()) {
	w, answered := b.world(), make(chan struct{})
	w.Survey = func(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
		silent(inspect.Drive{Path: "/dev/sda", Identity: drive.Identity{Model: "Sleeper", Serial: "SL-1", Size: 512e9}})
		select {
		case <-answered:
			return b.survey(ctx, silent)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	change(&w)
	ctx, cancel := context.WithCancel(b.t.Context())
	b.t.Cleanup(cancel)
	e = New(w)
	go e.Run(ctx)
	return e, func() { close(answered) }
}

func asItIs(*World) {}

// noticeSays holds the page's notice to its words.
func noticeSays(t *testing.T, v wire.View, what, do string) {
	t.Helper()
	if v.Notice == nil || !strings.Contains(v.Notice.What, what) || !strings.HasPrefix(v.Notice.Do, do) {
		t.Errorf("at %s the notice is %+v, want %q and %q", v.Stage, v.Notice, what, do)
	}
}

// While a drive is silent the intake is filled in; it is taken when the drive has
// answered, and asked about then.
func TestIntakeWhileADriveIsSilent(t *testing.T) {
	b := newBed(t, "alpha")
	b.report = func(r *inspect.Report) { r.Machine.AssetTag = inspect.Known("DEF-7", "test") }
	e, answer := b.startStalled(asItIs)
	v := toStage(t, e, wire.StageIntake)
	noticeSays(t, v, "Sleeper 512 GB, serial SL-1", "Fill in the intake meanwhile. The drive has")
	if len(v.Intake.Sources) == 0 {
		t.Error("the form has no sources to choose from")
	}
	for _, kind := range []wire.Kind{wire.IntentRescan, wire.IntentPowerOff, wire.IntentToAgree, wire.IntentConsent, wire.IntentConfirm} {
		refused(t, e, wire.Intent{Kind: kind, Text: "DEF-1"}, "the machine is still being looked at")
	}
	refused(t, e, wire.Intent{Kind: wire.IntentIntake, Form: form(" ")}, "the asset tag is empty")
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: form(" DEF-1")})
	v = toStage(t, e, wire.StageStarting)
	noticeSays(t, v, "Sleeper 512 GB, serial SL-1", "The intake is kept. Wait. ")
	if v.Intake.Tag != "DEF-1" {
		t.Errorf("the tag that was given is %q", v.Intake.Tag)
	}
	answer()
	v = toStage(t, e, wire.StageIntake)
	if v.Intake.Confirm == "" || v.Intake.SuggestedTag != "DEF-7" || v.Notice != nil {
		t.Errorf("asked %q, suggested %q, notice %+v", v.Intake.Confirm, v.Intake.SuggestedTag, v.Notice)
	}
	must(t, e, wire.Intent{Kind: wire.IntentConfirm, Yes: true})
	if v = toStage(t, e, wire.StageCheck); v.Tag != "DEF-1" || len(v.Plan.Rows) != 1 || !b.untouched() {
		t.Errorf("the visit of %q has %d drives", v.Tag, len(v.Plan.Rows))
	}
}

// A drive that answers while the form is filled in changes nothing on the form's page.
func TestDriveAnswersDuringTheIntake(t *testing.T) {
	b := newBed(t, "alpha")
	e, answer := b.startStalled(asItIs)
	toStage(t, e, wire.StageIntake)
	answer()
	until(t, "the machine's name", func() bool { return e.View().Machine != "" })
	until(t, "no notice", func() bool { return e.View().Notice == nil })
	if v := b.toAgree(e); v.Tag != "DEF-1" {
		t.Errorf("the visit is of %q", v.Tag)
	}
}

// A label's number can be had early, too, and a legal hold that was ticked early stops the
// visit before anything is erased.
func TestStopReasonWhileADriveIsSilent(t *testing.T) {
	b := newBed(t, "alpha")
	e, answer := b.startStalled(asItIs)
	toStage(t, e, wire.StageIntake)
	f := form("")
	f.LegalHold = true
	must(t, e, wire.Intent{Kind: wire.IntentNoLabel, Form: f})
	answer()
	v := toStage(t, e, wire.StageStopped)
	noticeSays(t, v, "legal hold", "Nothing was erased")
	if rs := b.records(v.Visit); !strings.HasPrefix(rs[0].Intake.Tag, "S01.") || rs[len(rs)-1].Kind != certs.KindCertified || !b.untouched() {
		t.Errorf("tag %q, records %v", rs[0].Intake.Tag, kinds(rs))
	}
}

// cutOffVisit of DEF-1 leaves a visit on the stick, in the middle of an erasure.
func (b *bed) cutOffVisit() (visit string) {
	b.t.Helper()
	b.slow.Store(int64(20e6))
	e, end, cancel := b.start()
	v := b.toAgree(e)
	must(b.t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(b.t, "work", func() bool { v = e.View(); return len(v.Drives) == 1 && v.Drives[0].Fraction > 0 })
	cancel()
	<-end
	time.Sleep(200 * time.Millisecond) // the writes in flight end
	b.slow.Store(0)
	return v.Visit
}

// A visit that was cut off goes on with the intake that is on record: no other one is
// asked for, also where only the drives can tell whose visit it is.
func TestNoEarlyIntakeWhereAVisitMayGoOn(t *testing.T) {
	for name, says := range map[string]bool{"the machine says what it is": true, "only its drives can tell": false} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			visit := b.cutOffVisit()
			e, answer := b.startStalled(func(w *World) {
				if !says {
					w.Machine = func(context.Context) *inspect.Report { return &inspect.Report{} }
				}
			})
			until(t, "the notice", func() bool { return e.View().Notice != nil })
			time.Sleep(200 * time.Millisecond)
			if v := e.View(); v.Stage != wire.StageStarting {
				t.Errorf("the stage is %s", v.Stage)
			}
			answer()
			if v := toStage(t, e, wire.StageCheck); v.Visit != visit || v.Tag != "DEF-1" {
				t.Errorf("visit %s of DEF-1 goes on as %s of %q", visit, v.Visit, v.Tag)
			}
		})
	}
}

// A visit of another machine is no reason to wait. Should it be this one's after all,
// nothing goes on by two intakes: what was given last may be a legal hold.
func TestEarlyIntakeOfAnotherMachine(t *testing.T) {
	b := newBed(t, "alpha")
	visit := b.cutOffVisit()
	left := b.traces()
	other := func(w *World) {
		w.Machine = func(context.Context) *inspect.Report {
			r := b.machine()
			r.Machine.Serial, r.Machine.UUID = inspect.Known("EX14-2", "test"), inspect.Known("", "test")
			return r
		}
	}
	e, answer := b.startStalled(other)
	toStage(t, e, wire.StageIntake)
	f := form("DEF-2")
	f.LegalHold = true
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	answer()
	noticeSays(t, toStage(t, e, wire.StageStopped), "Visit "+visit+" of this machine was cut off", "Its drives were being erased before")
	if b.traces() != left {
		t.Error("the erasure went on")
	}
}

// A tag that was done today is asked about, however early it is given.
func TestEarlyIntakeDoneToday(t *testing.T) {
	b := newBed(t, "alpha")
	e, _, cancel := b.start()
	toStage(t, e, wire.StageIntake)
	f := form("DEF-1")
	f.LegalHold = true // the quickest visit that ends
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	toStage(t, e, wire.StageStopped)
	cancel()
	e, answer := b.startStalled(func(w *World) {
		w.Station = func(context.Context) (Station, error) {
			return Station{Settings: b.set, Signer: b.signer, Store: slowToRead{b.store}, Image: strings.Repeat("ab", 32)}, nil
		}
	})
	toStage(t, e, wire.StageIntake)
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-1")})
	answer()
	until(t, "the question", func() bool { return strings.Contains(e.View().Intake.Confirm, "was done today already") })
}

// slowToRead takes 20 ms to give a file, as sticks do.
type slowToRead struct{ *faulty }

func (s slowToRead) Read(ctx context.Context, name string) ([]byte, error) {
	time.Sleep(20 * time.Millisecond)
	return s.faulty.Read(ctx, name)
}

// pulled can't be read while it is out.
type pulled struct{ *faulty }

func (p pulled) List(ctx context.Context, dir string) ([]string, error) {
	if p.gone.Load() {
		return nil, stick.ErrGone
	}
	return p.faulty.List(ctx, dir)
}

// A stick that is pulled while a drive is waited for is missed at once, and R goes on
// when it is back.
func TestStickPulledAtTheEarlyIntake(t *testing.T) {
	b := newBed(t, "alpha")
	e, answer := b.startStalled(func(w *World) {
		w.Station = func(context.Context) (Station, error) {
			return Station{Settings: b.set, Signer: b.signer, Store: pulled{b.store}, Image: strings.Repeat("ab", 32)}, nil
		}
	})
	toStage(t, e, wire.StageIntake)
	b.store.gone.Store(true)
	until(t, "the notice", func() bool { return e.View().Notice.What == "The stick is gone." })
	answer()
	noticeSays(t, toStage(t, e, wire.StageStopped), "not in the machine", "Nothing was erased")
	b.store.gone.Store(false)
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	toStage(t, e, wire.StageIntake)
}

// An intake that could not be taken is given back, and why stands there until the next try.
func TestEarlyIntakeNotTaken(t *testing.T) {
	b := newBed(t, "alpha")
	e, answer := b.startStalled(asItIs)
	toStage(t, e, wire.StageIntake)
	f := form("DEF-1")
	f.LegalHold = true
	b.store.refuse.Store(func(stick.File) error { return stick.ErrFull })
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	answer()
	v := toStage(t, e, wire.StageIntake)
	until(t, "the notice", func() bool { v = e.View(); return v.Notice != nil })
	time.Sleep(watchTime + 200*time.Millisecond)
	noticeSays(t, e.View(), "The intake was not taken: ", "Mend that")
	if !v.Intake.LegalHold || v.Intake.Tag != "DEF-1" {
		t.Errorf("the form has %+v", v.Intake)
	}
	b.store.refuse.Store(func(stick.File) error { return nil })
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	noticeSays(t, toStage(t, e, wire.StageStopped), "legal hold", "Nothing was erased")
}

// Whoever types when the machine is put to sleep is told before the screen goes dark.
func TestSleepAtTheEarlyIntake(t *testing.T) {
	f := newFrozenBed(t)
	said := make(chan wire.View, 1)
	var e *Engine
	e, answer := f.startStalled(func(w *World) {
		w.Linger = 500 * time.Millisecond
		w.Suspend = func(context.Context, sleep.Machine) error {
			f.free.Store(true)
			said <- e.View()
			return nil
		}
	})
	toStage(t, e, wire.StageIntake)
	answer()
	if v := <-said; v.Notice == nil || !strings.Contains(v.Notice.What, "has frozen") || v.Stage != wire.StageStarting {
		t.Errorf("as the machine goes to sleep: stage %s, notice %+v", v.Stage, v.Notice)
	}
	until(t, "the machine is known", func() bool { // it is looked at again after its sleep
		e.mu.Lock()
		defer e.mu.Unlock()
		return e.stage == wire.StageIntake && !e.early
	})
}

// No form is shown by a stick that was there before and is looked for now.
func TestNoEarlyIntakeWithoutTheStick(t *testing.T) {
	b := newBed(t, "alpha")
	looked, found, again, looks := make(chan bool), make(chan bool), false, 0
	e, answer := b.startStalled(func(w *World) {
		stalled := w.Survey
		w.Survey = func(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
			if looks++; looks == 1 {
				return b.survey(ctx, silent)
			}
			return stalled(ctx, silent)
		}
		w.Station = func(context.Context) (Station, error) {
			if !again {
				again = true
				return Station{Settings: b.set, Signer: b.signer, StoreErr: stick.ErrReadOnly}, nil
			}
			close(looked)
			<-found
			return Station{}, stick.ErrGone
		}
	})
	defer answer()
	toStage(t, e, wire.StageIntake)
	f := form("DEF-1")
	f.LegalHold = true
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	toStage(t, e, wire.StageStopped)
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	<-looked
	time.Sleep(100 * time.Millisecond)
	if v := e.View(); v.Stage != wire.StageStarting {
		t.Errorf("without the stick the stage is %s", v.Stage)
	}
	close(found)
	toStage(t, e, wire.StageStopped)
}

// A locked key, a stick that is no use, and a visit without a person are not held up by a
// silent drive either, or wait for it.
func TestSilentDriveAtTheStart(t *testing.T) {
	t.Run("a useless stick", func(t *testing.T) {
		b := newBed(t, "alpha")
		e, _ := b.startStalled(func(w *World) {
			w.Station = func(context.Context) (Station, error) { return Station{}, context.DeadlineExceeded }
		})
		if v := toStage(t, e, wire.StageStopped); v.Notice == nil || !b.untouched() {
			t.Error("it does not say why")
		}
	})
	t.Run("without a person", func(t *testing.T) {
		b := newBed(t, "alpha")
		b.set.Unattended, b.set.Intake.Tag, b.set.Intake.Operator = true, "DEF-1", "T-1"
		b.set.Intake.Source, b.set.Intake.Classification, b.set.Intake.DIAL, b.set.Wipe.Serials = "desk", certs.Official, 2, []string{"*"}
		e, answer := b.startStalled(asItIs)
		until(t, "the notice", func() bool {
			e.mu.Lock()
			found := e.found
			e.mu.Unlock()
			return found && e.View().Notice != nil
		})
		if v := e.View(); v.Stage != wire.StageStarting {
			t.Errorf("nobody is there, and the stage is %s", v.Stage)
		}
		answer()
		toStage(t, e, wire.StageErase)
	})
	t.Run("a locked key", func(t *testing.T) {
		b, station := lockedStation(t, func(*Station) {})
		e, answer := b.startStalled(func(w *World) { w.Station = station })
		if v := toStage(t, e, wire.StageUnlock); v.Class != string(sign.Demonstrating) {
			t.Errorf("the class is %q", v.Class)
		}
		must(t, e, unlockWith(shiftWords))
		toStage(t, e, wire.StageIntake)
		must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-1")})
		answer()
		if v := toStage(t, e, wire.StageCheck); v.Tag != "DEF-1" {
			t.Errorf("the visit is of %q", v.Tag)
		}
	})
}
