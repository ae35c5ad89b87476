package function

import "strings"

// Fields of a pad that a pointer or a finger must reach: three rows of three.
const Fields = 9

// Axis is the range of an absolute axis (struct input_absinfo, linux/input.h).
type Axis struct{ Min, Max int32 }

// PointerTest sees whether a pointer reaches every part of its pad, and its buttons.
type PointerTest struct {
	// Fields that were reached, from the top left.
	Fields      [Fields]bool
	Left, Right bool // buttons that were pressed
	// NeedLeft and NeedRight: the device has such a button.
	NeedLeft, NeedRight bool
	x, y                span
	fingers             [maxFingers]finger // by slot; a device without positions has the first
	slot                int                // the finger that positions are of now
	touched             bool               // a finger of an absolute device is on it
	absolute, touch     bool
}

// maxFingers are told apart: more than a hand has, and than any pad knows.
const maxFingers = 16

// span of an axis, never empty.
type span struct{ min, max int64 }

// finger is where one is.
type finger struct {
	x, y  position
	moved bool // in the events of this moment
}

// position on one axis.
type position struct {
	at    int64
	known bool // it was told since the finger came
}

// relativePad is how far a device without positions moves from edge to edge, in its
// counts: a touchpad that speaks a mouse's language gives some hundreds a stroke.
const relativePad = 600

// NewPointerTest of a device with these axes; they count only where it has positions.
func NewPointerTest(d InputDevice, x, y Axis) *PointerTest {
	t := &PointerTest{absolute: d.axes.has(absMTX), NeedLeft: !d.isTouchscreen() && d.keys.has(btnLeft),
		NeedRight: !d.isTouchscreen() && d.keys.has(btnRight) && !d.props.has(propButtons), touch: d.isTouchscreen()}
	if t.absolute {
		t.x, t.y = axis(x), axis(y)
		return t
	}
	centre := position{relativePad / 2, true}
	t.x, t.y, t.touched = span{max: relativePad}, span{max: relativePad}, true
	t.fingers[0] = finger{x: centre, y: centre}
	return t
}

func axis(a Axis) span {
	return span{int64(a.Min), max(int64(a.Max), int64(a.Min)+1)}
}

// Take an event of the device.
func (t *PointerTest) Take(e InputEvent) {
	switch {
	case e.Type == evKey && e.Value == 1 && e.Code == btnLeft:
		t.Left = true
	case e.Type == evKey && e.Value == 1 && e.Code == btnRight:
		t.Right = true
	case e.Type == evKey && e.Code == btnTouch && t.absolute:
		if t.touched = e.Value != 0; !t.touched {
			t.fingers = [maxFingers]finger{}
		}
	case e.Type == evRel && !t.absolute && e.Code == relX:
		t.fingers[0].move(&t.fingers[0].x, t.x.within(t.fingers[0].x.at+int64(e.Value)))
	case e.Type == evRel && !t.absolute && e.Code == relY:
		t.fingers[0].move(&t.fingers[0].y, t.y.within(t.fingers[0].y.at+int64(e.Value)))
	case e.Type == evAbs && t.absolute:
		t.place(e)
	case e.Type == evSyn:
		t.mark()
	}
}

// place the finger of a slot (Linux Documentation/input/multi-touch-protocol.rst, type B;
// without slots, type A, each finger ends with a SYN of its own).
func (t *PointerTest) place(e InputEvent) {
	if e.Code == absMTSlot {
		t.slot = int(e.Value)
		return
	}
	if t.slot < 0 || t.slot >= maxFingers {
		return
	}
	switch f := &t.fingers[t.slot]; e.Code {
	case absMTID:
		*f = finger{}
	case absMTX:
		f.move(&f.x, int64(e.Value))
	case absMTY:
		f.move(&f.y, int64(e.Value))
	}
}

// move on one of its axes.
func (f *finger) move(p *position, at int64) { *p, f.moved = position{at, true}, true }

func (s span) within(at int64) int64 { return min(max(at, s.min), s.max) }

// third of the span that a position is in: 0 to 2.
func (s span) third(p position) int {
	return int(min((s.within(p.at)-s.min)*3/(s.max-s.min), 2))
}

// mark the fields of the fingers that moved and whose positions are whole: the events of
// one moment end with a SYN.
func (t *PointerTest) mark() {
	for i := range t.fingers {
		f := &t.fingers[i]
		if t.touched && f.moved && f.x.known && f.y.known {
			t.Fields[3*t.y.third(f.y)+t.x.third(f.x)] = true
		}
		f.moved = false
	}
}

// Count of the fields reached.
func (t *PointerTest) Count() (n int) {
	for _, f := range t.Fields {
		if f {
			n++
		}
	}
	return n
}

// Whole: every field was reached, and every button that it has was pressed.
func (t *PointerTest) Whole() bool {
	return t.Count() == Fields && (t.Left || !t.NeedLeft) && (t.Right || !t.NeedRight)
}

// Evidence for the record.
func (t *PointerTest) Evidence() string {
	verb := "moved to "
	if t.touch {
		verb = "touched "
	}
	parts := []string{verb + fields(t.Count())}
	for _, b := range []struct {
		need, seen bool
		name       string
	}{{t.NeedLeft, t.Left, "left button"}, {t.NeedRight, t.Right, "right button"}} {
		switch {
		case b.seen:
			parts = append(parts, b.name+" pressed")
		case b.need:
			parts = append(parts, b.name+" not seen")
		}
	}
	return strings.Join(parts, "; ")
}

func fields(n int) string { return string(rune('0'+n)) + " of 9 fields" }
