package function

import (
	"encoding/binary"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/internal/tree"
)

// slab is memory of this process that is held in the chips (mlock(2)). The kernel may
// still move a page of it to another place in them.
type slab []byte

func (s slab) Len() int               { return len(s) }
func (s slab) Write(at int, p []byte) { copy(s[at:], p) }
func (s slab) Read(at int, p []byte)  { copy(p, s[at:]) }

// Address by /proc/self/pagemap (the kernel's admin-guide/mm/pagemap.rst): 64 bits a
// page; bits 54:0 are the page frame, bit 63 says that it is in memory. Without
// CAP_SYS_ADMIN the frame reads as 0.
func (s slab) Address(at int) (uint64, bool) {
	f, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	page := uint64(os.Getpagesize())
	virtual := uint64(uintptr(unsafe.Pointer(&s[at])))
	var b [8]byte
	if _, err := f.ReadAt(b[:], int64(virtual/page*8)); err != nil {
		return 0, false
	}
	frame, ok := pageFrame(binary.NativeEndian.Uint64(b[:]))
	return frame*page + virtual%page, ok
}

func pageFrame(entry uint64) (frame uint64, ok bool) {
	frame = entry & (1<<55 - 1)
	return frame, entry>>63 == 1 && frame != 0
}

// holder takes slabs, and keeps them until it is released.
type holder struct {
	limit int64 // bytes in all
	taken []slab
	held  int64
	half  int64 // of what was free at first
}

func (h *holder) next() (cells, string) {
	free, err := freeMemory()
	if err != nil {
		return nil, err.Error()
	}
	if h.half == 0 {
		h.half = free / 2
	}
	n := min(slabBytes, h.limit-h.held) / chunk * chunk
	if n <= 0 || h.held+n > h.half || free < n+spareBytes {
		return nil, fmt.Sprintf("too little memory is free: %s, of which at most half is tested", gigabytes(free))
	}
	s, err := newSlab(int(n))
	if err != nil {
		return nil, "no memory could be had for the test: " + err.Error()
	}
	h.taken, h.held = append(h.taken, s), h.held+n
	return s, ""
}

func (h *holder) release() {
	for _, s := range h.taken {
		_ = unix.Munmap(s) // its memory goes with the process at the latest
	}
	h.taken = nil
}

func newSlab(n int) (slab, error) {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, err
	}
	if err := unix.Mlock(b); err != nil {
		_ = unix.Munmap(b)
		return nil, fmt.Errorf("lock it in its place: %w", err)
	}
	return b, nil
}

func freeMemory() (int64, error) {
	return available(tree.At(""))
}
