package html

import (
	"html"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/bidi"
)

// Of what is shown as itself every sign is visible, stands by itself and runs from
// left to right, by Unicode's own tables.
func TestScripts(t *testing.T) {
	n, last := 0, rune(0)
	for _, s := range scripts {
		if s[0] <= last || s[1] < s[0] {
			t.Errorf("U+%04X to U+%04X is out of order", s[0], s[1])
		}
		last = s[1]
		for r := s[0]; r <= s[1]; r++ {
			n++
			p, _ := bidi.LookupRune(r)
			if !shown(r) || !unicode.IsPrint(r) || unicode.IsMark(r) || p.Class() == bidi.R || p.Class() == bidi.AL {
				t.Errorf("U+%04X is no sign to be shown as it is", r)
			}
		}
	}
	for _, r := range "\u00ad\u0301\u05d0\u0627\u200b\u202e\u2066\ufeff\U0001f600\x00\x7f\u0085" {
		if shown(r) {
			t.Errorf("U+%04X is shown as it is", r)
		}
	}
	if n < 1500 {
		t.Errorf("only %d signs are shown", n)
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"plain", `<a href="x" b='y'>&amp;</a>`, "Tŷ \u202e\u0000\xff", "a\nb"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := escape(s)
		if strings.ContainsAny(got, "<>\"'\n") {
			t.Errorf("%q: markup comes through: %q", s, got)
		}
		back := html.UnescapeString(got)
		for _, r := range s {
			if r > ' ' && shown(r) && !strings.ContainsRune(back, r) {
				t.Errorf("%q: %q is lost in %q", s, r, got)
			}
		}
		for _, r := range got {
			if !shown(r) {
				t.Errorf("%q: U+%04X comes through", s, r)
			}
		}
	})
}
