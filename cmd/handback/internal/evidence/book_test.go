package evidence_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
)

// Two visits on one stick: named in turn, chained, with papers that verify.
func TestTwoVisits(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	st := newDir(t, dir)
	for range 2 {
		goOn(t, begin(t, st, s), steps(), func([]certs.Record) {})
	}
	visits := onMedium(t, dir, s)
	if len(visits) != 2 || len(visits["S01-000001"]) != 9 || len(visits["S01-000002"]) != 9 {
		t.Fatalf("visits on the medium: %d", len(visits))
	}
	first := stored(t, dir)["S01-000001"][0]
	if got := visits["S01-000002"][0].Intake.Previous; got != certs.HashEnvelope(first) {
		t.Errorf("the second visit names %q as the one before", got)
	}
	if visits["S01-000001"][0].Intake.Previous != "" {
		t.Error("the first visit names one before")
	}
	papers, err := st.List(ctx, "certificates")
	if want := []string{"S01-000001-disposal.html", "S01-000001-disposal.pdf", "S01-000001-erasure.html", "S01-000001-erasure.pdf",
		"S01-000002-disposal.html", "S01-000002-disposal.pdf", "S01-000002-erasure.html", "S01-000002-erasure.pdf"}; err != nil || !slices.Equal(papers, want) {
		t.Errorf("papers %v, %v", papers, err)
	}
}

// Each call of the store fails in turn, with and without effect: nothing is lost,
// the order stands, no number is used twice.
func TestEveryCallFails(t *testing.T) {
	s := newSigner(t)
	for _, kind := range []fault{failsBefore, failsAfter} {
		for at := 1; ; at++ {
			dir := inMemory(t)
			st := &faulty{Dir: newDir(t, dir), fail: func(call int) fault {
				if call == at {
					return kind
				}
				return noFault
			}}
			whole := begin(t, st, s)
			goOn(t, whole, steps(), func([]certs.Record) {})
			listDay(t, st, s, whole)
			if line := dayList(t, dir, whole.Day())[whole.Visit()]; line["State"] != "certified" || line["SHA-256 of record.json"] != whole.RecordHash() {
				t.Errorf("call %d fails: the day's list says %v", at, line)
			}
			next := begin(t, st, s)
			if err := next.Append(ctx, steps()[0]); err != nil {
				if err := next.Flush(ctx); err != nil {
					t.Fatal(err)
				}
			}
			checkTwo(t, dir, s, whole.Visit(), next.Visit())
			checkOrder(t, st.order)
			if st.calls < at {
				if at < 20 {
					t.Fatalf("only %d calls were made to fail", at)
				}
				break
			}
		}
	}
}

// checkTwo: a whole visit and the beginning of another; a number that a failed
// call took has an INTAKE and nothing else.
func checkTwo(t *testing.T, dir string, s *sign.Signer, whole, next string) {
	t.Helper()
	visits := onMedium(t, dir, s)
	if whole == next || len(visits[whole]) != 9 || visits[whole][8].Kind != certs.KindCertified || len(visits[next]) != 2 {
		t.Errorf("visit %s has %d records, visit %s has %d", whole, len(visits[whole]), next, len(visits[next]))
	}
	for name, records := range visits {
		if name != whole && name != next && len(records) != 1 {
			t.Errorf("visit %s has %d records", name, len(records))
		}
	}
	checkPrevious(t, visits, stored(t, dir))
}

// checkPrevious: each visit names the one before it, the first one none.
func checkPrevious(t *testing.T, visits map[string][]certs.Record, envelopes map[string][][]byte) {
	t.Helper()
	want := ""
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for n := range visits {
			if !yield(n) {
				return
			}
		}
	}) {
		if got := visits[name][0].Intake.Previous; got != want {
			t.Errorf("visit %s names %q as the one before, want %q", name, got, want)
		}
		want = certs.HashEnvelope(envelopes[name][0])
	}
}

// checkOrder: records in sequence, then papers, then CERTIFIED (the ninth record).
func checkOrder(t *testing.T, order []string) {
	t.Helper()
	seen := map[string]bool{}
	var first []string
	for _, f := range order {
		if !seen[f] && !strings.HasSuffix(f, ".csv") {
			first = append(first, strings.NewReplacer("spool/", "", "certificates/", "", "labels/", "", "-erasure.pdf", "-0008p.json", "-erasure.html", "-0008pp.json", "-disposal.pdf", "-0008q.json", "-disposal.html", "-0008qq.json",
				".pdf", "-0008r.json", ".zpl", "-0008s.json").Replace(f))
		}
		seen[f] = true
	}
	if !slices.IsSorted(first) {
		t.Errorf("order on the medium: %v", order)
	}
}

// The power is cut before each call of the store: what was acknowledged is there,
// nothing is claimed that isn't, and the visit can be brought to its end.
func TestPowerCut(t *testing.T) {
	s, dir := newSigner(t), inMemory(t)
	type cut struct {
		dir   string
		acked int
	}
	var cuts []cut
	acked := 0
	st := &faulty{Dir: newDir(t, dir), fail: func(call int) fault {
		// Errors without effect and with it, so that the cut also finds half-told states.
		return map[int]fault{8: failsAfter, 11: failsBefore, 13: failsAfter}[call]
	}}
	st.before = func() { cuts = append(cuts, cut{copyDir(t, dir), acked}) }
	b := begin(t, st, s)
	goOn(t, b, steps(), func(r []certs.Record) { acked = len(r) })
	listDay(t, st, s, b)
	cuts = append(cuts, cut{copyDir(t, dir), acked})
	if len(cuts) < 15 {
		t.Fatalf("only %d cuts", len(cuts))
	}
	for i, c := range cuts {
		there := len(stored(t, c.dir)[b.Visit()])
		if there < c.acked {
			t.Errorf("cut %d: %d records were acknowledged, %d are there", i, c.acked, there)
		}
		checkCut(t, c.dir, s, there)
	}
}

func checkCut(t *testing.T, dir string, s *sign.Signer, there int) {
	t.Helper()
	b, err := evidence.Resume(ctx, newDir(t, dir), s, clock())
	if err != nil {
		t.Fatal(err)
	}
	if b == nil {
		if there != 0 && there != 1 && there != 9 {
			t.Fatalf("a visit of %d records is not gone on with", there)
		}
		onMedium(t, dir, s)
		return
	}
	before := b.Summary().Verdict
	// Records 4 and 5 are STARTED and FINISHED.
	want := map[bool]certs.Verdict{true: certs.RefusedVerdict, false: certs.Interrupted}[there < 4]
	if there >= 5 {
		want = certs.Sanitised
	}
	if len(b.Records()) != there || before != want {
		t.Errorf("%d records resumed of %d, verdict %s, want %s", len(b.Records()), there, before, want)
	}
	goOn(t, b, nil, func([]certs.Record) {})
	if records := onMedium(t, dir, s)[b.Visit()]; records[len(records)-1].Kind != certs.KindCertified {
		t.Error("the resumed visit was not certified")
	}
	listDay(t, newDir(t, dir), s, b)
	if line := dayList(t, dir, b.Day())[b.Visit()]; line["State"] != "certified" || line["SHA-256 of record.json"] != b.RecordHash() {
		t.Errorf("the day's list says %v", line)
	}
}

// Pulled after STARTED, put back at the end: all waits in memory, then lands.
func TestStickAway(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	away := false
	st := &faulty{Dir: newDir(t, dir), fail: func(int) fault {
		if away {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, st, s)
	all := steps()
	for _, r := range all[:3] {
		if err := b.AppendDurable(ctx, r); err != nil {
			t.Fatal(err)
		}
	}
	away = true
	for _, r := range all[3:] {
		if err := b.Append(ctx, r); !errors.Is(err, evidence.ErrWaiting) || !errors.Is(err, errStore) {
			t.Fatalf("the stick is away, and Append said %v", err)
		}
	}
	if err := b.AppendDurable(ctx, certstest.Started(certstest.Drive(1), certs.LevelClear)); err == nil {
		t.Fatal("STARTED counts as durable while the stick is away")
	}
	names, err := b.Certify(ctx)
	if !errors.Is(err, evidence.ErrWaiting) || len(names) != 4 || b.Pending() != 12 {
		t.Fatalf("certify: %v, %v, %d files wait", names, err, b.Pending())
	}
	if err := b.Append(ctx, certstest.Tests()[0]); !errors.Is(err, evidence.ErrRefused) || errors.Is(err, evidence.ErrWaiting) {
		t.Errorf("a record after CERTIFIED: %v", err)
	}
	hash := b.RecordHash()
	if n := len(stored(t, dir)[b.Visit()]); n != 4 {
		t.Fatalf("%d records reached a stick that is away", n)
	}
	away = false
	if err := b.Flush(ctx); err != nil || b.Pending() != 0 {
		t.Fatalf("flush: %v, %d wait", err, b.Pending())
	}
	if again, err := b.Certify(ctx); err != nil || !slices.Equal(again, names) || b.RecordHash() != hash {
		t.Errorf("certified twice: %v, %v", again, err)
	}
	if n := len(onMedium(t, dir, s)[b.Visit()]); n != 10 {
		t.Errorf("%d records, want 10", n)
	}
}

// The workers of several drives: the chain holds, whoever is first.
func TestWorkers(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	b := begin(t, newDir(t, dir), s)
	var wg sync.WaitGroup
	for i := range 8 {
		d := certstest.Drive(i)
		wg.Go(func() {
			for _, r := range []certs.Record{certstest.Started(d, certs.LevelClear), certstest.Finished(d, certs.LevelClear)} {
				if err := b.AppendDurable(ctx, r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(onMedium(t, dir, s)[b.Visit()]); n != 17 || b.Pending() != 0 {
		t.Errorf("%d records, want 17; %d wait", n, b.Pending())
	}
}

// Numbers are not used again after the hub took the records, and names of others
// don't count.
func TestNumbers(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	for _, name := range []string{"certificates/S01-000007-erasure.pdf", "certificates/S02-000050-erasure.pdf", "spool/S02-000060-0001.json",
		"spool/S01-000090.json", "spool/notes.txt", "spool/S01-0000000000000000000091-0001.json"} {
		if err := newDir(t, dir).Create(ctx, name, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if b := begin(t, newDir(t, dir), s); b.Visit() != "S01-000008" {
		t.Errorf("visit %s, want S01-000008", b.Visit())
	}
}

// Two programs on one folder: whoever comes second takes the next number and
// names the first.
func TestNumberTakenMeanwhile(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	st := &faulty{Dir: newDir(t, dir), fail: func(int) fault { return noFault }}
	other := newDir(t, dir)
	var first *evidence.Book
	st.before = func() {
		if st.calls == 4 { // before Create
			first = begin(t, other, s)
		}
	}
	second := begin(t, st, s)
	if first == nil || first.Visit() != "S01-000001" || second.Visit() != "S01-000002" {
		t.Fatalf("%v, %s", first, second.Visit())
	}
	checkPrevious(t, onMedium(t, dir, s), stored(t, dir))
}

// What is not what this stick sealed is refused, and stays.
func TestResumeRefuses(t *testing.T) {
	s := newSigner(t)
	for name, spoil := range map[string]func(t *testing.T, dir string){
		"a record is missing": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "spool", "S01-000001-0002.json")); err != nil {
				t.Fatal(err)
			}
		},
		"a verdict is changed": func(t *testing.T, dir string) { edit(t, dir, 5, `"sanitised"`, `"unverified"`) },
		"the last is no record": func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "spool", "S01-000001-0006.json"), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			b := begin(t, newDir(t, dir), s)
			for _, r := range steps()[:4] {
				if err := b.Append(ctx, r); err != nil {
					t.Fatal(err)
				}
			}
			spoil(t, dir)
			was, err := newDir(t, dir).List(ctx, "spool")
			if err != nil {
				t.Fatal(err)
			}
			b, err = evidence.Resume(ctx, newDir(t, dir), s, clock())
			if b != nil || !errors.Is(err, evidence.ErrUnverified) || !strings.Contains(err.Error(), "S01-000001") {
				t.Errorf("resumed: %v, %v", b, err)
			}
			if is, err := newDir(t, dir).List(ctx, "spool"); err != nil || !slices.Equal(is, was) {
				t.Errorf("the spool was changed: %v, %v", is, err)
			}
			// The next visit can begin all the same.
			if b := begin(t, newDir(t, dir), s); b.Visit() != "S01-000002" {
				t.Errorf("next visit %s", b.Visit())
			}
		})
	}
}

// edit a record's payload without signing it anew.
func edit(t *testing.T, dir string, seq int, from, to string) {
	t.Helper()
	path := filepath.Join(dir, "spool", "S01-000001-000"+string(rune('0'+seq))+".json")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e, err := certs.ParseEnvelope(b)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := e.PayloadBytes()
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(payload), from, to, 1)
	if changed == string(payload) {
		t.Fatalf("%s is not in record %d", from, seq)
	}
	e.Payload = encode(changed)
	if b, err = e.Bytes(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func encode(s string) string {
	b, _ := json.Marshal([]byte(s)) // []byte is base64 in JSON
	return strings.Trim(string(b), `"`)
}

// A stick goes from machine to machine: the visit that suits is found behind a
// newer one, and a visit of INTAKE alone is nobody's.
func TestResumeWhere(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	st := newDir(t, dir)
	for _, serial := range []string{"AAA", "BBB"} {
		b := begin(t, st, s)
		f := certstest.Facts(certstest.Drive(0))
		f.Facts.Machine.Serial = serial
		if err := b.Append(ctx, f); err != nil {
			t.Fatal(err)
		}
	}
	goOn(t, begin(t, st, s), steps(), func([]certs.Record) {})
	begin(t, st, s)
	for serial, want := range map[string]string{"AAA": "S01-000001", "BBB": "S01-000002"} {
		b, err := evidence.ResumeWhere(ctx, st, s, clock(), func(s certs.Summary) bool { return s.Facts.Machine.Serial == serial })
		if err != nil || b == nil || b.Visit() != want {
			t.Errorf("%s: %v, %v", serial, b, err)
		}
	}
	b, err := evidence.Resume(ctx, st, s, clock())
	if err != nil || b == nil || b.Visit() != "S01-000002" {
		t.Errorf("the newest: %v, %v", b, err)
	}
}

func TestBeginRefuses(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	wrong := func() certs.Time { return certs.At(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC), certs.SourceRTC, 0) }
	if b, err := evidence.Begin(ctx, newDir(t, dir), s, intake(), wrong); b != nil || err == nil || !strings.Contains(err.Error(), "set the clock") {
		t.Errorf("a wrong clock: %v", err)
	}
	full := &fullStore{Dir: newDir(t, dir)}
	// A certificate that may end before the visit does: its papers would be refused.
	late := func() certs.Time { return certs.At(s.Cert.NotAfter.Add(-10*time.Hour), certs.SourceRTC, 0) }
	if b, err := evidence.Begin(ctx, newDir(t, dir), s, intake(), late); b != nil || err == nil || !strings.Contains(err.Error(), "have the stick enrolled again") {
		t.Errorf("a certificate that ends tonight: %v", err)
	}
	if b, err := evidence.Begin(ctx, full, s, intake(), clock()); b != nil || !errors.Is(err, stick.ErrFull) {
		t.Errorf("a full stick: %v", err)
	}
	if n := len(stored(t, dir)); n != 0 {
		t.Errorf("%d visits were begun", n)
	}
}

type fullStore struct{ *stick.Dir }

func (*fullStore) Free() (int64, error) { return 1 << 20, nil }

// A foreign file in a record's place is never replaced, and the record not lost.
func TestRecordNameTaken(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	st := newDir(t, dir)
	b := begin(t, st, s)
	if err := st.Create(ctx, "spool/S01-000001-0002.json", []byte("another")); err != nil {
		t.Fatal(err)
	}
	if err := b.Append(ctx, steps()[0]); !errors.Is(err, evidence.ErrWaiting) || b.Pending() != 1 {
		t.Errorf("%v, %d wait", err, b.Pending())
	}
	if there, err := st.Read(ctx, "spool/S01-000001-0002.json"); err != nil || string(there) != "another" {
		t.Errorf("it was replaced: %q, %v", there, err)
	}
}

// The place of a visit is gone for good: another one gets all of it, also what
// the first one had already.
func TestDivert(t *testing.T) {
	s, first, second := newSigner(t), t.TempDir(), t.TempDir()
	gone := false
	st := &faulty{Dir: newDir(t, first), fail: func(int) fault {
		if gone {
			return failsBefore
		}
		return noFault
	}}
	b := begin(t, st, s)
	for i, r := range steps() {
		gone = i > 3
		if err := b.Append(ctx, r); (err != nil) != gone {
			t.Fatal(err)
		}
	}
	if _, err := b.Certify(ctx); !errors.Is(err, evidence.ErrWaiting) {
		t.Fatal(err)
	}
	other := newDir(t, second)
	// The number stands there already where it is reserved in that place.
	intake, err := st.Dir.Read(ctx, "spool/S01-000001-0001.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Create(ctx, "spool/S01-000001-0001.json", intake); err != nil {
		t.Fatal(err)
	}
	b.Divert(other)
	if err := b.Flush(ctx); err != nil || b.Pending() != 0 {
		t.Fatalf("%v, %d wait", err, b.Pending())
	}
	if n := len(onMedium(t, second, s)["S01-000001"]); n != 9 {
		t.Errorf("%d records, want 9", n)
	}
}

// Cut between the papers and the record that vouches for them, and then another
// route: the paper of the first one would be genuine, and is taken away.
func TestDeniedPaperGoes(t *testing.T) {
	s, dir := newSigner(t), t.TempDir()
	st := newDir(t, dir)
	b := begin(t, st, s)
	goOn(t, b, steps(), func([]certs.Record) {})
	records, err := filepath.Glob(filepath.Join(dir, "spool", "*.json"))
	if err != nil || len(records) == 0 {
		t.Fatal(err)
	}
	if err := os.Remove(records[len(records)-1]); err != nil { // CERTIFIED never landed
		t.Fatal(err)
	}
	if b, err = evidence.Resume(ctx, st, s, clock()); err != nil || b == nil {
		t.Fatalf("%v, %v", b, err)
	}
	if !slices.Contains(b.Papers(), b.Visit()+"-disposal.pdf") {
		t.Fatalf("the papers on the medium are %v", b.Papers())
	}
	if err := b.Append(ctx, certstest.Graded(certs.RouteHold)); err != nil {
		t.Fatal(err)
	}
	names, err := b.Certify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	there, err := st.List(ctx, "certificates")
	slices.Sort(names)
	if err != nil || !slices.Equal(there, names) || !slices.Contains(names, b.Visit()+"-hold.pdf") {
		t.Errorf("on the medium are %v, made were %v: %v", there, names, err)
	}
}

// turns counts how often a store was written to.
type turns struct {
	*stick.Dir
	n int
}

func (s *turns) WriteAll(ctx context.Context, files []stick.File) error {
	s.n++
	return s.Dir.WriteAll(ctx, files)
}

// Records that are made together take one turn of the stick, in their order. One that is
// no record is named, and keeps no other out.
func TestAppendTogether(t *testing.T) {
	dir := t.TempDir()
	st := &turns{Dir: newDir(t, dir)}
	b := begin(t, st, newSigner(t))
	before, bad := st.n, certs.Record{Kind: certs.KindConsent, Consent: &certs.Consent{Scope: "none"}}
	all := steps()
	err := b.Append(ctx, append(slices.Clone(all[:2]), bad, all[2])...)
	if !errors.Is(err, evidence.ErrRefused) || errors.Is(err, evidence.ErrWaiting) || !strings.Contains(err.Error(), "CONSENT of visit") {
		t.Errorf("a record that is none among others: %v", err)
	}
	var kinds []certs.Kind
	for _, r := range b.Records()[1:] {
		kinds = append(kinds, r.Kind)
	}
	if want := []certs.Kind{all[0].Kind, all[1].Kind, all[2].Kind}; !slices.Equal(kinds, want) || b.Pending() != 0 {
		t.Errorf("recorded: %v, want %v; %d wait", kinds, want, b.Pending())
	}
	if n := st.n - before; n != 1 {
		t.Errorf("the stick was written to %d times", n)
	}
	if n := len(stored(t, dir)[b.Visit()]); n != 4 {
		t.Errorf("%d records are on the stick", n)
	}
	if err := b.Append(ctx, bad); !errors.Is(err, evidence.ErrRefused) || st.n-before != 1 {
		t.Errorf("no record at all: %v, %d turns", err, st.n-before)
	}
}
