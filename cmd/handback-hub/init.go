package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"handback.example/certs/sign"
)

const initUsage = `usage: handback-hub init --data DIR --name NAME [--class production|demonstration|practice]
           [--passphrase | --passphrase-file FILE]

Makes DIR with the hub's root (root.pem, root.key), the hub's own key (hub.pem,
hub.key) and an empty revocation list (crl.pem). What is there is never replaced.
Give root.pem and crl.pem to whoever checks papers; keep the keys to yourself, and a
copy of DIR in a safe: a lost root.key can't be made again.

--class       of every key under this root; production is the default
--passphrase  locks both keys, and asks for the passphrase; a FILE has it in one line
`

const (
	day24        = 24 * time.Hour
	rootValidity = 10 * 365 * day24
	listValidity = 90 * day24
	// slack before now: clocks of benches and hubs differ.
	slack = day24
)

func setupInit(f *flag.FlagSet) func(c *console) error {
	var dir, name, class string
	var p passphrase
	f.StringVar(&dir, "data", "", "")
	f.StringVar(&name, "name", "", "")
	f.StringVar(&class, "class", string(sign.Production), "")
	p.flags(f, "passphrase")
	return func(c *console) error {
		switch {
		case dir == "":
			return misused("--data DIR is missing: it says where the hub's keys land")
		case !printable(name):
			return misused("--name is %q: a hub's name is 1 to 40 letters, digits, spaces and hyphens", name)
		case !offered(sign.Class(class)):
			return misused("--class: %q is none of production, demonstration, practice", class)
		}
		if err := vacant(dir); err != nil {
			return err
		}
		text, err := p.chosen(c, "the hub's keys")
		if err != nil {
			return err
		}
		files, err := newHub(name, sign.Class(class), text, c.now())
		if err != nil {
			return err
		}
		if err := placeHub(dir, files); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "hub %q, class %s, is in %s\n", name, class, dir)
		if text == "" {
			fmt.Fprintf(c.out, "its keys lie open there: whoever reads %s can enrol sticks of their own\n", filepath.Join(dir, rootKey))
		}
		return nil
	}
}

func offered(c sign.Class) bool {
	return c == sign.Production || c == sign.Demonstrating || c == sign.Practice
}

// printable names stand in certificates and on papers.
func printable(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != ' ' && r != '-' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 40 && strings.TrimSpace(s) == s
}

// vacant: there is no such folder, or nothing in it.
func vacant(dir string) error {
	e, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(e) > 0:
		return fmt.Errorf("%s is not empty, and nothing in it was changed: name a new folder", dir)
	}
	return nil
}

// newHub makes a root, the hub's key and an empty list, in memory.
func newHub(name string, class sign.Class, text string, now time.Time) ([]file, error) {
	from := now.Add(-slack)
	root, key, err := sign.NewRoot(class, "Handback root "+name, from, rootValidity)
	if err != nil {
		return nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := sign.Issue(root, key, sign.RoleHub, name, own.Public(), root.NotBefore, root.NotAfter.Sub(root.NotBefore))
	if err != nil {
		return nil, err
	}
	list, err := sign.IssueList(root, key, nil, now, listValidity)
	if err != nil {
		return nil, err
	}
	rootFile, err := keyFile(key, text)
	if err != nil {
		return nil, err
	}
	ownFile, err := keyFile(own, text)
	if err != nil {
		return nil, err
	}
	return []file{
		{name: rootKey, data: rootFile, mode: 0o600}, {name: hubKey, data: ownFile, mode: 0o600},
		{name: rootPEM, data: sign.CertPEM(root), mode: 0o644}, {name: hubPEM, data: sign.CertPEM(cert), mode: 0o644},
		{name: crlPEM, data: sign.ListPEM(list), mode: 0o644},
	}, nil
}

// placeHub makes the folder in one step: it is there with all its files, or not at
// all. A root that was cut off halfway would be taken for one.
func placeHub(dir string, files []file) (err error) {
	dir = filepath.Clean(dir)
	above := filepath.Dir(dir)
	if err := os.MkdirAll(above, 0o755); err != nil {
		return err
	}
	made, err := os.MkdirTemp(above, ".handback-hub-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(made))
		}
	}()
	for i := range files {
		files[i].name = filepath.Join(made, files[i].name)
	}
	if err := write(system{}, files...); err != nil {
		return err
	}
	if err := newFolder(filepath.Join(made, sticksDir), 0o700); err != nil {
		return err
	}
	// An empty folder gives way; one that has got something in it since stays.
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(made, dir); err != nil {
		return err
	}
	return system{}.syncFolder(above)
}
