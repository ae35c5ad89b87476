package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

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
		if len(b) == 512 { // EXT_CSD: VENDOR_SPECIFIC_FIELD, VENDOR_PROPRIETARY_HEALTH_REPORT (JESD84-B51 clause 7.4)
			clear(b[64:128])
			clear(b[270:302])
		}
	case f[0] == 0x03: // REQUEST SENSE
		sense(b)
	case f[0] == 0xa2 && len(f) == 12:
		discovery(b)
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
	case command == 0x5c, command == 0x5d:
		discovery(b)
	}
}

// discovery is TCG level 0 discovery, the one answer of a security protocol that is
// asked for (Core clause 3.3.6): bytes 16 to 47 are the maker's own, and so are the
// features from C000h on. One that makes no sense makes none afterwards.
func discovery(b []byte) {
	const header = 48
	if len(b) < header {
		clear(b)
		return
	}
	n := uint64(binary.BigEndian.Uint32(b)) + 4
	if n < header || n > uint64(len(b)) {
		clear(b[4:])
		return
	}
	clear(b[16:header])
	clear(b[n:])
	for b = b[header:n]; len(b) >= 4; {
		n := 4 + int(b[3])
		if n > len(b) {
			clear(b[4:])
			return
		}
		if b[0] >= 0xc0 {
			clear(b[4:n])
		}
		b = b[n:]
	}
}

// senseKept are the descriptors of sense data, by their type, that hold numbers of
// blocks, states, progress and the registers of an ATA drive, and their lengths (SPC-5,
// 4.4.2, and SAT-4 12.2.2.7).
var senseKept = map[byte]int{0x00: 10, 0x01: 10, 0x02: 6, 0x03: 2, 0x04: 2, 0x05: 2, 0x09: 12, 0x0a: 6, 0x0d: 30}

// sense data of SCSI: what stands behind byte 17 of the fixed format is the maker's own,
// and so are other formats; so may be descriptors that are not known.
func sense(b []byte) {
	if len(b) == 0 {
		return
	}
	switch b[0] & 0x7f {
	case 0x70, 0x71:
		clear(b[min(18, len(b)):])
		return
	case 0x72, 0x73:
	default:
		clear(b[1:])
		return
	}
	if len(b) < 8 {
		return
	}
	end := min(8+int(b[7]), len(b))
	clear(b[end:])
	for d := b[8:end]; len(d) >= 2; {
		n := min(2+int(d[1]), len(d))
		if length, ok := senseKept[d[0]]; !ok || n != 2+length {
			clear(d[2:n])
		}
		d = d[n:]
	}
}

// senseInText is what an error says of a command that failed (drive.StatusError).
var senseInText = regexp.MustCompile(`(device status [0-9a-f]{4}, sense )([0-9a-f]{2}(?: [0-9a-f]{2})*)`)

func senseText(s string) string {
	return senseInText.ReplaceAllStringFunc(s, func(s string) string {
		v := senseInText.FindStringSubmatch(s)
		b, _ := unhex(strings.ReplaceAll(v[2], " ", ""))
		sense(b)
		return fmt.Sprintf("%s% x", v[1], b)
	})
}

// identify is IDENTIFY DEVICE data (ACS-4, 7.12): the serial number in words 10 to 19,
// the WWN in 108 to 111, the medium's in 176 to 205; 129 to 159 are the maker's own.
// The checksum is right after it if it was, and as wrong as it was.
func (c concealer) identify(b []byte) {
	was := sum(b)
	c.swappedText(b[20:40])
	clear(b[258:320])
	c.swappedText(b[352:412])
	if wwn := b[216:224]; wwn[1]>>4 == 5 || wwn[1]>>4 == 6 {
		copy(wwn, swapped(string(wwn)))
		c.id(wwn)
		copy(wwn, swapped(string(wwn)))
	}
	if b[510] == 0xa5 {
		b[511] += was - sum(b)
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
	if len(f) != 64 {
		return
	}
	if f[0] == 0x82 { // Security Receive
		discovery(b)
	}
	if f[0] != 0x06 {
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
		if v.Protocol == drive.ProtocolSCSI {
			v.Sense = bytes.Clone(x.Sense)
			sense(v.Sense)
		}
		out.commands = append(out.commands, &v)
	}
	return out
}
