package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"handback.example/certs"
	"handback.example/certs/label"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/grade"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// pickUpTime is how long the records of earlier visits may take to be read.
const pickUpTime = time.Minute

// pickUp goes on with a visit of this machine that an earlier boot did not finish.
func (e *Engine) pickUp(ctx context.Context) bool {
	if e.station.Store == nil {
		return false
	}
	wctx, cancel := context.WithTimeout(ctx, pickUpTime)
	defer cancel()
	book, err := evidence.ResumeWhere(wctx, e.station.Store, e.station.Signer, e.now, e.ofThisMachine)
	switch {
	case errors.Is(err, stick.ErrGone):
		e.update(func() { e.found = false }) // it is looked for again
		what, do := stickWords(err)
		e.halt(what, do)
		return true
	case err != nil:
		e.halt("The records of an earlier visit on this stick can't be read: "+err.Error()+".", "Nothing was erased and nothing was changed. Take the stick to your supervisor.")
		return true
	}
	switch {
	case book == nil:
		return false
	case e.kept: // by another name that the machine has given before its drives had answered
		e.halt(fmt.Sprintf("Visit %s of this machine was cut off, and has an intake. Another one was filled in.", book.Visit()),
			"Nothing was erased since. Switch off and on, and go on with that visit; tell your supervisor if it must stop.")
		return true
	}
	e.to(wire.StageStarting)
	book.WithLabel(label.Size(e.station.Settings.Label.Size))
	e.keepCopies(wctx, book)
	s := book.Summary()
	e.update(func() {
		e.book, e.resumed = book, true
		if s.Intake != nil {
			e.intake, e.tag, e.who = *s.Intake, s.Intake.Tag, s.Intake.Operator
		}
		for _, t := range s.Tests {
			if t.Kind == certs.TestOperator {
				e.answers[t.Question] = t.Answer
			}
		}
	})
	e.say("picked-up", fmt.Sprintf("visit %s goes on", book.Visit()), "visit", book.Visit(), "orphans", len(s.Orphans))
	var cut []certs.Record
	for _, ref := range s.Orphans {
		cut = append(cut, certs.Record{Kind: certs.KindFinished, Finished: cutOff(s, ref)})
	}
	e.record(cut...)
	e.replan()
	if stop := custody(s); stop != nil {
		e.stillStopped(*stop)
		return true
	}
	switch {
	case e.isUnattended() && !sameTag(e.form.Tag, e.tag):
		e.halt(fmt.Sprintf("Visit %s was cut off. It took this machine in as %s; the settings say %s.", book.Visit(), e.tag, e.form.Tag),
			"Nothing was erased since. Only a person can say which is right: start the machine with someone at it.")
	case (s.Graded != nil || s.Consent != nil) && e.settled():
		// Every drive's end is on record: go on where that boot stopped.
		stopped := e.stoppedBefore(wctx)
		e.update(func() { e.stopped = e.stopped || stopped })
		go e.afterErase()
	case e.isUnattended():
		e.to(wire.StageCheck)
		e.unattended(ctx)
	default:
		e.to(wire.StageCheck)
		e.update(func() {
			e.log = append(e.log, "This visit was cut off. Agree again to erase what is not erased yet.")
		})
	}
	return true
}

// custody gives the reason, if there is one, for which nothing of the machine may
// be erased.
func custody(s certs.Summary) *certs.Refused {
	for _, r := range s.MachineRefusals {
		if r.Code == codeCustody {
			return &r
		}
	}
	return nil
}

// stillStopped ends a visit that was stopped at intake, and cut off before its papers.
func (e *Engine) stillStopped(stop certs.Refused) {
	for _, f := range []wire.Intake{{Stolen: true}, {LegalHold: true}, {Disputed: true}} {
		if what, _ := stopReason(f); what == stop.Reason {
			e.update(func() { maps.Copy(e.answers, grade.Custody(f.Stolen, f.LegalHold, f.Disputed)) })
		}
	}
	e.endStopped(stop.Reason, stop.Do)
}

// settled: the records have the last word on every drive that is in the machine
// now, and on all that stands in the way of saying 'every drive'.
func (e *Engine) settled() bool {
	s := e.book.Summary()
	for _, d := range e.plan.Drives {
		if d.Refusal == nil || !refusedOnRecord(s, evidence.Ref(d.Name, d.Identity)) {
			return false
		}
	}
	for _, r := range e.plan.Refusals {
		if !slices.ContainsFunc(s.MachineRefusals, func(m certs.Refused) bool { return m.Code == r.Code && m.Reason == r.Reason }) {
			return false
		}
	}
	return true
}

func refusedOnRecord(s certs.Summary, ref certs.DriveRef) bool {
	return slices.ContainsFunc(s.Media, func(m certs.Medium) bool {
		return sameDrive(m.Drive.Ref(), ref) && m.Refused != nil && m.Started == nil
	})
}

// ofThisMachine: a stick that was taken to another machine in mid-visit must not
// go on there with the first one's visit.
func (e *Engine) ofThisMachine(s certs.Summary) bool {
	if s.Facts == nil {
		return false
	}
	m := machineOf(e.report)
	if !saysWhatItIs(m) {
		return e.hasItsDrives(s)
	}
	return sameMachine(m, s.Facts.Machine)
}

// machineOf a report, as records have it.
func machineOf(r *inspect.Report) certs.Machine {
	return evidence.Facts(r, wipe.Plan{}, certs.Tool{}).Machine
}

func saysWhatItIs(m certs.Machine) bool { return m.UUID != "" || m.Serial != "" }

func sameMachine(m, was certs.Machine) bool {
	return m.UUID == was.UUID && m.Serial == was.Serial && m.Maker == was.Maker && m.Model == was.Model
}

// hasItsDrives knows a machine that does not say what it is, or not in time, by its
// drives: each of them has a serial and was in the visit's facts, and the visit has
// begun to erase one.
func (e *Engine) hasItsDrives(s certs.Summary) bool {
	begun := false
	for _, d := range e.report.Drives {
		if d.Boot {
			continue
		}
		ref := evidence.Ref("", d.Identity)
		if ref.Serial == "" || !slices.ContainsFunc(s.Facts.Drives, func(was certs.Drive) bool { return sameDrive(was.Ref(), ref) }) {
			return false
		}
		begun = begun || slices.ContainsFunc(s.Media, func(m certs.Medium) bool { return m.Started != nil && sameDrive(m.Started.Drive, ref) })
	}
	return begun
}

// cutOff ends an erasure that an earlier boot had begun.
func cutOff(s certs.Summary, ref certs.DriveRef) *certs.Finished {
	f := &certs.Finished{Drive: ref, Verdict: certs.Interrupted, Level: certs.LevelNone,
		What:         "The machine lost power, or was started again, while this drive was being erased: part of its data may be left.",
		Do:           "Erase it again.",
		Verification: certs.Verification{Result: certs.NotDone}}
	for _, m := range s.Media {
		if m.Started != nil && sameDrive(m.Started.Drive, ref) {
			f.Technique = m.Started.Technique
		}
		if sameDrive(m.Drive.Ref(), ref) {
			f.Before = certs.State{Model: m.Drive.Model, Serial: m.Drive.Serial, Firmware: m.Drive.Firmware, WWN: m.Drive.WWN,
				Namespace: m.Drive.Namespace, SizeBytes: m.Drive.SizeBytes, LogicalBlock: m.Drive.LogicalBlock, NativeBytes: m.Drive.NativeBytes, Remapped: -1, Pending: -1}
		}
	}
	return f
}

// leaveOutDone takes the drives out of a plan whose end is on record already in
// this visit. One that was cut off stays in.
func (e *Engine) leaveOutDone(p wipe.Plan) wipe.Plan {
	if e.book == nil || !e.resumed {
		return p
	}
	s := e.book.Summary()
	var keep []wipe.DrivePlan
	for _, d := range p.Drives {
		if !ended(s, evidence.Ref(d.Name, d.Identity), e.holdsSomething(d.Path)) && (d.Refusal == nil || d.Refusal.Code != plan.CodeBootMedium) {
			keep = append(keep, d)
		}
	}
	p.Drives = keep
	return p
}

// ended: the records have a last word on this drive that was not a power cut. One
// that was sanitised and holds something again was filled since, or is another
// that answers alike.
func ended(s certs.Summary, ref certs.DriveRef, holds bool) bool {
	for _, m := range s.Media {
		if sameDrive(m.Drive.Ref(), ref) {
			if f := m.Finished; f != nil && ref.SizeBytes != f.Drive.SizeBytes && ref.SizeBytes != f.After.SizeBytes {
				return false // it has neither the size that it came with nor the one that it was left with
			}
			return m.Finished != nil && m.Verdict != certs.Interrupted && (m.Verdict != certs.Sanitised || !holds)
		}
	}
	return false
}

func (e *Engine) holdsSomething(path string) bool {
	return slices.ContainsFunc(e.report.Drives, func(d inspect.Drive) bool { return d.Path == path && len(d.Holds) > 0 })
}
