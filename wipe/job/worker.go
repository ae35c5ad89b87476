package job

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/plan"
	"handback.example/wipe/technique"
)

// What has happened to a drive. It moves once, away from untouched: either the
// attempt gets to send something destructive, or it is given up before and may
// never send it.
const (
	untouched int32 = iota
	touched
	givenUp
)

// worker answers for one drive: it starts the attempt, watches it, and ends with
// an outcome whatever the attempt does.
type worker struct {
	plan   wipe.DrivePlan
	digest string
	opts   Options
	meter  *meter.Meter
	speed  speed
	began  time.Time
	// together is where this drive meets other namespaces of its controller.
	together *technique.Together

	state   atomic.Int32
	held    atomic.Bool            // it waits for the journal
	asked   atomic.Bool            // somebody wants it to stop
	stage   atomic.Pointer[string] // what is being done, for people
	outcome atomic.Pointer[wipe.Outcome]
}

func newWorker(dp wipe.DrivePlan, digest string, o Options) *worker {
	w := &worker{plan: dp, digest: digest, opts: o, meter: meter.New(), began: time.Now().UTC()}
	w.at("waiting")
	return w
}

func (w *worker) at(stage string) { w.stage.Store(&stage) }

// recording: the stage in which it is the journal that is waited for, not the drive.
const recording = "written down"

// watchEvery is how often progress and silence are looked at.
const watchEvery = 250 * time.Millisecond

// supervise runs the attempt and waits for its outcome, or for the drive's
// silence to last too long: then the attempt is left behind, where a system call
// may hold it for ever, and must not destroy anything if it ever comes back.
func (w *worker) supervise(stop context.Context) {
	life, leave := context.WithCancel(context.WithoutCancel(stop))
	defer leave()
	result := make(chan wipe.Outcome, 1)
	go w.run(stop, life, result)
	defer context.AfterFunc(stop, func() { w.asked.Store(true) })()
	tick := time.NewTicker(min(watchEvery, w.opts.GiveUpAfter/4))
	defer tick.Stop()
	for {
		select {
		case o := <-result:
			w.finish(o)
			return
		case <-tick.C:
			w.speed.note(w.meter.Elapsed(), w.meter.Done())
			if w.meter.Silence() < w.opts.GiveUpAfter {
				continue
			}
			before := w.state.CompareAndSwap(untouched, givenUp)
			leave()
			w.finish(w.silent(before))
			return
		}
	}
}

// run the attempt. It has an outcome even where its goroutine ends by itself.
func (w *worker) run(stop, life context.Context, result chan<- wipe.Outcome) {
	o := w.broken("the work on it ended without a result", nil)
	defer func() { result <- o }()
	o = w.attempt(stop, life)
}

// attempt does the work; a panic in it is this drive's failure alone.
func (w *worker) attempt(stop, life context.Context) (o wipe.Outcome) {
	defer func() {
		if p := recover(); p != nil {
			o = w.broken(fmt.Sprintf("%v", p), debug.Stack())
		}
	}()
	// A stop of the fleet ends what heeds it; leaving this drive ends the rest.
	both, cancel := context.WithCancel(stop)
	defer cancel()
	defer context.AfterFunc(life, cancel)()
	a := &attempt{worker: w, stop: both, life: life}
	return a.run()
}

func (w *worker) finish(o wipe.Outcome) {
	o.Started, o.Finished, o.Elapsed = w.began, time.Now().UTC(), w.meter.Elapsed()
	w.outcome.Store(&o)
	w.meter.Enter(wipe.PhaseDone, false)
	w.together.Leave(w.plan.Identity)
}

// silent is the outcome of a drive that was given up.
func (w *worker) silent(before bool) wipe.Outcome {
	o, name, stage := w.blank(), plan.Name(w.plan.Identity), *w.stage.Load()
	o.What = fmt.Sprintf("%s gave no answer for %s while it was %s.", name, w.opts.GiveUpAfter, stage)
	switch {
	case before && stage == recording:
		o.Verdict, o.Code = wipe.Refused, codeNoJournal
		o.What = fmt.Sprintf("The STARTED record of %s could not be written within %s: nothing was erased.", name, w.opts.GiveUpAfter)
		o.Do = "Put an enrolled stick in and start again."
		return o
	case before:
		o.Verdict, o.Code = wipe.Refused, "no-answer"
		o.Do = "Nothing was erased. Switch the machine off and on and start again; if it stays so, take the drive out and have it destroyed."
		return o
	}
	o.Verdict, o.BytesWritten = wipe.Failed, min(w.meter.Done(), w.plan.Geometry.Size)
	o.Do = doDestroy
	if stage == recording {
		o.Verdict, o.Code, o.Do = wipe.Interrupted, codeNoJournal, doStick
		o.What = fmt.Sprintf("The erasure of %s was begun and not ended: its next step could not be written down within %s.", name, w.opts.GiveUpAfter)
	}
	return o
}

// broken is the outcome of a drive at which this program failed.
func (w *worker) broken(what string, stack []byte) wipe.Outcome {
	o := w.blank()
	o.Verdict, o.Code = wipe.Failed, "program-error"
	if w.state.Load() == untouched {
		o.Verdict = wipe.Refused
	}
	o.What = fmt.Sprintf("An error in this program ended the work on %s: %s.", plan.Name(w.plan.Identity), what)
	o.Do = "Start again; if it comes again, send the log to whoever looks after Handback."
	o.Log = string(stack)
	return o
}

// blank is an outcome that says nothing yet: not verified, no level.
func (w *worker) blank() wipe.Outcome {
	o := wipe.Outcome{Drive: w.plan, Verification: wipe.Verification{Result: "not done"}}
	if len(w.plan.Ladder) > 0 {
		o.Technique = w.plan.Ladder[0].Technique
	}
	return o
}
