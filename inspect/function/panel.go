package function

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Picture is one of the pictures of the screen test.
type Picture int

// Pictures, in their order. Dark spots show on the light ones, bright ones on black;
// a dead colour shows as a spot on its own; the ramp shows lines and steps.
const (
	PictureBlack Picture = iota
	PictureWhite
	PictureRed
	PictureGreen
	PictureBlue
	PictureRamp
	PictureGrid
	Pictures // how many there are
)

// String names a picture.
func (p Picture) String() string {
	names := [Pictures]string{"black", "white", "red", "green", "blue", "grey, from dark to light", "a grid"}
	if p < 0 || p >= Pictures {
		return "no picture"
	}
	return names[p]
}

// gridStep in pixels.
const gridStep = 32

// colour of a pixel, 8 bits a channel.
func (p Picture) colour(x, y int, g ScreenGeometry) (r, gr, b byte) {
	switch p {
	case PictureWhite:
		return 255, 255, 255
	case PictureRed:
		return 255, 0, 0
	case PictureGreen:
		return 0, 255, 0
	case PictureBlue:
		return 0, 0, 255
	case PictureRamp:
		v := byte(x * 255 / max(g.Width-1, 1))
		return v, v, v
	case PictureGrid:
		if x%gridStep == 0 || y%gridStep == 0 || x == g.Width-1 || y == g.Height-1 {
			return 255, 255, 255
		}
	}
	return 0, 0, 0
}

// ScreenGeometry of a frame buffer, as the kernel tells it.
type ScreenGeometry struct {
	Width, Height    int // pixels
	offset           int64
	line             int // bytes from one line to the next
	pixel            int // bytes
	red, green, blue channel
}

// channel of a pixel: where its bits are, and how many.
type channel struct{ at, bits uint32 }

func (c channel) of(v byte) uint32 {
	if c.bits > 8 {
		return uint32(v) << (c.at + c.bits - 8)
	}
	return uint32(v) >> (8 - c.bits) << c.at
}

// Sizes of the kernel's answers on a 64-bit machine: struct fb_var_screeninfo and
// struct fb_fix_screeninfo (linux/fb.h).
const (
	varScreenSize = 160
	fixScreenSize = 80
)

// maxSide of a panel in pixels.
const maxSide = 1 << 15

var errScreen = errors.New("the display is of a kind that pictures can't be drawn on")

// ParseScreen reads the answers to FBIOGET_VSCREENINFO and FBIOGET_FSCREENINFO.
func ParseScreen(variable, fixed []byte) (g ScreenGeometry, err error) {
	if len(variable) < varScreenSize || len(fixed) < fixScreenSize {
		return g, errScreen
	}
	u := func(at int) uint32 { return binary.NativeEndian.Uint32(variable[at:]) }
	const packed, trueColour, directColour = 0, 2, 4 // FB_TYPE_PACKED_PIXELS, FB_VISUAL_
	kind, visual := binary.NativeEndian.Uint32(fixed[28:]), binary.NativeEndian.Uint32(fixed[36:])
	line := binary.NativeEndian.Uint32(fixed[48:])
	bits := u(24)
	g.red, g.green, g.blue = channel{u(32), u(36)}, channel{u(44), u(48)}, channel{u(56), u(60)}
	switch {
	case kind != packed || visual != trueColour && visual != directColour, bits != 16 && bits != 24 && bits != 32,
		u(0) == 0 || u(0) > maxSide || u(4) == 0 || u(4) > maxSide, u(16) > maxSide || u(20) > maxSide,
		line < (u(0)+u(16))*bits/8 || line > maxSide*8:
		return ScreenGeometry{}, errScreen
	}
	for _, c := range []channel{g.red, g.green, g.blue} {
		if c.bits == 0 || c.bits > 16 || c.at > bits || c.at+c.bits > bits {
			return ScreenGeometry{}, errScreen
		}
	}
	g.Width, g.Height, g.line, g.pixel = int(u(0)), int(u(4)), int(line), int(bits/8)
	g.offset = int64(u(20))*int64(line) + int64(u(16))*int64(g.pixel)
	return g, nil
}

// Paint covers every pixel of a display with a picture.
func (p Picture) Paint(w io.WriterAt, g ScreenGeometry) error {
	if g.Width == 0 || p < 0 || p >= Pictures {
		return errScreen
	}
	line := make([]byte, g.Width*g.pixel)
	for y := range g.Height {
		if y == 0 || p == PictureGrid {
			p.draw(line, y, g)
		}
		if _, err := w.WriteAt(line, g.offset+int64(y)*int64(g.line)); err != nil {
			return fmt.Errorf("the display can't be drawn on: %w", err)
		}
	}
	return nil
}

// draw one line of the picture.
func (p Picture) draw(line []byte, y int, g ScreenGeometry) {
	for x := range g.Width {
		r, gr, b := p.colour(x, y, g)
		v := g.red.of(r) | g.green.of(gr) | g.blue.of(b)
		for i := range g.pixel {
			line[x*g.pixel+i] = byte(v >> (8 * i))
		}
	}
}

// Size in pixels.
func (g ScreenGeometry) Size() (width, height int) { return g.Width, g.Height }
