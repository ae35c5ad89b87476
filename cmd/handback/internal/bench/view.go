package bench

import (
	"fmt"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// View is what the screens may show now.
func (e *Engine) View() wire.View {
	e.mu.Lock()
	defer e.mu.Unlock()
	v := wire.View{Revision: e.revision, Stage: e.stage, Clock: e.w.Now(), Tag: e.tag, Bench: e.station.Settings.Bench,
		Notice: e.noticeNow(), Intake: e.form, Log: append([]string(nil), e.log...), Result: e.result}
	if e.station.Signer != nil {
		v.Class = string(e.station.Signer.Class)
	}
	if e.book != nil {
		v.Visit = e.book.Visit()
	}
	if e.report != nil {
		v.Machine, v.Service = machineName(e.report.Machine), e.report.Machine.Serial.Value
	}
	switch e.stage {
	case wire.StageCheck:
		v.Facts, v.Plan = append(e.removedFacts(), facts(e.report, e.plan.Refusals)...), e.planView()
	case wire.StageAgree:
		v.Plan = e.planView()
	case wire.StageErase, wire.StageGrade, wire.StagePapers:
		v.Drives, v.Questions, v.StickMayGo = e.driveViews(), e.questionViews(), e.stickMayGo()
		v.Tests, v.Exercise = e.testViews(), e.showTrial()
	case wire.StageResult:
		v.Result = e.storedResult()
	}
	return v
}

// noticeNow: a drive that is waited for hides nothing that must be seen to. Where nothing
// is under way, what is said is of that alone. It is called under e.mu.
func (e *Engine) noticeNow() *wire.Notice {
	switch {
	case e.atStick != nil && !slices.Contains([]wire.Stage{wire.StageStopped, wire.StageStarting, wire.StagePowerOff}, e.stage):
		return e.atStick
	case e.notice != nil && e.notice.Mark != wire.MarkBusy:
		return e.notice
	case e.notTaken != nil:
		return e.notTaken
	case e.silent == nil:
		return e.notice
	}
	n, what := *e.silent, "Wait. "
	switch {
	case e.early:
		what = "Fill in the intake meanwhile. "
	case e.kept && e.stage == wire.StageStarting:
		what = "The intake is kept. Wait. "
	}
	n.Do = what + n.Do
	return &n
}

// storedResult says where the papers are now.
func (e *Engine) storedResult() *wire.Result {
	if e.result == nil {
		return nil
	}
	r := *e.result
	r.CanPowerOff = e.book.Pending() == 0
	r.Printed = e.prints
	switch {
	case e.book.Behind() == 0:
		r.Stored = "on the stick"
	case r.CanPowerOff:
		r.Stored = "on stick " + e.second.is.Name + ": put stick " + e.station.Settings.Stick + " back, too"
	default:
		r.Stored = "waiting in memory: put the stick back"
	}
	return &r
}

func machineName(m inspect.Machine) string {
	name := strings.TrimSpace(m.Maker.Value + " " + m.Model.Value)
	return or(name, "unknown machine")
}

func (e *Engine) planView() wire.PlanView {
	p := wire.PlanView{Digest: e.digest, TPM: tpmPlan(e.report.TPM), NeedsAcceptance: acceptance(e.plan),
		Ready: len(erasable(e.plan)) > 0 && e.station.Store != nil, Mains: mainsMark(e.report.Mains)}
	for _, d := range e.plan.Drives {
		if d.Refusal != nil && d.Refusal.Code == plan.CodeBootMedium {
			continue
		}
		p.Rows = append(p.Rows, e.planRow(d))
	}
	for _, r := range e.plan.Refusals {
		p.Also = append(p.Also, r.Reason+": "+r.Do)
	}
	if p.Ready {
		lines, details := removalLines(e.plan.Removals)
		p.Also, p.Removals = append(lines, p.Also...), details
	}
	return p
}

func (e *Engine) planRow(d wipe.DrivePlan) wire.PlanRow {
	row := wire.PlanRow{Name: d.Name, Drive: driveName(d.Identity), Serial: or(d.Identity.Serial, "no serial"), Holds: "nothing known", Warnings: d.Warnings}
	for _, r := range e.report.Drives {
		if r.Path != d.Path {
			continue
		}
		if row.Where, row.PSID = r.Where, e.psidState(r); len(r.Holds) > 0 {
			row.Holds = strings.Join(r.Holds, ", ")
		}
		row.Health, row.HealthMark, row.HealthWhy = healthWords(r.Health)
		for _, p := range r.Problems {
			if !slices.Contains(d.Warnings, p) {
				row.Problems = append(row.Problems, p)
			}
		}
	}
	if d.Refusal != nil {
		row.Refused = d.Refusal.Reason + ". " + sentence(d.Refusal.Do)
		return row
	}
	for i, s := range d.Ladder {
		if i == 0 {
			row.How, row.Expect = levelWord(s.Level)+"  "+techniqueWord(s), s.Expect
		}
		row.Detail = append(row.Detail, fmt.Sprintf("%s: %s (%s), %s; %s", stepID(s), levelWord(s.Level), s.Standard, span(s.Expect), s.Reason))
		if i == 0 && s.Shortfall != "" {
			row.Detail = append(row.Detail, "not reached: "+s.Shortfall)
		}
	}
	return row
}

// stepID names a step as commands and records do.
func stepID(s wipe.Step) string {
	if s.Then != "" {
		return string(s.Technique) + " + " + string(s.Then)
	}
	return string(s.Technique)
}

func levelWord(l wipe.Level) string {
	return map[wipe.Level]string{wipe.LevelClear: "Clear", wipe.LevelPurge: "Purge"}[l]
}

// techniqueWord is a technique in plain words, and how it is looked at.
func techniqueWord(s wipe.Step) string {
	check := "checked by samples and a read-back"
	switch s.Verify {
	case wipe.VerifyFull:
		check = "read back"
	case wipe.VerifySample:
		check = "a sample read back"
	}
	return certs.TechniqueWords(string(s.Technique), string(s.Then)) + "; " + check
}

func tpmPlan(t inspect.TPM) string {
	switch {
	case !t.Present.Known:
		return "unknown: " + t.Present.Why
	case !t.Present.Value:
		return "none in this machine"
	}
	name := strings.TrimSpace(t.Maker.Value + " " + t.Version.Value)
	if t.LockoutAuthSet.Known && t.LockoutAuthSet.Value {
		return name + ", locked by its owner: the firmware clears it after a restart"
	}
	return name + ": cleared after the drives"
}

func mainsMark(m inspect.Fact[bool]) wire.Mark {
	switch {
	case !m.Known:
		return wire.MarkUnknown
	case m.Value:
		return wire.MarkOK
	}
	return wire.MarkBad
}

// driveViews of the running and ended jobs.
func (e *Engine) driveViews() (list []wire.DriveProgress) {
	if e.fleet == nil {
		return nil
	}
	byName := map[string]wipe.DrivePlan{}
	for _, d := range e.plan.Drives {
		byName[d.Name] = d
	}
	for _, s := range e.fleet.Status() {
		d := byName[s.Name]
		if d.Refusal != nil && d.Refusal.Code == plan.CodeBootMedium {
			continue
		}
		p := progress(s)
		p.Drive, p.Serial = driveName(d.Identity), d.Identity.Serial
		list = append(list, p)
	}
	return list
}

func progress(s wipe.Status) wire.DriveProgress {
	p := wire.DriveProgress{Name: s.Name, CanStop: s.CanStop, Note: s.Note, Rate: rate(s.BytesPerS), Fraction: s.Fraction(), Mark: wire.MarkBusy}
	p.Time = span(s.Elapsed) + " so far"
	if left := spanRange(s.EtaLow, s.EtaHigh); left != "" {
		p.Time += ", " + left
	}
	if s.Stalled {
		p.Mark, p.Note = wire.MarkWarn, or(s.Note, "the drive does not answer")
	}
	switch s.Phase {
	case wipe.PhaseErasing, wipe.PhaseSampling:
		p.State = "ERASING"
	case wipe.PhaseVerifying:
		p.State = "CHECKING"
	case wipe.PhaseDone:
		return overView(p, s)
	default:
		p.State, p.Mark, p.Time = "WAITING", wire.MarkNone, ""
	}
	return p
}

// overView is a drive whose job is over.
func overView(p wire.DriveProgress, s wipe.Status) wire.DriveProgress {
	p.Rate, p.Time, p.CanStop = "", "after "+span(s.Elapsed), false
	if s.Outcome == nil {
		p.State, p.Mark, p.Note = "FAILED", wire.MarkBad, "the result is not known"
		return p
	}
	o := s.Outcome
	p.Note, p.Mark = o.What, wire.MarkBad
	switch o.Verdict {
	case wipe.Sanitised:
		p.State, p.Mark, p.Fraction, p.Note = "DONE", wire.MarkOK, 1, ""
		p.Time = levelWord(o.Level) + ", " + evidenceWord(o.Evidence) + ", " + span(s.Elapsed)
	case wipe.Interrupted:
		p.State = "STOPPED"
	case wipe.Unverified:
		p.State = "UNVERIFIED"
	case wipe.Refused:
		p.State, p.Mark, p.Time = "REFUSED", wire.MarkWarn, "not touched"
	default:
		p.State = "FAILED"
	}
	return p
}

// evidenceWord says in two words what a verdict rests on; the paper says it whole.
func evidenceWord(g wipe.EvidenceGrade) string {
	switch g {
	case wipe.EvidenceMeasured:
		return "all read back"
	case wipe.EvidenceSampled:
		return "sample read"
	case wipe.EvidenceCanaries:
		return "samples gone"
	case wipe.EvidenceDeviceClaims:
		return "drive's word"
	}
	return "no evidence"
}

func (e *Engine) questionViews() (list []wire.Question) {
	for _, q := range e.asked() {
		v := wire.Question{ID: q.ID, Ask: q.Ask, Answer: -1}
		for i, c := range q.Choices {
			v.Choices = append(v.Choices, c.Label)
			if e.answers[q.ID] == c.Value {
				v.Answer = i
			}
		}
		e.showTried(&v, q)
		list = append(list, v)
	}
	return list
}
