package tui

import (
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyToAgree = bind("Enter", "what will be destroyed", "enter")
	keyOn      = bind("Enter", "next", "enter")
	keyBack    = bind("Esc", "go back", "esc")
	keyRescan  = bind("R", "look again", "r")
	keyPSID    = bind("P", "PSID", "p")
	keyTaken   = bind("X", "taken out", "x")
)

// checkPage shows what the machine is. Nothing on it changes anything but what a
// person reads from the label of a drive.
type checkPage struct {
	quiet
	v     *wire.View
	entry *entry // is open
}

func (p *checkPage) show(v *wire.View) { p.v = v }

// taken: the engine has what was sent; a form that it refuses stays.
func (p *checkPage) taken() { p.entry = nil }

func (p *checkPage) typing() bool { return p.entry != nil }

// lockedDrives are those whose PSID is of use.
func (p *checkPage) lockedDrives() (list []wire.PlanRow) {
	if p.v == nil {
		return nil
	}
	for _, d := range p.v.Plan.Rows {
		if d.PSID != "" {
			list = append(list, d)
		}
	}
	return list
}

// mayTake: a drive can't be erased here, or there is none.
func (p *checkPage) mayTake() bool {
	return p.v != nil && (len(p.v.Plan.Rows) == 0 || slices.ContainsFunc(p.v.Plan.Rows, func(d wire.PlanRow) bool { return d.Refused != "" }))
}

// askPSID opens the form for the label of a locked drive.
func (p *checkPage) askPSID(list []wire.PlanRow) {
	more := []string{"The PSID stands on the drive's own label: 32 letters and digits, often beside a square code. With it everything on the drive is lost, and the drive opens."}
	if len(list) == 1 {
		d := list[0]
		p.entry = newEntry("Scan the PSID on the label of drive "+d.Name+": "+orUnknown(d.Drive)+", serial "+d.Serial+".", append(more, where(d)...), []string{"PSID"},
			func(v []string) wire.Intent { return wire.Intent{Kind: wire.IntentPSID, Drive: d.Name, Text: v[0]} })
		return
	}
	for _, d := range list {
		more = append(more, d.Name+" "+orUnknown(d.Drive)+", serial "+d.Serial)
	}
	p.entry = newEntry("Scan the PSID on the label of a locked drive.", more, []string{"Letter of the drive", "PSID"},
		func(v []string) wire.Intent { return wire.Intent{Kind: wire.IntentPSID, Drive: v[0], Text: v[1]} })
}

func where(d wire.PlanRow) []string {
	if d.Where == "" {
		return nil
	}
	return []string{"It hangs on " + d.Where + "."}
}

// askTaken opens the form for a drive that was taken out.
func (p *checkPage) askTaken() {
	more := []string{"Take a drive out only when the machine is off, unless its bay is made for it. Put it into a bag, and seal the bag."}
	for _, d := range p.v.Plan.Rows {
		if d.Refused != "" {
			more = append(more, strings.Join(append([]string{"Still in the machine: " + orUnknown(d.Drive) + ", serial " + d.Serial + "."}, where(d)...), " "))
		}
	}
	p.entry = newEntry("Which drive was taken out of this machine, to be destroyed?", more, []string{"Serial on its label", "Seal of the bag", "Destruction reference"},
		func(v []string) wire.Intent {
			return wire.Intent{Kind: wire.IntentRemoved, Removal: &wire.Removal{Serial: v[0], Seal: v[1], Reference: v[2]}}
		})
}

// write gives the open form what is pressed.
func (p *checkPage) write(msg tea.Msg) action {
	a, over := p.entry.press(msg)
	if over {
		p.entry = nil
	}
	return a
}

func (p *checkPage) press(msg tea.Msg) action {
	if p.entry != nil {
		return p.write(msg)
	}
	k, ok := msg.(tea.KeyPressMsg)
	locked := p.lockedDrives()
	switch {
	case !ok:
		return action{}
	case key.Matches(k, keyPSID) && len(locked) > 0:
		p.askPSID(locked)
		return action{toTop: true}
	case key.Matches(k, keyTaken) && p.mayTake():
		p.askTaken()
		return action{toTop: true}
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
	if p.entry != nil {
		return p.entry.keys()
	}
	on := keyToAgree
	if p.v != nil && len(p.v.Plan.Rows) == 0 {
		on = keyOn // nothing is there to be destroyed
	}
	ks := []key.Binding{on, keyBack}
	if len(p.lockedDrives()) > 0 {
		ks = append(ks, keyPSID)
	}
	if p.mayTake() {
		ks = append(ks, keyTaken)
	}
	return append(ks, keyRescan, keyScroll)
}

func (p *checkPage) about() []string {
	return []string{
		"This page shows what the machine says of itself. Nothing is erased here.",
		"✓ is good, ! wants a look, ✗ is bad, ? could not be learned.",
		"Is a drive missing? Ask your supervisor, then press R to look again.",
		"A locked drive opens by the PSID on its label: press P.",
		"A drive that can't be erased is taken out to be destroyed: press X then.",
	}
}

func (p *checkPage) body(w, h int) body {
	if p.entry != nil {
		return p.entry.body(w)
	}
	b := body{top: append(paragraph(strong, "This is what the machine says. Nothing has been changed.", 2, w), gap())}
	b.middle = append(b.middle, p.part(w, "In the way of the whole machine", wire.PartHidden, func(f wire.Fact) bool { return f.Mark != wire.MarkOK })...)
	if len(p.v.Plan.Rows) == 0 {
		b.middle = append(b.middle, *newRow(2).add(warn, "! ").add(strong, "No drive was found."))
	} else {
		b.middle = append(b.middle, *newRow(2).add(strong, "Drives"))
	}
	for _, d := range worstFirst(p.v.Plan.Rows) {
		b.middle = append(b.middle, p.drive(d, w)...)
	}
	all := func(wire.Fact) bool { return true }
	b.middle = append(b.middle, p.part(w, "", wire.PartHidden, func(f wire.Fact) bool { return f.Mark == wire.MarkOK })...)
	b.middle = append(b.middle, row{})
	b.middle = append(b.middle, p.part(w, "Locks, and what was left", wire.PartLeft, all)...)
	b.middle = append(b.middle, p.part(w, "Machine", wire.PartMachine, all)...)
	if len(p.v.Facts) == 0 {
		b.middle = append(b.middle, *newRow(2).add(warn, "? ").add(plain, "Nothing is known of this machine yet."))
	}
	b.middle = append(b.middle, p.part(w, "Not known", wire.PartUnknown, all)...)
	return b
}

// part of the facts under its heading, with a gap behind; nothing where it has none.
func (p *checkPage) part(w int, heading string, part wire.Part, want func(wire.Fact) bool) []row {
	var rows []row
	for _, f := range p.v.Facts {
		in := f.Part
		if !slices.Contains([]wire.Part{wire.PartHidden, wire.PartLeft, wire.PartUnknown}, in) {
			in = wire.PartMachine // what is in no part that is known here is not lost
		}
		if in == part && want(f) {
			rows = append(rows, fact(f, w)...)
		}
	}
	if len(rows) == 0 || heading == "" {
		return rows
	}
	// No gap: a gap goes where room is short, and the parts of a long page must be seen.
	return append(append([]row{*newRow(2).add(strong, heading)}, rows...), row{})
}

// worstFirst: drives that can't be erased, then those with something to say.
func worstFirst(drives []wire.PlanRow) []wire.PlanRow {
	rank := map[wire.Mark]int{wire.MarkBad: 0, wire.MarkWarn: 1, wire.MarkUnknown: 2}
	of := func(d wire.PlanRow) int {
		if n, ok := rank[driveMark(d)]; ok {
			return n
		}
		return len(rank)
	}
	drives = slices.Clone(drives)
	slices.SortStableFunc(drives, func(a, b wire.PlanRow) int { return of(a) - of(b) })
	return drives
}

func driveMark(d wire.PlanRow) wire.Mark {
	switch {
	case d.Refused != "" || d.HealthMark == wire.MarkBad:
		return wire.MarkBad
	case len(d.Warnings) > 0 || len(d.Problems) > 0 || d.HealthMark == wire.MarkWarn:
		return wire.MarkWarn
	case d.HealthMark != wire.MarkOK:
		return wire.MarkUnknown
	}
	return wire.MarkOK
}

// drive on its lines: who it is and its health; what it holds; what there is to say.
func (p *checkPage) drive(d wire.PlanRow, w int) []row {
	m, st := mark(driveMark(d))
	_, healthy := mark(d.HealthMark)
	free := w - 11 - 18
	r := newRow(2).add(st, m).to(4).fit(strong, d.Name, 3).to(8)
	r.fit(strong, orUnknown(d.Drive), free/2).add(plain, " ")
	rows := []row{}
	if width(d.Serial) <= 18 {
		r.fit(plain, d.Serial, 18).add(plain, " ").add(healthy, "health "+orUnknown(d.Health))
		rows = append(rows, *r)
	} else { // a serial is never cut: it is what the paper names
		r.to(8+free/2+20).add(healthy, "health "+orUnknown(d.Health))
		rows = append(append(rows, *r), paragraph(plain, d.Serial, 8, w)...)
	}
	rows = append(rows, paragraph(plain, "Holds "+orUnknown(d.Holds)+".", 8, w)...)
	return append(rows, p.driveNotes(d, w)...)
}

func (p *checkPage) driveNotes(d wire.PlanRow, w int) []row {
	var rows []row
	if d.Refused != "" {
		rows = append(rows, paragraph(bad, "Refused: "+d.Refused, 8, w)...)
		if d.Where != "" {
			rows = append(rows, paragraph(plain, "It hangs on "+d.Where+".", 8, w)...)
		}
	}
	if d.PSID == wire.PSIDGiven {
		rows = append(rows, paragraph(good, "Its PSID is known: P gives another one.", 8, w)...)
	}
	if len(d.HealthWhy) > 0 {
		_, st := mark(d.HealthMark)
		rows = append(rows, paragraph(st, "Health: "+strings.Join(d.HealthWhy, "; "), 8, w)...)
	}
	for _, x := range append(slices.Clone(d.Warnings), d.Problems...) {
		rows = append(rows, paragraph(warn, x, 8, w)...)
	}
	return rows
}

const factColumn = 22

// fact with its name before it, or a sentence of its own; what to do about it below.
func fact(f wire.Fact, w int) []row {
	m, st := mark(f.Mark)
	value := plain
	if f.Mark != wire.MarkNone && f.Mark != wire.MarkOK {
		value = st
	}
	at := factColumn
	if f.Name == "" {
		at = 4
	}
	var rows []row
	for i, l := range wrap(orUnknown(f.Value), w-at-1) {
		r := newRow(0)
		if i == 0 {
			r.to(2).add(st, m).to(4)
		}
		if i == 0 && f.Name != "" {
			r.fit(plain, f.Name, at-5)
		}
		rows = append(rows, *r.to(at).add(value, l))
	}
	if f.Do != "" {
		rows = append(rows, paragraph(strong, "Do this: "+f.Do, at, w)...)
	}
	return rows
}
