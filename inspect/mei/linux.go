package mei

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Device is the management engine as the kernel's mei_me driver has it.
const Device = "/dev/mei0"

// connectClient is IOCTL_MEI_CONNECT_CLIENT, _IOWR('H', 0x01, 16 bytes)
// (include/uapi/linux/mei.h).
const connectClient = 0xc0104801

// hostInterface is AMT's client for the machine itself, 12F80028-B4B7-4B2D-ACA8-46E0FF65814C.
var hostInterface = [16]byte{0x28, 0x00, 0xf8, 0x12, 0xb7, 0xb4, 0x2d, 0x4b, 0xac, 0xa8, 0x46, 0xe0, 0xff, 0x65, 0x81, 0x4c}

// maxMessage is above what AMT's client takes and gives (some 5 KB).
const maxMessage = 16 << 10

// answerWait ends the wait for an answer; it comes within milliseconds.
const answerWait = 3 * time.Second

// Ask opens this machine's management engine and asks AMT who controls it. It ends
// with ctx.
func Ask(ctx context.Context) (Mode, error) {
	type result struct {
		mode Mode
		err  error
	}
	done := make(chan result, 1) // room for one: a late answer waits for nobody
	go func() {
		mode, err := ask()
		done <- result{mode, err}
	}()
	select {
	case r := <-done:
		return r.mode, r.err
	case <-ctx.Done():
		return Unknown, errors.New("the management engine did not answer in time")
	}
}

func ask() (Mode, error) {
	c, err := open(Device)
	if err != nil {
		return Unknown, err
	}
	defer c.close()
	return ControlMode(c)
}

// device is a connection of the driver's.
type device struct{ fd int }

func open(name string) (device, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return device{}, ErrNoDevice
	case err != nil:
		return device{}, fmt.Errorf("open the management engine: %w", err)
	}
	data := hostInterface // the driver writes what the client can do over it
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), connectClient, uintptr(unsafe.Pointer(&data)))
	if errno == 0 {
		return device{fd}, nil
	}
	_ = unix.Close(fd)
	if errno == unix.ENOTTY { // no such client
		return device{}, ErrNoAMT
	}
	return device{}, fmt.Errorf("connect to AMT: %w", errno)
}

func (d device) close() { _ = unix.Close(d.fd) }

func (d device) Exchange(request []byte) ([]byte, error) {
	deadline := time.Now().Add(answerWait)
	if err := d.ready(unix.POLLOUT, deadline); err != nil {
		return nil, err
	}
	switch n, err := unix.Write(d.fd, request); {
	case err != nil:
		return nil, fmt.Errorf("ask AMT: %w", err)
	case n != len(request):
		return nil, fmt.Errorf("ask AMT: %d of %d bytes were taken", n, len(request))
	}
	if err := d.ready(unix.POLLIN, deadline); err != nil {
		return nil, err
	}
	answer := make([]byte, maxMessage)
	n, err := unix.Read(d.fd, answer)
	if err != nil {
		return nil, fmt.Errorf("AMT's answer: %w", err)
	}
	return answer[:n], nil
}

// ready waits until the device takes or gives a message.
func (d device) ready(event int16, deadline time.Time) error {
	for {
		left := time.Until(deadline)
		if left <= 0 {
			return errors.New("AMT did not answer in time")
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(d.fd), Events: event}}, int(left.Milliseconds())+1)
		switch {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return fmt.Errorf("wait for AMT: %w", err)
		case n > 0:
			return nil
		}
	}
}
