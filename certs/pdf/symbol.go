package pdf

import (
	"fmt"
	"strings"

	"handback.example/certs/internal/code"
	"handback.example/certs/paper"
)

// symbol of a mark in a square of side s. On a dark ground a bad mark is light.
func symbol(c *canvas, m paper.Mark, x, y, s pt, dark bool) {
	ground, pen := black, white
	switch {
	case m == paper.Tick:
		ground = green
	case m == paper.Arrow:
		ground = navy
	case dark:
		ground, pen = white, black
	}
	at := func(a, b pt) [2]pt { return [2]pt{x + a*s/100, y + b*s/100} }
	w := s * 11 / 100
	if m == paper.Stop {
		c.shape(ground, at(29, 0), at(71, 0), at(100, 29), at(100, 71), at(71, 100), at(29, 100), at(0, 71), at(0, 29))
	} else if m != paper.Empty {
		c.fill(x, y, s, s, ground)
	}
	switch m {
	case paper.Tick:
		c.stroke(w, pen, at(22, 54), at(42, 74), at(78, 28))
	case paper.Cross:
		c.stroke(w, pen, at(25, 25), at(75, 75))
		c.stroke(w, pen, at(75, 25), at(25, 75))
	case paper.Broken:
		c.stroke(w*13/10, pen, at(36, 26), at(36, 74))
		c.stroke(w*13/10, pen, at(64, 26), at(64, 74))
	case paper.Question:
		c.stroke(w, pen, at(32, 36), at(36, 24), at(50, 19), at(64, 24), at(67, 36), at(62, 46), at(50, 54), at(50, 62))
		c.stroke(w, pen, at(50, 81), at(50, 81))
	case paper.Barred:
		c.stroke(w, pen, at(22, 50), at(78, 50))
	case paper.Empty:
		c.frame(x+s*8/100, y+s*8/100, s*84/100, s*84/100, s*8/100, ground)
	case paper.Arrow:
		c.stroke(w, pen, at(22, 50), at(76, 50))
		c.stroke(w, pen, at(54, 27), at(77, 50), at(54, 73))
	default: // Warning, Stop
		c.stroke(w, pen, at(50, 21), at(50, 57))
		c.stroke(w, pen, at(50, 79), at(50, 79))
	}
}

// drawQR in a square. The white around it is the page's.
func drawQR(c *canvas, qr code.Code, x0, y0, side pt) {
	m := side / pt(qr.Side())
	var dots strings.Builder
	for r := range qr.Runs() {
		fmt.Fprintf(&dots, " %v %v %v %v re", x0+m*pt(r.X), pageH-y0-m*pt(r.Y+1), m*pt(r.Length), m)
	}
	c.op("%v rg%s f", black, dots.String())
}
