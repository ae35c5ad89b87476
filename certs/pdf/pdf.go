// Package pdf draws the papers of a visit: the erasure certificate, the disposal
// certificate and the notice of HOLD. What stands on them is certs/paper's word.
//
// The same records give the same pages on every machine, so that the verifier can
// draw them again and compare. For that reason every length is an integer (a
// hundredth of a point): floating point may round differently elsewhere. The file
// is built to PDF/A-3b (ISO 19005-3), which veraPDF has not verified, with a PAdES
// B-B signature (ETSI EN 319 142-1) and DocMDP P=1.
package pdf

import (
	"crypto/x509"
	"fmt"

	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// LayoutNumber of the pages that this package draws. A change of as much as a byte
// takes a new number once papers are out.
const LayoutNumber = 1

// Name of a paper's file: 'S01-000412-erasure.pdf', of the second revision
// 'S01-000412-erasure-2.pdf'.
func Name(kind paper.Kind, visit string, revision int) string {
	return kind.Stem(visit, revision) + ".pdf"
}

// Subject of a paper in its information dictionary: its kind, and the layout that drew
// it.
func Subject(kind paper.Kind) string { return fmt.Sprintf("%s/%d", kind, LayoutNumber) }

// Input of a paper: the envelopes of the visit from INTAKE to the last before
// CERTIFIED, as stored, and the stick that made them.
type Input struct {
	Envelopes [][]byte
	Signer    *sign.Signer
}

// Make a paper and sign it.
func Make(kind paper.Kind, in Input) ([]byte, error) {
	if err := paper.CheckSigner(in.Envelopes, in.Signer); err != nil {
		return nil, err
	}
	d, err := Layout(kind, in.Envelopes, in.Signer.Cert)
	if err != nil {
		return nil, err
	}
	return d.Sign(in.Signer.Cert, in.Signer)
}

// Layout draws a paper without signing it. The verifier calls it, too.
func Layout(kind paper.Kind, envelopes [][]byte, cert *x509.Certificate) (*seal.Document, error) {
	content, err := paper.Compose(kind, envelopes, cert)
	if err != nil {
		return nil, err
	}
	c := newCanvas()
	if err := drawPaper(c, content); err != nil {
		return nil, err
	}
	raw, err := c.output()
	if err != nil {
		return nil, fmt.Errorf("paper %s of visit %s could not be drawn: %w", kind, content.Visit, err)
	}
	return finish(raw, content, c)
}
