package verify

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// trusted judges the keys, now that the file is known to be whole and consistent.
func (c *Checker) trusted(r Result, records []certs.Record, by []*x509.Certificate, s certs.Summary) Result {
	sealer := by[len(by)-1]
	class, err := sign.ClassOf(sealer)
	if err != nil {
		return r.refused("%v", err)
	}
	r.Class = string(class)
	if class == sign.Unenrolled {
		r.seen = nil // anybody can make one: it contradicts nobody
		r.Verdict, r.Sentence = Unchecked, "Not enrolled: this was made without a hub's key; nothing vouches for what it says."
		return c.required(r, s)
	}
	if c.Trust == nil {
		return c.required(r.unchecked("%s, and so nobody vouches for stick %s", c.WhyNoTrust, s.Stick), s)
	}
	unknown, err := c.judgeAll(records, by)
	if err != nil {
		return r.refused("%v", err)
	}
	r.Unknown = unknown
	if class == sign.Practice && !c.Practice {
		return r.refused("it is a practice paper: nothing real was erased (--practice accepts it)")
	}
	r.Verdict, r.Sentence = Genuine, c.genuine(r, s, sealer)
	return c.required(r, s)
}

// judgeAll asks about every key at the earliest and the latest time that it claims,
// and wants one root above them all.
func (c *Checker) judgeAll(records []certs.Record, by []*x509.Certificate) (unknown []string, err error) {
	var root *x509.Certificate
	for i, cert := range by {
		if slices.ContainsFunc(by[:i], cert.Equal) {
			continue
		}
		for _, at := range claimed(records, by, cert) {
			j, err := c.Trust.Judge(cert, at)
			if err != nil {
				return nil, err
			}
			if root == nil {
				root = j.Root
			}
			if !j.Root.Equal(root) {
				return nil, fmt.Errorf("its keys are vouched for by two roots, %q and %q", root.Subject.CommonName, j.Root.Subject.CommonName)
			}
			for _, u := range j.Unknown {
				if !slices.Contains(unknown, u) {
					unknown = append(unknown, u)
				}
			}
		}
	}
	return unknown, nil
}

// claimed gives the earliest and the latest time of the records that a key signed.
func claimed(records []certs.Record, by []*x509.Certificate, cert *x509.Certificate) []time.Time {
	var out []time.Time
	for i, r := range records {
		if !by[i].Equal(cert) {
			continue
		}
		at, err := time.Parse(time.RFC3339, r.At.Wall)
		switch {
		case err != nil: // a record of that form is none: sign.Verify has looked
		case out == nil:
			out = []time.Time{at, at}
		case at.Before(out[0]):
			out[0] = at
		case at.After(out[1]):
			out[1] = at
		}
	}
	return slices.CompactFunc(out, time.Time.Equal)
}

// required applies what was required to every file that is not refused anyway: a TPM
// that holds its keys, and a result that somebody rejected, are not sanitised either.
func (c *Checker) required(r Result, s certs.Summary) Result {
	if c.RequireSanitised && (!s.Good() || s.Validation == certs.Rejected) {
		r.Missed = "sanitised"
		r.Sentence += " Required: sanitised."
	}
	return r
}

// genuine is the sentence of a genuine file.
func (c *Checker) genuine(r Result, s certs.Summary, sealer *x509.Certificate) string {
	word := "Genuine"
	if r.Class != string(sign.Production) {
		word += " (" + r.Class + " key)"
	}
	word += recorded(s)
	if r.Paper == "hold" {
		word += "; the device is on HOLD"
	}
	if r.Paper == "disposal" && s.Closed {
		word += "; disposal CLOSED"
	}
	if r.Revision > 1 {
		word += fmt.Sprintf("; revision %d", r.Revision)
	}
	if r.Form == FormRecords {
		word += "; " + counted(r.Records, "record")
		if s.Revision == 1 {
			word += ", and the visit is not certified: it was not ended, or what came later is not here"
		}
	}
	role, name, _ := sign.Holder(sealer) // the root vouches for it
	word += fmt.Sprintf("; visit %s, sealed by %s %s, claimed time %s, not proven", s.Visit, role, name, s.Last.Wall)
	if c.Lists {
		for _, u := range r.Unknown {
			word += "; " + u
		}
	}
	return word + "."
}

// recorded is what the records add up to, as it follows on 'Genuine'.
func recorded(s certs.Summary) string {
	drives := counted(len(s.Media), "drive")
	switch s.Verdict {
	case certs.Sanitised:
		word := fmt.Sprintf(": %s sanitised (%s)", drives, s.Level)
		if s.Named {
			word += ", other drives of the machine not covered"
		}
		if !s.Good() {
			word += ", TPM " + s.TPMResult
		}
		return word
	case certs.NoMedia:
		return ", and it records that no drive was found"
	case certs.RefusedVerdict:
		return fmt.Sprintf(", and it records that not all was erased: %d of %s sanitised, the rest refused or out of reach", s.Sanitised, drives)
	case certs.BelowLevel:
		return fmt.Sprintf(", and it records a level below the one wanted: %s sanitised (%s)", drives, s.Level)
	}
	return fmt.Sprintf(", and it records a failure: %s, %d of %s sanitised", s.Verdict, s.Sanitised, drives)
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
