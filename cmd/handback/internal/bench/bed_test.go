package bench

import (
	"bytes"
	"context"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/tpm"
)

const marker = "PRIVATE-DATA-OF-A-PERSON"

// bed is a machine with loop devices for drives and a folder for a stick.
type bed struct {
	t      *testing.T
	dir    string
	store  *faulty
	signer *sign.Signer
	set    settings.Settings
	files  map[string]string // device to backing file
	report func(*inspect.Report)
	tpm    func() tpm.Outcome
	resume func(tpm.Note) tpm.Outcome
	clear  func(context.Context, []wipe.Removal) Cleared // of the platform; nil: nothing of it is planned
	slow   atomic.Int64                                  // a wait in each write to a drive
	hands  Hands
	ahead  atomic.Int64 // how far the clock is, in ns
}

func newBed(t *testing.T, drives ...string) *bed {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("loop devices need root: 'make test' runs the tests as root")
	}
	t.Parallel()
	root, _, cert, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	b := &bed{t: t, dir: t.TempDir(), set: settings.Demonstration(), files: map[string]string{}}
	if b.signer, err = sign.LoadStick(root, cert, key); err != nil {
		t.Fatal(err)
	}
	d, err := stick.NewDir(filepath.Join(b.dir, "stick"))
	if err != nil {
		t.Fatal(err)
	}
	b.store = &faulty{Dir: d}
	t.Cleanup(func() {
		if err := certstest.CheckSpool(filepath.Join(d.Path(), settings.SpoolDir)); err != nil {
			t.Error(err)
		}
	})
	for _, name := range drives {
		b.addDrive(name)
	}
	b.tpm = func() tpm.Outcome {
		return tpm.Outcome{Result: tpm.NotPresent, What: "No TPM was found in the device."}
	}
	return b
}

// TestMain keeps the serial log's events away where nobody asked for them. It is the
// process of a test, too.
func TestMain(m *testing.M) {
	if job := os.Getenv(jobVariable); job != "" {
		os.Exit(TestProcess([]string{job}))
	}
	flag.Parse()
	if !testing.Verbose() {
		eventlog.SetOutput(io.Discard)
	}
	os.Exit(m.Run())
}

// addDrive makes a disk that is full of markers.
func (b *bed) addDrive(name string) string {
	b.t.Helper()
	file := filepath.Join(b.dir, name+".img")
	const size = 16 << 20
	if err := os.WriteFile(file, bytes.Repeat([]byte(marker+"........"), size/32), 0o600); err != nil {
		b.t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", file).Output()
	if err != nil {
		b.t.Fatalf("losetup: %v", err)
	}
	dev := strings.TrimSpace(string(out))
	b.files[dev] = file
	b.t.Cleanup(func() { _ = exec.Command("losetup", "-d", dev).Run() }) // it goes with its last user
	return dev
}

// traces counts the markers that are left on a drive.
func (b *bed) traces() (n int) {
	b.t.Helper()
	for _, f := range b.files {
		data, err := os.ReadFile(f)
		if err != nil {
			b.t.Fatal(err)
		}
		n += bytes.Count(data, []byte(marker))
	}
	return n
}

// untouched: every marker is where it was.
func (b *bed) untouched() bool { return b.traces() == len(b.files)*(16<<20)/32 }

func (b *bed) world() World {
	began := time.Now()
	return World{
		Station: func(context.Context) (Station, error) {
			return Station{Settings: b.set, Signer: b.signer, Store: b.store, Image: strings.Repeat("ab", 32)}, nil
		},
		Survey:    b.survey,
		Machine:   func(context.Context) *inspect.Report { return b.machine() },
		Opener:    slowOpener{linux.Opener{}, &b.slow},
		ClearTPM:  func(context.Context) tpm.Outcome { return b.tpm() },
		ResumeTPM: func(_ context.Context, n tpm.Note) tpm.Outcome { return b.resume(n) },
		Now:       func() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) },
		Marker:    filepath.Join(b.dir, "begun"),
		Linger:    10 * time.Millisecond,
		Hands:     b.hands,

		ClearPlatform: b.clear,

		Uptime: func() time.Duration { return time.Since(began) },
	}
}

// survey of this bed's drives, in a laptop that never was.
func (b *bed) survey(ctx context.Context, silent func(inspect.Drive)) (*inspect.Report, error) {
	r, err := survey.Take(ctx, survey.Options{IncludeLoop: true, Silent: silent, BootPartGUIDs: []string{settings.ESPGUID}})
	if err != nil {
		return nil, err
	}
	r.Drives = slices.DeleteFunc(r.Drives, func(d inspect.Drive) bool { return b.files[d.Path] == "" })
	r.Machine = b.machine().Machine
	r.Mains, r.Unhandled, r.Missing = inspect.Known(true, "test"), []inspect.Finding{}, nil
	if b.report != nil {
		b.report(r)
	}
	return r, nil
}

// machine is that laptop without its drives.
func (b *bed) machine() *inspect.Report {
	return &inspect.Report{Machine: inspect.Machine{Maker: inspect.Known("Example Computers", "test"), Model: inspect.Known("Notebook 14", "test"),
		Serial: inspect.Known("EX14-1", "test"), UUID: inspect.Known("4c4c4544-0030-3431-8032-b4c04f303431", "test"),
		Kind: inspect.Known("laptop", "test"), Hypervisor: inspect.Known(true, "test")}}
}

// start gives a running engine and the channel of its end.
func (b *bed) start() (*Engine, chan End, context.CancelFunc) {
	ctx, cancel := context.WithCancel(b.t.Context())
	e := New(b.world())
	end := make(chan End, 1)
	go func() { end <- e.Run(ctx) }()
	b.t.Cleanup(cancel)
	return e, end, cancel
}

const patience = 60 * time.Second

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func toStage(t *testing.T, e *Engine, s wire.Stage) wire.View {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the stage is %s", e.View().Stage)
		}
	}()
	until(t, "stage "+string(s), func() bool { return e.View().Stage == s })
	return e.View()
}

func must(t *testing.T, e *Engine, i wire.Intent) {
	t.Helper()
	if err := e.Do(i); err != nil {
		t.Fatalf("%s: %v", i.Kind, err)
	}
}

func refused(t *testing.T, e *Engine, i wire.Intent, says string) {
	t.Helper()
	if err := e.Do(i); err == nil || !strings.Contains(err.Error(), says) {
		t.Fatalf("%s: %v, want a refusal with %q", i.Kind, err, says)
	}
}

func form(tag string) *wire.Intake {
	return &wire.Intake{Tag: tag, Operator: "op17", Source: "desk", Classification: "official", DIAL: 1, Seal: "HUB-00417"}
}

// toAgree goes from power-on to the gate.
func (b *bed) toAgree(e *Engine) wire.View {
	b.t.Helper()
	toStage(b.t, e, wire.StageIntake)
	must(b.t, e, wire.Intent{Kind: wire.IntentIntake, Form: form("DEF-1")})
	toStage(b.t, e, wire.StageCheck)
	must(b.t, e, wire.Intent{Kind: wire.IntentToAgree})
	return toStage(b.t, e, wire.StageAgree)
}

// records on the stick of the newest visit, whole and signed.
func (b *bed) records(visit string) []certs.Record {
	b.t.Helper()
	names, err := b.store.List(b.t.Context(), settings.SpoolDir)
	if err != nil {
		b.t.Fatal(err)
	}
	var envelopes [][]byte
	for _, n := range names {
		if !strings.HasPrefix(n, visit) {
			continue
		}
		raw, err := b.store.Read(b.t.Context(), settings.SpoolDir+"/"+n)
		if err != nil {
			b.t.Fatal(err)
		}
		envelopes = append(envelopes, raw)
	}
	rs, by, err := sign.Verify(envelopes)
	if err != nil {
		b.t.Fatalf("the records of %s do not verify: %v", visit, err)
	}
	if !by[0].Equal(b.signer.Cert) {
		b.t.Fatalf("the records of %s are signed by %s", visit, by[0].Subject)
	}
	return rs
}

func kinds(rs []certs.Record) (list []certs.Kind) {
	for _, r := range rs {
		list = append(list, r.Kind)
	}
	return list
}

// genuine checks the papers that the stick holds and gives their results by kind.
func (b *bed) genuine(names []string) map[string]verify.Result {
	b.t.Helper()
	out := map[string]verify.Result{}
	for _, n := range names {
		raw, err := b.store.Read(b.t.Context(), settings.CertificatesDir+"/"+n)
		if err != nil {
			b.t.Fatal(err)
		}
		r := verify.File(raw, roots(b.signer), verify.Options{})
		if r.Verdict != verify.Genuine {
			b.t.Errorf("%s: %s", n, r.Sentence)
		}
		out[r.Paper] = r
	}
	return out
}

// faulty is a stick that can be pulled out, and that can fail from some file on.
type faulty struct {
	*stick.Dir
	gone   atomic.Bool
	refuse atomic.Value // func(stick.File) error
}

func (f *faulty) Present() bool { return !f.gone.Load() && f.Dir.Present() }

func (f *faulty) WriteAll(ctx context.Context, files []stick.File) error {
	for _, x := range files {
		if f.gone.Load() {
			return stick.ErrGone
		}
		if r, ok := f.refuse.Load().(func(stick.File) error); ok {
			if err := r(x); err != nil {
				return err
			}
		}
		if err := f.Dir.WriteAll(ctx, []stick.File{x}); err != nil {
			return err
		}
	}
	return nil
}

func (f *faulty) Write(ctx context.Context, name string, b []byte) error {
	return f.WriteAll(ctx, []stick.File{{Name: name, Data: b}})
}

func (f *faulty) Create(ctx context.Context, name string, b []byte) error {
	return f.WriteAll(ctx, []stick.File{{Name: name, Data: b, New: true}})
}

var _ stick.Store = (*faulty)(nil)

// slowOpener opens real drives whose writes take their time.
type slowOpener struct {
	drive.Opener
	wait *atomic.Int64
}

func (o slowOpener) OpenTarget(path string) (drive.Target, error) {
	t, err := o.Opener.OpenTarget(path)
	if err != nil {
		return nil, err
	}
	return slowTarget{t, o.wait}, nil
}

type slowTarget struct {
	drive.Target
	wait *atomic.Int64
}

func (t slowTarget) WriteAt(p []byte, off int64) (int, error) {
	time.Sleep(time.Duration(t.wait.Load()))
	return t.Target.WriteAt(p, off)
}
