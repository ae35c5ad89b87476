package ata

import (
	"context"
	"time"

	"handback.example/inspect/drive/sim"
)

const (
	passwordSize = 32
	attemptsMax  = 5
)

// security is the state of the Security feature set: enabled, locked and frozen
// together are SEC1 to SEC6 (SEC0 is a drive without power, SEC3 one that has just
// got it: powerOn leaves it).
//
//	          enabled locked frozen
//	SEC1                             SEC4     x       x
//	SEC2                       x     SEC5     x
//	                                 SEC6     x               x
type security struct {
	enabled, locked, frozen bool
	maximum                 bool
	user, master            [passwordSize]byte
	revision                uint16
	attempts                int // that are left
}

func (s *security) fill(c Security) {
	s.enabled, s.maximum, s.revision = c.Enabled, c.Maximum, c.Revision
	copy(s.user[:], c.UserPassword)
	copy(s.master[:], c.MasterPassword)
}

// powerOn: a password locks, and nothing stays frozen but by the firmware.
func (s *security) powerOn(freeze bool) {
	s.locked, s.frozen, s.attempts = s.enabled, false, attemptsMax
	if freeze {
		s.freeze()
	}
}

// freeze is SECURITY FREEZE LOCK; a locked drive does not take it.
func (s *security) freeze() bool {
	s.frozen = s.frozen || !s.locked
	return !s.locked
}

// word128 of IDENTIFY DEVICE (ACS-4 clause 9.11, 'Security status').
func (s *security) word128(supported, enhanced bool) uint16 {
	v := uint16(0)
	for bit, on := range map[int]bool{0: supported, 1: s.enabled, 2: s.locked, 3: s.frozen,
		4: s.attempts == 0, 5: enhanced, 8: s.maximum && s.enabled} {
		if on {
			v |= 1 << bit
		}
	}
	return v
}

// passwordData is the block of 512 bytes that goes with a security command (ACS-4
// table 'SECURITY SET PASSWORD data content' and its siblings).
type passwordData struct {
	master, enhanced, maximum bool
	password                  [passwordSize]byte
	revision                  uint16
}

func parsePassword(b []byte) (p passwordData, good bool) {
	if len(b) < 512 {
		return p, false
	}
	p.master, p.enhanced, p.maximum = b[0]&1 != 0, b[0]&2 != 0, b[1]&1 != 0
	copy(p.password[:], b[2:])
	p.revision = uint16(b[34]) | uint16(b[35])<<8
	return p, true
}

// matches compares; the user's password is there only while security is enabled.
func (s *security) matches(p passwordData) bool {
	if p.master {
		return p.password == s.master
	}
	return s.enabled && p.password == s.user
}

// setPassword is SECURITY SET PASSWORD. The master password
// enables nothing.
func (d *Drive) setPassword(r *request) answer {
	s := &d.security
	p, good := parsePassword(r.out)
	switch {
	case !good || !d.has(FeatureSecurity) || s.frozen || s.locked:
		return aborted()
	case p.master:
		s.master = p.password
		if p.revision != 0 && p.revision != 0xffff {
			s.revision = p.revision
		}
	default:
		s.user, s.enabled, s.maximum = p.password, true, p.maximum
	}
	return ok()
}

// unlock is SECURITY UNLOCK: at the maximum level the master
// password unlocks nothing.
func (d *Drive) unlock(r *request) answer {
	s := &d.security
	p, good := parsePassword(r.out)
	if !good || !d.has(FeatureSecurity) || s.frozen || !s.enabled || s.attempts == 0 || p.master && s.maximum {
		return aborted()
	}
	if !s.matches(p) {
		s.wrong()
		return aborted()
	}
	s.locked = false
	return ok()
}

// wrong counts an attempt on a locked drive.
func (s *security) wrong() {
	if s.locked && s.attempts > 0 {
		s.attempts--
	}
}

func (d *Drive) disablePassword(r *request) answer {
	s := &d.security
	p, good := parsePassword(r.out)
	if !good || !d.has(FeatureSecurity) || s.frozen || s.locked || !s.enabled || p.master && s.maximum || !s.matches(p) {
		return aborted()
	}
	s.disable()
	return ok()
}

// disable forgets the user's password; the level is high again.
func (s *security) disable() {
	s.enabled, s.locked, s.maximum, s.user = false, false, false, [passwordSize]byte{}
}

func (d *Drive) freezeLock(*request) answer {
	if !d.has(FeatureSecurity) || !d.security.freeze() {
		return aborted()
	}
	return ok()
}

func (d *Drive) erasePrepare(*request) answer {
	if !d.has(FeatureSecurity) || d.security.frozen {
		return aborted()
	}
	return ok()
}

// unitErase is a SECURITY ERASE UNIT under way. The drive shows BSY until it is
// over, and a power cut ends it.
type unitErase struct {
	run    *sim.Erasure
	cut    context.Context // done when it is over or the power went
	cancel context.CancelFunc
	over   bool
	good   bool
}

// left until it ends: never, where it hangs.
func (u *unitErase) left() time.Duration {
	e := u.run
	if e.StickAt > 0 && (e.FailAt == 0 || e.StickAt <= e.FailAt) {
		return 100 * 365 * 24 * time.Hour
	}
	left := e.Left()
	if e.FailAt > 0 {
		left -= time.Duration((1 - e.FailAt) * float64(e.Takes))
	}
	return max(left, 1)
}

// eraseUnit is SECURITY ERASE UNIT: directly after ERASE
// PREPARE, with a password, on a locked drive too, but not where the Trusted Computing
// subsystem keeps writes out. Normal mode covers all up to the
// native max address; enhanced mode all that ever held data.
func (d *Drive) eraseUnit(r *request) answer {
	s := &d.security
	p, good := parsePassword(r.out)
	_, shut := d.tcgLocked()
	if !good || shut || !d.has(FeatureSecurity) || s.frozen || s.attempts == 0 || p.enhanced && !d.has(FeatureSecurityEnhanced) ||
		d.before != (done{cmdErasePrepare, true}) {
		return aborted()
	}
	if !s.matches(p) {
		s.wrong()
		return aborted()
	}
	takes, sectors := d.cfg.Security.EraseTime, d.native
	if p.enhanced {
		takes, sectors = d.cfg.Security.EnhancedTime, d.all
	}
	if err := d.Reappear(r.action, d.medium); err != nil {
		return aborted()
	}
	u := &unitErase{run: d.unwritable(d.erasure(r.action, sectors, takes, d.cfg.ErasedAs))}
	u.cut, u.cancel = context.WithCancel(context.Background())
	u.run.Start(d.Clock.Now())
	d.unit = u
	return answer{unit: u}
}

// erasure of the first sectors, as the action bends it.
func (d *Drive) erasure(a sim.Action, sectors uint64, takes time.Duration, p sim.Pattern) *sim.Erasure {
	n := int64(sectors) * int64(d.cfg.LogicalBlock)
	e := &sim.Erasure{Medium: d.medium, Ranges: []sim.Range{{Off: 0, Len: n}}, Pattern: p, Takes: takes,
		Keep: a.Keep, StickAt: a.StickAt, FailAt: a.FailAt}
	if a.KeepAll || a.Pretend {
		e.Keep = []sim.Range{{Off: 0, Len: d.medium.Size()}}
	}
	return e
}

// await is the answer at an erase's end.
func (d *Drive) await(ctx context.Context, u *unitErase) (answer, error) {
	if err := d.wait(ctx, u); err != nil {
		return answer{}, err
	}
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if !u.good {
		return aborted(), nil
	}
	return ok(), nil
}

// wait for an erase's end. A host that gives up ends nothing.
func (d *Drive) wait(ctx context.Context, u *unitErase) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(u.cut, stop)() // over, or without power
	for {
		d.Mu.Lock()
		now := d.Clock.Now()
		d.advance()
		over, end, gone := u.over, now.Add(u.left()), d.unit != u
		d.Mu.Unlock()
		switch {
		case over:
			return nil
		case gone:
			return sim.ErrGone
		}
		if err := d.SleepUntil(ctx, end); err != nil && u.cut.Err() == nil {
			return err
		}
	}
}

// advanceUnit: the end of an erase takes the user's password away.
func (d *Drive) advanceUnit(now time.Time) {
	u := d.unit
	if u == nil {
		return
	}
	err := u.run.Advance(now)
	if err == nil && !u.run.Ended() {
		return
	}
	u.over, u.good = true, !u.run.Failed()
	u.cancel()
	d.unit = nil
	if u.good {
		d.security.disable()
		d.fresh(u.run)
	}
}

// fresh: what an erasure wrote over can be read again, and reads as that.
func (d *Drive) fresh(e *sim.Erasure) {
	if len(e.Keep) == 0 {
		n := uint64(e.Ranges[0].Len) / uint64(d.cfg.LogicalBlock)
		d.heal(0, n)
		d.trimmed = d.trimmed.Remove(0, n)
	}
}

// unwritable is what an erasure that writes can't reach: it stays, and the erasure
// has failed at its end, where the script says nothing else.
func (d *Drive) unwritable(e *sim.Erasure) *sim.Erasure {
	l := int64(d.cfg.LogicalBlock)
	for at, dead := range d.bad {
		if off := int64(at) * l; dead && off < e.Ranges[0].Len {
			e.Keep = append(e.Keep, sim.Range{Off: off, Len: l})
			pick(&e.FailAt, 1)
		}
	}
	return e
}

// cutUnit: the power goes. What was erased is erased; the password stays.
func (d *Drive) cutUnit() {
	if u := d.unit; u != nil {
		u.cancel()
		d.unit = nil
	}
}
