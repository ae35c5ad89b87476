package main

import (
	"errors"
	"io/fs"
	"testing"
)

// memory is a disk whose files are on it to stay only once file and folder were
// synced, and whose nth call fails.
type memory struct {
	calls, fail int
	files       map[string]*memoryFile // as a program sees them
	kept        map[string]string      // as they are after a power cut
}

type memoryFile struct {
	disk   *memory
	data   string
	synced string
}

var errFault = errors.New("input/output error")

func (m *memory) call() error {
	if m.calls++; m.calls == m.fail {
		return errFault
	}
	return nil
}

func (m *memory) create(name string, mode fs.FileMode) (diskFile, error) {
	if err := m.call(); err != nil {
		return nil, err
	}
	if m.files[name] != nil {
		return nil, fs.ErrExist
	}
	m.files[name] = &memoryFile{disk: m}
	return m.files[name], nil
}

func (f *memoryFile) Write(b []byte) (int, error) {
	if err := f.disk.call(); err != nil {
		return 0, err
	}
	f.data += string(b)
	return len(b), nil
}

func (f *memoryFile) Sync() error {
	if err := f.disk.call(); err != nil {
		return err
	}
	f.synced = f.data
	return nil
}

func (f *memoryFile) Close() error { return f.disk.call() }

func (m *memory) renameNew(from, to string) error {
	if err := m.call(); err != nil {
		return err
	}
	if m.files[to] != nil {
		return fs.ErrExist
	}
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memory) rename(from, to string) error {
	if err := m.call(); err != nil {
		return err
	}
	m.files[to] = m.files[from]
	delete(m.files, from)
	return nil
}

func (m *memory) remove(name string) error {
	if m.files[name] == nil {
		return fs.ErrNotExist
	}
	if err := m.call(); err != nil {
		return err
	}
	delete(m.files, name)
	return nil
}

func (m *memory) syncFolder(string) error {
	if err := m.call(); err != nil {
		return err
	}
	m.kept = map[string]string{}
	for name, f := range m.files {
		m.kept[name] = f.synced
	}
	return nil
}

// Each call of writing fails in turn: what is acknowledged survives a power cut, and
// a file of the name is the old one or the new one, whole.
func TestWriteFails(t *testing.T) {
	for _, replace := range []bool{false, true} {
		acknowledged := false
		for fail := 1; !acknowledged; fail++ {
			if fail > 50 {
				t.Fatal("it never succeeds")
			}
			m := &memory{fail: fail, files: map[string]*memoryFile{}, kept: map[string]string{}}
			// A run before was cut off: its temporary file is in the way.
			m.files["d/.a.tmp"] = &memoryFile{disk: m, data: "ol"}
			if replace {
				m.files["d/a"] = &memoryFile{disk: m, data: "old", synced: "old"}
				m.kept["d/a"] = "old"
			}
			err := write(m, file{name: "d/a", data: []byte("new"), mode: 0o600, replace: replace})
			acknowledged = err == nil && m.calls < fail
			if err == nil && m.kept["d/a"] != "new" {
				t.Errorf("call %d fails: acknowledged, and a power cut leaves %q", fail, m.kept["d/a"])
			}
			if err != nil && !errors.Is(err, errFault) {
				t.Errorf("call %d fails: %v", fail, err)
			}
			for where, f := range map[string]string{"on the disk": m.kept["d/a"], "for programs": content(m.files["d/a"])} {
				if f != "new" && (f != "old" || !replace) && (f != "" || replace) {
					t.Errorf("call %d fails: %s is %q", fail, where, f)
				}
			}
		}
	}
}

func content(f *memoryFile) string {
	if f == nil {
		return ""
	}
	return f.data
}

func TestWriteNewReplacesNothing(t *testing.T) {
	m := &memory{files: map[string]*memoryFile{}}
	m.files["d/a"] = &memoryFile{disk: m, data: "old", synced: "old"}
	if err := write(m, file{name: "d/a", data: []byte("new")}); !errors.Is(err, fs.ErrExist) || m.files["d/a"].data != "old" {
		t.Errorf("%v, and the file is %q", err, m.files["d/a"].data)
	}
	if len(m.files) != 1 {
		t.Error("a temporary file is left")
	}
}
