package pid1

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctls of the virtual console: linux/kd.h, linux/vt.h, ioctl_console(2).
const (
	kdSetMode      = 0x4B3A
	kdText         = 0
	kdFontOp       = 0x4B72
	kdFontOpSet    = 0
	pioUnimap      = 0x4B67
	pioUnimapClear = 0x4B68
	kdSetKeyMode   = 0x4B45
	kUnicode       = 3
	vtActivate     = 0x5606
	vtLockSwitch   = 0x560B
	kdSetKeyEntry  = 0x4B47 // KDSKBENT
)

// The key Scroll Lock stops a console until it is pressed again (K_HOLD), and shows
// the kernel's insides with Shift or Ctrl. It is taken out of every map that the
// kernel has at first (linux/keyboard.h, drivers/tty/vt/defkeymap.map): plain, shift,
// altgr, ctrl, ctrl-shift, alt, ctrl-alt.
const (
	keyScrollLock = 70     // linux/input-event-codes.h
	keyNothing    = 0x0200 // K_HOLE
)

var keyMaps = []uint8{0, 1, 2, 4, 5, 8, 12}

// keyEntry is struct kbentry.
type keyEntry struct {
	table, index uint8
	value        uint16
}

// glyphRows: KD_FONT_OP_SET takes each glyph as 32 rows whatever its height.
const glyphRows = 32

// look of the console: reset, UTF-8 (ESC % G), no blanking (9) and no powering
// down (14) of the display, no cursor, clear. console_codes(4).
const look = "\x1bc\x1b%G\x1b[9;0]\x1b[14;0]\x1b[?25l\x1b[2J\x1b[H"

// console is tty1. A machine may have none; then nothing is shown, and all goes on.
type console struct {
	mu   sync.Mutex
	log  *journal
	font *psf
}

func newConsole(log *journal) *console {
	c := &console{log: log}
	b, err := os.ReadFile(consoleFont)
	if err == nil {
		c.font, err = parseFont(b)
	}
	if err != nil {
		log.printf("console font: %v", err)
	}
	return c
}

func (c *console) open() (*os.File, error) {
	return os.OpenFile("/dev/"+TTYConsole, os.O_RDWR|unix.O_NOCTTY, 0)
}

// lock makes tty1 the only console that anybody can reach.
func (c *console) lock() {
	f, err := c.open()
	if err != nil {
		c.log.printf("no console: %v", err)
		return
	}
	defer f.Close()
	fd := int(f.Fd())
	for what, err := range map[string]error{
		"show tty1":          unix.IoctlSetInt(fd, vtActivate, 1),
		"lock the console":   unix.IoctlSetInt(fd, vtLockSwitch, 1),
		"keyboard to UTF-8":  unix.IoctlSetInt(fd, kdSetKeyMode, kUnicode),
		"no Scroll Lock":     noScrollLock(f),
		"stop cursor blinks": ignoreMissing(os.WriteFile("/sys/class/graphics/fbcon/cursor_blink", []byte("0"), 0)),
	} {
		if err != nil {
			c.log.printf("%s: %v", what, err)
		}
	}
}

func noScrollLock(f *os.File) error {
	for _, m := range keyMaps {
		e := keyEntry{table: m, index: keyScrollLock, value: keyNothing}
		if err := ioctl(f, kdSetKeyEntry, unsafe.Pointer(&e)); err != nil {
			return fmt.Errorf("map %d: %w", m, err)
		}
	}
	return nil
}

func ignoreMissing(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// prepare the console for a screen that starts on it.
func (c *console) prepare() {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.open()
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = io.WriteString(f, look)
	if err := c.setFont(f); err != nil {
		c.log.printf("console font: %v", err)
	}
}

// refresh sets the font again: a graphics driver that took the display over
// brought the kernel's own. The kernel tells the screen of its new size.
func (c *console) refresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.open()
	if err != nil {
		return
	}
	defer f.Close()
	if err := c.setFont(f); err != nil {
		c.log.printf("console font: %v", err)
	}
}

// text is drawn again: an engine that died while it showed the pictures of the screen
// test has left the console without.
func (c *console) text() {
	f, err := c.open()
	if err != nil {
		return
	}
	defer f.Close()
	if err := unix.IoctlSetInt(int(f.Fd()), kdSetMode, kdText); err != nil {
		c.log.printf("console to text: %v", err)
	}
}

// say shows a sentence in the middle of an empty screen.
func (c *console) say(lines ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.open()
	if err != nil {
		return
	}
	defer f.Close()
	_, _ = io.WriteString(f, look+"\r\n\r\n\r\n    "+strings.Join(lines, "\r\n\r\n    ")+"\r\n")
}

// fontOp is struct console_font_op.
type fontOp struct {
	op, flags     uint32
	width, height uint32
	count         uint32
	_             uint32
	data          *byte
}

// unipair and unimap are struct unipair and struct unimapdesc.
type unipair struct{ unicode, position uint16 }

type unimap struct {
	count   uint16
	_       [6]byte
	entries *unipair
}

// setFont loads the font, doubled where the display is large enough for 80x24
// characters of twice the size, and which character each glyph is.
func (c *console) setFont(f *os.File) error {
	if c.font == nil {
		return nil
	}
	font := c.font
	if w, h, ok := displaySize(); ok && w/(2*font.width) >= 80 && h/(2*font.height) >= 24 && 2*font.height <= glyphRows && 2*font.width <= 32 {
		font = font.doubled()
	}
	data := font.kernelData()
	op := fontOp{op: kdFontOpSet, width: uint32(font.width), height: uint32(font.height), count: uint32(font.count), data: &data[0]}
	if err := ioctl(f, kdFontOp, unsafe.Pointer(&op)); err != nil {
		return fmt.Errorf("KDFONTOP: %w", err)
	}
	var clear [3]uint16
	if err := ioctl(f, pioUnimapClear, unsafe.Pointer(&clear)); err != nil {
		return fmt.Errorf("PIO_UNIMAPCLR: %w", err)
	}
	if len(font.pairs) == 0 {
		return nil
	}
	m := unimap{count: uint16(len(font.pairs)), entries: &font.pairs[0]}
	if err := ioctl(f, pioUnimap, unsafe.Pointer(&m)); err != nil {
		return fmt.Errorf("PIO_UNIMAP: %w", err)
	}
	return nil
}

func ioctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// displaySize in pixels, of the display that the console is on.
func displaySize() (width, height int, ok bool) {
	b, err := os.ReadFile("/sys/class/graphics/fb0/virtual_size")
	if err != nil {
		return 0, 0, false
	}
	w, h, _ := strings.Cut(strings.TrimSpace(string(b)), ",")
	width, err1 := strconv.Atoi(w)
	height, err2 := strconv.Atoi(h)
	return width, height, err1 == nil && err2 == nil
}
