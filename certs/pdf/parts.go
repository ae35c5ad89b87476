package pdf

import (
	"fmt"

	"github.com/boombuler/barcode/qr"

	"handback.example/certs"
	"handback.example/certs/sign"
)

const bannerH pt = 1900

// start draws what stands on every page, and the letterhead of the first.
func start(c *canvas, f *facts, title, under string, alarm bool) {
	c.onPage = func(page int) {
		top := pt(1400)
		if b := bannerText(f); b != "" {
			banner(c, b)
			top += bannerH + 800
		}
		if alarm {
			c.frame(1400, top, pageW-2800, pageH-1400-top, 220, red)
		}
		if page > 1 {
			running(c, f, title)
		}
	}
	c.newPage()
	c.y += 900
	organisation := f.Intake.Organisation
	if organisation == "" {
		organisation = "Handback"
	}
	head := style{"b", 1250, navy}
	y := c.y
	for _, l := range c.wrap(head, inner*6/10, organisation) {
		c.text(left, c.y+head.size, head, l)
		c.y += head.lead()
	}
	if p := clean(f.Intake.Place); p != "" {
		for _, l := range c.wrap(small.in(grey), inner*6/10, p) {
			c.text(left, c.y+small.size, small.in(grey), l)
			c.y += small.lead()
		}
	}
	c.textRight(right, y+1150, style{"m", 1150, navy}, f.Visit)
	c.textRight(right, y+2350, small.in(grey), date(f.Last.Wall))
	c.y = max(c.y, y+2600) + 500
	c.fill(left, c.y, inner, 180, navy)
	c.y += 1500
	big := style{"b", 1900, black}
	c.para(left, inner, big, title)
	c.y += 100
	c.para(left, inner, small.in(grey), under)
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
func running(c *canvas, f *facts, title string) {
	c.y += 700
	c.text(left, c.y+small.size, smallB.in(navy), title+", continued")
	c.textRight(right, c.y+small.size, style{"m", 760, navy}, f.Visit)
	c.y += 1250
	c.fill(left, c.y, inner, 60, navy)
	c.y += 900
}

// feet are drawn when the number of pages is known.
func feet(c *canvas, f *facts) {
	n := len(c.pages)
	y := pageH - 4300
	all := c.pages
	for i := range all {
		c.pages = all[:i+1] // text and line draw on the last page
		c.line(left, y, right, y, 40, rule)
		c.text(left, y+1050, fine.in(grey), "record.json SHA-256 "+grouped(f.hash, 16))
		c.textRight(right, y+1050, small.in(grey), fmt.Sprintf("Page %d of %d", i+1, n))
	}
	c.pages = all
}

// verdictBox fills the width: a shape, a word and a sentence. A failure is white
// on black, a success is black on white: the two can be told apart on a fax.
func verdictBox(c *canvas, mark byte, word, sentence string, more ...string) {
	bad := mark == 'x' || mark == '!'
	ink, back := black, white
	if bad {
		ink, back = white, black
	}
	tx, w := left+6600, inner-7600
	big := style{"b", 1620, ink}
	say := style{"r", 980, ink}
	for c.width(big, clean(word)) > w && big.size > 1000 {
		big.size -= 40
	}
	h := c.height(w, big, word) + c.height(w, say, sentence) + 2300
	for _, m := range more {
		h += c.height(w, say, m) + 200
	}
	h = max(h, 6200)
	c.room(h)
	y := c.y
	c.fill(left, y, inner, h, back)
	c.frame(left, y, inner, h, 160, black)
	symbol(c, mark, left+1000, y+(h-4200)/2, 4200)
	c.y = y + 950
	c.para(tx, w, big, word)
	c.y += 250
	c.para(tx, w, say, sentence)
	for _, m := range more {
		c.y += 200
		c.para(tx, w, style{"b", 980, ink}, m)
	}
	c.y = y + h + 1100
}

// symbol in a square of side s: a tick, a cross, an exclamation mark, or an arrow.
func symbol(c *canvas, mark byte, x, y, s pt) {
	stroke := func(i ink, points ...[2]pt) {
		for k := 1; k < len(points); k++ {
			a, b := points[k-1], points[k]
			c.op(func() { c.pdf.SetLineCapStyle("round") })
			c.line(x+a[0]*s/100, y+a[1]*s/100, x+b[0]*s/100, y+b[1]*s/100, s*11/100, i)
		}
	}
	switch mark {
	case 'v':
		c.fill(x, y, s, s, green)
		stroke(white, [2]pt{22, 54}, [2]pt{42, 74}, [2]pt{78, 28})
	case 'x':
		c.fill(x, y, s, s, white)
		stroke(red, [2]pt{25, 25}, [2]pt{75, 75})
		stroke(red, [2]pt{75, 25}, [2]pt{25, 75})
	case '!':
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

// pair is a label and its value.
type pair struct {
	label string
	value string
	style style
}

func p(label, value string) pair  { return pair{label, value, body} }
func pm(label, value string) pair { return pair{label, value, mono} }

// grid draws columns of pairs side by side. A grid that fits on a page is never
// split.
func grid(c *canvas, x, w pt, labelW pt, columns ...[]pair) {
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
func gridHeight(c *canvas, w pt, labelW pt, columns ...[]pair) pt {
	n := pt(len(columns))
	h := pt(0)
	for _, col := range columns {
		h = max(h, colHeight(c, (w-colGap*(n-1))/n, labelW, col))
	}
	return min(h, bottom-c.top-6000)
}

func colHeight(c *canvas, w, labelW pt, col []pair) pt {
	h := pt(0)
	for _, e := range col {
		h += pairHeight(c, w, labelW, e)
	}
	return h
}

func pairHeight(c *canvas, w, labelW pt, e pair) pt {
	return max(c.height(w-labelW, e.style, e.value), c.height(labelW-300, label, e.label)) + pairGap
}

const (
	pairGap pt = 170
	colGap  pt = 1600
)

func drawPair(c *canvas, x, w, labelW pt, e pair) {
	c.room(min(pairHeight(c, w, labelW, e), 12000))
	y, page := c.y, len(c.pages)
	ly := y + e.style.size
	for _, l := range c.wrap(label, labelW-300, e.label) {
		c.text(x, ly, label, l)
		ly += label.lead()
	}
	c.para(x+labelW, w-labelW, e.style, e.value)
	if len(c.pages) == page {
		c.y = max(c.y, ly-e.style.size)
	}
	c.y += pairGap
}

// sealSection says what the paper proves and what not, with the record's hash as
// a QR code. It is the place of the signature.
func sealSection(c *canvas, f *facts) error {
	code, err := qr.Encode(f.hash, qr.M, qr.Auto)
	if err != nil {
		return err
	}
	const side pt = 8200
	w := inner - side - 1800
	lines := sealWords(f)
	h := pt(0)
	for _, l := range lines {
		h += c.height(w, small, l) + 250
	}
	root := "root key " + grouped(fmt.Sprintf("%x", f.cert.AuthorityKeyId), 16)
	h += c.height(w, fine, root) + 200
	section(c, "What this seal proves, and what not", max(h, side+1200))
	y := c.y
	for _, l := range lines {
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

// sealWords are the design's own: they claim no more than a signature can.
func sealWords(f *facts) []string {
	boot := "Secure Boot: unknown."
	if f.Facts != nil {
		switch f.Facts.Machine.SecureBoot {
		case certs.On:
			boot = "Secure Boot on: covers the kernel, not the initramfs."
		case certs.Off:
			boot = "Secure Boot off: nothing vouches for the software that ran."
		}
	}
	vouch := "Check it with handback-verify and the hub's root certificate; any change, even of one bit, shows."
	if f.class == sign.Unenrolled {
		vouch = "The key was made for this one visit and nobody vouches for it: this paper proves nothing."
	}
	return []string{
		fmt.Sprintf("Sealed by stick %s. Operator as entered, not authenticated. Image hash self-reported. %s Tool independently evaluated: no. Validation: %s",
			f.Stick, boot, validationWords(f)),
		"The signed records are inside this file as record.json, and every figure on these pages is drawn from them. " + vouch,
		"Times are the claim of the clock that is named beside them; no time stamp vouches for them.",
	}
}
