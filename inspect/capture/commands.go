package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"

	"handback.example/inspect/drive"
)

// hexBytes are written as text in hex.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// answer of a drive as it may be kept, in a buffer of the length that was asked for:
// offsets are those of the standards. What is a maker's own is blotted out.
func (c concealer) answer(x *exchange, b []byte) {
	f := []byte(x.Frame)
	switch {
	case len(f) == 0:
	case x.Protocol == drive.ProtocolNVMe:
		c.nvme(f, b)
	case x.Protocol == drive.ProtocolMMC:
		if len(b) == 512 { // EXT_CSD: VENDOR_SPECIFIC_FIELD (JESD84-B51 clause 7.4)
			clear(b[64:128])
		}
	case f[0] == 0x12 && len(f) >= 6:
		c.inquiry(f[1]&1 != 0, f[2], b)
	case f[0] == 0x85 && len(f) == 16:
		c.ata(f[14], f[4], b)
	case f[0] == 0xa1 && len(f) == 12:
		c.ata(f[9], f[3], b)
	case f[0] == 0x7f && len(f) == 32:
		c.ata(f[25], f[21], b)
	}
}

// ata answers, by command and feature (ACS-4).
func (c concealer) ata(command, feature byte, b []byte) {
	switch {
	case command == 0xec && len(b) >= 512:
		c.identify(b[:512])
	case command == 0xb0 && feature == 0xd0 && len(b) >= 512: // SMART READ DATA, 7.48
		clear(b[386:511])
		b[511] -= sum(b[:512])
	}
}

// identify is IDENTIFY DEVICE data (ACS-4, 7.12): the serial number in words 10 to 19,
// the WWN in 108 to 111, the medium's in 176 to 205; 129 to 159 are the maker's own.
// The checksum is right after it if it was before.
func (c concealer) identify(b []byte) {
	whole := b[510] == 0xa5 && sum(b) == 0
	c.swappedText(b[20:40])
	clear(b[258:320])
	c.swappedText(b[352:412])
	if wwn := b[216:224]; wwn[1]>>4 == 5 || wwn[1]>>4 == 6 {
		copy(wwn, swapped(string(wwn)))
		c.id(wwn)
		copy(wwn, swapped(string(wwn)))
	}
	if whole {
		b[511] -= sum(b)
	}
}

func (c concealer) swappedText(b []byte) {
	text := []byte(swapped(string(b)))
	c.bytes(text)
	copy(b, swapped(string(text)))
}

// inquiry data and its pages (SPC-5, 6.7 and 7.7).
func (c concealer) inquiry(vital bool, page byte, b []byte) {
	if len(b) < 4 {
		clear(b)
		return
	}
	if !vital { // bytes 36 to 55 and from 96 on are the maker's own
		clear(b[min(36, len(b)):min(56, len(b))])
		clear(b[min(96, len(b)):])
		return
	}
	end := min(4+int(binary.BigEndian.Uint16(b[2:])), len(b))
	switch {
	case page == 0x80:
		c.bytes(b[4:end])
	case page == 0x83:
		c.designators(b[4:end])
	case page == 0x89 && len(b) >= 572: // ATA Information: IDENTIFY data from byte 60 on
		c.identify(b[60:572])
	case page == 0x00, page >= 0xb0 && page < 0xc0:
	default:
		clear(b[4:])
	}
}

// designators of page 83h: numbers in binary, text in ASCII or UTF-8.
func (c concealer) designators(b []byte) {
	for len(b) >= 4 {
		n := int(b[3])
		if 4+n > len(b) {
			clear(b[4:])
			return
		}
		if value := b[4 : 4+n]; b[0]&0xf == 1 {
			if kind := b[1] & 0xf; kind != 4 && kind != 5 { // relative port and port group are small numbers
				c.id(value)
			}
		} else {
			c.bytes(value)
		}
		b = b[4+n:]
	}
	clear(b)
}

// nvme answers, by opcode and CNS (NVM Express Base 2.0, figures 273 to 312).
func (c concealer) nvme(f, b []byte) {
	if f[0] != 0x06 || len(f) != 64 {
		return
	}
	switch cns := f[40]; {
	case cns == 0x01 && len(b) >= 4096:
		c.bytes(b[4:24])
		c.id(b[112:128])
		c.bytes(b[768:1024])
		clear(b[3072:4096])
	case cns == 0x00 && len(b) >= 4096:
		c.id(b[104:120])
		c.id(b[120:128])
		clear(b[384:])
	case cns == 0x03:
		for at := 0; at+4 <= len(b) && b[at] != 0; {
			n := int(b[at+1])
			if at+4+n > len(b) {
				clear(b[at+4:])
				return
			}
			if b[at] != 4 { // the command set: a number of the standard
				c.id(b[at+4 : at+4+n])
			}
			at += 4 + n
		}
	}
}

// archive that may be given away. Nodes are the caller's own; drives are not.
func (c concealer) archive(a archive) archive {
	for _, name := range sortedNames(a.tree) {
		n := a.tree[name]
		if !n.read || n.unread != nil {
			continue
		}
		if n.data, n.read = c.file(name, n.data); !n.read {
			a.manifest.Withheld = append(a.manifest.Withheld, name)
		}
	}
	for i, d := range a.drives {
		a.drives[i] = c.drive(d)
	}
	if a.machine.TPM != nil {
		v := *a.machine.TPM
		v.EKHash.Value = c.text(v.EKHash.Value)
		a.machine.TPM = &v
	}
	if a.machine.AMT != nil {
		v := *a.machine.AMT
		a.machine.AMT = &v
	}
	return c.replaced(a)
}

func (c concealer) drive(d *driveRecord) *driveRecord {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := &driveRecord{Path: d.Path, Geometry: d.Geometry, Provenance: d.Provenance, Namespace: d.Namespace, Contents: d.Contents, Unopened: d.Unopened, Unidentified: d.Unidentified}
	for _, x := range d.commands {
		v := *x
		b := make([]byte, x.Length)
		copy(b, x.Data)
		c.answer(&v, b)
		v.Data = bytes.TrimRight(b, "\x00")
		out.commands = append(out.commands, &v)
	}
	return out
}
