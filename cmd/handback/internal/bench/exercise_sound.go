package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"handback.example/cmd/handback/internal/pid1"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect/function"
)

// soundTrial plays a tone on one speaker after the other.
type soundTrial struct {
	now  func() time.Time
	stop context.CancelFunc
	done chan struct{} // the output is given back

	mu     sync.Mutex
	name   string           // of the output; empty: it is not open yet
	at     function.Speaker // plays now, or plays next
	played int              // whole tones, of the first round
	again  bool             // a person wants another round
	ended  time.Time        // of the last round
	err    error
}

func (e *Engine) trySound(int) (exercise, error) {
	if e.w.Hands.Sound == nil {
		return nil, errors.New("nothing here plays a tone")
	}
	ctx, stop := context.WithCancel(e.ctx)
	s := &soundTrial{now: e.w.Now, stop: stop, done: make(chan struct{})}
	go func() {
		defer close(s.done)
		err := s.play(ctx, e.w.Hands.Sound)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
	}()
	return s, nil
}

// play rounds until ctx ends.
func (s *soundTrial) play(ctx context.Context, open func(context.Context) (Sound, error)) error {
	out, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	for first := true; ; first = false {
		for at := range function.Speakers {
			s.mu.Lock()
			s.name, s.at, s.again, s.ended = out.Name(), at, false, time.Time{}
			s.mu.Unlock()
			if err := out.Play(ctx, at); err != nil {
				return err
			}
			if first {
				s.mu.Lock()
				s.played++
				s.mu.Unlock()
			}
		}
		s.mu.Lock()
		s.at, s.ended = function.Speakers, s.now()
		s.mu.Unlock()
		for !s.wanted() {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(tryTime):
			}
		}
	}
}

// wanted: another round.
func (s *soundTrial) wanted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.again
}

func (s *soundTrial) next() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = true
	return nil
}

func (s *soundTrial) view(time.Time, bool) wire.Exercise {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := wire.Exercise{Name: "Speakers", Device: s.name, Done: s.played, Of: int(function.Speakers), Next: "play again"}
	switch {
	case s.name == "":
		x.Say = []string{"Wait: the sound is switched on."}
	case s.at < function.Speakers:
		x.Say = []string{"Listen: " + s.at.String() + "."}
	default:
		x.Say = []string{"That was the low tone on the left, and the high one on the right."}
	}
	return x
}

// heard is how long the last page of a round stands, so that another round can be asked
// for.
const heard = 2 * time.Second

func (s *soundTrial) over(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil || !s.again && !s.ended.IsZero() && now.Sub(s.ended) >= heard
}

func (s *soundTrial) covers() bool { return false }

// giveBack is how long an output may take to be given back; a driver that hangs must not
// keep the machine from the person.
const giveBack = 5 * time.Second

// end stops the tone. That it was played says nothing about what a person heard: only
// they can answer.
func (s *soundTrial) end() tried {
	s.stop()
	late := ""
	select {
	case <-s.done:
	case <-time.After(giveBack):
		late = "; its driver does not end"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil && !errors.Is(s.err, context.Canceled):
		return tried{evidence: "not played: " + s.err.Error() + late}
	case s.name == "":
		return tried{evidence: "not played" + late}
	}
	return tried{evidence: fmt.Sprintf("%s: %d of %d tones played", s.name, s.played, function.Speakers) + late}
}

// soundModule drives High Definition Audio (Intel's specification 1.0a). The image brings
// it, and no device loads it.
const soundModule = "snd_hda_intel"

// driverTime is how long a driver may take to find its speakers.
const driverTime = 8 * time.Second

// driven output: with it goes the driver, and so all that else hangs on it.
type driven struct{ *function.Sound }

func (d driven) Close() error { return errors.Join(d.Sound.Close(), pid1.Unload(soundModule)) }

// openSound of the booted image. No driver of sound is loaded before.
func openSound(ctx context.Context) (Sound, error) {
	if err := pid1.Load(soundModule); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, driverTime)
	defer cancel()
	for {
		out, err := function.OpenSound("/sys", "/dev/snd")
		if err == nil {
			return driven{out}, nil
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(err, pid1.Unload(soundModule))
		case <-time.After(4 * tryTime):
		}
	}
}
