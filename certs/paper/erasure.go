package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// composeErasure says the erasure certificate (NIST SP 800-88 Rev. 2, 4.6).
func composeErasure(c *Content, f *facts) {
	c.Alarm = f.Verdict != certs.Sanitised && f.Verdict != certs.BelowLevel
	c.Title, c.Under = erasureTitle(f), "Media sanitisation record after NIST SP 800-88 Rev. 2, 4.6. Visit "+f.Visit+"."
	c.Verdict = Verdict{Mark: erasureMark(f), Word: verdictWord(f), Sentence: verdictSentence(f)}
	if !f.Named && f.TPMResult != certs.TPMCleared && f.TPMResult != certs.TPMNotPresent {
		c.Verdict.More = append(c.Verdict.More, "TPM: "+tpmWords[f.TPMResult]+".")
	}
	c.addDevice(f)
	c.add("drives", "Drives", drives(f)...)
	c.addResidue(f)
	c.addPeople(f)
	c.addExceptions(f)
}

func erasureMark(f *facts) Mark {
	switch f.Verdict {
	case certs.Sanitised:
		return Tick
	case certs.NoMedia, certs.RefusedVerdict, certs.BelowLevel:
		return Warning
	}
	return Cross
}

// drives of the device; what went wrong stands first.
func drives(f *facts) []Block {
	if len(f.Media) == 0 {
		return []Block{Text{"None was found.", true}}
	}
	var bad, good []Block
	for _, m := range f.Media {
		if m.Verdict == certs.Sanitised {
			good = append(good, driveBlock(f, m))
		} else {
			bad = append(bad, driveBlock(f, m))
		}
	}
	return append(bad, good...)
}

func (c *Content) addDevice(f *facts) {
	var m certs.Machine
	if f.Facts != nil {
		m = f.Facts.Machine
	}
	tag := given(f.Intake.Tag)
	if f.Intake.Generated {
		tag += " (intake number: no label found)"
	}
	c.add("device", "Device", Grid{[][]Pair{
		{p("Manufacturer", known(m.Maker)), p("Model", known(m.Model)), pc("Serial", known(m.Serial)),
			p("Kind", known(m.Kind)), pc("Asset tag", tag)},
		{pc("System UUID", known(m.UUID)), p("Own asset tag", known(m.AssetTag)), p("Firmware", known(m.BIOS)),
			p("Secure Boot", known(m.SecureBoot)), p("Virtual", known(m.Hypervisor))},
	}})
}

// addResidue: no clause of NIST SP 800-88 covers it, so it claims none.
func (c *Content) addResidue(f *facts) {
	state := tpmWords[f.TPMResult]
	if f.Named {
		state = "not dealt with: only named drives were asked for"
	}
	pairs := []Pair{p("TPM", state)}
	ek := ""
	if f.Facts != nil {
		if f.Facts.TPMName != "" {
			pairs = append(pairs, p("Made by", f.Facts.TPMName))
		}
		ek = f.Facts.EKHash
	}
	if t := f.TPM; t != nil {
		if t.Result != certs.TPMNotPresent {
			pairs = append(pairs, p("Evidence", fmt.Sprintf("storage key (SRK) changed: %s; endorsement key (EK) kept: %s", known(t.SRKChanged), known(t.EKKept))))
		}
		for _, e := range []Pair{p("How", t.How), p("What happened", t.What), p("What to do", t.Do)} {
			if e.Value != "" {
				pairs = append(pairs, e)
			}
		}
		if t.EKHash != "" {
			ek = t.EKHash
		}
	}
	if ek != "" {
		pairs = append(pairs, Pair{"EK (SHA-256)", ek, Fine})
	}
	pairs = append(pairs, p("Not looked at", "firmware settings, stored Wi-Fi networks, eSIM profiles"))
	c.add("residue", "Platform residue (no NIST conformance is claimed for it)", Grid{[][]Pair{pairs}})
}

func (c *Content) addPeople(f *facts) {
	i := f.Intake
	who := i.Operator
	if i.Role != "" {
		who += ", " + i.Role
	}
	dial := "not given"
	if i.DIAL > 0 {
		dial = fmt.Sprint(i.DIAL)
	}
	a := []Pair{p("Operator", who), p("Organisation", given(i.Organisation)), p("Place", given(i.Place)),
		p("Bench", given(i.Bench)), p("Media source", given(i.Source)), p("Classification", strings.ToUpper(given(i.Classification))+"; DIAL "+dial)}
	b := []Pair{p("Began", clock(f.First)), p("Last record", clock(f.Last))}
	wide := []Pair{{"Validation", validationWords(f), Strong}}
	if con := f.Consent; con != nil {
		b = append(b, p("Consent", con.Who+", "+con.How))
		wide = append(wide, Pair{"Plan (SHA-256)", con.PlanDigest, Fine})
	} else {
		b = append(b, p("Consent", "none on record"))
	}
	if f.Facts != nil {
		t := f.Facts.Tool
		b = append(b, p("Tool", known(t.Name)+" "+known(t.Version)))
		wide = append(wide, Pair{"Image (SHA-256)", known(t.Image), Fine})
	}
	c.add("people", "People, place and tool", Grid{[][]Pair{a, b}}, Grid{[][]Pair{wide}})
}

// addExceptions lists all that an auditor must not overlook.
func (c *Content) addExceptions(f *facts) {
	lines := exceptions(f)
	if len(lines) == 0 {
		lines = []string{"None."}
	}
	c.add("exceptions", "Exceptions", List{Items: lines})
}

func exceptions(f *facts) []string {
	var out []string
	if f.Consent != nil && f.Consent.Accepted != "" {
		out = append(out, "Accepted by "+f.Consent.Who+": "+f.Consent.Accepted)
	}
	for _, o := range f.Orphans {
		out = append(out, fmt.Sprintf("Drive %s (%s, serial %s) was started, and no record says how it ended.", o.Name, known(o.Model), known(o.Serial)))
	}
	for _, r := range f.MachineRefusals {
		out = append(out, "Refused: "+r.Reason+". "+r.Do)
	}
	for _, r := range f.Removed {
		out = append(out, removedLine(r))
	}
	if f.Facts == nil {
		return append(out, "No facts about the machine are on record.")
	}
	for _, n := range f.Facts.NotHandled {
		out = append(out, "Not handled: "+n.What+". "+n.Do)
	}
	if f.Facts.LookedForOthers != certs.Yes {
		out = append(out, "Not shown: that no other storage is hidden in this device.")
	}
	for _, d := range f.Boot {
		out = append(out, fmt.Sprintf("The medium that the tool was started from (%s, serial %s) is no part of the device.", known(d.Model), known(d.Serial)))
	}
	for _, n := range f.Facts.NotKnown {
		out = append(out, "Not known: "+n)
	}
	out = append(out, f.Facts.Notes...)
	return out
}

// removedLine of a drive that was taken out. The reference is whoever's who destroys it.
func removedLine(r certs.Removed) string {
	s := fmt.Sprintf("Removed, not sanitised here: %s, serial %s, seal %s, by %s", known(r.Drive.Model), known(r.Drive.Serial), given(r.Seal), given(r.By))
	if r.Reference != "" {
		s += ", for destruction, reference " + r.Reference
	}
	return s + "."
}
