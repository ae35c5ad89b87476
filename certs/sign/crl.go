package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"
)

// Reason of a revocation. The zero Reason is none.
type Reason string

const (
	// KeyCompromise: somebody else may hold the key. Nothing that it ever sealed is
	// genuine, for whoever holds it can write any date.
	KeyCompromise Reason = "key-compromise"
	// After the others, what was sealed before the date stays genuine.
	Lost       Reason = "lost"
	Superseded Reason = "superseded"
	Ceased     Reason = "ceased"
)

// Reasons of a revocation, in the order in which people are asked.
var Reasons = []Reason{KeyCompromise, Lost, Superseded, Ceased}

// reasonCodes of RFC 5280, 5.3.1. A lost stick's privilege is withdrawn (9).
var reasonCodes = map[Reason]int{KeyCompromise: 1, Lost: 9, Superseded: 4, Ceased: 5}

// mildCodes are those of the reasons other than compromise, affiliationChanged (3)
// too. What is not here, unspecified (0) and certificateHold (6) among it, counts as
// a compromise: nobody has said that it was none.
var mildCodes = []int{3, 4, 5, 9}

// Extensions of an entry and of a list (RFC 5280, 5.3.1, 5.3.2).
var (
	oidReasonCode     = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidInvalidityDate = asn1.ObjectIdentifier{2, 5, 29, 24}
)

// Revocation is one entry of a list.
type Revocation struct {
	Serial *big.Int
	Reason Reason
	From   time.Time // from when on the key is not to be trusted: the invalidity date
	Done   time.Time // when it was revoked
}

// IssueList makes a root's next revocation list (RFC 5280, 5): what the one before
// says, if there is one, and the entries that are added. Its number is one higher. A
// key that is listed as compromised stays so.
func IssueList(root *x509.Certificate, rootKey crypto.Signer, before *x509.RevocationList, now time.Time, validity time.Duration, add ...Revocation) (*x509.RevocationList, error) {
	t := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.UTC().Truncate(time.Second), NextUpdate: now.Add(validity).UTC().Truncate(time.Second)}
	if before != nil {
		t.Number = new(big.Int).Add(before.Number, t.Number)
		for _, e := range before.RevokedCertificateEntries {
			e.ExtraExtensions = slices.DeleteFunc(slices.Clone(e.Extensions), func(x pkix.Extension) bool { return x.Id.Equal(oidReasonCode) })
			t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, e)
		}
	}
	for _, a := range add {
		e, err := a.entry()
		if err != nil {
			return nil, err
		}
		same := func(o x509.RevocationListEntry) bool { return o.SerialNumber.Cmp(e.SerialNumber) == 0 }
		switch i := slices.IndexFunc(t.RevokedCertificateEntries, same); {
		case i < 0:
			t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, e)
		case a.Reason == KeyCompromise:
			t.RevokedCertificateEntries[i] = e
		default:
			return nil, fmt.Errorf("certificate %x is revoked already", e.SerialNumber)
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, root, rootKey)
	if err != nil {
		return nil, fmt.Errorf("the revocation list could not be signed: %w", err)
	}
	return x509.ParseRevocationList(der)
}

func (r *Revocation) entry() (x509.RevocationListEntry, error) {
	code, ok := reasonCodes[r.Reason]
	if !ok {
		return x509.RevocationListEntry{}, fmt.Errorf("reason %q of a revocation is unknown", r.Reason)
	}
	date, err := asn1.MarshalWithParams(r.From.UTC().Truncate(time.Second), "generalized")
	if err != nil {
		return x509.RevocationListEntry{}, err
	}
	return x509.RevocationListEntry{SerialNumber: r.Serial, RevocationTime: r.Done.UTC().Truncate(time.Second), ReasonCode: code,
		ExtraExtensions: []pkix.Extension{{Id: oidInvalidityDate, Value: date}}}, nil
}

// ListPEM writes a revocation list.
func ListPEM(l *x509.RevocationList) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemList, Bytes: l.Raw})
}

const pemList = "X509 CRL" // RFC 7468, 6

// ParseList reads a revocation list, in PEM or as it is. It refuses what this
// package would have to guess at: a list that covers a part only, and one without
// number or next date. Who signed it is for NewTrust to see.
func ParseList(b []byte) (*x509.RevocationList, error) {
	der := b
	if block, _ := pem.Decode(b); block != nil {
		var err error
		if der, err = onePEM(b, pemList, "revocation list"); err != nil {
			return nil, err
		}
	}
	l, err := x509.ParseRevocationList(der)
	if err != nil || len(l.Raw) != len(der) {
		return nil, errors.New("no revocation list in it")
	}
	critical := func(x pkix.Extension) bool { return x.Critical }
	switch {
	case l.Number == nil:
		return nil, errors.New("the revocation list has no number")
	case l.NextUpdate.IsZero() || !l.NextUpdate.After(l.ThisUpdate):
		return nil, errors.New("the revocation list says not when the next one is due")
	case slices.ContainsFunc(l.Extensions, critical):
		return nil, errors.New("the revocation list covers a part of what was revoked only: ask the hub for the whole list")
	}
	for _, e := range l.RevokedCertificateEntries {
		if _, err := invalidFrom(e); err != nil || slices.ContainsFunc(e.Extensions, critical) {
			return nil, fmt.Errorf("the revocation list's entry of certificate %x is not understood", e.SerialNumber)
		}
	}
	return l, nil
}

// invalidFrom is the date from which on an entry's key is not to be trusted: the
// earlier one of its two.
func invalidFrom(e x509.RevocationListEntry) (time.Time, error) {
	from := e.RevocationTime
	for _, x := range e.Extensions {
		if !x.Id.Equal(oidInvalidityDate) {
			continue
		}
		var t time.Time
		if rest, err := asn1.UnmarshalWithParams(x.Value, &t, "generalized"); err != nil || len(rest) != 0 {
			return from, errors.New("its invalidity date can't be read")
		}
		if t.Before(from) {
			from = t
		}
	}
	return from, nil
}

// Revoked gives the entry of a list for a serial, nil where there is none.
func Revoked(l *x509.RevocationList, serial *big.Int) *Revocation {
	for _, e := range l.RevokedCertificateEntries {
		if e.SerialNumber.Cmp(serial) != 0 {
			continue
		}
		r := &Revocation{Serial: e.SerialNumber, Reason: KeyCompromise, Done: e.RevocationTime, From: e.RevocationTime}
		if from, err := invalidFrom(e); err == nil {
			r.From = from
		}
		if slices.Contains(mildCodes, e.ReasonCode) {
			r.Reason = Superseded
			for reason, code := range reasonCodes {
				if code == e.ReasonCode {
					r.Reason = reason
				}
			}
		}
		return r
	}
	return nil
}
