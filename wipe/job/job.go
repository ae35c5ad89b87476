// Package job erases the drives of a plan, all at once, each on its own: one that
// hangs, fails or panics holds up no other. It asks every drive who it is before
// and after, has the journal keep what is about to be destroyed, and is the only
// place where a verdict is made.
//
// Nothing destructive is sent to a drive that the plan refuses, that does not
// answer as the one that was planned, or whose STARTED is not durable.
package job

import (
	"context"
	"slices"
	"sync"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
)

// Options of a job. Opener and Journal are needed: without either every drive is
// refused.
type Options struct {
	Opener  drive.Opener
	Journal journal.Journal
	// Digest that a person or the settings agreed to. Where it is given and is not
	// that of the plan, nothing is erased.
	Digest string
	// Resumed: an earlier start had begun to erase these drives. It is written
	// down; the erasure begins anew.
	Resumed bool
	// Accepted says that somebody answered for the weaker level of a drive whose
	// plan is below what is wanted. Nil accepts none.
	Accepted func(wipe.DrivePlan) bool
	// MayStart is asked before the first destructive command to each drive: is the
	// stick still there? An error refuses the drive. Nil: nobody need be asked.
	MayStart func() error
	// Past gives what an earlier start left of a drive's erasure; nil function or nil
	// answer: nothing.
	Past func(drive.Identity) *journal.Past
	// PSID gives what stands on a drive's label, where a person gave it.
	PSID func(drive.Identity) string
	// Find gives the path under which a drive is now, by what it answers; empty: it is
	// not there. It is asked where a drive that was there is not any more. Nil: nobody
	// looks, and a drive is only waited for where it was.
	Find func(drive.Identity) (path string)
	// Await waits for a journal that gave this error until it can be written again, and
	// returns nil; what was asked of it is asked again. An error: it never can. It is
	// called only for drives that are touched. Nil: nothing is waited for.
	Await func(ctx context.Context, why error) error
	// Clock by which techniques wait; nil: the computer's own.
	Clock technique.Clock
	// StallAfter is the silence after which a drive is shown as stalled, and
	// GiveUpAfter that after which it is given up. 0: 30 seconds and 10 minutes.
	StallAfter, GiveUpAfter time.Duration
	// SlowBelow is how many bytes a second a drive must move while it is overwritten or
	// read back, over SlowFor; else it is given up. 0: what technique.Drive says.
	SlowBelow float64
	SlowFor   time.Duration
}

const (
	stallAfter  = 30 * time.Second
	giveUpAfter = 10 * time.Minute // the kernel itself tries a block five times, 30 s each
)

// filled in where nothing was said.
func (o Options) filled() Options {
	if o.Journal == nil {
		o.Journal = journal.None{}
	}
	if o.StallAfter <= 0 {
		o.StallAfter = stallAfter
	}
	if o.GiveUpAfter <= 0 {
		o.GiveUpAfter = giveUpAfter
	}
	return o
}

// Fleet is the running job. Its methods may be called from anywhere.
type Fleet struct {
	workers []*worker
	stop    context.CancelFunc
	done    chan struct{}
}

// Start begins to erase what p says and returns at once. The end of ctx stops it
// as Stop does. Of each ladder the first step is run, and the next ones as long as
// one did not erase and they are not weaker than it.
func Start(ctx context.Context, p wipe.Plan, o Options) *Fleet {
	o = o.filled()
	ctx, stop := context.WithCancel(ctx)
	f := &Fleet{stop: stop, done: make(chan struct{})}
	digest, together := plan.Digest(p), technique.NewTogether(p.Drives)
	var wg sync.WaitGroup
	for _, dp := range p.Drives {
		dp.Ladder, dp.Warnings = slices.Clone(dp.Ladder), slices.Clone(dp.Warnings)
		w := newWorker(dp, digest, o)
		w.together = together
		f.workers = append(f.workers, w)
		wg.Go(func() { w.supervise(ctx) })
	}
	go func() {
		wg.Wait()
		stop()
		close(f.done)
	}()
	return f
}

// Stop ends what can be ended: an overwrite ends as Interrupted, a drive to which
// nothing was sent as Refused. A firmware command runs to its end.
// Status says so while it does.
func (f *Fleet) Stop() { f.stop() }

// Done is closed when every drive has its outcome.
func (f *Fleet) Done() <-chan struct{} { return f.done }

// Status of every drive of the plan, in its order.
func (f *Fleet) Status() []wipe.Status {
	out := make([]wipe.Status, len(f.workers))
	for i, w := range f.workers {
		out[i] = w.status()
	}
	return out
}

// Outcomes of every drive of the plan, refused ones too, in its order; nil before
// Done.
func (f *Fleet) Outcomes() []wipe.Outcome {
	select {
	case <-f.done:
	default:
		return nil
	}
	out := make([]wipe.Outcome, len(f.workers))
	for i, w := range f.workers {
		out[i] = *w.outcome.Load()
	}
	return out
}
