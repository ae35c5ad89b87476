package verify

import (
	"bytes"

	"handback.example/certs"
	"handback.example/certs/html"
	"handback.example/certs/sign"
)

// FormOf a file, by how it starts; empty where it is none of ours. The first 64 bytes
// are enough.
func FormOf(b []byte) Form {
	switch {
	case bytes.HasPrefix(b, []byte("%PDF-")):
		return FormPDF
	case html.Is(b):
		return FormHTML
	case bytes.HasPrefix(b, []byte("[\n"+envelopeStart)), bytes.HasPrefix(b, []byte(envelopeStart)):
		return FormRecords
	}
	return ""
}

const envelopeStart = `{"payloadType":`

// Envelopes of a file: a record.json, or one envelope as it lies in a spool.
func Envelopes(b []byte) ([][]byte, error) {
	if bytes.HasPrefix(b, []byte("[")) {
		return certs.SplitEnvelopes(b)
	}
	e := bytes.TrimSuffix(b, []byte("\n"))
	if _, err := certs.ParseEnvelope(e); err != nil {
		return nil, err
	}
	return [][]byte{e}, nil
}

// records checks a visit's records from INTAKE on.
func (c *Checker) records(r Result, envelopes [][]byte) Result {
	if len(envelopes) == 0 {
		return r.refused("there are no records in it")
	}
	// What comes without its beginning carries no certificate to be checked with.
	if first, err := peek(envelopes[0]); err == nil && first.Seq > 1 {
		if len(envelopes) == 1 {
			return r.unchecked("it is record %d of visit %s alone, and a record is judged by those before it: name the folder that holds them all", first.Seq, first.Visit)
		}
		return r.refused("a record is missing: number %d stands where 1 belongs", first.Seq)
	}
	records, by, err := sign.Verify(envelopes)
	if err != nil {
		return r.refused("%v", err)
	}
	s := certs.Summarise(records)
	r = r.keep(records, s)
	r.seen = look(envelopes, records, by, s)
	return c.trusted(r, records, by, s)
}

// peek reads what a record says of itself. Nothing of it is checked.
func peek(envelope []byte) (certs.Record, error) {
	e, err := certs.ParseEnvelope(envelope)
	if err != nil {
		return certs.Record{}, err
	}
	return e.Record()
}
