package bench

import (
	"errors"
	"fmt"
	"time"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/keylock"
)

// tries counts wrong passphrases since power-on. After freeTries each one costs a
// pause, and the next pause is twice as long.
type tries struct {
	wrong int
	until time.Duration // uptime before which no try is taken
}

const (
	freeTries    = 3
	firstPause   = 30 * time.Second
	longestPause = 15 * time.Minute
)

// pause after so many wrong tries.
func pause(wrong int) time.Duration {
	if wrong < freeTries {
		return 0
	}
	p := firstPause
	for i := freeTries; i < wrong && p < longestPause; i++ {
		p *= 2
	}
	return min(p, longestPause)
}

// askPassphrase holds the visit before anything is done to the machine: what is
// erased must be signed for.
func (e *Engine) askPassphrase() {
	if e.isUnattended() {
		e.halt("This stick's key is locked, and in a visit without a person nobody can type its passphrase.",
			"Nothing was erased. Have a stick enrolled whose key is not locked, or start the machine with someone at it.")
		return
	}
	e.say("locked", "the stick's key waits for its passphrase")
	e.to(wire.StageUnlock)
}

// unlock opens the stick's key. The opened key is kept in memory alone, until the
// machine is switched off.
func (e *Engine) unlock(passphrase string) error {
	if left := e.tries.until - e.w.Uptime(); left > 0 {
		return fmt.Errorf("too many wrong tries: wait %s, then try again", seconds(left))
	}
	key, err := keylock.Open(e.station.Locked, passphrase)
	if errors.Is(err, keylock.ErrWrong) {
		return e.wrongPassphrase()
	}
	if err == nil {
		err = e.takeKey(key)
	}
	if err != nil {
		e.halt("The stick's key can't be used: "+err.Error()+".", "Nothing was erased. Take the stick to your supervisor.")
		return nil
	}
	e.say("unlocked", "the stick's key is unlocked")
	e.to(wire.StageStarting)
	go func() {
		e.one.Lock()
		defer e.one.Unlock()
		r, err := e.takeReport(e.ctx)
		e.meet(e.ctx, r, err)
	}()
	return nil
}

func (e *Engine) takeKey(key []byte) error {
	s, err := e.station.Signer.WithKey(key)
	if err == nil {
		e.update(func() { e.station.Signer, e.station.Locked, e.tries = s, nil, tries{} })
	}
	return err
}

func (e *Engine) wrongPassphrase() error {
	e.tries.wrong++
	p := pause(e.tries.wrong)
	e.tries.until = e.w.Uptime() + p
	e.say("wrong-passphrase", "a wrong passphrase was typed", "tries", e.tries.wrong)
	if p == 0 {
		return errors.New("that is not the passphrase of this stick: type it again, and look at Caps Lock")
	}
	return fmt.Errorf("that is not the passphrase of this stick: wait %s, then try again, or ask your supervisor", seconds(p))
}

// seconds of a wait, rounded up.
func seconds(d time.Duration) string {
	n := int((d + time.Second - 1) / time.Second)
	if n == 1 {
		return "1 second"
	}
	return fmt.Sprintf("%d seconds", n)
}

// keepUnlocked spares whoever has unlocked this stick to do it again when it is read
// once more.
func (e *Engine) keepUnlocked(s *Station) {
	was := e.station
	if s.Locked != nil && was.Signer != nil && was.Locked == nil && was.Signer.Cert.Equal(s.Signer.Cert) {
		s.Signer, s.Locked = was.Signer, nil
	}
}
