package sweep

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// Limits below which a drive is too slow to be erased here: 1 TB would take twelve
// days. The slowest sound medium, a USB 2 stick, writes some 3 MB/s.
const (
	floorRate   = 1e6 // bytes per second
	floorWindow = 10 * time.Minute
)

// ErrTooSlow: the drive moves so little that the rest was not tried.
var ErrTooSlow = errors.New("the drive is too slow")

// Floor under the speed of one long sweep, for all its lanes. Nil has none.
type Floor struct {
	Now    func() time.Time
	Rate   float64       // bytes per second, 0: 1 MB/s
	Window time.Duration // over which it must be held, 0: ten minutes

	mu    sync.Mutex
	since time.Time
	bytes int64
}

// moved counts, and fails at the end of a window in which too little was moved.
func (f *Floor) moved(n int) error {
	if f == nil {
		return nil
	}
	rate, window := f.Rate, f.Window
	if rate <= 0 {
		rate = floorRate
	}
	if window <= 0 {
		window = floorWindow
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.Now()
	if f.since.IsZero() {
		f.since = now // the first piece has no beginning: it is not counted
		return nil
	}
	f.bytes += int64(n)
	took := now.Sub(f.since)
	if took < window {
		return nil
	}
	if was := float64(f.bytes) / took.Seconds(); was < rate {
		return fmt.Errorf("%w: it moved %.0f kB/s for %s, and %.0f are the least", ErrTooSlow, was/1e3, took.Round(time.Second), rate/1e3)
	}
	f.since, f.bytes = now, 0
	return nil
}
