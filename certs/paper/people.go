package paper

import (
	"handback.example/certs"
)

// addPeople: for each person, what NIST SP 800-88 Rev. 2, 4.6, asks for (name, title,
// date, location, contact, signature), and the decision on the result (4.5.2).
func (c *Content) addPeople(f *facts) {
	i := f.Intake
	t := Table{Caption: "People, as they were entered", Head: []string{"Who", "Did", "When", "Signature"},
		Shares: []int{29, 27, 25, 19}, Forms: []Form{Plain, Plain, Plain, Blank}}
	add := func(who, did string, kind certs.Kind) {
		when := "not on record"
		if at, ok := f.when[kind]; ok {
			when = day(at.Wall)
		}
		t.Rows = append(t.Rows, []string{who, did, when, ""})
	}
	add(person(i.Operator, i.Role, i.Name, i.Title)+f.was(certs.FieldOperator), "took the device in and ran the tool", certs.KindIntake)
	if k := f.Consent; k != nil {
		add(given(k.Who), "consented to the plan: "+given(k.How), certs.KindConsent)
	}
	if v := f.Validated; v != nil && v.Decision != certs.Awaiting {
		add(person(v.By, "", v.Name, v.Title), "validated the result: "+v.Decision, certs.KindValidated)
	}
	place := given(joined("; ", i.Place, i.Bench)) + f.was(certs.FieldPlace)
	blocks := []Block{Grid{[][]Pair{{{"Validation", validationWords(f), Strong}}}},
		Grid{[][]Pair{{p("Organisation", given(i.Organisation)+f.was(certs.FieldOrganisation)), p("Contact", given(i.Letterhead.Contact))}, {p("Place", place)}}}, t}
	if f.Consent == nil {
		blocks = append(blocks, Text{Words: "No consent is on record."})
	}
	c.add("people", "Validation and people", append(blocks,
		Text{Words: "Place and contact stand for all. The seal signs for all of them; the ruled lines are for ink, where the owner's procedure asks for it."})...)
}

// person by operator ID, and by name where names stand on papers.
func person(id, role, name, title string) string {
	return joined(", ", name, title, id, role)
}
