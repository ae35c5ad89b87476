package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"handback.example/certs"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/cmd/internal/settings"
	"handback.example/inspect"
	"handback.example/inspect/function"
)

// hands are parts of a machine that a test moves: a keyboard on the i8042, a pad, a
// display of 4x3 and a /sys.
type hands struct {
	t    *testing.T
	sys  string
	fail string // the input device that can't be taken

	mu     sync.Mutex
	inputs map[string]*fakeInput // open now
	shown  []function.Picture
	closed bool // the display was given back

	speakers *fakeSpeakers // nil: the machine has none
}

// fakeSpeakers play for as long as a test wants.
type fakeSpeakers struct {
	tone   chan error // ends a tone; nil: it was played whole
	played chan function.Speaker
	closed chan struct{}
}

func newSpeakers() *fakeSpeakers {
	return &fakeSpeakers{tone: make(chan error), played: make(chan function.Speaker, 16), closed: make(chan struct{})}
}

func (f *fakeSpeakers) Name() string { return "ALC257 Analog" }

func (f *fakeSpeakers) Play(ctx context.Context, at function.Speaker) error {
	f.played <- at
	select {
	case err := <-f.tone:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *fakeSpeakers) Close() error {
	close(f.closed)
	return nil
}

// fakeInput is an evdev: bytes in, events out.
type fakeInput struct {
	events chan []byte
	gone   chan struct{}
	once   sync.Once
}

func (f *fakeInput) Events() ([]function.InputEvent, error) {
	select {
	case b := <-f.events:
		return function.ParseInputEvents(b), nil
	case <-f.gone:
		return nil, os.ErrClosed
	}
}

func (f *fakeInput) Axes() (x, y function.Axis) {
	return function.Axis{Max: 99}, function.Axis{Max: 99}
}

func (f *fakeInput) Close() error {
	f.once.Do(func() { close(f.gone) })
	return nil
}

// send events of type, code and value, as struct input_event has them.
func (f *fakeInput) send(events ...[3]int) {
	var b []byte
	for _, e := range events {
		b = append(b, make([]byte, 16)...)
		b = binary.NativeEndian.AppendUint16(b, uint16(e[0]))
		b = binary.NativeEndian.AppendUint16(b, uint16(e[1]))
		b = binary.NativeEndian.AppendUint32(b, uint32(int32(e[2])))
	}
	f.events <- b
}

func newHands(t *testing.T) *hands {
	t.Helper()
	h := &hands{t: t, sys: t.TempDir(), inputs: map[string]*fakeInput{}}
	h.add(map[string]map[string]string{
		"event0": {"name": "AT Translated Set 2 keyboard", "id/bustype": "0011", "capabilities/key": "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"},
		"event1": {"name": "USB Barcode Scanner", "id/bustype": "0003", "capabilities/key": "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"},
		"event2": {"name": "SynPS/2 Synaptics TouchPad", "id/bustype": "0011", "capabilities/key": "e520 10000 0 0 0 0", "capabilities/abs": "660800011000003", "properties": "5"},
	})
	return h
}

// add input devices to /sys: event, file, text.
func (h *hands) add(devices map[string]map[string]string) {
	h.t.Helper()
	for event, files := range devices {
		for name, text := range files {
			at := filepath.Join(h.sys, "class/input", event, "device", name)
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text+"\n"), 0o644)); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

func (h *hands) world() Hands {
	return Hands{Sys: h.sys,
		Open: func(event string) (Input, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			if event == h.fail {
				return nil, errors.New("it is taken by another program")
			}
			f := &fakeInput{events: make(chan []byte), gone: make(chan struct{})}
			h.inputs[event] = f
			return f, nil
		},
		Panel: func() (Panel, error) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.closed = false
			return (*fakePanel)(h), nil
		},
		Sound: func(context.Context) (Sound, error) {
			if h.speakers == nil {
				return nil, function.ErrNoSound
			}
			return h.speakers, nil
		}}
}

func (h *hands) input(event string) *fakeInput {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.inputs[event]
	if f == nil {
		h.t.Fatalf("%s was not opened", event)
	}
	return f
}

type fakePanel hands

func (p *fakePanel) Show(pic function.Picture) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = append(p.shown, pic)
	return nil
}

func (p *fakePanel) Size() (int, int) { return 4, 3 }

func (p *fakePanel) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return nil
}

// toTests goes to a visit in which a drive is erased slowly.
func toTests(t *testing.T, change func(*bed)) (*bed, *hands, *Engine) {
	t.Helper()
	b := newBed(t, "alpha")
	if change != nil {
		change(b)
	}
	b.slow.Store(int64(50e6)) // a wait in each write: the tests are done meanwhile
	h := newHands(t)
	b.hands = h.world()
	e, _, _ := b.start()
	v := b.toAgree(e)
	must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
	until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
	return b, h, e
}

// finish a visit: an engine at work would write into folders that go with the test.
func finishTests(t *testing.T, b *bed, e *Engine) wire.View {
	t.Helper()
	b.slow.Store(0)
	answerAll(t, e)
	return toStage(t, e, wire.StageResult)
}

func questionOf(t *testing.T, e *Engine, id string) wire.Question {
	t.Helper()
	for _, q := range e.View().Questions {
		if q.ID == id {
			return q
		}
	}
	t.Fatalf("%s is not asked", id)
	return wire.Question{}
}

// begin an exercise; it must be the one that the screens then show.
func begin(t *testing.T, e *Engine, id string, kind int) {
	t.Helper()
	must(t, e, wire.Intent{Kind: wire.IntentTry, Question: id, Choice: kind})
	if x := e.View().Exercise; x == nil || x.Question != id {
		t.Fatalf("the exercise of %s is %+v", id, x)
	}
}

func exerciseOver(t *testing.T, e *Engine) {
	t.Helper()
	until(t, "the end of the exercise", func() bool { return e.View().Exercise == nil })
}

// Exercises propose an answer, a person gives it, and the record has both.
func TestExercises(t *testing.T) {
	b, h, e := toTests(t, func(b *bed) { b.set.Site.Keyboard = "us" })
	q := questionOf(t, e, "keyboard")
	if q.Try == "" || q.Kinds[q.At] != "US" || q.Proposed != 0 {
		t.Errorf("the keyboard's question is %+v", q)
	}
	if q := questionOf(t, e, "lock"); q.Try != "" {
		t.Errorf("a question without an exercise offers one: %+v", q)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "lock"}, "answer it by its number")
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "keyboard", Choice: 99}, "kinds of keyboard")
	begin(t, e, "keyboard", q.At)
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "screen"}, "end it first")
	keys := h.input("event0")
	for _, row := range function.LayoutOf("us").Rows {
		for _, k := range row {
			keys.send([3]int{1, int(k.Code), 1}, [3]int{0, 0, 0}, [3]int{1, int(k.Code), 0}, [3]int{0, 0, 0})
		}
	}
	exerciseOver(t, e)
	if q = questionOf(t, e, "keyboard"); q.Proposed != 1 || q.Evidence != "AT Translated Set 2 keyboard (i8042): 77 of 77 keys seen (US)" {
		t.Errorf("after every key: %+v", q)
	}
	begin(t, e, "keyboard", q.At) // once more, and one key is not there
	for _, row := range function.LayoutOf("us").Rows {
		for _, k := range row {
			if k.Label != "F11" {
				h.input("event0").send([3]int{1, int(k.Code), 1}, [3]int{1, int(k.Code), 0})
			}
		}
	}
	until(t, "76 keys", func() bool { return e.View().Exercise.Done == 76 })
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	if q = questionOf(t, e, "keyboard"); q.Proposed != 0 || !strings.Contains(q.Evidence, "76 of 77 keys seen (US); not seen: F11") || !strings.Contains(q.Advice, "no such keys") {
		t.Errorf("without one key: %+v", q)
	}
	begin(t, e, "screen", 0)
	for range int(function.Pictures) {
		must(t, e, wire.Intent{Kind: wire.IntentTryNext})
	}
	exerciseOver(t, e)
	if q := questionOf(t, e, "screen"); q.Proposed != 0 || q.Evidence != "7 of 7 pictures shown on 4 x 3 pixels" || !h.closed || len(h.shown) != 7 {
		t.Errorf("after the pictures: %+v, %v", q, h.shown)
	}
	begin(t, e, "touchpad", 0)
	h.input("event2").send([3]int{1, 0x14a, 1}, [3]int{3, 0x35, 1}, [3]int{3, 0x36, 1}, [3]int{0, 0, 0})
	until(t, "a field", func() bool { return e.View().Exercise.Done == 1 })
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	if q := questionOf(t, e, "touchpad"); q.Proposed != 0 || !strings.Contains(q.Evidence, "moved to 1 of 9 fields; left button not seen") {
		t.Errorf("after one field: %+v", q)
	}
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "touchscreen"}, "touchscreen was not seen")
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "ports"}, "USB ports can't be read")
	v := finishTests(t, b, e)
	tests := testsOf(certs.Summarise(b.records(v.Visit)))
	for id, want := range map[string]string{"keyboard": "76 of 77 keys seen (US); not seen: F11; answered: it has no such keys", "screen": "7 of 7 pictures", "touchpad": "1 of 9 fields",
		"touchscreen": "not tried: the machine's own touchscreen was not seen", "lock": ""} {
		if got := tests[id]; got.Result != certs.TestPass || got.Kind != certs.TestOperator || got.Who != "op17" || !strings.Contains(got.Evidence, want) || want == "" && got.Evidence != "" {
			t.Errorf("on record: %+v", got)
		}
	}
}

// A tone on each speaker is what a person hears; what they heard only they can say.
func TestSpeakers(t *testing.T) {
	b, h, e := toTests(t, nil)
	ended := func(evidence string) {
		t.Helper()
		exerciseOver(t, e)
		if q := questionOf(t, e, "sound"); q.Proposed != 0 || q.Evidence != evidence {
			t.Errorf("it proposes %d by %q, want %q", q.Proposed, q.Evidence, evidence)
		}
	}
	begin(t, e, "sound", 0)
	ended("not played: no sound output is driven here")

	h.speakers = newSpeakers()
	begin(t, e, "sound", 0)
	for n, want := range []function.Speaker{function.LeftSpeaker, function.RightSpeaker} {
		if got := <-h.speakers.played; got != want {
			t.Errorf("tone %d is on %v", n, got)
		}
		until(t, "the words", func() bool { x := e.View().Exercise; return x != nil && x.Say[0] == "Listen: "+want.String()+"." })
		if x := e.View().Exercise; x.Done != n || x.Of != 2 || x.Device != "ALC257 Analog" {
			t.Errorf("tone %d is shown as %+v", n, x)
		}
		h.speakers.tone <- nil
	}
	until(t, "the end of the round", func() bool { x := e.View().Exercise; return x != nil && x.Done == 2 })
	must(t, e, wire.Intent{Kind: wire.IntentTryNext}) // again
	<-h.speakers.played
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	ended("ALC257 Analog: 2 of 2 tones played")
	<-h.speakers.closed

	h.speakers = newSpeakers() // ends by itself
	begin(t, e, "sound", 0)
	for range 2 {
		h.speakers.tone <- nil
	}
	until(t, "the end of the round", func() bool { x := e.View().Exercise; return x != nil && x.Done == 2 })
	b.ahead.Add(int64(heard))
	ended("ALC257 Analog: 2 of 2 tones played")
	<-h.speakers.closed

	h.speakers = newSpeakers()
	begin(t, e, "sound", 0)
	h.speakers.tone <- errors.New("ALC257 Analog does not play: input/output error")
	ended("not played: ALC257 Analog does not play: input/output error")
	<-h.speakers.closed
	finishTests(t, b, e)
}

// A part that moves by itself does not hold an exercise open for ever.
func TestExerciseThatNeverRests(t *testing.T) {
	b, h, e := toTests(t, nil)
	begin(t, e, "touchpad", 0)
	pad := h.input("event2")
	for i := range 2 {
		pad.send([3]int{3, 0x35, i}, [3]int{0, 0, 0})
		pad.send([3]int{0, 0, 0}) // the one before was taken
		if e.View().Exercise == nil {
			t.Fatal("it ended early")
		}
		b.ahead.Add(int64(tryLimit / 2))
	}
	exerciseOver(t, e)
	if q := questionOf(t, e, "touchpad"); q.Proposed != 0 || !strings.HasSuffix(q.Evidence, "; ended after 5 min") {
		t.Errorf("%+v", q)
	}
	finishTests(t, b, e)
}

// Who answers Yes after a test in which no key was seen has not said that the machine has
// no keys, and the record does not say it for them.
func TestKeyboardAnsweredWithoutTheTest(t *testing.T) {
	b, _, e := toTests(t, func(b *bed) { b.set.Site.Keyboard = "us" })
	begin(t, e, "keyboard", questionOf(t, e, "keyboard").At)
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	if q := questionOf(t, e, "keyboard"); q.Proposed != 0 || !strings.Contains(q.Advice, "answer No or Not tested") {
		t.Errorf("%+v", q)
	}
	v := finishTests(t, b, e)
	got := testsOf(certs.Summarise(b.records(v.Visit)))["keyboard"]
	if got.Result != certs.TestPass || !strings.Contains(got.Evidence, ": 0 of 77 keys seen") || !strings.HasSuffix(got.Evidence, "; answered without the test") {
		t.Errorf("on record: %+v", got)
	}
}

// A laptop with its keyboard on I2C has an i8042 too, on which nobody types: both are
// held, or none is, and a key seen on either counts.
func TestTwoKeyboardsOfItsOwn(t *testing.T) {
	b, h, e := toTests(t, func(b *bed) { b.set.Site.Keyboard = "us" })
	h.add(map[string]map[string]string{"event4": {"name": "GXTP7863 Keyboard", "id/bustype": "0018", "capabilities/key": "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe"}})
	h.fail = "event4"
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "keyboard"}, "GXTP7863 Keyboard (I2C) can't be tested: it is taken by another program")
	select {
	case <-h.input("event0").gone:
	default:
		t.Error("the other keyboard is still held")
	}
	h.fail = ""
	begin(t, e, "keyboard", questionOf(t, e, "keyboard").At)
	h.input("event0").send([3]int{1, 1, 1}, [3]int{1, 1, 0})
	h.input("event4").send([3]int{1, 30, 1}, [3]int{1, 30, 0}, [3]int{1, 31, 1}, [3]int{1, 31, 0})
	until(t, "3 keys", func() bool { return e.View().Exercise.Done == 3 })
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	if q := questionOf(t, e, "keyboard"); !strings.HasPrefix(q.Evidence, "AT Translated Set 2 keyboard (i8042) and GXTP7863 Keyboard (I2C): 3 of 77 keys seen") {
		t.Errorf("%+v", q)
	}
	finishTests(t, b, e)
}

func testsOf(s certs.Summary) map[string]certs.Tested {
	tests := map[string]certs.Tested{}
	for _, t := range s.Tests {
		tests[t.Question] = t
	}
	return tests
}

// An exercise ends with what it stands in: with the last answer, with a notice that its
// pictures would hide, and with the machine's keyboard.
func TestExercisesEnd(t *testing.T) {
	b, h, e := toTests(t, nil)
	begin(t, e, "keyboard", 0)
	_ = h.input("event0").Close() // pulled out, or broken
	exerciseOver(t, e)
	if q := questionOf(t, e, "keyboard"); q.Proposed != 0 || !strings.HasSuffix(q.Evidence, "; the device went away") {
		t.Errorf("a keyboard that went away: %+v", q)
	}
	begin(t, e, "screen", 0)
	e.update(func() { e.notice = &wire.Notice{Mark: wire.MarkBad, What: "The power lead is out."} })
	exerciseOver(t, e)
	if !h.closed {
		t.Error("the pictures hide a notice")
	}
	begin(t, e, "screen", 0) // now it is known
	b.slow.Store(0)
	answerAll(t, e)
	toStage(t, e, wire.StageResult)
	if e.View().Exercise != nil || !h.closed {
		t.Error("the pictures hide the result")
	}
	refused(t, e, wire.Intent{Kind: wire.IntentTry, Question: "screen"}, "can't be done at this step")
	must(t, e, wire.Intent{Kind: wire.IntentTryEnd})
	must(t, e, wire.Intent{Kind: wire.IntentTryNext})
}

// Where trainees work nothing that sees, hears or sends is tested, and the record says by
// what rule. A part that the machine has not got is said to be absent.
func TestWorkshop(t *testing.T) {
	for name, workshop := range map[string]bool{"workshop": true, "bench": false} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t, "alpha")
			b.set.Site.Workshop = workshop
			b.report = func(r *inspect.Report) {
				r.Devices = inspect.Devices{Camera: inspect.Known(true, "USB"), WiFi: inspect.Known(true, "PCI"),
					WWAN: inspect.Known(false, "no WWAN modem on the buses that were read"), Touchscreen: inspect.Known(false, "no touchscreen among the input devices")}
			}
			e, _, _ := b.start()
			v := b.toAgree(e)
			must(t, e, wire.Intent{Kind: wire.IntentConsent, Text: "DEF-1", Digest: v.Plan.Digest})
			until(t, "questions", func() bool { return len(e.View().Questions) > 0 })
			asks := slices.ContainsFunc(e.View().Questions, func(q wire.Question) bool { return q.ID == "camera-window" })
			if asks == workshop {
				t.Errorf("the camera is asked about: %v", asks)
			}
			answerAll(t, e)
			v = toStage(t, e, wire.StageResult)
			tests := testsOf(certs.Summarise(b.records(v.Visit)))
			for id, result := range map[string]string{"camera": certs.TestNotTested, "microphone": certs.TestNotTested, "wifi": certs.TestNotTested,
				"bluetooth": certs.TestNotTested, "wwan": certs.TestNotPresent, "touchscreen": certs.TestNotPresent} {
				got := tests[id]
				rule := got.Evidence == siteRule
				if got.Result != result || got.Kind != certs.TestAutomatic || got.Evidence == "" || rule != (workshop && result == certs.TestNotTested) {
					t.Errorf("on record: %+v, want %s", got, result)
				}
			}
			if got := tests["sound"]; workshop != (got.Evidence == siteRule) || workshop == (got.Result == certs.TestPass) {
				t.Errorf("the speakers: %+v", got)
			}
			if window := tests["camera-window"]; workshop != (window.Evidence == siteRule) || workshop == (window.Result == certs.TestPass) {
				t.Errorf("the camera's window: %+v", window)
			}
		})
	}
}

// The site's keyboards are the ones that are drawn.
func TestKeyboardsOfTheSettings(t *testing.T) {
	var ids []string
	for _, l := range function.Layouts() {
		ids = append(ids, l.ID)
	}
	if !slices.Equal(ids, settings.Keyboards) {
		t.Errorf("settings know %q, the bench draws %q", settings.Keyboards, ids)
	}
}
