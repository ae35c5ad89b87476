package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/internal/settings"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// result of a wipe: what is printed, and the exit code.
type result struct {
	code int
	// Verdict is one of the words of package exit.
	Verdict string         `json:"verdict"`
	Why     string         `json:"why,omitempty"` // why nothing was done, or what is missing
	Visit   string         `json:"visit,omitempty"`
	Record  string         `json:"record,omitempty"` // SHA-256 of record.json, hex
	Out     string         `json:"out,omitempty"`
	Root    string         `json:"root,omitempty"` // root certificate that the papers verify against
	Papers  []string       `json:"papers"`
	Digest  string         `json:"digest,omitempty"` // of the plan
	Drives  []wipe.Outcome `json:"drives"`
}

// refused: no drive was touched.
func refused(why error) result {
	return result{code: exit.NotDone, Verdict: exit.WordRefused, Why: why.Error()}
}

func stoppedBefore() result {
	return result{code: exit.Stopped, Verdict: exit.WordInterrupted, Why: "stopped before anything was erased"}
}

// allRefused: the plan has a way for none of the drives, so there is no visit.
func allRefused(p wipe.Plan) result {
	res := refused(errors.New("nothing was erased: every drive named is refused"))
	res.Digest, res.Drives = plan.Digest(p), outcomes(p, nil)
	return res
}

// outcomes in the order of the plan. A drive that the engine says nothing of was
// not touched.
func outcomes(p wipe.Plan, ended []wipe.Outcome) []wipe.Outcome {
	var all []wipe.Outcome
	for _, d := range p.Drives {
		o := wipe.Outcome{Drive: d, Verdict: wipe.Refused, What: "nothing was done to this drive"}
		if d.Refusal != nil {
			o.What, o.Do = d.Refusal.Reason, d.Refusal.Do
		}
		for _, e := range ended {
			if e.Drive.Name == d.Name && d.Refusal == nil {
				o = e
			}
		}
		all = append(all, o)
	}
	return all
}

// notBegun ends a visit whose records could not be kept before anything was
// destroyed.
func (v *visit) notBegun(err error) result {
	res := refused(err)
	v.close(&res)
	return res
}

// stopped ends a visit that the user stopped before anything was destroyed.
func (v *visit) stopped() result {
	res := stoppedBefore()
	v.close(&res)
	return res
}

// finish records what is not recorded yet, makes the paper and counts.
func (v *visit) finish(p wipe.Plan, ended []wipe.Outcome, stopped bool) result {
	for _, o := range ended {
		v.finished(o)
	}
	res := result{Digest: plan.Digest(p), Drives: outcomes(p, ended)}
	sum := exit.Summary{TPM: exit.TPMNotAsked, Stopped: stopped}
	for _, o := range res.Drives {
		sum.Media = append(sum.Media, counted(o, v.book.Summary(), p.Want))
	}
	v.close(&res)
	sum.NotDone = res.Why != ""
	res.code, res.Verdict = sum.Code(), sum.Verdict()
	return res
}

// counted is one drive as it counts: the engine's verdict, unless the records,
// which the paper is drawn from, deny it.
func counted(o wipe.Outcome, s certs.Summary, want wipe.Level) exit.Medium {
	m := exit.Medium{Verdict: o.Verdict, Level: o.Level, Want: want}
	if o.Verdict != wipe.Sanitised {
		return m
	}
	for _, recorded := range s.Media {
		if recorded.Drive.Serial == o.Drive.Identity.Serial && recorded.Verdict == certs.Sanitised && recorded.Level == evidence.Level(o.Level) {
			return m
		}
	}
	m.Verdict = wipe.Unverified
	return m
}

const (
	storeTries = 3
	storePause = 2 * time.Second
)

// close certifies a visit that was begun. What can't be stored is tried again, and
// then taken to the state directory: with this program ends what it holds in
// memory.
func (v *visit) close(res *result) {
	if v.book != nil {
		papers, err := v.certify()
		for try := 1; errors.Is(err, evidence.ErrWaiting) && try < storeTries; try++ {
			time.Sleep(storePause)
			papers, err = v.certify()
		}
		if errors.Is(err, evidence.ErrWaiting) && v.out != v.state {
			res.add("%s can't be written, so this visit's record and paper are in %s (%v)", v.out.Path(), v.state.Path(), err)
			papers, err = v.divert()
		}
		res.Visit, res.Record, res.Papers = v.book.Visit(), v.book.RecordHash(), papers
		if err = errors.Join(append(v.lost, err)...); err != nil {
			res.add("the record is not whole, and there may be no paper: %v", err)
			res.Papers = nil
		}
	}
	if v.out != nil {
		res.Out, res.Root = v.out.Path(), filepath.Join(v.out.Path(), settings.RootPEM)
	}
}

func (res *result) add(format string, a ...any) {
	res.Why = strings.TrimPrefix(res.Why+"; "+fmt.Sprintf(format, a...), "; ")
}

// print the result: one object, or words. What went wrong is told on standard
// error too.
func (res result) print(o wipeOptions, s streams) error {
	if res.Why != "" {
		fmt.Fprintf(s.Err, "handback wipe: %s\n", res.Why)
	}
	if !o.json {
		return res.printWords(s.Out)
	}
	if res.Papers == nil {
		res.Papers = []string{}
	}
	if res.Drives == nil {
		res.Drives = []wipe.Outcome{}
	}
	return printJSON(s.Out, res)
}

func (res result) printWords(w io.Writer) error {
	var b strings.Builder
	for _, o := range res.Drives {
		d := o.Drive
		fmt.Fprintf(&b, "%s  %s  %s: %s", d.Name, d.Path, plan.Name(d.Identity), strings.ToUpper(string(o.Verdict)))
		if o.Verdict == wipe.Sanitised {
			fmt.Fprintf(&b, ", %s, evidence %s", levelWord(o.Level), o.Evidence)
		}
		notes := []string{o.What, o.Do}
		if o.NotShown != "" {
			notes = append(notes, "not shown: "+o.NotShown)
		}
		fmt.Fprintln(&b)
		for _, n := range notes {
			if n != "" {
				fmt.Fprintf(&b, "   %s\n", n)
			}
		}
	}
	fmt.Fprintf(&b, "%s\n", strings.ToUpper(res.Verdict))
	for _, p := range res.Papers {
		fmt.Fprintf(&b, "%s\n", p)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
