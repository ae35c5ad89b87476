package stick

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// conformance is what every Store must do; the one on a stick runs it in a
// virtual machine, where the kernel has exFAT.
func conformance(t *testing.T, s Store) {
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if l, err := s.List(ctx, "spool"); err != nil || len(l) != 0 {
		t.Errorf("a folder that isn't there: %v, %v", l, err)
	}
	must(s.Write(ctx, "labels/a", []byte("first")))
	must(s.Write(ctx, "labels/a", []byte("second, longer")))
	must(s.Write(ctx, "spool/a", []byte("a record")))
	must(s.Create(ctx, "spool/b", nil))
	if err := s.Create(ctx, "spool/a", []byte("third")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file: %v", err)
	}
	if b, err := s.Read(ctx, "labels/a"); err != nil || string(b) != "second, longer" {
		t.Errorf("Read: %q, %v", b, err)
	}
	if b, err := s.Read(ctx, "spool/b"); err != nil || len(b) != 0 {
		t.Errorf("Read of an empty file: %q, %v", b, err)
	}
	if b, err := s.ReadAll(ctx, []string{"labels/a", "spool/b", "spool/a"}); err != nil || len(b) != 3 || string(b[0]) != "second, longer" || string(b[2]) != "a record" {
		t.Errorf("ReadAll: %q, %v", b, err)
	}
	if b, err := s.ReadAll(ctx, []string{"labels/a", "spool/none", "spool/a"}); !errors.Is(err, fs.ErrNotExist) || len(b) != 1 {
		t.Errorf("ReadAll of a file that isn't there: %q, %v", b, err)
	}
	keepsRecords(t, s)
	if _, err := s.Read(ctx, "spool/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of no file: %v", err)
	}
	err := s.WriteAll(ctx, []File{{Name: "one", Data: []byte("1")}, {Name: "spool/a", New: true}, {Name: "two"}})
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("WriteAll: %v", err)
	}
	if l, err := s.List(ctx, "."); err != nil || !slices.Equal(l, []string{"one"}) {
		t.Errorf("WriteAll didn't end at its first error: %v, %v", l, err)
	}
	if l, err := s.List(ctx, "spool"); err != nil || !slices.Equal(l, []string{"S09-000001-0001.json", "S09-000001-receipt.json", "S09-000002-receipt.json", "a", "b"}) {
		t.Errorf("List: %v, %v", l, err)
	}
	for _, name := range []string{"", ".", "..", "/etc/passwd", "../x", "a/../../x", "spool/.hidden", "a//b", "x/", "a:b", "tag\n", "ü",
		strings.Repeat("n", nameMax+1), "ends.", "ends "} {
		if err := s.Write(ctx, name, nil); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Write of %q: %v", name, err)
		}
		if _, err := s.Read(ctx, name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Read of %q: %v", name, err)
		}
	}
	if free, err := s.Free(); err != nil || free <= 0 {
		t.Errorf("Free: %d, %v", free, err)
	}
	if !s.Present() {
		t.Error("not present")
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Write(over, "late", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Write after the end of its context: %v", err)
	}
}

// keepsRecords: nothing in the spool is removed or replaced without the hub's word.
func keepsRecords(t *testing.T, s Store) {
	t.Helper()
	ctx := context.Background()
	const name, record = "spool/S09-000001-0001.json", "the record"
	remove := func(name string) error { return s.WriteAll(ctx, []File{{Name: name, Remove: true}}) }
	if err := s.Create(ctx, name, []byte(record)); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(ctx, name, []byte("another")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a record was replaced: %v", err)
	}
	if err := s.Write(ctx, name, []byte(record)); err != nil {
		t.Errorf("the same bytes again: %v", err)
	}
	for _, n := range []string{name, "spool/a"} {
		if err := remove(n); !errors.Is(err, ErrNoReceipt) {
			t.Errorf("%s was removed without a receipt: %v", n, err)
		}
	}
	// A receipt of another record is none. 'the record' has this SHA-256 by sha256sum.
	const sum = "92076f09ce7c22e23a07427d7eece0ca339eb7a9a3a1354861728c107c13b5c3"
	if err := s.Create(ctx, "spool/S09-000001-receipt.json", []byte(`{"sha256":["`+strings.Repeat("0", 64)+`"]}`)); err != nil {
		t.Fatal(err)
	}
	if err := remove(name); !errors.Is(err, ErrNoReceipt) {
		t.Errorf("removed by the receipt of another record: %v", err)
	}
	if err := s.Create(ctx, "spool/S09-000002-0001.json", []byte(record)); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, "spool/S09-000002-receipt.json", []byte(`{"sha256":["`+sum+`"]}`)); err != nil {
		t.Fatal(err)
	}
	if err := remove("spool/S09-000002-0001.json"); err != nil {
		t.Errorf("with its receipt: %v", err)
	}
	if err := remove("spool/S09-000002-receipt.json"); !errors.Is(err, ErrNoReceipt) {
		t.Errorf("a receipt was removed: %v", err)
	}
	if b, err := s.Read(ctx, name); err != nil || string(b) != record {
		t.Errorf("the record is now %q, %v", b, err)
	}
}

func TestDir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "place")
	d, err := NewDir(path)
	if err != nil {
		t.Fatal(err)
	}
	conformance(t, d)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if d.Present() {
		t.Error("present when it is not")
	}
	if err := d.Write(context.Background(), "a", nil); err == nil {
		t.Error("a write into a folder that was removed")
	}
}

// TestDirLinks: a link in the folder leads nowhere.
func TestDirLinks(t *testing.T) {
	out, in := t.TempDir(), t.TempDir()
	if err := os.Symlink(out, filepath.Join(in, "spool")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(out, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := NewDir(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Write(context.Background(), "spool/a", nil); err == nil {
		t.Error("written through a link")
	}
	if b, err := d.Read(context.Background(), "spool/secret"); err == nil {
		t.Errorf("read through a link: %q", b)
	}
	if l, err := os.ReadDir(out); err != nil || len(l) != 1 {
		t.Errorf("outside are %v, %v", l, err)
	}
}

// script is a volume that writes down each operation and fails the one at failAt.
type script struct {
	volume
	ops    []string
	failAt int
}

var errScript = errors.New("scripted failure")

func (s *script) op(format string, a ...any) error {
	s.ops = append(s.ops, fmt.Sprintf(format, a...))
	if len(s.ops)-1 == s.failAt {
		return errScript
	}
	return nil
}

func (s *script) openFolder(name string) (folder, error) {
	if err := s.op("open %s", name); err != nil {
		return nil, err
	}
	d, err := s.volume.openFolder(name)
	return &scriptFolder{d, s}, err
}

type scriptFolder struct {
	folder
	s *script
}

func (d *scriptFolder) create(name string) (handle, error) {
	if err := d.s.op("create %s", name); err != nil {
		return nil, err
	}
	h, err := d.folder.create(name)
	return &scriptHandle{h, d.s}, err
}

func (d *scriptFolder) rename(from, to string, replace bool) error {
	if err := d.s.op("rename %s %s %v", from, to, replace); err != nil {
		return err
	}
	return d.folder.rename(from, to, replace)
}

func (d *scriptFolder) remove(name string) error {
	if err := d.s.op("remove %s", name); err != nil {
		return err
	}
	return d.folder.remove(name)
}

func (d *scriptFolder) Sync() error  { return errors.Join(d.s.op("sync folder"), d.folder.Sync()) }
func (d *scriptFolder) Close() error { return errors.Join(d.s.op("close folder"), d.folder.Close()) }

type scriptHandle struct {
	handle
	s *script
}

func (h *scriptHandle) Write(p []byte) (int, error) {
	if err := h.s.op("write %d", len(p)); err != nil {
		n, _ := h.handle.Write(p[:len(p)/2])
		return n, err
	}
	return h.handle.Write(p)
}
func (h *scriptHandle) Sync() error  { return errors.Join(h.s.op("sync file"), h.handle.Sync()) }
func (h *scriptHandle) Close() error { return errors.Join(h.s.op("close file"), h.handle.Close()) }

// TestDurableOrder fails each operation in turn: the write says so, the file of
// that name is the old one or the new one as a whole, and the next write works.
func TestDurableOrder(t *testing.T) {
	want := []string{"open labels", "remove .a.tmp", "create .a.tmp", "write 3", "sync file", "rename .a.tmp a true", "sync file",
		"sync folder", "close file", "close folder"}
	for failAt := -1; failAt < len(want); failAt++ {
		dir := t.TempDir()
		v, err := openVolume(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeDurable(v, File{Name: "labels/a", Data: []byte("old one")}); err != nil {
			t.Fatal(err)
		}
		s := &script{volume: v, failAt: failAt}
		err = writeDurable(s, File{Name: "labels/a", Data: []byte("new")})
		got, readErr := v.read("labels/a")
		switch {
		case readErr != nil:
			t.Fatalf("failing %d: %v", failAt, readErr)
		case failAt < 0:
			if err != nil || !slices.Equal(s.ops, want) || string(got) != "new" {
				t.Errorf("%v, holds %q, operations are\n%s", err, got, strings.Join(s.ops, "\n"))
			}
		case !errors.Is(err, errScript):
			t.Errorf("failing %q: error is %v", want[failAt], err)
		case failAt <= 5 && string(got) != "old one", failAt > 5 && string(got) != "new":
			t.Errorf("failing %q: the file holds %q", want[failAt], got)
		}
		if l, err := v.list("labels"); err != nil || !slices.Equal(l, []string{"a"}) {
			t.Errorf("failing %d: files are %v, %v", failAt, l, err)
		}
		if err := writeDurable(v, File{Name: "labels/a", Data: []byte("again")}); err != nil {
			t.Errorf("failing %d: the next write: %v", failAt, err)
		}
		if l, err := os.ReadDir(filepath.Join(dir, "labels")); err != nil || len(l) != 1 {
			t.Errorf("failing %d: left over: %v, %v", failAt, l, err)
		}
		_ = v.Close()
	}
}

func TestGateGivesUp(t *testing.T) {
	g := newGate()
	release := make(chan struct{})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := g.run(ctx, func() error { <-release; return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an operation that hangs: %v", err)
	}
	if err := g.run(ctx, func() error { t.Error("ran beside the one that hangs"); return nil }); err == nil {
		t.Error("a second operation was let through")
	}
	close(release)
	if err := g.run(context.Background(), func() error { return nil }); err != nil {
		t.Errorf("after it ended: %v", err)
	}
}

func TestClassifyAndExplain(t *testing.T) {
	here, gone := func() bool { return true }, func() bool { return false }
	for _, c := range []struct {
		err      error
		present  func() bool
		readOnly bool
		want     error
	}{
		{syscall.ENOSPC, here, false, ErrFull},
		{syscall.EIO, here, false, ErrFaulty},
		{syscall.EIO, gone, false, ErrGone},
		{syscall.EROFS, here, true, ErrReadOnly},
		{syscall.EROFS, here, false, ErrCorrupt}, // the kernel found damage and stopped writing
		{syscall.EINVAL, here, false, ErrCorrupt},
		{fs.ErrExist, gone, false, fs.ErrExist},
		{because(ErrOther, "x"), gone, false, ErrOther},
	} {
		got := classify(fmt.Errorf("write: %w", c.err), c.present, c.readOnly)
		if !errors.Is(got, c.want) {
			t.Errorf("%v is %v, want %v", c.err, got, c.want)
		}
		if what, do := Explain(got); what == "" || do == "" || strings.HasSuffix(do, ".") {
			t.Errorf("%v is explained as %q, %q", got, what, do)
		}
	}
	if err := classify(nil, here, false); err != nil {
		t.Errorf("no error is %v", err)
	}
}

func TestReadLimit(t *testing.T) {
	d, err := NewDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(d.Path(), "big"), bytes.Repeat([]byte{1}, 10), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(d.Path(), "big"), MaxFile+1); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(context.Background(), "big"); !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a file that is too long: %v", err)
	}
}
