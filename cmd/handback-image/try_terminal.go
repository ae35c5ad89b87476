package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"time"

	"golang.org/x/term"
)

// terminal is the user's own terminal with the guest's screen (ttyS1) on it.
type terminal struct {
	in    *os.File
	out   io.Writer
	state *term.State
	once  sync.Once

	mu      sync.Mutex
	shown   bool   // the guest's screen has taken over
	held    []byte // what came before that
	waits   bool   // a line that tells of the wait stands there
	key     time.Time
	closing bool
}

// heldMax bounds what is kept of the screen before it is shown.
const heldMax = 64 << 10

// resetTerminal undoes what a screen may have switched on (ECMA-48, xterm's
// control sequences, kitty's keyboard protocol): attributes, cursor, other
// screen, bracketed paste, mouse, focus, colours, key reports.
const resetTerminal = "\x1b[0m\x1b[<u\x1b[=0;1u\x1b[>4;0m\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1004l" +
	"\x1b[?2004l\x1b[?2026l\x1b[?2048l\x1b[?1049l\x1b[?25h\x1b[?7h\x1b]110\x1b\\\x1b]111\x1b\\\x1b]112\x1b\\"

// openTerminal gives nil where there is no terminal on both sides.
func openTerminal(in *os.File, out io.Writer) *terminal {
	o, ok := out.(*os.File)
	if in == nil || !ok || !term.IsTerminal(int(in.Fd())) || !term.IsTerminal(int(o.Fd())) {
		return nil
	}
	return &terminal{in: in, out: out, key: time.Now()}
}

// start takes the terminal over: keys go to w, the leaving key calls leave.
func (t *terminal) start(w io.Writer, leave func()) error {
	fmt.Fprintln(t.out, "leave with Ctrl-]: it cuts the laptop's power and ends all that was started")
	state, err := term.MakeRaw(int(t.in.Fd()))
	if err != nil {
		return fmt.Errorf("the terminal cannot be used: %w", err)
	}
	t.mu.Lock()
	t.state = state
	t.mu.Unlock()
	keys := make(chan []byte, 256)
	go t.read(keys, leave)
	go func() {
		for k := range keys {
			if _, err := w.Write(k); err != nil {
				return // the machine is off
			}
		}
	}()
	return nil
}

// read the keyboard until it ends. The goroutine stays in read(2) when the
// machine is off; the program ends then.
func (t *terminal) read(keys chan<- []byte, leave func()) {
	defer close(keys)
	buf := make([]byte, 4096)
	var recent []byte
	for {
		n, err := t.in.Read(buf)
		if err != nil || n == 0 {
			leave() // the terminal is gone
			return
		}
		recent = append(recent[max(0, len(recent)-leaveMax):], buf[:n]...)
		if isLeave(recent) {
			leave()
			return
		}
		t.mu.Lock()
		t.key = time.Now()
		shown := t.shown
		t.mu.Unlock()
		if !shown {
			continue // the firmware asks nothing
		}
		select {
		case keys <- append([]byte(nil), buf[:n]...):
		default: // the guest reads nothing: the leaving key must still be seen
		}
	}
}

// leaveMax is longer than any spelling of the leaving key.
const leaveMax = 32

// A terminal that speaks kitty's keyboard protocol or xterm's modifyOtherKeys
// spells Ctrl-] as a sequence, once the screen has asked for that: 93 is ']', the
// second number is 1 + modifiers, and the part after its colon is the kind of
// event, of which 3 is the release.
var reLeave = regexp.MustCompile(`\x1b\[(?:93(?::\d*)*;(\d+)(?::[12])?(?:;[\d:]*)?u|27;(\d+);93~)`)

// isLeave tells whether Ctrl-] is in what was typed.
func isLeave(b []byte) bool {
	for _, c := range b {
		if c == 0x1d {
			return true
		}
	}
	for _, m := range reLeave.FindAllSubmatch(b, -1) {
		const ctrl = 4
		n, err := strconv.Atoi(string(m[1]) + string(m[2])) // one of them is empty
		if err == nil && n > 0 && (n-1)&ctrl != 0 {
			return true
		}
	}
	return false
}

// Write shows what the guest's screen writes, once it is the appliance's.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closing:
	case t.shown:
		return t.out.Write(p)
	default:
		t.held = append(t.held, p...)
		t.held = t.held[max(0, len(t.held)-heldMax):]
	}
	return len(p), nil
}

// booted shows the screen from the appliance's first word on. What came before
// PID 1 was the firmware's; after any other event (PID 1's was lost) it may be
// the screen's first frame, and is shown.
func (t *terminal) booted(event string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shown || t.closing {
		return
	}
	t.shown = true
	t.clearWait()
	if event != "pid1" {
		_, _ = t.out.Write(t.held) // a terminal that is gone ends the reading
	}
	t.held = nil
}

// bootMax is when the screen is shown whatever was heard, so that a machine that
// does not start can be seen not to.
const bootMax = 3 * time.Minute

// waiting tells how long it has been until the screen comes.
func (t *terminal) waiting(since time.Duration) {
	if since > bootMax {
		t.booted("")
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shown || t.closing {
		return
	}
	fmt.Fprintf(t.out, "\r\x1b[Kstarting, %.0f s of about 20", since.Seconds())
	t.waits = true
}

func (t *terminal) clearWait() {
	if t.waits {
		fmt.Fprint(t.out, "\r\x1b[K")
		t.waits = false
	}
}

// lastKey is when a key was last pressed.
func (t *terminal) lastKey() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.key
}

// close gives the terminal back as it was.
func (t *terminal) close() {
	t.once.Do(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.clearWait()
		if t.shown {
			fmt.Fprint(t.out, resetTerminal)
		}
		t.closing = true
		if t.state != nil {
			if err := term.Restore(int(t.in.Fd()), t.state); err != nil {
				fmt.Fprintf(t.out, "\r\nthe terminal is not restored (%v): type reset\r\n", err)
			}
		}
	})
}
