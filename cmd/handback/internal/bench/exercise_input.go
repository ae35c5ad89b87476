package bench

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect/function"
)

// idleTime without anything ends an exercise: whoever began it has gone.
const idleTime = 3 * time.Minute

// listener hears input devices until they are closed or one is gone.
type listener struct {
	device string // their names
	in     []Input
	take   func([]function.InputEvent, time.Time) // with mu held

	mu   sync.Mutex
	gone bool
	done bool // a person said so
	last time.Time
}

// listen to all devices that were chosen, or to none: what is pressed on one that is not
// held would reach the page.
func (e *Engine) listen(c function.Choice) (*listener, error) {
	if c.Why != "" {
		return nil, errors.New(c.Why)
	}
	l := &listener{last: e.w.Now()}
	var names []string
	for _, d := range c.Devices {
		in, err := e.w.Hands.Open(d.Event)
		if err != nil {
			l.release()
			return nil, fmt.Errorf("%s can't be tested: %w", d, err)
		}
		l.in, names = append(l.in, in), append(names, d.String())
	}
	l.device = strings.Join(names, " and ")
	return l, nil
}

// hear all of them.
func (l *listener) hear(now func() time.Time) {
	for _, in := range l.in {
		go l.hearOne(in, now)
	}
}

func (l *listener) hearOne(in Input, now func() time.Time) {
	for {
		events, err := in.Events()
		l.mu.Lock()
		if l.take(events, now()); len(events) > 0 {
			l.last = now()
		}
		if err != nil {
			l.gone = true
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
	}
}

// ended: by a person, or nothing has come for a long time, or nothing can any more.
func (l *listener) ended(now time.Time) bool {
	return l.done || l.gone || now.Sub(l.last) >= idleTime
}

func (l *listener) release() {
	for _, in := range l.in {
		_ = in.Close()
	}
}

// close gives the devices back, and says what there is to say beside the evidence.
func (l *listener) close() (note string) {
	l.mu.Lock()
	gone := l.gone
	l.mu.Unlock()
	l.release()
	if gone {
		return "; the device went away"
	}
	return ""
}

func (l *listener) next() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done = true
	return nil
}

func (l *listener) covers() bool { return false }

// inputs of the machine.
func (e *Engine) inputs() ([]function.InputDevice, error) { return function.Inputs(e.w.Hands.Sys) }

type keyboardTrial struct {
	*listener
	test *function.KeyTest
}

func (e *Engine) tryKeyboard(kind int) (exercise, error) {
	layouts := function.Layouts()
	if kind >= len(layouts) {
		return nil, fmt.Errorf("there are %d kinds of keyboard", len(layouts))
	}
	all, err := e.inputs()
	if err != nil {
		return nil, err
	}
	l, err := e.listen(function.Keyboard(all, e.builtIn()))
	if err != nil {
		return nil, err
	}
	e.update(func() { e.layout = layouts[kind].ID })
	k := &keyboardTrial{l, function.NewKeyTest(layouts[kind], e.w.Now())}
	l.take = func(events []function.InputEvent, now time.Time) {
		for _, ev := range events {
			k.test.Take(ev, now)
		}
	}
	l.hear(e.w.Now)
	return k, nil
}

func (k *keyboardTrial) view(now time.Time, _ bool) wire.Exercise {
	k.mu.Lock()
	defer k.mu.Unlock()
	x := wire.Exercise{Name: "Keyboard, " + k.test.Layout.Name, Device: k.device,
		Say: []string{"Press every key once. Fn does not count.", "To end here, hold Esc for 2 seconds, or press no new key."}}
	x.Done, x.Of = k.test.Count()
	x.Ends = max(1, int((k.test.Left(now)+time.Second-1)/time.Second))
	x.Keys, x.Pad = caps(k.test, k.test.Layout.Rows), caps(k.test, k.test.Layout.Pad)
	return x
}

func caps(t *function.KeyTest, rows [][]function.Key) (list [][]wire.Keycap) {
	for _, row := range rows {
		var keys []wire.Keycap
		for _, k := range row {
			keys = append(keys, wire.Keycap{Label: k.Label, Width: k.Width, Seen: t.Seen(k)})
		}
		list = append(list, keys)
	}
	return list
}

func (k *keyboardTrial) over(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended(now) || k.test.Over(now)
}

func (k *keyboardTrial) end() tried {
	note := k.close()
	k.mu.Lock()
	defer k.mu.Unlock()
	t := tried{evidence: k.device + ": " + k.test.Evidence() + note, whole: k.test.Whole() && note == ""}
	switch {
	case !k.test.Most():
		t.meant = "answered without the test"
	case len(k.test.Missing()) > 0:
		t.meant = "answered: it has no such keys"
	}
	switch {
	case len(k.test.Stuck()) > 0:
		t.advice = "A key is stuck. Look whether something lies on it, and test again."
	case !k.test.Most():
		t.advice = "Too few keys were seen to tell: test again, or answer No or Not tested."
	case len(k.test.Missing()) > 0:
		t.advice = "Yes is right only if this machine has no such keys."
	case k.test.EscDown():
		t.advice = "If nobody held Esc, it is stuck. Test again, and let every key go."
	}
	return t
}

type pointerTrial struct {
	*listener
	name string
	test *function.PointerTest
}

func (e *Engine) tryTouchpad(int) (exercise, error) {
	all, err := e.inputs()
	if err != nil {
		return nil, err
	}
	return e.tryPointer("Touchpad", function.Pointer(all, e.builtIn()))
}

func (e *Engine) tryTouchscreen(int) (exercise, error) {
	all, err := e.inputs()
	if err != nil {
		return nil, err
	}
	return e.tryPointer("Touchscreen", function.Touchscreen(all))
}

func (e *Engine) tryPointer(name string, c function.Choice) (exercise, error) {
	l, err := e.listen(c)
	if err != nil {
		return nil, err
	}
	x, y := l.in[0].Axes()
	p := &pointerTrial{l, name, function.NewPointerTest(c.Devices[0], x, y)}
	l.take = func(events []function.InputEvent, _ time.Time) {
		for _, ev := range events {
			p.test.Take(ev)
		}
	}
	l.hear(e.w.Now)
	return p, nil
}

func (p *pointerTrial) view(time.Time, bool) wire.Exercise {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := wire.Exercise{Name: p.name, Device: p.device, Done: p.test.Count(), Of: function.Fields, Fields: p.test.Fields[:],
		Say: []string{"Move over all nine fields, then click."}, Next: "end here"}
	if p.name == "Touchscreen" {
		x.Say = []string{"Touch the screen from corner to corner, and its middle."}
	}
	for _, b := range []struct {
		need, seen bool
		name       string
	}{{p.test.NeedLeft, p.test.Left, "left click"}, {p.test.NeedRight, p.test.Right, "right click"}} {
		if b.need {
			x.Buttons = append(x.Buttons, wire.Keycap{Label: b.name, Width: len(b.name) + 2, Seen: b.seen})
		}
	}
	return x
}

func (p *pointerTrial) over(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ended(now) || p.test.Whole()
}

func (p *pointerTrial) end() tried {
	note := p.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	return tried{evidence: p.device + ": " + p.test.Evidence() + note, whole: p.test.Whole()}
}
