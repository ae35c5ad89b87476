package tui

import (
	"strings"

	tea "charm.land/bubbletea/v2"
	uv "github.com/charmbracelet/ultraviolet"
)

// canvas is a screen of cells: whatever is put on it, it is never larger than
// the terminal.
type canvas struct {
	cells  *uv.Buffer
	cursor *tea.Cursor
}

func newCanvas(w, h int) *canvas { return &canvas{cells: uv.NewBuffer(w, h)} }

func (c *canvas) size() (w, h int) { return c.cells.Width(), c.cells.Height() }

// put draws text from a cell on; what is outside is not drawn.
func (c *canvas) put(x, y int, st style, text string) {
	w, h := c.size()
	if y < 0 || y >= h {
		return
	}
	for _, r := range text {
		if x >= w {
			return
		}
		if x >= 0 {
			c.cells.SetCell(x, y, &uv.Cell{Content: string(r), Width: 1, Style: look[st]})
		}
		x++
	}
}

// rows draws rows from a cell on downwards.
func (c *canvas) rows(x, y int, rows []row) {
	w, _ := c.size()
	for i, r := range rows {
		at := x
		for _, s := range r.spans {
			c.put(at, y+i, s.style, s.text)
			at += width(s.text)
		}
		if r.cursor > 0 {
			c.cursor = tea.NewCursor(min(x+r.cursor-1, w-1), y+i)
		}
	}
}

// plain is the text alone, as a person without colours sees it.
func (c *canvas) plain() string {
	w, h := c.size()
	var b strings.Builder
	for y := range h {
		for x := range w {
			s := " "
			if cell := c.cells.CellAt(x, y); cell != nil && cell.Content != "" {
				s = cell.Content
			}
			b.WriteString(s)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func (c *canvas) view() tea.View {
	v := tea.NewView(c.cells.Render())
	v.AltScreen = true
	v.Cursor = c.cursor
	return v
}
