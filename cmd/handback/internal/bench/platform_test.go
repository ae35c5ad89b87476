package bench

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/platform"
	"handback.example/wipe/tpm"
)

// furnished is a machine that keeps boot entries of a system, and a firmware that lets
// them be taken out.
type furnished struct {
	*bed
	mu    sync.Mutex
	left  []inspect.Leftover
	asked [][]wipe.Removal // each time that something was to be removed
	order []string         // of what is cleared
}

const entriesItem = "boot entries of a former system"

func newFurnished(t *testing.T, drives ...string) *furnished {
	f := &furnished{bed: newBed(t, drives...), left: []inspect.Leftover{
		{Kind: inspect.LeftBootEntry, Name: "Boot0003-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "Windows Boot Manager", SHA256: strings.Repeat("a1", 32)},
		{Kind: inspect.LeftBootEntry, Name: "Boot0007-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "ubuntu", SHA256: strings.Repeat("b2", 32)}}}
	f.report = func(r *inspect.Report) { r.Residue = f.residue() }
	f.clear = f.remove
	f.tpm = func() tpm.Outcome {
		f.order = append(f.order, "TPM")
		return tpm.Outcome{Result: tpm.NotPresent}
	}
	return f
}

func (f *furnished) residue() []inspect.Residue {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := inspect.Residue{Item: entriesItem, State: inspect.ResidueAbsent, Evidence: "no boot entry leads to a file on a drive but the stick"}
	if len(f.left) > 0 {
		r.State, r.Evidence, r.Removable = inspect.ResiduePresent, "some", slices.Clone(f.left)
	}
	return []inspect.Residue{r}
}

func (f *furnished) remove(_ context.Context, list []wipe.Removal) (c Cleared) {
	f.mu.Lock()
	f.asked = append(f.asked, list)
	f.order = append(f.order, "platform")
	for _, r := range list {
		f.left = slices.DeleteFunc(f.left, func(l inspect.Leftover) bool { return l == r.Leftover })
		c.Done = append(c.Done, platform.Removed{Removal: r, Gone: true})
	}
	f.mu.Unlock()
	c.After = f.residue()
	return c
}

func (f *furnished) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.asked)
}

// state of the boot entries as the records of a visit have it.
func (f *furnished) state(visit string) string {
	f.t.Helper()
	for _, r := range certs.Summarise(f.records(visit)).Residue {
		if r.Item == entriesItem {
			return r.State
		}
	}
	return ""
}

// What a former owner left is shown before anybody agrees, removed after the drives and
// the TPM, once, and stands on record as cleared.
func TestPlatformIsCleared(t *testing.T) {
	f := newFurnished(t, "alpha")
	e, _, _ := f.start()
	v := f.toAgree(e)
	if !slices.Contains(v.Plan.Also, "2 boot entries of a former system: removed") ||
		!slices.Contains(v.Plan.Removals, "boot entries of a former system: 'Windows Boot Manager' (Boot0003)") {
		t.Errorf("the page says %q, %q", v.Plan.Also, v.Plan.Removals)
	}
	f.mu.Lock()
	f.left[0].SHA256 = strings.Repeat("c3", 32) // somebody changed an entry since
	f.mu.Unlock()
	refused(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest}, "changed since")
	must(t, e, wire.Intent{Kind: wire.IntentToAgree})
	v = toStage(t, e, wire.StageAgree)
	if f.calls() > 0 {
		t.Fatal("something was removed before anybody agreed")
	}
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
	answerAll(t, e)
	v = toStage(t, e, wire.StageResult)
	if f.calls() != 1 || len(f.asked[0]) != 2 || f.asked[0][0].SHA256 != strings.Repeat("c3", 32) || !slices.Equal(f.order, []string{"TPM", "platform"}) {
		t.Errorf("asked for %+v, in the order %q", f.asked, f.order)
	}
	if s := f.state(v.Visit); s != certs.ResidueCleared {
		t.Errorf("the record says %q", s)
	}
	rs := f.records(v.Visit)
	at := slices.IndexFunc(rs, func(r certs.Record) bool { return r.Consent != nil })
	if n := len(rs[at].Consent.Leftovers); n != 2 {
		t.Errorf("the consent names %d", n)
	}
	if f.genuine(v.Result.Papers)["erasure"].Sanitised != "sanitised" {
		t.Error("the certificate does not say that the machine is sanitised")
	}
}

// Whoever stops may have the wrong machine before them.
func TestPlatformIsLeftWhenStopped(t *testing.T) {
	f := newFurnished(t, "alpha")
	f.slow.Store(int64(20e6))
	e, _, _ := f.start()
	v := f.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "it is being erased", func() bool {
		d := e.View().Drives
		return len(d) == 1 && d[0].Fraction > 0
	})
	must(t, e, wire.Intent{Kind: wire.IntentStop})
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	if s := f.state(v.Visit); f.calls() != 0 || s != certs.ResiduePresent {
		t.Errorf("%d removals; the record says %q", f.calls(), s)
	}
}

// The power goes after an entry was taken out, and before that is on record: the next
// start does the rest by the consent, and both are told as cleared.
func TestPlatformAfterAPowerCut(t *testing.T) {
	f := newFurnished(t, "alpha")
	e, _, cut := f.start()
	f.clear = nil
	reached := make(chan struct{})
	e.w.ClearPlatform = func(ctx context.Context, list []wipe.Removal) Cleared {
		f.mu.Lock()
		f.left = f.left[1:]
		f.mu.Unlock()
		f.store.gone.Store(true)
		cut()
		close(reached)
		<-ctx.Done()
		return Cleared{}
	}
	v := f.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	<-reached
	f.store.gone.Store(false)
	f.clear = f.remove
	e, _, _ = f.start()
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	if f.calls() != 1 || len(f.asked[0]) != 2 {
		t.Errorf("asked for %+v", f.asked)
	}
	if s := f.state(v.Visit); s != certs.ResidueCleared {
		t.Errorf("the record says %q", s)
	}
}

// What stays is told on the screen, and is no failure of the erasure.
func TestPlatformThatStays(t *testing.T) {
	f := newFurnished(t, "alpha")
	f.clear = func(_ context.Context, list []wipe.Removal) Cleared {
		return Cleared{[]platform.Removed{{Removal: list[0], Gone: true}, {Removal: list[1], Why: "the firmware has kept it"}}, f.residue()}
	}
	f.set.Unattended = true
	e, end, _ := f.start()
	<-end
	v := e.View()
	if e.code != 0 || !slices.Contains(v.Result.Lines, entriesItem+" not cleared: the certificate says what to do") {
		t.Errorf("code %d, %q", e.code, v.Result.Lines)
	}
	if s := f.state(v.Visit); s != certs.ResidueUnresolved {
		t.Errorf("the record says %q", s)
	}
}

// Stopped while a drive was past stopping, and then cut off: all drives have their end
// on record, and the next start leaves alone what this one would have left alone.
func TestStopOutlivesAPowerCut(t *testing.T) {
	m := newModelBed(t, fmt.Sprintf(modelNVMe, "2s"))
	f := &furnished{bed: m.bed, left: []inspect.Leftover{
		{Kind: inspect.LeftBootEntry, Name: "Boot0003-8be4df61-93ca-11d2-aa0d-00e098032b8c", What: "Windows Boot Manager", SHA256: strings.Repeat("a1", 32)}}}
	m.report = func(r *inspect.Report) { r.Residue = f.residue() }
	m.clear = f.remove
	m.tpm = func() tpm.Outcome {
		f.order = append(f.order, "TPM")
		return tpm.Outcome{Result: tpm.Cleared}
	}
	e, _, cut := m.start()
	m.agree(e)
	until(t, "the sanitize", func() bool { return m.commands(0, nvmeSanitize) == 1 })
	must(t, e, wire.Intent{Kind: wire.IntentStop})
	toStage(t, e, wire.StageGrade)
	m.powerCut(cut)
	e, _, _ = m.start()
	_, s := m.result(e)
	if s.Verdict != certs.Sanitised || len(f.order) != 0 {
		t.Errorf("%s; cleared all the same: %q", s.Verdict, f.order)
	}
}
