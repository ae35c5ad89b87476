package schema_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/schema"
	"handback.example/certs/sign"
)

func compile(t *testing.T) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Record))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("record.schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("record.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Every record that the tests of the other packages are built from.
func TestRecordsValidate(t *testing.T) {
	s := compile(t)
	signer, hub := certstest.Keys(sign.Demonstrating)
	seen := map[certs.Kind]bool{}
	visits := []*certstest.Visit{certstest.Sanitised(signer, 2), certstest.Failed(signer), certstest.NoMedia(signer), certstest.Rare(signer), certstest.Purged(signer), certstest.Closed(signer, hub)}
	for _, v := range visits {
		for _, e := range v.Envelopes() {
			env, err := certs.ParseEnvelope(e)
			if err != nil {
				t.Fatal(err)
			}
			b, err := env.PayloadBytes()
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, b, seen)
		}
	}
	for _, k := range certs.Kinds {
		if !seen[k] {
			t.Errorf("no record of kind %s was checked", k)
		}
	}
}

func check(t *testing.T, s *jsonschema.Schema, b []byte, seen map[certs.Kind]bool) {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(doc); err != nil {
		t.Errorf("%s\n%v", b, err)
	}
	var r certs.Record
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	seen[r.Kind] = true
}

// What the programs refuse, the schema refuses too.
func TestSchemaRefuses(t *testing.T) {
	s := compile(t)
	good := `{"at":{"source":"rtc","uptime":15,"wall":"2026-11-24T09:30:00Z"},"kind":"TESTED","prev":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","schema":"handback.record/1","seq":2,"stick":"S01","tested":{"answer":"","ask":"","question":"","who":""},"visit":"S01-000412"}`
	for name, c := range map[string]struct{ from, to string }{
		"unknown field": {`"who":""`, `"who":"","owner":""`},
		"missing field": {`"ask":"",`, ``},
		"wrong kind":    {`"TESTED"`, `"TPM"`},
		"fraction":      {`"uptime":15`, `"uptime":15.5`},
		"hash":          {`"9f86`, `"XX86`},
	} {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(bytes.Replace([]byte(good), []byte(c.from), []byte(c.to), 1)))
		if err != nil {
			t.Fatal(err)
		}
		if s.Validate(doc) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}
