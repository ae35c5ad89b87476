package label

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/jung-kurt/gofpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"handback.example/certs/internal/code"
)

// PDF of the label, one page of its size.
func (l Label) PDF(size Size) ([]byte, error) {
	lines, place, err := l.layout(size)
	if err != nil {
		return nil, err
	}
	w, h, err := size.millimetres()
	if err != nil {
		return nil, err
	}
	qr, err := code.New(l.code())
	if err != nil {
		return nil, fmt.Errorf("label: %w", err)
	}
	p := gofpdf.NewCustom(&gofpdf.InitType{OrientationStr: "P", UnitStr: "mm", Size: gofpdf.SizeType{Wd: w, Ht: h}})
	p.SetCatalogSort(true)
	p.SetCreationDate(time.Unix(0, 0))
	p.SetModificationDate(time.Unix(0, 0))
	p.SetAutoPageBreak(false, 0)
	p.SetMargins(0, 0, 0)
	p.SetCellMargin(0)
	p.SetTitle("Label of visit "+l.Visit, true)
	// The library writes into the font that it is given.
	p.AddUTF8FontFromBytes("r", "", slices.Clone(goregular.TTF))
	p.AddUTF8FontFromBytes("b", "", slices.Clone(gobold.TTF))
	p.AddPage()
	for _, t := range lines {
		drawLine(p, t)
	}
	drawCode(p, qr, place)
	var b bytes.Buffer
	if err := p.Output(&b); err != nil {
		return nil, fmt.Errorf("label: %w", err)
	}
	return b.Bytes(), nil
}

const pointsPerMM = 72 / 25.4

// drawLine fills the box's height with the text, or its width where that is less.
func drawLine(p *gofpdf.Fpdf, t line) {
	if t.text == "" {
		return
	}
	inner, x := t.w, t.x
	p.SetTextColor(0, 0, 0)
	if t.bar {
		p.SetFillColor(0, 0, 0)
		p.Rect(t.x, t.y, t.w, t.h, "F")
		p.SetTextColor(255, 255, 255)
		inner, x = t.w-t.h/2, t.x+t.h/4
	}
	p.SetFont(map[bool]string{false: "r", true: "b"}[t.bold], "", 10)
	points := min(t.h*pointsPerMM, 10*inner/p.GetStringWidth(t.text))
	if t.bar {
		points = min(points, 0.85*t.h*pointsPerMM)
	}
	p.SetFontSize(points)
	if t.bar {
		x = t.x + (t.w-p.GetStringWidth(t.text))/2
	}
	// Capitals of the Go fonts are 0.72 of their size high: they stand in the middle.
	p.Text(x, t.y+t.h/2+0.36*points/pointsPerMM, t.text)
}

func drawCode(p *gofpdf.Fpdf, qr code.Code, place [3]float64) {
	m := place[2] / float64(qr.Side())
	p.SetFillColor(0, 0, 0)
	for r := range qr.Runs() {
		p.Rect(place[0]+m*float64(r.X), place[1]+m*float64(r.Y), m*float64(r.Length), m, "F")
	}
}
