package tui

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync/atomic"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/term"

	"handback.example/cmd/handback/internal/wire"
)

// Client reaches the engine.
type Client interface {
	Pull(ctx context.Context) (wire.View, error)
	Send(ctx context.Context, i wire.Intent) (wire.View, error)
}

// NewSocketClient reaches the engine by its socket, and again after it was away.
func NewSocketClient(path string) Client { return wire.NewSocketClient(path) }

// Options of Run.
type Options struct {
	// In gives the keys: the terminal itself, or what reads it (package serialtty).
	In io.Reader
	// Out is the terminal. Its size is asked of it when it is an *os.File.
	Out io.Writer
	// OnFirstFrame is called once, when the first frame with a View of the engine
	// has been written.
	OnFirstFrame func()
	// Leave is called when somebody presses Ctrl-C, and ends Run's ctx. nil: no key
	// leaves the screens.
	Leave func()
	// Serial is a terminal at the other end of a line: fewer frames.
	Serial bool
}

const fps, fpsSerial = 20, 10

// Run shows the screens until ctx ends. There is no other way out: no signal is
// listened to. An error means that the terminal is gone or
// that a page failed; whoever started Run starts it again.
func Run(ctx context.Context, c Client, o Options) error {
	m := newRoot(ctx, c)
	out := &watched{Writer: o.Out, first: o.OnFirstFrame, cook: !isTerminal(o.In)}
	m.ready = func() { out.armed.Store(true) }
	var to io.Writer = out
	if f, ok := o.Out.(*os.File); ok {
		to = &watchedFile{File: f, watched: out}
	}
	rate := fps
	if o.Serial {
		rate = fpsSerial
	}
	p := tea.NewProgram(m, tea.WithInput(o.In), tea.WithOutput(to),
		tea.WithoutSignals(), tea.WithoutSignalHandler(), tea.WithFilter(kiosk(ctx, o.Leave)),
		tea.WithColorProfile(colorprofile.ANSI), tea.WithFPS(rate))
	// Told to quit, bubbletea waits for its reader before it closes what that reads;
	// by a context of its own it would not.
	stop := context.AfterFunc(ctx, p.Quit)
	defer stop()
	_, err := p.Run()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// kiosk drops what would end or stop the program before ctx ends, and what a
// terminal could say to make it draw in more colours than the console has.
func kiosk(ctx context.Context, leave func()) func(tea.Model, tea.Msg) tea.Msg {
	return func(_ tea.Model, msg tea.Msg) tea.Msg {
		switch msg := msg.(type) {
		case tea.KeyPressMsg:
			// By the place of the key, too: other layouts have other letters there.
			if leave != nil && (msg.String() == "ctrl+c" || msg.Mod == tea.ModCtrl && msg.BaseCode == 'c') {
				leave()
				return nil
			}
		case tea.QuitMsg:
			if ctx.Err() == nil {
				return nil
			}
		case tea.SuspendMsg, tea.InterruptMsg, tea.CapabilityMsg:
			return nil
		}
		return msg
	}
}

func isTerminal(r io.Reader) bool {
	f, ok := r.(term.File)
	return ok && term.IsTerminal(f.Fd())
}

// watched tells when the first frame has gone out. With cook it also makes a
// carriage return of each line end: bubbletea takes a terminal whose keys come
// through a reader for one that does so itself, and a line in raw mode doesn't.
type watched struct {
	io.Writer
	armed, told atomic.Bool
	first       func()
	cook        bool
}

func (w *watched) Write(p []byte) (int, error) {
	b := p
	if w.cook {
		b = bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))
	}
	armed := w.armed.Load()
	if _, err := w.Writer.Write(b); err != nil {
		return 0, err
	}
	if armed && w.first != nil && w.told.CompareAndSwap(false, true) {
		w.first()
	}
	return len(p), nil
}

// watchedFile stays a terminal to those who ask for its size.
type watchedFile struct {
	*os.File
	watched *watched
}

func (f *watchedFile) Write(p []byte) (int, error) { return f.watched.Write(p) }
