package sign

import (
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"

	"handback.example/certs"
)

// Canonical gives the one spelling of a record (RFC 8785).
func Canonical(r certs.Record) ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Kind, err)
	}
	return jcs.Transform(b)
}

// own makes a copy of a record that shares nothing with the caller's.
func own(r certs.Record) (certs.Record, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return certs.Record{}, fmt.Errorf("record %s: %w", r.Kind, err)
	}
	var c certs.Record
	if err := json.Unmarshal(b, &c); err != nil {
		return certs.Record{}, fmt.Errorf("record %s: %w", r.Kind, err)
	}
	c.Fill()
	return c, nil
}
