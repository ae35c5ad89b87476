package main

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/certs"
	"handback.example/certs/paper"
	"handback.example/certs/papers"
	"handback.example/certs/sign"
)

// afterlife goes on with a visit that its stick has certified.
type afterlife struct {
	hub    *hub
	visit  *visit
	chain  *sign.Chain
	signer *sign.Signer
	c      *console
}

// openAfterlife reads a visit and checks every record of it under the hub's root.
func openAfterlife(c *console, h *hub, path, number string, p *passphrase) (*afterlife, error) {
	v, err := readVisit(path, number)
	if err != nil {
		return nil, err
	}
	records, by, err := sign.Verify(v.envelopes)
	if err != nil {
		return nil, fmt.Errorf("visit %s is not gone on with: %w", v.name, err)
	}
	if records[0].Visit != v.name {
		return nil, fmt.Errorf("the records named %s are of visit %s", v.name, records[0].Visit)
	}
	if err := h.judge(c, records, by); err != nil {
		return nil, fmt.Errorf("visit %s is not gone on with: %w", v.name, err)
	}
	key, err := readKey(c, h.path(hubKey), p)
	if err != nil {
		return nil, err
	}
	signer, err := sign.NewSigner(h.root, h.cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.path(hubKey), err)
	}
	if err := signer.CheckClock(c.now()); err != nil {
		return nil, err
	}
	chain, err := sign.Continue(signer, v.envelopes)
	if err != nil {
		return nil, err
	}
	return &afterlife{h, v, chain, signer, c}, nil
}

// judge every key that signed a record, at that record's time, and tells once what
// is not known of each.
func (h *hub) judge(c *console, records []certs.Record, by []*x509.Certificate) error {
	told := map[string]bool{}
	for i, r := range records {
		at, err := time.Parse(time.RFC3339, r.At.Wall)
		if err != nil {
			return err
		}
		j, err := h.trust.Judge(by[i], at)
		if err != nil {
			return fmt.Errorf("record %d: %w", r.Seq, err)
		}
		for _, u := range j.Unknown {
			if !told[u] {
				fmt.Fprintf(c.err, "note: %s\n", u)
			}
			told[u] = true
		}
	}
	return nil
}

// at is the time of a record of now.
func (a *afterlife) at() (certs.Time, error) {
	var up unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &up); err != nil {
		return certs.Time{}, err
	}
	return certs.At(a.c.now(), certs.SourceHub, time.Duration(up.Nano())), nil
}

// append one record to the chain, in memory.
func (a *afterlife) append(r certs.Record) (err error) {
	if r.At, err = a.at(); err == nil {
		_, err = a.chain.Append(r)
	}
	return err
}

// run adds the record that do makes of the visit's records, the papers that follow
// from it, and CERTIFIED. Where a run that was cut off has added the very same, that
// is all.
func (a *afterlife) run(do func(records []certs.Record) (certs.Record, error)) error {
	records := a.chain.Records()
	if n := len(records) - 2; a.visit.resumed && n >= 0 {
		fmt.Fprintf(a.c.err, "note: an earlier run was cut off: its %s is recorded now\n", records[n].Kind)
		if r, err := do(records[:n]); err == nil {
			if same, err := samePayload(records[n], r); err != nil || same {
				return err
			}
		}
	}
	r, err := do(records)
	if err != nil {
		return err
	}
	kinds := a.superseded(r.Kind)
	if len(kinds) == 0 {
		return fmt.Errorf("visit %s has no paper that %s would change: on HOLD, and without a grade, there is no disposal certificate", a.visit.name, r.Kind)
	}
	if err := a.append(r); err != nil {
		return err
	}
	revision := certs.Summarise(a.chain.Records()).Revision
	files, err := a.papers(kinds)
	if err != nil {
		return err
	}
	if err := a.append(certs.Record{Kind: certs.KindCertified, Certified: papers.Certified(files)}); err != nil {
		return err
	}
	var made []kept
	for _, f := range files {
		made = append(made, kept{filepath.Join(a.visit.papers, f.Name), f.Data})
	}
	if err := a.visit.keep(made, a.chain.Envelopes()[len(a.visit.envelopes):], revision); err != nil {
		return err
	}
	fmt.Fprintf(a.c.out, "visit %s: %s recorded\n", a.visit.name, r.Kind)
	for _, p := range made {
		fmt.Fprintln(a.c.out, a.visit.path(p.Name))
	}
	return nil
}

// superseded are the kinds of paper that the stick certified and that a record
// changes: a correction and a decision all of them, a receipt the disposal certificate.
func (a *afterlife) superseded(kind certs.Kind) (kinds []paper.Kind) {
	for _, k := range paper.Kinds {
		first := func(p certs.Paper) bool { return strings.HasPrefix(p.Name, k.Stem(a.visit.name, 1)+".") }
		all := kind == certs.KindCorrected || kind == certs.KindValidated
		if slices.ContainsFunc(certs.Summarise(a.chain.Records()).Replaces, first) && (all || k == paper.Disposal) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// papers of the chain as it is, in memory, in both forms.
func (a *afterlife) papers(kinds []paper.Kind) (out []papers.File, err error) {
	for _, k := range kinds {
		both, err := papers.Make(k, a.chain.Envelopes(), a.signer)
		if err != nil {
			return nil, err
		}
		out = append(out, both...)
	}
	return out, nil
}

// samePayload reports whether two records say the same of a device.
func samePayload(a, b certs.Record) (bool, error) {
	plain := func(r certs.Record) ([]byte, error) {
		r.Schema, r.Visit, r.Stick, r.Prev, r.Seq, r.At = "", "", "", "", 0, certs.Time{}
		r.Fill()
		return sign.Canonical(r)
	}
	x, errA := plain(a)
	y, errB := plain(b)
	return bytes.Equal(x, y), errors.Join(errA, errB)
}
