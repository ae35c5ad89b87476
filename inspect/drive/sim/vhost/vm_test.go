package vhost_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/scsi"
	"handback.example/inspect/drive/sim/vhost"
)

func ptr[T any](v T) *T { return &v }

const blocks = 16384 // 8 MiB

// targets are 16 drives: S-00 is sanitized, S-01 hangs at LOG SENSE, S-02 is pulled
// out, S-03 has a bad block, S-04 locks up for good once it is sanitized.
func targets(t *testing.T) []*scsi.Drive {
	t.Helper()
	scripts := map[int]*sim.Script{
		1: sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(byte(0x37))}, Do: sim.Action{Hang: true}}),
		4: sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{StickAt: 0.5}}),
	}
	var all []*scsi.Drive
	for i := range 16 {
		c := scsi.Config{Vendor: "HANDBACK", Product: "SAS MODEL", Revision: "A7B3", Serial: fmt.Sprintf("S-%02d", i),
			WWN: 0x5000c500a1b2c300 + uint64(i), Blocks: blocks, Rotation: 7200, Script: scripts[i],
			Sanitize: scsi.Sanitize{Overwrite: true, Block: true, Crypto: true, BlockTime: 3 * time.Second},
			Health:   scsi.Health{PowerOnHours: 4711, Temperature: 37, Grown: []uint64{5, 6, 7}}}
		if i == 3 {
			c.Bad = []scsi.Extent{{LBA: 9000, Count: 1}}
		}
		d, err := scsi.New(c)
		if err != nil {
			t.Fatal(err)
		}
		m := d.Media()[0]
		if err := m.Fill(0, m.Size(), sim.Noise(c.Serial)); err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// Sixteen drives behind one kernel, asked by tools that others wrote: what these
// print is what the models are, and what became of the data stands on the media.
func TestKernel(t *testing.T) {
	models := targets(t)
	var all []sim.SCSI
	for _, m := range models {
		all = append(all, m)
	}
	name := filepath.Join(t.TempDir(), "door")
	l, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	s := &vhost.Server{Targets: all, Log: func(line string) { t.Error(line) }}
	go func() { done <- s.Serve(ctx, l) }()

	g := guest.Boot(t, guest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusVhost, Target: name}}})
	var paths []string
	for _, m := range models {
		paths = append(paths, g.WaitDrive(m.Name()).Path)
	}
	t.Run("identity", func(t *testing.T) { testIdentity(t, g, paths[5]) })
	t.Run("blocks", func(t *testing.T) { testBlocks(t, g, paths[6], models[6]) })
	t.Run("sanitize", func(t *testing.T) { testSanitize(t, g, paths[0], models[0]) })
	t.Run("stuck", func(t *testing.T) { testStuck(t, g, paths[4], models[4]) })
	t.Run("bad block", func(t *testing.T) { testBadBlock(t, g, paths[3]) })
	t.Run("hang", func(t *testing.T) { testHang(t, g, paths, models[1]) })
	t.Run("unplug", func(t *testing.T) { testUnplug(t, g, paths[2], models[2]) })
	cancel()
	if err := <-done; err != nil {
		t.Errorf("the door ended with %v", err)
	}
}

// says runs a tool that must end well and print these.
func says(t *testing.T, g *guest.Test, args []string, want ...string) {
	t.Helper()
	r := g.Run(args...)
	for _, w := range want {
		if !strings.Contains(r.Stdout+r.Stderr, w) {
			t.Errorf("%v does not say %q: %s", args, w, r)
		}
	}
}

func testIdentity(t *testing.T, g *guest.Test, path string) {
	says(t, g, []string{"sg_inq", path}, "Vendor identification: HANDBACK", "Product identification: SAS MODEL", "Product revision level: A7B3", "Unit serial number: S-05")
	says(t, g, []string{"sg_vpd", "-p", "di", path}, "0x5000c500a1b2c305")
	says(t, g, []string{"sg_readcap", "-16", path}, "Last LBA=16383", "Logical block length=512 bytes")
	says(t, g, []string{"sg_opcodes", path}, "Sanitize, overwrite", "Sanitize, block erase", "Sanitize, cryptographic erase")
	says(t, g, []string{"smartctl", "-x", path}, "SMART Health Status: OK", "Current Drive Temperature:     37 C",
		"Elements in grown defect list: 3", "Logical Unit id:      0x5000c500a1b2c305", "Serial number:        S-05", "Transport protocol:   SAS")
	says(t, g, []string{"sg_luns", path}, "Lun list length = 8", "0000000000000000")
	// Fifteen targets follow one another, and there is no sixteenth.
	if m, err := g.Glob(t.Context(), "/sys/class/scsi_disk/*"); err != nil || len(m) != 16 {
		t.Errorf("the kernel has %v, %v", m, err)
	}
}

// testBlocks writes through the kernel and looks at the medium.
func testBlocks(t *testing.T, g *guest.Test, path string, m *scsi.Drive) {
	d, err := g.Opener().OpenTarget(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	want := make([]byte, 3<<20) // more than one command carries
	for i := range want {
		want[i] = byte(i*7 + i>>9)
	}
	if n, err := d.WriteAt(want, 1<<20); err != nil || n != len(want) {
		t.Fatalf("write: %d, %v", n, err)
	}
	if err := d.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	got := make([]byte, len(want))
	if _, err := m.Media()[0].ReadAt(got, 1<<20); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the medium holds something else, %v", err)
	}
	clear(got)
	if n, err := d.ReadAt(got, 1<<20); err != nil || n != len(got) || !bytes.Equal(got, want) {
		t.Errorf("read back: %d, %v", n, err)
	}
	if _, err := d.ReadAt(got[:4096], blocks*512-2048); !errors.Is(err, io.EOF) {
		t.Errorf("read over the end: %v", err)
	}
}

// testSanitize lets sg_sanitize erase and sg_requests watch.
func testSanitize(t *testing.T, g *guest.Test, path string, m *scsi.Drive) {
	if r := g.Run("sg_sanitize", "--block", "--early", "--quick", path); r.Code != 0 {
		t.Fatal(r)
	}
	says(t, g, []string{"sg_requests", "--progress", path}, "Progress indication: ")
	says(t, g, []string{"sg_turs", path}, "not ready")
	var trace []string
	for _, e := range m.Trace() {
		trace = append(trace, hex.EncodeToString(e.Frame))
	}
	if all := strings.Join(trace, " "); !strings.Contains(all, "48820000000000000000") {
		t.Errorf("the tool's frame is not in the trace: %s", all)
	}
	for end := time.Now().Add(30 * time.Second); g.Run("sg_turs", path).Code != 0; {
		if time.Now().After(end) {
			t.Fatal("the sanitize does not end")
		}
		time.Sleep(200 * time.Millisecond)
	}
	p := make([]byte, blocks*512)
	if _, err := m.Media()[0].ReadAt(p, 0); err != nil || !bytes.Equal(p, make([]byte, len(p))) {
		t.Errorf("after sg_sanitize the medium is not empty, %v", err)
	}
}

// testStuck: the progress that the tool reads stands still, whatever the time.
func testStuck(t *testing.T, g *guest.Test, path string, m *scsi.Drive) {
	if r := g.Run("sg_sanitize", "--overwrite", "--zero", "--early", "--quick", path); r.Code != 0 {
		t.Fatal(r)
	}
	says(t, g, []string{"sg_requests", "--progress", path}, "Progress indication: 50.00%")
	p := make([]byte, 512)
	if _, err := m.Media()[0].ReadAt(p, (blocks-1)*512); err != nil || bytes.Equal(p, make([]byte, 512)) {
		t.Errorf("the end of a medium that was half erased is empty, %v", err)
	}
}

func testBadBlock(t *testing.T, g *guest.Test, path string) {
	// READ(10) of blocks 8999 and 9000.
	says(t, g, []string{"sg_raw", "-r", "1024", path, "28", "00", "00", "00", "23", "27", "00", "00", "02", "00"},
		"Medium Error", "Unrecovered read error", "Info fld=0x2328")
	d, err := g.Opener().Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	p := make([]byte, 4096)
	if n, err := d.ReadAt(p, 9000*512&^4095); err == nil {
		t.Errorf("the kernel read %d bytes with a bad block among them", n)
	}
	if n, err := d.ReadAt(p, 9000*512&^4095-4096); err != nil {
		t.Errorf("the blocks before it: %d, %v", n, err)
	}
}

// testHang: a command that never ends keeps its process, not its neighbours, and
// ends when the drive's power goes.
func testHang(t *testing.T, g *guest.Test, paths []string, m *scsi.Drive) {
	hung := make(chan guest.Result, 1)
	go func() {
		r, _ := g.Exec(t.Context(), guest.Command{Args: []string{"sg_raw", "-r", "512", "-t", "3600", paths[1], "37", "00", "0d", "00", "00", "00", "00", "02", "00", "00"}, Timeout: 2 * time.Minute})
		hung <- r
	}()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		// The drive itself goes on, and so do the others on the ring.
		for _, i := range []int{1, 7, 15} {
			if r := g.Run("sg_turs", paths[i]); r.Code != 0 {
				t.Errorf("drive %d: %s", i, r)
			}
		}
		// A process that sleeps in the kernel: state D.
		if r := g.Run("sh", "-c", "cat /proc/[0-9]*/stat"); strings.Contains(r.Stdout, "(sg_raw) D ") {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the command was never sent")
		}
	}
	select {
	case r := <-hung:
		t.Fatalf("the command ended by itself: %s", r)
	case <-time.After(500 * time.Millisecond):
	}
	m.PowerCycle()
	select {
	case r := <-hung:
		if r.Code == 0 {
			t.Errorf("a command whose drive lost its power went well: %s", r)
		}
	case <-time.After(20 * time.Second):
		t.Error("the command goes on without power")
	}
}

func testUnplug(t *testing.T, g *guest.Test, path string, m *scsi.Drive) {
	m.Plug(false)
	waitGone(t, g, "S-02")
	if r := g.Run("sg_turs", path); r.Code == 0 {
		t.Errorf("a drive that was pulled out: %s", r)
	}
	m.Plug(true)
	g.WaitDrive("S-02")
}

func waitGone(t *testing.T, g *guest.Test, serial string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		all, err := g.Drives(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		there := false
		for _, d := range all {
			there = there || d.Serial == serial
		}
		if !there {
			return
		}
	}
	t.Errorf("%s is still there", serial)
}
