package bench

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/wipe/tpm"
)

// cutAt has the stick take nothing any more from the first file on that cut says:
// what a power cut at that moment would leave.
func (b *bed) cutAt(cut func(name string) bool) {
	var off atomic.Bool // drives write side by side
	b.store.refuse.Store(func(f stick.File) error {
		if cut(f.Name) {
			off.Store(true)
		}
		if off.Load() {
			return stick.ErrGone
		}
		return nil
	})
}

func (b *bed) whole() { b.store.refuse.Store(func(stick.File) error { return nil }) }

func inSpool(seq string) func(string) bool {
	return func(name string) bool {
		return strings.HasPrefix(name, settings.SpoolDir) && strings.HasSuffix(name, seq+".json")
	}
}

func isPaper(name string) bool { return strings.HasPrefix(name, settings.CertificatesDir) }

// A machine under legal hold stays under it, wherever the power is cut while that
// is written down: it is asked about anew, or the visit goes on to its papers.
func TestHoldOutlivesAPowerCut(t *testing.T) {
	for name, seq := range map[string]string{"after INTAKE": "-0002", "before FACTS": "-0003", "before the grade": "-0004", "before the papers": "-0006"} {
		for _, unattended := range []bool{false, true} {
			if unattended && seq <= "-0003" {
				continue // settings hold no machine back: it takes a person to begin such a visit
			}
			t.Run(name+map[bool]string{true: ", unattended"}[unattended], func(t *testing.T) {
				b := newBed(t, "alpha")
				e, _, cut := b.start()
				toStage(t, e, wire.StageIntake)
				b.cutAt(inSpool(seq))
				if name == "before the papers" {
					b.cutAt(isPaper)
				}
				f := form("DEMO-0001")
				f.LegalHold = true
				must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
				toStage(t, e, wire.StageStopped)
				cut()
				b.whole()
				b.set.Unattended = unattended
				e, end, _ := b.start()
				if seq <= "-0003" {
					toStage(t, e, wire.StageIntake) // no record says which machine it was
					return
				}
				if !unattended {
					toStage(t, e, wire.StageStopped)
					must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
				}
				if <-end; e.code != 3 || !b.untouched() {
					t.Errorf("code %d, %d traces are left", e.code, b.traces())
				}
				v := e.View()
				if v.Notice == nil || !strings.Contains(v.Notice.What, "legal hold") {
					t.Errorf("the notice is %+v", v.Notice)
				}
				rs := b.records(v.Visit)
				s := certs.Summarise(rs)
				if s.Route != certs.RouteHold || s.Consent != nil || rs[len(rs)-1].Kind != certs.KindCertified || !strings.Contains(s.Graded.Why+strings.Join(s.Graded.Hold, " "), "hold") {
					t.Errorf("the records are %v, graded %+v", kinds(rs), s.Graded)
				}
			})
		}
	}
}

// A visit that was cut before its papers does not speak for a drive that has come
// into the machine since.
func TestNewDriveInGradedVisit(t *testing.T) {
	b := newBed(t, "alpha")
	b.cutAt(isPaper)
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	toStage(t, e, wire.StageResult)
	cut()
	b.whole()
	b.addDrive("bravo")
	e, _, _ = b.start()
	until(t, "the visit goes on", func() bool { s := e.View().Stage; return s == wire.StageCheck || s == wire.StageResult })
	if v = e.View(); v.Stage == wire.StageResult {
		t.Fatalf("with a drive full of data in the machine the result is %s: %v", v.Result.Word, v.Result.Lines)
	}
	if len(v.Plan.Rows) != 1 || v.Plan.Rows[0].Serial != "BRAVO" {
		t.Errorf("the plan is %+v", v.Plan.Rows)
	}
}

// The same visit with nothing new ends by itself, with the grade that it had.
func TestGradedVisitEnds(t *testing.T) {
	b := newBed(t, "alpha")
	b.cutAt(isPaper)
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
	answerAll(t, e)
	word := toStage(t, e, wire.StageResult).Result.Word
	cut()
	b.whole()
	e, _, _ = b.start()
	v = toStage(t, e, wire.StageResult)
	graded := 0
	rs := b.records(v.Visit)
	for _, r := range rs {
		if r.Graded != nil {
			graded++
		}
	}
	if v.Result.Word != word || graded != 1 || rs[len(rs)-1].Kind != certs.KindCertified || len(b.genuine(v.Result.Papers)) != 2 {
		t.Errorf("the result is %s, was %s; records %v", v.Result.Word, word, kinds(rs))
	}
}

// A drive that was sanitised before the cut and holds something again is no drive
// that is done.
func TestDriveFilledAgain(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	b.cutAt(isPaper)
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	toStage(t, e, wire.StageResult)
	cut()
	b.whole()
	b.report = func(r *inspect.Report) {
		for i, d := range r.Drives {
			if d.Identity.Serial == "BRAVO" {
				r.Drives[i].Holds = []string{"NTFS"}
			}
		}
	}
	e, _, _ = b.start()
	until(t, "the visit goes on", func() bool { s := e.View().Stage; return s == wire.StageCheck || s == wire.StageResult })
	if v = e.View(); v.Stage == wire.StageResult {
		t.Fatalf("a drive that holds NTFS is done: %s, %v", v.Result.Word, v.Result.Lines)
	}
	if len(v.Plan.Rows) != 1 || v.Plan.Rows[0].Serial != "BRAVO" {
		t.Errorf("the plan is %+v", v.Plan.Rows)
	}
}

// A refused drive does not keep the next start from learning what became of the
// TPM, for ever.
func TestTPMPendingBesideARefusedDrive(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	b.set.Unattended = true
	b.set.Wipe.Serials = []string{"ALPHA"}
	b.tpm = func() tpm.Outcome {
		return tpm.Outcome{Result: tpm.Pending, Note: &tpm.Note{Operation: 5, SRKBefore: "000b01"}}
	}
	e, end, _ := b.start()
	if how := <-end; how != EndReboot {
		t.Fatalf("the first start ends with %v, code %d", how, e.code)
	}
	b.resume = func(tpm.Note) tpm.Outcome { return tpm.Outcome{Result: tpm.Cleared} }
	e, end, _ = b.start()
	if how := <-end; how != EndPowerOff || e.code != 3 {
		t.Errorf("the second start ends with %v, code %d", how, e.code)
	}
	if s := certs.Summarise(b.records("S01-000001")); s.TPMResult != certs.TPMCleared || s.Refused != 1 {
		t.Errorf("the records add up to %+v", s)
	}
}

// A cut before the TPM's turn, beside a drive that is refused: the TPM has its
// turn in the next start.
func TestTPMAfterACut(t *testing.T) {
	b := newBed(t, "alpha", "bravo")
	b.set.Unattended = true
	b.set.Wipe.Serials = []string{"ALPHA"}
	at := make(chan struct{})
	b.tpm = func() tpm.Outcome { close(at); time.Sleep(time.Second); return tpm.Outcome{} }
	_, _, cut := b.start()
	<-at
	b.store.gone.Store(true)
	cut()
	time.Sleep(1500 * time.Millisecond)
	b.store.gone.Store(false)
	cleared := 0
	b.tpm = func() tpm.Outcome { cleared++; return tpm.Outcome{Result: tpm.Cleared} }
	e, end, _ := b.start()
	if how := <-end; how != EndPowerOff || e.code != 3 || cleared != 1 {
		t.Errorf("the second start ends with %v, code %d; the TPM was cleared %d times", how, e.code, cleared)
	}
}

// A TPM that is asked for again at each start is not asked for ever.
func TestTPMPendingForEver(t *testing.T) {
	b := newBed(t, "alpha")
	b.set.Unattended = true
	b.tpm = func() tpm.Outcome {
		return tpm.Outcome{Result: tpm.Pending, Note: &tpm.Note{Operation: 5, Boot: "0"}}
	}
	boots := 0
	b.resume = func(n tpm.Note) tpm.Outcome {
		if want := string(rune('0' + boots - 1)); n.Boot != want {
			t.Errorf("at start %d the note is of %q", boots, n.Boot)
		}
		return tpm.Outcome{Result: tpm.Pending, Note: &tpm.Note{Operation: 5, Boot: string(rune('0' + boots))}}
	}
	for ; boots < 6; boots++ {
		e, end, _ := b.start()
		if how := <-end; how == EndPowerOff {
			if e.code != 1 {
				t.Errorf("code %d", e.code)
			}
			return
		}
	}
	t.Error("the machine starts again and again")
}

// What the firmware will ask at the restart is told until then; only a stick that is
// needed for it comes first.
func TestRestartIsTold(t *testing.T) {
	b := newBed(t, "alpha")
	b.set.Unattended = true
	b.tpm = func() tpm.Outcome {
		return tpm.Outcome{Result: tpm.Pending, Note: &tpm.Note{Operation: 5, SRKBefore: "000b01"}}
	}
	w := b.world()
	w.Linger = time.Second
	e := New(w)
	go e.Run(t.Context())
	const what = "The machine starts again now, so that its firmware can clear the TPM."
	until(t, "the notice", func() bool { v := e.View(); return v.Notice != nil && v.Notice.What == what })
	for _, there := range []bool{true, false, true} {
		b.store.gone.Store(!there)
		e.look(t.Context(), there)
		if n := e.View().Notice; n == nil || (n.What == what) != there {
			t.Errorf("with the stick there %t the notice is %+v", there, n)
		}
	}
}

// Why a visit was ended stands on the last page, too, wherever the stick is by then.
func TestStoppedSaysWhyToTheEnd(t *testing.T) {
	b := newBed(t, "alpha")
	w := b.world()
	w.Linger = time.Second
	e := New(w)
	go e.Run(t.Context())
	toStage(t, e, wire.StageIntake)
	f := form("DEF-1")
	f.LegalHold = true
	must(t, e, wire.Intent{Kind: wire.IntentIntake, Form: f})
	toStage(t, e, wire.StageStopped)
	b.store.gone.Store(true)
	e.look(t.Context(), true)
	must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
	if n := toStage(t, e, wire.StagePowerOff).Notice; n == nil || !strings.Contains(n.What, "legal hold") {
		t.Errorf("the last page says %+v", n)
	}
}

// heldStore answers whether it is there only when it is let go, and then that it is not.
type heldStore struct {
	*faulty
	once       sync.Once
	asked, let chan struct{}
}

func (s *heldStore) Present() bool {
	s.once.Do(func() { close(s.asked) }) // the watch asks, too
	<-s.let
	return false
}

// A look at a stick that ends after another was found says nothing of that one.
func TestLookAtAnEarlierStick(t *testing.T) {
	b := newBed(t, "alpha")
	e, _, _ := b.start()
	toStage(t, e, wire.StageIntake)
	s := &heldStore{faulty: b.store, asked: make(chan struct{}), let: make(chan struct{})}
	e.update(func() { e.station.Store = s })
	looked := make(chan struct{})
	go func() { e.look(t.Context(), true); close(looked) }()
	<-s.asked
	e.update(func() { e.station.Store = nil })
	close(s.let)
	<-looked
	if n := e.View().Notice; n != nil {
		t.Errorf("the notice is %+v", n)
	}
}

// Who agreed to be switched off can't erase any more, and the other way round.
func TestConsentAfterPowerOff(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(200 * time.Millisecond))
	w := b.world()
	w.Linger = 2 * time.Second
	e := New(w)
	end := make(chan End, 1)
	go func() { end <- e.Run(t.Context()) }()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest}, "switched off")
	if <-end; !b.untouched() {
		t.Error("something was erased while the machine was being switched off")
	}
}

// Nothing is erased on a consent that is not on record.
func TestConsentNotRecorded(t *testing.T) {
	b := newBed(t, "alpha")
	w := b.world()
	spoilt := false
	w.Now = func() time.Time {
		if n, err := b.store.List(t.Context(), settings.SpoolDir); spoilt && err == nil && len(n) == 2 {
			spoilt = false
			return time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) // no such year in a record: this one is not made
		}
		return time.Now()
	}
	e := New(w)
	go e.Run(t.Context())
	v := b.toAgree(e)
	spoilt = true
	err := e.Do(wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	time.Sleep(500 * time.Millisecond)
	if err == nil || !b.untouched() {
		t.Errorf("%v; %v", err, kinds(b.records("S01-000001")))
	}
}

// The settings speak of another machine than the visit that was cut off here.
func TestUnattendedOtherTag(t *testing.T) {
	b := newBed(t, "alpha")
	b.set.Unattended = true
	b.cutAt(inSpool("-0005")) // STARTED stands, FINISHED does not
	_, _, cut := b.start()
	until(t, "the erasure", func() bool { return b.traces() == 0 })
	time.Sleep(500 * time.Millisecond)
	cut()
	b.whole()
	b.set.Intake.Tag = "DEMO-0002"
	e, end, _ := b.start()
	if how := <-end; how != EndPowerOff || e.code == 0 {
		t.Errorf("the end is %v with code %d", how, e.code)
	}
	if s := certs.Summarise(b.records("S01-000001")); s.Verdict == certs.Sanitised {
		t.Errorf("the visit of DEMO-0001 ends as %s under the settings of DEMO-0002", s.Verdict)
	}
}

// Leaving a visit that was cut off is not leaving before anything was destroyed.
func TestLeaveAfterACut(t *testing.T) {
	b := newBed(t, "alpha")
	b.cutAt(inSpool("-0005"))
	e, _, cut := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	toStage(t, e, wire.StageGrade)
	cut()
	b.whole()
	e, end, _ := b.start()
	toStage(t, e, wire.StageCheck)
	must(t, e, wire.Intent{Kind: wire.IntentPowerOff})
	if <-end; e.code != 1 {
		t.Errorf("code %d", e.code)
	}
}
