package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/charmbracelet/x/vt"

	"handback.example/image/font"
	"handback.example/image/packages"
	"handback.example/image/vmtest"
)

// display is the laptop's own display, read as a person does: by the shapes of its
// letters in a picture of it.
type display struct {
	l       *laptop
	vm      *vmtest.VM
	letters letters
	shots   string // where pictures are kept
}

// letters of the image's font, by their shapes.
type letters map[[font.Height]byte]rune

// newDisplay of a machine. Its pictures land in the folder that the environment
// variable SCREENS names, if it does.
func (l *laptop) newDisplay(vm *vmtest.VM) *display {
	l.t.Helper()
	d := &display{l: l, vm: vm, letters: readFont(l.t), shots: os.Getenv("SCREENS")}
	if d.shots == "" {
		d.shots = l.t.TempDir()
	}
	if err := os.MkdirAll(d.shots, 0o755); err != nil {
		l.t.Fatal(err)
	}
	return d
}

// readFont as kbd's psf.h has it (PSF2).
func readFont(t *testing.T) letters {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	source := packages.Source{Cache: filepath.Join(cache, "handback", "packages"), Say: func(string) {}}
	deb, err := source.Get(t.Context(), packages.Font)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := source.Unpack(t.Context(), deb, font.TerminusFile)
	if err != nil {
		t.Fatal(err)
	}
	terminus, err := os.ReadFile(filepath.Join(dir, font.TerminusFile))
	if err != nil {
		t.Fatal(err)
	}
	psf, err := font.Build(terminus)
	if err != nil {
		t.Fatal(err)
	}
	header := int(binary.LittleEndian.Uint32(psf[8:]))
	names := psf[header+font.Count*font.Height:]
	runes := letters{}
	for g := range font.Count {
		shape := [font.Height]byte(psf[header+g*font.Height:])
		r, _ := utf8.DecodeRune(names)
		if _, known := runes[shape]; !known && names[0] != 0xff {
			runes[shape] = r
		}
		_, names, _ = bytes.Cut(names, []byte{0xff})
	}
	return runes
}

// shot takes a picture and keeps it under a name.
func (d *display) shot(name string) {
	d.l.t.Helper()
	path := filepath.Join(d.shots, name+".png")
	if err := d.vm.Screendump(d.l.ctx, path); err != nil {
		d.l.t.Fatal(err)
	}
	checkDrawn(d.l.t, path)
}

// text on the display; what is no letter of ours is '\ufffd'.
func (d *display) text() string {
	d.l.t.Helper()
	path := filepath.Join(d.l.dir, "now.png")
	if err := d.vm.Screendump(d.l.ctx, path); err != nil {
		d.l.t.Fatal(err)
	}
	return d.letters.read(d.l.t, path)
}

// read the text of a picture. Letters have twice the font's size where there is
// room for 80x24 of these.
func (ls letters) read(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		t.Fatal(err)
	}
	width, height, scale := img.Bounds().Dx(), img.Bounds().Dy(), 1
	if width >= 80*2*font.Width && height >= 24*2*font.Height {
		scale = 2
	}
	w, h := scale*font.Width, scale*font.Height
	var b strings.Builder
	for y := 0; y+h <= height; y += h {
		line := ""
		for x := 0; x+w <= width; x += w {
			line += string(ls.at(img, x, y, scale))
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// at a place of a picture stands a letter, light on dark or dark on light.
func (ls letters) at(img image.Image, x, y, scale int) rune {
	var shape, inverse [font.Height]byte
	for row := range font.Height {
		for column := range font.Width {
			r, g, b, _ := img.At(x+scale*column, y+scale*row).RGBA()
			if max(r, g, b) > 0x3000 {
				shape[row] |= 0x80 >> column
			}
		}
		inverse[row] = ^shape[row]
	}
	if r, ok := ls[shape]; ok {
		return r
	}
	if r, ok := ls[inverse]; ok {
		return r
	}
	return utf8.RuneError
}

// sees waits until all words are on the display.
func (d *display) sees(words ...string) {
	d.l.t.Helper()
	d.l.awaitWords("display", d.text, words)
}

// line is a terminal at the other end of the laptop's serial line (ttyS1).
type line struct {
	l  *laptop
	vm *vmtest.VM

	mu     sync.Mutex
	on     bool // the appliance has the line: before, it is the firmware's
	screen *vt.Emulator
}

// newLine before the machine starts: its Config's Screen and OnEvent.
func (l *laptop) newLine() *line {
	s := &line{l: l, screen: vt.NewEmulator(80, 24)}
	l.t.Cleanup(func() {
		if pipe, ok := s.screen.InputPipe().(io.Closer); ok {
			_ = pipe.Close() // ends the answers
		}
	})
	return s
}

// Write shows what the appliance writes.
func (s *line) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.on {
		return len(p), nil
	}
	return s.screen.Write(p)
}

// heard tells of an event.
func (s *line) heard(e vmtest.Event) {
	if e.Name == "pid1" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.on = true
	}
}

// connect sends what the terminal answers to the machine.
func (s *line) connect(vm *vmtest.VM) {
	s.vm = vm
	go func() { _, _ = io.Copy(vm, s.screen) }() // ends with either of them
}

func (s *line) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.screen.String()
}

func (s *line) sees(words ...string) {
	s.l.t.Helper()
	s.l.awaitWords("serial line", s.text, words)
}

func (s *line) types(text string) {
	s.l.t.Helper()
	if _, err := io.WriteString(s.vm, text); err != nil {
		s.l.t.Fatal(err)
	}
}

// awaitWords waits until all words are in a text.
func (l *laptop) awaitWords(where string, text func() string, words []string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.ctx, 2*time.Minute)
	defer cancel()
	for {
		got, missing := text(), ""
		for _, w := range words {
			if !strings.Contains(got, w) {
				missing = w
				break
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-ctx.Done():
			l.t.Fatalf("%q does not come up on the %s:\n%s", missing, where, got)
		case <-time.After(500 * time.Millisecond):
		}
	}
}
