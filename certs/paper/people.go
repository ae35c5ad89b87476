package paper

import (
	"handback.example/certs"
)

// addPeople: for each person, what NIST SP 800-88 Rev. 2, 4.6, asks for (name, title,
// date, location, contact, signature), and the decision on the result (4.5.2).
func (c *Content) addPeople(f *facts) {
	i := f.Intake
	t := Table{Caption: "People, as they were entered", Head: []string{"Who", "Did", "When", "Signature"},
		Shares: []int{27, 33, 23, 17}, Forms: []Form{Plain, Plain, Plain, Blank}}
	add := func(who, did string, kind certs.Kind) {
		when := "not on record"
		if at, ok := f.when[kind]; ok {
			when = day(at.Wall)
		}
		t.Rows = append(t.Rows, []string{who, did, when, ""})
	}
	operator := person(i.Operator, i.Role, i.Name, i.Title) + f.was(certs.FieldOperator)
	switch k := f.Consent; {
	case k == nil:
		add(operator, "took the device in; no consent is on record", certs.KindIntake)
	case k.Who == i.Operator:
		add(operator, "took the device in, consented to the plan ("+given(k.How)+") and ran the tool", certs.KindConsent)
	default:
		add(operator, "took the device in and ran the tool", certs.KindIntake)
		add(given(k.Who), "consented to the plan ("+given(k.How)+")", certs.KindConsent)
	}
	if v := f.Validated; v != nil && v.Decision != certs.Awaiting {
		add(person(v.By, "", v.Name, v.Title), "validated the result: "+v.Decision, certs.KindValidated)
	}
	place := given(joined("; ", i.Place, i.Bench)) + f.was(certs.FieldPlace)
	blocks := []Block{Grid{[][]Pair{{{"Validation", validationWords(f), Strong}}}},
		Grid{[][]Pair{{p("Organisation", given(i.Organisation)+f.was(certs.FieldOrganisation)), p("Contact", given(i.Letterhead.Contact))}, {p("Place", place), p("Tool", f.tool())}}}, t}
	c.add("people", "Validation and people", append(blocks,
		Text{Words: "Place and contact stand for all. The seal signs for all of them; the ruled lines are for ink, where the owner's procedure asks for it."})...)
}

// person by operator ID, and by name where names stand on papers.
func person(id, role, name, title string) string {
	return joined(", ", name, title, id, role)
}
