package font

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// parseDrawn reads glyphs: a line 'U+2713 ✓', then 16 rows of '#' and '.'.
func parseDrawn(text string) (map[rune]glyph, error) {
	glyphs := map[rune]glyph{}
	var lines []string
	for l := range strings.Lines(text) {
		if l = strings.TrimSpace(l); l != "" && (l[0] != '#' || strings.Trim(l, "#.") == "") {
			lines = append(lines, l)
		}
	}
	for len(lines) > 0 {
		if len(lines) <= Height {
			return nil, fmt.Errorf("drawn glyphs: %q has no %d rows", lines[0], Height)
		}
		r, err := drawnRune(lines[0])
		if err != nil {
			return nil, err
		}
		var g glyph
		for y, row := range lines[1 : 1+Height] {
			if len(row) != Width || strings.Trim(row, "#.") != "" {
				return nil, fmt.Errorf("drawn glyphs: %q: row %q is not %d of '#' and '.'", r, row, Width)
			}
			for x := range Width {
				if row[x] == '#' {
					g[y] |= 0x80 >> x
				}
			}
		}
		if _, twice := glyphs[r]; twice {
			return nil, fmt.Errorf("drawn glyphs: %q is there twice", r)
		}
		glyphs[r], lines = g, lines[1+Height:]
	}
	return glyphs, nil
}

func drawnRune(line string) (rune, error) {
	code, char, _ := strings.Cut(line, " ")
	r, n := utf8.DecodeRuneInString(char)
	if n == 0 || n != len(char) || code != fmt.Sprintf("U+%04X", r) {
		return 0, fmt.Errorf("drawn glyphs: %q is not 'U+CODE CHARACTER'", line)
	}
	return r, nil
}

// blocks adds U+2580 to U+2595, the block elements, as the Unicode charts draw
// them: parts of the cell in eighths, and three shades.
func blocks(glyphs map[rune]glyph) {
	fill := func(r rune, in func(x, y int) bool) {
		var g glyph
		for y := range Height {
			for x := range Width {
				if in(x, y) {
					g[y] |= 0x80 >> x
				}
			}
		}
		glyphs[r] = g
	}
	fill('▀', func(_, y int) bool { return y < Height/2 })
	for n := range 8 { // ▁ to █, from below
		fill('▁'+rune(n), func(_, y int) bool { return y >= Height-(n+1)*Height/8 })
	}
	for n := range 7 { // ▉ to ▏, from the left
		fill('▉'+rune(n), func(x, _ int) bool { return x < 7-n })
	}
	fill('▐', func(x, _ int) bool { return x >= Width/2 })
	fill('░', func(x, y int) bool { return x%4 == 2*(y%2) })
	fill('▒', func(x, y int) bool { return x%2 == y%2 })
	fill('▓', func(x, y int) bool { return x%4 != 2*(y%2) })
	fill('▔', func(_, y int) bool { return y < Height/8 })
	fill('▕', func(x, _ int) bool { return x == Width-1 })
}
