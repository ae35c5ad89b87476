package pdf_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/png"
)

// logo of a made-up department: a disc and three bars, on a transparent ground.
func logo() string {
	m := image.NewPaletted(image.Rect(0, 0, 240, 80), color.Palette{color.Transparent, color.RGBA{16, 42, 82, 255}})
	for y := range 80 {
		for x := range 240 {
			disc := (x-40)*(x-40)+(y-40)*(y-40) < 38*38 && (x+y)%20 > 5
			bar := x > 95 && y > 8 && y < 72 && y%24 > 10
			if disc || bar {
				m.SetColorIndex(x, y, 1)
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(b.Bytes())
}
