// Package tree reads the small text files of /sys and /proc, of this machine or
// of a folder that came from another one. What stands there is foreign: every
// read is bounded, a link never leads out of the tree, and only plain files are
// opened (a pipe in a folder from elsewhere would block for ever).
package tree

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

const (
	maxText    = 256 << 10 // /proc/cpuinfo of a large machine; sysfs gives 4 KiB at most
	maxEntries = 4096      // of one folder
)

// Tree is a folder that holds sys and proc.
type Tree struct{ root *os.Root }

// Open a tree; an empty root is the machine itself.
func Open(root string) (*Tree, error) {
	if root == "" {
		root = "/"
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, err
	}
	return &Tree{root: r}, nil
}

// Close lets the folder go.
func (t *Tree) Close() error { return t.root.Close() }

// Text of a file, without blanks at its ends.
func (t *Tree) Text(name string) (string, error) {
	b, err := t.Bytes(name, maxText)
	return strings.TrimSpace(string(b)), err
}

// Bytes of a file. One that is longer than most is an error, not a part of it.
func (t *Tree) Bytes(name string, most int64) ([]byte, error) {
	name = strings.TrimPrefix(name, "/")
	info, err := t.root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no plain file", name)
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > most {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, most)
	}
	return b, nil
}

// List of the names in a folder, sorted.
func (t *Tree) List(dir string) ([]string, error) {
	f, err := t.root.Open(strings.TrimPrefix(dir, "/"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	names, err := f.Readdirnames(maxEntries)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.Sort(names)
	return names, nil
}

// Has reports whether a file or folder is there. An error means that this could
// not be found out.
func (t *Tree) Has(name string) (bool, error) {
	_, err := t.root.Stat(strings.TrimPrefix(name, "/"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}
