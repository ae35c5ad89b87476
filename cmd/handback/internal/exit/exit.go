// Package exit is the one table of exit codes and of verdict words. Commands
// fill in a Summary and ask; none of them counts for itself. Bench tests,
// grade, validation and HOLD are no part of a Summary: they never change a code.
package exit

import "handback.example/wipe"

// Codes that scripts rely on.
const (
	// OK: every medium is sanitised at or above the level wanted, and the TPM is
	// cleared or not there. For plan: every drive has a way.
	OK = 0
	// Bad: a medium failed, was interrupted, is unverified or below the level, or
	// the TPM is not cleared.
	Bad = 1
	// Usage: the command was used wrongly.
	Usage = 2
	// NotDone: none is bad, but a drive was refused, unhandled or not found, a TPM
	// clear is pending, or the command could not be done.
	NotDone = 3
	// Stopped by the user before anything was destroyed.
	Stopped = 130
)

// TPM is what became of the TPM. The zero TPM is unknown, which is no success.
type TPM uint8

const (
	TPMUnknown TPM = iota
	TPMCleared
	TPMNotPresent
	TPMPending
	TPMNotCleared
	// TPMNotAsked: the command (wipe) does not deal with the TPM.
	TPMNotAsked
)

// Medium is one drive's end.
type Medium struct {
	Verdict wipe.Verdict
	Level   wipe.Level // reached
	Want    wipe.Level
}

// Summary of one command. Its zero value is no success: there is no medium.
type Summary struct {
	Media []Medium
	// Unhandled counts drives and controllers that nobody could reach or find.
	Unhandled int
	TPM       TPM
	// Stopped: the user stopped it.
	Stopped bool
	// NotDone: something that the command owes could not be done (a record or a
	// paper could not be written).
	NotDone bool
}

// Verdict words of wipe and visit.
const (
	WordSanitised   = "sanitised"
	WordFailed      = "failed"
	WordInterrupted = "interrupted"
	WordUnverified  = "unverified"
	WordBelowLevel  = "below-level"
	WordRefused     = "refused"
	WordNoMedia     = "no-media"
)

// Code is the exit code of a wipe or a visit.
func (s Summary) Code() int {
	switch s.Verdict() {
	case WordFailed, WordUnverified, WordBelowLevel:
		return Bad
	case WordInterrupted:
		if s.untouched() {
			return Stopped
		}
		return Bad
	}
	if s.TPM == TPMNotCleared {
		return Bad
	}
	tpmDone := s.TPM == TPMCleared || s.TPM == TPMNotPresent || s.TPM == TPMNotAsked
	if s.Verdict() == WordSanitised && tpmDone && !s.NotDone {
		return OK
	}
	return NotDone
}

// Verdict is one word for all media: the worst that happened to any of them. The
// TPM never changes it.
func (s Summary) Verdict() string {
	words := map[string]bool{}
	for _, m := range s.Media {
		words[m.word()] = true
	}
	for _, w := range []string{WordFailed, WordInterrupted, WordUnverified, WordBelowLevel} {
		if words[w] {
			return w
		}
	}
	switch {
	case s.Stopped && s.untouched():
		return WordInterrupted
	case words[WordRefused]:
		return WordRefused
	case len(s.Media) == 0:
		return WordNoMedia
	case s.Unhandled > 0:
		return WordRefused
	}
	return WordSanitised
}

// untouched: nothing destructive was sent to any medium.
func (s Summary) untouched() bool {
	for _, m := range s.Media {
		if m.Verdict != wipe.Refused {
			return false
		}
	}
	return true
}

// word of one medium. A verdict that is not one of the five is taken for failed.
func (m Medium) word() string {
	switch m.Verdict {
	case wipe.Sanitised:
		// A level that was never set is no level: it is below every wanted one.
		if m.Level == wipe.LevelNone || m.Level < m.Want {
			return WordBelowLevel
		}
		return WordSanitised
	case wipe.Interrupted:
		return WordInterrupted
	case wipe.Unverified:
		return WordUnverified
	case wipe.Refused:
		return WordRefused
	}
	return WordFailed
}

// Plan is the exit code of a plan: ready where every drive has a way.
func Plan(ready bool) int {
	if ready {
		return OK
	}
	return NotDone
}
