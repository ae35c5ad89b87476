package html

import (
	"fmt"
	"slices"
	"strings"
)

// escape makes text safe to stand anywhere in a page, in an attribute too. What is
// not shown as itself stands as '\u{202E}' and is never dropped.
func escape(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '&':
			b.WriteString("&amp;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '"':
			b.WriteString("&#34;")
		case r == '\'':
			b.WriteString("&#39;")
		case r == '\n':
			b.WriteByte(' ')
		case shown(r):
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, `\u{%04X}`, r)
		}
	}
	return b.String()
}

// scripts that are shown as they are: written from left to right, nothing invisible,
// nothing that joins on to the letter before. The list is closed, so that a later
// Unicode gives the same bytes.
var scripts = [][2]rune{
	{0x20, 0x7e},
	{0xa1, 0xac}, {0xae, 0x24f}, // Latin-1 but the soft hyphen, Latin Extended-A and -B
	{0x386, 0x386}, {0x388, 0x38a}, {0x38c, 0x38c}, {0x38e, 0x3a1}, {0x3a3, 0x3ce}, // Greek
	{0x400, 0x482}, {0x48a, 0x52f}, // Cyrillic but its combining signs
	{0x1e00, 0x1eff},                   // Latin Extended Additional
	{0x2010, 0x2027}, {0x2030, 0x205e}, // punctuation
	{0x2070, 0x2071}, {0x2074, 0x208e}, // raised and lowered digits
	{0x20a0, 0x20bf},                   // currencies
	{0x2100, 0x218b}, {0x2190, 0x22ff}, // letter-like signs, arrows, mathematics
}

func shown(r rune) bool {
	if r >= 0x20 && r <= 0x7e {
		return true
	}
	i, found := slices.BinarySearchFunc(scripts, r, func(s [2]rune, r rune) int { return int(s[0] - r) })
	return found || i > 0 && r <= scripts[i-1][1]
}
