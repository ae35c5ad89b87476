package grade

import (
	"fmt"
	"slices"
	"strings"
)

// missing lists how each unknown that closes a route better than r becomes
// known.
func missing(cs []criterion, r Route) []string {
	var out []string
	for _, better := range routes[:slices.Index(routes, r)] {
		for _, c := range cs {
			// The count of faults is made of items that are named one by one.
			if c.at(better) == unknown && c.Name != faultsName && !slices.Contains(out, c.find) {
				out = append(out, c.find)
			}
		}
	}
	return out
}

// why says in a sentence what closed the next better route.
func why(cs []criterion, d Decision) string {
	if d.Route == Redeploy {
		return fmt.Sprintf("all gates pass, function %s, condition %s; fits the role %s", d.Function, d.Condition, d.Role)
	}
	var reasons []string
	for _, c := range closing(cs, routes[slices.Index(routes, d.Route)-1]) {
		v := c.Name + ": " + c.Value
		if !c.Known {
			v += " (unknown counts as failed)"
		}
		reasons = append(reasons, v)
	}
	return fmt.Sprintf("not %s because of %s", upper(routes[slices.Index(routes, d.Route)-1]), strings.Join(reasons, ", "))
}

// better names the nearest better route and all that it would take.
func better(cs []criterion, r Route) string {
	i := slices.Index(routes, r)
	if i == 0 {
		return "there is no better route"
	}
	var needs []string
	for _, c := range closing(cs, routes[i-1]) {
		do := c.need
		if c.at(routes[i-1]) == unknown {
			do = c.find
		}
		if !slices.Contains(needs, do) {
			needs = append(needs, do)
		}
	}
	return upper(routes[i-1]) + ": " + list(needs)
}

// closing criteria of a route: everything that is not passed.
func closing(cs []criterion, r Route) []criterion {
	return slices.DeleteFunc(slices.Clone(cs), func(c criterion) bool { return c.at(r) == pass })
}
