package vmtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// lineMax bounds one line of the serial log; linesMax how many are kept.
const (
	lineMax  = 8192
	linesMax = 20000
)

// serial watches ttyS0: the log goes to a file, events to who waits for them.
type serial struct {
	log     io.Writer // nil: nowhere
	onEvent func(Event)

	mu      sync.Mutex
	part    []byte
	lines   []string
	events  []Event
	taken   []bool // of events: somebody's WaitEvent has had it
	alive   time.Time
	ended   bool
	changed chan struct{} // closed and made anew with every change
}

func newSerial(log io.Writer, onEvent func(Event)) *serial {
	return &serial{log: log, onEvent: onEvent, alive: time.Now(), changed: make(chan struct{})}
}

// Write takes what the guest wrote, in whatever pieces it comes. It never fails
// for the guest's sake: a full disk must not stop the machine.
func (s *serial) Write(p []byte) (int, error) {
	if s.log != nil {
		if _, err := s.log.Write(p); err != nil {
			s.log = nil
		}
	}
	var found []Event
	s.mu.Lock()
	s.part = append(s.part, p...)
	for {
		line, rest, ok := bytes.Cut(s.part, []byte("\n"))
		if !ok && len(s.part) < lineMax {
			break
		}
		s.part = append([]byte(nil), rest...)
		text := strings.TrimRight(string(line[:min(len(line), lineMax)]), "\r")
		if len(s.lines) < linesMax {
			s.lines = append(s.lines, text)
		}
		if e, ok := ParseEvent(text); ok {
			s.events, s.taken = append(s.events, e), append(s.taken, false)
			s.alive = time.Now()
			found = append(found, e)
		}
	}
	s.wake()
	s.mu.Unlock()
	for _, e := range found {
		s.onEvent(e)
	}
	return len(p), nil
}

// end tells everybody who waits that nothing more will come.
func (s *serial) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
}

func (s *serial) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// await returns what find gives as soon as it gives something. find runs under
// the lock.
func (s *serial) await(ctx context.Context, what string, find func() bool) error {
	for {
		s.mu.Lock()
		ok, ended, changed := find(), s.ended, s.changed
		s.mu.Unlock()
		switch {
		case ok:
			return nil
		case ended:
			return fmt.Errorf("%w before %s; its log ends with:\n%s", errGone, what, s.tail(15))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("no %s: %w; the log ends with:\n%s", what, ctx.Err(), s.tail(15))
		case <-changed:
		}
	}
}

func (s *serial) waitEvent(ctx context.Context, name string, match []string) (Event, error) {
	var got Event
	what := "event " + strings.Join(append([]string{name}, match...), " ")
	err := s.await(ctx, what, func() bool {
		for i, e := range s.events {
			if !s.taken[i] && e.Is(name, match...) {
				got, s.taken[i] = e, true
				return true
			}
		}
		return false
	})
	return got, err
}

func (s *serial) waitText(ctx context.Context, text string) error {
	return s.await(ctx, fmt.Sprintf("text %q", text), func() bool {
		if strings.Contains(string(s.part), text) {
			return true
		}
		for _, l := range s.lines {
			if strings.Contains(l, text) {
				return true
			}
		}
		return false
	})
}

// tail is the end of the log, cleaned for a terminal.
func (s *serial) tail(n int) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := append(append([]string(nil), s.lines[max(0, len(s.lines)-n):]...), string(s.part))
	var b strings.Builder
	for _, l := range lines {
		if l = clean(l); l != "" {
			fmt.Fprintf(&b, "  | %s\n", l)
		}
	}
	return b.String()
}

// clean leaves printable ASCII: the log holds text that devices gave.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return -1
		}
		return r
	}, reEscape.ReplaceAllString(s, "")))
}
