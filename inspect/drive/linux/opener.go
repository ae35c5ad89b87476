package linux

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// Opener opens drives of this machine by the paths of their block devices. Its
// zero value is ready.
type Opener struct{}

var (
	_ drive.Opener = Opener{}
	_ drive.Tester = Opener{}
)

// InUseError says that a drive was not opened to be erased, and who uses it.
type InUseError struct {
	Path string
	By   []string // sentences; empty: somebody who can't be seen from here
}

func (e *InUseError) Error() string {
	if len(e.By) == 0 {
		return fmt.Sprintf("%s is in use: another program has claimed it; end that program, then try again", e.Path)
	}
	return fmt.Sprintf("%s is in use: %s; unmount or stop what uses it, then try again", e.Path, strings.Join(e.By, ", "))
}

// Unwrap: the kernel's word for it.
func (e *InUseError) Unwrap() error { return unix.EBUSY }

// Open opens a drive to be read. Nothing that is sent through it changes it.
func (Opener) Open(path string) (drive.Device, error) {
	d, err := open(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// OpenTest opens a drive to be tested by itself. What else is sent through it changes
// nothing.
func (Opener) OpenTest(path string) (drive.Device, error) {
	d, err := open(path, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	d.fenced = drive.SelfTest(d.raw)
	return d, nil
}

// OpenTarget opens a drive to be erased, and claims it: from here on nobody can
// mount it or any part of it.
func (Opener) OpenTarget(path string) (drive.Target, error) {
	disk, err := lookup(path)
	if err != nil {
		return nil, err
	}
	by, err := sysblock.Live().Use(disk)
	if err != nil {
		return nil, fmt.Errorf("%s is not opened to be erased: %w", path, err)
	}
	if len(by) > 0 {
		return nil, &InUseError{Path: path, By: by}
	}
	d, err := open(path, unix.O_RDWR|unix.O_EXCL)
	switch {
	case errors.Is(err, unix.EBUSY):
		by, _ = sysblock.Live().Use(disk)
		return nil, &InUseError{Path: path, By: by}
	case errors.Is(err, unix.EROFS), errors.Is(err, unix.EACCES):
		return nil, fmt.Errorf("%s can't be written: %w; look for a write-protect switch on it", path, err)
	case err != nil:
		return nil, err
	}
	t := &target{d}
	if err := t.writable(); err != nil {
		_ = t.Close()
		return nil, err
	}
	return t, nil
}

// lookup finds out what a path names, without opening it: to open a tape, a pipe
// or an optical drive is to do something to it.
func lookup(path string) (sysblock.Disk, error) {
	dev, err := blockNumber(path)
	if err != nil {
		return sysblock.Disk{}, err
	}
	disk, err := sysblock.Live().Lookup(dev)
	if err != nil {
		return sysblock.Disk{}, fmt.Errorf("%s: %w", path, err)
	}
	return disk, nil
}

func blockNumber(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return "", &os.PathError{Op: "look at", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return "", fmt.Errorf("%s is no block device: name a drive, like /dev/nvme0n1", path)
	}
	return number(st.Rdev), nil
}

func number(rdev uint64) string { return fmt.Sprintf("%d:%d", unix.Major(rdev), unix.Minor(rdev)) }

func open(path string, flags int) (*device, error) {
	disk, err := lookup(path)
	if err != nil {
		return nil, err
	}
	f, err := openNode(path, flags|unix.O_DIRECT, unix.S_IFBLK, disk.Dev)
	if err != nil {
		return nil, err
	}
	d := &device{path: path, disk: disk, block: newPort(f)}
	if err := d.settle(); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return d, nil
}

// openNode opens a device node and makes sure that what was opened is the device
// with that number: a path may come to name another one at any moment.
func openNode(path string, flags int, kind uint32, dev string) (*os.File, error) {
	var fd int
	var err error
	for {
		fd, err = unix.Open(path, flags|unix.O_CLOEXEC, 0)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	f := os.NewFile(uintptr(fd), path)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		_ = f.Close()
		return nil, &os.PathError{Op: "look at", Path: path, Err: err}
	}
	if st.Mode&unix.S_IFMT != kind || number(st.Rdev) != dev {
		_ = f.Close()
		return nil, fmt.Errorf("open %s: the path has come to name another device; try again", path)
	}
	return f, nil
}
