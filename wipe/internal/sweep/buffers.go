package sweep

import "sync"

// Buffers of one drive, of Piece bytes each, used again from phase to phase: a
// buffer made for each piece would keep the collector busy. They are not shared
// between drives, because one that hangs never gives its buffers back.
type Buffers struct {
	mu   sync.Mutex
	free [][]byte
}

// Get a buffer, with whatever is in it.
func (b *Buffers) Get() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n := len(b.free); n > 0 {
		buf := b.free[n-1]
		b.free = b.free[:n-1]
		return buf
	}
	return NewBuffer()
}

// Put a buffer back.
func (b *Buffers) Put(buf []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free = append(b.free, buf)
}

// Release gives the memory of all buffers back that were put back. One that a
// hanging call still holds stays: the kernel may yet write to it.
func (b *Buffers) Release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, buf := range b.free {
		release(buf)
	}
	b.free = nil
}
