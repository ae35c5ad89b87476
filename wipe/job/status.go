package job

import (
	"fmt"
	"sync"
	"time"

	"handback.example/wipe"
)

// slowBelow: a drive that moves less, in bytes per second, is called slow.
const slowBelow = 5e6

// status as it stands now.
func (w *worker) status() wipe.Status {
	s := wipe.Status{Name: w.plan.Name, Phase: w.meter.Phase(), Done: w.meter.Done(), Total: w.meter.Total(),
		Share: w.meter.Share(), Elapsed: w.meter.Elapsed(), CanStop: w.meter.CanStop()}
	if o := w.outcome.Load(); o != nil {
		c := *o
		s.Phase, s.CanStop, s.Elapsed, s.Outcome, s.Note = wipe.PhaseDone, false, o.Elapsed, &c, o.What
		return s
	}
	if s.Total > 0 {
		s.Done = min(s.Done, s.Total)
	}
	now, mean := w.speed.rates()
	s.BytesPerS = now
	switch {
	case w.held.Load():
		s.BytesPerS, s.Note = 0, "waits until the stick is back: nothing more is done without a record"
		return s
	case w.asked.Load() && !s.CanStop && s.Phase != wipe.PhaseWaiting:
		s.Note = "can't be stopped: what the drive has begun runs to its end"
	}
	if silence := w.meter.Silence(); silence > w.opts.StallAfter {
		s.Stalled, s.BytesPerS = true, 0
		s.Note = fmt.Sprintf("no answer for %s; given up after %s", silence.Round(time.Second), w.opts.GiveUpAfter)
		return s
	}
	switch {
	case s.Share > 0:
		s.BytesPerS = 0 // the bytes of a sample are not counted
	case s.Total > 0:
		s.EtaLow, s.EtaHigh = eta(s.Total-s.Done, now, mean)
		if mean > 0 && now > 0 && now < slowBelow && s.Elapsed > time.Minute {
			s.Note = "slow drive"
		}
	}
	return s
}

// eta is a range, because drives slow down towards their end and reading is not
// writing; 0, 0 where there is nothing to reckon from.
func eta(left int64, now, mean float64) (low, high time.Duration) {
	if now <= 0 || mean <= 0 || left <= 0 {
		return 0, 0
	}
	at := func(rate, factor float64) time.Duration {
		s := float64(left) / rate * factor
		return time.Duration(min(s, maxEta.Seconds()) * float64(time.Second))
	}
	return at(max(now, mean), 0.9), at(min(now, mean), 1.3)
}

// maxEta: beyond a month a number says nothing.
const maxEta = 31 * 24 * time.Hour

// speed remembers the last moments of a drive's progress.
type speed struct {
	mu   sync.Mutex
	ring [speedMarks]mark
	n    int // marks ever made
	from mark
}

type mark struct {
	at   time.Duration
	done int64
}

// speedMarks at four a second: the last ten seconds.
const speedMarks = 40

func (s *speed) note(at time.Duration, done int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done == 0 {
		s.from = mark{at: at} // nothing has moved yet: the mean begins here
		return
	}
	s.ring[s.n%speedMarks] = mark{at, done}
	s.n++
}

// rates in bytes per second: of the last moments, and since the beginning.
func (s *speed) rates() (now, mean float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.n < 4 {
		return 0, 0
	}
	last, first := s.ring[(s.n-1)%speedMarks], s.ring[0]
	if s.n > speedMarks {
		first = s.ring[s.n%speedMarks]
	}
	return rate(first, last), rate(s.from, last)
}

func rate(a, b mark) float64 {
	if b.at <= a.at {
		return 0
	}
	return float64(b.done-a.done) / (b.at - a.at).Seconds()
}
