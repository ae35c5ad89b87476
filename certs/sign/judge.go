package sign

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Trust is what a reader brings along to judge keys by: the roots that they chose
// to trust, and the lists of what those roots' owners took back.
type Trust struct {
	roots []*x509.Certificate
	lists [][]*x509.RevocationList // of roots[i]
	now   time.Time
}

// NewTrust refuses a root that is none of ours, and a revocation list that none of
// the roots signed. now is the reader's clock: by it alone a list is old.
func NewTrust(roots []*x509.Certificate, lists []*x509.RevocationList, now time.Time) (*Trust, error) {
	t := &Trust{roots: roots, lists: make([][]*x509.RevocationList, len(roots)), now: now}
	for _, r := range roots {
		if err := checkRoot(r); err != nil {
			return nil, err
		}
	}
	for _, l := range lists {
		i := t.signerOf(l)
		if i < 0 {
			return nil, fmt.Errorf("the revocation list of %q is signed by no root that was given", l.Issuer.CommonName)
		}
		t.lists[i] = append(t.lists[i], l)
	}
	return t, nil
}

func (t *Trust) signerOf(l *x509.RevocationList) int {
	for i, r := range t.roots {
		if bytes.Equal(l.RawIssuer, r.RawSubject) && bytes.Equal(l.AuthorityKeyId, r.SubjectKeyId) && l.CheckSignatureFrom(r) == nil {
			return i
		}
	}
	return -1
}

// Judgement of a certificate that a root vouches for.
type Judgement struct {
	Class Class
	Role  Role
	Name  string // 'S01', or the name of the hub
	Root  *x509.Certificate
	// Unknown is what the reader could not learn about the key's revocation, a
	// sentence each; empty where a list of the day says all.
	Unknown []string
}

// ErrRevoked is wrapped where a root's owner took the key back.
var ErrRevoked = errors.New("the key was revoked")

// Judge says whether a key was good at a claimed time. The error says, for people,
// why it was not. The time itself is not proven.
func (t *Trust) Judge(cert *x509.Certificate, at time.Time) (Judgement, error) {
	role, name, err := Holder(cert)
	if err != nil {
		return Judgement{}, err
	}
	class, err := ClassOf(cert)
	if err != nil {
		return Judgement{}, err
	}
	j := Judgement{Class: class, Role: role, Name: name}
	i, err := t.issuer(cert, class)
	if err != nil {
		return j, err
	}
	j.Root = t.roots[i]
	if err := checkIssued(j.Root, cert, at); err != nil {
		return j, err
	}
	j.Unknown, err = t.revoked(i, cert, at)
	return j, err
}

// issuer finds the root that a certificate names.
func (t *Trust) issuer(cert *x509.Certificate, class Class) (int, error) {
	err := fmt.Errorf("the key of %q is not vouched for by this root", cert.Subject.CommonName)
	for i, r := range t.roots {
		rootClass, classErr := ClassOf(r)
		switch {
		case classErr != nil:
			return -1, classErr
		case rootClass != class:
			err = fmt.Errorf("the key's class is %s, the root's is %s", class, rootClass)
		case bytes.Equal(cert.RawIssuer, r.RawSubject) && bytes.Equal(cert.AuthorityKeyId, r.SubjectKeyId):
			return i, nil
		}
	}
	return -1, err
}

// revoked asks every list of a root, so that an old one beside a new one can't
// hide what it says.
func (t *Trust) revoked(root int, cert *x509.Certificate, at time.Time) (unknown []string, err error) {
	subject := cert.Subject.CommonName
	var newest *x509.RevocationList
	for _, l := range t.lists[root] {
		if newest == nil || l.Number.Cmp(newest.Number) > 0 {
			newest = l
		}
		r := Revoked(l, cert.SerialNumber)
		switch {
		case r == nil:
		case r.Reason == KeyCompromise:
			return nil, fmt.Errorf("%w: the key of %q may be in other hands, so nothing that it sealed is genuine, whatever its date", ErrRevoked, subject)
		case !at.Before(r.From):
			return nil, fmt.Errorf("%w: %q is not to be trusted from %s on (%s), and this was sealed on %s", ErrRevoked, subject, day(r.From), r.Reason, day(at))
		default:
			unknown = append(unknown, fmt.Sprintf("%q was revoked on %s (%s); this was sealed before, as its time says, which is not proven", subject, day(r.From), r.Reason))
		}
	}
	switch {
	case newest == nil:
		unknown = append(unknown, "whether the key was revoked is not known: no revocation list was given")
	case t.now.After(newest.NextUpdate):
		unknown = append(unknown, fmt.Sprintf("whether the key was revoked since %s is not known: a newer revocation list was due on %s", day(newest.ThisUpdate), day(newest.NextUpdate)))
	case t.now.Before(newest.ThisUpdate):
		unknown = append(unknown, fmt.Sprintf("the revocation list is of %s, and this computer's clock says %s: one of them is wrong", day(newest.ThisUpdate), day(t.now)))
	}
	return unknown, nil
}

func day(t time.Time) string { return t.UTC().Format("2 January 2006 15:04 UTC") }

// checkRoot says whether a certificate is a root of ours: self-signed, for
// certificates and lists alone, with nothing between it and its sticks.
func checkRoot(root *x509.Certificate) error {
	const both = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	name := root.Subject.CommonName
	if _, err := ClassOf(root); err != nil {
		return fmt.Errorf("the root: %w", err)
	}
	if err := CheckKey(root.PublicKey); err != nil {
		return fmt.Errorf("root %q: %w", name, err)
	}
	switch {
	case !root.BasicConstraintsValid || !root.IsCA || root.KeyUsage != both:
		return fmt.Errorf("%q is not a root's certificate", name)
	case root.MaxPathLen != 0 || !root.MaxPathLenZero:
		return fmt.Errorf("root %q may have others between itself and its sticks, which a root of ours may not", name)
	case len(root.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("root %q has a critical extension that is not understood", name)
	case root.CheckSignatureFrom(root) != nil:
		return fmt.Errorf("root %q is not signed by itself", name)
	}
	return nil
}

// checkIssued says whether a root signed a stick's or a hub's certificate, and
// whether both were valid at a claimed time.
func checkIssued(root, cert *x509.Certificate, at time.Time) error {
	const may = x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment
	name := cert.Subject.CommonName
	if err := CheckKey(cert.PublicKey); err != nil {
		return fmt.Errorf("%q: %w", name, err)
	}
	switch {
	case cert.IsCA || !cert.BasicConstraintsValid:
		return fmt.Errorf("%q is a root or may issue certificates, and seals no paper", name)
	case cert.KeyUsage != may:
		return fmt.Errorf("the certificate of %q is not for sealing", name)
	case len(cert.UnhandledCriticalExtensions) > 0:
		return fmt.Errorf("the certificate of %q has a critical extension that is not understood", name)
	case !bytes.Equal(cert.AuthorityKeyId, root.SubjectKeyId) || cert.CheckSignatureFrom(root) != nil:
		return fmt.Errorf("the key of %q is not vouched for by this root", name)
	}
	for _, c := range []*x509.Certificate{cert, root} {
		if at.Before(c.NotBefore) || at.After(c.NotAfter) {
			return fmt.Errorf("the key of %q is not vouched for by this root at %s: the certificate of %q is valid from %s to %s", name, day(at), c.Subject.CommonName, day(c.NotBefore), day(c.NotAfter))
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(root)
	if _, err := cert.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return fmt.Errorf("the key of %q is not vouched for by this root at %s: %w", name, day(at), err)
	}
	return nil
}
