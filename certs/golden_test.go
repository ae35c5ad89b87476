package certs_test

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// golden files of testdata/records: one record of every kind, of one visit, as it was
// signed when the format was settled, and the envelope around it.
func golden(t testing.TB, ending string) [][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/records/*" + ending)
	if err != nil || len(names) != len(certs.Kinds) {
		t.Fatalf("%d golden files %s, %v: there is one for each of %d kinds", len(names), ending, err, len(certs.Kinds))
	}
	var out [][]byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

// What was written once is read for as long as the law asks for it, and written
// again byte by byte: a change of the format shows here.
func TestGoldenRecords(t *testing.T) {
	envelopes, payloads := golden(t, ".envelope.json"), golden(t, ".record.json")
	if err := certstest.CheckEnvelopes(envelopes); err != nil {
		t.Error(err)
	}
	records, by, err := sign.Verify(envelopes)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range records {
		if r.Kind != certs.Kinds[i] {
			t.Errorf("record %d is %s, not %s", i+1, r.Kind, certs.Kinds[i])
		}
		e, err := certs.ParseEnvelope(envelopes[i])
		if err != nil {
			t.Fatal(err)
		}
		if got, err := e.PayloadBytes(); err != nil || !bytes.Equal(got, payloads[i]) {
			t.Errorf("%s: the envelope holds %q, %v", r.Kind, got, err)
		}
		if again, err := sign.Canonical(r); err != nil || !bytes.Equal(again, payloads[i]) {
			t.Errorf("%s is written as\n%s\nnot as\n%s", r.Kind, again, payloads[i])
		}
		if got, want := e.Signatures[0].Cert != "", i == 0 || r.Kind == certs.KindTransferred; got != want {
			t.Errorf("%s carries a certificate: %t", r.Kind, got)
		}
		whole(t, reflect.ValueOf(r), "Record")
	}
	if name := by[len(by)-1].Subject.CommonName; name != "Handback hub Newport" {
		t.Errorf("the last record is signed by %q", name)
	}
}

// whole says which field of a golden record holds nothing: it would prove nothing.
func whole(t *testing.T, v reflect.Value, path string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Field(i); path != "Record" || f.Kind() != reflect.Pointer || !f.IsNil() {
				whole(t, f, path+"."+v.Type().Field(i).Name)
			}
		}
	case reflect.Pointer:
		whole(t, v.Elem(), strings.TrimPrefix(path, "Record."))
	case reflect.Slice:
		if v.Len() == 0 {
			t.Errorf("%s is empty", path)
		}
		for i := range v.Len() {
			whole(t, v.Index(i), path)
		}
	default:
		if v.IsZero() && path != "Record.Prev" {
			t.Errorf("%s is empty", path)
		}
	}
}

// seeds of a fuzz target: there must be one of every kind.
func seeds(f *testing.F, in [][]byte) {
	f.Helper()
	for _, b := range in {
		f.Add(b)
	}
}

func FuzzParseRecord(f *testing.F) {
	seeds(f, golden(f, ".record.json"))
	f.Add([]byte(`{"schema":"handback.record/1","kind":"FINISHED"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := certs.ParseRecord(b)
		if err != nil {
			return
		}
		certs.Summarise([]certs.Record{r})
		again, err := sign.Canonical(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := certs.ParseRecord(again); err != nil {
			t.Errorf("what was read can't be read again: %v\n%s", err, again)
		}
		if err := certstest.CheckRecord(again); err != nil {
			t.Errorf("what was read is not as the schema has it: %v\n%s", err, again)
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	seeds(f, golden(f, ".envelope.json"))
	f.Add([]byte(`{"payloadType":"application/vnd.handback.record+json","payload":"e30=","signatures":[{"keyid":"ab","sig":"AA=="}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := certs.ParseEnvelope(b)
		if err != nil {
			return
		}
		if again, err := e.Bytes(); err != nil || string(again) != string(b) {
			t.Errorf("an envelope has two spellings: %q and %q", b, again)
		}
		if der, err := e.CertBytes(); err == nil && der != nil && base64.StdEncoding.EncodeToString(der) != e.Signatures[0].Cert {
			t.Errorf("a certificate has two spellings: %q", e.Signatures[0].Cert)
		}
		_, _ = e.Record() // must not panic
	})
}

func FuzzSplitEnvelopes(f *testing.F) {
	f.Add(certs.JoinEnvelopes(golden(f, ".envelope.json")))
	f.Add(certs.JoinEnvelopes([][]byte{[]byte(`{"a":1}`), []byte(`{"b":2}`)}))
	f.Fuzz(func(t *testing.T, b []byte) {
		es, err := certs.SplitEnvelopes(b)
		if err != nil {
			return
		}
		if string(certs.JoinEnvelopes(es)) != string(b) {
			t.Errorf("record.json has two spellings: %q", b)
		}
		_, _, _ = sign.Verify(es) // must not panic
	})
}
