package bench

import (
	"context"

	"handback.example/cmd/handback/internal/wire"
)

// unattended goes the way that a person would go, by the settings' word alone. It
// is called with e.one held and stops at the first thing that only a person can
// decide.
func (e *Engine) unattended(context.Context) {
	if !e.isUnattended() {
		return
	}
	if e.station.StoreErr != nil {
		what, do := stickWords(e.station.StoreErr)
		e.halt(what, do)
		return
	}
	if e.stage == wire.StageIntake {
		if err := e.takeForm(e.form); err != nil {
			e.halt(sentence(err.Error())+".", "Nothing was erased. Correct the settings.")
			return
		}
		if q := e.form.Confirm; q != "" {
			e.halt(q, "Nothing was erased: only a person can answer that. Start the machine with someone at it.")
			return
		}
	}
	if e.stage != wire.StageCheck {
		return // stopped at intake
	}
	var err error
	if len(erasable(e.plan)) == 0 {
		err = e.finishWithout()
	} else {
		err = e.consent(e.tag, e.digest)
	}
	if err != nil {
		e.halt(sentence(err.Error())+".", "Nothing was erased.")
	}
}
