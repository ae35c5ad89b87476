package technique

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// ErrStuck: an erasure that the drive runs by itself has not moved for too long. It
// is not known to have ended, and it may run on.
var ErrStuck = errors.New("the drive's own erasure does not get on")

// patience with an erasure that a drive runs by itself.
type patience struct {
	every time.Duration // between two questions
	still time.Duration // without progress: it is stuck
	whole time.Duration // altogether
}

// patienceWith an erasure that the drive says takes so long; 0: it does not say.
// The estimates of drives are often short: three times as long is waited, and an
// hour at least.
func patienceWith(estimate time.Duration) patience {
	return patience{every: min(max(estimate/100, 200*time.Millisecond), 10*time.Second),
		still: max(30*time.Minute, estimate), whole: max(3*estimate, time.Hour) + 24*time.Hour}
}

// progress of an erasure that runs in the drive.
type progress struct {
	done     bool    // it has ended well
	fraction float64 // 0 to 1; negative: the drive does not tell
}

// poll asks until the erasure has ended. An error of ask ends it: it is the drive's
// word that the erasure failed, or the loss of its answers. A drive that has gone away
// is waited for, and asked where it comes back. Nothing that a person does stops a
// firmware erasure, so ctx is only the end of this attempt.
func (d *Drive) poll(ctx context.Context, p patience, ask func(context.Context) (progress, error)) error {
	clock, began := d.clock(), d.clock().Now()
	moved, last, told, returns := began, -2.0, int64(0), 0
	d.Meter.Expect(d.Plan.Geometry.Size)
	for {
		now, err := ask(ctx)
		if err != nil && returns < returnsMax && vanished(err) && d.Reopen != nil && d.Reopen(ctx) == nil {
			returns++
			continue
		}
		if err != nil || now.done {
			return err
		}
		returns = 0
		d.Meter.Beat()
		at := clock.Now()
		if now.fraction != last {
			moved, last = at, now.fraction
		}
		if bytes := int64(max(now.fraction, 0) * float64(d.Plan.Geometry.Size)); bytes > told {
			d.Meter.Add(bytes - told)
			told = bytes
		}
		switch {
		case at.Sub(moved) >= p.still && now.fraction >= 0:
			return fmt.Errorf("%w: it has stood at %.1f %% for %s", ErrStuck, 100*now.fraction, at.Sub(moved).Round(time.Minute))
		case at.Sub(began) >= p.whole:
			return fmt.Errorf("%w: it has run for %s", ErrStuck, at.Sub(began).Round(time.Minute))
		}
		if err := clock.Sleep(ctx, p.every); err != nil {
			return err
		}
	}
}

// returnsMax: so often in a row a drive may come back and not answer all the same.
const returnsMax = 3

// vanished: the drive is not there any more, or it does not answer under this name.
func vanished(err error) bool {
	var status *drive.StatusError
	if errors.As(err, &status) {
		return false
	}
	for _, gone := range []error{drive.ErrNoAnswer, syscall.ENODEV, syscall.ENXIO, syscall.ENOENT, syscall.ESHUTDOWN} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// running enters the phase of an erasure that can't be stopped.
func (d *Drive) running() { d.Meter.Enter(wipe.PhaseErasing, false) }
