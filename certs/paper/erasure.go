package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// composeErasure says the erasure certificate (NIST SP 800-88 Rev. 2, 4.6): what a
// person reads in a minute stands before the seal, and what it rests on behind.
func composeErasure(c *Content, f *facts) {
	c.Alarm = f.Verdict != certs.Sanitised && f.Verdict != certs.BelowLevel
	c.Title = erasureTitle(f)
	c.Under = "Record of media sanitisation after NIST SP 800-88 Rev. 2, 4.6."
	c.Verdict = Verdict{Mark: verdictMark(f.Verdict), Word: verdictWord(f), Sentence: verdictSentence(f), Tally: tally(f)}
	if !f.Named && f.TPMResult != certs.TPMCleared && f.TPMResult != certs.TPMNotPresent {
		c.Verdict.More = append(c.Verdict.More, "TPM: "+tpmWords[f.TPMResult]+".")
	}
	c.addRejection(f)
	c.addLater(f)
	c.addDevice(f)
	c.addDrives(f)
	c.addResidue(f)
	c.addPeople(f)
	c.addExceptions(f)
	c.annexDrives(f)
	c.annexTPM(f)
	c.annexResidue(f)
	c.annexVisit(f)
}

// addRejection puts a rejected result beside the verdict: whatever the tool found, it
// was not accepted (NIST SP 800-88 Rev. 2, 4.5.2).
func (c *Content) addRejection(f *facts) {
	if f.Validation == certs.Rejected {
		c.Verdict.More = append(c.Verdict.More, "Validation: "+validationWords(f))
	}
}

func verdictMark(v certs.Verdict) Mark {
	switch v {
	case certs.Sanitised:
		return Tick
	case certs.Failed:
		return Cross
	case certs.Interrupted:
		return Broken
	case certs.Unverified:
		return Question
	case certs.RefusedVerdict:
		return Barred
	case certs.NoMedia:
		return Empty
	}
	return Warning
}

// tally of the drives, where they did not all come to the same.
func tally(f *facts) []Tally {
	var out []Tally
	add := func(n int, m Mark, words string) {
		if n > 0 {
			out = append(out, Tally{m, fmt.Sprintf("%d %s", n, words)})
		}
	}
	add(f.Sanitised, Tick, "sanitised")
	add(f.BelowLevel, Warning, "below the level wanted")
	add(f.Failed, Cross, "failed")
	add(f.Interrupted, Broken, "interrupted")
	add(f.Unverified, Question, "unverified")
	add(f.Refused, Barred, "not erased")
	if len(out) < 2 {
		return nil
	}
	return out
}

// addDevice: what stands on the label and what the machine says itself.
func (c *Content) addDevice(f *facts) {
	var m certs.Machine
	if f.Facts != nil {
		m = f.Facts.Machine
	}
	tag := given(f.Intake.Tag)
	if f.Intake.Generated {
		tag += " (intake number: no label found)"
	}
	dial := "not given"
	if f.Intake.DIAL > 0 {
		dial = fmt.Sprint(f.Intake.DIAL)
	}
	left := []Pair{p("Manufacturer", known(m.Maker)), p("Model", known(m.Model)), pc("Serial", known(m.Serial)),
		pc("Property number", tag+f.was(certs.FieldTag))}
	right := []Pair{p("Kind", known(m.Kind)), p("Media source", given(f.Intake.Source)+f.was(certs.FieldSource)),
		p("Categorisation", strings.ToUpper(given(f.Intake.Classification))+"; DIAL "+dial+f.was(certs.FieldDIAL)), pc("System UUID", known(m.UUID))}
	if f.Intake.Seal != "" || f.was(certs.FieldSeal) != "" {
		left = append(left, pc("Container seal", given(f.Intake.Seal)+f.was(certs.FieldSeal)))
	}
	if m.AssetTag != "" && m.AssetTag != f.Intake.Tag {
		right = append(right, pc("Tag in firmware", m.AssetTag))
	}
	c.add("device", "Device", Grid{[][]Pair{left, right}})
}

// addDrives: a row per drive; what went wrong stands first.
func (c *Content) addDrives(f *facts) {
	if len(f.Media) == 0 {
		c.add("drives", "Drives", Text{"None was found.", true})
		return
	}
	t := Table{Caption: "Every drive, what was done to it and what that rests on",
		Head:   []string{"Drive", "Result", "Technique and standard", "Verification", "Evidence"},
		Shares: []int{29, 17, 24, 17, 13}}
	for _, m := range worstFirst(f.Media) {
		t.Rows = append(t.Rows, driveRow(f, m))
		t.Marks = append(t.Marks, mediumMark(m))
	}
	c.add("drives", "Drives", t)
}

func worstFirst(all []certs.Medium) []certs.Medium {
	var bad, good []certs.Medium
	for _, m := range all {
		if m.Verdict == certs.Sanitised && !m.Below {
			good = append(good, m)
		} else {
			bad = append(bad, m)
		}
	}
	return append(bad, good...)
}

func mediumMark(m certs.Medium) Mark {
	if m.Verdict == certs.Sanitised && m.Below {
		return Warning
	}
	return verdictMark(m.Verdict)
}

// addExceptions lists all that an auditor must not overlook.
func (c *Content) addExceptions(f *facts) {
	lines := exceptions(f)
	if len(lines) == 0 {
		lines = []string{"None on record."}
	}
	c.add("exceptions", "Exceptions", List{Items: capped(lines)})
}

func exceptions(f *facts) []string {
	var out []string
	if f.Consent != nil && f.Consent.Accepted != "" {
		out = append(out, "Accepted by "+f.Consent.Who+": "+f.Consent.Accepted)
	}
	for _, m := range worstFirst(f.Media) {
		if m.Verdict != certs.Sanitised || m.Below {
			out = append(out, badLine(m))
		}
	}
	for _, r := range f.MachineRefusals {
		out = append(out, "Refused: "+sentences(r.Reason, r.Do))
	}
	for _, r := range f.Removed {
		out = append(out, removedLine(r))
	}
	for _, k := range f.Controls {
		out = append(out, fmt.Sprintf("Known-bad check by %s: %s; expected %s, found %s.", given(k.By), given(k.What), given(k.Expect), given(k.Result)))
	}
	if f.Facts == nil {
		return append(out, "No facts about the machine are on record.")
	}
	for _, n := range f.Facts.NotHandled {
		out = append(out, "Not handled: "+sentences(n.What, n.Do))
	}
	if f.Facts.LookedForOthers != certs.Yes {
		out = append(out, "Not shown: that no other storage is hidden in this device.")
	}
	for _, d := range f.Boot {
		out = append(out, fmt.Sprintf("The medium that the tool was started from (%s, serial %s) is no part of the device.", known(d.Model), known(d.Serial)))
	}
	if len(f.Facts.NotKnown) > 0 {
		out = append(out, "Not known: "+strings.Join(capped(f.Facts.NotKnown), "; ")+".")
	}
	return append(out, f.Facts.Notes...)
}

// badLine says what came of a drive that is not sanitised as it was wanted, and what to
// do about it.
func badLine(m certs.Medium) string {
	var what, do string
	switch {
	case m.Finished != nil:
		what, do = m.Finished.What, m.Finished.Do
	case m.Refused != nil:
		what, do = m.Refused.Reason, m.Refused.Do
	}
	return fmt.Sprintf("Drive %s (%s, serial %s): %s. %s", known(m.Drive.Name), known(m.Drive.Model), known(m.Drive.Serial), mediumWord(m), sentences(m.Note, what, do))
}

// removedLine of a drive that was taken out. The reference is whoever's who destroys it.
func removedLine(r certs.Removed) string {
	s := fmt.Sprintf("Removed, not sanitised here: %s, serial %s, seal %s, by %s%s", known(r.Drive.Model), known(r.Drive.Serial), given(r.Seal), given(r.By), because(r.Why))
	if r.Reference != "" {
		s += ", for destruction, reference " + r.Reference
	}
	return s + "."
}
