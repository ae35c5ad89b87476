package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"handback.example/image/vmtest/guest/internal/wire"
)

const (
	execDefault = time.Minute
	// execGrace is how long a program that was killed may take to be gone. One that
	// waits for a drive in the kernel is not gone until the drive answers.
	execGrace = 2 * time.Second
	outputMax = 16 << 20
)

// Exec runs a program and waits for its end, or its time's.
func (a *agent) Exec(x wire.Exec, r *wire.Executed) error {
	if len(x.Args) == 0 {
		r.Error = wire.Pack(errors.New("no program is named"))
		return nil
	}
	if x.Timeout <= 0 {
		x.Timeout = execDefault
	}
	var out, bad output
	c := exec.Command(x.Args[0], x.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = bytes.NewReader(x.Stdin), &out, &bad
	c.Env = []string{"PATH=" + wire.PATH, "LC_ALL=C", "HOME=/tmp"}
	c.Dir = "/tmp"
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.WaitDelay = execGrace // for children that keep the pipes
	r.Code = -1
	if err := c.Start(); err != nil {
		r.Error = wire.Pack(err)
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	limit := time.NewTimer(x.Timeout)
	defer limit.Stop()
	select {
	case <-ended:
		r.Code = code(c.ProcessState)
	case <-limit.C:
		r.TimedOut = true
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // gone already: it ends either way
		select {
		case <-ended:
			r.Code = code(c.ProcessState)
		case <-time.After(2 * execGrace):
		}
	}
	r.Stdout, r.Stderr = out.bytes(), bad.bytes()
	return nil
}

// code of a program that has ended, as a shell gives it.
func code(s *os.ProcessState) int {
	if w, ok := s.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		return 128 + int(w.Signal())
	}
	return s.ExitCode()
}

// output keeps the first of what a program says, and may be looked at while it
// is still written.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b.Write(p[:min(len(p), outputMax-o.b.Len())])
	return len(p), nil
}

func (o *output) bytes() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return bytes.Clone(o.b.Bytes())
}

func init() {
	// exec.LookPath goes by our own environment.
	if err := os.Setenv("PATH", wire.PATH); err != nil {
		panic(err)
	}
}
