package papers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/papers"
	"handback.example/certs/sign"
)

func TestMake(t *testing.T) {
	stick, hub := certstest.Keys(sign.Demonstrating)
	for _, c := range []struct {
		v    *certstest.Visit
		by   *sign.Signer
		stem string
	}{
		{certstest.Sanitised(stick, 1), stick, "S01-000412-disposal"},
		{certstest.Closed(stick, hub), hub, "S01-000417-disposal-3"},
	} {
		files, err := papers.Make(paper.Disposal, c.v.Envelopes(), c.by)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) != 2 || files[0].Name != c.stem+".pdf" || files[1].Name != c.stem+".html" {
			t.Fatalf("made %d files, the first %s", len(files), files[0].Name)
		}
		if !strings.HasPrefix(string(files[0].Data), "%PDF-1.7") || !html.Is(files[1].Data) {
			t.Error("the files are not what their names say")
		}
		for i, p := range papers.Certified(files).Papers {
			name := filepath.Join(t.TempDir(), p.Name)
			if err := os.WriteFile(name, files[i].Data, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("sha256sum", name).Output()
			if err != nil {
				t.Fatal(err)
			}
			if want, _, _ := strings.Cut(string(out), " "); p.SHA256 != want {
				t.Errorf("%s: SHA-256 %s, sha256sum says %s", p.Name, p.SHA256, want)
			}
		}
	}
	if _, err := papers.Make(paper.Disposal, certstest.Sanitised(stick, 1).Envelopes(), hub); err == nil || !strings.Contains(err.Error(), "not signed by") {
		t.Errorf("a hub seals the paper of a stick's record: %v", err)
	}
	if _, err := papers.Make(paper.Hold, certstest.Sanitised(stick, 1).Envelopes(), stick); err == nil || !strings.Contains(err.Error(), "not on HOLD") {
		t.Errorf("a notice of HOLD without HOLD: %v", err)
	}
}
