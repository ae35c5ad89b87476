// Package serialtty keeps the size of a terminal that stands at the other end of
// a serial line: a serial line has no size of its own and begins with 0x0.
//
// The terminal is asked where the cursor ends up when it is sent to row 999,
// column 999 (CUP, DSR 6 and CPR of ECMA-48, clauses 8.3.21, 8.3.35, 8.3.14). The
// answer comes in among the keys, so keys are read through Input, which takes
// the answers out. It changes nothing but the line's raw mode and its size.
package serialtty

import (
	"context"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

const (
	// ask in one write, so that no other output comes in between: save the cursor,
	// go to the corner, ask, restore.
	ask = "\x1b7\x1b[999;999H\x1b[6n\x1b8"
	// every: how often the size is asked for.
	every = 2 * time.Second
	// split: how long an answer may be cut in two by the line. What looked like the
	// beginning of an answer for longer is a key: Escape must not wait.
	split = 60 * time.Millisecond
	// deaf: after how many questions without an answer the terminal counts as one
	// that never answers.
	deaf = 2

	defaultColumns, defaultRows = 80, 24
	maxColumns, maxRows         = 500, 300
)

// Input gives what was typed. It is an io.Reader that is no terminal itself: who
// reads it must not try to set a terminal mode on it.
type Input struct {
	keys  chan []byte
	rest  []byte
	err   error
	done  chan struct{}
	once  sync.Once
	tty   *os.File
	state *term.State
}

// KeepSize sets the line to raw mode and keeps its size until ctx ends or Close:
// asked for at once and every two seconds; 80x24 where nothing answers. Setting
// the size makes the kernel send SIGWINCH to the line's foreground processes.
func KeepSize(ctx context.Context, tty *os.File) (*Input, error) {
	state, err := term.MakeRaw(int(tty.Fd()))
	if err != nil {
		return nil, err
	}
	in := newInput(tty)
	in.state = state
	set := func(columns, rows int) { setSize(tty, columns, rows) }
	set(defaultColumns, defaultRows)
	in.run(ctx, tty, tty, set)
	return in, nil
}

func newInput(tty *os.File) *Input {
	return &Input{keys: make(chan []byte), done: make(chan struct{}), tty: tty}
}

// Close sets the line back to its mode. A Read that waits returns io.EOF.
func (in *Input) Close() error {
	var err error
	in.once.Do(func() {
		close(in.done)
		if in.state != nil {
			err = term.Restore(int(in.tty.Fd()), in.state)
		}
	})
	return err
}

// Read gives the next keys.
func (in *Input) Read(p []byte) (int, error) {
	if len(in.rest) == 0 {
		select {
		case b, ok := <-in.keys:
			if !ok {
				return 0, in.ended()
			}
			in.rest = b
		case <-in.done:
			return 0, io.EOF
		}
	}
	n := copy(p, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// ended tells why there are no more keys. After Close the reader may still wait for
// the line, and what it meets there is nobody's any more.
func (in *Input) ended() error {
	select {
	case <-in.done:
		return io.EOF
	default:
		return in.err
	}
}

// setSize sets it only where it differs: every change redraws the screen.
func setSize(tty *os.File, columns, rows int) {
	old, err := unix.IoctlGetWinsize(int(tty.Fd()), unix.TIOCGWINSZ)
	if err == nil && int(old.Col) == columns && int(old.Row) == rows {
		return
	}
	// A size that can't be set leaves the one that is there.
	_ = unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: uint16(rows), Col: uint16(columns)})
}

// run starts reading and asking.
func (in *Input) run(ctx context.Context, r io.Reader, w io.Writer, set func(columns, rows int)) {
	raw := make(chan []byte)
	go in.readAll(r, raw)
	go in.filter(raw, set)
	go in.keepAsking(ctx, w)
}

func (in *Input) readAll(r io.Reader, raw chan<- []byte) {
	defer close(raw)
	buf := make([]byte, 1024)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			select {
			case raw <- append([]byte(nil), buf[:n]...):
			case <-in.done:
				return
			}
		}
		if err != nil {
			in.err = err
			return
		}
	}
}

func (in *Input) keepAsking(ctx context.Context, w io.Writer) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if _, err := io.WriteString(w, ask); err != nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-in.done:
			return
		}
	}
}

// filter passes keys on and answers to set.
func (in *Input) filter(raw <-chan []byte, set func(columns, rows int)) {
	defer close(in.keys)
	var held []byte
	pass := func(b []byte) bool {
		if len(b) == 0 {
			return true
		}
		select {
		case in.keys <- b:
			return true
		case <-in.done:
			return false
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	last := time.Now()
	for {
		var late <-chan time.Time
		if len(held) > 0 {
			timer.Reset(split)
			late = timer.C
		}
		select {
		case b, ok := <-raw:
			if !ok {
				pass(held)
				return
			}
			keys, rest, columns, rows := takeAnswers(append(held, b...))
			if columns > 0 {
				set(columns, rows)
				last = time.Now()
			}
			held = append([]byte(nil), rest...)
			if !pass(append([]byte(nil), keys...)) {
				return
			}
		case <-late:
			keys := held
			held = nil
			if !pass(keys) {
				return
			}
		case <-time.After(every):
			if time.Since(last) > (deaf+1)*every {
				set(defaultColumns, defaultRows)
				last = time.Now()
			}
		case <-in.done:
			return
		}
	}
}

// takeAnswers splits b into keys and the beginning of what may become an answer,
// and gives the size of the last whole answer, 0: there was none. A report from
// row 1 is a key: xterm sends ESC [ 1 ; 5 R for Ctrl-F3, and no terminal of one
// row shows a screen.
func takeAnswers(b []byte) (keys, rest []byte, columns, rows int) {
	for i := 0; i < len(b); {
		if b[i] != 0x1b {
			keys = append(keys, b[i])
			i++
			continue
		}
		n, row, column, state := report(b[i:])
		switch {
		case state == reportPart:
			return keys, b[i:], columns, rows
		case state == reportWhole && row > 1 && column > 1:
			if row <= maxRows && column <= maxColumns {
				columns, rows = column, row
			}
		default:
			keys = append(keys, b[i:i+n]...)
		}
		i += n
	}
	return keys, nil, columns, rows
}

const (
	reportNone = iota
	reportPart
	reportWhole
)

// report reads ESC [ row ; column R at the start of b. For what is none it gives
// the length of what was looked at and is certainly not the start of another.
func report(b []byte) (n, row, column, state int) {
	const digits = 5
	number := func(i int) (int, int) {
		v, start := 0, i
		for ; i < len(b) && i-start < digits && b[i] >= '0' && b[i] <= '9'; i++ {
			v = v*10 + int(b[i]-'0')
		}
		return v, i
	}
	if len(b) < 2 {
		return len(b), 0, 0, reportPart
	}
	if b[1] != '[' {
		return 1, 0, 0, reportNone
	}
	row, i := number(2)
	if i == len(b) {
		return i, 0, 0, reportPart
	}
	if i == 2 || b[i] != ';' {
		return i, 0, 0, reportNone
	}
	column, j := number(i + 1)
	if j == len(b) {
		return j, 0, 0, reportPart
	}
	if j == i+1 || b[j] != 'R' {
		return j, 0, 0, reportNone
	}
	return j + 1, row, column, reportWhole
}
