package exfat

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// Volume is a volume opened for reading. It is an fs.FS with ReadDir.
type Volume struct {
	r io.ReaderAt
	geometry
	label string
}

var (
	_ fs.FS        = (*Volume)(nil)
	_ fs.ReadDirFS = (*Volume)(nil)
	_ fs.StatFS    = (*Volume)(nil)
)

// depthMax bounds what a walk through hostile folders can cost.
const depthMax = 8

// Open checks the boot region and the root directory's own entries. The errors
// are ErrNotExFAT, ErrDamaged, or what r gave.
func Open(r io.ReaderAt, size int64) (*Volume, error) {
	g, err := readBoot(r, size)
	if err != nil {
		return nil, err
	}
	v := &Volume{r: r, geometry: g}
	return v, v.checkRoot()
}

// VolumeID is the volume's serial number.
func (v *Volume) VolumeID() uint32 { return v.serial }

// Label of the volume.
func (v *Volume) Label() string { return v.label }

// Size of the volume in bytes.
func (v *Volume) Size() int64 { return v.length }

// checkRoot finds label and allocation bitmap: without a bitmap nothing can be
// written, and no driver mounts the volume.
func (v *Volume) checkRoot() error {
	var bitmap bool
	err := v.entries(v.rootNode(), func(e []byte) (bool, error) {
		switch e[0] {
		case typeLabel:
			v.label = decodeName(e[2:], min(int(e[1]), labelMax))
		case typeBitmap:
			if n := le.Uint64(e[24:]); !v.valid(le.Uint32(e[20:])) || n < (uint64(v.clusters)+7)/8 || n > uint64(v.length) {
				return false, damaged("allocation bitmap is out of bounds")
			}
			bitmap = true
		}
		return true, nil
	})
	if err == nil && !bitmap {
		err = damaged("allocation bitmap is not there")
	}
	return err
}

// Open implements fs.FS.
func (v *Volume) Open(name string) (fs.File, error) {
	n, err := v.lookup("open", name)
	if err != nil {
		return nil, err
	}
	if n.dir {
		return &directory{v: v, node: n, name: name}, nil
	}
	x, err := v.extents(n)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{v: v, node: n, extents: x, name: name}, nil
}

// ReadDir implements fs.ReadDirFS. On a damaged directory it gives what could be
// read, and the error.
func (v *Volume) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := v.lookup("readdir", name)
	if err != nil {
		return nil, err
	}
	if !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fmt.Errorf("not a directory")}
	}
	nodes, err := v.list(n)
	if err != nil {
		err = &fs.PathError{Op: "readdir", Path: name, Err: err}
	}
	return dirEntries(nodes), err
}

// Stat implements fs.StatFS.
func (v *Volume) Stat(name string) (fs.FileInfo, error) {
	n, err := v.lookup("stat", name)
	if err != nil {
		return nil, err
	}
	return n, nil
}

func (v *Volume) lookup(op, name string) (node, error) {
	if !fs.ValidPath(name) {
		return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	n := v.rootNode()
	if name == "." {
		return n, nil
	}
	parts := strings.Split(name, "/")
	if len(parts) > depthMax {
		return node{}, &fs.PathError{Op: op, Path: name, Err: damaged("more than %d folders deep", depthMax)}
	}
	above := []uint32{v.root}
	for _, part := range parts {
		if !n.dir {
			return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		next, found, err := v.find(n, part)
		if err != nil {
			return node{}, &fs.PathError{Op: op, Path: name, Err: err}
		}
		if !found {
			return node{}, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
		}
		if n = next; n.dir && n.size > 0 && slices.Contains(above, n.first) {
			return node{}, &fs.PathError{Op: op, Path: name, Err: damaged("a directory lies in itself")}
		}
		above = append(above, n.first)
	}
	return n, nil
}
