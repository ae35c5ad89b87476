package verify

import (
	"context"
	"encoding/hex"
	"sync/atomic"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/internal/sweep"
)

// tally counts for all lanes of one read-back.
type tally struct{ read, compared, survivors atomic.Int64 }

// Full reads every block back and compares it with the pattern. An error means
// that the read-back did not come to its end; what was counted stands.
func Full(ctx context.Context, r Reader, p pattern.Pattern) (wipe.Verification, error) {
	return whole(ctx, r, p, 0, r.Geometry.Size)
}

// whole reads all bytes from from to to.
func whole(ctx context.Context, r Reader, p pattern.Pattern, from, to int64) (wipe.Verification, error) {
	c := comparer{Reader: r, try: r.narrower(ctx)}
	c.try.Floor = r.Floor
	err := sweep.Run(ctx, sweep.Lanes, sweep.Pieces(to-from), func() (sweep.Work, func()) {
		buf, m := r.Buffers.Get(), p.Maker()
		return func(i int64) error {
			off, n := sweep.At(to-from, i)
			return c.check(buf, from+off, n, m)
		}, func() { r.Buffers.Put(buf) }
	})
	return c.verification("full read-back", err == nil && c.tally.read.Load() == to-from), err
}

// Sample reads the windows of a sample back and compares them with the pattern.
func Sample(ctx context.Context, r Reader, p pattern.Pattern, w *Windows) (wipe.Verification, error) {
	c := comparer{Reader: r, try: r.narrower(ctx)}
	err := sweep.Run(ctx, sampleLanes, w.Len(), func() (sweep.Work, func()) {
		buf, m := drive.AlignedBuffer(windowMax), p.Maker()
		return func(i int64) error {
			off, n := w.At(i)
			return c.check(buf, off, n, m)
		}, func() {}
	})
	v := c.verification("sample read back", err == nil && c.tally.read.Load() == w.Bytes())
	v.Seed = hex.EncodeToString(w.Seed[:])
	return v, err
}

// againEnds of a part are read wholly: what a drive still held in its cache when the
// power went lies at the end that was written last.
const againEnds = 256 << 20

// Again reads a sample of the bytes from from to to, which an earlier start had
// overwritten with the pattern; a small part wholly. Nothing that it finds is the
// drive's failure yet.
func Again(ctx context.Context, r Reader, p pattern.Pattern, media drive.MediaType, from, to int64) (wipe.Verification, error) {
	r.Bad = &sweep.Bad{}
	if to-from <= 2*againEnds {
		return whole(ctx, r, p, from, to)
	}
	d, part := Solid, r.Geometry
	if media == drive.MediaHDD {
		d = Turning
	}
	d.Ends, part.Size = againEnds, to-from
	w, err := NewWindows(part, d)
	if err != nil {
		return wipe.Verification{Result: NotDone}, err
	}
	w.base = from
	return Sample(ctx, r, p, w)
}

// comparer reads and compares one stretch after another, for all lanes.
type comparer struct {
	Reader
	try   *sweep.Narrower
	tally tally
}

func (c *comparer) check(buf []byte, off int64, n int, m pattern.Maker) error {
	return c.try.Try(off, n, func(off int64, n int) error { return c.stretch(buf[:n], off, m) })
}

func (c *comparer) stretch(b []byte, off int64, m pattern.Maker) error {
	if err := c.read(b, off); err != nil {
		return err
	}
	block := c.try.Block
	if !m.Same(b, off) {
		for o := 0; o < len(b); o += block {
			if !m.Same(b[o:o+block], off+int64(o)) {
				c.tally.survivors.Add(1)
			}
		}
	}
	c.tally.read.Add(int64(len(b)))
	c.tally.compared.Add(int64(len(b) / block))
	c.Meter.Add(int64(len(b)))
	return nil
}

// verification says what was counted. Only a read-back that came to its end, and
// found nothing, has passed.
func (c *comparer) verification(method string, whole bool) wipe.Verification {
	v := wipe.Verification{Method: method, BytesRead: c.tally.read.Load(), Compared: c.tally.compared.Load(),
		Survivors: c.tally.survivors.Load(), Unreadable: c.try.Blocks(), Result: NotDone}
	switch {
	case v.Survivors > 0 || v.Unreadable > 0:
		v.Result = Failed
	case whole && v.Compared > 0:
		v.Result = Passed
	}
	return v
}
