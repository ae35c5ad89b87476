package guest

import (
	"context"
	"path/filepath"
	"testing"
	"time"
)

// Test is a guest in a test: its calls fail the test where they get no answer.
type Test struct {
	*Guest
	t testing.TB
}

// Boot starts a guest that ends with the test. If the test fails, the end of what
// the guest's kernel said is in its log.
func Boot(t testing.TB, c Config) *Test {
	t.Helper()
	if c.Say == nil {
		c.Say = func(s string) { t.Log(s) }
	}
	if c.SerialLog == "" {
		c.SerialLog = filepath.Join(t.TempDir(), "serial.log")
	}
	start := time.Now()
	g, err := Start(t.Context(), c) // waits for its turn as long as it takes
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the guest was ready %.1f s after it was asked for", time.Since(start).Seconds())
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the guest's log ends with:\n%s", g.vm.LogTail(40))
		}
		g.Close()
	})
	return &Test{g, t}
}

// waitLimit for what comes by itself.
const waitLimit = time.Minute

func (g *Test) limited() (context.Context, context.CancelFunc) {
	return context.WithTimeout(g.t.Context(), waitLimit)
}

// WaitDrive is FindDrive, for a minute.
func (g *Test) WaitDrive(which string) Drive {
	g.t.Helper()
	ctx, cancel := g.limited()
	defer cancel()
	d, err := g.FindDrive(ctx, which)
	if err != nil {
		g.t.Fatal(err)
	}
	return d
}

// Run runs a program for a minute at most. Its exit code is for the test to judge.
func (g *Test) Run(args ...string) Result {
	g.t.Helper()
	r, err := g.Exec(g.t.Context(), Command{Args: args})
	if err != nil {
		g.t.Fatalf("%v\n%s", err, r)
	}
	return r
}

// ConnectNVMe is Connect, for a minute.
func (g *Test) ConnectNVMe(address, nqn string, options ...string) (controller string) {
	g.t.Helper()
	ctx, cancel := g.limited()
	defer cancel()
	controller, err := g.Connect(ctx, address, nqn, options...)
	if err != nil {
		g.t.Fatal(err)
	}
	return controller
}
