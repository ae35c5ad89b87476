package certs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// PayloadType of every envelope (DSSE: an authenticated type).
const PayloadType = "application/vnd.handback.record+json"

// Envelope is a DSSE envelope (secure-systems-lab/dsse, envelope.md): the
// record's bytes and the signature over them.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // standard base64 with padding
	Signatures  []Signature `json:"signatures"`
}

// Signature of an envelope.
type Signature struct {
	KeyID string `json:"keyid"` // SHA-256 of the key's SubjectPublicKeyInfo, hex: a hint, never trusted
	Sig   string `json:"sig"`   // standard base64 of the DER signature
	// Cert is the certificate of the key, standard base64 of its DER: in a visit's
	// first envelope, and wherever another key signs than the envelope before. The
	// next record's Prev covers it.
	Cert string `json:"cert,omitempty"`
}

// PAE is DSSE's pre-authentication encoding (protocol.md, 'Signature
// Definition'): what is signed.
func PAE(payloadType string, payload []byte) []byte {
	b := append([]byte("DSSEv1 "), strconv.Itoa(len(payloadType))...)
	b = append(append(b, ' '), payloadType...)
	b = append(append(append(b, ' '), strconv.Itoa(len(payload))...), ' ')
	return append(b, payload...)
}

// Bytes of an envelope as they are stored and hashed: fields in this order, no
// white space.
func (e Envelope) Bytes() ([]byte, error) { return json.Marshal(e) }

// ParseEnvelope reads an envelope strictly: only the bytes that Bytes gives are
// an envelope of ours, so that its hash is one and the same for everybody.
func ParseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	if err := strict(b, &e, maxEnvelope); err != nil {
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	}
	again, err := e.Bytes()
	switch {
	case err != nil:
		return Envelope{}, fmt.Errorf("envelope: %w", err)
	case string(again) != string(b):
		return Envelope{}, errors.New("envelope: not written the one way that envelopes are written")
	case e.PayloadType != PayloadType:
		return Envelope{}, fmt.Errorf("envelope: payload type %q is not %q", e.PayloadType, PayloadType)
	case len(e.Signatures) != 1:
		return Envelope{}, fmt.Errorf("envelope: %d signatures where one belongs", len(e.Signatures))
	}
	return e, nil
}

// PayloadBytes decodes the record's bytes.
func (e Envelope) PayloadBytes() ([]byte, error) { return decode(e.Payload) }

// SignatureBytes decodes the one signature.
func (e Envelope) SignatureBytes() ([]byte, error) {
	if len(e.Signatures) != 1 {
		return nil, errors.New("envelope: no signature")
	}
	return decode(e.Signatures[0].Sig)
}

// CertBytes decodes the certificate; nil where the envelope carries none.
func (e Envelope) CertBytes() ([]byte, error) {
	if len(e.Signatures) != 1 {
		return nil, errors.New("envelope: no signature")
	}
	if e.Signatures[0].Cert == "" {
		return nil, nil
	}
	return decode(e.Signatures[0].Cert)
}

// decode base64, refusing every second spelling of the same bytes.
func decode(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || base64.StdEncoding.EncodeToString(b) != s {
		return nil, errors.New("envelope: not plain base64")
	}
	return b, nil
}

// Record inside the envelope. The signature is not checked here: see certs/sign.
func (e Envelope) Record() (Record, error) {
	b, err := e.PayloadBytes()
	if err != nil {
		return Record{}, err
	}
	return ParseRecord(b)
}

// HashEnvelope is what the next record's Prev, and the next visit's
// Intake.Previous, say of an envelope.
func HashEnvelope(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// JoinEnvelopes makes record.json: the JSON array of a visit's envelopes as
// stored.
func JoinEnvelopes(envelopes [][]byte) []byte {
	b := []byte{'['}
	for i, e := range envelopes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(b, '\n'), e...)
	}
	return append(b, "\n]\n"...)
}

// SplitEnvelopes reads record.json back, and refuses what JoinEnvelopes would
// not have written.
func SplitEnvelopes(b []byte) ([][]byte, error) {
	var raw []json.RawMessage
	if err := strict(b, &raw, MaxVisit); err != nil {
		return nil, fmt.Errorf("record.json: %w", err)
	}
	out := make([][]byte, len(raw))
	for i, r := range raw {
		out[i] = r
	}
	if string(JoinEnvelopes(out)) != string(b) {
		return nil, errors.New("record.json: not written the one way that it is written")
	}
	return out, nil
}

// Records of stored envelopes, in order. Signatures are not checked here.
func Records(envelopes [][]byte) ([]Record, error) {
	out := make([]Record, 0, len(envelopes))
	for _, b := range envelopes {
		e, err := ParseEnvelope(b)
		if err != nil {
			return nil, err
		}
		r, err := e.Record()
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}
