package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"

	"handback.example/certs"
)

// Chain makes the records of one visit, one after the other. It is safe for use
// by the workers of several drives.
type Chain struct {
	signer *Signer
	visit  string

	mu        sync.Mutex
	envelopes [][]byte
	records   []certs.Record
	last      *x509.Certificate // whose key signed the newest envelope
}

// NewChain starts a visit of a stick. The first record must be INTAKE.
func NewChain(s *Signer, visit string) *Chain { return &Chain{signer: s, visit: visit} }

// Continue goes on with a visit that was stored: a stick with its own after a
// power cut, a hub with any that is certified. Every envelope is checked first;
// whether a root vouches for those who signed them is for the caller to ask.
func Continue(s *Signer, envelopes [][]byte) (*Chain, error) {
	records, by, err := Verify(envelopes)
	if err != nil {
		return nil, err
	}
	c := NewChain(s, records[0].Visit)
	c.records, c.last = records, by[len(by)-1]
	for _, e := range envelopes {
		c.envelopes = append(c.envelopes, slices.Clone(e))
	}
	if s.Role == RoleStick && slices.ContainsFunc(by, func(cert *x509.Certificate) bool { return !cert.Equal(s.Cert) }) {
		return nil, fmt.Errorf("not every record of visit %s is signed by %q", c.visit, s.Cert.Subject.CommonName)
	}
	if s.Role == RoleHub && !certified(records) {
		return nil, fmt.Errorf("visit %s is not certified: its stick must finish it first", c.visit)
	}
	return c, nil
}

// Append fills in schema, visit, stick, sequence and the hash of the record
// before, signs, and gives the envelope's bytes as they must be stored. The caller
// makes them durable; the chain keeps a copy.
func (c *Chain) Append(r certs.Record) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := own(r)
	if err != nil {
		return nil, err
	}
	r.Schema, r.Visit, r.Stick = certs.Schema, c.visit, c.signer.Stick
	r.Seq, r.Prev = len(c.envelopes)+1, ""
	if n := len(c.envelopes); n > 0 {
		r.Prev, r.Stick = certs.HashEnvelope(c.envelopes[n-1]), c.records[0].Stick
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	grown := append(slices.Clip(c.records), r)
	if err := mayFollow(c.records, r, c.signer.Role); err != nil {
		return nil, err
	}
	if err := certs.CheckCorrections(grown); err != nil {
		return nil, err
	}
	b, err := Seal(c.signer, r, c.last)
	if err != nil {
		return nil, err
	}
	// What can't be read again is lost.
	if _, _, err := Open(b, c.last); err != nil {
		return nil, err
	}
	c.envelopes, c.records, c.last = append(c.envelopes, b), grown, c.signer.Cert
	return slices.Clone(b), nil
}

// certified reports whether the stick has said that its visit is over.
func certified(records []certs.Record) bool {
	return slices.ContainsFunc(records, func(r certs.Record) bool { return r.Kind == certs.KindCertified })
}

// mayFollow says whether a key of a role may add a record to a visit. A stick's key
// ends its visit with CERTIFIED; what comes later is the hub's, and nothing else is.
// The decision on a result may be either's: it is a person's, and few have one at hand
// while the machine is on the bench.
func mayFollow(before []certs.Record, r certs.Record, by Role) error {
	later := slices.Contains([]certs.Kind{certs.KindTransferred, certs.KindReceived, certs.KindCorrected}, r.Kind)
	either := r.Kind == certs.KindCertified || r.Kind == certs.KindValidated
	over := certified(before)
	switch {
	case by == RoleStick && later:
		return fmt.Errorf("record %d, %s, is signed by a stick: it is the hub's to sign", r.Seq, r.Kind)
	case by == RoleHub && !later && !either:
		return fmt.Errorf("record %d, %s, is signed by a hub: it is the stick's to sign", r.Seq, r.Kind)
	case by == RoleStick && over:
		return fmt.Errorf("record %d, %s, is signed by the stick after it had certified the visit", r.Seq, r.Kind)
	case by == RoleHub && !over:
		return fmt.Errorf("record %d, %s, is signed by a hub before the stick had certified the visit", r.Seq, r.Kind)
	case by != RoleStick && by != RoleHub:
		return fmt.Errorf("record %d, %s, is signed by nobody who may", r.Seq, r.Kind)
	}
	return nil
}

// Visit number of the chain.
func (c *Chain) Visit() string { return c.visit }

// Envelopes so far, in order.
func (c *Chain) Envelopes() [][]byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.envelopes)
}

// Records so far, in order.
func (c *Chain) Records() []certs.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.records)
}

// Seal signs one record. before is whose key signed the envelope before it, nil for
// the first: where the key is another, its certificate travels along.
func Seal(s *Signer, r certs.Record, before *x509.Certificate) ([]byte, error) {
	payload, err := Canonical(r)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(certs.PAE(certs.PayloadType, payload))
	sig, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("record %d of visit %s could not be signed: %w", r.Seq, r.Visit, err)
	}
	id, err := keyIDHex(s.Public())
	if err != nil {
		return nil, err
	}
	signature := certs.Signature{KeyID: id, Sig: base64.StdEncoding.EncodeToString(sig)}
	if before == nil || !before.Equal(s.Cert) {
		signature.Cert = base64.StdEncoding.EncodeToString(s.Cert.Raw)
	}
	return certs.Envelope{
		PayloadType: certs.PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []certs.Signature{signature},
	}.Bytes()
}

// Open checks one envelope and gives its record and the certificate whose key
// signed it: the one that it carries, or else the one before, nil for the first.
func Open(envelope []byte, before *x509.Certificate) (certs.Record, *x509.Certificate, error) {
	e, err := certs.ParseEnvelope(envelope)
	if err != nil {
		return certs.Record{}, nil, err
	}
	cert, err := signedBy(e, before)
	if err != nil {
		return certs.Record{}, nil, err
	}
	payload, err := checkSignature(cert, e)
	if err != nil {
		return certs.Record{}, nil, err
	}
	r, err := certs.ParseRecord(payload)
	if err != nil {
		return certs.Record{}, nil, err
	}
	if again, err := Canonical(r); err != nil || string(again) != string(payload) {
		return certs.Record{}, nil, fmt.Errorf("record %d of visit %s is not canonical JSON", r.Seq, r.Visit)
	}
	return r, cert, nil
}

// signedBy is the certificate that an envelope is to be checked with. There is one
// way to write a chain: a certificate is there where the key changes, and only there.
func signedBy(e certs.Envelope, before *x509.Certificate) (*x509.Certificate, error) {
	der, err := e.CertBytes()
	switch {
	case err != nil:
		return nil, err
	case der == nil && before == nil:
		return nil, errors.New("it carries no certificate: the visit's first record is missing, or whose key signed it was taken out")
	case der == nil:
		return before, nil
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("its certificate can't be read: %w", err)
	}
	if before != nil && cert.Equal(before) {
		return nil, errors.New("it carries the certificate of the record before once more")
	}
	return cert, nil
}

// checkSignature gives the bytes that the certificate's key has signed.
func checkSignature(cert *x509.Certificate, e certs.Envelope) ([]byte, error) {
	payload, err := e.PayloadBytes()
	if err != nil {
		return nil, err
	}
	sig, err := e.SignatureBytes()
	if err != nil {
		return nil, err
	}
	if err := CheckKey(cert.PublicKey); err != nil {
		return nil, err
	}
	id, err := keyIDHex(cert.PublicKey)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(certs.PAE(e.PayloadType, payload))
	if e.Signatures[0].KeyID != id || !VerifyDigest(cert, digest[:], sig) {
		return nil, fmt.Errorf("a record is not signed by %q", cert.Subject.CommonName)
	}
	return payload, nil
}

// Verify checks the records of one visit: each signed by the key of a certificate
// that travels with them, canonical, of one visit of one stick, in sequence without
// a gap, each naming the one before, each signed by whoever may. by[i] is the
// certificate whose key signed records[i]; by[0] is the stick's.
//
// What the certificates are worth is another question: see Trust. Anybody can
// make a chain that passes here.
func Verify(envelopes [][]byte) (records []certs.Record, by []*x509.Certificate, err error) {
	if len(envelopes) == 0 {
		return nil, nil, errors.New("there are no records")
	}
	var cert *x509.Certificate
	prev := ""
	for i, b := range envelopes {
		var r certs.Record
		if r, cert, err = Open(b, cert); err != nil {
			return nil, nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		switch {
		case i > 0 && r.Visit != records[0].Visit:
			return nil, nil, fmt.Errorf("record %d is of visit %s, not of %s", i+1, r.Visit, records[0].Visit)
		case r.Seq != i+1:
			return nil, nil, fmt.Errorf("a record is missing: number %d stands where %d belongs", r.Seq, i+1)
		case r.Prev != prev:
			return nil, nil, fmt.Errorf("record %d does not follow the one before: the chain is broken", i+1)
		}
		records, by, prev = append(records, r), append(by, cert), certs.HashEnvelope(b)
		if err := mayStand(records, by); err != nil {
			return nil, nil, err
		}
	}
	if err := certs.CheckCorrections(records); err != nil {
		return nil, nil, err
	}
	return records, by, nil
}

// mayStand says whether the newest record is signed by whoever may. A visit is one
// stick's, by one key.
func mayStand(records []certs.Record, by []*x509.Certificate) error {
	n := len(records) - 1
	r := records[n]
	role, name, err := Holder(by[n])
	switch {
	case err != nil:
		return fmt.Errorf("record %d: %w", r.Seq, err)
	case role == RoleStick && name != r.Stick:
		return fmt.Errorf("record %d is of stick %s, signed by stick %s", r.Seq, r.Stick, name)
	case role == RoleStick && !by[n].Equal(by[0]):
		return fmt.Errorf("record %d is signed by another key of stick %s than the first", r.Seq, name)
	}
	return mayFollow(records[:n], r, role)
}
