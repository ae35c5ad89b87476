package sim

import (
	"time"
)

// Call is a command as faults see it, whatever its protocol.
type Call struct {
	// Opcode is the command's own code: of the ATA command register, of the CDB, of
	// the NVMe submission queue entry (I/O commands have IO set), of the MMC command.
	Opcode byte
	IO     bool
	// Sub is what tells commands of one opcode apart: ATA features, a SCSI service
	// action, NVMe CDW10, the argument of an MMC command.
	Sub uint32
	// LBA and Blocks of a command that reads or writes, in logical blocks.
	LBA, Blocks   uint64
	Reads, Writes bool
	Erases        bool // a command that erases much: sanitize, format, erase unit
}

// When says to which calls a fault happens. Its zero value is every call; a nil
// pointer and a false flag ask for nothing.
type When struct {
	Opcode *byte
	Sub    *uint32
	IO     bool          // only NVMe I/O commands
	Reads  bool          // only what reads blocks
	Writes bool          // only what writes blocks
	Erases bool          // only what erases
	LBA    *uint64       // only what touches blocks from here
	Blocks uint64        // for so many blocks; 0: one
	Nth    int           // from the nth call of these on, counted from 1; 0: from the first
	Times  int           // so many times; 0: for ever
	After  time.Duration // not before so much time since the power came
}

// Fault is one thing that goes wrong, and when.
type Fault struct {
	When When
	Do   Action
}

// Action is what goes wrong. Its zero value is nothing.
type Action struct {
	Abort  bool          // the command is refused: aborted, CHECK CONDITION, invalid field
	Medium bool          // an unrecovered error of the medium, at the first block of the call that is bad
	At     uint64        // that block, set by the script
	Delay  time.Duration // the answer comes so much later
	Hang   bool          // the answer never comes, until the power goes
	Unplug bool          // the drive is gone, this command unanswered
	// Become names another serial that the drive has from now on.
	Become string
	// Shrink is the number of logical blocks that it reports from now on; 0: all.
	Shrink uint64
	// Pretend answers success and does nothing.
	Pretend bool
	// Keep is what an erasure leaves behind, in bytes of the medium; KeepAll leaves
	// all behind.
	Keep    []Range
	KeepAll bool
	// StickAt and FailAt are fractions of an erasure, see Erasure.
	StickAt, FailAt float64
	// Reappear brings back what was there before the erasure, so much time after it
	// began; at the next power cycle where it is negative.
	Reappear time.Duration
	// Sense is how the answer's sense data comes: SenseAsAsked unless given.
	Sense SenseForm
}

// SenseForm is the format of sense data (SPC-5 clause 4.4).
type SenseForm int

// Forms of sense data. SenseAsAsked is what the model's own settings say.
const (
	SenseAsAsked SenseForm = iota
	SenseFixed
	SenseDescriptor
	SenseMissing // the adapter drops it
)

// Script is all that goes wrong with one drive.
type Script struct {
	faults []Fault
	seen   []int // calls that matched, by fault
}

// NewScript gives a script of these faults; the first that says something about a
// matter wins.
func NewScript(f ...Fault) *Script { return &Script{faults: f, seen: make([]int, len(f))} }

// Next counts a call and says what goes wrong with it; powered is the time since
// the power came. A nil script does nothing.
func (s *Script) Next(c Call, powered time.Duration) Action {
	var a Action
	if s == nil {
		return a
	}
	for i, f := range s.faults {
		if !f.When.matches(c, powered) {
			continue
		}
		s.seen[i]++
		first := max(1, f.When.Nth)
		if s.seen[i] < first || f.When.Times > 0 && s.seen[i] >= first+f.When.Times {
			continue
		}
		a.merge(f.Do, f.When, c)
	}
	return a
}

func (w When) matches(c Call, powered time.Duration) bool {
	switch {
	case w.Opcode != nil && *w.Opcode != c.Opcode,
		w.Sub != nil && *w.Sub != c.Sub,
		w.IO && !c.IO,
		w.Reads && !c.Reads,
		w.Writes && !c.Writes,
		w.Erases && !c.Erases,
		powered < w.After:
		return false
	}
	if w.LBA == nil {
		return true
	}
	last := *w.LBA + max(1, w.Blocks) - 1
	return c.Blocks > 0 && c.LBA <= last && c.LBA+c.Blocks-1 >= *w.LBA
}

// merge adds what a does not say yet.
func (a *Action) merge(f Action, w When, c Call) {
	if f.Medium && !a.Medium {
		a.Medium, a.At = true, c.LBA
		if w.LBA != nil {
			a.At = max(c.LBA, *w.LBA)
		}
	}
	a.Abort, a.Hang, a.Unplug = a.Abort || f.Abort, a.Hang || f.Hang, a.Unplug || f.Unplug
	a.Pretend, a.KeepAll = a.Pretend || f.Pretend, a.KeepAll || f.KeepAll
	a.Keep = append(a.Keep, f.Keep...)
	pick(&a.Delay, f.Delay)
	pick(&a.Become, f.Become)
	pick(&a.Shrink, f.Shrink)
	pick(&a.StickAt, f.StickAt)
	pick(&a.FailAt, f.FailAt)
	pick(&a.Reappear, f.Reappear)
	pick(&a.Sense, f.Sense)
}

func pick[T comparable](have *T, more T) {
	var none T
	if *have == none {
		*have = more
	}
}
