package sim

import (
	"maps"
	"slices"
)

// chunk is how much of a medium is kept at once where somebody wrote.
const chunk = 64 << 10

// memory keeps the chunks that were written, and below them the patterns that
// ranges were filled with.
type memory struct {
	chunks map[int64]*[chunk]byte // by number
	ground []extent               // sorted, not overlapping; between them zeros
}

// extent of bytes that read as a pattern.
type extent struct {
	from, to int64
	pattern  Pattern
}

func newMemory() *memory { return &memory{chunks: map[int64]*[chunk]byte{}} }

func (m *memory) read(p []byte, off int64) error {
	for len(p) > 0 {
		at := off % chunk
		n := min(int64(len(p)), chunk-at)
		if c := m.chunks[off/chunk]; c != nil {
			copy(p[:n], c[at:])
		} else {
			m.readGround(p[:n], off)
		}
		p, off = p[n:], off+n
	}
	return nil
}

func (m *memory) readGround(p []byte, off int64) {
	clear(p)
	end := off + int64(len(p))
	i, _ := slices.BinarySearchFunc(m.ground, off, func(e extent, off int64) int {
		if e.to <= off {
			return -1
		}
		return 1
	})
	for ; i < len(m.ground) && m.ground[i].from < end; i++ {
		e := m.ground[i]
		from, to := max(off, e.from), min(end, e.to)
		e.pattern.read(p[from-off:to-off], from)
	}
}

func (m *memory) write(p []byte, off int64) error {
	for len(p) > 0 {
		number, at := off/chunk, off%chunk
		n := min(int64(len(p)), chunk-at)
		c := m.chunks[number]
		if c == nil {
			c = new([chunk]byte)
			m.readGround(c[:], number*chunk)
			m.chunks[number] = c
		}
		copy(c[at:], p[:n])
		p, off = p[n:], off+n
	}
	return nil
}

func (m *memory) fill(off, n int64, p Pattern) error {
	m.lay(extent{off, off + n, p})
	end := off + n
	// Chunks that lie inside are forgotten; those at the ends are written.
	drop := func(number int64) {
		from, to := number*chunk, (number+1)*chunk
		if from >= off && to <= end {
			delete(m.chunks, number)
			return
		}
		a, b := max(from, off), min(to, end)
		p.read(m.chunks[number][a-from:b-from], a)
	}
	first, last := off/chunk, (end-1)/chunk
	if last-first < int64(len(m.chunks)) {
		for number := first; number <= last; number++ {
			if m.chunks[number] != nil {
				drop(number)
			}
		}
		return nil
	}
	for number := range maps.Clone(m.chunks) {
		if number >= first && number <= last {
			drop(number)
		}
	}
	return nil
}

// lay puts an extent over those that are there.
func (m *memory) lay(e extent) {
	var out []extent
	for _, old := range m.ground {
		if old.to <= e.from || old.from >= e.to {
			out = append(out, old)
			continue
		}
		if old.from < e.from {
			out = append(out, extent{old.from, e.from, old.pattern})
		}
		if old.to > e.to {
			out = append(out, extent{e.to, old.to, old.pattern})
		}
	}
	// An erasure fills its range piece by piece: pieces of one pattern are one.
	i := slices.IndexFunc(out, func(o extent) bool { return o.to == e.from && o.pattern.same(e.pattern) })
	if i >= 0 {
		e.from = out[i].from
		out = slices.Delete(out, i, i+1)
	}
	out = append(out, e)
	slices.SortFunc(out, func(a, b extent) int {
		if a.from < b.from {
			return -1
		}
		return 1
	})
	m.ground = out
}

func (m *memory) snapshot() (func() error, error) {
	ground, chunks := slices.Clone(m.ground), map[int64]*[chunk]byte{}
	for number, c := range m.chunks {
		kept := *c
		chunks[number] = &kept
	}
	return func() error {
		m.ground, m.chunks = slices.Clone(ground), map[int64]*[chunk]byte{}
		for number, c := range chunks {
			kept := *c
			m.chunks[number] = &kept
		}
		return nil
	}, nil
}
