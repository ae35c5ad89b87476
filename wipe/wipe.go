// Package wipe holds the words of erasure: level, technique, plan, outcome.
// The packages below it are the only code of Handback that destroys: plan
// chooses (and is pure), technique erases, verify reads back, journal makes
// every step durable before it is taken, tpm clears the TPM.
//
// Terms follow NIST SP 800-88 Rev. 2 and IEEE 2883-2022. The zero value of
// every type here is never success.
package wipe

import (
	"fmt"
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// Level is a sanitization level of NIST SP 800-88 Rev. 2. They are ordered.
type Level uint8

const (
	LevelNone Level = iota
	LevelClear
	LevelPurge
)

// levelWords as commands print them.
var levelWords = [...]string{LevelNone: "none", LevelClear: "clear", LevelPurge: "purge"}

// MarshalText writes a level as a word; one that is none of ours is never read back.
func (l Level) MarshalText() ([]byte, error) {
	if int(l) >= len(levelWords) {
		return fmt.Appendf(nil, "unknown-%d", l), nil
	}
	return []byte(levelWords[l]), nil
}

// UnmarshalText reads one.
func (l *Level) UnmarshalText(b []byte) error {
	i := slices.Index(levelWords[:], string(b))
	if i < 0 {
		return fmt.Errorf("level %q is none of ours", b)
	}
	*l = Level(i)
	return nil
}

// TechniqueID names a technique, as the contract of the commands lists them.
type TechniqueID string

const (
	OverwriteZero   TechniqueID = "overwrite-zero"
	OverwriteOne    TechniqueID = "overwrite-one"
	OverwriteRandom TechniqueID = "overwrite-random"

	ATASanitizeBlock         TechniqueID = "ata-sanitize-block"
	ATASanitizeCrypto        TechniqueID = "ata-sanitize-crypto"
	ATASanitizeOverwrite     TechniqueID = "ata-sanitize-overwrite"
	ATASecurityErase         TechniqueID = "ata-security-erase"
	ATASecurityEraseEnhanced TechniqueID = "ata-security-erase-enhanced"

	NVMeSanitizeBlock     TechniqueID = "nvme-sanitize-block"
	NVMeSanitizeCrypto    TechniqueID = "nvme-sanitize-crypto"
	NVMeSanitizeOverwrite TechniqueID = "nvme-sanitize-overwrite"
	NVMeFormatUserData    TechniqueID = "nvme-format-user-data"
	NVMeFormatCrypto      TechniqueID = "nvme-format-crypto"

	SCSISanitizeBlock     TechniqueID = "scsi-sanitize-block"
	SCSISanitizeCrypto    TechniqueID = "scsi-sanitize-crypto"
	SCSISanitizeOverwrite TechniqueID = "scsi-sanitize-overwrite"
	SCSIFormatUnit        TechniqueID = "scsi-format-unit"

	MMCSanitize    TechniqueID = "mmc-sanitize"
	MMCSecureErase TechniqueID = "mmc-secure-erase"

	OpalRevert     TechniqueID = "opal-revert"
	OpalPSIDRevert TechniqueID = "opal-psid-revert"

	// Legacy profiles, for policies that name them: Clear, as one pass is.
	OverwriteIS5Baseline TechniqueID = "overwrite-is5-baseline"
	OverwriteIS5Enhanced TechniqueID = "overwrite-is5-enhanced"
	OverwriteRandom3     TechniqueID = "overwrite-random-3"
)

// VerifyMode says how an overwrite is read back. Firmware techniques have their
// own verification.
type VerifyMode string

const (
	VerifyFull   VerifyMode = "full"
	VerifySample VerifyMode = "sample"
)

// Plan is what would be done to a machine's drives. It is a pure function of
// facts and policy: the same facts give the same Plan and the same Digest.
type Plan struct {
	Schema string      `json:"schema"` // "handback.plan/1"
	Want   Level       `json:"want"`
	Drives []DrivePlan `json:"drives"`
	// Refusals of the machine as a whole: a hidden drive, a RAID mode.
	Refusals []Refusal `json:"refusals,omitempty"`
	// Removals of what a former owner left in the machine itself, after its drives.
	Removals []Removal `json:"removals,omitempty"`
}

// Removal of one thing that a former owner left in the machine itself, exactly as it
// was seen.
type Removal struct {
	Item string `json:"item"` // the residue that it is part of: 'boot entries of a former system'
	inspect.Leftover
}

// DrivePlan is the way of one drive. With a Refusal it has no steps.
type DrivePlan struct {
	Name     string         `json:"name"` // 'A', 'B', ...
	Path     string         `json:"path"` // '/dev/nvme0n1': a hint, never an identity
	Identity drive.Identity `json:"identity"`
	Geometry drive.Geometry `json:"geometry"`
	// Ladder is ranked, strongest first. Only the first step is run; going down
	// to another needs the policy's or the person's word.
	Ladder  []Step   `json:"ladder,omitempty"`
	Refusal *Refusal `json:"refusal,omitempty"`
	// BelowWanted is set where the best step is weaker than the level wanted and
	// policy says that it needs a person's word.
	BelowWanted bool     `json:"below_wanted,omitempty"`
	Warnings    []string `json:"warnings,omitempty"`
	// Restore is set where the drive shows less than it has: its capacity is
	// restored before it is erased.
	Restore *Restore `json:"restore,omitempty"`
	// Siblings are the other namespaces of this NVMe controller that a sanitize
	// erases too, in their order. Each of them is in the plan, and may be erased.
	Siblings []uint32 `json:"siblings,omitempty"`
	// Unattached is how many namespaces a sanitize erases that no drive shows.
	Unattached int `json:"unattached,omitempty"`
}

// Restore of a drive's whole capacity.
type Restore struct {
	From int64 `json:"from"` // bytes that it shows now
	To   int64 `json:"to"`   // bytes that it must show then; 0: as many as it has
	// Ways in their order: 'hpa', 'ama', 'dco'.
	Ways []string `json:"ways"`
}

// Step is one technique that this drive really offers.
type Step struct {
	Technique TechniqueID `json:"technique"`
	// Then is what erases after the technique has unlocked the drive, and what the
	// level is claimed for: an Opal revert alone claims nothing. Empty elsewhere.
	Then      TechniqueID   `json:"then,omitempty"`
	Level     Level         `json:"level"`
	Standard  string        `json:"standard"` // standard and clause for the level
	Verify    VerifyMode    `json:"verify"`
	Reason    string        `json:"reason"`    // one sentence, for people
	Expect    time.Duration `json:"expect_ns"` // erase and verify
	Shortfall string        `json:"not_shown"` // what this can't reach: 'over-provisioned cells'
	// Reverse writes an overwrite from the end of the drive to its beginning.
	Reverse bool `json:"reverse,omitempty"`
}

// Refusal says why something is not done, and what to do about it.
type Refusal struct {
	Code   string `json:"code"`   // stable: 'mounted', 'boot-medium', 'no-serial', 'below-level', ...
	Reason string `json:"reason"` // what is so, with model and serial where it is about a drive
	Do     string `json:"do"`     // what to do now
}

// Verdict of the engine on one drive. The zero Verdict is not success.
type Verdict string

const (
	Sanitised   Verdict = "sanitised"
	Failed      Verdict = "failed"
	Interrupted Verdict = "interrupted"
	Unverified  Verdict = "unverified"
	// Refused: nothing destructive was sent to the drive.
	Refused Verdict = "refused"
)

// EvidenceGrade says what the verdict of one drive rests on.
type EvidenceGrade string

const (
	EvidenceMeasured     EvidenceGrade = "measured"                     // every block read back
	EvidenceSampled      EvidenceGrade = "sampled"                      // overwrite, sample read back: Clear at most
	EvidenceCanaries     EvidenceGrade = "device-claimed with canaries" // firmware, and what stood there before is gone
	EvidenceDeviceClaims EvidenceGrade = "device-claimed only"
)

// Outcome is all that is known after one drive's erasure. Render it, decide
// nothing from it: the engine's word is Verdict.
type Outcome struct {
	Drive     DrivePlan     `json:"drive"`
	Verdict   Verdict       `json:"verdict"`
	Level     Level         `json:"level"` // LevelNone unless Verdict is Sanitised
	Technique TechniqueID   `json:"technique"`
	Evidence  EvidenceGrade `json:"evidence,omitempty"`
	NotShown  string        `json:"not_shown,omitempty"`
	What      string        `json:"what"` // what happened, one sentence, for people
	Do        string        `json:"do,omitempty"`
	// Code of a refusal, stable: that of the plan, or 'stopped', 'no-journal', …
	Code string `json:"code,omitempty"`
	// Before and After are the identities and geometries that the drive gave.
	After         drive.Identity `json:"after"`
	GeometryAfter drive.Geometry `json:"geometry_after"`
	Commands      []CommandTrace `json:"commands,omitempty"`
	Verification  Verification   `json:"verification"`
	// BadRanges is cut off where it grows long; BadBlocks counts on.
	BadRanges    []Range       `json:"bad_ranges,omitempty"`
	BadBlocks    int64         `json:"bad_blocks,omitempty"`
	BytesWritten int64         `json:"bytes_written"`
	Started      time.Time     `json:"started"`
	Finished     time.Time     `json:"finished"`
	Elapsed      time.Duration `json:"elapsed_ns"` // monotonic
	// Restored is what became of a Restore, one sentence; empty where there was none.
	Restored string `json:"restored,omitempty"`
	// Resumed says how an erasure that an earlier start began was gone on with.
	Resumed string `json:"resumed,omitempty"`
	// Attempts are the techniques that were tried before this one, and did not do it.
	Attempts []Attempt `json:"attempts,omitempty"`
	// Log is for whoever mends this program, after an error in it.
	Log string `json:"log,omitempty"`
}

// Attempt is a technique that was tried and left for the next of the ladder.
type Attempt struct {
	Technique TechniqueID    `json:"technique"`
	Verdict   Verdict        `json:"verdict"`
	What      string         `json:"what"`
	Commands  []CommandTrace `json:"commands,omitempty"`
}

// CommandTrace is one destructive command as sent and as answered.
type CommandTrace struct {
	Operation string        `json:"operation"`
	Frame     string        `json:"frame"`  // hex
	Status    string        `json:"status"` // hex of the final status and sense
	Error     string        `json:"error,omitempty"`
	Duration  time.Duration `json:"duration_ns"`
}

// Verification of one drive.
type Verification struct {
	Method    string `json:"method"`          // 'full read-back', 'pre-sampled blocks and read-back'
	BytesRead int64  `json:"bytes_read"`      // bytes read after the erasure
	Compared  int64  `json:"blocks_compared"` // logical blocks compared
	Counted   int64  `json:"blocks_counted"`  // pre-sampled blocks that were not one repeated byte before
	Canaries  int64  `json:"canaries"`        // of those, blocks that were written to be looked for
	// Extent is the length from which a contiguous residue is met for certain, and
	// Fraction the scattered residue, in parts of the whole, that is found with
	// Confidence: both of the sample; 0: not said.
	Extent     int64   `json:"extent,omitempty"` // bytes
	Fraction   float64 `json:"fraction,omitempty"`
	Confidence float64 `json:"confidence,omitempty"`
	Survivors  int64   `json:"survivors"`      // of those, the ones that survived; or blocks with wrong content
	Unreadable int64   `json:"unreadable"`     // logical blocks that could not be read
	Seed       string  `json:"seed,omitempty"` // hex
	Result     string  `json:"result"`         // 'passed', 'failed', 'not done': one word
}

// Range of logical blocks.
type Range struct {
	First int64  `json:"first"` // LBA
	Count int64  `json:"count"`
	What  string `json:"what"` // 'write error: …'
}

// Phase of a running job, for the screen.
type Phase string

const (
	PhaseWaiting   Phase = "waiting"
	PhaseSampling  Phase = "sampling"
	PhaseErasing   Phase = "erasing"
	PhaseVerifying Phase = "verifying"
	PhaseDone      Phase = "done"
)

// Status of one drive's job, pulled by whoever draws it.
type Status struct {
	Name      string        `json:"name"`
	Phase     Phase         `json:"phase"`
	Done      int64         `json:"done"`  // bytes of this job's whole work (write and read-back)
	Total     int64         `json:"total"` // 0: the device gives no progress
	Share     float64       `json:"share"` // of a sample that is taken now, 0 to 1; 0: none yet
	BytesPerS float64       `json:"bytes_per_s"`
	Elapsed   time.Duration `json:"elapsed_ns"`
	EtaLow    time.Duration `json:"eta_low_ns"` // 0,0: unknown
	EtaHigh   time.Duration `json:"eta_high_ns"`
	CanStop   bool          `json:"can_stop"`
	Stalled   bool          `json:"stalled"`
	Note      string        `json:"note,omitempty"`
	Outcome   *Outcome      `json:"outcome,omitempty"` // set when Phase is done
}

// Fraction of the work, or of the sample that is taken now; -1: there is no telling.
func (s Status) Fraction() float64 {
	switch {
	case s.Share > 0:
		return s.Share
	case s.Total > 0:
		return min(1, float64(s.Done)/float64(s.Total))
	}
	return -1
}
