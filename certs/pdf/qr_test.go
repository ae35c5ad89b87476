package pdf_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// A scanner reads the hash of the records off the printed page, at the resolution of a
// fax.
func TestQR(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	f := forms(stick, hub)["office"]
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "paper.pdf"), make1(t, f), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("pdftoppm", "-r", "150", "-gray", "-l", "1", "-png", filepath.Join(dir, "paper.pdf"), filepath.Join(dir, "page")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s: .ci/setup test installs it", err, out)
	}
	out, err := exec.Command("zbarimg", "--quiet", "--raw", filepath.Join(dir, "page-1.png")).Output()
	if err != nil {
		t.Fatalf("%v: .ci/setup test installs it", err)
	}
	if got, want := strings.TrimSpace(string(out)), certs.HashEnvelope(certs.JoinEnvelopes(f.visit.Envelopes())); got != want {
		t.Errorf("the QR code says %q, and the records hash to %s", got, want)
	}
}
