// Package sysblock reads, from sysfs and proc, which drives the kernel has, by
// which way each hangs on the machine, and who uses it. It opens no device and
// sends no command; what a drive is called is asked of the drive itself, by
// package linux. Everything is found by topology: a name alone decides nothing.
//
// It reads a tree of files that came from another machine as well as this
// machine's own, so nothing in the tree is trusted (see package tree).
package sysblock

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"

	"handback.example/inspect/internal/tree"
)

// Tree is where /sys and /proc lie.
type Tree struct{ *tree.Tree }

// Live is this machine's own tree.
func Live() Tree { return Tree{tree.At("")} }

// Bounds of what is read: a sysfs attribute is one page at most; a table of
// mounts of a busy machine has some hundred lines.
const (
	attrMax  = 4096
	tableMax = 4 << 20
)

// Attr is one attribute of a folder of sysfs, without the blanks at its ends.
func (t Tree) Attr(dir, name string) (string, error) {
	b, err := t.Bytes(filepath.Join(dir, name), attrMax)
	return strings.TrimSpace(string(b)), err
}

// AttrOrNone: an attribute that isn't there is empty.
func (t Tree) AttrOrNone(dir, name string) (string, error) {
	s, err := t.Attr(dir, name)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return s, err
}

// Is: the attribute can be read and has that value.
func (t Tree) Is(dir, name, value string) bool {
	s, err := t.Attr(dir, name)
	return err == nil && s == value
}

// Has: the folder has an entry of that name, be it a link to nothing. An error means
// that this could not be found out.
func (t Tree) Has(dir, name string) (bool, error) {
	name = filepath.Join(dir, name)
	dir, err := t.Real(filepath.Dir(name))
	if err == nil {
		_, err = t.Look(filepath.Join(dir, filepath.Base(name)))
	}
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Gone: a device that was listed in a folder of links, of a bus or of /sys/block, is no
// longer in it: it was pulled out meanwhile, and is no part of the machine. The error of
// a read doesn't tell: an attribute of a device that is being removed gives ENOENT or
// ENODEV, but so does one that never was, or a driver that fails. The kernel removes the
// attributes before the link (device_del), so one that is caught between the two counts
// as there, and as not read.
func (t Tree) Gone(dir, name string) bool {
	has, err := t.Has(dir, name)
	return err == nil && !has
}

// Link is the last part of what a link of sysfs leads to: a driver's or a
// subsystem's name. Empty where there is no such link.
func (t Tree) Link(dir, name string) (string, error) {
	real, err := t.Real(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return filepath.Base(real), nil
}

// listOrNone: a folder that isn't there is empty.
func (t Tree) listOrNone(dir string) ([]string, error) {
	names, err := t.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return names, err
}

// Ancestors of a folder, the folder itself first, up to /sys/devices.
func Ancestors(dir string) []string {
	var all []string
	for strings.HasPrefix(dir, "/sys/devices/") {
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
	return all
}
