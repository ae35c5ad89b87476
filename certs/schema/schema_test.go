package schema_test

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/schema"
)

// The schema has every field that a record has, and no other; what is left out where
// it is empty may miss.
func TestSchemaHasEveryField(t *testing.T) {
	var doc struct {
		Properties map[string]any
		Required   []string
		Defs       map[string]struct {
			Properties  map[string]any
			Required    []string
			Description string
		} `json:"$defs"`
	}
	if err := json.Unmarshal(schema.Record, &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
			return
		case reflect.Struct:
		default:
			return
		}
		if seen[typ] {
			return
		}
		seen[typ] = true
		properties, required := doc.Properties, doc.Required
		if typ != reflect.TypeFor[certs.Record]() {
			d := doc.Defs[typ.Name()]
			properties, required = d.Properties, d.Required
			if d.Description == "" {
				t.Errorf("%s has no description", typ.Name())
			}
		}
		var has, must []string
		for i := range typ.NumField() {
			name, option, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			has = append(has, name)
			if option == "" {
				must = append(must, name)
			}
			walk(typ.Field(i).Type)
		}
		if got := slices.Sorted(maps.Keys(properties)); !slices.Equal(got, slices.Sorted(slices.Values(has))) {
			t.Errorf("%s: the schema has %v, the record %v", typ.Name(), got, has)
		}
		if got := slices.Sorted(slices.Values(required)); !slices.Equal(got, slices.Sorted(slices.Values(must))) {
			t.Errorf("%s: the schema requires %v, the record always writes %v", typ.Name(), got, must)
		}
	}
	walk(reflect.TypeFor[certs.Record]())
	if len(seen) < len(certs.Kinds) {
		t.Errorf("only %d types were looked at", len(seen))
	}
}

// What the programs refuse, the schema refuses too; by literal bytes.
func TestSchemaRefuses(t *testing.T) {
	good := `{"at":{"source":"rtc","uptime":15,"wall":"2026-11-24T09:30:00Z"},"kind":"TESTED","prev":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","schema":"handback.record/1","seq":2,"stick":"S01","tested":{"answer":"","ask":"","evidence":"","kind":"operator","question":"","result":"pass","who":""},"visit":"S01-000412"}`
	if err := certstest.CheckRecord([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ from, to string }{
		"unknown field": {`"who":""`, `"who":"","owner":""`},
		"missing field": {`"ask":"",`, ``},
		"wrong kind":    {`"TESTED"`, `"TPM"`},
		"fraction":      {`"uptime":15`, `"uptime":15.5`},
		"hash":          {`"9f86`, `"XX86`},
		"no result":     {`"pass"`, `""`},
		"before INTAKE": {`"seq":2`, `"seq":1`},
	} {
		if !strings.Contains(good, c.from) {
			t.Fatalf("%s: the case changes nothing", name)
		}
		if certstest.CheckRecord([]byte(strings.Replace(good, c.from, c.to, 1))) == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}
