package guest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
)

// disk is a file of 64 MiB on a bus.
func disk(t *testing.T, bus vmtest.Bus, name string) vmtest.Drive {
	t.Helper()
	path := filepath.Join(t.TempDir(), name+".img")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	return vmtest.Drive{Bus: bus, Target: path}
}

const size = 64 << 20

// One guest with a drive on every bus of QEMU's own: many checks in one boot.
func TestGuest(t *testing.T) {
	drives := []vmtest.Drive{
		disk(t, vmtest.BusNVMe, "alpha"), disk(t, vmtest.BusSATA, "bravo"), disk(t, vmtest.BusUSB, "charlie"), disk(t, vmtest.BusSD, "delta"),
	}
	if out, err := exec.Command("mkfs.vfat", "-I", drives[2].Target).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.vfat: %v\n%s", err, out)
	}
	g := guest.Boot(t, guest.Config{Drives: drives})
	found := map[string]guest.Drive{}
	for _, which := range []string{"ALPHA", "BRAVO", "CHARLIE", "/dev/mmcblk?"} {
		found[which] = g.WaitDrive(which)
	}
	t.Run("drives", func(t *testing.T) { testDrives(t, g, found) })
	t.Run("identify", func(t *testing.T) { testIdentify(t, g, found) })
	t.Run("tools", func(t *testing.T) { testTools(t, g, found) })
	t.Run("exec", func(t *testing.T) { testExec(t, g) })
	t.Run("files", func(t *testing.T) { testFiles(t, g, found["ALPHA"]) })
	t.Run("blocks", func(t *testing.T) {
		for i, which := range []string{"ALPHA", "BRAVO", "CHARLIE", "/dev/mmcblk?"} {
			testBlocks(t, g, found[which].Path, drives[i].Target, byte(0x11*(i+1)))
		}
		testLong(t, g, found["ALPHA"].Path)
	})
	t.Run("refused", func(t *testing.T) { testRefused(t, g, found) })
	t.Run("in use", func(t *testing.T) { testInUse(t, g, found) })
	t.Run("modules", func(t *testing.T) { testModules(t, g) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := g.PowerOff(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Drives(ctx); !errors.Is(err, guest.ErrGone) {
		t.Errorf("a guest that is off answers: %v", err)
	}
}

func testDrives(t *testing.T, g *guest.Test, found map[string]guest.Drive) {
	all, err := g.Drives(t.Context())
	if err != nil || len(all) != 4 {
		t.Errorf("the guest has drives %+v, %v; want 4", all, err)
	}
	for which, want := range map[string]struct{ path, model, sys string }{
		"ALPHA":        {"/dev/nvme0n1", "QEMU NVMe Ctrl", "/sys/devices/pci0000:00/"},
		"BRAVO":        {"/dev/sd?", "QEMU HARDDISK", "/ata"},
		"CHARLIE":      {"/dev/sd?", "QEMU HARDDISK", "/usb"},
		"/dev/mmcblk?": {"/dev/mmcblk0", "QEMU!", "/mmc_host/"},
	} {
		d := found[which]
		if ok, _ := filepath.Match(want.path, d.Path); !ok || d.Model != want.model || !strings.Contains(d.Sys, want.sys) || d.Size != size {
			t.Errorf("%s is %+v, want %+v", which, d, want)
		}
	}
}

func testIdentify(t *testing.T, g *guest.Test, found map[string]guest.Drive) {
	for which, want := range map[string]struct {
		bus    drive.Bus
		serial string
	}{
		"ALPHA": {drive.BusNVMe, "ALPHA"}, "BRAVO": {drive.BusSATA, "BRAVO"}, "CHARLIE": {drive.BusUSB, "CHARLIE"},
		"/dev/mmcblk?": {drive.BusSD, "0xdeadbeef"}, // of every card of QEMU's (hw/sd/sd.c)
	} {
		d, err := g.Opener().Open(found[which].Path)
		if err != nil {
			t.Error(err)
			continue
		}
		id, err := d.Identify(t.Context())
		if err != nil || id.Bus != want.bus || !strings.EqualFold(id.Serial, want.serial) || id.Size != size {
			t.Errorf("%s says that it is %+v, %v", which, id, err)
		}
		if g := d.Geometry(); g.Size != size || g.LogicalBlock != 512 {
			t.Errorf("%s has %+v", which, g)
		}
		if p := d.Provenance(); p != drive.ProvenanceKernel {
			t.Errorf("%s is of provenance %d", which, p)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if _, err := d.Identify(t.Context()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s is closed, and says %v", which, err)
		}
	}
	if _, err := g.Opener().Open("/dev/nothing"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a drive that is not there: %v", err)
	}
}

func testTools(t *testing.T, g *guest.Test, found map[string]guest.Drive) {
	says := func(text string, args ...string) {
		t.Helper()
		if r := g.Run(args...); r.Code != 0 || !strings.Contains(r.Stdout+r.Stderr, text) {
			t.Errorf("%s does not say %q: %s", strings.Join(args, " "), text, r)
		}
	}
	says("Serial Number:      BRAVO", "hdparm", "-I", found["BRAVO"].Path)
	says("Serial number:        CHARLIE", "smartctl", "-d", "scsi", "-i", found["CHARLIE"].Path)
	says("Serial Number:                      ALPHA", "smartctl", "-i", found["ALPHA"].Path)
	says("Product identification: QEMU HARDDISK", "sg_inq", found["CHARLIE"].Path)
	says("00 80 00 07 43 48 41 52  4c 49 45 00", "sg_raw", "-r", "64", found["CHARLIE"].Path, "12", "01", "80", "00", "40", "00")
	r := g.Run("nvme", "id-ctrl", "-o", "json", found["ALPHA"].Path)
	var id struct {
		SN   string `json:"sn"`
		OACS int    `json:"oacs"`
	}
	if err := json.Unmarshal([]byte(r.Stdout), &id); err != nil || strings.TrimSpace(id.SN) != "ALPHA" || id.OACS&2 == 0 {
		t.Errorf("nvme-cli reads %+v, %v: %s", id, err, r)
	}
}

func testExec(t *testing.T, g *guest.Test) {
	r, err := g.Exec(t.Context(), guest.Command{Args: []string{"sh", "-c", "cat; echo bad >&2; exit 7"}, Stdin: []byte("given\n")})
	if err != nil || r.Stdout != "given\n" || r.Stderr != "bad\n" || r.Code != 7 {
		t.Errorf("%+v, %v", r, err)
	}
	if r := g.Run("sh", "-c", "kill -9 $$"); r.Code != 137 {
		t.Errorf("a program that was killed: %s", r)
	}
	// A call that waits keeps nobody waiting.
	slow := make(chan error, 1)
	go func() {
		_, err := g.Exec(t.Context(), guest.Command{Args: []string{"sh", "-c", "echo begun; sleep 60 & sleep 60"}, Timeout: time.Second})
		slow <- err
	}()
	if r := g.Run("sh", "-c", "echo meanwhile"); r.Stdout != "meanwhile\n" {
		t.Errorf("%s", r)
	}
	select {
	case err := <-slow:
		t.Errorf("the slow program ended before: %v", err)
	default:
	}
	select {
	case err := <-slow:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a program that hangs ends with %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("a program that hangs was not killed")
	}
	r, err = g.Exec(t.Context(), guest.Command{Args: []string{"sh", "-c", "echo begun; exec sleep 60"}, Timeout: time.Second})
	if !errors.Is(err, context.DeadlineExceeded) || r.Stdout != "begun\n" || r.Code != 137 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := g.Exec(t.Context(), guest.Command{Args: []string{"no-such-tool"}}); err == nil || !strings.Contains(err.Error(), "no-such-tool") {
		t.Errorf("a tool that is not there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := g.Exec(ctx, guest.Command{Args: []string{"sleep", "1"}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a test that waits no longer: %v", err)
	}
}

func testFiles(t *testing.T, g *guest.Test, alpha guest.Drive) {
	scheduler := filepath.Join(alpha.Sys, "queue/scheduler")
	if err := g.WriteFile(t.Context(), scheduler, []byte("mq-deadline")); err != nil {
		t.Error(err)
	}
	if b, err := g.ReadFile(t.Context(), scheduler); err != nil || !strings.Contains(string(b), "[mq-deadline]") {
		t.Errorf("%s: %q, %v", scheduler, b, err)
	}
	if err := g.WriteFile(t.Context(), "/tmp/new", []byte("content")); err != nil {
		t.Error(err)
	}
	if m, err := g.Glob(t.Context(), "/tmp/n*"); err != nil || len(m) != 1 || m[0] != "/tmp/new" {
		t.Errorf("%v, %v", m, err)
	}
	if err := g.WriteFile(t.Context(), "/dev/mistaken", nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a device that is not there was written: %v", err)
	}
}

// testBlocks writes through the guest and looks into the host's file.
func testBlocks(t *testing.T, g *guest.Test, path, file string, mark byte) {
	d, err := g.Opener().OpenTarget(path)
	if err != nil {
		t.Error(err)
		return
	}
	defer d.Close()
	want := bytes.Repeat([]byte{mark, mark ^ 0xff, 0x5a, mark}, 1<<10)
	const at = 7 << 20
	if n, err := d.WriteAt(want, at); err != nil || n != len(want) {
		t.Errorf("%s: write: %d, %v", path, n, err)
	}
	if err := d.Flush(t.Context()); err != nil {
		t.Errorf("%s: flush: %v", path, err)
	}
	got := make([]byte, len(want))
	if n, err := d.ReadAt(got, at); err != nil || n != len(got) || !bytes.Equal(got, want) {
		t.Errorf("%s: read back: %d, %v, % x...", path, n, err, got[:8])
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	clear(got)
	if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s: the file holds % x..., %v", path, got[:8], err)
	}
	if n, err := d.ReadAt(got, size-512); err != io.EOF || n != 512 {
		t.Errorf("%s: read over its end: %d, %v", path, n, err)
	}
	if _, err := d.ReadAt(got, at+1); !errors.Is(err, unix.EINVAL) {
		t.Errorf("%s: read beside a block: %v", path, err)
	}
}

// testLong writes and reads more than one call takes.
func testLong(t *testing.T, g *guest.Test, path string) {
	d, err := g.Opener().OpenTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := make([]byte, 16<<20+8192)
	for i := range want {
		want[i] = byte(i>>13 + i)
	}
	if n, err := d.WriteAt(want, 4096); err != nil || n != len(want) {
		t.Errorf("a long write: %d, %v", n, err)
	}
	got := make([]byte, len(want))
	if n, err := d.ReadAt(got, 4096); err != nil || n != len(got) || !bytes.Equal(got, want) {
		t.Errorf("a long read: %d, %v", n, err)
	}
	if n, err := d.ReadAt(got[:0], 0); err != nil || n != 0 {
		t.Errorf("a read of nothing: %d, %v", n, err)
	}
}

// testRefused: what the drive answers comes as the drive answered it.
func testRefused(t *testing.T, g *guest.Test, found map[string]guest.Drive) {
	open := func(which string) drive.Target {
		d, err := g.Opener().OpenTarget(found[which].Path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	usb, nvme := open("CHARLIE"), open("ALPHA")
	// SANITIZE, EXIT FAILURE MODE (SBC-4 clause 5.30), which QEMU's disk does not know.
	_, err := usb.Do(t.Context(), drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x48, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0}})
	var s *drive.StatusError
	if !errors.As(err, &s) || s.Status != 2 || len(s.Sense) < 14 || s.Sense[0]&0x7f != 0x70 || s.Sense[2]&0xf != 5 || s.Sense[12] != 0x20 {
		t.Errorf("SANITIZE: %v, want CHECK CONDITION, ILLEGAL REQUEST, INVALID COMMAND OPERATION CODE", err)
	}
	// Get Log Page, Sanitize Status (Base 2.0 clause 5.16.1.25): Invalid Log Page.
	sqe := make([]byte, 64)
	sqe[0], sqe[40], sqe[42] = 0x02, 0x81, 0x7f
	sqe[4], sqe[5], sqe[6], sqe[7] = 0xff, 0xff, 0xff, 0xff
	_, err = nvme.Do(t.Context(), drive.Command{Protocol: drive.ProtocolNVMe, Frame: sqe, Direction: drive.DirectionIn, Data: make([]byte, 512)})
	if s = nil; !errors.As(err, &s) || s.Protocol != drive.ProtocolNVMe || s.Status != 0x002 && s.Status != 0x109 {
		t.Errorf("log page 81h: %v, want Invalid Field or Invalid Log Page", err)
	}
	// INQUIRY's data reach the caller's buffer.
	b := make([]byte, 36)
	done, err := usb.Do(t.Context(), drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x12, 0, 0, 0, 36, 0}, Direction: drive.DirectionIn, Data: b, Timeout: 10 * time.Second})
	if err != nil || string(b[8:32]) != "QEMU    QEMU HARDDISK   " || done.Duration <= 0 {
		t.Errorf("INQUIRY: %q, %+v, %v", b, done, err)
	}
	// The guest's own filter stands before a drive that was opened to be read.
	d, err := g.Opener().Open(found["BRAVO"].Path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Do(t.Context(), drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x04, 0, 0, 0, 0, 0}}); !errors.Is(err, drive.ErrRefused) {
		t.Errorf("FORMAT UNIT through a drive that is open to be read: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Identify(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up before: %v", err)
	}
}

func testInUse(t *testing.T, g *guest.Test, found map[string]guest.Drive) {
	inUse := func(path, why string) {
		t.Helper()
		_, err := g.Opener().OpenTarget(path)
		var used *linux.InUseError
		if !errors.As(err, &used) || used.Path != path || !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s is in use, and opening it gives %v", path, err)
		}
	}
	alpha, charlie := found["ALPHA"].Path, found["CHARLIE"].Path
	d, err := g.Opener().OpenTarget(alpha)
	if err != nil {
		t.Fatal(err)
	}
	inUse(alpha, "another program")
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if r := g.Run("mount", "-t", "vfat", charlie, "/mnt"); r.Code != 0 {
		t.Fatal(r)
	}
	inUse(charlie, "/mnt")
	if r := g.Run("umount", "/mnt"); r.Code != 0 {
		t.Error(r)
	}
	if d, err = g.Opener().OpenTarget(charlie); err != nil {
		t.Error(err)
	} else if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// testModules makes a drive of nothing and takes it away again.
func testModules(t *testing.T, g *guest.Test) {
	if err := g.LoadModule(t.Context(), "scsi_debug", "dev_size_mb=8 sector_size=4096"); err != nil {
		t.Fatal(err)
	}
	d := found(t, g, "scsi_debug")
	if x, err := g.Opener().Open(d.Path); err != nil {
		t.Error(err)
	} else {
		if g := x.Geometry(); g.Size != 8<<20 || g.LogicalBlock != 4096 {
			t.Errorf("%+v", g)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := g.UnloadModule(t.Context(), "scsi_debug"); err != nil {
		t.Error(err)
	}
	if err := g.LoadModule(t.Context(), "no_such_module", ""); err == nil {
		t.Error("a module that is not there was loaded")
	}
}

func found(t *testing.T, g *guest.Test, model string) guest.Drive {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all, err := g.Drives(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range all {
			if d.Model == model && d.Size > 0 {
				return d
			}
		}
	}
	t.Fatalf("no drive of model %s", model)
	return guest.Drive{}
}
