package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/vhost"
	"handback.example/inspect/survey"
)

// bench of drive models whose time this test moves: what they do by themselves stands
// still until it does.
type modelBench struct {
	l      *laptop
	clock  *sim.Manual
	drives []*profile.Drive
}

// model makes a drive full of marks.
func (b *modelBench) model(text string) *profile.Drive {
	b.l.t.Helper()
	d := b.empty(text)
	plantMedium(b.l.t, d.Model.Media()[0])
	return d
}

// empty makes a drive without marks.
func (b *modelBench) empty(text string) *profile.Drive {
	b.l.t.Helper()
	d, err := profile.Parse("drive.toml", "name = \"a drive\"\nsource = \"made up\"\n"+text, profile.Options{Clock: b.clock})
	if err != nil {
		b.l.t.Fatal(err)
	}
	sim.SwitchOn(d.Model)
	b.drives = append(b.drives, d)
	return d
}

// vhost serves drives that take CDBs to a machine.
func (b *modelBench) vhost(drives ...*profile.Drive) vmtest.Drive {
	t := b.l.t
	t.Helper()
	dir, err := os.MkdirTemp("", "v") // the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", name)
	if err != nil {
		t.Fatal(err)
	}
	s := &vhost.Server{Log: func(s string) { t.Log("vhost-user-scsi: " + s) }}
	for _, d := range drives {
		s.Targets = append(s.Targets, d.SCSI)
	}
	ctx, cancel := context.WithCancel(b.l.ctx)
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the door to the drives: %v", err)
		}
	})
	return vmtest.Drive{Bus: vmtest.BusVhost, Target: name}
}

// flow moves the models' time, a second in a tenth, until it is told to stop.
func (b *modelBench) flow() (stop func()) {
	ctx, cancel := context.WithCancel(b.l.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			b.clock.Advance(time.Second)
			time.Sleep(100 * time.Millisecond)
		}
	}()
	return func() { cancel(); <-done }
}

// sent counts the commands in a model's trace.
func sent(d *profile.Drive, is func(frame []byte) bool) (n int) {
	for _, e := range d.Model.Trace() {
		if is(e.Frame) {
			n++
		}
	}
	return n
}

func ataOp(op byte) func([]byte) bool {
	return func(f []byte) bool { return len(f) == 14 && f[12] == op }
}

func nvmeSanitizes(f []byte) bool { return len(f) == 64 && f[0] == 0x84 }

const (
	cutLocks = `
[ata]
serial = "LOCK-1"
model = "Example SSD with a password"
firmware = "1"
native_sectors = 32768
rotation = 1
[ata.security]
supported = true
erase_time = "10m"
[sat]
descriptor_sense = true
`
	cutNVMe = `
[nvme]
serial = "NVME-1"
model = "Example NVMe that sanitizes itself"
firmware = "1"
[nvme.sanitize]
block = true
block_time = "10m"
[[nvme.namespaces]]
id = 1
bytes = 16777216
attached = true
eui64 = "0102030405060708"
`
)

// cutsWanted is how often the power goes: twice, or as often as make test-long asks
// for.
func cutsWanted(t *testing.T) int {
	t.Helper()
	text := os.Getenv("HANDBACK_CUTS")
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("HANDBACK_CUTS is %q", text)
	}
	return n
}

// The power goes again and again while three drives are erased, each by its own way. A
// sanitize that runs in a drive is adopted; a drive that is left locked with our
// password is opened and erased; an overwrite goes on from what holds. No drive is
// left locked, and the records say how often each was cut off.
func TestAppliancePowerCutsOfModels(t *testing.T) {
	t.Parallel()
	l := newLaptop(t, func(s *settings.Settings) { s.Wipe.Level = "clear" })
	if n := cutsWanted(t); n > 2 {
		ctx, cancel := context.WithTimeout(t.Context(), scenarioTime+time.Duration(n)*5*time.Minute)
		t.Cleanup(cancel)
		l.ctx = ctx
	}
	b := &modelBench{l: l, clock: sim.NewManual()}
	locks, flash := b.model(cutLocks), b.model(cutNVMe)
	slow := l.plant("delta", int64(80*max(2, cutsWanted(t)))) // more than it takes between the cuts
	c := vmtest.Config{Drives: []vmtest.Drive{b.vhost(locks), {Bus: vmtest.BusNVMeTCP, Target: l.serveNVMe(flash.NVMe)},
		{Bus: vmtest.BusSATA, Target: slow.path, BytesPerSecond: 2 << 20}}}
	serials := []string{"LOCK-1", "NVME-1", "DELTA"}

	vm := l.start(c)
	for _, s := range serials {
		l.await(vm, "step", "serial="+s, "step=issue")
	}
	l.await(vm, "step", "serial=DELTA", "step=offset")
	// What is still at work is in no trace yet: SECURITY ERASE PREPARE stands for the erase.
	if sent(flash, nvmeSanitizes) != 1 || sent(locks, ataOp(0xf3)) != 1 {
		t.Fatalf("before the cut: %d sanitizes, %d erases", sent(flash, nvmeSanitizes), sent(locks, ataOp(0xf3)))
	}
	cuts := cutsWanted(t)
	for i := range cuts {
		vm.Kill()
		for _, d := range b.drives {
			sim.SwitchOn(d.Model) // the drives lose their power with the machine
			if n := marksOn(t, d.Model.Media()[0]); n == 0 {
				t.Fatalf("%s was erased before the power was cut", d.Model.Name())
			}
		}
		if v := l.takeOne(); v.summary.Verdict == certs.Sanitised || len(v.papers) != 0 {
			t.Fatalf("after the cut the records say %s", v.summary.Verdict)
		}
		if i == cuts-1 {
			c.Drives[2].BytesPerSecond = 0
		}
		vm = l.start(c)
		l.await(vm, "picked-up")
		for _, s := range serials {
			l.await(vm, "started", "serial="+s, "resumed=true")
		}
		// The drive that was locked is at its erase again, or will be.
		l.await(vm, "step", "serial=LOCK-1", "step=issue")
	}
	stop := b.flow()
	code := l.off(vm)
	stop()
	if code != 0 {
		t.Errorf("exit %d, want 0", code)
	}
	for _, d := range b.drives {
		if n := marksOn(t, d.Model.Media()[0]); n != 0 {
			t.Errorf("%d marks are left on %s", n, d.Model.Name())
		}
	}
	slow.gone(t)
	if n := sent(flash, nvmeSanitizes); n != 1 {
		t.Errorf("the drive was told to sanitize itself %d times: a run is adopted, not begun anew", n)
	}
	b.notLocked(locks)
	v := l.takeOne()
	l.genuine(v, "erasure", "hold")
	if s := v.summary; s.Verdict != certs.Sanitised || s.Sanitised != len(serials) {
		t.Errorf("the records say %s, %d sanitised", s.Verdict, s.Sanitised)
	}
	for _, s := range serials {
		ends := v.ends(s)
		cut := slices.Repeat([]certs.Verdict{certs.Interrupted}, cuts)
		var got []certs.Verdict
		for _, e := range ends {
			got = append(got, e.Verdict)
		}
		if !slices.Equal(got, append(cut, certs.Sanitised)) || ends[len(ends)-1].Resumed == "" {
			t.Errorf("%s ended so: %v, gone on with: %q", s, got, ends[len(ends)-1].Resumed)
		}
	}
	if r := v.ends("DELTA"); !strings.Contains(r[len(r)-1].Resumed, "it went on from there") {
		t.Errorf("the overwrite was not gone on with: %q", r[len(r)-1].Resumed)
	}
	vmtest.Figure(t, "%d power cuts of a booted machine, %d drives at work in each", cuts, len(serials))
}

// notLocked: after one more power cycle the drive has no password.
func (b *modelBench) notLocked(d *profile.Drive) {
	t := b.l.t
	t.Helper()
	sim.SwitchOn(d.Model)
	h := inproc.NewHost(b.clock)
	paths, err := d.Attach(h, "/dev/d")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range survey.Ask(b.l.ctx, h, paths...) {
		if w := found.ATA.Security; !w.Known || w.Value&0x0006 != 0 {
			t.Errorf("%s is left with security %s", d.Model.Name(), fmt.Sprintf("%04x", w.Value))
		}
	}
}

// A SCSI drive that is busy with a sanitize of somebody else's when the machine starts:
// Linux reads its partition table for minutes and can't be told not to. No other drive
// waits for it, and nothing is claimed of it.
func TestApplianceBusyDriveHoldsUpNoOther(t *testing.T) {
	long(t)
	t.Parallel()
	l := newLaptop(t, func(s *settings.Settings) { s.Wipe.Level = "clear" })
	b := &modelBench{l: l, clock: sim.NewManual()}
	busy := b.model(cutBusy)
	h := inproc.NewHost(b.clock)
	paths, err := busy.Attach(h, "/dev/d")
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.OpenTarget(paths[0])
	if err != nil {
		t.Fatal(err)
	}
	// SANITIZE, BLOCK ERASE with IMMED, as sg_sanitize --block sends it.
	if _, err := d.Do(l.ctx, drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	good := l.plant("hotel", 48)
	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{b.vhost(busy), {Bus: vmtest.BusNVMe, Target: good.path}}})
	l.await(vm, "finished", "serial=HOTEL", "verdict=sanitised")
	if e := l.await(vm, "exit"); e.Values["code"] != "3" {
		t.Errorf("exit %s with a drive in the machine that nobody has erased", e.Values["code"])
	}
	vm.Kill() // Linux does not switch off before it has done with the drive
	good.gone(t)
	if marksOn(t, busy.Model.Media()[0]) == 0 {
		t.Error("the busy drive was not busy")
	}
	v := l.takeOne()
	if s := v.summary; s.Verdict == certs.Sanitised {
		t.Errorf("the records say %s", s.Verdict)
	}
	for _, m := range v.summary.Media {
		if m.Drive.Serial != "HOTEL" && m.Verdict == certs.Sanitised {
			t.Errorf("the records say of the busy drive: %s", m.Verdict)
		}
	}
}

const cutBusy = `
[scsi]
vendor = "EXAMPLE"
product = "SAS"
serial = "BUSY-1"
wwn = 0x5000cca0251f3b60
blocks = 32768
rotation = 1
[scsi.sanitize]
block = true
block_time = "10h"
`
