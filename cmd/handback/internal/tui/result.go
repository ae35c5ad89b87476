package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var keyNextMachine = bind("Enter", "next machine (switches this one off)", "enter")

// resultPage fills the screen with the verdict. The engine gave it: the page
// draws solid letters only for a pass that is called PASS.
type resultPage struct {
	quiet
	v *wire.View
}

func (p *resultPage) show(v *wire.View) { p.v = v }

func (p *resultPage) result() wire.Result {
	if p.v.Result == nil {
		return wire.Result{Word: "UNKNOWN", Do: "Ask your supervisor. Do not pass this machine on."}
	}
	r := *p.v.Result
	if r.Word == "" || (r.Word == "PASS") != r.Pass {
		// What contradicts itself is no result and sends no machine anywhere.
		r.Word, r.Route, r.Grade, r.Why, r.Better = "UNKNOWN", "", "", "the result contradicts itself", ""
		r.Do = "Ask your supervisor. Do not pass this machine on."
	}
	return r
}

func shape(r wire.Result) fill {
	switch {
	case r.Pass && r.Word == "PASS":
		return solid
	case r.Word == "HOLD":
		return hatched
	case r.Word == "NO DRIVE":
		return dotted
	}
	return hollow
}

func (p *resultPage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
		return action{}
	case key.Matches(k, keyNextMachine):
		return p.next()
	}
	return action{scroll: scrollBy(k)}
}

// next asks first while records are in memory only; the engine decides.
func (p *resultPage) next() action {
	i := wire.Intent{Kind: wire.IntentNext}
	if r := p.result(); !r.CanPowerOff {
		return action{ask: &dialog{
			ask:  "The records of this machine are not safe yet.",
			more: []string{sentence(r.Stored), "Switched off now, they would be lost. Put the stick back and wait."},
			no:   "No, wait", yes: "Yes, ask to switch off", onYes: i,
		}}
	}
	return want(i)
}

func (p *resultPage) keys() []key.Binding {
	return []key.Binding{keyNextMachine, keyScroll}
}

func (p *resultPage) about() []string {
	return []string{
		"This is the result for the whole machine.",
		"Full letters: PASS. Outlined letters: it did not pass.",
		"Hatched: on HOLD. Rings: no drive was found.",
		"Do what the last line says. The papers say the same.",
		"Enter switches this machine off. The stick can go to the next one.",
	}
}

func (p *resultPage) body(w, h int) body {
	r := p.result()
	b := body{bottom: p.bottom(r, w)}
	says := p.lines(r, w)
	room := h - len(b.bottom) - len(says) - 2
	if room < 8 {
		room = h - len(b.bottom) - 6 - 2 // the rest scrolls: the word must be seen
	}
	b.top = append([]row{gap()}, shift(bigWord(r.Word, shape(r), w-8, min(room, h/2)), 4)...)
	b.top = append(b.top, gap())
	b.middle = says
	return b
}

func (p *resultPage) lines(r wire.Result, w int) []row {
	var rows []row
	for _, l := range r.Lines {
		for i, s := range wrap(l, w-8) {
			row := newRow(4)
			if i == 0 {
				row.add(plain, "·")
			}
			rows = append(rows, *row.to(6).add(strong, s))
		}
	}
	rows = append(rows, gap())
	if r.Route != "" || r.Grade != "" {
		route := newRow(4).add(strong, cut(r.Route, 30))
		if r.Grade != "" {
			route.to(18).to(route.width+2).add(plain, cut(r.Grade, w-route.width-2))
		}
		rows = append(rows, *route)
	}
	rows = append(rows, labelled("why", r.Why, w)...)
	rows = append(rows, labelled("better", r.Better, w)...)
	rows = append(rows, gap())
	papers := strings.Join(r.Papers, ", ")
	if len(r.Papers) == 0 {
		papers = "none"
	}
	rows = append(rows, labelled("Papers", papers, w)...)
	rows = append(rows, labelled("Stored", orUnknown(r.Stored), w)...)
	rows = append(rows, labelled("Printed", r.Printed, w)...)
	return append(rows, labelled("Record", orUnknown(r.Record), w)...)
}

func labelled(name, text string, w int) []row {
	if text == "" {
		return nil
	}
	var rows []row
	for i, l := range wrap(text, w-14) {
		r := newRow(4)
		if i == 0 {
			r.add(dim, name)
		}
		rows = append(rows, *r.to(12).add(plain, l))
	}
	return rows
}

// bottom is what to do now: it is never scrolled away.
func (p *resultPage) bottom(r wire.Result, w int) []row {
	rows := []row{gap()}
	for i, l := range wrapMost(orUnknown(r.Do), w-10, 3) {
		row := newRow(4)
		if i == 0 {
			row.add(strong, "▸")
		}
		rows = append(rows, *row.to(6).add(strong, l))
	}
	if !r.CanPowerOff {
		rows = append(rows, *newRow(4).add(warn, "! ").add(warn, "Do not switch off: the records are not safe yet."))
	}
	return rows
}
