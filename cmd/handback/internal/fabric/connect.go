package fabric

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Modules that Connect needs, by name.
var Modules = []string{"e1000e", "nvme_tcp"}

const (
	control = "/dev/nvme-fabrics"
	// namespaceTime is how long a controller may take to show its namespaces; some
	// have none.
	namespaceTime = 5 * time.Second
)

// Connect to all targets, over the machine's adapter. Those that are connected
// already stay so.
func Connect(ctx context.Context, targets []Target, load func(modules ...string) error) error {
	if err := load(Modules...); err != nil {
		return fmt.Errorf("drivers for drives on the network: %w", err)
	}
	if err := bringUp(ctx); err != nil {
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
		c, err := ask(t.options())
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

// ask the kernel for a controller, and give its name.
func ask(options string) (string, error) {
	f, err := os.OpenFile(control, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.WriteString(options); err != nil {
		return "", err
	}
	b := make([]byte, 256)
	n, err := f.Read(b)
	if err != nil {
		return "", err
	}
	return instance(string(b[:n]))
}

// instance of 'instance=0,cntlid=1'.
func instance(answer string) (string, error) {
	for word := range strings.SplitSeq(strings.TrimSpace(answer), ",") {
		if n, ok := strings.CutPrefix(word, "instance="); ok {
			return "nvme" + n, nil
		}
	}
	return "", fmt.Errorf("%s answers %q", control, answer)
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
