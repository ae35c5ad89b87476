package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/grade"
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/plan"
	"handback.example/wipe/tpm"
)

// noteName is where a TPM clear that waits for the next boot is kept.
func (e *Engine) noteName() string { return settings.JournalDir + "/" + e.book.Visit() + "-tpm.json" }

// clearTPM clears it, or reads what became of the request of the boot before.
func (e *Engine) clearTPM() {
	var o tpm.Outcome
	switch s := e.book.Summary(); s.TPMResult {
	case certs.TPMCleared, certs.TPMNotPresent, certs.TPMNotCleared:
		return // an earlier boot settled it
	case certs.TPMPending:
		o = e.resumeTPM()
	default:
		o = e.w.ClearTPM(e.ctx)
		if o.Result == tpm.Pending {
			o = e.keepNote(o)
		}
	}
	e.update(func() { e.tpm = &o })
	e.record(certs.Record{Kind: certs.KindTPM, TPM: tpmRecord(o)})
	e.say("tpm", "TPM: "+or(o.What, string(o.Result)), "result", o.Result)
}

// keepNote stores what the next boot needs. Without it that boot could prove
// nothing, so the clear counts as not done.
func (e *Engine) keepNote(o tpm.Outcome) tpm.Outcome {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	b, err := json.Marshal(o.Note)
	if err == nil {
		err = e.station.Store.Write(ctx, e.noteName(), b)
	}
	if err != nil {
		o.Result, o.Note = tpm.NotCleared, nil
		o.What = "The firmware was asked to clear the TPM, but the note for the next start could not be stored: " + err.Error() + "."
		o.Do = "Clear the TPM in the firmware setup."
	}
	return o
}

func (e *Engine) resumeTPM() tpm.Outcome {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	var n tpm.Note
	b, err := e.station.Store.Read(ctx, e.noteName())
	if err == nil {
		err = json.Unmarshal(b, &n)
	}
	if err != nil {
		return tpm.Outcome{Result: tpm.NotCleared, What: "The note on the TPM's clearing can't be read: " + err.Error() + ".", Do: "Clear the TPM in the firmware setup."}
	}
	o := e.w.ResumeTPM(e.ctx, n)
	if o.Result == tpm.Pending {
		return e.askedAgain(o)
	}
	return o
}

// pendingMost is how often a visit may leave the TPM to the next start.
const pendingMost = 3

// askedAgain keeps the note of a request that this start made, and ends a visit
// that would start the machine again for ever.
func (e *Engine) askedAgain(o tpm.Outcome) tpm.Outcome {
	n := 0
	for _, r := range e.book.Records() {
		if r.TPM != nil && r.TPM.Result == certs.TPMPending {
			n++
		}
	}
	if n >= pendingMost {
		o.Result, o.Note = tpm.NotCleared, nil
		o.What = fmt.Sprintf("The firmware was asked %d times to clear the TPM, and has not done it.", n)
		o.Do = "Clear the TPM in the firmware setup."
		return o
	}
	return e.keepNote(o)
}

func tpmRecord(o tpm.Outcome) *certs.TPM {
	return &certs.TPM{Result: or(string(o.Result), certs.TPMUnknown), SRKChanged: yesNo(o.SRKChanged), EKKept: yesNo(o.EKKept),
		SRKBefore: o.SRKBefore, SRKAfter: o.SRKAfter, EKHash: o.EKHash, How: o.How, What: o.What, Do: o.Do}
}

func yesNo(f inspect.Fact[bool]) string {
	switch {
	case !f.Known:
		return certs.Unknown
	case f.Value:
		return certs.Yes
	}
	return certs.No
}

// asked are the bench questions for this machine at this place.
func (e *Engine) asked() []policy.Question {
	return slices.DeleteFunc(e.policy.QuestionsFor(e.report), e.ruledOut)
}

// open questions.
func (e *Engine) open() (list []policy.Question) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, q := range e.asked() {
		if e.answers[q.ID] == "" {
			list = append(list, q)
		}
	}
	return list
}

func (e *Engine) answer(id string, choice int) error {
	for _, q := range e.asked() {
		if q.ID != id {
			continue
		}
		if choice >= len(q.Choices) {
			return fmt.Errorf("question %s has %d answers", q.Short, len(q.Choices))
		}
		waited := false
		e.update(func() { e.answers[id], waited = q.Choices[choice].Value, e.stage == wire.StageGrade })
		eventlog.Event("answered", "question", id)
		if waited && len(e.open()) == 0 {
			go e.conclude()
		}
		return nil
	}
	return fmt.Errorf("there is no question %q", id)
}

// conclude grades, writes the papers and shows the result; or starts the machine
// again where the firmware must clear the TPM first.
func (e *Engine) conclude() {
	e.one.Lock()
	defer e.one.Unlock()
	if e.stage == wire.StagePapers || e.stage == wire.StageResult || e.stage == wire.StagePowerOff {
		return // asked for twice
	}
	e.to(wire.StagePapers)
	e.endTests()
	e.record(append(e.selfTestRecords(), e.answerRecords()...)...)
	if e.book.Summary().TPMResult == certs.TPMPending {
		e.restart()
		return
	}
	if !e.graded() {
		e.lastLook()
		e.areasLeft()
		e.grade()
	}
	e.certify()
	e.showResult()
	e.print(e.book)
	if e.isUnattended() {
		e.leaveWhenSafe()
	}
}

// lastLook finds drives that came after the plan was shown, and what has come since to
// stand in the way of saying 'every drive': nobody has erased it, and no paper may call
// the machine done.
func (e *Engine) lastLook() {
	r, err := e.survey(e.ctx)
	if err != nil {
		e.record(certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Code: "not-looked",
			Reason: "it could not be found out whether a drive was put in meanwhile: " + err.Error(), Do: "start the machine again from the stick"}})
		return
	}
	e.recordLate(r)
	s := e.book.Summary()
	for _, d := range r.Drives {
		ref := evidence.Ref("", d.Identity)
		if d.Boot || slices.ContainsFunc(s.Media, func(m certs.Medium) bool { return sameDrive(m.Drive.Ref(), ref) }) {
			continue
		}
		e.say("late-drive", "a drive came after the plan was shown: "+driveName(d.Identity), "serial", d.Identity.Serial)
		p := plan.Make(r, e.planPolicy())
		e.record(certs.Record{Kind: certs.KindFacts, Facts: evidence.Facts(r, p, evidence.Tool(e.station.Image))})
		return // those facts list every one
	}
}

// recordLate records what has come to stand in the way since the plan was made. Somebody
// may be handling a stick just now, whose drive shows a moment after the stick does: what
// is not there at a second look was never in the machine's way.
func (e *Engine) recordLate(r *inspect.Report) {
	first := since(e.report, r)
	if len(first) == 0 {
		return
	}
	wait := time.NewTimer(3 * e.w.Linger) // usb-storage looks a second after it was plugged in
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-e.ctx.Done():
		return
	}
	late := first
	if again, err := e.survey(e.ctx); err == nil {
		late = slices.DeleteFunc(since(e.report, again), func(x wipe.Refusal) bool { return !slices.Contains(first, x) })
	}
	var list []certs.Record
	for _, x := range late {
		e.say("late-finding", x.Reason, "code", x.Code)
		list = append(list, certs.Record{Kind: certs.KindRefused, Refused: evidence.RefusedMachine(x)})
	}
	e.record(list...)
}

// since are the findings that the plan was made without. That nobody could look then
// is on record already. A second stick beside the first is how a visit ends whose stick
// was away.
func since(planned, now *inspect.Report) (list []wipe.Refusal) {
	if now.Unhandled == nil && planned.Unhandled != nil {
		list = append(list, notLooked())
	}
	for _, f := range now.Unhandled {
		if f.Code != survey.CodeTwoSticks && !slices.Contains(planned.Unhandled, f) {
			list = append(list, wipe.Refusal{Code: f.Code, Reason: f.What, Do: f.Do})
		}
	}
	return list
}

// answerRecords are every question and its answer, once.
func (e *Engine) answerRecords() (list []certs.Record) {
	had := map[string]string{}
	for _, t := range e.book.Summary().Tests {
		had[t.Question] = t.Answer
	}
	pending := e.book.Summary().TPMResult == certs.TPMPending
	for _, q := range e.asked() {
		a := e.answers[q.ID]
		if a == "" && pending {
			continue // it may still be answered after the restart
		}
		a = or(a, policy.NotTested)
		if had[q.ID] != a {
			list = append(list, certs.Record{Kind: certs.KindTested, Tested: evidence.Answered(q, a, e.who, e.showed(q, a))})
		}
	}
	for _, t := range e.untested() {
		if _, told := had[t.Question]; !told {
			list = append(list, certs.Record{Kind: certs.KindTested, Tested: t})
		}
	}
	return list
}

// restart the machine, so that its firmware clears the TPM, once all is stored.
func (e *Engine) restart() {
	e.update(func() {
		e.notice = &wire.Notice{Mark: wire.MarkWarn, What: "The machine starts again now, so that its firmware can clear the TPM.",
			Do: "Leave the stick in. When the firmware asks, press the key that it names (often F12)."}
	})
	go func() {
		for e.waiting() > 0 {
			time.Sleep(watchTime)
		}
		time.Sleep(6 * e.w.Linger)
		e.finish(EndReboot)
	}()
}

// graded: a grade is the last word on record, by an earlier start that was cut off
// before the papers. It stands: some of them may be on the stick.
func (e *Engine) graded() bool {
	records := e.book.Records()
	for i := len(records) - 1; i >= 0; i-- {
		if k := records[i].Kind; k != certs.KindValidated {
			return k == certs.KindGraded
		}
	}
	return false
}

// grade decides the route by what the records add up to, and records it.
func (e *Engine) grade() {
	s := e.book.Summary()
	e.mu.Lock()
	in := grade.Input{Report: e.report, Sanitised: s.Verdict == certs.Sanitised, Level: string(s.Level),
		LevelAccepted: s.Consent != nil && s.Consent.Accepted != "", TPM: s.TPMResult, Answers: map[string]string{}, Tests: measured(s), Unhandled: s.Unhandled}
	for id, a := range grade.Custody(e.form.Stolen, e.form.LegalHold, e.form.Disputed) {
		in.Answers[id] = a
	}
	for id, a := range e.answers {
		in.Answers[id] = a
	}
	e.mu.Unlock()
	d := grade.Decide(in, e.policy)
	next := evidence.Disposition(d, s, e.station.Settings.PartnerOf(string(d.Route)))
	e.record(certs.Record{Kind: certs.KindGraded, Graded: evidence.Graded(d, next)},
		certs.Record{Kind: certs.KindValidated, Validated: &certs.Validated{Decision: certs.Awaiting}})
	e.say("graded", "route "+string(d.Route)+": "+d.Why, "route", d.Route, "rule", d.Rule)
}

// certify writes the papers; they wait in memory where the stick is gone.
func (e *Engine) certify() {
	ctx, cancel := context.WithTimeout(e.ctx, stickWait)
	defer cancel()
	names, err := e.book.Certify(ctx)
	e.update(func() { e.papers, e.waits = names, e.waits || err != nil })
	if err != nil {
		e.say("papers-wait", "the papers wait in memory: "+err.Error(), "why", err)
		return
	}
	for _, n := range names {
		e.say("paper", "paper "+n, "name", n)
	}
	e.listDay(e.book, e.station.Store)
}

// summaryOf turns what the records add up to into the exit codes' table.
func (e *Engine) exitSummary(s certs.Summary) exit.Summary {
	x := exit.Summary{Unhandled: s.Unhandled + len(s.MachineRefusals), Stopped: e.stopped, NotDone: len(e.papers) == 0}
	for _, m := range s.Media {
		x.Media = append(x.Media, exit.Medium{Verdict: wipe.Verdict(m.Verdict), Level: level(m.Level), Want: level(s.Want)})
	}
	x.TPM = map[string]exit.TPM{certs.TPMCleared: exit.TPMCleared, certs.TPMNotCleared: exit.TPMNotCleared,
		certs.TPMPending: exit.TPMPending, certs.TPMNotPresent: exit.TPMNotPresent}[s.TPMResult]
	return x
}

func level(l certs.Level) wipe.Level {
	return wipe.Level(max(0, slices.Index([]certs.Level{certs.LevelNone, certs.LevelClear, certs.LevelPurge}, l)))
}

// leaveWhenSafe switches an unattended machine off once all is on the stick.
func (e *Engine) leaveWhenSafe() {
	go func() {
		for e.waiting() > 0 || e.printing() {
			time.Sleep(watchTime)
		}
		time.Sleep(3 * e.w.Linger)
		e.finish(EndPowerOff)
	}()
}

// showResult fills the screen with what the records say.
func (e *Engine) showResult() {
	s := e.book.Summary()
	code := e.exitSummary(s).Code()
	r := resultOf(s, code, e.papers, e.book.RecordHash())
	e.update(func() { e.code, e.result = code, r })
	eventlog.Event("result", "word", r.Word, "verdict", s.Verdict, "route", s.Route, "code", code)
	e.to(wire.StageResult)
}
