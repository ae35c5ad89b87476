package vmtest

import (
	"bytes"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that we started and that never outlives us.
type process struct {
	cmd  *exec.Cmd
	err  error         // of Wait; read after done
	done chan struct{} // closed when the program has ended
	said tail
}

// start runs a program that is killed when this process dies. The kernel ties
// PR_SET_PDEATHSIG to the thread that forked (prctl(2)), so one thread is kept
// for it until the program has ended.
func start(name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), done: make(chan struct{})}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	return p, nil
}

// end stops the program, politely for as long as grace, then by SIGKILL. It
// returns when the program is gone.
func (p *process) end(grace time.Duration) {
	if p == nil {
		return
	}
	if grace > 0 {
		_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails only where it has ended already
		select {
		case <-p.done:
			return
		case <-time.After(grace):
		}
	}
	_ = p.cmd.Process.Kill()
	<-p.done
}

// ended tells whether the program has ended.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// fault is the sentence for a program that ended when it should not have.
func (p *process) fault() string {
	s := fmt.Sprintf("%s ended: %v", p.cmd.Args[0], p.err)
	if p.err == nil {
		s = p.cmd.Args[0] + " ended"
	}
	if said := p.said.String(); said != "" {
		s += ": " + said
	}
	return s
}

// tail keeps the last of what a program wrote.
type tail struct {
	mu sync.Mutex
	b  bytes.Buffer
}

const tailMax = 4096

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b.Write(p)
	if over := t.b.Len() - tailMax; over > 0 {
		t.b.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(strings.FieldsFunc(strings.TrimSpace(t.b.String()), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
