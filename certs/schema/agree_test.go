package schema_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gowebpki/jcs"
	"pgregory.net/rapid"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// reads reports whether our programs take the bytes for a record.
func reads(b []byte) bool {
	r, err := certs.ParseRecord(b)
	if err != nil {
		return false
	}
	again, err := sign.Canonical(r)
	return err == nil && bytes.Equal(again, b)
}

// What our programs write, the schema takes.
func TestSchemaTakesEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := record(t)
		r.Fill()
		if err := r.Validate(); err != nil {
			t.Fatalf("the generator makes what is no record: %v", err)
		}
		b, err := sign.Canonical(r)
		if err != nil {
			t.Fatal(err)
		}
		if !reads(b) {
			t.Fatalf("it can't be read again:\n%s", b)
		}
		if err := certstest.CheckRecord(b); err != nil {
			t.Fatal(err)
		}
	})
}

// A record with one thing changed is taken by both, or refused by both.
func TestSchemaAndProgramsAgree(t *testing.T) {
	taken, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		r := record(t)
		r.Fill()
		b, err := sign.Canonical(r)
		if err != nil {
			t.Fatal(err)
		}
		changed, what := change(t, b)
		err = certstest.CheckRecord(changed)
		switch ours := reads(changed); {
		case ours != (err == nil):
			t.Fatalf("%s: our programs take it: %t; the schema: %v\n%s", what, ours, err, cut(changed))
		case ours:
			taken++
		default:
			refused++
		}
	})
	if taken == 0 || refused == 0 {
		t.Errorf("%d changed records were taken, %d refused: there must be both", taken, refused)
	}
}

func cut(b []byte) []byte { return b[:min(len(b), 4000)] }

// place of a value in a JSON document.
type place struct {
	path []string
	get  any
	set  func(any)
}

func places(v any, path []string, set func(any)) []place {
	out := []place{{slices.Clone(path), v, set}}
	switch v := v.(type) {
	case map[string]any:
		for _, k := range sorted(v) {
			out = append(out, places(v[k], append(path, k), func(x any) { v[k] = x })...)
		}
	case []any:
		for i := range v {
			out = append(out, places(v[i], append(path, "-"), func(x any) { v[i] = x })...)
		}
	}
	return out
}

func sorted(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// beyond is what no schema can say: see its description.
var beyond = []string{"visit", "stick", "intake.letterhead.logo", "corrected.was", "corrected.is", "corrected.field", "received.outcomes"}

// change one thing of a record, in its canonical form.
func change(t *rapid.T, b []byte) ([]byte, string) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var doc any
	if err := d.Decode(&doc); err != nil {
		t.Fatal(err)
	}
	all := slices.DeleteFunc(places(doc, nil, func(x any) { doc = x }), func(p place) bool {
		at := strings.Join(p.path, ".")
		return slices.ContainsFunc(beyond, func(s string) bool { return strings.HasPrefix(at, s) })
	})
	p := rapid.SampledFrom(all).Draw(t, "place")
	what := strings.Join(p.path, ".")
	with := other(t, p)
	p.set(with)
	out, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	if out, err = jcs.Transform(out); err != nil {
		t.Fatal(err)
	}
	return out, what
}

var junk = []any{nil, true, "zebra", "", json.Number("-1"), json.Number("-2"), json.Number("0"), json.Number("1.5"), json.Number("9007199254740992"),
	strings.Repeat("é", 16384), strings.Repeat("é", 16385), strings.Repeat("0a", 32), strings.Repeat("0A", 32), "2026-02-30T00:00:00Z", "2026-11-24T09:30:00+00:00", []any{}, map[string]any{}}

// other value for a place.
func other(t *rapid.T, p place) any {
	switch v := p.get.(type) {
	case map[string]any:
		if rapid.Bool().Draw(t, "junk") {
			break
		}
		if len(v) > 0 && rapid.Bool().Draw(t, "delete") {
			delete(v, rapid.SampledFrom(sorted(v)).Draw(t, "key"))
		} else {
			v[rapid.SampledFrom([]string{"owner", "Tag", "then", "code", "canaries", "notes", "reference", "tpm"}).Draw(t, "key")] = rapid.SampledFrom(junk).Draw(t, "value")
		}
		return v
	case []any:
		switch rapid.IntRange(0, 2).Draw(t, "how") {
		case 0:
			return append(v, rapid.SampledFrom(junk).Draw(t, "value"))
		case 1:
			if len(v) > 0 {
				return slices.Repeat(v[:1], rapid.SampledFrom([]int{8, 9, 4096, 4097}).Draw(t, "many"))
			}
		}
	}
	return rapid.SampledFrom(junk).Draw(t, "value")
}
