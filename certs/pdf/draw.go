package pdf

import (
	"fmt"

	"handback.example/certs/paper"
)

// drawPaper draws a paper's content.
func drawPaper(c *canvas, p *paper.Content) error {
	start(c, p)
	verdictBox(c, p.Verdict)
	if err := drawSections(c, p.Sections); err != nil {
		return err
	}
	if err := sealSection(c, p.Seal); err != nil {
		return err
	}
	if err := drawSections(c, p.Annex); err != nil {
		return err
	}
	feet(c, p)
	return nil
}

func drawSections(c *canvas, ss []paper.Section) error {
	for _, s := range ss {
		if err := drawSection(c, s); err != nil {
			return err
		}
	}
	return nil
}

// sectionGap is what stands below a section.
const (
	sectionGap pt = 530
	blockGap   pt = 300 // between the blocks of a section
)

func drawSection(c *canvas, s paper.Section) error {
	labels := sectionLabels(s)
	heading(c, s.Title, keepHeight(c, s, labels))
	for i, b := range s.Blocks {
		if i > 0 {
			c.y += blockGap
		}
		if t, ok := b.(paper.Text); ok && t.Strong && i+1 < len(s.Blocks) {
			c.room(bold.lead() + blockHeight(c, s.Blocks[i+1], labels)) // it is the heading of what follows
		}
		switch b := b.(type) {
		case paper.Text:
			st := small
			if b.Strong {
				st = bold
			}
			c.para(left, inner, st, b.Words)
		case paper.List:
			drawList(c, b)
		case paper.Grid:
			grid(c, left, inner, labels, b.Columns...)
		case paper.Table:
			drawTable(c, b)
		case paper.Drive:
			driveBlock(c, b)
		default:
			return fmt.Errorf("section %s: a block of kind %T can't be drawn", s.ID, b)
		}
	}
	c.y += sectionGap
	return nil
}

// keepHeight is what of a section must stand below its heading on the same page: all of
// its blocks down to the first one that may be split.
func keepHeight(c *canvas, s paper.Section, labels pt) pt {
	h := pt(0)
	for _, b := range s.Blocks {
		h += blockHeight(c, b, labels) + blockGap
		if _, ok := b.(paper.Grid); !ok {
			break
		}
	}
	return min(h, 24000)
}

// blockHeight is what of a block must stand below its heading on the same page.
func blockHeight(c *canvas, b paper.Block, labels pt) pt {
	switch b := b.(type) {
	case paper.Grid:
		return gridHeight(c, inner, labels, b.Columns...)
	case paper.Table:
		return tableHead(c, b) + firstRow(c, b)
	case paper.Drive:
		return min(driveHeight(c, b), 12000)
	}
	return 1500
}

// heading of a section; keep is what must follow on the same page.
func heading(c *canvas, name string, keep pt) {
	c.room(1650 + keep)
	c.text(left, c.y+950, style{"b", 940, navy}, name)
	c.y += 1250
	c.line(left, c.y, right, c.y, 60, navy)
	c.y += 400
}

// sectionLabels is the width of a section's labels: that of the longest, within bounds,
// so that all of its values, and most of a page's, start at the same place.
func sectionLabels(s paper.Section) pt {
	w := pt(7000)
	for _, b := range s.Blocks {
		g, ok := b.(paper.Grid)
		if !ok {
			continue
		}
		for _, col := range g.Columns {
			for _, e := range col {
				w = max(w, width(label, clean(e.Label))+600)
			}
		}
	}
	return min(w, 9500)
}

// drawList with a dash or a number before each item.
func drawList(c *canvas, l paper.List) {
	for i, item := range l.Items {
		c.room(body.lead())
		mark := string(dash)
		if l.Numbered {
			mark = fmt.Sprint(i + 1)
		}
		c.text(left, c.y+body.size, bold, mark)
		c.para(left+1200, inner-1200, body, item)
		c.y += 100
	}
}
