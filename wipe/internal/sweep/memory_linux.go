package sweep

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
)

// hugePage of x86-64. The kernel pins every page of a buffer for each O_DIRECT
// transfer: with pages of 4 KiB that is half of what a pass costs.
const hugePage = 2 << 20

// mapped remembers the whole mapping behind each buffer, by its first byte.
var mapped sync.Map

// NewBuffer gives Piece bytes of zeros outside the collector's heap, in huge
// pages where the kernel has some. It costs no memory before it is written to.
func NewBuffer() []byte {
	m, err := unix.Mmap(-1, 0, Piece+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return drive.AlignedBuffer(Piece) // ordinary memory does as well, slower
	}
	off := -int(uintptr(unsafe.Pointer(&m[0]))) & (hugePage - 1)
	b := m[off : off+Piece : off+Piece]
	// Refused where the kernel was built without huge pages: then there are none.
	_ = unix.Madvise(b, unix.MADV_HUGEPAGE)
	mapped.Store(&b[0], m)
	return b
}

func release(b []byte) {
	if m, ok := mapped.LoadAndDelete(&b[0]); ok {
		_ = unix.Munmap(m.([]byte)) // it is a mapping of ours: there is nothing to refuse
	}
}
