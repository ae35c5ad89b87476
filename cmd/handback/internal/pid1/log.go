package pid1

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/cmd/handback/internal/eventlog"
)

const (
	logQueue = 8192 // lines that may wait for the serial line
	lineMax  = 4096 // bytes of one line
)

// journal puts lines from everywhere onto ttyS0, one after the other: the kernel
// is told to be silent there, so that no line is cut by another. A serial line
// that is slow or not there stops nobody: what doesn't fit is counted and left out.
type journal struct {
	lines chan string
	lost  chan struct{}
	idle  chan chan struct{}
}

func newJournal(w io.Writer) *journal {
	j := &journal{lines: make(chan string, logQueue), lost: make(chan struct{}, 1<<20), idle: make(chan chan struct{})}
	go j.write(w)
	return j
}

func (j *journal) write(w io.Writer) {
	put := func(s string) { _, _ = io.WriteString(w, s+"\n") } // nobody is left to tell
	for {
		select {
		case s := <-j.lines:
			put(s)
			if n := len(j.lost); n > 0 {
				for range n {
					<-j.lost
				}
				put(fmt.Sprintf("handback: %d lines of the log were left out", n))
			}
		case done := <-j.idle:
			for len(j.lines) > 0 {
				put(<-j.lines)
			}
			close(done)
		}
	}
}

// line logs one line as it is, in printable ASCII.
func (j *journal) line(s string) {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r < 0x20 || r > 0x7e:
			return '.'
		}
		return r
	}, s)
	select {
	case j.lines <- s[:min(len(s), lineMax)]:
	default:
		select {
		case j.lost <- struct{}{}:
		default:
		}
	}
}

func (j *journal) printf(format string, a ...any) {
	j.line("handback: pid1: " + fmt.Sprintf(format, a...))
}

func (j *journal) event(name string, kv ...any) { j.line(eventlog.Line(name, kv...)) }

// flush waits until what was logged is written, or a while.
func (j *journal) flush(wait time.Duration) {
	done := make(chan struct{})
	late := time.After(wait)
	select {
	case j.idle <- done:
	case <-late:
		return
	}
	select {
	case <-done:
	case <-late:
	}
}

// follow logs what a process writes to its standard error until it ends. Only
// events that may speaks for are let through as events.
func (j *journal) follow(r io.Reader, who string, may func(event string) bool) {
	b := bufio.NewReaderSize(r, lineMax)
	for {
		line, err := b.ReadSlice('\n')
		if len(line) > 0 {
			j.line(label(strings.TrimRight(string(line), "\r\n"), who, may))
		}
		if err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

func label(line, who string, may func(event string) bool) string {
	if rest, ok := strings.CutPrefix(line, eventlog.Prefix); ok {
		name, _, _ := strings.Cut(rest, " ")
		if may(name) {
			return line
		}
	}
	return "handback: " + who + ": " + line
}

// followKernel logs the kernel's messages, each with a word before it: a message
// may begin with what a device calls itself.
func (j *journal) followKernel() {
	// Level 1: the kernel itself prints to consoles only what precedes its death
	// (syslog(2), SYSLOG_ACTION_CONSOLE_LEVEL).
	_, _, _ = unix.Syscall(unix.SYS_SYSLOG, 8, 0, 1)
	f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY, 0)
	if err != nil {
		j.printf("the kernel's messages can't be read: %v", err)
		return
	}
	defer f.Close()
	buf := make([]byte, 8192) // one record a read: Documentation/ABI/testing/dev-kmsg
	for {
		n, err := unix.Read(int(f.Fd()), buf)
		switch {
		case err == unix.EPIPE, err == unix.EINTR:
			continue // records were overwritten before they were read
		case err != nil || n <= 0:
			return
		}
		if s, ok := kernelLine(string(buf[:n])); ok {
			j.line(s)
		}
	}
}

// kernelLine of a record 'priority,sequence,microseconds,flags;message\n': warnings
// and worse, and what came after start-up's many lines of information.
func kernelLine(record string) (string, bool) {
	head, message, ok := strings.Cut(record, ";")
	if !ok {
		return "", false
	}
	var priority, seq, micro uint64
	if n, _ := fmt.Sscanf(head, "%d,%d,%d,", &priority, &seq, &micro); n != 3 {
		return "", false
	}
	message, _, _ = strings.Cut(message, "\n")
	const user, warning, information = 8, 4, 6 // facility and level: syslog(2)
	if level := priority & 7; priority >= user || level > information || level > warning && micro < quietUntil {
		return "", false
	}
	return fmt.Sprintf("[%5d.%06d] kernel: %s", micro/1e6, micro%1e6, message), true
}

// quietUntil in microseconds after power-on: before it, information is only what
// every boot says.
const quietUntil = 3_000_000
