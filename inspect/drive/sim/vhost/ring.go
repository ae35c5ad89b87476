package vhost

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"
)

// Limits of rings: QEMU's own.
const (
	maxRing  = 1024 // entries, and descriptors of one chain
	descSize = 16
)

// Flags of descriptors (virtio 1.2 clause 2.7.5) and of the available ring.
const (
	descNext     = 1
	descWrite    = 2
	descIndirect = 4
	noInterrupt  = 1
)

// ring is a split virtqueue (virtio 1.2 clause 2.7) in the guest's memory. Its
// methods are called within memory.use.
type ring struct {
	mem  *memory
	num  uint32
	at   addresses
	next uint16 // the available entry to take next
	used uint16 // the used entry to write next
}

// span of the guest's memory.
type span struct {
	addr uint64
	n    uint32
}

// chain of descriptors: what the guest lets us read, then what it lets us write.
type chain struct {
	head    uint16
	out, in []span
}

func newRing(mem *memory, num uint32, at addresses, base uint16) (*ring, error) {
	r := &ring{mem: mem, num: num, at: at, next: base}
	switch {
	case num == 0 || num > maxRing || num&(num-1) != 0:
		return nil, fmt.Errorf("ring of %d entries", num)
	case at.used%4 != 0 || at.avail%2 != 0:
		return nil, errors.New("ring that is not aligned")
	}
	err := mem.use(func() error {
		head, err := r.word(at.used)
		if err == nil {
			r.used = uint16(atomic.LoadUint32(head) >> 16)
		}
		return err
	})
	return r, err
}

// word is the aligned 32-bit word at a front end's address. Mappings begin on a page
// and a region's offsets are multiples of 4, or the word is refused.
func (r *ring) word(addr uint64) (*uint32, error) {
	b, err := r.mem.atUser(addr, 4)
	if err != nil {
		return nil, err
	}
	p := unsafe.Pointer(&b[0])
	if uintptr(p)%4 != 0 {
		return nil, errors.New("ring that is not aligned")
	}
	return (*uint32)(p), nil
}

// available reads flags and index of the available ring. The ring may lie on any
// even address: the two are one word, or the index begins one.
func (r *ring) available() (flags, index uint16, err error) {
	if r.at.avail%4 == 0 {
		w, err := r.word(r.at.avail)
		if err != nil {
			return 0, 0, err
		}
		v := atomic.LoadUint32(w)
		return uint16(v), uint16(v >> 16), nil
	}
	w, err := r.word(r.at.avail + 2)
	if err != nil {
		return 0, 0, err
	}
	v := atomic.LoadUint32(w)
	b, err := r.mem.atUser(r.at.avail, 2)
	if err != nil {
		return 0, 0, err
	}
	return binary.LittleEndian.Uint16(b), uint16(v), nil
}

// take the next chain; false: there is none.
func (r *ring) take() (c chain, ok bool, err error) {
	_, index, err := r.available()
	if err != nil {
		return c, false, err
	}
	switch waiting := index - r.next; {
	case waiting == 0:
		return c, false, nil
	case uint32(waiting) > r.num:
		return c, false, fmt.Errorf("ring of %d entries offers %d", r.num, waiting)
	}
	b, err := r.mem.atUser(r.at.avail+4+2*(uint64(r.next)%uint64(r.num)), 2)
	if err != nil {
		return c, false, err
	}
	c.head = binary.LittleEndian.Uint16(b)
	table, err := r.mem.atUser(r.at.desc, uint64(r.num)*descSize)
	if err != nil {
		return c, false, err
	}
	if err := r.walk(&c, table, c.head, false); err != nil {
		return c, false, err
	}
	r.next++
	return c, true, nil
}

// walk a chain in a table from an index on.
func (r *ring) walk(c *chain, table []byte, i uint16, indirect bool) error {
	for n := 0; ; n++ {
		switch {
		case int(i) >= len(table)/descSize:
			return fmt.Errorf("descriptor %d of %d", i, len(table)/descSize)
		case n >= len(table)/descSize:
			return errors.New("chain of descriptors that never ends")
		}
		d := table[int(i)*descSize:][:descSize]
		addr, size := binary.LittleEndian.Uint64(d), binary.LittleEndian.Uint32(d[8:])
		flags, next := binary.LittleEndian.Uint16(d[12:]), binary.LittleEndian.Uint16(d[14:])
		switch {
		case flags&descIndirect != 0 && (indirect || n > 0 || flags&descNext != 0):
			return errors.New("indirect descriptor within a chain")
		case flags&descIndirect != 0:
			return r.indirect(c, addr, size)
		}
		if err := c.add(r.mem, span{addr, size}, flags&descWrite != 0); err != nil {
			return err
		}
		if flags&descNext == 0 {
			return nil
		}
		i = next
	}
}

func (r *ring) indirect(c *chain, addr uint64, size uint32) error {
	if size == 0 || size%descSize != 0 || size/descSize > maxRing {
		return fmt.Errorf("indirect table of %d bytes", size)
	}
	table, err := r.mem.atGuest(addr, uint64(size))
	if err != nil {
		return err
	}
	return r.walk(c, table, 0, true)
}

func (c *chain) add(m *memory, s span, write bool) error {
	if _, err := m.atGuest(s.addr, uint64(s.n)); err != nil {
		return err
	}
	switch {
	case write:
		c.in = append(c.in, s)
	case len(c.in) > 0:
		return errors.New("descriptor to read behind one to write")
	default:
		c.out = append(c.out, s)
	}
	return nil
}

// give a chain back of which n bytes were written; interrupt: the guest wants to
// be told.
func (r *ring) give(head uint16, n uint32) (interrupt bool, err error) {
	b, err := r.mem.atUser(r.at.used+4+8*(uint64(r.used)%uint64(r.num)), 8)
	if err != nil {
		return false, err
	}
	binary.LittleEndian.PutUint32(b, uint32(head))
	binary.LittleEndian.PutUint32(b[4:], n)
	w, err := r.word(r.at.used)
	if err != nil {
		return false, err
	}
	r.used++
	atomic.StoreUint32(w, uint32(r.used)<<16) // flags 0: kick us each time
	flags, _, err := r.available()
	return flags&noInterrupt == 0, err
}

// length of spans in bytes.
func length(spans []span) uint64 {
	n := uint64(0)
	for _, s := range spans {
		n += uint64(s.n)
	}
	return n
}

// gather copies what spans hold, at most n bytes.
func (m *memory) gather(spans []span, n uint64) ([]byte, error) {
	p := make([]byte, 0, min(n, length(spans)))
	for _, s := range spans {
		b, err := m.atGuest(s.addr, min(uint64(s.n), uint64(cap(p)-len(p))))
		if err != nil {
			return nil, err
		}
		p = append(p, b...)
	}
	return p, nil
}

// scatter copies p into spans, which hold at least as much.
func (m *memory) scatter(spans []span, p []byte) error {
	for _, s := range spans {
		b, err := m.atGuest(s.addr, min(uint64(s.n), uint64(len(p))))
		if err != nil {
			return err
		}
		p = p[copy(b, p):]
	}
	return nil
}
