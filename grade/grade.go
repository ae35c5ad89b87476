// Package grade decides which way a machine goes: redeploy, remanufacture,
// donate, recycle, or HOLD. Decide is a pure function of facts, answers and
// policy, and every decision names its rule, its inputs and the nearest better
// route.
//
// Gates come before scores: data, custody, locks, safety, TPM. An unknown is
// never a pass: it counts as the worst that the fact could be, and where only
// an unknown would send a machine to recycling, the machine is held until
// somebody has tested it. The package never erases, never reads a device, and
// never calls a machine remanufactured: 'remanufacture' means a candidate
// (BS 8887-220 asks for more than a bench can show).
//
// Scales: R2v3 function (F3, F4) and cosmetic condition (C0 to C6). Levels:
// NIST SP 800-88 Rev. 2.
package grade

import (
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/function"
)

// Route of a machine. The zero Route is no decision.
type Route string

const (
	Redeploy      Route = "redeploy"
	Remanufacture Route = "remanufacture"
	Donate        Route = "donate"
	Recycle       Route = "recycle"
	Hold          Route = "hold"
)

// routes from best to worst. Hold is no route: it is the absence of one.
var routes = []Route{Redeploy, Remanufacture, Donate, Recycle}

// What TPM may say in an Input.
const (
	TPMCleared    = "cleared"
	TPMNotCleared = "not-cleared"
	TPMPending    = "pending"
	TPMNotPresent = "not-present"
	TPMUnknown    = "unknown"
)

// Answers that intake gives beside the policy's questions. 'no' passes, 'yes'
// holds the machine, anything else is unknown and holds it too.
const (
	AnswerStolen    = "stolen"
	AnswerLegalHold = "legal-hold"
	AnswerDisputed  = "disputed"
)

// Custody turns the three stop reasons of an intake that was taken into answers.
func Custody(stolen, legalHold, disputed bool) map[string]string {
	say := map[bool]string{false: "no", true: "yes"}
	return map[string]string{AnswerStolen: say[stolen], AnswerLegalHold: say[legalHold], AnswerDisputed: say[disputed]}
}

// Input is all that a decision is made from. The zero Input is held.
type Input struct {
	Report *inspect.Report
	// Sanitised: the engine's verdict on every internal medium is 'sanitised'.
	Sanitised bool
	// Level that every medium reached at least: 'none', 'clear' or 'purge'.
	Level string
	// LevelAccepted: a named person accepted Clear where Purge is needed.
	LevelAccepted bool
	TPM           string            // TPMCleared, ...
	Answers       map[string]string // question id to the value of a choice; and AnswerStolen, ...
	// Tests that the machine did by itself, by their IDs (package function). One that is
	// not here, or was not done, changes nothing.
	Tests     map[string]function.Outcome
	Unhandled int // media or controllers that nobody could erase
}

// Decision on one machine.
type Decision struct {
	Route Route `json:"route"`
	// Role that a machine is redeployed as; empty on the other routes.
	Role      string `json:"role,omitempty"`
	Function  string `json:"function"`  // 'F4', 'F3', 'below F3' or 'not tested'
	Condition string `json:"condition"` // 'C1' to 'C6'; 'C0': nobody looked
	Rule      string `json:"rule"`      // stable id: 'gate.data', 'route.donate'
	Why       string `json:"why"`       // a sentence
	// Better is the nearest better route and what it would take.
	Better string `json:"better"`
	Inputs []Seen `json:"inputs"`
	Gates  []Gate `json:"gates"`
	// Hold says what keeps the machine and what to do about each; empty unless
	// Route is Hold.
	Hold []string `json:"hold,omitempty"`
	// Missing are the tests and facts that counted against the machine because
	// nobody knows them.
	Missing []string `json:"missing,omitempty"`
	// LevelNeeded by the route (on HOLD: by the route that would follow).
	LevelNeeded string `json:"level_needed"`
	Policy      Source `json:"policy"`
}

// Source names the rules that a decision was made by.
type Source struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Seen is one fact as the decision saw it.
type Seen struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Known bool   `json:"known"`
}

// Gate must be passed before anything is scored.
type Gate struct {
	ID      string `json:"id"`
	Passed  bool   `json:"passed"`
	Unknown bool   `json:"unknown"`
	What    string `json:"what"`         // what is so
	Do      string `json:"do,omitempty"` // what to do where it isn't passed
}

// Decide finds the route of a machine.
func Decide(in Input, p policy.Policy) Decision {
	d := Decision{Route: Hold, Policy: Source{p.ID, p.Version, p.Hash()}}
	cs := criteria(in, p)
	d.Function, d.Condition = functionGrade(in, p), condition(in, p)
	for _, c := range cs {
		d.Inputs = append(d.Inputs, c.Seen)
	}
	// Unknown counts as the worst for the route that is given, and as the best
	// only to see whether a test could still change it.
	route, could := bestRoute(cs, false), bestRoute(cs, true)
	d.Missing = missing(cs, route)
	d.Gates = gates(in, p)
	d.LevelNeeded = levelNeeded(route, p)
	if blocked(d.Gates) {
		return d.held(could)
	}
	if route == Recycle && could != Recycle {
		d.Gates = append(d.Gates, Gate{ID: "missing", Unknown: true,
			What: "too little is known to give this machine up: " + list(d.Missing),
			Do:   "test or find out: " + list(d.Missing)})
		d.LevelNeeded = levelNeeded(could, p)
		return d.held(could)
	}
	level := levelGate(in, p, route)
	if d.Gates = append(d.Gates, level); !level.Passed {
		return d.held(could)
	}
	d.Route, d.Rule = route, "route."+string(route)
	if route == Redeploy {
		d.Role = role(in, p)
	}
	d.Why, d.Better = why(cs, d), better(cs, route)
	return d
}

// held fills in what keeps the machine. The first gate that isn't passed is the
// rule; every one of them is listed.
func (d Decision) held(could Route) Decision {
	d.Route = Hold
	for _, g := range d.Gates {
		if g.Passed {
			continue
		}
		if d.Rule == "" {
			d.Rule, d.Why = "gate."+g.ID, g.What
		}
		d.Hold = append(d.Hold, g.What+": "+g.Do)
	}
	d.Better = "lift the hold; by what is known the machine may then go as far as " + upper(could)
	return d
}

func blocked(gs []Gate) bool {
	for _, g := range gs {
		if !g.Passed {
			return true
		}
	}
	return false
}
