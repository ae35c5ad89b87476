package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// waitPage is a step at which there is nothing to do but wait.
type waitPage struct {
	quiet
	v     *wire.View
	stage wire.Stage
}

func (p *waitPage) show(v *wire.View) { p.v = v }

func (p *waitPage) press(msg tea.Msg) action {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		return action{scroll: scrollBy(k)}
	}
	return action{}
}

func (p *waitPage) words() (head, more string) {
	switch p.stage {
	case wire.StageStarting:
		return "Starting. Looking for the drives and the stick.", "Nothing is changed yet. Leave the stick and the power lead in."
	case wire.StagePapers:
		return "Writing the papers.", "Leave the stick in until the result is shown."
	case wire.StagePowerOff:
		return "Switching off.", "Take the stick out when the screen is dark."
	}
	return "Please wait.", "The machine is at a step that this screen does not know."
}

func (p *waitPage) about() []string {
	head, more := p.words()
	return []string{head, more, "There is nothing to press on this page."}
}

func (p *waitPage) body(w, h int) body {
	head, more := p.words()
	b := body{top: []row{gap()}}
	b.top = append(b.top, paragraph(strong, head, 2, w)...)
	b.top = append(b.top, gap())
	b.top = append(b.top, paragraph(plain, more, 2, w)...)
	b.top = append(b.top, gap())
	for _, f := range p.v.Facts {
		b.middle = append(b.middle, fact(f, w)...)
	}
	if p.stage == wire.StagePapers {
		for _, d := range p.v.Drives {
			b.middle = append(b.middle, driveRows(d, w, true)...)
		}
	}
	return b
}

var keyOff = bind("Enter", "switch off", "enter")

// stoppedPage: the visit ended and nothing was erased. The Notice says why.
type stoppedPage struct {
	quiet
	v *wire.View
}

func (p *stoppedPage) show(v *wire.View) { p.v = v }

func (p *stoppedPage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
		return action{}
	case key.Matches(k, keyOff):
		return want(wire.Intent{Kind: wire.IntentPowerOff})
	case key.Matches(k, keyRescan):
		return want(wire.Intent{Kind: wire.IntentRescan})
	}
	return action{scroll: scrollBy(k)}
}

func (p *stoppedPage) keys() []key.Binding { return []key.Binding{keyOff, keyRescan} }

func (p *stoppedPage) about() []string {
	return []string{
		"This visit has stopped. Nothing more is erased.",
		"Do what the screen says. Then switch off with Enter.",
		"R looks for drives and stick again.",
	}
}

func (p *stoppedPage) body(w, h int) body {
	b := body{top: []row{gap()}}
	if h >= 14 {
		b.top = append(b.top, shift(bigWord("STOPPED", hollow, w-8, 8), 4)...)
		b.top = append(b.top, gap())
	} else {
		b.top = append(b.top, *newRow(2).add(strong, "STOPPED"), gap())
	}
	n := p.v.Notice
	if n == nil {
		n = &wire.Notice{What: "The reason is unknown.", Do: "Ask your supervisor."}
	}
	b.middle = append(b.middle, paragraph(strong, n.What, 4, w-2)...)
	b.middle = append(b.middle, gap())
	b.middle = append(b.middle, paragraph(plain, n.Do, 4, w-2)...)
	return b
}
