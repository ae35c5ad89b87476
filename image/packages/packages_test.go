package packages

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// archive is a Debian archive in a folder, read by the real apt: no network.
type archive struct {
	t   *testing.T
	dir string
	// lists of the packages, as apt reads them
	packages strings.Builder
}

// newArchive points apt at an archive of its own, by APT_CONFIG.
func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{t: t, dir: t.TempDir()}
	for _, d := range []string{"repo", "state/lists/partial", "cache/archives/partial", "etc/parts", "etc/trusted", "etc/preferences"} {
		if err := os.MkdirAll(filepath.Join(a.dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	a.write("sources.list", fmt.Sprintf("deb [trusted=yes] file:%s/repo ./\n", a.dir))
	a.write("status", "")
	a.write("apt.conf", fmt.Sprintf(`Dir::State "%[1]s/state"; Dir::State::status "%[1]s/status"; Dir::Cache "%[1]s/cache";
Dir::Etc::sourcelist "%[1]s/sources.list"; Dir::Etc::sourceparts "-"; Dir::Etc::parts "-"; Dir::Etc::main "-";
Dir::Etc::preferences "-"; Dir::Etc::preferencesparts "-"; Dir::Etc::trustedparts "%[1]s/etc/trusted";
APT::Architecture "amd64"; APT::Sandbox::User "root"; Acquire::Languages "none";
`, a.dir))
	t.Setenv("APT_CONFIG", filepath.Join(a.dir, "apt.conf"))
	return a
}

func (a *archive) write(name, text string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(text), 0o644); err != nil {
		a.t.Fatal(err)
	}
}

// add builds a package with dpkg-deb and lists it.
func (a *archive) add(role, name, version, depends, content string) Package {
	a.t.Helper()
	tree := a.t.TempDir()
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: amd64\nMaintainer: nobody <nobody@example.org>\nDescription: test\n", name, version)
	if depends != "" {
		control += "Depends: " + depends + "\n"
	}
	for file, text := range map[string]string{"DEBIAN/control": control, "usr/lib/thing/data": content, "usr/lib/thing/deep/er": "deep", "usr/share/doc/copyright": "none"} {
		if err := os.MkdirAll(filepath.Join(tree, filepath.Dir(file)), 0o755); err != nil {
			a.t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(tree, file), []byte(text), 0o644); err != nil {
			a.t.Fatal(err)
		}
	}
	file := fmt.Sprintf("repo/%s_%s_amd64.deb", name, version)
	deb := filepath.Join(a.dir, file)
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-Zxz", "-b", tree, deb).CombinedOutput(); err != nil {
		a.t.Fatalf("dpkg-deb: %v\n%s", err, out)
	}
	b, err := os.ReadFile(deb)
	if err != nil {
		a.t.Fatal(err)
	}
	sum := fmt.Sprintf("%x", sha256.Sum256(b))
	fmt.Fprintf(&a.packages, "%sFilename: ./%s\nSize: %d\nSHA256: %s\n\n", control, filepath.Base(file), len(b), sum)
	return Package{Role: role, Name: name, Version: version, SHA256: sum}
}

// update lets apt read the lists.
func (a *archive) update() {
	a.t.Helper()
	a.write("repo/Packages", a.packages.String())
	if out, err := exec.Command("apt-get", "-q", "update").CombinedOutput(); err != nil {
		a.t.Fatalf("apt-get update: %v\n%s", err, out)
	}
}

func source(t *testing.T) (Source, *[]string) {
	said := &[]string{}
	return Source{Cache: filepath.Join(t.TempDir(), "cache"), Say: func(s string) { *said = append(*said, s) }}, said
}

func TestPinned(t *testing.T) {
	a := newArchive(t)
	want := a.add("thing", "thing", "1:1.0-1", "", "old")
	a.add("thing", "thing", "1:2.0-1", "", "new")
	a.update()
	s, said := source(t)
	d, err := s.get(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Pinned || d.Version != "1:1.0-1" || len(*said) != 1 || (*said)[0] != "downloading thing 1:1.0-1" {
		t.Errorf("got %+v, said %q", d, *said)
	}
	dir, err := s.Unpack(t.Context(), d, "usr/lib/*", "-usr/lib/thing/deep")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "usr/lib/thing/data")); err != nil || string(b) != "old" {
		t.Errorf("unpacked %q, %v", b, err)
	}
	for _, name := range []string{"usr/lib/thing/deep", "usr/share"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was unpacked too (%v)", name, err)
		}
	}
	// The second time neither apt nor dpkg is asked.
	t.Setenv("PATH", "/nonexistent")
	again, err := s.get(t.Context(), want)
	if err != nil || again.Path != d.Path {
		t.Errorf("from the cache: %+v, %v", again, err)
	}
	if same, err := s.Unpack(t.Context(), again, "usr/lib/*", "-usr/lib/thing/deep"); err != nil || same != dir {
		t.Errorf("from the cache: %s, %v", same, err)
	}
	if left, err := os.ReadDir(s.Cache); err != nil || len(left) != 2 {
		t.Errorf("the cache holds %v, %v; want the package and what was unpacked of it", left, err)
	}
}

// A file in the cache that is not the package is never used.
func TestCacheIsChecked(t *testing.T) {
	a := newArchive(t)
	want := a.add("thing", "thing", "1.0-1", "", "old")
	a.update()
	s, _ := source(t)
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Cache, want.SHA256+".deb"), []byte("half a pack"), 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := s.get(t.Context(), want)
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := hash(d.Path); err != nil || sum != want.SHA256 {
		t.Errorf("the cache gave %s, %v", sum, err)
	}
}

// A pinned version that is gone: tests take the candidate and say so, a release fails.
func TestGone(t *testing.T) {
	a := newArchive(t)
	a.add("thing", "thing", "2.0-1", "", "new")
	a.add("kernel", "linux-image-6.1.0-57-amd64", "6.1.200-1", "", "kernel")
	a.add("kernel", "linux-image-amd64", "6.1.200-1", "linux-image-6.1.0-57-amd64 (= 6.1.200-1)", "")
	a.update()
	s, said := source(t)
	none := strings.Repeat("0", 64)
	for _, c := range []struct {
		lock Package
		want string
	}{
		{Package{Role: "thing", Name: "thing", Version: "1.0-1", SHA256: none}, "thing 2.0-1"},
		{Package{Role: "kernel", Name: "linux-image-6.1.0-56-amd64", Version: "6.1.192-2", SHA256: none, Meta: "linux-image-amd64"}, "linux-image-6.1.0-57-amd64 6.1.200-1"},
	} {
		*said = nil
		d, err := s.get(t.Context(), c.lock)
		if err != nil {
			t.Fatal(err)
		}
		if d.Pinned || d.String() != c.want {
			t.Errorf("got %+v, want %s", d, c.want)
		}
		if text := strings.Join(*said, "\n"); !strings.Contains(text, c.lock.String()+" is gone from the archive: taking "+c.want) {
			t.Errorf("said %q", text)
		}
		release := s
		release.Release = true
		if d, err := release.get(t.Context(), c.lock); err == nil || !strings.Contains(err.Error(), "a release is built only from the lock") {
			t.Errorf("a release takes %+v, %v", d, err)
		}
	}
	_, err := s.get(t.Context(), Package{Role: "x", Name: "nothing", Version: "1", SHA256: none})
	if err == nil || !strings.Contains(err.Error(), "run 'apt-get update'") {
		t.Errorf("no such package: %v", err)
	}
}

// Several that want the same at once: it is downloaded and unpacked once.
func TestTogether(t *testing.T) {
	a := newArchive(t)
	p := a.add("thing", "thing", "1.0-1", "", "old")
	a.update()
	var mu sync.Mutex
	var said []string
	s := Source{Cache: filepath.Join(t.TempDir(), "cache"), Say: func(s string) { mu.Lock(); defer mu.Unlock(); said = append(said, s) }}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			d, err := s.get(t.Context(), p)
			if err != nil {
				t.Error(err)
				return
			}
			dir, err := s.Unpack(t.Context(), d, "usr")
			if b, e := os.ReadFile(filepath.Join(dir, "usr/lib/thing/data")); err != nil || e != nil || string(b) != "old" {
				t.Errorf("%q, %v, %v", b, err, e)
			}
		})
	}
	wg.Wait()
	if len(said) != 1 {
		t.Errorf("said %q", said)
	}
	unlock, err := LockFolder(t.Context(), s.Cache)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := LockFolder(ctx, s.Cache); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a second lock: %v", err)
	}
}

// The right version with other bytes is not the package that was pinned.
func TestOtherBytes(t *testing.T) {
	a := newArchive(t)
	p := a.add("thing", "thing", "1.0-1", "", "old")
	a.update()
	p.SHA256 = strings.Repeat("a", 64)
	s, _ := source(t)
	if d, err := s.get(t.Context(), p); err == nil || !strings.Contains(err.Error(), "it is not the package that was pinned") {
		t.Errorf("got %+v, %v", d, err)
	}
	left, err := filepath.Glob(filepath.Join(s.Cache, "*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left in the cache: %q, %v", left, err)
	}
}

func TestUnpackRefuses(t *testing.T) {
	s, _ := source(t)
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		t.Fatal(err)
	}
	bad := filepath.Join(s.Cache, "bad.deb")
	if err := os.WriteFile(bad, []byte("!<arch>\nnot a package"), 0o644); err != nil {
		t.Fatal(err)
	}
	if dir, err := s.Unpack(t.Context(), Deb{Package: Package{Name: "bad"}, Path: bad}, "usr"); err == nil {
		t.Errorf("unpacked into %s", dir)
	}
	a := newArchive(t)
	p := a.add("thing", "thing", "1.0-1", "", "x")
	good := Deb{Package: p, Path: filepath.Join(a.dir, "repo/thing_1.0-1_amd64.deb")}
	if dir, err := s.Unpack(t.Context(), good, "boot"); err == nil || !strings.Contains(err.Error(), "has no file") {
		t.Errorf("nothing that was asked for: %s, %v", dir, err)
	}
}

// Names that climb out of the folder land within, or nowhere; links are left out.
func TestExtractStaysWithin(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Name: "../../usr/up", Typeflag: tar.TypeReg, Size: 1, Mode: 0o644},
		{Name: "/usr/root", Typeflag: tar.TypeReg, Size: 1, Mode: 0o4755},
		{Name: "usr/link", Typeflag: tar.TypeSymlink, Linkname: "/etc"},
		{Name: "usr/link/passwd", Typeflag: tar.TypeReg, Size: 1},
		{Name: "usr/null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := w.Write([]byte("x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	outer := t.TempDir()
	dir := filepath.Join(outer, "in")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := extract(&b, dir, []string{"usr"})
	if err != nil || n != 3 {
		t.Fatalf("%d files, %v", n, err)
	}
	var found []string
	err = filepath.WalkDir(outer, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			i, e := d.Info()
			if e != nil || i.Mode() != 0o644 {
				t.Errorf("%s has mode %v, %v", p, i.Mode(), e)
			}
			found = append(found, strings.TrimPrefix(p, dir))
		}
		return err
	})
	if got := strings.Join(found, " "); err != nil || got != "/usr/link/passwd /usr/root /usr/up" {
		t.Errorf("found %s, %v", got, err)
	}
}

func TestLock(t *testing.T) {
	for _, role := range []string{Kernel, Shim, ShimHelpers, GRUB, Font} {
		p, err := Lock(role)
		if err != nil || p.Version == "" || (p.Meta != "") != (role == Kernel) {
			t.Errorf("%s: %+v, %v", role, p, err)
		}
	}
	if _, err := Lock("bootloader"); err == nil {
		t.Error("a role that is not in the lock has a package")
	}
	sum := strings.Repeat("0", 64)
	for name, text := range map[string]string{
		"three words": "kernel linux 1\n",
		"six words":   "kernel linux 1 " + sum + " meta more\n",
		"short hash":  "kernel linux 1 abcd\n",
		"no hash":     "kernel linux 1 " + strings.Repeat("g", 64) + "\n",
		"capitals":    "kernel linux 1 " + strings.Repeat("A", 64) + "\n",
		"an option":   "kernel -o=Dir=/ 1 " + sum + "\n",
		"a pattern":   "kernel linux* 1 " + sum + "\n",
		"twice":       "kernel a 1 " + sum + "\nkernel b 1 " + sum + "\n",
	} {
		if all, err := parseLock(text); err == nil {
			t.Errorf("%s: taken as %+v", name, all)
		}
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add(lock)
	f.Add("kernel linux 1 abcd\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := parseLock(text)
		if err != nil {
			return
		}
		for _, p := range all {
			if p.Role == "" || p.Name == "" || p.Version == "" || len(p.SHA256) != 64 || p.Name[0] == '-' {
				t.Errorf("taken: %+v", p)
			}
		}
	})
}
