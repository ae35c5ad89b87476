package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/image/vmtest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/nvmetcp"
)

// A drive of ours behind the kernel's own NVMe/TCP driver: the appliance finds it by
// what the firmware says, erases it by Format, and the model's medium proves it.
func TestApplianceNVMeTCP(t *testing.T) {
	long(t) // a drive behind TCP is erased in TestAppliancePowerCutsOfModels too
	t.Parallel()
	const size = 96 << 20
	l := newLaptop(t, nil)
	medium := sim.NewMedium(size)
	marks := plantMedium(t, medium)
	model, err := nvme.New(nvme.Config{Serial: "GOLF-0001", Model: "Example NVMe behind TCP", Firmware: "1.0",
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: size, Attached: true, EUI64: []byte{0x00, 0x25, 0x38, 0x5a, 0x91, 0xb0, 0x2f, 0x7e}, Medium: medium}},
		Format:     nvme.Format{Supported: true, EraseTime: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	image, err := builtImage()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code := runTry(l.ctx, []string{"--image", image, "--headless", "--unattended",
		"--drive", "nvme-tcp:" + l.serveNVMe(model), "--out", l.dir}, nil, &stdout, &stderr)
	log, events := logged(t, filepath.Join(l.dir, "serial.log"))
	if code != 0 {
		t.Fatalf("exit %d\n%s\n%s\n%s", code, stdout.String(), stderr.String(), log)
	}
	checkQuiet(t, log)
	vmtest.Figure(t, "by its own uptime: %s", milestones(events))
	model.Media() // what should have been erased by now is
	if n := marksOn(t, medium); n != 0 {
		t.Errorf("%d of %d marks are left on the drive", n, marks)
	}
	if _, ok := told(events, "fabric", "drives=1"); !ok || !strings.Contains(log, `nvme nvme0: new ctrl: NQN "nqn.2026-01.example.handback:`) {
		t.Error("the serial log does not show the connection")
	}
	if e, ok := told(events, "finished", "serial=GOLF-0001"); !ok || e.Values["verdict"] != string(certs.Sanitised) {
		t.Errorf("the serial log says of the drive: %v", e)
	}
	formats := 0
	for _, e := range model.Trace() {
		if e.Frame[0] == 0x80 && e.Frame[41]&0x0e == 0x02 && e.Status == 0 { // SES 1: CDW10 11:9
			formats++
		}
	}
	if formats != 1 {
		t.Errorf("the drive took %d Format commands that erase user data", formats)
	}
	v := l.takeOne()
	l.genuine(v, "erasure", "hold")
	if s := v.summary; s.Verdict != certs.Sanitised || s.Sanitised != 1 || s.Level != certs.LevelClear {
		t.Errorf("the records say %s, %d drives, %s", s.Verdict, s.Sanitised, s.Level)
	}
	if m := v.medium(t, "GOLF-0001"); m.Drive.Bus != "fabric" || m.Finished == nil {
		t.Errorf("the drive's record: %+v", m)
	}
	page := l.text(v, "erasure")
	for _, want := range []string{"GOLF-0001", "Example NVMe behind TCP", "fabric", "DEMONSTRATION"} {
		if !strings.Contains(page, want) {
			t.Errorf("the certificate does not say %q:\n%s", want, page)
		}
	}
}

// serveNVMe opens the NVMe/TCP door to a model until the test ends.
func (l *laptop) serveNVMe(m sim.NVMe) (address string) {
	l.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(l.ctx)
	done := make(chan error, 1)
	go func() { done <- nvmetcp.Serve(ctx, listener, m, nvmetcp.Options{Log: func(s string) { l.t.Log(s) }}) }()
	l.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			l.t.Errorf("the door to the drive: %v", err)
		}
	})
	return listener.Addr().String()
}

// plantMedium fills a medium with marks, no block like another, and counts them.
func plantMedium(t *testing.T, m *sim.Medium) int {
	t.Helper()
	return plantRange(t, m, 0, m.Size())
}

// plantRange plants whole MiB of a medium, from a byte on.
func plantRange(t *testing.T, m *sim.Medium, from, size int64) int {
	t.Helper()
	b := make([]byte, 0, 1<<20)
	for at := from; at < from+size; at += int64(len(b)) {
		b = b[:0]
		for len(b) < cap(b) {
			block := fmt.Appendf(nil, "%s %012d ", mark, at+int64(len(b)))
			b = append(append(b, block...), bytes.Repeat([]byte{'.'}, 512-len(block))...)
		}
		if _, err := m.WriteAt(b, at); err != nil {
			t.Fatal(err)
		}
	}
	n := marksIn(t, m, from, size)
	if want := int(size / 512); n != want {
		t.Fatalf("%d marks were planted, not %d", n, want)
	}
	return n
}

func marksOn(t *testing.T, m *sim.Medium) (n int) {
	t.Helper()
	return marksIn(t, m, 0, m.Size())
}

func marksIn(t *testing.T, m *sim.Medium, from, size int64) (n int) {
	t.Helper()
	b := make([]byte, 1<<20)
	for at := from; at < from+size; at += int64(len(b)) {
		if _, err := m.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(b, []byte(mark))
	}
	return n
}
