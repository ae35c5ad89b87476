package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"handback.example/wipe"
)

// progress is one line on a terminal that is written over and over; to a file or
// a pipe nothing is written.
type progress struct {
	w     io.Writer
	fd    int
	drawn bool
}

func newProgress(w io.Writer) *progress {
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return &progress{w: f, fd: int(f.Fd())}
	}
	return &progress{}
}

const defaultColumns = 80

func (p *progress) draw(status []wipe.Status) {
	if p.w == nil {
		return
	}
	columns, _, err := term.GetSize(p.fd)
	if err != nil || columns < 20 {
		columns = defaultColumns
	}
	var parts []string
	for _, s := range status {
		parts = append(parts, progressWords(s))
	}
	line := strings.Join(parts, " | ")
	if len(line) >= columns {
		line = line[:columns-4] + "..."
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s", line)
	p.drawn = true
}

// end leaves the line to what is printed next.
func (p *progress) end() {
	if p.drawn {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

func progressWords(s wipe.Status) string {
	words := s.Name + " " + string(s.Phase)
	switch {
	case s.Outcome != nil:
		return s.Name + " " + string(s.Outcome.Verdict)
	case s.Stalled:
		return words + ", stalled"
	case s.Fraction() >= 0:
		words += fmt.Sprintf(" %d %%", int(100*s.Fraction()))
	}
	if s.BytesPerS > 0 {
		words += fmt.Sprintf(" %.0f MB/s", s.BytesPerS/1e6)
	}
	if s.EtaHigh > 0 {
		words += fmt.Sprintf(", %s to %s to go", s.EtaLow.Round(time.Second), s.EtaHigh.Round(time.Second))
	}
	return words
}
