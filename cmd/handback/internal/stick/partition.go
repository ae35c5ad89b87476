package stick

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// nodeTime is how long the kernel may take to show a partition.
const nodeTime = 5 * time.Second

// partition gives the kernel's device of a partition, found by where it begins:
// the kernel's own numbering is not looked at.
func (y system) partition(d Disk, e gptEntry) (string, bool) {
	names, err := filepath.Glob(filepath.Join(y.sys, d.Name, d.Name+"*", "start"))
	if err != nil {
		return "", false
	}
	unit := int64(d.sector / 512)
	for _, n := range names {
		name := filepath.Base(filepath.Dir(n))
		start, err1 := strconv.ParseInt(y.attribute(d.Name, name+"/start"), 10, 64)
		size, err2 := strconv.ParseInt(y.attribute(d.Name, name+"/size"), 10, 64)
		if err1 != nil || err2 != nil || start != int64(e.first)*unit || size != int64(e.last-e.first+1)*unit {
			continue
		}
		return filepath.Join(y.dev, name), true
	}
	return "", false
}

// showPartition has the kernel show a partition that it doesn't know yet: by
// reading the table again; where something of the disk is in use, or the kernel
// doesn't take the table, by telling it of this one.
func (y system) showPartition(f *os.File, d Disk, e gptEntry) (string, error) {
	if path, ok := y.partition(d, e); ok && exists(path) {
		return path, nil
	}
	again := unix.IoctlSetInt(int(f.Fd()), unix.BLKRRPART, 0) // the table is read before it returns
	if _, ok := y.partition(d, e); !ok {
		if err := addPartition(f, d, e); err != nil {
			return "", fmt.Errorf("tell the kernel of partition %d of %s: %w", e.index, d.Path, errors.Join(again, err))
		}
	}
	for end := time.Now().Add(nodeTime); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if path, ok := y.partition(d, e); ok && exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("partition %d of %s does not appear", e.index, d.Path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// blkpgPartition and blkpgArg are struct blkpg_partition and blkpg_ioctl_arg of
// linux/blkpg.h.
type blkpgPartition struct {
	start, length int64 // bytes
	number        int32
	_             [64 + 64 + 4]byte // names, which nobody reads; padding
}

type blkpgArg struct {
	op, flags, datalen int32
	_                  int32
	data               *blkpgPartition
}

const blkpgAddPartition = 1

func addPartition(f *os.File, d Disk, e gptEntry) error {
	p := blkpgPartition{start: int64(e.first) * int64(d.sector), length: int64(e.last-e.first+1) * int64(d.sector), number: int32(e.index)}
	a := blkpgArg{op: blkpgAddPartition, datalen: int32(unsafe.Sizeof(p)), data: &p}
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(&a))); errno != 0 {
		return errno
	}
	return nil
}
