package pdf

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"strings"
	"testing"
	"unicode/utf8"

	"handback.example/certs"
)

// Full Latin, in all three fonts: Latin-1, Latin Extended-A, and what Welsh, Romanian
// and Vietnamese ask for.
func TestLetters(t *testing.T) {
	for r := rune(0x20); r < 0x180; r++ {
		want := r <= '~' || r >= 0xa1 && r != 0xad // controls, no-break space and soft hyphen are escapes
		if got := clean(string(r)) == string(r); got != want {
			t.Errorf("%U %q: drawn as itself is %v", r, r, got)
		}
	}
	for s, want := range map[string]string{
		"Ŵ ŵ Ŷ ŷ Ẁ ẁ Ẃ ẃ Ẅ ẅ Ỳ ỳ Ș ț Nguyễn – ‘’ “” € …": "Ŵ ŵ Ŷ ŷ Ẁ ẁ Ẃ ẃ Ẅ ẅ Ỳ ỳ Ș ț Nguyễn – ‘’ “” € …",
		"Ty\u0302 W\u0302yn":        "Tŷ Ŵyn", // typed with the accent apart
		"q\u0302":                   `q\u{0302}`,
		"\ufeff\u200f\u2066a\u2069": `\u{FEFF}\u{200F}\u{2066}a\u{2069}`,
		"\xff\xed\xa0\x80":          `\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}`, // no UTF-8, and a surrogate
		"\U0001f600 \u4e2d \u03a9":  `\u{1F600} \u{4E2D} \u{03A9}`,
	} {
		if got := clean(s); got != want {
			t.Errorf("%+q is drawn as %q, want %q", s, got, want)
		}
	}
}

// Whatever a text is, its lines fit, and nothing of it is lost.
func FuzzWrap(f *testing.F) {
	f.Add("a row of words and averyveryverylongwordwithoutaplacetobreak", 4000)
	f.Add("Tŷ\nŴyn \u202e", 900)
	f.Fuzz(func(t *testing.T, s string, room int) {
		w := pt(room%50000 + 500)
		lines := wrap(body, w, s)
		for _, l := range lines {
			if width(body, l) > w && utf8.RuneCountInString(l) > 1 {
				t.Errorf("%q is wider than %v", l, w)
			}
		}
		var want strings.Builder
		for _, p := range strings.Split(s, "\n") {
			want.WriteString(clean(p))
		}
		tight := func(s string) string { return strings.ReplaceAll(s, " ", "") }
		if got := tight(strings.Join(lines, "")); got != tight(want.String()) {
			t.Errorf("%q became %q", tight(want.String()), got)
		}
	})
}

// No picture makes the reader fail, or gives other pixels than it says.
func FuzzLogo(f *testing.F) {
	for _, m := range []image.Image{image.NewGray(image.Rect(0, 0, 3, 2)), image.NewNRGBA64(image.Rect(0, 0, 600, 2)), image.NewPaletted(image.Rect(0, 0, 9, 200), color.Palette{color.Transparent, color.Black})} {
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			f.Fatal(err)
		}
		if readLogo(b.Bytes()) == nil {
			f.Fatal("a seed can't be drawn")
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if certs.CheckLogo(b) != nil {
			return
		}
		l := readLogo(b)
		if l == nil {
			return
		}
		if len(l.pixels) != 3*l.w*l.h {
			t.Errorf("%d by %d pixels take %d bytes", l.w, l.h, len(l.pixels))
		}
		if w, h := l.fit(15000, 4200); w > 15000 || h > 4200 {
			t.Errorf("%d by %d pixels are drawn %v by %v", l.w, l.h, w, h)
		}
	})
}
