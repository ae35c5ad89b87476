package pdf

import (
	"handback.example/certs/internal/code"
	"handback.example/certs/paper"
)

// sealSection says what the paper proves and what not, with the record's hash as
// a QR code. It is the place of the signature.
func sealSection(c *canvas, s paper.Seal) error {
	qr, err := code.New(s.Hash)
	if err != nil {
		return err
	}
	const side pt = 6500
	w := inner - side - 1800
	root := "root key " + s.Root
	h := height(w, fine, root)
	for _, l := range s.Lines {
		h += height(w, small, l) + 200
	}
	heading(c, s.Title, max(h, side)+300)
	y := c.y
	drawQR(c, qr, right-side, y+100, side)
	for _, l := range s.Lines {
		c.para(left, w, small, l)
		c.y += 200
	}
	c.para(left, w, fine, root)
	h = max(c.y-y, side+200)
	c.sealBox = &box{len(c.pages), left, y - 200, inner, h + 300}
	c.y = y + h + sectionGap + 300
	return nil
}
