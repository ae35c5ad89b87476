package bench

import (
	"fmt"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect/function"
)

// screenTrial shows one picture after the other on the whole display.
type screenTrial struct {
	panel Panel
	now   func() time.Time

	mu    sync.Mutex
	shown function.Picture // the last one
	done  bool             // a person has seen all of them
	last  time.Time
	err   error
}

func (e *Engine) tryScreen(int) (exercise, error) {
	p, err := e.w.Hands.Panel()
	if err != nil {
		return nil, err
	}
	s := &screenTrial{panel: p, now: e.w.Now, last: e.w.Now()}
	if err := p.Show(s.shown); err != nil {
		_ = p.Close()
		return nil, err
	}
	return s, nil
}

func (s *screenTrial) next() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = s.now()
	if s.shown+1 == function.Pictures {
		s.done = true
		return nil
	}
	s.shown++
	s.err = s.panel.Show(s.shown)
	return s.err
}

func (s *screenTrial) view(time.Time, bool) wire.Exercise {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wire.Exercise{Name: "Screen", Done: int(s.shown) + 1, Of: int(function.Pictures), Next: "next picture",
		Say: []string{"Look at the machine's own display. It shows: " + s.shown.String() + ".", "Look for spots, lines and uneven light."}}
}

func (s *screenTrial) over(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done || s.err != nil || now.Sub(s.last) >= idleTime
}

func (s *screenTrial) covers() bool { return true }

// end gives the display back. That it showed pictures says nothing about what a person
// saw on them: only they can answer.
func (s *screenTrial) end() tried {
	_ = s.panel.Close() // pid1 puts the console back where this could not
	s.mu.Lock()
	defer s.mu.Unlock()
	w, h := s.panel.Size()
	n := int(s.shown) + 1
	if s.err != nil {
		n--
	}
	return tried{evidence: fmt.Sprintf("%d of %d pictures shown on %d x %d pixels", n, function.Pictures, w, h)}
}

// portsTrial watches the machine's USB ports.
type portsTrial struct {
	sys string

	mu    sync.Mutex
	test  *function.PortTest
	last  time.Time
	count int
	done  bool // a person said so
	err   error
}

func (e *Engine) tryPorts(int) (exercise, error) {
	test, err := function.NewPortTest(e.w.Hands.Sys, e.stickPort())
	if err != nil {
		return nil, err
	}
	return &portsTrial{sys: e.w.Hands.Sys, test: test, last: e.w.Now()}, nil
}

// usbDevice in the path of a block device in /sys: the innermost that is no interface.
var usbDevice = regexp.MustCompile(`/(\d+-\d+(?:\.\d+)*)/[^/]+:\d+\.\d+/`)

// stickPort is the USB device that the machine was started from; empty: it is not known.
func (e *Engine) stickPort() string {
	for _, d := range e.report.Drives {
		if !d.Boot {
			continue
		}
		at, err := filepath.EvalSymlinks(filepath.Join(e.w.Hands.Sys, "class/block", filepath.Base(d.Path)))
		if m := usbDevice.FindStringSubmatch(at); err == nil && m != nil {
			return m[1]
		}
	}
	return ""
}

func (p *portsTrial) next() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = true
	return nil
}

func (p *portsTrial) covers() bool { return false }

func (p *portsTrial) view(_ time.Time, stickMayGo bool) wire.Exercise {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := wire.Exercise{Name: "USB ports", Done: p.test.Count(), Of: p.test.Sockets(), Next: "that was every port",
		Say: []string{"Put the Handback stick, or any other, into each port in turn. Wait until the count goes up."}}
	if !stickMayGo {
		x.Say = []string{"Put any USB thing into each free port in turn. Wait until the count goes up.", "Leave the Handback stick where it is."}
	}
	return x
}

func (p *portsTrial) over(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = p.test.Look(p.sys); p.test.Count() != p.count {
		p.count, p.last = p.test.Count(), now
	}
	return p.done || p.err != nil || p.test.Whole() || now.Sub(p.last) >= idleTime
}

func (p *portsTrial) end() tried {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return tried{evidence: p.err.Error()}
	}
	return tried{evidence: p.test.Evidence(), whole: p.test.Whole()}
}
