package platform

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jaypipes/ghw"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// Structures that are read here (7.1 to 7.42).
const (
	typeBIOS     = 0
	typeSystem   = 1
	typeBoard    = 2
	typeCase     = 3
	typeCPU      = 4
	typePort     = 8
	typeSlot     = 9
	typeOEM      = 11
	typeArray    = 16
	typeMemory   = 17
	typeBattery  = 22
	typeSecurity = 24
	typeSupply   = 39
	typeOnboard  = 41
)

// firmwareTable reads the SMBIOS table as the kernel keeps it. Without it the
// machine facts come from the few lines that the kernel itself took out of it.
func (s *survey) firmwareTable() {
	if raw, err := s.Tree.Bytes("sys/firmware/dmi/tables/smbios_entry_point", 256); err == nil {
		if s.entry, err = parseEntry(raw); err != nil {
			s.missing("SMBIOS", err.Error())
		}
	}
	raw, err := s.Tree.Bytes("sys/firmware/dmi/tables/DMI", maxTable)
	if err != nil {
		s.missing("SMBIOS table", because(err))
		return
	}
	if n := s.entry.length; n > 0 && n < len(raw) {
		raw = raw[:n]
	}
	if s.table, err = parseTable(raw); err != nil {
		s.missing("SMBIOS table", err.Error())
	}
	s.whole = err == nil
}

func (s *survey) machine() {
	m := &s.r.Machine
	if len(s.table) > 0 {
		s.fromTable(m)
	} else {
		s.fromKernel(m)
	}
	m.Hypervisor = s.hypervisor()
	m.Kind = s.kind(m.Hypervisor)
	for _, f := range []struct {
		name string
		fact inspect.Fact[string]
	}{{"maker", m.Maker}, {"model", m.Model}, {"serial number", m.Serial}, {"SMBIOS UUID", m.UUID}, {"kind of machine", m.Kind}, {"firmware version", m.BIOS}} {
		if !f.fact.Known {
			s.missing(f.name, f.fact.Why)
		}
	}
	if !m.Hypervisor.Known {
		s.missing("whether the machine is virtual", m.Hypervisor.Why)
	}
}

// fromTable: system (7.2), enclosure (7.4), and the board (7.3) where the maker of
// the machine left the system's own name out, as in machines that were put
// together from parts. A board's serial number is not the machine's.
func (s *survey) fromTable(m *inspect.Machine) {
	system, _ := first(s.table, typeSystem)
	board, _ := first(s.table, typeBoard)
	enclosure, _ := first(s.table, typeCase)
	const one, two, three = "SMBIOS type 1", "SMBIOS type 2", "SMBIOS type 3"
	m.Maker = either(named(system.text(0x04), one), named(board.text(0x04), two))
	m.Model = either(named(system.text(0x05), one), named(board.text(0x05), two))
	m.Version = named(system.text(0x06), one)
	m.Serial = named(system.text(0x07), one)
	m.UUID = s.uuid(system)
	m.SKU, m.Family = named(system.text(0x19), one), named(system.text(0x1a), one)
	m.Board = joined(two, named(board.text(0x04), two), named(board.text(0x05), two))
	m.AssetTag = named(enclosure.text(0x08), three)
	m.BIOS = biosLine(s.table)
}

func either(a, b inspect.Fact[string]) inspect.Fact[string] {
	if !a.Known && b.Known {
		return b
	}
	return a
}

// uuid at 08h of type 1: from 2.6 on its first three fields are little-endian
// (7.2.1). Boards of several makers all carry the same one.
func (s *survey) uuid(system structure) inspect.Fact[string] {
	const source = "SMBIOS type 1"
	if len(system.data) < 0x18 {
		return inspect.Unknown[string](source, "the firmware gives none")
	}
	if s.entry.major == 0 {
		return s.kernelUUID() // without a version its byte order is not known
	}
	b := slices.Clone(system.data[0x08:0x18])
	if !s.entry.before(2, 6) {
		slices.Reverse(b[0:4])
		slices.Reverse(b[4:6])
		slices.Reverse(b[6:8])
	}
	return uniqueUUID(fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:16]), source)
}

// sharedUUIDs stand in thousands of machines.
var sharedUUIDs = []string{
	"03000200-0400-0500-0006-000700080009", "00020003-0004-0005-0006-000700080009", // American Megatrends' default, in both byte orders
	"12345678-1234-5678-90ab-cddeefaabbcc", "78563412-3412-7856-90ab-cddeefaabbcc",
	"03020100-0504-0706-0809-0a0b0c0d0e0f", "00010203-0405-0607-0809-0a0b0c0d0e0f",
	"01020304-0506-0708-090a-0b0c0d0e0f10", "04030201-0605-0807-090a-0b0c0d0e0f10",
	"11111111-2222-3333-4444-555555555555", "4c4c4544-0020-2010-8020-a0c04f202020", // Dell's, of a board without its service tag
	"4c4c4544-0000-2010-8020-80c04f202020",
}

// uniqueUUID: one that others carry too, or that is too plain to be drawn, is none.
func uniqueUUID(text, source string) inspect.Fact[string] {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != 16 || len(text) != 36 {
		return inspect.Unknown[string](source, "what the firmware gives is no UUID")
	}
	distinct := map[byte]bool{}
	for _, b := range raw {
		distinct[b] = true
	}
	if len(distinct) < 4 || slices.Contains(sharedUUIDs, text) {
		return inspect.Unknown[string](source, "the firmware gives a placeholder, '"+text+"'")
	}
	return inspect.Known(text, source)
}

func (s *survey) kernelUUID() inspect.Fact[string] {
	const source = "sysfs dmi/id"
	text, err := s.Tree.Text("sys/class/dmi/id/product_uuid")
	if err != nil {
		return inspect.Unknown[string](source, because(err))
	}
	return uniqueUUID(strings.ToLower(text), source)
}

// biosLine: vendor, version, date (7.1).
func biosLine(table []structure) inspect.Fact[string] {
	const source = "SMBIOS type 0"
	bios, ok := first(table, typeBIOS)
	if !ok {
		return inspect.Unknown[string](source, "the firmware gives none")
	}
	return joined(source, named(bios.text(0x04), source), named(bios.text(0x05), source), named(bios.text(0x08), source))
}

func joined(source string, parts ...inspect.Fact[string]) inspect.Fact[string] {
	var words []string
	for _, p := range parts {
		if p.Known {
			words = append(words, p.Value)
		}
	}
	if len(words) == 0 {
		return inspect.Unknown[string](source, "the firmware gives a placeholder or nothing")
	}
	return inspect.Known(strings.Join(words, " "), source)
}

// fromKernel takes what ghw finds in /sys/class/dmi/id.
func (s *survey) fromKernel(m *inspect.Machine) {
	const source = "sysfs dmi/id"
	product, err := ask(s, ghw.Product)
	if err != nil {
		product = &ghw.ProductInfo{}
		s.missing("product name", err.Error())
	}
	m.Maker, m.Model = word(product.Vendor, source), word(product.Name, source)
	m.Version, m.SKU, m.Family = word(product.Version, source), word(product.SKU, source), word(product.Family, source)
	if b, err := ask(s, ghw.Baseboard); err == nil {
		m.Board = joined(source, word(b.Vendor, source), word(b.Product, source))
	} else {
		m.Board = inspect.Unknown[string](source, err.Error())
	}
	m.Serial, m.UUID = word(product.SerialNumber, source), s.kernelUUID()
	if c, err := ask(s, ghw.Chassis); err == nil {
		m.AssetTag = word(c.AssetTag, source)
		s.chassis = c.Type
	} else {
		m.AssetTag = inspect.Unknown[string](source, err.Error())
	}
	if b, err := ask(s, ghw.BIOS); err == nil {
		m.BIOS = joined(source, word(b.Vendor, source), word(b.Version, source), word(b.Date, source))
	} else {
		m.BIOS = inspect.Unknown[string](source, err.Error())
	}
}

// word is a fact of text that passed through ghw, which says 'unknown' for what
// it could not read.
func word(text, source string) inspect.Fact[string] {
	if text == "unknown" {
		return inspect.Unknown[string](source, "the kernel does not give it")
	}
	return named([]byte(text), source)
}

// clean text of a line that is no fact of its own; empty for a placeholder.
func clean(raw []byte) string {
	text := drive.Clean(raw)
	if placeholder(text) {
		return ""
	}
	return text
}
