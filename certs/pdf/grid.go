package pdf

import "handback.example/certs/paper"

const (
	pairGap pt = 130
	colGap  pt = 1600
	// blankRoom is what a ruled line for handwriting takes.
	blankRoom pt = 1500
)

// formStyle is how a value is set.
func formStyle(f paper.Form) style {
	switch f {
	case paper.Strong:
		return bold
	case paper.Small:
		return small
	case paper.Code:
		return mono
	case paper.Fine:
		return fine
	}
	return body
}

// grid draws columns of pairs side by side. A grid that fits on a page is never
// split.
func grid(c *canvas, x, w pt, labelW pt, columns ...[]paper.Pair) {
	n := pt(len(columns))
	colW := (w - colGap*(n-1)) / n
	c.room(gridHeight(c, w, labelW, columns...))
	y, end, pages := c.y, c.y, len(c.pages)
	for i, col := range columns {
		if len(c.pages) == pages {
			c.y = y
		}
		cx := x + (colW+colGap)*pt(i)
		for _, e := range col {
			drawPair(c, cx, colW, labelW, e)
		}
		end = max(end, c.y)
	}
	if len(c.pages) == pages {
		c.y = end
	}
}

// gridHeight is what grid will take, at most what a page has.
func gridHeight(c *canvas, w pt, labelW pt, columns ...[]paper.Pair) pt {
	n := pt(len(columns))
	h := pt(0)
	for _, col := range columns {
		h = max(h, colHeight((w-colGap*(n-1))/n, labelW, col))
	}
	return min(h, bottom-c.top-6000)
}

func colHeight(w, labelW pt, col []paper.Pair) pt {
	h := pt(0)
	for _, e := range col {
		h += pairHeight(w, labelW, e)
	}
	return h
}

// lineOf a value: all but hashes stand on the lines of plain text, so that columns side
// by side keep level.
func lineOf(f paper.Form) pt {
	if f == paper.Fine {
		return fine.lead() + 100
	}
	return body.lead()
}

func pairHeight(w, labelW pt, e paper.Pair) pt {
	h := max(pt(len(wrap(formStyle(e.Form), w-labelW, e.Value)))*lineOf(e.Form), pt(len(wrap(label, labelW-300, e.Label)))*label.lead())
	if e.Form == paper.Blank {
		h = max(h, blankRoom)
	}
	return h + pairGap
}

func drawPair(c *canvas, x, w, labelW pt, e paper.Pair) {
	c.room(min(pairHeight(w, labelW, e), 12000))
	st, lead := formStyle(e.Form), lineOf(e.Form)
	y, page := c.y, len(c.pages)
	base := body.size // label and value share their first line
	if e.Form == paper.Fine {
		base = label.size
	}
	if e.Form == paper.Blank {
		base = blankRoom - 350
		c.line(x+labelW, y+base+150, x+w, y+base+150, 50, black)
	}
	labels := wrap(label, labelW-300, e.Label)
	for i, l := range labels {
		c.text(x, y+base+label.lead()*pt(i), label, l)
	}
	for _, l := range wrap(st, w-labelW, e.Value) {
		c.room(lead)
		c.text(x+labelW, c.y+base, st, l)
		c.y += lead
	}
	if len(c.pages) == page {
		c.y = y + pairHeight(w, labelW, e)
		return
	}
	c.y += pairGap
}
