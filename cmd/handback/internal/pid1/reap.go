package pid1

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// nursery starts processes and waits for all of them and for orphans: PID 1 is
// the parent of whatever lost its own.
type nursery struct {
	mu   sync.Mutex
	ours map[int]chan unix.WaitStatus
}

func newNursery() *nursery {
	n := &nursery{ours: map[int]chan unix.WaitStatus{}}
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for range children {
			n.reap()
		}
	}()
	return n
}

// start runs the start function and gives the channel on which the end comes.
func (n *nursery) start(start func() (*os.Process, error)) (pid int, end <-chan unix.WaitStatus, err error) {
	n.mu.Lock()
	defer n.mu.Unlock() // so that no child is waited for before it is known
	p, err := start()
	if err != nil {
		return 0, nil, err
	}
	c := make(chan unix.WaitStatus, 1)
	n.ours[p.Pid] = c
	pid = p.Pid
	return pid, c, p.Release()
}

func (n *nursery) reap() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for {
		var s unix.WaitStatus
		pid, err := unix.Wait4(-1, &s, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if c, ok := n.ours[pid]; ok {
			c <- s
			delete(n.ours, pid)
		}
	}
}

// describeEnd in words, for the log.
func describeEnd(s unix.WaitStatus) (how string, code int) {
	if s.Signaled() {
		return "signal " + unix.SignalName(s.Signal()), -1
	}
	return "exit", s.ExitStatus()
}
