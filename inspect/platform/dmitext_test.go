package platform

import (
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// dmiText reads what dmidecode printed of a machine back into the structures that
// it was printed from, as far as they are read here: so a text goes the same way
// as a live table. Offsets are those of DSP0134 3.7.
func dmiText(text string) ([]structure, entry) {
	var e entry
	if m := regexp.MustCompile(`SMBIOS (\d+)\.(\d+)`).FindStringSubmatch(text); m != nil {
		major, _ := strconv.Atoi(m[1])
		minor, _ := strconv.Atoi(m[2])
		e.major, e.minor = byte(major), byte(minor)
	}
	var all []structure
	for _, section := range strings.Split(text, "\nHandle ")[1:] {
		head, body, _ := strings.Cut(section, "\n")
		m := regexp.MustCompile(`DMI type (\d+), (\d+) bytes`).FindStringSubmatch(head)
		if m == nil {
			continue
		}
		kind, _ := strconv.Atoi(m[1])
		length, _ := strconv.Atoi(m[2])
		if kind > 126 || length < 4 || length > 255 || strings.Contains(body, "<TRUNCATED>") {
			continue
		}
		w := &writer{s: structure{kind: byte(kind), data: make([]byte, length)}, body: body}
		w.s.data[0], w.s.data[1] = byte(kind), byte(length)
		w.write()
		all = append(all, w.s)
	}
	return all, e
}

// writer puts the lines of one structure back into bytes.
type writer struct {
	s    structure
	body string
}

// line of the body by its name.
func (w *writer) line(name string) (string, bool) {
	for l := range strings.Lines(w.body) {
		if value, ok := strings.CutPrefix(l, "\t"+name+":"); ok {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// text puts a string field where its number stands. 'Not Specified' is what
// dmidecode prints for the number 0.
func (w *writer) text(at int, name string) {
	value, ok := w.line(name)
	if !ok || value == "Not Specified" || value == "<BAD INDEX>" || at >= len(w.s.data) {
		return
	}
	if value == "" { // a string that holds blanks or nothing
		value = " "
	}
	w.s.strings = append(w.s.strings, []byte(value))
	w.s.data[at] = byte(len(w.s.strings))
}

func (w *writer) bytes(at int, b ...byte) {
	if at+len(b) <= len(w.s.data) {
		copy(w.s.data[at:], b)
	}
}

// choice puts the number of a named value, from a list that begins at 0.
func (w *writer) choice(at int, name string, words []string, mask byte) {
	if value, ok := w.line(name); ok {
		if n := slices.Index(words, value); n >= 0 {
			w.bytes(at, byte(n)|mask)
		}
	}
}

func (w *writer) number(name, unit string) (int64, bool) {
	value, _ := w.line(name)
	n, err := strconv.ParseInt(strings.TrimSuffix(value, unit), 10, 64)
	return n, err == nil
}

func (w *writer) word(at int, name, unit string) {
	if n, ok := w.number(name, unit); ok {
		w.bytes(at, binary.LittleEndian.AppendUint16(nil, uint16(n))...)
	}
}

func (w *writer) write() {
	switch w.s.kind {
	case typeBIOS:
		w.text(0x04, "Vendor")
		w.text(0x05, "Version")
		w.text(0x08, "Release Date")
		if strings.Contains(w.body, "\t\tSystem is a virtual machine") {
			w.bytes(0x13, 0x10)
		}
	case typeSystem:
		w.text(0x04, "Manufacturer")
		w.text(0x05, "Product Name")
		w.text(0x06, "Version")
		w.text(0x07, "Serial Number")
		w.text(0x19, "SKU Number")
		w.text(0x1a, "Family")
	case typeBoard:
		w.text(0x04, "Manufacturer")
		w.text(0x05, "Product Name")
		w.text(0x06, "Version")
	case typeCase:
		w.text(0x04, "Manufacturer")
		w.text(0x06, "Version")
		w.text(0x08, "Asset Tag")
		w.choice(0x05, "Type", enclosureWords, 0)
	case typeCPU:
		w.cpu()
	case typePort:
		w.text(0x04, "Internal Reference Designator")
		w.text(0x06, "External Reference Designator")
	case typeSlot:
		w.text(0x04, "Designation")
		w.choice(0x07, "Current Usage", []string{"", "Other", "Unknown", "Available", "In Use", "Unavailable"}, 0)
	case typeArray:
		w.array()
	case typeMemory:
		w.memory()
	case typeBattery:
		w.text(0x04, "Location")
		w.text(0x05, "Manufacturer")
		w.text(0x07, "Serial Number")
		w.text(0x08, "Name")
		w.choice(0x09, "Chemistry", chemistryWords, 0)
		w.word(0x0a, "Design Capacity", " mWh")
		w.text(0x14, "SBDS Chemistry")
		w.sbds()
	case typeSupply:
		w.text(0x06, "Name")
		w.text(0x07, "Manufacturer")
		w.text(0x0a, "Model Part Number")
		w.bytes(0x0c, 0, 0x80)
		w.word(0x0c, "Max Power Capacity", " W")
		if status, _ := w.line("Status"); strings.HasPrefix(status, "Present") {
			w.bytes(0x0e, 0x02)
		}
	case typeSecurity:
		w.security()
	}
}

// Words of dmidecode 3.4, in the order of the specification.
var (
	enclosureWords = strings.Split(",Other,Unknown,Desktop,Low Profile Desktop,Pizza Box,Mini Tower,Tower,Portable,Laptop,Notebook,Hand Held,Docking Station,All In One,"+
		"Sub Notebook,Space-saving,Lunch Box,Main Server Chassis,Expansion Chassis,Sub Chassis,Bus Expansion Chassis,Peripheral Chassis,RAID Chassis,Rack Mount Chassis,"+
		"Sealed-case PC,Multi-system,CompactPCI,AdvancedTCA,Blade,Blade Enclosing,Tablet,Convertible,Detachable,IoT Gateway,Embedded PC,Mini PC,Stick PC", ",")
	formWords   = strings.Split(",Other,Unknown,SIMM,SIP,Chip,DIP,ZIP,Proprietary Card,DIMM,TSOP,Row Of Chips,RIMM,SODIMM,SRIMM,FB-DIMM,Die,CAMM", ",")
	memoryWords = strings.Split(",Other,Unknown,DRAM,EDRAM,VRAM,SRAM,RAM,ROM,Flash,EEPROM,FEPROM,EPROM,CDRAM,3DRAM,SDRAM,SGRAM,RDRAM,DDR,DDR2,DDR2 FB-DIMM,,,,DDR3,FBD2,"+
		"DDR4,LPDDR,LPDDR2,LPDDR3,LPDDR4,Logical non-volatile device,HBM,HBM2,DDR5,LPDDR5", ",")
	chemistryWords = strings.Split(",Other,Unknown,Lead Acid,Nickel Cadmium,Nickel Metal Hydride,Lithium Ion,Zinc Air,Lithium Polymer", ",")
	securityWords  = []string{"Disabled", "Enabled", "Not Implemented", "Unknown"}
)

func (w *writer) cpu() {
	w.text(0x07, "Manufacturer")
	w.text(0x10, "Version")
	if id, ok := w.line("ID"); ok {
		for i, b := range strings.Fields(id) {
			if n, err := strconv.ParseUint(b, 16, 8); err == nil && i < 8 {
				w.bytes(0x08+i, byte(n))
			}
		}
	}
}

func (w *writer) array() {
	if value, _ := w.line("Use"); value == "System Memory" {
		w.bytes(0x05, 3)
	}
	w.choice(0x06, "Error Correction Type", strings.Split(",Other,Unknown,None,Parity,Single-bit ECC,Multi-bit ECC,CRC", ","), 0)
	for unit, kib := range map[string]int64{" MB": 1 << 10, " GB": 1 << 20, " TB": 1 << 30} {
		if n, ok := w.number("Maximum Capacity", unit); ok {
			if n *= kib; n < 0x80000000 {
				w.bytes(0x07, binary.LittleEndian.AppendUint32(nil, uint32(n))...)
			} else {
				w.bytes(0x07, 0, 0, 0, 0x80)
				w.bytes(0x0f, binary.LittleEndian.AppendUint64(nil, uint64(n)<<10)...)
			}
		}
	}
}

func (w *writer) memory() {
	w.choice(0x0e, "Form Factor", formWords, 0)
	w.choice(0x12, "Type", memoryWords, 0)
	w.text(0x10, "Locator")
	w.text(0x11, "Bank Locator")
	w.text(0x17, "Manufacturer")
	w.text(0x1a, "Part Number")
	w.word(0x15, "Speed", " MT/s")
	value, _ := w.line("Size")
	switch n, unit, _ := strings.Cut(value, " "); {
	case value == "Unknown":
		w.bytes(0x0c, 0xff, 0xff)
	case unit == "kB":
		kib, _ := strconv.Atoi(n)
		w.bytes(0x0c, byte(kib), byte(kib>>8)|0x80)
	case unit == "MB" || unit == "GB" || unit == "TB":
		mib, _ := strconv.ParseInt(n, 10, 64)
		mib <<= map[string]int{"MB": 0, "GB": 10, "TB": 20}[unit]
		if mib < 0x7fff {
			w.bytes(0x0c, byte(mib), byte(mib>>8))
			return
		}
		w.bytes(0x0c, 0xff, 0x7f)
		w.bytes(0x1c, binary.LittleEndian.AppendUint32(nil, uint32(mib))...)
	}
}

// sbds: date and serial number as the Smart Battery Data Specification packs them.
func (w *writer) sbds() {
	value, _ := w.line("SBDS Manufacture Date")
	if date, err := time.Parse("2006-01-02", value); err == nil {
		n := uint16(date.Year()-1980)<<9 | uint16(date.Month())<<5 | uint16(date.Day())
		w.bytes(0x12, byte(n), byte(n>>8))
	}
	value, _ = w.line("SBDS Serial Number")
	if n, err := strconv.ParseUint(value, 16, 16); err == nil {
		w.bytes(0x10, byte(n), byte(n>>8))
	}
}

func (w *writer) security() {
	var b byte
	for i, name := range []string{"Front Panel Reset Status", "Administrator Password Status", "Keyboard Password Status", "Power-On Password Status"} {
		if value, ok := w.line(name); ok {
			if n := slices.Index(securityWords, value); n >= 0 {
				b |= byte(n) << (2 * i)
			}
		}
	}
	w.bytes(0x04, b)
}

// The reader of texts is itself held to the tables that the texts were printed of:
// what it makes of dmidecode's words is what stands in the bytes.
func TestDMIText(t *testing.T) {
	s, e := dmiText(fmt.Sprintf("SMBIOS 3.2.0 present.\n\nHandle 0x0001, DMI type 1, 27 bytes\nSystem Information\n\tManufacturer: LENOVO\n\tProduct Name: 82B1\n" +
		"\tVersion: Not Specified\n\tSerial Number: --\n\tFamily: Legion 5\n\nHandle 0x0003, DMI type 3, 23 bytes\nChassis Information\n\tType: Notebook\n"))
	if e != (entry{3, 2, 0}) || len(s) != 2 {
		t.Fatalf("%+v, %d structures", e, len(s))
	}
	if got := []string{string(s[0].text(4)), string(s[0].text(5)), string(s[0].text(6)), string(s[0].text(0x1a))}; !slices.Equal(got, []string{"LENOVO", "82B1", "", "Legion 5"}) {
		t.Errorf("%q", got)
	}
	if s[1].byte(5) != 0x0a {
		t.Errorf("%x", s[1].data)
	}
}
