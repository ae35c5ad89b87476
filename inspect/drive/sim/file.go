package sim

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// OpenMedium gives a medium that is a raw file, made where it is not there, so
// that anybody can look at it with tools of their own while a model is at work. Its
// size becomes the given one; a file of another size is refused.
func OpenMedium(name string, size int64) (*Medium, func() error, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, nil, err
	}
	st, err := f.Stat()
	switch {
	case err != nil:
	case !st.Mode().IsRegular():
		err = fmt.Errorf("%s is not a regular file: a medium is kept in one", name)
	case st.Size() == 0:
		err = f.Truncate(size)
	case st.Size() != size:
		err = fmt.Errorf("%s holds %d bytes, the medium has %d: name another file", name, st.Size(), size)
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return &Medium{size: size, store: file{f}}, f.Close, nil
}

// file keeps a medium in a sparse file.
type file struct{ f *os.File }

func (x file) read(p []byte, off int64) error  { _, err := x.f.ReadAt(p, off); return err }
func (x file) write(p []byte, off int64) error { _, err := x.f.WriteAt(p, off); return err }

func (x file) fill(off, n int64, p Pattern) error {
	if p.same(Zeros) {
		err := unix.Fallocate(int(x.f.Fd()), unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, off, n)
		if err == nil || !errors.Is(err, unix.EOPNOTSUPP) {
			return err
		}
	}
	buf := make([]byte, min(n, 1<<20))
	for n > 0 {
		b := buf[:min(n, int64(len(buf)))]
		p.read(b, off)
		if err := x.write(b, off); err != nil {
			return err
		}
		off, n = off+int64(len(b)), n-int64(len(b))
	}
	return nil
}

func (file) snapshot() (func() error, error) {
	return nil, errors.New("a medium that is a file can't bring old data back: keep it in memory")
}
