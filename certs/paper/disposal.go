package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// composeDisposal says the disposal certificate: OPEN while the receiver's receipt is
// outstanding, CLOSED when it is on record.
func composeDisposal(c *Content, f *facts) error {
	if f.Graded == nil {
		return fmt.Errorf("visit %s has no disposal certificate: the device was not graded", f.Visit)
	}
	if f.Route == certs.RouteHold {
		return fmt.Errorf("visit %s has no disposal certificate: the device is on HOLD", f.Visit)
	}
	c.Title = "Certificate of disposal"
	c.Verdict = Verdict{Mark: Arrow, Word: "ROUTE: " + routeWords[f.Route], Badge: "OPEN", Sentence: routeSentence(f)}
	c.Under = "OPEN: the route is assigned, and the receiver's receipt is outstanding."
	if f.Closed {
		c.Verdict.Badge = "CLOSED"
		c.Under = "CLOSED: the receiver's receipt is on record."
	}
	if f.Route == certs.RouteRemanufacture {
		c.Verdict.Word += " (CANDIDATE)"
	}
	if !f.Good() {
		c.Verdict.More = append(c.Verdict.More, "Erasure: "+verdictWord(f)+"; TPM: "+tpmWords[f.TPMResult]+".")
	}
	c.addRejection(f)
	c.addLater(f)
	c.addDevice(f)
	c.addGrade(f, "Route and grade")
	c.addSanitisation(f)
	c.addStatus(f)
	c.addReceiver(f)
	c.addHierarchy(f)
	c.addTests(f)
	if f.Route == certs.RouteRecycle {
		c.addTransferNote(f)
	}
	c.addPeople(f)
	c.annexInputs(f)
	return nil
}

// composeHold says the notice that stands in place of a disposal certificate.
func composeHold(c *Content, f *facts) error {
	if f.Graded == nil || f.Route != certs.RouteHold {
		return fmt.Errorf("visit %s has no notice of HOLD: the device is not on HOLD", f.Visit)
	}
	c.Alarm = true
	c.Title, c.Under = "Notice of HOLD", "In place of a disposal certificate: this device has no route yet."
	c.Verdict = Verdict{Mark: Stop, Word: "HOLD: DO NOT MOVE ON", Sentence: routeSentence(f)}
	holds := f.Graded.Hold
	if len(holds) == 0 {
		holds = []string{f.Graded.Why}
	}
	list := List{Numbered: true}
	for _, h := range capped(holds) {
		list.Items = append(list.Items, sentence(h))
	}
	c.addRejection(f)
	c.addLater(f)
	c.add("holds", "What holds this device, and what to do", list)
	c.addDevice(f)
	c.addSanitisation(f)
	c.addGrade(f, "Grade so far")
	if len(f.Tests) > 0 {
		c.addTests(f)
	}
	c.addPeople(f)
	c.annexInputs(f)
	return nil
}

// routeSentence is the reason of whoever decided: the rule, or the person who
// overruled it.
func routeSentence(f *facts) string {
	if o := f.Overruled; o != nil {
		return fmt.Sprintf("Decided by %s against the rule's %s%s.", o.By, routeWords[f.Graded.Route], because(o.Why))
	}
	return sentence(f.Graded.Why)
}

func (c *Content) addSanitisation(f *facts) {
	pairs := []Pair{{"Verdict", verdictWord(f) + ". " + verdictSentence(f), Strong}}
	for _, m := range f.Media {
		pairs = append(pairs, p("Drive "+known(m.Drive.Name), fmt.Sprintf("%s, serial %s: %s", known(m.Drive.Model), known(m.Drive.Serial), strings.ToLower(mediumWord(m)))))
	}
	for _, r := range f.Removed {
		pairs = append(pairs, p("Drive taken out", removedLine(r)))
	}
	if f.Consent != nil && f.Consent.Accepted != "" {
		pairs = append(pairs, p("Accepted", "by "+f.Consent.Who+": "+f.Consent.Accepted))
	}
	pairs = append(pairs, p("TPM", tpmWords[f.TPMResult]), p("Validation", validationWords(f)), p("Certificate", Erasure.Stem(f.Visit, 1)+".pdf, and what replaces it"))
	c.add("sanitisation", "Sanitisation", Grid{[][]Pair{pairs}})
}

func (c *Content) addGrade(f *facts, title string) {
	g := f.Graded
	a := []Pair{p("Route", routeWords[f.Route])}
	if g.Role != "" {
		a = append(a, p("Fits the role", g.Role))
	}
	a = append(a, p("Function", known(g.Function)), p("Condition", known(g.Condition)))
	b := []Pair{p("Level needed", known(g.LevelNeeded)), p("Rule", known(g.Rule)), p("Policy", known(g.Policy.ID)+" "+known(g.Policy.Version))}
	wide := []Pair{p("Reason", sentence(g.Why)), p("Better route", sentence(g.Better))}
	if o := f.Overruled; o != nil {
		wide = append(wide, Pair{"Overruled", fmt.Sprintf("by %s: %s instead of %s%s.", o.By, routeWords[o.Route], routeWords[g.Route], because(o.Why)), Strong})
	}
	c.add("grade", title, Grid{[][]Pair{a, b}}, Grid{[][]Pair{wide}})
}

// annexInputs has every fact as the decision saw it.
func (c *Content) annexInputs(f *facts) {
	g := f.Graded
	blocks := []Block{Grid{[][]Pair{{{"Policy (SHA-256)", known(g.Policy.SHA256), Fine}}}}}
	if len(g.Inputs) > 0 {
		half := (len(g.Inputs) + 1) / 2
		blocks = append(blocks, Grid{[][]Pair{inputPairs(g.Inputs[:half]), inputPairs(g.Inputs[half:])}})
	}
	c.annex("inputs", "Evidence: what the decision saw", blocks...)
}

func inputPairs(in []certs.Input) []Pair {
	var out []Pair
	for _, i := range in {
		v := given(i.Value)
		if !i.Known {
			v = "unknown"
			if i.Value != "" && i.Value != v {
				v += ": " + i.Value
			}
		}
		out = append(out, Pair{i.Name, v, Small})
	}
	return out
}

// addTests is the test record of used equipment (WEEE Regulations 2013, Sch. 9
// para 3): item, type number, year, responsible company and address, tests performed,
// results, date.
func (c *Content) addTests(f *facts) {
	const title = "Test record (after the WEEE Regulations 2013, Sch. 9 para 3)"
	var m certs.Machine
	if f.Facts != nil {
		m = f.Facts.Machine
	}
	l := f.Intake.Letterhead
	company := l.Organisation
	if company == "" {
		company = f.Intake.Organisation
	}
	address := joined(", ", l.Address...)
	a := []Pair{p("Item", known(m.Kind)), p("Type number", joined(" ", m.Maker, known(m.Model))), blank("Year of production", m.Year)}
	b := []Pair{blank("Responsible company", company), blank("Address", address)}
	when, ok := f.when[certs.KindTested]
	if ok {
		b = append(b, p("Date of the tests", day(when.Wall)))
	} else {
		b = append(b, Pair{"Date of the tests", "", Blank})
	}
	if len(f.Tests) == 0 {
		c.add("tests", title, Grid{[][]Pair{a, b}}, Text{Words: "No test is on record."})
		return
	}
	t := Table{Caption: "Tests and their results", Head: []string{"Test", "Result", "Rests on", "By"}, Shares: []int{38, 14, 30, 18}}
	for _, e := range f.Tests {
		by, rests := given(e.Who), joined("; ", "answer: "+given(e.Answer), e.Evidence)
		if e.Kind == certs.TestAutomatic {
			by, rests = "measured by the tool", given(e.Evidence)
			if e.Result == certs.TestNotTested {
				by = "nobody"
			}
		}
		t.Rows = append(t.Rows, []string{given(e.Ask), testWords[e.Result], rests, by})
		t.Marks = append(t.Marks, testMark(e.Result))
	}
	c.add("tests", title, Grid{[][]Pair{a, b}}, t)
}

var testWords = map[string]string{
	certs.TestPass: "pass", certs.TestFail: "FAIL", certs.TestNotPresent: "not there", certs.TestNotTested: "NOT TESTED",
}

func testMark(result string) Mark {
	switch result {
	case certs.TestPass:
		return Tick
	case certs.TestFail:
		return Cross
	case certs.TestNotPresent:
		return Empty
	}
	return Question
}
