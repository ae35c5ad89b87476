package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/evidence"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
	"handback.example/wipe/tpm"
)

// End is how the engine ends.
type End int

// The zero End is none: the engine goes on.
const (
	EndNone End = iota
	EndPowerOff
	EndReboot
)

// Engine holds one visit. Its methods are safe for the screens' goroutines.
type Engine struct {
	w      World
	policy policy.Policy
	ctx    context.Context

	// one lets one Intent through at a time: it may look at the machine or write
	// to the stick, which takes seconds, while Views are still given.
	one sync.Mutex

	mu       sync.Mutex
	revision uint64
	stage    wire.Stage
	station  Station
	found    bool // station is usable
	tries    tries
	report   *inspect.Report
	plan     wipe.Plan
	digest   string
	form     wire.Intake // as it was last given or suggested
	early    bool        // the form is shown while a drive is waited for
	kept     bool        // it was filled in then, and is taken when the machine is known
	notTaken *wire.Notice
	tag      string // of the intake that was taken
	intake   certs.Intake
	ask      *wire.Intake // an intake that waits for a Confirm
	askAt    int          // how many of its questions were answered with yes
	today    map[string]string
	todayIs  chan struct{} // closed: today is known, as far as it can be
	book     *evidence.Book
	waits    bool // something could not be written and waits in memory
	resumed  bool // the visit goes on from an earlier boot
	second   struct {
		is     Second // has what waited while the first stick was away
		err    error  // of the last one that was tried
		looked time.Time
	}
	prints   string // what came of printing
	stranded int    // records of an engine that died, in memory, that may be on no stick
	slept    slept
	labels   labels
	fleet    *job.Fleet
	begun    map[string]bool // drives of the fleet whose erasing command is on the stick
	held     atomic.Int32    // drives that wait for the stick
	told     map[string]bool // and those whose FINISHED is recorded
	stopped  bool            // the person stopped the erasure
	answers  map[string]string
	tests    selfTests
	tried    map[string]tried // by question
	trial    *running         // the exercise of now; nil: none
	layout   string           // of the keyboard that was tried last; empty: the site's
	who      string
	tpm      *tpm.Outcome
	result   *wire.Result
	code     int          // exit code, -1: none yet
	leaving  bool         // the machine is being switched off or started again
	notice   *wire.Notice // of the engine
	atStick  *wire.Notice // of the stick, while it is needed and not there
	silent   *wire.Notice // of a drive that is waited for; nil: none is
	log      []string
	papers   []string
	end      chan End
}

// New engine on a machine. Run starts its work.
func New(w World) *Engine {
	return &Engine{w: w, policy: policy.Default(), stage: wire.StageStarting, revision: 1, code: -1,
		answers: map[string]string{}, tests: newSelfTests(), tried: map[string]tried{}, begun: map[string]bool{}, told: map[string]bool{}, today: map[string]string{}, end: make(chan End, 1)}
}

// Run goes on until the machine is to be switched off or started again.
func (e *Engine) Run(ctx context.Context) End {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.ctx = ctx
	go e.watch(ctx)
	go func() {
		e.one.Lock()
		defer e.one.Unlock()
		e.begin(ctx)
	}()
	select {
	case how := <-e.end:
		return how
	case <-ctx.Done():
		return EndNone
	}
}

// update changes the state that Views are made from.
func (e *Engine) update(f func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f()
	e.revision++
}

func (e *Engine) to(s wire.Stage) {
	if s != wire.StageErase && s != wire.StageGrade {
		e.endTrial() // it belongs to these
	}
	e.update(func() { e.stage, e.early = s, false })
	eventlog.Event("stage", "name", s)
}

// say puts a line on the screen's log and an event on the serial one.
func (e *Engine) say(event, line string, kv ...any) {
	e.update(func() {
		e.log = append(e.log, e.w.Now().UTC().Format("15:04:05")+" "+line)
		if n := len(e.log); n > logLines {
			e.log = e.log[n-logLines:]
		}
	})
	eventlog.Event(event, kv...)
}

const logLines = 200

// errLater answers what can't be done at this stage.
var errLater = errors.New("that can't be done at this step")

// Do takes an Intent, or says why not.
func (e *Engine) Do(i wire.Intent) error {
	if done, err := e.keepIntake(i); done {
		return err
	}
	e.one.Lock()
	defer e.one.Unlock()
	e.mu.Lock()
	stage, ctx, leaving := e.stage, e.ctx, e.leaving
	e.mu.Unlock()
	switch {
	case ctx == nil || stage == wire.StageStarting:
		return errLater
	case leaving:
		// The page of before still stands for a moment: nothing may begin on it.
		return errors.New("the machine is being switched off")
	}
	switch {
	case stage == wire.StageUnlock && i.Kind == wire.IntentUnlock:
		return e.unlock(i.Text)
	case stage == wire.StageIntake && i.Kind == wire.IntentIntake:
		return e.takeForm(*i.Form)
	case stage == wire.StageIntake && i.Kind == wire.IntentNoLabel:
		return e.takeForm(e.numbered(i.Form))
	case stage == wire.StageIntake && i.Kind == wire.IntentConfirm:
		return e.confirmed(i.Yes)
	case stage == wire.StageCheck && i.Kind == wire.IntentToAgree:
		e.to(wire.StageAgree)
		return nil
	case stage == wire.StageCheck && i.Kind == wire.IntentBack:
		return e.backToIntake()
	case stage == wire.StageAgree && i.Kind == wire.IntentBack:
		e.to(wire.StageCheck)
		return nil
	case stage == wire.StageAgree && i.Kind == wire.IntentConsent:
		return e.consent(i.Text, i.Digest)
	case stage == wire.StageAgree && i.Kind == wire.IntentFinish:
		return e.finishWithout()
	case stage == wire.StageErase && i.Kind == wire.IntentStop:
		return e.stop()
	case (stage == wire.StageErase || stage == wire.StageGrade) && i.Kind == wire.IntentAnswer:
		return e.answer(i.Question, i.Choice)
	case (stage == wire.StageErase || stage == wire.StageGrade) && i.Kind == wire.IntentTry:
		return e.try(i.Question, i.Choice)
	case i.Kind == wire.IntentTryNext:
		return e.tryNext()
	case i.Kind == wire.IntentTryEnd:
		e.endTrial()
		return nil
	case stage == wire.StageGrade && i.Kind == wire.IntentFinish:
		go e.conclude()
		return nil
	case i.Kind == wire.IntentPSID && stage == wire.StageCheck:
		return e.takePSID(i.Drive, i.Text)
	case i.Kind == wire.IntentRemoved && i.Removal != nil && stage == wire.StageCheck:
		return e.takeRemoved(*i.Removal)
	case i.Kind == wire.IntentRescan && (stage == wire.StageCheck || stage == wire.StageIntake || stage == wire.StageStopped):
		return e.rescan(stage)
	case i.Kind == wire.IntentNext || i.Kind == wire.IntentPowerOff:
		return e.powerOff(stage)
	}
	return errLater
}

// powerOff is refused while a record waits in memory or a drive is being erased.
func (e *Engine) powerOff(stage wire.Stage) error {
	switch stage {
	case wire.StageErase, wire.StageGrade, wire.StagePapers:
		return errors.New("the visit is not finished: finish it first, or stop the erasure")
	case wire.StageResult, wire.StageStopped:
	default:
		if e.code < 0 {
			e.code = e.leftCode()
		}
	}
	if n := e.waiting(); n > 0 {
		return fmt.Errorf("%d records wait in memory: put the Handback stick back, then try again", n)
	}
	e.finish(EndPowerOff)
	return nil
}

// leftCode of a visit that is left before its end: nothing was destroyed, unless
// an earlier start of it has.
func (e *Engine) leftCode() int {
	switch {
	case !e.begunBefore():
		return exit.Stopped
	case e.book == nil:
		return exit.Bad // an engine that died began it, and its records are not here
	}
	return e.exitSummary(e.book.Summary()).Code()
}

// waiting counts records that are not on the stick.
func (e *Engine) waiting() int {
	e.mu.Lock()
	book, stranded := e.book, e.stranded
	e.mu.Unlock()
	if book == nil {
		return stranded
	}
	return book.Pending() + stranded
}

// finish tells the exit code and ends the engine.
func (e *Engine) finish(how End) {
	e.mu.Lock()
	code := e.code
	e.leaving = true
	e.mu.Unlock()
	go func() {
		if how == EndPowerOff && code >= 0 {
			eventlog.Event("exit", "code", code)
			time.Sleep(e.w.Linger) // the result stands a moment longer
		}
		e.to(wire.StagePowerOff)
		time.Sleep(e.w.Linger) // the screens show where this goes
		e.end <- how
	}()
}

// now is the time of a record.
func (e *Engine) now() certs.Time { return certs.At(e.w.Now(), certs.SourceRTC, e.w.Uptime()) }

// planPolicy of the stick's settings.
func (e *Engine) planPolicy() plan.Policy {
	s := e.station.Settings.Wipe
	p := plan.Policy{Want: wipe.LevelPurge, Fallback: plan.Fallback(s.Fallback), Technique: wipe.TechniqueID(s.Technique), Verify: wipe.VerifyFull,
		Platform: e.w.ClearPlatform != nil, Refuse: e.authorise}
	if s.Level == "clear" {
		p.Want = wipe.LevelClear
	}
	if e.station.Settings.Unattended && s.Fallback == "ask" {
		p.Fallback = plan.FallbackRefuse // there is nobody to ask
	}
	return p
}
