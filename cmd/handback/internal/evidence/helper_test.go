package evidence_test

import (
	"context"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/label"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
)

var ctx = context.Background()

func newSigner(t *testing.T) *sign.Signer {
	t.Helper()
	root, _, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(root, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newDir(t *testing.T, path string) *stick.Dir {
	t.Helper()
	d, err := stick.NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// steps of a whole visit of one drive after INTAKE.
func steps() []certs.Record {
	d := certstest.Drive(0)
	return []certs.Record{certstest.Facts(d), certstest.Consent(certs.LevelClear, d), certstest.Started(d, certs.LevelClear),
		certstest.Finished(d, certs.LevelClear), certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteRedeploy), certstest.Validated(certs.Awaiting, "")}
}

func intake() certs.Intake { return *certstest.Intake().Intake }

var errStore = errors.New("the test's own error")

// faulty is a Store that fails when it is told to, and tells what reaches the
// medium.
type faulty struct {
	*stick.Dir
	mu     sync.Mutex
	calls  int
	fail   func(call int) fault
	before func() // each call
	order  []string
}

type fault int

const (
	noFault     fault = iota
	failsBefore       // nothing is done
	failsAfter        // it is done, and an error returned
)

func (f *faulty) do(op func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.before != nil {
		f.before()
	}
	switch f.fail(f.calls) {
	case failsBefore:
		return errStore
	case failsAfter:
		if err := op(); err != nil {
			return err
		}
		return errStore
	}
	return op()
}

func (f *faulty) Write(ctx context.Context, name string, b []byte) error {
	return f.do(func() error {
		f.order = append(f.order, name)
		return f.Dir.Write(ctx, name, b)
	})
}

func (f *faulty) Create(ctx context.Context, name string, b []byte) error {
	return f.do(func() error {
		err := f.Dir.Create(ctx, name, b)
		if err == nil {
			f.order = append(f.order, name)
		}
		return err
	})
}

// WriteAll fails between any two files.
func (f *faulty) WriteAll(ctx context.Context, files []stick.File) error {
	for _, file := range files {
		write := f.Write
		if file.New {
			write = f.Create
		}
		if err := write(ctx, file.Name, file.Data); err != nil {
			return err
		}
	}
	return nil
}

func (f *faulty) Read(ctx context.Context, name string) (b []byte, err error) {
	return b, f.do(func() error { b, err = f.Dir.Read(ctx, name); return err })
}

// ReadAll fails between any two files.
func (f *faulty) ReadAll(ctx context.Context, names []string) (all [][]byte, err error) {
	for _, n := range names {
		b, err := f.Read(ctx, n)
		if err != nil {
			return all, err
		}
		all = append(all, b)
	}
	return all, nil
}

func (f *faulty) List(ctx context.Context, dir string) (l []string, err error) {
	return l, f.do(func() error { l, err = f.Dir.List(ctx, dir); return err })
}

func (f *faulty) Free() (n int64, err error) {
	return n, f.do(func() error { n, err = f.Dir.Free(); return err })
}

// onMedium reads the visits of a folder back and checks each: the chain verifies,
// and what CERTIFIED names is there and genuine.
func onMedium(t *testing.T, dir string, s *sign.Signer) map[string][]certs.Record {
	t.Helper()
	visits := map[string][]certs.Record{}
	for name, envelopes := range stored(t, dir) {
		records, by, err := sign.Verify(envelopes)
		if err != nil {
			t.Fatalf("visit %s: %v", name, err)
		}
		if !by[0].Equal(s.Cert) {
			t.Fatalf("visit %s is signed by %s", name, by[0].Subject)
		}
		if err := certstest.CheckEnvelopes(envelopes); err != nil {
			t.Fatalf("visit %s: %v", name, err)
		}
		if records[0].Visit != name {
			t.Fatalf("visit %s lies under the name of %s", records[0].Visit, name)
		}
		visits[name] = records
		if last := records[len(records)-1]; last.Kind == certs.KindCertified {
			checkLabel(t, dir, name, certs.HashEnvelope(certs.JoinEnvelopes(envelopes[:len(envelopes)-1])))
			checkPapers(t, dir, s, last.Certified.Papers, certs.Summarise(records[:len(records)-1]))
		}
	}
	return visits
}

func stored(t *testing.T, dir string) map[string][][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "spool", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	visits := map[string][][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(f)
		visit := base[:strings.LastIndex(base, "-")]
		if want := fmt.Sprintf("%s-%04d.json", visit, len(visits[visit])+1); base != want {
			t.Fatalf("%s stands where %s belongs", base, want)
		}
		visits[visit] = append(visits[visit], b)
	}
	return visits
}

// checkLabel: the label leads to the records.
func checkLabel(t *testing.T, dir, visit, hash string) {
	t.Helper()
	zpl, err := os.ReadFile(filepath.Join(dir, "labels", visit+".zpl"))
	if err != nil || !strings.Contains(string(zpl), "^FDMA,"+visit+" "+hash+"^FS") {
		t.Errorf("the label of %s: %v\n%s", visit, err, zpl)
	}
	if pdf, err := os.ReadFile(filepath.Join(dir, "labels", visit+".pdf")); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
		t.Errorf("the label of %s: %v", visit, err)
	}
}

// listDay writes the list of a visit's day as the appliance does: what fails is
// tried again.
func listDay(t *testing.T, st stick.Store, s *sign.Signer, b *evidence.Book) {
	t.Helper()
	var err error
	for range 3 {
		if err = evidence.WriteDay(ctx, st, s.Root, b.Day()); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// dayList reads the list of a day back, by visit and column.
func dayList(t *testing.T, dir, day string) map[string]map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, "certificates", day+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	text, marked := strings.CutPrefix(string(raw), "\xef\xbb\xbf")
	if !marked || strings.Count(text, "\n") != strings.Count(text, "\r\n") || !strings.HasSuffix(text, "\r\n") {
		t.Fatalf("no byte order mark, or lines that don't end in CR LF: %q", raw)
	}
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]map[string]string{}
	for _, row := range all[1:] {
		line := map[string]string{}
		for i, c := range all[0] {
			line[c] = row[i]
		}
		list[line["Visit"]] = line
	}
	return list
}

func checkPapers(t *testing.T, dir string, s *sign.Signer, papers []certs.Paper, want certs.Summary) {
	t.Helper()
	if len(papers) == 0 {
		t.Error("CERTIFIED names no paper")
	}
	for _, p := range papers {
		b, err := os.ReadFile(filepath.Join(dir, "certificates", p.Name))
		if err != nil {
			t.Fatal(err)
		}
		r := verify.File(b, []*x509.Certificate{s.Root}, verify.Options{})
		if r.Verdict != verify.Genuine || r.SHA256 != p.SHA256 || r.Visit != want.Visit || r.Sanitised != string(want.Verdict) {
			t.Errorf("%s: %s; SHA-256 %s, CERTIFIED says %s; it records %s, the records say %s", p.Name, r.Sentence, r.SHA256, p.SHA256, r.Sanitised, want.Verdict)
		}
	}
}

// goOn runs a visit to its end as the appliance does: what waits is tried again.
func goOn(t *testing.T, b *evidence.Book, left []certs.Record, stored func([]certs.Record)) {
	t.Helper()
	ack := func(err error) {
		if err == nil {
			stored(b.Records())
		} else if !errors.Is(err, evidence.ErrWaiting) {
			t.Fatalf("%v: the record is lost", err)
		}
	}
	b.WithLabel(label.Small)
	for _, r := range left {
		if r.Kind == certs.KindStarted {
			err := b.AppendDurable(ctx, r)
			for range 3 {
				if err != nil {
					ack(err)
					err = b.Flush(ctx)
				}
			}
			ack(err)
			continue
		}
		ack(b.Append(ctx, r))
	}
	_, err := b.Certify(ctx)
	ack(err)
	for range 3 {
		if b.Pending() > 0 {
			ack(b.Flush(ctx))
		}
	}
	if n := b.Pending(); n > 0 {
		t.Fatalf("%d files still wait", n)
	}
}

func begin(t *testing.T, st stick.Store, s *sign.Signer) *evidence.Book {
	t.Helper()
	var err error
	for range 3 {
		var b *evidence.Book
		if b, err = evidence.Begin(ctx, st, s, intake(), clock()); err == nil {
			b.WithLabel(label.Small)
			return b
		}
		if b != nil {
			t.Fatalf("a book was given with an error: %v", err)
		}
	}
	t.Fatalf("the visit could not be begun: %v", err)
	return nil
}

// clock goes ten seconds ahead at each look.
func clock() evidence.Clock {
	var mu sync.Mutex
	now := time.Now()
	return func() certs.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(10 * time.Second)
		return certs.At(now, certs.SourceRTC, 15*time.Second)
	}
}

// inMemory is a folder whose fsync costs nothing, where the machine has one: these
// tests are about the order of calls, not about a disk.
func inMemory(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "handback-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(inMemory(t), "copy")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return to
}
