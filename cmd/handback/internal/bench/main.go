package bench

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"handback.example/cmd/handback/internal/eventlog"
	"handback.example/cmd/handback/internal/pid1"
	"handback.example/cmd/handback/internal/wire"
)

// Main is the engine process of the booted image: it serves the screens and goes
// through one visit. Its exit code asks PID 1 for something (package pid1).
func Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	e := New(Machine())
	l, err := wire.Listen(wire.SocketPath, pid1.ScreenGID)
	if err != nil {
		eventlog.Event("no-socket", "why", err)
		return 1
	}
	go func() {
		if err := wire.Serve(ctx, l, e); err != nil {
			eventlog.Event("socket-lost", "why", err)
			os.Exit(1) // PID 1 starts the engine again; the visit goes on from its records
		}
	}()
	switch e.Run(ctx) {
	case EndPowerOff:
		return pid1.ExitPowerOff
	case EndReboot:
		return pid1.ExitReboot
	}
	return 1
}
