package exfat

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"slices"
	"time"
	"unicode/utf16"
)

// Bounds of a directory: clause 7.4 allows 256 MiB; a stick's folders hold
// thousands of files, not millions.
const (
	dirBytesMax = 16 << 20
	dirFilesMax = 1 << 16
	nameMax     = 255 // clause 7.6.2
)

// node is a file or directory. It is its own fs.FileInfo.
type node struct {
	name    string
	dir     bool
	chained bool // its clusters are linked in the FAT; otherwise they follow each other
	root    bool
	first   uint32
	size    int64 // DataLength
	valid   int64 // ValidDataLength: what lies beyond reads as zeros
	mtime   time.Time
}

func (n node) Name() string       { return n.name }
func (n node) ModTime() time.Time { return n.mtime }
func (n node) IsDir() bool        { return n.dir }
func (n node) Sys() any           { return nil }
func (n node) Size() int64 {
	if n.root {
		return 0 // its size is a bound, not a fact
	}
	return n.size
}
func (n node) Mode() fs.FileMode {
	if n.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}

func dirEntries(nodes []node) []fs.DirEntry {
	out := make([]fs.DirEntry, len(nodes))
	for i, n := range nodes {
		out[i] = fs.FileInfoToDirEntry(n)
	}
	return out
}

// rootNode has no length of its own: its chain ends it (clause 3.1.10).
func (v *Volume) rootNode() node {
	return node{name: ".", dir: true, chained: true, root: true, first: v.root, size: dirBytesMax}
}

var errStop = errors.New("stop")

// entries calls f with each 32-byte entry until the end mark, the end of the
// directory, or f says stop.
func (v *Volume) entries(dir node, f func(e []byte) (more bool, err error)) error {
	if dir.size == 0 {
		return nil
	}
	if dir.size > dirBytesMax {
		return damaged("a directory of %d bytes", dir.size)
	}
	buf := make([]byte, min(v.clusterSize, 64<<10))
	left := dir.size
	err := v.walk(dir, func(c uint32) error {
		for off := int64(0); off < v.clusterSize && left > 0; off += int64(len(buf)) {
			if err := readFull(v.r, buf, v.at(c)+off); err != nil {
				return err
			}
			for e := range slices.Chunk(buf[:min(int64(len(buf)), left)/entrySize*entrySize], entrySize) {
				if e[0] == typeEnd {
					return errStop
				}
				more, err := f(e)
				if err != nil {
					return err
				}
				if !more {
					return errStop
				}
			}
			left -= int64(len(buf))
		}
		if left > 0 {
			return nil
		}
		if dir.root {
			return damaged("the root directory doesn't end")
		}
		return errStop
	})
	if errors.Is(err, errStop) {
		return nil
	}
	return err
}

// walk calls f with each cluster of n. It ends: a chain has no more steps than
// n's size needs.
func (v *Volume) walk(n node, f func(c uint32) error) error {
	count := (n.size + v.clusterSize - 1) / v.clusterSize
	if count > int64(v.clusters) {
		if !n.root {
			return damaged("%d clusters in a heap of %d", count, v.clusters)
		}
		count = int64(v.clusters)
	}
	c := n.first
	for i := int64(0); i < count; i++ {
		if !v.valid(c) {
			return damaged("cluster %#x is out of bounds", c)
		}
		if err := f(c); err != nil {
			return err
		}
		if i == count-1 && !n.root {
			return nil
		}
		if !n.chained {
			c++
			continue
		}
		var next [4]byte
		if err := readFull(v.r, next[:], v.fatOffset+4*int64(c)); err != nil {
			return err
		}
		if c = le.Uint32(next[:]); c == endOfChain {
			if n.root {
				return nil
			}
			return damaged("a chain of clusters ends early")
		}
	}
	return damaged("a chain of clusters doesn't end")
}

// list gives the files of a directory, by name.
func (v *Volume) list(dir node) ([]node, error) {
	var nodes []node
	err := v.files(dir, func(n node) bool {
		nodes = append(nodes, n)
		return len(nodes) <= dirFilesMax
	})
	if err == nil && len(nodes) > dirFilesMax {
		err = damaged("a directory of more than %d files", dirFilesMax)
	}
	slices.SortFunc(nodes, func(a, b node) int { return cmp.Compare(a.name, b.name) })
	return nodes, err
}

func (v *Volume) find(dir node, name string) (node, bool, error) {
	var got node
	var found bool
	err := v.files(dir, func(n node) bool {
		if n.name == name {
			got, found = n, true
		}
		return !found
	})
	return got, found, err
}

// files calls f with each file of a directory. A damaged entry set is skipped
// and reported at the end: what stands beside it can still be read.
func (v *Volume) files(dir node, f func(node) bool) error {
	var set []byte
	var want int
	var bad error
	stopped := false
	err := v.entries(dir, func(e []byte) (bool, error) {
		if e[0] == typeFile {
			if want > 0 {
				bad = damaged("a file's directory entries are cut short")
			}
			set, want = append([]byte(nil), e...), 1+int(e[1])
			return true, nil
		}
		if want == 0 {
			return true, nil // no part of a file: bitmap, label, deleted
		}
		if e[0]&inUse == 0 {
			bad = damaged("a file's directory entries are cut short")
			want = 0
			return true, nil
		}
		if set = append(set, e...); len(set) < want*entrySize {
			return true, nil
		}
		want = 0
		n, err := v.parseSet(set)
		if err != nil {
			bad = err
			return true, nil
		}
		stopped = !f(n)
		return !stopped, nil
	})
	if err == nil && !stopped {
		if want > 0 {
			bad = damaged("a file's directory entries are cut short")
		}
		err = bad
	}
	return err
}

// setChecksum over all entries of a file but the checksum itself, clause 6.3.3.
func setChecksum(set []byte) uint16 {
	var sum uint16
	for i, b := range set {
		if i == 2 || i == 3 {
			continue
		}
		sum = sum<<15 | sum>>1
		sum += uint16(b)
	}
	return sum
}

// parseSet reads a file's entries: File (7.4), Stream Extension (7.6), File
// Names (7.7).
func (v *Volume) parseSet(set []byte) (node, error) {
	if len(set) < 3*entrySize || set[entrySize] != typeStream {
		return node{}, damaged("a file without a stream")
	}
	if setChecksum(set) != le.Uint16(set[2:]) {
		return node{}, damaged("checksum of a file's directory entries is wrong")
	}
	s := set[entrySize : 2*entrySize]
	n := node{
		dir:     le.Uint16(set[4:])&attrDirectory != 0,
		chained: s[1]&flagNoChain == 0,
		first:   le.Uint32(s[20:]),
		mtime:   timestamp(le.Uint32(set[12:]), set[21], set[23]),
	}
	size, valid := le.Uint64(s[24:]), le.Uint64(s[8:])
	if size > uint64(v.clusters)*uint64(v.clusterSize) || valid > size {
		return node{}, damaged("a file of %d bytes, %d of them valid", size, valid)
	}
	n.size, n.valid = int64(size), int64(valid)
	var units []byte
	for e := range slices.Chunk(set[2*entrySize:], entrySize) {
		if e[0] != typeName {
			continue // a vendor's extension
		}
		units = append(units, e[2:]...)
	}
	length := int(s[3])
	if length == 0 || length > nameMax || 2*length > len(units) {
		return node{}, damaged("a file's name of %d characters", length)
	}
	n.name = decodeName(units, length)
	if n.name == "." || n.name == ".." || !fs.ValidPath(n.name) || containsSeparator(n.name) {
		return node{}, damaged("a file's name is not allowed") // clause 7.7.3
	}
	return n, nil
}

func decodeName(b []byte, units int) string {
	u := make([]uint16, units)
	for i := range u {
		u[i] = le.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
}

func containsSeparator(s string) bool {
	return slices.ContainsFunc([]rune(s), func(r rune) bool { return r < 0x20 || r == '/' || r == '\\' })
}

// timestamp of clause 7.4.5 to 7.4.10: DOS fields, hundredths, offset from UTC in
// quarters of an hour (valid when bit 7 is set; otherwise taken for UTC).
func timestamp(t uint32, hundredths, offset byte) time.Time {
	zone := 0
	if offset&0x80 != 0 {
		zone = int(int8(offset<<1)>>1) * 15 * 60
	}
	return time.Date(1980+int(t>>25), time.Month(t>>21&15), int(t>>16&31), int(t>>11&31), int(t>>5&63), int(t&31)*2,
		int(hundredths)*10_000_000, time.FixedZone("", zone)).UTC()
}

// directory is an open one.
type directory struct {
	v     *Volume
	node  node
	name  string
	nodes []node
	err   error
	read  bool
	next  int
}

func (d *directory) Stat() (fs.FileInfo, error) { return d.node, nil }
func (d *directory) Close() error               { return nil }
func (d *directory) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.name, Err: errors.New("is a directory")}
}

// ReadDir implements fs.ReadDirFile.
func (d *directory) ReadDir(n int) ([]fs.DirEntry, error) {
	if !d.read {
		d.nodes, d.err = d.v.list(d.node)
		d.read = true
	}
	rest := d.nodes[d.next:]
	if n > 0 && len(rest) > n {
		rest = rest[:n]
	}
	d.next += len(rest)
	switch {
	case d.next < len(d.nodes) || n <= 0 && d.err == nil:
		return dirEntries(rest), nil
	case d.err != nil:
		return dirEntries(rest), &fs.PathError{Op: "readdir", Path: d.name, Err: d.err}
	case len(rest) == 0:
		return nil, io.EOF
	}
	return dirEntries(rest), nil
}
