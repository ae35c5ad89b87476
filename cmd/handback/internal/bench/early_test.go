package bench

import (
	"context"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
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
		refused(t, e, wire.Intent{Kind: kind, Text: "DEF-1"}, "a drive is still waited for")
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

// A visit that was cut off goes on with the intake that is on record, whatever was typed.
func TestPickUpAfterAnEarlyIntake(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(20e6))
	e, end, cancel := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "work", func() bool { v = e.View(); return len(v.Drives) == 1 && v.Drives[0].Fraction > 0 })
	cancel()
	<-end
	b.slow.Store(0)
	e, answer := b.startStalled(asItIs)
	toStage(t, e, wire.StageIntake)
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-2")})
	answer()
	if again := toStage(t, e, wire.StageCheck); again.Visit != v.Visit || again.Tag != "DEF-1" {
		t.Errorf("visit %s of %q goes on as %s of %q", v.Visit, "DEF-1", again.Visit, again.Tag)
	}
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
		until(t, "the notice", func() bool { return e.View().Notice != nil && e.station.Store != nil })
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
