package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"handback.example/image/packages"
)

// builtStick gives a stick image built by these programs, from the user's cache
// where one is there. It is built anew when one of the programs has changed, and
// the older ones are dropped.
func builtStick(ctx context.Context, stdout io.Writer) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	key, err := programsKey(self)
	if err != nil {
		return "", err
	}
	user, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("there is no folder to keep a stick image in: %w: give --image", err)
	}
	cache := filepath.Join(user, "handback", "try")
	image := filepath.Join(cache, key, "handback.img")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	unlock, err := packages.LockFolder(ctx, cache)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(image); err == nil {
		return image, nil
	}
	fmt.Fprintln(stdout, "building a stick image; it is kept for the next time")
	tmp, err := os.MkdirTemp(cache, "new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // renamed, unless something failed
	if err := runBuilder(ctx, self, tmp, stdout); err != nil {
		return "", fmt.Errorf("no stick image was built: %w", err)
	}
	dropOthers(cache, filepath.Base(tmp))
	return image, os.Rename(tmp, filepath.Dir(image))
}

// runBuilder runs this program's own build command, which is a contract, in a
// process that ends with this one.
func runBuilder(ctx context.Context, self, out string, stdout io.Writer) error {
	c := exec.CommandContext(ctx, self, "build", "--kind", "stick", "--out", out)
	c.Stdout, c.Stderr = stdout, stdout
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 5 * time.Second
	return c.Run()
}

// programsKey names an image after the bytes of this program and of the
// appliance beside it.
func programsKey(self string) (string, error) {
	h := sha256.New()
	for _, name := range []string{self, filepath.Join(filepath.Dir(self), "handback")} {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) && name != self {
			continue // build finds its own way, or says what is missing
		}
		if err != nil {
			return "", err
		}
		_, err = io.Copy(h, f)
		if err = errors.Join(err, f.Close()); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:12]), nil
}

// dropOthers removes images that older programs built. One that stays costs room only.
func dropOthers(cache, but string) {
	entries, err := os.ReadDir(cache)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.Name() != but {
			_ = os.RemoveAll(filepath.Join(cache, e.Name()))
		}
	}
}
