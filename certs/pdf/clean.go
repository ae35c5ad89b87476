package pdf

import (
	"fmt"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"
)

// clean makes a text safe to draw: what a font lacks, and what would move or hide
// other text, stands as an escape ('\u{202E}') and is never dropped.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= ' ' && r <= '~' || drawable(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%04X}`, r)
		}
	}
	return b.String()
}

var fonts = sync.OnceValue(func() []*sfnt.Font {
	var out []*sfnt.Font
	for _, ttf := range [][]byte{goregular.TTF, gobold.TTF, gomono.TTF} {
		f, err := sfnt.Parse(ttf)
		if err != nil {
			panic("a font of the program itself does not parse: " + err.Error())
		}
		out = append(out, f)
	}
	return out
})

// drawable reports whether every font has a glyph for a printing rune.
func drawable(r rune) bool {
	if !unicode.IsPrint(r) || r > 0xffff {
		return false
	}
	var buf sfnt.Buffer
	for _, f := range fonts() {
		if g, err := f.GlyphIndex(&buf, r); err != nil || g == 0 {
			return false
		}
	}
	return true
}
