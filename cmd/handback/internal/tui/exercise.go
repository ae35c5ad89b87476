package tui

import (
	"fmt"
	"time"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyKind     = bind("Left Right", "kind", "left", "right")
	keyTryNext  = bind("Enter", "next", "enter", "space")
	keyTryEnd   = bind("Esc", "end the test", "esc")
	keyHoldsEsc = bind("Esc", "held for 2 seconds: end the test", "esc")
)

// trialPress: an exercise has the page.
func trialPress(x *wire.Exercise, k tea.KeyPressMsg) action {
	switch {
	case key.Matches(k, keyTryEnd):
		return want(wire.Intent{Kind: wire.IntentTryEnd})
	case key.Matches(k, keyTryNext):
		return want(wire.Intent{Kind: wire.IntentTryNext})
	}
	return action{}
}

// testsKeys: the keys themselves are tested.
func (m *root) testsKeys() bool {
	return m.view != nil && m.view.Exercise != nil && m.view.Exercise.Next == ""
}

// stray is a key that reaches the screen while keys are tested: it is another keyboard's,
// at the other end of the serial line or beside the one that is tested. It does nothing,
// and Esc ends the test as on the tested one.
func (m *root) stray(k tea.KeyPressMsg) tea.Cmd {
	if m.esc.press(key.Matches(k, keyTryEnd), m.now()) {
		return m.send(wire.Intent{Kind: wire.IntentTryEnd})
	}
	m.hint = "That key is not the tested keyboard's: it does not count."
	return nil
}

const (
	escHeld = 2 * time.Second
	// repeats: a key that is held comes again sooner than this.
	repeats = time.Second
)

// heldKey tells from a terminal's keys, which say nothing of being let go, that one is held.
type heldKey struct{ first, last time.Time }

// press of the key, or of another one: it is held now.
func (h *heldKey) press(it bool, now time.Time) bool {
	switch {
	case !it:
		*h = heldKey{}
		return false
	case h.first.IsZero() || now.Sub(h.last) >= repeats:
		h.first = now
	}
	h.last = now
	return now.Sub(h.first) >= escHeld
}

func trialKeys(x *wire.Exercise) []key.Binding {
	if x.Next == "" {
		return []key.Binding{keyHoldsEsc}
	}
	return []key.Binding{bind("Enter", x.Next, "enter"), keyTryEnd}
}

// trialBody draws an exercise: what to do, how far it is, and the thing itself. The
// drives have one line meanwhile.
func trialBody(x *wire.Exercise, drives []wire.DriveProgress, w, h int) body {
	head := newRow(2).add(strong, orUnknown(x.Name))
	if x.Device != "" {
		head.add(plain, cut("   "+x.Device, w-head.width-2))
	}
	b := body{top: []row{*head, gap()}}
	for _, s := range x.Say {
		b.top = append(b.top, paragraph(strong, s, 2, w-1)...)
	}
	b.top = append(b.top, gap())
	b.middle = append(keyRows(x.Keys, x.Pad, h), fieldRows(x.Fields)...)
	if len(x.Buttons) > 0 {
		b.middle = append(b.middle, *capRow(2, x.Buttons, true))
	}
	b.middle = append(b.middle, gap(), *countRow(x, w))
	if len(drives) > 0 {
		b.bottom = append(b.bottom, gap(), *newRow(2).add(plain, cut(tally(drives), w-3)))
	}
	return b
}

// countRow says how far the exercise is.
func countRow(x *wire.Exercise, w int) *row {
	r := newRow(2)
	switch {
	case x.Of > 0:
		text := fmt.Sprintf("%d of %d", x.Done, x.Of)
		r.add(strong, text).to(14).add(info, bar(min(max(float64(x.Done)/float64(x.Of), 0), 1), min(40, w-44)))
	default:
		r.add(strong, fmt.Sprintf("%d so far", x.Done))
	}
	if x.Ends > 0 {
		r.add(plain, fmt.Sprintf("   %d s left for a new key", x.Ends))
	}
	return r
}

// padColumn is where a number pad begins: right of the widest row beside it.
const padColumn = 62

// keyRows draws a keyboard; the number pad stands beside all rows but the first. Where
// there is room for it keys are two lines high.
func keyRows(keys, pad [][]wire.Keycap, h int) (rows []row) {
	for i, k := range keys {
		lines := []bool{true}
		if h >= 30 {
			lines = []bool{true, false}
		}
		for _, labelled := range lines {
			r := capRow(1, k, labelled)
			if i > 0 && i <= len(pad) {
				r.to(padColumn)
				r.spans = append(r.spans, capRow(0, pad[i-1], labelled).spans...)
			}
			rows = append(rows, *r)
		}
		if h >= 30 {
			rows = append(rows, gap())
		}
	}
	return rows
}

// maxCap is the widest key.
const maxCap = 24

// capRow draws keys side by side, or their lower halves. One that was seen is filled.
func capRow(from int, keys []wire.Keycap, labelled bool) *row {
	r := newRow(from).add(rule, "│")
	for _, k := range keys {
		fill, st := ' ', plain
		if k.Seen {
			fill, st = '▓', good
		}
		wide := min(max(k.Width, 1), maxCap)
		label := cut(k.Label, wide)
		if !labelled {
			label = ""
		}
		before := (wide - width(label) + 1) / 2
		r.add(st, repeat(fill, before)+label+repeat(fill, wide-width(label)-before)).add(rule, "│")
	}
	return r
}

// fieldRows draws the nine fields of a pad, each filled once it was reached.
func fieldRows(fields []bool) (rows []row) {
	if len(fields) != 9 {
		return nil
	}
	const wide = 11
	line := func(left, middle, right string) row {
		l := repeat('─', wide)
		return *newRow(2).add(rule, left+l+middle+l+middle+l+right)
	}
	rows = append(rows, line("┌", "┬", "┐"))
	for i := 0; i < 9; i += 3 {
		if i > 0 {
			rows = append(rows, line("├", "┼", "┤"))
		}
		r := newRow(2).add(rule, "│")
		for _, reached := range fields[i : i+3] {
			fill := ' '
			if reached {
				fill = '▓'
			}
			r.add(good, repeat(fill, wide)).add(rule, "│")
		}
		rows = append(rows, *r)
	}
	return append(rows, line("└", "┴", "┘"))
}
