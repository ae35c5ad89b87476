package main

import (
	"crypto/x509"
	"fmt"
	"time"

	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/internal/bounded"
)

// maxTrust, in MiB, is far above any root and any revocation list of ours.
const maxTrust = 16

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
		b, err := bounded.ReadRegular(path, maxTrust)
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
		b, err := bounded.ReadRegular(path, maxTrust)
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
