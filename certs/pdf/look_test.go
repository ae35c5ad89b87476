package pdf_test

import (
	"os"
	"path/filepath"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// TestLook writes papers for people to look at where HANDBACK_LOOK names a folder.
func TestLook(t *testing.T) {
	dir := os.Getenv("HANDBACK_LOOK")
	if dir == "" {
		t.Skip("HANDBACK_LOOK names no folder")
	}
	rootPEM, _, stick, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(rootPEM, stick, key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, k paper.Kind, v *certstest.Visit) {
		b, err := pdf.Make(k, pdf.Input{Envelopes: v.Envelopes(), Signer: s})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, name+".pdf"), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("one", paper.Erasure, certstest.Sanitised(s, 1))
	write("eight", paper.Erasure, certstest.Sanitised(s, 8))
	write("failed", paper.Erasure, certstest.Failed(s))
	write("nomedia", paper.Erasure, certstest.NoMedia(s))
	write("disposal", paper.Disposal, certstest.Sanitised(s, 2))
	write("hold", paper.Hold, certstest.Failed(s))
	if err := os.WriteFile(filepath.Join(dir, "root.pem"), rootPEM, 0o644); err != nil {
		t.Fatal(err)
	}
}
