package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// addResidue: no clause of NIST SP 800-88 covers it, so it claims none. What was looked
// for and is not there stands in one sentence, and in the annex with what that rests on.
func (c *Content) addResidue(f *facts) {
	t := Table{Caption: "What the machine itself may keep of its users", Head: []string{"Item", "State", "Rests on"}, Shares: []int{31, 21, 48},
		Rows: [][]string{tpmRow(f)}, Marks: []Mark{tpmMark(f)}, Dense: true}
	var absent []string
	for _, r := range f.Residue {
		if r.State == certs.ResidueAbsent {
			absent = append(absent, r.Item)
			continue
		}
		t.Rows = append(t.Rows, []string{r.Item, residueWords[r.State], given(r.Evidence)})
		t.Marks = append(t.Marks, residueMark(r.State))
	}
	blocks := []Block{t}
	if len(absent) > 0 {
		blocks = append(blocks, Text{Words: "Looked for, and not there: " + strings.Join(capped(absent), "; ") + "."})
	}
	switch {
	case f.Facts != nil && len(f.Facts.NotChecked) > 0:
		blocks = append(blocks, Text{Words: "Not checked: " + strings.Join(capped(f.Facts.NotChecked), "; ") + "."})
	case len(f.Residue) == 0:
		blocks = append(blocks, Text{Words: "Not checked: all but the TPM. Nothing else is on record."})
	}
	c.add("residue", "TPM and platform residue (no NIST conformance is claimed for it)", blocks...)
}

// annexResidue has how each was looked for, and what says that one is not there; of
// what was dealt with, as it was found too, and what exactly was to be removed.
func (c *Content) annexResidue(f *facts) {
	t := Table{Caption: "How each was looked for", Head: []string{"Item", "State", "How it was looked at", "Rests on"}, Shares: []int{42, 11, 21, 26}, Dense: true}
	for _, r := range f.Residue {
		rests := "as said above"
		if r.State == certs.ResidueAbsent {
			rests = given(r.Evidence)
		}
		if was := f.foundAs(r.Item); was != (certs.Residue{}) && was != r {
			rests += fmt.Sprintf("; at first %s: %s (%s)", residueWords[was.State], given(was.Evidence), given(was.How))
		}
		t.Rows = append(t.Rows, []string{r.Item, residueWords[r.State], given(r.How), rests})
		t.Marks = append(t.Marks, residueMark(r.State))
	}
	var blocks []Block
	if len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	if k := f.Consent; k != nil && len(k.Leftovers) > 0 {
		agreed := Table{Caption: "Agreed to be removed", Head: []string{"Kind", "What", "Name", "SHA-256 of its content"}, Shares: []int{11, 17, 41, 31}, Dense: true}
		for _, l := range k.Leftovers {
			agreed.Rows = append(agreed.Rows, []string{l.Kind, given(l.What), l.Name, l.SHA256})
		}
		blocks = append(blocks, Text{Words: "Agreed to be removed, where its content was still the same:"}, agreed)
	}
	if len(blocks) > 0 {
		c.annex("platform", "Evidence: platform residue", blocks...)
	}
}

// foundAs is what inspection said of an item last.
func (f *facts) foundAs(item string) certs.Residue {
	if f.Facts != nil {
		for _, r := range f.Facts.Residue {
			if r.Item == item {
				return r
			}
		}
	}
	return certs.Residue{}
}

// tpmRow is item, state, and what that rests on.
func tpmRow(f *facts) []string {
	state, rests := tpmWords[f.TPMResult], "nothing"
	if f.Named {
		return []string{"TPM", "not dealt with: only named drives were asked for", rests}
	}
	if t := f.TPM; t != nil {
		rests = known(t.What)
		if t.Result == certs.TPMNotPresent {
			rests = "no TPM answered"
		}
		if t.Do != "" {
			rests += "\nWhat to do: " + t.Do
		}
	}
	return []string{"TPM", state, rests}
}

func tpmMark(f *facts) Mark {
	switch {
	case f.Named:
		return Barred
	case f.TPMResult == certs.TPMCleared:
		return Tick
	case f.TPMResult == certs.TPMNotPresent:
		return Empty
	case f.TPMResult == certs.TPMNotCleared:
		return Cross
	case f.TPMResult == certs.TPMPending:
		return Warning
	}
	return Question
}

var residueWords = map[string]string{
	certs.ResidueCleared:    "cleared",
	certs.ResidueAbsent:     "not there",
	certs.ResiduePresent:    "PRESENT",
	certs.ResidueUnknown:    "UNKNOWN",
	certs.ResidueUnresolved: "NOT CLEARED",
}

func residueMark(state string) Mark {
	switch state {
	case certs.ResidueCleared:
		return Tick
	case certs.ResidueAbsent:
		return Empty
	case certs.ResidueUnknown:
		return Question
	}
	return Warning
}

// annexTPM has the names and hashes that the word on the TPM rests on.
func (c *Content) annexTPM(f *facts) {
	var a, b, wide []Pair
	if f.Facts != nil && f.Facts.TPMName != "" {
		a = append(a, p("Made by", f.Facts.TPMName))
	}
	if t := f.TPM; t != nil && t.Result != certs.TPMNotPresent {
		a = append(a, p("How", given(t.How)))
		b = append(b, p("Storage key", "(SRK) changed: "+known(t.SRKChanged)), p("Endorsement key", "(EK) kept: "+known(t.EKKept)))
		for _, e := range []Pair{{"SRK before", t.SRKBefore, Fine}, {"SRK after", t.SRKAfter, Fine}} {
			if e.Value != "" {
				wide = append(wide, e)
			}
		}
	}
	for _, e := range f.endorsement() {
		wide = append(wide, Pair{"EK (SHA-256)", e, Fine})
	}
	var blocks []Block
	if len(a)+len(b) > 0 {
		blocks = append(blocks, Grid{[][]Pair{a, b}})
	}
	if len(wide) > 0 {
		blocks = append(blocks, Grid{[][]Pair{wide}})
	}
	if len(blocks) > 0 {
		c.annex("tpm", "Evidence: TPM", blocks...)
	}
}

// endorsement keys on record: one, unless inspection and the clear met two.
func (f *facts) endorsement() []string {
	var out []string
	if f.Facts != nil && f.Facts.EKHash != "" {
		out = append(out, f.Facts.EKHash)
	}
	if f.TPM != nil && f.TPM.EKHash != "" && (len(out) == 0 || out[0] != f.TPM.EKHash) {
		out = append(out, f.TPM.EKHash)
	}
	return out
}
