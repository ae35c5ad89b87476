package pid1

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"
)

// psf is a console font in PC Screen Font format 2.
type psf struct {
	width, height, count int
	glyphs               []byte // count glyphs, rows of whole bytes
	pairs                []unipair
}

// The kernel takes at most 512 glyphs of 32x32 pixels.
const (
	glyphsMax  = 512
	psfMagic   = "\x72\xb5\x4a\x86"
	psfHeader  = 32
	psfUnicode = 1 // flags: a table of characters follows the glyphs
	psfEnd     = 0xff
	psfSeq     = 0xfe
)

var errFont = errors.New("not a PSF2 font of at most 512 glyphs of 32x32 pixels")

// parseFont reads a PSF2 font. Sequences of characters (0xFE) are left out: the
// console has no combining.
func parseFont(b []byte) (*psf, error) {
	if len(b) < psfHeader || string(b[:4]) != psfMagic {
		return nil, errFont
	}
	u := func(i int) int { return int(binary.LittleEndian.Uint32(b[4*i:])) }
	header, flags, count, size, height, width := u(2), u(3), u(4), u(5), u(6), u(7)
	if width < 1 || width > 32 || height < 1 || height > glyphRows || count < 1 || count > glyphsMax ||
		size != height*((width+7)/8) || header < psfHeader || header > len(b) || len(b)-header < count*size {
		return nil, errFont
	}
	f := &psf{width: width, height: height, count: count, glyphs: b[header : header+count*size]}
	if flags&psfUnicode != 0 {
		f.pairs = parsePairs(b[header+count*size:], count)
	}
	return f, nil
}

func parsePairs(b []byte, count int) []unipair {
	var pairs []unipair
	for glyph, seq := 0, false; glyph < count && len(b) > 0; {
		switch b[0] {
		case psfEnd:
			glyph, seq, b = glyph+1, false, b[1:]
			continue
		case psfSeq:
			seq, b = true, b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		if !seq && r != utf8.RuneError && r <= 0xffff {
			pairs = append(pairs, unipair{uint16(r), uint16(glyph)})
		}
		b = b[n:]
	}
	return pairs
}

func (f *psf) stride() int { return (f.width + 7) / 8 }

// kernelData gives every glyph the 32 rows that KD_FONT_OP_SET wants.
func (f *psf) kernelData() []byte {
	size := f.height * f.stride()
	out := make([]byte, f.count*glyphRows*f.stride())
	for g := range f.count {
		copy(out[g*glyphRows*f.stride():], f.glyphs[g*size:][:size])
	}
	return out
}

// doubled in both directions.
func (f *psf) doubled() *psf {
	d := &psf{width: 2 * f.width, height: 2 * f.height, count: f.count, pairs: f.pairs}
	d.glyphs = make([]byte, d.count*d.height*d.stride())
	for row := range f.count * f.height {
		for x := range f.width {
			if f.glyphs[row*f.stride()+x/8]&(0x80>>(x%8)) == 0 {
				continue
			}
			for _, at := range []int{2 * row * d.stride(), (2*row + 1) * d.stride()} {
				d.glyphs[at+2*x/8] |= 0x80 >> (2 * x % 8)
				d.glyphs[at+(2*x+1)/8] |= 0x80 >> ((2*x + 1) % 8)
			}
		}
	}
	return d
}
