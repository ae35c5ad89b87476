package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A virtual laptop under TCG keeps a core busy: more than two at once on the
// two cores that this is made for time each other out.
const machines = 2

// slot is one of the machine-wide places for a virtual machine. It is held by an
// open file description, so that it is free again however its holder dies.
type slot struct{ f *os.File }

func (s *slot) free() {
	if s != nil && s.f != nil {
		_ = s.f.Close() // closing frees the flock; there is nothing else to do if it fails
		s.f = nil
	}
}

// takeSlot waits for a free place in dir and says once that it waits.
func takeSlot(ctx context.Context, dir string, say func(string)) (*slot, error) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for said := false; ; {
		for n := 1; n <= machines; n++ {
			f, err := tryLock(filepath.Join(dir, fmt.Sprintf("handback-vm-%d.lock", n)))
			if err != nil {
				return nil, err
			}
			if f != nil {
				return &slot{f}, nil
			}
		}
		if !said {
			say(fmt.Sprintf("%d virtual machines run already, which is as many as may at once: waiting for one to end", machines))
			said = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-tick.C:
		}
	}
}

// tryLock takes the lock or gives nil where somebody else holds it. The file is
// shared by every user of this computer: it is opened for reading, which is
// enough for flock(2), and made only where it is not there, because a sticky
// /tmp refuses O_CREAT on another user's file (fs.protected_regular).
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, os.ErrNotExist) {
		f, err = os.OpenFile(path, os.O_RDONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o444)
		if errors.Is(err, os.ErrExist) {
			f, err = os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW, 0)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lock for virtual machines: %w", err)
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EWOULDBLOCK), errors.Is(err, syscall.EINTR):
		_ = f.Close()
		return nil, nil
	default:
		_ = f.Close()
		return nil, fmt.Errorf("lock for virtual machines: %s: %w", path, err)
	}
}
