package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/pid1"
	"handback.example/cmd/handback/internal/serialtty"
	"handback.example/cmd/handback/internal/tui"
	"handback.example/cmd/handback/internal/wire"
)

// screenProcess shows the visit on the terminal that PID 1 gave it. It holds
// nothing that is lost when it dies: PID 1 starts the next one.
func screenProcess([]string) int {
	// Keys that would end a program must not, not even before the screen reads them.
	signal.Ignore(syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := showScreen(ctx, os.Getenv(pid1.EnvTTY)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func showScreen(ctx context.Context, tty string) error {
	var in io.Reader = os.Stdin
	serial := tty == pid1.TTYSerial
	if serial {
		sized, err := serialtty.KeepSize(ctx, os.Stdin)
		if err != nil {
			return fmt.Errorf("the serial line can't be set up: %w", err)
		}
		defer sized.Close()
		in = sized
	}
	return tui.Run(ctx, tui.NewSocketClient(wire.SocketPath), tui.Options{In: in, Out: os.Stdout, Serial: serial,
		OnFirstFrame: func() { eventlog.Event(pid1.FirstFrameEvent, "tty", tty) }})
}
