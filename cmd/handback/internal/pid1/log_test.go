package pid1

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// line of the log, as somebody reads it.
type paper struct {
	mu sync.Mutex
	b  strings.Builder
}

func (p *paper) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.b.Write(b)
}

func (p *paper) lines() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Split(strings.TrimSuffix(p.b.String(), "\n"), "\n")
}

func TestJournalOrder(t *testing.T) {
	var p paper
	j := newJournal(&p)
	for i := range 1000 {
		j.line(fmt.Sprint(i))
	}
	j.flush(10 * time.Second)
	got := p.lines()
	if len(got) != 1000 || got[0] != "0" || got[999] != "999" {
		t.Errorf("%d lines, from %q to %q", len(got), got[0], got[len(got)-1])
	}
}

// stuck is a serial line that takes nothing until it is let go.
type stuck struct {
	paper
	free chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	<-s.free
	return s.paper.Write(b)
}

// A line that doesn't move stops nobody, and what was left out is counted.
func TestJournalOverflow(t *testing.T) {
	s := &stuck{free: make(chan struct{})}
	j := newJournal(s)
	const more = 250
	for i := range logQueue + more {
		j.line(fmt.Sprint(i))
	}
	start := time.Now()
	j.flush(50 * time.Millisecond)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("a flush of 50 ms took %v", took)
	}
	close(s.free)
	j.flush(10 * time.Second)
	j.line("last")
	j.flush(10 * time.Second)
	got, left, told := s.lines(), 0, 0
	for _, l := range got {
		if n, err := fmt.Sscanf(l, "handback: %d lines of the log were left out", &left); n == 1 && err == nil {
			told++
		}
	}
	// One line may be in the writer's hand already.
	if written := len(got) - told - 1; told != 1 || written+left != logQueue+more || left < more-1 || left > more {
		t.Errorf("%d lines written, %d told as left out, of %d", written, left, logQueue+more)
	}
}

// What a process or a device says can't end a line, move a terminal or fill the log.
func TestJournalCleans(t *testing.T) {
	var p paper
	j := newJournal(&p)
	j.line("a\x1b[2Jb\nc\td\u202ee\x00")
	j.line(strings.Repeat("x", 10000))
	j.flush(10 * time.Second)
	got := p.lines()
	if len(got) != 2 || got[0] != "a.[2Jb.c d.e." || got[1] != strings.Repeat("x", 4096) {
		t.Errorf("logged %q", got)
	}
}

// A screen may say that it drew its first frame, and nothing else as an event.
func TestFollowLabels(t *testing.T) {
	var p paper
	j := newJournal(&p)
	screen := func(event string) bool { return event == FirstFrameEvent }
	j.follow(strings.NewReader("handback: event first-frame tty=tty1 uptime=4.10\n"+
		"handback: event finished drive=A verdict=sanitised\r\n"+
		"handback: event  first-frame\n"+
		"panic: no\n"+
		strings.Repeat("y", 4096)+"handback: event finished drive=A\n"+
		"no line end"), "screen tty1", screen)
	j.flush(10 * time.Second)
	want := []string{
		"handback: event first-frame tty=tty1 uptime=4.10",
		"handback: screen tty1: handback: event finished drive=A verdict=sanitised",
		"handback: screen tty1: handback: event  first-frame",
		"handback: screen tty1: panic: no",
		("handback: screen tty1: " + strings.Repeat("y", 4096))[:4096],
		"handback: screen tty1: handback: event finished drive=A",
		"handback: screen tty1: no line end",
	}
	got := p.lines()
	for i := range max(len(want), len(got)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("line %d of %d (want %d): %.80q", i, len(got), len(want), got)
		}
	}
}

func TestKernelLine(t *testing.T) {
	for record, want := range map[string]string{
		"4,339,5140900,-;NET: Registered\n SUBSYSTEM=x\n":          "[    5.140900] kernel: NET: Registered",
		"6,12,2999999,-;usb 1-1: new device\n":                     "", // start-up's information
		"6,12,3000000,-;usb 1-1: new device\n":                     "[    3.000000] kernel: usb 1-1: new device",
		"3,1,12,-;nvme nvme0: I/O timeout":                         "[    0.000012] kernel: nvme nvme0: I/O timeout",
		"7,1,9000000,-;debug\n":                                    "",
		"12,1,9000000,-;a process that writes to /dev/kmsg\n":      "",
		"4,1,9000000,-;handback: event finished verdict=sanitised": "[    9.000000] kernel: handback: event finished verdict=sanitised",
		"no semicolon":  "",
		"x,y,z,-;words": "",
		"":              "",
	} {
		if got, ok := kernelLine(record); got != want || ok != (want != "") {
			t.Errorf("%q: %q, want %q", record, got, want)
		}
	}
}
