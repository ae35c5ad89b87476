package evidence

import (
	"fmt"

	"handback.example/certs"
	"handback.example/grade"
	"handback.example/inspect"
)

// weight that is typical of a kind of machine, in grams: the median of the weights in
// Boavizta's environmental-footprint-data (ODbL), commit 61323eb of 23 February
// 2023. Kinds that it doesn't have are not known.
type weight struct {
	grams int64
	of    string
}

var weights = map[string]weight{
	inspect.KindLaptop:      {1650, "407 laptops"},
	inspect.KindConvertible: {1650, "407 laptops"},
	inspect.KindDesktop:     {5260, "217 desktops"},
	inspect.KindTablet:      {731, "7 tablets"},
	inspect.KindServer:      {22225, "55 servers"},
}

// Disposition of a machine on the route of its grade. What is used again is
// equipment; what is recycled is waste, and taken as hazardous until somebody has
// assessed it: the codes are proposals that a person confirms.
func Disposition(d grade.Decision, s certs.Summary, partner certs.Party) certs.Disposition {
	kind, battery := "", false
	if s.Facts != nil {
		kind, battery = s.Facts.Machine.Kind, len(s.Facts.Battery) > 0
	}
	out := certs.Disposition{Partner: partner, Removed: removed(s)}
	if w, ok := weights[kind]; ok {
		out.WeightGrams, out.WeightEstimated = w.grams, certs.Yes
		out.WeightSource = "median of " + w.of + " in Boavizta's data (ODbL, February 2023)"
	}
	switch d.Route {
	case grade.Redeploy, grade.Remanufacture, grade.Donate:
		out.Status = certs.StatusEEE
		out.Hierarchy = "Prevention: the machine is used again and does not become waste."
	case grade.Recycle:
		out.Status = certs.StatusWEEE
		out.Waste = []certs.Waste{{LoW: "16 02 13*", Description: description(kind, battery), Hazardous: certs.Yes, Grams: out.WeightGrams, Estimated: out.WeightEstimated, Containers: "loose"}}
		out.Hierarchy = "The waste hierarchy was applied: redeployment, remanufacture and donation were asked for first, in this order. Recycling is what was left: " + d.Why + "."
	}
	return out
}

// description of the waste, for a transfer note: what it is, by what is known.
func description(kind string, battery bool) string {
	what := "discarded computer"
	if kind != "" {
		what += " (" + kind + ")"
	}
	switch kind {
	case inspect.KindLaptop, inspect.KindConvertible, inspect.KindTablet, inspect.KindAllInOne:
		what += ", screen"
	}
	if battery {
		what += ", battery"
	}
	return what + "; taken as hazardous until it is assessed"
}

// removed parts of a visit: the drives that were taken out.
func removed(s certs.Summary) []string {
	var out []string
	for _, r := range s.Removed {
		line := fmt.Sprintf("drive %s, serial %s", or(r.Drive.Model, "model unknown"), or(r.Drive.Serial, "unknown"))
		if r.Seal != "" {
			line += ", seal " + r.Seal
		}
		out = append(out, line)
	}
	return out
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
