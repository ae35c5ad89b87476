package platform

import (
	"strings"

	"github.com/jaypipes/ghw"

	"handback.example/inspect"
)

// memoryKinds by SMBIOS 7.18.2.
var memoryKinds = map[byte]string{
	0x0f: "SDRAM", 0x12: "DDR", 0x13: "DDR2", 0x14: "DDR2 FB-DIMM", 0x18: "DDR3", 0x19: "FBD2", 0x1a: "DDR4", 0x1b: "LPDDR", 0x1c: "LPDDR2",
	0x1d: "LPDDR3", 0x1e: "LPDDR4", 0x20: "HBM", 0x21: "HBM2", 0x22: "DDR5", 0x23: "LPDDR5", 0x24: "HBM3",
}

// memoryForms by SMBIOS 7.18.1; what says nothing is left out.
var memoryForms = map[byte]string{0x03: "SIMM", 0x05: "chip", 0x09: "DIMM", 0x0a: "TSOP", 0x0b: "row of chips", 0x0c: "RIMM", 0x0d: "SODIMM", 0x0e: "SRIMM", 0x0f: "FB-DIMM",
	0x10: "die", 0x11: "CAMM"}

// soldered by the form; and low-power memory is soldered in every form but CAMM,
// whatever the firmware calls it.
func soldered(m inspect.MemoryModule) inspect.Fact[bool] {
	const source = "SMBIOS type 17"
	switch {
	case m.Form == "CAMM":
		return inspect.Known(false, source)
	case strings.HasPrefix(m.Kind, "LPDDR"):
		return inspect.Known(true, source+": "+m.Kind)
	}
	switch m.Form {
	case "row of chips", "chip", "die", "TSOP":
		return inspect.Known(true, source)
	case "DIMM", "SODIMM", "FB-DIMM", "RIMM", "SRIMM", "SIMM":
		return inspect.Known(false, source)
	}
	return inspect.Unknown[bool](source, "the firmware does not say in what form it is fitted")
}

// Memory devices that are not the machine's working memory (7.18.2): ROM and
// flash for its firmware.
const (
	memoryROM   = 0x08
	memoryFlash = 0x09
)

// maxModuleBytes of one module: 1 TiB is above all that were built.
const maxModuleBytes = 1 << 40

func (s *survey) memory() {
	fitted, err := s.modules()
	seen := s.kernelMemory()
	s.r.Memory.Bytes = fittedOrSeen(fitted, err, seen)
	if !s.r.Memory.Bytes.Known {
		s.missing("memory size", s.r.Memory.Bytes.Why)
	} else if fitted > 0 && s.r.Memory.Bytes == seen {
		s.missing("memory modules", "the firmware's list does not fit what the kernel sees")
	}
}

// modules of the firmware's list, and how much they are together.
func (s *survey) modules() (fitted int64, err error) {
	slots := 0
	for _, t := range s.table {
		if t.kind != typeMemory || t.byte(0x12) == memoryROM || t.byte(0x12) == memoryFlash {
			continue
		}
		slots++
		m, known := module(t)
		switch {
		case !known:
			err = errUnknownModule
		case m.Bytes > 0:
			s.r.Memory.Modules = append(s.r.Memory.Modules, m)
			fitted += m.Bytes
		}
	}
	s.memoryArray(slots)
	return fitted, err
}

// memoryArray: what the board takes (7.17), of the array that is the machine's
// working memory.
func (s *survey) memoryArray(slots int) {
	const source = "SMBIOS type 16"
	m := &s.r.Memory
	m.Slots = inspect.Unknown[int]("SMBIOS type 17", "the firmware lists none")
	m.Max = inspect.Unknown[int64](source, "the firmware does not say")
	m.ECC = inspect.Unknown[bool](source, "the firmware does not say")
	if slots > 0 {
		m.Slots = inspect.Known(slots, "SMBIOS type 17")
	}
	for _, t := range s.table {
		if t.kind != typeArray || t.byte(0x05) != 3 { // 'system memory', 7.17.2
			continue
		}
		most := int64(t.dword(0x07)) << 10
		if t.dword(0x07) == 0x80000000 {
			most = int64(min(t.qword(0x0f), 1<<62))
		}
		if most > 0 && most <= maxModuleBytes*64 {
			m.Max = inspect.Known(m.Max.Value+most, source) // of several arrays: together
		}
		switch t.byte(0x06) { // 7.17.3
		case 3, 4: // none, parity
			m.ECC = inspect.Known(false, source)
		case 5, 6:
			m.ECC = inspect.Known(true, source)
		}
	}
}

type plainError string

func (e plainError) Error() string { return string(e) }

const errUnknownModule = plainError("the firmware does not know the size of a module")

// fittedOrSeen: the modules' sum, if the kernel has at least half of it (graphics
// may keep a good part, firmware some) and not much more (it counts in blocks).
// Else what the kernel sees: modules that are not there are of no use.
func fittedOrSeen(fitted int64, err error, seen inspect.Fact[int64]) inspect.Fact[int64] {
	switch {
	case err != nil, fitted == 0, seen.Known && (seen.Value > fitted+fitted/8 || seen.Value < fitted/2):
		return seen
	}
	return inspect.Known(fitted, "SMBIOS type 17")
}

// kernelMemory is what the kernel was given.
func (s *survey) kernelMemory() inspect.Fact[int64] {
	const source = "kernel"
	info, err := ask(s, ghw.Memory)
	switch {
	case err != nil:
		return inspect.Unknown[int64](source, err.Error())
	case info.TotalPhysicalBytes <= 0:
		return inspect.Unknown[int64](source, "the kernel does not give it")
	}
	return inspect.Known(info.TotalPhysicalBytes, source)
}

// module from type 17 (7.18). An empty slot has 0 bytes; known is false where
// the firmware does not know what is in it.
func module(t structure) (m inspect.MemoryModule, known bool) {
	m = inspect.MemoryModule{Slot: clean(t.text(0x10)), Kind: memoryKinds[t.byte(0x12)], Maker: memoryMaker(clean(t.text(0x17))), Part: partNumber(clean(t.text(0x1a))),
		Form: memoryForms[t.byte(0x0e)]}
	m.Soldered = soldered(m)
	m.Speed = int(t.word(0x15))
	if m.Speed == 0xffff {
		m.Speed = int(min(t.dword(0x54)&0x7fffffff, 1<<20))
	}
	size := t.word(0x0c)
	switch {
	case size == 0xffff || len(t.data) < 0x0e:
		return m, false
	case size == 0x7fff:
		m.Bytes = int64(t.dword(0x1c)&0x7fffffff) << 20
	case size&0x8000 != 0:
		m.Bytes = int64(size&0x7fff) << 10
	default:
		m.Bytes = int64(size) << 20
	}
	return m, m.Bytes <= maxModuleBytes
}
