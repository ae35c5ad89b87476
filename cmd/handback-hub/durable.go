package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// disk is the calls that durable writing rests on, so that tests can fail each of
// them in turn.
type disk interface {
	create(name string, mode fs.FileMode) (diskFile, error) // fails where the name is taken
	renameNew(from, to string) error                        // fails where the name is taken
	rename(from, to string) error                           // replaces
	remove(name string) error
	syncFolder(dir string) error
}

type diskFile interface {
	Write(b []byte) (int, error)
	Sync() error
	Close() error
}

// file is one file to be written.
type file struct {
	name    string
	data    []byte
	mode    fs.FileMode
	replace bool // the name may be taken; otherwise that is an error, and nothing is changed
}

// write puts files on the disk in their order, a file when the one before it is
// there to stay. When it returns nil they survive a power cut; after an error it is
// not known whether the last one is there. A file that is there is whole.
func write(d disk, files ...file) error {
	for _, f := range files {
		if err := writeOne(d, f); err != nil {
			return fmt.Errorf("%s could not be written: %w", f.name, err)
		}
	}
	return nil
}

func writeOne(d disk, f file) (err error) {
	dir, base := filepath.Split(f.name)
	temp := filepath.Join(dir, "."+base+".tmp")
	if err := d.remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h, err := d.create(temp, f.mode)
	if err != nil {
		return err
	}
	// Of no use from here on: the file has its name, or an error stands for it.
	defer func() { _ = d.remove(temp) }()
	if _, err := h.Write(f.data); err != nil {
		return errors.Join(err, h.Close())
	}
	if err := h.Sync(); err != nil {
		return errors.Join(err, h.Close())
	}
	if err := h.Close(); err != nil {
		return err
	}
	if f.replace {
		err = d.rename(temp, f.name)
	} else {
		err = d.renameNew(temp, f.name)
	}
	if err != nil {
		return err
	}
	return d.syncFolder(filepath.Clean(dir))
}

// system is the computer's own disk.
type system struct{}

func (system) create(name string, mode fs.FileMode) (diskFile, error) {
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
}

// renameNew is renameat2(2), or a hard link where the file system knows no such flag.
func (system) renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	switch {
	case errors.Is(err, unix.EINVAL), errors.Is(err, unix.ENOSYS):
		return os.Link(from, to)
	case err != nil:
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (system) rename(from, to string) error { return os.Rename(from, to) }
func (system) remove(name string) error     { return os.Remove(name) }

func (system) syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = f.Sync()
	return errors.Join(err, f.Close())
}

// newFolder makes a folder that is there to stay, where it isn't there yet.
func newFolder(dir string, mode fs.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return system{}.syncFolder(filepath.Dir(filepath.Clean(dir)))
}

// temporary reports whether a name is a half-written file's.
func temporary(name string) bool {
	return strings.HasPrefix(name, ".") && strings.HasSuffix(name, ".tmp")
}
