package function

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Answers of a frame buffer, as linux/fb.h lays them out: efifb of QEMU's 1280x800, 32
// bits, blue lowest; and 4x3 of 16 bits (5, 6, 5), the second line of a larger buffer
// being its first, 5 pixels a line.
var (
	efiVariable   = "00050000" + "20030000" + "00050000" + "20030000" + "00000000" + "00000000" + "20000000" + "00000000" + "10000000" + "08000000" + "00000000" + "08000000" + "08000000" + "00000000" + "00000000" + "08000000" + "00000000"
	efiFixed      = "45464920564741000000000000000000" + "0000008000000000" + "00803e00" + "00000000" + "00000000" + "02000000" + "0000" + "0000" + "0000" + "0000" + "00140000"
	smallVariable = "04000000" + "03000000" + "05000000" + "05000000" + "01000000" + "01000000" + "10000000" + "00000000" + "0b000000" + "05000000" + "00000000" + "05000000" + "06000000" + "00000000" + "00000000" + "05000000" + "00000000"
	smallFixed    = "736d616c6c0000000000000000000000" + "0000008000000000" + "32000000" + "00000000" + "00000000" + "02000000" + "0000" + "0000" + "0000" + "0000" + "0a000000"
)

func answer(t testing.TB, text string, size int) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, size-len(b))...)
}

// memory is a frame buffer.
type memory []byte

func (m memory) WriteAt(p []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(p)) > int64(len(m)) {
		return 0, os.ErrInvalid
	}
	return copy(m[at:], p), nil
}

func TestPaint(t *testing.T) {
	small, err := ParseScreen(answer(t, smallVariable, varScreenSize), answer(t, smallFixed, fixScreenSize))
	if err != nil {
		t.Fatal(err)
	}
	const untouched = "eeee"
	line := func(pixels string) string { return untouched + pixels }
	for pic, want := range map[Picture]string{
		PictureBlack: strings.Repeat(line("0000000000000000"), 3), PictureWhite: strings.Repeat(line("ffffffffffffffff"), 3),
		PictureRed: strings.Repeat(line("00f800f800f800f8"), 3), PictureGreen: strings.Repeat(line("e007e007e007e007"), 3),
		PictureBlue: strings.Repeat(line("1f001f001f001f00"), 3),
		PictureRamp: strings.Repeat(line("0000"+"aa52"+"55ad"+"ffff"), 3), // 0, 55h, AAh, FFh
		PictureGrid: line("ffffffffffffffff") + line("ffff00000000ffff") + line("ffffffffffffffff"),
	} {
		m := memory(bytes.Repeat([]byte{0xee}, 50))
		if err := pic.Paint(m, small); err != nil {
			t.Errorf("%s: %v", pic, err)
		}
		if got := hex.EncodeToString(m); got != strings.Repeat(untouched, 5)+want+strings.Repeat(untouched, 5) {
			t.Errorf("%s: %s", pic, got)
		}
	}
	efi, err := ParseScreen(answer(t, efiVariable, varScreenSize), answer(t, efiFixed, fixScreenSize))
	if err != nil {
		t.Fatal(err)
	}
	m := memory(bytes.Repeat([]byte{0xee}, 1280*800*4))
	if err := PictureRed.Paint(m, efi); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m, bytes.Repeat([]byte{0, 0, 0xff, 0}, 1280*800)) {
		t.Error("not every pixel is red")
	}
	if w, h := efi.Size(); w != 1280 || h != 800 {
		t.Errorf("%d x %d", w, h)
	}
	if PictureRed.Paint(m[:1000], efi) == nil {
		t.Error("a buffer that ends early, and no error")
	}
	if PictureRed.Paint(m, ScreenGeometry{}) == nil || Pictures.Paint(m, efi) == nil || Picture(-1).Paint(m, efi) == nil {
		t.Error("no picture, and no error")
	}
}

func TestParseScreenRefuses(t *testing.T) {
	for name, change := range map[string]func(v, f []byte){
		"no pixels":               func(v, f []byte) { copy(v, "\x00\x00\x00\x00") },
		"a side beyond all":       func(v, f []byte) { copy(v[4:], "\xff\xff\xff\xff") },
		"a palette":               func(v, f []byte) { v[24] = 8 },
		"a line shorter than it":  func(v, f []byte) { copy(f[48:], "\x00\x10\x00\x00") },
		"planes":                  func(v, f []byte) { f[28] = 1 },
		"pseudo colour":           func(v, f []byte) { f[36] = 3 },
		"a channel outside":       func(v, f []byte) { v[32] = 30 },
		"a channel without bits":  func(v, f []byte) { v[36] = 0 },
		"an offset beyond memory": func(v, f []byte) { copy(v[20:], "\xff\xff\xff\x7f") },
	} {
		v, f := answer(t, efiVariable, varScreenSize), answer(t, efiFixed, fixScreenSize)
		change(v, f)
		if g, err := ParseScreen(v, f); err == nil || g.Width != 0 {
			t.Errorf("%s: %+v", name, g)
		}
	}
	if _, err := ParseScreen(nil, nil); err == nil {
		t.Error("no answers, and no error")
	}
}

func FuzzParseScreen(f *testing.F) {
	f.Add(answer(f, efiVariable, varScreenSize), answer(f, efiFixed, fixScreenSize))
	f.Add(answer(f, smallVariable, varScreenSize), answer(f, smallFixed, fixScreenSize))
	f.Fuzz(func(t *testing.T, v, fixed []byte) {
		g, err := ParseScreen(v, fixed)
		if err != nil || g.Height > 64 || g.Width > 4096 {
			return
		}
		for p := range Pictures {
			if err := p.Paint(discard{}, g); err != nil {
				t.Errorf("%s on %+v: %v", p, g, err)
			}
		}
	})
}

type discard struct{}

func (discard) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// usbTree is a machine with two sockets outside (one of USB 3, so two ports), a camera
// inside, and a hub inside with a third socket.
func usbTree(t *testing.T) string {
	t.Helper()
	sys := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Join(sys, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(sys, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const two, three = "devices/pci0000:00/0000:00:14.0/usb1/", "devices/pci0000:00/0000:00:14.0/usb2/"
	for port, how := range map[string]string{two + "1-0:1.0/usb1-port1": "hotplug", two + "1-0:1.0/usb1-port2": "hotplug", two + "1-0:1.0/usb1-port5": "hardwired",
		two + "1-0:1.0/usb1-port6": "not used", three + "2-0:1.0/usb2-port1": "hotplug", two + "1-3/1-3:1.0/1-3-port1": "hotplug"} {
		put(port+"/connect_type", how)
	}
	link(t, filepath.Join(sys, two, "1-0:1.0/usb1-port1/peer"), "../../../usb2/2-0:1.0/usb2-port1")
	link(t, filepath.Join(sys, three, "2-0:1.0/usb2-port1/peer"), "../../../usb1/1-0:1.0/usb1-port1")
	for _, name := range []string{"1-0:1.0", "2-0:1.0", "1-3:1.0"} {
		hub := map[string]string{"1-0:1.0": two, "2-0:1.0": three, "1-3:1.0": two + "1-3/"}[name]
		link(t, filepath.Join(sys, usbDevices, name), "../../../"+hub+name)
	}
	return sys
}

// plug a device into a port.
func plug(t *testing.T, sys, device, port, removable string) {
	t.Helper()
	at := filepath.Join(sys, "bus/usb/devices", device)
	if err := os.MkdirAll(at, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(at, "removable"), []byte(removable+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	link(t, filepath.Join(at, "port"), filepath.Join(sys, port))
}

func TestPortTest(t *testing.T) {
	sys := usbTree(t)
	const one, superSpeed, other, inHub = "devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0/usb1-port1", "devices/pci0000:00/0000:00:14.0/usb2/2-0:1.0/usb2-port1",
		"devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0/usb1-port2", "devices/pci0000:00/0000:00:14.0/usb1/1-3/1-3:1.0/1-3-port1"
	pull := func(device string) {
		t.Helper()
		if err := os.RemoveAll(filepath.Join(sys, usbDevices, device)); err != nil {
			t.Fatal(err)
		}
	}
	plug(t, sys, "1-5", "devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0/usb1-port5", "fixed") // the camera
	plug(t, sys, "1-3", "devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0/usb1-port3", "fixed") // the hub inside
	plug(t, sys, "2-1", superSpeed, "removable")                                            // the stick, at USB 3's speed
	p, err := NewPortTest(sys, "2-1")
	if err != nil {
		t.Fatal(err)
	}
	count := func(want int, what string) {
		t.Helper()
		if err := p.Look(sys); err != nil || p.Count() != want {
			t.Errorf("%s: %d ports, %v; want %d", what, p.Count(), err, want)
		}
	}
	count(1, "the stick's")
	pull("2-1")
	count(1, "pulled")
	plug(t, sys, "1-1", one, "removable")
	count(1, "the same socket, by its other port")
	plug(t, sys, "1-2", other, "removable")
	count(2, "the second")
	plug(t, sys, "1-2.1", one, "removable")
	count(2, "in a hub that was plugged in")
	if p.Whole() || p.Sockets() != 3 || p.Evidence() != "something appeared in 2 of 3 USB ports" {
		t.Errorf("%v %d %q", p.Whole(), p.Sockets(), p.Evidence())
	}
	plug(t, sys, "1-3.1", inHub, "unknown")
	count(3, "behind the hub inside")
	if !p.Whole() {
		t.Errorf("%q", p.Evidence())
	}
	q, err := NewPortTest(sys, "")
	if err != nil || q.Count() != 0 || q.Look(sys) != nil || q.Count() != 0 {
		t.Errorf("what was in before counts: %d, %v", q.Count(), err)
	}
	if _, err := NewPortTest(t.TempDir(), ""); err == nil {
		t.Error("no USB, and no error")
	}
	if (&PortTest{}).Whole() {
		t.Error("no port at all is whole")
	}
}

// What is inside counts for no port, whether or not it says itself that it can't be pulled
// out: a camera that was reset comes anew. Where the firmware says nothing of any port,
// what appears is all there is to go by.
func TestPortsInside(t *testing.T) {
	const hub = "devices/pci0000:00/0000:00:14.0/usb1/1-0:1.0/usb1-port"
	sys := usbTree(t)
	p, err := NewPortTest(sys, "")
	if err != nil {
		t.Fatal(err)
	}
	plug(t, sys, "1-5", hub+"5", "unknown") // hardwired
	plug(t, sys, "1-6", hub+"6", "unknown") // not used
	if err := p.Look(sys); err != nil || p.Count() != 0 {
		t.Errorf("%q, %v", p.Evidence(), err)
	}
	plug(t, sys, "1-2", hub+"2", "unknown")
	if err := p.Look(sys); err != nil || p.Evidence() != "something appeared in 1 of 3 USB ports" {
		t.Errorf("%q, %v", p.Evidence(), err)
	}
	silent := t.TempDir()
	if err := os.MkdirAll(filepath.Join(silent, usbDevices, "1-0:1.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	if p, err = NewPortTest(silent, ""); err != nil {
		t.Fatal(err)
	}
	plug(t, silent, "1-4", hub+"4", "unknown")
	plug(t, silent, "1-5", hub+"5", "fixed")
	plug(t, silent, "1-6", hub+"6", "unknown")
	if err := os.MkdirAll(filepath.Join(silent, hub+"6"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(silent, hub+"6/connect_type"), []byte("hardwired\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := p.Look(silent); err != nil || p.Whole() || p.Evidence() != "something appeared in 1 USB ports; how many there are is not told" {
		t.Errorf("%q, %v", p.Evidence(), err)
	}
	// The kernel shows a device a moment before it says where that is: one port, not two.
	if err := os.MkdirAll(filepath.Join(silent, usbDevices, "1-7"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := p.Look(silent); err != nil || p.Count() != 1 {
		t.Errorf("a device without a port: %q, %v", p.Evidence(), err)
	}
	plug(t, silent, "1-7", hub+"7", "unknown")
	if err := p.Look(silent); err != nil || p.Count() != 2 {
		t.Errorf("%q, %v", p.Evidence(), err)
	}
}
