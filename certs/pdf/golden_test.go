package pdf_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

var update = flag.Bool("update", false, "write the golden texts anew: look at the difference, and at the pages (TestLook)")

// read has poppler read a paper.
func read(t *testing.T, b []byte, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath("pdftotext"); err != nil {
		t.Fatal("pdftotext is not installed: .ci/setup test installs it")
	}
	c := exec.Command("pdftotext", append(args, "-", "-")...)
	c.Stdin = bytes.NewReader(b)
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func make1(t testing.TB, f form) []byte {
	t.Helper()
	b, err := pdf.Make(f.kind, pdf.Input{Envelopes: f.visit.Envelopes(), Signer: f.by})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A hash of the records, and the key of the root, are new with each run.
var (
	hashForm = regexp.MustCompile(`record\.json SHA-256 ([0-9a-f]{4} ){15}[0-9a-f]{4}`)
	rootForm = regexp.MustCompile(`root key ([0-9a-f]{4} ){5,}[0-9a-f]{4}`)
)

// Every form of paper, as a reader gets its text, and as qpdf reads its file.
func TestGolden(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	for name, f := range forms(stick, hub) {
		t.Run(name, func(t *testing.T) {
			b := make1(t, f)
			text := rootForm.ReplaceAllString(hashForm.ReplaceAllString(read(t, b, "-layout"), "record.json SHA-256 HASH"), "root key KEY")
			if !strings.Contains(text, "HASH") || !strings.Contains(text, "KEY") {
				t.Error("the paper lacks the hash of its records, or the root's key")
			}
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("the text differs from %s: look at the pages, then go test -run Golden -update. It is\n%s", golden, text)
			}
			file := filepath.Join(t.TempDir(), name+".pdf")
			if err := os.WriteFile(file, b, 0o600); err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("qpdf", "--check", file).CombinedOutput(); err != nil {
				t.Errorf("qpdf: %v\n%s", err, out)
			}
		})
	}
}

// A paper of a normal device is small and has two pages, and its first page says all
// that is read in a minute.
func TestOneDriveIsTwoPages(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	for _, name := range []string{"sanitised", "office", "donate", "hold"} {
		b := make1(t, forms(stick, hub)[name])
		if len(b) > 60_000 {
			t.Errorf("%s: a paper of one drive has %d bytes", name, len(b))
		}
		pages := strings.Split(strings.TrimRight(read(t, b, "-layout"), "\f"), "\f")
		if len(pages) != 2 {
			t.Fatalf("%s: a paper of one drive has %d pages", name, len(pages))
		}
		if name != "donate" {
			wants(t, pages[0], "Dell Inc.", "DEP-0047123", "What this seal proves", "Sealed by stick S01", "record.json SHA-256")
		}
		if name == "office" {
			wants(t, pages[0], "SANITISED: CLEAR", "S4EVNX0M1234500", "device-claimed", "cleared", "fingerprints in the reader", "ACCEPTED by sup02", "Exceptions", "Handback 0.1.0")
		}
	}
}

// The pages of many drives repeat the head of their table, and each says the verdict.
func TestManyDrives(t *testing.T) {
	stick, hub := certstest.Keys(sign.Production)
	text := read(t, make1(t, forms(stick, hub)["many"]), "-layout")
	if n := strings.Count(text, "Technique and standard"); n != 2 {
		t.Errorf("the table's head stands %d times", n)
	}
	pages := strings.Split(strings.TrimRight(text, "\f"), "\f")
	for i, p := range pages {
		if !strings.Contains(p, "SANITISED: CLEAR") || !strings.Contains(p, "S01-000412") {
			t.Errorf("page %d does not say what it belongs to", i+1)
		}
	}
	for n := range 24 {
		wants(t, text, certstest.Drive(n).Serial)
	}
}

// Papers that are no evidence say so on every page.
func TestBanners(t *testing.T) {
	for class, want := range map[sign.Class]string{sign.Demonstrating: "DEMONSTRATION", sign.Practice: "PRACTICE - simulated"} {
		stick, hub := certstest.Keys(class)
		for i, p := range strings.Split(strings.TrimRight(read(t, make1(t, forms(stick, hub)["failed"])), "\f"), "\f") {
			if !strings.Contains(p, want) {
				t.Errorf("%s: page %d does not say so", class, i+1)
			}
		}
	}
	s, err := sign.NotEnrolled("S01")
	if err != nil {
		t.Fatal(err)
	}
	text := read(t, make1(t, form{"erasure", certstest.Sanitised(s, 1), s}))
	wants(t, text, "NOT ENROLLED", "this paper proves nothing")
	stick, hub := certstest.Keys(sign.Production)
	if strings.Contains(read(t, make1(t, forms(stick, hub)["sanitised"])), "PRACTICE") {
		t.Error("a real paper says PRACTICE")
	}
}
