package sign

import (
	"crypto"
	"crypto/ecdsa"
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
}

// NewChain starts a visit. The first record must be INTAKE.
func NewChain(s *Signer, visit string) *Chain { return &Chain{signer: s, visit: visit} }

// Resume goes on with a visit that was stored, after a power cut for instance.
// Every envelope is checked first.
func Resume(s *Signer, envelopes [][]byte) (*Chain, error) {
	records, err := Verify(envelopes, s.Cert)
	if err != nil {
		return nil, err
	}
	c := NewChain(s, records[0].Visit)
	c.records = records
	for _, e := range envelopes {
		c.envelopes = append(c.envelopes, slices.Clone(e))
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
		r.Prev = certs.HashEnvelope(c.envelopes[n-1])
	}
	if err := r.Validate(); err != nil {
		return nil, err
	}
	b, err := Seal(c.signer, r)
	if err != nil {
		return nil, err
	}
	c.envelopes, c.records = append(c.envelopes, b), append(c.records, r)
	return slices.Clone(b), nil
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

// Seal signs one record.
func Seal(s *Signer, r certs.Record) ([]byte, error) {
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
	return certs.Envelope{
		PayloadType: certs.PayloadType,
		Payload:     base64.StdEncoding.EncodeToString(payload),
		Signatures:  []certs.Signature{{KeyID: id, Sig: base64.StdEncoding.EncodeToString(sig)}},
	}.Bytes()
}

// Open checks one envelope against the key of a certificate and gives its record.
func Open(envelope []byte, cert *x509.Certificate) (certs.Record, error) {
	e, err := certs.ParseEnvelope(envelope)
	if err != nil {
		return certs.Record{}, err
	}
	payload, err := e.PayloadBytes()
	if err != nil {
		return certs.Record{}, err
	}
	sig, err := e.SignatureBytes()
	if err != nil {
		return certs.Record{}, err
	}
	if err := checkSignature(cert, e, payload, sig); err != nil {
		return certs.Record{}, err
	}
	r, err := certs.ParseRecord(payload)
	if err != nil {
		return certs.Record{}, err
	}
	if again, err := Canonical(r); err != nil || string(again) != string(payload) {
		return certs.Record{}, fmt.Errorf("record %d of visit %s is not canonical JSON", r.Seq, r.Visit)
	}
	return r, nil
}

func checkSignature(cert *x509.Certificate, e certs.Envelope, payload, sig []byte) error {
	pub, ok := cert.PublicKey.(*ecdsa.PublicKey)
	if !ok {
		return errors.New("the certificate's key is not an ECDSA key")
	}
	id, err := keyIDHex(pub)
	if err != nil {
		return err
	}
	digest := sha256.Sum256(certs.PAE(e.PayloadType, payload))
	if e.Signatures[0].KeyID != id || !ecdsa.VerifyASN1(pub, digest[:], sig) {
		return fmt.Errorf("a record is not signed by %q", cert.Subject.CommonName)
	}
	return nil
}

// Verify checks the records of one visit: each signed by the certificate's key,
// canonical, of one visit of that stick, in sequence without a gap, each naming
// the one before.
func Verify(envelopes [][]byte, cert *x509.Certificate) ([]certs.Record, error) {
	if len(envelopes) == 0 {
		return nil, errors.New("there are no records")
	}
	stick, err := StickOf(cert)
	if err != nil {
		return nil, err
	}
	var out []certs.Record
	prev := ""
	for i, b := range envelopes {
		r, err := Open(b, cert)
		if err != nil {
			return nil, fmt.Errorf("record %d: %w", i+1, err)
		}
		switch {
		case r.Stick != stick:
			return nil, fmt.Errorf("record %d is of stick %s, signed by stick %s", i+1, r.Stick, stick)
		case i > 0 && r.Visit != out[0].Visit:
			return nil, fmt.Errorf("record %d is of visit %s, not of %s", i+1, r.Visit, out[0].Visit)
		case r.Seq != i+1:
			return nil, fmt.Errorf("a record is missing: number %d stands where %d belongs", r.Seq, i+1)
		case r.Prev != prev:
			return nil, fmt.Errorf("record %d does not follow the one before: the chain is broken", i+1)
		}
		out, prev = append(out, r), certs.HashEnvelope(b)
	}
	return out, nil
}
