package html_test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLook writes twins for people to look at where HANDBACK_LOOK names a folder.
func TestLook(t *testing.T) {
	dir := os.Getenv("HANDBACK_LOOK")
	if dir == "" {
		t.Skip("HANDBACK_LOOK names no folder: pages are drawn into one for people to look at")
	}
	for _, f := range forms() {
		if err := os.WriteFile(filepath.Join(dir, f.name+".html"), make1(t, f.kind, f.v, f.by), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
