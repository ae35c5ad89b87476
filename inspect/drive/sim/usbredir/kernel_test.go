package usbredir_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/usb"
	"handback.example/inspect/drive/sim/usbredir"
)

// trap is the sector whose reading a script waits for: past what a kernel reads by
// itself, which looks at the two ends of a disk.
const trap = 0x8000

const sectors = 128 << 10 // of 512 bytes: 64 MiB

// attach a bridge over an ATA drive of its own by a door of its own. The drive's
// serial is 'ATA-' and the bridge's.
func attach(t *testing.T, c usb.Config, faults ...sim.Fault) (*usb.Bridge, vmtest.Drive) {
	t.Helper()
	disk, err := ata.New(ata.Config{Serial: "ATA-" + c.Serial, Model: "MODEL OF A DISK", NativeSectors: sectors, PhysicalBlock: 4096, Script: sim.NewScript(faults...)})
	if err != nil {
		t.Fatal(err)
	}
	c.VendorID, c.ProductID, c.Version, c.Manufacturer, c.Product = 0x152d, 0x0578, 0x0203, "Handback", "bridge "+c.Serial
	b, err := usb.New(c, sat.New(disk, sat.Config{DescriptorSense: true}))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "door-") // a socket's path is short (unix(7))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- usbredir.Serve(ctx, l, b, usbredir.Options{Log: func(s string) { t.Log(c.Serial + ": " + s) }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return b, vmtest.Drive{Bus: vmtest.BusUSBRedir, Target: l.Addr().String()}
}

func onTrap(a sim.Action) sim.Fault {
	at := uint64(trap)
	return sim.Fault{When: sim.When{Reads: true, LBA: &at}, Do: a}
}

// Seven bridges behind one kernel, in one boot.
func TestBehindKernel(t *testing.T) {
	var drives []vmtest.Drive
	add := func(c usb.Config, faults ...sim.Fault) *usb.Bridge {
		b, d := attach(t, c, faults...)
		drives = append(drives, d)
		return b
	}
	shared := add(usb.Config{Serial: "0123456789AB", Speed: usb.SpeedSuper, PassThrough: usb.PassThroughSAT, Identity: usb.IdentityBridge, Vendor: "ASMT", Model: "2115", Revision: "0"})
	add(usb.Config{Serial: "REFUSES"})
	big := add(usb.Config{Serial: "BIGBLOCKS", Speed: usb.SpeedSuper, BlockSize: 4096, Short: 1, PassThrough: usb.PassThroughSAT})
	add(usb.Config{Serial: "HANGS"}, onTrap(sim.Action{Hang: true}))
	leaves := add(usb.Config{Serial: "LEAVES", Speed: usb.SpeedSuper}, sim.Fault{When: sim.When{Reads: true, LBA: ptr(uint64(trap)), Times: 1}, Do: sim.Action{Unplug: true}})
	add(usb.Config{Serial: "DROPS", PassThrough: usb.PassThroughDrop})
	add(usb.Config{Serial: "STALLS", PassThrough: usb.PassThroughStall})

	g := guest.Boot(t, guest.Config{Drives: drives, Tools: []string{"dd"}, Append: "loglevel=7"})
	t.Run("identity", func(t *testing.T) { testIdentity(t, g) })
	t.Run("blocks", func(t *testing.T) { testBlocks(t, g, big, "BIGBLOCKS", 4096) })
	t.Run("sectors", func(t *testing.T) { testBlocks(t, g, shared, "0123456789AB", 512) })
	t.Run("leaves", func(t *testing.T) { testLeaves(t, g, leaves) })
	t.Run("hangs", func(t *testing.T) { testHangs(t, g) })
	t.Run("drops", func(t *testing.T) { testDrops(t, g) })
	t.Run("stalls", func(t *testing.T) { testStalls(t, g) })
}

func ptr[T any](v T) *T { return &v }

// testIdentity: smartctl sees the drive through a bridge that hides it, and does
// not through one that refuses.
func testIdentity(t *testing.T, g *guest.Test) {
	d := g.WaitDrive("0123456789AB")
	r := g.Run("smartctl", "-d", "sat", "-i", d.Path)
	if r.Code != 0 || !strings.Contains(r.Stdout, "Serial Number:    ATA-0123456789AB\n") || !strings.Contains(r.Stdout, "Device Model:     MODEL OF A DISK\n") {
		t.Errorf("smartctl does not read the drive through the bridge: %s", r)
	}
	if r := g.Run("sg_inq", d.Path); !strings.Contains(r.Stdout, "Vendor identification: ASMT") || !strings.Contains(r.Stdout, "Product identification: 2115") || !strings.Contains(r.Stdout, "Unit serial number: 0123456789AB") {
		t.Errorf("sg_inq does not see the bridge: %s", r)
	}
	if r := g.Run("hdparm", "-I", d.Path); !strings.Contains(r.Stdout, "Serial Number:      ATA-0123456789AB") {
		t.Errorf("hdparm: %s", r)
	}
	r = g.Run("smartctl", "-d", "sat", "-i", g.WaitDrive("REFUSES").Path)
	if r.Code == 0 || strings.Contains(r.Stdout, "ATA-REFUSES") {
		t.Errorf("smartctl passes a bridge that refuses: %s", r)
	}
	wantLog(t, g, "SuperSpeed")
}

// wantLog is what the guest's kernel said.
func wantLog(t *testing.T, g *guest.Test, text string) {
	t.Helper()
	if log := g.VM().LogTail(2000); !strings.Contains(log, text) {
		t.Errorf("the guest's kernel does not say %q", text)
	}
}

// testBlocks writes one block past the guest's cache, and finds it on the medium.
func testBlocks(t *testing.T, g *guest.Test, b *usb.Bridge, serial string, block int64) {
	d := g.WaitDrive(serial)
	want := int64(sectors * 512)
	if block == 4096 {
		want -= 4096 // the one that the bridge keeps
	}
	if d.Size != want {
		t.Errorf("the guest sees %d bytes, not %d", d.Size, want)
	}
	size, err := g.ReadFile(t.Context(), "/sys/block/"+filepath.Base(d.Path)+"/queue/logical_block_size")
	if got := strings.TrimSpace(string(size)); err != nil || got != fmt.Sprint(block) {
		t.Errorf("the guest sees blocks of %s bytes, %v", got, err)
	}
	data := bytes.Repeat([]byte("written by dd. "), 1<<17)[:1<<20]
	r, err := g.Exec(t.Context(), guest.Command{Stdin: data, Args: []string{"dd", "of=" + d.Path, "bs=1M", "seek=3", "iflag=fullblock", "oflag=direct"}})
	if err != nil || r.Code != 0 {
		t.Fatalf("dd: %v %s", err, r)
	}
	got := make([]byte, len(data)+2)
	if _, err := b.Media()[0].ReadAt(got, 3<<20-1); err != nil {
		t.Fatal(err)
	}
	if got[0] != 0 || !bytes.Equal(got[1:1+len(data)], data) || got[len(got)-1] != 0 {
		t.Error("what dd wrote is not on the medium, where it should be")
	}
	r = g.Run("dd", "if="+d.Path, "bs=1M", "skip=3", "count=1", "iflag=direct")
	if r.Code != 0 || r.Stdout != string(data) {
		t.Errorf("dd reads something else: code %d, %s", r.Code, r.Stderr)
	}
}

// readTrap reads the sector that a script waits for.
func readTrap(t *testing.T, g *guest.Test, path string) guest.Result {
	t.Helper()
	return g.Run("dd", "if="+path, "bs=512", fmt.Sprintf("skip=%d", trap), "count=1", "iflag=direct", "of=/dev/null")
}

func wantError(t *testing.T, r guest.Result, one ...string) {
	t.Helper()
	if r.Code != 0 {
		for _, text := range one {
			if strings.Contains(r.Stderr, "error reading") && strings.Contains(r.Stderr, text) {
				return
			}
		}
	}
	t.Errorf("dd does not say one of %q: %s", one, r)
}

// until something is so in the guest.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not so within a minute: %s", what)
		}
	}
}

func present(t *testing.T, g *guest.Test, serial string) bool {
	t.Helper()
	all, err := g.Drives(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		if d.Serial == serial {
			return true
		}
	}
	return false
}

// testLeaves: a drive that is pulled out in the middle of a read is an I/O error
// and no device; put back in, it is one again.
func testLeaves(t *testing.T, g *guest.Test, b *usb.Bridge) {
	d := g.WaitDrive("LEAVES")
	// EIO, or ENODEV where the kernel has seen first that the device is no more.
	wantError(t, readTrap(t, g, d.Path), "Input/output error", "No such device")
	until(t, "the device has gone", func() bool { return !present(t, g, "LEAVES") })
	if b.Plugged() {
		t.Error("the model is there still")
	}
	b.Plug(true)
	if r := readTrap(t, g, g.WaitDrive("LEAVES").Path); r.Code != 0 {
		t.Errorf("it came back, and does not read: %s", r)
	}
}

// testHangs: the kernel's own time-out ends a read that is never answered; the
// drive is there afterwards, and reads elsewhere.
func testHangs(t *testing.T, g *guest.Test) {
	d := g.WaitDrive("HANGS")
	// One second, and no further tries: those take 8 seconds each, with a longer
	// reset every time.
	device := "/sys/block/" + filepath.Base(d.Path) + "/device/"
	disk, err := g.Glob(t.Context(), device+"scsi_disk/*/max_retries")
	if err != nil || len(disk) != 1 {
		t.Fatalf("%v, %v", disk, err)
	}
	for file, value := range map[string]string{device + "timeout": "1", disk[0]: "0"} {
		if err := g.WriteFile(t.Context(), file, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Now()
	wantError(t, readTrap(t, g, d.Path), "Input/output error")
	took := time.Since(start)
	if took < time.Second {
		t.Errorf("the read failed after %v: before any time-out", took)
	}
	vmtest.Figure(t, "a read that never ends, behind a USB bridge: the kernel gave up after %.1f s", took.Seconds())
	wantLog(t, g, "reset high-speed USB device")
	if r := g.Run("dd", "if="+d.Path, "bs=512", "skip=64", "count=1", "iflag=direct", "of=/dev/null"); r.Code != 0 {
		t.Errorf("after that nothing is read: %s", r)
	}
}

// testDrops: IDENTIFY DEVICE makes this bridge leave the bus; it comes back by
// itself.
func testDrops(t *testing.T, g *guest.Test) {
	d := g.WaitDrive("DROPS")
	if r := g.Run("smartctl", "-d", "sat", "-i", d.Path); r.Code == 0 || strings.Contains(r.Stdout, "ATA-DROPS") {
		t.Errorf("smartctl passes: %s", r)
	}
	until(t, "the device left the bus", func() bool {
		return strings.Contains(g.VM().LogTail(2000), "USB disconnect, device number") && strings.Count(g.VM().LogTail(2000), "Product: bridge DROPS") > 1
	})
	if r := readTrap(t, g, g.WaitDrive("DROPS").Path); r.Code != 0 {
		t.Errorf("it came back, and does not read: %s", r)
	}
}

// testStalls: a phase error makes the kernel reset the device, which works on.
func testStalls(t *testing.T, g *guest.Test) {
	d := g.WaitDrive("STALLS")
	if r := g.Run("smartctl", "-d", "sat", "-i", d.Path); r.Code == 0 || strings.Contains(r.Stdout, "ATA-STALLS") {
		t.Errorf("smartctl passes: %s", r)
	}
	if r := readTrap(t, g, d.Path); r.Code != 0 {
		t.Errorf("after that nothing is read: %s", r)
	}
}
