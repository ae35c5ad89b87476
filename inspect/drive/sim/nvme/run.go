package nvme

import (
	"time"

	"handback.example/inspect/drive/sim"
)

// run erases several media at once, in one pass or more: a sanitize or a format. It
// is as lazy as the erasures that it is made of.
type run struct {
	passes [][]*sim.Erasure // each over all media
	at     int              // the pass that is under way
	takes  time.Duration    // one pass
	seen   time.Time        // the last look; zero while it stands still
	cut    error            // what ended it for good
}

// newRun erases media to patterns, one for each pass and medium. What a fault keeps
// is counted through the media in their order.
func newRun(media []*sim.Medium, passes int, pattern func(pass, medium int) sim.Pattern, takes time.Duration, a sim.Action) *run {
	r := &run{takes: takes}
	for p := range passes {
		var all []*sim.Erasure
		off := int64(0)
		for i, m := range media {
			e := &sim.Erasure{Medium: m, Ranges: []sim.Range{{Len: m.Size()}}, Pattern: pattern(p, i), Takes: takes,
				Keep: kept(a, off, m.Size()), StickAt: share(a.StickAt, p, passes), FailAt: share(a.FailAt, p, passes)}
			all, off = append(all, e), off+m.Size()
		}
		r.passes = append(r.passes, all)
	}
	return r
}

// share gives the fraction of one pass at which a fraction of the whole lies; 0
// where it lies in another pass. What falls between two passes is the end of the
// earlier.
func share(whole float64, pass, passes int) float64 {
	f := whole*float64(passes) - float64(pass)
	if f > 1 || f < 0 {
		return 0
	}
	return f
}

// kept is the part of a medium that a fault leaves behind.
func kept(a sim.Action, off, size int64) []sim.Range {
	if a.KeepAll {
		return []sim.Range{{Len: size}}
	}
	var out []sim.Range
	for _, k := range a.Keep {
		if from, to := max(k.Off, off), min(k.Off+k.Len, off+size); from < to {
			out = append(out, sim.Range{Off: from - off, Len: to - from})
		}
	}
	return out
}

// start lets it run from a time on, or go on after a power cut.
func (r *run) start(now time.Time) {
	r.seen = now
	for _, e := range r.passes[r.at] {
		e.Start(now)
	}
}

// stop is the power cut.
func (r *run) stop(now time.Time) {
	r.advance(now)
	r.seen = time.Time{}
	for _, e := range r.passes[r.at] {
		e.Stop(now)
	}
}

// advance does what should have been done by now. An error of a medium makes the
// run fail, see failed.
func (r *run) advance(now time.Time) {
	if r.seen.IsZero() {
		return
	}
	for {
		left := r.passLeft()
		for _, e := range r.passes[r.at] {
			_ = e.Advance(now)
		}
		if !r.passEnded() || r.failed() || r.at == len(r.passes)-1 {
			r.seen = now
			return
		}
		r.at++
		r.start(r.seen.Add(left)) // the next pass began when this one ended
	}
}

func (r *run) passEnded() bool {
	for _, e := range r.passes[r.at] {
		if !e.Ended() {
			return false
		}
	}
	return true
}

// failed: a medium was not erased, as far as the drive knows.
func (r *run) failed() bool {
	for _, e := range r.passes[r.at] {
		if e.Failed() {
			return true
		}
	}
	return false
}

// ended: nothing more happens.
func (r *run) ended() bool { return r.failed() || r.at == len(r.passes)-1 && r.passEnded() }

// progress of the whole, 0 to 1, as of the last look.
func (r *run) progress() float64 {
	f := 1.0
	for _, e := range r.passes[r.at] {
		f = min(f, e.Progress())
	}
	return (float64(r.at) + f) / float64(len(r.passes))
}

// done is the number of passes that ended well.
func (r *run) done() int {
	if !r.failed() && r.passEnded() {
		return r.at + 1
	}
	return r.at
}

// left is how long it needs when nothing goes wrong.
func (r *run) left() time.Duration {
	return r.passLeft() + time.Duration(len(r.passes)-1-r.at)*r.takes
}

// passLeft is the same of the pass that is under way; nothing where no media are.
func (r *run) passLeft() time.Duration {
	t := time.Duration(0)
	for _, e := range r.passes[r.at] {
		t = max(t, e.Left())
	}
	return t
}
