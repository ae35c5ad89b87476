package platform

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Clauses are those of DMTF DSP0134 (SMBIOS) 3.7.
const (
	// maxTable is far above every real table (the longest known have some
	// 200 KB); the format itself would allow 4 GiB.
	maxTable      = 4 << 20
	maxStructures = 8192
	endOfTable    = 127
)

// entry is an entry point: which version the table follows and how long it is.
type entry struct {
	major, minor byte
	length       int // bytes; for 3.x the most that it may have
}

// before reports whether the table is older than a version.
func (e entry) before(major, minor byte) bool {
	return e.major < major || e.major == major && e.minor < minor
}

// parseEntry reads '_SM3_' (5.2.2) or '_SM_' (5.2.1). The sum of its bytes is 0.
func parseEntry(b []byte) (entry, error) {
	switch {
	case len(b) >= 24 && string(b[:5]) == "_SM3_":
		n := int(b[6])
		if n < 24 || n > len(b) || sum(b[:n]) != 0 {
			return entry{}, errors.New("the SMBIOS entry point is damaged")
		}
		length := binary.LittleEndian.Uint32(b[12:])
		return entry{major: b[7], minor: b[8], length: int(min(length, maxTable))}, nil
	case len(b) >= 30 && string(b[:4]) == "_SM_":
		n := int(b[5])
		if n == 0x1e { // one revision of the specification counted one byte too few
			n = 0x1f
		}
		if n < 0x1f || n > len(b) || sum(b[:n]) != 0 || string(b[0x10:0x15]) != "_DMI_" {
			return entry{}, errors.New("the SMBIOS entry point is damaged")
		}
		return entry{major: b[6], minor: b[7], length: int(binary.LittleEndian.Uint16(b[0x16:]))}, nil
	}
	return entry{}, errors.New("there is no SMBIOS entry point")
}

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

// structure is one entry of the table: its formatted area with the header
// (6.1.2) and its strings as they came (6.1.3).
type structure struct {
	kind    byte
	data    []byte // header of 4 bytes included, so offsets are those of the clauses
	strings [][]byte
}

// parseTable walks the structures. With an error it gives those before the
// damage: they are whole.
func parseTable(b []byte) ([]structure, error) {
	if len(b) > maxTable {
		return nil, fmt.Errorf("the SMBIOS table is longer than %d bytes", maxTable)
	}
	var all []structure
	for at := 0; at < len(b); {
		if len(all) == maxStructures {
			return all, fmt.Errorf("the SMBIOS table has more than %d structures", maxStructures)
		}
		s, n, err := parseStructure(b[at:])
		if err != nil {
			return all, fmt.Errorf("the SMBIOS table is damaged at byte %d: %w", at, err)
		}
		if s.kind == endOfTable {
			return all, nil
		}
		all = append(all, s)
		at += n
	}
	// Tables before 2.2 need no type 127; their end is the table's.
	return all, nil
}

// parseStructure gives the first structure of b and its length with strings.
func parseStructure(b []byte) (structure, int, error) {
	if len(b) < 4 {
		return structure{}, 0, errors.New("a header is cut short")
	}
	n := int(b[1])
	if n < 4 || n > len(b) {
		return structure{}, 0, fmt.Errorf("a structure of type %d has a length of %d", b[0], n)
	}
	s := structure{kind: b[0], data: b[:n]}
	end := bytes.Index(b[n:], []byte{0, 0})
	if end < 0 {
		if s.kind == endOfTable { // some firmware ends the table with its header
			return s, len(b), nil
		}
		return structure{}, 0, fmt.Errorf("the strings of a structure of type %d have no end", b[0])
	}
	if end > 0 {
		s.strings = bytes.Split(b[n:n+end], []byte{0})
	}
	return s, n + end + 2, nil
}

// text of a string field: the string whose number (from 1) stands at offset.
// Nil where the structure is too short, names none, or names one that it lacks.
func (s structure) text(offset int) []byte {
	n := int(s.byte(offset))
	if n == 0 || n > len(s.strings) {
		return nil
	}
	return s.strings[n-1]
}

// byte at an offset, 0 where the structure is shorter: newer fields are missing
// from older tables.
func (s structure) byte(offset int) byte {
	if offset >= len(s.data) {
		return 0
	}
	return s.data[offset]
}

func (s structure) word(offset int) uint16 {
	if offset+2 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint16(s.data[offset:])
}

func (s structure) dword(offset int) uint32 {
	if offset+4 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint32(s.data[offset:])
}

func (s structure) qword(offset int) uint64 {
	if offset+8 > len(s.data) {
		return 0
	}
	return binary.LittleEndian.Uint64(s.data[offset:])
}

// first structure of a kind.
func first(all []structure, kind byte) (structure, bool) {
	for _, s := range all {
		if s.kind == kind {
			return s, true
		}
	}
	return structure{}, false
}
