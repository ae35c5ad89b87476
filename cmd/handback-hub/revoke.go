package main

import (
	"flag"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"handback.example/certs/sign"
)

const revokeUsage = `usage: handback-hub revoke --data DIR --stick S07 --reason key-compromise|lost|superseded|ceased
           [--from DATE] [--passphrase-file FILE]

Takes a stick's keys back and publishes DIR/crl.pem anew: give it to whoever checks
papers.

--reason key-compromise  somebody else may have the key: nothing that the stick ever
                         sealed is genuine any more
--reason lost, superseded, ceased
                         what was sealed before DATE stays genuine, as far as its time
                         can be believed
--from DATE              2026-11-20, or 2026-11-20T14:00:00Z; without it now
`

const crlUsage = `usage: handback-hub crl --data DIR [--days N] [--passphrase-file FILE]

Makes DIR/crl.pem anew, with the same entries: a reader of an old list is told that a
newer one was due. It is due again after N days; 90 is the default.
`

const listUsage = `usage: handback-hub list --data DIR

Shows the hub, its revocation list, and every stick that was enrolled.
`

// takeBack is what revoke and rekey have in common.
type takeBack struct {
	dir, reason, from string
	pass              passphrase
}

func (b *takeBack) flags(f *flag.FlagSet) {
	f.StringVar(&b.dir, "data", "", "")
	f.StringVar(&b.reason, "reason", "", "")
	f.StringVar(&b.from, "from", "", "")
	f.StringVar(&b.pass.file, "passphrase-file", "", "")
}

// run opens the hub and gives do the reason and the moment from which it counts.
func (b *takeBack) run(c *console, do func(h *hub, reason sign.Reason, since, now time.Time) error) error {
	now := c.now()
	since, err := parseDate(b.from, now)
	switch {
	case !slices.Contains(sign.Reasons, sign.Reason(b.reason)):
		return misused("--reason is %q: it must be one of key-compromise, lost, superseded, ceased", b.reason)
	case err != nil:
		return err
	}
	h, done, err := openHub(b.dir, now)
	if err != nil {
		return err
	}
	defer done()
	return do(h, sign.Reason(b.reason), since, now)
}

func setupRevoke(f *flag.FlagSet) func(c *console) error {
	var b takeBack
	var name string
	b.flags(f)
	f.StringVar(&name, "stick", "", "")
	return func(c *console) error {
		if name == "" {
			return misused("--stick is missing: it says whose keys are taken back")
		}
		return b.run(c, func(h *hub, reason sign.Reason, since, now time.Time) error {
			add, err := h.revocations(name, reason, since, now)
			if err != nil {
				return err
			}
			root, err := h.rootSigner(c, &b.pass)
			if err != nil {
				return err
			}
			if err := h.publish(root, now, listValidity, add...); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "stick %s is revoked (%s) from %s on: publish %s\n", name, reason, day(since), h.path(crlPEM))
			return nil
		})
	}
}

// revocations of all certificates of a stick that are not revoked yet; a compromise
// takes the place of a weaker reason.
func (h *hub) revocations(name string, reason sign.Reason, from, now time.Time) (add []sign.Revocation, err error) {
	all := h.named(name)
	if len(all) == 0 {
		return nil, fmt.Errorf("no stick %s was ever enrolled here: 'handback-hub list' shows the names", name)
	}
	for _, s := range all {
		if s.revoked == nil || reason == sign.KeyCompromise && s.revoked.Reason != sign.KeyCompromise {
			add = append(add, sign.Revocation{Serial: s.cert.SerialNumber, Reason: reason, From: from, Done: now})
		}
	}
	if len(add) == 0 {
		was := all[len(all)-1].revoked
		return nil, fmt.Errorf("stick %s is revoked already, %s, from %s on", name, was.Reason, day(was.From))
	}
	return add, nil
}

// parseDate takes a day or a moment that has come; empty: now.
func parseDate(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return now, nil
	}
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t, err = time.Parse(time.RFC3339, s)
	}
	if err != nil {
		return t, misused("--from is %q: write it like 2026-11-20 or 2026-11-20T14:00:00Z", s)
	}
	if t.After(now) {
		return t, misused("--from is %s, and this computer's clock says %s: a revocation can't begin later than now", s, now.UTC().Format(time.RFC3339))
	}
	return t, nil
}

func setupCRL(f *flag.FlagSet) func(c *console) error {
	var dir string
	var days int
	var p passphrase
	f.StringVar(&dir, "data", "", "")
	f.IntVar(&days, "days", int(listValidity/day24), "")
	f.StringVar(&p.file, "passphrase-file", "", "")
	return func(c *console) error {
		if days < 1 || days > 366 {
			return misused("--days is %d: it must be 1 to 366", days)
		}
		now := c.now()
		h, done, err := openHub(dir, now)
		if err != nil {
			return err
		}
		defer done()
		root, err := h.rootSigner(c, &p)
		if err != nil {
			return err
		}
		if err := h.publish(root, now, time.Duration(days)*day24); err != nil {
			return err
		}
		fmt.Fprintf(c.out, "revocation list %v, %d entries, next due %s: publish %s\n", h.list.Number, len(h.list.RevokedCertificateEntries), day(h.list.NextUpdate), h.path(crlPEM))
		return nil
	}
}

func setupList(f *flag.FlagSet) func(c *console) error {
	var dir string
	f.StringVar(&dir, "data", "", "")
	return func(c *console) error {
		now := c.now()
		h, done, err := openHub(dir, now)
		if err != nil {
			return err
		}
		defer done()
		_, name, err := sign.Holder(h.cert)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.out, "hub %q, class %s, root valid until %s\n", name, h.class, day(h.root.NotAfter))
		due := "next due"
		if now.After(h.list.NextUpdate) {
			due = "OVERDUE since"
		}
		fmt.Fprintf(c.out, "revocation list %v of %s, %s %s\n\n", h.list.Number, day(h.list.ThisUpdate), due, day(h.list.NextUpdate))
		w := tabwriter.NewWriter(c.out, 0, 0, 3, ' ', 0)
		fmt.Fprintf(w, "STICK\tMAY SIGN UNTIL\tSTATE\n")
		for _, s := range h.sticks {
			fmt.Fprintf(w, "%s\t%s\t%s\n", s.name, day(s.cert.NotAfter), s.state(now))
		}
		if len(h.sticks) == 0 {
			fmt.Fprintf(w, "none\t\tenrol one by 'handback-hub enrol'\n")
		}
		return w.Flush()
	}
}

// state of a stick's certificate in words.
func (s stick) state(now time.Time) string {
	switch {
	case s.revoked != nil && s.revoked.Reason == sign.KeyCompromise:
		return "revoked " + day(s.revoked.Done) + ": the key may be in other hands"
	case s.revoked != nil:
		return "revoked " + day(s.revoked.Done) + " (" + string(s.revoked.Reason) + "), from " + day(s.revoked.From) + " on"
	case now.After(s.cert.NotAfter):
		return "expired"
	}
	return "good"
}
