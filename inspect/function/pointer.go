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
	x, y                position
	touched             bool // a finger of an absolute device is on it
	absolute, touch     bool
}

// position on one axis, in a range that is never empty.
type position struct {
	at, min, max int64
	known        bool // it was told since the finger came
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
	centre := position{at: relativePad / 2, max: relativePad, known: true}
	t.x, t.y, t.touched = centre, centre, true
	return t
}

func axis(a Axis) position {
	return position{min: int64(a.Min), max: max(int64(a.Max), int64(a.Min)+1)}
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
			t.x.known, t.y.known = false, false
		}
	case e.Type == evRel && !t.absolute && e.Code == relX:
		t.x.move(e.Value)
	case e.Type == evRel && !t.absolute && e.Code == relY:
		t.y.move(e.Value)
	case e.Type == evAbs && t.absolute && e.Code == absMTX:
		t.x.at, t.x.known = int64(e.Value), true
	case e.Type == evAbs && t.absolute && e.Code == absMTY:
		t.y.at, t.y.known = int64(e.Value), true
	case e.Type == evSyn:
		t.mark()
	}
}

func (p *position) move(by int32) { p.at = min(max(p.at+int64(by), p.min), p.max) }

// third of the range: 0 to 2.
func (p position) third() int {
	return int(min(max((p.at-p.min)*3/(p.max-p.min), 0), 2))
}

// mark the field of a position that is whole: the events of one moment end with a SYN.
func (t *PointerTest) mark() {
	if t.touched && t.x.known && t.y.known {
		t.Fields[3*t.y.third()+t.x.third()] = true
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
