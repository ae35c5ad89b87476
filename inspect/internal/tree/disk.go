package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// disk is a folder of this machine's file system, '/' for the machine itself.
type disk string

func (d disk) at(name string) string { return filepath.Join(string(d), name) }

func (d disk) Look(name string) (Entry, error) {
	info, err := os.Lstat(d.at(name))
	if err != nil {
		return Entry{}, named(err, name)
	}
	switch mode := info.Mode(); {
	case mode.IsRegular():
		return Entry{Kind: File}, nil
	case mode.IsDir():
		return Entry{Kind: Folder}, nil
	case mode&fs.ModeSymlink != 0:
		target, err := os.Readlink(d.at(name))
		return Entry{Kind: Link, Target: target}, err
	}
	return Entry{Kind: Other}, nil
}

func (d disk) Read(name string, most int64) ([]byte, error) {
	fd, err := unix.Open(d.at(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), d.at(name)) // os.Open would ask the poller for each of a thousand files
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, named(err, name)
	}
	if int64(len(b)) > most {
		return nil, TooLong(name, most)
	}
	return b, nil
}

// named says of an error at which name of the tree it was.
func named(err error, name string) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return &fs.PathError{Op: at.Op, Path: name, Err: at.Err}
	}
	return err
}

// TooLong says of a file that it has more than most bytes.
func TooLong(name string, most int64) error {
	return fmt.Errorf("%s is longer than %d bytes", name, most)
}

// maxEntries of one folder: the memory of a large server has some thousand blocks.
const maxEntries = 1 << 16

func (d disk) List(name string) ([]string, error) {
	f, err := os.Open(d.at(name))
	if err != nil {
		return nil, named(err, name)
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && err != io.EOF {
		return nil, named(err, name)
	}
	if len(names) == maxEntries {
		return nil, fmt.Errorf("%s has more than %d entries", name, maxEntries)
	}
	slices.Sort(names)
	return names, nil
}

func (d disk) Device(name string) (Device, error) {
	if d != "/" {
		return Device{}, ErrForeign
	}
	var st unix.Stat_t
	if err := unix.Stat(path.Clean("/"+name), &st); err != nil {
		return Device{}, &fs.PathError{Op: "look at", Path: name, Err: err}
	}
	v := Device{Dev: st.Dev, Inode: st.Ino, Block: st.Mode&unix.S_IFMT == unix.S_IFBLK}
	if v.Block {
		v.Number = fmt.Sprintf("%d:%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
	}
	return v, nil
}

func (d disk) Folder() (string, error) { return string(d), nil }
