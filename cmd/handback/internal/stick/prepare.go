package stick

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/diskfs/go-diskfs/backend"
	diskgpt "github.com/diskfs/go-diskfs/partition/gpt"
	"golang.org/x/sys/unix"

	"handback.example/cmd/internal/settings"
	"handback.example/image/exfat"
)

// minData is the smallest data partition worth having, in bytes; align where it
// begins and ends.
const (
	minData = 16 << 20
	align   = 1 << 20
)

// Prepare makes the stick's data partition where it has none, and opens the
// Store on it. What is there is never formatted: ErrCorrupt where it can't be
// read. The file system is made in free space first and enters the partition
// table last, so that after a power cut a partition in the table is whole.
func Prepare(ctx context.Context, d Disk) (*Stick, error) { return linux.prepare(ctx, d) }

func (y system) prepare(ctx context.Context, d Disk) (*Stick, error) {
	if err := stickGate.run(ctx, func() error { leftovers(mountPoint); return nil }); err != nil {
		return nil, err
	}
	path, id, err := y.dataPartition(ctx, d)
	s := &Stick{y: y, id: id, known: &memory{}, mountPoint: mountPoint}
	if err == nil {
		err = s.makeFolders(ctx, path)
	}
	if err != nil {
		return nil, classify(err, func() bool { return exists(d.Path) }, d.ReadOnly)
	}
	return s, nil
}

// leftovers takes away what a program that died in the midst of writing left
// mounted: nobody else mounts there, and the disk could not be opened before.
func leftovers(mountPoint string) {
	for range leftoversMost {
		if unix.Unmount(mountPoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW) != nil {
			return
		}
	}
}

// leftoversMost: a program dies a few times at most before it is given up.
const leftoversMost = 16

// dataPartition gives the device of the data partition and its volume's serial
// number.
func (y system) dataPartition(ctx context.Context, d Disk) (string, uint32, error) {
	if d.ReadOnly {
		return "", 0, because(ErrReadOnly, "%s", d.Path)
	}
	f, err := openExclusive(ctx, d.Path)
	if err != nil {
		return "", 0, protected(err)
	}
	defer f.Close()
	e, id, err := ensureData(f, d)
	if err != nil {
		return "", 0, protected(err)
	}
	path, err := y.showPartition(f, d, e)
	return path, id, err
}

// protected: some write-protected disks show it only when they are written.
func protected(err error) error {
	if errors.Is(err, unix.EROFS) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) {
		return because(ErrReadOnly, "%w", err)
	}
	return err
}

// medium is an open disk, or a file in its place.
type medium interface {
	backend.WritableFile
	Sync() error
}

// ensureData gives the data partition, made where there is none, and its
// volume's serial number.
func ensureData(f medium, d Disk) (gptEntry, uint32, error) {
	// The table as it is now, not as it was when the disks were looked at.
	t, err := readGPT(f, d.Size, d.sector)
	if err != nil {
		return gptEntry{}, 0, because(ErrCorrupt, "partition table of %s: %w", d.Path, err)
	}
	if _, ok := t.find(settings.ESPGUID); !ok {
		return gptEntry{}, 0, because(ErrGone, "%s is another disk now", d.Path)
	}
	e, ok := t.find(settings.DataGUID)
	if !ok {
		if e, err = makeData(f, d, t); err != nil {
			return gptEntry{}, 0, err
		}
	} else if t.recovered {
		if err := rewriteTable(f, d); err != nil {
			return gptEntry{}, 0, err
		}
	}
	v, err := exfat.Open(io.NewSectionReader(f, int64(e.first)*int64(d.sector), e.bytes(d)), e.bytes(d))
	if err != nil {
		return gptEntry{}, 0, unreadable(d, err)
	}
	return e, v.VolumeID(), nil
}

// unreadable: what exFAT says is damaged stays as it is; what the medium says is
// the medium's.
func unreadable(d Disk, err error) error {
	if errors.Is(err, exfat.ErrNotExFAT) || errors.Is(err, exfat.ErrDamaged) {
		return because(ErrCorrupt, "data partition of %s: %w", d.Path, err)
	}
	return err
}

func (e gptEntry) bytes(d Disk) int64 { return int64(e.last-e.first+1) * int64(d.sector) }

// openExclusive opens for writing what nobody else has open or mounted. A disk
// that was just plugged in is busy for a moment while its table is read.
func openExclusive(ctx context.Context, path string) (*os.File, error) {
	for end := time.Now().Add(3 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		f, err := os.OpenFile(path, os.O_RDWR|unix.O_EXCL|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EBUSY) || time.Now().After(end) || ctx.Err() != nil {
			return f, err
		}
	}
}

// makeData makes the partition in the room after the last one.
func makeData(f medium, d Disk, t gpt) (gptEntry, error) {
	start, end := room(d, t)
	if end-start < minData {
		return gptEntry{}, because(ErrNoRoom, "%d MB of %s are free", max(end-start, 0)>>20, d.Path)
	}
	e := gptEntry{index: freeIndex(t), guid: settings.DataGUID, first: uint64(start) / uint64(d.sector)}
	// The start of free space may hold an older life's data partition: the stick
	// was written anew over it. Its records are taken over, not formatted.
	v, err := exfat.Open(io.NewSectionReader(f, start, end-start), end-start)
	switch {
	case err == nil && v.Label() == settings.DataLabel:
		end = start + v.Size()
	case err == nil, errors.Is(err, exfat.ErrNotExFAT):
		if err := format(f, d, start, end); err != nil {
			return gptEntry{}, err
		}
	default:
		return gptEntry{}, unreadable(d, err)
	}
	e.last = uint64(end)/uint64(d.sector) - 1
	return e, addEntry(f, d, e)
}

// room from the end of the last partition to where the backup table will stand,
// in bytes. It counts on a disk that has grown since the table was made.
func room(d Disk, t gpt) (start, end int64) {
	sector := int64(d.sector)
	for _, e := range t.entries {
		start = max(start, int64(e.last+1)*sector)
	}
	start = (max(start, align) + align - 1) / align * align
	tail := sector + (int64(t.count*t.entrySize)+sector-1)/sector*sector
	return start, (d.Size - tail) / align * align
}

func freeIndex(t gpt) int {
	n := 1
	for _, e := range t.entries {
		n = max(n, e.index+1)
	}
	return n
}

func format(f medium, d Disk, start, end int64) error {
	var id [4]byte
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	w := offsetWriter{f, start}
	err := exfat.Format(w, end-start, exfat.Options{Label: settings.DataLabel, VolumeID: binary.LittleEndian.Uint32(id[:]),
		SectorSize: d.sector, PartitionOffset: start})
	if err != nil {
		return fmt.Errorf("format the data partition of %s: %w", d.Path, err)
	}
	return nil
}

// offsetWriter is a part of a disk that can be synced: exfat.Format writes the
// sector that makes the volume one after everything else is on the medium.
type offsetWriter struct {
	f  medium
	at int64
}

func (w offsetWriter) WriteAt(p []byte, off int64) (int, error) { return w.f.WriteAt(p, w.at+off) }
func (w offsetWriter) Sync() error                              { return w.f.Sync() }

// addEntry grows the table to the end of the disk and adds one entry. go-diskfs
// writes and syncs backup entries, backup header, primary entries, primary
// header in this order: at any moment one of the two tables is whole.
func addEntry(f medium, d Disk, e gptEntry) error {
	t, err := diskgpt.Read(f, d.sector, d.sector)
	if err != nil {
		return because(ErrCorrupt, "partition table of %s: %w", d.Path, err)
	}
	t.Partitions = append(t.Partitions, &diskgpt.Partition{Index: e.index, Start: e.first, End: e.last, Size: uint64(e.bytes(d)),
		Type: diskgpt.Type(settings.DataType), Name: settings.DataLabel, GUID: settings.DataGUID})
	return writeTable(f, d, t)
}

// rewriteTable repairs a primary table that a power cut left half-written.
func rewriteTable(f medium, d Disk) error {
	t, err := diskgpt.Read(f, d.sector, d.sector)
	if err != nil {
		return because(ErrCorrupt, "partition table of %s: %w", d.Path, err)
	}
	return writeTable(f, d, t)
}

func writeTable(f medium, d Disk, t *diskgpt.Table) error {
	t.Resize(uint64(d.Size))
	if err := t.Write(f, d.Size); err != nil {
		return fmt.Errorf("partition table of %s: %w", d.Path, err)
	}
	return nil
}
