package ata

import (
	"errors"
	"fmt"
)

// Sanitize is what SANITIZE STATUS EXT and every accepted command of SANITIZE DEVICE
// answer (ACS-4 clause 7.36, 'normal outputs'). Its zero value is a drive that never
// completed a sanitize and runs none.
type Sanitize struct {
	// Done: the last sanitize ended without error. It says nothing of when: drives
	// have been met that say so though they never ran one.
	Done       bool
	Running    bool
	Frozen     bool
	AntiFreeze bool
	Fraction   float64 // of the one that runs, 0 to 1
}

// High byte of the count register, ACS-4 table 'SANITIZE DEVICE normal output'.
const (
	sanitizeDone       = 1 << 15
	sanitizeRunning    = 1 << 14
	sanitizeFrozen     = 1 << 13
	sanitizeAntiFreeze = 1 << 12
)

// SanitizeReason is why a command of SANITIZE DEVICE was aborted: LBA 7:0 (ACS-4
// table 'Sanitize Device error reason').
type SanitizeReason byte

// Reasons.
const (
	SanitizeReasonNone        SanitizeReason = 0
	SanitizeReasonFailed      SanitizeReason = 1 // the last one failed; only another sanitize leaves that state
	SanitizeReasonUnsupported SanitizeReason = 2
	SanitizeReasonFrozen      SanitizeReason = 3
	SanitizeReasonAntiFreeze  SanitizeReason = 4
)

func (r SanitizeReason) String() string {
	switch r {
	case SanitizeReasonNone:
		return "the drive gives no reason"
	case SanitizeReasonFailed:
		return "its last sanitize failed"
	case SanitizeReasonUnsupported:
		return "the drive does not support it"
	case SanitizeReasonFrozen:
		return "sanitizing is frozen"
	case SanitizeReasonAntiFreeze:
		return "freezing it is locked out"
	}
	return fmt.Sprintf("reason %02xh", byte(r))
}

// SanitizeError is a command of SANITIZE DEVICE that the drive itself aborted.
type SanitizeError struct{ Reason SanitizeReason }

func (e *SanitizeError) Error() string { return "the drive refused: " + e.Reason.String() }

// ErrCut: the host adapter dropped the high bytes of the registers, and with them
// the state of a sanitize.
var ErrCut = errors.New("the host adapter gives only a part of the registers")

// ParseSanitize reads the answer to a command of SANITIZE DEVICE, good or aborted,
// from its sense data. A *SanitizeError is the drive's refusal; any other error means
// that the state is not known.
func ParseSanitize(sense []byte) (Sanitize, error) {
	r, err := ParseRegisters(sense)
	switch {
	case err != nil:
		return Sanitize{}, err
	case r.Status&statusErr != 0 && r.Error&errorAbort != 0:
		return Sanitize{}, &SanitizeError{Reason: SanitizeReason(r.LBA)}
	case r.Failed():
		return Sanitize{}, fmt.Errorf("the drive failed: status %02xh, error %02xh", r.Status, r.Error)
	case !r.whole():
		return Sanitize{}, ErrCut
	}
	s := Sanitize{Done: r.Count&sanitizeDone != 0, Running: r.Count&sanitizeRunning != 0,
		Frozen: r.Count&sanitizeFrozen != 0, AntiFreeze: r.Count&sanitizeAntiFreeze != 0}
	if s.Running {
		s.Fraction = float64(r.LBA&0xffff) / 65536
	}
	return s, nil
}
