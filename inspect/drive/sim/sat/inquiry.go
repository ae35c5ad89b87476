package sat

import (
	"encoding/binary"

	"handback.example/inspect/drive/sim"
)

// vendor is what every SAT layer says in place of one.
const vendor = "ATA     "

// chars reads an ATA string, its padding kept: two characters are swapped in each
// word.
func chars(id []byte, from, to int) []byte {
	b := make([]byte, 2*(to-from+1))
	for i := range b {
		b[i] = id[2*from+i^1]
	}
	return b
}

// versions that the standard INQUIRY data claims: SAM-5, SBC-3, SPC-4 (no version
// of each), SAT-4.
var versions = [4]uint16{0x00a0, 0x04c0, 0x0460, 0x1f00}

// inquiry (SAT-4; the revision is the second half of the
// firmware's).
func (s *SAT) inquiry(c *command) (sim.SCSIReply, error) {
	n := int(c.be16(3))
	if c.cdb[1]&^1 != 0 {
		return s.refuse(c, badField), nil
	}
	id := s.Identity()
	if c.cdb[1]&1 != 0 {
		page := s.vitalPage(c.cdb[2], id)
		if page == nil {
			return s.refuse(c, badField), nil
		}
		return upTo(page, n)
	}
	if c.cdb[2] != 0 {
		return s.refuse(c, badField), nil
	}
	b := make([]byte, 96)
	b[2], b[3], b[4], b[7] = 0x06, 0x02, byte(len(b)-5), 0x02
	copy(b[8:], vendor)
	copy(b[16:32], chars(id, 27, 46))
	copy(b[32:36], chars(id, 25, 26))
	if string(b[32:36]) == "    " {
		copy(b[32:36], chars(id, 23, 24))
	}
	for i, v := range versions {
		binary.BigEndian.PutUint16(b[58+2*i:], v)
	}
	return upTo(b, n)
}

// vitalPages that there are. B6h is not: the drive has no zones.
var vitalPages = []byte{0x00, 0x80, 0x83, 0x89, 0xb0, 0xb1, 0xb2}

// vitalPage is a page of vital product data; nil: there is none.
func (s *SAT) vitalPage(page byte, id []byte) []byte {
	w := func(n int) uint16 { return binary.LittleEndian.Uint16(id[2*n:]) }
	var b []byte
	switch page {
	case 0x00:
		b = append(make([]byte, 4), vitalPages...)
	case 0x80: // unit serial number
		b = append(make([]byte, 4), chars(id, 10, 19)...)
	case 0x83:
		b = identification(id)
	case 0x89:
		b = s.information(id)
	case 0xb0:
		b = s.limits(w)
	case 0xb1: // block device characteristics (SBC-4)
		b = make([]byte, 64)
		binary.BigEndian.PutUint16(b[4:], w(217))
		b[7] = byte(w(168) & 0xf)
	case 0xb2: // logical block provisioning (SBC-4)
		b = make([]byte, 8)
		if w(169)&1 != 0 {
			b[5] = 0xc0 // UNMAP, WRITE SAME(16)
			if w(69)&(1<<14|1<<5) == 1<<14|1<<5 {
				b[5] |= 0x04 // reads as zeros
			}
			b[6] = 0x02 // thin
		}
	default:
		return nil
	}
	b[1] = page
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-4))
	return b
}

// identification is page 83h (SAT-4): the serial, the drive's name by
// T10 vendor, its NAA name.
func identification(id []byte) []byte {
	serial, model := chars(id, 10, 19), chars(id, 27, 46)
	b := append(make([]byte, 4), 0x02, 0x00, 0, byte(len(serial)))
	b = append(b, serial...)
	b = append(b, 0x02, 0x01, 0, byte(len(vendor)+len(model)+len(serial)))
	b = append(b, vendor...)
	b = append(append(b, model...), serial...)
	if id[175]&0xc1 == 0x41 { // word 87: valid, and there is a name
		b = append(b, 0x01, 0x03, 0, 8)
		b = append(b, chars(id, 108, 111)...)
	}
	return b
}

// information is page 89h (SAT-4): the layer's name, the device
// signature, IDENTIFY DEVICE.
func (s *SAT) information(id []byte) []byte {
	b := make([]byte, 572)
	copy(b[8:], "HANDBACK")
	copy(b[16:], "drive model     ")
	copy(b[32:], "1   ")
	b[36], b[37] = 0x34, 0x80 // a register FIS to the host
	b[38], b[39] = 0x50, 0x01 // status, error
	b[40], b[48] = 0x01, 0x01 // LBA 7:0, count
	b[56] = 0xec
	copy(b[60:], id)
	return b
}

// limits is page B0h (SBC-4).
func (s *SAT) limits(w func(int) uint16) []byte {
	b := make([]byte, 64)
	b[4] = 0x01 // WSNZ
	binary.BigEndian.PutUint16(b[6:], 1<<exponent(w))
	binary.BigEndian.PutUint32(b[8:], maxTransfer-1)
	if w(169)&1 != 0 {
		binary.BigEndian.PutUint32(b[20:], trimMost)
		binary.BigEndian.PutUint32(b[24:], unmapMost)
		binary.BigEndian.PutUint32(b[28:], 1)
		binary.BigEndian.PutUint64(b[36:], trimMost)
	}
	return b
}

// exponent of logical sectors in a physical one (word 106).
func exponent(w func(int) uint16) uint16 {
	if v := w(106); v>>14 == 1 && v&(1<<13) != 0 {
		return v & 0xf
	}
	return 0
}
