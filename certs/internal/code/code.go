// Package code makes the QR codes of papers, twins and labels (ISO/IEC 18004, error
// correction level M) as what each of them can draw: dark runs.
package code

import (
	"fmt"
	"iter"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

// Code is a square of modules, without the white around it.
type Code struct{ modules barcode.Barcode }

// New code of a text.
func New(text string) (Code, error) {
	b, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return Code{}, fmt.Errorf("QR code: %w", err)
	}
	return Code{b}, nil
}

// Side of the square in modules.
func (c Code) Side() int { return c.modules.Bounds().Dx() }

// Run of Length dark modules in row Y from X on, from the top left corner.
type Run struct{ X, Y, Length int }

// Runs of the code, row by row.
func (c Code) Runs() iter.Seq[Run] {
	n := c.Side()
	dark := func(x, y int) bool {
		r, _, _, _ := c.modules.At(x, y).RGBA()
		return r == 0
	}
	return func(yield func(Run) bool) {
		for y := range n {
			for x := 0; x < n; x++ {
				run := Run{X: x, Y: y}
				for x+run.Length < n && dark(x+run.Length, y) {
					run.Length++
				}
				if run.Length == 0 {
					continue
				}
				if !yield(run) {
					return
				}
				x += run.Length
			}
		}
	}
}
