package scenario

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
)

// world is a bench with one machine on it, in this process.
type world struct {
	t      testing.TB
	clock  *sim.Manual
	host   *inproc.Host
	drives []*profile.Drive
	paths  []string
	diary  diary
}

// quiet is how long nobody may begin to wait before the clock goes on to the next
// moment that somebody waits for. No command is at work then.
const quiet = 5 * time.Millisecond

// Scenarios wait far more than they work: many run side by side.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err) // package testing has that flag
	}
	os.Exit(m.Run())
}

func newWorld(t testing.TB) *world {
	clock := sim.NewManual()
	w := &world{t: t, clock: clock, host: inproc.NewHost(clock)}
	ctx, stop := context.WithCancel(context.Background())
	flowing := make(chan struct{})
	go func() { defer close(flowing); clock.Flow(ctx, quiet) }()
	t.Cleanup(func() { stop(); <-flowing })
	return w
}

// add a drive of a profile's text, full of a person's data.
func (w *world) add(name, text string) *profile.Drive {
	w.t.Helper()
	d, err := profile.Parse(name, text, profile.Options{Clock: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
	w.drives = append(w.drives, d)
	path := fmt.Sprintf("/dev/d%d", len(w.drives))
	paths, err := d.Attach(w.host, path)
	if err != nil {
		w.t.Fatal(err)
	}
	w.paths = append(w.paths, paths...)
	for _, m := range d.Model.Media() {
		plant(w.t, m)
	}
	return d
}

// private is a person's data: no block of 4096 bytes is one repeated byte.
var private = []byte("PRIVATE:a person's data, to be read by nobody after this\n......\n")

func plant(t testing.TB, m *sim.Medium) {
	t.Helper()
	if err := m.Fill(0, m.Size(), sim.Repeat(private)); err != nil {
		t.Fatal(err)
	}
}

// left counts the bytes of a drive's media that still are a person's, in blocks of
// 512 bytes.
func left(t testing.TB, d *profile.Drive) int64 {
	t.Helper()
	n := int64(0)
	for _, m := range d.Model.Media() {
		n += leftOn(t, m)
	}
	return n
}

func leftOn(t testing.TB, m *sim.Medium) int64 {
	t.Helper()
	n, buf := int64(0), make([]byte, 1<<20)
	for off := int64(0); off < m.Size(); off += int64(len(buf)) {
		b := buf[:min(int64(len(buf)), m.Size()-off)]
		if _, err := m.ReadAt(b, off); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(b); i += 512 {
			if bytes.Contains(b[i:min(i+512, len(b))], []byte("PRIVATE")) {
				n += 512
			}
		}
	}
	return n
}

// survey asks all drives.
func (w *world) survey() *inspect.Report {
	return &inspect.Report{Drives: survey.Ask(context.Background(), w.host, w.paths...), Unhandled: []inspect.Finding{}}
}

// run a plan to its end.
func (w *world) run(p wipe.Plan, change ...func(*job.Options)) []wipe.Outcome {
	w.t.Helper()
	o := job.Options{Opener: w.host, Journal: &w.diary, Clock: stride{w.clock}, StallAfter: 20 * time.Second, GiveUpAfter: 40 * time.Second,
		Accepted: func(wipe.DrivePlan) bool { return true }}
	for _, f := range change {
		f(&o)
	}
	fleet := job.Start(context.Background(), p, o)
	select {
	case <-fleet.Done():
	case <-time.After(2 * time.Minute):
		w.t.Fatalf("the job does not end: %+v", fleet.Status())
	}
	return fleet.Outcomes()
}

// stride is the engine's clock: to wait is to move the time.
type stride struct{ *sim.Manual }

func (s stride) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.Advance(d)
	return nil
}

// diary is a journal in memory, that fails where it is told to.
type diary struct {
	mu     sync.Mutex
	starts []journal.Entry
	marks  map[string][]journal.Mark
}

func (d *diary) Started(_ context.Context, e journal.Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.starts = append(d.starts, e)
	return nil
}

func (d *diary) Mark(_ context.Context, id drive.Identity, m journal.Mark) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.marks == nil {
		d.marks = map[string][]journal.Mark{}
	}
	d.marks[id.Serial] = append(d.marks[id.Serial], m)
	return nil
}

// visible counts the bytes of private data that a host still reads from a drive.
func (w *world) visible(n int) int64 {
	w.t.Helper()
	dev, err := w.host.Open(w.paths[n])
	if err != nil {
		w.t.Fatal(err)
	}
	defer dev.Close()
	count, b := int64(0), drive.AlignedBuffer(4096)
	for off := int64(0); off < dev.Geometry().Size; off += 4096 {
		if _, err := dev.ReadAt(b, off); err != nil {
			w.t.Fatal(err)
		}
		if bytes.Contains(b, []byte("PRIVATE")) {
			count += 4096
		}
	}
	return count
}

// beside counts what is left on media that are not the drive's own user area: other
// namespaces, boot areas.
func beside(t testing.TB, d *profile.Drive) int64 {
	t.Helper()
	n := int64(0)
	for _, m := range d.Model.Media()[1:] {
		n += leftOn(t, m)
	}
	return n
}
