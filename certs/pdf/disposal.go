package pdf

import (
	"fmt"
	"strings"
	"unicode"

	"handback.example/certs"
)

// drawDisposal draws the disposal certificate while the receiver's receipt is
// outstanding.
func drawDisposal(c *canvas, f *facts) error {
	if f.Graded == nil {
		return fmt.Errorf("visit %s has no disposal certificate: the device was not graded", f.Visit)
	}
	if f.Route == certs.RouteHold {
		return fmt.Errorf("visit %s has no disposal certificate: the device is on HOLD", f.Visit)
	}
	start(c, f, "Certificate of disposal", "Status OPEN: the route is assigned, the receiver's receipt is outstanding. Visit "+f.Visit+".", false)
	word := "ROUTE: " + routeWords[f.Route]
	if f.Route == certs.RouteRemanufacture {
		word += " (CANDIDATE)"
	}
	var more []string
	if !f.Good() {
		more = append(more, "Erasure: "+verdictWord(f)+"; TPM: "+tpmWords[f.TPMResult]+".")
	}
	verdictBox(c, '>', word, routeSentence(f), more...)
	deviceSection(c, f)
	erasureSummary(c, f)
	gradeSection(c, f, "Route and grade")
	testsSection(c, f)
	hierarchySection(c)
	peopleSection(c, f)
	if err := sealSection(c, f); err != nil {
		return err
	}
	feet(c, f)
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

func sentence(s string) string {
	if strings.TrimSuffix(s, ".") == "" {
		return "No reason is on record."
	}
	r := []rune(strings.TrimSuffix(s, "."))
	r[0] = unicode.ToUpper(r[0])
	return string(r) + "."
}

func erasureSummary(c *canvas, f *facts) {
	section(c, "Sanitisation", 2500)
	pairs := []pair{{"Verdict", verdictWord(f) + ". " + verdictSentence(f), bold}}
	for _, m := range f.Media {
		pairs = append(pairs, p("Drive "+known(m.Drive.Name), fmt.Sprintf("%s, serial %s: %s", known(m.Drive.Model), known(m.Drive.Serial), strings.ToLower(mediumWord(m)))))
	}
	pairs = append(pairs, p("TPM", tpmWords[f.TPMResult]), p("Certificate", KindErasure.Name(f.Visit)))
	grid(c, left, inner, 6400, pairs)
	c.y += 700
}

func gradeSection(c *canvas, f *facts, name string) {
	g := f.Graded
	section(c, name, 4000)
	role := []pair{p("Route", routeWords[f.Route])}
	if g.Role != "" {
		role = append(role, p("Fits the role", g.Role))
	}
	a := append(role, p("Function", known(g.Function)), p("Condition", known(g.Condition)), p("Level needed", known(g.LevelNeeded)))
	b := []pair{p("Rule", known(g.Rule)), p("Policy", known(g.Policy.ID)+" "+known(g.Policy.Version))}
	grid(c, left, inner, 6400, a, b)
	grid(c, left, inner, 6400, []pair{p("Reason", sentence(g.Why)), p("Better route", sentence(g.Better)), {"Policy hash", known(g.Policy.SHA256), fine}})
	c.y += 700
	if len(g.Inputs) == 0 {
		return
	}
	half := (len(g.Inputs) + 1) / 2
	section(c, "What the decision saw", gridHeight(c, inner, 9800, inputPairs(g.Inputs[:half]), inputPairs(g.Inputs[half:])))
	grid(c, left, inner, 9800, inputPairs(g.Inputs[:half]), inputPairs(g.Inputs[half:]))
	c.y += 700
}

func inputPairs(in []certs.Input) []pair {
	var out []pair
	for _, i := range in {
		v := given(i.Value)
		if !i.Known {
			v = "unknown"
			if i.Value != "" && i.Value != v {
				v += ": " + i.Value
			}
		}
		out = append(out, pair{i.Name, v, small})
	}
	return out
}

// testsSection is the test record of used equipment (WEEE Regulations 2013,
// Sch. 9 para 3).
func testsSection(c *canvas, f *facts) {
	section(c, "Tests (record after the WEEE Regulations 2013, Sch. 9 para 3)", 2500)
	if len(f.Tests) == 0 {
		c.para(left, inner, body, "No bench test is on record.")
		c.y += 900
		return
	}
	for _, t := range f.Tests {
		grid(c, left, inner, 24000, []pair{{given(t.Ask), given(t.Answer) + " (" + given(t.Who) + ")", body}})
	}
	c.y += 700
}

// hierarchySection says what is claimed about waste, and no more.
func hierarchySection(c *canvas) {
	section(c, "Waste hierarchy and zero to landfill", 3500)
	c.para(left, inner, body, "The waste hierarchy was applied: redeployment, remanufacture and donation were each considered before recycling, "+
		"and the nearest better route is printed above. Landfill is no route.")
	c.y += 200
	c.para(left, inner, body, "This certificate is OPEN. Zero to landfill is claimed only for closed devices, as the receiver declared: "+
		"this one is closed when its receiver's receipt is on record, and is then issued anew as CLOSED.")
	c.y += 900
}

// drawHold draws the notice that stands in place of a disposal certificate.
func drawHold(c *canvas, f *facts) error {
	if f.Graded == nil || f.Route != certs.RouteHold {
		return fmt.Errorf("visit %s has no notice of HOLD: the device is not on HOLD", f.Visit)
	}
	start(c, f, "Notice of HOLD", "In place of a disposal certificate: this device has no route yet. Visit "+f.Visit+".", true)
	verdictBox(c, '!', "HOLD: DO NOT MOVE ON", routeSentence(f))
	section(c, "What holds this device, and what to do", 2500)
	holds := f.Graded.Hold
	if len(holds) == 0 {
		holds = []string{sentence(f.Graded.Why)}
	}
	for i, h := range holds {
		grid(c, left, inner, 1600, []pair{{fmt.Sprintf("%d", i+1), sentence(h), body}})
	}
	c.y += 700
	deviceSection(c, f)
	erasureSummary(c, f)
	gradeSection(c, f, "Grade so far")
	testsSection(c, f)
	peopleSection(c, f)
	if err := sealSection(c, f); err != nil {
		return err
	}
	feet(c, f)
	return nil
}
