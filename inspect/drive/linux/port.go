package linux

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
)

// errStuck: earlier commands have not come back, so this one was not sent.
var errStuck = errors.New("the drive still owes the answers to earlier commands; nothing more is sent")

// Time limits. The kernel has its own for each command, and after it needs some
// seconds to abort the command and reset the drive: only then are we sure that no
// answer comes.
const (
	defaultTimeout = time.Minute
	grace          = 45 * time.Second
)

// inFlight is how many commands may be under way at once: the threads that a dead
// drive can keep for ever.
const inFlight = 4

// port is an open device node, and what keeps a call that never returns from
// keeping its caller.
type port struct {
	file  *os.File
	slots chan struct{}
}

func newPort(f *os.File) *port { return &port{file: f, slots: make(chan struct{}, inFlight)} }

// call makes a system call on the descriptor, in a goroutine that keeps the
// descriptor open until the kernel lets it go, whatever the caller does meanwhile.
// fn owns everything that the kernel may write to.
func (p *port) call(ctx context.Context, limit time.Duration, fn func(fd uintptr) error) error {
	if err := ctx.Err(); err != nil {
		return err // nothing was sent
	}
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", errStuck, ctx.Err())
	case <-timer.C:
		return errStuck
	}
	done := make(chan error, 1)
	go func() {
		err := p.control(fn)
		<-p.slots
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", drive.ErrNoAnswer, ctx.Err())
	case <-timer.C:
		return fmt.Errorf("%w for %s", drive.ErrNoAnswer, limit)
	}
}

func (p *port) control(fn func(fd uintptr) error) error {
	conn, err := p.file.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := conn.Control(func(fd uintptr) { inner = fn(fd) }); err != nil {
		return err
	}
	return inner
}

// timeouts of a command: the kernel's in milliseconds, and ours beyond it.
func timeouts(t time.Duration) (kernel uint32, ours time.Duration) {
	if t <= 0 {
		t = defaultTimeout
	}
	// The kernel reads 0 as its default and, of SG_IO, the highest value as none.
	ms := min(max((t+time.Millisecond-1)/time.Millisecond, 1), 1<<31-1)
	return uint32(ms), time.Duration(ms)*time.Millisecond + grace
}

// ioctl gives what the kernel returned; NVMe puts the drive's status there. It is
// never repeated: of a call that a signal ended, nobody knows what it did.
func ioctl(fd, request uintptr, arg unsafe.Pointer) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, request, uintptr(arg))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
