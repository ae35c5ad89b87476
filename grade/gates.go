package grade

import (
	"fmt"

	"handback.example/grade/policy"
)

// gates that every route has in common, in the order in which they count.
func gates(in Input, p policy.Policy) []Gate {
	gs := []Gate{dataGate(in), unhandledGate(in),
		custodyGate(in, AnswerStolen, "reported stolen", "tell the supervisor and the police liaison"),
		custodyGate(in, AnswerLegalHold, "under legal hold", "keep it sealed until the hold is lifted"),
		custodyGate(in, AnswerDisputed, "disputed by its owner", "keep it until the supervisor has settled whose it is"),
	}
	for _, q := range p.QuestionsFor(in.Report) {
		if q.Counts == policy.CountsGate {
			gs = append(gs, questionGate(in, q))
		}
	}
	return append(gs, tpmGate(in))
}

// The data gate holds the machine but dooms the drive only.
func dataGate(in Input) Gate {
	g := Gate{ID: "data", Passed: in.Sanitised && (in.Level == "clear" || in.Level == "purge")}
	switch {
	case g.Passed:
		g.What = "every drive is sanitised: " + in.Level
	case in.Sanitised:
		g.Unknown, g.What = true, "the level of the sanitisation is not known"
		g.Do = "erase the drives again, or destroy the drives only"
	default:
		g.What = "not every drive is sanitised"
		g.Do = "erase the drive again; if that fails, take it out and destroy the drive only, never the machine"
	}
	return g
}

func unhandledGate(in Input) Gate {
	g := Gate{ID: "unhandled", Passed: in.Unhandled == 0, What: "no medium is left that nobody could reach"}
	if !g.Passed {
		g.What = fmt.Sprintf("%d media or controllers could not be handled", in.Unhandled)
		g.Do = "make them reachable (see the facts) and start again, or take them out"
	}
	return g
}

func custodyGate(in Input, id, what, do string) Gate {
	switch in.Answers[id] {
	case "no":
		return Gate{ID: id, Passed: true, What: "not " + what}
	case "yes":
		return Gate{ID: id, What: "the machine is " + what, Do: do}
	}
	return Gate{ID: id, Unknown: true, What: "nobody said whether the machine is " + what, Do: "ask at intake"}
}

func questionGate(in Input, q policy.Question) Gate {
	a := in.Answers[q.ID]
	g := Gate{ID: q.ID, What: q.Short + ": " + label(q, a)}
	switch q.Means(a) {
	case policy.MeansPass:
		g.Passed = true
	case policy.MeansFail:
		g.Do = q.Repair
	default:
		g.Unknown, g.What, g.Do = true, "nobody checked: "+q.Short, "check it and answer: "+q.Ask
	}
	return g
}

// A TPM that keeps the last owner's keys is residue of that owner.
func tpmGate(in Input) Gate {
	g := Gate{ID: "tpm"}
	switch in.TPM {
	case TPMCleared:
		g.Passed, g.What = true, "the TPM is cleared"
	case TPMNotPresent:
		g.Passed, g.What = true, "there is no TPM"
	case TPMPending:
		g.Unknown, g.What = true, "the TPM's clearing waits for the next start"
		g.Do = "start the machine again from the stick and agree on its screen"
	case TPMNotCleared:
		g.What, g.Do = "the TPM is not cleared", "clear it in the firmware setup, then start the machine again from the stick"
	default:
		g.Unknown, g.What = true, "nobody knows whether the TPM is cleared"
		g.Do = "look in the firmware setup, clear it there, then start the machine again from the stick"
	}
	return g
}

// levelGate compares the level reached with the one that the route needs: what
// leaves the department's control needs Purge, or Clear that somebody accepted
// by name.
func levelGate(in Input, p policy.Policy, r Route) Gate {
	need := levelNeeded(r, p)
	g := Gate{ID: "level"}
	switch {
	case in.Level == "purge" && (need == "purge" || need == "clear"), in.Level == "clear" && need == "clear":
		g.Passed, g.What = true, fmt.Sprintf("%s needs %s, the drives have %s", upper(r), need, in.Level)
	case in.Level == "clear" && need == "purge" && in.LevelAccepted && p.Level.AcceptClear:
		g.Passed, g.What = true, fmt.Sprintf("%s needs purge; clear was accepted by a named person", upper(r))
	default:
		g.What = fmt.Sprintf("%s needs %s, the drives have %s", upper(r), need, in.Level)
		g.Do = "erase again at the level needed"
		if p.Level.AcceptClear && in.Level == "clear" {
			g.Do += ", or have a named person accept clear"
		}
	}
	return g
}

// levelNeeded is purge where a policy says nothing: the stronger one.
func levelNeeded(r Route, p policy.Policy) string {
	need := map[Route]string{Redeploy: p.Level.Redeploy, Remanufacture: p.Level.Remanufacture,
		Donate: p.Level.Donate, Recycle: p.Level.Recycle}[r]
	if need != "clear" {
		return "purge"
	}
	return need
}
