package pdf

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// clean makes a text safe to draw: what a font lacks, and what would move or hide
// other text, stands as an escape ('\u{202E}') and is never dropped. A letter that was
// typed with its accent apart is drawn as the one letter that it is (Unicode's form
// NFC); an accent that no letter of the fonts carries is an escape, too.
func clean(s string) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(s) {
		if r >= ' ' && r <= '~' || drawable(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%04X}`, r)
		}
	}
	return b.String()
}

// drawable reports whether every face has a glyph for a printing rune.
func drawable(r rune) bool {
	if !unicode.IsPrint(r) {
		return false
	}
	for _, f := range faces {
		if f.width(r) == 0 {
			return false
		}
	}
	return true
}
