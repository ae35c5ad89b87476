package pdf

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jung-kurt/gofpdf"
)

// pt is a length in hundredths of a point, measured from the top left corner.
type pt int

// String in points, as it stands in a file.
func (p pt) String() string {
	b := make([]byte, 0, 8)
	if p < 0 {
		b, p = append(b, '-'), -p
	}
	b = strconv.AppendInt(b, int64(p/100), 10)
	return string(append(b, '.', byte('0'+p/10%10), byte('0'+p%10)))
}

// epoch stands for the moment of a layout: a paper's own dates come from its records.
var epoch = time.Unix(0, 0)

// A4 and its margins.
const (
	pageW  pt = 59528
	pageH  pt = 84189
	left   pt = 4900
	right  pt = pageW - left
	inner  pt = right - left
	bottom pt = pageH - 4200 // where the body ends
)

// ink is a colour. Nothing is said by colour alone.
type ink [3]int

var (
	black = ink{0, 0, 0}
	white = ink{255, 255, 255}
	grey  = ink{84, 94, 104}
	rule  = ink{188, 194, 200}
	pale  = ink{238, 241, 245}
	faint = ink{232, 232, 232}
	navy  = ink{16, 42, 82}
	green = ink{0, 84, 52}
	red   = ink{140, 20, 28}
)

// String as the three numbers of a colour operator, in thousandths.
func (i ink) String() string {
	var out []string
	for _, v := range i {
		m := (v*1000 + 127) / 255
		out = append(out, fmt.Sprintf("%d.%03d", m/1000, m%1000))
	}
	return strings.Join(out, " ")
}

// style of text.
type style struct {
	font string // "r", "b" or "m"
	size pt
	ink  ink
}

func (s style) in(i ink) style { s.ink = i; return s }

// lead is the height of a line.
func (s style) lead() pt { return s.size * 130 / 100 }

var (
	body   = style{"r", 810, black}
	bold   = style{"b", 810, black}
	small  = style{"r", 720, black}
	smallB = style{"b", 720, black}
	label  = style{"r", 720, grey}
	mono   = style{"m", 740, black}
	fine   = style{"m", 590, black}
)

// canvas collects the operators (ISO 32000-1, annex A) of each page, so that the
// number of pages is known before the first one is written.
type canvas struct {
	pages   [][]string
	used    map[string]map[rune]bool // by face, the runes that are drawn and not shared
	logo    *logo
	y       pt
	sealBox *box // place of the signature, on its page
	onPage  func(page int)
	top     pt // where the body starts
}

type box struct {
	page       int // from 1
	x, y, w, h pt
}

// maxPages is far above what any machine takes: a hostile record must not fill the
// memory of whoever checks it.
const maxPages = 400

func newCanvas() *canvas { return &canvas{used: map[string]map[rune]bool{}} }

func (c *canvas) op(format string, a ...any) {
	n := len(c.pages) - 1
	c.pages[n] = append(c.pages[n], fmt.Sprintf(format, a...))
}

func (c *canvas) newPage() {
	c.y = c.top
	if len(c.pages) > maxPages { // output refuses them: this one is drawn over and over
		c.pages[maxPages] = nil
		return
	}
	c.pages = append(c.pages, nil)
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
func width(st style, s string) pt {
	f, w := faceOf(st.font), 0
	for _, r := range s {
		w += f.width(r)
	}
	return pt(w) * st.size / 1000
}

// text draws one line with its baseline at y.
func (c *canvas) text(x, y pt, st style, s string) {
	c.op("BT %v rg /F%s %v Tf %v %v Td %s Tj ET", st.ink, st.font, st.size, x, pageH-y, c.show(st, s))
}

// show is a clean text as a string operand: two bytes a rune, as gofpdf's fonts count.
func (c *canvas) show(st style, s string) string {
	if c.used[st.font] == nil {
		c.used[st.font] = map[rune]bool{}
	}
	code := make([]byte, 0, 2*len(s))
	for _, r := range s {
		if !shared(r) {
			c.used[st.font][r] = true
		}
		code = binary.BigEndian.AppendUint16(code, uint16(r)) // clean leaves nothing above U+FFFF
	}
	return "<" + hex.EncodeToString(code) + ">"
}

func (c *canvas) textRight(x, y pt, st style, s string) { c.text(x-width(st, s), y, st, s) }

func (c *canvas) fill(x, y, w, h pt, i ink) {
	c.op("%v rg %v %v %v %v re f", i, x, pageH-y-h, w, h)
}

func (c *canvas) frame(x, y, w, h, line pt, i ink) {
	c.op("%v RG %v w %v %v %v %v re S", i, line, x, pageH-y-h, w, h)
}

// dashed frame: of what is not there, or not finished.
func (c *canvas) dashed(x, y, w, h, line pt, i ink) {
	c.op("[4 3] 0 d %v RG %v w %v %v %v %v re S [] 0 d", i, line, x, pageH-y-h, w, h)
}

func (c *canvas) line(x1, y1, x2, y2, w pt, i ink) {
	c.op("%v RG %v w %v %v m %v %v l S", i, w, x1, pageH-y1, x2, pageH-y2)
}

// stroke draws a line with round ends through points.
func (c *canvas) stroke(w pt, i ink, points ...[2]pt) {
	c.op("1 J 1 j %v RG %v w %s S 0 J 0 j", i, w, path(points))
}

// shape fills a polygon.
func (c *canvas) shape(i ink, points ...[2]pt) { c.op("%v rg %s h f", i, path(points)) }

func path(points [][2]pt) string {
	var out []string
	for k, p := range points {
		op := "l"
		if k == 0 {
			op = "m"
		}
		out = append(out, fmt.Sprintf("%v %v %s", p[0], pageH-p[1], op))
	}
	return strings.Join(out, " ")
}

// wrap breaks a text into lines of at most w. A word that is too long is broken
// where it must be; nothing is dropped.
func wrap(st style, w pt, s string) []string {
	var lines []string
	for _, para := range strings.Split(s, "\n") {
		now, space := "", width(st, " ")
		long := pt(0)
		for _, word := range strings.Fields(clean(para)) {
			n := width(st, word)
			if now != "" && long+space+n <= w {
				now, long = now+" "+word, long+space+n
				continue
			}
			if now != "" {
				lines = append(lines, now)
			}
			pieces := broken(st, w, word)
			lines = append(lines, pieces[:len(pieces)-1]...)
			now = pieces[len(pieces)-1]
			long = width(st, now)
		}
		lines = append(lines, now)
	}
	return lines
}

// broken word: pieces of at most w, each of at least one rune.
func broken(st style, w pt, word string) []string {
	var out []string
	f, start, sum := faceOf(st.font), 0, 0
	for i, r := range word {
		n := f.width(r)
		if i > start && pt(sum+n)*st.size/1000 > w {
			out, start, sum = append(out, word[start:i]), i, 0
		}
		sum += n
	}
	return append(out, word[start:])
}

// para draws a paragraph and goes on below it.
func (c *canvas) para(x, w pt, st style, s string) {
	for _, l := range wrap(st, w, s) {
		c.room(st.lead())
		c.text(x, c.y+st.size, st, l)
		c.y += st.lead()
	}
}

// height of a paragraph.
func height(w pt, st style, s string) pt { return pt(len(wrap(st, w, s))) * st.lead() }

// output has gofpdf write the pages.
func (c *canvas) output() ([]byte, error) {
	if len(c.pages) > maxPages {
		return nil, errors.New("it would have more pages than any paper of ours")
	}
	p := newLayout()
	for _, ops := range c.pages {
		p.AddPage()
		for _, op := range ops {
			p.RawWriteStr(op)
		}
	}
	var b bytes.Buffer
	err := p.Output(&b)
	return b.Bytes(), err
}

// newLayout makes gofpdf write the same bytes every time.
func newLayout() *gofpdf.Fpdf {
	p := gofpdf.New("P", "pt", "A4", "")
	p.SetCatalogSort(true)
	p.SetCompression(false)
	p.SetAutoPageBreak(false, 0)
	p.SetMargins(0, 0, 0)
	p.SetCellMargin(0)
	p.SetCreationDate(epoch)
	p.SetModificationDate(epoch)
	return p
}
