package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"handback.example/cmd/handback/internal/exit"
	"handback.example/grade"
	"handback.example/grade/policy"
	"handback.example/inspect"
)

// maxReport bounds what is read as a report; a real one has some 20 KB.
const maxReport = 8 << 20

func gradeCommand(args []string, s streams) int {
	fs := flag.NewFlagSet("grade", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print one JSON object")
	policyFile := fs.String("policy", "", "grade by this policy `FILE` instead of the one that ships")
	level := &oneOf{may: []string{"clear", "purge"}}
	fs.Var(level, "sanitised", "say that every drive was sanitised to this `LEVEL` (clear or purge); it is taken as your word")
	var said texts
	fs.Var(&said, "answer", "answer a bench question, `ID=VALUE`; may be repeated; tpm=cleared says what became of the TPM")
	files, code, ok := parse(fs, s, args, "[--json] [--policy FILE] REPORT.json")
	if !ok {
		return code
	}
	if len(files) != 1 {
		return wrongUse(s, "grade", "name one report, as 'handback inspect --json' prints it: %d are named", len(files))
	}
	p, err := loadPolicy(*policyFile)
	if err != nil {
		return notDone(s, "grade", err)
	}
	report, err := loadReport(files[0])
	if err != nil {
		return notDone(s, "grade", err)
	}
	in := grade.Input{Report: report, Sanitised: level.value != "", Level: level.value, Unhandled: unhandled(report), Answers: map[string]string{}}
	if err := takeAnswers(&in, p, said); err != nil {
		return wrongUse(s, "grade", "%s", err)
	}
	d := grade.Decide(in, p)
	if *asJSON {
		err = printJSON(s.Out, struct {
			Verdict grade.Route `json:"verdict"`
			// Stated is what the decision takes from the command line: nobody
			// checked it.
			Stated []string `json:"stated"`
			grade.Decision
		}{d.Route, stated(level.value, said), d})
	} else {
		err = printDecision(s.Out, d, stated(level.value, said))
	}
	if err != nil {
		return notDone(s, "grade", err)
	}
	return exit.OK
}

// unhandled media of a report, as the records count them: where nobody looked, or could
// look, 'every drive' can't be said.
func unhandled(r *inspect.Report) int {
	if r.Unhandled == nil {
		return 1
	}
	return len(r.Unhandled)
}

func loadPolicy(file string) (policy.Policy, error) {
	if file == "" {
		return policy.Default(), nil
	}
	b, err := readAtMost(file, maxReport)
	if err != nil {
		return policy.Policy{}, err
	}
	p, err := policy.Parse(b)
	if err != nil {
		return policy.Policy{}, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func loadReport(file string) (*inspect.Report, error) {
	b, err := readAtMost(file, maxReport)
	if err != nil {
		return nil, err
	}
	var r inspect.Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("%s is no report: %w: make one with 'handback inspect --json'", file, err)
	}
	if r.Schema != inspect.Schema {
		return nil, fmt.Errorf("%s is no report of this version (schema %q, not %q): make one with 'handback inspect --json'", file, r.Schema, inspect.Schema)
	}
	return &r, nil
}

func readAtMost(file string, most int64) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is larger than %d bytes: it is not what it should be", file, most)
	}
	return b, err
}

// takeAnswers takes each ID=VALUE and refuses what no question has: a mistyped
// answer would otherwise count as not tested in silence.
func takeAnswers(in *grade.Input, p policy.Policy, said []string) error {
	may := map[string][]string{"tpm": {grade.TPMCleared, grade.TPMNotCleared, grade.TPMPending, grade.TPMNotPresent}}
	for id := range grade.Custody(false, false, false) {
		may[id] = []string{"no", "yes"}
	}
	for _, q := range p.Questions {
		for _, c := range q.Choices {
			may[q.ID] = append(may[q.ID], c.Value)
		}
	}
	for _, a := range said {
		id, value, _ := strings.Cut(a, "=")
		one := &oneOf{may: may[id]}
		if one.may == nil {
			return fmt.Errorf("--answer %s: there is no question %q: there are %s", a, id, strings.Join(sorted(maps.Keys(may)), ", "))
		}
		if err := one.Set(value); err != nil {
			return fmt.Errorf("--answer %s: %w", a, err)
		}
		if id == "tpm" {
			in.TPM = value
		} else {
			in.Answers[id] = value
		}
	}
	return nil
}

func stated(level string, said []string) []string {
	all := append([]string{}, said...)
	if level != "" {
		all = append(all, "sanitised="+level)
	}
	return all
}

func printDecision(w io.Writer, d grade.Decision, stated []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", strings.ToUpper(string(d.Route)))
	if d.Role != "" {
		fmt.Fprintf(&b, "   %s", d.Role)
	}
	fmt.Fprintf(&b, "\n\n")
	t := newTable(&b)
	t.row("why", d.Why)
	t.row("better", d.Better)
	t.row("function", d.Function)
	t.row("condition", d.Condition)
	t.row("level needed", d.LevelNeeded)
	t.row("rule", d.Rule)
	t.row("policy", fmt.Sprintf("%s, version %s, SHA-256 %s", d.Policy.ID, d.Policy.Version, d.Policy.SHA256))
	t.end()
	section(&b, "What holds it", d.Hold)
	section(&b, "What nobody knows", d.Missing)
	section(&b, "Taken from the command line, checked by nobody", stated)
	fmt.Fprint(&b, "\nGates\n")
	for _, g := range d.Gates {
		t.row("  "+g.ID, gateWord(g), g.What)
	}
	t.end()
	fmt.Fprint(&b, "\nFacts that it was decided by\n")
	for _, in := range d.Inputs {
		t.row("  "+in.Name, in.Value)
	}
	t.end()
	_, err := io.WriteString(w, b.String())
	return err
}

func gateWord(g grade.Gate) string {
	switch {
	case g.Passed:
		return "pass"
	case g.Unknown:
		return "UNKNOWN"
	}
	return "HOLD"
}

func section(w io.Writer, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s\n", title)
	for _, l := range lines {
		fmt.Fprintf(w, "  - %s\n", l)
	}
}
