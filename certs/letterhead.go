package certs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds of a logo.
const (
	maxLogo       = 8 << 10 // bytes of the PNG
	maxLogoWidth  = 600     // pixels
	maxLogoHeight = 200
)

// LogoBytes decodes the logo; nil where there is none. Only its header has been
// looked at.
func (l Letterhead) LogoBytes() ([]byte, error) {
	if l.Logo == "" {
		return nil, nil
	}
	b, err := decode(l.Logo)
	if err != nil {
		return nil, errors.New("the logo is not plain base64")
	}
	return b, CheckLogo(b)
}

func (l Letterhead) validate() error {
	if len(l.Address) > maxAddress {
		return fmt.Errorf("an address of %d lines is no address", len(l.Address))
	}
	_, err := l.LogoBytes()
	return err
}

// CheckLogo says whether a PNG may stand on a letterhead: at most 8 KiB, at most
// 600 by 200 pixels. It looks at the header alone (PNG, third edition, 5.2 and
// 11.2.1): whoever draws it decodes it.
func CheckLogo(b []byte) error {
	const header = 8 + 8 + 8 // signature; length and type of the first chunk; width and height
	start := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	switch {
	case len(b) > maxLogo:
		return fmt.Errorf("a logo of %d bytes is too large: at most %d", len(b), maxLogo)
	case len(b) < header || !bytes.HasPrefix(b, start):
		return errors.New("the logo is not a PNG")
	}
	w, h := binary.BigEndian.Uint32(b[16:]), binary.BigEndian.Uint32(b[20:])
	if w == 0 || h == 0 || w > maxLogoWidth || h > maxLogoHeight {
		return fmt.Errorf("a logo of %d x %d pixels: it must be at most %d x %d", w, h, maxLogoWidth, maxLogoHeight)
	}
	return nil
}
