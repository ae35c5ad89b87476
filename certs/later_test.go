package certs_test

import (
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
)

// later is a visit with what the hub added after it.
func later(rs ...certs.Record) certs.Summary {
	d := certstest.Drive(0)
	all := []certs.Record{certstest.Intake(), certstest.Facts(d), certstest.Consent(certs.LevelClear, d), certstest.Started(d, certs.LevelClear),
		certstest.Finished(d, certs.LevelClear), certstest.TPM(certs.TPMCleared), certstest.Graded(certs.RouteRecycle)}
	return certs.Summarise(append(all, rs...))
}

func TestSummariseLater(t *testing.T) {
	first, second := certstest.Certified("a.pdf", "b.pdf"), certstest.Certified("b-2.pdf")
	undeclared := certstest.Received(0)
	undeclared.Received.Outcomes = undeclared.Received.Outcomes[:2]
	nothing := certstest.Received(0)
	nothing.Received.Outcomes = []certs.Outcome{{Kind: certs.OutcomeLandfilled}}
	part := certstest.Received(0)
	part.Received.Outcomes[0].Grams = 1
	for name, c := range map[string]struct {
		got      certs.Summary
		revision int
		replaces int
		closed   bool
		zero     bool
	}{
		"the stick's own paper":     {later(), 1, 0, false, false},
		"given away":                {later(first, certstest.Transferred()), 2, 2, false, false},
		"received":                  {later(first, certstest.Transferred(), certstest.Received(0)), 2, 2, true, true},
		"received and certified":    {later(first, certstest.Transferred(), second, certstest.Received(0)), 3, 3, true, true},
		"some of it landfilled":     {later(first, certstest.Transferred(), certstest.Received(1)), 2, 2, true, false},
		"landfill not declared":     {later(first, certstest.Transferred(), undeclared), 2, 2, true, false},
		"nothing but 0 g declared":  {later(first, certstest.Transferred(), nothing), 2, 2, true, false},
		"a part is accounted for":   {later(first, certstest.Transferred(), part), 2, 2, true, false},
		"given on by the receiver":  {later(first, certstest.Transferred(), certstest.Received(0), certstest.Transferred()), 2, 2, false, false},
		"a paper of a corrected":    {later(first, certstest.Corrected()), 2, 2, false, false},
		"a verdict is never better": {later(first, certstest.Received(0), certstest.FailedAt(certstest.Drive(0))), 2, 2, true, true},
	} {
		s := c.got
		if s.Revision != c.revision || len(s.Replaces) != c.replaces || s.Closed != c.closed || s.ZeroToLandfill() != c.zero {
			t.Errorf("%s: revision %d, replaces %d papers, closed %t, zero to landfill %t; want %d, %d, %t, %t",
				name, s.Revision, len(s.Replaces), s.Closed, s.ZeroToLandfill(), c.revision, c.replaces, c.closed, c.zero)
		}
		if want := name == "a verdict is never better"; (s.Verdict == certs.Failed) != want {
			t.Errorf("%s: verdict %s", name, s.Verdict)
		}
	}
}

func correction(field, was, is string) certs.Record {
	return certs.Record{Kind: certs.KindCorrected, Corrected: &certs.Corrected{Field: field, Was: was, Is: is, By: "sup02", Why: "mistyped"}}
}

func TestSummariseCorrected(t *testing.T) {
	named := certstest.Intake()
	named.Intake.Name, named.Intake.Title, named.Intake.Generated = "Rhys Ap", "Technician", true
	s := certs.Summarise([]certs.Record{named, certstest.Certified("a.pdf"), correction(certs.FieldTag, "DEP-0047123", "DEP-1"), correction(certs.FieldTag, "DEP-1", "DEP-2"),
		correction(certs.FieldDIAL, "2", "3"), correction(certs.FieldOperator, "op17", "op18"), correction(certs.FieldSource, "post", "desk"), correction(certs.FieldSeal, "HUB-00417", "")})
	i := s.Intake
	if i.Tag != "DEP-2" || i.Generated || i.DIAL != 3 || i.Operator != "op18" || i.Name != "" || i.Title != "" || i.Seal != "" {
		t.Errorf("the corrected intake is %+v", i)
	}
	if i.Source != "locker" {
		t.Errorf("a correction from %q, which it never was, made it %q", "post", i.Source)
	}
	if len(s.Corrections) != 6 || s.Corrections[0].Was != "DEP-0047123" {
		t.Errorf("corrections are %+v", s.Corrections)
	}
	if named.Intake.Tag != "DEP-0047123" || named.Intake.Name != "Rhys Ap" {
		t.Errorf("the record itself was changed: %+v", named.Intake)
	}
}

func TestCorrect(t *testing.T) {
	visit := []certs.Record{certstest.Intake(), certstest.Certified("a.pdf")}
	c, err := certs.Correct(visit, certs.FieldPlace, "Leeds", "sup02", "the hub has moved")
	if err != nil || c.Was != "Logistics hub, Unit 4, Casnewydd / Newport" || c.Is != "Leeds" {
		t.Fatalf("%+v, %v", c, err)
	}
	r := certs.Record{Kind: certs.KindCorrected, Corrected: c}
	if err := certs.CheckCorrections(append(visit, r)); err != nil {
		t.Error(err)
	}
	if err := certs.CheckCorrections(append(visit, r, r)); err == nil || !strings.Contains(err.Error(), "which it never was") {
		t.Errorf("the same correction twice gives %v", err)
	}
	for name, c := range map[string]struct{ field, is, by, why, want string }{
		"a verdict":       {"verdict", "sanitised", "sup02", "x", "can't be corrected"},
		"classification":  {"classification", "official", "sup02", "x", "can't be corrected"},
		"to what it was":  {certs.FieldTag, "DEP-0047123", "sup02", "x", "to what it was"},
		"by nobody":       {certs.FieldTag, "T2", "", "x", "who makes it"},
		"without why":     {certs.FieldTag, "T2", "sup02", "", "and why"},
		"DIAL":            {certs.FieldDIAL, "4", "sup02", "x", "is not 1, 2 or 3"},
		"DIAL in letters": {certs.FieldDIAL, "03", "sup02", "x", "is not 1, 2 or 3"},
		"no operator":     {certs.FieldOperator, "", "sup02", "x", "operator is empty"},
		"no such source":  {certs.FieldSource, "van", "sup02", "x", "source is"},
	} {
		if _, err := certs.Correct(visit, c.field, c.is, c.by, c.why); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
	if _, err := certs.Correct(nil, certs.FieldTag, "T2", "sup02", "x"); err == nil {
		t.Error("a visit without INTAKE was corrected")
	}
}

func TestValidateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		r    certs.Record
		want string
	}{
		"negative weight":          {change(certstest.Graded(certs.RouteRecycle), func(r *certs.Record) { r.Graded.Disposition.WeightGrams = -1 }), "negative"},
		"negative waste":           {change(certstest.Graded(certs.RouteRecycle), func(r *certs.Record) { r.Graded.Disposition.Waste[0].Grams = -1 }), "negative"},
		"no waste code":            {change(certstest.Graded(certs.RouteRecycle), func(r *certs.Record) { r.Graded.Disposition.Waste[0].LoW = "160214" }), "List of Wastes"},
		"hazardous maybe":          {change(certstest.Graded(certs.RouteRecycle), func(r *certs.Record) { r.Graded.Disposition.Waste[0].Hazardous = "maybe" }), "hazardous is"},
		"state in law":             {change(certstest.Graded(certs.RouteRecycle), func(r *certs.Record) { r.Graded.Disposition.Status = "waste" }), "status is"},
		"to nobody":                {change(certstest.Transferred(), func(r *certs.Record) { r.Transferred.To.Name = "" }), "nobody is named"},
		"negative transfer":        {change(certstest.Transferred(), func(r *certs.Record) { r.Transferred.WeightGrams = -1790 }), "negative"},
		"negative receipt":         {change(certstest.Received(0), func(r *certs.Record) { r.Received.WeightGrams = -1 }), "negative"},
		"negative landfill":        {certstest.Received(-5), "negative"},
		"landfill twice":           {change(certstest.Received(0), func(r *certs.Record) { r.Received.Outcomes[0].Kind = certs.OutcomeLandfilled }), "declared twice"},
		"burnt":                    {change(certstest.Received(0), func(r *certs.Record) { r.Received.Outcomes[0].Kind = "burnt" }), "outcome is"},
		"residue without a name":   {change(certstest.Facts(), func(r *certs.Record) { r.Facts.Residue[0].Item = "" }), "has no name"},
		"residue maybe":            {change(certstest.Facts(), func(r *certs.Record) { r.Facts.Residue[0].State = "maybe" }), "state of"},
		"residue of no state":      {change(certstest.Facts(), func(r *certs.Record) { r.Facts.Residue[0].State = "" }), "state of"},
		"damaged maybe":            {change(certstest.Facts(certstest.Drive(0)), func(r *certs.Record) { r.Facts.Drives[0].Damaged = "maybe" }), "damaged is"},
		"remapped below unknown":   {change(certstest.Finished(certstest.Drive(0), certs.LevelClear), func(r *certs.Record) { r.Finished.After.Remapped = -2 }), "less than nothing"},
		"confidence above a whole": {change(certstest.Finished(certstest.Drive(0), certs.LevelClear), func(r *certs.Record) { r.Finished.Verification.Confidence = "2" }), "no part of a whole"},
		"test without a result":    {change(certstest.Tests()[0], func(r *certs.Record) { r.Tested.Result = "" }), "result of a test"},
		"test by nobody knows":     {change(certstest.Tests()[0], func(r *certs.Record) { r.Tested.Kind = "" }), "kind of test"},
	} {
		r := c.r
		r.Schema, r.Visit, r.Stick, r.Seq, r.Prev = certs.Schema, "S01-000412", "S01", 7, strings.Repeat("0a", 32)
		r.At = certs.At(certstest.Start, certs.SourceHub, 0)
		r.Fill()
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
	}
}

func change(r certs.Record, f func(*certs.Record)) certs.Record {
	f(&r)
	return r
}
