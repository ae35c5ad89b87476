package tui

import (
	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"

	"handback.example/cmd/handback/internal/wire"
)

// View of the whole screen.
func (m *root) View() tea.View {
	if m.view != nil {
		m.ready()
	}
	return m.draw().view()
}

func (m *root) draw() *canvas {
	w, h := max(m.w, 1), max(m.h, 1)
	c := newCanvas(w, h)
	switch {
	case m.small():
		for i, l := range wrap("This screen is too small: 80x24 needed, this is "+itoa(m.w)+"x"+itoa(m.h)+".", w) {
			c.put(0, i, strong, l)
		}
	case m.view == nil:
		m.drawWaiting(c)
	default:
		m.drawPage(c)
	}
	return c
}

// drawWaiting: the engine has not spoken yet.
func (m *root) drawWaiting(c *canvas) {
	w, h := c.size()
	c.put(1, 0, strong, "HANDBACK")
	c.put(0, 1, rule, repeat('─', w))
	y := h/2 - 2
	for i, l := range []string{"Waiting for the engine.", "", "It starts by itself. Leave the stick and the power lead in.",
		"Still here after two minutes? Switch off and on, and tell your supervisor."} {
		c.put((w-width(l))/2, y+i, []style{strong, plain}[min(i, 1)], l)
	}
	c.put(0, h-2, rule, repeat('─', w))
}

func (m *root) drawPage(c *canvas) {
	w, _ := c.size()
	y := c.head(m.view)
	end := c.foot(m.footKeys())
	bw := min(w, maxWidth)
	left := (w - bw) / 2
	put := func(rows []row, at int) { c.rows(left, at, rows) }
	y = c.railAt(left, y, m.stage)
	for _, n := range m.notices() {
		rows := band(n, bw, 6)
		put(rows, y)
		y += len(rows)
	}
	if foot := m.troubles(bw); len(foot) > 0 {
		end -= len(foot)
		put(foot, end)
	}
	b := m.body(bw, end-y)
	rows, most := b.layout(end-y, m.scroll)
	m.most, m.scroll = most, min(m.scroll, most)
	if p, ok := m.page.(interface{ measured(below int) }); ok && m.plainPage() {
		p.measured(most - m.scroll)
	}
	put(rows, y)
	if !m.plainPage() || m.gone() {
		c.cursor = nil
	}
}

// plainPage: the page itself is seen, nothing in its place.
func (m *root) plainPage() bool { return !m.help && m.ask == nil && m.confirm == nil }

func (m *root) body(w, h int) body {
	switch {
	case m.help:
		return m.helpBody(w)
	case m.ask != nil:
		return m.ask.body(w)
	case m.confirm != nil:
		return m.confirm.body(w)
	}
	return m.page.body(w, h)
}

func (m *root) footKeys() []key.Binding {
	switch {
	case m.help:
		return []key.Binding{bind("Any key", "closes help", "esc")}
	case m.ask != nil:
		return m.ask.keys()
	case m.confirm != nil:
		return m.confirm.keys()
	case m.testsKeys():
		return m.page.keys()
	}
	return append(m.page.keys(), keyHelp)
}

// notices above the page: the engine's, and that it is away.
func (m *root) notices() []wire.Notice {
	var ns []wire.Notice
	if m.gone() {
		ns = append(ns, wire.Notice{Mark: wire.MarkWarn, What: "Waiting for the engine. What you see may be old.",
			Do: "Leave the power lead in. Keys do nothing until it is back."})
	}
	if m.view.Notice != nil && m.stage != wire.StageStopped {
		ns = append(ns, *m.view.Notice)
	}
	return ns
}

// troubles stand above the foot: why something was not taken.
func (m *root) troubles(w int) []row {
	var rows []row
	if m.problem != "" && !m.help {
		for i, l := range wrapMost(sentence(m.problem), w-6, 3) {
			r := newRow(2)
			if i == 0 {
				r.add(bad, "✗")
			}
			rows = append(rows, *r.to(4).add(bad, l))
		}
	}
	if m.sending && m.now().Sub(m.asked) > away {
		rows = append(rows, *newRow(4).add(warn, "The engine is still at what you asked for. Please wait."))
	}
	if m.hint != "" && !m.help {
		for _, l := range wrapMost(m.hint, w-6, 2) {
			rows = append(rows, *newRow(4).add(warn, l))
		}
	}
	return rows
}

func (m *root) helpBody(w int) body {
	b := body{top: []row{*newRow(2).add(strong, "Help"), gap()}}
	for _, s := range m.page.about() {
		for i, l := range wrap(s, w-6) {
			r := newRow(2)
			if i == 0 {
				r.add(dim, "·")
			}
			b.middle = append(b.middle, *r.to(4).add(plain, l))
		}
	}
	b.middle = append(b.middle, gap())
	for _, k := range append(m.page.keys(), keyHelp) {
		b.middle = append(b.middle, *newRow(4).fit(strong, k.Help().Key, 12).add(plain, k.Help().Desc))
	}
	b.bottom = []row{gap(), *newRow(2).add(strong, "Not sure? Ask your supervisor.")}
	return b
}
