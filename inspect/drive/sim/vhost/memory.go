package vhost

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"golang.org/x/sys/unix"
)

// maxMemory of a guest: 1 TiB.
const maxMemory = 1 << 40

// region of the guest's memory, mapped into this process.
type region struct {
	guest, user uint64 // its first address as the guest and as the front end count
	bytes       []byte
	mapped      []byte // nil: not by mmap
}

// memory of the guest. Any address is looked up at each use, since the front end may
// change the table while rings run.
type memory struct {
	mu      sync.RWMutex
	regions []region
}

// replace the whole table. The descriptors stay the caller's.
func (m *memory) replace(places []place, fds []int) error {
	if len(places) != len(fds) {
		return fmt.Errorf("memory table of %d regions with %d descriptors", len(places), len(fds))
	}
	var all []region
	for i, p := range places {
		r, err := mapRegion(p, fds[i])
		if err != nil {
			unmap(all)
			return err
		}
		all = append(all, r)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	unmap(m.regions)
	m.regions = all
	return nil
}

func mapRegion(p place, fd int) (region, error) {
	if p.size == 0 || p.size > maxMemory || p.offset > maxMemory ||
		p.guest+p.size < p.guest || p.user+p.size < p.user {
		return region{}, fmt.Errorf("memory region of %d bytes at %#x, from %#x of its file", p.size, p.guest, p.offset)
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return region{}, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || uint64(st.Size) < p.offset+p.size {
		return region{}, fmt.Errorf("memory region of %d bytes from %#x: its file has %d", p.size, p.offset, st.Size)
	}
	// The offset of a region need not lie on a page: map from the file's start.
	b, err := unix.Mmap(fd, 0, int(p.size+p.offset), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return region{}, fmt.Errorf("mapping the guest's memory: %w", err)
	}
	return region{guest: p.guest, user: p.user, bytes: b[p.offset:], mapped: b}, nil
}

func unmap(all []region) {
	for _, r := range all {
		if r.mapped != nil {
			_ = unix.Munmap(r.mapped)
		}
	}
}

func (m *memory) close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	unmap(m.regions)
	m.regions = nil
}

var errFault = errors.New("the guest's memory is gone from under a request")

// use runs f, which may look addresses up and touch what they name. A front end can
// cut its memory file short at any time: the fault that it causes is an error.
func (m *memory) use(f func() error) (err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		switch r := recover().(type) {
		case nil:
		case interface{ Addr() uintptr }:
			err = errFault
		default:
			panic(r)
		}
	}()
	return f()
}

// atGuest gives n bytes at an address as the guest counts; only within use.
func (m *memory) atGuest(addr, n uint64) ([]byte, error) {
	for _, r := range m.regions {
		if b := r.slice(addr, r.guest, n); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("guest address %#x with %d bytes is in no region", addr, n)
}

// atUser is atGuest for an address as the front end counts.
func (m *memory) atUser(addr, n uint64) ([]byte, error) {
	for _, r := range m.regions {
		if b := r.slice(addr, r.user, n); b != nil {
			return b, nil
		}
	}
	return nil, fmt.Errorf("front end's address %#x with %d bytes is in no region", addr, n)
}

// slice is nil when the bytes do not all lie in the region.
func (r region) slice(addr, first, n uint64) []byte {
	size := uint64(len(r.bytes))
	if addr < first || addr-first > size || n > size-(addr-first) {
		return nil
	}
	return r.bytes[addr-first : addr-first+n : addr-first+n]
}
