package tui

import (
	"fmt"
	"math"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyStop  = bind("S", "stop", "s")
	keyLog   = bind("L", "log", "l")
	keyEsc   = bind("Esc", "close the log", "esc", "l")
	keyOther = bind("Tab", "next question", "tab", "shift+tab")
)

// erasePage shows every drive at work, and asks what only a person can see of
// the machine meanwhile.
type erasePage struct {
	quiet
	v   *wire.View
	q   questions
	log bool
}

func (p *erasePage) show(v *wire.View) {
	p.v = v
	p.q.show(v)
}

func (p *erasePage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
		return action{}
	case p.q.now != nil:
		return trialPress(p.q.now, k)
	case p.log && key.Matches(k, keyEsc):
		p.log = false
		return action{toTop: true}
	case p.log:
		return action{scroll: scrollBy(k)}
	case key.Matches(k, keyLog):
		p.log = true
		return action{toTop: true, scroll: maxItems * 10} // the newest is last
	case key.Matches(k, keyStop):
		return action{ask: p.stopDialog()}
	}
	if a, ok := p.q.press(k); ok {
		return a
	}
	return action{scroll: scrollBy(k)}
}

func (p *erasePage) stopDialog() *dialog {
	can, cannot := 0, 0
	for _, d := range p.v.Drives {
		switch {
		case d.CanStop:
			can++
		case working(d):
			cannot++
		}
	}
	d := &dialog{ask: "Stop erasing?", no: "No, go on", yes: "Yes, stop", onYes: wire.Intent{Kind: wire.IntentStop}}
	d.more = []string{"What is not finished counts as not erased. The paper will say so."}
	if cannot > 0 {
		d.more = append(d.more, fmt.Sprintf("%s can't be stopped: the drive goes on by itself.", drives(cannot)))
	}
	if can == 0 {
		d.more = append(d.more, "No drive can be stopped just now.")
	}
	return d
}

func drives(n int) string {
	if n == 1 {
		return "1 drive"
	}
	return itoa(n) + " drives"
}

func working(d wire.DriveProgress) bool { return d.State == "ERASING" || d.State == "CHECKING" }

func (p *erasePage) keys() []key.Binding {
	if p.q.now != nil {
		return trialKeys(p.q.now)
	}
	if p.log {
		return []key.Binding{keyEsc, keyScroll}
	}
	ks := []key.Binding{keyStop, keyLog}
	return append(ks, p.q.keys()...)
}

func (p *erasePage) about() []string {
	return []string{
		"The drives are being erased now. Leave the power lead in.",
		"Answer the questions meanwhile: press the number of what you see.",
		"Enter tests the part that is asked about, where it says so, and proposes the answer.",
		"Tab goes to another question. An answer can be given again.",
		"S stops what can be stopped, after a question. L shows the log.",
		"A drive that FAILED goes to the red-striped crate at the end.",
	}
}

func (p *erasePage) body(w, h int) body {
	if p.q.now != nil {
		return trialBody(p.q.now, p.v.Drives, w, h)
	}
	if p.log {
		return logBody(p.v.Log, w)
	}
	b := body{bottom: p.q.rows(w, len(p.v.Drives) > 3)}
	foot := "Leave the power lead in."
	if p.v.StickMayGo {
		foot += " The stick may be pulled now."
	} else {
		foot += " Leave the stick in."
	}
	b.bottom = append(b.bottom, gap(), *newRow(2).add(strong, foot))
	roomy := len(p.v.Drives)*3+len(b.bottom) <= h
	if len(p.v.Drives) > 4 {
		b.top = append(b.top, *newRow(2).add(strong, cut(tally(p.v.Drives), w-3)), gap())
	}
	for i, d := range p.v.Drives {
		if roomy && i > 0 {
			b.middle = append(b.middle, gap())
		}
		b.middle = append(b.middle, driveRows(d, w, len(p.v.Drives) > 4 && !roomy)...)
	}
	if len(p.v.Drives) == 0 {
		b.middle = append(b.middle, *newRow(2).add(plain, "No drive is being erased."))
	}
	return b
}

func logBody(log []string, w int) body {
	b := body{top: []row{*newRow(2).add(strong, "The log, the newest line last"), gap()}}
	for _, l := range log {
		b.middle = append(b.middle, paragraph(plain, l, 2, w-1)...)
	}
	if len(log) == 0 {
		b.middle = append(b.middle, *newRow(2).add(plain, "Nothing has been logged yet."))
	}
	return b
}

// tally of many drives: what went wrong stands first, since its row may be out
// of sight.
func tally(ds []wire.DriveProgress) string {
	count := map[string]int{}
	for _, d := range ds {
		count[d.State]++
	}
	parts := []string{drives(len(ds))}
	for _, s := range []string{"FAILED", "UNVERIFIED", "REFUSED", "STOPPED", "ERASING", "CHECKING", "WAITING", "DONE"} {
		if n := count[s]; n > 0 {
			parts = append(parts, itoa(n)+" "+s)
			delete(count, s)
		}
	}
	other := 0
	for _, n := range count {
		other += n
	}
	if other > 0 {
		parts = append(parts, itoa(other)+" UNKNOWN")
	}
	return strings.Join(parts, "   ")
}

// driveRows of one drive: one line where there are many, else as many as it has
// something to say.
func driveRows(d wire.DriveProgress, w int, compact bool) []row {
	m, st := mark(d.Mark)
	state := d.State
	if state == "" {
		state, m, st = "UNKNOWN", "?", warn
	}
	name := min(28+max(0, w-80)/2, 44)
	r := newRow(2).fit(strong, d.Name, 3).fit(strong, orUnknown(d.Drive), name-1).to(5+name).
		add(st, m).add(plain, " ").fit(st, state, 11)
	left := w - r.width - 2
	if compact {
		if working(d) {
			r.add(plain, percent(d.Fraction)+"  ").add(plain, cut(d.Rate, left-7))
		} else {
			r.add(plain, cut(d.Serial, left))
		}
		rows := []row{*r}
		if d.Mark == wire.MarkBad && d.Note != "" {
			rows = append(rows, paragraph(st, d.Note, 5, w-1)...)
		}
		return rows
	}
	if working(d) {
		r.add(info, bar(d.Fraction, left-7)).add(plain, "  ").add(strong, percent(d.Fraction))
	} else {
		r.add(plain, cut(d.Time, left))
	}
	rows := []row{*r}
	second := newRow(5).fit(plain, d.Serial, max(name-1, width(d.Serial)))
	if working(d) {
		second.to(5+name).add(plain, cut(strings.TrimSpace(d.Rate+"  "+d.Time), w-second.width-2))
	}
	rows = append(rows, *second)
	if d.Note != "" {
		note := plain
		if d.Mark == wire.MarkBad || d.Mark == wire.MarkWarn {
			note = st
		}
		rows = append(rows, paragraph(note, d.Note, 5, w-1)...)
	}
	return rows
}

// percent is rounded down: 100 % is said only of what is whole.
func percent(f float64) string {
	if math.IsNaN(f) || f < 0 || f > 1 {
		return "  … "
	}
	return fmt.Sprintf("%3d %%", int(math.Floor(f*100)))
}

// bar of n columns, to an eighth of one.
func bar(f float64, n int) string {
	n = max(n, 0)
	if math.IsNaN(f) || f < 0 || f > 1 {
		return cut("drive tells no progress", n)
	}
	eighths := int(f * float64(n) * 8)
	full := min(eighths/8, n)
	s := repeat('█', full)
	if part := eighths % 8; part > 0 && full < n {
		s += string([]rune(" ▏▎▍▌▋▊▉")[part])
	}
	return s + repeat('·', n-width(s))
}
