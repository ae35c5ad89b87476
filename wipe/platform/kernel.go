package platform

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// system is every call to the kernel that a removal makes; tests fail each in turn.
type system interface {
	// unmount a file system, if one is mounted there.
	unmount(at string) error
	// mount efivarfs.
	mount(at string, readOnly bool) error
	read(name string) ([]byte, error)
	// write to a file that is there, in one piece.
	write(name string, b []byte) error
	unlink(name string) error
	immutable(name string) (bool, error)
	mutable(name string) error
}

type kernel struct{}

func (kernel) unmount(at string) error {
	if err := unix.Unmount(at, 0); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}

func (kernel) mount(at string, readOnly bool) error {
	flags := uintptr(unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("efivarfs", at, "efivarfs", flags, "")
}

// maxContent is above what firmware takes for one variable.
const maxContent = 256 << 10

func (kernel) read(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxContent+1))
	if err == nil && len(b) > maxContent {
		err = fmt.Errorf("it is longer than %d bytes", maxContent)
	}
	return b, err
}

func (kernel) write(name string, b []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

func (kernel) unlink(name string) error { return os.Remove(name) }

// immutableFlag is FS_IMMUTABLE_FL of <linux/fs.h>.
const immutableFlag = 0x10

func (kernel) immutable(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	flags, err := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS)
	return flags&immutableFlag != 0, err
}

// mutable takes the immutable flag away, the only one that efivarfs has.
func (kernel) mutable(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.IoctlSetPointerInt(int(f.Fd()), unix.FS_IOC_SETFLAGS, 0)
}
