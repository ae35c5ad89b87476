package ata

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive/sim"
)

// SANITIZE DEVICE features (ACS-4), and the keys in their LBA.
const (
	sanitizeStatus     = 0x0000
	sanitizeCrypto     = 0x0011
	sanitizeBlock      = 0x0012
	sanitizeOverwrite  = 0x0014
	sanitizeFreeze     = 0x0020
	sanitizeAntiFreeze = 0x0040

	keyCrypto     = 0x43727970 // 'Cryp'
	keyBlock      = 0x426b4572 // 'BkEr'
	keyOverwrite  = 0x4f57     // 'OW' in LBA 47:32; the pattern below
	keyFreeze     = 0x46724c6b // 'FrLk'
	keyAntiFreeze = 0x416e7469 // 'Anti'
)

// Count register of a sanitize command, and of its answer.
const (
	countClearFailed = 1 << 0 // SANITIZE STATUS EXT: CLEAR SANITIZE OPERATION FAILED
	countFailureMode = 1 << 4 // the failed state may be left without a success
	countDefinite    = 1 << 6 // DEFINITIVE ENDING PATTERN
	countInvert      = 1 << 7 // INVERT PATTERN between passes

	countDone       = 1 << 15 // completed without error
	countInProgress = 1 << 14
	countFrozen     = 1 << 13
	countAntiFreeze = 1 << 12
)

// Reasons in LBA 7:0 of an aborted sanitize command.
const (
	reasonNone        = 0x00
	reasonFailed      = 0x01
	reasonUnsupported = 0x02
	reasonFrozen      = 0x03
	reasonAntiFreeze  = 0x04
)

// sanitizeState is the 'Sanitize Device state machine' of ACS-4.
type sanitizeState int

const (
	sdIdle sanitizeState = iota
	sdFrozen
	sdInProgress
	sdFailed
	sdSucceeded
)

// sanitize is what survives a power cut, but for frozen and antifreeze. The power
// takes SD4 to SD0; what is told, that the last operation completed, stays.
type sanitize struct {
	state      sanitizeState
	run        *sim.Erasure
	exit       bool // FAILURE MODE of the command that runs or failed
	unlocks    bool // it was let through on a locked drive: its success disables security
	done       bool // the last one completed without error
	antiFreeze bool
	keys       int // crypto scrambles so far
}

func (s *sanitize) busy() bool { return s.state == sdInProgress || s.state == sdFailed }

func (s *sanitize) freeze() {
	if s.state == sdIdle || s.state == sdSucceeded {
		s.state = sdFrozen
	}
}

// advance says that an operation has just ended well.
func (s *sanitize) advance(now time.Time) bool {
	if s.state != sdInProgress {
		return false
	}
	if err := s.run.Advance(now); err == nil && !s.run.Ended() {
		return false
	}
	if s.run.Failed() {
		s.state = sdFailed
		return false
	}
	s.state, s.done = sdSucceeded, true
	return true
}

func (s *sanitize) stop(now time.Time) {
	if s.state == sdInProgress {
		s.run.Stop(now)
	}
}

// powerOn: an operation goes on, a freeze is over.
func (s *sanitize) powerOn(now time.Time, freeze bool) {
	s.antiFreeze = false
	switch s.state {
	case sdInProgress:
		s.run.Start(now)
	case sdFrozen:
		s.state = sdIdle
		if s.done {
			s.state = sdSucceeded
		}
	}
	if freeze {
		s.freeze()
	}
}

// sanitized: the end of a sanitize operation that went well.
func (d *Drive) sanitized() {
	d.fresh(d.sanitize.run)
	if d.sanitize.unlocks {
		d.security.disable()
	}
}

// allowedSanitizing is the short list of commands that run in SD2 and SD3 (ACS-4,
// 'Sanitize Device feature set').
func (d *Drive) allowedSanitizing(r *request) bool {
	switch r.Command {
	case cmdIdentify, cmdSanitize, cmdSecurityUnlock, cmdRequestSenseData:
		return true
	case cmdIdleImmediate:
		return r.Features&0xff == 0x44 // with UNLOAD
	case cmdReadLog, cmdReadLogDMA:
		log := byte(r.LBA)
		return log == 0x10 || log == logIdentify || log == 0xe0
	case cmdSMART:
		return r.Features&0xff == smartReturnStatus
	case cmdSetFeatures:
		return r.Features&0xff == 0x07 // spin up
	}
	return false
}

// sanitizeWhileLocked: only to ask, or where the drive says that a restricted
// sanitize overrides security, and only without FAILURE MODE.
func (d *Drive) sanitizeWhileLocked(r *request) bool {
	switch r.Features {
	case sanitizeStatus:
		return true
	case sanitizeCrypto, sanitizeBlock, sanitizeOverwrite:
		return d.has(FeatureOverridesSecurity) && r.Count&countFailureMode == 0
	}
	return false
}

func refusedSanitize(reason uint64) answer { return failed(errorAbort, reason) }

func (d *Drive) sanitizeDevice(r *request) answer {
	s := &d.sanitize
	if !d.has(FeatureSanitize) {
		return aborted()
	}
	switch r.Features {
	case sanitizeStatus:
		return d.sanitizeStatus(r)
	case sanitizeFreeze:
		switch {
		case r.LBA != keyFreeze || s.busy():
			return refusedSanitize(reasonNone)
		case s.antiFreeze:
			return refusedSanitize(reasonAntiFreeze)
		case !r.action.Pretend:
			s.freeze()
		}
		return d.sanitizeAnswer()
	case sanitizeAntiFreeze:
		switch {
		case !d.has(FeatureAntiFreeze):
			return refusedSanitize(reasonUnsupported)
		case s.state == sdFrozen:
			return refusedSanitize(reasonFrozen)
		case r.LBA != keyAntiFreeze:
			return refusedSanitize(reasonNone)
		}
		s.antiFreeze = true
		return d.sanitizeAnswer()
	}
	return d.startSanitize(r)
}

// sanitizeStatus is SANITIZE STATUS EXT: valid in every state. In SD3 it fails, and
// leaves that state only where the operation was started with FAILURE MODE.
func (d *Drive) sanitizeStatus(r *request) answer {
	s := &d.sanitize
	if s.state != sdFailed {
		return d.sanitizeAnswer()
	}
	if r.Count&countClearFailed == 0 || !s.exit {
		return refusedSanitize(reasonFailed)
	}
	s.state, s.run, s.unlocks = sdIdle, nil, false
	return d.sanitizeAnswer()
}

// sanitizeAnswer are the normal outputs (ACS-4 table 'Sanitize Device normal
// output'): state in the count, progress of 65536 in LBA 15:0.
func (d *Drive) sanitizeAnswer() answer {
	s, a := &d.sanitize, ok()
	a.regs.LBA = 0xffff
	switch s.state {
	case sdInProgress:
		a.regs.Count |= countInProgress
		a.regs.LBA = min(0xfffe, uint64(s.run.Progress()*65536))
	case sdFrozen:
		a.regs.Count |= countFrozen
	}
	if s.state != sdInProgress && (s.done || d.cfg.Sanitize.ClaimsDone) {
		a.regs.Count |= countDone
	}
	if s.antiFreeze {
		a.regs.Count |= countAntiFreeze
	}
	return a
}

// startSanitize begins an operation: over every sector that the drive has, whatever
// HPA, DCO or AMA hide. Wrong keys and what is not supported start nothing, nor does
// anything where the Trusted Computing subsystem keeps writes out.
func (d *Drive) startSanitize(r *request) answer {
	s := &d.sanitize
	run, reason := d.sanitizeRun(r)
	_, shut := d.tcgLocked()
	switch {
	case shut:
		return refusedSanitize(reasonNone)
	case run == nil:
		return refusedSanitize(reason)
	case s.state == sdFrozen:
		return refusedSanitize(reasonFrozen)
	case s.state == sdInProgress:
		return refusedSanitize(reasonNone)
	case s.state == sdFailed && !s.exit && r.Count&countFailureMode != 0:
		return refusedSanitize(reasonFailed) // restricted stays restricted
	}
	if err := d.Reappear(r.action, d.medium); err != nil {
		return refusedSanitize(reasonNone)
	}
	now := d.Clock.Now()
	s.state, s.run, s.done = sdInProgress, run, false
	s.exit, s.unlocks = r.Count&countFailureMode != 0, d.security.locked
	run.Start(now)
	a := d.sanitizeAnswer()
	d.advance()
	return a
}

// sanitizeRun is the erasure that a command asks for, or why it gets none.
func (d *Drive) sanitizeRun(r *request) (*sim.Erasure, uint64) {
	c := d.cfg.Sanitize
	switch r.Features {
	case sanitizeCrypto:
		if !d.has(FeatureSanitizeCrypto) {
			return nil, reasonUnsupported
		}
		if r.LBA != keyCrypto {
			return nil, reasonNone
		}
		return d.erasure(r.action, d.all, c.CryptoTime, d.newKey()), 0
	case sanitizeBlock:
		if !d.has(FeatureSanitizeBlock) {
			return nil, reasonUnsupported
		}
		if r.LBA != keyBlock {
			return nil, reasonNone
		}
		return d.unwritable(d.erasure(r.action, d.all, c.BlockTime, d.cfg.ErasedAs)), 0
	case sanitizeOverwrite:
		if !d.has(FeatureSanitizeOverwrite) {
			return nil, reasonUnsupported
		}
		if r.LBA>>32 != keyOverwrite {
			return nil, reasonNone
		}
		return d.overwrite(r), 0
	}
	return nil, reasonUnsupported
}

// newKey is what a drive reads as after its key was changed.
func (d *Drive) newKey() sim.Pattern {
	if d.cfg.CryptoErasedAs != nil {
		return *d.cfg.CryptoErasedAs
	}
	d.sanitize.keys++
	return sim.Noise(fmt.Sprintf("%s key %d", d.cfg.Serial, d.sanitize.keys))
}

// overwrite runs count 3:0 times over all (0: 16 times). Its passes all write what
// the last one does: the pattern, inverted where INVERT PATTERN asks for that.
func (d *Drive) overwrite(r *request) *sim.Erasure {
	passes := int(r.Count & 0xf)
	if passes == 0 {
		passes = 16
	}
	var p [4]byte
	binary.LittleEndian.PutUint32(p[:], uint32(r.LBA))
	if r.Count&countInvert != 0 && r.Count&countDefinite == 0 && passes%2 == 0 {
		for i := range p {
			p[i] = ^p[i]
		}
	}
	e := d.unwritable(d.erasure(r.action, d.all, d.cfg.Sanitize.OverwriteTime*time.Duration(passes), sim.Repeat(p[:])))
	one := e.Ranges[0]
	for range passes - 1 {
		e.Ranges = append(e.Ranges, one)
	}
	return e
}

// Sanitizing tells a layer above whether an operation runs (and how far it is, of
// 65536) or has failed. No command is counted.
func (d *Drive) Sanitizing() (running, failed bool, progress uint16) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	switch d.sanitize.state {
	case sdInProgress:
		return true, false, uint16(min(0xfffe, uint64(d.sanitize.run.Progress()*65536)))
	case sdFailed:
		return false, true, 0
	}
	return false, false, 0
}
