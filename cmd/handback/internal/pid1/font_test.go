package pid1

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// A PSF2 font of two glyphs of 5x3 pixels (psf2.h of kbd, and psf(5)): the header's
// fields in turn, little-endian, then rows of whole bytes, then for each glyph its
// characters in UTF-8, 0xFE before a sequence, 0xFF at the end.
const smallFont = "72b54a86" + "00000000" + "20000000" + "01000000" + "02000000" + "03000000" + "03000000" + "05000000" +
	"88f870" + "2040a8" +
	"41c3a9" + "fe4167" + "ff" + // 'A', 'é', and a sequence that is left out
	"e29688" + "ff" // '█'

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParseFont(t *testing.T) {
	f, err := parseFont(unhex(t, smallFont))
	if err != nil {
		t.Fatal(err)
	}
	if f.width != 5 || f.height != 3 || f.count != 2 || !bytes.Equal(f.glyphs, unhex(t, "88f8702040a8")) {
		t.Errorf("font %+v", f)
	}
	want := []unipair{{0x41, 0}, {0xe9, 0}, {0x2588, 1}}
	if len(f.pairs) != 3 || f.pairs[0] != want[0] || f.pairs[1] != want[1] || f.pairs[2] != want[2] {
		t.Errorf("characters %v, want %v", f.pairs, want)
	}
}

// KD_FONT_OP_SET wants 32 rows a glyph; doubled, every pixel is four.
func TestFontForKernel(t *testing.T) {
	f, err := parseFont(unhex(t, smallFont))
	if err != nil {
		t.Fatal(err)
	}
	blank := make([]byte, 29)
	want := append(append(append(unhex(t, "88f870"), blank...), unhex(t, "2040a8")...), blank...)
	if got := f.kernelData(); !bytes.Equal(got, want) {
		t.Errorf("kernel's form % x", got)
	}
	d := f.doubled()
	// 10001000 becomes 11000000 11000000, and each row stands twice.
	want = unhex(t, "c0c0c0c0"+"ffc0ffc0"+"3f003f00"+"0c000c00"+"30003000"+"ccc0ccc0")
	if d.width != 10 || d.height != 6 || !bytes.Equal(d.glyphs, want) {
		t.Errorf("doubled to %dx%d: % x", d.width, d.height, d.glyphs)
	}
}

func TestParseFontRefuses(t *testing.T) {
	for name, change := range map[string]func(b []byte) []byte{
		"empty":                  func([]byte) []byte { return nil },
		"header only":            func(b []byte) []byte { return b[:32] },
		"another magic number":   func(b []byte) []byte { b[0]++; return b },
		"no glyphs":              func(b []byte) []byte { b[16] = 0; return b },
		"2^32-1 glyphs":          func(b []byte) []byte { copy(b[16:], "\xff\xff\xff\xff"); return b },
		"glyph size of another":  func(b []byte) []byte { b[20] = 4; return b },
		"33 pixels wide":         func(b []byte) []byte { b[28], b[20] = 33, 15; return b },
		"33 pixels high":         func(b []byte) []byte { b[24], b[20] = 33, 33; return b },
		"glyphs behind the end":  func(b []byte) []byte { b[8] = 0xf0; return b },
		"a header of 2^32-1":     func(b []byte) []byte { copy(b[8:], "\xff\xff\xff\xff"); return b },
		"header inside the head": func(b []byte) []byte { b[8] = 4; return b },
	} {
		if f, err := parseFont(change(unhex(t, smallFont))); err == nil {
			t.Errorf("%s: taken for a font of %d glyphs", name, f.count)
		}
	}
}

func FuzzParseFont(f *testing.F) {
	f.Add(unhex(f, smallFont))
	f.Add(unhex(f, smallFont)[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		font, err := parseFont(b)
		if err != nil {
			return
		}
		if n := len(font.kernelData()); n != font.count*32*((font.width+7)/8) {
			t.Errorf("%d bytes for the kernel", n)
		}
		for _, p := range font.pairs {
			if int(p.position) >= font.count {
				t.Errorf("character %04x is glyph %d of %d", p.unicode, p.position, font.count)
			}
		}
		if d := font.doubled(); len(d.glyphs) != font.count*2*font.height*((2*font.width+7)/8) {
			t.Errorf("%d bytes doubled", len(d.glyphs))
		}
	})
}
