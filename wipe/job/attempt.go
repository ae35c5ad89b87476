package job

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
	"handback.example/wipe/verify"
)

// attempt is the work on one drive, from opening it to the verdict.
type attempt struct {
	*worker
	stop context.Context // its end stops what can be stopped
	life context.Context // its end: this attempt was left behind
	d    *technique.Drive
	t    technique.Technique
}

func (a *attempt) run() wipe.Outcome {
	if r := a.forbidden(); r != nil {
		return a.refused(*r)
	}
	target, r := a.open()
	if r != nil {
		return a.refused(*r)
	}
	a.d = &technique.Drive{Target: target, Plan: a.plan, Meter: a.meter, Reopen: a.reopen, Clock: a.opts.Clock, Mark: a.mark}
	if a.opts.Past != nil {
		a.d.Past = a.opts.Past(a.plan.Identity)
	}
	if a.opts.PSID != nil {
		a.d.PSID = a.opts.PSID(a.plan.Identity)
	}
	defer func() { a.d.Target.Close(); a.d.Buffers.Release() }()
	return a.climb()
}

// climb runs the ladder's steps from the first on: the next one where one did not
// erase, was not stopped, and is not weaker.
func (a *attempt) climb() wipe.Outcome {
	var all []wipe.Outcome
	for i, step := range a.plan.Ladder {
		a.d.Step = step
		o := a.step()
		all = append(all, o)
		next := i+1 < len(a.plan.Ladder) && a.plan.Ladder[i+1].Level >= a.plan.Ladder[0].Level
		if !next || !another(o) || a.stop.Err() != nil {
			break
		}
	}
	// A step that sent nothing does not hide one before it that did.
	last := len(all) - 1
	for last > 0 && all[last].Verdict == wipe.Refused {
		last--
	}
	if all[last].Verdict == wipe.Refused {
		last = len(all) - 1
	}
	o := all[last]
	for i, x := range all {
		if i != last {
			o.Attempts = append(o.Attempts, wipe.Attempt{Technique: x.Technique, Verdict: x.Verdict, What: x.What, Commands: x.Commands})
		}
	}
	return o
}

// another technique may do what this one did not: it was refused by the drive, or
// the drive says itself that it failed. Where data was found that should be gone,
// or nobody knows what the drive is doing, a person decides.
func another(o wipe.Outcome) bool {
	switch o.Verdict {
	case wipe.Refused:
		return o.Code == "not-prepared" || o.Code == "not-sent"
	case wipe.Failed:
		return o.Verification.Result == verify.NotDone && o.Verification.Survivors == 0 && o.Code == codeNotErased
	}
	return false
}

// step runs one technique.
func (a *attempt) step() wipe.Outcome {
	for _, step := range []func() *wipe.Refusal{a.prepare, a.record, a.lastWord} {
		if r := step(); r != nil {
			return a.refused(*r)
		}
	}
	return a.erase()
}

// mark has the journal keep one step of this drive.
func (a *attempt) mark(ctx context.Context, m journal.Mark) error {
	was := *a.stage.Load()
	a.at(recording)
	defer a.at(was)
	err := a.opts.Journal.Mark(ctx, a.plan.Identity, m)
	a.meter.Beat()
	return err
}

// forbidden looks at the plan alone.
func (a *attempt) forbidden() *wipe.Refusal {
	name := plan.Name(a.plan.Identity)
	switch {
	case a.plan.Refusal != nil:
		return a.plan.Refusal
	case len(a.plan.Ladder) == 0:
		return &wipe.Refusal{Code: "no-way", Reason: "the plan has no way to erase " + name, Do: "inspect the machine and plan again"}
	case a.opts.Digest != "" && a.opts.Digest != a.digest:
		return &wipe.Refusal{Code: "digest", Reason: "the plan is not the one that was agreed to", Do: "look at the plan again and agree to it anew"}
	case a.plan.BelowWanted && (a.opts.Accepted == nil || !a.opts.Accepted(a.plan)):
		return &wipe.Refusal{Code: "below-level", Reason: "nobody has accepted the weaker level for " + name,
			Do: "accept it, if it is enough for where the drive goes; else take the drive out and have it destroyed"}
	case a.opts.Opener == nil:
		return &wipe.Refusal{Code: "program-error", Reason: "nothing here can open " + name, Do: "send the log to whoever looks after Handback"}
	}
	return nil
}

// open opens the drive for itself alone and makes sure that it is the one that
// was planned: a path is dealt out anew at each start.
func (a *attempt) open() (t drive.Target, r *wipe.Refusal) {
	name := plan.Name(a.plan.Identity)
	a.at("opened")
	target, err := a.opts.Opener.OpenTarget(a.plan.Path)
	if err != nil {
		return nil, &wipe.Refusal{Code: "not-opened", Reason: fmt.Sprintf("%s can't be opened at %s: %v", name, a.plan.Path, err),
			Do: "free it if something holds it, check its connection, and inspect the machine again"}
	}
	defer func() {
		if t == nil {
			_ = target.Close()
		}
	}()
	a.meter.Beat()
	a.at("asked who it is")
	id, err := target.Identify(a.life)
	a.meter.Beat()
	switch {
	case err != nil:
		r = &wipe.Refusal{Code: "no-identity", Reason: fmt.Sprintf("the drive at %s, planned as %s, does not say who it is: %v", a.plan.Path, name, err),
			Do: "check its connection and inspect the machine again"}
	case !id.Same(a.plan.Identity):
		r = &wipe.Refusal{Code: "other-drive", Reason: fmt.Sprintf("at %s stands %s with %d bytes, and %s with %d was planned for", a.plan.Path, plan.Name(id), id.Size, name, a.plan.Identity.Size),
			Do: "inspect the machine again and agree to a new plan"}
	case target.Geometry() != a.plan.Geometry:
		r = &wipe.Refusal{Code: "other-size", Reason: fmt.Sprintf("%s shows %s, and %s was planned for", name, shape(target.Geometry()), shape(a.plan.Geometry)),
			Do: "inspect the machine again and agree to a new plan"}
	default:
		return target, nil
	}
	return nil, r
}

func shape(g drive.Geometry) string {
	return fmt.Sprintf("%d bytes in blocks of %d (physically %d)", g.Size, g.LogicalBlock, g.PhysicalBlock)
}

func (a *attempt) prepare() *wipe.Refusal {
	a.at("read before the erasure")
	t, err := technique.For(a.d)
	if err == nil {
		a.t = t
		err = t.Prepare(a.stop)
	}
	switch {
	case err == nil:
		return nil
	case a.stop.Err() != nil:
		return stopped()
	}
	return &wipe.Refusal{Code: "not-prepared", Reason: fmt.Sprintf("%s could not be made ready for %s: %v", plan.Name(a.plan.Identity), a.d.Step.Technique, err),
		Do: "inspect the machine again; if it comes again, choose an overwrite"}
}

// record has the journal keep what is about to be destroyed.
func (a *attempt) record() *wipe.Refusal {
	if a.stop.Err() != nil {
		return stopped()
	}
	if a.opts.MayStart != nil {
		if err := a.opts.MayStart(); err != nil {
			return &wipe.Refusal{Code: "may-not-start", Reason: fmt.Sprintf("the erasure of %s may not start: %v", plan.Name(a.plan.Identity), err),
				Do: "put an enrolled stick in and start again"}
		}
	}
	a.at(recording)
	err := a.opts.Journal.Started(a.life, journal.Entry{Drive: a.plan, Step: a.d.Step, PlanDigest: a.digest, Resumed: a.opts.Resumed})
	a.meter.Beat()
	if err != nil {
		return &wipe.Refusal{Code: "no-journal", Reason: fmt.Sprintf("nothing was erased on %s, because its STARTED record could not be written: %v", plan.Name(a.plan.Identity), err),
			Do: "put an enrolled stick with free space in and start again"}
	}
	return nil
}

// lastWord is the last moment before something is destroyed. From here on the
// drive is touched, unless it was given up meanwhile: then it never will be.
func (a *attempt) lastWord() *wipe.Refusal {
	if a.stop.Err() != nil || a.state.Load() != touched && !a.state.CompareAndSwap(untouched, touched) {
		return stopped()
	}
	return nil
}

func stopped() *wipe.Refusal {
	return &wipe.Refusal{Code: "stopped", Reason: "stopped before anything was erased", Do: "start again when you are ready"}
}

// erase destroys, reads back, asks who it is once more, and judges.
func (a *attempt) erase() wipe.Outcome {
	ctx := a.life
	if a.t.CanStop() {
		ctx = a.stop
	}
	var f found
	a.at("erased")
	if f.report = a.t.Erase(ctx); !f.report.Sent {
		return a.refused(a.unsent(f.report.Err))
	}
	f.verification = wipe.Verification{Result: "not done"}
	if f.report.Err == nil {
		a.at("read back")
		f.verification, f.verifyErr = a.t.Verify(ctx)
		f.evidence = a.t.Grade(f.verification)
	}
	a.at("asked who it is after the erasure")
	f.after, f.afterErr = a.d.Target.Identify(a.life)
	f.geometry = a.d.Target.Geometry()
	f.bad, f.badBlocks = a.d.Bad.Ranges(), a.d.Bad.Blocks()
	o := judge(a.blank(), a.d.Step, f)
	o.Technique, o.Resumed = a.d.Step.Technique, f.report.Resumed
	return o
}

func (a *attempt) unsent(err error) wipe.Refusal {
	if err == nil || errors.Is(err, context.Canceled) {
		return *stopped()
	}
	return wipe.Refusal{Code: "not-sent", Reason: fmt.Sprintf("nothing was sent to %s: %v", plan.Name(a.plan.Identity), err),
		Do: "inspect the machine again and choose another technique"}
}

// refused is the outcome of a drive to which nothing destructive was sent.
func (a *attempt) refused(r wipe.Refusal) wipe.Outcome {
	o := a.blank()
	if a.d != nil && a.d.Step.Technique != "" {
		o.Technique = a.d.Step.Technique
	}
	o.Verdict, o.Code, o.What, o.Do = wipe.Refused, r.Code, sentence(r.Reason), sentence(r.Do)
	return o
}

// The kernel looks at a namespace anew after Format NVM: for a moment it may be
// gone.
const (
	reopenFor   = time.Minute
	reopenPause = 200 * time.Millisecond
)

// reopen closes the drive and opens it again as soon as it answers as itself.
func (a *attempt) reopen(ctx context.Context) error {
	_ = a.d.Target.Close()
	deadline := time.Now().Add(min(reopenFor, a.opts.GiveUpAfter/2))
	for {
		err := a.openAgain(ctx)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(reopenPause):
		}
	}
}

func (a *attempt) openAgain(ctx context.Context) error {
	target, err := a.opts.Opener.OpenTarget(a.plan.Path)
	if err != nil {
		return err
	}
	a.meter.Beat()
	id, err := target.Identify(ctx)
	if err == nil && !id.Same(a.plan.Identity) {
		err = fmt.Errorf("%w: %s with %d bytes", technique.ErrOther, plan.Name(id), id.Size)
	}
	if err != nil {
		_ = target.Close()
		return err
	}
	a.d.Target = target
	return nil
}
