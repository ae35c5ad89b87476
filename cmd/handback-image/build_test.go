package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"testing"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/keylock"
	"handback.example/cmd/internal/settings"
	"handback.example/image/vmtest"
)

func TestCommands(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage: handback-image COMMAND"},
		{[]string{"help"}, 0, "usage: handback-image COMMAND"},
		{[]string{"--help"}, 0, "usage: handback-image COMMAND"},
		{[]string{"burn"}, 2, `there is no command "burn"`},
		{[]string{"try"}, 2, "--out DIR is missing"},
		{[]string{"build"}, 2, "--out DIR is missing"},
		{[]string{"build", "--help"}, 0, "usage: handback-image build"},
		{[]string{"build", "--out", "x", "y"}, 2, `"y" is not understood`},
		{[]string{"build", "--out", "x", "--kind", "floppy"}, 2, `"floppy" is none of stick, iso, netboot, uki`},
		{[]string{"build", "--out", "x", "--kind", "iso"}, 2, "--kind iso is not part of this version"},
		{[]string{"build", "--out", "x", "--kind", "stick,netboot"}, 2, "--kind netboot is not part of this version"},
		{[]string{"build", "--out", "x", "--kind", "uki"}, 2, "--kind uki is not part of this version"},
		{[]string{"build", "--out", "x", "--fast"}, 2, "-fast"},
		{[]string{"build", "--out", "x", "--settings", "/nonexistent/settings.toml"}, 3, "no such file"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), c.args, nil, &stdout, &stderr)
		said := stderr.String()
		if c.code == 0 {
			said = stdout.String()
		}
		if code != c.code || !strings.Contains(said, c.want) {
			t.Errorf("%q: exit %d, %q; want %d and %q", c.args, code, said, c.code, c.want)
		}
	}
	if _, err := os.Stat("x"); err == nil {
		t.Error("wrong use made a folder")
	}
}

// enrolled makes a folder with settings and the keys of a stick.
func enrolled(t *testing.T, stick, text string) (settingsFile, keys string) {
	t.Helper()
	dir := t.TempDir()
	root, _, cert, key, err := sign.Demonstration(stick)
	if err != nil {
		t.Fatal(err)
	}
	keys = filepath.Join(dir, "keys")
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	settingsFile = filepath.Join(dir, "settings.toml")
	for name, b := range map[string][]byte{settingsFile: []byte(text), filepath.Join(keys, "root.pem"): root, filepath.Join(keys, "stick.pem"): cert, filepath.Join(keys, "stick.key"): key} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return settingsFile, keys
}

func TestSeedsRefused(t *testing.T) {
	refused := func(name, file, want string) {
		t.Helper()
		out := filepath.Join(t.TempDir(), "out")
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"build", "--out", out, "--settings", file}, nil, &stdout, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit %d, %q; want 2 and %q", name, code, stderr.String(), want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: something was built", name)
		}
	}
	file, _ := enrolled(t, "S01", "colour = 'red'\n")
	refused("unknown setting", file, `unknown setting "colour"`)
	file, _ = enrolled(t, "S01", "stick = 'S02'\n")
	refused("another stick's keys", file, `stick is "S02", but the keys beside it are stick "S01"'s`)
	file, keys := enrolled(t, "S01", "stick = 'S01'\n")
	if err := os.Remove(filepath.Join(keys, "stick.key")); err != nil {
		t.Fatal(err)
	}
	refused("no key", file, "lacks stick.key")
	_, other := enrolled(t, "S01", "stick = 'S01'\n")
	if err := os.Rename(filepath.Join(other, "stick.key"), filepath.Join(keys, "stick.key")); err != nil {
		t.Fatal(err)
	}
	refused("a key of another certificate", file, "do not belong together")
	if err := os.WriteFile(filepath.Join(keys, "root.pem"), []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused("no root", file, "root.pem")
	file, keys = enrolled(t, "S01", "stick = 'S01'\nunattended = true\n[intake]\ntag = 'X'\noperator = 'o'\nsource = 'desk'\nclassification = 'official'\ndial = 1\n")
	lock(t, keys)
	refused("a locked key and nobody to unlock it", file, "the key of stick S01 is locked, and nobody would be there to type its passphrase")
}

// lock puts the key of a folder under a passphrase.
func lock(t *testing.T, keys string) {
	t.Helper()
	name := filepath.Join(keys, "stick.key")
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if b, err = keylock.Lock(b, "seven green bottles"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A locked key goes onto the stick as it is.
func TestSeedsLocked(t *testing.T) {
	file, keys := enrolled(t, "S01", "stick = 'S01'\n")
	lock(t, keys)
	want, err := os.ReadFile(filepath.Join(keys, "stick.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := readSeeds(file)
	if err != nil || !s.secret || !strings.Contains(s.what, "stick S01, class demonstration; it holds the stick's key, locked") || !bytes.Equal(s.files[espKey], want) {
		t.Errorf("seeds %q, secret %v, %v", s.what, s.secret, err)
	}
}

// beside builds the appliance once and puts it where build looks first.
var beside = sync.OnceValue(func() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	_, err = buildProgram(context.Background(), filepath.Dir(self), func(string) {})
	return err
})

// built is a stick image with settings and keys of the demonstration.
func built(t *testing.T) string {
	t.Helper()
	if err := beside(); err != nil {
		t.Fatal(err)
	}
	text, err := settings.Demonstration().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	file, _ := enrolled(t, "S01", string(text))
	out := t.TempDir()
	var said bytes.Buffer
	if err := build(t.Context(), buildOptions{out: out, settings: file}, &said); err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	t.Log("\n" + said.String())
	if !strings.Contains(said.String(), "stick S01, class demonstration; it holds the stick's key: keep it as a secret") {
		t.Error("nobody is told that the image is a secret")
	}
	return filepath.Join(out, "handback.img")
}

// The whole image from the packages of the lock: what is on it, and how large.
func TestBuild(t *testing.T) {
	image := built(t)
	st, err := os.Stat(image)
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("image is %v, %v; it holds a key", st.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(image)); err != nil || len(left) != 1 {
		t.Errorf("beside the image: %v, %v", left, err)
	}
	fsckBuilt(t, image)
	on, err := readESP(image, espSettings, espRoot, espStick, espKey)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := settings.Parse(on[espSettings]); err != nil || s.Intake.Tag != "DEMO-0001" {
		t.Errorf("settings: %+v, %v", s, err)
	}
	if s, err := sign.LoadStick(on[espRoot], on[espStick], on[espKey]); err != nil || s.Class != sign.Demonstrating {
		t.Errorf("keys: %+v, %v", s, err)
	}
	kernel, initrd := fromESP(t, image, "handback/vmlinuz"), fromESP(t, image, "handback/initrd.img")
	vmtest.Figure(t, "kernel %.1f MB, initramfs %.1f MB", float64(len(kernel))/1e6, float64(len(initrd))/1e6)
	if n := len(kernel) + len(initrd); n > 40e6 || len(initrd) < 4e6 {
		t.Errorf("kernel and initramfs have %d bytes: at most 40 MB, and more than nothing, are wanted", n)
	}
	checkInitrd(t, initrd)
}

// The same program and packages give the same bytes, here but for the key's folder.
func TestBuildTwice(t *testing.T) {
	if err := beside(); err != nil {
		t.Fatal(err)
	}
	var sums [2][32]byte
	for i := range sums {
		out := t.TempDir()
		var said bytes.Buffer
		if err := build(t.Context(), buildOptions{out: out}, &said); err != nil {
			t.Fatalf("%v\n%s", err, said.String())
		}
		if !strings.Contains(said.String(), "NOT ENROLLED: it inspects and plans, and erases nothing") {
			t.Errorf("an image without keys: %s", said.String())
		}
		b, err := os.ReadFile(filepath.Join(out, "handback.img"))
		if err != nil {
			t.Fatal(err)
		}
		sums[i] = sha256.Sum256(b)
	}
	if sums[0] != sums[1] {
		t.Error("two builds differ")
	}
}

func fsckBuilt(t *testing.T, image string) {
	t.Helper()
	f, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	part := filepath.Join(t.TempDir(), "esp")
	if err := os.WriteFile(part, f[1<<20:97<<20], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("/usr/sbin/fsck.vfat", "-n", part).CombinedOutput(); err != nil {
		t.Errorf("fsck.vfat (package dosfstools): %v\n%s", err, out)
	}
}

// fromESP reads with another program than the one that wrote.
func fromESP(t *testing.T, image, name string) []byte {
	t.Helper()
	b, err := exec.Command("mtype", "-i", image+"@@1M", "::"+name).Output()
	if err != nil {
		t.Fatalf("mtype (package mtools) %s: %v", name, err)
	}
	return b
}

func checkInitrd(t *testing.T, initrd []byte) {
	t.Helper()
	z := exec.Command("zstd", "-d", "-c")
	z.Stdin = bytes.NewReader(initrd)
	archive, err := z.Output()
	if err != nil {
		t.Fatalf("zstd: %v", err)
	}
	list := exec.Command("cpio", "-t", "--quiet")
	list.Stdin = bytes.NewReader(archive)
	b, err := list.Output()
	if err != nil {
		t.Fatalf("cpio: %v", err)
	}
	names := "\n" + string(b)
	for _, want := range []string{"init", "sbin/modprobe", "lib/handback/modules.index", "lib/handback/console.psf", "dev/console", "screen"} {
		if strings.Contains(names, "\n"+want+"\n") == (want == "screen") {
			t.Errorf("%s in the initramfs: %v", want, want == "screen")
		}
	}
	for _, want := range []string{"/nvme.ko\n", "/ahci.ko\n", "/sd_mod.ko\n", "/exfat.ko\n"} {
		if !strings.Contains(names, want) {
			t.Errorf("the initramfs lacks %s", strings.TrimSpace(want))
		}
	}
	for _, never := range []string{"busybox", "/sh\n", "ld-linux", "lib/firmware/"} {
		if strings.Contains(names, never) {
			t.Errorf("the initramfs holds %s", strings.TrimSpace(never))
		}
	}
}

// Stopped at once, nothing is left that looks like an image.
func TestBuildStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	out := t.TempDir()
	var stdout, stderr bytes.Buffer
	if code := runBuild(ctx, []string{"--out", out}, &stdout, &stderr); code != 130 || !strings.Contains(stderr.String(), "no image was built") {
		t.Errorf("exit %d, %q", code, stderr.String())
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestVersion(t *testing.T) {
	commit := debug.BuildSetting{Key: "vcs.revision", Value: "0f1e2d"}
	for _, c := range []struct {
		settings []debug.BuildSetting
		text     string
		clean    bool
	}{
		{nil, "of an unknown commit", false},
		{[]debug.BuildSetting{{Key: "vcs.modified", Value: "false"}}, "of an unknown commit", false},
		{[]debug.BuildSetting{commit, {Key: "vcs.modified", Value: "true"}}, "of commit 0f1e2d with changes", false},
		{[]debug.BuildSetting{commit, {Key: "vcs.modified", Value: "false"}}, "of commit 0f1e2d", true},
	} {
		if text, clean := version(&debug.BuildInfo{Settings: c.settings}); text != c.text || clean != c.clean {
			t.Errorf("%v: %q, %v", c.settings, text, clean)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := checkVersion(self, false, func(string) {}); err == nil || !strings.Contains(err.Error(), "is not the appliance's program") {
		t.Errorf("another program: %v", err)
	}
}
