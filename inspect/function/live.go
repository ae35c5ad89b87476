package function

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Input is an input device that only this process hears.
type Input struct{ f *os.File }

// ioctls of evdev (linux/input.h) and what they take.
const (
	evGrab       = 0x40044590 // EVIOCGRAB
	evKeysDown   = 0x80604518 // EVIOCGKEY(96): a bit for each of the 768 keys
	evAxis       = 0x80184540 // EVIOCGABS(0)
	keyStateSize = 96
	axisSize     = 24 // struct input_absinfo
)

// letGo is how long a person may take to let all keys go before a device is taken, or
// given back.
const letGo = 3 * time.Second

// OpenInput takes a device of the folder /dev/input for this process alone: what is
// pressed reaches neither the console nor any other program until it is closed. It is
// taken when no key is down: the console would hold a key that it never sees let go for
// pressed for ever.
func OpenInput(dev, event string) (*Input, error) {
	// Not blocking, so that Close ends a Read.
	fd, err := unix.Open(filepath.Join(dev, event), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("%s can't be opened: %w", event, err)
	}
	in := &Input{os.NewFile(uintptr(fd), event)}
	if !in.quiet() {
		_ = in.f.Close()
		return nil, errors.New("a key of it is down: let all keys go; if none is pressed, one is stuck")
	}
	if err := set(in.f, evGrab, 1); err != nil {
		_ = in.f.Close()
		return nil, fmt.Errorf("%s is taken by another program: %w", event, err)
	}
	return in, nil
}

// quiet waits until no key is down.
func (in *Input) quiet() bool {
	for end := time.Now().Add(letGo); ; time.Sleep(20 * time.Millisecond) {
		state := make([]byte, keyStateSize)
		if err := ask(in.f, evKeysDown, state); err != nil || !slices.ContainsFunc(state, func(b byte) bool { return b != 0 }) {
			return true // a device that tells no keys has none
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// ask is an ioctl(2) that fills b, or reads it, on a file that stays in the poller.
func ask(f *os.File, request uint, b []byte) error {
	return control(f, func(fd uintptr) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, uintptr(request), uintptr(unsafe.Pointer(&b[0]))); errno != 0 {
			return errno
		}
		return nil
	})
}

// set is an ioctl(2) that takes a number.
func set(f *os.File, request uint, n int) error {
	return control(f, func(fd uintptr) error { return unix.IoctlSetInt(int(fd), request, n) })
}

func control(f *os.File, do func(fd uintptr) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var bad error
	if err := raw.Control(func(fd uintptr) { bad = do(fd) }); err != nil {
		return err
	}
	return bad
}

// Events waits for the next ones. It ends with an error once the device is closed or
// gone.
func (in *Input) Events() ([]InputEvent, error) {
	b := make([]byte, 64*inputEventSize)
	n, err := in.f.Read(b)
	return ParseInputEvents(b[:n]), err
}

// Axes of a device with positions: across and down.
func (in *Input) Axes() (x, y Axis) { return in.axis(absMTX), in.axis(absMTY) }

func (in *Input) axis(code uint) Axis {
	b := make([]byte, axisSize)
	if err := ask(in.f, evAxis+code, b); err != nil {
		return Axis{}
	}
	// struct input_absinfo: value, minimum, maximum, ...
	return Axis{int32(binary.NativeEndian.Uint32(b[4:])), int32(binary.NativeEndian.Uint32(b[8:]))}
}

// Close gives the device back.
func (in *Input) Close() error { return in.f.Close() }

// Panel is the machine's display with the console's text taken off it.
type Panel struct {
	ScreenGeometry
	tty, screen *os.File
}

// Modes of the console (linux/kd.h) and answers of a frame buffer (linux/fb.h).
const (
	kdSetMode   = 0x4B3A
	kdText      = 0
	kdGraphics  = 1
	fbVariable  = 0x4600 // FBIOGET_VSCREENINFO
	fbFixed     = 0x4602 // FBIOGET_FSCREENINFO
	firstScreen = "/dev/fb0"
)

// OpenPanel takes the display of the console for pictures. Until it is closed no text
// is drawn there. Who dies meanwhile leaves it so: somebody else must put it back.
func OpenPanel(console string) (*Panel, error) {
	screen, err := os.OpenFile(firstScreen, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("this machine's display can't be drawn on: %w", err)
	}
	variable, fixed := make([]byte, varScreenSize), make([]byte, fixScreenSize)
	err = errors.Join(ask(screen, fbVariable, variable), ask(screen, fbFixed, fixed))
	p := &Panel{screen: screen}
	if err == nil {
		p.ScreenGeometry, err = ParseScreen(variable, fixed)
	}
	if err == nil {
		p.tty, err = os.OpenFile(console, os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err == nil {
		err = set(p.tty, kdSetMode, kdGraphics)
	}
	if err != nil {
		_ = p.Close()
		return nil, fmt.Errorf("this machine's display can't be drawn on: %w", err)
	}
	return p, nil
}

// Show a picture on every pixel.
func (p *Panel) Show(pic Picture) error { return pic.Paint(p.screen, p.ScreenGeometry) }

// Close gives the display back to the console, which draws its text anew.
func (p *Panel) Close() error {
	var bad []error
	if p.tty != nil {
		bad = append(bad, set(p.tty, kdSetMode, kdText), p.tty.Close())
	}
	return errors.Join(append(bad, p.screen.Close())...)
}
