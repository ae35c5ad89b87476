package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/charmbracelet/x/term"

	"handback.example/cmd/handback/internal/bench"
	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/practice"
	"handback.example/cmd/handback/internal/tui"
	"handback.example/cmd/handback/internal/wire"
)

func practiceCommand(args []string, s streams) int {
	fs := flag.NewFlagSet("practice", flag.ContinueOnError)
	out := fs.String("out", "", "keep records and papers in `DIR`, which must be empty (default: they are thrown away)")
	first := fs.Int("machine", 1, "begin with the `NUMBER`th machine: "+shown())
	src := source{withTPM: true, told: s.Err}
	fs.StringVar(&src.from, "from", "", "practise on the machine of the capture in `FILE`, with models of its drives")
	rest, code, ok := parse(fs, s, args, "[--machine NUMBER | --from FILE] [--out DIR]")
	switch {
	case !ok:
		return code
	case src.from != "" && *first != 1:
		return wrongUse(s, "practice", "a capture is of one machine: give --from without --machine")
	case len(rest) > 0:
		return wrongUse(s, "practice", "it takes no drives: nothing real is erased here")
	case *first < 1 || *first > len(practice.Lessons):
		return wrongUse(s, "practice", "there are machines 1 to %d", len(practice.Lessons))
	case !term.IsTerminal(os.Stdin.Fd()) || !term.IsTerminal(os.Stdout.Fd()):
		return wrongUse(s, "practice", "it needs a terminal of at least 80 by 24 letters")
	}
	eventlog.SetOutput(io.Discard) // they are for the serial line of a booted machine
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGQUIT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	lessons, err := lessonsFrom(ctx, src)
	if err == nil {
		err = runPractice(ctx, *out, lessons, *first-1)
	}
	if err != nil {
		return notDone(s, "practice", err)
	}
	if *out != "" {
		fmt.Fprintf(s.Out, "Practice records and papers are in %s. They prove nothing: handback-verify refuses them without --practice.\n", *out)
	}
	return exit.OK
}

// lessonsFrom a capture, or those that come with the program.
func lessonsFrom(ctx context.Context, src source) ([]practice.Lesson, error) {
	if src.from == "" {
		return practice.Lessons, nil
	}
	r, err := src.take(ctx)
	if err != nil {
		return nil, err
	}
	return []practice.Lesson{practice.Captured(ctx, r)}, nil
}

func shown() string {
	var words []string
	for i, l := range practice.Lessons {
		words = append(words, fmt.Sprintf("%d %s", i+1, l.Shows))
	}
	return strings.Join(words, ", ")
}

// runPractice brings one machine after the other to the bench, until the last is
// switched off or somebody leaves.
func runPractice(ctx context.Context, out string, lessons []practice.Lesson, first int) (err error) {
	dir, err := os.MkdirTemp("", "handback-practice-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if out == "" {
		out = filepath.Join(dir, "stick")
	} else if there, err := os.ReadDir(out); len(there) > 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is no empty folder that can be used: name another by --out", out)
	}
	b, err := practice.New(ctx, out, lessons)
	if err != nil {
		return err
	}
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	socket := filepath.Join(dir, "engine")
	var screen sync.WaitGroup
	var drawn error
	screen.Go(func() {
		defer leave()
		drawn = tui.Run(ctx, tui.NewSocketClient(socket), tui.Options{In: &terminal{os.Stdin, leave}, Out: os.Stdout, Leave: leave})
	})
	for n := first; n < len(lessons) && ctx.Err() == nil && err == nil; n++ {
		err = oneMachine(ctx, b, n, dir, socket)
	}
	leave()
	screen.Wait()
	return errors.Join(err, drawn)
}

// terminal that can't be read any more is gone, and nobody practises.
type terminal struct {
	*os.File
	gone func()
}

func (t *terminal) Read(p []byte) (int, error) {
	n, err := t.File.Read(p)
	if err != nil {
		t.gone()
	}
	return n, err
}

// oneMachine from power-on to power-off.
func oneMachine(ctx context.Context, b *practice.Bench, n int, dir, socket string) error {
	w, err := b.World(n, dir)
	if err != nil {
		return err
	}
	l, err := wire.Listen(socket, os.Getegid())
	if err != nil {
		return err
	}
	ctx, off := context.WithCancel(ctx)
	defer off()
	e := bench.New(w)
	served := make(chan error, 1)
	go func() { served <- wire.Serve(ctx, l, e) }()
	e.Run(ctx)
	off()
	return <-served
}
