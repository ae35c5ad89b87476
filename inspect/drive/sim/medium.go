package sim

import (
	"fmt"
	"io"
	"sync"
)

// Medium is what a laboratory would read off the platters or chips of a drive: all
// of it, hidden areas too, by byte offset. It is sparse, so that 2 TB cost
// nothing, and may be used from many goroutines.
type Medium struct {
	mu    sync.RWMutex
	size  int64
	store store
}

// store keeps the bytes. Ranges are inside the medium.
type store interface {
	read(p []byte, off int64) error
	write(p []byte, off int64) error
	fill(off, n int64, p Pattern) error
	snapshot() (func() error, error)
}

// NewMedium gives a medium in memory that reads as zeros.
func NewMedium(size int64) *Medium { return &Medium{size: size, store: newMemory()} }

// Size in bytes.
func (m *Medium) Size() int64 { return m.size }

func (m *Medium) inside(off, n int64) error {
	if off < 0 || n < 0 || off > m.size || n > m.size-off {
		return fmt.Errorf("bytes %d to %d of a medium of %d: %w", off, off+n, m.size, io.ErrUnexpectedEOF)
	}
	return nil
}

// ReadAt reads what stands on the medium, whatever the drive would say.
func (m *Medium) ReadAt(p []byte, off int64) (int, error) {
	if err := m.inside(off, int64(len(p))); err != nil {
		return 0, err
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	if err := m.store.read(p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

// WriteAt writes past the drive: what its owner left there before the test.
func (m *Medium) WriteAt(p []byte, off int64) (int, error) {
	if err := m.inside(off, int64(len(p))); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.store.write(p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Fill makes n bytes at off read as a pattern. In memory it costs nothing.
func (m *Medium) Fill(off, n int64, p Pattern) error {
	if err := m.inside(off, n); err != nil || n == 0 {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.store.fill(off, n, p)
}

// Snapshot remembers all that is on the medium now; the function that it gives
// brings it back, as flash does whose old cells were never erased.
func (m *Medium) Snapshot() (restore func() error, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	back, err := m.store.snapshot()
	if err != nil {
		return nil, err
	}
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		return back()
	}, nil
}
