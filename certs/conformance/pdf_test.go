package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jung-kurt/gofpdf"

	"handback.example/certs/conformance"
)

// The sheet as a PDF: A4 across, a table for each standard. Millimetres and points.
const (
	margin = 12.0
	line   = 3.7 // height of a line
	pad    = 1.2 // above and below a row's text
)

var shares = []float64{24, 56, 98, 95} // of the columns; they add up to the page

func pdf(t *testing.T) []byte {
	t.Helper()
	p := gofpdf.New("L", "mm", "A4", "")
	p.SetCatalogSort(true)
	p.SetCreationDate(time.Unix(0, 0).UTC())
	p.SetModificationDate(time.Unix(0, 0).UTC())
	p.SetTitle("Handback: "+conformance.Title, true)
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(false, margin)
	for style, file := range map[string]string{"": "sans", "B": "bold"} {
		ttf, err := os.ReadFile("../pdf/fonts/" + file + ".ttf")
		if err != nil {
			t.Fatal(err)
		}
		p.AddUTF8FontFromBytes("noto", style, ttf)
	}
	p.SetFooterFunc(func() {
		p.SetFont("noto", "", 7)
		p.SetXY(margin, 210-margin)
		p.CellFormat(0, line, fmt.Sprintf("Handback: %s, page %d", strings.ToLower(conformance.Title), p.PageNo()), "", 0, "R", false, 0, "")
	})
	p.AddPage()
	p.SetFont("noto", "B", 16)
	p.MultiCell(0, 8, "Handback: "+strings.ToLower(conformance.Title), "", "L", false)
	p.SetFont("noto", "", 9)
	p.MultiCell(0, 4.5, conformance.Preface, "", "L", false)
	for _, part := range conformance.Sheet {
		drawPart(p, part)
	}
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func drawPart(p *gofpdf.Fpdf, part conformance.Part) {
	if p.GetY() > 150 {
		p.AddPage()
	}
	p.Ln(5)
	p.SetFont("noto", "B", 11)
	p.SetTextColor(16, 42, 82)
	p.MultiCell(0, 6, part.Name, "", "L", false)
	p.SetTextColor(17, 24, 32)
	if part.About != "" {
		p.SetFont("noto", "", 8.5)
		p.MultiCell(0, 4.2, part.About, "", "L", false)
	}
	p.Ln(1.5)
	drawRow(p, conformance.Head, "B")
	for _, l := range part.Lines {
		drawRow(p, l.Cells(), "")
	}
}

// drawRow keeps a row on one page; the state's first line is set bold.
func drawRow(p *gofpdf.Fpdf, cells []string, style string) {
	p.SetFont("noto", style, 7.5)
	wrapped := make([][]string, len(cells))
	lines := 0
	for i, c := range cells {
		for _, part := range strings.Split(c, "\n") {
			wrapped[i] = append(wrapped[i], p.SplitText(part, shares[i]-2)...)
		}
		lines = max(lines, len(wrapped[i]))
	}
	h := float64(lines)*line + 2*pad
	if p.GetY()+h > 210-2*margin {
		p.AddPage()
		if style == "" {
			drawRow(p, conformance.Head, "B")
			p.SetFont("noto", "", 7.5)
		}
	}
	y, x := p.GetY(), margin
	if style != "" {
		p.SetFillColor(240, 242, 245)
		p.Rect(margin, y, 297-2*margin, h, "F")
	}
	for i, w := range wrapped {
		for n, s := range w {
			if style == "" {
				p.SetFont("noto", map[bool]string{true: "B"}[i == 2 && n == 0], 7.5)
			}
			p.SetXY(x, y+pad+float64(n)*line)
			p.CellFormat(shares[i], line, s, "", 0, "L", false, 0, "")
		}
		x += shares[i]
	}
	p.SetDrawColor(188, 194, 200)
	p.Line(margin, y+h, 297-margin, y+h)
	p.SetXY(margin, y+h)
}

func TestPDF(t *testing.T) {
	const file = "../CONFORMANCE.pdf"
	got := pdf(t)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(b, got) {
		t.Errorf("%s is not what the sheet gives (%v): go test ./certs/conformance -update", file, err)
	}
}
