package main

import (
	"crypto/ecdsa"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/term"

	"handback.example/certs/sign"
	"handback.example/cmd/internal/keylock"
	"handback.example/cmd/internal/settings"
)

// passphrase is where one comes from: a file, or a person at the terminal. It never
// stands on a command line, which every program of the computer can read.
type passphrase struct {
	file string
	ask  bool   // set one, asked for twice
	text string // once it is known
}

// flags of a passphrase that may be set: --passphrase and --passphrase-file.
func (p *passphrase) flags(f *flag.FlagSet, name string) {
	f.BoolVar(&p.ask, name, false, "")
	f.StringVar(&p.file, name+"-file", "", "")
}

// chosen is the passphrase to lock a key with; empty: none is wanted.
func (p *passphrase) chosen(c *console, what string) (string, error) {
	switch {
	case p.file != "":
		text, err := keylock.ReadFile(p.file)
		if err != nil {
			return "", err
		}
		return text, keylock.Check(text)
	case !p.ask:
		return "", nil
	}
	text, err := c.secret("new passphrase for " + what + ": ")
	if err != nil {
		return "", err
	}
	if err := keylock.Check(text); err != nil {
		return "", err
	}
	again, err := c.secret("once more: ")
	if err == nil && again != text {
		err = errors.New("the two differ: nothing was made")
	}
	return text, err
}

// known is the passphrase of a key that is locked.
func (p *passphrase) known(c *console, what string) (text string, err error) {
	switch {
	case p.text != "":
	case p.file != "":
		p.text, err = keylock.ReadFile(p.file)
	default:
		p.text, err = c.secret("passphrase of " + what + ": ")
	}
	return p.text, err
}

// secret asks at the terminal, and shows nothing of the answer.
func (c *console) secret(prompt string) (string, error) {
	fd := int(c.in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", errors.New("a passphrase is needed, and there is no terminal to ask at: give its file by --passphrase-file")
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	done := make(chan struct{})
	defer func() { signal.Stop(stop); close(done) }()
	go func() {
		select {
		case <-stop: // the terminal must show what is typed again
			_ = term.Restore(fd, before)
			os.Exit(exitNotDone)
		case <-done:
		}
	}()
	fmt.Fprint(c.err, prompt)
	b, err := term.ReadPassword(fd)
	fmt.Fprintln(c.err)
	return string(b), err
}

// readKey reads a key's file, and opens it where it is locked.
func readKey(c *console, name string, p *passphrase) (*ecdsa.PrivateKey, error) {
	b, err := settings.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if keylock.Locked(b) {
		text, err := p.known(c, name)
		if err != nil {
			return nil, err
		}
		if b, err = keylock.Open(b, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	k, err := sign.ParseKey(b)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return k, nil
}

// keyFile is a key's bytes for a file, locked where there is a passphrase.
func keyFile(k *ecdsa.PrivateKey, text string) ([]byte, error) {
	b, err := sign.KeyPEM(k)
	if err != nil || text == "" {
		return b, err
	}
	return keylock.Lock(b, text)
}
