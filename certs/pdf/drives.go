package pdf

import "handback.example/certs/paper"

const (
	drivePad   pt = 700
	driveLabel pt = 6700
	driveHead  pt = 1900
)

func driveHeight(c *canvas, d paper.Drive) pt {
	w := inner - 2*drivePad
	return gridHeight(c, w, driveLabel, d.Columns...) + colHeight(w, driveLabel, d.Wide) + driveHead + 1000
}

// driveBlock draws all about one drive; it is split over pages only where it must be.
func driveBlock(c *canvas, d paper.Drive) {
	w := inner - 2*drivePad
	if h := driveHeight(c, d); h <= bottom-c.top-2500 {
		c.room(h)
	} else {
		c.room(6000)
	}
	y, page := c.y, len(c.pages)
	ground, ink := pale, black
	if !d.Good {
		ground, ink = black, white
	}
	c.fill(left, y, inner, driveHead, ground)
	symbol(c, d.Mark, left+450, y+450, 1000, !d.Good)
	st := style{"b", 840, ink}
	plain := style{"r", 840, ink}
	c.textRight(right-drivePad, y+1280, st, d.Word)
	name := clean(d.Name)
	x := left + 450 + 1500
	c.text(x, y+1280, st, name)
	x += width(st, name) + 800
	// What does not fit here stands in full under 'Model'.
	if room := right - drivePad - width(st, d.Word) - 800 - x; room > 3000 {
		c.text(x, y+1280, plain, wrap(plain, room, d.Model)[0])
	}
	c.y = y + driveHead + 400
	grid(c, left+drivePad, w, driveLabel, d.Columns...)
	for _, e := range d.Wide {
		drawPair(c, left+drivePad, w, driveLabel, e)
	}
	c.y += 250
	if len(c.pages) == page {
		c.frame(left+25, y+25, inner-50, c.y-y-50, 50, rule)
	}
	c.y += 500
}
