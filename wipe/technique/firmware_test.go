package technique

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// begin runs what all firmware techniques do before they send.
func begin(t *testing.T, p *platter, j *pen) (*firmware, error) {
	t.Helper()
	f := &firmware{d: p.drive(t, wipe.ATASanitizeBlock, false, j)}
	if err := f.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p.writes != 0 {
		t.Errorf("%d writes in Prepare", p.writes)
	}
	return f, f.before(t.Context())
}

// The key is durable before the first canary is written, the canaries are on the
// medium before the erasure is issued, and the mark says how many.
func TestCanariesAreMarkedWrittenAndFlushed(t *testing.T) {
	p, j := newPlatter(t, platterSize), &pen{}
	j.check = func(m journal.Mark) error {
		p.mu.Lock()
		defer p.mu.Unlock()
		if m.Step == journal.StepCanaries && p.writes != 0 || m.Step == journal.StepIssue && (p.writes == 0 || len(p.dirty) != 0) {
			t.Errorf("%s with %d writes, %d of them in the cache", m.Step, p.writes, len(p.dirty))
		}
		return nil
	}
	f, err := begin(t, p, j)
	if err != nil || !f.touched || !f.report(Report{}).Sent {
		t.Fatalf("%v, touched %t", err, f.touched)
	}
	if err := f.issue(t.Context(), map[string]string{"frame": "b4"}); err != nil {
		t.Fatal(err)
	}
	if len(j.marks) != 2 || j.marks[1].Data["frame"] != "b4" || j.marks[1].Data[markCanaries] == "0" || len(j.marks[0].Data[markKey]) != 64 {
		t.Errorf("marks %v", j.marks)
	}
	// The next start finds them again, and finds that nothing was erased.
	again := &firmware{d: p.drive(t, wipe.ATASanitizeBlock, false, j)}
	again.recall()
	if again.evidence == nil || again.evidence.Canaries() != f.evidence.Canaries() {
		t.Fatal("the canaries are not recalled")
	}
	v, err := again.evidence.After(t.Context(), again.d.reader())
	if err != nil || v.Result != verify.Failed || v.Survivors != f.evidence.Canaries() || again.grade(v) != wipe.EvidenceDeviceClaims {
		t.Errorf("%v, %+v", err, v)
	}
	clear(p.cached)
	if v, err = again.evidence.After(t.Context(), again.d.reader()); err != nil || v.Result != verify.Passed || again.grade(v) != wipe.EvidenceCanaries {
		t.Errorf("%v, %+v", err, v)
	}
}

// Without a mark no canary is written; a drive that goes while they are written was
// touched; one that takes none is not, as far as the erasure goes, an error.
func TestCanariesThatAreNotWritten(t *testing.T) {
	p := newPlatter(t, platterSize)
	f, err := begin(t, p, &pen{check: func(journal.Mark) error { return errors.New("no stick") }})
	if !errors.Is(err, ErrUnmarked) || f.touched || f.report(Report{Err: err}).Sent || p.writes != 0 {
		t.Errorf("%v, %d writes", err, p.writes)
	}
	p = newPlatter(t, platterSize)
	p.cutAt = 3
	if f, err := begin(t, p, &pen{}); !errors.Is(err, sweep.ErrGone) || !f.report(Report{Err: err}).Sent {
		t.Errorf("%v", err)
	}
	p = newPlatter(t, platterSize)
	p.onWrite = func(int64, int) error { return syscall.EPERM }
	if f, err := begin(t, p, &pen{}); err != nil || f.evidence.Canaries() != 0 || !strings.Contains(f.none().Method, "no canaries: ") {
		t.Errorf("%v, %s", err, f.none().Method)
	} else if v, err := f.evidence.After(t.Context(), f.d.reader()); err != nil || v.Result != verify.Failed || f.grade(v) != wipe.EvidenceDeviceClaims {
		t.Errorf("%v, %+v", err, v)
	}
}

// Only canaries that were all planted before the erasure was issued are recalled.
func TestRecallOfMarks(t *testing.T) {
	key, other := strings.Repeat("1f", 32), strings.Repeat("2e", 32)
	canaries := func(k string) journal.Mark {
		return journal.Mark{Step: journal.StepCanaries, Data: map[string]string{markKey: k}}
	}
	issue := func(n string) journal.Mark {
		return journal.Mark{Step: journal.StepIssue, Data: map[string]string{markCanaries: n}}
	}
	erased := journal.Mark{Step: journal.StepErased}
	for name, c := range map[string]struct {
		marks []journal.Mark
		key   string // empty: none
	}{
		"nothing":                 {nil, ""},
		"issued":                  {[]journal.Mark{canaries(key), issue("100")}, key},
		"issued and ended":        {[]journal.Mark{canaries(key), issue("100"), erased}, key},
		"not issued":              {[]journal.Mark{canaries(key)}, ""},
		"issued without":          {[]journal.Mark{issue("100")}, ""},
		"planted again":           {[]journal.Mark{canaries(key), issue("100"), canaries(other)}, ""},
		"planted and issued anew": {[]journal.Mark{canaries(key), issue("100"), canaries(other), issue("90")}, other},
		"none stood":              {[]journal.Mark{canaries(key), issue("0")}, ""},
		"an overwrite came after": {[]journal.Mark{canaries(key), issue("100"), {Step: journal.StepIssue, Data: map[string]string{markPass: "0"}}}, ""},
		"no key":                  {[]journal.Mark{canaries("xyz"), issue("100")}, ""},
		"a damaged count":         {[]journal.Mark{canaries(key), issue("1e9")}, ""},
	} {
		plan := newPlatter(t, platterSize).drive(t, "", false, &pen{}).Plan
		f := &firmware{d: &Drive{Plan: plan, Past: &journal.Past{Entry: journal.Entry{Drive: plan}, Marks: c.marks}}}
		k, _, ok := f.planted()
		if ok != (c.key != "") || ok && k.Hex() != c.key {
			t.Errorf("%s: %t", name, ok)
		}
		f.recall()
		if (f.evidence != nil) != ok || ok && f.grade(wipe.Verification{}) != wipe.EvidenceDeviceClaims {
			t.Errorf("%s: evidence %v", name, f.evidence)
		}
	}
	f := &firmware{d: &Drive{}}
	f.recall()
	if v := f.none(); v.Result != verify.NotDone || v.Counted != 0 || f.grade(v) != wipe.EvidenceDeviceClaims {
		t.Errorf("%+v", v)
	}
}
