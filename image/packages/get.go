package packages

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Source of packages.
type Source struct {
	// Cache is a folder that is kept; made where it is not there.
	Cache string
	// Release takes nothing but what the lock names.
	Release bool
	// Say tells a person what is downloaded or taken instead. nil: nobody.
	Say func(string)
}

func (s Source) say(format string, a ...any) {
	if s.Say != nil {
		s.Say(fmt.Sprintf(format, a...))
	}
}

// Deb is a package file whose hash was checked.
type Deb struct {
	Package
	Path string
	// Pinned: it is the lock's.
	Pinned bool
}

// Get gives the package file of a role.
func (s Source) Get(ctx context.Context, role string) (Deb, error) {
	p, err := Lock(role)
	if err != nil {
		return Deb{}, err
	}
	return s.get(ctx, p)
}

func (s Source) get(ctx context.Context, p Package) (Deb, error) {
	d, err := s.one(ctx, p)
	if err == nil {
		d.Pinned = true
		return d, nil
	}
	if !errors.Is(err, errGone) {
		return Deb{}, fmt.Errorf("package %s: %w", p, err)
	}
	if s.Release {
		return Deb{}, fmt.Errorf("package %s: %w: a release is built only from the lock; bring image/packages/lock.txt up to date, test, and build again", p, err)
	}
	n, err := newest(ctx, p)
	if err != nil {
		return Deb{}, fmt.Errorf("package %s is gone from the archive; the newest: %w", p, err)
	}
	s.say("package %s is gone from the archive: taking %s, SHA-256 %s", p, n, n.SHA256)
	if d, err = s.one(ctx, n); err != nil {
		return Deb{}, fmt.Errorf("package %s: %w", n, err)
	}
	return d, nil
}

// one gives exactly this package, from the cache or the archive.
func (s Source) one(ctx context.Context, p Package) (Deb, error) {
	if len(p.SHA256) != 2*sha256.Size {
		return Deb{}, fmt.Errorf("its SHA-256 is not known (%q)", p.SHA256)
	}
	if err := os.MkdirAll(s.Cache, 0o755); err != nil {
		return Deb{}, err
	}
	d := Deb{Package: p, Path: filepath.Join(s.Cache, p.SHA256+".deb")}
	if ok, err := cached(d); ok || err != nil {
		return d, err
	}
	unlock, err := LockFolder(ctx, s.Cache)
	if err != nil {
		return Deb{}, err
	}
	defer unlock()
	if ok, err := cached(d); ok || err != nil { // by who held the lock
		return d, err
	}
	// Asked first, so that 'gone' and 'the network is down' are told apart.
	if _, err := show(ctx, p.Name, p.Version); err != nil {
		return Deb{}, err
	}
	return d, s.download(ctx, p, d.Path)
}

// cached tells whether the file is there and is what it should be.
func cached(d Deb) (bool, error) {
	sum, err := hash(d.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && sum == d.SHA256, err
}

// download into a folder of its own and take the file from there once its hash
// is the one wanted.
func (s Source) download(ctx context.Context, p Package, name string) error {
	s.say("downloading %s", p)
	dir, err := os.MkdirTemp(s.Cache, "download-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a rest costs room only
	// As root apt would become another user, who can't write here.
	if _, err := run(ctx, dir, "apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "--", p.Name+"="+p.Version); err != nil {
		return fmt.Errorf("%w: is the network there? If it is, run 'apt-get update' as root", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("apt-get left %d package files, not 1", len(files))
	}
	sum, err := hash(files[0])
	if err != nil {
		return err
	}
	if sum != p.SHA256 {
		return fmt.Errorf("its SHA-256 is %s, not %s: it is not the package that was pinned; it is not used", sum, p.SHA256)
	}
	return os.Rename(files[0], name)
}

func hash(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
