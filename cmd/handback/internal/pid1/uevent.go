package pid1

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// uevent is what the kernel tells of one device (Documentation/core-api/kobject).
type uevent struct{ action, path, subsystem, modalias string }

// parseUevent reads 'ACTION@PATH\0KEY=VALUE\0...'.
func parseUevent(b []byte) (uevent, bool) {
	parts := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
	action, path, ok := strings.Cut(parts[0], "@")
	if !ok {
		return uevent{}, false
	}
	u := uevent{action: action, path: path}
	for _, p := range parts[1:] {
		switch k, v, _ := strings.Cut(p, "="); k {
		case "SUBSYSTEM":
			u.subsystem = v
		case "MODALIAS":
			u.modalias = v
		}
	}
	return u, true
}

// ueventBuffer: a start-up's events come faster than modules load.
const ueventBuffer = 8 << 20

// errLost: the kernel had more to tell than the buffer holds; the devices must be
// walked again.
var errLost = errors.New("events were lost")

type ueventSocket struct {
	fd  int
	buf []byte
}

func openUevents() (*ueventSocket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return nil, fmt.Errorf("open the kernel's device events: %w", err)
	}
	// Without the large buffer events may be lost, which next tells of.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, ueventBuffer)
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("listen to the kernel's device events: %w", err)
	}
	return &ueventSocket{fd, make([]byte, 16<<10)}, nil
}

// next waits for an event of the kernel's; what other processes send is not heard.
func (s *ueventSocket) next() (uevent, error) {
	for {
		n, from, err := unix.Recvfrom(s.fd, s.buf, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.ENOBUFS):
			return uevent{}, errLost
		case err != nil:
			return uevent{}, err
		}
		if a, ok := from.(*unix.SockaddrNetlink); !ok || a.Pid != 0 {
			continue
		}
		if u, ok := parseUevent(s.buf[:n]); ok {
			return u, nil
		}
	}
}
