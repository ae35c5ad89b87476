package bench

import (
	"context"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/survey"
	"handback.example/wipe/tpm"
)

func roots(s *sign.Signer) []*x509.Certificate { return []*x509.Certificate{s.Root} }

// answerAll answers every bench question with its first choice that passes.
func answerAll(t *testing.T, e *Engine) {
	t.Helper()
	for _, q := range e.View().Questions {
		must(t, e, wire.Intent{Kind: wire.IntentAnswer, Question: q.ID, Choice: 0})
	}
}

func TestVisitWithAPerson(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	e, end, _ := b.start()
	v := b.toAgree(e)
	if len(v.Plan.Rows) != 2 || !v.Plan.Ready || v.Plan.Digest == "" {
		t.Fatalf("the plan is %+v", v.Plan)
	}
	digest := v.Plan.Digest
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-2", Digest: digest}, "scan the label of this machine")
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "", Digest: digest}, "scan the label of this machine")
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: strings.Repeat("0", 64)}, "the plan has changed")
	refused(t, e, wire.Intent{Kind: wire.IntentFinish}, "drives to erase")
	must(t, e, wire.Intent{Kind: wire.IntentBack})
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	if !b.untouched() {
		t.Fatal("something was erased before anybody agreed")
	}
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: " def-1 ", Digest: digest})
	until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
	answerAll(t, e)
	v = toStage(t, e, wire.StageResult)
	if v.Result.Pass != (v.Result.Word == "PASS") || v.Result.Route == "" || !v.Result.CanPowerOff {
		t.Errorf("the result is %+v", v.Result)
	}
	if n := b.traces(); n != 0 {
		t.Errorf("%d traces are left", n)
	}
	rs := b.records(v.Visit)
	want := []certs.Kind{certs.KindIntake, certs.KindFacts, certs.KindConsent}
	if got := kinds(rs); !slices.Equal(got[:3], want) || got[len(got)-1] != certs.KindCertified {
		t.Errorf("the records are %v", got)
	}
	s := certs.Summarise(rs)
	if s.Verdict != certs.Sanitised || s.Sanitised != 2 || len(s.Boot) != 0 || len(s.Tests) == 0 || s.Intake.Operator != "op17" || s.Intake.Seal != "HUB-00417" {
		t.Errorf("the records add up to %+v", s)
	}
	if r := b.genuine(v.Result.Papers)["erasure"]; r.Sanitised != "sanitised" {
		t.Errorf("the erasure certificate records %+v", r)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	if how := <-end; how != EndPowerOff || e.code != 0 {
		t.Errorf("the end is %v with code %d", how, e.code)
	}
}

func TestUnattended(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *bed)
		code   int
		erased bool
	}{
		"every serial":             {func(b *bed) {}, 0, true},
		"the serial":               {func(b *bed) { b.set.Wipe.Serials = []string{"ALPHA"} }, 0, true},
		"another serial":           {func(b *bed) { b.set.Wipe.Serials = []string{"BRAVO"} }, 3, false},
		"no serial":                {func(b *bed) { b.set.Wipe.Serials = nil }, 3, false},
		"star on a real machine":   {func(b *bed) { b.report = func(r *inspect.Report) { r.Machine.Hypervisor = inspect.Known(false, "") } }, 3, false},
		"star, nobody knows where": {func(b *bed) { b.report = func(r *inspect.Report) { r.Machine.Hypervisor = inspect.Fact[bool]{} } }, 3, false},
		"purge is wanted":          {func(b *bed) { b.set.Wipe.Level = "purge" }, 3, false},
		"another tag":              {func(b *bed) { b.report = func(r *inspect.Report) { r.Machine.AssetTag = inspect.Known("X-1", "") } }, 3, false},
		"power lead out":           {func(b *bed) { b.report = func(r *inspect.Report) { r.Mains = inspect.Known(false, "") } }, 3, false},
		"no drive":                 {func(b *bed) { b.report = func(r *inspect.Report) { r.Drives = nil } }, 3, false},
		"something hidden": {func(b *bed) {
			b.report = func(r *inspect.Report) {
				r.Unhandled = []inspect.Finding{{Code: "raid-mode", What: "RAID mode", Do: "switch"}}
			}
		}, 3, true},
		"nobody could look for more": {func(b *bed) { b.report = func(r *inspect.Report) { r.Unhandled = nil } }, 3, true},
		"TPM not cleared":            {func(b *bed) { b.tpm = func() tpm.Outcome { return tpm.Outcome{Result: tpm.NotCleared} } }, 1, true},
		"TPM unknown":                {func(b *bed) { b.tpm = func() tpm.Outcome { return tpm.Outcome{} } }, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			b.set.Unattended = true
			c.change(b)
			e, end, _ := b.start()
			if how := <-end; how != EndPowerOff || e.code != c.code {
				t.Errorf("the end is %v with code %d, want %d", how, e.code, c.code)
			}
			if c.erased && b.traces() != 0 || !c.erased && !b.untouched() {
				t.Errorf("erased is wanted to be %v; %d traces are left", c.erased, b.traces())
			}
		})
	}
}

// Who is stopped at intake gets a paper that says so, and no drive is touched.
func TestStopReasons(t *testing.T) {
	for name, change := range map[string]func(f *wire.Intake){
		"stolen":     func(f *wire.Intake) { f.Stolen = true },
		"held":       func(f *wire.Intake) { f.LegalHold = true },
		"disputed":   func(f *wire.Intake) { f.Disputed = true },
		"above":      func(f *wire.Intake) { f.Classification = "above" },
		"no consent": nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			e, end, _ := b.start()
			toStage(t, e, wire.StageIntake)
			if change == nil {
				must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
				if <-end; e.code != 130 || !b.untouched() {
					t.Errorf("leaving gives %d", e.code)
				}
				return
			}
			f := form("DEF-1")
			change(f)
			must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
			v := toStage(t, e, wire.StageStopped)
			if v.Notice == nil || v.Notice.Do == "" {
				t.Error("nobody is told what to do")
			}
			refused(t, e, wire.Intent{Kind: wire.IntentToAgree}, "can't be done")
			refused(t, e, wire.Intent{Kind: wire.IntentRescan}, "can't be done")
			s := certs.Summarise(b.records(v.Visit))
			if s.Route != certs.RouteHold || len(s.MachineRefusals) != 1 || s.Good() {
				t.Errorf("the records add up to %+v", s)
			}
			if b.genuine(e.papers)["hold"].Visit != v.Visit {
				t.Error("there is no notice of the hold")
			}
			must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
			if <-end; e.code != 3 || !b.untouched() {
				t.Errorf("code %d, %d traces left", e.code, b.traces())
			}
		})
	}
}

// No STARTED on the stick, no destructive command.
func TestStartedNotDurable(t *testing.T) {
	b := newBed(t, "alpha")
	seen := 0
	b.store.refuse.Store(func(f stick.File) error {
		if !strings.HasPrefix(f.Name, settings.SpoolDir) {
			return nil
		}
		if seen++; seen > 3 { // INTAKE, FACTS and CONSENT are taken
			return stick.ErrFull
		}
		return nil
	})
	e, _, _ := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "the end of the erasure", func() bool { s := e.View().Stage; return s == wire.StageGrade || s == wire.StageResult })
	if !b.untouched() {
		t.Fatal("a drive was written without a record of it")
	}
	if e.View().Stage == wire.StageGrade {
		must(t, e, wire.Intent{Kind: wire.IntentFinish})
	}
	v = toStage(t, e, wire.StageResult)
	if v.Result.Pass || v.Result.CanPowerOff {
		t.Errorf("the result is %+v", v.Result)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentNext}, "wait in memory")
	b.store.refuse.Store(func(stick.File) error { return nil })
	until(t, "the records land", func() bool { return e.View().Result.CanPowerOff })
	if s := certs.Summarise(b.records(v.Visit)); s.Refused != 1 || s.Good() {
		t.Errorf("the records add up to %+v", s)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
}

// The stick is pulled after STARTED: the drive is erased, the records wait, and
// the machine is not switched off before they are back on a stick.
func TestStickPulled(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(300 * time.Millisecond))
	e, end, _ := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "the erasure", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].State == "ERASING" && d[0].Fraction > 0 })
	b.store.gone.Store(true)
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	until(t, "the notice", func() bool { n := e.View().Notice; return n != nil && strings.Contains(n.What, "gone") })
	if v.Result.CanPowerOff || b.traces() != 0 {
		t.Errorf("%+v, %d traces", v.Result, b.traces())
	}
	refused(t, e, wire.Intent{Kind: wire.IntentNext}, "wait in memory")
	b.store.gone.Store(false)
	until(t, "the records land", func() bool { return e.View().Result.CanPowerOff })
	if s := certs.Summarise(b.records(v.Visit)); s.Verdict != certs.Sanitised {
		t.Errorf("the records add up to %+v", s)
	}
	if len(b.genuine(v.Result.Papers)) != 2 {
		t.Errorf("the papers are %v", v.Result.Papers)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	<-end
}

// A power cut in mid-wipe: the next start goes on with the visit, no record of
// the first claims success, and none is changed.
func TestPowerCut(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	b.slow.Store(int64(1500 * time.Millisecond))
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "both are being erased", func() bool {
		d := e.View().Drives
		return len(d) == 2 && d[0].Fraction > 0 && d[1].Fraction > 0
	})
	b.store.gone.Store(true) // what the dying process still writes is lost, as in a real cut
	cut()
	time.Sleep(3500 * time.Millisecond) // the writes in flight end
	b.store.gone.Store(false)
	before := b.recordFiles()
	for _, r := range b.records("S01-000001") {
		if r.Finished != nil {
			t.Errorf("after the cut there is %+v", r.Finished)
		}
	}
	b.slow.Store(0)
	e, end, _ := b.start()
	v = toStage(t, e, wire.StageCheck)
	if v.Tag != "DEF-1" || v.Visit != "S01-000001" {
		t.Fatalf("the visit is not picked up: tag %q, visit %q", v.Tag, v.Visit)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentBack}, "on record")
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	v = toStage(t, e, wire.StageAgree)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	for name, old := range before {
		if now, err := os.ReadFile(name); err != nil || string(now) != old {
			t.Errorf("%s was changed after it was written: %v", name, err)
		}
	}
	rs := b.records(v.Visit)
	interrupted, resumed := 0, 0
	for _, r := range rs {
		if r.Finished != nil && r.Finished.Verdict == certs.Interrupted {
			interrupted++
		}
		if r.Started != nil && r.Started.Resumed {
			resumed++
		}
	}
	if s := certs.Summarise(rs); s.Verdict != certs.Sanitised || interrupted != 2 || resumed != 2 || b.traces() != 0 {
		t.Errorf("%d interrupted, %d resumed, %d traces; %+v", interrupted, resumed, b.traces(), s)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	if <-end; e.code != 0 {
		t.Errorf("code %d", e.code)
	}
}

// recordFiles are the record files on the stick with what they hold.
func (b *bed) recordFiles() map[string]string {
	out := map[string]string{}
	names, err := filepath.Glob(filepath.Join(b.store.Path(), settings.SpoolDir, "*"))
	if err != nil || len(names) == 0 {
		b.t.Fatalf("no records: %v", err)
	}
	for _, n := range names {
		raw, err := os.ReadFile(n)
		if err != nil {
			b.t.Fatal(err)
		}
		out[n] = string(raw)
	}
	return out
}

// A stick that is taken to another machine in mid-visit begins a new visit there.
func TestOtherMachine(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(300 * time.Millisecond))
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "it is being erased", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	b.store.gone.Store(true)
	cut()
	time.Sleep(time.Second)
	b.store.gone.Store(false)
	b.slow.Store(0)
	b.report = func(r *inspect.Report) { r.Machine.Serial = inspect.Known("EX14-2", "test") }
	e, _, cut = b.start()
	v = toStage(t, e, wire.StageIntake)
	if v.Visit != "" {
		t.Errorf("visit %s goes on in another machine", v.Visit)
	}
	cut()
	nameless := func(r *inspect.Report) { r.Machine = inspect.Machine{} }
	b.report = func(r *inspect.Report) {
		nameless(r)
		r.Drives[0].Identity.Serial = "ANOTHER"
	}
	e, _, cut = b.start()
	if v = toStage(t, e, wire.StageIntake); v.Visit != "" {
		t.Errorf("visit %s goes on in a machine without a name, with another drive", v.Visit)
	}
	cut()
	for name, report := range map[string]func(*inspect.Report){"its own machine": nil, "its own drive in a machine without a name": nameless} {
		b.report = report
		e, _, cut = b.start()
		if v = toStage(t, e, wire.StageCheck); v.Visit != "S01-000001" {
			t.Errorf("%s gets visit %q", name, v.Visit)
		}
		cut()
	}
}

// The engine dies in mid-wipe while the stick is out: the next one can't know the
// visit, and does not say that nothing was erased.
func TestEngineDiesWithoutStick(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(300 * time.Millisecond))
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "it is being erased", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	b.store.gone.Store(true)
	cut()
	time.Sleep(time.Second)
	w := b.world()
	w.Station = func(context.Context) (Station, error) { return Station{}, stick.ErrGone }
	e = New(w)
	go e.Run(t.Context())
	v = toStage(t, e, wire.StageStopped)
	if !strings.Contains(v.Notice.Do, "not finished") || strings.HasPrefix(v.Notice.Do, nothingErased) || e.code != 1 {
		t.Errorf("the notice is %+v, code %d", v.Notice, e.code)
	}
}

// Stopping in mid-overwrite.
func TestStop(t *testing.T) {
	b := newBed(t, "alpha")
	b.tpm = func() tpm.Outcome { t.Error("the TPM is cleared after a stop"); return tpm.Outcome{} }
	b.slow.Store(int64(300 * time.Millisecond))
	e, end, _ := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "it is being erased", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	refused(t, e, wire.Intent{Kind: wire.IntentPowerOff}, "not finished")
	must(t, e, wire.Intent{Kind: wire.IntentStop})
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	if v.Result.Word != "FAIL" || v.Result.Pass {
		t.Errorf("the result is %+v", v.Result)
	}
	if s := certs.Summarise(b.records(v.Visit)); s.Verdict != certs.Interrupted {
		t.Errorf("the records say %s", s.Verdict)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	if <-end; e.code != 1 {
		t.Errorf("code %d", e.code)
	}
}

// A drive that comes after the plan was shown is not erased by that consent.
func TestPlanChanged(t *testing.T) {
	b := newBed(t, "alpha")
	e, _, _ := b.start()
	v := b.toAgree(e)
	b.addDrive("bravo")
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest}, "the drives have changed")
	if v = toStage(t, e, wire.StageCheck); len(v.Plan.Rows) != 2 || !b.untouched() {
		t.Errorf("%d drives are shown, %d traces", len(v.Plan.Rows), b.traces())
	}
}

// A drive that is put in while the others are erased is on the paper as one that
// nobody erased.
func TestLateDrive(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(300 * time.Millisecond))
	e, end, _ := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "it is being erased", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	b.addDrive("bravo")
	toStage(t, e, wire.StageGrade)
	answerAll(t, e)
	v = toStage(t, e, wire.StageResult)
	s := certs.Summarise(b.records(v.Visit))
	if v.Result.Pass || s.Verdict != certs.RefusedVerdict || s.Sanitised != 1 || s.Refused != 1 || s.Route != certs.RouteHold {
		t.Errorf("the result is %+v, the records add up to %+v", v.Result, s)
	}
	must(t, e, wire.Intent{Kind: wire.IntentNext})
	if <-end; e.code != 3 || b.traces() != (16<<20)/32 {
		t.Errorf("code %d, %d traces", e.code, b.traces())
	}
}

// What comes up while the drives are erased and stands in the way of saying 'every
// drive' is on the papers; what the plan named already is not said twice.
func TestLateFinding(t *testing.T) {
	early := inspect.Finding{Code: "no-driver", What: "an early one", Do: "look"}
	late := inspect.Finding{Code: "usb-no-drive", What: "a USB reader shows no drive", Do: "unplug it"}
	for name, c := range map[string]struct {
		before, after []inspect.Finding
		looks         int64 // that find it so; 0: all
		want          []string
	}{
		"nothing":             {[]inspect.Finding{}, []inspect.Finding{}, 0, nil},
		"known before":        {[]inspect.Finding{early}, []inspect.Finding{early}, 0, []string{"no-driver"}},
		"new":                 {[]inspect.Finding{}, []inspect.Finding{late}, 0, []string{"usb-no-drive"}},
		"one more":            {[]inspect.Finding{early}, []inspect.Finding{early, late}, 0, []string{"no-driver", "usb-no-drive"}},
		"gone since":          {[]inspect.Finding{early}, []inspect.Finding{}, 0, []string{"no-driver"}},
		"nobody looked":       {[]inspect.Finding{}, nil, 0, []string{"not-looked"}},
		"for a moment":        {[]inspect.Finding{}, []inspect.Finding{late}, 1, nil},
		"unread for a moment": {[]inspect.Finding{}, nil, 1, nil},
		"a second stick":      {[]inspect.Finding{}, []inspect.Finding{{Code: survey.CodeTwoSticks, What: "two sticks", Do: "leave one"}}, 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			var begun atomic.Bool
			var looks atomic.Int64
			b.report = func(r *inspect.Report) {
				if r.Unhandled = c.before; begun.Load() && (c.looks == 0 || looks.Add(1) <= c.looks) {
					r.Unhandled = c.after
				}
			}
			e, _, _ := b.start()
			v := b.toAgree(e)
			must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
			toStage(t, e, wire.StageGrade)
			begun.Store(true)
			answerAll(t, e)
			v = toStage(t, e, wire.StageResult)
			s := certs.Summarise(b.records(v.Visit))
			var got []string
			for _, r := range s.MachineRefusals {
				got = append(got, r.Code)
			}
			if !slices.Equal(got, c.want) || (s.Verdict == certs.Sanitised) != (c.want == nil) {
				t.Errorf("refusals %v, want %v; the records say %s", got, c.want, s.Verdict)
			}
		})
	}
}

// The TPM's owner has locked it: the machine starts again, and only that start
// says what became of it.
func TestTPMPending(t *testing.T) {
	for name, c := range map[string]struct {
		then tpm.Result
		code int
	}{"cleared": {tpm.Cleared, 0}, "declined": {tpm.NotCleared, 1}} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			b.set.Unattended = true
			asked := 0
			b.tpm = func() tpm.Outcome {
				asked++
				return tpm.Outcome{Result: tpm.Pending, How: "physical presence interface", Note: &tpm.Note{Operation: 5, SRKBefore: "000b01"}}
			}
			e, end, _ := b.start()
			if how := <-end; how != EndReboot {
				t.Fatalf("the first start ends with %v, code %d", how, e.code)
			}
			for _, r := range b.records("S01-000001") {
				if r.Certified != nil || r.TPM != nil && r.TPM.Result != certs.TPMPending {
					t.Errorf("before the restart there is %s", r.Kind)
				}
			}
			b.resume = func(n tpm.Note) tpm.Outcome {
				if n.SRKBefore != "000b01" {
					t.Errorf("the note is %+v", n)
				}
				return tpm.Outcome{Result: c.then}
			}
			e, end, _ = b.start()
			if how := <-end; how != EndPowerOff || e.code != c.code || asked != 1 || b.traces() != 0 {
				t.Errorf("the second start ends with %v, code %d; asked %d times, %d traces", how, e.code, asked, b.traces())
			}
		})
	}
}

// Whatever a screen sends in whatever order, nothing is erased without the tag
// for the plan that was shown.
func TestNoWayRound(t *testing.T) {
	b := newBed(t, "alpha")
	e, _, _ := b.start()
	toStage(t, e, wire.StageIntake)
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		i := wire.Intent{Kind: wire.Kinds[r.IntN(len(wire.Kinds))], Text: []string{"", "DEF-9", "yes"}[r.IntN(3)],
			Digest: []string{"", e.View().Plan.Digest}[r.IntN(2)], Yes: r.IntN(2) == 0, Form: form("DEF-1"), Question: "lock", Choice: r.IntN(3)}
		if i.Kind == wire.IntentPowerOff || i.Kind == wire.IntentNext {
			continue
		}
		_ = e.Do(i) // refused or not: only the drive counts
	}
	if !b.untouched() {
		t.Error("a drive was erased without consent")
	}
}

// A stick that can't be read or trusted ends the visit before it begins.
func TestBadStation(t *testing.T) {
	b := newBed(t, "alpha")
	for name, c := range map[string]struct {
		station Station
		err     error
		says    string
	}{
		"gone":      {err: stick.ErrGone, says: "not in the machine"},
		"two":       {err: stick.ErrAmbiguous, says: "ore than one disk"},
		"settings":  {err: errors.New("settings: unknown setting \"colour\""), says: "unknown setting"},
		"read-only": {station: Station{Settings: b.set, Signer: b.signer, StoreErr: stick.ErrReadOnly}, says: "write-protected"},
		"corrupt":   {station: Station{Settings: b.set, Signer: b.signer, StoreErr: stick.ErrCorrupt}, says: "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := b.world()
			w.Station = func(ctx context.Context) (Station, error) { return c.station, c.err }
			e := New(w)
			go e.Run(t.Context())
			var v wire.View
			until(t, "a notice", func() bool { v = e.View(); return v.Notice != nil && v.Stage != wire.StageStarting })
			if !strings.Contains(v.Notice.What, c.says) || v.Notice.Do == "" {
				t.Errorf("the notice is %+v", v.Notice)
			}
			if c.err == nil {
				v = b.toAgree(e)
				if v.Plan.Ready {
					t.Error("a plan is ready without a place for its record")
				}
				refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest}, "without a record")
			}
			if !b.untouched() {
				t.Error("a drive was touched")
			}
		})
	}
}
