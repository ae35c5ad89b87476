// Package meter counts the progress of one drive's erasure. The worker writes,
// whoever draws or watches reads; neither waits for the other.
package meter

import (
	"sync/atomic"
	"time"

	"handback.example/wipe"
)

// Meter of one drive. Use New.
type Meter struct {
	start   time.Time // monotonic
	phase   atomic.Pointer[wipe.Phase]
	done    atomic.Int64
	total   atomic.Int64
	looked  atomic.Int64 // places of this phase
	looks   atomic.Int64 // that there are; 0: it is counted in bytes
	canStop atomic.Bool
	beat    atomic.Int64 // since start
	quiet   atomic.Int64 // a command without progress may take as long as this
}

// New meter, waiting.
func New() *Meter {
	m := &Meter{start: time.Now()}
	m.Enter(wipe.PhaseWaiting, true)
	return m
}

// Enter a phase; canStop says whether it can be ended before its time.
func (m *Meter) Enter(p wipe.Phase, canStop bool) {
	m.looks.Store(0)
	m.canStop.Store(canStop)
	m.phase.Store(&p)
	m.Beat()
}

// Expect the whole work to be n bytes; 0: there is no telling.
func (m *Meter) Expect(n int64) { m.total.Store(n) }

// Add n bytes that are done.
func (m *Meter) Add(n int64) {
	m.done.Add(n)
	m.Beat()
}

// Look announces n places of a sample, which are looked at one by one: they stand for
// the progress of the phase.
func (m *Meter) Look(n int64) {
	m.looked.Store(0)
	m.looks.Store(n)
}

// Looked at one of them.
func (m *Meter) Looked() { m.looked.Add(1) }

// Share of the places that were looked at, 0 to 1; 0 too where there are none.
func (m *Meter) Share() float64 {
	n := m.looks.Load()
	if n <= 0 {
		return 0
	}
	return min(1, float64(m.looked.Load())/float64(n))
}

// Beat says that the drive has answered, be it with an error.
func (m *Meter) Beat() { m.beat.Store(int64(time.Since(m.start))) }

// Quiet announces one command that gives no sign of life for up to d. The
// function that it returns takes that back.
func (m *Meter) Quiet(d time.Duration) (over func()) {
	m.Beat()
	m.quiet.Store(int64(d))
	return func() {
		m.Beat()
		m.quiet.Store(0)
	}
}

// Phase now.
func (m *Meter) Phase() wipe.Phase { return *m.phase.Load() }

// Done and Total, bytes.
func (m *Meter) Done() int64  { return m.done.Load() }
func (m *Meter) Total() int64 { return m.total.Load() }

// CanStop reports whether a stop would be heeded now.
func (m *Meter) CanStop() bool { return m.canStop.Load() }

// Elapsed since New.
func (m *Meter) Elapsed() time.Duration { return time.Since(m.start) }

// Silence is how long the drive has not answered, less what it was allowed.
func (m *Meter) Silence() time.Duration {
	s := int64(m.Elapsed()) - m.beat.Load() - m.quiet.Load()
	return time.Duration(max(s, 0))
}
