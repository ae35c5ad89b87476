package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var keyFinish = bind("F", "finish without the rest", "f")

// gradePage asks what is still open when the drives are done.
type gradePage struct {
	quiet
	v *wire.View
	q questions
}

func (p *gradePage) show(v *wire.View) {
	p.v = v
	p.q.show(v)
}

func (p *gradePage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return action{}
	}
	if p.q.now != nil {
		return trialPress(p.q.now, k)
	}
	if key.Matches(k, keyFinish) {
		if done, all := p.q.count(); done == all {
			return want(wire.Intent{Kind: wire.IntentFinish})
		}
		return action{ask: &dialog{
			ask:  "Finish without the open questions?",
			more: []string{"What is not answered counts as not tested. The machine may be put on HOLD."},
			no:   "No, go on asking", yes: "Yes, finish", onYes: wire.Intent{Kind: wire.IntentFinish},
		}}
	}
	if a, ok := p.q.press(k); ok {
		return a
	}
	return action{scroll: scrollBy(k)}
}

func (p *gradePage) keys() []key.Binding {
	if p.q.now != nil {
		return trialKeys(p.q.now)
	}
	return append(p.q.keys(), keyFinish, keyScroll)
}

func (p *gradePage) about() []string {
	return []string{
		"The drives are done. The grade needs your eyes and hands now.",
		"Press the number of what you see. Tab goes to another question.",
		"F finishes with what is known. Not tested is never a pass.",
	}
}

func (p *gradePage) body(w, h int) body {
	if p.q.now != nil {
		return trialBody(p.q.now, p.v.Drives, w, h)
	}
	b := body{top: append(paragraph(strong, "The drives are done. Some questions are open before the papers.", 2, w), gap())}
	for _, d := range p.v.Drives {
		b.middle = append(b.middle, driveRows(d, w, len(p.v.Drives) > 3)...)
	}
	b.bottom = p.q.rows(w, len(p.v.Drives) > 3)
	return b
}
