// Package sysblock reads, from sysfs and proc, which drives the kernel has, by
// which way each hangs on the machine, and who uses it. It opens no device and
// sends no command; what a drive is called is asked of the drive itself, by
// package linux. Everything is found by topology: a name alone decides nothing.
//
// It reads a tree of files that came from another machine as well as this
// machine's own, so nothing in the tree is trusted: no link leads out of it, no
// file is read without bound.
package sysblock

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Tree is the folder below which /sys and /proc lie; empty for this machine's.
type Tree string

// Bounds of what is read: a sysfs attribute is one page at most; a table of
// mounts of a busy machine has some hundred lines.
const (
	attrMax  = 4096
	tableMax = 4 << 20
)

// Live: the tree is this machine's own.
func (t Tree) Live() bool { return t == "" || filepath.Clean(string(t)) == "/" }

func (t Tree) file(name string) string {
	return filepath.Join("/", string(t), filepath.Join("/", name))
}

// read reads a file of at most limit bytes; a longer one is an error, not a part.
func (t Tree) read(name string, limit int64) ([]byte, error) {
	real, err := t.Real(name)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(t.file(real))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", name)
	}
	f, err := os.Open(t.file(real))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, limit)
	}
	return b, nil
}

// Attr is one attribute of a folder of sysfs, without the blanks at its ends.
func (t Tree) Attr(dir, name string) (string, error) {
	b, err := t.read(filepath.Join(dir, name), attrMax)
	return strings.TrimSpace(string(b)), err
}

// Is: the attribute can be read and has that value.
func (t Tree) Is(dir, name, value string) bool {
	s, err := t.Attr(dir, name)
	return err == nil && s == value
}

// Has: the folder has an entry of that name.
func (t Tree) Has(dir, name string) bool {
	_, err := os.Lstat(t.file(filepath.Join(dir, name)))
	return err == nil
}

// Real follows the links of a name within the tree, and gives the name that has
// none, counted from the tree's root. A link that leads out is an error.
func (t Tree) Real(name string) (string, error) {
	root, err := filepath.EvalSymlinks(t.file("/"))
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(t.file(name))
	if err != nil {
		return "", err
	}
	rel, err := filepath.Rel(root, real)
	if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
		return "", fmt.Errorf("%s leads out of %s", name, root)
	}
	return filepath.Join("/", rel), nil
}

// Link is the last part of what a link of sysfs leads to: a driver's or a
// subsystem's name. Empty where there is no such link.
func (t Tree) Link(dir, name string) string {
	real, err := t.Real(filepath.Join(dir, name))
	if err != nil {
		return ""
	}
	return filepath.Base(real)
}

// List gives the names in a folder, sorted.
func (t Tree) List(dir string) ([]string, error) {
	real, err := t.Real(dir)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(t.file(real))
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
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
