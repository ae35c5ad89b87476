package html_test

import (
	"bytes"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	web "golang.org/x/net/html"
)

func parse(t testing.TB, b []byte) *web.Node {
	t.Helper()
	n, err := web.Parse(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// elements of a document, in order.
func elements(n *web.Node) (out []*web.Node) {
	for d := range n.Descendants() {
		if d.Type == web.ElementNode {
			out = append(out, d)
		}
	}
	return out
}

// outline is the document without its text: each element with its attributes, but for
// what holds the records themselves.
func outline(n *web.Node) string {
	var b strings.Builder
	for _, e := range elements(n) {
		b.WriteString("<" + e.Data)
		for _, a := range e.Attr {
			if e.Data == "a" && a.Key == "href" || e.Data == "path" {
				a.Val = ""
			}
			fmt.Fprintf(&b, " %s=%q", a.Key, a.Val)
		}
		b.WriteString(">")
	}
	return b.String()
}

// visible text of a document.
func visible(n *web.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == web.TextNode && d.Parent.Data != "style" {
			b.WriteString(d.Data + " ")
		}
	}
	return b.String()
}

func squeezed(s string) string { return strings.Join(strings.Fields(s), "") }

func attr(n *web.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *web.Node) string { return strings.TrimSpace(visible(n)) }

// May stand in a twin: element, and its attributes. Nothing else does: no script, no
// frame, no form, nothing that is fetched.
var allowed = map[string]string{
	"html": "lang", "head": "", "meta": "charset http-equiv content name", "title": "", "style": "", "body": "class", "a": "class href download",
	"header": "", "main": "id tabindex", "footer": "", "section": "class aria-label aria-labelledby", "article": "class", "div": "class", "span": "class",
	"p": "class", "strong": "", "h1": "", "h2": "id", "h3": "class", "ul": "class", "ol": "", "li": "", "dl": "", "dt": "", "dd": "class",
	"table": "role", "caption": "", "thead": "role", "tbody": "role", "tr": "role", "th": "scope role class", "td": "role class data-head", "br": "",
	"svg": "class viewbox aria-hidden focusable role aria-label", "rect": "width height", "path": "d", "img": "src alt class",
}

// What WCAG 2.2 asks of a page's structure, as far as a program can tell, and what
// keeps it from fetching or running anything.
func TestStructure(t *testing.T) {
	for _, f := range forms() {
		t.Run(f.name, func(t *testing.T) {
			doc := parse(t, make1(t, f.kind, f.v, f.by))
			var again bytes.Buffer
			if err := web.Render(&again, doc); err != nil {
				t.Fatal(err)
			}
			if outline(parse(t, again.Bytes())) != outline(doc) {
				t.Error("read, written and read again it is another document: its markup is not well formed")
			}
			all := elements(doc)
			for _, e := range all {
				may, ok := allowed[e.Data]
				if !ok {
					t.Errorf("element %s has no place in a twin", e.Data)
				}
				for _, a := range e.Attr {
					if !slices.Contains(strings.Fields(may), strings.ToLower(a.Key)) {
						t.Errorf("attribute %s of %s has no place in a twin", a.Key, e.Data)
					}
				}
			}
			checkDocument(t, all)
			checkHeadings(t, all)
			checkNames(t, all)
			checkTables(t, all)
		})
	}
}

func count(all []*web.Node, tag string) (n int) {
	for _, e := range all {
		if e.Data == tag {
			n++
		}
	}
	return n
}

func checkDocument(t *testing.T, all []*web.Node) {
	t.Helper()
	if attr(all[0], "lang") != "en-GB" {
		t.Error("the document's language is not named (3.1.1)")
	}
	for _, tag := range []string{"title", "h1", "main", "header", "footer"} {
		if count(all, tag) != 1 {
			t.Errorf("%d elements %s, want one", count(all, tag), tag)
		}
	}
	csp := false
	for _, e := range all {
		if attr(e, "http-equiv") == "Content-Security-Policy" {
			csp = strings.HasPrefix(attr(e, "content"), "default-src 'none'; style-src 'unsafe-inline'; img-src data:;")
		}
		if e.Data == "title" && text(e) == "" {
			t.Error("the title is empty (2.4.2)")
		}
	}
	if !csp {
		t.Error("nothing forbids the page to fetch and to run")
	}
}

func checkHeadings(t *testing.T, all []*web.Node) {
	t.Helper()
	last := 0
	for _, e := range all {
		if len(e.Data) != 2 || e.Data[0] != 'h' || e.Data == "hr" {
			continue
		}
		level := int(e.Data[1] - '0')
		if level > last+1 {
			t.Errorf("heading %q jumps from level %d to %d (1.3.1)", text(e), last, level)
		}
		if text(e) == "" {
			t.Errorf("a heading %s is empty", e.Data)
		}
		last = level
	}
}

func checkNames(t *testing.T, all []*web.Node) {
	t.Helper()
	ids := map[string]bool{}
	for _, e := range all {
		if id := attr(e, "id"); id != "" {
			if ids[id] {
				t.Errorf("id %q stands twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range all {
		if by := attr(e, "aria-labelledby"); by != "" && !ids[by] {
			t.Errorf("aria-labelledby names %q, which is not there", by)
		}
		switch e.Data {
		case "a":
			href := attr(e, "href")
			if text(e) == "" {
				t.Error("a link without words (2.4.4)")
			}
			if target, inside := strings.CutPrefix(href, "#"); inside && !ids[target] || !inside && !strings.HasPrefix(href, "data:application/json;base64,") {
				t.Errorf("a link leads to %.40q", href)
			}
		case "svg":
			if attr(e, "aria-hidden") != "true" && (attr(e, "role") != "img" || attr(e, "aria-label") == "") {
				t.Error("a picture has no words (1.1.1)")
			}
		case "img":
			if attr(e, "alt") == "" || !strings.HasPrefix(attr(e, "src"), "data:image/png;base64,") {
				t.Error("an image has no words (1.1.1), or is fetched")
			}
		case "dl", "ul", "ol", "section", "article":
			if text(e) == "" {
				t.Errorf("an empty %s", e.Data)
			}
		case "dd", "dt":
			if text(e) == "" {
				t.Errorf("an empty %s", e.Data)
			}
		}
	}
}

func checkTables(t *testing.T, all []*web.Node) {
	t.Helper()
	for _, e := range all {
		switch e.Data {
		case "table":
			inner := elements(e)
			if count(inner, "caption") != 1 || text(inner[0]) == "" || count(inner, "th") == 0 {
				t.Error("a table without a caption or heads (1.3.1)")
			}
		case "th":
			if s := attr(e, "scope"); s != "col" && s != "row" {
				t.Error("a head of a table without its scope (1.3.1)")
			}
		}
	}
}

var (
	ruleForm  = regexp.MustCompile(`([^{}]+)\{([^{}]*)\}`)
	colorForm = regexp.MustCompile(`(?:^|;)(color|background|fill|stroke):(#[0-9a-f]{3,6})(?:;|$)`)
)

// luminance after WCAG 2.2, 'relative luminance'.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	h := hex[1:]
	if len(h) == 3 {
		h = string([]byte{h[0], h[0], h[1], h[1], h[2], h[2]})
	}
	v := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(h[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			v += weight * c / 12.92
		} else {
			v += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return v
}

func contrast(t *testing.T, a, b string) float64 {
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// Every rule that sets a colour sets its background, and both differ by 4.5 to 1
// (WCAG 2.2, 1.4.3).
func TestContrast(t *testing.T) {
	if c := contrast(t, "#777777", "#fff"); math.Abs(c-4.48) > 0.005 { // W3C's own example, G18
		t.Fatalf("the contrast of #777 on white is computed as %.2f", c)
	}
	f := forms()[0]
	for _, e := range elements(parse(t, make1(t, f.kind, f.v, f.by))) {
		if e.Data != "style" {
			continue
		}
		rules := 0
		for _, m := range ruleForm.FindAllStringSubmatch(e.FirstChild.Data, -1) {
			set := map[string]string{}
			for _, part := range strings.Split(m[2], ";") {
				if c := colorForm.FindStringSubmatch(part); c != nil {
					set[c[1]] = c[2]
				}
			}
			if set["color"] == "" && set["background"] == "" {
				continue
			}
			rules++
			if set["color"] == "" || set["background"] == "" {
				t.Errorf("rule %q sets a colour without its background", m[1])
			} else if c := contrast(t, set["color"], set["background"]); c < 4.5 {
				t.Errorf("rule %q: contrast %.2f", m[1], c)
			}
		}
		if rules < 10 {
			t.Errorf("only %d rules with colours were found", rules)
		}
	}
}
