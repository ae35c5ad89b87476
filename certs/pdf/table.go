package pdf

import (
	"strings"

	"handback.example/certs/paper"
)

const (
	cellGap  pt = 700 // between columns
	rowPad   pt = 260 // above and below a row's text
	densePad pt = 110
	markSize pt = 800  // of the symbol before a row
	markRoom pt = 1250 // of the symbol and the space after it
)

// drawTable with a head that is repeated on every page. A row is split over pages only
// where it is higher than one.
func drawTable(c *canvas, t paper.Table) {
	cols := columns(t)
	drawHead(c, t, cols)
	for i, row := range t.Rows {
		cells := wrapRow(t, cols, row)
		if c.y+rowHeight(t, cells) > bottom {
			c.newPage()
			drawHead(c, t, cols)
		}
		drawRow(c, t, cols, i, cells)
	}
}

func pad(t paper.Table) pt {
	if t.Dense {
		return densePad
	}
	return rowPad
}

// span of one column.
type span struct{ x, w pt }

func columns(t paper.Table) []span {
	x, w := left, inner
	if len(t.Marks) > 0 {
		x, w = x+markRoom, w-markRoom
	}
	total := 0
	for i := range t.Head {
		total += share(t, i)
	}
	var out []span
	for i := range t.Head {
		n := w * pt(share(t, i)) / pt(total)
		out = append(out, span{x, n - cellGap})
		x += n
	}
	return out
}

func share(t paper.Table, i int) int {
	if i < len(t.Shares) {
		return t.Shares[i]
	}
	return 1
}

// cell is a wrapped text, with the style of each of its lines.
type cell struct {
	lines []string
	style []style
	blank bool
}

func (e cell) height() pt {
	h := pt(0)
	for _, st := range e.style {
		h += st.lead()
	}
	if e.blank {
		h = max(h, blankRoom)
	}
	return h
}

func wrapRow(t paper.Table, cols []span, row []string) []cell {
	out := make([]cell, len(cols))
	for i := range cols {
		if i >= len(row) {
			break
		}
		form := paper.Plain
		if i < len(t.Forms) {
			form = t.Forms[i]
		}
		for k, part := range strings.Split(row[i], "\n") {
			st := cellStyle(t, form, i, k)
			for _, l := range wrap(st, cols[i].w, part) {
				out[i].lines, out[i].style = append(out[i].lines, l), append(out[i].style, st)
			}
		}
		out[i].blank = form == paper.Blank
	}
	return out
}

// cellStyle sets bold the row's own name, and the word that its mark stands for.
func cellStyle(t paper.Table, form paper.Form, column, line int) style {
	switch {
	case form != paper.Plain:
		return formStyle(form)
	case column == 0 && line == 0, column == 1 && len(t.Marks) > 0:
		return smallB
	}
	return small
}

func rowHeight(t paper.Table, cells []cell) pt {
	h := pt(0)
	for _, e := range cells {
		h = max(h, e.height())
	}
	return h + 2*pad(t)
}

func tableHead(c *canvas, t paper.Table) pt {
	return rowHeight(t, wrapHead(t, columns(t)))
}

func firstRow(c *canvas, t paper.Table) pt {
	if len(t.Rows) == 0 {
		return 0
	}
	return min(rowHeight(t, wrapRow(t, columns(t), t.Rows[0])), 20000)
}

func wrapHead(t paper.Table, cols []span) []cell {
	out := make([]cell, len(cols))
	for i, s := range cols {
		out[i].lines = wrap(smallB, s.w, t.Head[i])
		for range out[i].lines {
			out[i].style = append(out[i].style, smallB)
		}
	}
	return out
}

func drawHead(c *canvas, t paper.Table, cols []span) {
	cells := wrapHead(t, cols)
	h := rowHeight(t, cells)
	c.room(h)
	c.fill(left, c.y, inner, h, pale)
	drawCells(c, cols, cells, c.y+pad(t))
	c.y += h
}

func drawRow(c *canvas, t paper.Table, cols []span, i int, cells []cell) {
	for {
		fit, rest := cut(cells, bottom-c.y-2*pad(t))
		h := rowHeight(t, fit)
		if i < len(t.Marks) {
			if t.Marks[i].Bad() && t.Marks[i] != paper.Empty {
				c.fill(left-350, c.y, 250, h, black)
			}
			symbol(c, t.Marks[i], left+100, c.y+pad(t)+100, markSize, false)
		}
		drawCells(c, cols, fit, c.y+pad(t))
		c.y += h
		c.line(left, c.y, right, c.y, 30, rule)
		if rest == nil {
			return
		}
		cells = rest
		c.newPage()
		drawHead(c, t, cols)
	}
}

// cut a row after what fits into a height: at least one line of each cell. rest is nil
// where all of it fits.
func cut(cells []cell, h pt) (fit, rest []cell) {
	fit = make([]cell, len(cells))
	more := make([]cell, len(cells))
	over := false
	for i, e := range cells {
		n, sum := 0, pt(0)
		for n < len(e.lines) && (n == 0 || sum+e.style[n].lead() <= h) {
			sum += e.style[n].lead()
			n++
		}
		fit[i] = cell{e.lines[:n], e.style[:n], e.blank}
		more[i] = cell{e.lines[n:], e.style[n:], false}
		over = over || n < len(e.lines)
	}
	if over {
		return fit, more
	}
	return fit, nil
}

func drawCells(c *canvas, cols []span, cells []cell, y pt) {
	for i, e := range cells {
		at := y
		for k, l := range e.lines {
			c.text(cols[i].x, at+e.style[k].size, e.style[k], l)
			at += e.style[k].lead()
		}
		if e.blank {
			c.line(cols[i].x, y+blankRoom-200, cols[i].x+cols[i].w, y+blankRoom-200, 50, black)
		}
	}
}
