package nvme

import (
	"fmt"
	"time"

	"handback.example/inspect/drive/sim"
)

// Sanitize Action (Base 2.0, figure 336; 5 is of Base 2.1).
const (
	actExitFailure      = 1
	actBlock            = 2
	actOverwrite        = 3
	actCrypto           = 4
	actExitVerification = 5
)

// Bits of Sanitize's Command Dword 10.
const (
	cdwAUSE  = 1 << 3
	cdwOIPBP = 1 << 8
	cdwNDAS  = 1 << 9
	cdwEMVS  = 1 << 10
)

// Status of the most recent sanitize, SSTAT 2:0 (Base 2.0, figure 268).
const (
	sanitizeNever       = 0
	sanitizeDone        = 1
	sanitizeRunning     = 2
	sanitizeBroken      = 3
	sanitizeDeallocated = 4
)

// State of the sanitize operation state machine (Base 2.1, clause 8.1.24.3; Base
// 2.0 has the same states without names).
type sanitizeState byte

const (
	stateIdle sanitizeState = iota
	stateRestricted
	stateRestrictedFailure
	stateUnrestricted
	stateUnrestrictedFailure
	stateVerification
)

// sanitation is where the drive is with its sanitize.
type sanitation struct {
	state    sanitizeState
	failed   sanitizeState // the state in which it failed
	status   uint16        // SSTAT 2:0
	cdw10    uint32        // of the command that started it
	passes   int           // of overwriting, completed
	written  bool          // user data were written since the last good sanitize, or ever
	canceled bool          // media verification was cut off by a reset
	run      *run
}

// past is what the drive has behind it.
func (d *Drive) past(p Past) {
	s := &d.sanitize
	s.cdw10, s.written = p.CDW10, !p.Pristine
	ause := p.CDW10&cdwAUSE != 0
	switch p.State {
	case "completed":
		s.status, s.passes = sanitizeDone, overwritePasses(p.CDW10)
	case "deallocated":
		s.status, s.passes = sanitizeDeallocated, overwritePasses(p.CDW10)
	case "failed":
		s.status, s.state, s.failed = sanitizeBroken, stateRestrictedFailure, stateRestricted
		if ause {
			s.state, s.failed = stateUnrestrictedFailure, stateUnrestricted
		}
	case "running":
		d.beginSanitize(p.CDW10, p.CDW11, sim.Action{})
		done := float64(s.run.left()) * p.Progress
		s.run.start(d.Clock.Now().Add(-time.Duration(done)))
	}
}

// overwritePasses of a command: 0 stands for 16, other actions have none.
func overwritePasses(cdw10 uint32) int {
	if cdw10&7 != actOverwrite {
		return 0
	}
	if n := int(cdw10 >> 4 & 15); n != 0 {
		return n
	}
	return 16
}

// startSanitize runs the Sanitize command (Base 2.0, clause 5.24).
func (d *Drive) startSanitize(c *command) reply {
	if !d.sanitizes() {
		return refuse(invalidOpcode)
	}
	s, dw := &d.sanitize, c.dw(10)
	action := dw & 7
	switch {
	case action == actExitVerification && s.state == stateVerification:
		d.endSanitize(sanitizeDone)
		return reply{}
	case s.state == stateVerification:
		return refuse(invalidField)
	case s.run != nil:
		return refuse(sanitizeInProgress)
	case action == actExitFailure:
		return d.exitFailure()
	case !d.starts(dw):
		return refuse(invalidField)
	case s.state == stateRestrictedFailure && dw&cdwAUSE != 0:
		return refuse(sanitizeFailed)
	}
	if st := eraseForbidden(c, d.namespaces); st != success {
		return refuse(st)
	}
	for _, m := range d.userMedia() {
		if err := d.Reappear(c.fault, m); err != nil {
			return refuse(internalError)
		}
	}
	d.beginSanitize(dw, c.dw(11), c.fault)
	d.advance() // one that takes no time has ended
	return reply{}
}

// sanitizes: the command is supported.
func (d *Drive) sanitizes() bool {
	s := d.cfg.Sanitize
	return s.Crypto || s.Block || s.Overwrite
}

// starts: the command's action and options are ones that the drive has.
func (d *Drive) starts(dw uint32) bool {
	s := d.cfg.Sanitize
	switch dw & 7 {
	case actBlock:
		if !s.Block {
			return false
		}
	case actOverwrite:
		if !s.Overwrite {
			return false
		}
	case actCrypto:
		if !s.Crypto {
			return false
		}
	default:
		return false
	}
	if dw&cdwEMVS != 0 && !s.Verify {
		return false
	}
	// No-Deallocate Response Mode of feature 17h says whether the wish is an error
	// or is passed over (Base 2.0, clause 5.27.1.19).
	return dw&cdwNDAS == 0 || !s.NDI || d.features.values[featSanitize]&1 != 0
}

// exitFailure recovers from a failure that was unrestricted.
func (d *Drive) exitFailure() reply {
	s := &d.sanitize
	if s.state == stateRestrictedFailure || s.state == stateUnrestrictedFailure && d.cfg.Sanitize.NoExit {
		return refuse(sanitizeFailed)
	}
	s.state, s.failed = stateIdle, stateIdle // the status stays: it failed
	return reply{}
}

// eraseForbidden: write protection and a locked TCG stand in the way.
func eraseForbidden(c *command, of []*namespace) status {
	for _, n := range of {
		if n.protect != protectNone {
			return writeProtected
		}
	}
	if c.writeLocked {
		return operationDenied
	}
	return success
}

// beginSanitize starts the operation; nothing ends it but itself.
func (d *Drive) beginSanitize(cdw10, cdw11 uint32, a sim.Action) {
	s := &d.sanitize
	s.status, s.cdw10, s.passes = sanitizeRunning, cdw10, 0
	s.canceled, s.failed, s.state = false, stateIdle, stateRestricted
	if cdw10&cdwAUSE != 0 {
		s.state = stateUnrestricted
	}
	delete(d.told, logSanitize)
	d.abortSelfTest(testSanitized, nil)
	d.cutFormats(d.Clock.Now(), nil)
	for _, n := range d.namespaces {
		n.holes, n.bad = nil, nil
	}
	pattern, passes, takes := d.method(cdw10, cdw11)
	s.run = newRun(d.userMedia(), passes, pattern, takes, a)
	s.run.start(d.Clock.Now())
}

// method of a sanitize: what is laid down in how many passes, each of which takes
// how long.
func (d *Drive) method(cdw10, cdw11 uint32) (pattern func(pass, medium int) sim.Pattern, passes int, takes time.Duration) {
	s := d.cfg.Sanitize
	passes = 1
	switch cdw10 & 7 {
	case actOverwrite:
		passes, takes = overwritePasses(cdw10), s.OverwriteTime
		pattern = func(pass, _ int) sim.Pattern {
			v := cdw11
			// The last pass lays down the pattern itself (Base 2.0, figure 454).
			if cdw10&cdwOIPBP != 0 && (passes-1-pass)%2 == 1 {
				v = ^v
			}
			return sim.Repeat(le.AppendUint32(nil, v))
		}
	case actCrypto:
		pattern, takes = d.newKey(), s.CryptoTime
	default:
		pattern, takes = func(int, int) sim.Pattern { return d.erased() }, s.BlockTime
	}
	if s.NODMMAS == 2 && cdw10&cdwNDAS != 0 {
		takes += s.ModifyTime / time.Duration(passes)
	}
	return pattern, passes, takes
}

// newKey throws the media encryption key away: what was written under the old one
// reads as noise.
func (d *Drive) newKey() func(pass, medium int) sim.Pattern {
	d.keys++
	key := d.keys
	return func(_, medium int) sim.Pattern {
		if len(d.cfg.CryptoAs) > 0 {
			return sim.Repeat(d.cfg.CryptoAs)
		}
		return sim.Noise(fmt.Sprintf("%s, key %d, medium %d", d.cfg.Serial, key, medium))
	}
}

// Rekey changes the media encryption key from outside of NVMe: what a TPer does at a
// revert. It tells log 81h nothing.
func (d *Drive) Rekey() {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	media, pattern := d.userMedia(), d.newKey()
	r := newRun(media, 1, pattern, 0, sim.Action{})
	r.start(d.Clock.Now())
	r.advance(d.Clock.Now())
}

// advanceSanitize brings it up to the present, and to its end.
func (d *Drive) advanceSanitize(now time.Time) {
	s := &d.sanitize
	if s.run == nil {
		return
	}
	s.run.advance(now)
	if s.cdw10&7 == actOverwrite {
		s.passes = s.run.done()
	}
	if !s.run.ended() {
		return
	}
	failed := s.run.failed()
	s.run = nil
	switch {
	case failed:
		s.status, s.failed = sanitizeBroken, s.state
		s.state++ // each processing state is followed by its failure
		d.event(logSanitize, 0x00810106)
	case s.cdw10&cdwEMVS != 0 && !s.canceled:
		s.state, s.written = stateVerification, false
		d.event(logSanitize, 0x00810306)
	case s.cdw10&cdwNDAS != 0 && d.cfg.Sanitize.NDI:
		d.endSanitize(sanitizeDeallocated)
	default:
		d.endSanitize(sanitizeDone)
	}
}

// endSanitize is its good end.
func (d *Drive) endSanitize(st uint16) {
	s := &d.sanitize
	s.status, s.state, s.failed, s.written = st, stateIdle, stateIdle, false
	dword0 := uint32(0x00810106)
	if st == sanitizeDeallocated {
		dword0 = 0x00810206
	}
	d.event(logSanitize, dword0)
}

func (d *Drive) stopSanitize(now time.Time) {
	if d.sanitize.run != nil {
		d.sanitize.run.stop(now)
	}
}

func (d *Drive) resumeSanitize(now time.Time) {
	if d.sanitize.run != nil {
		d.sanitize.run.start(now)
	}
}

// cancelVerification: a reset ends the wait for a verification, or its hope.
func (d *Drive) cancelVerification() {
	s := &d.sanitize
	switch {
	case s.state == stateVerification:
		s.canceled = true
		d.endSanitize(sanitizeDone)
	case s.run != nil && s.cdw10&cdwEMVS != 0:
		s.canceled = true
	}
}

// sanitizeGate lets through what may run during a sanitize and after a failed one
// (Base 2.0, figure 139).
func (d *Drive) sanitizeGate(c *command) status {
	var s status
	switch d.sanitize.state {
	case stateIdle:
		return success
	case stateRestrictedFailure, stateUnrestrictedFailure:
		s = sanitizeFailed
	default:
		s = sanitizeInProgress
	}
	if c.io {
		reads := c.opcode() == opRead && d.sanitize.state == stateVerification
		if reads || c.opcode() == opFlush {
			return success
		}
		return s
	}
	switch c.opcode() {
	case opIdentify, opAbort, opSetFeatures, opGetFeatures, opAsyncEvent, opKeepAlive, opSanitize,
		opDeleteSubmission, opCreateSubmission, opDeleteCompletion, opCreateCompletion:
		return success
	case opGetLogPage:
		switch byte(c.dw(10)) {
		case logErrors, logSMART, logChanged, logReservation, logSanitize:
			return success
		}
	}
	return s
}

// sanitizeLog is log page 81h (Base 2.0, figure 268).
func (d *Drive) sanitizeLog() []byte {
	p := make([]byte, 512)
	s := &d.sanitize
	progress := uint16(0xffff)
	if s.run != nil {
		// The millionth keeps a fraction such as 655/65536 whole.
		progress = uint16(min(0xffff, s.run.progress()*65536+1e-6))
	}
	le.PutUint16(p, progress)
	st := s.status | uint16(s.passes)<<3
	if !s.written && s.run == nil {
		st |= 1 << 8 // Global Data Erased
	}
	if s.canceled {
		st |= 1 << 9
	}
	le.PutUint16(p[2:], st)
	le.PutUint32(p[4:], s.cdw10)
	for i, v := range d.estimates() {
		le.PutUint32(p[8+4*i:], v)
	}
	p[36] = byte(s.state) | byte(s.failed)<<4
	d.claim(p, inSanitizeLog)
	return p
}

// estimates in seconds: overwrite of 16 passes, block and crypto erase, the same
// without deallocation, and deallocation after a verification.
func (d *Drive) estimates() [7]uint32 {
	const none = 0xffffffff
	s := d.cfg.Sanitize
	e := [7]uint32{none, none, none, none, none, none, none}
	if s.NoEstimates {
		return e
	}
	for i, t := range []struct {
		has  bool
		time time.Duration
	}{{s.Overwrite, 16 * s.OverwriteTime}, {s.Block, s.BlockTime}, {s.Crypto, s.CryptoTime}} {
		if !t.has {
			continue
		}
		e[i] = uint32((t.time + time.Second - 1) / time.Second)
		if s.NODMMAS == 2 {
			e[i+3] = uint32((t.time + s.ModifyTime + time.Second - 1) / time.Second)
		}
	}
	return e
}
