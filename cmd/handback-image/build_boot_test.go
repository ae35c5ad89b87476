package main

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/image/vmtest"
)

// The built image with Secure Boot off (TestApplianceWholeVisit has it on): a person
// with a keyboard reaches GRUB's second entry, and neither a command line nor the
// entries' text; a drive on every bus has its driver; the screen is drawn. Without
// keys it is NOT ENROLLED, and boots as well.
func TestBoot(t *testing.T) {
	if err := beside(); err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	if err := build(t.Context(), buildOptions{out: out}, t.Output()); err != nil {
		t.Fatal(err)
	}
	m := bootMachine(t, filepath.Join(out, imageFile))
	m.menu()
	for _, c := range [][]string{{"pid1"}, {"first-frame", "tty=tty1"}, {"first-frame", "tty=ttyS1"}, {"modules"}} {
		e := m.event(c[0], c[1:]...)
		t.Logf("%v: %s s after the kernel began", c, e.Values["uptime"])
	}
	if e := m.event("inspected"); e.Values["drives"] != "5" {
		t.Errorf("the appliance sees %s drives; the machine has 4 and the stick", e.Values["drives"])
	}
	m.text("kernel: Booted with the nomodeset parameter") // by the second entry only
	m.checkLog()
	shot := filepath.Join(out, "screen.png")
	if err := m.Screendump(m.ctx, shot); err != nil {
		t.Fatal(err)
	}
	checkDrawn(t, shot)
}

// machine is one that boots.
type machine struct {
	*vmtest.VM
	t   *testing.T
	ctx context.Context
}

// bootMachine starts it with a drive on every bus, from a copy of the image: the
// first boot makes the data partition.
func bootMachine(t *testing.T, image string) machine {
	t.Helper()
	c := vmtest.Config{Stick: filepath.Join(t.TempDir(), "stick.img"), TPM: filepath.Join(t.TempDir(), "tpm"), Say: func(s string) { t.Log(s) }}
	if err := copySparse(t.Context(), c.Stick, image); err != nil {
		t.Fatal(err)
	}
	for _, bus := range []string{"nvme", "sata", "usb", "sd"} {
		name := filepath.Join(t.TempDir(), bus+".img")
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(name, 64<<20); err != nil {
			t.Fatal(err)
		}
		d, err := vmtest.ParseDrive(bus + ":" + name)
		if err != nil {
			t.Fatal(err)
		}
		c.Drives = append(c.Drives, d)
	}
	vm, err := vmtest.Start(t.Context(), c) // waits for its turn as long as it takes
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	t.Cleanup(func() { cancel(); vm.Close() })
	return machine{vm, t, ctx}
}

func (m machine) event(name string, match ...string) vmtest.Event {
	m.t.Helper()
	e, err := m.WaitEvent(m.ctx, name, match...)
	if err != nil {
		m.t.Fatal(err)
	}
	return e
}

func (m machine) text(s string) {
	m.t.Helper()
	if err := m.WaitText(m.ctx, s); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) key(keys ...string) {
	m.t.Helper()
	if err := m.SendKey(m.ctx, keys...); err != nil {
		m.t.Fatal(err)
	}
}

// menu shows GRUB's by Escape, asks for a command line, is refused, and starts the
// second entry.
func (m machine) menu() {
	m.t.Helper()
	const entry = "Handback with the firmware's plain display"
	m.text("starting Boot0001")
	for !strings.Contains(m.LogTail(50), entry) {
		m.key("esc")
		time.Sleep(100 * time.Millisecond)
		if m.ctx.Err() != nil || strings.Contains(m.LogTail(50), "event pid1") {
			m.t.Fatalf("Escape did not show the menu:\n%s", m.LogTail(50))
		}
	}
	m.key("c")
	m.text("Enter username:")
	if err := m.Type(m.ctx, "nobody\n\n"); err != nil {
		m.t.Fatal(err)
	}
	m.text("access denied")
	for range 3 { // the first is the any key that GRUB asks for, the last may come too late
		m.key("n")
		time.Sleep(1500 * time.Millisecond)
	}
}

// checkLog: no command line was given, no module was refused, nothing died.
func (m machine) checkLog() {
	m.t.Helper()
	for _, line := range m.Lines() {
		for _, never := range []string{"grub>", "Unknown symbol", "required key not available", "operation not permitted", "exec format error",
			"console font:", "screen-died", "engine-died", "Kernel panic"} {
			if strings.Contains(line, never) {
				m.t.Errorf("the log says: %s", line)
			}
		}
	}
}

// checkDrawn: the display shows letters, and is neither dark nor full.
func checkDrawn(t *testing.T, shot string) {
	t.Helper()
	f, err := os.Open(shot)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	lit, b := 0, img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if r, g, bl, _ := img.At(x, y).RGBA(); r+g+bl > 0x10000 {
				lit++
			}
		}
	}
	if all := b.Dx() * b.Dy(); lit < all/200 || lit > all/2 {
		t.Errorf("%d of %d pixels are lit: that is no screen of text", lit, all)
	}
}
