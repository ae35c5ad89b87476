package exfat

import (
	"errors"
	"io"
	"io/fs"
)

// extent is a run of clusters that follow each other.
type extent struct {
	at, length int64 // bytes on the medium
}

// extents of a file, read once and checked against the heap.
func (v *Volume) extents(n node) ([]extent, error) {
	if n.size == 0 {
		return nil, nil
	}
	if !n.chained {
		count := (n.size + v.clusterSize - 1) / v.clusterSize
		if !v.valid(n.first) || count > int64(v.clusters)-int64(n.first-firstCluster) {
			return nil, damaged("a file's clusters are out of bounds")
		}
		return []extent{{v.at(n.first), count * v.clusterSize}}, nil
	}
	var x []extent
	err := v.walk(n, func(c uint32) error {
		at := v.at(c)
		if k := len(x) - 1; k >= 0 && x[k].at+x[k].length == at {
			x[k].length += v.clusterSize
			return nil
		}
		x = append(x, extent{at, v.clusterSize})
		return nil
	})
	return x, err
}

// file is an open one. Besides fs.File it is an io.ReaderAt and io.Seeker.
type file struct {
	v       *Volume
	node    node
	extents []extent
	name    string
	off     int64
	closed  bool
}

func (f *file) Stat() (fs.FileInfo, error) { return f.node, nil }

func (f *file) Close() error {
	if f.closed {
		return f.fail("close", fs.ErrClosed)
	}
	f.closed = true
	return nil
}

func (f *file) fail(op string, err error) error {
	return &fs.PathError{Op: op, Path: f.name, Err: err}
}

func (f *file) Read(p []byte) (int, error) {
	if f.closed {
		return 0, f.fail("read", fs.ErrClosed)
	}
	if f.off >= f.node.size {
		return 0, io.EOF
	}
	n, err := f.ReadAt(p, f.off)
	f.off += int64(n)
	if errors.Is(err, io.EOF) && n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) Seek(off int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		off += f.off
	case io.SeekEnd:
		off += f.node.size
	}
	if off < 0 {
		return 0, f.fail("seek", fs.ErrInvalid)
	}
	f.off = off
	return off, nil
}

// ReadAt gives zeros beyond ValidDataLength (clause 7.6.5): what lies there on
// the medium is some older file's.
func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, f.fail("read", fs.ErrInvalid)
	}
	var end error
	if off >= f.node.size {
		return 0, io.EOF
	}
	if int64(len(p)) > f.node.size-off {
		p, end = p[:f.node.size-off], io.EOF
	}
	done, start := 0, int64(0)
	for _, x := range f.extents {
		if done == len(p) {
			break
		}
		if pos := off + int64(done); pos < start+x.length {
			part := p[done:min(int64(len(p)), int64(done)+start+x.length-pos)]
			if err := f.readPart(part, pos, x.at+pos-start); err != nil {
				return done, f.fail("read", err)
			}
			done += len(part)
		}
		start += x.length
	}
	if done < len(p) {
		return done, f.fail("read", io.ErrUnexpectedEOF)
	}
	return done, end
}

// readPart reads the bytes at pos of the file, which lie at on the medium.
func (f *file) readPart(p []byte, pos, at int64) error {
	stored := min(max(f.node.valid-pos, 0), int64(len(p)))
	clear(p[stored:])
	if stored == 0 {
		return nil
	}
	return readFull(f.v.r, p[:stored], at)
}
