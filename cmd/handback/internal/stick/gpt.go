package stick

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"handback.example/cmd/internal/settings"
)

// Bounds of what is read from a disk that may be anybody's: UEFI 2.10, clause
// 5.3.1 asks for at least 128 entries of 128 bytes; nobody has more than some
// hundreds.
const (
	gptEntriesMax   = 1024
	gptEntrySizeMax = 1024
	gptHeaderSize   = 92 // clause 5.3.2, table 5-5
)

var errNoGPT = errors.New("no GUID partition table")

// gpt is what the stick needs to know of a partition table, in sectors.
type gpt struct {
	entries   []gptEntry
	recovered bool // read from the backup: the primary is damaged
	alternate uint64
	count     int
	entrySize int
}

type gptEntry struct {
	index       int // from 1
	guid        string
	first, last uint64
}

// readGPT reads the primary table, or where that is damaged the backup in the
// last sector. Nothing on the disk is trusted beyond its checksum and bounds.
func readGPT(r io.ReaderAt, size int64, sector int) (gpt, error) {
	if sector < 512 || sector > 4096 || size < int64(sector)*6 {
		return gpt{}, errNoGPT
	}
	last := uint64(size)/uint64(sector) - 1
	t, err := readGPTAt(r, 1, last, sector)
	if err == nil {
		return t, nil
	}
	t, backupErr := readGPTAt(r, last, last, sector)
	if backupErr != nil {
		if errors.Is(err, errNoGPT) && errors.Is(backupErr, errNoGPT) {
			return gpt{}, errNoGPT
		}
		return gpt{}, errors.Join(err, backupErr)
	}
	t.recovered = true
	return t, nil
}

func readGPTAt(r io.ReaderAt, lba, last uint64, sector int) (gpt, error) {
	h := make([]byte, sector)
	if _, err := r.ReadAt(h, int64(lba)*int64(sector)); err != nil {
		return gpt{}, fmt.Errorf("read partition table at sector %d: %w", lba, err)
	}
	if string(h[:8]) != "EFI PART" {
		return gpt{}, errNoGPT
	}
	le := binary.LittleEndian
	headerSize := le.Uint32(h[12:])
	if headerSize < gptHeaderSize || headerSize > uint32(sector) {
		return gpt{}, fmt.Errorf("%w: header of %d bytes", errNoGPT, headerSize)
	}
	sum := le.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:headerSize]) != sum || le.Uint64(h[24:]) != lba {
		return gpt{}, fmt.Errorf("%w: checksum or place of the header at sector %d is wrong", errNoGPT, lba)
	}
	at, count, size := le.Uint64(h[72:]), le.Uint32(h[80:]), le.Uint32(h[84:])
	if count > gptEntriesMax || size < 128 || size > gptEntrySizeMax || size%128 != 0 || at < 2 || at > last {
		return gpt{}, fmt.Errorf("%w: %d entries of %d bytes at sector %d", errNoGPT, count, size, at)
	}
	b := make([]byte, int(count)*int(size))
	if _, err := r.ReadAt(b, int64(at)*int64(sector)); err != nil {
		return gpt{}, fmt.Errorf("read partition entries at sector %d: %w", at, err)
	}
	if crc32.ChecksumIEEE(b) != le.Uint32(h[88:]) {
		return gpt{}, fmt.Errorf("%w: checksum of the entries is wrong", errNoGPT)
	}
	t := gpt{alternate: le.Uint64(h[32:]), count: int(count), entrySize: int(size)}
	for i := range int(count) {
		e := b[i*int(size):][:128]
		if [16]byte(e) == [16]byte{} {
			continue // clause 5.3.3: type zero is an unused entry
		}
		first, end := le.Uint64(e[32:]), le.Uint64(e[40:])
		if first > end || end > last {
			continue
		}
		t.entries = append(t.entries, gptEntry{i + 1, guidText(e[16:32]), first, end})
	}
	return t, nil
}

// guidText of a GUID as it stands on the disk: its first three fields are
// little-endian (UEFI 2.10, appendix A).
func guidText(b []byte) string {
	le, be := binary.LittleEndian, binary.BigEndian
	return fmt.Sprintf("%08x-%04x-%04x-%04x-%x", le.Uint32(b), le.Uint16(b[4:]), le.Uint16(b[6:]), be.Uint16(b[8:]), b[10:16])
}

func (t gpt) find(guid string) (gptEntry, bool) {
	for _, e := range t.entries {
		if strings.EqualFold(e.guid, guid) {
			return e, true
		}
	}
	return gptEntry{}, false
}

// ours: a disk that carries one of the stick's partitions.
func (t gpt) ours() bool {
	_, esp := t.find(settings.ESPGUID)
	_, data := t.find(settings.DataGUID)
	return esp || data
}
