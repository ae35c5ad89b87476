package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/profile"
	"handback.example/inspect/drive/sim/vhost"
)

// frozenDrive is an SSD that its machine's firmware has frozen: only a loss of its
// power lets it be purged.
const frozenDrive = `
name = "SATA SSD, frozen by the firmware"
source = "made up"
[ata]
serial = "FROZEN-0001"
model = "Example SSD, frozen"
firmware = "1.0"
native_sectors = 65536
rotation = 1
[ata.security]
supported = true
freeze = "boot"
[ata.sanitize]
block = true
block_time = "3s"
freeze = "boot"
[sat]
descriptor_sense = true
`

// The whole way in a machine that sleeps: the appliance finds its drive frozen, puts
// the machine to sleep, finds it free, purges it, and the certificate says all that.
func TestApplianceFrozen(t *testing.T) {
	t.Parallel()
	l := newLaptop(t, func(s *settings.Settings) { s.Wipe.Level = "purge" })
	d, err := profile.Parse("frozen.toml", frozenDrive, profile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	medium := d.Model.Media()[0]
	marks := plantMedium(t, medium)
	power, is := d.Model.(interface{ PowerCycle() })
	if !is {
		t.Fatalf("%T has no power", d.Model)
	}
	dir, err := os.MkdirTemp("", "v") // the path of a socket has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan error, 1)
	s := &vhost.Server{Targets: []sim.SCSI{d.SCSI}, Log: func(s string) { t.Log("vhost-user-scsi: " + s) }}
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the door to the drive: %v", err)
		}
	})

	vm := l.start(vmtest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusVhost, Target: listener.Addr().String()}}, OnSleep: power.PowerCycle})
	l.await(vm, "sleep", "frozen=1")
	l.await(vm, "woke", "frozen=0")
	if code := l.off(vm); code != 0 {
		t.Errorf("exit %d", code)
	}
	if n := marksOn(t, medium); n != 0 {
		t.Errorf("%d of %d marks are left", n, marks)
	}
	v := l.takeOne()
	l.genuine(v, "erasure", "hold")
	if s := v.summary; s.Verdict != certs.Sanitised || s.Level != certs.LevelPurge {
		t.Errorf("the records say %s, %s", s.Verdict, s.Level)
	}
	const want = "put to sleep and woken once, and it is free"
	if n := v.summary.Facts.Notes; len(n) != 1 || !strings.Contains(n[0], "FROZEN-0001") || !strings.Contains(n[0], want) {
		t.Errorf("the record says %q", n)
	}
	if page := strings.Join(strings.Fields(l.text(v, "erasure")), " "); !strings.Contains(page, want) {
		t.Errorf("the certificate does not say %q:\n%s", want, page)
	}
}
