// Package conformance is the conformance sheet: clause by clause, what the standards
// ask of a sanitisation's evidence, and whether the software meets it, the owner must
// see to it, or nobody claims it. certs/CONFORMANCE.md and certs/CONFORMANCE.pdf are
// made from it; a test checks that every field and every test that it names is there.
//
// The texts of NIST, IEEE, ADISA, R2 and BSI themselves were not at hand: clause
// numbers and what the clauses ask come from public works that quote them.
package conformance

import (
	"fmt"
	"strings"
)

// State of a clause.
type State string

const (
	Met        State = "met"         // by the software: a field holds it, a test shows it
	Owner      State = "owner"       // the owner's procedure must see to it
	NotClaimed State = "not claimed" // nobody says that it is met
)

// Line of the sheet.
type Line struct {
	Clause string
	Asks   string
	State  State
	How    string   // where the software holds it, or what the owner does
	Fields []string // of a record, as its JSON names them from the top
	Tests  []string // 'certs/html TestSealed': folder and name
	// Says is what papers say for it, in the visit that TestPapersSayIt makes.
	Says []string
}

// shown are the tests that show a line.
func (l Line) shown() []string {
	if len(l.Says) > 0 {
		return append([]string{"certs/conformance TestPapersSayIt"}, l.Tests...)
	}
	return l.Tests
}

// Part of the sheet: one standard.
type Part struct {
	Name  string
	About string
	Lines []Line
}

// Words of a state.
func (s State) Words() string {
	switch s {
	case Met:
		return "Met by the software"
	case Owner:
		return "Needs the owner's procedure"
	case NotClaimed:
		return "Not claimed"
	}
	return "unknown"
}

// Title and Preface of the sheet.
const (
	Title   = "Conformance sheet"
	Preface = "What standards ask of the evidence of a sanitisation, clause by clause. 'Met by the software' says that a record holds it and a paper " +
		"shows it, and names the field and the test. 'Needs the owner's procedure' is what no software can do alone. 'Not claimed' is what is not said of Handback. " +
		"Nobody independent has evaluated this tool. The texts of the standards were not at hand: clause numbers and wording come from public works that quote them, " +
		"so an auditor should hold this sheet against the texts."
)

// Cells of a line: clause, what it asks, state and how, evidence.
func (l Line) Cells() []string {
	var evidence []string
	if len(l.Fields) > 0 {
		evidence = append(evidence, "Fields: "+strings.Join(l.Fields, ", "))
	}
	if len(l.shown()) > 0 {
		evidence = append(evidence, "Tests: "+strings.Join(l.shown(), ", "))
	}
	return []string{l.Clause, l.Asks, l.State.Words() + ".\n" + l.How, strings.Join(evidence, "\n")}
}

// Head of the table that lines stand in.
var Head = []string{"Clause", "It asks for", "State", "Record field and test"}

// Markdown of the sheet.
func Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n\nMade from `certs/conformance` by `go test ./certs/conformance -update`; the same as a PDF: [CONFORMANCE.pdf](CONFORMANCE.pdf).\n", Title, Preface)
	for _, p := range Sheet {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| %s |\n|---|---|---|---|\n", p.Name, p.About, strings.Join(Head, " | "))
		for _, l := range p.Lines {
			evidence := strings.Join(append(ticked(l.Fields), ticked(l.shown())...), ", ")
			fmt.Fprintf(&b, "| %s | %s | **%s.** %s | %s |\n", l.Clause, l.Asks, l.State.Words(), l.How, evidence)
		}
	}
	return b.String()
}

func ticked(ss []string) []string {
	var out []string
	for _, s := range ss {
		out = append(out, "`"+s+"`")
	}
	return out
}
