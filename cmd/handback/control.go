package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/inspect/drive/linux"
	"handback.example/wipe"
	"handback.example/wipe/control"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
)

// controlResult is what a check of the bench prints.
type controlResult struct {
	result
	// Verdict is passed, failed, not-done, or refused where nothing was begun.
	Verdict string          `json:"verdict"`
	Control *control.Result `json:"control,omitempty"`
}

func controlCommand(args []string, s streams) int {
	o, code, ok := parseControl(args, s)
	if !ok {
		return code
	}
	// A reader of our output that goes away must not end an erasure.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := interruptible()
	defer stop()
	res := runControl(ctx, o, s)
	if err := res.print(o, s); err != nil && res.code == exit.OK {
		return notDone(s, "control", err)
	}
	return res.code
}

func parseControl(args []string, s streams) (o wipeOptions, code int, ok bool) {
	fs := flag.NewFlagSet("control", flag.ContinueOnError)
	fs.BoolVar(&o.json, "json", false, "print one JSON object")
	fs.StringVar(&o.out, "out", "", "keep the record in `DIR` (default: handback/ in your state directory)")
	fs.BoolVar(&o.allowLoop, "allow-loop", false, "a loop device may be erased, and with it its backing file")
	var serials texts
	fs.Var(&serials, "erase-serial", "the `SERIAL` of the drive, which is ERASED")
	o.paths, code, ok = parse(fs, s, args, "[options] --erase-serial SERIAL DRIVE")
	if !ok {
		return o, code, false
	}
	o.serials = serials
	o.policy = plan.Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteZero, Verify: wipe.VerifyFull}
	switch err := o.check(); {
	case err != nil:
		return o, wrongUse(s, "control", "%s", err), false
	case len(o.paths) != 1 || len(o.serials) != 1:
		return o, wrongUse(s, "control", "the bench is checked on one drive: name one, and its serial"), false
	}
	return o, exit.OK, true
}

// runControl checks the bench. Until the first erasure starts every error means that
// nothing was destroyed.
func runControl(ctx context.Context, o wipeOptions, s streams) controlResult {
	seed, err := control.NewSeed()
	if err != nil {
		return controlOf(refused(err))
	}
	p, r, err := planWipe(ctx, o)
	switch {
	case ctx.Err() != nil:
		return controlOf(stoppedBefore())
	case err != nil:
		return controlOf(refused(err))
	case len(p.Drives) != 1 || !hasWay(p.Drives[0]):
		return controlOf(allRefused(p))
	}
	v, err := openVisit(ctx, o, r, p)
	switch {
	case ctx.Err() != nil:
		return controlOf(v.stopped())
	case err != nil:
		return controlOf(v.notBegun(err))
	}
	jobs := job.Options{Opener: linux.Opener{}, Journal: v.book, Digest: plan.Digest(p), Find: job.Finder(linux.Opener{}, linux.Paths)}
	c, err := control.Run(ctx, p, jobs, seed, newProgress(s.Err).until)
	if err != nil {
		return controlOf(v.notBegun(err))
	}
	return v.controlled(p, c, ctx.Err() != nil)
}

func controlOf(r result) controlResult { return controlResult{result: r, Verdict: r.Verdict} }

// until draws the progress of an erasure until it has ended.
func (p *progress) until(fleet *job.Fleet) {
	tick := time.NewTicker(followTime)
	defer tick.Stop()
	defer p.end()
	for {
		select {
		case <-fleet.Done():
			return
		case <-tick.C:
			p.draw(fleet.Status())
		}
	}
}

// controlled records a check and what became of its drive. The erasure that was made
// bad has no FINISHED: CONTROL tells of it.
func (v *visit) controlled(p wipe.Plan, c control.Result, stopped bool) controlResult {
	ctx, cancel := background()
	defer cancel()
	err := v.book.Append(ctx, certs.Record{Kind: certs.KindControl, Control: controlRecord(c)})
	if err != nil && !errors.Is(err, evidence.ErrWaiting) {
		v.lost = append(v.lost, err)
	}
	end := c.Good
	if end == nil {
		end = c.Bad
	}
	res := controlResult{result: v.finish(p, []wipe.Outcome{*end}, stopped), Verdict: string(c.Verdict), Control: &c}
	switch {
	case c.Verdict == control.Failed:
		res.code = exit.Bad
	case c.Verdict != control.Passed && res.code == exit.OK, res.Why != "":
		res.code = exit.NotDone
	}
	return res
}

// controlRecord in the words of the record.
func controlRecord(c control.Result) *certs.Control {
	return &certs.Control{
		What: fmt.Sprintf("known-bad drive: %s was overwritten but for a residue in %d blocks, at places of seed %s, and read back; then overwritten properly",
			plan.Name(c.Bad.Drive.Identity), c.Planted, c.Seed),
		Expect: fmt.Sprintf("failed, with %d blocks found; then sanitised, with none", c.Planted),
		Result: fmt.Sprintf("%s: %s", c.Verdict, c.What),
		By:     operator(),
	}
}

func (res controlResult) print(o wipeOptions, s streams) error {
	if res.Why != "" {
		fmt.Fprintf(s.Err, "handback control: %s\n", res.Why)
	}
	if o.json {
		if res.Papers == nil {
			res.Papers = []string{}
		}
		if res.Drives == nil {
			res.Drives = []wipe.Outcome{}
		}
		return printJSON(s.Out, res)
	}
	var b strings.Builder
	if c := res.Control; c != nil {
		fmt.Fprintf(&b, "%s\n", c.What)
		if c.Do != "" {
			fmt.Fprintf(&b, "   %s\n", c.Do)
		}
	} else {
		for _, d := range res.Drives {
			fmt.Fprintf(&b, "%s  %s: %s\n", d.Drive.Path, plan.Name(d.Drive.Identity), d.What)
		}
	}
	fmt.Fprintf(&b, "%s\n", strings.ToUpper(res.Verdict))
	for _, p := range res.Papers {
		fmt.Fprintf(&b, "%s\n", p)
	}
	_, err := io.WriteString(s.Out, b.String())
	return err
}
