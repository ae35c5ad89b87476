package main

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// bench makes a folder: root.pem, good.pdf, failed.pdf, bad.pdf (one byte more),
// note.txt, and papers.zip of the first two.
func bench(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	rootPEM, _, stick, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(rootPEM, stick, key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	make := func(v *certstest.Visit) []byte {
		b, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes(), Signer: s})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	good, failed := make(certstest.Sanitised(s, 1)), make(certstest.Failed(s))
	write("root.pem", rootPEM)
	write("good.pdf", good)
	write("failed.pdf", failed)
	write("bad.pdf", append(bytes.Clone(good), '\n'))
	write("note.txt", []byte("hello"))
	if err := os.Mkdir(filepath.Join(dir, "two"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("two/good.pdf", good)
	write("two/spool.json", []byte("{}"))
	if err := os.Mkdir(filepath.Join(dir, "none"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "pipes"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", filepath.Join(dir, "pipes", "endless.pdf")); err != nil {
		t.Fatal(err)
	}
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	for name, b := range map[string][]byte{"a/good.pdf": good, "failed.PDF": failed, "readme.md": nil} {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write("papers.zip", z.Bytes())
	write("broken.zip", z.Bytes()[:100])
	return dir
}

// The contract of exit codes and sentences.
func TestCommand(t *testing.T) {
	t.Chdir(bench(t))
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--root root.pem good.pdf", 0, "good.pdf: Genuine (demonstration key): 1 drive sanitised (clear)"},
		{"good.pdf --root root.pem", 0, "Genuine"},
		{"--root root.pem failed.pdf", 0, "and it records a failure: failed, 1 of 2 drives sanitised"},
		{"--root root.pem --require sanitised good.pdf", 0, "Genuine"},
		{"--root root.pem --require sanitised failed.pdf", 1, "Required: sanitised."},
		{"--root root.pem --require sanitised good.pdf failed.pdf", 1, "Required: sanitised."},
		{"--root root.pem bad.pdf", 1, "Not genuine: 1 bytes were added after the signature."},
		{"--root root.pem note.txt", 1, "Not genuine: this is not a PDF."},
		{"--root root.pem root.pem", 1, "Not genuine: this is not a PDF."},
		{"good.pdf", 3, "Unchecked: without a root nobody vouches"},
		{"bad.pdf", 1, "Not genuine"},
		{"--root root.pem gone.pdf", 3, "Unchecked: it could not be read"},
		{"--root root.pem gone.pdf bad.pdf", 1, "Not genuine"},
		{"--root gone.pem good.pdf", 3, "the root could not be read"},
		{"--root note.txt good.pdf", 3, "no PEM certificate in it"},
		{"--root /dev/zero good.pdf", 3, "no PEM certificate in it"},
		{"--root root.pem pipes", 3, "it is not a regular file"},
		{"--root root.pem two", 0, "spool.json: not judged: not a PDF."},
		{"--root root.pem none", 3, "no paper is in it"},
		{"--root root.pem papers.zip", 0, "papers.zip/a/good.pdf: Genuine"},
		{"--root root.pem broken.zip", 3, "could not be read"},
		{"--root root.pem .", 1, "bad.pdf: Not genuine"},
		{"--root root.pem", 2, "no file is named"},
		{"--colour good.pdf", 2, "not defined"},
		{"--require erased good.pdf", 2, "knows 'sanitised' only"},
		{"--crl list.crl good.pdf", 2, "no revocation list"},
		{"--log log good.pdf", 2, "no evidence log"},
		{"--csv good.pdf", 2, "no CSV"},
		{"--help", 0, "usage: handback-verify"},
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(c.args), &out, &errs)
		if all := out.String() + errs.String(); code != c.code || !strings.Contains(all, c.want) {
			t.Errorf("handback-verify %s: exit %d, want %d, with %q in\n%s", c.args, code, c.code, c.want, all)
		}
	}
}

func TestJSON(t *testing.T) {
	t.Chdir(bench(t))
	for _, c := range []struct {
		args, verdict string
		files         int
	}{
		{"--json --root root.pem good.pdf failed.pdf", "genuine", 2},
		{"--json --root root.pem good.pdf bad.pdf gone.pdf", "not-genuine", 3},
		{"--json --root root.pem good.pdf gone.pdf", "unchecked", 2},
		{"--json good.pdf", "unchecked", 1},
	} {
		var out, errs bytes.Buffer
		run(strings.Fields(c.args), &out, &errs)
		var got struct {
			Verdict string `json:"verdict"`
			Files   []struct {
				File, Verdict, Sentence, SHA256, Recorded string
			} `json:"files"`
		}
		d := json.NewDecoder(&out)
		if err := d.Decode(&got); err != nil || d.More() {
			t.Fatalf("%s: not one JSON object: %v", c.args, err)
		}
		if got.Verdict != c.verdict || len(got.Files) != c.files {
			t.Errorf("%s: verdict %q over %d files, want %q", c.args, got.Verdict, len(got.Files), c.verdict)
		}
		if f := got.Files[0]; f.Recorded != "sanitised" || len(f.SHA256) != 64 {
			t.Errorf("%s: first file is %+v", c.args, f)
		}
	}
}
