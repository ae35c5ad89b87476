package sim

import (
	"context"
	"errors"
	"sync"
	"time"
)

// hang until the command is given up. A clock that flows must know that nobody is at
// work meanwhile.
func (b *Base) hang(ctx context.Context) error {
	const forever = 100 * 365 * 24 * time.Hour
	if m, ok := b.Clock.(*Manual); ok {
		if err := m.Sleep(ctx, forever); err != nil {
			return err
		}
	}
	<-ctx.Done()
	return ctx.Err()
}

// ErrGone: the drive was unplugged or lost its power; no answer comes.
var ErrGone = errors.New("the drive has gone")

// traceMax is how many commands a trace keeps: the newest.
const traceMax = 4096

// Base is what all models share: power, plug, faults and trace. A model embeds it,
// runs every command between Begin and its answer, and holds Mu while it looks at
// or changes its own state.
type Base struct {
	Mu    sync.Mutex
	Clock Clock
	// Power is called, with Mu held, when the power goes (false) and comes (true).
	Power func(on bool)

	name    string
	script  *Script
	on      time.Time     // since when there is power
	lost    chan struct{} // closed when the power goes
	out     bool          // unplugged
	hear    []func(bool)
	trace   []Entry
	pending []*comeback
}

// comeback is data that appears again.
type comeback struct {
	at    time.Time // zero: at the next power cycle
	bring func() error
}

// NewBase gives a drive that has power since now.
func NewBase(name string, clock Clock, script *Script) *Base {
	if clock == nil {
		clock = Wall()
	}
	return &Base{Clock: clock, name: name, script: script, on: clock.Now(), lost: make(chan struct{})}
}

// Name of the model.
func (b *Base) Name() string { return b.name }

// Begin counts a command and does what the script says about its answer: waits,
// hangs, unplugs. What is left in the action is the model's matter. On ErrGone or
// ctx's error there is no answer.
func (b *Base) Begin(ctx context.Context, c Call) (Action, error) {
	b.Mu.Lock()
	if b.out {
		b.Mu.Unlock()
		return Action{}, ErrGone
	}
	b.comeBack(false)
	a := b.script.Next(c, b.Clock.Now().Sub(b.on))
	lost := b.lost
	b.Mu.Unlock()
	switch {
	case a.Unplug:
		b.Plug(false)
		return a, ErrGone
	case a.Hang || a.Delay > 0:
		return a, b.wait(ctx, lost, func(ctx context.Context) error {
			if a.Hang {
				return b.hang(ctx)
			}
			return b.Clock.Sleep(ctx, a.Delay)
		})
	}
	return a, nil
}

// wait until sleep is over, at most as long as there is power.
func (b *Base) wait(ctx context.Context, lost chan struct{}, sleep func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-lost:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := sleep(ctx)
	select {
	case <-lost:
		return ErrGone
	default:
		return err
	}
}

// Sleep while a command is at work in the drive: ErrGone when the power goes. The
// caller does not hold Mu.
func (b *Base) Sleep(ctx context.Context, d time.Duration) error {
	b.Mu.Lock()
	lost := b.lost
	b.Mu.Unlock()
	return b.wait(ctx, lost, func(ctx context.Context) error { return b.Clock.Sleep(ctx, d) })
}

// SleepUntil a command's work is done: as Sleep, but up to a time that the caller
// reckoned while it held Mu, so that a clock which was moved since is no trap.
func (b *Base) SleepUntil(ctx context.Context, t time.Time) error {
	b.Mu.Lock()
	lost := b.lost
	b.Mu.Unlock()
	return b.wait(ctx, lost, func(ctx context.Context) error { return b.Clock.SleepUntil(ctx, t) })
}

// Reappear remembers what is on a medium before an erasure, where the action asks
// for that. The caller holds Mu.
func (b *Base) Reappear(a Action, m *Medium) error {
	if a.Reappear == 0 {
		return nil
	}
	bring, err := m.Snapshot()
	if err != nil {
		return err
	}
	c := &comeback{bring: bring}
	if a.Reappear > 0 {
		c.at = b.Clock.Now().Add(a.Reappear)
	}
	b.pending = append(b.pending, c)
	return nil
}

// Due does what time alone does to a medium: a model calls it, with Mu held, before
// it shows its media.
func (b *Base) Due() { b.comeBack(false) }

// comeBack brings back what is due. The caller holds Mu.
func (b *Base) comeBack(power bool) {
	var left []*comeback
	for _, c := range b.pending {
		if due := power && c.at.IsZero() || !c.at.IsZero() && !b.Clock.Now().Before(c.at); !due {
			left = append(left, c)
			continue
		}
		_ = c.bring() // a medium in memory can always be brought back
	}
	b.pending = left
}

// Note keeps a command in the trace. The caller does not hold Mu.
func (b *Base) Note(frame []byte, status uint16) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	if len(b.trace) >= traceMax {
		b.trace = append(b.trace[:0], b.trace[traceMax/2:]...)
	}
	b.trace = append(b.trace, Entry{append([]byte(nil), frame...), status})
}

// Trace is what was asked, the oldest first.
func (b *Base) Trace() []Entry {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return append([]Entry(nil), b.trace...)
}

// PowerCycle takes the power away and gives it back. A drive that is unplugged has
// none to take.
func (b *Base) PowerCycle() {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	if b.out {
		return
	}
	b.powerOff()
	b.powerOn()
}

func (b *Base) powerOff() {
	close(b.lost)
	if b.Power != nil {
		b.Power(false)
	}
}

func (b *Base) powerOn() {
	b.lost, b.on = make(chan struct{}), b.Clock.Now()
	b.comeBack(true)
	if b.Power != nil {
		b.Power(true)
	}
}

// Reset of the bus: nothing of what all models share depends on it.
func (b *Base) Reset() {}

// Plug takes the drive out or puts it back.
func (b *Base) Plug(in bool) {
	b.Mu.Lock()
	if b.out != in {
		b.Mu.Unlock()
		return // it is there already, or gone already
	}
	b.out = !in
	if in {
		b.powerOn()
	} else {
		b.powerOff()
	}
	hear := append([]func(bool){}, b.hear...)
	b.Mu.Unlock()
	for _, f := range hear {
		f(in)
	}
}

// Plugged: the drive is in its host.
func (b *Base) Plugged() bool {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	return !b.out
}

// OnPlug tells a door of every change of Plugged.
func (b *Base) OnPlug(f func(in bool)) {
	b.Mu.Lock()
	defer b.Mu.Unlock()
	b.hear = append(b.hear, f)
}
