package linux

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
)

// loopDevice makes a loop device on a file of that name and size. It needs root
// and loop devices: a container without them can't run these tests.
func loopDevice(t *testing.T, name string, size int64, args ...string) (dev, file string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("loop devices need root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("this kernel has no loop devices: ", err)
	}
	file = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, size); err != nil {
		t.Fatal(err)
	}
	dev = run(t, "losetup", append(args, "-f", "--show", file)...)
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", dev).CombinedOutput(); err != nil {
			t.Errorf("losetup -d %s: %v: %s", dev, err, out)
		}
	})
	return dev, file
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func TestLoopIdentityAndGeometry(t *testing.T) {
	for _, c := range []struct {
		file, serial, raw string
		size              int64
		args              []string
		block             int
	}{
		{"echo.img", "ECHO", "4543484f", 8 << 20, nil, 512},
		{"foxtrot.tar.gz", "FOXTROT.TAR", "464f5854524f542e544152", 8<<20 + 4096*3, []string{"-b", "4096"}, 4096},
		{"plain", "PLAIN", "504c41494e", 1<<20 + 512, nil, 512},
		{".img", "", "", 1 << 20, nil, 512},
	} {
		t.Run(c.file, func(t *testing.T) {
			dev, _ := loopDevice(t, c.file, c.size, c.args...)
			d, err := Opener{}.Open(dev)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			want := drive.Identity{Bus: drive.BusLoop, Media: drive.MediaFile, Model: "loop device",
				Serial: c.serial, Size: c.size, Inner: true, Raw: drive.Raw{Serial: c.raw}}
			if id, err := d.Identify(t.Context()); err != nil || id != want {
				t.Errorf("identity %+v, %v", id, err)
			}
			if g := d.Geometry(); g.Size != c.size || g.LogicalBlock != c.block || g.PhysicalBlock != c.block {
				t.Errorf("geometry %+v", g)
			}
			if d.Provenance() != drive.ProvenanceLoop {
				t.Errorf("provenance %d", d.Provenance())
			}
			if _, ok := d.(drive.Writer); ok {
				t.Error("a drive that was opened to be read can be written")
			}
		})
	}
}

// A file that was removed while the loop device has it keeps its name.
func TestLoopIdentityOfRemovedFile(t *testing.T) {
	dev, file := loopDevice(t, "gone.img", 1<<20)
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	d, err := Opener{}.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if id, err := d.Identify(t.Context()); err != nil || id.Serial != "GONE" {
		t.Errorf("identity %+v, %v", id, err)
	}
}

func TestTargetWritesPastTheCache(t *testing.T) {
	dev, file := loopDevice(t, "target.img", 1<<20, "-b", "4096")
	target, err := Opener{}.OpenTarget(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	buf := drive.AlignedBuffer(8192)
	copy(buf, bytes.Repeat([]byte("ABCDEFGH"), 1024))
	if n, err := target.WriteAt(buf, 1<<20-8192); n != 8192 || err != nil {
		t.Fatalf("wrote %d, %v", n, err)
	}
	if err := target.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got[1<<20-8192:], buf) || !bytes.Equal(got[:1<<20-8192], make([]byte, 1<<20-8192)) {
		t.Errorf("the file behind it is not what was written (%v)", err)
	}
	back := drive.AlignedBuffer(8192)
	if n, err := target.ReadAt(back, 1<<20-8192); n != 8192 || err != nil || !bytes.Equal(back, buf) {
		t.Errorf("read back %d bytes, %v", n, err)
	}
	// O_DIRECT: what is not a whole number of blocks is refused, not cached.
	if _, err := target.WriteAt(buf[:512], 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("half a block was written: %v", err)
	}
	if _, err := target.WriteAt(buf, 1<<20); err == nil {
		t.Error("wrote beyond the end")
	}
}

// An error of the medium comes out of the write or of the flush. The file lies on
// a file system that is full at 1 MiB.
func TestTargetTellsWriteErrors(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting needs root")
	}
	dir := t.TempDir()
	run(t, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir)
	t.Cleanup(func() { run(t, "umount", dir) })
	file := filepath.Join(dir, "small.img")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, 4<<20); err != nil {
		t.Fatal(err)
	}
	dev := run(t, "losetup", "-f", "--show", file)
	t.Cleanup(func() { run(t, "losetup", "-d", dev) })
	target, err := Opener{}.OpenTarget(dev)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	buf := drive.AlignedBuffer(2 << 20)
	_, err = target.WriteAt(buf, 2<<20)
	if err = errors.Join(err, target.Flush(t.Context())); !errors.Is(err, unix.EIO) && !errors.Is(err, unix.ENOSPC) {
		t.Errorf("2 MiB were written into 1 MiB: %v", err)
	}
}

// inUse wants a refusal that names who uses the drive.
func inUse(t *testing.T, dev, says string) {
	t.Helper()
	target, err := Opener{}.OpenTarget(dev)
	if err == nil {
		_ = target.Close()
		t.Fatalf("%s was opened to be erased", dev)
	}
	var use *InUseError
	if !errors.As(err, &use) || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), says) {
		t.Errorf("%v", err)
	}
	// To read it is allowed.
	d, err := Opener{}.Open(dev)
	if err != nil {
		t.Fatal(err)
	}
	_ = d.Close()
}

func TestTargetIsClaimed(t *testing.T) {
	dev, _ := loopDevice(t, "claim.img", 1<<20)
	first, err := Opener{}.OpenTarget(dev)
	if err != nil {
		t.Fatal(err)
	}
	inUse(t, dev, "another program has claimed it")
	_ = first.Close()
	second, err := Opener{}.OpenTarget(dev)
	if err != nil {
		t.Fatalf("it is not free after it was closed: %v", err)
	}
	_ = second.Close()
}

func TestTargetRefusesMounted(t *testing.T) {
	dev, _ := loopDevice(t, "mounted.img", 16<<20)
	run(t, "mke2fs", "-q", "-F", dev)
	dir := filepath.Join(t.TempDir(), "a place")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, "mount", dev, dir)
	defer run(t, "umount", dir)
	inUse(t, dev, `a place" is mounted from it`)
}

func TestTargetRefusesMountedPartition(t *testing.T) {
	dev, file := loopDevice(t, "parts.img", 32<<20)
	table := exec.Command("sfdisk", "-q", "--no-reread", "--no-tell-kernel", file)
	table.Stdin = strings.NewReader("label: gpt\nstart=2048, size=40960\n")
	if out, err := table.CombinedOutput(); err != nil {
		t.Fatalf("sfdisk: %v: %s", err, out)
	}
	run(t, "partx", "-a", dev)
	defer run(t, "partx", "-d", dev)
	part := dev + "p1"
	run(t, "mke2fs", "-q", "-F", part)
	dir := t.TempDir()
	run(t, "mount", part, dir)
	defer run(t, "umount", dir)
	inUse(t, dev, dir+" is mounted from its partition "+filepath.Base(part))
	for _, open := range []func(string) error{
		func(p string) error { _, err := Opener{}.Open(p); return err },
		func(p string) error { _, err := Opener{}.OpenTarget(p); return err },
	} {
		if err := open(part); err == nil || !strings.Contains(err.Error(), "name the whole drive") {
			t.Errorf("a partition was taken for a drive: %v", err)
		}
	}
}

func TestTargetRefusesSwap(t *testing.T) {
	dev, _ := loopDevice(t, "swap.img", 16<<20)
	run(t, "mkswap", "-q", dev)
	if out, err := exec.Command("swapon", dev).CombinedOutput(); err != nil {
		t.Skipf("this kernel lets no loop device be swap: %v: %s", err, out)
	}
	defer run(t, "swapoff", dev)
	inUse(t, dev, "the system swaps to it")
}

// The kernel holds no claim for a loop device that stands on a drive.
func TestTargetRefusesLoopUponLoop(t *testing.T) {
	dev, _ := loopDevice(t, "lower.img", 1<<20)
	upper := run(t, "losetup", "-f", "--show", dev)
	defer run(t, "losetup", "-d", upper)
	inUse(t, dev, filepath.Base(upper)+" stands on it")
	inUse(t, upper, "under another name")
}

// Two loop devices on one file: to erase the one is to erase the other, whatever
// name the file has for it.
func TestTargetRefusesSharedFile(t *testing.T) {
	dev, file := loopDevice(t, "shared.img", 1<<20)
	link := filepath.Join(t.TempDir(), "elsewhere.img")
	if err := os.Link(file, link); err != nil {
		t.Fatal(err)
	}
	other := run(t, "losetup", "-f", "--show", link)
	defer run(t, "losetup", "-d", other)
	inUse(t, dev, filepath.Base(other)+" has the same backing file")
	inUse(t, other, filepath.Base(dev)+" has the same backing file")
}

func TestTargetRefusesReadOnly(t *testing.T) {
	dev, _ := loopDevice(t, "ro.img", 1<<20, "-r")
	if _, err := (Opener{}).OpenTarget(dev); err == nil || !strings.Contains(err.Error(), "write-protect") {
		t.Errorf("%v", err)
	}
}

func TestOpenRefusesWhatIsNoDrive(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "/dev/loop-none", file, dir, fifo, "/dev/null", "/dev/zero"} {
		if d, err := (Opener{}).Open(path); err == nil {
			_ = d.Close()
			t.Errorf("%q was opened", path)
		}
		if d, err := (Opener{}).OpenTarget(path); err == nil {
			_ = d.Close()
			t.Errorf("%q was opened to be erased", path)
		}
	}
}

// A loop device without a file is no drive.
func TestOpenRefusesEmptyLoop(t *testing.T) {
	dev, _ := loopDevice(t, "used.img", 1<<20)
	free := run(t, "losetup", "-f")
	if free == dev {
		t.Fatalf("losetup calls %s free", dev)
	}
	if d, err := (Opener{}).Open(free); err == nil {
		_ = d.Close()
		t.Errorf("%s was opened", free)
	}
}

// The path may come to name another device between two looks at it.
func TestOpenNodeWantsTheNumber(t *testing.T) {
	dev, _ := loopDevice(t, "number.img", 1<<20)
	if f, err := openNode(dev, unix.O_RDONLY, unix.S_IFBLK, "7:4095"); err == nil {
		_ = f.Close()
		t.Error("a node with another number was taken")
	}
	if f, err := openNode("/dev/null", unix.O_RDONLY, unix.S_IFBLK, "1:3"); err == nil {
		_ = f.Close()
		t.Error("a character device was taken for a block device")
	}
	f, err := openNode("/dev/null", unix.O_RDONLY, unix.S_IFCHR, "1:3")
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
}

// The kernel's running number shows that another disk has the same device number.
func TestIdentifyKnowsThatTheDiskChanged(t *testing.T) {
	dev, _ := loopDevice(t, "changed.img", 1<<20)
	for name, change := range map[string]func(*device){
		"running number": func(d *device) { d.disk.Seq = "1" },
		"folder":         func(d *device) { d.disk.Dir += "0" },
		"controller":     func(d *device) { d.disk.Controller = "/sys/devices/x" },
		"gone":           func(d *device) { d.disk.Dev = "7:4095" },
	} {
		d, err := open(dev, unix.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := d.Identify(t.Context()); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		change(d)
		if id, err := d.Identify(t.Context()); err == nil || id != (drive.Identity{}) {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		_ = d.Close()
	}
}

// A real kernel refuses SG_IO and NVMe commands on a loop device: an error of the
// call, never an answer of a drive.
func TestLoopTakesNoCommands(t *testing.T) {
	dev, _ := loopDevice(t, "commands.img", 1<<20)
	d, err := open(dev, unix.O_RDONLY)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	inquiry := drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x12, 0, 0, 0, 36, 0}, Direction: drive.DirectionIn, Data: make([]byte, 36)}
	identify := drive.Command{Protocol: drive.ProtocolNVMe, Frame: append([]byte{6}, make([]byte, 63)...), Direction: drive.DirectionIn, Data: make([]byte, 4096)}
	var status *drive.StatusError
	for _, do := range []func() error{
		func() error { _, err := d.Do(t.Context(), inquiry); return err },
		func() error { _, err := sgTransport{d.block}.Do(t.Context(), inquiry); return err },
		func() error { _, err := nvmeTransport{d.block}.Do(t.Context(), identify); return err },
	} {
		if err := do(); err == nil || errors.As(err, &status) {
			t.Errorf("%v", err)
		}
	}
	sanitize := drive.Command{Protocol: drive.ProtocolNVMe, Frame: append([]byte{0x84}, make([]byte, 63)...)}
	if _, err := d.Do(t.Context(), sanitize); !errors.Is(err, drive.ErrRefused) {
		t.Errorf("a sanitize passed the filter: %v", err)
	}
}
