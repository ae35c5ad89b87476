package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"flag"
	"fmt"
	"time"

	"handback.example/certs/sign"
)

const rekeyUsage = `usage: handback-hub rekey --data DIR --reason key-compromise|lost|superseded|ceased [--from DATE]
           [--passphrase-file FILE]

Makes a new key for the hub itself, and takes the old one back: see revoke for what the
reasons mean. It is locked by the same passphrase as the root's. Sticks are not touched.
A run that was cut off is done again.
`

func setupRekey(f *flag.FlagSet) func(c *console) error {
	var b takeBack
	b.flags(f)
	return func(c *console) error {
		return b.run(c, func(h *hub, reason sign.Reason, since, now time.Time) error {
			root, err := h.rootSigner(c, &b.pass)
			if err != nil {
				return err
			}
			// The old key first: a hub that is cut off here signs nothing.
			old := sign.Revocation{Serial: h.cert.SerialNumber, Reason: reason, From: since, Done: now}
			if was := sign.Revoked(h.list, old.Serial); was == nil || old.Reason == sign.KeyCompromise && was.Reason != old.Reason {
				if err := h.publish(root, now, listValidity, old); err != nil {
					return err
				}
			}
			if err := h.newKey(root, b.pass.text); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "the hub has a new key, and the old one is revoked (%s) from %s on: publish %s\n", reason, day(since), h.path(crlPEM))
			return nil
		})
	}
}

// newKey takes the place of the hub's own.
func (h *hub) newKey(root *ecdsa.PrivateKey, text string) error {
	_, name, err := sign.Holder(h.cert)
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	cert, err := sign.Issue(h.root, root, sign.RoleHub, name, key.Public(), h.root.NotBefore, h.root.NotAfter.Sub(h.root.NotBefore))
	if err != nil {
		return err
	}
	b, err := keyFile(key, text)
	if err != nil {
		return err
	}
	return write(system{}, file{h.path(hubKey), b, 0o600, true}, file{h.path(hubPEM), sign.CertPEM(cert), 0o644, true})
}
