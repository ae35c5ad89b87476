package tui

import (
	"strings"

	"charm.land/bubbles/v2/key"
	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

var (
	keySend  = bind("Enter", "next", "enter")
	keyClose = bind("Esc", "leave it", "esc")
)

// entry is a small form over a page: texts that a person scans or types from a label,
// one below the other. Enter goes to the next one, and after the last sends them.
type entry struct {
	ask    string
	more   []string
	names  []string
	fields []textinput.Model
	at     int
	send   func(values []string) wire.Intent
}

func newEntry(ask string, more, names []string, send func(values []string) wire.Intent) *entry {
	e := &entry{ask: ask, more: more, names: names, send: send}
	for range names {
		e.fields = append(e.fields, newInput())
	}
	e.focus(0)
	return e
}

func (e *entry) focus(n int) {
	e.at = (n + len(e.fields)) % len(e.fields)
	for i := range e.fields {
		e.fields[i].Blur()
	}
	e.fields[e.at].Focus()
	e.fields[e.at].CursorEnd()
}

// values that were typed, without blanks at their ends.
func (e *entry) values() []string {
	out := make([]string, len(e.fields))
	for i, f := range e.fields {
		out[i] = strings.TrimSpace(f.Value())
	}
	return out
}

// press gives what is to be done, and whether the form is over.
func (e *entry) press(msg tea.Msg) (action, bool) {
	k, ok := msg.(tea.KeyPressMsg)
	switch {
	case !ok:
	case key.Matches(k, keyClose):
		return action{toTop: true}, true
	case key.Matches(k, keySend):
		return e.next()
	case key.Matches(k, keyField):
		e.focus(e.at + 1)
		return action{}, false
	case key.Matches(k, keyFieldUp):
		e.focus(e.at - 1)
		return action{}, false
	}
	e.fields[e.at], _ = e.fields[e.at].Update(msg)
	return action{}, false
}

// next field that is empty, or all of them to the engine. The form stays until the
// engine has taken them.
func (e *entry) next() (action, bool) {
	values := e.values()
	for i := range values {
		if n := (e.at + i) % len(values); values[n] == "" {
			e.focus(n)
			return action{}, false
		}
	}
	return want(e.send(values)), false
}

func (e *entry) keys() []key.Binding {
	ks := []key.Binding{keySend, keyClose}
	if len(e.fields) > 1 {
		ks = append(ks, keyField, keyFieldUp)
	}
	return ks
}

const entryColumn = 27

func (e *entry) body(w int) body {
	b := body{top: append(paragraph(strong, e.ask, 2, w), gap())}
	for _, m := range e.more {
		b.middle = append(b.middle, paragraph(plain, m, 2, w)...)
	}
	b.middle = append(b.middle, gap())
	for i, name := range e.names {
		r := newRow(2)
		st := plain
		if r.focus = i == e.at; r.focus {
			r.add(info, "▸")
			st = strong
		}
		r.to(4).add(st, name).to(entryColumn)
		drawInput(r, e.fields[i], min(48, w-entryColumn-2), r.focus)
		b.middle = append(b.middle, *r)
	}
	return b
}
