package html_test

import (
	"os"
	"path/filepath"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/paper"
)

// TestLook writes twins for people to look at where HANDBACK_LOOK names a folder.
func TestLook(t *testing.T) {
	dir := os.Getenv("HANDBACK_LOOK")
	if dir == "" {
		t.Skip("HANDBACK_LOOK names no folder")
	}
	s := signer(t)
	for name, v := range map[string]*certstest.Visit{"one": certstest.Sanitised(s, 1), "failed": certstest.Failed(s), "nomedia": certstest.NoMedia(s), "purged": certstest.Purged(s)} {
		for _, k := range paper.Kinds {
			b, err := html.Make(k, v.Envelopes(), s)
			if err != nil {
				continue // not every visit has every paper
			}
			if err := os.WriteFile(filepath.Join(dir, name+"-"+string(k)+".html"), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
