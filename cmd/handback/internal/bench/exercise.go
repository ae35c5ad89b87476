package bench

import (
	"context"
	"errors"
	"slices"
	"time"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/function"
)

// Hands are the parts of the machine that a person tries. The zero Hands has none, and
// the questions about them are plain.
type Hands struct {
	Sys string // /sys
	// Open an input device by its event ('event3') for this process alone.
	Open func(event string) (Input, error)
	// Panel takes the display.
	Panel func() (Panel, error)
	// Sound loads what plays, which takes seconds, and opens it.
	Sound func(ctx context.Context) (Sound, error)
}

// Input is an input device that nobody else hears.
type Input interface {
	Events() ([]function.InputEvent, error)
	Axes() (x, y function.Axis)
	Close() error
}

// Panel is the display without text on it.
type Panel interface {
	Show(function.Picture) error
	Size() (width, height int)
	Close() error
}

// Sound is a sound output.
type Sound interface {
	Name() string
	Play(ctx context.Context, at function.Speaker) error
	Close() error
}

// exercise is a test by hand that runs. Its methods are safe for several goroutines.
type exercise interface {
	view(now time.Time, stickMayGo bool) wire.Exercise
	next() error             // what Enter does
	over(now time.Time) bool // it has ended by itself
	covers() bool            // no text can be seen while it runs
	end() tried              // gives back what it holds
}

// exercises by the ID of their question, and what a person does in each.
var exercises = map[string]struct {
	try   string
	begin func(e *Engine, kind int) (exercise, error)
}{
	"keyboard":    {"press every key once", (*Engine).tryKeyboard},
	"screen":      {"look at pictures that fill the screen", (*Engine).tryScreen},
	"touchpad":    {"move to nine fields, and click", (*Engine).tryTouchpad},
	"touchscreen": {"touch nine fields", (*Engine).tryTouchscreen},
	"sound":       {"hear a tone on each speaker", (*Engine).trySound},
	"ports":       {"put something into each USB port", (*Engine).tryPorts},
}

// tried is what came of an exercise.
type tried struct {
	evidence string
	whole    bool   // all that it looks for was seen: it proposes that the part works
	advice   string // on answering, where it was not
	// meant by the answer that the part works all the same, for the record.
	meant string
}

// running is the exercise of now.
type running struct {
	exercise
	question string
	began    time.Time
	before   *wire.Notice // was there when it began
	ending   bool
	stop     chan struct{} // closed: it ends here
	done     chan struct{} // closed: it has ended
}

// try begins the exercise of a question.
func (e *Engine) try(id string, kind int) error {
	x, known := exercises[id]
	q, asked := e.question(id)
	switch {
	case !known || !asked || e.w.Hands.Sys == "":
		return errors.New("that question has no test: answer it by its number")
	case e.trying() != nil:
		return errors.New("a test is running: end it first")
	}
	now, err := x.begin(e, kind)
	if err != nil {
		e.update(func() { e.tried[id] = tried{evidence: "not tried: " + err.Error()} })
		return err
	}
	r := &running{exercise: now, question: q.ID, began: e.w.Now(), stop: make(chan struct{}), done: make(chan struct{})}
	e.update(func() { e.trial, r.before = r, e.noticeNow() })
	eventlog.Event("try", "question", id, "device", now.view(e.w.Now(), false).Device)
	go e.attend(r)
	return nil
}

func (e *Engine) trying() *running {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.trial
}

// tryTime is how often a running exercise is looked at.
const tryTime = 50 * time.Millisecond

// tryLimit ends every exercise, whatever it still hears: a part that moves by itself must
// not keep the machine from the person.
const tryLimit = 5 * time.Minute

// attend to an exercise until it ends: by itself, by a person, at its limit, or because
// something must be read that it covers.
func (e *Engine) attend(r *running) {
	tick := time.NewTicker(tryTime)
	defer tick.Stop()
	late := false
	for going := true; going; {
		select {
		case <-e.ctx.Done():
			going = false
		case <-r.stop:
			going = false
		case <-tick.C:
			e.mu.Lock()
			n := e.noticeNow()
			hidden := r.covers() && n != nil && (r.before == nil || *n != *r.before)
			e.revision++
			e.mu.Unlock()
			late = e.w.Now().Sub(r.began) >= tryLimit
			going = !r.over(e.w.Now()) && !hidden && !late
		}
	}
	t := r.end()
	if late {
		t.evidence += "; ended after " + span(tryLimit)
	}
	e.update(func() { e.tried[r.question], e.trial = t, nil })
	eventlog.Event("tried", "question", r.question, "whole", t.whole, "evidence", t.evidence)
	close(r.done)
}

// tryNext is Enter in an exercise.
func (e *Engine) tryNext() error {
	if r := e.trying(); r != nil {
		return r.next()
	}
	return nil // it has just ended: nothing is lost
}

// endTrial ends the exercise of now, if there is one, and waits until it has given back
// what it held.
func (e *Engine) endTrial() {
	e.mu.Lock()
	r := e.trial
	if r != nil && !r.ending {
		r.ending = true
		close(r.stop)
	}
	e.mu.Unlock()
	if r != nil {
		<-r.done
	}
}

// question that is asked here.
func (e *Engine) question(id string) (policy.Question, bool) {
	for _, q := range e.asked() {
		if q.ID == id {
			return q, true
		}
	}
	return policy.Question{}, false
}

// showTried fills in what a question has of an exercise.
func (e *Engine) showTried(v *wire.Question, q policy.Question) {
	if x, known := exercises[q.ID]; known && e.w.Hands.Sys != "" {
		v.Try = x.try
	}
	if v.Try != "" && q.ID == "keyboard" {
		mine := function.LayoutOf(or(e.layout, e.station.Settings.Site.Keyboard)).ID
		for i, l := range function.Layouts() {
			v.Kinds = append(v.Kinds, l.Name)
			if l.ID == mine {
				v.At = i
			}
		}
	}
	t := e.tried[q.ID]
	v.Evidence, v.Advice = t.evidence, t.advice
	if t.whole {
		v.Proposed = 1 + slices.IndexFunc(q.Choices, func(c policy.Choice) bool { return c.Means == policy.MeansPass })
	}
}

// showed is what the record says of an exercise beside a question's answer.
func (e *Engine) showed(q policy.Question, answer string) string {
	t := e.tried[q.ID]
	if t.meant == "" || q.Means(answer) != policy.MeansPass {
		return t.evidence
	}
	return t.evidence + "; " + t.meant
}

// showTrial is the exercise of now; nil: none runs.
func (e *Engine) showTrial() *wire.Exercise {
	if e.trial == nil {
		return nil
	}
	x := e.trial.view(e.w.Now(), e.stickMayGo())
	x.Question = e.trial.question
	return &x
}

// builtIn: the machine has a keyboard and a pointer of its own, or may have. Only of
// those that are made without is it known that what was plugged in is to be tested.
func (e *Engine) builtIn() bool {
	k := e.report.Machine.Kind
	return !k.Known || !slices.Contains([]string{inspect.KindDesktop, inspect.KindAllInOne, inspect.KindMiniPC, inspect.KindStickPC, inspect.KindServer}, k.Value)
}
