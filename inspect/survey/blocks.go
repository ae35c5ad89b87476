package survey

import (
	"fmt"
	"io"

	"handback.example/inspect/drive"
)

// blocks reads any range of a drive, in whole blocks past the cache.
type blocks struct{ media drive.Media }

func (b blocks) ReadAt(p []byte, off int64) (int, error) {
	g := b.media.Geometry()
	unit := int64(max(g.LogicalBlock, 512))
	if off < 0 || off >= g.Size {
		return 0, io.EOF
	}
	from := off / unit * unit
	to := min((off+int64(len(p))+unit-1)/unit*unit, g.Size/unit*unit)
	if to <= from {
		return 0, io.EOF
	}
	buf := drive.AlignedBuffer(int(to - from))
	n, err := b.media.ReadAt(buf, from)
	if n == len(buf) {
		err = nil
	}
	n = copy(p, buf[min(int(off-from), n):n])
	switch {
	case n == len(p):
		return n, nil
	case err == nil || err == io.EOF:
		return n, io.EOF
	}
	return n, fmt.Errorf("read at byte %d: %w", off, err)
}
