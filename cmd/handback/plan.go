package main

import (
	"flag"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

func levelOption() *oneOf { return &oneOf{value: "purge", may: []string{"purge", "clear"}} }

func levelOf(s string) wipe.Level {
	if s == "clear" {
		return wipe.LevelClear
	}
	return wipe.LevelPurge
}

func planCommand(args []string, s streams) int {
	fs := flag.NewFlagSet("plan", flag.ContinueOnError)
	asJSON := fs.Bool("json", false, "print one JSON object")
	all := fs.Bool("all", false, "plan for every drive; so does naming none")
	level := levelOption()
	fs.Var(level, "level", "the `LEVEL` wanted: purge (the default) or clear")
	src := source{told: s.Err}
	fs.StringVar(&src.from, "from", "", "plan for the machine of the capture in `FILE`")
	paths, code, ok := parse(fs, s, args, "[--json] [--level purge|clear] [--from FILE] [--all | DRIVE...]")
	switch {
	case !ok:
		return code
	case *all && len(paths) > 0:
		return wrongUse(s, "plan", "give --all or drives, not both")
	}
	ctx, stop := interruptible()
	defer stop()
	r, err := src.take(ctx)
	if err != nil {
		return notDone(s, "plan", err)
	}
	policy := plan.Policy{Want: levelOf(level.value)}
	p := plan.Make(r, policy)
	if len(paths) > 0 {
		chosen := *r
		if err := keepOnly(&chosen, paths, src.from == ""); err != nil {
			return notDone(s, "plan", err)
		}
		p = planNamed(r, &chosen, policy)
	}
	ready := readyPlan(p)
	if *asJSON {
		err = printJSON(s.Out, struct {
			Verdict string    `json:"verdict"`
			Digest  string    `json:"digest"`
			Plan    wipe.Plan `json:"plan"`
		}{planWord(ready), plan.Digest(p), p})
	} else {
		err = printPlan(s.Out, p, plan.Digest(p))
	}
	if err != nil {
		return notDone(s, "plan", err)
	}
	return exit.Plan(ready)
}

// planNamed plans for the whole machine, since what stands beside a drive counts
// (another that answers alike, a neighbour that a sanitize would take along), and
// keeps what is about the drives chosen, in their order. What stands in the way of
// saying 'every drive' doesn't stand in the way of some.
func planNamed(all, chosen *inspect.Report, policy plan.Policy) wipe.Plan {
	place := func(path string) int {
		return slices.IndexFunc(chosen.Drives, func(d inspect.Drive) bool { return d.Path == path })
	}
	policy.Only = func(d inspect.Drive) bool { return place(d.Path) >= 0 }
	p := plan.Make(all, policy)
	slices.SortFunc(p.Drives, func(a, b wipe.DrivePlan) int { return place(a.Path) - place(b.Path) })
	return p
}

// keepOnly reduces a report to the drives named, in the order named. Links ('here')
// lead somewhere on this machine only.
func keepOnly(r *inspect.Report, paths []string, here bool) error {
	var keep []inspect.Drive
	for _, p := range paths {
		d, err := driveAt(r, p, here)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(keep, func(k inspect.Drive) bool { return k.Path == d.Path }) {
			keep = append(keep, d)
		}
	}
	r.Drives = keep
	return nil
}

// driveAt follows links ('/dev/disk/by-id/…') to a drive of the report.
func driveAt(r *inspect.Report, path string, here bool) (inspect.Drive, error) {
	real := path
	if here {
		var err error
		if real, err = filepath.EvalSymlinks(path); err != nil {
			return inspect.Drive{}, fmt.Errorf("%s is not there: 'handback inspect' lists the drives of this machine", path)
		}
	}
	for _, d := range r.Drives {
		if d.Path == real {
			return d, nil
		}
	}
	return inspect.Drive{}, fmt.Errorf("%s is not a whole drive: name one that 'handback inspect' lists", path)
}

// readyPlan: there is a drive, and every drive has a way that is strong enough.
func readyPlan(p wipe.Plan) bool {
	return len(p.Drives) > 0 && len(p.Refusals) == 0 && !slices.ContainsFunc(p.Drives, func(d wipe.DrivePlan) bool {
		return d.Refusal != nil || len(d.Ladder) == 0 || d.BelowWanted
	})
}

func planWord(ready bool) string {
	if ready {
		return "ready"
	}
	return "refused"
}

func printPlan(w io.Writer, p wipe.Plan, digest string) error {
	var b strings.Builder
	t := newTable(&b)
	t.row("", "DRIVE", "MODEL", "SERIAL", "SIZE", "HOW", "TIME")
	for _, d := range p.Drives {
		how, took := "REFUSED", ""
		if d.Refusal == nil && len(d.Ladder) > 0 {
			how, took = levelWord(d.Ladder[0].Level)+"  "+stepID(d.Ladder[0]), "about "+d.Ladder[0].Expect.Round(1e9).String()
		}
		t.row(d.Name, d.Path, d.Identity.Model, d.Identity.Serial, size(d.Identity.Size, 1e9, "GB"), how, took)
	}
	t.end()
	for _, d := range p.Drives {
		section(&b, d.Name+"  "+d.Path, driveNotes(d))
	}
	var whole []string
	for _, r := range p.Refusals {
		whole = append(whole, r.Reason+": "+r.Do)
	}
	section(&b, "The machine as a whole", whole)
	fmt.Fprintf(&b, "\nThe plan is %s. Nothing was changed.\nDigest %s\n", planWord(readyPlan(p)), digest)
	_, err := io.WriteString(w, b.String())
	return err
}

func driveNotes(d wipe.DrivePlan) (notes []string) {
	if d.Refusal != nil {
		notes = append(notes, d.Refusal.Reason+": "+d.Refusal.Do)
	}
	for i, st := range d.Ladder {
		notes = append(notes, fmt.Sprintf("%d. %s: %s, about %s (%s, %s); %s", i+1, stepID(st),
			certs.TechniqueWords(string(st.Technique), string(st.Then)), st.Expect.Round(time.Second), levelWord(st.Level), st.Standard, st.Reason))
		if st.Shortfall != "" {
			notes = append(notes, "   does not reach: "+st.Shortfall)
		}
	}
	if d.BelowWanted {
		notes = append(notes, "the best that this drive offers is weaker than the level wanted: ask for that level by --level clear")
	}
	return append(notes, d.Warnings...)
}

// stepID names a step, and what erases after one that only unlocks.
func stepID(s wipe.Step) string {
	if s.Then != "" {
		return string(s.Technique) + " + " + string(s.Then)
	}
	return string(s.Technique)
}

func levelWord(l wipe.Level) string {
	switch l {
	case wipe.LevelClear:
		return "Clear"
	case wipe.LevelPurge:
		return "Purge"
	}
	return "none"
}
