package platform

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"handback.example/inspect"
)

// maxEDID: a base block and 255 extensions.
const maxEDID = 256 * 128

// parseEDID reads the base block of VESA E-EDID 1.3 and 1.4. Extensions are not
// needed: name and preferred timing stand in the base block. A block with a wrong
// checksum is read and says so: a cable or a worn panel spoils single bits.
func parseEDID(b []byte) (inspect.Display, error) {
	if len(b) < 128 || string(b[:8]) != "\x00\xff\xff\xff\xff\xff\xff\x00" {
		return inspect.Display{}, errors.New("it is no EDID")
	}
	b = b[:128]
	d := inspect.Display{Maker: edidMaker(b), Model: edidText(b, 0xfc), Serial: edidSerial(b), Year: edidYear(b)}
	if d.Model == "" {
		// Panels of laptops have no name; of their texts the last is the type.
		if d.Model = edidText(b, 0xfe); d.Model == "" {
			d.Model = fmt.Sprintf("product %04x", binary.LittleEndian.Uint16(b[10:]))
		}
	}
	if sum(b) != 0 {
		d.Problem = "its EDID is damaged (checksum)"
	}
	width, height := int(b[21])*10, int(b[22])*10 // 3.6.2, cm
	// The first descriptor is the preferred timing (3.10.2) unless its pixel
	// clock is 0; it gives the picture's size in mm.
	if t := b[54:72]; t[0] != 0 || t[1] != 0 {
		d.Width = int(t[2]) | int(t[4]&0xf0)<<4
		d.Height = int(t[5]) | int(t[7]&0xf0)<<4
		if w, h := int(t[12])|int(t[14]&0xf0)<<4, int(t[13])|int(t[14]&0x0f)<<8; w > 0 && h > 0 {
			width, height = w, h
		}
	}
	if b[21] > 0 && b[22] > 0 { // a projector, or an aspect ratio in place of a size
		d.DiagonalMM = int(math.Round(math.Hypot(float64(width), float64(height))))
	}
	return d, nil
}

// edidYear of manufacture or of the model (3.4.4). Some give none, some nonsense.
func edidYear(b []byte) int {
	year := 1990 + int(b[17])
	if b[17] < 5 || b[17] > 60 { // before EDID, or far ahead
		return 0
	}
	return year
}

// edidSerial: the text of descriptor ffh, else the number (3.4.3) where it is one.
func edidSerial(b []byte) string {
	if text := edidText(b, 0xff); text != "" {
		return text
	}
	switch n := binary.LittleEndian.Uint32(b[12:]); n {
	case 0, 1, 0x01010101, 0xffffffff:
		return ""
	default:
		return fmt.Sprintf("%08x", n)
	}
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

// edidText of the descriptors with a tag (3.10.3): fch is the name, feh text, ffh
// the serial number. Of several the last counts: panels have their maker's name
// and then the type.
func edidText(b []byte, tag byte) (text string) {
	for at := 54; at < 126; at += 18 {
		d := b[at : at+18]
		if d[0] != 0 || d[1] != 0 || d[2] != 0 || d[3] != tag {
			continue
		}
		if t := clean(untilNewline(d[5:])); t != "" {
			text = t
		}
	}
	return text
}

func untilNewline(b []byte) []byte {
	for i, c := range b {
		if c == '\n' {
			return b[:i]
		}
	}
	return b
}
