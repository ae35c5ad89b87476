package tui

import (
	"strconv"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/ansi"

	"handback.example/cmd/handback/internal/wire"
)

// style names what a text is, not how it looks.
type style uint8

const (
	plain style = iota
	strong
	dim
	rule
	good
	warn
	bad
	info
	inverse
	styles // how many there are
)

// look of the styles: the sixteen colours of the console, and bold, which the
// console shows as the brighter colour.
var look = [styles]uv.Style{
	strong:  {Attrs: uv.AttrBold},
	dim:     {Fg: ansi.BasicColor(6)},
	rule:    {Fg: ansi.BasicColor(8)},
	good:    {Fg: ansi.BasicColor(10), Attrs: uv.AttrBold},
	warn:    {Fg: ansi.BasicColor(11), Attrs: uv.AttrBold},
	bad:     {Fg: ansi.BasicColor(9), Attrs: uv.AttrBold},
	info:    {Fg: ansi.BasicColor(14), Attrs: uv.AttrBold},
	inverse: {Attrs: uv.AttrReverse},
}

// mark gives a state's shape and colour. None of the shapes looks like another
// without its colour.
func mark(m wire.Mark) (string, style) {
	switch m {
	case wire.MarkOK:
		return "✓", good
	case wire.MarkWarn:
		return "!", warn
	case wire.MarkBad:
		return "✗", bad
	case wire.MarkBusy:
		return "▸", info
	case wire.MarkNone:
		return " ", plain
	}
	return "?", warn // unknown, and what this screen does not know
}

func itoa(n int) string { return strconv.Itoa(n) }
