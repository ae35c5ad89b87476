package sim

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// Range of bytes on a medium.
type Range struct{ Off, Len int64 }

// Erasure is one run over a medium that takes time while the drive has power: a
// sanitize, an erase unit, a format. It works lazily: what should have been done by
// now is done when somebody looks (Advance). It is not safe for use from several
// goroutines; a model holds its own lock.
type Erasure struct {
	Medium  *Medium
	Ranges  []Range // in the order in which they are erased
	Pattern Pattern // what they read as afterwards
	Takes   time.Duration
	// Keep survives: what a drive that lies or is broken leaves behind.
	Keep []Range
	// StickAt is the fraction of the whole at which it hangs for ever, FailAt that
	// at which it ends in failure. 0: neither.
	StickAt, FailAt float64

	spent time.Duration
	since time.Time // of the last look; zero while the power is off
	done  int64
	err   error
}

// Start runs it, or lets it go on after a power cut.
func (e *Erasure) Start(now time.Time) { e.since = now }

// Stop is the power cut: what was done stays done.
func (e *Erasure) Stop(now time.Time) {
	_ = e.Advance(now) // the error is kept, and told by the next look
	e.since = time.Time{}
}

// Advance does what should have been done until now. An error is the medium's own.
func (e *Erasure) Advance(now time.Time) error {
	if e.since.IsZero() || e.err != nil {
		return e.err
	}
	if d := now.Sub(e.since); d > 0 {
		e.spent, e.since = e.spent+d, now
	}
	to := int64(e.Progress() * float64(e.total()))
	if e.Ended() && e.FailAt == 0 {
		to = e.total() // no rounding at the end
	}
	if to > e.done {
		e.err = e.erase(e.done, to)
		e.done = to
	}
	return e.err
}

// Progress of the whole, 0 to 1, as of the last look.
func (e *Erasure) Progress() float64 {
	f := 1.0
	if e.Takes > 0 {
		f = min(1, float64(e.spent)/float64(e.Takes))
	}
	if e.StickAt > 0 {
		f = min(f, e.StickAt)
	}
	if e.FailAt > 0 {
		f = min(f, e.FailAt)
	}
	return f
}

// Ended: nothing more happens. Failed says how.
func (e *Erasure) Ended() bool {
	if e.err != nil {
		return true
	}
	if e.StickAt > 0 && (e.FailAt == 0 || e.StickAt <= e.FailAt) {
		return false
	}
	limit := 1.0
	if e.FailAt > 0 {
		limit = e.FailAt
	}
	return e.Progress() >= limit
}

// Failed: it ended, and not all was erased as far as the drive knows.
func (e *Erasure) Failed() bool { return e.Ended() && (e.err != nil || e.FailAt > 0) }

// Left is how long it still needs.
func (e *Erasure) Left() time.Duration { return max(0, e.Takes-e.spent) }

func (e *Erasure) total() int64 {
	n := int64(0)
	for _, r := range e.Ranges {
		n += r.Len
	}
	return n
}

// erase the bytes from to to, counted through all ranges.
func (e *Erasure) erase(from, to int64) error {
	at := int64(0)
	for _, r := range e.Ranges {
		a, b := max(from, at), min(to, at+r.Len)
		if a < b {
			if err := e.fill(r.Off+a-at, r.Off+b-at); err != nil {
				return err
			}
		}
		at += r.Len
	}
	return nil
}

// fill leaves out what is kept.
func (e *Erasure) fill(from, to int64) error {
	keep := slices.SortedFunc(slices.Values(e.Keep), func(a, b Range) int { return cmp.Compare(a.Off, b.Off) })
	for _, k := range keep {
		end := k.Off + min(k.Len, math.MaxInt64-max(k.Off, 0)) // no further than there are numbers
		if end <= from || k.Off >= to {
			continue
		}
		if k.Off > from {
			if err := e.Medium.Fill(from, k.Off-from, e.Pattern); err != nil {
				return err
			}
		}
		from = end
	}
	if from >= to {
		return nil
	}
	return e.Medium.Fill(from, to-from, e.Pattern)
}
