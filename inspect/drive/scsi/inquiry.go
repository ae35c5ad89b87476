package scsi

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"

	"handback.example/inspect/drive"
)

var errShort = errors.New("the answer is too short or of another kind")

// Standard INQUIRY data (SPC-5 clause 6.7.2).
type Standard struct {
	Type                      byte // peripheral device type: 00h direct access, 05h optical, 0Eh reduced block
	Removable                 bool
	Vendor, Product, Revision string // clean
	Raw                       drive.Raw
}

// ParseInquiry reads standard INQUIRY data of at least 36 bytes.
func ParseInquiry(b []byte) (Standard, error) {
	if len(b) < 36 || b[0]>>5 != 0 { // qualifier 000b: a device is connected
		return Standard{}, fmt.Errorf("INQUIRY: %w", errShort)
	}
	return Standard{Type: b[0] & 0x1f, Removable: b[1]&0x80 != 0,
		Vendor: drive.Clean(b[8:16]), Product: drive.Clean(b[16:32]), Revision: drive.Clean(b[32:36]),
		Raw: drive.Raw{Model: drive.Hex(b[8:32]), Firmware: drive.Hex(b[32:36])}}, nil
}

// Model for people: the vendor unless the SAT layer put 'ATA' there, and product.
func (s Standard) Model() string {
	if s.Vendor == "" || s.Vendor == "ATA" {
		return s.Product
	}
	return drive.Clean([]byte(s.Vendor + " " + s.Product))
}

// payload of a VPD page, after its 4 bytes of header.
func payload(b []byte, page byte) ([]byte, error) {
	if len(b) < 4 || b[1] != page {
		return nil, fmt.Errorf("VPD page %02xh: %w", page, errShort)
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	return b[4:min(4+n, len(b))], nil
}

// ParseSupportedPages reads VPD page 00h.
func ParseSupportedPages(b []byte) ([]byte, error) { return payload(b, pageSupported) }

// ParseSerial reads VPD page 80h: the unit serial number, clean and in hex.
func ParseSerial(b []byte) (serial, raw string, err error) {
	p, err := payload(b, pageSerial)
	if err != nil {
		return "", "", err
	}
	return drive.Clean(p), drive.Hex(p), nil
}

// ParseIdentification finds the name of the logical unit in VPD page 83h (SPC-5
// clause 7.7.6): NAA first, else EUI-64; empty where it has neither.
func ParseIdentification(b []byte) (string, error) {
	p, err := payload(b, pageIdentification)
	if err != nil {
		return "", err
	}
	eui := ""
	for len(p) >= 4 {
		n := int(p[3])
		if 4+n > len(p) {
			break
		}
		id, unit, binaryCode := p[4:4+n], p[1]>>4&3 == 0, p[0]&0xf == 1
		switch kind := p[1] & 0xf; {
		case !unit || !binaryCode:
		case kind == 3 && (n == 8 || n == 16) && !zero(id):
			return "naa." + hex.EncodeToString(id), nil
		case kind == 2 && (n == 8 || n == 12 || n == 16) && !zero(id) && eui == "":
			eui = "eui." + hex.EncodeToString(id)
		}
		p = p[4+n:]
	}
	return eui, nil
}

// ParseATA takes the cached 512 bytes of IDENTIFY data out of VPD page 89h (SAT-4
// clause 12.4.2), where the command that made it was IDENTIFY DEVICE.
func ParseATA(b []byte) ([]byte, error) {
	if len(b) < 572 || b[1] != pageATA || b[56] != 0xec {
		return nil, fmt.Errorf("VPD page 89h: %w", errShort)
	}
	return b[60:572], nil
}

// ParseCharacteristics reads the medium rotation rate of VPD page B1h (SBC-4
// clause 6.6.2): 1 = not rotating, 0401h and up = rpm, 0 = not reported.
func ParseCharacteristics(b []byte) (uint16, error) {
	p, err := payload(b, pageCharacteristics)
	if err != nil || len(p) < 2 {
		return 0, fmt.Errorf("VPD page b1h: %w", errShort)
	}
	return binary.BigEndian.Uint16(p), nil
}

// Capacity is READ CAPACITY(16) data (SBC-4 clause 5.20.2).
type Capacity struct {
	Blocks    uint64
	BlockSize int
	Physical  int  // bytes of a physical block
	Protected bool // PROT_EN: protection information with each block
}

// ParseCapacity reads at least 16 bytes; the last address that is all ones, or
// a size beyond 63 bits, is refused.
func ParseCapacity(b []byte) (Capacity, error) {
	if len(b) < 16 {
		return Capacity{}, fmt.Errorf("READ CAPACITY(16): %w", errShort)
	}
	last, size := binary.BigEndian.Uint64(b), binary.BigEndian.Uint32(b[8:])
	if size == 0 || size > 1<<20 || last >= math.MaxInt64/uint64(size) {
		return Capacity{}, fmt.Errorf("READ CAPACITY(16): last block %d of %d bytes makes no sense", last, size)
	}
	return Capacity{Blocks: last + 1, BlockSize: int(size), Physical: int(size) << (b[13] & 0xf), Protected: b[12]&1 != 0}, nil
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
