package tui

import "strings"

// fill is the shape that a giant word is drawn in: each can be told from the
// others without colour and from across a room.
type fill int

const (
	hollow  fill = iota // outlines: the zero value is no success
	solid               // PASS and nothing else
	hatched             // HOLD
	dotted              // NO DRIVE
)

// letters of five by seven dots (I: three). No two dots of a letter touch by
// their corners only: an outline could not go between them.
var letters = map[rune][7]string{
	'A': {"#####", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"},
	'D': {"####.", "#..##", "#...#", "#...#", "#...#", "#..##", "####."},
	'E': {"#####", "#....", "#....", "####.", "#....", "#....", "#####"},
	'F': {"#####", "#....", "#....", "####.", "#....", "#....", "#...."},
	'H': {"#...#", "#...#", "#...#", "#####", "#...#", "#...#", "#...#"},
	'I': {"###", ".#.", ".#.", ".#.", ".#.", ".#.", "###"},
	'K': {"#..##", "#.##.", "###..", "##...", "###..", "#.##.", "#..##"},
	'L': {"#....", "#....", "#....", "#....", "#....", "#....", "#####"},
	'N': {"#...#", "##..#", "###.#", "#.#.#", "#.###", "#..##", "#...#"},
	'O': {"#####", "#...#", "#...#", "#...#", "#...#", "#...#", "#####"},
	'P': {"#####", "#...#", "#...#", "#####", "#....", "#....", "#...."},
	'R': {"#####", "#...#", "#...#", "#####", "###..", "#.##.", "#..##"},
	'S': {"#####", "#....", "#....", "#####", "....#", "....#", "#####"},
	'T': {"#####", "..#..", "..#..", "..#..", "..#..", "..#..", "..#.."},
	'U': {"#...#", "#...#", "#...#", "#...#", "#...#", "#...#", "#####"},
	'V': {"#...#", "#...#", "#...#", "#...#", "##.##", ".###.", "..#.."},
	'W': {"#...#", "#...#", "#...#", "#.#.#", "#.#.#", "#.#.#", "#####"},
	' ': {"...", "...", "...", "...", "...", "...", "..."},
}

// bitmap of a word, its letters apart by so many dots; nil for one with a letter
// that is not drawn.
func bitmap(word string, apart int) []string {
	lines := make([]string, 7)
	for n, r := range []rune(word) {
		l, ok := letters[r]
		if !ok {
			return nil
		}
		for i := range lines {
			if n > 0 {
				lines[i] += repeat('.', apart)
			}
			lines[i] += l[i]
		}
	}
	return lines
}

// bigWord draws a word as large as fits w by h, in a box of one line of letters
// where there is no room or no letter for it.
func bigWord(word string, f fill, w, h int) []row {
	dots := bitmap(word, 1)
	if len(dots) == 0 || len(dots[0]) == 0 {
		return boxWord(word, f, w)
	}
	extra := boolInt(f == hollow) // outlines run round the dots
	sy := min((h-extra)/7, 3)
	sx := min((w-extra)/len(dots[0]), 3*sy)
	if sx == 1 && f == hollow {
		dots = bitmap(word, 2) // thin outlines need more room between them
	}
	if sx < 1 || sy < 1 || sx*len(dots[0])+extra > w {
		return boxWord(word, f, w)
	}
	if f == hollow {
		return outline(dots, sx, sy)
	}
	grid := scale(dots, sx, sy)
	rows := make([]row, len(grid))
	for y, line := range grid {
		rows[y] = *newRow(0).add(fillStyle(f), fillLine(line, f))
	}
	return rows
}

func fillStyle(f fill) style {
	return [...]style{hollow: bad, solid: good, hatched: warn, dotted: info}[f]
}

func scale(dots []string, sx, sy int) []string {
	var out []string
	for _, l := range dots {
		var b strings.Builder
		for _, c := range l {
			b.WriteString(repeat(c, sx))
		}
		for range sy {
			out = append(out, b.String())
		}
	}
	return out
}

func fillLine(line string, f fill) string {
	var b strings.Builder
	for _, c := range line {
		switch {
		case c != '#':
			b.WriteByte(' ')
		case f == solid:
			b.WriteRune('█')
		case f == hatched:
			b.WriteByte('/')
		default:
			b.WriteRune('○')
		}
	}
	return b.String()
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// outline traces the border between dots and nothing with lines.
func outline(dots []string, sx, sy int) []row {
	h, w := len(dots), len(dots[0])
	on := func(y, x int) bool { return y >= 0 && y < h && x >= 0 && x < w && dots[y][x] == '#' }
	rows := make([]row, 0, h*sy+1)
	for y := 0; y <= h*sy; y++ {
		var line []rune
		for x := 0; x <= w*sx; x++ {
			line = append(line, edge(on, x, y, sx, sy))
		}
		rows = append(rows, *newRow(0).add(bad, string(line)))
	}
	return rows
}

// edge is the piece of outline at one point of the finer grid.
func edge(on func(y, x int) bool, x, y, sx, sy int) rune {
	dx, dy := x/sx, y/sy
	onX, onY := x%sx == 0, y%sy == 0
	switch {
	case onX && onY:
		n := 0
		ul, ur, dl, dr := on(dy-1, dx-1), on(dy-1, dx), on(dy, dx-1), on(dy, dx)
		n += 1 * boolInt(ul != ur)
		n += 2 * boolInt(ur != dr)
		n += 4 * boolInt(dl != dr)
		n += 8 * boolInt(ul != dl)
		return lineChar[n]
	case onX && on(dy, dx-1) != on(dy, dx):
		return '│'
	case onY && on(dy-1, dx) != on(dy, dx):
		return '─'
	}
	return ' '
}

// lineChar by the lines that meet: 1 up, 2 right, 4 down, 8 left.
var lineChar = [16]rune{
	0: ' ', 1: '│', 2: '─', 3: '└', 4: '│', 5: '│', 6: '┌', 7: '├',
	8: '─', 9: '┘', 10: '─', 11: '┴', 12: '┐', 13: '┤', 14: '┬', 15: '┼',
}

// boxWord is the small form: full blocks round a pass, lines round anything else.
func boxWord(word string, f fill, w int) []row {
	word = cut(word, max(1, w-6))
	n := width(word) + 4
	st := fillStyle(f)
	switch f {
	case solid:
		edge := repeat('█', n+2)
		return []row{*newRow(0).add(st, edge), *newRow(0).add(st, "██ "+word+" ██"), *newRow(0).add(st, edge)}
	case hatched:
		edge := repeat('/', n+2)
		return []row{*newRow(0).add(st, edge), *newRow(0).add(st, "// "+word+" //"), *newRow(0).add(st, edge)}
	case dotted:
		edge := repeat('○', n+2)
		return []row{*newRow(0).add(st, edge), *newRow(0).add(st, "○○ "+word+" ○○"), *newRow(0).add(st, edge)}
	}
	return boxed([]row{*newRow(2).add(st, word)}, n, st)
}
