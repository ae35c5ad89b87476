package pdf

import (
	"fmt"

	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

const bannerH pt = 1700

// start draws what stands on every page, and the letterhead of the first.
func start(c *canvas, p *paper.Content) {
	c.logo = readLogo(p.Head.Logo)
	c.top = 3400
	edge := pt(1300)
	if p.Banner != "" {
		c.top += bannerH
		edge += bannerH + 500
	}
	c.onPage = func(page int) {
		if p.Class == sign.Practice {
			watermark(c, "PRACTICE")
		}
		if p.Banner != "" {
			c.fill(0, edge-bannerH-500, pageW, bannerH, black)
			st := style{"b", 820, white}
			c.text((pageW-width(st, p.Banner))/2, edge-bannerH-500+1150, st, p.Banner)
		}
		if p.Alarm {
			c.frame(1300, edge, pageW-2600, pageH-1300-edge, 220, red)
		}
		if page > 1 {
			running(c, p)
		}
	}
	c.newPage()
	letterhead(c, p)
	c.para(left, inner, style{"b", 1750, black}, p.Title)
	c.para(left, inner, label, p.Under)
	c.y += 400
}

// watermark across the page, behind all that stands on it: 45 degrees, in whole
// thousandths.
func watermark(c *canvas, s string) {
	st := style{"b", 10500, faint}
	run := width(st, s) * 707 / 2000 // half of it, along each axis
	c.op("BT %v rg /F%s %v Tf 0.707 0.707 -0.707 0.707 %v %v Tm %s Tj ET", st.ink, st.font, st.size, pageW/2-run+2500, pageH/2-run-2500, c.show(st, s))
}

// letterhead: logo and name on the left, address on the right; below the rule, which
// paper this is.
func letterhead(c *canvas, p *paper.Content) {
	y := c.y
	half := inner * 55 / 100
	if c.logo != nil {
		w, h := c.logo.fit(15000, 4200)
		c.op("q %v 0 0 %v %v %v cm /Logo Do Q", w, h, left, pageH-c.y-h)
		c.y += h + 500
	}
	c.para(left, half, style{"b", 1250, navy}, p.Head.Organisation)
	leftEnd := c.y
	c.y = y + 150
	st := small.in(grey)
	for _, a := range append(p.Head.Address[:len(p.Head.Address):len(p.Head.Address)], p.Head.Contact) {
		for _, l := range wrap(st, inner-half-800, a) {
			if l != "" {
				c.textRight(right, c.y+st.size, st, l)
				c.y += st.lead()
			}
		}
	}
	c.y = max(c.y, leftEnd) + 350
	c.fill(left, c.y, inner, 160, navy)
	c.y += 1200
	c.text(left, c.y, style{"m", 900, navy}, paperName(p))
	c.textRight(right, c.y, small.in(grey), p.Head.Date)
	c.y += 700
}

func paperName(p *paper.Content) string {
	if p.Revision > 1 {
		return fmt.Sprintf("%s, revision %d", p.Visit, p.Revision)
	}
	return p.Visit
}

// running head of the second and every later page: the verdict stands on each.
func running(c *canvas, p *paper.Content) {
	c.y += 600
	st := smallB.in(navy)
	c.text(left, c.y, st, wrap(st, inner*7/10, p.Title+": "+p.Verdict.Word)[0])
	c.textRight(right, c.y, style{"m", 760, navy}, paperName(p))
	c.y += 450
	c.fill(left, c.y, inner, 60, navy)
	c.y += 900
}

// feet are drawn when the number of pages is known.
func feet(c *canvas, p *paper.Content) {
	n := len(c.pages)
	y := pageH - 3700
	all := c.pages
	for i := range all {
		c.pages = all[:i+1] // text and line draw on the last page
		c.line(left, y, right, y, 40, rule)
		c.text(left, y+950, fine.in(grey), "record.json SHA-256 "+p.Seal.Groups())
		c.textRight(right, y+950, small.in(grey), fmt.Sprintf("Page %d of %d", i+1, n))
	}
	c.pages = all
}
