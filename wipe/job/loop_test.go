package job

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// These tests erase loop devices of the real kernel and judge by what then lies
// in the backing file.

// yes is a journal for tests in which the journal is not what is tested.
type yes struct{}

func (yes) Started(context.Context, journal.Entry) error { return nil }

func (yes) Mark(context.Context, drive.Identity, journal.Mark) error { return nil }

// loop makes a loop device over file, gone when the test ends.
func loop(t testing.TB, file string, block int) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices need root: make test runs this with sudo")
	}
	out, err := exec.Command("losetup", "-b", fmt.Sprint(block), "-f", "--show", file).CombinedOutput()
	if err != nil {
		t.Fatalf("losetup: %v: %s", err, out)
	}
	dev := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", dev).CombinedOutput(); err != nil {
			t.Errorf("losetup -d %s: %v: %s", dev, err, out)
		}
	})
	return dev
}

// memory is a folder of its own file system in memory, of size bytes.
func memory(t testing.TB, size int64) string {
	t.Helper()
	dir := t.TempDir()
	if os.Getuid() != 0 {
		t.Skip("a file system of a given size needs root: make test runs this with sudo")
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// planLoop asks the device who it is, as inspect does, and plans for it.
func planLoop(t testing.TB, dev string, p plan.Policy) wipe.Plan {
	t.Helper()
	d, err := linux.Opener{}.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	id, err := d.Identify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	out := plan.Make(&inspect.Report{Drives: []inspect.Drive{{Path: dev, Identity: id, Geometry: d.Geometry(), Provenance: d.Provenance()}}}, p)
	if r := out.Drives[0].Refusal; r != nil {
		t.Fatalf("refused: %+v", r)
	}
	return out
}

func wipeLoop(t testing.TB, dev string, p plan.Policy) wipe.Outcome {
	t.Helper()
	f := Start(context.Background(), planLoop(t, dev, p), Options{Opener: linux.Opener{}, Journal: yes{}})
	<-f.Done()
	o := f.Outcomes()[0]
	if why := contradiction(o); why != "" {
		t.Errorf("%s: %+v", why, o)
	}
	return o
}

func TestLoop(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name  string
		size  int64
		block int
		p     plan.Policy
	}{
		{"zero", 64*mib + 3*512, 512, forced(wipe.OverwriteZero)},
		{"zero4k", 64*mib + 3*4096, 4096, forced(wipe.OverwriteZero)},
		{"random", 33*mib + 7*512, 512, forced(wipe.OverwriteRandom)},
		{"random4k", 33*mib + 7*4096, 4096, forced(wipe.OverwriteRandom)},
		{"sample", 300*mib + 512, 512, plan.Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteRandom, Verify: wipe.VerifySample}},
		{"oneblock", 512, 512, forced(wipe.OverwriteZero)},
		{"oneblock4k", 4096, 4096, forced(wipe.OverwriteRandom)},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(dir, c.name+".img")
			data := make([]byte, c.size)
			plant(data)
			if err := os.WriteFile(file, data, 0o600); err != nil {
				t.Fatal(err)
			}
			o := wipeLoop(t, loop(t, file, c.block), c.p)
			after, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "oneblock" {
				// One block of 512: nothing of a sample to speak of, all the same all of it.
				if o.Verification.Compared != 1 {
					t.Errorf("%d blocks compared", o.Verification.Compared)
				}
			}
			want(t, o, wipe.Sanitised)
			if bytes.Contains(after, []byte("PRIVATE")) || int64(len(after)) != c.size {
				t.Error("a trace is left in the backing file")
			}
			zero := len(bytes.TrimLeft(after, "\x00")) == 0
			if zero != (c.p.Technique == wipe.OverwriteZero) {
				t.Errorf("all zeros: %t", zero)
			}
			if o.Drive.Identity.Serial != strings.ToUpper(c.name) || o.BytesWritten != c.size {
				t.Errorf("%+v", o)
			}
		})
	}
}

// The file system under the backing file is full at 40 MiB: writes fail from
// there on.
func TestLoopFull(t *testing.T) {
	file := filepath.Join(memory(t, 40*mib), "full.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 64*mib); err != nil {
		t.Fatal(err)
	}
	o := wipeLoop(t, loop(t, file, 512), forced(wipe.OverwriteRandom))
	want(t, o, wipe.Failed, "could not be written")
	if o.BadBlocks < 20*mib/512 || o.BadBlocks > 28*mib/512 || len(o.BadRanges) == 0 || o.BytesWritten < 36*mib || o.BytesWritten > 41*mib {
		t.Errorf("%d bad blocks, %d ranges, %d bytes written", o.BadBlocks, len(o.BadRanges), o.BytesWritten)
	}
}

func TestLoopInUse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "used.img")
	if out, err := exec.Command("mke2fs", "-q", "-t", "ext2", file, "8m").CombinedOutput(); err != nil {
		t.Fatalf("mke2fs: %v: %s", err, out)
	}
	dev := loop(t, file, 512)
	p := planLoop(t, dev, forced(wipe.OverwriteZero))
	dir := t.TempDir()
	if err := unix.Mount(dev, dir, "ext2", unix.MS_RDONLY, ""); err != nil {
		t.Fatal(err)
	}
	f := Start(context.Background(), p, Options{Opener: linux.Opener{}, Journal: yes{}})
	<-f.Done()
	if err := unix.Unmount(dir, 0); err != nil {
		t.Fatal(err)
	}
	o := f.Outcomes()[0]
	want(t, o, wipe.Refused, dir)
	if out, err := exec.Command("e2fsck", "-n", "-f", file).CombinedOutput(); err != nil {
		t.Errorf("e2fsck: %v: %s", err, out)
	}
}

// Memory does not grow with the drive: no buffer is made for each piece, and the
// collector has no more to do for 1.5 GiB than for 256 MiB.
func TestNoGarbagePerByte(t *testing.T) {
	file := filepath.Join(memory(t, 1700*mib), "garbage.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cost := func(id wipe.TechniqueID, size int64) (cycles uint32, bytes uint64) {
		if err := os.Truncate(file, size); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("losetup", "-f", "--show", file).Output()
		if err != nil {
			t.Fatal(err)
		}
		dev := strings.TrimSpace(string(out))
		defer func() {
			if err := exec.Command("losetup", "-d", dev).Run(); err != nil {
				t.Error(err)
			}
		}()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		want(t, wipeLoop(t, dev, forced(id)), wipe.Sanitised)
		runtime.ReadMemStats(&after)
		return after.NumGC - before.NumGC, after.TotalAlloc - before.TotalAlloc
	}
	for _, id := range []wipe.TechniqueID{wipe.OverwriteZero, wipe.OverwriteRandom} {
		small, smallBytes := cost(id, 256*mib)
		big, bigBytes := cost(id, 1536*mib)
		t.Logf("%s: %d cycles, %d bytes; six times the drive: %d cycles, %d bytes", id, small, smallBytes, big, bigBytes)
		if big > small+1 || bigBytes > smallBytes+2*mib {
			t.Errorf("%s: %d cycles and %d bytes become %d and %d", id, small, smallBytes, big, bigBytes)
		}
	}
}
