package survey

import (
	"bytes"
	"io"
	"slices"
)

// What a BitLocker volume tells of its protection without being opened. Suspended
// protection leaves the contents encrypted with a key that lies beside them in the
// clear: whoever has the drive reads them.
const (
	bitLocker          = "BitLocker"
	bitLockerSuspended = "BitLocker (suspended: readable by anybody)"
	bitLockerUnknown   = "BitLocker (whether it is suspended can't be told)"
)

// Offsets and values are those of the format's public description (libyal's libbde,
// 'BitLocker Drive Encryption (BDE) format').
const (
	fveSignature = "-FVE-FS-" // of the volume at 3, of a metadata block at 0
	fveToGo      = "\x3b\xd6\x67\x49\x29\x2e\xd8\x4a\x83\x99\xf6\xa3\x39\xe3\xd0\x01"

	fveBlockHeader = 64
	fveHeader      = 48       // the metadata's own, behind the block's
	fveBlockMost   = 64 << 10 // a block is no longer
	fveEntry       = 8        // header of an entry: its size, type, type of value, version
	fveVMK         = 0x0002   // type of entry: a protector of the volume master key
	fveValueKey    = 0x0001   // types of value: a key in the clear
	fveValueVMK    = 0x0008   // and a protector
	fveVMKFixed    = 28       // of a protector, before its properties
	fveClear       = 0x0000   // type of protection, at 26: a clear key
)

// bitLockerState says how a volume is protected whose start is that of a BitLocker
// volume; empty: it is none.
func bitLockerState(r io.ReaderAt, off, size int64, head []byte) (string, error) {
	places := fvePlaces(head)
	if places == nil {
		return "", nil
	}
	state, seen := bitLockerUnknown, map[int64]bool{}
	for len(places) > 0 {
		at := places[0]
		places = places[1:]
		if seen[at] || at <= 0 || at > size-fveBlockHeader-fveHeader || len(seen) == 8 {
			continue
		}
		seen[at] = true
		b, err := part(r, off+at, min(size-at, fveBlockMost))
		if err != nil {
			return state, err
		}
		clear, ok := fveBlock(b)
		switch {
		case !ok:
			continue
		case clear: // one copy is enough
			return bitLockerSuspended, nil
		}
		state = bitLocker
		for i := 32; i < 56; i += 8 { // where its other copies are
			places = append(places, int64(le.Uint64(b[i:])))
		}
	}
	return state, nil
}

// fvePlaces of metadata blocks, as the start of a volume names them; nil: it is no
// BitLocker volume. What leads out of the volume is left to the reader.
func fvePlaces(head []byte) (at []int64) {
	from := 0
	switch {
	case len(head) < 512:
		return nil
	case has(head, 424, fveToGo):
		from = 440
	case has(head, 0, "\xeb\x52\x90"+fveSignature): // Windows Vista counts in clusters
		cluster := int64(le.Uint16(head[11:])) * int64(head[13])
		n := int64(le.Uint64(head[56:]))
		if n < 0 || cluster <= 0 || n > 1<<62/cluster {
			return []int64{}
		}
		return []int64{n * cluster}
	case has(head, 3, fveSignature):
		from = 176
	default:
		return nil
	}
	for i := range 3 {
		at = append(at, int64(le.Uint64(head[from+8*i:])))
	}
	return at
}

// fveBlock walks the entries of a metadata block: is the volume master key protected by
// a key that lies beside it in the clear? Not ok: it is no such block, it names no
// protector at all, or something of it can't be told.
func fveBlock(b []byte) (clear, ok bool) {
	if len(b) < fveBlockHeader+fveHeader || !has(b, 0, fveSignature) {
		return false, false
	}
	version := le.Uint16(b[10:])
	length, header := int64(le.Uint32(b[fveBlockHeader:])), int64(le.Uint32(b[fveBlockHeader+8:]))
	if version != 1 && version != 2 || header != fveHeader || length < header || length > int64(len(b)-fveBlockHeader) {
		return false, false
	}
	entries, whole := fveEntries(b[fveBlockHeader+fveHeader : fveBlockHeader+length])
	protectors := 0
	for _, e := range entries {
		switch {
		case e.kind != fveVMK || e.value != fveValueVMK:
			continue
		case len(e.data) < fveVMKFixed:
			return false, false
		}
		protectors++
		if le.Uint16(e.data[26:]) != fveClear {
			continue
		}
		properties, _ := fveEntries(e.data[fveVMKFixed:])
		if slices.ContainsFunc(properties, func(p fveItem) bool { return p.value == fveValueKey }) {
			return true, true
		}
		whole = false // a protector of an unknown kind
	}
	return false, whole && protectors > 0
}

// fveItem is one entry of the metadata, or a property of one.
type fveItem struct {
	kind, value uint16
	data        []byte
}

// fveEntries of metadata, up to the first that can't be one. whole: nothing but padding
// stands behind them.
func fveEntries(b []byte) (items []fveItem, whole bool) {
	for len(b) >= fveEntry {
		n := int(le.Uint16(b))
		if n < fveEntry || n > len(b) {
			break
		}
		items = append(items, fveItem{le.Uint16(b[2:]), le.Uint16(b[4:]), b[fveEntry:n]})
		b = b[n:]
	}
	return items, len(bytes.Trim(b, "\x00")) == 0
}

// withoutDecoy: the start of a BitLocker volume looks like that of a FAT volume, for
// systems that don't know it.
func withoutDecoy(found []string) []string {
	return slices.DeleteFunc(found, func(name string) bool { return name == "FAT32" || name == "FAT" })
}
