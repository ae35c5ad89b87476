package tui

import (
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// patience: a question that nobody answers is answered No after this.
const patience = 30 * time.Second

// dialog is a question with two answers. No is chosen at first; Yes needs a key
// that no scanner sends, and Enter.
type dialog struct {
	ask     string
	more    []string
	no, yes string
	onYes   wire.Intent
	onNo    *wire.Intent // nil: No does nothing
	until   time.Time    // zero: the engine asks and waits
	onYesly bool         // Yes is chosen
}

var (
	keyChoose = bind("Tab", "choose", "tab", "shift+tab", "left", "right", "up", "down")
	keyTake   = bind("Enter", "take it", "enter")
	keyNo     = bind("Esc", "no", "esc", "n")
)

func (d *dialog) keys() []key.Binding { return []key.Binding{keyChoose, keyTake, keyNo} }

// press gives an intent, and whether the dialog is over.
func (d *dialog) press(k tea.KeyPressMsg) (*wire.Intent, bool) {
	switch {
	case key.Matches(k, keyChoose):
		d.onYesly = !d.onYesly
		return nil, false
	case key.Matches(k, keyTake) && d.onYesly:
		return &d.onYes, true
	case key.Matches(k, keyTake), key.Matches(k, keyNo):
		return d.onNo, true
	}
	return nil, false
}

func (d *dialog) body(w int) body {
	inner := min(w-8, 72)
	rows := []row{gap()}
	for _, l := range wrapMost(d.ask, inner-4, 5) {
		rows = append(rows, *newRow(2).add(strong, l))
	}
	for _, m := range d.more {
		for _, l := range wrapMost(m, inner-4, 4) {
			rows = append(rows, *newRow(2).add(plain, l))
		}
	}
	no, yes := plain, plain
	noMark, yesMark := "  ", "  "
	if d.onYesly {
		yes, yesMark = inverse, "▸ "
	} else {
		no, noMark = inverse, "▸ "
	}
	r := newRow(2).add(strong, noMark).add(no, " "+cut(d.no, 28)+" ").add(plain, "    ").add(strong, yesMark).add(yes, " "+cut(d.yes, 28)+" ")
	rows = append(rows, gap(), *r, gap())
	return body{middle: append([]row{gap()}, shift(boxed(rows, inner, plain), 3)...)}
}

// boxed draws a frame round rows; inner is the width inside.
func boxed(rows []row, inner int, st style) []row {
	out := []row{*newRow(0).add(st, "┌"+repeat('─', inner)+"┐")}
	for _, r := range rows {
		n := newRow(0).add(st, "│")
		for _, s := range r.spans {
			n.add(s.style, cut(s.text, inner+1-n.width))
		}
		out = append(out, *n.to(inner+1).add(st, "│"))
	}
	return append(out, *newRow(0).add(st, "└"+repeat('─', inner)+"┘"))
}
