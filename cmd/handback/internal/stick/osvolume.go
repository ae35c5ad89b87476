package stick

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// osVolume is a folder of the kernel's. Names never lead out of it: os.Root
// refuses links that do.
type osVolume struct{ root *os.Root }

func openVolume(dir string) (*osVolume, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &osVolume{r}, nil
}

func (v *osVolume) Close() error { return v.root.Close() }

func (v *osVolume) openFolder(name string) (folder, error) {
	f, err := v.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) && name != "." {
		if err := v.makeFolder(name); err != nil {
			return nil, err
		}
		f, err = v.root.Open(name)
	}
	if err != nil {
		return nil, err
	}
	return &osFolder{f}, nil
}

// makeFolder makes a folder and those above it, each on the medium before the next.
func (v *osVolume) makeFolder(name string) error {
	above, err := v.openFolder(path.Dir(name))
	if err != nil {
		return err
	}
	defer above.Close()
	if err := v.root.Mkdir(name, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return above.Sync()
}

func (v *osVolume) read(name string) ([]byte, error) {
	f, err := v.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if i, err := f.Stat(); err != nil {
		return nil, err
	} else if !i.Mode().IsRegular() || i.Size() > MaxFile {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	b, err := io.ReadAll(io.LimitReader(f, MaxFile+1))
	if err == nil && len(b) > MaxFile {
		err = &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return b, err
}

func (v *osVolume) list(dir string) ([]string, error) {
	f, err := v.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

type osFolder struct{ *os.File }

func (d *osFolder) create(name string) (handle, error) {
	fd, err := unix.Openat(int(d.Fd()), name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: err}
	}
	return os.NewFile(uintptr(fd), name), nil
}

// rename without replace must not race with another program: renameat2(2), or a
// hard link where the file system has no such flag.
func (d *osFolder) rename(from, to string, replace bool) error {
	fd := int(d.Fd())
	fail := func(err error) error {
		if err == nil {
			return nil
		}
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	if replace {
		return fail(unix.Renameat(fd, from, fd, to))
	}
	err := unix.Renameat2(fd, from, fd, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return fail(err)
	}
	if err := unix.Linkat(fd, from, fd, to, 0); err != nil {
		return fail(err)
	}
	return fail(unix.Unlinkat(fd, from, 0))
}

func (d *osFolder) remove(name string) error {
	if err := unix.Unlinkat(int(d.Fd()), name, 0); err != nil {
		return &fs.PathError{Op: "remove", Path: name, Err: err}
	}
	return nil
}

// Sync of a folder: a file system that has no such thing (EINVAL, fsync(2)) keeps
// its names in order by itself.
func (d *osFolder) Sync() error {
	if err := d.File.Sync(); err != nil && !errors.Is(err, unix.EINVAL) {
		return err
	}
	return nil
}
