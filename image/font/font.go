// Package font makes the console's font: the letters of Terminus (SIL Open Font
// Licence 1.1, from Debian's package console-setup-linux), blocks made by rule, and
// marks drawn here. The result has no name, as the licence asks.
//
// It holds 256 glyphs of 8x16: with 512 the Linux console has only 8 background
// colours left, and it takes no other number (drivers/video/fbdev/core/fbcon.c:
// fbcon_set_font).
//
// Formats: PC Screen Font 1 and 2, as kbd's psf.h has them.
package font

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Size of every glyph, in pixels, and how many there are.
const (
	Width  = 8
	Height = 16
	Count  = 256
)

// TerminusFile in the package console-setup-linux.
const TerminusFile = "usr/share/consolefonts/Lat15-Terminus16.psf.gz"

// fromTerminus beside ASCII and Latin-1: punctuation, lines and arrows. A character
// that the font lacks shows as a reversed question mark, which the kernel makes of
// the font's own.
const fromTerminus = "…•–—‘’“”─│┌┐└┘├┤┬┴┼━┃┏┓┗┛═║╔╗╚╝←→↑↓"

// glyph is one character cell: a byte a row, the left pixel its highest bit.
type glyph [Height]byte

//go:embed drawn.txt
var drawnText string

// Build makes the font, in PSF2 with its table of characters.
func Build(terminusGz []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(terminusGz))
	if err != nil {
		return nil, fmt.Errorf("the console's font: %w", err)
	}
	psf, err := io.ReadAll(io.LimitReader(z, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("the console's font: %w", err)
	}
	letters, err := parsePSF1(psf)
	if err != nil {
		return nil, err
	}
	glyphs, err := parseDrawn(drawnText)
	if err != nil {
		return nil, err
	}
	blocks(glyphs)
	for _, r := range wanted() {
		if _, ok := glyphs[r]; ok {
			continue
		}
		g, ok := letters[r]
		if !ok {
			return nil, fmt.Errorf("the console's font: Terminus lacks %q", r)
		}
		glyphs[r] = g
	}
	return marshal(glyphs)
}

// wanted are the characters that come from Terminus.
func wanted() []rune {
	var list []rune
	for r := rune(0x20); r <= 0xff; r++ {
		if r < 0x7f || r > 0xa0 && r != 0xad { // no controls, no soft hyphen
			list = append(list, r)
		}
	}
	return append(list, []rune(fromTerminus)...)
}

// marshal writes PSF2. ASCII stands at its own numbers, so that glyph 0x20 is the
// blank one, with which the console clears.
func marshal(glyphs map[rune]glyph) ([]byte, error) {
	if len(glyphs) > Count || glyphs[' '] != (glyph{}) {
		return nil, fmt.Errorf("the console's font has %d glyphs: at most %d, and a blank for the space, are wanted", len(glyphs), Count)
	}
	var at [Count]rune
	var rest []rune
	for r := range glyphs {
		if r < 0x7f {
			at[r] = r
		} else {
			rest = append(rest, r)
		}
	}
	slices.Sort(rest)
	for i := range at {
		if at[i] == 0 && len(rest) > 0 {
			at[i], rest = rest[0], rest[1:]
		}
	}
	var b bytes.Buffer
	// magic, version, header size, flags (1: characters follow), glyphs, bytes a
	// glyph, height, width: psf.h.
	b.WriteString("\x72\xb5\x4a\x86")
	for _, n := range []uint32{0, 32, 1, Count, Height, Height, Width} {
		b.Write(binary.LittleEndian.AppendUint32(nil, n))
	}
	for _, r := range at {
		g := glyphs[r] // blank where r is 0
		b.Write(g[:])
	}
	for _, r := range at {
		if r != 0 {
			b.WriteRune(r)
		}
		if r == ' ' {
			b.WriteRune(0xa0) // the space that does not break
		}
		b.WriteByte(0xff)
	}
	return b.Bytes(), nil
}

var errPSF1 = errors.New("the console's font: not a PSF1 font of 16 rows")

// parsePSF1: magic 36 04, mode (1: 512 glyphs, 2: characters follow), bytes a
// glyph; then for each glyph 16-bit characters up to FFFF, FFFE before sequences.
func parsePSF1(b []byte) (map[rune]glyph, error) {
	if len(b) < 4 || b[0] != 0x36 || b[1] != 0x04 || b[2]&2 == 0 || b[3] != Height {
		return nil, errPSF1
	}
	count := 256
	if b[2]&1 != 0 {
		count = 512
	}
	if len(b) < 4+count*Height {
		return nil, errPSF1
	}
	images, table := b[4:4+count*Height], b[4+count*Height:]
	glyphs := map[rune]glyph{}
	for n, sequence := 0, false; n < count && len(table) >= 2; table = table[2:] {
		switch c := binary.LittleEndian.Uint16(table); {
		case c == 0xffff:
			n, sequence = n+1, false
		case c == 0xfffe:
			sequence = true
		case !sequence:
			if _, twice := glyphs[rune(c)]; !twice {
				glyphs[rune(c)] = glyph(images[n*Height:])
			}
		}
	}
	return glyphs, nil
}
