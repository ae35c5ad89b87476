package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/grade"
)

// maxText is the longest tag or operator that is taken: it must fit a label.
const maxText = 32

// checkIntake says what a person must mend before an intake can be taken.
func checkIntake(f wire.Intake) error {
	tag := strings.TrimSpace(f.Tag)
	switch {
	case tag == "":
		return errors.New("the asset tag is empty: scan the label, or press F2 for an intake number")
	case !plainText(tag):
		return fmt.Errorf("the asset tag may have letters, digits and - _ . / only, %d at most: scan it again", maxText)
	case strings.TrimSpace(f.Operator) == "":
		return errors.New("the operator is empty: type your operator ID")
	case !plainText(strings.TrimSpace(f.Operator)):
		return fmt.Errorf("the operator ID may have letters, digits and - _ . / only, %d at most", maxText)
	case !plainText(strings.TrimSpace(f.Seal)):
		return fmt.Errorf("the seal's number may have letters, digits and - _ . / only, %d at most: scan it again, or leave it empty", maxText)
	case !slices.Contains(certs.Sources, f.Source):
		return errors.New("say where the machine came from: locker, post, desk, amnesty or partner")
	case f.Classification != certs.Official && f.Classification != certs.AboveOfficial:
		return errors.New("say how the machine is marked: OFFICIAL or below, or above")
	case f.DIAL < 1 || f.DIAL > 3:
		return errors.New("give the DIAL rating: 1, 2 or 3; your supervisor knows it")
	}
	return nil
}

// checkedIntake is a form without the spaces around its texts, if it can be taken.
func checkedIntake(f wire.Intake) (wire.Intake, error) {
	f.Tag, f.Operator = strings.TrimSpace(f.Tag), strings.TrimSpace(f.Operator)
	return f, checkIntake(f)
}

func plainText(s string) bool {
	if len(s) > maxText {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./ ", r) {
			return false
		}
	}
	return true
}

// stopReason says why nothing of this machine may be erased, empty if it may.
func stopReason(f wire.Intake) (what, do string) {
	switch {
	case f.Classification == certs.AboveOfficial:
		return "This machine is marked above OFFICIAL.", "Nothing was erased. Give it to your supervisor: it goes another way."
	case f.LegalHold:
		return "This machine is under legal hold.", "Nothing was erased. Seal it and give it to your supervisor."
	case f.Stolen:
		return "This machine is reported stolen.", "Nothing was erased. Seal it and give it to your supervisor."
	case f.Disputed:
		return "The owner of this machine is disputed.", "Nothing was erased. Put it on the shelf for disputes and tell your supervisor."
	}
	return "", ""
}

// sameTag compares two tags as a scanner or a person gives them.
func sameTag(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// suggest fills the form with what settings and machine say.
func (e *Engine) suggest() {
	m := e.report.Machine
	known := make(chan struct{})
	e.update(func() {
		e.todayIs = known
		e.suggestSettings()
		if m.AssetTag.Known && plainText(m.AssetTag.Value) {
			e.form.SuggestedTag = m.AssetTag.Value
		}
	})
	store := e.station.Store // a later look for the stick puts another one there
	go func() {
		defer close(known)
		e.readToday(store)
	}()
}

// suggestSettings is called under e.mu.
func (e *Engine) suggestSettings() {
	s := e.station.Settings.Intake
	if e.form.Operator == "" {
		e.form = wire.Intake{Tag: s.Tag, Operator: s.Operator, Source: s.Source, Classification: s.Classification, DIAL: s.DIAL}
	}
	e.form.Sources = certs.Sources
}

// recent visits are looked through for a tag that was done today.
const recent = 60

// readToday learns the tags of today's visits. Where they can't be read nothing
// is asked: the hub finds a machine that came twice.
func (e *Engine) readToday(store stick.Store) {
	if store == nil {
		return
	}
	ctx, cancel := context.WithTimeout(e.ctx, time.Minute)
	defer cancel()
	names, err := store.List(ctx, settings.SpoolDir)
	if err != nil {
		return
	}
	names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, "-0001.json") })
	for _, n := range names[max(0, len(names)-recent):] {
		b, err := store.Read(ctx, settings.SpoolDir+"/"+n)
		if err != nil {
			continue
		}
		r, err := certs.Records([][]byte{b})
		if err != nil || r[0].Intake == nil || !strings.HasPrefix(r[0].At.Wall, e.w.Now().UTC().Format("2006-01-02")) {
			continue
		}
		e.update(func() { e.today[strings.ToUpper(r[0].Intake.Tag)] = r[0].Visit })
	}
}

// takeForm takes an intake, asks about it, or stops the visit.
func (e *Engine) takeForm(f wire.Intake) error {
	f, err := checkedIntake(f)
	if err != nil {
		return err
	}
	e.update(func() {
		e.keep(&f)
		e.ask, e.askAt, e.notTaken = nil, 0, nil
	})
	if what, do := stopReason(f); what != "" {
		return e.stopVisit(f, what, do)
	}
	return e.askOrAccept(f, 0)
}

// numbered is the form with an intake number of ours: stick and time, which no other
// visit of the stick has.
func (e *Engine) numbered(f *wire.Intake) wire.Intake {
	form := e.form
	if f != nil {
		form = *f
	}
	form.Tag = e.station.Signer.Stick + "." + e.w.Now().UTC().Format("060102.1504")
	return form
}

// doubts about an intake, each to be answered with yes.
func (e *Engine) doubts(f wire.Intake) (list []string) {
	m := e.report.Machine.AssetTag
	if m.Known && m.Value != "" && !sameTag(m.Value, f.Tag) {
		list = append(list, fmt.Sprintf("This machine carries tag %s, you gave %s. Is %s right?", m.Value, f.Tag, f.Tag))
	}
	if v := e.doneToday(f.Tag); v != "" {
		list = append(list, fmt.Sprintf("Tag %s was done today already, as visit %s. Do it again?", f.Tag, v))
	}
	return list
}

// todayTime is how long an intake waits for the tags of today: they are there unless it
// was filled in before the machine was known.
const todayTime = 5 * time.Second

// doneToday gives the visit in which a tag was done today; empty: none is known.
func (e *Engine) doneToday(tag string) string {
	select {
	case <-e.todayIs:
	case <-time.After(todayTime):
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.today[strings.ToUpper(tag)]
}

func (e *Engine) askOrAccept(f wire.Intake, answered int) error {
	if d := e.doubts(f); answered < len(d) {
		e.update(func() { e.ask, e.askAt, e.form.Confirm = &f, answered, d[answered] })
		return nil
	}
	e.update(func() {
		e.ask, e.form.Confirm = nil, ""
		e.tag, e.who, e.intake = f.Tag, f.Operator, e.intakeRecord(f)
	})
	e.say("intake", "intake of "+f.Tag+" by "+f.Operator, "tag", f.Tag)
	e.to(wire.StageCheck)
	return nil
}

// confirmed is the answer to the question about the intake that waits.
func (e *Engine) confirmed(yes bool) error {
	if e.ask == nil {
		return errLater
	}
	f, n := *e.ask, e.askAt
	if !yes {
		e.update(func() { e.ask, e.form.Confirm = nil, "" })
		return nil
	}
	return e.askOrAccept(f, n+1)
}

func (e *Engine) backToIntake() error {
	if e.book != nil {
		return errors.New("this visit goes on from an earlier start: its intake is on record and can't be changed")
	}
	e.update(func() { e.tag = "" })
	e.to(wire.StageIntake)
	return nil
}

// intakeRecord is the intake as it will stand in the record.
func (e *Engine) intakeRecord(f wire.Intake) certs.Intake {
	s := e.station.Settings
	in := certs.Intake{Tag: f.Tag, Operator: f.Operator, Role: "technician", Source: f.Source, Classification: f.Classification,
		DIAL: f.DIAL, Organisation: s.Organisation, Place: s.Place, Bench: s.Bench, Letterhead: s.Letterhead(e.station.Logo)}
	in.Seal = strings.TrimSpace(f.Seal)
	in.Name, in.Title = s.Named(f.Operator)
	in.Generated = strings.HasPrefix(f.Tag, e.station.Signer.Stick+".")
	if s.Unattended {
		in.Role = "unattended"
	}
	return in
}

// stopVisit ends a visit at intake, on paper where the stick can be written:
// nothing is erased.
func (e *Engine) stopVisit(f wire.Intake, what, do string) error {
	e.update(func() {
		e.tag, e.who, e.intake = f.Tag, f.Operator, e.intakeRecord(f)
		for id, a := range grade.Custody(f.Stolen, f.LegalHold, f.Disputed) {
			e.answers[id] = a
		}
	})
	if e.station.Store == nil {
		e.halt(what, do)
		return nil
	}
	if err := e.reserve(); err != nil {
		return err
	}
	// Before the facts: without them no later start goes on with this visit, and with
	// them every one of them must find the reason.
	e.record(certs.Record{Kind: certs.KindRefused, Refused: &certs.Refused{Code: codeCustody, Reason: what, Do: do}}, e.facts())
	e.endStopped(what, do)
	return nil
}

// codeCustody marks the refusal of a machine of which nothing may be erased.
const codeCustody = "custody"

// endStopped grades and certifies a visit in which nothing may be erased.
func (e *Engine) endStopped(what, do string) {
	if !e.graded() {
		e.grade()
	}
	e.certify()
	e.print(e.book)
	e.halt(what, do)
}
