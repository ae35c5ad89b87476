package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// ataSanitize has the drive sanitize itself (ACS-4 clause 4.17, the Sanitize Device
// feature set; clause 7.36, SANITIZE DEVICE).
//
// The success of a sanitize is the drive's bit 'completed without error', and an idle
// drive may show that bit from an earlier run, or from none. So the run itself must
// have been seen: accepted, then running, then the bit; or the bit was clear before
// and is set now.
type ataSanitize struct {
	ataErasure
	name    string // of the command
	bit     uint16 // of IDENTIFY word 59
	command drive.Command

	was     ata.Sanitize // the state in which it is started
	seen    bool         // this very run was seen at work
	adopted bool         // an earlier start began it, and it still runs
	failed  bool         // one failed before: the drive can't be read until another ends well
	lost    int          // questions in a row that had no answer
	last    wipe.CommandTrace
	resumed string
}

func newATASanitize(d *Drive) (Technique, error) {
	s := &ataSanitize{ataErasure: newATAErasure(d)}
	switch d.Step.Technique {
	case wipe.ATASanitizeBlock:
		s.name, s.bit, s.command = "BLOCK ERASE EXT", ata.SanitizeBlock, frame.ATASanitizeBlock()
	case wipe.ATASanitizeCrypto:
		s.name, s.bit, s.command = "CRYPTO SCRAMBLE EXT", ata.SanitizeCrypto, frame.ATASanitizeCrypto()
	case wipe.ATASanitizeOverwrite:
		c, err := frame.ATASanitizeOverwrite(1, 0)
		s.name, s.bit, s.command = "OVERWRITE EXT", ata.SanitizeOverwrite, c
		return s, err
	default:
		return nil, fmt.Errorf("%s is no sanitize", d.Step.Technique)
	}
	return s, nil
}

// Prepare asks what the drive offers and whether a sanitize runs, and reads the
// blocks to be looked for. One that somebody else began is waited for, for the drive
// does not say what it is at; then ours is run. One that failed before keeps the
// drive from being read: that is no hindrance to another.
func (s *ataSanitize) Prepare(ctx context.Context) error {
	s.d.Meter.Enter(wipe.PhaseSampling, true)
	if err := s.identify(ctx); err != nil {
		return err
	}
	if err := s.unlocked(ctx); err != nil {
		return err
	}
	if s.id.Sanitize&ata.SanitizeSupported == 0 || s.id.Sanitize&s.bit == 0 {
		return fmt.Errorf("the drive does not offer %s", s.name)
	}
	state, err := s.status(ctx)
	if err == nil && state.Running {
		if s.ours() {
			s.adopted = true
			return nil
		}
		if state, err = s.foreign(ctx); err != nil {
			return err
		}
	}
	if failedBefore(err) {
		s.clearFailure()
		state, err = s.status(ctx)
	}
	switch {
	case failedBefore(err):
		s.failed = true
		return nil // it can't be read
	case err != nil:
		return fmt.Errorf("the state of its sanitize could not be known, so none is started: %w", err)
	case state.Frozen:
		return ErrFrozen
	}
	return s.prepare(ctx)
}

// unlocked: a password of ours, which an earlier start has left on the drive, is taken
// away: a sanitize would leave it. Another that keeps the drive locked stays.
func (s *ataSanitize) unlocked(ctx context.Context) error {
	enabled, locked, _, _ := ataState(s.id)
	if locked {
		if err := s.d.openOurs(ctx); err != nil {
			return err
		}
		s.resumed = resumedLocked
		return DisableTemporary(ctx, s.d.Target)
	}
	if enabled && s.d.Past.Last(journal.StepPassword) != nil && DisableTemporary(ctx, s.d.Target) == nil {
		s.resumed = resumedLocked
	}
	return nil
}

// ours: the journal says that we sent this very command to this drive.
func (s *ataSanitize) ours() bool {
	return s.d.Past != nil && s.d.Past.Entry.Step.Technique == s.d.Step.Technique && s.d.Past.Last(journal.StepIssue) != nil
}

// foreign waits for the end of a sanitize that was not begun by us.
func (s *ataSanitize) foreign(ctx context.Context) (last ata.Sanitize, err error) {
	err = s.d.poll(ctx, patienceWith(s.estimate()), func(ctx context.Context) (progress, error) {
		last, err = s.status(ctx)
		if failedBefore(err) {
			return progress{done: true}, nil
		}
		return progress{done: err == nil && !last.Running, fraction: last.Fraction}, err
	})
	if err != nil {
		return last, fmt.Errorf("a sanitize that is not ours runs on it: %w", err)
	}
	return s.status(ctx)
}

// failedBefore: the drive is in the state 'sanitize operation failed', in which it
// takes nothing but another sanitize.
func failedBefore(err error) bool {
	var refused *ata.SanitizeError
	return errors.As(err, &refused) && refused.Reason == ata.SanitizeReasonFailed
}

// clearFailure lets the drive be read again, where whoever began the sanitize that
// failed has allowed that. It erases nothing, and most drives refuse it.
func (s *ataSanitize) clearFailure() {
	_, _, _ = ataAsk(context.Background(), s.d.Target, frame.ATASanitizeClearFailure())
}

// status asks how a sanitize stands. A *ata.SanitizeError is the drive's refusal; any
// other error means that the state is not known.
func (s *ataSanitize) status(ctx context.Context) (ata.Sanitize, error) {
	c, began := ata.SanitizeStatusExt(), s.d.clock().Now()
	done, _, err := ataAsk(ctx, s.d.Target, c)
	s.last = trace("SANITIZE STATUS EXT", c, done, err, s.d.clock().Now().Sub(began))
	return parseSanitize(done, err)
}

func parseSanitize(done drive.Completion, err error) (ata.Sanitize, error) {
	sense, missing := ataSense(done, err)
	if missing != nil {
		return ata.Sanitize{}, missing
	}
	state, why := ata.ParseSanitize(sense)
	var refused *ata.SanitizeError
	switch {
	case errors.As(why, &refused) && err != nil:
		return state, fmt.Errorf("%w: %w", why, err) // with its raw status
	case why != nil && ataAborted(err):
		return state, fmt.Errorf("%w: %w", &ata.SanitizeError{Reason: ata.SanitizeReasonNone}, err)
	case why == nil && err != nil:
		return state, err
	}
	return state, why
}

// Erase sends the command and polls until the drive has ended. One that an earlier
// start has left at work is waited for, and looked at with that start's canaries.
// Where there are none, and where a sanitize had failed before, the drive could not be
// read until now: it is read, and sanitized once more, for nothing else would tell a
// drive that lies.
func (s *ataSanitize) Erase(ctx context.Context) Report {
	switch {
	case s.adopted:
		s.d.running()
		s.recall()
		s.seen = true
		resumed := "A sanitize that an earlier start had begun was still running, and was waited for."
		if err := s.watch(ctx); err != nil || s.evidence != nil {
			return s.ended(ctx, err, resumed)
		}
		return s.ended(ctx, s.whole(ctx), resumed+" What it had read before was lost, so it was run once more.")
	case s.failed:
		if err := s.run(ctx); err != nil {
			return s.ended(ctx, err, "")
		}
		return s.ended(ctx, s.whole(ctx), "A sanitize that was begun before had failed; it was run twice, for the drive could be read only after the first.")
	}
	return s.ended(ctx, s.whole(ctx), "")
}

// whole: canaries, then the sanitize.
func (s *ataSanitize) whole(ctx context.Context) error {
	if err := s.before(ctx); err != nil {
		return err
	}
	return s.run(ctx)
}

// run asks the drive's state once more, sends the command, and polls. Where its
// answer is lost, the drive's state shows whether it was taken.
func (s *ataSanitize) run(ctx context.Context) error {
	state, err := s.status(ctx)
	switch {
	case failedBefore(err):
	case err != nil:
		return fmt.Errorf("the state of its sanitize could not be known, so none was started: %w", err)
	case state.Frozen:
		return ErrFrozen
	case state.Running:
		return errors.New("a sanitize runs on it that is not ours")
	}
	s.was, s.seen, s.lost = state, false, 0
	if err := s.issue(ctx, map[string]string{markATA: hex.EncodeToString(s.command.Frame)}); err != nil {
		return err
	}
	done, err := s.sendAgain(s.name, s.command)
	state, err = parseSanitize(done, err)
	var refused *ata.SanitizeError
	switch {
	case errors.As(err, &refused), errors.Is(err, drive.ErrRefused):
		return err
	case err == nil:
		s.seen = state.Running
	}
	return s.watch(ctx)
}

// ataSpeed of a disk that overwrites itself, bytes in a second: a slow one.
const ataSpeed = 100e6

// estimate of how long it takes: no command asks a drive for that.
func (s *ataSanitize) estimate() time.Duration {
	if s.bit != ata.SanitizeOverwrite {
		return s.d.Step.Expect
	}
	return max(s.d.Step.Expect, time.Duration(float64(s.d.Plan.Geometry.Size)/ataSpeed*float64(time.Second)))
}

// markATA is what is sent, in hex: data of StepIssue.
const markATA = "frame"

// ataLostMax is how many questions in a row may have no answer: a drive that is busy
// with itself may miss some.
const ataLostMax = 5

var errNotRun = errors.New("the drive runs no sanitize now, and does not say that one has ended well")

// watch polls until the drive says that this run has ended well.
func (s *ataSanitize) watch(ctx context.Context) error {
	return s.d.poll(ctx, patienceWith(s.estimate()), func(ctx context.Context) (progress, error) {
		state, err := s.status(ctx)
		var refused *ata.SanitizeError
		switch {
		case errors.As(err, &refused):
			return progress{}, fmt.Errorf("its sanitize failed: %w", err)
		case vanished(err):
			return progress{}, fmt.Errorf("%w: %w", ErrUnanswered, err)
		case err != nil:
			if s.lost++; s.lost >= ataLostMax {
				return progress{}, fmt.Errorf("%w: %w", ErrUnanswered, err)
			}
			return progress{fraction: -1}, s.d.clock().Sleep(ctx, ataPause)
		}
		s.lost = 0
		switch {
		case state.Running:
			s.seen = true
			return progress{fraction: state.Fraction}, nil
		case !state.Done:
			return progress{}, errNotRun
		case !s.seen && s.was.Done:
			return progress{}, fmt.Errorf("%w: it says that a sanitize has ended well, as it said before this one was sent", ErrUnanswered)
		}
		return progress{done: true}, nil
	})
}

// ended says what was done, with the drive's final status, and asks it who it is once
// more.
func (s *ataSanitize) ended(ctx context.Context, err error, resumed string) Report {
	r := Report{Sent: s.sent || s.adopted, Commands: s.commands, Err: err, Resumed: strings.TrimSpace(s.resumed + " " + resumed)}
	if r.Sent {
		r.Commands = append(r.Commands, s.last)
	}
	if err != nil {
		return s.report(r)
	}
	id, _, err := ataIdentify(ctx, s.d.Target)
	if err != nil {
		r.Err = fmt.Errorf("%w: after the sanitize: %w", ErrUnanswered, err)
		return s.report(r)
	}
	r.Err = s.unchanged(id)
	r.Complete = r.Err == nil
	return s.report(r)
}
