package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// composeDisposal says the disposal certificate while the receiver's receipt is
// outstanding.
func composeDisposal(c *Content, f *facts) error {
	if f.Graded == nil {
		return fmt.Errorf("visit %s has no disposal certificate: the device was not graded", f.Visit)
	}
	if f.Route == certs.RouteHold {
		return fmt.Errorf("visit %s has no disposal certificate: the device is on HOLD", f.Visit)
	}
	c.Title, c.Under = "Certificate of disposal", "Status OPEN: the route is assigned, the receiver's receipt is outstanding. Visit "+f.Visit+"."
	c.Verdict = Verdict{Mark: Arrow, Word: "ROUTE: " + routeWords[f.Route], Sentence: routeSentence(f)}
	if f.Route == certs.RouteRemanufacture {
		c.Verdict.Word += " (CANDIDATE)"
	}
	if !f.Good() {
		c.Verdict.More = append(c.Verdict.More, "Erasure: "+verdictWord(f)+"; TPM: "+tpmWords[f.TPMResult]+".")
	}
	c.addDevice(f)
	c.addSanitisation(f)
	c.addGrade(f, "Route and grade")
	c.addTests(f)
	c.addHierarchy()
	c.addPeople(f)
	return nil
}

// composeHold says the notice that stands in place of a disposal certificate.
func composeHold(c *Content, f *facts) error {
	if f.Graded == nil || f.Route != certs.RouteHold {
		return fmt.Errorf("visit %s has no notice of HOLD: the device is not on HOLD", f.Visit)
	}
	c.Alarm = true
	c.Title, c.Under = "Notice of HOLD", "In place of a disposal certificate: this device has no route yet. Visit "+f.Visit+"."
	c.Verdict = Verdict{Mark: Warning, Word: "HOLD: DO NOT MOVE ON", Sentence: routeSentence(f)}
	holds := f.Graded.Hold
	if len(holds) == 0 {
		holds = []string{f.Graded.Why}
	}
	list := List{Numbered: true}
	for _, h := range holds {
		list.Items = append(list.Items, sentence(h))
	}
	c.add("holds", "What holds this device, and what to do", list)
	c.addDevice(f)
	c.addSanitisation(f)
	c.addGrade(f, "Grade so far")
	c.addTests(f)
	c.addPeople(f)
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
	pairs = append(pairs, p("TPM", tpmWords[f.TPMResult]), p("Certificate", Erasure.Stem(f.Visit)+".pdf"))
	c.add("sanitisation", "Sanitisation", Grid{[][]Pair{pairs}})
}

func (c *Content) addGrade(f *facts, title string) {
	g := f.Graded
	role := []Pair{p("Route", routeWords[f.Route])}
	if g.Role != "" {
		role = append(role, p("Fits the role", g.Role))
	}
	a := append(role, p("Function", known(g.Function)), p("Condition", known(g.Condition)), p("Level needed", known(g.LevelNeeded)))
	b := []Pair{p("Rule", known(g.Rule)), p("Policy", known(g.Policy.ID)+" "+known(g.Policy.Version))}
	wide := []Pair{p("Reason", sentence(g.Why)), p("Better route", sentence(g.Better)), {"Policy hash", known(g.Policy.SHA256), Fine}}
	c.add("grade", title, Grid{[][]Pair{a, b}}, Grid{[][]Pair{wide}})
	if len(g.Inputs) == 0 {
		return
	}
	half := (len(g.Inputs) + 1) / 2
	c.add("inputs", "What the decision saw", Grid{[][]Pair{inputPairs(g.Inputs[:half]), inputPairs(g.Inputs[half:])}})
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
// para 3).
func (c *Content) addTests(f *facts) {
	const title = "Tests (record after the WEEE Regulations 2013, Sch. 9 para 3)"
	if len(f.Tests) == 0 {
		c.add("tests", title, Text{Words: "No bench test is on record."})
		return
	}
	t := Table{Caption: "Bench tests and their results", Head: []string{"Test", "Result", "By"}}
	for _, e := range f.Tests {
		t.Rows = append(t.Rows, []string{given(e.Ask), given(e.Answer), given(e.Who)})
	}
	c.add("tests", title, t)
}

// addHierarchy says what is claimed about waste, and no more.
func (c *Content) addHierarchy() {
	c.add("hierarchy", "Waste hierarchy and zero to landfill",
		Text{Words: "The waste hierarchy was applied: redeployment, remanufacture and donation were each considered before recycling, " +
			"and the nearest better route is printed above. Landfill is no route."},
		Text{Words: "This certificate is OPEN. Zero to landfill is claimed only for closed devices, as the receiver declared: " +
			"this one is closed when its receiver's receipt is on record, and is then issued anew as CLOSED."})
}
