package bench

import (
	"context"
	"fmt"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// pickUp goes on with a visit of this machine that an earlier boot did not finish.
func (e *Engine) pickUp(ctx context.Context) bool {
	if e.station.Store == nil {
		return false
	}
	wctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	book, err := evidence.ResumeWhere(wctx, e.station.Store, e.station.Signer, e.now, e.ofThisMachine)
	if err != nil {
		e.halt("The records of an earlier visit on this stick can't be read: "+err.Error()+".", "Nothing was erased and nothing was changed. Take the stick to your supervisor.")
		return true
	}
	if book == nil {
		return false
	}
	s := book.Summary()
	e.update(func() {
		e.book, e.resumed = book, true
		if s.Intake != nil {
			e.intake, e.tag, e.who = *s.Intake, s.Intake.Tag, s.Intake.Operator
		}
		for _, t := range s.Tests {
			e.answers[t.Question] = t.Answer
		}
	})
	e.say("picked-up", fmt.Sprintf("visit %s goes on", book.Visit()), "visit", book.Visit(), "orphans", len(s.Orphans))
	for _, ref := range s.Orphans {
		e.record(certs.Record{Kind: certs.KindFinished, Finished: cutOff(s, ref)})
	}
	e.replan()
	switch {
	case s.Graded != nil || s.Consent != nil && len(e.plan.Drives) == 0:
		// Every drive's end is on record: go on where that boot stopped.
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

// ofThisMachine: a stick that was taken to another machine in mid-visit must not
// go on there with the first one's visit.
func (e *Engine) ofThisMachine(s certs.Summary) bool {
	if s.Facts == nil {
		return false
	}
	m, was := evidence.Facts(e.report, wipe.Plan{}, certs.Tool{}).Machine, s.Facts.Machine
	if m.UUID == "" && m.Serial == "" {
		return false
	}
	return m.UUID == was.UUID && m.Serial == was.Serial && m.Maker == was.Maker && m.Model == was.Model
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
				Namespace: m.Drive.Namespace, SizeBytes: m.Drive.SizeBytes, LogicalBlock: m.Drive.LogicalBlock}
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
		if !ended(s, evidence.Ref(d.Name, d.Identity)) && (d.Refusal == nil || d.Refusal.Code != plan.CodeBootMedium) {
			keep = append(keep, d)
		}
	}
	p.Drives = keep
	return p
}

// ended: the records have a last word on this drive that was not a power cut.
func ended(s certs.Summary, ref certs.DriveRef) bool {
	for _, m := range s.Media {
		if sameDrive(m.Drive.Ref(), ref) {
			return m.Finished != nil && m.Verdict != certs.Interrupted
		}
	}
	return false
}
