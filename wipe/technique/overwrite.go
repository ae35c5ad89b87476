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
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// overwrite writes a pattern over every block, pass by pass, then reads the last one
// back.
type overwrite struct {
	d       *Drive
	passes  []pattern.Pattern
	sample  *verify.Windows // nil: every block is read back
	from    place           // where it begins: not at the start where an earlier one is gone on with
	resumed string
	written atomic.Int64
	sent    atomic.Bool
}

func newOverwrite(d *Drive) (*overwrite, error) {
	p, err := passesOf(d.Step.Technique)
	return &overwrite{d: d, passes: p}, err
}

// Prepare chooses what will be read back, and looks whether what an earlier start
// had overwritten holds.
func (o *overwrite) Prepare(ctx context.Context) error {
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
	if err := o.resume(ctx); err != nil {
		return err
	}
	o.d.Meter.Expect(o.d.Meter.Done() + o.left() + back)
	return nil
}

// left is what is to be written, bytes.
func (o *overwrite) left() int64 {
	size := o.d.Plan.Geometry.Size
	return int64(len(o.passes)-o.from.pass)*size - o.from.done
}

// CanStop: what is not yet overwritten stays as it was.
func (o *overwrite) CanStop() bool { return true }

// Erase writes every block in every pass and has the drive put it on the medium.
// Blocks that can't be written are listed in Bad; the rest is written all the same.
func (o *overwrite) Erase(ctx context.Context) Report {
	if err := o.d.mark(ctx, journal.StepIssue, o.data(o.from)); err != nil {
		return Report{Err: err}
	}
	o.d.Meter.Enter(wipe.PhaseErasing, true)
	var err error
	for at := o.from; at.pass < len(o.passes) && err == nil; at = (place{pass: at.pass + 1}) {
		if at != o.from {
			// Without the mark a power cut costs more of the work, and no more than that.
			_ = o.d.mark(ctx, journal.StepOffset, o.data(at))
		}
		err = o.run(ctx, at)
	}
	return Report{Sent: o.sent.Load(), Written: o.written.Load(), Complete: err == nil && o.written.Load() == o.left(), Err: err,
		Resumed: o.resumed}
}

// run one pass from a place on.
func (o *overwrite) run(ctx context.Context, at place) error {
	size := o.d.Plan.Geometry.Size
	try := o.d.narrower(ctx, "write error")
	try.Floor = o.d.floor()
	points := o.newPoints(ctx, at)
	skip := sweep.Pieces(at.done)
	err := sweep.Run(ctx, sweep.Lanes, sweep.Pieces(size)-skip, func() (sweep.Work, func()) {
		buf, m := o.d.Buffers.Get(), o.passes[at.pass].Maker()
		return func(i int64) error {
			off, n := o.piece(skip + i)
			err := try.Try(off, n, func(off int64, n int) error {
				// Made anew for a part of a piece: a part of a buffer would not be
				// aligned as the drive may need it.
				content := m.Make(buf, off, n)
				o.sent.Store(true)
				if err := o.write(content, off); err != nil {
					return err
				}
				o.written.Add(int64(n))
				o.d.Meter.Add(int64(n))
				return nil
			})
			points.did(skip+i, n)
			return err
		}, func() { o.d.Buffers.Put(buf) }
	})
	points.end()
	if err == nil {
		err = o.flush()
	}
	return err
}

// piece i of a pass, in the order in which it is written.
func (o *overwrite) piece(i int64) (off int64, n int) {
	size := o.d.Plan.Geometry.Size
	if o.d.Step.Reverse {
		i = sweep.Pieces(size) - 1 - i
	}
	return sweep.At(size, i)
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
	last := o.passes[len(o.passes)-1]
	if o.sample != nil {
		return verify.Sample(ctx, o.d.reader(), last, o.sample)
	}
	r := o.d.reader()
	r.Floor = o.d.floor()
	return verify.Full(ctx, r, last)
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
