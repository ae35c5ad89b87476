package function

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Input devices as /proc/bus/input/devices of real laptops has them: bits of keys, axes
// and properties.
const (
	atKeys       = "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"      // AT Translated Set 2 keyboard
	usbKeys      = "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe" // a USB keyboard; label scanners have the same
	powerKey     = "10000000000000 0"                                                 // ACPI power button
	synapticsKey = "e520 10000 0 0 0 0"                                               // SynPS/2 Synaptics TouchPad: a button pad
	synapticsAbs = "660800011000003"
	stickKey     = "70000 0 0 0 0" // TPPS/2 IBM TrackPoint: three buttons
)

// machineOf makes a /sys of input devices: name, bus, keys, relative, absolute axes,
// properties, and for USB what its socket is.
type inputSpec struct{ name, bus, key, rel, abs, prop, removable string }

var (
	atKeyboard = inputSpec{name: "AT Translated Set 2 keyboard", bus: "0011", key: atKeys, prop: "0"}
	power      = inputSpec{name: "Power Button", bus: "0019", key: powerKey, prop: "0"}
	scanner    = inputSpec{name: "Honeywell Barcode\x1b[2J Scanner", bus: "0003", key: usbKeys, prop: "0", removable: "removable"}
	usbBoard   = inputSpec{name: "Dell KB216", bus: "0003", key: usbKeys, prop: "0", removable: "unknown"}
	ownUSB     = inputSpec{name: "Apple Internal Keyboard", bus: "0003", key: usbKeys, prop: "0", removable: "fixed"}
	synaptics  = inputSpec{name: "SynPS/2 Synaptics TouchPad", bus: "0011", key: synapticsKey, abs: synapticsAbs, prop: "5"}
	trackpoint = inputSpec{name: "TPPS/2 IBM TrackPoint", bus: "0011", key: stickKey, rel: "3", prop: "21"}
	mouse      = inputSpec{name: "Logitech USB Mouse", bus: "0003", key: "ff0000 0 0 0 0", rel: "903", prop: "0", removable: "removable"}
	touch      = inputSpec{name: "ELAN Touchscreen", bus: "0018", key: "400 0 0 0 0 0", abs: "3273800000000003", prop: "2"}
)

func sysOf(t *testing.T, devices ...inputSpec) string {
	t.Helper()
	sys := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		at := filepath.Join(sys, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for i, d := range devices {
		n := string(rune('0' + i))
		parent := "devices/platform/serio" + n
		if d.bus == "0003" {
			parent = "devices/pci0000:00/0000:00:14.0/usb1/1-" + n + "/1-" + n + ":1.0/0003:413C:2113.000" + n
			put("devices/pci0000:00/0000:00:14.0/usb1/1-"+n+"/removable", d.removable)
		}
		dev := parent + "/input/input" + n
		put(dev+"/name", d.name)
		put(dev+"/id/bustype", d.bus)
		put(dev+"/properties", d.prop)
		for name, bits := range map[string]string{"key": d.key, "rel": d.rel, "abs": d.abs} {
			if bits == "" {
				bits = "0"
			}
			put(dev+"/capabilities/"+name, bits)
		}
		put(dev+"/event"+n+"/dev", "13:64")
		link(t, filepath.Join(sys, dev, "event"+n, "device"), "../../input"+n)
		link(t, filepath.Join(sys, "class/input/event"+n), "../../"+dev+"/event"+n)
	}
	link(t, filepath.Join(sys, "class/input/mice"), "../../devices/virtual/input/mice")
	return sys
}

func link(t *testing.T, name, to string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// The machine's own parts are tested, never what was plugged in beside them.
func TestTheMachinesOwnKeyboard(t *testing.T) {
	for name, c := range map[string]struct {
		devices []inputSpec
		builtIn bool
		want    string // the devices, or a part of why there is none
	}{
		"laptop":                     {[]inputSpec{power, scanner, atKeyboard}, true, "AT Translated Set 2 keyboard (i8042)"},
		"laptop, own one on USB":     {[]inputSpec{scanner, ownUSB}, true, "Apple Internal Keyboard (USB)"},
		"laptop, i8042 in name only": {[]inputSpec{atKeyboard, scanner, ownUSB}, true, "AT Translated Set 2 keyboard (i8042), Apple Internal Keyboard (USB)"},
		"laptop without, scanner in": {[]inputSpec{power, scanner}, true, "own keyboard was not seen"},
		"desktop":                    {[]inputSpec{power, usbBoard, mouse}, false, "Dell KB216 (USB)"},
		"desktop, PS/2":              {[]inputSpec{atKeyboard}, false, "AT Translated Set 2 keyboard (i8042)"},
		"desktop, scanner in":        {[]inputSpec{usbBoard, scanner}, false, "more than one keyboard is plugged in (Dell KB216, Honeywell Barcode[2J Scanner)"},
		"desktop, socket of old":     {[]inputSpec{usbBoard, atKeyboard}, false, "Dell KB216 (USB)"},
		"nothing":                    {[]inputSpec{power}, false, "no keyboard was seen"},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := Inputs(sysOf(t, c.devices...))
			if err != nil {
				t.Fatal(err)
			}
			got := Keyboard(all, c.builtIn)
			var names []string
			for _, d := range got.Devices {
				names = append(names, d.String())
			}
			if text := got.Why; text == "" && strings.Join(names, ", ") != c.want || text != "" && (!strings.Contains(text, c.want) || len(names) > 0) {
				t.Errorf("%q %q, want %q", names, text, c.want)
			}
		})
	}
}

func TestPointers(t *testing.T) {
	all, err := Inputs(sysOf(t, atKeyboard, trackpoint, synaptics, mouse, touch))
	if err != nil {
		t.Fatal(err)
	}
	one := func(c Choice, what, want string) {
		t.Helper()
		if len(c.Devices) != 1 || c.Devices[0].Name != want {
			t.Errorf("%s: %v %q, want %q", what, c.Devices, c.Why, want)
		}
	}
	one(Pointer(all, true), "the pointer", synaptics.name)
	one(Touchscreen(all), "the touchscreen", touch.name)
	all = slices.DeleteFunc(all, func(d InputDevice) bool { return d.Name == synaptics.name })
	one(Pointer(all, true), "without a touchpad", trackpoint.name)
	if c := Pointer(all[len(all)-1:], true); c.Why == "" || len(c.Devices) > 0 {
		t.Errorf("a touchscreen is taken for a pointer: %v", c.Devices)
	}
	if c := Touchscreen(nil); !strings.Contains(c.Why, "was not seen") {
		t.Errorf("no touchscreen: %q", c.Why)
	}
	if _, err := Inputs(t.TempDir()); err == nil {
		t.Error("no class of input devices, and no error")
	}
}

// moves of a device, in its own events.
func moves(p *PointerTest, events ...InputEvent) {
	for _, e := range events {
		p.Take(e)
	}
	p.Take(InputEvent{})
}

func TestPointerTest(t *testing.T) {
	pad := InputDevice{keys: parseBitmap(synapticsKey), axes: parseBitmap(synapticsAbs), props: parseBitmap("5")}
	p := NewPointerTest(pad, Axis{1266, 5676}, Axis{1096, 4758}) // a Synaptics pad's own range
	if !p.NeedLeft || p.NeedRight {
		t.Errorf("a button pad has one button: %+v", p)
	}
	moves(p, InputEvent{evAbs, absMTX, 1300}, InputEvent{evAbs, absMTY, 1100})
	if p.Count() != 0 {
		t.Error("a position without a finger counts")
	}
	for _, y := range []int32{1096, 2900, 4758} {
		for _, x := range []int32{1266, 3471, 5676} {
			moves(p, InputEvent{evKey, btnTouch, 1}, InputEvent{evAbs, absMTX, x}, InputEvent{evAbs, absMTY, y})
			moves(p, InputEvent{evKey, btnTouch, 0})
		}
	}
	if p.Whole() || p.Evidence() != "moved to 9 of 9 fields; left button not seen" {
		t.Errorf("without a click: %v %q", p.Whole(), p.Evidence())
	}
	moves(p, InputEvent{evKey, btnLeft, 1})
	if !p.Whole() || p.Evidence() != "moved to 9 of 9 fields; left button pressed" {
		t.Errorf("with a click: %v %q", p.Whole(), p.Evidence())
	}

	ps2 := NewPointerTest(InputDevice{keys: parseBitmap(stickKey), relative: parseBitmap("3")}, Axis{}, Axis{})
	moves(ps2, InputEvent{evRel, relX, -10000}, InputEvent{evRel, relY, -10000}, InputEvent{evKey, btnRight, 1})
	moves(ps2, InputEvent{evRel, relX, 300})
	if want := [Fields]bool{true, true}; ps2.Fields != want || ps2.Evidence() != "moved to 2 of 9 fields; left button not seen; right button pressed" {
		t.Errorf("%v %q", ps2.Fields, ps2.Evidence())
	}

	screen := NewPointerTest(InputDevice{axes: parseBitmap("3273800000000003"), props: parseBitmap("2")}, Axis{0, 4095}, Axis{0, 4095})
	if screen.NeedLeft || screen.NeedRight {
		t.Errorf("a touchscreen has no buttons: %+v", screen)
	}
}

// Two fingers, as a pad of slots tells them (type B of the kernel's multi-touch protocol):
// what one says of its column is nothing of the other's row.
func TestTwoFingers(t *testing.T) {
	p := NewPointerTest(InputDevice{keys: parseBitmap(synapticsKey), axes: parseBitmap(synapticsAbs), props: parseBitmap("5")}, Axis{Max: 99}, Axis{Max: 99})
	moves(p, InputEvent{evAbs, absMTID, 45}, InputEvent{evAbs, absMTX, 90}, InputEvent{evAbs, absMTY, 90}, InputEvent{evKey, btnTouch, 1}) // bottom right
	moves(p, InputEvent{evAbs, absMTSlot, 1}, InputEvent{evAbs, absMTID, 46}, InputEvent{evAbs, absMTX, 5}, InputEvent{evAbs, absMTY, 5})  // top left
	moves(p, InputEvent{evAbs, absMTSlot, 0}, InputEvent{evAbs, absMTX, 91})
	moves(p, InputEvent{evAbs, absMTSlot, 1}, InputEvent{evAbs, absMTID, -1}) // it goes
	moves(p, InputEvent{evAbs, absMTID, 47}, InputEvent{evAbs, absMTX, 50})   // and another comes, of which only the column is told
	if want := [Fields]bool{0: true, 8: true}; p.Fields != want {
		t.Errorf("%v, want %v", p.Fields, want)
	}
	moves(p, InputEvent{evAbs, absMTY, 50})
	moves(p, InputEvent{evAbs, absMTSlot, 0}, InputEvent{evAbs, absMTX, 10}) // along the bottom
	for _, none := range []int32{-1, maxFingers} {
		moves(p, InputEvent{evAbs, absMTSlot, none}, InputEvent{evAbs, absMTX, 90}, InputEvent{evAbs, absMTY, 5})
	}
	if want := [Fields]bool{0: true, 4: true, 6: true, 8: true}; p.Fields != want {
		t.Errorf("%v, want %v", p.Fields, want)
	}
}

func FuzzBitmap(f *testing.F) {
	for _, s := range []string{atKeys, usbKeys, synapticsKey, "q", strings.Repeat("f ", 40), "-1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		b := parseBitmap(s)
		if len(b) > maxWords {
			t.Errorf("%d words", len(b))
		}
		for _, bit := range []uint16{0, 63, 64, 0x2ff, 0xffff} {
			_ = b.has(bit)
		}
	})
}
