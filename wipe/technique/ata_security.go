package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// ataSecurity has the drive erase itself by SECURITY ERASE UNIT (ACS-4 clause 4.18,
// the Security feature set; clauses 7.38 to 7.43). That needs a password, which a
// good end takes away; whatever else comes, nothing here leaves it behind without
// trying to take it away.
type ataSecurity struct {
	ataErasure
	enhanced bool
	resumed  string
	blind    bool // it is locked and stays so until it is erased
	erasing  bool // ERASE UNIT may have reached it
	tried    bool // to open it after something went wrong
	stuck    bool // the password could not be taken away
}

func newATASecurity(d *Drive) (Technique, error) {
	return &ataSecurity{ataErasure: newATAErasure(d), enhanced: d.Step.Technique == wipe.ATASecurityEraseEnhanced}, nil
}

// Prepare asks whether the drive lets itself be erased, and reads the blocks to be
// looked for. A drive that an earlier start of ours has left locked is opened.
func (s *ataSecurity) Prepare(ctx context.Context) error {
	s.d.Meter.Enter(wipe.PhaseSampling, true)
	if err := s.identify(ctx); err != nil {
		return err
	}
	w := s.id.Security
	_, locked, frozen, expired := ataState(s.id)
	switch {
	case w&ata.SecuritySupported == 0:
		return errors.New("the drive has no Security feature set")
	case s.enhanced && w&ata.SecurityEnhanced == 0:
		return errors.New("the drive does not offer the enhanced mode of SECURITY ERASE UNIT")
	case frozen:
		return ErrFrozen
	case expired:
		return fmt.Errorf("%w: too many wrong passwords were given", ErrPowerCycle)
	case locked:
		if err := s.open(ctx); err != nil {
			return err
		}
	}
	if s.blind {
		return nil
	}
	return s.prepare(ctx)
}

// open a drive that is locked. One of which the journal says that the password is
// ours, and that does not open all the same, may be in the middle of an erase, which
// some drives go on with and take nothing else.
func (s *ataSecurity) open(ctx context.Context) error {
	err := s.d.openOurs(ctx)
	if errors.Is(err, ErrLocked) && s.d.Past.Last(journal.StepPassword) != nil {
		s.blind, err = true, nil
	}
	s.resumed = resumedLocked
	return err
}

const resumedLocked = "The drive was locked with our temporary password, as an earlier start had left it."

// openOurs opens a drive that is locked with our password, which is tried once,
// whatever steps a ladder has.
func (d *Drive) openOurs(ctx context.Context) error {
	if d.lockTried {
		return ErrLocked
	}
	state, err := UnlockTemporary(ctx, d.Target)
	switch {
	case err != nil:
		d.lockTried = true
		return err
	case state == LockOpened, state == LockNone:
		return nil
	case state == LockFrozen:
		return ErrFrozen
	}
	d.lockTried = true
	return ErrLocked
}

// eraseTimeout by words 89 and 90: what the drive says is often short. One that says
// nothing, or only 'more than 508 minutes', gets two days; the largest disks need
// more than one.
func (s *ataSecurity) eraseTimeout() time.Duration {
	word := s.id.Erase
	if s.enhanced {
		word = s.id.EraseEnhanced
	}
	if took, known := word.Known(); known {
		return 2*took + time.Hour
	}
	return 48 * time.Hour
}

// Erase sets the temporary password, erases, and makes sure that the password is
// gone. A drive that could be opened only by its erase is read then, and erased once
// more: nothing else would tell a drive that lies.
func (s *ataSecurity) Erase(ctx context.Context) Report {
	var err error
	if s.blind {
		s.resumed += " It took nothing but its erase, so it was erased twice: it could be read only after the first."
		err = s.once(ctx)
		s.blind = false
	}
	if err == nil {
		err = s.before(ctx)
	}
	if err == nil {
		err = s.once(ctx)
	}
	return s.report(Report{Sent: s.erasing || s.stuck, Complete: err == nil, Commands: s.commands, Err: err, Resumed: s.resumed})
}

// once through the whole sequence. A drive whose erase did not end well gets the
// password taken away. Both marks are made before the password is set: from then on
// nothing waits for anything but the drive.
func (s *ataSecurity) once(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.d.mark(ctx, journal.StepPassword, map[string]string{"password": TemporaryPassword}); err != nil {
		return err
	}
	unit := frame.ATAEraseUnit(s.enhanced, s.eraseTimeout())
	if err := s.issue(ctx, map[string]string{markATA: hex.EncodeToString(unit.Frame)}); err != nil {
		return err
	}
	err := s.setPassword(ctx)
	if err == nil {
		err = s.eraseUnit(unit)
	}
	if err == nil {
		err = s.ended(ctx)
	}
	if err != nil {
		err = s.undo(ctx, err)
	}
	return err
}

// ready asks once more, just before the password is set.
func (s *ataSecurity) ready(ctx context.Context) error {
	id, _, err := ataIdentify(ctx, s.d.Target)
	if err != nil {
		return err
	}
	if err := s.unchanged(id); err != nil {
		return err
	}
	_, locked, frozen, expired := ataState(id)
	switch {
	case frozen:
		return ErrFrozen
	case expired:
		return fmt.Errorf("%w: too many wrong passwords were given", ErrPowerCycle)
	case locked && !s.blind:
		return ErrLocked
	}
	return nil
}

// setPassword and see that the drive has it. A drive that still has it is left so.
func (s *ataSecurity) setPassword(ctx context.Context) error {
	if s.blind {
		return nil
	}
	if _, err := s.sendAgain("SECURITY SET PASSWORD", frame.ATASetPassword()); err != nil {
		return fmt.Errorf("the drive did not take the temporary password: %w", err)
	}
	id, _, err := ataIdentify(ctx, s.d.Target)
	if err != nil {
		return err
	}
	if enabled, locked, _, _ := ataState(id); !enabled || locked {
		return fmt.Errorf("the drive took the temporary password, and its security says %04x now", id.Security)
	}
	return nil
}

// eraseUnit sends ERASE PREPARE and, with nothing between, ERASE UNIT.
func (s *ataSecurity) eraseUnit(unit drive.Command) error {
	if _, err := s.sendAgain("SECURITY ERASE PREPARE", frame.ATAErasePrepare()); err != nil {
		return err
	}
	_, err := s.send("SECURITY ERASE UNIT", unit)
	s.erasing = s.erasing || !errors.Is(err, drive.ErrRefused)
	switch {
	case err == nil, errors.Is(err, drive.ErrRefused), ataAnswered(err):
		return err
	case attention(err):
		return fmt.Errorf("%w: the drive was reset just before or during its erase: %w", ErrUnanswered, err)
	}
	return fmt.Errorf("%w: %w", ErrUnanswered, err)
}

// ended: the drive has answered 'good'. It must be the same drive, with no password
// any more, and must not have been reset meanwhile.
func (s *ataSecurity) ended(ctx context.Context) error {
	id, reset, err := ataIdentify(ctx, s.d.Target)
	switch {
	case err != nil:
		return fmt.Errorf("%w: after the erase: %w", ErrUnanswered, err)
	case reset:
		return fmt.Errorf("%w: the drive was reset while it erased itself, so its answer may be that of another command", ErrUnanswered)
	}
	if err := s.unchanged(id); err != nil {
		return err
	}
	if enabled, locked, _, _ := ataState(id); enabled || locked {
		return fmt.Errorf("the drive said that it erased itself, and its password is still set (security %04x)", id.Security)
	}
	return nil
}

// undoFor is how long a drive is given to come back to itself, so that its password
// can be taken away: after a time-out Linux resets it, and it may be at its erase yet.
const undoFor = 3 * time.Minute

// undo takes the temporary password away after something went wrong, and says so
// where it can't.
func (s *ataSecurity) undo(ctx context.Context, why error) error {
	end := s.d.clock().Now().Add(undoFor)
	for {
		err := s.free(ctx)
		if err == nil {
			return why
		}
		if s.d.clock().Now().After(end) || s.d.clock().Sleep(ctx, ataPause) != nil {
			s.stuck = true
			return fmt.Errorf("%w; it may be left locked with our temporary password %q: %w", why, TemporaryPassword, err)
		}
		s.d.Meter.Beat()
	}
}

// free is done when the drive has no password.
func (s *ataSecurity) free(ctx context.Context) error {
	id, _, err := ataIdentify(ctx, s.d.Target)
	if err != nil {
		return err
	}
	enabled, locked, _, _ := ataState(id)
	if locked && !s.tried {
		s.tried = true // a drive counts wrong passwords
		if _, err := s.sendAgain("SECURITY UNLOCK", frame.ATAUnlock()); err != nil {
			return err
		}
	}
	if !enabled {
		return nil
	}
	if _, err := s.sendAgain("SECURITY DISABLE PASSWORD", frame.ATADisablePassword()); err != nil {
		return err
	}
	if id, _, err = ataIdentify(ctx, s.d.Target); err != nil {
		return err
	}
	if enabled, _, _, _ := ataState(id); enabled {
		return fmt.Errorf("it still has a password (security %04x)", id.Security)
	}
	return nil
}

// LockState is what UnlockTemporary found.
type LockState int

// The zero LockState says nothing.
const (
	LockUnknown LockState = iota
	LockNone              // the drive is not locked
	LockOpened            // it was locked with our temporary password, and is open until its next power cycle
	LockForeign           // it is locked with another password
	LockFrozen            // it is locked and takes no password now
)

// UnlockTemporary tries our published password on a drive that is found locked:
// exactly once, for a drive counts wrong passwords, and takes none any more after
// five. It erases nothing. A drive that it opens keeps the password until it is
// erased, or DisableTemporary is called.
func UnlockTemporary(ctx context.Context, t drive.Transport) (LockState, error) {
	id, _, err := ataIdentify(ctx, t)
	if err != nil {
		return LockUnknown, err
	}
	_, locked, frozen, expired := ataState(id)
	switch {
	case id.Security&ata.SecuritySupported == 0 || !locked:
		return LockNone, nil
	case frozen || expired:
		return LockFrozen, nil
	}
	_, err = t.Do(ctx, frame.ATAUnlock())
	if attention(err) { // it did not see the password
		_, err = t.Do(ctx, frame.ATAUnlock())
	}
	if err != nil && !ataAborted(err) {
		return LockUnknown, err
	}
	if id, _, err = ataIdentify(ctx, t); err != nil {
		return LockUnknown, err
	}
	if _, locked, _, _ := ataState(id); locked {
		return LockForeign, nil
	}
	return LockOpened, nil
}

// DisableTemporary takes our published password away from a drive that is open. It
// erases nothing.
func DisableTemporary(ctx context.Context, t drive.Transport) error {
	if _, _, err := ataAsk(ctx, t, frame.ATADisablePassword()); err != nil {
		return err
	}
	id, _, err := ataIdentify(ctx, t)
	if err != nil {
		return err
	}
	if enabled, locked, _, _ := ataState(id); enabled || locked {
		return fmt.Errorf("it still has a password (security %04x)", id.Security)
	}
	return nil
}
