package verify

import (
	"bytes"
	"context"
	"encoding/hex"
	"hash/maphash"
	"sync/atomic"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
)

// Canaries are blocks that were read before a firmware erasure, to be looked for
// after it. A block counts only if it was not one repeated byte: a blank one
// reads the same before and after. Of each block a keyed hash is kept, never the
// content; what stands there afterwards is nobody's business as long as it is
// something else, for some drives give zeros, some ones, and some noise.
type Canaries struct {
	windows *Windows
	block   int
	key     maphash.Seed
	before  []uint64 // per block of each window; 0: it does not count
	start   []int32  // index in before of each window's first block
	counted atomic.Int64
}

// ReadCanaries reads the sample before the erasure. Windows that can't be read do
// not count; an error means that the drive is gone or that ctx ended.
func ReadCanaries(ctx context.Context, r Reader) (*Canaries, error) {
	g := r.Geometry
	w, err := NewWindows(g, Canary)
	if err != nil {
		return nil, err
	}
	c := &Canaries{windows: w, block: g.LogicalBlock, key: maphash.MakeSeed(),
		before: make([]uint64, w.Bytes()/int64(g.LogicalBlock)), start: make([]int32, w.Len())}
	var at int32
	for i := range c.start {
		_, n := w.At(int64(i))
		c.start[i], at = at, at+int32(n/c.block)
	}
	return c, c.each(ctx, r, func(window int64, first int64, b []byte) {
		for k := 0; k < len(b); k += c.block {
			if one := b[k : k+c.block]; !uniform(one) {
				c.before[int(c.start[window])+int(first)+k/c.block] = c.hash(one)
				c.counted.Add(1)
			}
		}
	}, nil)
}

// Counted blocks: those that said something before.
func (c *Canaries) Counted() int64 { return c.counted.Load() }

// None is the verification of a drive that could not be read again.
func (c *Canaries) None() wipe.Verification {
	return wipe.Verification{Method: canaryMethod, Counted: c.Counted(), Seed: hex.EncodeToString(c.windows.Seed[:]), Result: NotDone}
}

const canaryMethod = "pre-sampled blocks and read-back"

// Compare reads the same blocks again. It has passed where at least one counted,
// none of those stands where it stood, and every block could be read.
func (c *Canaries) Compare(ctx context.Context, r Reader) (wipe.Verification, error) {
	var read, survivors atomic.Int64
	try := r.narrower(ctx)
	err := c.each(ctx, r, func(window, first int64, b []byte) {
		read.Add(int64(len(b)))
		for k := 0; k < len(b); k += c.block {
			was := c.before[int(c.start[window])+int(first)+k/c.block]
			if was != 0 && was == c.hash(b[k:k+c.block]) {
				survivors.Add(1)
			}
		}
	}, try)
	v := wipe.Verification{Method: canaryMethod, BytesRead: read.Load(), Compared: read.Load() / int64(c.block),
		Counted: c.Counted(), Survivors: survivors.Load(), Unreadable: try.Blocks(), Seed: hex.EncodeToString(c.windows.Seed[:]), Result: NotDone}
	switch {
	case v.Survivors > 0 || v.Unreadable > 0:
		v.Result = Failed
	case err == nil && v.Counted > 0 && v.BytesRead == c.windows.Bytes():
		v.Result = Passed
	}
	return v, err
}

// each reads all windows and hands on what could be read: window, its first
// block, the bytes. Without a Narrower unreadable windows are passed over.
func (c *Canaries) each(ctx context.Context, r Reader, see func(window, first int64, b []byte), try *sweep.Narrower) error {
	if try == nil {
		try = r.narrower(ctx)
		try.Bad = &sweep.Bad{} // before the erasure it is nobody's failure
	}
	return sweep.Run(ctx, sampleLanes, c.windows.Len(), func() (sweep.Work, func()) {
		buf := drive.AlignedBuffer(windowMax)
		return func(i int64) error {
			start, n := c.windows.At(i)
			return try.Try(start, n, func(off int64, n int) error {
				if err := r.read(buf[:n], off); err != nil {
					return err
				}
				see(i, (off-start)/int64(c.block), buf[:n])
				r.Meter.Add(int64(n))
				return nil
			})
		}, func() {}
	})
}

func (c *Canaries) hash(b []byte) uint64 {
	return max(maphash.Bytes(c.key, b), 1)
}

// uniform: one byte all over.
func uniform(b []byte) bool { return bytes.Equal(b[1:], b[:len(b)-1]) }
