package exfat_test

import (
	"encoding/binary"
	"testing"
	"unicode"
	"unicode/utf16"

	"handback.example/image/exfat"
)

// image is a medium in memory.
type image []byte

func (m image) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, errBounds
	}
	return copy(p, m[off:]), nil
}

func (m image) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, errBounds
	}
	return copy(m[off:], p), nil
}

var le = binary.LittleEndian

// writer puts files into a volume as a kernel might: contiguous or chained, with
// holes between clusters and with a tail that is not valid. It knows nothing of
// the reader: it takes its numbers from the boot sector.
type writer struct {
	t       *testing.T
	m       image
	sector  int
	cluster int
	fat     int
	heap    int
	next    uint32
}

func newWriter(t *testing.T, size int64, opt exfat.Options) *writer {
	t.Helper()
	m := make(image, size)
	if err := exfat.Format(m, size, opt); err != nil {
		t.Fatal(err)
	}
	w := &writer{t: t, m: m, sector: 1 << m[108]}
	w.cluster = w.sector << m[109]
	w.fat = int(le.Uint32(m[80:])) * w.sector
	w.heap = int(le.Uint32(m[88:])) * w.sector
	w.next = w.root() + 1
	return w
}

func (w *writer) root() uint32       { return le.Uint32(w.m[96:]) }
func (w *writer) at(c uint32) []byte { return w.m[w.heap+int(c-2)*w.cluster:] }

// store takes clusters for b and gives the first. Chained ones leave a hole
// after each and run backwards from the third on, so that order matters.
func (w *writer) store(b []byte, chained bool) uint32 {
	n := (len(b) + w.cluster - 1) / w.cluster
	var list []uint32
	for range n {
		list = append(list, w.next)
		w.next++
		if chained {
			w.next++
		}
	}
	if chained && n > 2 {
		for i, j := 2, n-1; i < j; i, j = i+1, j-1 {
			list[i], list[j] = list[j], list[i]
		}
	}
	bitmap := w.at(2)
	for i, c := range list {
		copy(w.at(c)[:w.cluster], b[i*w.cluster:])
		bitmap[(c-2)/8] |= 1 << ((c - 2) % 8)
		if chained {
			next := uint32(0xFFFFFFFF)
			if i < n-1 {
				next = list[i+1]
			}
			le.PutUint32(w.m[w.fat+4*int(c):], next)
		}
	}
	if n == 0 {
		return 0
	}
	return list[0]
}

// entry is one file as a directory holds it.
func (w *writer) entry(name string, attr uint16, chained bool, first uint32, size, valid int) []byte {
	units := utf16.Encode([]rune(name))
	names := (len(units) + 14) / 15
	e := make([]byte, 32*(2+names))
	e[0], e[1] = 0x85, byte(1+names)
	le.PutUint16(e[4:], attr)
	// 25 November 2026, 13:14:16, 50 hundredths more, one hour ahead of UTC
	le.PutUint32(e[12:], 46<<25|11<<21|25<<16|13<<11|14<<5|8)
	e[21], e[23] = 50, 0x80|4
	s := e[32:]
	s[0], s[1], s[3] = 0xC0, 1, byte(len(units))
	if !chained && size > 0 {
		s[1] |= 2
	}
	le.PutUint16(s[4:], nameHash(units))
	le.PutUint64(s[8:], uint64(valid))
	le.PutUint32(s[20:], first)
	le.PutUint64(s[24:], uint64(size))
	for i := range names {
		n := e[64+32*i:]
		n[0] = 0xC1
		for j, u := range units[15*i : min(len(units), 15*i+15)] {
			le.PutUint16(n[2+2*j:], u)
		}
	}
	seal(e)
	return e
}

// nameHash of clause 7.6.4, over the name in capitals.
func nameHash(units []uint16) uint16 {
	var h uint16
	for _, u := range units {
		u = uint16(unicode.ToUpper(rune(u)))
		for _, b := range []byte{byte(u), byte(u >> 8)} {
			h = h<<15 | h>>1
			h += uint16(b)
		}
	}
	return h
}

// seal writes an entry set's checksum as the specification's figure 2 does it.
func seal(e []byte) {
	var sum uint16
	for i, b := range e {
		if i == 2 || i == 3 {
			continue
		}
		if sum&1 != 0 {
			sum = 0x8000 + sum>>1 + uint16(b)
		} else {
			sum = sum>>1 + uint16(b)
		}
	}
	le.PutUint16(e[2:], sum)
}

func (w *writer) file(name string, b []byte, chained bool) []byte {
	return w.entry(name, 0x20, chained, w.store(b, chained), len(b), len(b))
}

func (w *writer) dir(name string, chained bool, sets ...[]byte) []byte {
	var b []byte
	for _, s := range sets {
		b = append(b, s...)
	}
	b = append(b, make([]byte, w.cluster-len(b)%w.cluster)...)
	return w.entry(name, 0x10, chained, w.store(b, chained), len(b), len(b))
}

// intoRoot appends entries to the root directory's first cluster.
func (w *writer) intoRoot(sets ...[]byte) {
	root := w.at(w.root())[:w.cluster]
	off := 0
	for root[off] != 0 {
		off += 32
	}
	for _, s := range sets {
		if off+len(s) > len(root) {
			w.t.Fatal("the root directory is full")
		}
		off += copy(root[off:], s)
	}
}
