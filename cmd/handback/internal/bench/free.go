package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive/ata"
	"handback.example/wipe"
	"handback.example/wipe/plan"
	sleep "handback.example/wipe/platform"
)

// free puts the machine to sleep for a moment, once, where its firmware has frozen a
// drive and the plan would be another if it had not: in its sleep a drive loses its
// power, and forgets. Whether that helped is the drives' own word afterwards; what
// was done stands in the report, and so in the record.
func (e *Engine) free(ctx context.Context) error {
	before := frozen(e.report)
	if e.w.Suspend == nil || len(before) == 0 || !e.freedomHelps() || e.sleptBefore() {
		return nil
	}
	names := listed(before)
	e.to(wire.StageStarting) // the form, if it is shown: nobody types in the dark
	e.update(func() {
		e.notice = &wire.Notice{Mark: wire.MarkBusy, What: "The firmware of this machine has frozen " + names + ".",
			Do: "Wait: the machine sleeps for a few seconds to free it. The screen goes dark and comes back by itself; if it stays dark, press the power button once."}
	})
	e.say("sleep", "the machine sleeps for a moment to free "+names, "frozen", len(before))
	time.Sleep(3 * e.w.Linger) // so that people can read it
	trouble := e.w.Suspend(ctx, sleep.Machine{Mains: e.report.Mains, Batteries: e.report.Battery})
	r, err := e.awake(ctx)
	if err != nil {
		return err
	}
	after := frozen(r)
	e.slept = slept{afterSleep(before, after, trouble), lost(e.report.Drives, r.Drives)}
	e.slept.tell(r)
	e.update(func() { e.report, e.notice = r, e.storeNotice() })
	e.say("woke", e.slept.note, "frozen", len(after))
	return nil
}

// looks at a machine that has woken: its drives come back one after the other, the
// stick too, and a disk spins up for some seconds.
const looks = 6

// awake looks at the machine until every drive of before is back.
func (e *Engine) awake(ctx context.Context) (r *inspect.Report, err error) {
	for range looks {
		r, err = e.survey(ctx)
		if err == nil && len(lost(e.report.Drives, r.Drives)) == 0 || ctx.Err() != nil {
			break
		}
		time.Sleep(2 * e.w.Linger)
	}
	return r, err
}

// slept is what every later look at the machine has to tell of its sleep.
type slept struct {
	note string
	lost []inspect.Drive // were there before it, and not after
}

func (s slept) tell(r *inspect.Report) {
	if s.note != "" {
		r.Notes = append(r.Notes, s.note)
	}
	for _, d := range lost(s.lost, r.Drives) {
		r.Unhandled = append(r.Unhandled, inspect.Finding{Code: "lost-by-sleep", What: driveName(d.Identity) + ", serial " + d.Identity.Serial + ", has not come back from the machine's sleep",
			Do: "switch the machine off and on and start again"})
	}
}

// frozen drives that could be erased here: in IDENTIFY word 128 or by SANITIZE STATUS
// EXT.
func frozen(r *inspect.Report) (all []inspect.Drive) {
	for _, d := range r.Drives {
		if !d.Boot && len(d.InUse) == 0 && d.ATA != nil && (securityFrozen(d.ATA) || sanitizeFrozen(d.ATA)) {
			all = append(all, d)
		}
	}
	return all
}

func securityFrozen(a *inspect.ATA) bool {
	const is = ata.SecuritySupported | ata.SecurityFrozen
	return a.Security.Known && a.Security.Value&is == is
}

func sanitizeFrozen(a *inspect.ATA) bool {
	return a.SanitizeState.Known && a.SanitizeState.Value == inspect.SanitizeFrozen
}

// freedomHelps: the plan begins otherwise where nothing is frozen. A drive that
// offers a sanitize that is free needs no sleep because its security is frozen.
func (e *Engine) freedomHelps() bool {
	is, would := plan.Make(e.report, e.planPolicy()), plan.Make(thawed(e.report), e.planPolicy())
	return !slices.EqualFunc(is.Drives, would.Drives, func(a, b wipe.DrivePlan) bool { return beginning(a) == beginning(b) })
}

// beginning of a drive's plan: its first step, or why there is none.
func beginning(d wipe.DrivePlan) string {
	switch {
	case d.Refusal != nil:
		return "refused: " + d.Refusal.Code
	case len(d.Ladder) == 0:
		return ""
	}
	return string(d.Ladder[0].Technique + " " + d.Ladder[0].Then)
}

// thawed is the report as it would be if nothing were frozen.
func thawed(r *inspect.Report) *inspect.Report {
	c := *r
	c.Drives = slices.Clone(r.Drives)
	for i, d := range c.Drives {
		if d.ATA == nil {
			continue
		}
		a := *d.ATA
		a.Security.Value &^= ata.SecurityFrozen
		if sanitizeFrozen(&a) {
			a.SanitizeState.Value = inspect.SanitizeIdle
		}
		c.Drives[i].ATA = &a
	}
	return &c
}

// sleptBefore: an engine of this power-on has tried it. Once is enough: firmware that
// freezes again does so each time.
func (e *Engine) sleptBefore() bool {
	if e.w.Marker == "" {
		return false
	}
	f, err := os.OpenFile(e.w.Marker+".slept", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return errors.Is(err, os.ErrExist)
	}
	_ = f.Close() // it is there: that is all
	return false
}

// afterSleep says what became of the frozen drives, for the record and for people.
func afterSleep(before, after []inspect.Drive, slept error) string {
	still := slices.DeleteFunc(slices.Clone(before), func(d inspect.Drive) bool {
		return !slices.ContainsFunc(after, func(o inspect.Drive) bool { return o.Identity.Same(d.Identity) })
	})
	said := "The firmware had frozen " + listed(before) + ". "
	switch {
	case errors.Is(slept, sleep.ErrCannot):
		said += "It was not freed: " + slept.Error()
	case slept != nil:
		said += "To free it the machine was told to sleep: " + slept.Error()
	case len(still) == 0:
		return said + "The machine was put to sleep and woken once, and it is free."
	case len(still) < len(before):
		return said + "The machine was put to sleep and woken once; of these " + listed(still) + " is frozen as before."
	default:
		return said + "The machine was put to sleep and woken once, and it is frozen as before."
	}
	return said + "."
}

// lost drives were there before and are not there after: the machine must not pass
// for one without them.
func lost(before, after []inspect.Drive) []inspect.Drive {
	return slices.DeleteFunc(slices.Clone(before), func(d inspect.Drive) bool {
		return d.Identity.Serial == "" && d.Identity.WWN == "" ||
			slices.ContainsFunc(after, func(o inspect.Drive) bool { return o.Identity.Same(d.Identity) })
	})
}

// listed drives by model and serial.
func listed(drives []inspect.Drive) string {
	var names []string
	for _, d := range drives {
		names = append(names, fmt.Sprintf("%s (serial %s)", driveName(d.Identity), d.Identity.Serial))
	}
	return strings.Join(names, ", ")
}
