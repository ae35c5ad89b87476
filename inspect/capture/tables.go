package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
)

func unhex(s string) ([]byte, bool) {
	b, err := hex.DecodeString(s)
	return b, err == nil
}

// hexText writes b in place of a text in hex, with the blanks that this had.
func hexText(b, was []byte) []byte {
	text := bytes.TrimSpace(was)
	return bytes.Replace(was, text, []byte(hex.EncodeToString(b)), 1)
}

// number that is short is replaced in all its bytes, where it stands.
func (n *names) number(b []byte) {
	if bytes.Count(b, b[:1]) == len(b) {
		return
	}
	was := string(b)
	sub, err := hex.DecodeString(n.sub(upper(hex.EncodeToString(b)), 0))
	if err != nil {
		panic("a number in hex has a substitute of another shape")
	}
	copy(b, sub)
	n.ids[was] = string(b)
}

// smbiosNames are the strings of each structure that name one machine or part, by the
// offset of their number: serial numbers and asset tags (DSP0134 3.7, 7.2 to 7.40).
var smbiosNames = map[byte][]int{1: {0x07}, 2: {0x07, 0x08}, 3: {0x07, 0x08}, 4: {0x20, 0x21}, 17: {0x18, 0x19}, 22: {0x07}, 39: {0x08, 0x09}}

// smbiosKinds are those that say what a thing is. The string of any other structure is
// blotted out: type 11, 12 and those of makers hold what anybody wrote there.
var smbiosKinds = map[byte][]int{
	0: {0x04, 0x05, 0x08}, 1: {0x04, 0x05, 0x06, 0x19, 0x1a}, 2: {0x04, 0x05, 0x06, 0x0a}, 3: {0x04, 0x06}, 4: {0x04, 0x07, 0x10, 0x22},
	7: {0x04}, 8: {0x04, 0x06}, 9: {0x04}, 16: {}, 17: {0x10, 0x11, 0x17, 0x1a, 0x2b}, 22: {0x04, 0x05, 0x06, 0x08, 0x0e, 0x14},
	24: {}, 39: {0x05, 0x06, 0x07, 0x0a, 0x0b}, 41: {0x04}, 43: {0x12}}

// smbios is a table whose structures keep their lengths.
func (c concealer) smbios(b []byte) []byte {
	for at := 0; at+4 <= len(b); {
		kind, n := b[at], int(b[at+1])
		if n < 4 || at+n > len(b) {
			blot(b[at+4:]) // damaged, and nobody knows what it holds
			return b
		}
		end := bytes.Index(b[at+n:], []byte{0, 0})
		if end < 0 {
			blot(b[at+4:])
			return b
		}
		c.structure(kind, b[at:at+n], b[at+n:at+n+end])
		if kind == 127 {
			clear(b[at+n:])
			return b
		}
		at += n + end + 2
	}
	return b
}

func (c concealer) structure(kind byte, data, text []byte) {
	switch {
	case kind == 1 && len(data) >= 0x18:
		c.guid(data[0x08:0x18])
	case kind == 22 && len(data) >= 0x12:
		c.number(data[0x10:0x12]) // the serial number of a smart battery
	case kind >= 128, kind == 42: // a maker's own; a management controller's address
		clear(data[4:])
	}
	numbers := func(offsets []int) (all []int) {
		for _, o := range offsets {
			if o < len(data) && data[o] > 0 {
				all = append(all, int(data[o]))
			}
		}
		return all
	}
	named, told := numbers(smbiosNames[kind]), numbers(smbiosKinds[kind])
	if kind == 3 && len(data) > 0x14 { // the enclosure's SKU stands behind its elements (7.4)
		if at := 0x15 + int(data[0x13])*int(data[0x14]); at < len(data) {
			told = append(told, int(data[at]))
		}
	}
	start := 0
	for i := 1; start <= len(text); i++ {
		s, _, _ := bytes.Cut(text[start:], []byte{0})
		switch {
		case slices.Contains(named, i):
			copy(s, c.tag(string(s)))
		case !slices.Contains(told, i):
			blot(s)
		}
		start += len(s) + 1
	}
}

// blot a text out: its length stays.
func blot(s []byte) {
	for i := range s {
		s[i] = 'x'
	}
}

// descriptorsKept of a display hold timings, ranges and colours (3.10.3).
var descriptorsKept = []byte{0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfd}

// edid keeps the base block without its serial number: 3.4.3, and the descriptor ffh.
// Of descriptor feh, a text, the panels of laptops have their type there; monitors may
// have anything. Extensions are blotted out, and so are the makers' own descriptors, 00h
// to 0fh, and all that are not known.
func (c concealer) edid(b []byte) []byte {
	if len(b) < 128 {
		blot(b)
		return b
	}
	base := b[:128]
	damaged := sum(base)
	switch binary.LittleEndian.Uint32(base[12:]) {
	case 0, 1, 0x01010101, 0xffffffff: // no serial number
	default:
		c.number(base[12:16])
	}
	hasName := false
	each := func(do func(tag byte, text []byte)) {
		for at := 54; at < 126; at += 18 {
			switch d := base[at : at+18]; {
			case d[0] != 0 || d[1] != 0: // a timing
			case d[2] == 0 && d[3] >= 0xfc && d[3] != 0xfd:
				text := d[5:]
				if i := bytes.IndexByte(text, '\n'); i >= 0 {
					text = text[:i]
				}
				do(d[3], text)
			case d[2] != 0 || !slices.Contains(descriptorsKept, d[3]):
				clear(d[4:])
			}
		}
	}
	each(func(tag byte, _ []byte) { hasName = hasName || tag == 0xfc })
	each(func(tag byte, text []byte) {
		if tag == 0xff || tag == 0xfe && hasName {
			c.bytes(text)
		}
	})
	base[127] += damaged - sum(base) // right if it was, and as wrong as it was
	clear(b[128:])
	return b
}

func sum(b []byte) (s byte) {
	for _, v := range b {
		s += v
	}
	return s
}

// plainVariables hold numbers and choices only (UEFI 2.10, 3.3).
var plainVariables = []string{"BootCurrent", "BootOrder", "BootNext", "BootOptionSupport", "SecureBoot", "SetupMode", "AuditMode", "DeployedMode", "Timeout", "OsIndications", "OsIndicationsSupported", "VendorKeys", "PlatformLang", "LoaderTimeInitUSec"}

// variable of UEFI, behind the four bytes of attributes that the kernel puts before
// it. What is not known to be plain is blotted out, and keeps its length.
func (c concealer) variable(name string, b []byte) []byte {
	name, _, _ = strings.Cut(name, "-")
	switch {
	case slices.Contains(plainVariables, name), len(b) <= 4:
	case len(name) == 8 && strings.HasPrefix(name, "Boot") && strings.Trim(name[4:], "0123456789ABCDEF") == "":
		c.loadOption(b[4:])
	default:
		clear(b[4:])
	}
	return b
}

// loadOption is EFI_LOAD_OPTION (UEFI 2.10, 3.1.3): attributes, the length of the
// device path, the name, the path, and what is for the program alone.
func (c concealer) loadOption(b []byte) {
	if len(b) < 8 {
		clear(b)
		return
	}
	length, b := int(binary.LittleEndian.Uint16(b[4:])), b[6:]
	end := 0
	for end+1 < len(b) && (b[end] != 0 || b[end+1] != 0) {
		end += 2
	}
	c.wideText(b[:end])
	if b = b[min(end+2, len(b)):]; length > len(b) {
		clear(b)
		return
	}
	clear(b[length:])
	for b = b[:length]; len(b) >= 4; {
		n := int(binary.LittleEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			clear(b[4:])
			return
		}
		c.pathNode(b[0], b[1], b[4:n])
		b = b[n:]
	}
	clear(b)
}

// pathNode of a device path (UEFI 2.10, 10.3): places in the machine stay, and where
// on a drive a partition lies; what names a drive, a network or a folder does not.
func (c concealer) pathNode(kind, sub byte, data []byte) {
	switch [2]byte{kind, sub} {
	case [2]byte{1, 1}, [2]byte{2, 1}, [2]byte{3, 2}, [2]byte{3, 5}, [2]byte{3, 18}, [2]byte{0x7f, 0xff}: // PCI, ACPI, SCSI, USB, SATA, the end
	case [2]byte{4, 1}: // a partition; its signature is a GUID where the type says so
		switch n := len(data); {
		case n >= 38 && slices.ContainsFunc(c.own, func(g string) bool { return strings.EqualFold(g, guidText(data[20:36])) }):
			clear(data[38:])
		case n == 38:
			c.guid(data[20:36])
		default: // no length of the standard's: nobody knows where the signature is
			clear(data)
		}
	case [2]byte{4, 4}: // a file
		c.widePath(data)
	default:
		clear(data)
	}
}

func guidText(b []byte) string {
	b = slices.Clone(b)
	flipGUID(b)
	return dashed(hex.EncodeToString(b))
}

// publicNames are what systems and firmware call their entries everywhere.
var publicNames = []string{"Windows Boot Manager", "Linux Boot Manager", "ubuntu", "debian", "Fedora", "UEFI OS", "Linux", "GRUB", "EFI Internal Shell", "UiApp", "BootManagerMenuApp", "EFI Firmware Setup",
	"EFI", "BOOT", "Boot", "Microsoft", "systemd", "bootmgfw.efi", "shimx64.efi", "grubx64.efi", "BOOTX64.EFI", "BOOTIA32.EFI", "BOOTAA64.EFI", "systemd-bootx64.efi", "fwupdx64.efi", ""}

// wideText in UTF-16: a name, unless it is one that all have.
func (c concealer) wideText(b []byte) {
	text := narrow(b)
	if slices.Contains(publicNames, string(text)) {
		return
	}
	c.bytes(text)
	widen(b, text)
}

func (c concealer) widePath(b []byte) {
	text := narrow(b)
	for start := 0; start < len(text); {
		end := start
		for end < len(text) && text[end] != '\\' && text[end] != 0 {
			end++
		}
		if !slices.Contains(publicNames, string(text[start:end])) {
			c.bytes(text[start:end])
		}
		start = end + 1
	}
	widen(b, text)
}

// narrow has a byte for each unit of UTF-16; one that is no ASCII is ffh.
func narrow(b []byte) []byte {
	text := make([]byte, len(b)/2)
	for i := range text {
		u := binary.LittleEndian.Uint16(b[2*i:])
		text[i] = byte(min(u, 0xff))
		if u >= 0x80 {
			text[i] = 0xff
		}
	}
	return text
}

func widen(b, text []byte) {
	for i, v := range text {
		binary.LittleEndian.PutUint16(b[2*i:], uint16(v))
	}
}
