package bench

import (
	"errors"
	"strings"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/wire"
)

// offerIntake shows the form while a drive is waited for: it needs no drive, and the
// person need not wait. Where nobody is there, or a key is still locked, it does nothing.
func (e *Engine) offerIntake() {
	e.mu.Lock()
	offer := e.stage == wire.StageStarting && e.silent != nil && !e.kept && !e.leaving &&
		e.found && e.station.Locked == nil && !e.station.Settings.Unattended
	if offer {
		e.suggestSettings()
		e.stage, e.early = wire.StageIntake, true
		e.revision++
	}
	e.mu.Unlock()
	if offer {
		eventlog.Event("stage", "name", wire.StageIntake)
	}
}

// keepIntake takes the form of a machine that is not known yet: it is kept until every
// drive has answered or had its time. done is false where the machine is known.
func (e *Engine) keepIntake(i wire.Intent) (done bool, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.early {
		return false, nil
	}
	var f wire.Intake
	switch i.Kind {
	case wire.IntentNoLabel:
		f = e.numbered(i.Form)
	case wire.IntentIntake:
		f = *i.Form
	default:
		return true, errors.New("a drive is still waited for: fill in the intake meanwhile")
	}
	f.Tag, f.Operator = strings.TrimSpace(f.Tag), strings.TrimSpace(f.Operator)
	if err := checkIntake(f); err != nil {
		return true, err
	}
	e.keep(&f)
	e.stage, e.early, e.kept = wire.StageStarting, false, true
	e.revision++
	eventlog.Event("stage", "name", e.stage)
	return true, nil
}

// keep a form as it was given, with what the engine knows beside it. It is called under
// e.mu.
func (e *Engine) keep(f *wire.Intake) {
	f.Sources, f.SuggestedTag, f.Confirm = e.form.Sources, e.form.SuggestedTag, ""
	e.form = *f
}

// takeKept takes the form that was kept, now that the machine is known.
func (e *Engine) takeKept() {
	if !e.kept {
		return
	}
	e.update(func() { e.kept = false })
	if err := e.takeForm(e.form); err != nil {
		e.update(func() {
			e.notice = &wire.Notice{Mark: wire.MarkBad, What: "The intake was not taken: " + err.Error() + ".", Do: "Mend that, then press Enter to try again."}
		})
	}
}
