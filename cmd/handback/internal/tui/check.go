package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyToAgree = bind("Enter", "what will be destroyed", "enter")
	keyOn      = bind("Enter", "next", "enter")
	keyBack    = bind("Esc", "go back", "esc")
	keyRescan  = bind("R", "look again", "r")
)

// checkPage shows what the machine is. Nothing on it changes anything.
type checkPage struct {
	quiet
	v *wire.View
}

func (p *checkPage) show(v *wire.View) { p.v = v }

func (p *checkPage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
		return action{}
	case key.Matches(k, keyToAgree):
		return want(wire.Intent{Kind: wire.IntentToAgree})
	case key.Matches(k, keyBack):
		return want(wire.Intent{Kind: wire.IntentBack})
	case key.Matches(k, keyRescan):
		return want(wire.Intent{Kind: wire.IntentRescan})
	}
	return action{scroll: scrollBy(k)}
}

func (p *checkPage) keys() []key.Binding {
	on := keyToAgree
	if p.v != nil && len(p.v.Plan.Rows) == 0 {
		on = keyOn // nothing is there to be destroyed
	}
	return []key.Binding{on, keyBack, keyRescan, keyScroll}
}

func (p *checkPage) about() []string {
	return []string{
		"This page shows what the machine says of itself. Nothing is erased here.",
		"✓ is good, ! wants a look, ✗ is bad, ? could not be learned.",
		"Is a drive missing? Ask your supervisor, then press R to look again.",
	}
}

func (p *checkPage) body(w, h int) body {
	b := body{top: append(paragraph(strong, "This is what the machine says. Nothing has been changed.", 2, w), gap())}
	if len(p.v.Plan.Rows) == 0 {
		b.middle = append(b.middle, *newRow(2).add(warn, "! ").add(strong, "No drive was found."), gap())
	} else {
		b.middle = append(b.middle, *newRow(2).add(strong, "Drives"))
	}
	for _, d := range p.v.Plan.Rows {
		b.middle = append(b.middle, p.drive(d, w)...)
	}
	b.middle = append(b.middle, gap(), *newRow(2).add(strong, "Machine"))
	if len(p.v.Facts) == 0 {
		b.middle = append(b.middle, *newRow(2).add(warn, "? ").add(plain, "Nothing is known of this machine yet."))
	}
	for _, f := range p.v.Facts {
		b.middle = append(b.middle, fact(f, w)...)
	}
	return b
}

func (p *checkPage) drive(d wire.PlanRow, w int) []row {
	m, st := mark(wire.MarkOK)
	if d.Refused != "" {
		m, st = mark(wire.MarkBad)
	} else if len(d.Warnings) > 0 {
		m, st = mark(wire.MarkWarn)
	}
	free := w - 11 - 18
	serial := newRow(2).add(st, m).to(4).fit(strong, d.Name, 3).to(8)
	serial.fit(strong, orUnknown(d.Drive), free/2).add(plain, " ")
	if width(d.Serial) <= 18 {
		serial.fit(plain, d.Serial, 18).add(plain, " ").fit(plain, d.Holds, w-serial.width-1)
		return append([]row{*serial}, p.driveNotes(d, w)...)
	}
	// A serial is never cut: it is what the paper names.
	serial.add(plain, d.Holds)
	rows := []row{*serial}
	return append(append(rows, paragraph(plain, d.Serial, 8, w)...), p.driveNotes(d, w)...)
}

func (p *checkPage) driveNotes(d wire.PlanRow, w int) []row {
	var rows []row
	if d.Refused != "" {
		rows = append(rows, paragraph(bad, "Refused: "+d.Refused, 8, w)...)
	}
	for _, x := range d.Warnings {
		rows = append(rows, paragraph(warn, x, 8, w)...)
	}
	return rows
}

const factColumn = 22

func fact(f wire.Fact, w int) []row {
	m, st := mark(f.Mark)
	value := plain
	if f.Mark != wire.MarkNone && f.Mark != wire.MarkOK {
		value = st
	}
	var rows []row
	for i, l := range wrap(orUnknown(f.Value), w-factColumn-1) {
		r := newRow(0)
		if i == 0 {
			r.to(2).add(st, m).to(4).fit(plain, f.Name, factColumn-5)
		}
		rows = append(rows, *r.to(factColumn).add(value, l))
	}
	return rows
}
