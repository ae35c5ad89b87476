package certstest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"handback.example/certs"
	"handback.example/certs/schema"
)

var published = sync.OnceValues(func() (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Record))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("record.schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("record.schema.json")
})

// CheckRecord says where a record's bytes are not as the published schema has them.
func CheckRecord(b []byte) error {
	s, err := published()
	if err != nil {
		return err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		return err
	}
	return s.Validate(doc)
}

// CheckEnvelopes says which record of a visit is not as the published schema has
// it. Every test that makes records, by whatever way, ends here.
func CheckEnvelopes(envelopes [][]byte) error {
	for i, b := range envelopes {
		e, err := certs.ParseEnvelope(b)
		if err != nil {
			return err
		}
		payload, err := e.PayloadBytes()
		if err != nil {
			return err
		}
		if err := CheckRecord(payload); err != nil {
			return fmt.Errorf("record %d: %w\n%s", i+1, err, payload)
		}
	}
	return nil
}

// CheckSpool says which record of a folder is not as the published schema has it. A
// folder that isn't there has none.
func CheckSpool(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return err
	}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			return err
		}
		if err := CheckEnvelopes([][]byte{b}); err != nil {
			return fmt.Errorf("%s: %w", n, err)
		}
	}
	return nil
}
