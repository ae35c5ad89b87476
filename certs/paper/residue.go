package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// addResidue: no clause of NIST SP 800-88 covers it, so it claims none.
func (c *Content) addResidue(f *facts) {
	t := Table{Caption: "What the machine itself may keep of its users", Head: []string{"Item", "State", "How it was looked at", "Rests on"}, Shares: []int{20, 22, 24, 34}}
	t.Rows = append(t.Rows, tpmRow(f))
	t.Marks = append(t.Marks, tpmMark(f))
	blocks := []Block{}
	if f.Facts != nil {
		for _, r := range f.Facts.Residue {
			t.Rows = append(t.Rows, []string{r.Item, residueWords[r.State], given(r.How), given(r.Evidence)})
			t.Marks = append(t.Marks, residueMark(r.State))
		}
	}
	blocks = append(blocks, t)
	switch {
	case f.Facts != nil && len(f.Facts.NotChecked) > 0:
		blocks = append(blocks, Text{Words: "Not checked: " + strings.Join(capped(f.Facts.NotChecked), "; ") + "."})
	case f.Facts == nil || len(f.Facts.Residue) == 0:
		blocks = append(blocks, Text{Words: "Not checked: all but the TPM. Nothing else is on record."})
	}
	c.add("residue", "TPM and platform residue (no NIST conformance is claimed for it)", blocks...)
}

func tpmRow(f *facts) []string {
	if f.Named {
		return []string{"TPM", "not dealt with: only named drives were asked for", "not looked at", "nothing"}
	}
	how, rests := "not looked at", "nothing"
	if t := f.TPM; t != nil {
		how = given(t.How)
		rests = known(t.What)
		if t.Result == certs.TPMNotPresent {
			how, rests = "looked for", "no TPM answered"
		}
		if t.Do != "" {
			rests += "\nWhat to do: " + t.Do
		}
	}
	return []string{"TPM", tpmWords[f.TPMResult], how, rests}
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
	certs.ResidueUnresolved: "UNRESOLVED: somebody must deal with it",
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
	var pairs []Pair
	if f.Facts != nil && f.Facts.TPMName != "" {
		pairs = append(pairs, p("Made by", f.Facts.TPMName))
	}
	if t := f.TPM; t != nil && t.Result != certs.TPMNotPresent {
		pairs = append(pairs, p("Evidence", fmt.Sprintf("storage key (SRK) changed: %s; endorsement key (EK) kept: %s", known(t.SRKChanged), known(t.EKKept))))
		for _, e := range []Pair{{"SRK before", t.SRKBefore, Fine}, {"SRK after", t.SRKAfter, Fine}} {
			if e.Value != "" {
				pairs = append(pairs, e)
			}
		}
	}
	for _, e := range f.endorsement() {
		pairs = append(pairs, Pair{"EK (SHA-256)", e, Fine})
	}
	if len(pairs) > 0 {
		c.annex("tpm", "Evidence: TPM", Grid{[][]Pair{pairs}})
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
