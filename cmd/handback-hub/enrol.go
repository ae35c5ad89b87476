package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/settings"
)

const enrolUsage = `usage: handback-hub enrol --data DIR --stick S07 --out DIR [--days N] [--replace]
           [--passphrase-file FILE] [--stick-passphrase | --stick-passphrase-file FILE]

Makes the keys of a stick: OUT/keys/ with root.pem, stick.pem and stick.key, and
OUT/settings.toml where there is none. 'handback-image build --settings
OUT/settings.toml' puts them onto a stick. Keep OUT as a secret until then, and take
stick.key away when the stick is made.

--days N            how long the stick may sign; 365 is the default
--replace           the stick was enrolled before: its old keys are revoked as superseded.
                    For a stick that keeps its records: one that begins its numbers anew
                    needs a name of its own
--passphrase-file   of the hub's keys, where they are locked; without it you are asked
--stick-passphrase  locks the stick's key: whoever starts a shift types this passphrase
                    before the stick erases anything; a FILE has it in one line
`

type enrolment struct {
	data, name, out string
	days            int
	replace         bool
	hubPass, pass   passphrase
}

func setupEnrol(f *flag.FlagSet) func(c *console) error {
	var e enrolment
	f.StringVar(&e.data, "data", "", "")
	f.StringVar(&e.name, "stick", "", "")
	f.StringVar(&e.out, "out", "", "")
	f.IntVar(&e.days, "days", 365, "")
	f.BoolVar(&e.replace, "replace", false, "")
	f.StringVar(&e.hubPass.file, "passphrase-file", "", "")
	e.pass.flags(f, "stick-passphrase")
	return e.run
}

func (e *enrolment) check() error {
	switch {
	case !settings.ValidStick(e.name):
		return misused("--stick is %q: a stick's name is 1 to 12 capital letters or digits", e.name)
	case e.out == "":
		return misused("--out DIR is missing: it says where the stick's keys land")
	case e.days < 1 || e.days > 3650:
		return misused("--days is %d: it must be 1 to 3650", e.days)
	}
	for _, n := range []string{settings.RootPEM, settings.StickPEM, settings.StickKey} {
		if _, err := os.Lstat(filepath.Join(e.out, settings.KeysDir, n)); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s has keys already, and nothing was made: name another --out", e.out)
		}
	}
	b, err := settings.ReadFile(filepath.Join(e.out, settings.File))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	set, err := settings.Parse(b)
	if err == nil && set.Stick != e.name {
		err = fmt.Errorf("its line is stick = %q, and not %q", set.Stick, e.name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: correct it first; nothing was made", filepath.Join(e.out, settings.File), err)
	}
	return nil
}

func (e *enrolment) run(c *console) error {
	if e.data == "" {
		return misused("--data DIR is missing: it says where the hub's keys are")
	}
	if err := e.check(); err != nil {
		return err
	}
	now := c.now()
	h, done, err := openHub(e.data, now)
	if err != nil {
		return err
	}
	defer done()
	var old []sign.Revocation
	for _, s := range h.named(e.name) {
		if s.revoked == nil {
			old = append(old, sign.Revocation{Serial: s.cert.SerialNumber, Reason: sign.Superseded, From: now, Done: now})
		}
	}
	if len(old) > 0 && !e.replace {
		return fmt.Errorf("stick %s is enrolled already: take another name, or --replace, which revokes its old keys", e.name)
	}
	if len(h.named(e.name)) > 0 {
		fmt.Fprintf(c.err, "note: a stick %s was enrolled here before. Where the new one has not its records, take another name: its numbers begin anew, and papers of the same number are refused as one visit that is told in two ways\n", e.name)
	}
	root, err := h.rootSigner(c, &e.hubPass)
	if err != nil {
		return err
	}
	text, err := e.pass.chosen(c, "stick "+e.name)
	if err != nil {
		return err
	}
	cert, keys, err := e.keys(h, root, text, now)
	if err != nil {
		return err
	}
	// What was issued is on record before anybody can have it.
	record := h.path(sticksDir, fmt.Sprintf("%s-%x.pem", e.name, cert.SerialNumber))
	if err := write(system{}, file{record, sign.CertPEM(cert), 0o644, false}); err != nil {
		return err
	}
	if len(old) > 0 {
		if err := h.publish(root, now, listValidity, old...); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "the old keys of stick %s are revoked: publish %s\n", e.name, h.path(crlPEM))
	}
	if err := e.place(keys); err != nil {
		return fmt.Errorf("%w: stick %s counts as enrolled; enrol it again with --replace", err, e.name)
	}
	fmt.Fprintf(c.out, "stick %s, class %s, may sign until %s; its keys are in %s\n", e.name, h.class, day(cert.NotAfter), filepath.Join(e.out, settings.KeysDir))
	return nil
}

// keys of the stick, in memory: its certificate never outlives the root's.
func (e *enrolment) keys(h *hub, root *ecdsa.PrivateKey, text string, now time.Time) (*x509.Certificate, []file, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	from, to := now.Add(-slack), now.Add(time.Duration(e.days)*day24)
	if from.Before(h.root.NotBefore) {
		from = h.root.NotBefore
	}
	if to.After(h.root.NotAfter) {
		return nil, nil, fmt.Errorf("the hub's root ends on %s, before the stick would: take fewer --days, or make a new hub", day(h.root.NotAfter))
	}
	cert, err := sign.Issue(h.root, root, sign.RoleStick, e.name, key.Public(), from, to.Sub(from))
	if err != nil {
		return nil, nil, err
	}
	b, err := keyFile(key, text)
	if err != nil {
		return nil, nil, err
	}
	return cert, []file{
		{settings.RootPEM, sign.CertPEM(h.root), 0o644, false},
		{settings.StickPEM, sign.CertPEM(cert), 0o644, false},
		{settings.StickKey, b, 0o600, false},
	}, nil
}

func (e *enrolment) place(keys []file) error {
	dir := filepath.Join(e.out, settings.KeysDir)
	if err := os.MkdirAll(e.out, 0o700); err != nil {
		return err
	}
	if err := newFolder(dir, 0o700); err != nil {
		return err
	}
	for i := range keys {
		keys[i].name = filepath.Join(dir, keys[i].name)
	}
	if err := write(system{}, keys...); err != nil {
		return err
	}
	name := filepath.Join(e.out, settings.File)
	if _, err := os.Lstat(name); err == nil {
		return nil // check has read it
	}
	return write(system{}, file{name, fmt.Appendf(nil, "stick = %q\n", e.name), 0o644, false})
}
