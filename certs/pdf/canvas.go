package pdf

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/jung-kurt/gofpdf"

	"handback.example/certs/paper"
)

// pt is a length in hundredths of a point, measured from the top left corner.
type pt int

func (p pt) f() float64 { return float64(p) / 100 }

// epoch stands for the moment of a layout: a paper's own dates come from its records.
var epoch = time.Unix(0, 0)

// A4 and its margins.
const (
	pageW   pt = 59528
	pageH   pt = 84189
	left    pt = 5000
	right   pt = pageW - left
	inner   pt = right - left
	bottom  pt = pageH - 5600 // where the body ends
	bandTop pt = 2600         // where the class banner starts
)

// ink is a colour. Nothing is said by colour alone.
type ink [3]int

var (
	black = ink{17, 24, 32}
	white = ink{255, 255, 255}
	grey  = ink{92, 102, 112}
	rule  = ink{188, 194, 200}
	pale  = ink{240, 242, 245}
	navy  = ink{16, 42, 82}
	green = ink{0, 84, 52}
	red   = ink{140, 20, 28}
)

// style of text.
type style struct {
	font string // "r", "b" or "m"
	size pt
	ink  ink
}

func (s style) in(i ink) style { s.ink = i; return s }

// lead is the height of a line.
func (s style) lead() pt { return s.size * 132 / 100 }

var (
	body   = style{"r", 890, black}
	bold   = style{"b", 890, black}
	small  = style{"r", 760, black}
	smallB = style{"b", 760, black}
	label  = style{"r", 760, grey}
	mono   = style{"m", 800, black}
	fine   = style{"m", 660, black}
)

// canvas collects what stands on each page, so that pages are known before the
// first one is written.
type canvas struct {
	pdf     *gofpdf.Fpdf
	pages   [][]func()
	used    map[string]map[rune]bool // by face, the runes outside ASCII that are drawn
	y       pt
	sealBox *box // place of the signature, on its page
	onPage  func(page int)
	top     pt // where the body starts
}

type box struct {
	page       int // from 1
	x, y, w, h pt
}

func newCanvas(content *paper.Content) *canvas {
	c := &canvas{pdf: newLayout(), used: map[string]map[rune]bool{}}
	c.top = bandTop
	if content.Banner != "" {
		c.top += bannerH + 1000
	}
	return c
}

func (c *canvas) op(f func()) {
	n := len(c.pages) - 1
	c.pages[n] = append(c.pages[n], f)
}

func (c *canvas) newPage() {
	c.pages = append(c.pages, nil)
	c.y = c.top
	if c.onPage != nil {
		c.onPage(len(c.pages))
	}
}

// room starts a new page where h does not fit on this one.
func (c *canvas) room(h pt) {
	if c.y+h > bottom && c.y > c.top {
		c.newPage()
	}
}

// width of a text that is clean.
func (c *canvas) width(st style, s string) pt {
	f, w := faceOf(st.font), 0
	for _, r := range s {
		w += f.width(r)
	}
	return pt(w) * st.size / 1000
}

// text draws one line with its baseline at y. The operators are written here and
// not by gofpdf, which would read and cut the fonts anew for each paper.
func (c *canvas) text(x, y pt, st style, s string) {
	if c.used[st.font] == nil {
		c.used[st.font] = map[rune]bool{}
	}
	var hex strings.Builder
	for _, r := range s {
		if r > '~' {
			c.used[st.font][r] = true
		}
		fmt.Fprintf(&hex, "%04x", r)
	}
	show := fmt.Sprintf("q %.3f %.3f %.3f rg BT /F%s %.2f Tf %.2f %.2f Td <%s> Tj ET Q", float64(st.ink[0])/255, float64(st.ink[1])/255, float64(st.ink[2])/255,
		st.font, st.size.f(), x.f(), (pageH - y).f(), hex.String())
	c.op(func() { c.pdf.RawWriteStr(show) })
}

func (c *canvas) textRight(x, y pt, st style, s string) { c.text(x-c.width(st, s), y, st, s) }

func (c *canvas) fill(x, y, w, h pt, i ink) {
	c.op(func() {
		c.pdf.SetFillColor(i[0], i[1], i[2])
		c.pdf.Rect(x.f(), y.f(), w.f(), h.f(), "F")
	})
}

func (c *canvas) frame(x, y, w, h, line pt, i ink) {
	c.op(func() {
		c.pdf.SetDrawColor(i[0], i[1], i[2])
		c.pdf.SetLineWidth(line.f())
		c.pdf.Rect(x.f(), y.f(), w.f(), h.f(), "D")
	})
}

func (c *canvas) line(x1, y1, x2, y2, w pt, i ink) {
	c.op(func() {
		c.pdf.SetDrawColor(i[0], i[1], i[2])
		c.pdf.SetLineWidth(w.f())
		c.pdf.Line(x1.f(), y1.f(), x2.f(), y2.f())
	})
}

// wrap breaks a text into lines of at most w. A word that is too long is broken
// where it must be; nothing is dropped.
func (c *canvas) wrap(st style, w pt, s string) []string {
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		now := ""
		for _, word := range strings.Fields(clean(para)) {
			next := word
			if now != "" {
				next = now + " " + word
			}
			if c.width(st, next) <= w {
				now = next
				continue
			}
			if now != "" {
				lines = append(lines, now)
			}
			for c.width(st, word) > w {
				n := c.fits(st, w, word)
				lines, word = append(lines, word[:n]), word[n:]
			}
			now = word
		}
		lines = append(lines, now)
	}
	return lines
}

// fits is how many bytes of a word go into w: at least one rune.
func (c *canvas) fits(st style, w pt, word string) int {
	n := 0
	for i, r := range word {
		end := i + len(string(r))
		if n > 0 && c.width(st, word[:end]) > w {
			break
		}
		n = end
	}
	return n
}

// para draws a paragraph and goes on below it.
func (c *canvas) para(x, w pt, st style, s string) {
	for _, l := range c.wrap(st, w, s) {
		c.room(st.lead())
		c.text(x, c.y+st.size, st, l)
		c.y += st.lead()
	}
}

// height of a paragraph.
func (c *canvas) height(w pt, st style, s string) pt {
	return pt(len(c.wrap(st, w, s))) * st.lead()
}

// output writes the pages.
func (c *canvas) output() ([]byte, error) {
	for _, ops := range c.pages {
		c.pdf.AddPage()
		for _, op := range ops {
			op()
		}
	}
	var b bytes.Buffer
	err := c.pdf.Output(&b)
	return b.Bytes(), err
}
