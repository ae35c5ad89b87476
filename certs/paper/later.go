package paper

import (
	"strings"

	"handback.example/certs"
)

// addLater says which papers this one replaces, and what was entered wrongly before.
func (c *Content) addLater(f *facts) {
	if old := f.replaced(c.Kind); len(old) > 0 {
		t := Table{Caption: "Papers that this one replaces", Head: []string{"Paper", "SHA-256"}, Shares: []int{32, 68}, Forms: []Form{Plain, Fine}}
		for _, o := range old {
			t.Rows = append(t.Rows, []string{o.Name, o.SHA256})
		}
		c.add("replaces", "Replaces", Text{Words: "From the moment of its seal this paper stands in place of the following. They stay genuine as records of their day."}, t)
	}
	if len(f.Corrections) == 0 {
		return
	}
	t := Table{Caption: "What was entered wrongly, and is right now", Head: []string{"Field", "Was", "Is", "By", "Why"}, Shares: []int{14, 22, 22, 12, 30}}
	for _, k := range f.Corrections {
		t.Rows = append(t.Rows, []string{fieldWords[k.Field], given(k.Was), given(k.Is), k.By, k.Why})
	}
	c.add("corrections", "Corrected", t)
}

// replaced are the earlier papers of a kind. A disposal certificate and a notice of
// HOLD stand in each other's place.
func (f *facts) replaced(k Kind) []certs.Paper {
	mine := func(name string) bool { return strings.HasPrefix(name, k.Stem(f.Visit, 1)) }
	if k != Erasure {
		mine = func(name string) bool {
			return strings.HasPrefix(name, Disposal.Stem(f.Visit, 1)) || strings.HasPrefix(name, Hold.Stem(f.Visit, 1))
		}
	}
	var out []certs.Paper
	for _, o := range f.Replaces {
		if mine(o.Name) {
			out = append(out, o)
		}
	}
	return out
}

// was says what a corrected value was before; empty where it was never corrected.
func (f *facts) was(field string) string {
	for i := len(f.Corrections) - 1; i >= 0; i-- {
		if k := f.Corrections[i]; k.Field == field {
			return " (corrected; was " + given(k.Was) + ")"
		}
	}
	return ""
}

var fieldWords = map[string]string{
	certs.FieldTag:          "Property number",
	certs.FieldSource:       "Media source",
	certs.FieldDIAL:         "DIAL rating",
	certs.FieldPlace:        "Place",
	certs.FieldOrganisation: "Organisation",
	certs.FieldSeal:         "Container seal",
	certs.FieldOperator:     "Operator",
}
