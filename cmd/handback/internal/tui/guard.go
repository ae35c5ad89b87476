package tui

import (
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

const (
	// apart: a scanner types faster than this from key to key, and a person never
	// does for more than two keys.
	apart = 60 * time.Millisecond
	// scanLength: as many keys so close together are a scan.
	scanLength = 3
)

// guard holds keys of one letter back for a moment where no text field has the
// focus: a label that is scanned at the wrong time must not stop an erasure,
// answer a question or switch the machine off.
type guard struct {
	held []tea.KeyPressMsg
	turn int
}

type guardMsg struct{ turn int }

// take gives a command that ends the wait, if the key is held back. Enter ends a
// scan and is part of it.
func (g *guard) take(k tea.KeyPressMsg) (held bool, cmd tea.Cmd) {
	letter := utf8.RuneCountInString(k.Text) == 1 && (k.Text != " " || len(g.held) > 0)
	if !letter && (len(g.held) == 0 || k.String() != "enter") {
		return false, nil
	}
	if len(g.held) < maxText {
		g.held = append(g.held, k)
	}
	g.turn++
	turn := g.turn
	return true, tea.Tick(apart, func(time.Time) tea.Msg { return guardMsg{turn} })
}

// done gives what was held: the keys of a person, or the text of a scan.
func (g *guard) done(m guardMsg) (keys []tea.KeyPressMsg, scan string) {
	if m.turn != g.turn {
		return nil, ""
	}
	keys, g.held = g.held, nil
	var b strings.Builder
	n := 0
	for _, k := range keys {
		if k.String() != "enter" {
			b.WriteString(k.Text)
			n++
		}
	}
	if n >= scanLength {
		return nil, b.String()
	}
	return keys, ""
}
