package job_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

const nvmeText = `
name = "a drive"
source = "made up"
[nvme]
serial = "PLUG1"
model = "Plugged NVMe"
firmware = "1"
[nvme.sanitize]
block = true
crypto = true
block_time = "2s"
crypto_time = "2s"
[nvme.format]
supported = true
erase_time = "2s"
[[nvme.namespaces]]
id = 1
bytes = 4194304
attached = true
eui64 = "0102030405060708"
`

// stride is the engine's clock: to wait is to move the time.
type stride struct {
	*sim.Manual
	at func(n int64) // before the nth wait
	n  atomic.Int64
}

func (s *stride) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n := s.n.Add(1); s.at != nil {
		s.at(n)
	}
	s.Advance(d)
	return nil
}

// notes is a journal in memory.
type notes struct {
	mu     sync.Mutex
	starts []journal.Entry
	marks  []journal.Mark
	fail   func(step string) error // "" is STARTED
}

func (n *notes) Started(_ context.Context, e journal.Entry) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.starts = append(n.starts, e)
	return n.failing("")
}

func (n *notes) Mark(_ context.Context, _ drive.Identity, m journal.Mark) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.failing(m.Step); err != nil {
		return err
	}
	n.marks = append(n.marks, m)
	return nil
}

func (n *notes) failing(step string) error {
	if n.fail == nil {
		return nil
	}
	return n.fail(step)
}

// socket is a machine with one model in it.
type socket struct {
	t     *testing.T
	clock *stride
	host  *inproc.Host
	drive *profile.Drive
	notes notes
	plan  wipe.Plan
}

func newSocket(t *testing.T, text string, ladder ...wipe.Step) *socket {
	t.Helper()
	s := &socket{t: t, clock: &stride{Manual: sim.NewManual()}, host: inproc.NewHost(nil)}
	flow, stop := context.WithCancel(context.Background())
	flowing := make(chan struct{})
	go func() { defer close(flowing); s.clock.Flow(flow, time.Millisecond) }()
	t.Cleanup(func() { stop(); <-flowing })
	var err error
	if s.drive, err = profile.Parse("drive.toml", text, profile.Options{Clock: s.clock.Manual}); err != nil {
		t.Fatal(err)
	}
	paths, err := s.drive.Attach(s.host, "/dev/d1")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range s.drive.Model.Media() {
		if err := m.Fill(0, m.Size(), sim.Repeat([]byte("PRIVATE:a person's data, to be read by nobody after this......\n"))); err != nil {
			t.Fatal(err)
		}
	}
	d, err := s.host.Open(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	id, err := d.Identify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.plan = wipe.Plan{Schema: plan.Schema, Want: ladder[0].Level, Drives: []wipe.DrivePlan{{Name: "A", Path: paths[0], Identity: id, Geometry: d.Geometry(), Ladder: ladder}}}
	return s
}

func (s *socket) run(change func(*job.Options)) wipe.Outcome {
	s.t.Helper()
	o := job.Options{Opener: s.host, Journal: &s.notes, Clock: s.clock, GiveUpAfter: 20 * time.Second}
	if change != nil {
		change(&o)
	}
	f := job.Start(context.Background(), s.plan, o)
	select {
	case <-f.Done():
	case <-time.After(time.Minute):
		s.t.Fatalf("the job does not end: %+v", f.Status())
	}
	return f.Outcomes()[0]
}

func (s *socket) left() int {
	m := s.drive.Model.Media()[0]
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		s.t.Fatal(err)
	}
	return bytes.Count(b, []byte("PRIVATE"))
}

func (s *socket) sanitizes() (n int) {
	for _, e := range s.drive.Model.Trace() {
		if len(e.Frame) == 64 && e.Frame[0] == 0x84 && e.Status == 0 {
			n++
		}
	}
	return n
}

func purge(ids ...wipe.TechniqueID) (steps []wipe.Step) {
	for _, id := range ids {
		steps = append(steps, wipe.Step{Technique: id, Level: wipe.LevelPurge, Verify: wipe.VerifyFull})
	}
	return steps
}

// A drive that a dock lets go while it sanitizes itself, and that comes back under
// another name, is found by what it says, waited for, and not told anew. Where another
// drive stands under its old name that is not asked.
func TestDriveComesBackUnderAnotherName(t *testing.T) {
	for name, find := range map[string]bool{"looked for": true, "not looked for": false} {
		t.Run(name, func(t *testing.T) {
			s := newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock)...)
			other, err := profile.Parse("other.toml", string(bytes.ReplaceAll([]byte(nvmeText), []byte("PLUG1"), []byte("OTHER"))), profile.Options{Clock: s.clock.Manual})
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Model.Media()[0].Fill(0, 1<<20, sim.Repeat([]byte("PRIVATE of another"))); err != nil {
				t.Fatal(err)
			}
			s.clock.at = func(n int64) {
				switch n {
				case 3:
					s.drive.Model.Plug(false)
					s.host.Detach("/dev/d1n1")
					if _, err := other.Attach(s.host, "/dev/d1"); err != nil {
						t.Error(err)
					}
				case 6:
					if _, err := s.drive.Attach(s.host, "/dev/d7"); err != nil {
						t.Error(err)
					}
					s.drive.Model.Plug(true)
				}
			}
			o := s.run(func(o *job.Options) {
				if find {
					o.Find = job.Finder(s.host, s.host.Paths)
				}
			})
			for _, e := range other.Model.Trace() {
				if op := e.Frame[0]; op == 0x84 || op == 0x80 {
					t.Fatalf("another drive was sent %x", e.Frame)
				}
			}
			if find && (o.Verdict != wipe.Sanitised || s.left() != 0 || s.sanitizes() != 1) {
				t.Errorf("%s, %d left, %d sanitizes: %s", o.Verdict, s.left(), s.sanitizes(), o.What)
			}
			if !find && (o.Verdict == wipe.Sanitised || o.Verdict == wipe.Refused) {
				t.Errorf("%s: %s", o.Verdict, o.What)
			}
		})
	}
}

// The ladder is climbed where the drive says no, never where a survivor was found or
// where nobody knows, and never down.
func TestLadder(t *testing.T) {
	refuse := "\n[[fault]]\nopcode = 0x84\ntimes = 1\nabort = true\n"
	both := purge(wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto)
	weak := wipe.Step{Technique: wipe.NVMeFormatUserData, Level: wipe.LevelClear}
	for name, c := range map[string]struct {
		fault    string
		ladder   []wipe.Step
		verdict  wipe.Verdict
		by       wipe.TechniqueID
		attempts int
		left     bool
	}{
		"the first does it":        {"", both, wipe.Sanitised, wipe.NVMeSanitizeBlock, 0, false},
		"refused, then the next":   {refuse, both, wipe.Sanitised, wipe.NVMeSanitizeCrypto, 1, false},
		"never weaker":             {"\n[[fault]]\nopcode = 0x84\nabort = true\n", append(both, weak), wipe.Failed, wipe.NVMeSanitizeCrypto, 1, true},
		"a lie is not passed over": {"\n[[fault]]\nopcode = 0x84\ntimes = 1\nkeep_all = true\n", both, wipe.Failed, wipe.NVMeSanitizeBlock, 0, true},
		"the next can't be had":    {refuse, purge(wipe.NVMeSanitizeBlock, wipe.ATASanitizeBlock), wipe.Failed, wipe.NVMeSanitizeBlock, 1, true},
		"none can be had":          {"", purge(wipe.ATASanitizeBlock, wipe.SCSISanitizeBlock), wipe.Refused, wipe.SCSISanitizeBlock, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSocket(t, nvmeText+c.fault, c.ladder...)
			o := s.run(nil)
			if o.Verdict != c.verdict || o.Technique != c.by || len(o.Attempts) != c.attempts || (s.left() > 0) != c.left {
				t.Errorf("%s by %s, %d attempts %+v, %d left: %s", o.Verdict, o.Technique, len(o.Attempts), o.Attempts, s.left(), o.What)
			}
			for _, a := range o.Attempts {
				if a.What == "" || a.Verdict == wipe.Sanitised || a.Verdict == "" {
					t.Errorf("attempt %+v", a)
				}
			}
		})
	}
}

// A journal that is gone is waited for once the drive is touched; before, it refuses.
func TestJournalIsAwaited(t *testing.T) {
	gone := errors.New("gone")
	s := newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock)...)
	var out, waited atomic.Bool
	s.notes.fail = func(step string) error {
		if step == journal.StepIssue && !waited.Load() {
			out.Store(true)
		}
		if out.Load() {
			return gone
		}
		return nil
	}
	o := s.run(func(o *job.Options) {
		o.Await = func(_ context.Context, why error) error {
			if !errors.Is(why, gone) || s.sanitizes() != 0 {
				t.Errorf("%v, %d sanitizes", why, s.sanitizes())
			}
			waited.Store(true)
			out.Store(false)
			return nil
		}
	})
	if o.Verdict != wipe.Sanitised || !waited.Load() || s.left() != 0 {
		t.Errorf("%s, waited %t: %s", o.Verdict, waited.Load(), o.What)
	}
	s = newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock)...)
	s.notes.fail = func(string) error { return gone }
	o = s.run(func(o *job.Options) {
		o.Await = func(context.Context, error) error { t.Error("the first record was waited for"); return gone }
	})
	if o.Verdict != wipe.Refused || o.Code != "no-journal" {
		t.Errorf("%s, %s", o.Verdict, o.Code)
	}
}

// Whoever stops a drive that erases itself is told that it goes on.
func TestStatusOfWhatCannotBeStopped(t *testing.T) {
	s := newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock)...)
	at, goOn := make(chan struct{}), make(chan struct{})
	s.clock.at = func(n int64) {
		if n == 2 {
			close(at)
			<-goOn
		}
	}
	f := job.Start(context.Background(), s.plan, job.Options{Opener: s.host, Journal: &s.notes, Clock: s.clock})
	<-at
	f.Stop()
	for end := time.Now().Add(10 * time.Second); f.Status()[0].Note == "" && time.Now().Before(end); time.Sleep(time.Millisecond) {
	}
	if st := f.Status()[0]; st.CanStop || st.Note == "" {
		t.Errorf("%+v", st)
	}
	close(goOn)
	<-f.Done()
	if o := f.Outcomes()[0]; o.Verdict != wipe.Sanitised || s.left() != 0 {
		t.Errorf("%s: %s", o.Verdict, o.What)
	}
}

// What an earlier start began is never a drive to which nothing was done.
func TestPastIsNotForgotten(t *testing.T) {
	s := newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock)...)
	s.host.Detach("/dev/d1n1")
	o := s.run(func(o *job.Options) {
		o.Past = func(drive.Identity) *journal.Past {
			return &journal.Past{Entry: journal.Entry{Step: s.plan.Drives[0].Ladder[0]}}
		}
	})
	if o.Verdict != wipe.Interrupted || o.Do == "" {
		t.Errorf("%s: %s", o.Verdict, o.What)
	}
}

// A drive that was at one technique is asked about that one first.
func TestBegunTechniqueComesFirst(t *testing.T) {
	s := newSocket(t, nvmeText, purge(wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto)...)
	o := s.run(func(o *job.Options) {
		o.Past = func(drive.Identity) *journal.Past {
			return &journal.Past{Entry: journal.Entry{Step: s.plan.Drives[0].Ladder[1]}}
		}
	})
	if o.Verdict != wipe.Sanitised || o.Technique != wipe.NVMeSanitizeCrypto || !s.notes.starts[0].Resumed {
		t.Errorf("%s by %s, %+v", o.Verdict, o.Technique, s.notes.starts)
	}
}
