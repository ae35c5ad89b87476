package grade

import (
	"slices"
	"strings"

	"handback.example/grade/policy"
	"handback.example/inspect/function"
)

// verdict of one criterion for one route. The zero verdict is unknown, and
// unknown is no pass.
type verdict uint8

const (
	unknown verdict = iota
	fail
	pass
)

func check(ok bool) verdict {
	if ok {
		return pass
	}
	return fail
}

// criterion is one fact and what it means for each route but Recycle, which
// asks for nothing.
type criterion struct {
	Seen
	redeploy, remanufacture, donate verdict
	// need is what must be done so that a better route opens; find is how an
	// unknown becomes known.
	need, find string
}

// measured adds what a test of a part found that can be replaced: a failure closes
// the routes that need the part, and nothing else is decided by it.
func (c criterion) measured(tests map[string]function.Outcome, id, name string) criterion {
	o, done := tests[id]
	if !done {
		return c
	}
	c.Value += "; " + name + ": " + testWords(o)
	if o.Result == function.Fail {
		c.Known, c.redeploy, c.donate = true, fail, fail
	}
	return c
}

func (c criterion) at(r Route) verdict {
	switch r {
	case Redeploy:
		return c.redeploy
	case Remanufacture:
		return c.remanufacture
	case Donate:
		return c.donate
	}
	return pass
}

// open says whether a route is open. With hope, unknowns count as passed: only
// to see whether more knowledge could change the route.
func open(cs []criterion, r Route, hope bool) bool {
	return !slices.ContainsFunc(cs, func(c criterion) bool {
		v := c.at(r)
		return v == fail || v == unknown && !hope
	})
}

func bestRoute(cs []criterion, hope bool) Route {
	for _, r := range routes {
		if open(cs, r, hope) {
			return r
		}
	}
	return Recycle
}

func criteria(in Input, p policy.Policy) []criterion {
	hw := items(in, p)
	return append(functionCriteria(hw, p),
		faultsCriterion(hw, p),
		conditionCriterion(in, p),
		batteryCriterion(in.Report, p).measured(in.Tests, function.IDBattery, "under load"),
		driveCriterion(in.Report, p).measured(in.Tests, function.IDDrives, "self-test"),
		memoryCriterion(in.Report, p),
		storageCriterion(in.Report, p),
		windowsCriterion(in.Report, p),
		roleCriterion(in, p),
	)
}

func upper(r Route) string { return strings.ToUpper(string(r)) }

func list(s []string) string { return strings.Join(s, "; ") }
