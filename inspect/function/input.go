package function

import (
	"encoding/binary"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"handback.example/inspect/drive"
)

// InputEvent is one struct input_event (linux/input.h) without its time, which is the
// kernel's and says nothing here.
type InputEvent struct {
	Type, Code uint16
	Value      int32
}

// inputEventSize on a 64-bit machine: two 64-bit words of time, type, code, value.
const inputEventSize = 24

// Types of events (linux/input-event-codes.h).
const (
	evSyn = 0x00
	evKey = 0x01
	evRel = 0x02
	evAbs = 0x03
)

// ParseInputEvents reads what an evdev gives. Bytes of a part of one are left out: the
// kernel gives whole ones.
func ParseInputEvents(b []byte) (events []InputEvent) {
	for ; len(b) >= inputEventSize; b = b[inputEventSize:] {
		events = append(events, InputEvent{binary.NativeEndian.Uint16(b[16:]), binary.NativeEndian.Uint16(b[18:]), int32(binary.NativeEndian.Uint32(b[20:]))})
	}
	return events
}

// InputDevice is one of the kernel's input devices.
type InputDevice struct {
	Event string // 'event3'
	Name  string // clean
	Bus   Bus
	// Fixed: it hangs on USB where nobody can pull it out.
	Fixed                       bool
	keys, relative, axes, props bitmap
}

// Bus that an input device hangs on (BUS_ of linux/input.h).
type Bus uint16

// Buses of keyboards and touchpads.
const (
	BusPCI       Bus = 0x01
	BusUSB       Bus = 0x03
	BusBluetooth Bus = 0x05
	BusI8042     Bus = 0x11
	BusI2C       Bus = 0x18
	BusHost      Bus = 0x19
	BusSPI       Bus = 0x1C
)

// String names a bus as people do.
func (b Bus) String() string {
	name, ok := map[Bus]string{BusPCI: "PCI", BusUSB: "USB", BusBluetooth: "Bluetooth", BusI8042: "i8042", BusI2C: "I2C", BusHost: "host", BusSPI: "SPI"}[b]
	if !ok {
		return "bus " + strconv.FormatUint(uint64(b), 16)
	}
	return name
}

// internal: it is a part of the machine and not something that was plugged in.
func (d InputDevice) internal() bool {
	switch d.Bus {
	case BusI8042, BusI2C, BusHost, BusSPI:
		return true
	case BusUSB:
		return d.Fixed
	}
	return false
}

// String names it for the record.
func (d InputDevice) String() string { return d.Name + " (" + d.Bus.String() + ")" }

// Inputs lists the input devices of a /sys.
func Inputs(sys string) ([]InputDevice, error) {
	fs := sysfs(sys)
	const dir = "class/input/"
	names, err := fs.list(dir)
	if err != nil {
		return nil, fmt.Errorf("the machine's input devices can't be read: %w", err)
	}
	var list []InputDevice
	for _, name := range names {
		if !strings.HasPrefix(name, "event") {
			continue
		}
		at := dir + name + "/device/"
		bus, _ := strconv.ParseUint(fs.text(at+"id/bustype"), 16, 16)
		d := InputDevice{Event: name, Name: drive.Clean([]byte(fs.text(at + "name"))), Bus: Bus(bus),
			keys: parseBitmap(fs.text(at + "capabilities/key")), relative: parseBitmap(fs.text(at + "capabilities/rel")),
			axes: parseBitmap(fs.text(at + "capabilities/abs")), props: parseBitmap(fs.text(at + "properties"))}
		d.Fixed = d.Bus == BusUSB && fixed(fs, at)
		list = append(list, d)
	}
	return list, nil
}

// fixed: the USB device that an input device belongs to can't be pulled out
// (Documentation/ABI/testing/sysfs-bus-usb). The first folder above it that tells is
// that device's.
func fixed(fs sysfs, at string) bool {
	for up := fs.real(at); up != "" && up != "."; up = filepath.Dir(up) {
		if how := fs.text(up + "/removable"); how != "" {
			return how == "fixed"
		}
	}
	return false
}

// bitmap of a device's keys, axes or properties, the lowest 64 first.
type bitmap []uint64

// parseBitmap reads words of 64 bits in hex, the highest first, as the kernel prints
// them (input_bits_to_string, Linux drivers/input/input.c). What can't be read has
// nothing set.
func parseBitmap(s string) bitmap {
	words := strings.Fields(s)
	if len(words) > maxWords {
		return nil
	}
	b := make(bitmap, len(words))
	for i, w := range words {
		n, err := strconv.ParseUint(w, 16, 64)
		if err != nil {
			return nil
		}
		b[len(words)-1-i] = n
	}
	return b
}

// maxWords hold more bits than there are keys (KEY_CNT is 768).
const maxWords = 16

func (b bitmap) has(bit uint16) bool {
	return int(bit/64) < len(b) && b[bit/64]&(1<<(bit%64)) != 0
}

// Keys, axes and properties that tell what a device is (linux/input-event-codes.h).
const (
	keyEsc      = 1
	keyQ        = 16
	keyEnter    = 28
	keySpace    = 57
	btnMisc     = 0x100 // from here on up to keyOK: buttons
	keyOK       = 0x160
	btnLeft     = 0x110
	btnRight    = 0x111
	btnTouch    = 0x14a
	relX        = 0x00
	relY        = 0x01
	absMTSlot   = 0x2f // the finger that the next positions are of
	absMTX      = 0x35
	absMTY      = 0x36
	absMTID     = 0x39 // a finger comes, or goes (-1)
	propDirect  = 0x01
	propButtons = 0x02 // INPUT_PROP_BUTTONPAD: the whole pad is one button
)

// isKeyboard: letters, Enter and the space bar; not the power button, nor a remote
// control.
func (d InputDevice) isKeyboard() bool {
	return d.keys.has(keyQ) && d.keys.has(keyEnter) && d.keys.has(keySpace)
}

func (d InputDevice) isTouchscreen() bool { return d.props.has(propDirect) && d.axes.has(absMTX) }

// isPointer: a touchpad or a pointing stick.
func (d InputDevice) isPointer() bool {
	return d.keys.has(btnLeft) && !d.props.has(propDirect) && (d.relative.has(relX) || d.axes.has(absMTX))
}

// Choice of what to test: at least one device, or why there is none.
type Choice struct {
	Devices []InputDevice
	// Why there is none, for people; empty: there is one.
	Why string
}

// Keyboard that is the machine's own. A label scanner is a keyboard too, and its keys
// must not pass for the machine's: what was plugged in counts only where nothing is
// built in (builtIn is false: a desktop), and only if it is the only one. Of its own the
// machine may have more than one, of which one is there only in name: a laptop whose
// keyboard is on USB or I2C has an i8042 too. Which is real shows when keys are pressed.
func Keyboard(all []InputDevice, builtIn bool) Choice {
	return choose(all, InputDevice.isKeyboard, builtIn, "keyboard")
}

// Pointer of the machine, by the same rule: one.
func Pointer(all []InputDevice, builtIn bool) Choice {
	return choose(all, InputDevice.isPointer, builtIn, "pointing device").best()
}

// Touchscreen of the machine: one.
func Touchscreen(all []InputDevice) Choice {
	return choose(all, InputDevice.isTouchscreen, true, "touchscreen").best()
}

func choose(all []InputDevice, is func(InputDevice) bool, builtIn bool, what string) Choice {
	var own, foreign []InputDevice
	for _, d := range all {
		switch {
		case !is(d):
		case d.internal():
			own = append(own, d)
		default:
			foreign = append(foreign, d)
		}
	}
	switch {
	case builtIn && len(own) == 0:
		return Choice{Why: "the machine's own " + what + " was not seen"}
	case len(own) > 0 && (builtIn || len(foreign) == 0):
		return Choice{Devices: own}
	case len(foreign) == 1:
		return Choice{Devices: foreign}
	case len(foreign) == 0:
		return Choice{Why: "no " + what + " was seen"}
	}
	var names []string
	for _, d := range foreign {
		names = append(names, d.Name)
	}
	return Choice{Why: "more than one " + what + " is plugged in (" + strings.Join(names, ", ") + "): leave only the one to test in"}
}

// best of several: a touchpad before a pointing stick, which many have too.
func (c Choice) best() Choice {
	for i, d := range c.Devices {
		if d.axes.has(absMTX) {
			c.Devices = c.Devices[i : i+1]
			return c
		}
	}
	c.Devices = c.Devices[:min(1, len(c.Devices))]
	return c
}
