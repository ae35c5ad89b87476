package pdf

import (
	"fmt"

	"handback.example/certs/paper"
)

// draw a paper's content.
func draw(c *canvas, p *paper.Content) error {
	start(c, p)
	verdictBox(c, p.Verdict)
	for _, s := range p.Sections {
		if err := drawSection(c, s); err != nil {
			return err
		}
	}
	if err := sealSection(c, p.Seal); err != nil {
		return err
	}
	for _, s := range p.Annex {
		if err := drawSection(c, s); err != nil {
			return err
		}
	}
	feet(c, p)
	return nil
}

func drawSection(c *canvas, s paper.Section) error {
	keep := pt(1500)
	if len(s.Blocks) > 0 {
		if g, ok := s.Blocks[0].(paper.Grid); ok {
			keep = gridHeight(c, inner, labelWidth(c, g.Columns...), g.Columns...)
		}
	}
	section(c, s.Title, keep)
	for _, b := range s.Blocks {
		switch b := b.(type) {
		case paper.Text:
			st := body
			if b.Strong {
				st = bold
			}
			c.para(left, inner, st, b.Words)
			c.y += 200
		case paper.List:
			drawList(c, b)
		case paper.Grid:
			grid(c, left, inner, labelWidth(c, b.Columns...), b.Columns...)
			c.y += 200
		case paper.Table:
			drawTable(c, b)
		case paper.Drive:
			driveBlock(c, b)
		default:
			return fmt.Errorf("section %s: a block of kind %T can't be drawn", s.ID, b)
		}
	}
	c.y += 700
	return nil
}

// labelWidth of columns that stand side by side: that of their longest label, within
// bounds.
func labelWidth(c *canvas, columns ...[]paper.Pair) pt {
	w := pt(6000)
	for _, col := range columns {
		for _, e := range col {
			w = max(w, c.width(label, clean(e.Label))+600)
		}
	}
	return min(w, 10000)
}

// drawList with a dash or a number before each item.
func drawList(c *canvas, l paper.List) {
	for i, item := range l.Items {
		c.room(body.lead())
		mark := "–"
		if l.Numbered {
			mark = fmt.Sprint(i + 1)
		}
		c.text(left, c.y+body.size, bold, mark)
		c.para(left+1000, inner-1000, body, item)
		c.y += 120
	}
}

// drawTable gives the first column half of the width and the others the rest.
func drawTable(c *canvas, t paper.Table) {
	row := func(st style, cells []string) {
		w := inner
		if n := pt(len(cells)); n > 1 {
			w = inner / 2 / (n - 1)
		}
		h := pt(0)
		for i, s := range cells {
			h = max(h, c.height(cellWidth(i, w), st, s))
		}
		c.room(h + pairGap)
		y, x, page := c.y, left, len(c.pages)
		for i, s := range cells {
			c.y = y
			c.para(x, cellWidth(i, w), st, s)
			x += cellWidth(i, w) + 600
		}
		if len(c.pages) == page {
			c.y = y + h
		}
		c.y += pairGap
	}
	row(label, t.Head)
	for _, r := range t.Rows {
		row(body, r)
	}
}

func cellWidth(i int, w pt) pt {
	if i == 0 {
		return inner/2 - 600
	}
	return w - 600
}

// driveBlock draws one drive; it is split over pages only where it must be.
func driveBlock(c *canvas, d paper.Drive) {
	const pad pt = 800
	w := inner - 2*pad
	const labelW pt = 6000
	h := gridHeight(c, w, labelW, d.Columns...) + colHeight(c, w, labelW, d.Wide) + 3800
	if h <= bottom-c.top-2900 {
		c.room(h)
	} else {
		c.room(6000)
	}
	y, page := c.y, len(c.pages)
	head, ink := pale, black
	if !d.Good {
		head, ink = black, white
	}
	c.fill(left, y, inner, 2100, head)
	nameStyle := style{"b", 940, ink}
	c.textRight(right-pad, y+1400, nameStyle, d.Word)
	name := clean(d.Name)
	c.text(left+pad, y+1400, nameStyle, name)
	// What does not fit here stands in full under 'Model'.
	x := c.width(nameStyle, name) + 900
	c.text(left+pad+x, y+1400, style{"r", 940, ink}, c.wrap(style{"r", 940, ink}, w-x-c.width(nameStyle, d.Word)-1000, d.Model)[0])
	c.y = y + 2100 + 600
	grid(c, left+pad, w, labelW, d.Columns...)
	for _, e := range d.Wide {
		drawPair(c, left+pad, w, labelW, e)
	}
	c.y += 350
	if len(c.pages) == page {
		c.frame(left, y, inner, c.y-y, 50, rule)
	}
	c.y += 900
}
