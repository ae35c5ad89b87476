package grade

import (
	"fmt"
	"strings"

	"handback.example/grade/policy"
	"handback.example/inspect/function"
)

// item is one piece of hardware and whether it works.
type item struct {
	name, value string
	state       verdict
	counts      string // policy.CountsF3 or policy.CountsF4
	repair      string
	asked       bool // a person answered for it, or should have
}

// items: what this machine showed by running (processor, memory, network), and
// what a person was asked. Drives and battery have criteria of their own.
func items(in Input, p policy.Policy) []item {
	its := []item{processor(in), memory(in), network(in)}
	for _, q := range p.QuestionsFor(in.Report) {
		if q.Counts != policy.CountsF3 && q.Counts != policy.CountsF4 {
			continue
		}
		a := in.Answers[q.ID]
		if q.Means(a) == policy.MeansAbsent {
			continue // the rest of the machine can be as good without
		}
		it := item{name: q.Short, value: label(q, a), counts: q.Counts, repair: q.Repair, asked: true}
		switch q.Means(a) {
		case policy.MeansPass:
			it.state = pass
		case policy.MeansFail:
			it.state = fail
		}
		its = append(its, it)
	}
	return its
}

// A processor that is known has run everything that this program did, tested or not.
func processor(in Input) item {
	it := item{name: "processor", value: "unknown", counts: policy.CountsF3, repair: "replace the main board"}
	if in.Report != nil && in.Report.CPU.Model.Known && in.Report.CPU.Model.Value != "" {
		it.state, it.value = pass, in.Report.CPU.Model.Value
	}
	return it.measured(in.Tests[function.IDProcessor])
}

// measured adds what a test found. One that was not done to its end leaves the state as
// it was, and says so.
func (it item) measured(o function.Outcome) item {
	switch it.value += "; " + testWords(o); o.Result {
	case function.Pass:
		it.state = pass
	case function.Fail:
		it.state = fail
	}
	return it
}

func testWords(o function.Outcome) string {
	words := map[function.Result]string{function.Pass: "tested", function.Fail: "test FAILED", function.NotPresent: "no test there"}[o.Result]
	if words == "" {
		words = "not tested"
	}
	if o.Evidence != "" {
		words += ": " + o.Evidence
	}
	return words
}

func memory(in Input) item {
	it := item{name: "memory", value: "unknown", counts: policy.CountsF3, repair: "replace the memory"}
	if in.Report != nil && in.Report.Memory.Bytes.Known && in.Report.Memory.Bytes.Value > 0 {
		it.state, it.value = pass, "in use while the machine was inspected"
	}
	return it.measured(in.Tests[function.IDMemory])
}

// A network adapter counts once the kernel sees it; no traffic is sent on the
// bench. That none was seen proves nothing: its driver may be missing here.
func network(in Input) item {
	it := item{name: "network adapter", value: "none was seen", counts: policy.CountsF3, repair: "replace the network adapter"}
	if in.Report != nil && len(in.Report.Network) > 0 {
		it.state, it.value = pass, "seen, no traffic sent"
	}
	return it
}

// functionCriteria: one for each item. A failed item can be repaired, so it
// closes Remanufacture only together with others (faultsCriterion).
func functionCriteria(its []item, p policy.Policy) []criterion {
	var cs []criterion
	for _, it := range its {
		c := criterion{Seen: Seen{Name: it.name, Value: it.value, Known: it.state != unknown},
			redeploy: pass, remanufacture: pass, donate: pass, need: it.repair, find: "test: " + it.name}
		if it.counts == policy.CountsF3 || p.Grade.RedeployFunction != policy.CountsF3 {
			c.redeploy = it.state
		}
		if it.counts == policy.CountsF3 || p.Grade.DonateFunction != policy.CountsF3 {
			c.donate = it.state
		}
		cs = append(cs, c)
	}
	return cs
}

const faultsName = "faults"

// faultsCriterion: more faults than the policy allows are not worth the repair.
// Untested items count as faults until somebody tests them.
func faultsCriterion(its []item, p policy.Policy) criterion {
	faults, untested := 0, 0
	for _, it := range its {
		switch it.state {
		case unknown:
			untested++
		case fail:
			faults++
		}
	}
	c := criterion{Seen: Seen{Name: faultsName, Value: fmt.Sprint(faults), Known: untested == 0}, redeploy: pass, donate: pass,
		need: fmt.Sprintf("leave at most %d faults", p.Machine.RepairableFaults), find: "test: " + untestedNames(its)}
	if untested > 0 {
		c.Value = fmt.Sprintf("%d found, %d not tested", faults, untested)
	}
	if faults > p.Machine.RepairableFaults {
		c.remanufacture = fail
	} else if faults+untested <= p.Machine.RepairableFaults {
		c.remanufacture = pass
	}
	return c
}

func untestedNames(its []item) string {
	var names []string
	for _, it := range its {
		if it.state == unknown {
			names = append(names, it.name)
		}
	}
	return strings.Join(names, ", ")
}

func conditionCriterion(in Input, p policy.Policy) criterion {
	c := condition(in, p)
	s := criterion{Seen: Seen{Name: "condition", Value: c, Known: c != unseen},
		need: "make the case good again", find: "test: condition of the case"}
	if !s.Known {
		s.Value = "not tested"
		return s
	}
	// C1 to C6 are ordered as text.
	s.redeploy = check(c >= p.Grade.RedeployCondition)
	s.remanufacture = check(c >= p.Grade.RemanufactureCondition)
	s.donate = check(c >= p.Grade.DonateCondition)
	return s
}

// unseen is R2v3's C0, uncategorised.
const unseen = "C0"

func condition(in Input, p policy.Policy) string {
	for _, q := range p.Questions {
		if a := in.Answers[q.ID]; q.Counts == policy.CountsCondition && q.Means(a) == policy.MeansPass {
			return a
		}
	}
	return unseen
}

// functionGrade gives R2v3's grade as far as a bench can: F4 if all hardware
// passes, F3 if its key functions do.
func functionGrade(in Input, p policy.Policy) string {
	its, answered := items(in, p), false
	for _, it := range its {
		answered = answered || it.asked && it.state != unknown
	}
	key := together(its, true)
	switch {
	case !answered:
		return "not tested"
	case key == fail:
		return "below F3"
	case key == unknown:
		return "not tested in full"
	case together(its, false) == pass:
		return "F4"
	}
	return "F3"
}

// together: a failure fails all, and an unknown leaves all unknown.
func together(its []item, keyOnly bool) verdict {
	v := pass
	for _, it := range its {
		if keyOnly && it.counts != policy.CountsF3 {
			continue
		}
		if it.state == fail {
			return fail
		}
		if it.state == unknown {
			v = unknown
		}
	}
	return v
}

func label(q policy.Question, value string) string {
	for _, c := range q.Choices {
		if c.Value == value {
			return c.Label
		}
	}
	return "not tested"
}
