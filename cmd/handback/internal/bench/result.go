package bench

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/wire"
)

// resultOf renders what the records add up to. It decides nothing: the words
// follow the exit code and the route.
func resultOf(s certs.Summary, code int, papers []string, hash string) *wire.Result {
	r := &wire.Result{Route: strings.ToUpper(s.Route), Papers: printable(papers), Record: spaced(hash, 4)}
	switch {
	case s.Verdict == certs.NoMedia:
		r.Word = "NO DRIVE"
	case code == exit.Bad:
		r.Word = "FAIL"
	case code == exit.OK && s.Route != certs.RouteHold && s.Route != "":
		r.Word, r.Pass = "PASS", true
	default:
		r.Word = "HOLD"
	}
	r.Lines, r.Do = mediaLines(s)
	r.Lines = append(append(r.Lines, tpmLine(s)), residueLines(s)...)
	for _, m := range s.MachineRefusals {
		r.Lines = append(r.Lines, m.Reason)
		r.Do = or(r.Do, m.Do)
	}
	if g := s.Graded; g != nil {
		r.Why, r.Better = g.Why, g.Better
		r.Grade = gradeLine(g)
	}
	if t := s.TPM; t != nil && s.TPMResult != certs.TPMCleared {
		r.Do = or(r.Do, t.Do)
	}
	if r.Word == "NO DRIVE" {
		r.Do = "Ask your supervisor: was the drive taken out, or is it hidden?"
	}
	if r.Do == "" && s.Route == certs.RouteHold {
		r.Do = "Put the machine on the HOLD shelf, together with its notice."
	}
	if r.Pass {
		r.Do = "Put the machine in the " + r.Route + " bin."
	}
	return r
}

// printable papers are those that a person handles; the twin of each lies beside it.
func printable(papers []string) []string {
	return slices.DeleteFunc(slices.Clone(papers), func(name string) bool { return path.Ext(name) != ".pdf" })
}

// mediaLines: how many are sanitised, then each that is not, and what to do
// about the first of them.
func mediaLines(s certs.Summary) (lines []string, do string) {
	if len(s.Media) == 0 {
		return []string{"no drive was found: nothing was erased"}, ""
	}
	good := fmt.Sprintf("%d of %d %s sanitised", s.Sanitised, len(s.Media), plural(len(s.Media), "drive"))
	if s.Level == certs.LevelClear || s.Level == certs.LevelPurge {
		good += " (" + sentence(string(s.Level)) + ")"
	}
	for _, m := range s.Media {
		if m.Verdict == certs.Sanitised && !m.Below {
			continue
		}
		what, d := m.Note, ""
		switch {
		case m.Finished != nil && what == "":
			what, d = m.Finished.What, m.Finished.Do
		case m.Refused != nil:
			what, d = m.Refused.Reason, m.Refused.Do
		}
		if m.Below {
			what = "sanitised, but below the level wanted"
		}
		lines = append(lines, fmt.Sprintf("drive %s %s %s: %s: %s", m.Drive.Name, m.Drive.Model, m.Drive.Serial, m.Verdict, what))
		do = or(do, d)
	}
	if len(lines) > 0 && do == "" {
		do = "Take the drive out and put it in the red-striped crate. Record its seal."
	}
	return append([]string{good}, lines...), do
}

func tpmLine(s certs.Summary) string {
	switch s.TPMResult {
	case certs.TPMCleared:
		return "TPM cleared"
	case certs.TPMNotPresent:
		return "no TPM in this machine"
	case certs.TPMPending:
		return "TPM: its clearing waits for the next start"
	case certs.TPMNotCleared:
		return "TPM not cleared"
	}
	return "TPM not touched"
}

func gradeLine(g *certs.Graded) string {
	s := "function " + g.Function + "   condition " + g.Condition
	if g.Role != "" {
		s = g.Role + "   " + s
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return what
	}
	return what + "s"
}
