package drive

import "reflect"

// bufferAlign is the alignment of buffers for O_DIRECT, in bytes: no kernel or
// drive that is known asks for more than a page (open(2), O_DIRECT).
const bufferAlign = 4096

// AlignedBuffer gives n bytes, zeroed, whose address is a multiple of 4096, as
// reads and writes past the cache need it. It is ordinary memory of the garbage
// collector, which does not move what it holds; keep buffers in a pool, big ones
// are not free to make.
func AlignedBuffer(n int) []byte {
	b := make([]byte, n+bufferAlign)
	off := -int(reflect.ValueOf(b).Pointer()) & (bufferAlign - 1)
	return b[off : off+n : off+n]
}

// Aligned reports whether a buffer may be handed to O_DIRECT as it is.
func Aligned(b []byte) bool {
	return len(b) == 0 || reflect.ValueOf(b).Pointer()&(bufferAlign-1) == 0
}
