package tui

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/charmbracelet/x/vt"
	"github.com/creack/pty"

	"handback.example/cmd/handback/internal/serialtty"
	"handback.example/cmd/handback/internal/wire"
)

// scripted is an engine that goes through one visit.
type scripted struct {
	mu   sync.Mutex
	view wire.View
	did  []wire.Intent
}

func newScripted() *scripted {
	v := base(wire.StageIntake)
	v.Intake.Operator, v.Intake.Source, v.Intake.Classification = "jb", "desk", "official"
	return &scripted{view: v}
}

func (e *scripted) View() wire.View {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.view
}

func (e *scripted) to(v wire.View) {
	v.Revision, v.Tag = e.view.Revision+1, "DEF-048213"
	e.view = v
}

func (e *scripted) Do(i wire.Intent) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.did = append(e.did, i)
	switch {
	case i.Kind == wire.IntentIntake && i.Form.Tag == "DEF-048213":
		e.to(checkView())
	case i.Kind == wire.IntentToAgree:
		e.to(agreeView())
	case i.Kind == wire.IntentConsent && (i.Text != "DEF-048213" || i.Digest != e.view.Plan.Digest):
		return errors.New("that is not this machine's label: scan DEF-048213")
	case i.Kind == wire.IntentConsent:
		e.to(eraseView())
	case i.Kind == wire.IntentAnswer:
		v := eraseView()
		v.Questions[1].Answer, v.Revision = i.Choice, e.view.Revision+1
		e.view = v
	case i.Kind == wire.IntentStop:
		e.to(resultView("FAIL", false))
	case i.Kind == wire.IntentNext:
		e.to(base(wire.StagePowerOff))
	default:
		return errors.New("this can't be done now")
	}
	return nil
}

func (e *scripted) kinds() []wire.Kind {
	e.mu.Lock()
	defer e.mu.Unlock()
	var ks []wire.Kind
	for _, i := range e.did {
		ks = append(ks, i.Kind)
	}
	return ks
}

// terminal is a person at a terminal of 80x24.
type terminal struct {
	t      *testing.T
	master *os.File
	mu     sync.Mutex
	screen *vt.Emulator
	frames atomic.Int32
}

// Write shows what the screens write.
func (p *terminal) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.Write(b)
}

func (p *terminal) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.screen.String()
}

// sitDown starts the screens on a pseudo terminal.
func sitDown(t *testing.T, socket string, serial bool) *terminal {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	p := &terminal{t: t, master: master, screen: vt.NewEmulator(80, 24)}
	go func() { _, _ = io.Copy(p, master) }()
	go func() { _, _ = io.Copy(master, p.screen) }() // what the terminal answers
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{In: tty, Out: tty, Serial: serial, OnFirstFrame: func() { p.frames.Add(1) }}
	leave := func() error { return nil }
	if serial {
		in, err := serialtty.KeepSize(ctx, tty)
		if err != nil {
			t.Fatal(err)
		}
		o.In, leave = in, in.Close
	}
	over := make(chan error, 1)
	go func() { over <- Run(ctx, NewSocketClient(socket), o) }()
	t.Cleanup(func() {
		select {
		case err := <-over:
			t.Errorf("the screens ended by themselves: %v", err)
		default:
			cancel()
			if err := <-over; err != nil {
				t.Errorf("Run: %v", err)
			}
		}
		_ = leave()
		// bubbletea's reader outlives Run and may still ask the terminal for its
		// descriptor: both ends are left to the end of this process.
	})
	return p
}

func (p *terminal) types(s string) {
	p.t.Helper()
	if _, err := io.WriteString(p.master, s); err != nil {
		p.t.Fatal(err)
	}
}

// sees waits until all words are on the screen.
func (p *terminal) sees(words ...string) {
	p.t.Helper()
	end := time.Now().Add(20 * time.Second)
	for {
		got, missing := p.text(), ""
		for _, w := range words {
			if !strings.Contains(got, w) {
				missing = w
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("%q does not come up:\n%s", missing, got)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func engineOn(t *testing.T, socket string, e wire.Engine) (stop func()) {
	t.Helper()
	l, err := wire.Listen(socket, os.Getegid())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = wire.Serve(ctx, l, e)
	}()
	stop = func() { cancel(); <-over }
	t.Cleanup(stop)
	return stop
}

func TestVisitOnATerminal(t *testing.T) {
	for name, serial := range map[string]bool{"console": false, "serial line": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visit(t, serial)
		})
	}
}

func visit(t *testing.T, serial bool) {
	socket := filepath.Join(t.TempDir(), "s")
	p := sitDown(t, socket, serial)
	p.sees("Waiting for the engine")
	if p.frames.Load() != 0 {
		t.Error("a first frame without the engine")
	}
	e := newScripted()
	stop := engineOn(t, socket, e)
	p.sees("Scan the asset label", "DEMONSTRATION", "Came from    ( ) Locker  ( ) Post  (●) Desk", "? help")
	p.types("\x03\x1a\x1c") // Ctrl-C, Ctrl-Z, Ctrl-\: no way out
	p.types("DEF-048213\r") // a scanner; the DIAL rating is still missing
	p.sees("▸ DIAL")
	p.types("2")
	p.sees("(●) 2")
	p.types("\r")
	p.sees("This is what the machine says", "✓ Intake    2 Check")
	time.Sleep(settle + 100*time.Millisecond)
	p.types("\r")
	p.sees("There is no undo", "To agree")
	p.types("\r\r") // nothing typed: nothing happens
	p.types("DEF-048214\r")
	p.sees("That is not this machine's label")
	p.types("DEF-048213\r")
	p.sees("ERASING", "26 %", "Look at the screen")
	stop() // the engine starts again, and its work goes on
	p.sees("Waiting for the engine. What you see may be old.")
	engineOn(t, socket, e)
	p.sees("Look at the screen")
	for strings.Contains(p.text(), "Waiting for the engine") {
		time.Sleep(50 * time.Millisecond)
	}
	p.types("1")
	p.sees("Is the case whole?", "2 of 3 answered")
	p.types("S1-DEF\r") // a scan at the wrong time
	p.sees("That was a scan")
	p.types("s")
	p.sees("Stop erasing?")
	p.types("\t\r")
	p.sees("┌──────────────┐  ┌──────────────┐  ┌────────┐  ┌──┐", "red-striped crate")
	time.Sleep(settleLong + 100*time.Millisecond)
	p.types("\r")
	p.sees("Switching off")
	want := []wire.Kind{wire.IntentIntake, wire.IntentToAgree, wire.IntentConsent, wire.IntentConsent, wire.IntentAnswer, wire.IntentStop, wire.IntentNext}
	if got := e.kinds(); !reflect.DeepEqual(got, want) {
		t.Errorf("the engine was told %v, want %v", got, want)
	}
	if n := p.frames.Load(); n != 1 {
		t.Errorf("%d first frames", n)
	}
	// What the terminal shows is what the page drew, line by line.
	golden(t, "poweroff-terminal", strings.TrimRight(p.text(), "\n")+"\n")
}
