package pid1

import "time"

const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
	// longLife: what lived so long died for a reason of its own.
	longLife = 30 * time.Second
	// engineDeaths in a row after which the engine is not started again.
	engineDeaths = 5
)

// backoff of a process that is started again and again.
type backoff struct {
	pause  time.Duration
	deaths int // in a row
}

// died gives the pause before the next start.
func (b *backoff) died(lived time.Duration) time.Duration {
	if lived >= longLife {
		*b = backoff{}
	}
	b.deaths++
	b.pause = min(max(2*b.pause, firstPause), lastPause)
	return b.pause
}
