package initramfs_test

import (
	"bytes"
	"crypto/sha256"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handback.example/image/initramfs"
	"handback.example/image/modules"
	"handback.example/image/modules/index"
)

// program builds a static program, with the settings of 'make build'.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "handback")
	c := exec.Command("go", "build", "-trimpath", "-o", name, "main.go")
	c.Dir, c.Env = dir, append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64", "GOFLAGS=")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return name
}

func contents(t *testing.T) initramfs.Contents {
	t.Helper()
	ko := filepath.Join(t.TempDir(), "nvme.ko")
	if err := os.WriteFile(ko, bytes.Repeat([]byte("module"), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	x, err := index.New("/lib/modules/6.1", []index.Module{{Name: "nvme", Path: "kernel/drivers/nvme/host/nvme.ko", Aliases: []string{"pci:*"}}})
	if err != nil {
		t.Fatal(err)
	}
	return initramfs.Contents{
		Program: program(t), Font: []byte("font"),
		Modules: &modules.Closure{Version: "6.1", Index: x, Files: []modules.File{{From: ko, To: "/lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko"}}},
	}
}

// The archive as zstd and GNU cpio see it.
func TestWrite(t *testing.T) {
	c := contents(t)
	var fast, again, small bytes.Buffer
	for w, tight := range map[*bytes.Buffer]bool{&fast: false, &again: false, &small: true} {
		if err := initramfs.Write(w, c, tight); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(fast.Bytes(), again.Bytes()) {
		t.Error("two builds differ")
	}
	archive := run(t, fast.Bytes(), "zstd", "-d", "-c")
	if !bytes.Equal(archive, run(t, small.Bytes(), "zstd", "-d", "-c")) {
		t.Error("the smaller one holds something else")
	}
	want := `drwxr-xr-x root root 1970 dev
crw------- root root 1970 dev/console
crw-rw-rw- root root 1970 dev/null
-rwxr-xr-x root root 1970 init
drwxr-xr-x root root 1970 lib
drwxr-xr-x root root 1970 lib/handback
-rw-r--r-- root root 1970 lib/handback/console.psf
-rw-r--r-- root root 1970 lib/handback/modules.index
drwxr-xr-x root root 1970 lib/modules
drwxr-xr-x root root 1970 lib/modules/6.1
drwxr-xr-x root root 1970 lib/modules/6.1/kernel
drwxr-xr-x root root 1970 lib/modules/6.1/kernel/drivers
drwxr-xr-x root root 1970 lib/modules/6.1/kernel/drivers/nvme
drwxr-xr-x root root 1970 lib/modules/6.1/kernel/drivers/nvme/host
-rw-r--r-- root root 1970 lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko
drwxr-xr-x root root 1970 proc
drwxr-xr-x root root 1970 run
drwxr-xr-x root root 1970 sbin
lrwxrwxrwx root root 1970 sbin/modprobe -> /init
drwxr-xr-x root root 1970 sys
drwxr-xr-x root root 1970 tmp
`
	var got strings.Builder
	for line := range strings.Lines(string(run(t, archive, "cpio", "-tv", "--quiet"))) {
		f := strings.Fields(line) // mode links owner group size (or 'major, minor') month day year name...
		i := slices.Index(f, "1970")
		if i < 0 {
			t.Fatalf("line %q of cpio", line)
		}
		got.WriteString(strings.Join(append([]string{f[0], f[2], f[3]}, f[i:]...), " ") + "\n")
	}
	if got.String() != want {
		t.Errorf("the archive holds\n%s", got.String())
	}
	checkUnpacked(t, archive, c)
}

func checkUnpacked(t *testing.T, archive []byte, c initramfs.Contents) {
	t.Helper()
	for name, from := range map[string]string{"init": c.Program, "lib/modules/6.1/kernel/drivers/nvme/host/nvme.ko": c.Modules.Files[0].From} {
		want, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if got := run(t, archive, "cpio", "-i", "--to-stdout", "--quiet", name); sha256.Sum256(got) != sha256.Sum256(want) {
			t.Errorf("%s came out with %d bytes, %d went in", name, len(got), len(want))
		}
	}
	x, err := index.Parse(run(t, archive, "cpio", "-i", "--to-stdout", "--quiet", "lib/handback/modules.index"))
	if err != nil || len(x.Modules()) != 1 {
		t.Errorf("the index in the archive: %v", err)
	}
}

func run(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	c := exec.Command(name, args...)
	c.Stdin = bytes.NewReader(in)
	c.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C")
	var bad bytes.Buffer
	c.Stderr = &bad
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, bad.String())
	}
	return out
}

func TestWriteRefuses(t *testing.T) {
	c := contents(t)
	text := filepath.Join(t.TempDir(), "handback")
	if err := os.WriteFile(text, []byte("#!/bin/sh\n"+strings.Repeat("#", 100)), 0o755); err != nil {
		t.Fatal(err)
	}
	good := c.Program
	for what, bad := range map[string]string{"needs libraries": "/bin/cat", "bad magic number": text, "no such file": text + "2"} {
		c.Program = bad
		if err := initramfs.Archive(&bytes.Buffer{}, c); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.Program, c.Modules.Files[0].From = good, text+"3"
	if err := initramfs.Archive(&bytes.Buffer{}, c); err == nil {
		t.Error("a module that is not there is left out in silence")
	}
}
