package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/inspect/function"
)

// TestCommand is the word with which this program is started as a process that tests.
const TestCommand = "test"

// TestProcess is that process. It runs when nobody else wants the processor.
func TestProcess(args []string) int {
	if err := idle(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if len(args) != 1 {
		return 2
	}
	if err := function.Work(ctx, args[0], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// idle starts this program anew in the kernel's lowest class (sched(7), SCHED_IDLE),
// which goes by threads: those that the runtime has by now are none of it. Whoever
// started this process can't have done so: until it is a program of its own it holds
// copies of all open files, the stick's too, and must not wait for a processor then.
func idle() error {
	runtime.LockOSThread() // exec keeps the class of the thread that calls it
	defer runtime.UnlockOSThread()
	a, err := unix.SchedGetAttr(0, 0)
	if err != nil || a.Policy == unix.SCHED_IDLE {
		return err
	}
	if err := unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_IDLE}, 0); err != nil {
		return err
	}
	if a, err = unix.SchedGetAttr(0, 0); err != nil {
		return err
	}
	if a.Policy != unix.SCHED_IDLE {
		return errors.New("the kernel does not give its lowest class")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(self, os.Args, os.Environ())
}

// testProcess runs a job in a process of its own.
func testProcess(ctx context.Context, j function.Job, tell func(float64)) function.Outcome {
	job, err := json.Marshal(j)
	if err != nil {
		return function.Outcome{Evidence: err.Error()}
	}
	self, err := os.Executable()
	if err != nil {
		return function.Outcome{Evidence: "the test could not be started: " + err.Error()}
	}
	return runTest(ctx, exec.CommandContext(ctx, self, TestCommand, string(job)), tell)
}

// testKill is how long a test may take to end when it is told to.
const testKill = 3 * time.Second

// runTest follows such a process. It dies with this one.
func runTest(ctx context.Context, c *exec.Cmd, tell func(float64)) function.Outcome {
	c.Cancel, c.WaitDelay = func() error { return c.Process.Signal(syscall.SIGTERM) }, testKill
	// By its thread: the one that starts it has to live as long (prctl(2), PR_SET_PDEATHSIG).
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	c.Stdout, c.Stderr = w, os.Stderr
	ended := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := c.Run()
		_ = w.Close()
		ended <- err
	}()
	o, said := readNews(r, tell)
	_ = r.Close()
	err := <-ended
	switch {
	case said:
		return o
	case ctx.Err() != nil:
		return function.Outcome{Evidence: "the visit ended before the test did"}
	case err == nil:
		err = errors.New("it said nothing")
	}
	return function.Outcome{Evidence: "the test ended by itself without a result: " + err.Error()}
}

// newsMost bounds what a test may write.
const newsMost = 1 << 20

func readNews(r io.Reader, tell func(float64)) (o function.Outcome, said bool) {
	from := json.NewDecoder(io.LimitReader(r, newsMost))
	for {
		var n function.News
		if err := from.Decode(&n); err != nil {
			return o, said
		}
		if tell(n.Done); n.Outcome != nil {
			o, said = *n.Outcome, true
		}
	}
}
