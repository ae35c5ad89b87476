package technique

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/verify"
)

// overwrite writes one pattern over every block, then reads it back.
type overwrite struct {
	d       *Drive
	pattern pattern.Pattern
	sample  *verify.Windows // nil: every block is read back
}

func newOverwrite(d *Drive) (*overwrite, error) {
	o := &overwrite{d: d, pattern: pattern.Zero{}}
	if d.Step.Technique == wipe.OverwriteRandom {
		r, err := pattern.NewRandom()
		if err != nil {
			return nil, err
		}
		o.pattern = r
	}
	return o, nil
}

// Prepare chooses what will be read back. Nothing need be read before.
func (o *overwrite) Prepare(context.Context) error {
	g := o.d.Plan.Geometry
	back := g.Size
	if o.d.Step.Verify == wipe.VerifySample {
		density := verify.Solid
		if o.d.Plan.Identity.Media == drive.MediaHDD {
			density = verify.Turning
		}
		w, err := verify.NewWindows(g, density)
		if err != nil {
			return err
		}
		o.sample, back = w, w.Bytes()
	}
	o.d.Meter.Expect(g.Size + back)
	return nil
}

// CanStop: what is not yet overwritten stays as it was.
func (o *overwrite) CanStop() bool { return true }

// Erase writes every block and has the drive put it on the medium. Blocks that
// can't be written are listed in Bad; the rest is written all the same.
func (o *overwrite) Erase(ctx context.Context) Report {
	o.d.Meter.Enter(wipe.PhaseErasing, true)
	size := o.d.Plan.Geometry.Size
	try := o.d.narrower(ctx, "write error")
	var written atomic.Int64
	var sent atomic.Bool
	err := sweep.Run(ctx, sweep.Lanes, sweep.Pieces(size), func() (sweep.Work, func()) {
		buf, m := o.d.Buffers.Get(), o.pattern.Maker()
		return func(i int64) error {
			off, n := sweep.At(size, i)
			return try.Try(off, n, func(off int64, n int) error {
				// Made anew for a part of a piece: a part of a buffer would not be
				// aligned as the drive may need it.
				content := m.Make(buf, off, n)
				sent.Store(true)
				if err := o.write(content, off); err != nil {
					return err
				}
				written.Add(int64(n))
				o.d.Meter.Add(int64(n))
				return nil
			})
		}, func() { o.d.Buffers.Put(buf) }
	})
	if err == nil {
		err = o.flush()
	}
	return Report{Sent: sent.Load(), Written: written.Load(), Complete: err == nil && written.Load() == size, Err: err}
}

func (o *overwrite) write(b []byte, off int64) error {
	n, err := o.d.Target.WriteAt(b, off)
	if err == nil && n != len(b) {
		return io.ErrShortWrite
	}
	return err
}

func (o *overwrite) flush() error {
	defer o.d.Meter.Quiet(flushTimeout)()
	if err := o.d.Target.Flush(context.Background()); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return nil
}

// Verify reads back what the step asks for.
func (o *overwrite) Verify(ctx context.Context) (wipe.Verification, error) {
	o.d.Meter.Enter(wipe.PhaseVerifying, true)
	if o.sample != nil {
		return verify.Sample(ctx, o.d.reader(), o.pattern, o.sample)
	}
	return verify.Full(ctx, o.d.reader(), o.pattern)
}

// Grade of an overwrite: what was read is what is known.
func (o *overwrite) Grade(v wipe.Verification) wipe.EvidenceGrade {
	switch {
	case v.Result != verify.Passed:
		return ""
	case o.sample != nil:
		return wipe.EvidenceSampled
	}
	return wipe.EvidenceMeasured
}
