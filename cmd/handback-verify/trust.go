package main

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// maxTrust is far above any root and any revocation list of ours.
const maxTrust = 16 << 20

// trust fills in what keys are judged by. Where something of it can't be used,
// nothing is called genuine: a list that was left out in silence would hide what it
// says.
func (o options) trust(c *verify.Checker) (err error) {
	c.WhyNoTrust = "no root was given (--root)"
	if len(o.roots) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			c.WhyNoTrust = "the root or the revocation list could not be used"
		}
	}()
	var roots []*x509.Certificate
	var foreign error
	for _, path := range o.roots {
		b, err := readTrust(path)
		if err != nil {
			return fmt.Errorf("the root could not be read: %w", err)
		}
		root, err := sign.ParseCert(b)
		if err != nil {
			return fmt.Errorf("the root could not be read: %s: %w", path, err)
		}
		// A certificate that is no root of ours vouches for nothing of ours.
		if _, err := sign.NewTrust([]*x509.Certificate{root}, nil, time.Now()); err != nil {
			foreign = fmt.Errorf("%s: %w", path, err)
			continue
		}
		roots = append(roots, root)
	}
	var lists []*x509.RevocationList
	for _, path := range o.crls {
		b, err := readTrust(path)
		if err != nil {
			return fmt.Errorf("the revocation list could not be read: %w", err)
		}
		l, err := sign.ParseList(b)
		if err != nil {
			return fmt.Errorf("the revocation list could not be read: %s: %w", path, err)
		}
		lists = append(lists, l)
	}
	t, err := sign.NewTrust(roots, lists, time.Now())
	if err != nil {
		return err
	}
	c.Trust, c.Lists = t, len(lists) > 0
	return foreign
}

func readTrust(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxTrust+1))
	if err == nil && len(b) > maxTrust {
		err = fmt.Errorf("%s is too large", path)
	}
	return b, err
}

// openRegular opens nothing that could make a reader wait for ever.
func openRegular(path string) (*os.File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, &os.PathError{Op: "open", Path: path, Err: errors.New("it is not a regular file")}
	}
	return os.Open(path)
}
