package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"

	"handback.example/cmd/handback/internal/wire"
)

// The smallest screen, and the widest that text is spread over.
const (
	minWidth, minHeight = 80, 24
	maxWidth            = 104
)

var rail = []struct {
	name  string
	stage []wire.Stage
}{
	{"Intake", []wire.Stage{wire.StageIntake}},
	{"Check", []wire.Stage{wire.StageCheck}},
	{"Agree", []wire.Stage{wire.StageAgree}},
	{"Erase", []wire.Stage{wire.StageErase}},
	{"Grade", []wire.Stage{wire.StageGrade}},
	{"Papers", []wire.Stage{wire.StagePapers}},
}

// banner of a class; production has none. A class that isn't known is no
// production.
func banner(class string) string {
	switch class {
	case "production":
		return ""
	case "demonstration":
		return "DEMONSTRATION - not for real devices"
	case "practice":
		return "PRACTICE - nothing real is erased (Ctrl-C leaves)"
	case "not enrolled":
		return "NOT ENROLLED - nothing can be erased"
	case "":
		return "CLASS UNKNOWN - not for real devices"
	}
	return strings.Map(upper, class)
}

// head draws banner, title and rule; it gives the next free line.
func (c *canvas) head(v *wire.View) int {
	w, _ := c.size()
	y := 0
	if b := banner(v.Class); b != "" {
		b = " " + cut(b, w-12) + " "
		left := (w - width(b)) / 2
		c.put(0, 0, inverse, repeat('/', left)+b+repeat('/', w-left-width(b)))
		y = 1
	}
	right := strings.TrimSpace(benchName(v.Bench) + "   " + clock(v) + " ")
	r := newRow(1).add(strong, "HANDBACK")
	for _, s := range []string{v.Tag, v.Machine} {
		if room := w - r.width - width(right) - 8; s != "" && room > 4 {
			r.add(plain, "   ").add(strong, cut(s, room))
		}
	}
	c.rows(0, y, []row{*r})
	c.put(w-1-width(right), y, plain, right)
	c.put(0, y+1, rule, repeat('─', w))
	return y + 2
}

func benchName(s string) string {
	s = cut(s, 16)
	if s == "" || strings.HasPrefix(strings.ToLower(s), "bench") {
		return s
	}
	return "Bench " + s
}

func clock(v *wire.View) string {
	if v.Clock.IsZero() {
		return "--:--"
	}
	return v.Clock.Format("15:04")
}

// railAt draws the steps: done ones have a tick, the present one a line below. It
// gives the next free line; result and waiting have the whole screen.
func (c *canvas) railAt(left, y int, s wire.Stage) int {
	at := -1
	for i, step := range rail {
		for _, x := range step.stage {
			if x == s {
				at = i
			}
		}
	}
	if at < 0 {
		return y
	}
	x := left + 2
	for i, step := range rail {
		text, st := itoa(i+1)+" "+step.name, plain
		if i < at {
			text = "✓ " + step.name
		}
		if i == at {
			st = strong
			c.put(x, y+1, info, repeat('▔', width(text)))
		}
		c.put(x, y, st, text)
		x += width(text) + 4
	}
	return y + 2
}

// foot draws the rule and the keys on the last two lines; it gives the line
// above them. The last key always has its place.
func (c *canvas) foot(keys []key.Binding) int {
	w, h := c.size()
	c.put(0, h-2, rule, repeat('─', w))
	room := func(k key.Binding) int { return width(k.Help().Key) + 1 + width(k.Help().Desc) + 3 }
	x := 1
	for i, k := range keys {
		left := w - x
		if i < len(keys)-1 {
			left -= room(keys[len(keys)-1])
		}
		if !k.Enabled() || room(k) > left+2 {
			continue
		}
		c.put(x, h-1, strong, k.Help().Key)
		c.put(x+width(k.Help().Key)+1, h-1, plain, k.Help().Desc)
		x += room(k)
	}
	return h - 2
}

// band is a notice: a box over the whole width that nothing can hide. It never
// takes more than most lines.
func band(n wire.Notice, w, most int) []row {
	m, st := mark(n.Mark)
	if n.Mark == wire.MarkNone {
		m, st = "!", warn
	}
	var rows []row
	for i, l := range wrapMost(orUnknown(n.What), w-10, 2) {
		r := newRow(1)
		if i == 0 {
			r.add(st, m)
		}
		rows = append(rows, *r.to(3).add(st, l))
	}
	if n.Do != "" {
		for _, l := range wrapMost(n.Do, w-10, max(1, most-2-len(rows))) {
			rows = append(rows, *newRow(3).add(strong, l))
		}
	}
	return shift(boxed(rows, w-6, st), 1)
}
