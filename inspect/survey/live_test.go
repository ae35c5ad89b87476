package survey

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
)

// loop makes a loop device of the real kernel. It needs root and loop devices: a
// container without them can't run these tests.
func loop(t *testing.T, name string, size int64, args ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices need root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("this kernel has no loop devices: ", err)
	}
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	dev := tool(t, "", "losetup", append(args, "-f", "--show", file)...)
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", dev).CombinedOutput(); err != nil {
			t.Errorf("losetup -d %s: %v: %s", dev, err, out)
		}
	})
	return dev
}

func tool(t *testing.T, input, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// take surveys this machine and gives the drive at that path.
func take(t *testing.T, o Options, path string) (*inspect.Report, inspect.Drive) {
	t.Helper()
	r, err := Take(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(r.Drives, func(d inspect.Drive) bool { return d.Path == path })
	if i < 0 {
		t.Fatalf("%s is not among the drives", path)
	}
	return r, r.Drives[i]
}

const stickESP = "48414E44-4241-434B-8000-000000000002"

// A real kernel's loop devices, with blocks of 512 and 4096 bytes.
func TestTakeLive(t *testing.T) {
	for _, sector := range []string{"512", "4096"} {
		t.Run(sector, func(t *testing.T) {
			dev := loop(t, "survey-golf.img", 4<<20, "-b", sector)
			tool(t, windows, "sfdisk", "-q", "--no-reread", "--no-tell-kernel", dev)
			r, d := take(t, Options{IncludeLoop: true, BootPartGUIDs: []string{stickESP}}, dev)
			if r.Schema != "handback.report/1" || time.Since(r.Taken) > time.Minute || r.Missing == nil || r.Unhandled == nil {
				t.Errorf("report %+v", r)
			}
			if d.Identity.Serial != "SURVEY-GOLF" || d.Identity.Size != 4<<20 || d.Provenance != drive.ProvenanceLoop || d.Boot ||
				len(d.InUse) != 0 || len(d.Holds) != 0 || len(d.Problems) != 0 || d.Health.Verdict.Known || !d.Removable.Known {
				t.Errorf("%+v", d)
			}
			// The stick is known by its partition's GUID, in any case of letters.
			tool(t, strings.ReplaceAll(windows, "01234567-89ab-cdef-fedc-ba9876543210", stickESP), "sfdisk", "-q", "--no-reread", "--no-tell-kernel", "--wipe=never", dev)
			for _, g := range []string{stickESP, strings.ToLower(stickESP)} {
				if _, d := take(t, Options{IncludeLoop: true, BootPartGUIDs: []string{"x", g}}, dev); !d.Boot {
					t.Errorf("the stick was not known by %s: %+v", g, d)
				}
			}
		})
	}
}

func TestTakeLiveInUse(t *testing.T) {
	dev := loop(t, "survey-hotel.img", 16<<20)
	tool(t, "", "mke2fs", "-q", "-F", "-t", "ext4", dev)
	dir := t.TempDir()
	tool(t, "", "mount", dev, dir)
	defer tool(t, "", "umount", dir)
	if _, d := take(t, Options{IncludeLoop: true}, dev); !slices.Equal(d.InUse, []string{dir + " is mounted from it"}) || !slices.Equal(d.Holds, []string{"ext4"}) {
		t.Errorf("%+v", d)
	}
	r, err := Take(t.Context(), Options{})
	if err != nil || slices.ContainsFunc(r.Drives, func(d inspect.Drive) bool { return d.Path == dev }) {
		t.Errorf("a loop device was listed unasked: %v", err)
	}
}

// Two drives that say one serial are named to each other.
func TestTakeLiveTwins(t *testing.T) {
	a, b := loop(t, "survey-twin.img", 1<<20), loop(t, "SURVEY-Twin.raw", 1<<20)
	for _, c := range [][2]string{{a, b}, {b, a}} {
		if _, d := take(t, Options{IncludeLoop: true}, c[0]); len(d.Problems) != 1 || !strings.Contains(d.Problems[0], c[1]+" gives the same serial SURVEY-TWIN") {
			t.Errorf("%+v", d.Problems)
		}
	}
}

// stall opens real drives, and one of them stops answering at a point.
type stall struct {
	path, at string
	until    chan struct{}
}

func (s stall) Open(path string) (drive.Device, error) {
	if path != s.path {
		return linux.Opener{}.Open(path)
	}
	if s.at == "open" {
		<-s.until
	}
	d, err := linux.Opener{}.Open(path)
	return stalled{d, s}, err
}

func (s stall) OpenTarget(string) (drive.Target, error) { return nil, errors.New("not for a survey") }

type stalled struct {
	drive.Device
	stall
}

func (s stalled) ReadAt(p []byte, off int64) (int, error) {
	if s.at == "read" {
		<-s.until
	}
	return s.Device.ReadAt(p, off)
}

func (s stalled) Identify(ctx context.Context) (drive.Identity, error) {
	if s.at == "identify" {
		<-s.until
	}
	return s.Device.Identify(ctx)
}

// A drive that stops answering, wherever it does, keeps its own facts and no
// other's; what it said before is kept.
func TestStalledDriveDelaysNoOther(t *testing.T) {
	bad, good := loop(t, "survey-stalled.img", 4<<20), loop(t, "survey-good.img", 1<<20)
	tool(t, strings.ReplaceAll(windows, "01234567-89ab-cdef-fedc-ba9876543210", stickESP), "sfdisk", "-q", "--no-reread", "--no-tell-kernel", bad)
	for _, at := range []string{"open", "read", "identify"} {
		until := make(chan struct{})
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		start := time.Now()
		r, err := Take(ctx, Options{IncludeLoop: true, BootPartGUIDs: []string{stickESP}, Doors: doors(stall{bad, at, until})})
		cancel()
		close(until)
		if err != nil || time.Since(start) > 10*time.Second {
			t.Fatalf("%s: %v after %s", at, err, time.Since(start))
		}
		seen := 0
		for _, d := range r.Drives {
			switch d.Path {
			case bad:
				seen++
				if len(d.Problems) != 1 || !strings.Contains(d.Problems[0], "did not answer") || d.Identity.Serial != "" || d.Identity.Size != 4<<20 {
					t.Errorf("%s: %+v", at, d)
				}
				if d.Boot != (at == "identify") {
					t.Errorf("%s: boot medium %t", at, d.Boot)
				}
			case good:
				seen++
				if d.Identity.Serial != "SURVEY-GOOD" || len(d.Problems) != 0 {
					t.Errorf("%s: the good one: %+v", at, d)
				}
			}
		}
		if seen != 2 {
			t.Errorf("%s: %d of two drives", at, seen)
		}
	}
}

// Whoever waits hears which drive is waited for, and of no other.
func TestSilentDriveIsTold(t *testing.T) {
	bad := loop(t, "survey-silent.img", 4<<20)
	loop(t, "survey-talks.img", 1<<20)
	until := make(chan struct{})
	told := make(chan inspect.Drive, 16)
	go func() {
		told <- <-told // it answers once it was told of
		close(until)
	}()
	r, err := Take(t.Context(), Options{IncludeLoop: true, Doors: doors(stall{bad, "identify", until}), Silent: func(d inspect.Drive) {
		if d.Path == bad {
			told <- d
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if d := <-told; d.Path != bad || d.Identity.Size != 4<<20 || d.Identity.Serial != "" {
		t.Errorf("told of %+v", d)
	}
	for _, d := range r.Drives {
		if d.Path == bad && (len(d.Problems) != 0 || d.Identity.Serial == "") {
			t.Errorf("it answered late, and is %+v", d)
		}
	}
}

// timed opens drives and keeps how long each was asked, from its opening to its closing.
type timed struct {
	drive.Opener
	mu    sync.Mutex
	asked map[string]time.Duration
}

func (o *timed) Open(path string) (drive.Device, error) {
	start := time.Now()
	d, err := o.Opener.Open(path)
	if err != nil {
		return nil, err
	}
	return timedDevice{d, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked[path] = time.Since(start)
	}}, nil
}

type timedDevice struct {
	drive.Device
	done func()
}

func (d timedDevice) Close() error {
	defer d.done()
	return d.Device.Close()
}

// A machine with eight drives is looked at within two seconds, each drive within 300
// milliseconds, and one that stalls changes nothing for the other seven. The best of
// three counts: what else this computer does is not ours.
func TestEightDrivesAreQuick(t *testing.T) {
	var all []string
	for i := range 8 {
		dev := loop(t, fmt.Sprintf("survey-quick-%d.img", i), 4<<20)
		tool(t, windows, "sfdisk", "-q", "--no-reread", "--no-tell-kernel", dev)
		all = append(all, dev)
	}
	const whole, each = 2 * time.Second, 300 * time.Millisecond
	best := func(stalled string, others []string) (most, slowest time.Duration) {
		most, slowest = time.Hour, time.Hour
		for range 3 {
			until, opener := make(chan struct{}), &timed{asked: map[string]time.Duration{}}
			opener.Opener = stall{stalled, "identify", until}
			ctx, cancel := context.WithTimeout(t.Context(), whole)
			start := time.Now()
			if _, err := Take(ctx, Options{IncludeLoop: true, Doors: doors(opener)}); err != nil {
				t.Fatal(err)
			}
			took, longest := time.Since(start), time.Duration(0)
			cancel()
			close(until)
			opener.mu.Lock()
			for _, path := range others {
				if opener.asked[path] == 0 {
					t.Fatalf("%s was not asked to its end", path)
				}
				longest = max(longest, opener.asked[path])
			}
			opener.mu.Unlock()
			most, slowest = min(most, took), min(slowest, longest)
		}
		return most, slowest
	}
	took, slowest := best("", all)
	if took > whole || slowest > each {
		t.Errorf("eight drives took %s, the slowest of them %s", took, slowest)
	}
	t.Logf("eight drives took %s, the slowest of them %s", took, slowest)
	if _, slowest := best(all[0], all[1:]); slowest > each {
		t.Errorf("beside one that stalls, the slowest of seven took %s", slowest)
	}
}

// doors of this machine, but for its drives.
func doors(o drive.Opener) capture.Doors {
	d := capture.Live()
	d.Opener = o
	return d
}

func TestTakeWithoutATree(t *testing.T) {
	if r, err := Take(t.Context(), Options{Doors: capture.Folder(t.TempDir())}); err == nil {
		t.Errorf("an empty folder is a machine: %+v", r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Take(ctx, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
