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

// The guest's place in QEMU's user network (-nic user): 10.0.2.0/24, the host of the
// virtual machine is 10.0.2.2 and leads to everywhere else.
var (
	ownAddress = []byte{10, 0, 2, 15}
	ownMask    = []byte{255, 255, 255, 0}
)

// linkTime is how long the adapter may take to appear, and then its cable.
const linkTime = 15 * time.Second

// BringUp gives the machine's adapter its address and waits for its cable. Its driver
// must be loaded.
func BringUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, linkTime)
	defer cancel()
	var name string
	if err := until(ctx, func() (ok bool) { name, ok = adapter("/sys/class/net"); return ok }); err != nil {
		return fmt.Errorf("the machine has no adapter: %w", err)
	}
	if err := setUp(name); err != nil {
		return err
	}
	// A connection that is begun before there is a cable waits for its second SYN.
	if err := until(ctx, func() bool { return carrier("/sys/class/net/" + name) }); err != nil {
		return fmt.Errorf("%s has no cable: %w", name, err)
	}
	return nil
}

func until(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// adapter is the first interface that is a device.
func adapter(dir string) (string, bool) {
	m, err := filepath.Glob(dir + "/*/device")
	if err != nil || len(m) == 0 {
		return "", false
	}
	return filepath.Base(filepath.Dir(m[0])), true
}

func carrier(dir string) bool {
	b, err := os.ReadFile(filepath.Join(dir, "carrier"))
	return err == nil && strings.TrimSpace(string(b)) == "1"
}

// setUp by ioctls of netdevice(7).
func setUp(name string) (err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unix.Close(fd)) }()
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		request uint
		address []byte
	}{{unix.SIOCSIFADDR, ownAddress}, {unix.SIOCSIFNETMASK, ownMask}} {
		if err := r.SetInet4Addr(s.address); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, s.request, r); err != nil {
			return fmt.Errorf("address of %s: %w", name, err)
		}
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return nil
}
