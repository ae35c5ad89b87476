package certs

import "strconv"

// book follows each drive through a visit's records. A drive is known by what it
// answered (serial, WWN, namespace, model), not by the letter that one boot gave
// it; where two drives of a machine answer alike, the letter decides between them,
// so that the end of one can't stand for the other.
type book struct {
	entries []*entry
	byKey   map[string]*entry
	twice   map[string]bool
	digest  string // of the plan that was agreed to last
}

func newBook() *book { return &book{byKey: map[string]*entry{}, twice: map[string]bool{}} }

type entry struct {
	drive    Drive
	boot     bool   // in every FACTS that lists it
	asked    bool   // named in a CONSENT
	unagreed string // why the STARTED that counts had no consent: a sentence, or empty
	intended *ConsentDrive
	digest   string // of the plan by which that was
	started  *Started
	open     *Started // STARTED that nothing has ended
	finished *Finished
	begun    *Finished // a bad end before the last STARTED: what it left is not undone by a refusal
	refused  *Refused
}

func plainKey(d DriveRef) string {
	return d.Serial + "\x00" + d.WWN + "\x00" + d.Model + "\x00" + strconv.FormatInt(d.Namespace, 10)
}

func (b *book) key(d DriveRef) string {
	k := plainKey(d)
	if b.twice[k] || d.Serial == "" && d.WWN == "" {
		return k + "\x00" + d.Name
	}
	return k
}

// find looks for drives of one machine that answer alike.
func (b *book) find(r *Record) {
	if r.Kind != KindFacts {
		return
	}
	seen := map[string]bool{}
	for _, d := range r.Facts.Drives {
		k := plainKey(d.Ref())
		b.twice[k] = b.twice[k] || seen[k]
		seen[k] = true
	}
}

// entry of a drive, made where it isn't there yet: a drive that only a STARTED
// or a FINISHED knows counts as well.
func (b *book) entry(ref DriveRef) (*entry, bool) {
	k := b.key(ref)
	if e := b.byKey[k]; e != nil {
		return e, false
	}
	e := &entry{drive: Drive{Name: ref.Name, Bus: ref.Bus, Model: ref.Model, Serial: ref.Serial,
		WWN: ref.WWN, Namespace: ref.Namespace, SizeBytes: ref.SizeBytes}}
	b.entries, b.byKey[k] = append(b.entries, e), e
	return e, true
}

// note takes in one record. A later FACTS never removes a drive that an earlier
// one listed.
func (b *book) note(r *Record) {
	switch r.Kind {
	case KindFacts:
		for _, d := range r.Facts.Drives {
			e, fresh := b.entry(d.Ref())
			e.boot = d.Boot && (fresh || e.boot)
			if fresh || e.drive.LogicalBlock == 0 {
				e.drive = d
			}
		}
	case KindConsent:
		b.digest = r.Consent.PlanDigest
		for i := range r.Consent.Drives {
			d := &r.Consent.Drives[i]
			e, _ := b.entry(d.Drive)
			e.asked, e.intended, e.digest = true, d, r.Consent.PlanDigest
		}
	case KindStarted:
		e, _ := b.entry(r.Started.Drive)
		if e.finished != nil && e.finished.Verdict != Sanitised && e.finished.Verdict != RefusedVerdict {
			e.begun = e.finished
		}
		e.started, e.open, e.finished = r.Started, r.Started, nil
		switch {
		case e.intended == nil || e.intended.Technique == "":
			e.unagreed = "sanitised, yet nobody had agreed to it when it was started"
		case b.digest == "" || b.digest != r.Started.PlanDigest || e.digest != b.digest:
			e.unagreed = "sanitised by another plan than the one that was agreed to"
		default:
			e.unagreed = ""
		}
	case KindFinished:
		e, _ := b.entry(r.Finished.Drive)
		e.open = nil
		// The first bad end stays until a new STARTED: nothing after it may hide it.
		if e.finished == nil || e.finished.Verdict == Sanitised {
			e.finished = r.Finished
		}
		switch {
		case r.Finished.Verdict == Sanitised:
			e.begun = nil
		case r.Finished.Verdict == RefusedVerdict && e.begun != nil:
			e.finished = e.begun
		}
	case KindRefused:
		if r.Refused.Drive != (DriveRef{}) {
			e, _ := b.entry(r.Refused.Drive)
			e.refused = r.Refused
			// A drive that was done is not looked at again, so this one holds something
			// since, or is another that answers alike.
			if e.finished != nil && e.finished.Verdict == Sanitised {
				e.finished = nil
			}
		}
	}
}

func (b *book) orphans() []DriveRef {
	var out []DriveRef
	for _, e := range b.entries {
		if e.open != nil {
			out = append(out, e.open.Drive)
		}
	}
	return out
}

// medium judges one drive by its records.
func (e *entry) medium(want Level) Medium {
	m := Medium{Drive: e.drive, Level: LevelNone, Intended: e.intended,
		Started: e.started, Finished: e.finished, Refused: e.refused}
	switch f := e.finished; {
	case e.open != nil:
		m.Verdict, m.Note = Interrupted, "the erasure was started and no record says how it ended"
	case f == nil:
		m.Verdict = RefusedVerdict
		if e.refused == nil {
			m.Note = "no record says that anything was done to this drive"
		}
	case f.Verdict != Sanitised:
		m.Verdict = f.Verdict
	case f.Contradiction() != "":
		m.Verdict, m.Note = Unverified, f.Contradiction()
	case e.started == nil:
		m.Verdict, m.Note = Unverified, "sanitised, yet no record says that the erasure was started"
	case e.unagreed != "":
		m.Verdict, m.Note = Unverified, e.unagreed
	default:
		m.Verdict, m.Level = Sanitised, f.Level
		m.Below = !f.Level.AtLeast(want)
	}
	return m
}
