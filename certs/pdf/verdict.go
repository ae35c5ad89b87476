package pdf

import "handback.example/certs/paper"

// verdictBox fills the width: a shape, a word and a sentence. What went well is black
// on white, what went wrong is white on black, and what needs a second look has a dark
// shoulder: they can be told apart on a fax.
func verdictBox(c *canvas, v paper.Verdict) {
	full := v.Bad() && v.Mark != paper.Warning && v.Mark != paper.Empty
	ink := black
	if full {
		ink = white
	}
	const side, shoulder pt = 3800, 5600
	tx := left + shoulder + 900
	w := inner - shoulder - 1700
	big := style{"b", 1550, ink}
	badge := style{"b", 1100, ink}
	room := w
	if v.Badge != "" {
		room -= width(badge, v.Badge) + 2400
	}
	for width(big, clean(v.Word)) > room && big.size > 1000 {
		big.size -= 50
	}
	say, strong := style{"r", 930, ink}, style{"b", 930, ink}
	h := height(room, big, v.Word) + 200 + height(w, say, v.Sentence) + 1700
	tally := tallyRows(v.Tally, w, say)
	h += pt(len(tally)) * tallyLead
	for _, m := range v.More {
		h += height(w, strong, m) + 150
	}
	h = max(h, side+1600)
	c.room(h)
	y := c.y
	if full {
		c.fill(left, y, inner, h, black)
	} else if v.Bad() {
		c.fill(left, y, shoulder, h, black)
	}
	c.frame(left+70, y+70, inner-140, h-140, 140, black)
	symbol(c, v.Mark, left+(shoulder-side)/2, y+(h-side)/2, side, v.Bad())
	if v.Badge != "" {
		drawBadge(c, badge, v.Badge, y+750)
	}
	c.y = y + 700
	c.para(tx, room, big, v.Word)
	c.y += 200
	c.para(tx, w, say, v.Sentence)
	for _, row := range tally {
		drawTally(c, row, tx, say, full)
	}
	for _, m := range v.More {
		c.y += 150
		c.para(tx, w, strong, m)
	}
	c.y = y + h + 750
}

// drawBadge at the right: a dashed frame is unfinished, a filled one is done.
func drawBadge(c *canvas, st style, s string, y pt) {
	w := width(st, s) + 1200
	x := right - 800 - w
	if s == "CLOSED" {
		c.fill(x, y, w, 1800, black)
		st = st.in(white)
	} else {
		c.dashed(x, y, w, 1800, 120, st.ink)
	}
	c.text(x+600, y+1300, st, s)
}

const (
	tallyLead pt = 1600
	tallyMark pt = 1400 // a symbol and the space after it
	tallyGap  pt = 1600
)

// tallyRows are as many as the width asks for.
func tallyRows(all []paper.Tally, w pt, st style) [][]paper.Tally {
	var rows [][]paper.Tally
	x := w
	for _, t := range all {
		n := tallyMark + width(st, t.Words)
		if x+n > w {
			rows, x = append(rows, nil), 0
		}
		rows[len(rows)-1] = append(rows[len(rows)-1], t)
		x += n + tallyGap
	}
	return rows
}

func drawTally(c *canvas, row []paper.Tally, x pt, st style, dark bool) {
	y := c.y + 350
	for _, t := range row {
		symbol(c, t.Mark, x, y+50, 1000, dark)
		c.text(x+tallyMark, y+st.size, st, t.Words)
		x += tallyMark + width(st, t.Words) + tallyGap
	}
	c.y += tallyLead
}
