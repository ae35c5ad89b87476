package fabric

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	guest "handback.example/image/fabric"
)

// namespaceTime is how long a controller may take to show its namespaces; some have
// none.
const namespaceTime = 5 * time.Second

// Connect to all targets, over the machine's adapter. Those that are connected
// already stay so.
func Connect(ctx context.Context, targets []Target, load func(modules ...string) error) error {
	if err := load(guest.Modules...); err != nil {
		return fmt.Errorf("drivers for drives on the network: %w", err)
	}
	if err := guest.BringUp(ctx); err != nil {
		return fmt.Errorf("the network: %w", err)
	}
	for _, t := range targets {
		if err := t.connect(ctx); err != nil {
			return fmt.Errorf("the drive at %s: %w", t.Address, err)
		}
	}
	return nil
}

// connect one. The kernel answers when the controller is there, or can't be had;
// until then its call can't be broken off.
func (t Target) connect(ctx context.Context) error {
	type answer struct {
		controller string
		err        error
	}
	done := make(chan answer, 1)
	go func() {
		c, err := guest.Ask(t.options())
		done <- answer{c, err}
	}()
	select {
	case a := <-done:
		if errors.Is(a.err, unix.EALREADY) {
			return nil
		}
		if a.err != nil {
			return a.err
		}
		namespaces(ctx, a.controller)
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// namespaces waits until the controller shows one.
func namespaces(ctx context.Context, controller string) {
	end := time.Now().Add(namespaceTime)
	for time.Now().Before(end) && ctx.Err() == nil {
		if m, err := filepath.Glob("/sys/class/nvme/" + controller + "/nvme*n*"); err == nil && len(m) > 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
