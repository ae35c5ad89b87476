package pdf

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"handback.example/certs/internal/seal"
)

// The cuts that were made ahead say what the fonts give when they are cut now.
func TestCuts(t *testing.T) {
	made := map[string][]part{}
	for _, f := range faces {
		now, err := f.embed("")
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range now {
			made[f.font] = append(made[f.font], part{o.Dict, o.Packed()})
		}
		if flag.Lookup("update").Value.String() == "true" {
			continue
		}
		ahead, err := f.ready()
		if err != nil {
			t.Fatal(err)
		}
		if !sameObjects(ahead, now) {
			t.Errorf("%s: the cut made ahead is another: go test ./certs/pdf -run TestCuts -update", f.font)
		}
	}
	if flag.Lookup("update").Value.String() == "true" {
		b, err := json.MarshalIndent(made, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("fonts/shared.json", append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// sameObjects, however they were compressed: that may differ between versions of Go.
func sameObjects(a, b []seal.Object) bool {
	if len(a) != len(b) || len(a) == 0 {
		return false
	}
	for i := range a {
		if a[i].Dict != b[i].Dict || a[i].Kind != b[i].Kind || !bytes.Equal(a[i].Stream, b[i].Stream) {
			return false
		}
	}
	return true
}
