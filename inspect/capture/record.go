package capture

import (
	"context"
	"errors"
	"path"
	"slices"
	"sync"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
	"handback.example/inspect/mei"
)

// Recorder keeps what passes the doors that it stands in.
type Recorder struct {
	mu    sync.Mutex
	tree  map[string]*node
	about machine
	all   []*driveRecord
	taken time.Time
	opens bool // drives are opened
}

// NewRecorder begins a capture.
func NewRecorder() *Recorder { return &Recorder{tree: map[string]*node{}, taken: time.Now()} }

// Doors that lead through the recorder.
func (r *Recorder) Doors(d Doors) Doors {
	d.Tree = &tree.Tree{Files: &recordedFiles{next: d.Tree, r: r}}
	if d.Taken.IsZero() {
		d.Taken = r.taken
	}
	r.taken = d.Taken // of a capture that is captured anew: its own
	if r.opens = d.Opener != nil; r.opens {
		d.Opener = &recordedOpener{next: d.Opener, r: r, disks: disks{tree: d.Tree}}
	}
	if ask := d.AMT; ask != nil {
		d.AMT = func(ctx context.Context) (mei.Mode, error) {
			mode, err := ask(ctx)
			a := &amtAnswer{Mode: uint8(mode), None: errors.Is(err, mei.ErrNoAMT)}
			if err != nil {
				a.Error = err.Error()
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.about.AMT = a
			return mode, err
		}
	}
	if ask := d.TPM; ask != nil {
		d.TPM = func(ctx context.Context) inspect.TPM {
			t := ask(ctx)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.about.TPM = &t
			return t
		}
	}
	return d
}

// at the node of a name, which the caller may fill in.
func (r *Recorder) at(name string, fill func(*node)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.tree[name]
	if n == nil {
		n = &node{}
		r.tree[name] = n
	}
	fill(n)
}

// recordedFiles keeps the first answer to each question.
type recordedFiles struct {
	next *tree.Tree
	r    *Recorder
	once sync.Once
}

func (f *recordedFiles) Look(name string) (tree.Entry, error) {
	e, err := f.next.Look(name)
	if isNotRecorded(err) { // of a capture that is captured anew: it stays a question
		return e, err
	}
	f.r.at(name, func(n *node) {
		if !n.looked {
			n.looked, n.entry, n.gone = true, e, failed(err)
		}
	})
	return e, err
}

func (f *recordedFiles) Read(name string, most int64) ([]byte, error) {
	b, err := f.next.Read(name, most)
	if isNotRecorded(err) {
		return b, err
	}
	f.r.at(name, func(n *node) {
		if !n.read || n.unread != nil && err == nil {
			n.read, n.data, n.unread = true, slices.Clone(b), failed(err)
		}
	})
	return b, err
}

func (f *recordedFiles) List(name string) ([]string, error) {
	names, err := f.next.Files.List(name)
	if isNotRecorded(err) {
		return names, err
	}
	f.r.at(name, func(n *node) {
		if !n.listed {
			n.listed, n.names, n.unnamed = true, slices.Clone(names), failed(err)
		}
	})
	return names, err
}

func (f *recordedFiles) Device(name string) (tree.Device, error) {
	d, err := f.next.Device(name)
	if isNotRecorded(err) {
		return d, err
	}
	f.r.at(path.Clean("/"+name), func(n *node) {
		if !n.asked {
			n.asked, n.device, n.deviceNo = true, d, failed(err)
		}
	})
	return d, err
}

// ghwReads is what the library ghw reads by itself, of what platform asks it
// (v0.27: pkg/cpu, pkg/memory, pkg/net, pkg/linuxdmi): it is read here as well, so
// that a capture has it.
var ghwReads = []string{
	"/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu/cpu*/online", "/sys/devices/system/cpu/cpu*/topology/core_id",
	"/sys/devices/system/cpu/cpu*/topology/physical_package_id", "/sys/devices/system/memory/block_size_bytes", "/sys/devices/system/memory/memory*/state",
	"/sys/class/net/*/address", "/sys/class/net/*/addr_assign_type", "/sys/class/net/*/device/subsystem",
	"/sys/class/dmi/id/bios_*", "/sys/class/dmi/id/board_*", "/sys/class/dmi/id/chassis_*", "/sys/class/dmi/id/product_*", "/sys/class/dmi/id/sys_vendor",
}

func (f *recordedFiles) Folder() (string, error) {
	f.once.Do(func() { visit(&tree.Tree{Files: f}) })
	return f.next.Folder()
}

// visit reads what ghw reads; whatever comes of it.
func visit(t *tree.Tree) {
	for _, pattern := range ghwReads {
		for _, name := range expand(t, pattern) {
			_, _ = t.Bytes(name, maxFile)
		}
	}
}

// visited are the nodes that ghw would come by.
func visited(t *tree.Tree) map[string]*node {
	r := NewRecorder()
	visit(&tree.Tree{Files: &recordedFiles{next: t, r: r}})
	return r.tree
}

// expand a pattern, a part of the path at a time.
func expand(t *tree.Tree, pattern string) []string {
	found := []string{"/"}
	for _, part := range splitPath(pattern) {
		var next []string
		for _, dir := range found {
			if !hasMeta(part) {
				next = append(next, path.Join(dir, part))
				continue
			}
			names, err := t.List(dir)
			if err != nil {
				continue
			}
			for _, name := range names {
				if ok, err := path.Match(part, name); ok && err == nil {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	return found
}
