package pdf

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// logo of a letterhead as plain pixels: red, green, blue, from the top left.
type logo struct {
	w, h   int
	pixels []byte
}

// readLogo decodes a PNG whose header certs.CheckLogo has looked at, on white where it
// is transparent. nil: there is none, or it can't be drawn.
func readLogo(b []byte) *logo {
	if len(b) == 0 {
		return nil
	}
	src, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		return nil
	}
	size := src.Bounds().Size()
	onWhite := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(onWhite, onWhite.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(onWhite, onWhite.Bounds(), src, src.Bounds().Min, draw.Over)
	l := &logo{w: size.X, h: size.Y, pixels: make([]byte, 0, 3*size.X*size.Y)}
	for i := 0; i < len(onWhite.Pix); i += 4 {
		l.pixels = append(l.pixels, onWhite.Pix[i:i+3]...)
	}
	return l
}

// fit into a box without a change of its proportions, and never larger than one point
// a pixel.
func (l *logo) fit(w, h pt) (pt, pt) {
	lw, lh := pt(l.w)*100, pt(l.h)*100
	if lw > w {
		lw, lh = w, lh*w/lw
	}
	if lh > h {
		lw, lh = lw*h/lh, h
	}
	return max(lw, 1), max(lh, 1)
}
