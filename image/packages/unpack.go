package packages

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Unpack gives a folder with those regular files of a package that the patterns
// name; it stays in the cache. A pattern names a file, or a folder with all below
// (path.Match); one with '-' takes away again what those before it named.
func (s Source) Unpack(ctx context.Context, d Deb, patterns ...string) (string, error) {
	key := sha256.Sum256([]byte(strings.Join(patterns, "\n")))
	dir := filepath.Join(s.Cache, fmt.Sprintf("%s-%x", d.SHA256, key[:6]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := LockFolder(ctx, s.Cache)
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil { // by who held the lock
		return dir, nil
	}
	tmp, err := os.MkdirTemp(s.Cache, "unpack-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(tmp) }() // a rest costs room only
	if err := unpack(ctx, d.Path, tmp, patterns); err != nil {
		return "", fmt.Errorf("unpack %s: %w", d.Package, err)
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	return dir, os.Rename(tmp, dir)
}

// unpack reads the archive that dpkg-deb takes out of the package.
func unpack(ctx context.Context, deb, dir string, patterns []string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var bad bytes.Buffer
	c.Stderr = &bad
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	n, err := extract(out, dir, patterns)
	if err != nil {
		cancel()
		_ = c.Wait() // its fault is ours
		return err
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("dpkg-deb: %w: %s", err, strings.TrimSpace(bad.String()))
	}
	if n == 0 {
		return fmt.Errorf("the package has no file of %q", patterns)
	}
	return nil
}

func extract(r io.Reader, dir string, patterns []string) (files int, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return 0, err
	}
	defer root.Close()
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			// dpkg-deb may still have padding to write.
			_, err := io.Copy(io.Discard, r)
			return files, err
		}
		if err != nil {
			return files, err
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		if h.Typeflag != tar.TypeReg || !named(name, patterns) {
			continue
		}
		if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
			return files, err
		}
		if err := write(root, name, t); err != nil {
			return files, err
		}
		files++
	}
}

func write(root *os.Root, name string, r io.Reader) error {
	f, err := root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

func named(name string, patterns []string) bool {
	ok := false
	for _, p := range patterns {
		p, away := strings.CutPrefix(p, "-")
		if within(name, p) {
			ok = !away
		}
	}
	return ok
}

// within tells whether a file is what the pattern names, or below it.
func within(name, pattern string) bool {
	parts := strings.Split(name, "/")
	depth := strings.Count(pattern, "/") + 1
	if len(parts) < depth {
		return false
	}
	ok, err := path.Match(pattern, strings.Join(parts[:depth], "/"))
	return err == nil && ok
}
