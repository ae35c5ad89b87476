package tui

import (
	"fmt"
	"strings"
	"time"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyAgree   = bind("Enter", "agree", "enter")
	keyNoBack  = bind("Esc", "no, go back", "esc")
	keyDetails = bind("F3", "details", "f3")
	keyWithout = bind("F", "finish without erasing", "f")
)

// agreePage is the one gate before anything is destroyed. Only the label of the
// machine, scanned or typed again, opens it; Enter alone does nothing.
type agreePage struct {
	quiet
	v       *wire.View
	text    textinput.Model
	digest  string
	shown   bool
	details bool
	// seen: the whole list of drives was on the screen.
	seen bool
}

func newAgreePage() *agreePage {
	p := &agreePage{text: newInput()}
	p.text.Focus()
	return p
}

func (p *agreePage) show(v *wire.View) {
	p.v = v
	if p.shown && p.digest != v.Plan.Digest {
		p.text.SetValue("") // what was typed was for another plan
		p.seen = false
	}
	p.digest, p.shown = v.Plan.Digest, true
}

func (p *agreePage) typing() bool { return p.v == nil || p.v.Plan.Ready }

// measured hears how many lines are hidden below.
func (p *agreePage) measured(below int) {
	if below == 0 && !p.details {
		p.seen = true
	}
}

func (p *agreePage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return p.edit(msg)
	}
	switch {
	case key.Matches(k, keyDetails):
		p.details = !p.details
		return action{toTop: true}
	case key.Matches(k, keyNoBack) && p.details:
		p.details = false
		return action{toTop: true}
	case key.Matches(k, keyNoBack):
		return want(wire.Intent{Kind: wire.IntentBack})
	case scrollBy(k) != 0 && k.String() != "home" && k.String() != "end":
		return action{scroll: scrollBy(k)}
	case p.details:
		return action{}
	case key.Matches(k, keyAgree):
		return p.agree()
	case !p.v.Plan.Ready && key.Matches(k, keyWithout):
		return action{ask: &dialog{ask: "Finish this machine without erasing?",
			more: []string{"The papers will say that it is not sanitised, and why."},
			no:   "No, go back", yes: "Yes, finish", onYes: wire.Intent{Kind: wire.IntentFinish}}}
	}
	return p.edit(msg)
}

func (p *agreePage) edit(msg tea.Msg) action {
	if !p.details && p.v.Plan.Ready {
		p.text, _ = p.text.Update(msg)
	}
	return action{}
}

func (p *agreePage) agree() action {
	text := strings.TrimSpace(p.text.Value())
	switch {
	case !p.v.Plan.Ready || text == "":
		return action{}
	case !p.seen:
		return action{scroll: 8, hint: "There are more drives below. Read them all, then press Enter again."}
	}
	p.text.SetValue("")
	return want(wire.Intent{Kind: wire.IntentConsent, Text: text, Digest: p.digest})
}

func (p *agreePage) keys() []key.Binding {
	if p.details {
		return []key.Binding{bind("F3", "back to the plan", "f3"), keyScroll}
	}
	ks := []key.Binding{keyNoBack, keyDetails, keyPage}
	if p.v.Plan.Ready {
		return append([]key.Binding{keyAgree}, ks...)
	}
	return append([]key.Binding{keyWithout}, ks...)
}

func (p *agreePage) about() []string {
	return []string{
		"This page shows what will be destroyed. It can't be brought back.",
		"To agree, scan the machine's label again, or type it and press Enter.",
		"Enter with nothing typed does nothing. Esc goes back.",
		"'How' is the level and the way. F3 shows why each way was taken.",
		"A drive that is refused is not touched. Its reason says what to do.",
		"Are you not sure? Press Esc and ask your supervisor.",
	}
}

func (p *agreePage) body(w, h int) body {
	if p.details {
		return p.detailBody(w)
	}
	var b body
	pl := p.v.Plan
	head := "Everything on these drives will be destroyed. There is no undo."
	if !pl.Ready {
		head = "Nothing can be erased now. The reasons are below."
	}
	b.top = append(paragraph(strong, head, 2, w), gap())
	cols := planColumns(w)
	b.top = append(b.top, *newRow(2).fit(dim, "", 3).fit(dim, "Drive", cols.drive).fit(dim, "Holds", cols.holds).
		fit(dim, "How", cols.how).add(dim, rightly("Time", cols.time)))
	for i, d := range pl.Rows {
		if i > 0 {
			b.middle = append(b.middle, gap())
		}
		b.middle = append(b.middle, planRow(d, cols, w)...)
	}
	if len(pl.Rows) == 0 {
		b.middle = append(b.middle, *newRow(2).add(warn, "! ").add(strong, "No drive was found."))
	}
	rest := p.rest(w)
	b.bottom = p.ending(w)
	if len(b.top)+len(rest)+len(b.bottom)+6 <= h {
		b.bottom = append(rest, b.bottom...)
	} else {
		b.middle = append(b.middle, rest...) // too little room: it scrolls with the drives
	}
	return b
}

// columns of the plan, in characters with the space behind them.
type columns struct{ drive, holds, how, time int }

func planColumns(w int) columns {
	c := columns{drive: 26, holds: 17, how: 24, time: 7}
	if spare := w - 81; spare > 0 { // a wide screen: the way is what needs the room
		c.drive += spare / 4
		c.how += spare / 2
	}
	return c
}

func rightly(s string, n int) string { return blanks(n-width(s)) + cut(s, n) }

func planRow(d wire.PlanRow, c columns, w int) []row {
	drive := append(wrapMost(orUnknown(d.Drive), c.drive-1, 2), wrap(orUnknown(d.Serial), c.drive-1)...)
	holds := wrapMost(orUnknown(d.Holds), c.holds-1, 4)
	how, howStyle, when := wrapMost(orUnknown(d.How), c.how-1, 5), plain, expect(d.Expect)
	if d.Refused != "" {
		how, howStyle, when = wrap("REFUSED, not touched: "+d.Refused, c.how+c.time-1), bad, ""
	}
	var rows []row
	for i := range max(len(drive), len(holds), len(how)) {
		r := newRow(2)
		first := ""
		if i == 0 {
			first = d.Name
			if d.Refused != "" {
				r = newRow(0).add(bad, "✗").to(2)
			}
		}
		r.fit(strong, first, 3).fit(driveStyle(i), nth(drive, i), c.drive).fit(plain, nth(holds, i), c.holds)
		if d.Refused != "" {
			r.add(howStyle, nth(how, i))
		} else {
			r.fit(howStyle, nth(how, i), c.how)
		}
		if i == 0 {
			r.add(strong, rightly(when, c.time))
		}
		rows = append(rows, *r)
	}
	for _, x := range d.Warnings {
		for i, l := range wrap(x, w-8) {
			r := newRow(5)
			if i == 0 {
				r.add(warn, "! ")
			}
			rows = append(rows, *r.to(7).add(warn, l))
		}
	}
	return rows
}

func driveStyle(line int) style {
	if line == 0 {
		return strong
	}
	return plain
}

func nth(s []string, i int) string {
	if i < len(s) {
		return s[i]
	}
	return ""
}

// expect is a duration as people say it; none is unknown.
func expect(d time.Duration) string {
	switch {
	case d <= 0:
		return "unknown"
	case d < 90*time.Second:
		return fmt.Sprintf("%d s", max(1, int(d.Round(time.Second)/time.Second)))
	case d < 90*time.Minute:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute)/time.Minute))
	case d < 100*time.Hour:
		d = d.Round(time.Minute)
		return fmt.Sprintf("%d h %02d", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return "days"
}

// rest is what goes with the drives.
func (p *agreePage) rest(w int) []row {
	rows := []row{gap()}
	named := func(name, text string, most int) {
		for i, l := range wrapMost(text, w-12, most) {
			r := newRow(2)
			if i == 0 {
				r.add(strong, name)
			}
			rows = append(rows, *r.to(9).add(plain, l))
		}
	}
	named("TPM", orUnknown(p.v.Plan.TPM), 2)
	if also := p.v.Plan.Also; len(also) > 0 {
		named("Also", strings.Join(also, "; "), 5) // what is agreed to must be read whole
	}
	return rows
}

// ending is what never scrolls away: what is accepted, and the field.
func (p *agreePage) ending(w int) []row {
	pl := p.v.Plan
	rows := mains(pl.Mains)
	if pl.NeedsAcceptance != "" {
		for i, l := range wrapMost("By agreeing you accept: "+pl.NeedsAcceptance, w-6, 3) {
			r := newRow(2)
			if i == 0 {
				r.add(warn, "!")
			}
			rows = append(rows, *r.to(4).add(warn, l))
		}
	}
	rows = append(rows, gap())
	if !pl.Ready {
		return append(rows, *newRow(2).add(strong, "Esc goes back. F finishes this machine without erasing."))
	}
	r := newRow(2).add(strong, "To agree, scan or type the asset label again: ")
	drawInput(r, p.text, min(28, w-r.width-1), true)
	return append(rows, *r)
}

func mains(m wire.Mark) []row {
	switch m {
	case wire.MarkOK:
		return nil
	case wire.MarkBad, wire.MarkWarn:
		return []row{*newRow(2).add(bad, "✗ ").add(strong, "Plug in the power lead before you agree.")}
	}
	return []row{*newRow(2).add(warn, "? ").add(strong, "Look whether the power lead is in: this machine can't tell.")}
}

// point of a list.
func point(text string, w int) (rows []row) {
	for i, s := range wrap(text, w-8) {
		r := newRow(5)
		if i == 0 {
			r.add(dim, "·")
		}
		rows = append(rows, *r.to(7).add(plain, s))
	}
	return rows
}

func (p *agreePage) detailBody(w int) body {
	b := body{top: append(paragraph(strong, "The plan in detail: the ways of each drive, the best one first.", 2, w), gap())}
	for _, d := range p.v.Plan.Rows {
		b.middle = append(b.middle, *newRow(2).fit(strong, d.Name, 3).add(strong, cut(d.Drive+"  "+d.Serial, w-7)))
		if d.Refused != "" {
			b.middle = append(b.middle, paragraph(bad, "REFUSED, not touched: "+d.Refused, 5, w-1)...)
		}
		for _, l := range d.Detail {
			b.middle = append(b.middle, point(l, w)...)
		}
		b.middle = append(b.middle, gap())
	}
	if removals := p.v.Plan.Removals; len(removals) > 0 {
		b.middle = append(b.middle, paragraph(strong, "Removed from the machine itself, after its drives:", 2, w)...)
		for _, l := range removals {
			b.middle = append(b.middle, point(l, w)...)
		}
		b.middle = append(b.middle, gap())
	}
	if a := p.v.Plan.NeedsAcceptance; a != "" {
		b.middle = append(b.middle, paragraph(warn, "By agreeing you accept: "+a, 2, w-1)...)
	}
	b.bottom = []row{*newRow(2).add(dim, "Plan "+cut(orUnknown(p.v.Plan.Digest), w-8))}
	return b
}
