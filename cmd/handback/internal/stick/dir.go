package stick

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// Dir is a Store in a plain folder: 'wipe --out', and tests. What the folder
// lies on is the caller's to know.
type Dir struct {
	path   string
	folder os.FileInfo
	gate   gate
}

var _ Store = (*Dir)(nil)

// NewDir makes the folder where it isn't there.
func NewDir(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	// The folder's own name must survive too.
	above, err := os.Open(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer above.Close()
	if err := (&osFolder{above}).Sync(); err != nil {
		return nil, err
	}
	folder, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path: path, folder: folder, gate: newGate()}, nil
}

// Path of the folder.
func (d *Dir) Path() string { return d.path }

func (d *Dir) with(ctx context.Context, f func(v *osVolume) error) error {
	return d.gate.run(ctx, func() error {
		v, err := openVolume(d.path)
		if err != nil {
			return err
		}
		defer v.Close()
		// Where a medium was taken away from under the path, another folder shows.
		if now, err := v.root.Stat("."); err != nil {
			return err
		} else if !os.SameFile(now, d.folder) {
			return fmt.Errorf("%s is not the folder any more that it was: %w", d.path, fs.ErrNotExist)
		}
		release, err := v.lock()
		if err != nil {
			return fmt.Errorf("%s can't be kept for one program at a time (%w): use a folder on a disk of this machine", d.path, err)
		}
		defer release()
		return f(v)
	})
}

// lock keeps other programs out of the folder: two that write the same name would
// take each other's temporary file (flock(2); it ends with the program).
func (v *osVolume) lock() (release func(), err error) {
	f, err := v.root.Open(".")
	if err != nil {
		return nil, err
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_EX); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return func() { _ = f.Close() }, nil
}

// Write implements Store.
func (d *Dir) Write(ctx context.Context, name string, b []byte) error {
	return d.WriteAll(ctx, []File{{Name: name, Data: b}})
}

// Create implements Store.
func (d *Dir) Create(ctx context.Context, name string, b []byte) error {
	return d.WriteAll(ctx, []File{{Name: name, Data: b, New: true}})
}

// WriteAll implements Store.
func (d *Dir) WriteAll(ctx context.Context, files []File) error {
	return writeAll(files, func(f func(v *osVolume) error) error { return d.with(ctx, f) })
}

// Read implements Store.
func (d *Dir) Read(ctx context.Context, name string) ([]byte, error) {
	return readOne(d.ReadAll(ctx, []string{name}))
}

// ReadAll implements Store.
func (d *Dir) ReadAll(ctx context.Context, names []string) ([][]byte, error) {
	return readAll(names, func(f func(v *osVolume) error) error { return d.with(ctx, f) })
}

// List implements Store.
func (d *Dir) List(ctx context.Context, dir string) ([]string, error) {
	return listOne(dir, func(f func(v *osVolume) error) error { return d.with(ctx, f) })
}

// Present implements Store.
func (d *Dir) Present() bool {
	i, err := os.Stat(d.path)
	return err == nil && i.IsDir()
}

// Free implements Store.
func (d *Dir) Free() (int64, error) { return freeBytes(d.path) }

func freeBytes(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: path, Err: err}
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// gate lets one operation through at a time. An operation whose context ends is
// left to finish by itself and keeps the gate until then: a stick that doesn't
// answer blocks in the kernel, and nothing may be mounted over it.
type gate chan struct{}

func newGate() gate { return make(gate, 1) }

func (g gate) run(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	done := make(chan error, 1)
	go func() {
		err := f()
		<-g
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Each of these returns results through a copy of its own: an operation that was
// given up must not write into what its caller has gone on to use.

func writeAll(files []File, with func(func(v *osVolume) error) error) error {
	for _, f := range files {
		if err := checkName("write", f.Name); err != nil {
			return err
		}
	}
	own := make([]File, len(files))
	for i, f := range files {
		own[i] = File{f.Name, append([]byte(nil), f.Data...), f.New, f.Remove}
	}
	return with(func(v *osVolume) error {
		for _, f := range own {
			if err := writeDurable(v, f); err != nil {
				return err
			}
		}
		return nil
	})
}

func readAll(names []string, with func(func(v *osVolume) error) error) ([][]byte, error) {
	for _, n := range names {
		if err := checkName("read", n); err != nil {
			return nil, err
		}
	}
	own := slices.Clone(names)
	got := make(chan [][]byte, 1)
	err := with(func(v *osVolume) error {
		var all [][]byte
		defer func() { got <- all }()
		for _, n := range own {
			b, err := v.read(n)
			if err != nil {
				return err
			}
			all = append(all, b)
		}
		return nil
	})
	select {
	case all := <-got:
		return all, err
	default:
		return nil, err // not begun, or given up
	}
}

func readOne(all [][]byte, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

func listOne(dir string, with func(func(v *osVolume) error) error) ([]string, error) {
	if dir != "." {
		if err := checkName("list", dir); err != nil {
			return nil, err
		}
	}
	got := make(chan []string, 1)
	if err := with(func(v *osVolume) error {
		l, err := v.list(dir)
		got <- l
		return err
	}); err != nil {
		return nil, err
	}
	return <-got, nil
}
