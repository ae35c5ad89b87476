package html

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"image/png"
	"strings"

	"handback.example/certs/internal/code"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// page collects a document. Every string that is put into it is escaped, unless the
// code says that it is markup.
type page struct{ b bytes.Buffer }

// markup is text that this package made itself.
type markup string

// put writes a line of markup, in which every string among the arguments stands as
// text.
func (p *page) put(format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = escape(a)
		case markup, int:
		default:
			panic(fmt.Sprintf("a %T has no place in a page", a))
		}
	}
	fmt.Fprintf(&p.b, format+"\n", args...)
}

// policy lets a browser fetch and run nothing.
const policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

func draw(c *paper.Content) ([]byte, error) {
	p := &page{}
	p.b.WriteString(doctype)
	p.put(`<html lang="en-GB">`)
	p.head(c)
	p.put(`<body class="%s">`, bodyClass(c))
	p.put(`<a class="skip" href="#main">Skip to the certificate</a>`)
	p.letterhead(c)
	p.put(`<main id="main" tabindex="-1">`)
	p.put(`<h1>%s</h1>`, c.Title)
	p.put(`<p class="under">%s</p>`, c.Under)
	p.verdict(c.Verdict)
	if err := p.sections(c.Sections); err != nil {
		return nil, err
	}
	if err := p.seal(c); err != nil {
		return nil, err
	}
	if err := p.sections(c.Annex); err != nil {
		return nil, err
	}
	p.put("</main>\n<footer>")
	p.put(`<p>record.json SHA-256 <span class="code">%s</span></p>`, c.Seal.Groups())
	p.put("</footer>\n</body>\n</html>")
	return p.b.Bytes(), nil
}

// bodyClass has the frame of what went wrong, and the watermark of what never happened.
func bodyClass(c *paper.Content) string {
	var classes []string
	if c.Class == sign.Practice {
		classes = append(classes, "practice")
	}
	if c.Alarm {
		classes = append(classes, "alarm")
	}
	return strings.Join(classes, " ")
}

func (p *page) head(c *paper.Content) {
	p.put("<head>\n<meta charset=\"utf-8\">")
	p.put(`<meta http-equiv="Content-Security-Policy" content="%s">`, markup(policy))
	p.put(`<meta name="viewport" content="width=device-width, initial-scale=1">`)
	p.put(`<meta name="color-scheme" content="light">`)
	p.put(`<meta name="handback-layout" content="%s/%d">`, string(c.Kind), LayoutNumber)
	p.put(`<title>%s</title>`, c.FullTitle())
	p.put("<style>\n%s%s</style>\n</head>", markup(style), markup(printed(c)))
}

// printed puts the banner and the paper's name on every printed page. Neither comes
// from a record's free text.
func printed(c *paper.Content) string {
	return fmt.Sprintf("@page{size:A4;margin:20mm 15mm;@top-center{content:%q;font:bold 9pt sans-serif}"+
		"@bottom-left{content:%q;font:8pt sans-serif}@bottom-right{content:\"Page \" counter(page) \" of \" counter(pages);font:8pt sans-serif}}\n",
		c.Banner, c.Kind.Stem(c.Visit, c.Revision))
}

func (p *page) letterhead(c *paper.Content) {
	h := c.Head
	p.put("<header>")
	if c.Banner != "" {
		p.put(`<p class="banner"><strong>%s</strong></p>`, c.Banner)
	}
	p.put(`<div class="letterhead"><div>`)
	if _, err := png.Decode(bytes.NewReader(h.Logo)); err == nil { // bounded by certs.CheckLogo
		p.put(`<img class="logo" alt="Logo of %s" src="data:image/png;base64,%s">`, h.Organisation, markup(base64.StdEncoding.EncodeToString(h.Logo)))
	}
	p.put(`<p class="organisation">%s</p>`, h.Organisation)
	for _, line := range append(h.Address, h.Contact) {
		if line != "" {
			p.put(`<p>%s</p>`, line)
		}
	}
	p.put(`</div><div>`)
	p.put(`<p class="code">%s</p>`, c.Visit)
	if c.Revision > 1 {
		p.put(`<p>Revision %d</p>`, c.Revision)
	}
	p.put(`<p>%s</p>`, h.Date)
	p.put("</div></div>\n</header>")
}

func (p *page) verdict(v paper.Verdict) {
	class := "good"
	if v.Bad() {
		class = "bad"
	}
	p.put(`<section class="verdict %s" aria-label="Verdict">`, class)
	p.put(`%s<div>`, symbol(v.Mark))
	badge := markup("")
	if v.Badge != "" {
		badge = markup(` <span class="badge">` + escape(v.Badge) + `</span>`)
	}
	p.put(`<p class="word">%s%s</p>`, v.Word, badge)
	p.put(`<p>%s</p>`, v.Sentence)
	if len(v.Tally) > 0 {
		p.put(`<ul class="tally">`)
		for _, t := range v.Tally {
			p.put(`<li>%s%s</li>`, symbol(t.Mark), t.Words)
		}
		p.put(`</ul>`)
	}
	for _, m := range v.More {
		p.put(`<p><strong>%s</strong></p>`, m)
	}
	p.put("</div></section>")
}

// shapes of the marks, as strokes in a square of 100.
var shapes = map[paper.Mark]string{
	paper.Tick:     "M22 54L42 74L78 28",
	paper.Cross:    "M25 25L75 75M75 25L25 75",
	paper.Warning:  "M50 20V58M50 80V80",
	paper.Broken:   "M36 26V74M64 26V74",
	paper.Question: "M33 38C33 16 67 16 67 37C67 52 50 50 50 63M50 82V82",
	paper.Barred:   "M22 50H78",
	paper.Empty:    "M24 24H76V76H24Z",
	paper.Arrow:    "M22 50H76M54 27L77 50L54 73",
	paper.Stop:     "M36 16H64L84 36V64L64 84H36L16 64V36Z",
}

// symbol says by its shape what the word beside it says.
func symbol(m paper.Mark) markup {
	return markup(`<svg class="symbol" viewBox="0 0 100 100" aria-hidden="true" focusable="false"><rect width="100" height="100"/><path d="` + shapes[m] + `"/></svg>`)
}

func (p *page) sections(ss []paper.Section) error {
	for _, s := range ss {
		if err := p.section(s); err != nil {
			return err
		}
	}
	return nil
}

func (p *page) section(s paper.Section) error {
	p.put(`<section aria-labelledby="%s">`, s.ID)
	p.put(`<h2 id="%s">%s</h2>`, s.ID, s.Title)
	for i, b := range s.Blocks {
		if i+1 < len(s.Blocks) && heads(b, s.Blocks[i+1]) {
			p.put(`<h3 class="sub">%s</h3>`, b.(paper.Text).Words)
			continue
		}
		if err := p.block(b); err != nil {
			return fmt.Errorf("section %s: %w", s.ID, err)
		}
	}
	p.put("</section>")
	return nil
}

// heads reports whether a block is the heading of the next one: a strong text before
// figures, but no sentence.
func heads(b, next paper.Block) bool {
	t, ok := b.(paper.Text)
	if !ok || !t.Strong || strings.HasSuffix(t.Words, ".") {
		return false
	}
	switch next.(type) {
	case paper.Grid, paper.Table:
		return true
	}
	return false
}

func (p *page) block(b paper.Block) error {
	switch b := b.(type) {
	case paper.Text:
		p.paragraph(b)
	case paper.List:
		p.list(b)
	case paper.Grid:
		p.grid(b.Columns)
	case paper.Table:
		p.table(b)
	case paper.Drive:
		p.drive(b)
	default:
		return fmt.Errorf("a block of kind %T can't be drawn", b)
	}
	return nil
}

func (p *page) paragraph(t paper.Text) {
	if t.Strong {
		p.put(`<p><strong>%s</strong></p>`, t.Words)
		return
	}
	p.put(`<p>%s</p>`, t.Words)
}

func (p *page) list(l paper.List) {
	tag := markup("ul")
	if l.Numbered {
		tag = "ol"
	}
	p.put(`<%s>`, tag)
	for _, item := range l.Items {
		p.put(`<li>%s</li>`, item)
	}
	p.put(`</%s>`, tag)
}

// grid is a list of terms and what they are: a screen reader says each label with
// its value.
func (p *page) grid(columns [][]paper.Pair) {
	p.put(`<div class="columns">`)
	for _, col := range columns {
		if len(col) == 0 {
			continue // a list without an item is none
		}
		p.put(`<dl>`)
		for _, e := range col {
			p.put(`<div><dt>%s</dt><dd class="%s">%s</dd></div>`, e.Label, formClass(e.Form), value(e.Value, e.Form))
		}
		p.put(`</dl>`)
	}
	p.put(`</div>`)
}

func formClass(f paper.Form) string {
	switch f {
	case paper.Strong:
		return "strong"
	case paper.Code, paper.Fine:
		return "code"
	}
	return "plain"
}

// value in its form: in lines where it has several, and with room for what is to be
// written by hand.
func value(s string, f paper.Form) markup {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = escape(lines[i])
	}
	v := strings.Join(lines, "<br>")
	if f == paper.Blank {
		v += ` <span class="byhand">to be filled in by hand</span>`
	}
	return markup(v)
}

// table names the role of each part: on a small screen its cells stand below one
// another, each behind the head of its column, and browsers would forget the roles.
func (p *page) table(t paper.Table) {
	p.put("<table role=\"table\">\n<caption>%s</caption>\n<thead role=\"rowgroup\">\n<tr role=\"row\">", t.Caption)
	for _, h := range t.Head {
		p.put(`<th scope="col" role="columnheader">%s</th>`, h)
	}
	p.put("</tr>\n</thead>\n<tbody role=\"rowgroup\">")
	for i, row := range t.Rows {
		mark := markup("")
		if i < len(t.Marks) {
			mark = symbol(t.Marks[i])
		}
		p.put(`<tr role="row">`)
		for n, cell := range row {
			f := paper.Plain
			if n < len(t.Forms) {
				f = t.Forms[n]
			}
			if n == 0 && cell != "" {
				p.put(`<th scope="row" role="rowheader" class="%s">%s%s</th>`, formClass(f), mark, value(cell, f))
			} else {
				p.put(`<td role="cell" data-head="%s" class="%s">%s</td>`, t.Head[n], formClass(f), value(cell, f))
			}
		}
		p.put("</tr>")
	}
	p.put("</tbody>\n</table>")
}

func (p *page) drive(d paper.Drive) {
	class := "good"
	if !d.Good {
		class = "bad"
	}
	p.put(`<article class="drive">`)
	p.put(`<h3 class="%s"><span>%s: %s</span> <span class="word">%s%s</span></h3>`, class, d.Name, d.Model, symbol(d.Mark), d.Word)
	p.grid(d.Columns)
	p.grid([][]paper.Pair{d.Wide})
	p.put(`</article>`)
}

func (p *page) seal(c *paper.Content) error {
	s := c.Seal
	code, err := qrPath(s.Hash)
	if err != nil {
		return err
	}
	p.put("<section aria-labelledby=\"seal\">\n<h2 id=\"seal\">%s</h2>", s.Title)
	p.put(`<div class="seal"><div>`)
	for _, l := range s.Lines {
		p.put(`<p>%s</p>`, l)
	}
	p.put(`<p>Root key <span class="code">%s</span></p>`, s.Root)
	p.put(`<p>SHA-256 of record.json <span class="code">%s</span></p>`, s.Hash)
	p.put(`<p><a download="record.json" href="%s%s">Save record.json, the signed records (%d bytes)</a></p>`,
		markup(recordURI), markup(base64.StdEncoding.EncodeToString(c.Record)), len(c.Record))
	p.put("</div>\n%s</div>\n</section>", code)
	return nil
}

// qrPath draws the hash as a QR code, each dark run of a row as one rectangle.
func qrPath(hash string) (markup, error) {
	qr, err := code.New(hash)
	if err != nil {
		return "", err
	}
	var path strings.Builder
	for r := range qr.Runs() {
		fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", r.X, r.Y, r.Length, r.Length)
	}
	return markup(fmt.Sprintf(`<svg class="qr" viewBox="-4 -4 %d %d" role="img" aria-label="QR code of the SHA-256 of record.json"><path d="%s"/></svg>`,
		qr.Side()+8, qr.Side()+8, path.String())), nil
}
