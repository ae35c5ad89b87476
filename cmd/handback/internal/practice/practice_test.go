package practice_test

import (
	"context"
	"crypto/x509"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/handback/internal/bench"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/practice"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect/drive"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !testing.Verbose() {
		eventlog.SetOutput(io.Discard)
	}
	os.Exit(m.Run())
}

// lesson is one machine on its way over the bench.
type lesson struct {
	t   *testing.T
	dir string // of records and papers
	w   bench.World
	e   *bench.Engine
	end chan bench.End
}

func begin(t *testing.T, lessons []practice.Lesson, n int) *lesson {
	t.Helper()
	l := &lesson{t: t, dir: filepath.Join(t.TempDir(), "papers"), end: make(chan bench.End, 1)}
	b, err := practice.New(t.Context(), l.dir, lessons)
	if err != nil {
		t.Fatal(err)
	}
	if l.w, err = b.World(n, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	l.w.Linger = time.Millisecond
	l.e = bench.New(l.w)
	go func() { l.end <- l.e.Run(t.Context()) }()
	return l
}

func (l *lesson) to(s wire.Stage) wire.View {
	l.t.Helper()
	for end := time.Now().Add(5 * time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if v := l.e.View(); v.Stage == s {
			return v
		}
	}
	l.t.Fatalf("stage %s was waited for in vain: %+v", s, l.e.View())
	return wire.View{}
}

func (l *lesson) do(i wire.Intent) {
	l.t.Helper()
	if err := l.e.Do(i); err != nil {
		l.t.Fatalf("%s: %v", i.Kind, err)
	}
}

// check goes to the plan, as a person who takes what the form suggests.
func (l *lesson) check() wire.View {
	l.t.Helper()
	form := l.to(wire.StageIntake).Intake
	if form.Tag == "" {
		form.Tag = form.SuggestedTag
	}
	l.do(wire.Intent{Kind: wire.IntentIntake, Form: &form})
	v := l.to(wire.StageCheck)
	if v.Class != "practice" || !strings.HasPrefix(v.Tag, "PRACTICE-") {
		l.t.Errorf("the screen is of class %q, for %q", v.Class, v.Tag)
	}
	return v
}

// result agrees to the plan and answers every question well.
func (l *lesson) result() wire.View {
	l.t.Helper()
	l.do(wire.Intent{Kind: wire.IntentToAgree})
	v := l.to(wire.StageAgree)
	l.do(wire.Intent{Kind: wire.IntentConsent, Text: v.Tag, Digest: v.Plan.Digest})
	v = l.to(wire.StageGrade)
	for _, q := range v.Questions {
		l.do(wire.Intent{Kind: wire.IntentAnswer, Question: q.ID, Choice: 0})
	}
	return l.to(wire.StageResult)
}

// papers are refused by the verifier, and taken for what they are where it is told to.
func (l *lesson) papers() {
	l.t.Helper()
	names, err := filepath.Glob(filepath.Join(l.dir, settings.CertificatesDir, "*.pdf"))
	if err != nil || len(names) == 0 {
		l.t.Fatalf("papers: %v, %v", names, err)
	}
	root, err := os.ReadFile(filepath.Join(l.dir, settings.RootPEM))
	if err != nil {
		l.t.Fatal(err)
	}
	cert, err := sign.ParseCert(root)
	if err != nil {
		l.t.Fatal(err)
	}
	trust, err := sign.NewTrust([]*x509.Certificate{cert}, nil, time.Now())
	if err != nil {
		l.t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			l.t.Fatal(err)
		}
		c := &verify.Checker{Trust: trust}
		if r := c.File(name, b); r.Verdict != verify.NotGenuine || !strings.Contains(r.Sentence, "practice paper") {
			l.t.Errorf("%s: %s", filepath.Base(name), r.Sentence)
		}
		c = &verify.Checker{Trust: trust, Options: verify.Options{Practice: true}}
		if r := c.File(name, b); r.Verdict != verify.Genuine || r.Class != "practice" {
			l.t.Errorf("%s, as practice: %s", filepath.Base(name), r.Sentence)
		}
	}
}

// over switches the machine off.
func (l *lesson) over() {
	l.t.Helper()
	l.do(wire.Intent{Kind: wire.IntentNext})
	if how := <-l.end; how != bench.EndPowerOff {
		l.t.Errorf("it ends with %v", how)
	}
}

// read a drive of the machine by the bench's own opener.
func (l *lesson) read(path string, off int64) []byte {
	l.t.Helper()
	t, err := l.w.Opener.OpenTarget(path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer t.Close()
	b := make([]byte, 4096)
	if _, err := t.ReadAt(b, off); err != nil {
		l.t.Fatal(err)
	}
	return b
}

func zero(b []byte) bool { return strings.Trim(string(b), "\x00") == "" }

func TestGoodMachine(t *testing.T) {
	t.Parallel()
	l := begin(t, practice.Lessons, 0)
	v := l.check()
	if len(v.Plan.Rows) != 2 || !v.Plan.Ready {
		t.Fatalf("the plan is %+v", v.Plan)
	}
	const diskPath, at = "/practice/drive2", 300 << 20
	if zero(l.read(diskPath, at)) {
		t.Fatal("the disk was empty before")
	}
	v = l.result()
	if !v.Result.Pass || v.Result.Route == "" || v.Result.Route == "HOLD" {
		t.Errorf("the result is %+v", v.Result)
	}
	if !zero(l.read(diskPath, at)) {
		t.Error("the disk is not erased")
	}
	l.papers()
	l.over()
}

func TestFailingMachine(t *testing.T) {
	t.Parallel()
	l := begin(t, practice.Lessons, 1)
	l.check()
	v := l.result()
	if v.Result.Pass || v.Result.Word != "FAIL" || !strings.Contains(strings.Join(v.Result.Lines, " "), "PRACTICE-BAD") {
		t.Errorf("the result is %+v", v.Result)
	}
	l.papers()
	l.over()
}

func TestLockedMachine(t *testing.T) {
	t.Parallel()
	l := begin(t, practice.Lessons, 2)
	v := l.check()
	if len(v.Plan.Rows) != 1 || !strings.Contains(strings.Join(v.Plan.Rows[0].Warnings, " "), "locked by an ATA password") {
		t.Fatalf("the plan is %+v", v.Plan)
	}
	v = l.result()
	if v.Result.Pass || v.Result.Route != "HOLD" {
		t.Errorf("the result is %+v", v.Result)
	}
	l.papers()
	l.over()
}

// No drive of the computer is within reach: what opens drives knows the models alone.
func TestNothingReal(t *testing.T) {
	t.Parallel()
	real := filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(real, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := practice.New(t.Context(), t.TempDir(), practice.Lessons)
	if err != nil {
		t.Fatal(err)
	}
	for n := range practice.Lessons {
		w, err := b.World(n, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{real, "/dev/sda", "/dev/vda", "/dev/nvme0n1", "/dev/loop0"} {
			for name, open := range map[string]func() (io.Closer, error){
				"target": func() (io.Closer, error) { return w.Opener.OpenTarget(path) },
				"device": func() (io.Closer, error) {
					return w.Opener.(interface {
						Open(string) (drive.Device, error)
					}).Open(path)
				},
				"test": func() (io.Closer, error) { return w.Tester.OpenTest(path) },
			} {
				if c, err := open(); err == nil {
					_ = c.Close()
					t.Errorf("machine %d opens %s as %s", n+1, path, name)
				}
			}
		}
		if w.Suspend != nil || w.ClearPlatform != nil || w.Print != nil || w.Fabric != nil || w.Copies != nil || w.Second != nil || w.Hands.Open != nil || w.Hands.Panel != nil || w.Hands.Sound != nil {
			t.Errorf("machine %d reaches into the computer: %+v", n+1, w)
		}
		over, end := context.WithCancel(t.Context())
		end()
		if o := w.Battery(over, "laptop"); o.Evidence != "simulated for practice" {
			t.Errorf("machine %d: the battery: %+v", n+1, o)
		}
		r, err := w.Survey(context.Background(), nil)
		if err != nil || len(r.Drives) == 0 {
			t.Fatal(err)
		}
		for _, d := range r.Drives {
			if !strings.HasPrefix(d.Path, "/practice/") {
				t.Errorf("machine %d has %s", n+1, d.Path)
			}
		}
	}
}
