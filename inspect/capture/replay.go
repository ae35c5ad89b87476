package capture

import (
	"context"
	"errors"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/mei"
)

// Capture answers what it recorded.
type Capture struct {
	archive
	questions
	folder struct {
		once sync.Once
		name string
		err  error
	}
}

// Manifest of the archive.
func (c *Capture) Manifest() Manifest { return c.manifest }

// Doors that lead to the capture.
func (c *Capture) Doors() Doors {
	t := &tree.Tree{Files: (*replayedFiles)(c)}
	d := Doors{Tree: t, Taken: c.manifest.Taken, NotRecorded: c.list}
	if c.manifest.Opened {
		d.Opener = &replayedOpener{c: c, disks: disks{tree: t}}
	}
	if a := c.machine.AMT; a != nil {
		d.AMT = func(context.Context) (mei.Mode, error) {
			switch {
			case a.None:
				return mei.Unknown, mei.ErrNoAMT
			case a.Error != "":
				return mei.Unknown, errors.New(a.Error)
			}
			return mei.Mode(a.Mode), nil
		}
	}
	if chip := c.machine.TPM; chip != nil {
		d.TPM = func(context.Context) inspect.TPM { return *chip }
	}
	return d
}

// Close removes the files that were laid out on this machine.
func (c *Capture) Close() error {
	c.folder.once.Do(func() { c.folder.err = os.ErrClosed })
	if c.folder.name == "" {
		return nil
	}
	return os.RemoveAll(c.folder.name)
}

// replayedFiles answers from the nodes.
type replayedFiles Capture

func (f *replayedFiles) c() *Capture { return (*Capture)(f) }

func (f *replayedFiles) Look(name string) (tree.Entry, error) {
	if n := f.tree[name]; n != nil && n.looked {
		return n.entry, n.gone.error(name)
	}
	if f.absent(name) {
		return tree.Entry{}, (&failure{Op: "lstat", Errno: syscall.ENOENT}).error(name)
	}
	if dir := f.tree[path.Dir(name)]; dir != nil && dir.looked && dir.gone == nil && dir.entry.Kind != tree.Folder {
		return tree.Entry{}, (&failure{Op: "lstat", Errno: syscall.ENOTDIR}).error(name)
	}
	return tree.Entry{}, f.c().add(name)
}

// absent: the folder was listed, and has no such name.
func (f *replayedFiles) absent(name string) bool {
	dir := f.tree[path.Dir(name)]
	if dir == nil || !dir.listed || dir.unnamed != nil {
		return false
	}
	_, there := slices.BinarySearch(dir.names, path.Base(name))
	return !there
}

func (f *replayedFiles) Read(name string, most int64) ([]byte, error) {
	n := f.tree[name]
	if n == nil || !n.read {
		return nil, f.c().add(name)
	}
	if int64(len(n.data)) > most {
		return nil, tree.TooLong(name, most)
	}
	return slices.Clone(n.data), n.unread.error(name)
}

func (f *replayedFiles) List(name string) ([]string, error) {
	n := f.tree[name]
	if n == nil || !n.listed {
		return nil, f.c().add("the list of " + name)
	}
	return slices.Clone(n.names), n.unnamed.error(name)
}

func (f *replayedFiles) Device(name string) (tree.Device, error) {
	name = path.Clean("/" + name)
	n := f.tree[name]
	if n == nil || !n.asked {
		return tree.Device{}, f.c().add("what " + name + " is")
	}
	return n.device, n.deviceNo.error(name)
}

// Folder lays out what ghw reads, below a folder that only this user may read. Links
// lead to where they lead within the tree, and nowhere else.
func (f *replayedFiles) Folder() (string, error) {
	l := &f.folder
	l.once.Do(func() {
		if l.name, l.err = os.MkdirTemp("", "handback-capture-"); l.err != nil {
			return
		}
		// What is not there is no question that anybody asked.
		silent := &Capture{archive: f.archive}
		t := &tree.Tree{Files: (*replayedFiles)(silent)}
		for name, n := range visited(t) {
			if l.err = layOut(l.name, t, name, n); l.err != nil {
				return
			}
		}
	})
	return l.name, l.err
}

func layOut(root string, t *tree.Tree, name string, n *node) error {
	at := filepath.Join(root, filepath.FromSlash(name))
	if !n.looked || n.gone != nil {
		return nil
	}
	// Below a link there is nothing: what was laid out there would lie elsewhere.
	if dir := path.Dir(name); dir != name {
		if real, err := t.Real(dir); err != nil || real != dir {
			return nil
		}
	}
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return err
	}
	switch n.entry.Kind {
	case tree.Folder:
		return os.MkdirAll(at, 0o700)
	case tree.File:
		if n.read && n.unread == nil {
			return os.WriteFile(at, n.data, 0o600)
		}
	case tree.Link:
		real, err := t.Real(name)
		if err != nil {
			return nil // where it leads was not asked
		}
		to, err := filepath.Rel(filepath.Dir(at), filepath.Join(root, filepath.FromSlash(real)))
		if err != nil {
			return err
		}
		return os.Symlink(to, at)
	}
	return nil
}

func splitPath(name string) []string { return strings.Split(strings.Trim(name, "/"), "/") }

func hasMeta(part string) bool { return strings.ContainsAny(part, "*?[") }
