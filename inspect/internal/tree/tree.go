// Package tree reads the small files of /sys and /proc: of this machine, of a
// folder that came from another one, or of a capture. What stands there is
// foreign: every read is bounded, a link never leads out of the tree, and only
// plain files are opened (a pipe in a folder from elsewhere would block for ever).
package tree

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

const (
	maxText  = 256 << 10 // /proc/cpuinfo of a large machine; sysfs gives 4 KiB at most
	maxLinks = 40        // of one name, as the kernel has it
)

// Kind of an entry. The zero Kind is what is none of the others.
type Kind uint8

const (
	Other Kind = iota // a pipe, a device node
	File
	Folder
	Link
)

// Entry of a folder.
type Entry struct {
	Kind   Kind
	Target string // of a Link
}

// Device is what a path of /dev, or any file, is to the kernel.
type Device struct {
	Dev, Inode uint64 // of the file system, and in it
	Block      bool   // it is a block device
	Number     string // of a block device, 'major:minor'
}

// Files is where a tree's entries come from: the one door by which they enter.
// Names begin with '/' and have no link in them, but for the last part of what
// Look is asked for.
type Files interface {
	Look(name string) (Entry, error)
	// Read a plain file; one that is longer than most is an error, not a part of it.
	Read(name string, most int64) ([]byte, error)
	// List of the names in a folder, sorted.
	List(name string) ([]string, error)
	// Device behind a name, whatever links lead there: only of this machine's own
	// files; of others the error is ErrForeign.
	Device(name string) (Device, error)
	// Folder of this machine in which the tree lies, for libraries that read one.
	Folder() (string, error)
}

// ErrForeign: the tree came from elsewhere, and the question makes sense of this
// machine only.
var ErrForeign = errors.New("the files are another machine's")

// Tree of files.
type Tree struct {
	Files
	// folders that others were found in: half of the time of a survey went into asking
	// again whether /sys/devices is a link.
	folders sync.Map
}

// At gives the tree below a folder; an empty root is the machine itself.
func At(root string) *Tree { return &Tree{Files: disk(filepath.Clean(cmp.Or(root, "/")))} }

// Text of a file, without blanks at its ends.
func (t *Tree) Text(name string) (string, error) {
	b, err := t.Bytes(name, maxText)
	return strings.TrimSpace(string(b)), err
}

// Bytes of a file. One that is longer than most is an error, not a part of it.
func (t *Tree) Bytes(name string, most int64) ([]byte, error) {
	real, e, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	if e.Kind != File {
		return nil, fmt.Errorf("%s is no plain file", name)
	}
	return t.Read(real, most)
}

// List of the names in a folder, sorted.
func (t *Tree) List(dir string) ([]string, error) {
	real, _, err := t.resolve(dir)
	if err != nil {
		return nil, err
	}
	return t.Files.List(real)
}

// Has reports whether a file or folder is there. An error means that this could
// not be found out.
func (t *Tree) Has(name string) (bool, error) {
	_, _, err := t.resolve(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Real follows the links of a name within the tree, and gives the name that has
// none, counted from the tree's root. A link that leads out is an error.
func (t *Tree) Real(name string) (string, error) {
	real, _, err := t.resolve(name)
	return real, err
}

// resolve follows links, and says what stands at the end. Only folders are in
// what it went through.
func (t *Tree) resolve(name string) (real string, e Entry, err error) {
	real, e = "/", Entry{Kind: Folder}
	links, ahead := 0, parts(name)
	for len(ahead) > 0 {
		part := ahead[0]
		ahead = ahead[1:]
		if part == ".." {
			if real == "/" {
				return "", e, fmt.Errorf("%s leads out of the tree", name)
			}
			real = path.Dir(real)
			continue
		}
		at := path.Join(real, part)
		if e, err = t.pass(at, len(ahead) > 0); err != nil {
			return "", e, err
		}
		switch {
		case e.Kind == Link:
			if links++; links > maxLinks {
				return "", e, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
			}
			if path.IsAbs(e.Target) {
				real = "/"
			}
			ahead = append(parts(e.Target), ahead...)
			e = Entry{Kind: Folder} // should nothing follow
		case len(ahead) > 0 && e.Kind != Folder:
			return "", e, &fs.PathError{Op: "open", Path: at + "/" + ahead[0], Err: syscall.ENOTDIR}
		default:
			real = at
		}
	}
	return real, e, nil
}

// pass looks at a part of a name. One that more follows on was looked at before, if it
// was a folder then: should it be gone, so is what follows.
func (t *Tree) pass(at string, more bool) (Entry, error) {
	if _, known := t.folders.Load(at); known && more {
		return Entry{Kind: Folder}, nil
	}
	e, err := t.Look(at)
	if err == nil && e.Kind == Folder && more {
		t.folders.Store(at, nil)
	}
	return e, err
}

// parts of a name. '..' stays where it follows a link's place, and is counted from
// there: path.Clean would not see the link.
func parts(name string) []string {
	return slices.DeleteFunc(strings.Split(name, "/"), func(s string) bool { return s == "" || s == "." })
}
