package main

import (
	"crypto/ecdsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/settings"
)

// Names in the hub's folder. Certificates and revocation list are all that is kept:
// which sticks are enrolled and which are revoked is read from them.
const (
	rootPEM   = settings.RootPEM
	rootKey   = "root.key"
	hubPEM    = "hub.pem"
	hubKey    = "hub.key"
	crlPEM    = "crl.pem"
	sticksDir = "sticks" // S07-3f2a….pem: a certificate of each stick, by its serial number
)

// hub is the hub's folder.
type hub struct {
	dir    string
	root   *x509.Certificate
	cert   *x509.Certificate // the hub's own
	class  sign.Class
	list   *x509.RevocationList
	trust  *sign.Trust
	sticks []stick
}

// stick is one certificate that was issued.
type stick struct {
	name    string
	cert    *x509.Certificate
	revoked *sign.Revocation // nil: it is not
}

// openHub reads the folder and keeps other programs out of it until done is called.
func openHub(dir string, now time.Time) (h *hub, done func(), err error) {
	if dir == "" {
		return nil, nil, misused("--data DIR is missing: it says where the hub's keys are")
	}
	lock, err := os.Open(dir)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			_ = lock.Close()
		}
	}()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, nil, fmt.Errorf("%s is in use by another handback-hub: wait for it", dir)
	}
	h = &hub{dir: dir}
	if err := h.read(now); err != nil {
		return nil, nil, err
	}
	return h, func() { _ = lock.Close() }, nil
}

func (h *hub) path(name ...string) string {
	return filepath.Join(append([]string{h.dir}, name...)...)
}

// read reads and checks what is in the folder. What doesn't belong together is
// refused: a certificate that nobody can trace is worse than none.
func (h *hub) read(now time.Time) (err error) {
	if h.root, err = readCert(h.path(rootPEM)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is no hub's folder: make one by 'handback-hub init'", h.dir)
	} else if err != nil {
		return err
	}
	if h.cert, err = readCert(h.path(hubPEM)); err != nil {
		return err
	}
	b, err := settings.ReadFile(h.path(crlPEM))
	if err != nil {
		return err
	}
	if h.list, err = sign.ParseList(b); err != nil {
		return fmt.Errorf("%s: %w", h.path(crlPEM), err)
	}
	if h.trust, err = sign.NewTrust([]*x509.Certificate{h.root}, []*x509.RevocationList{h.list}, now); err != nil {
		return fmt.Errorf("%s: %w", h.dir, err)
	}
	if h.class, err = sign.ClassOf(h.root); err != nil {
		return err
	}
	return h.readSticks()
}

func (h *hub) readSticks() error {
	names, err := os.ReadDir(h.path(sticksDir))
	if err != nil {
		return err
	}
	for _, e := range names {
		if temporary(e.Name()) {
			continue
		}
		cert, err := readCert(h.path(sticksDir, e.Name()))
		if err != nil {
			return err
		}
		name, err := sign.StickOf(cert)
		if err != nil || cert.CheckSignatureFrom(h.root) != nil {
			return fmt.Errorf("%s is not a certificate of one of this hub's sticks: take it away", h.path(sticksDir, e.Name()))
		}
		h.sticks = append(h.sticks, stick{name, cert, sign.Revoked(h.list, cert.SerialNumber)})
	}
	slices.SortFunc(h.sticks, func(a, b stick) int {
		if c := strings.Compare(a.name, b.name); c != 0 {
			return c
		}
		return a.cert.NotBefore.Compare(b.cert.NotBefore)
	})
	return nil
}

// named are the certificates of one stick, revoked or not.
func (h *hub) named(name string) (list []stick) {
	for _, s := range h.sticks {
		if s.name == name {
			list = append(list, s)
		}
	}
	return list
}

// rootSigner opens the root's key.
func (h *hub) rootSigner(c *console, p *passphrase) (*ecdsa.PrivateKey, error) {
	k, err := readKey(c, h.path(rootKey), p)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not there: put the medium in that the root's key is kept on", h.path(rootKey))
	}
	if err == nil && !k.PublicKey.Equal(h.root.PublicKey) {
		err = fmt.Errorf("%s does not belong to %s", h.path(rootKey), h.path(rootPEM))
	}
	return k, err
}

// publish makes the next revocation list.
func (h *hub) publish(key *ecdsa.PrivateKey, now time.Time, validity time.Duration, add ...sign.Revocation) error {
	list, err := sign.IssueList(h.root, key, h.list, now, validity, add...)
	if err != nil {
		return err
	}
	if err := write(system{}, file{h.path(crlPEM), sign.ListPEM(list), 0o644, true}); err != nil {
		return err
	}
	h.list = list
	return nil
}

func readCert(name string) (*x509.Certificate, error) {
	b, err := settings.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c, err := sign.ParseCert(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, nil
}

// day is a date for people.
func day(t time.Time) string { return t.UTC().Format("2 January 2006") }
