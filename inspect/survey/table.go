package survey

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

// partition of a table, in bytes. MBR partitions have no GUIDs.
type partition struct {
	kind, guid   string // GUIDs, lower case
	offset, size int64
}

// Bounds of what is read off a disk that may be anybody's. UEFI 2.10 clause 5.3.1
// asks for at least 128 entries of 128 bytes; nobody has more than some hundreds.
const (
	gptEntriesMax   = 1024
	gptEntrySizeMax = 1024
	gptHeaderSize   = 92 // clause 5.3.2, table 5-5
	ebrMax          = 64 // logical partitions of an MBR
)

var le = binary.LittleEndian

// readTable gives all partitions that a GUID table, its backup and an MBR name.
// Both copies of a GUID table count, also where they differ: whoever looks for
// what is on a drive wants to find too much rather than too little. A drive
// without any table has none, and that is no error; nor is one copy that is damaged
// where the other is whole.
func readTable(r io.ReaderAt, size int64, sector int) ([]partition, error) {
	if sector < 512 || sector > 1<<16 || size < int64(sector)*2 {
		return nil, nil
	}
	last := uint64(size)/uint64(sector) - 1
	primary, err := readGPT(r, 1, last, sector)
	backup, backupErr := readGPT(r, last, last, sector)
	if primary != nil && errors.Is(backupErr, errTable) || errors.Is(backupErr, errNoGPT) {
		backupErr = nil
	}
	if backup != nil && errors.Is(err, errTable) || errors.Is(err, errNoGPT) {
		err = nil
	}
	mbr, mbrErr := readMBR(r, last, sector)
	all := append(append(primary, backup...), mbr...)
	slices.SortStableFunc(all, func(a, b partition) int { return cmp.Compare(a.offset, b.offset) })
	return slices.Compact(all), errors.Join(err, backupErr, mbrErr)
}

var (
	errNoGPT = errors.New("no GUID partition table")
	errTable = errors.New("damaged GUID partition table")
)

func readGPT(r io.ReaderAt, lba, last uint64, sector int) ([]partition, error) {
	h := make([]byte, sector)
	if _, err := r.ReadAt(h, int64(lba)*int64(sector)); err != nil {
		return nil, fmt.Errorf("sector %d: %w", lba, err)
	}
	if string(h[:8]) != "EFI PART" {
		return nil, errNoGPT
	}
	headerSize, sum := le.Uint32(h[12:]), le.Uint32(h[16:])
	if headerSize < gptHeaderSize || headerSize > uint32(sector) {
		return nil, fmt.Errorf("%w at sector %d: header of %d bytes", errTable, lba, headerSize)
	}
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:headerSize]) != sum || le.Uint64(h[24:]) != lba {
		return nil, fmt.Errorf("%w at sector %d: its checksum or its place is wrong", errTable, lba)
	}
	at, count, size := le.Uint64(h[72:]), le.Uint32(h[80:]), le.Uint32(h[84:])
	if count > gptEntriesMax || size < 128 || size > gptEntrySizeMax || size%128 != 0 || at < 2 || at > last {
		return nil, fmt.Errorf("%w at sector %d: %d entries of %d bytes at sector %d", errTable, lba, count, size, at)
	}
	b := make([]byte, int(count)*int(size))
	if _, err := r.ReadAt(b, int64(at)*int64(sector)); err != nil {
		return nil, fmt.Errorf("entries at sector %d: %w", at, err)
	}
	if crc32.ChecksumIEEE(b) != le.Uint32(h[88:]) {
		return nil, fmt.Errorf("%w at sector %d: the checksum of its entries is wrong", errTable, lba)
	}
	parts := []partition{}
	for i := range int(count) {
		e := b[i*int(size):][:128]
		if [16]byte(e) == [16]byte{} {
			continue // clause 5.3.3: type zero is an unused entry
		}
		if p, ok := span(le.Uint64(e[32:]), le.Uint64(e[40:]), last, sector); ok {
			p.kind, p.guid = guid(e[:16]), guid(e[16:32])
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// span of sectors, both ends included, if it lies on the drive.
func span(first, end, last uint64, sector int) (partition, bool) {
	if first == 0 || first > end || end > last {
		return partition{}, false
	}
	return partition{offset: int64(first) * int64(sector), size: int64(end-first+1) * int64(sector)}, true
}

// guid as text: its first three fields are little-endian on the disk (UEFI 2.10,
// appendix A).
func guid(b []byte) string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), b[8:10], b[10:16])
}

// readMBR reads the four partitions of a master boot record and the chain of
// logical ones. Boot sectors of file systems end in the same 55AAh: an entry that
// makes no sense ends the reading.
func readMBR(r io.ReaderAt, last uint64, sector int) ([]partition, error) {
	var parts []partition
	entries, err := bootRecord(r, 0, sector)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch e.kind {
		case 0x00, 0xee: // empty; protective
			continue
		case 0x05, 0x0f, 0x85: // extended
			logical, err := readLogical(r, e.start, last, sector)
			if err != nil {
				return parts, err
			}
			parts = append(parts, logical...)
			continue
		}
		if p, ok := span(e.start, e.start+e.count-1, last, sector); ok {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// readLogical follows the chain of an extended partition: in each link the first
// entry is the partition, counted from the link, the second the next link, counted
// from the extended partition.
func readLogical(r io.ReaderAt, extended, last uint64, sector int) ([]partition, error) {
	var parts []partition
	at := extended
	for range ebrMax {
		if at == 0 || at > last {
			return parts, nil
		}
		e, err := bootRecord(r, at, sector)
		if err != nil || e == nil {
			return parts, err
		}
		if first := at + e[0].start; e[0].kind != 0 {
			if p, ok := span(first, first+e[0].count-1, last, sector); ok {
				parts = append(parts, p)
			}
		}
		if e[1].kind == 0 || e[1].start == 0 {
			return parts, nil
		}
		at = extended + e[1].start
	}
	return parts, nil
}

type mbrEntry struct {
	kind         byte
	start, count uint64
}

func bootRecord(r io.ReaderAt, lba uint64, sector int) ([]mbrEntry, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, int64(lba)*int64(sector)); err != nil {
		return nil, fmt.Errorf("sector %d: %w", lba, err)
	}
	if b[510] != 0x55 || b[511] != 0xaa {
		return nil, nil
	}
	entries := make([]mbrEntry, 4)
	for i := range entries {
		e := b[446+16*i:][:16]
		if e[0]&0x7f != 0 {
			return nil, nil // the flag of a partition is 00h or 80h
		}
		entries[i] = mbrEntry{kind: e[4], start: uint64(le.Uint32(e[8:])), count: uint64(le.Uint32(e[12:]))}
	}
	return entries, nil
}
