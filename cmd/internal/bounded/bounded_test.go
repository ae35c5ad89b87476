package bounded

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	name := func(n string, size int) string {
		n = filepath.Join(dir, n)
		if err := os.WriteFile(n, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
		return n
	}
	just, over := name("just", MiB), name("over", MiB+1)
	for what, read := range map[string]func(string, int) ([]byte, error){"any": ReadFile, "regular": ReadRegular} {
		if b, err := read(just, 1); err != nil || len(b) != MiB {
			t.Errorf("%s: at the bound %d bytes, %v", what, len(b), err)
		}
		if b, err := read(over, 1); b != nil || err == nil || !strings.Contains(err.Error(), over+" is larger than 1 MiB") {
			t.Errorf("%s: above it %d bytes, %v", what, len(b), err)
		}
		if _, err := read(filepath.Join(dir, "none"), 1); !os.IsNotExist(err) {
			t.Errorf("%s: a file that isn't there: %v", what, err)
		}
	}
	if _, err := ReadFile("/dev/zero", 1); err == nil || !strings.Contains(err.Error(), "larger than 1 MiB") {
		t.Errorf("without an end: %v", err)
	}
	for _, n := range []string{"/dev/zero", dir} {
		if _, err := ReadRegular(n, 1); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", n, err)
		}
	}
}
