package platform

import (
	"encoding/binary"
	"errors"
	"fmt"

	"handback.example/inspect"
)

// maxEDID: a base block and 255 extensions.
const maxEDID = 256 * 128

// parseEDID reads the base block of VESA E-EDID 1.3 and 1.4. Extensions are not
// needed: name and preferred timing stand in the base block.
func parseEDID(b []byte) (inspect.Display, error) {
	if len(b) < 128 || string(b[:8]) != "\x00\xff\xff\xff\xff\xff\xff\x00" {
		return inspect.Display{}, errors.New("it is no EDID")
	}
	b = b[:128]
	if sum(b) != 0 {
		return inspect.Display{}, errors.New("its EDID is damaged (checksum)")
	}
	d := inspect.Display{Maker: edidMaker(b), Model: edidModel(b)}
	// The first descriptor is the preferred timing (3.10.2) unless its pixel
	// clock is 0.
	if t := b[54:72]; t[0] != 0 || t[1] != 0 {
		d.Width = int(t[2]) | int(t[4]&0xf0)<<4
		d.Height = int(t[5]) | int(t[7]&0xf0)<<4
	}
	return d, nil
}

// edidMaker is three letters of five bits (3.4.1), as the UEFI registry of PNP
// IDs lists them.
func edidMaker(b []byte) string {
	id := binary.BigEndian.Uint16(b[8:])
	var name []byte
	for shift := 10; shift >= 0; shift -= 5 {
		c := byte(id>>shift) & 0x1f
		if c < 1 || c > 26 {
			return ""
		}
		name = append(name, 'A'-1+c)
	}
	return string(name)
}

// edidModel: the display's name (descriptor fch), else the text (feh) in which
// panels of laptops carry their type, else the product code.
func edidModel(b []byte) string {
	var text string
	for at := 54; at < 126; at += 18 {
		d := b[at : at+18]
		if d[0] != 0 || d[1] != 0 || d[2] != 0 {
			continue
		}
		switch d[3] {
		case 0xfc:
			if name := clean(untilNewline(d[5:])); name != "" {
				return name
			}
		case 0xfe:
			// Panels have two: the maker's name and then the type.
			if t := clean(untilNewline(d[5:])); t != "" {
				text = t
			}
		}
	}
	if text != "" {
		return text
	}
	return fmt.Sprintf("product %04x", binary.LittleEndian.Uint16(b[10:]))
}

func untilNewline(b []byte) []byte {
	for i, c := range b {
		if c == '\n' {
			return b[:i]
		}
	}
	return b
}
