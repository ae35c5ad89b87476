// Package pdf draws the papers of a visit from its records: the erasure
// certificate, the disposal certificate and the notice of HOLD.
//
// Everything on a page comes from the records and from the certificate of the
// stick that sealed them; the package reads no clock, no setting and no device,
// and decides nothing: what the records add up to is certs.Summarise's word. The
// same records give the same pages on every machine, so that the verifier can
// draw them again and compare. For that reason every length is an integer (a
// hundredth of a point): floating point may round differently elsewhere.
//
// What the erasure certificate holds follows NIST SP 800-88 Rev. 2, 4.6. The file
// is built to PDF/A-3b (ISO 19005-3), which veraPDF has not verified, with a PAdES
// B-B signature (ETSI EN 319 142-1) and DocMDP P=1.
package pdf

import (
	"crypto/x509"
	"errors"
	"fmt"

	"handback.example/certs"
	"handback.example/certs/internal/seal"
	"handback.example/certs/sign"
)

// Kind of a paper.
type Kind string

const (
	KindErasure  Kind = "erasure"
	KindDisposal Kind = "disposal"
	KindHold     Kind = "hold"
)

// Kinds of paper, in the order in which a reader should look at them.
var Kinds = []Kind{KindErasure, KindDisposal, KindHold}

// Name of a paper's file: 'S01-000412-erasure.pdf'.
func (k Kind) Name(visit string) string { return visit + "-" + string(k) + ".pdf" }

// Input of a paper: the envelopes of the visit from INTAKE to the last before
// CERTIFIED, as stored, and the stick that made them.
type Input struct {
	Envelopes [][]byte
	Signer    *sign.Signer
}

// Erasure certificate, for every verdict: what failed is put on paper too.
func Erasure(in Input) ([]byte, error) { return Make(KindErasure, in) }

// Disposal certificate, OPEN. A visit that was not graded, or is on HOLD, has none.
func Disposal(in Input) ([]byte, error) { return Make(KindDisposal, in) }

// Hold notice, in place of the disposal certificate of a visit on HOLD.
func Hold(in Input) ([]byte, error) { return Make(KindHold, in) }

// Make a paper and sign it.
func Make(kind Kind, in Input) ([]byte, error) {
	if in.Signer == nil {
		return nil, errors.New("a paper needs a stick that signs it")
	}
	if _, err := sign.Verify(in.Envelopes, in.Signer.Cert); err != nil {
		return nil, fmt.Errorf("paper not made: %w", err)
	}
	d, err := Layout(kind, in.Envelopes, in.Signer.Cert)
	if err != nil {
		return nil, err
	}
	return d.Sign(in.Signer.Cert, in.Signer)
}

// Layout draws a paper without signing it. The verifier calls it, too.
func Layout(kind Kind, envelopes [][]byte, cert *x509.Certificate) (*seal.Document, error) {
	f, err := newFacts(envelopes, cert)
	if err != nil {
		return nil, err
	}
	c := newCanvas(f)
	switch kind {
	case KindErasure:
		err = drawErasure(c, f)
	case KindDisposal:
		err = drawDisposal(c, f)
	case KindHold:
		err = drawHold(c, f)
	default:
		err = fmt.Errorf("paper %q is unknown", kind)
	}
	if err != nil {
		return nil, err
	}
	raw, err := c.output()
	if err != nil {
		return nil, fmt.Errorf("paper %s of visit %s could not be drawn: %w", kind, f.Visit, err)
	}
	return finish(raw, kind, f, c.sealBox)
}

// facts are all that a page may draw from.
type facts struct {
	certs.Summary
	envelopes [][]byte
	record    []byte // record.json
	hash      string // its SHA-256, hex
	cert      *x509.Certificate
	class     sign.Class
}

func newFacts(envelopes [][]byte, cert *x509.Certificate) (*facts, error) {
	records, err := certs.Records(envelopes)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].Kind != certs.KindIntake {
		return nil, errors.New("a paper needs the records of a visit from INTAKE on")
	}
	for _, r := range records {
		if r.Kind == certs.KindCertified {
			return nil, errors.New("record.json ends before CERTIFIED")
		}
	}
	class, err := sign.ClassOf(cert)
	if err != nil {
		return nil, err
	}
	f := &facts{Summary: certs.Summarise(records), envelopes: envelopes, cert: cert, class: class}
	f.record = certs.JoinEnvelopes(envelopes)
	f.hash = certs.HashEnvelope(f.record)
	return f, nil
}
