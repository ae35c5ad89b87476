package certs

import "slices"

// Summary is what the records of one visit add up to. It is derived, never
// stored: the same records give the same Summary in the appliance, on the paper
// and in the auditor's hands.
type Summary struct {
	Visit string
	Stick string
	// Verdict on the machine; its zero value is no verdict and no success.
	Verdict Verdict
	Level   Level // the lowest that any medium reached; none unless the device is sanitised or below-level
	Want    Level // level wanted, none where nobody consented
	// Named: only named drives were asked for; the TPM does not count.
	Named bool
	// Media that count, in the order they were found.
	Media []Medium
	// Boot media are never targets and never count.
	Boot []Drive
	// Counts over Media.
	Sanitised, Failed, Interrupted, Unverified, BelowLevel, Refused int
	// Orphans are drives with a STARTED that nothing ended.
	Orphans []DriveRef
	// Unhandled counts media or controllers that nobody could reach; that nobody
	// could look for them counts as one.
	Unhandled int
	// MachineRefusals are refusals that name no drive.
	MachineRefusals []Refused
	// TPMResult is the last word on the TPM, TPMUnknown where there is none.
	TPMResult string
	// Residue in the machine itself: the last word on each item.
	Residue []Residue
	// Validation is the last decision, Awaiting where there is none.
	Validation string
	// Route that counts: the grade's, or the word of whoever overruled it; empty
	// where nothing was graded.
	Route string

	// Revision of the paper that is drawn from these records: 1, and one more for
	// each CERTIFIED among them. Replaces are the papers that those certified.
	Revision int
	Replaces []Paper
	// Closed: the receiver's word is on record, and nothing was given away since.
	Closed bool
	// Corrections in their order; Intake shows what they give.
	Corrections []Corrected

	// The last record of each kind, nil where there is none.
	Intake    *Intake
	Facts     *Facts
	Consent   *Consent
	TPM       *TPM
	Graded    *Graded
	Overruled *Overruled
	Validated *Validated
	// Transferred is the last one, Received the word on it.
	Transferred *Transferred
	Received    *Received
	Tests       []Tested
	Removed     []Removed
	Controls    []Control
	// First and Last are the times of the first and the last record.
	First, Last Time

	hasTPM bool // inspection found one
}

// Medium is what became of one drive.
type Medium struct {
	Drive   Drive
	Verdict Verdict // what counts: the engine's word, unless the records deny it
	Level   Level
	Below   bool // sanitised, but below the level wanted
	// Note says why Verdict is not what the drive's own record says.
	Note     string
	Intended *ConsentDrive
	Started  *Started
	Finished *Finished
	Refused  *Refused
}

// Good reports whether every medium is sanitised at or above the level wanted and
// the TPM is cleared or not there (or was never asked for).
func (s Summary) Good() bool {
	tpm := s.Named || s.TPMResult == TPMCleared || s.TPMResult == TPMNotPresent
	return s.Verdict == Sanitised && tpm
}

// Bad reports whether something went wrong that mere waiting or another way
// would not mend: the exit codes' 1.
func (s Summary) Bad() bool {
	switch s.Verdict {
	case Failed, Interrupted, Unverified, BelowLevel:
		return true
	}
	return !s.Named && s.TPMResult == TPMNotCleared
}

// Summarise says what the records of one visit add up to. Records that are
// missing never help: a drive that nobody reported on is refused, a STARTED
// without an end is interrupted, a 'sanitised' that its own figures deny is
// unverified.
func Summarise(records []Record) Summary {
	s := Summary{Level: LevelNone, Want: LevelNone, TPMResult: TPMUnknown, Validation: Awaiting, Revision: 1}
	b := newBook()
	for i := range records {
		s.read(&records[i])
		b.find(&records[i])
	}
	named := s.Named
	for i := range records {
		b.note(&records[i])
	}
	for _, e := range b.entries {
		switch {
		case e.boot && e.started == nil && e.finished == nil:
			s.Boot = append(s.Boot, e.drive)
		case named && !e.asked && e.started == nil && e.finished == nil && e.refused == nil:
		default:
			s.count(e.medium(s.Want))
		}
	}
	s.Orphans = b.orphans()
	if s.Facts != nil && !named {
		s.Unhandled = len(s.Facts.NotHandled)
		if s.Facts.LookedForOthers != Yes && s.Unhandled == 0 {
			s.Unhandled = 1 // nobody looked: 'every drive' can't be said
		}
	}
	s.TPMResult = s.tpm()
	s.Verdict = s.verdict()
	if s.Verdict == Sanitised || s.Verdict == BelowLevel {
		s.Level = s.lowest()
	}
	return s
}

// read keeps what stands for the machine as a whole.
func (s *Summary) read(r *Record) {
	if s.Visit == "" {
		s.Visit, s.Stick, s.First = r.Visit, r.Stick, r.At
	}
	s.Last = r.At
	switch r.Kind {
	case KindIntake:
		s.Intake = r.Intake
	case KindFacts:
		s.Facts = r.Facts
		s.look(r.Facts.Residue)
		s.hasTPM = s.hasTPM || r.Facts.TPM == "present"
	case KindStarted, KindFinished:
		// Whoever accepted a result had not seen what was done after it. A rejection stays.
		if s.Validation == Accepted {
			s.Validated, s.Validation = nil, Awaiting
		}
	case KindConsent:
		s.Named = r.Consent.Scope == ScopeNamed && (s.Consent == nil || s.Named)
		s.Consent = r.Consent
		if r.Consent.Want.rank() > s.Want.rank() {
			s.Want = r.Consent.Want
		}
	case KindRefused:
		if r.Refused.Drive == (DriveRef{}) {
			s.MachineRefusals = append(s.MachineRefusals, *r.Refused)
		}
	case KindRemoved:
		s.Removed = append(s.Removed, *r.Removed)
	case KindTPM:
		s.TPM, s.TPMResult = r.TPM, r.TPM.Result
	case KindPlatform:
		for _, is := range r.Platform.Residue {
			if n := slices.IndexFunc(s.Residue, is.sameItem); n >= 0 {
				s.Residue[n] = is
			} else {
				s.Residue = append(s.Residue, is)
			}
		}
	case KindTested:
		s.Tests = append(s.Tests, *r.Tested)
	case KindGraded:
		s.Graded, s.Overruled, s.Route = r.Graded, nil, r.Graded.Route
	case KindOverruled:
		s.Overruled, s.Route = r.Overruled, r.Overruled.Route
	case KindValidated:
		s.Validated, s.Validation = r.Validated, r.Validated.Decision
	case KindControl:
		s.Controls = append(s.Controls, *r.Control)
	default:
		s.readLater(r)
	}
}

// look takes what inspection found. What was cleared before, and is not there, stays
// cleared.
func (s *Summary) look(found []Residue) {
	before := s.Residue
	s.Residue = slices.Clone(found)
	for i, is := range s.Residue {
		if n := slices.IndexFunc(before, is.sameItem); n >= 0 && before[n].State == ResidueCleared && is.State == ResidueAbsent {
			s.Residue[i] = before[n]
		}
	}
}

// readLater keeps what the hub added after the visit.
func (s *Summary) readLater(r *Record) {
	switch r.Kind {
	case KindCertified:
		s.Revision++
		s.Replaces = append(s.Replaces, r.Certified.Papers...)
	case KindTransferred:
		s.Transferred, s.Received, s.Closed = r.Transferred, nil, false
	case KindReceived:
		s.Received, s.Closed = r.Received, true
	case KindCorrected:
		s.correct(r.Corrected)
	}
}

// correct the view of INTAKE. A correction of what was never said changes nothing.
func (s *Summary) correct(c *Corrected) {
	s.Corrections = append(s.Corrections, *c)
	if s.Intake == nil {
		return
	}
	i := *s.Intake
	if f := i.field(c.Field); f != nil && *f == c.Was && i.correct(c) == nil {
		s.Intake = &i
	}
}

// ZeroToLandfill reports whether the paper may say so: CLOSED, and declared by the
// receiver.
func (s Summary) ZeroToLandfill() bool {
	return s.Closed && s.Received != nil && s.Received.NoLandfill()
}

// count adds one medium.
func (s *Summary) count(m Medium) {
	s.Media = append(s.Media, m)
	switch {
	case m.Verdict == Sanitised && m.Below:
		s.BelowLevel++
	case m.Verdict == Sanitised:
		s.Sanitised++
	case m.Verdict == Interrupted:
		s.Interrupted++
	case m.Verdict == Unverified:
		s.Unverified++
	case m.Verdict == RefusedVerdict:
		s.Refused++
	default:
		s.Failed++
	}
}

// verdict is the worst that happened to any medium, in the order of the exit
// codes' table.
func (s *Summary) verdict() Verdict {
	switch {
	case s.Failed > 0:
		return Failed
	case s.Interrupted > 0:
		return Interrupted
	case s.Unverified > 0:
		return Unverified
	case s.BelowLevel > 0:
		return BelowLevel
	case s.Refused > 0 || s.Facts == nil:
		return RefusedVerdict
	case len(s.Media) == 0:
		return NoMedia
	case s.Unhandled > 0 || len(s.MachineRefusals) > 0:
		return RefusedVerdict
	}
	return Sanitised
}

// tpm is the last word on the TPM, unless the rest of the records denies it.
func (s *Summary) tpm() string {
	switch {
	case s.TPMResult == TPMNotPresent && s.hasTPM:
		return TPMUnknown
	case s.TPMResult == TPMCleared && s.TPM.SRKChanged == No:
		return TPMNotCleared
	}
	return s.TPMResult
}

func (s *Summary) lowest() Level {
	low := LevelPurge
	for _, m := range s.Media {
		if m.Verdict != Sanitised {
			return LevelNone
		}
		if m.Level.rank() < low.rank() {
			low = m.Level
		}
	}
	if len(s.Media) == 0 {
		return LevelNone
	}
	return low
}
