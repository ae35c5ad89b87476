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
	mu   sync.Mutex
	now  time.Time
	wake chan struct{} // closed and made anew when the time has moved
}

// NewManual starts at noon of 1 January 2026, UTC.
func NewManual() *Manual {
	return &Manual{now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), wake: make(chan struct{})}
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
