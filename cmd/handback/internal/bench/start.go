package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"handback.example/certs"
	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/stick"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// begin looks at the machine while it finds the stick, and shows the first step. A
// locked key is asked for before the machine is known: its drives may be slow, and
// whoever types takes a while, in which more of them may come.
func (e *Engine) begin(ctx context.Context) {
	type looked struct {
		r   *inspect.Report
		err error
	}
	e.update(func() { e.found, e.kept = false, false })
	aside, drop := context.WithCancel(ctx)
	defer drop()
	look := make(chan looked, 1)
	go func() {
		r, err := e.takeReport(aside)
		look <- looked{r, err}
	}()
	e.countCopies(ctx)
	switch err := e.findStation(ctx); {
	case err != nil:
		what, do := stickWords(err)
		e.halt(what, do)
	case e.station.Locked != nil:
		if e.station.Signer.Class == sign.Production && e.refusedHere(e.w.Machine(ctx)) {
			return // nobody types a passphrase into a machine that is none
		}
		e.askPassphrase()
	default:
		e.offerIntake(ctx)
		l := <-look
		e.meet(ctx, l.r, l.err)
	}
}

// meet goes on with a look at the machine, by a stick that can sign.
func (e *Engine) meet(ctx context.Context, r *inspect.Report, err error) {
	if err == nil {
		more, join := e.joinFabric(ctx, r)
		if join != nil {
			e.halt("A drive on the network can't be reached: "+join.Error()+".", "Nothing was erased. Start the program that serves the drive; then start the machine again.")
			return
		}
		if more {
			r, err = e.takeReport(ctx)
		}
	}
	if err != nil {
		e.halt("The machine can't be looked at: "+err.Error()+".", "Nothing was erased. Switch off and on once; then tell your supervisor.")
		return
	}
	e.judge(r)
	e.update(func() { e.report = r })
	e.say("inspected", fmt.Sprintf("%d drives found", len(r.Drives)), "drives", len(r.Drives))
	if !e.refusedHere(r) {
		e.admit(ctx)
	}
}

// admit goes on with a machine that was looked at and a stick that can sign.
func (e *Engine) admit(ctx context.Context) {
	if err := e.free(ctx); err != nil {
		e.halt("After its sleep the machine can't be looked at: "+err.Error()+".", "Nothing was erased. Switch off and on once; then tell your supervisor.")
		return
	}
	if err := e.recoverCopies(ctx); err != nil {
		e.update(func() { e.found = false }) // another stick is looked for
		e.halt("Records of this machine wait in memory, and this stick can't take them: "+err.Error()+".",
			"Nothing was erased. Do not switch off. Put in the stick of that visit, or another stick of its hub, and press R.")
		return
	}
	e.update(func() { e.early = false }) // a form that is sent from here on waits until all this is done
	e.suggest()
	e.replan()
	if e.pickUp(ctx) {
		return
	}
	e.takeIntake()
	e.unattended(ctx)
}

// joinFabric connects the drives that a virtual machine's firmware names, in a
// demonstration. One that is named and can't be reached ends the visit: going on
// would pass it over.
func (e *Engine) joinFabric(ctx context.Context, r *inspect.Report) (more bool, err error) {
	h := r.Machine.Hypervisor
	if e.w.Fabric == nil || e.station.Signer.Class != sign.Demonstrating || !h.Known || !h.Value {
		return false, nil
	}
	n, err := e.w.Fabric(ctx)
	if err == nil && n > 0 {
		e.say("fabric", fmt.Sprintf("%d drives on the network connected", n), "drives", n)
	}
	return n > 0, err
}

// findStation reads the stick into the engine.
func (e *Engine) findStation(ctx context.Context) error {
	s, err := e.w.Station(ctx)
	if err == nil {
		err = e.clockErr(s)
		e.keepUnlocked(&s)
	}
	e.update(func() {
		e.station, e.found = s, err == nil
		e.notice, e.atStick = e.storeNotice(), nil
	})
	return err
}

// clockErr: a bench whose clock is wrong must not mint certificates.
func (e *Engine) clockErr(s Station) error {
	if err := s.Signer.CheckClock(e.w.Now()); err != nil {
		return fmt.Errorf("the clock of this machine says %s (%w): set it in the firmware setup (F2 or Del at power-on), in UTC",
			e.w.Now().UTC().Format("2 January 2006 15:04"), err)
	}
	return nil
}

// storeNotice tells that nothing can be recorded.
func (e *Engine) storeNotice() *wire.Notice {
	if e.station.StoreErr == nil {
		return nil
	}
	what, do := stick.Explain(e.station.StoreErr)
	return &wire.Notice{Mark: wire.MarkBad, What: sentence(what) + ".", Do: sentence(do) + ". Then start the machine again: nothing is erased until then."}
}

// stickWords of an error of the stick, its settings or keys.
func stickWords(err error) (what, do string) {
	for _, known := range []error{stick.ErrGone, stick.ErrFull, stick.ErrCorrupt, stick.ErrReadOnly, stick.ErrOther, stick.ErrAmbiguous, stick.ErrNoRoom, stick.ErrFaulty, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			what, do = stick.Explain(err)
			return sentence(what) + ".", "Nothing was erased. " + sentence(do) + ". Then press R."
		}
	}
	return sentence(err.Error()) + ".", "Nothing was erased. Take the stick to your supervisor."
}

// What is said of a visit that ends before its erasure: true only where no start
// of this machine has begun one.
const (
	nothingErased = "Nothing was erased"
	begunBefore   = "Its drives were being erased before and are not finished: do not pass it on. Nothing more was erased"
)

// halt ends the visit before anything was erased by it.
func (e *Engine) halt(what, do string) {
	code := exit.NotDone
	if e.begunBefore() {
		do, code = strings.Replace(do, nothingErased, begunBefore, 1), exit.Bad
	}
	e.update(func() {
		e.notice = &wire.Notice{Mark: wire.MarkBad, What: what, Do: do}
		if e.code < 0 {
			e.code = code
		}
	})
	e.say("halted", what, "why", what)
	e.to(wire.StageStopped)
	if e.isUnattended() {
		e.leaveWhenSafe()
	}
}

// begunBefore: an earlier engine of this power-on, or an earlier start of this
// visit, has begun to erase a drive.
func (e *Engine) begunBefore() bool {
	if _, err := os.Stat(e.w.Marker); e.w.Marker != "" && !errors.Is(err, os.ErrNotExist) {
		return true
	}
	return e.book != nil && slices.ContainsFunc(e.book.Records(), func(r certs.Record) bool { return r.Started != nil })
}

func (e *Engine) isUnattended() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.station.Settings.Unattended
}

// refusedHere: a production stick does not start under a hypervisor, where
// drives may be anything.
func (e *Engine) refusedHere(r *inspect.Report) bool {
	h := r.Machine.Hypervisor
	if e.station.Signer.Class == sign.Production && (!h.Known || h.Value) {
		what := "This is a virtual machine, and this stick is for real ones."
		if !h.Known {
			what = "It can't be told whether this is a real machine, and this stick is for real ones only."
		}
		e.halt(what, "Nothing was erased. Use a demonstration stick.")
		return true
	}
	return false
}

// rescan looks for stick and drives again.
func (e *Engine) rescan(stage wire.Stage) error {
	e.mu.Lock()
	ready := e.found && e.station.Store != nil
	e.mu.Unlock()
	if stage == wire.StageStopped && ready {
		return errLater // the visit was ended on purpose
	}
	if !ready {
		e.to(wire.StageStarting)
		e.update(func() { e.notice, e.code = nil, -1 })
		go func() {
			e.one.Lock()
			defer e.one.Unlock()
			e.begin(e.ctx)
		}()
		return nil
	}
	return e.lookAgain(e.ctx)
}

// lookAgain surveys the machine and plans anew.
func (e *Engine) lookAgain(ctx context.Context) error {
	r, err := e.survey(ctx)
	if err != nil {
		return fmt.Errorf("the machine can't be looked at: %w", err)
	}
	e.update(func() { e.report = r })
	e.replan()
	return nil
}

// takeReport of the machine. A drive that does not answer is told of while it is waited
// for: that may take most of a minute, and everything else is ready.
func (e *Engine) takeReport(ctx context.Context) (*inspect.Report, error) {
	var told *wire.Notice
	over := false
	r, err := e.w.Survey(ctx, func(d inspect.Drive) {
		e.say("drive-silent", "a drive does not answer yet", "path", d.Path)
		e.update(func() {
			if !over {
				told = silentNotice(d)
				e.silent = told
			}
		})
		e.offerIntake(ctx)
	})
	e.update(func() {
		if over = true; e.silent == told {
			e.silent = nil
		}
	})
	return r, err
}

func silentNotice(d inspect.Drive) *wire.Notice {
	name := d.Path + ", " + size(d.Identity.Size)
	if d.Identity.Model != "" {
		name = driveName(d.Identity) + ", serial " + or(d.Identity.Serial, "unknown")
	}
	if d.Where != "" {
		name += ", on " + d.Where
	}
	return &wire.Notice{Mark: wire.MarkBusy, What: "A drive does not answer yet: " + name + ".",
		Do: "The drive has up to 40 seconds. If it never answers, the machine is shown without its answers."}
}

// survey looks at a machine that was looked at before.
func (e *Engine) survey(ctx context.Context) (*inspect.Report, error) {
	r, err := e.takeReport(ctx)
	if err == nil {
		e.slept.tell(r)
		e.judge(r)
	}
	return r, err
}

// judge Windows 11 by the stick's list of processors.
func (e *Engine) judge(r *inspect.Report) {
	if why := e.station.NoProcessors; why != nil {
		r.Missing = append(r.Missing, fmt.Sprintf("Windows 11 by a list: %v; it is judged by the processor's family", why))
	}
	e.station.Processors.Judge(&r.CPU)
}

func notLooked() wipe.Refusal {
	return wipe.Refusal{Code: "not-looked", Reason: "it could not be found out whether more drives are hidden in this machine",
		Do: "switch it off and on and start again; if it stays so, tell your supervisor"}
}

// replan makes the plan of what was found. Drives that this visit has sanitised
// already are no part of it.
func (e *Engine) replan() {
	e.labels.remember(e.report)
	p := plan.Make(e.report, e.planPolicy())
	p.Refusals = append(p.Refusals, e.vanished()...)
	if e.report.Unhandled == nil {
		p.Refusals = append(p.Refusals, notLooked())
	}
	e.update(func() {
		e.plan = e.leaveOutDone(p)
		e.digest = plan.Digest(e.plan)
	})
}

// authorise refuses a drive that nobody has given leave for.
func (e *Engine) authorise(d inspect.Drive) *wipe.Refusal {
	demo := e.station.Signer.Class == sign.Demonstrating || e.station.Signer.Class == sign.Practice
	name := driveName(d.Identity) + ", serial " + d.Identity.Serial
	switch {
	case e.station.Signer.Class == sign.Unenrolled:
		return &wipe.Refusal{Code: "not-enrolled", Reason: "this stick has no keys: it inspects and plans only", Do: "have the supervisor enrol the stick"}
	case d.Identity.Bus == "fabric" && !demo:
		return &wipe.Refusal{Code: "fabric", Reason: name + " hangs on a network, not in this machine", Do: "take the network cable out and look again"}
	case e.station.Settings.Unattended && !e.mayUnattended(d.Identity.Serial):
		return &wipe.Refusal{Code: "not-listed", Reason: name + " is not among the serials that the settings allow without a person",
			Do: "add its serial to wipe.serials in " + settings.File + ", or erase it with a person at the machine"}
	}
	return e.wantsPSID(d)
}

// mayUnattended: '*' counts only for a demonstration in a virtual machine.
func (e *Engine) mayUnattended(serial string) bool {
	h := e.report.Machine.Hypervisor
	for _, s := range e.station.Settings.Wipe.Serials {
		if s == serial && serial != "" || s == "*" && e.station.Signer.Class == sign.Demonstrating && h.Known && h.Value {
			return true
		}
	}
	return false
}
