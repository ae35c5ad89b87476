package pdf

import (
	"fmt"

	"github.com/boombuler/barcode/qr"

	"handback.example/certs/paper"
)

const bannerH pt = 1900

// start draws what stands on every page, and the letterhead of the first.
func start(c *canvas, p *paper.Content) {
	c.onPage = func(page int) {
		top := pt(1400)
		if p.Banner != "" {
			banner(c, p.Banner)
			top += bannerH + 800
		}
		if p.Alarm {
			c.frame(1400, top, pageW-2800, pageH-1400-top, 220, red)
		}
		if page > 1 {
			running(c, p)
		}
	}
	c.newPage()
	c.y += 900
	head := style{"b", 1250, navy}
	y := c.y
	for _, l := range c.wrap(head, inner*6/10, p.Head.Organisation) {
		c.text(left, c.y+head.size, head, l)
		c.y += head.lead()
	}
	for _, a := range p.Head.Address {
		for _, l := range c.wrap(small.in(grey), inner*6/10, a) {
			c.text(left, c.y+small.size, small.in(grey), l)
			c.y += small.lead()
		}
	}
	c.textRight(right, y+1150, style{"m", 1150, navy}, p.Visit)
	c.textRight(right, y+2350, small.in(grey), p.Head.Date)
	c.y = max(c.y, y+2600) + 500
	c.fill(left, c.y, inner, 180, navy)
	c.y += 1500
	big := style{"b", 1900, black}
	c.para(left, inner, big, p.Title)
	c.y += 100
	c.para(left, inner, small.in(grey), p.Under)
	c.y += 700
}

// banner of papers that are no evidence, on every page.
func banner(c *canvas, s string) {
	c.fill(0, bandTop-1100, pageW, bannerH, black)
	st := style{"b", 860, white}
	w := c.width(st, s)
	c.text((pageW-w)/2, bandTop-1100+1230, st, s)
}

// running head of the second and every later page.
func running(c *canvas, p *paper.Content) {
	c.y += 700
	c.text(left, c.y+small.size, smallB.in(navy), p.Title+", continued")
	c.textRight(right, c.y+small.size, style{"m", 760, navy}, p.Visit)
	c.y += 1250
	c.fill(left, c.y, inner, 60, navy)
	c.y += 900
}

// feet are drawn when the number of pages is known.
func feet(c *canvas, p *paper.Content) {
	n := len(c.pages)
	y := pageH - 4300
	all := c.pages
	for i := range all {
		c.pages = all[:i+1] // text and line draw on the last page
		c.line(left, y, right, y, 40, rule)
		c.text(left, y+1050, fine.in(grey), "record.json SHA-256 "+p.Seal.Groups())
		c.textRight(right, y+1050, small.in(grey), fmt.Sprintf("Page %d of %d", i+1, n))
	}
	c.pages = all
}

// verdictBox fills the width: a shape, a word and a sentence. A failure is white
// on black, a success is black on white: the two can be told apart on a fax.
func verdictBox(c *canvas, v paper.Verdict) {
	ink, back := black, white
	if v.Bad() {
		ink, back = white, black
	}
	tx, w := left+6600, inner-7600
	big := style{"b", 1620, ink}
	say := style{"r", 980, ink}
	for c.width(big, clean(v.Word)) > w && big.size > 1000 {
		big.size -= 40
	}
	h := c.height(w, big, v.Word) + c.height(w, say, v.Sentence) + 2300
	for _, m := range v.More {
		h += c.height(w, say, m) + 200
	}
	h = max(h, 6200)
	c.room(h)
	y := c.y
	c.fill(left, y, inner, h, back)
	c.frame(left, y, inner, h, 160, black)
	symbol(c, v.Mark, left+1000, y+(h-4200)/2, 4200)
	c.y = y + 950
	c.para(tx, w, big, v.Word)
	c.y += 250
	c.para(tx, w, say, v.Sentence)
	for _, m := range v.More {
		c.y += 200
		c.para(tx, w, style{"b", 980, ink}, m)
	}
	c.y = y + h + 1100
}

// symbol in a square of side s: a tick, a cross, an exclamation mark, or an arrow.
func symbol(c *canvas, mark paper.Mark, x, y, s pt) {
	stroke := func(i ink, points ...[2]pt) {
		for k := 1; k < len(points); k++ {
			a, b := points[k-1], points[k]
			c.op(func() { c.pdf.SetLineCapStyle("round") })
			c.line(x+a[0]*s/100, y+a[1]*s/100, x+b[0]*s/100, y+b[1]*s/100, s*11/100, i)
		}
	}
	switch mark {
	case paper.Tick:
		c.fill(x, y, s, s, green)
		stroke(white, [2]pt{22, 54}, [2]pt{42, 74}, [2]pt{78, 28})
	case paper.Cross:
		c.fill(x, y, s, s, white)
		stroke(red, [2]pt{25, 25}, [2]pt{75, 75})
		stroke(red, [2]pt{75, 25}, [2]pt{25, 75})
	case paper.Warning:
		c.fill(x, y, s, s, white)
		stroke(black, [2]pt{50, 20}, [2]pt{50, 58})
		stroke(black, [2]pt{50, 80}, [2]pt{50, 80})
	default:
		c.fill(x, y, s, s, navy)
		stroke(white, [2]pt{22, 50}, [2]pt{76, 50})
		stroke(white, [2]pt{54, 27}, [2]pt{77, 50}, [2]pt{54, 73})
	}
	c.op(func() { c.pdf.SetLineCapStyle("butt") })
}

// section heading; keep is what must follow on the same page.
func section(c *canvas, name string, keep pt) {
	c.room(2100 + keep)
	c.text(left, c.y+1000, style{"b", 1020, navy}, name)
	c.y += 1380
	c.line(left, c.y, right, c.y, 60, navy)
	c.y += 600
}

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
		c.y = y
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
		h = max(h, colHeight(c, (w-colGap*(n-1))/n, labelW, col))
	}
	return min(h, bottom-c.top-6000)
}

func colHeight(c *canvas, w, labelW pt, col []paper.Pair) pt {
	h := pt(0)
	for _, e := range col {
		h += pairHeight(c, w, labelW, e)
	}
	return h
}

func pairHeight(c *canvas, w, labelW pt, e paper.Pair) pt {
	return max(c.height(w-labelW, formStyle(e.Form), e.Value), c.height(labelW-300, label, e.Label)) + pairGap
}

const (
	pairGap pt = 170
	colGap  pt = 1600
)

func drawPair(c *canvas, x, w, labelW pt, e paper.Pair) {
	c.room(min(pairHeight(c, w, labelW, e), 12000))
	y, page := c.y, len(c.pages)
	ly := y + formStyle(e.Form).size
	for _, l := range c.wrap(label, labelW-300, e.Label) {
		c.text(x, ly, label, l)
		ly += label.lead()
	}
	c.para(x+labelW, w-labelW, formStyle(e.Form), e.Value)
	if len(c.pages) == page {
		c.y = max(c.y, ly-formStyle(e.Form).size)
	}
	c.y += pairGap
}

// sealSection says what the paper proves and what not, with the record's hash as
// a QR code. It is the place of the signature.
func sealSection(c *canvas, s paper.Seal) error {
	code, err := qr.Encode(s.Hash, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	const side pt = 8200
	w := inner - side - 1800
	h := pt(0)
	for _, l := range s.Lines {
		h += c.height(w, small, l) + 250
	}
	root := "root key " + s.Root
	h += c.height(w, fine, root) + 200
	section(c, s.Title, max(h, side+1200))
	y := c.y
	for _, l := range s.Lines {
		c.para(left, w, small, l)
		c.y += 250
	}
	c.para(left, w, fine, root)
	drawQR(c, code.Bounds().Dx(), func(x, y int) bool { r, _, _, _ := code.At(x, y).RGBA(); return r == 0 }, right-side, y, side)
	c.text(right-side, y+side+900, label, "SHA-256 of record.json")
	c.sealBox = &box{len(c.pages), left, y - 200, inner, max(c.y-y, side+1100) + 300}
	c.y = y + max(c.y-y, side+1200)
	return nil
}

func drawQR(c *canvas, n int, dark func(x, y int) bool, x0, y0, side pt) {
	m := side / pt(n)
	for y := range n {
		for x := 0; x < n; x++ {
			run := 0
			for x+run < n && dark(x+run, y) {
				run++
			}
			if run > 0 {
				c.fill(x0+m*pt(x), y0+m*pt(y), m*pt(run), m, black)
				x += run
			}
		}
	}
}
