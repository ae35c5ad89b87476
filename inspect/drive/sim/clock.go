package sim

import (
	"context"
	"sync"
	"time"
)

// Clock is the time that a model lives in.
type Clock interface {
	Now() time.Time
	// Sleep returns when d is over, or with ctx's error.
	Sleep(ctx context.Context, d time.Duration) error
	// SleepUntil returns at a time that was reckoned before, however the clock was
	// moved since.
	SleepUntil(ctx context.Context, t time.Time) error
}

// Wall is the computer's own clock.
func Wall() Clock { return wall{} }

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w wall) SleepUntil(ctx context.Context, t time.Time) error { return w.Sleep(ctx, time.Until(t)) }

// Manual is a clock that stands still until Advance moves it.
type Manual struct {
	mu       sync.Mutex
	now      time.Time
	wake     chan struct{}     // closed and made anew when the time has moved
	sleepers map[int]time.Time // until when, by the number of the sleep
	sleeps   int               // ever begun
	working  int               // commands that are at work and do not sleep
}

// NewManual starts at noon of 1 January 2026, UTC.
func NewManual() *Manual {
	return &Manual{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), wake: make(chan struct{}), sleepers: map[int]time.Time{}}
}

// Now is the time that Advance has reached.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Advance moves the time forward and wakes whoever slept until then.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	close(m.wake)
	m.wake = make(chan struct{})
}

// Sleep returns when Advance has moved the clock by d.
func (m *Manual) Sleep(ctx context.Context, d time.Duration) error {
	return m.SleepUntil(ctx, m.Now().Add(d))
}

// SleepUntil returns when Advance has moved the clock to a time or past it.
func (m *Manual) SleepUntil(ctx context.Context, until time.Time) error {
	m.mu.Lock()
	m.sleeps++
	number := m.sleeps
	m.sleepers[number] = until
	mine := ctx.Value(atWork{}) == m
	if mine {
		m.working--
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.sleepers, number)
		if mine {
			m.working++
		}
	}()
	for {
		m.mu.Lock()
		now, wake := m.now, m.wake
		m.mu.Unlock()
		if !now.Before(until) {
			return nil
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// atWork is in the context of a command that Working was told of.
type atWork struct{}

// Working tells that a command is at work in a model until the function that it
// gives is called; but for what the command sleeps, by the context that it gives,
// Flow keeps the time still.
func (m *Manual) Working(ctx context.Context) (context.Context, func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.working++
	return context.WithValue(ctx, atWork{}, m), func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.working--
	}
}

// Flow moves the clock to the next moment that somebody sleeps for, whenever for
// that long of real time nobody began or ended a sleep and no command is at work: one that takes the
// drive an hour is over in no time, and one that hangs is given up by whoever has a
// time-out. It returns when ctx ends.
func (m *Manual) Flow(ctx context.Context, quiet time.Duration) {
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	lastSleeps, lastCount := -1, -1
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.mu.Lock()
		still := m.working == 0 && m.sleeps == lastSleeps && len(m.sleepers) == lastCount && len(m.sleepers) > 0
		lastSleeps, lastCount = m.sleeps, len(m.sleepers)
		var next time.Time
		for _, t := range m.sleepers {
			if next.IsZero() || t.Before(next) {
				next = t
			}
		}
		d := next.Sub(m.now)
		m.mu.Unlock()
		if still && d > 0 {
			m.Advance(d)
		}
	}
}
