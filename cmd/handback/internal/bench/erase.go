package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/journal"
	"handback.example/wipe/plan"
)

// erasable are the drives that the plan has a way for.
func erasable(p wipe.Plan) (list []wipe.DrivePlan) {
	for _, d := range p.Drives {
		if d.Refusal == nil && len(d.Ladder) > 0 {
			list = append(list, d)
		}
	}
	return list
}

// acceptance is the sentence that a person accepts by agreeing; empty where every
// drive reaches the level wanted.
func acceptance(p wipe.Plan) string {
	var names []string
	for _, d := range erasable(p) {
		if d.BelowWanted {
			names = append(names, d.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	drives := "drive " + names[0] + " is"
	if len(names) > 1 {
		drives = "drives " + strings.Join(names, ", ") + " are"
	}
	return drives + " cleared, not purged."
}

// consent is the one gate: the tag of this machine, for exactly the plan that was
// shown. Everything is looked at once more before anything is destroyed.
func (e *Engine) consent(text, digest string) error {
	switch {
	case e.station.Store == nil:
		return errors.New("the Handback stick can't be written: nothing is erased without a record")
	case digest != e.digest:
		return errors.New("the plan has changed: read it again")
	case !sameTag(text, e.tag):
		return fmt.Errorf("that is %q, this machine is %s: scan the label of this machine", cut(text), e.tag)
	case len(erasable(e.plan)) == 0:
		return errors.New("there is nothing to erase")
	}
	if err := e.lookAgain(e.ctx); err != nil {
		return err
	}
	if m := e.report.Mains; m.Known && !m.Value {
		return errors.New("the power lead is out: plug it in, then scan the label again")
	}
	if digest != e.digest {
		e.to(wire.StageCheck)
		return errors.New("the drives have changed since the plan was made: look at them again")
	}
	if err := e.openBook(); err != nil {
		return err
	}
	how := "tag scanned or typed"
	if e.station.Settings.Unattended {
		how = "unattended settings"
	}
	agreed := certs.Record{Kind: certs.KindConsent, Consent: evidence.Consent(e.plan, e.digest, e.who, how, certs.ScopeMachine, acceptance(e.plan))}
	e.record(append([]certs.Record{agreed}, e.refusals()...)...)
	if n := e.book.Pending(); n > 0 {
		return fmt.Errorf("%d records could not be written to the stick: nothing is erased before they are", n)
	}
	if s := e.book.Summary(); s.Consent == nil || s.Consent.PlanDigest != e.digest {
		return errors.New("your agreement could not be recorded, so nothing is erased: take the stick to your supervisor")
	}
	e.erase()
	return nil
}

// refusals of drives and of the machine, as records. Boot media are no targets.
func (e *Engine) refusals() (list []certs.Record) {
	for _, d := range e.plan.Drives {
		if d.Refusal != nil && d.Refusal.Code != plan.CodeBootMedium {
			list = append(list, certs.Record{Kind: certs.KindRefused, Refused: evidence.RefusedDrive(d)})
		}
	}
	for _, r := range e.plan.Refusals {
		list = append(list, certs.Record{Kind: certs.KindRefused, Refused: evidence.RefusedMachine(r)})
	}
	return list
}

// erase starts every drive and follows them.
func (e *Engine) erase() {
	o := job.Options{Opener: e.w.Opener, Journal: starts{e}, Digest: e.digest,
		// Consent is to the plan whole: what is below the level wanted stood in it as
		// a sentence, and in the record.
		Accepted: func(wipe.DrivePlan) bool { return acceptance(e.plan) != "" },
		MayStart: func() error {
			if !e.station.Store.Present() {
				return stick.ErrGone
			}
			return nil
		},
		PSID: e.psidOf, Past: e.past, Await: e.stickBack, Clock: e.w.Clock}
	if e.w.Paths != nil {
		o.Find = job.Finder(e.w.Opener, e.w.Paths)
	}
	fleet := job.Start(e.ctx, e.plan, o)
	e.update(func() { e.fleet = fleet })
	e.startTests()
	e.to(wire.StageErase)
	go e.follow(fleet)
}

// starts makes STARTED durable before the first destructive command to a drive.
type starts struct{ e *Engine }

func (s starts) Started(ctx context.Context, en journal.Entry) error {
	e := s.e
	ctx, cancel := context.WithTimeout(ctx, stickWait)
	defer cancel()
	err := e.book.Started(ctx, en)
	if err != nil {
		e.update(func() { e.waits = true })
		return err
	}
	e.mark()
	e.say("started", "drive "+en.Drive.Name+" STARTED, "+string(en.Step.Technique), "drive", en.Drive.Name,
		"serial", en.Drive.Identity.Serial, "technique", en.Step.Technique, "resumed", en.Resumed)
	return nil
}

// Mark keeps a step of a drive's erasure on the stick before it is taken. What is
// issued needs the stick no more.
func (s starts) Mark(ctx context.Context, id drive.Identity, m journal.Mark) error {
	e := s.e
	ctx, cancel := context.WithTimeout(ctx, stickWait)
	defer cancel()
	if err := e.book.Mark(ctx, id, m); err != nil {
		return err
	}
	if m.Step == journal.StepIssue {
		e.update(func() {
			for _, d := range e.plan.Drives {
				if d.Identity == id {
					e.begun[d.Name] = true
				}
			}
		})
	}
	eventlog.Event("step", "serial", id.Serial, "step", m.Step)
	return nil
}

// past is what an earlier start left of a drive's erasure. What can't be read is said,
// and is no past.
func (e *Engine) past(id drive.Identity) *journal.Past {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	p, err := e.book.Past(ctx, id)
	if err != nil {
		e.say("past-unread", fmt.Sprintf("%s: %v", driveName(id), err), "serial", id.Serial, "why", err)
	}
	return p
}

// stickBack waits for a stick that was taken out. Another one does not do.
func (e *Engine) stickBack(ctx context.Context, why error) error {
	if !slices.ContainsFunc([]error{stick.ErrGone, stick.ErrOther, stick.ErrAmbiguous, context.DeadlineExceeded}, func(k error) bool { return errors.Is(why, k) }) {
		return why
	}
	e.held.Add(1)
	defer e.held.Add(-1)
	e.say("erasure-waits", "an erasure waits for the stick", "why", why)
	tick := time.NewTicker(watchTime / 2)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		if !e.station.Store.Present() {
			continue
		}
		flush, cancel := context.WithTimeout(ctx, stickWait)
		err := e.book.Flush(flush)
		cancel()
		if err == nil {
			return nil
		}
	}
}

// mark that erasure has begun. It is for what is said only: the record is on the
// stick.
func (e *Engine) mark() {
	if e.w.Marker == "" {
		return
	}
	if err := os.WriteFile(e.w.Marker, nil, 0o600); err != nil {
		e.say("no-marker", "the marker of a begun erasure can't be written: "+err.Error())
	}
}

// sameDrive compares all that binds a drive but the letter that one boot gave it, and
// its size, which a capacity that was restored changes.
func sameDrive(a, b certs.DriveRef) bool {
	a.Name, b.Name, a.SizeBytes, b.SizeBytes = "", "", 0, 0
	return a == b
}

const followTime = 200 * time.Millisecond

// follow records the end of each drive as it comes, then goes on.
func (e *Engine) follow(fleet *job.Fleet) {
	tick := time.NewTicker(followTime)
	defer tick.Stop()
	for done := false; !done; {
		select {
		case <-e.ctx.Done():
			return
		case <-fleet.Done():
			done = true
		case <-tick.C:
		}
		for _, s := range fleet.Status() {
			if s.Outcome != nil {
				e.finished(*s.Outcome)
			}
		}
	}
	for _, o := range fleet.Outcomes() {
		e.finished(o)
	}
	if e.powerCycle(fleet.Outcomes()) {
		return
	}
	e.afterErase()
}

// powerCycle leaves the visit open where a drive must be without power before it can
// be erased. What comes after the erasure waits for the next start.
func (e *Engine) powerCycle(all []wipe.Outcome) bool {
	var names []string
	for _, o := range all {
		if o.Code == job.CodePowerCycle {
			names = append(names, o.Drive.Name)
		}
	}
	if len(names) == 0 {
		return false
	}
	e.endTests()
	e.say("needs-power-cycle", "the machine has to be switched off and on: "+strings.Join(names, ", "), "drives", strings.Join(names, ","))
	e.update(func() {
		e.notice = &wire.Notice{Mark: wire.MarkWarn, What: fmt.Sprintf("Drive %s gives back its whole capacity only after it was without power.", strings.Join(names, ", ")),
			Do: "Leave the stick in. Switch the machine off, wait ten seconds, and switch it on: the visit goes on by itself."}
		e.code = exit.Bad
	})
	e.to(wire.StageStopped)
	if e.isUnattended() {
		e.leaveWhenSafe()
	}
	return true
}

func (e *Engine) finished(o wipe.Outcome) {
	if e.told[o.Drive.Name] || o.Drive.Refusal != nil {
		return
	}
	e.told[o.Drive.Name] = true
	as := evidence.Find(e.report.Drives, o.Drive.Identity)
	f := evidence.Finished(o, as, Again(e.ctx, e.w.Opener, o))
	e.record(certs.Record{Kind: certs.KindFinished, Finished: f})
	e.settle(o.Drive.Identity, f.Verdict)
	e.say("finished", fmt.Sprintf("drive %s FINISHED %s: %s", o.Drive.Name, o.Verdict, o.What), "drive", o.Drive.Name,
		"serial", o.Drive.Identity.Serial, "verdict", o.Verdict, "evidence", o.Evidence, "seconds", o.Elapsed)
	e.testDrive(o, as)
}

// settle tidies the journal of a drive whose end is on record. It is no record: what
// can't be done now is left.
func (e *Engine) settle(id drive.Identity, v certs.Verdict) {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	if err := e.book.Settle(ctx, id, v); err != nil {
		eventlog.Event("journal-left", "serial", id.Serial, "why", err)
	}
}

// afterErase clears the TPM and the platform, unless somebody stopped; then the open
// questions, or the papers.
func (e *Engine) afterErase() {
	e.mu.Lock()
	stopped := e.stopped
	e.mu.Unlock()
	switch {
	case e.untouched():
		eventlog.Event("untouched")
	case stopped:
		// Whoever stops may have the wrong machine before them: another drive of it may
		// be locked by keys that the TPM keeps.
		e.keepStop() // once more: the stick may have been out
		e.say("tpm-left", "the TPM and the firmware's settings are left as they are: the erasure was stopped")
	default:
		e.clearTPM()
		e.clearPlatform()
	}
	if !e.isUnattended() && len(e.open()) > 0 {
		e.to(wire.StageGrade)
		if len(e.open()) > 0 {
			return // the last answer, given from now on, goes on
		}
	}
	e.conclude()
}

// untouched: no destructive command was sent to any drive.
func (e *Engine) untouched() bool {
	for _, m := range e.book.Summary().Media {
		if m.Verdict != certs.RefusedVerdict {
			return false
		}
	}
	return true
}

// finishWithout ends a visit in which nothing can be erased.
func (e *Engine) finishWithout() error {
	switch {
	case e.station.Store == nil:
		return errors.New("the Handback stick can't be written: there is nothing to finish without a record")
	case len(erasable(e.plan)) > 0:
		return errors.New("there are drives to erase: agree, or go back")
	}
	if err := e.openBook(); err != nil {
		return err
	}
	e.record(e.refusals()...)
	if e.untouched() {
		go e.conclude()
		return nil
	}
	// An earlier start has erased other drives: what comes after them is still due.
	e.to(wire.StageErase)
	go e.afterErase()
	return nil
}

// cut shortens what a person typed for a message.
func cut(s string) string {
	if r := []rune(s); len(r) > maxText {
		return string(r[:maxText])
	}
	return s
}
