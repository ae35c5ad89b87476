package stick

import (
	"errors"
	"io"
	"io/fs"
	"path"
)

// volume, folder and handle are the file operations that durable writing needs,
// so that tests can fail each of them in turn.
type volume interface {
	// openFolder opens a folder and makes it, durably, where it isn't there.
	openFolder(name string) (folder, error)
	read(name string) ([]byte, error)
}

type folder interface {
	create(name string) (handle, error) // fails where the name is taken
	rename(from, to string, replace bool) error
	remove(name string) error
	Sync() error
	Close() error
}

type handle interface {
	io.Writer
	Sync() error
	Close() error
}

// writeDurable writes one file, or takes it away; a record is neither taken away
// nor replaced. fsync comes again after the rename: on FAT file systems the rename
// moves the entry that holds length and first cluster, and what was synced before
// stood in the old one.
func writeDurable(v volume, f File) (err error) {
	if err := mayWrite(v, f); err != nil {
		return err
	}
	dir, base := path.Split(f.Name)
	d, err := v.openFolder(path.Clean(dir))
	if err != nil {
		return err
	}
	defer closing(d, &err)
	if f.Remove {
		if err := d.remove(base); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return d.Sync()
	}
	temp := "." + base + ".tmp"
	if err := d.remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	h, err := d.create(temp)
	if err != nil {
		return err
	}
	named := false
	defer func() {
		closing(h, &err)
		if err != nil && !named {
			// What is left over takes room only; the next write of this name removes it.
			_ = d.remove(temp)
		}
	}()
	if n, err := h.Write(f.Data); err != nil {
		return err
	} else if n != len(f.Data) {
		return io.ErrShortWrite
	}
	if err := h.Sync(); err != nil {
		return err
	}
	if err := d.rename(temp, base, !f.New); err != nil {
		return err
	}
	named = true
	if err := h.Sync(); err != nil {
		return err
	}
	return d.Sync()
}

// closing closes c; an error of that is an error of the write.
func closing(c io.Closer, err *error) {
	if e := c.Close(); e != nil && *err == nil {
		*err = e
	}
}
