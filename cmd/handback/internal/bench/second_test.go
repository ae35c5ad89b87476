package bench

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/ipp"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
)

// slot is where another stick can be put in.
type slot struct {
	mu    sync.Mutex
	keys  map[string][]byte // of its boot partition
	store stick.Store       // nil: the slot is empty
}

func (s *slot) put(keys map[string][]byte, st stick.Store) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.store = keys, st
}

func (s *slot) open(_ context.Context, home Station) (Second, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.store == nil {
		return Second{}, stick.ErrGone
	}
	name, err := enrolled(s.keys, home.Signer.Root, home.Signer.Stick, time.Now())
	return Second{name, s.store}, err
}

// hub makes a bed's stick one of a hub that can enrol others.
func (b *bed) hub() (rootPEM, rootKeyPEM []byte) {
	b.t.Helper()
	root, rootKey, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		b.t.Fatal(err)
	}
	if b.signer, err = sign.LoadStick(root, cert, key); err != nil {
		b.t.Fatal(err)
	}
	return root, rootKey
}

// The stick is pulled and another put in its place: one of another hub, one that is
// not enrolled, one that bears the same name, and then one of this hub, which takes
// all. When the first is back it gets what it lacks.
func TestAnotherStickTakesOver(t *testing.T) {
	b := newBed(t, "alpha")
	root, rootKey := b.hub()
	b.slow.Store(int64(300 * time.Millisecond))
	free := &slot{}
	w := b.world()
	w.Second = free.open
	e := New(w)
	go e.Run(t.Context())
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "the erasure", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	b.store.gone.Store(true)
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)

	_, _, stranger, _, err := sign.Demonstration("S02")
	if err != nil {
		t.Fatal(err)
	}
	twin, _, err := sign.Enrol(root, rootKey, "S01")
	if err != nil {
		t.Fatal(err)
	}
	refusedDir := filepath.Join(b.dir, "refused")
	other, err := stick.NewDir(refusedDir)
	if err != nil {
		t.Fatal(err)
	}
	for says, keys := range map[string]map[string][]byte{
		"it is not enrolled":      {},
		"not vouched for by this": {settings.StickPEM: stranger},
		"it bears the name":       {settings.StickPEM: twin},
		"can't be read":           {settings.StickPEM: []byte("no certificate")},
	} {
		free.put(keys, other)
		until(t, "the refusal: "+says, func() bool {
			n := e.View().Notice
			return n != nil && strings.Contains(n.What, says) && strings.Contains(n.Do, "Do not switch off")
		})
		refused(t, e, wire.Intent{Kind: wire.IntentNext}, "wait in memory")
	}
	if names, err := other.List(t.Context(), settings.SpoolDir); err != nil || len(names) != 0 {
		t.Fatalf("a stick that is not of this hub has %v, %v", names, err)
	}

	cert, _, err := sign.Enrol(root, rootKey, "S02")
	if err != nil {
		t.Fatal(err)
	}
	second, err := stick.NewDir(filepath.Join(b.dir, "second"))
	if err != nil {
		t.Fatal(err)
	}
	free.put(map[string][]byte{settings.StickPEM: cert}, second)
	until(t, "the records land", func() bool { return e.View().Result.CanPowerOff })
	until(t, "the notice", func() bool { n := e.View().Notice; return n != nil && strings.Contains(n.What, "on stick S02") })
	if stored := e.View().Result.Stored; !strings.Contains(stored, "on stick S02") {
		t.Errorf("stored %q", stored)
	}
	first := b.store
	b.store = &faulty{Dir: second}
	if s := certs.Summarise(b.records(v.Visit)); s.Verdict != certs.Sanitised {
		t.Errorf("the records on the second stick add up to %s", s.Verdict)
	}
	if len(b.genuine(v.Result.Papers)) != 2 {
		t.Errorf("the papers are %v", v.Result.Papers)
	}
	b.store = first
	b.store.gone.Store(false)
	until(t, "the first stick has all", func() bool { return e.View().Result.Stored == "on the stick" })
	if s := certs.Summarise(b.records(v.Visit)); s.Verdict != certs.Sanitised {
		t.Errorf("the records on the first stick add up to %s", s.Verdict)
	}
	until(t, "the day's lists", func() bool { return hasList(t, first, v.Visit) && hasList(t, second, v.Visit) })
	for _, name := range []string{"labels/" + v.Visit + ".pdf", "labels/" + v.Visit + ".zpl"} {
		here, err1 := first.Read(t.Context(), name)
		there, err2 := second.Read(t.Context(), name)
		if err := errors.Join(err1, err2); err != nil || string(here) != string(there) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hasList: the day's list names a visit as certified.
func hasList(t *testing.T, st stick.Store, visit string) bool {
	t.Helper()
	names, err := st.List(t.Context(), settings.CertificatesDir)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(names, func(n string) bool { return strings.HasSuffix(n, ".csv") })
	if i < 0 {
		return false
	}
	b, err := st.Read(t.Context(), settings.CertificatesDir+"/"+names[i])
	return err == nil && strings.Contains(string(b), visit+",") && strings.Contains(string(b), ",certified,")
}

// The engine dies when all is erased and the stick is out: the next one finds the
// records in memory, and nothing is erased again.
func TestEngineDiesAndNothingIsLost(t *testing.T) {
	b := newBed(t, "alpha")
	b.slow.Store(int64(300 * time.Millisecond))
	copies, err := stick.NewDir(filepath.Join(b.dir, "copies"))
	if err != nil {
		t.Fatal(err)
	}
	w := b.world()
	w.Copies = copies
	ctx, cut := context.WithCancel(t.Context())
	defer cut()
	e := New(w)
	go e.Run(ctx)
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "the erasure", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	b.store.gone.Store(true)
	toStage(t, e, wire.StageGrade)
	visit := e.View().Visit
	if n := len(b.records(visit)); n > 4 {
		t.Fatalf("%d records reached a stick that is out", n)
	}
	cut()
	time.Sleep(time.Second)
	b.store.gone.Store(false)
	w = b.world()
	w.Copies = copies
	e = New(w)
	go e.Run(t.Context())
	toStage(t, e, wire.StageGrade)
	must(t, e, wire.Intent{Kind: wire.IntentFinish})
	v = toStage(t, e, wire.StageResult)
	starts, ends := 0, 0
	for _, r := range b.records(visit) {
		if r.Started != nil {
			starts++
		}
		if r.Finished != nil && r.Finished.Verdict == certs.Sanitised {
			ends++
		}
	}
	if starts != 1 || ends != 1 || v.Visit != visit || b.traces() != 0 {
		t.Errorf("visit %s: %d STARTED, %d FINISHED, %d traces", v.Visit, starts, ends, b.traces())
	}
}

// Another hub's stick is in when the engine comes back: nothing begins before the
// records are safe.
func TestCopiesOfAnotherHub(t *testing.T) {
	b := newBed(t, "alpha")
	copies, err := stick.NewDir(filepath.Join(b.dir, "copies"))
	if err != nil {
		t.Fatal(err)
	}
	w := b.world()
	w.Copies = copies
	ctx, cut := context.WithCancel(t.Context())
	e := New(w)
	go e.Run(ctx)
	v := b.toAgree(e)
	b.slow.Store(int64(300 * time.Millisecond))
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "the erasure", func() bool { d := e.View().Drives; return len(d) == 1 && d[0].Fraction > 0 })
	cut()
	time.Sleep(time.Second)
	own, ownStick := b.signer, b.store
	b.hub() // another one
	d, err := stick.NewDir(filepath.Join(b.dir, "another"))
	if err != nil {
		t.Fatal(err)
	}
	b.store = &faulty{Dir: d}
	w = b.world()
	w.Copies = copies
	e = New(w)
	go e.Run(t.Context())
	v = toStage(t, e, wire.StageStopped)
	if !strings.Contains(v.Notice.What, "wait in memory") || !strings.Contains(v.Notice.Do, "Do not switch off") || strings.Contains(v.Notice.Do, nothingErased) {
		t.Errorf("the notice is %+v", v.Notice)
	}
	if names, err := d.List(t.Context(), settings.SpoolDir); err != nil || len(names) != 0 {
		t.Errorf("written all the same: %v, %v", names, err)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentPowerOff}, "wait in memory")
	// The right one is put in.
	b.signer, b.store = own, ownStick
	must(t, e, wire.Intent{Kind: wire.IntentRescan})
	v = toStage(t, e, wire.StageCheck)
	if v.Visit == "" || e.waiting() != 0 {
		t.Errorf("visit %q goes on, %d records wait", v.Visit, e.waiting())
	}
}

// Without any stick the machine stays on: what is in memory is nowhere else.
func TestCopiesWithoutStick(t *testing.T) {
	b := newBed(t, "alpha")
	copies, err := stick.NewDir(filepath.Join(b.dir, "copies"))
	if err != nil {
		t.Fatal(err)
	}
	if err := copies.Create(t.Context(), "spool/S01-000001-0001.json", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	w := b.world()
	w.Copies = copies
	w.Station = func(context.Context) (Station, error) { return Station{}, stick.ErrGone }
	e := New(w)
	go e.Run(t.Context())
	toStage(t, e, wire.StageStopped)
	refused(t, e, wire.Intent{Kind: wire.IntentPowerOff}, "wait in memory")
}

// Printing is told, and changes nothing: a printer that is out of paper fails no
// visit and holds none up.
func TestPrinting(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		says string
	}{
		"printed": {nil, "S01-000001-erasure.pdf, S01-000001-"},
		"no paper": {&ipp.Error{Printer: "Bench-3", What: "is out of paper", Do: "put paper in"},
			`The printer "Bench-3" is out of paper: put paper in. The papers are on the stick, and can be printed from there.`},
		"too late": {context.DeadlineExceeded, "The printer does not come to an end. The papers are on the stick"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			b.set.Print.URI, b.set.Print.What = "ipp://printer.example/ipp/print", []string{"erasure", "disposal", "label"}
			w := b.world()
			var mu sync.Mutex
			var sent []ipp.Document
			w.Print = func(_ context.Context, uri string, d ipp.Document) error {
				mu.Lock()
				defer mu.Unlock()
				if sent = append(sent, d); uri != b.set.Print.URI {
					t.Errorf("printed on %s", uri)
				}
				return c.err
			}
			e := New(w)
			go e.Run(t.Context())
			v := b.toAgree(e)
			must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
			toStage(t, e, wire.StageGrade)
			must(t, e, wire.Intent{Kind: wire.IntentFinish})
			toStage(t, e, wire.StageResult)
			until(t, "the printer's end", func() bool { return strings.HasPrefix(e.View().Result.Printed, c.says) })
			r := e.View().Result
			if b.traces() != 0 || !r.CanPowerOff || r.Stored != "on the stick" {
				t.Errorf("%+v", r)
			}
			mu.Lock()
			defer mu.Unlock()
			if c.err == nil && (len(sent) != 3 || sent[0].Media != ipp.A4 || sent[2].Media != "" || sent[2].Name != "label-S01-000001.pdf") || c.err != nil && len(sent) != 1 {
				t.Errorf("%d documents were sent", len(sent))
			}
			for _, d := range sent {
				if !strings.HasPrefix(string(d.Data), "%PDF-") {
					t.Errorf("%s is no PDF", d.Name)
				}
			}
		})
	}
}
