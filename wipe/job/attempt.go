package job

import (
	"context"
	"errors"
	"fmt"
	"strings"

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

	path     string        // where the drive is now
	past     *journal.Past // what an earlier start left, of whatever technique
	restored string        // what became of its hidden capacity
}

func (a *attempt) run() wipe.Outcome {
	if r := a.forbidden(); r != nil {
		return a.refused(*r)
	}
	a.path = a.plan.Path
	if a.opts.Past != nil {
		a.at(recording)
		a.past = a.opts.Past(a.plan.Identity)
		a.meter.Beat()
	}
	return a.honest(a.climb())
}

// honest: a drive that an earlier start began to erase is not one to which nothing was
// done, though nothing was sent to it now.
func (a *attempt) honest(o wipe.Outcome) wipe.Outcome {
	if o.Verdict == wipe.Refused && a.past != nil {
		o.Verdict = wipe.Interrupted
		o.What = strings.TrimSuffix(o.What, ".") + "; an earlier start had begun to erase it, and it is not known to be erased."
	}
	return o
}

// claim opens the drive.
func (a *attempt) claim() *wipe.Refusal {
	target, r := a.open()
	if r != nil {
		return r
	}
	a.d = &technique.Drive{Target: target, Plan: a.plan, Meter: a.meter, Reopen: a.reopen, Clock: a.opts.Clock, Mark: a.mark,
		Together: a.together, SlowBelow: a.opts.SlowBelow, SlowFor: a.opts.SlowFor}
	if a.opts.PSID != nil {
		a.d.PSID = a.opts.PSID(a.plan.Identity)
	}
	return nil
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
	target, err := a.opts.Opener.OpenTarget(a.path)
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
	return &wipe.Refusal{Code: codeNotPrepared, Reason: fmt.Sprintf("%s could not be made ready for %s: %v", plan.Name(a.plan.Identity), a.d.Step.Technique, err),
		Do: "inspect the machine again; if it comes again, choose an overwrite"}
}

// record has the journal keep what is about to be destroyed. Before the first time a
// journal that can't refuses the drive; later the drive waits for it.
func (a *attempt) record() *wipe.Refusal {
	if a.stop.Err() != nil {
		return stopped()
	}
	name := plan.Name(a.plan.Identity)
	if err := a.patient(a.life, a.mayStart); err != nil {
		return &wipe.Refusal{Code: "may-not-start", Reason: fmt.Sprintf("the erasure of %s may not start: %v", name, err),
			Do: "put an enrolled stick in and start again"}
	}
	a.at(recording)
	entry := journal.Entry{Drive: a.plan, Step: a.d.Step, PlanDigest: a.digest, Resumed: a.opts.Resumed || a.past != nil}
	if err := a.patient(a.life, func(ctx context.Context) error { return a.opts.Journal.Started(ctx, entry) }); err != nil {
		return &wipe.Refusal{Code: codeNoJournal, Reason: fmt.Sprintf("nothing was erased on %s, because its STARTED record could not be written: %v", name, err),
			Do: "put an enrolled stick with free space in and start again"}
	}
	return nil
}

func (a *attempt) mayStart(context.Context) error {
	if a.opts.MayStart == nil {
		return nil
	}
	return a.opts.MayStart()
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
	clock := a.clock()
	a.at("erased")
	began := clock.Now()
	// Where an earlier start had done it all, nothing is sent now.
	if f.report = a.t.Erase(ctx); !f.report.Sent && !f.report.Complete {
		return a.refused(a.unsent(f.report.Err))
	}
	f.erasing, began = clock.Now().Sub(began), clock.Now()
	f.verification = wipe.Verification{Result: verify.NotDone}
	if f.report.Err == nil {
		a.at("read back")
		f.verification, f.verifyErr = a.t.Verify(ctx)
		f.evidence = a.t.Grade(f.verification)
		f.reading = clock.Now().Sub(began)
	}
	a.at("asked who it is after the erasure")
	f.after, f.afterErr = a.d.Target.Identify(a.life)
	f.geometry = a.d.Target.Geometry()
	f.bad, f.badBlocks = a.d.Bad.Ranges(), a.d.Bad.Blocks()
	f.want, f.shape = a.expected()
	o := judge(a.blank(), a.d.Step, f)
	o.Technique, o.Resumed, o.Restored = a.d.Step.Technique, f.report.Resumed, a.restored
	return o
}

func (a *attempt) unsent(err error) wipe.Refusal {
	name := plan.Name(a.plan.Identity)
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return *stopped()
	case errors.Is(err, technique.ErrUnmarked):
		return wipe.Refusal{Code: codeNoJournal, Reason: fmt.Sprintf("nothing was sent to %s: %v", name, err),
			Do: "put an enrolled stick with free space in and start again"}
	}
	return wipe.Refusal{Code: codeNotSent, Reason: fmt.Sprintf("nothing was sent to %s: %v", name, err),
		Do: "inspect the machine again and choose another technique"}
}

// refused is the outcome of a drive to which nothing destructive was sent.
func (a *attempt) refused(r wipe.Refusal) wipe.Outcome {
	o := a.blank()
	if a.d != nil && a.d.Step.Technique != "" {
		o.Technique = a.d.Step.Technique
	}
	o.Verdict, o.Code, o.What, o.Do, o.Restored = wipe.Refused, r.Code, sentence(r.Reason), sentence(r.Do), a.restored
	if r.Code == CodePowerCycle {
		o.Verdict = wipe.Interrupted // its capacity was asked for: it is not as it was
	}
	return o
}
