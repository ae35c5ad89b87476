package survey

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/diskfs/go-diskfs/partition/gpt"
	"github.com/diskfs/go-diskfs/partition/mbr"
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
	ebrMax          = 64 // logical partitions of an MBR
)

var le = binary.LittleEndian

// readTable gives all partitions that a GUID table, its backup and an MBR name.
// Both copies of a GUID table count, also where they differ: whoever looks for
// what is on a drive wants to find too much rather than too little. A drive
// without any table has none, and that is no error; nor is one copy that is damaged
// where the other is whole.
//
// The tables are read by go-diskfs, which trusts what it reads: it makes a slice of
// any length that a header names, and never ends with entries of no size. So it gets
// no drive, but a file that shows one copy, whose header was looked at before.
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
	parts, mbrErr := readMBR(r, last, sector)
	all := append(append(primary, backup...), parts...)
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
	at, count, size := le.Uint64(h[72:]), le.Uint32(h[80:]), le.Uint32(h[84:])
	if count > gptEntriesMax || size < 128 || size > gptEntrySizeMax || size%128 != 0 || at < 2 || at > last || le.Uint64(h[24:]) != lba {
		return nil, fmt.Errorf("%w at sector %d: %d entries of %d bytes at sector %d", errTable, lba, count, size, at)
	}
	copied := &oneCopy{ReaderAt: r, header: h, at: int64(lba) * int64(sector), last: int64(last) * int64(sector)}
	table, err := gpt.Read(file{io.NewSectionReader(copied, 0, copied.last+int64(sector))}, sector, sector)
	switch {
	case copied.failed != nil:
		return nil, copied.failed
	case err != nil:
		return nil, fmt.Errorf("%w at sector %d: %v", errTable, lba, err)
	}
	parts := []partition{}
	for _, p := range table.Partitions {
		if found, ok := span(p.Start, p.End, last, sector); ok {
			found.kind, found.guid = strings.ToLower(string(p.Type)), strings.ToLower(p.GUID)
			parts = append(parts, found)
		}
	}
	return parts, nil
}

// oneCopy is a drive with one copy of a table. Where headers are it shows the one
// that was looked at, whatever the drive would say when it is asked again, and zeros.
type oneCopy struct {
	io.ReaderAt
	header   []byte
	at, last int64 // bytes: of the header, and of the last sector
	failed   error // what the drive said
}

func (c *oneCopy) ReadAt(p []byte, off int64) (int, error) {
	sector := int64(len(c.header))
	if off >= 2*sector && (off != c.last || int64(len(p)) != sector) {
		n, err := c.ReaderAt.ReadAt(p, off)
		if n < len(p) {
			c.failed = fmt.Errorf("entries at byte %d: %w", off, cmp.Or(err, io.ErrUnexpectedEOF))
		}
		return n, c.failed
	}
	clear(p)
	if from := c.at - off; from >= 0 && from < int64(len(p)) {
		copy(p[from:], c.header)
	}
	return len(p), nil
}

// file is what go-diskfs reads from.
type file struct{ *io.SectionReader }

func (file) Close() error               { return nil }
func (file) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

// span of sectors, both ends included, if it lies on the drive.
func span(first, end, last uint64, sector int) (partition, bool) {
	if first == 0 || first > end || end > last {
		return partition{}, false
	}
	return partition{offset: int64(first) * int64(sector), size: int64(end-first+1) * int64(sector)}, true
}

// readMBR reads the four partitions of a master boot record and the chain of
// logical ones, which go-diskfs does not follow. Boot sectors of file systems end in
// the same 55AAh: an entry that makes no sense ends the reading.
func readMBR(r io.ReaderAt, last uint64, sector int) ([]partition, error) {
	var parts []partition
	entries, err := bootRecord(r, 0, sector)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		switch e.Type {
		case mbr.Empty, mbr.GPTProtective:
			continue
		case mbr.ExtendedCHS, mbr.ExtendedLBA, mbr.LinuxExtended:
			logical, err := readLogical(r, uint64(e.Start), last, sector)
			if err != nil {
				return parts, err
			}
			parts = append(parts, logical...)
			continue
		}
		if p, ok := span(uint64(e.Start), uint64(e.Start)+uint64(e.Size)-1, last, sector); ok {
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
		if first := at + uint64(e[0].Start); e[0].Type != mbr.Empty {
			if p, ok := span(first, first+uint64(e[0].Size)-1, last, sector); ok {
				parts = append(parts, p)
			}
		}
		if e[1].Type == mbr.Empty || e[1].Start == 0 {
			return parts, nil
		}
		at = extended + uint64(e[1].Start)
	}
	return parts, nil
}

// bootRecord gives the four entries of a sector; none where it is no boot record.
func bootRecord(r io.ReaderAt, lba uint64, sector int) ([]*mbr.Partition, error) {
	b := make([]byte, 512)
	if _, err := r.ReadAt(b, int64(lba)*int64(sector)); err != nil {
		return nil, fmt.Errorf("sector %d: %w", lba, err)
	}
	table, err := mbr.Read(file{io.NewSectionReader(bytes.NewReader(b), 0, 512)}, sector, sector)
	if err != nil {
		return nil, nil // no signature, or the flag of a partition is neither 00h nor 80h
	}
	return table.Partitions, nil
}
