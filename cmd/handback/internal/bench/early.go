package bench

import (
	"context"
	"errors"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/wire"
)

// offerIntake shows the form while a drive is waited for: it needs no drive, and the
// person need not wait. Where nobody is there, a key is still locked, or a visit may be
// gone on with that has its intake, it does nothing.
func (e *Engine) offerIntake(ctx context.Context) {
	may := func() bool {
		return e.stage == wire.StageStarting && e.silent != nil && !e.kept && !e.leaving && e.stranded == 0 &&
			e.found && e.station.Locked == nil && !e.station.Settings.Unattended
	}
	e.mu.Lock()
	ask, s := may(), e.station
	e.mu.Unlock()
	if !ask || e.mayGoOn(ctx, s) {
		return
	}
	e.mu.Lock()
	offer := may()
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

// mayGoOn: a visit on the stick was cut off, and it may be this machine's. One that does
// not say what it is can only be known by its drives.
func (e *Engine) mayGoOn(ctx context.Context, s Station) bool {
	if s.Store == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, pickUpTime)
	defer cancel()
	m := machineOf(e.w.Machine(ctx))
	book, err := evidence.ResumeWhere(ctx, s.Store, s.Signer, e.now, func(s certs.Summary) bool {
		return s.Facts != nil && (!saysWhatItIs(m) || sameMachine(m, s.Facts.Machine))
	})
	return err != nil || book != nil
}

// keepIntake takes the form of a machine that is not known yet: it is kept until every
// drive has answered or had its time. done is false where the machine is known.
func (e *Engine) keepIntake(i wire.Intent) (done bool, err error) {
	e.mu.Lock()
	early := e.early
	if early {
		err = e.keepForm(i)
	}
	e.mu.Unlock()
	if early && err == nil {
		eventlog.Event("stage", "name", wire.StageStarting)
	}
	return early, err
}

// keepForm is called under e.mu.
func (e *Engine) keepForm(i wire.Intent) error {
	var f wire.Intake
	switch i.Kind {
	case wire.IntentNoLabel:
		f = e.numbered(i.Form)
	case wire.IntentIntake:
		f = *i.Form
	default:
		return errors.New("the machine is still being looked at: fill in the intake meanwhile")
	}
	f, err := checkedIntake(f)
	if err != nil {
		return err
	}
	e.keep(&f)
	e.stage, e.early, e.kept = wire.StageStarting, false, true
	e.revision++
	return nil
}

// keep a form as it was given, with what the engine knows beside it. It is called under
// e.mu.
func (e *Engine) keep(f *wire.Intake) {
	f.Sources, f.SuggestedTag, f.Confirm = e.form.Sources, e.form.SuggestedTag, ""
	e.form = *f
}

// takeIntake takes the form that was kept, now that the machine is known. The form is
// shown where none was kept, where it is asked about, and where it is not taken.
func (e *Engine) takeIntake() {
	if !e.kept {
		e.to(wire.StageIntake)
		return
	}
	e.update(func() { e.kept = false })
	if err := e.takeForm(e.form); err != nil {
		e.update(func() {
			e.notTaken = &wire.Notice{Mark: wire.MarkBad, What: "The intake was not taken: " + err.Error() + ".", Do: "Mend that, then press Enter to try again."}
		})
	}
	if e.stage == wire.StageStarting {
		e.to(wire.StageIntake)
	}
}
