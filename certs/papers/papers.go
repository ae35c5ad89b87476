// Package papers makes each paper of a visit in its two forms, the PDF and its HTML
// twin, as files with their names.
package papers

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"handback.example/certs"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// File is a paper as it is stored.
type File struct {
	Name string // 'S01-000412-erasure.pdf'
	Data []byte
}

// Make a paper of the visit in both forms, the PDF first. The names have the revision
// that the records make of it.
func Make(kind paper.Kind, envelopes [][]byte, signer *sign.Signer) ([]File, error) {
	records, err := certs.Records(envelopes)
	if err != nil {
		return nil, err
	}
	s := certs.Summarise(records)
	page, err := pdf.Make(kind, pdf.Input{Envelopes: envelopes, Signer: signer})
	if err != nil {
		return nil, fmt.Errorf("the %s paper could not be made: %w", kind, err)
	}
	twin, err := html.Make(kind, envelopes, signer)
	if err != nil {
		return nil, fmt.Errorf("the %s paper's HTML twin could not be made: %w", kind, err)
	}
	return []File{{pdf.Name(kind, s.Visit, s.Revision), page}, {html.Name(kind, s.Visit, s.Revision), twin}}, nil
}

// Certified names files by their SHA-256.
func Certified(files []File) *certs.Certified {
	c := &certs.Certified{}
	for _, f := range files {
		sum := sha256.Sum256(f.Data)
		c.Papers = append(c.Papers, certs.Paper{Name: f.Name, SHA256: hex.EncodeToString(sum[:])})
	}
	return c
}
