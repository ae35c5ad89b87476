package stick

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
)

func TestEnsureData(t *testing.T) {
	path, d := newStick(t, 10*mib, 64*mib)
	f := openFile(t, path)
	e, id, err := ensureData(f, d)
	if err != nil {
		t.Fatal(err)
	}
	// 1 MiB table, 8 MiB ESP; the last MiB holds the backup table.
	if e.index != 2 || e.first != 9*2048 || e.last != 63*2048-1 {
		t.Errorf("partition is %+v", e)
	}
	fsckPartition(t, f, e)
	out := tool(t, "sfdisk", "--dump", path)
	for _, want := range []string{"last-lba: 131038", "size=      110592", "type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7",
		"uuid=" + strings.ToUpper(settings.DataGUID), `name="HANDBACK"`} {
		if !strings.Contains(out, want) {
			t.Errorf("sfdisk --dump lacks %q:\n%s", want, out)
		}
	}
	if out := tool(t, "sfdisk", "--verify", path); !strings.Contains(out, "No errors detected") {
		t.Errorf("sfdisk --verify: %s", out)
	}
	if again, id2, err := ensureData(f, d); err != nil || again != e || id2 != id {
		t.Errorf("the second time: %+v %x, %v; want %+v %x", again, id2, err, e, id)
	}
}

// TestEnsureDataKeeps: whatever is wrong with a data partition that is there, it
// stays as it is.
func TestEnsureDataKeeps(t *testing.T) {
	for name, spoil := range map[string]func(t *testing.T, f *os.File, at int64){
		"boot sector zeroed":    func(t *testing.T, f *os.File, at int64) { write(t, f, make([]byte, 512), at) },
		"all of it zeroed":      func(t *testing.T, f *os.File, at int64) { write(t, f, make([]byte, 4*mib), at) },
		"one bit of the boot":   func(t *testing.T, f *os.File, at int64) { write(t, f, []byte{0x12}, at+300) },
		"another file system":   func(t *testing.T, f *os.File, at int64) { write(t, f, []byte("\xeb\x58\x90MSDOS5.0"), at) },
		"root directory zeroed": func(t *testing.T, f *os.File, at int64) { zeroRoot(t, f, at) },
	} {
		t.Run(name, func(t *testing.T) {
			path, d := newStick(t, 10*mib, 64*mib)
			f := openFile(t, path)
			e, _, err := ensureData(f, d)
			if err != nil {
				t.Fatal(err)
			}
			spoil(t, f, int64(e.first)*512)
			before := sum(t, f)
			if _, _, err := ensureData(f, d); !errors.Is(err, ErrCorrupt) {
				t.Errorf("error is %v", err)
			}
			if sum(t, f) != before {
				t.Error("the medium was changed")
			}
		})
	}
}

// TestEnsureDataAdopts: a stick that is written anew keeps the records that
// nobody has collected.
func TestEnsureDataAdopts(t *testing.T) {
	path, d := newStick(t, 10*mib, 64*mib)
	f := openFile(t, path)
	old, id, err := ensureData(f, d)
	if err != nil {
		t.Fatal(err)
	}
	writeStick(t, f, 10*mib)
	if e, id2, err := ensureData(f, d); err != nil || e != old || id2 != id {
		t.Errorf("%+v %x, %v; want %+v %x", e, id2, err, old, id)
	}
	// The same, but what is there is damaged: it is not formatted either.
	write(t, f, []byte{0x12}, int64(old.first)*512+300)
	writeStick(t, f, 10*mib)
	before := sum(t, f)
	if _, _, err := ensureData(f, d); !errors.Is(err, ErrCorrupt) || sum(t, f) != before {
		t.Errorf("a damaged older life: %v, changed %v", err, sum(t, f) != before)
	}
}

func TestEnsureDataRefuses(t *testing.T) {
	path, d := newStick(t, 10*mib, 25*mib)
	if _, _, err := ensureData(openFile(t, path), d); !errors.Is(err, ErrNoRoom) {
		t.Errorf("no room: %v", err)
	}
	path, d = newStick(t, 10*mib, 64*mib)
	f := openFile(t, path)
	write(t, f, make([]byte, 3*512), 0)
	write(t, f, make([]byte, 512), 10*mib-512)
	if _, _, err := ensureData(f, d); !errors.Is(err, ErrCorrupt) {
		t.Errorf("no table: %v", err)
	}
}

// cut is a medium whose power fails after some bytes were written.
type cut struct {
	*os.File
	left int64
	over bool
}

var errPower = errors.New("power cut")

func (c *cut) WriteAt(p []byte, off int64) (int, error) {
	if c.over {
		return 0, errPower
	}
	if int64(len(p)) <= c.left {
		c.left -= int64(len(p))
		return c.File.WriteAt(p, off)
	}
	n, err := c.File.WriteAt(p[:c.left/512*512], off) // a medium writes whole sectors
	c.over = true
	return n, errors.Join(err, errPower)
}

func (c *cut) Sync() error {
	if c.over {
		return errPower
	}
	return nil // every write is on the medium already; TestFormatOrder looks at the order of syncs
}

// TestPowerCut cuts the power at every 512th byte around the ends of writes: the
// next boot finds the ESP and makes or finds a whole data partition.
func TestPowerCut(t *testing.T) {
	path, d := newStick(t, 10*mib, 40*mib)
	f := openFile(t, path)
	whole := &cut{File: f, left: 1 << 40}
	if _, _, err := ensureData(whole, d); err != nil {
		t.Fatal(err)
	}
	total := 1<<40 - whole.left
	if total < 64<<10 || total > 400<<10 {
		t.Fatalf("%d bytes are written: this test's steps don't fit", total)
	}
	cuts := 0
	for at := int64(0); at < total; at += 512 {
		if err := errors.Join(f.Truncate(0), f.Truncate(d.Size)); err != nil {
			t.Fatal(err)
		}
		writeStick(t, f, 10*mib)
		if _, _, err := ensureData(&cut{File: f, left: at}, d); err == nil {
			t.Fatalf("cut after %d bytes: no error", at)
		}
		table, err := readGPT(f, d.Size, d.sector)
		if err != nil {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
		if _, ok := table.find(settings.ESPGUID); !ok {
			t.Fatalf("cut after %d bytes: the boot partition is gone", at)
		}
		e, _, err := ensureData(f, d)
		if err != nil {
			t.Fatalf("cut after %d bytes: the next boot: %v", at, err)
		}
		if table, err = readGPT(f, d.Size, d.sector); err != nil || table.recovered {
			t.Fatalf("cut after %d bytes: the table is not repaired: %v", at, err)
		}
		if _, err := exfat.Open(io.NewSectionReader(f, int64(e.first)*512, e.bytes(d)), e.bytes(d)); err != nil {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
		cuts++
	}
	if cuts < 100 {
		t.Errorf("%d cuts only", cuts)
	}
}

func write(t *testing.T, f *os.File, b []byte, at int64) {
	t.Helper()
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

func zeroRoot(t *testing.T, f *os.File, at int64) {
	t.Helper()
	boot := make([]byte, 512)
	if _, err := f.ReadAt(boot, at); err != nil {
		t.Fatal(err)
	}
	// Microsoft exFAT 3.1: heap offset at 88, root cluster at 96, clusters of 4 KiB here
	u32 := func(o int) int64 {
		return int64(boot[o]) | int64(boot[o+1])<<8 | int64(boot[o+2])<<16 | int64(boot[o+3])<<24
	}
	write(t, f, make([]byte, 4096), at+u32(88)*512+(u32(96)-2)*4096)
}

func sum(t *testing.T, f *os.File) [32]byte {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(b)
}

// TestLoopDevice: the kernel sees what was made, on a loop device with either
// sector size that sticks have.
func TestLoopDevice(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a loop device needs root: 'make test' runs the tests as root")
	}
	path, _ := newStick(t, 10*mib, 64*mib)
	d := loop(t, path, false)
	disks, err := Scan(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, x := range disks {
		found = found || x.Path == d.Path
	}
	if !found {
		t.Fatalf("%s is not among %v", d.Path, disks)
	}
	device, id, err := linux.dataPartition(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if device != d.Path+"p2" {
		t.Errorf("data partition is %s", device)
	}
	if out := tool(t, "fsck.exfat", "-n", device); !strings.Contains(out, "clean") {
		t.Errorf("fsck.exfat: %s", out)
	}
	if again, id2, err := linux.dataPartition(context.Background(), d); err != nil || again != device || id2 != id {
		t.Errorf("the second time: %s %x, %v", again, id2, err)
	}
	s := &Stick{y: linux, id: id, known: &memory{}}
	if !s.Present() {
		t.Error("the stick is not present")
	}
	s.id++
	if _, _, err := s.locate(context.Background()); !errors.Is(err, ErrOther) {
		t.Errorf("another stick: %v", err)
	}
}

func TestLoopReadOnly(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("a loop device needs root: 'make test' runs the tests as root")
	}
	path, _ := newStick(t, 10*mib, 64*mib)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	d := loop(t, path, true)
	if !d.ReadOnly {
		t.Error("the kernel says read-only, and Scan doesn't")
	}
	for _, known := range []bool{true, false} {
		d.ReadOnly = known
		if _, _, err := linux.dataPartition(context.Background(), d); !errors.Is(err, ErrReadOnly) {
			t.Errorf("error is %v", err)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the medium was changed: %v", err)
	}
}

// loop attaches a file and gives it as Scan sees it.
func loop(t *testing.T, path string, readOnly bool) Disk {
	t.Helper()
	args := []string{"-P", "-f", "--show", path}
	if readOnly {
		args = append([]string{"-r"}, args...)
	}
	device := tool(t, "losetup", args...)
	t.Cleanup(func() { tool(t, "losetup", "-d", device) })
	d, ok := linux.disk(strings.TrimPrefix(device, "/dev/"))
	if !ok {
		t.Fatalf("%s is not shown by the kernel", device)
	}
	d, ok = linux.probe(context.Background(), d)
	if !ok || !d.table.ours() {
		t.Fatalf("%s is not known as a stick: %+v", device, d)
	}
	return d
}

// An engine that dies while it writes leaves the stick mounted; the next one must
// be able to open it.
func TestLeftovers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root: 'make test' runs the tests as root")
	}
	dir := t.TempDir()
	for range 2 {
		if err := unix.Mount("leftover", dir, "tmpfs", 0, "size=64k"); err != nil {
			t.Fatal(err)
		}
	}
	leftovers(dir)
	if err := unix.Unmount(dir, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("something is still mounted there (unmount: %v)", err)
	}
	leftovers(dir) // nothing there: nothing done
}

// A child of this program has copies of its files until it is a program of its own:
// the mount is busy for a moment, and nothing was wrong with the stick.
func TestUnmountWaits(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root: 'make test' runs the tests as root")
	}
	dir := t.TempDir()
	if err := unix.Mount("busy", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(filepath.Join(dir, "held"))
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = f.Close() })
	if err := unmount(dir); err != nil {
		t.Errorf("a mount that was busy for a moment: %v", err)
	}
	if err := unix.Unmount(dir, 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("something is still mounted there (unmount: %v)", err)
	}
}
