package tui

// span is text in one style.
type span struct {
	text  string
	style style
}

// row is one line of a screen.
type row struct {
	spans []span
	width int
	// gap: an empty line that may go where room is short.
	gap bool
	// focus: the line that must be seen.
	focus bool
	// cursor is the column of the cursor plus one, 0: not in this row.
	cursor int
}

func newRow(column int) *row { return new(row).to(column) }

// add text at the end.
func (r *row) add(st style, text string) *row {
	if text != "" {
		r.spans = append(r.spans, span{text, st})
		r.width += width(text)
	}
	return r
}

// to goes on at a column, if the row is not there yet.
func (r *row) to(column int) *row {
	if n := column - r.width; n > 0 {
		r.add(plain, blanks(n))
	}
	return r
}

// fit adds text of exactly n columns.
func (r *row) fit(st style, text string, n int) *row {
	end := r.width + max(n, 0)
	return r.add(st, cut(text, n)).to(end)
}

func blanks(n int) string { return repeat(' ', n) }

func repeat(c rune, n int) string {
	s := make([]rune, max(n, 0))
	for i := range s {
		s[i] = c
	}
	return string(s)
}

// paragraph wraps text between two columns.
func paragraph(st style, text string, from, to int) []row {
	var rows []row
	for _, l := range wrap(text, to-from) {
		rows = append(rows, *newRow(from).add(st, l))
	}
	return rows
}

func gap() row { return row{gap: true} }

// shift moves rows to the right.
func shift(rows []row, n int) []row {
	out := make([]row, len(rows))
	for i, r := range rows {
		out[i] = r
		out[i].spans = append([]span{{blanks(n), plain}}, r.spans...)
		if r.cursor > 0 {
			out[i].cursor += n
		}
	}
	return out
}

// body is what a page draws between rail and foot: top and bottom are always
// seen, the middle scrolls where it is too long.
type body struct {
	top, middle, bottom []row
}

// layout gives exactly h rows of a body, and how far the middle can scroll. Gaps
// go first; then the middle is cut to a window that says how much is hidden.
func (b body) layout(h, scroll int) (rows []row, most int) {
	top, middle, bottom := b.top, b.middle, b.bottom
	for _, part := range []*[]row{&middle, &bottom, &top} {
		if over := len(top) + len(middle) + len(bottom) - h; over > 0 {
			*part = dropGaps(*part, over)
		}
	}
	room := h - len(top) - len(bottom)
	if len(middle) > 0 && room < 3 {
		// A page that speaks too much at its ends: what is at the bottom asks for
		// something and stays, what is on top gives way.
		top = top[:max(0, len(top)-(3-room))]
		room = h - len(top) - len(bottom)
	}
	middle, most = window(middle, room, scroll)
	rows = append(rows, top...)
	rows = append(rows, middle...)
	for len(rows)+len(bottom) < h {
		rows = append(rows, row{})
	}
	rows = append(rows, bottom...)
	if len(rows) > h {
		rows = rows[len(rows)-h:]
	}
	return rows, most
}

func dropGaps(rows []row, n int) []row {
	var out []row
	for i := len(rows) - 1; i >= 0; i-- {
		if rows[i].gap && n > 0 {
			n--
			continue
		}
		out = append(out, rows[i])
	}
	for i, j := 0, len(out)-1; i < j; i, j = i+1, j-1 {
		out[i], out[j] = out[j], out[i]
	}
	return out
}

// window cuts rows to h of them. The first and the last line tell how many are
// hidden. A focused row is always inside.
func window(rows []row, h, scroll int) (seen []row, most int) {
	if len(rows) <= h {
		return rows, 0
	}
	if h < 3 { // no room to scroll in: something stays hidden
		return rows[:max(h, 0)], len(rows)
	}
	inner := h - 2
	most = len(rows) - inner
	scroll = min(max(scroll, 0), most)
	for i, r := range rows {
		if r.focus {
			scroll = min(max(scroll, i-inner+1), i)
		}
	}
	seen = append(seen, more(scroll, "above"))
	seen = append(seen, rows[scroll:scroll+inner]...)
	return append(seen, more(most-scroll, "below")), most
}

func more(n int, where string) row {
	if n == 0 {
		return row{}
	}
	lines := " lines "
	if n == 1 {
		lines = " line "
	}
	return *newRow(5).add(dim, "… "+itoa(n)+" more"+lines+where+map[string]string{"above": " (Up)", "below": " (Down)"}[where])
}
