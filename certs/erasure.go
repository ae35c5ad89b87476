package certs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Level of sanitisation (NIST SP 800-88 Rev. 2). The empty Level is none.
type Level string

// Levels, weakest first.
const (
	LevelNone  Level = "none"
	LevelClear Level = "clear"
	LevelPurge Level = "purge"
)

func (l Level) rank() int { return slices.Index([]Level{LevelNone, LevelClear, LevelPurge}, l) }

// AtLeast reports whether l is want or stronger. No level is at least none.
func (l Level) AtLeast(want Level) bool { return l.rank() > 0 && l.rank() >= want.rank() }

func (l Level) validate() error {
	if l != "" && l.rank() < 0 {
		return fmt.Errorf("level %q is unknown", l)
	}
	return nil
}

// Verdict of the engine on one drive, and of Summarise on a machine.
type Verdict string

// Verdicts. The words are those of the commands' contract.
const (
	Sanitised      Verdict = "sanitised"
	Failed         Verdict = "failed"
	Interrupted    Verdict = "interrupted"
	Unverified     Verdict = "unverified"
	RefusedVerdict Verdict = "refused"
	BelowLevel     Verdict = "below-level" // machines only
	NoMedia        Verdict = "no-media"    // machines only
)

// Evidence grades: what the verdict on a drive rests on.
const (
	EvidenceMeasured     = "measured"
	EvidenceSampled      = "sampled"
	EvidenceCanaries     = "device-claimed with canaries"
	EvidenceDeviceClaims = "device-claimed only"
)

// Started is on disk before the first destructive command to a drive.
type Started struct {
	Drive      DriveRef `json:"drive"`
	Technique  string   `json:"technique"`
	Then       string   `json:"then,omitempty"` // what erases after the technique has unlocked the drive
	Level      Level    `json:"level"`          // intended
	PlanDigest string   `json:"plan_digest"`
	Resumed    bool     `json:"resumed"` // an erasure that an earlier boot had begun
}

func (s *Started) validate() error { return s.Level.validate() }

// Finished is the end of one drive's erasure, whatever it is.
type Finished struct {
	Drive     DriveRef `json:"drive"`
	Verdict   Verdict  `json:"verdict"`
	Level     Level    `json:"level"` // none unless sanitised
	Technique string   `json:"technique"`
	Then      string   `json:"then,omitempty"` // what erased after the technique had unlocked the drive
	Standard  string   `json:"standard"`       // standard and clause of the level
	Evidence  string   `json:"evidence"`       // grade; empty unless sanitised
	NotShown  string   `json:"not_shown"`
	What      string   `json:"what"` // one sentence
	Do        string   `json:"do"`
	Code      string   `json:"code,omitempty"` // of a verdict that is not sanitised, stable

	// Restored is what became of a capacity that the drive hid; Resumed how an erasure
	// was gone on with that an earlier start had begun; Attempts are the techniques that
	// were tried besides, and did not do it.
	Restored string    `json:"restored,omitempty"`
	Resumed  string    `json:"resumed,omitempty"`
	Attempts []Attempt `json:"attempts,omitempty"`

	Commands     []Command    `json:"commands"`
	Verification Verification `json:"verification"`
	BadRanges    []Range      `json:"bad_ranges"`
	BytesWritten int64        `json:"bytes_written"`
	StartedAt    string       `json:"started_at"` // RFC 3339, UTC
	FinishedAt   string       `json:"finished_at"`
	ElapsedNS    int64        `json:"elapsed_ns"` // monotonic
	Before       State        `json:"before"`
	After        State        `json:"after"`
}

// Attempt is a technique that was tried on a drive and did not do it.
type Attempt struct {
	Technique string    `json:"technique"`
	Verdict   Verdict   `json:"verdict"`
	What      string    `json:"what"`
	Commands  []Command `json:"commands"`
}

// State of a drive as it answered before and after. The zero State is none: the
// drive did not answer.
type State struct {
	Model         string `json:"model"`
	Serial        string `json:"serial"`
	Firmware      string `json:"firmware"`
	WWN           string `json:"wwn"`
	Namespace     int64  `json:"namespace"`
	SizeBytes     int64  `json:"size_bytes"`
	LogicalBlock  int    `json:"logical_block"`
	PhysicalBlock int    `json:"physical_block"`
	NativeBytes   int64  `json:"native_bytes"` // native maximum, 0: unknown
	Remapped      int64  `json:"remapped"`     // blocks that the drive has replaced by spare ones, -1: unknown
	Pending       int64  `json:"pending"`      // blocks that the drive could not read and has not replaced, -1: unknown
}

// Answered reports whether the drive said who it is.
func (s State) Answered() bool {
	return s.Model != "" || s.Serial != "" || s.WWN != "" || s.SizeBytes != 0
}

func (s State) validate() error {
	if s.NativeBytes < 0 || s.Remapped < -1 || s.Pending < -1 {
		return errors.New("a drive's state counts less than nothing")
	}
	return nil
}

// Command is one destructive command as sent and as answered.
type Command struct {
	Operation  string `json:"operation"`
	Frame      string `json:"frame"`  // hex
	Status     string `json:"status"` // hex of the final status and sense
	Error      string `json:"error"`
	DurationNS int64  `json:"duration_ns"`
}

// Results of a verification.
const (
	Passed    = "passed"
	NotPassed = "failed"
	NotDone   = "not done"
)

// Verification of one drive. Blocks are logical blocks.
type Verification struct {
	Method    string `json:"method"` // 'full read-back'
	BytesRead int64  `json:"bytes_read"`
	Compared  int64  `json:"blocks_compared"`
	Counted   int64  `json:"blocks_counted"` // pre-sampled blocks that said something before
	// Canaries are blocks, of those counted, that were written to be looked for.
	Canaries   int64  `json:"canaries,omitempty"`
	Survivors  int64  `json:"survivors"`
	Unreadable int64  `json:"unreadable"`
	Seed       string `json:"seed"`
	Result     string `json:"result"` // Passed, NotPassed, NotDone
	// Extent is the length in bytes from which a contiguous residue is met for certain.
	// Fraction of the whole, as scattered residue, is found with Confidence: both are
	// decimal numbers.
	Extent     int64  `json:"extent,omitempty"`
	Fraction   string `json:"fraction,omitempty"`
	Confidence string `json:"confidence,omitempty"`
}

// partForm of Fraction and Confidence.
var partForm = regexp.MustCompile(`^([01](\.[0-9]+)?)?$`)

func (v Verification) validate() error {
	for _, p := range []string{v.Fraction, v.Confidence} {
		if len(p) > 64 || !partForm.MatchString(p) {
			return fmt.Errorf("%q is no part of a whole", p)
		}
	}
	return oneOf("verification result", v.Result, "", Passed, NotPassed, NotDone)
}

// Range of logical blocks.
type Range struct {
	First int64  `json:"first"`
	Count int64  `json:"count"`
	What  string `json:"what"`
}

func (f *Finished) validate() error {
	if !slices.Contains([]Verdict{Sanitised, Failed, Interrupted, Unverified, RefusedVerdict}, f.Verdict) {
		return fmt.Errorf("verdict %q is unknown", f.Verdict)
	}
	if err := oneOf("evidence", f.Evidence, "", EvidenceMeasured, EvidenceSampled, EvidenceCanaries, EvidenceDeviceClaims); err != nil {
		return err
	}
	for _, a := range f.Attempts {
		if !slices.Contains([]Verdict{Failed, Interrupted, Unverified, RefusedVerdict}, a.Verdict) {
			return fmt.Errorf("verdict %q of an attempt is unknown", a.Verdict)
		}
	}
	if err := f.Verification.validate(); err != nil {
		return err
	}
	if err := errors.Join(f.Before.validate(), f.After.validate()); err != nil {
		return err
	}
	return f.Level.validate()
}

// Contradiction says why a 'sanitised' can't stand beside the rest of its own
// record; empty where it can, and for every other verdict. Summarise counts such
// a drive as unverified: the rule is here so that no paper can print a success
// that its own figures deny.
func (f *Finished) Contradiction() string {
	v := f.Verification
	if f.Verdict != Sanitised {
		return ""
	}
	switch {
	case !f.Level.AtLeast(LevelClear):
		return "sanitised without a level"
	case v.Survivors != 0:
		return fmt.Sprintf("sanitised, yet %d blocks survived", v.Survivors)
	case v.Unreadable != 0:
		return fmt.Sprintf("sanitised, yet %d blocks could not be read back", v.Unreadable)
	case len(f.BadRanges) != 0:
		return fmt.Sprintf("sanitised, yet %d bad ranges are listed", len(f.BadRanges))
	case min(v.BytesRead, v.Compared, v.Counted, v.Canaries, f.BytesWritten) < 0:
		return "sanitised, yet its own figures are below zero"
	case f.Before.Serial != "" && f.Drive.Serial != "" && f.Before.Serial != f.Drive.Serial:
		return fmt.Sprintf("sanitised, yet a drive with serial %s answered before it", f.Before.Serial)
	case f.After.Serial != "" && f.Drive.Serial != "" && f.After.Serial != f.Drive.Serial:
		return fmt.Sprintf("sanitised, yet a drive with serial %s answered after it", f.After.Serial)
	case f.Evidence == EvidenceDeviceClaims && v.Result != NotPassed:
		return ""
	case v.Result != Passed:
		return "sanitised, yet the verification did not pass"
	case f.Evidence == EvidenceMeasured && v.BytesRead < f.Drive.SizeBytes:
		return fmt.Sprintf("sanitised, yet only %d of its %d bytes were read back", v.BytesRead, f.Drive.SizeBytes)
	case f.Evidence == EvidenceCanaries && v.Counted <= 0:
		return "sanitised, yet no block was known that could have been looked for"
	case f.Evidence == EvidenceSampled && f.Level.AtLeast(LevelPurge):
		return "sampled evidence carries Clear at most"
	case !slices.Contains([]string{EvidenceMeasured, EvidenceSampled, EvidenceCanaries}, f.Evidence):
		return "sanitised without an evidence grade"
	}
	return ""
}

// Refused says that nothing destructive was sent to a drive. A refusal of the
// whole machine names no drive.
type Refused struct {
	Drive  DriveRef `json:"drive"`
	Code   string   `json:"code"`
	Reason string   `json:"reason"`
	Do     string   `json:"do"`
}
