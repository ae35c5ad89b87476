package tree

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// planted is a tree with links of every kind.
func planted(t *testing.T) (*Tree, string) {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.MkdirAll(filepath.Join(root, "sys/devices/a/b"), 0o755))
	must(os.WriteFile(filepath.Join(root, "sys/devices/a/b/size"), []byte(" 12\n"), 0o644))
	must(os.WriteFile(filepath.Join(filepath.Dir(root), "outside"), []byte("secret"), 0o644))
	must(unix.Mkfifo(filepath.Join(root, "sys/pipe"), 0o644))
	for name, to := range map[string]string{"sys/link": "devices/a", "sys/absolute": "/sys/devices/a", "sys/devices/a/up": "../../link/b", "sys/out": "../../outside", "sys/far": filepath.Join(filepath.Dir(root), "outside"),
		"sys/self": "self", "sys/one": "two", "sys/two": "one", "sys/dangling": "nothing", "sys/file": "devices/a/b/size"} {
		must(os.Symlink(to, filepath.Join(root, name)))
	}
	return At(root), root
}

func TestLinks(t *testing.T) {
	tree, _ := planted(t)
	for name, want := range map[string]string{"sys/devices/a/b": "/sys/devices/a/b", "/sys/link/b": "/sys/devices/a/b", "sys/absolute/b": "/sys/devices/a/b", "sys/link/up": "/sys/devices/a/b",
		"sys/link/up/size": "/sys/devices/a/b/size", "sys/link/../link": "/sys/devices/link", "sys/file": "/sys/devices/a/b/size", "": "/", "/": "/"} {
		real, err := tree.Real(name)
		if name == "sys/link/../link" { // '..' is counted from where the link leads
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: %s, %v", name, real, err)
			}
			continue
		}
		if err != nil || real != want {
			t.Errorf("%q is %q, %v, want %q", name, real, err, want)
		}
	}
	if text, err := tree.Text("sys/link/up/size"); text != "12" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if names, err := tree.List("sys/absolute"); !slices.Equal(names, []string{"b", "up"}) || err != nil {
		t.Errorf("%q, %v", names, err)
	}
}

// Nothing leads out of the tree, nothing is read without end, and what can't be told is
// not 'no'.
func TestBounds(t *testing.T) {
	tree, _ := planted(t)
	for _, name := range []string{"sys/out", "sys/far", "sys/self", "sys/one", "sys/dangling", "sys/pipe", "sys/file/x", "../outside", "sys/devices"} {
		if b, err := tree.Bytes(name, 100); err == nil {
			t.Errorf("%s was read: %q", name, b)
		}
	}
	if _, err := tree.Bytes("sys/file", 3); err == nil || !strings.Contains(err.Error(), "longer than 3 bytes") {
		t.Error(err)
	}
	for name, there := range map[string]bool{"sys/link": true, "sys/file": true, "sys/dangling": false, "sys/none/deep": false} {
		if has, err := tree.Has(name); has != there || err != nil {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
	for _, name := range []string{"sys/self", "sys/out", "sys/file/x"} {
		if has, err := tree.Has(name); has || err == nil {
			t.Errorf("%s: %v, %v", name, has, err)
		}
	}
	if _, err := tree.Device("/dev/null"); !errors.Is(err, ErrForeign) {
		t.Errorf("a folder from elsewhere has devices: %v", err)
	}
	if d, err := At("").Device("/dev/null"); err != nil || d.Block {
		t.Errorf("%+v, %v", d, err)
	}
}
