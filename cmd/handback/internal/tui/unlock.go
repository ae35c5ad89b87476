package tui

import (
	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keyUnlock = bind("Enter", "unlock", "enter")
	keyLeave  = bind("Esc", "switch off", "esc")
)

// maxPassphrase is more than a passphrase may be long: what is cut off would be wrong
// in silence.
const maxPassphrase = 120

// unlockPage asks for the passphrase of the stick's key. What is typed is never
// shown, and forgotten when it is sent.
type unlockPage struct {
	quiet
	field textinput.Model
}

func newUnlockPage() *unlockPage {
	p := &unlockPage{field: newInput()}
	p.field.CharLimit = maxPassphrase
	p.field.EchoMode = textinput.EchoPassword
	p.field.Focus()
	return p
}

func (p *unlockPage) show(*wire.View) {}

func (p *unlockPage) typing() bool { return true }

func (p *unlockPage) press(msg tea.Msg) action {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case ok && key.Matches(k, keyLeave):
		return action{ask: &dialog{ask: "Switch this machine off?", no: "No, go back", yes: "Yes, switch off", onYes: wire.Intent{Kind: wire.IntentPowerOff}}}
	case ok && key.Matches(k, keyUnlock):
		text := p.field.Value()
		if text == "" {
			return action{}
		}
		p.field.Reset()
		return want(wire.Intent{Kind: wire.IntentUnlock, Text: text})
	}
	p.field, _ = p.field.Update(msg)
	return action{}
}

func (p *unlockPage) keys() []key.Binding { return []key.Binding{keyUnlock, keyLeave} }

func (p *unlockPage) about() []string {
	return []string{
		"This stick signs what is erased. Its key is locked.",
		"Type the passphrase of this shift, and press Enter.",
		"What you type is not shown. Capital letters count.",
		"After three wrong tries the screen makes you wait.",
	}
}

func (p *unlockPage) body(w, h int) body {
	b := body{top: append([]row{gap()}, paragraph(strong, "This stick is locked. Type the passphrase of this shift.", 2, w)...)}
	b.top = append(b.top, gap())
	r := newRow(2).add(info, "▸").to(4).add(strong, "Passphrase").to(formColumn)
	r.focus = true
	drawInput(r, p.field, min(48, w-formColumn-2), true)
	b.middle = append(b.middle, *r, gap())
	b.middle = append(b.middle, paragraph(plain, "Nothing is erased before that. It takes a second or two.", 4, w)...)
	b.bottom = []row{gap(), *newRow(2).add(plain, "You don't know it?  Ask your supervisor.")}
	return b
}
