package main

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// desk is an auditor's folder.
type desk struct {
	t   testing.TB
	dir string
	s   *sign.Signer
}

func (d desk) write(name string, b []byte) {
	d.t.Helper()
	path := filepath.Join(d.dir, name)
	check(d.t, os.MkdirAll(filepath.Dir(path), 0o700))
	check(d.t, os.WriteFile(path, b, 0o600))
}

func (d desk) paper(v *certstest.Visit) []byte {
	d.t.Helper()
	b, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes(), Signer: d.s})
	check(d.t, err)
	return b
}

// spool writes a visit's records as a stick does.
func (d desk) spool(dir string, v *certstest.Visit) {
	d.t.Helper()
	for i, e := range v.Envelopes() {
		d.write(fmt.Sprintf("%s/%s-%04d.json", dir, v.Chain.Visit(), i+1), e)
	}
}

func archive(t testing.TB, files map[string][]byte) []byte {
	t.Helper()
	var z bytes.Buffer
	w := zip.NewWriter(&z)
	for name, b := range files {
		f, err := w.Create(name)
		check(t, err)
		_, err = f.Write(b)
		check(t, err)
	}
	check(t, w.Close())
	return z.Bytes()
}

// newDesk holds root.pem, good.pdf, good.html, failed.pdf, bad.pdf (one byte more),
// note.txt, archives, folders and spools.
func newDesk(t testing.TB) desk {
	t.Helper()
	root := certstest.NewRoot(sign.Demonstrating)
	s := root.Issue(sign.RoleStick, "S01")
	d := desk{t, t.TempDir(), s}
	sane := certstest.Sanitised(s, 1)
	good, failed := d.paper(sane), d.paper(certstest.Failed(s))
	twin, err := html.Make(paper.Erasure, sane.Envelopes(), s)
	check(t, err)
	d.write("root.pem", sign.CertPEM(root.Cert))
	d.write("good.pdf", good)
	d.write("good.html", twin)
	d.write("failed.pdf", failed)
	d.write("bad.pdf", append(bytes.Clone(good), '\n'))
	d.write("note.txt", []byte("hello"))
	d.write("record.json", certs.JoinEnvelopes(sane.Envelopes()))
	d.write("two/good.pdf", good)
	d.write("two/settings.json", []byte("{}"))
	d.write("two/nested.zip", archive(t, map[string][]byte{"good.pdf": good}))
	check(t, os.Mkdir(filepath.Join(d.dir, "none"), 0o700))
	check(t, os.Mkdir(filepath.Join(d.dir, "pipes"), 0o700))
	check(t, os.Symlink("/dev/zero", filepath.Join(d.dir, "pipes", "endless.pdf")))
	check(t, syscall.Mkfifo(filepath.Join(d.dir, "fifo.pdf"), 0o600))
	check(t, os.Mkdir(filepath.Join(d.dir, "loop"), 0o700))
	check(t, os.Symlink("round.pdf", filepath.Join(d.dir, "loop", "round.pdf")))
	check(t, os.Symlink("..", filepath.Join(d.dir, "loop", "up")))
	d.spool("spool", sane)
	d.spool("gap", sane)
	check(t, os.Remove(filepath.Join(d.dir, "gap", "S01-000412-0003.json")))
	d.spool("other", certstest.New(s, 412).Add(certstest.Intake(), certstest.Facts(certstest.Drive(7))))
	d.write("papers.zip", archive(t, map[string][]byte{"a/good.pdf": good, "failed.PDF": failed, "readme.md": nil, "inner.zip": nil}))
	d.write("broken.zip", archive(t, map[string][]byte{"good.pdf": good})[:100])
	d.write("bomb.zip", archive(t, map[string][]byte{"bomb.pdf": make([]byte, 40<<20)}))
	d.write("overlap.zip", overlapping(t, 1000))
	check(t, os.Symlink("two", filepath.Join(d.dir, "two-by-link")))
	f, err := os.Create(filepath.Join(d.dir, "huge.pdf"))
	check(t, err)
	check(t, f.Truncate(2<<30)) // sparse
	check(t, f.Close())
	d.crls(root)
	return d
}

// crls: of the root, empty; with the stick lost before; of another root.
func (d desk) crls(root certstest.Root) {
	now := time.Now()
	list := func(name string, add ...sign.Revocation) {
		l, err := sign.IssueList(root.Cert, root.Key, nil, now.Add(-time.Minute), time.Hour, add...)
		check(d.t, err)
		d.write(name, sign.ListPEM(l))
	}
	list("empty.crl")
	list("lost.crl", sign.Revocation{Serial: d.s.Cert.SerialNumber, Reason: sign.Lost, From: certstest.Start.Add(-time.Hour), Done: now.Add(-time.Minute)})
	other, otherKey, err := sign.NewRoot(sign.Demonstrating, "other", now.Add(-time.Hour), 24*time.Hour)
	check(d.t, err)
	l, err := sign.IssueList(other, otherKey, nil, now, time.Hour)
	check(d.t, err)
	d.write("other.crl", sign.ListPEM(l))
	d.write("other.pem", sign.CertPEM(other))
	// Another organisation's root.
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}, other, otherKey.Public(), otherKey)
	check(d.t, err)
	d.write("foreign.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// The contract of exit codes and sentences.
func TestCommand(t *testing.T) {
	t.Chdir(newDesk(t).dir)
	for _, c := range []struct {
		args string
		code int
		want string
	}{
		{"--root root.pem good.pdf", 0, "good.pdf: Genuine (demonstration key): 1 drive sanitised (clear)"},
		{"good.pdf --root root.pem", 0, "Genuine"},
		{"--root root.pem good.html", 0, "good.html: Genuine (demonstration key): 1 drive sanitised (clear)"},
		{"--root root.pem record.json", 0, "records, and the visit is not certified"},
		{"--root root.pem spool", 0, "spool/S01-000412: Genuine"},
		{"--root root.pem spool/S01-000412-0005.json", 3, "it is record 5 of visit S01-000412 alone"},
		{"--root root.pem spool/S01-000412-0001.json", 0, "; 1 record, and the visit is not certified"},
		{"--root root.pem gap", 1, "a record is missing: number 4 stands where 3 belongs"},
		{"--root root.pem spool other", 1, "two different records lie under one number: "},
		{"--root root.pem spool gap", 0, "Genuine"}, // what one lacks the other has
		{"--root root.pem other record.json", 1, "exists with two histories"},
		{"--root root.pem failed.pdf", 0, "and it records a failure: failed, 1 of 2 drives sanitised"},
		{"--root root.pem --require sanitised good.pdf", 0, "Genuine"},
		{"--root root.pem --require sanitised failed.pdf", 1, "Required: sanitised."},
		{"--root root.pem --require sanitised good.pdf failed.pdf", 1, "Required: sanitised."},
		{"--root root.pem bad.pdf", 1, "Not genuine: 1 byte was added after the signature."},
		{"--root root.pem note.txt", 1, "Not genuine: it is none of our files"},
		{"--root root.pem root.pem", 1, "Not genuine: it is none of our files"},
		{"good.pdf", 3, "Unchecked: no root was given (--root), and so nobody vouches for stick S01."},
		{"bad.pdf", 1, "Not genuine"},
		{"--root root.pem gone.pdf", 3, "Unchecked: it could not be read"},
		{"--root root.pem gone.pdf bad.pdf", 1, "Not genuine"},
		{"--root gone.pem good.pdf", 3, "the root could not be read"},
		{"--root note.txt good.pdf", 3, "no PEM certificate in it"},
		{"--root good.pdf bad.pdf", 1, "no PEM certificate in it"},
		{"--root /dev/zero good.pdf", 3, "it is not a regular file"},
		{"--root fifo.pdf good.pdf", 3, "it is not a regular file"},
		{"--root other.pem good.pdf", 1, "is not vouched for by this root"},
		{"--root other.pem --root root.pem good.pdf", 0, "Genuine"},
		{"--root foreign.pem good.pdf", 1, "is not vouched for by this root"},
		{"--root foreign.pem good.pdf", 1, "is not one of Handback's"},
		{"--root foreign.pem --root root.pem good.pdf", 0, "Genuine"},
		{"--root root.pem --crl empty.crl good.pdf", 0, "not proven."},
		{"--root root.pem --crl lost.crl good.pdf", 1, "is not to be trusted from"},
		{"--root root.pem --crl lost.crl spool", 1, "is not to be trusted from"},
		{"--root root.pem --crl empty.crl --crl lost.crl good.pdf", 1, "is not to be trusted from"},
		{"--root root.pem --crl other.crl good.pdf", 3, "is signed by no root that was given"},
		{"--root root.pem --crl note.txt good.pdf", 3, "no revocation list in it"},
		{"--root root.pem --crl gone.crl good.pdf", 3, "the revocation list could not be read"},
		{"--crl empty.crl good.pdf", 2, "--crl needs --root"},
		{"--root root.pem pipes", 3, "it is not a regular file"},
		{"--root root.pem fifo.pdf", 3, "it is not a regular file"},
		{"--root root.pem /dev/zero", 3, "it is not a regular file"},
		{"--root root.pem loop", 3, "too many levels of symbolic links"},
		{"--root root.pem huge.pdf", 1, "it is larger than any paper of ours"},
		{"--root root.pem overlap.zip", 3, "they share their bytes"},
		{"--root root.pem two-by-link", 0, "two-by-link/good.pdf: Genuine"},
		{"--root root.pem two/", 0, "two/good.pdf: Genuine"},
		{"--root root.pem bomb.zip", 1, "it is larger than any paper of ours"},
		{"--root root.pem two", 0, "two/settings.json: not judged"},
		{"--root root.pem two", 0, "two/nested.zip: not judged"},
		{"--root root.pem none", 3, "no paper and no record is in it"},
		{"--root root.pem papers.zip", 0, "papers.zip/a/good.pdf: Genuine"},
		{"--root root.pem papers.zip", 0, "Summary: 2 judged: 2 genuine (1 of them record a failure), 0 not genuine, 0 unchecked; visits: 2, sticks: 1."},
		{"--root root.pem broken.zip", 3, "could not be read"},
		{"--root root.pem .", 1, "bad.pdf: Not genuine"},
		{"--root root.pem", 2, "no file is named"},
		{"--colour good.pdf", 2, "not defined"},
		{"--require erased good.pdf", 2, "knows 'sanitised' only"},
		{"--log log good.pdf", 2, "no evidence log"},
		{"--csv --json good.pdf", 2, "choose one"},
		{"--help", 0, "usage: handback-verify"},
	} {
		var out, errs bytes.Buffer
		code := run(strings.Fields(c.args), &out, &errs)
		if all := out.String() + errs.String(); code != c.code || !strings.Contains(all, c.want) {
			t.Errorf("handback-verify %s: exit %d, want %d, with %q in\n%s", c.args, code, c.code, c.want, all)
		}
	}
}

// A folder that may not be read is named; root may read all, so this runs as nobody
// where it can.
func TestUnreadableFolder(t *testing.T) {
	d := newDesk(t)
	t.Chdir(d.dir)
	check(t, os.Chmod("two", 0))
	if os.Geteuid() == 0 {
		// The access of a thread is dropped for the file system alone (setfsuid), and
		// comes back with it.
		done := make(chan int)
		check(t, os.Chmod(".", 0o755))
		go func() {
			lockAsNobody(t)
			done <- run([]string{"two"}, &bytes.Buffer{}, &bytes.Buffer{})
		}()
		if code := <-done; code != exitUnchecked {
			t.Errorf("exit %d", code)
		}
		return
	}
	if code := run([]string{"two"}, &bytes.Buffer{}, &bytes.Buffer{}); code != exitUnchecked {
		t.Errorf("exit %d", code)
	}
}

type jsonReport struct {
	Verdict string
	Files   []struct {
		File, Verdict, Sentence, SHA256, Recorded, Form, Visit string
	}
	Summary struct {
		Files, Genuine, Unchecked int
		NotGenuine                int `json:"not_genuine"`
		Findings                  []struct {
			Kind, Sentence string
			Visits, Files  []string
		}
	}
}

func runJSON(t *testing.T, args ...string) (jsonReport, int) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(append([]string{"--json"}, args...), &out, &errs)
	for _, b := range out.Bytes() {
		if b >= 0x7f || b < ' ' && b != '\n' {
			t.Errorf("%v: byte %#x is written", args, b)
		}
	}
	var got jsonReport
	d := json.NewDecoder(&out)
	if err := d.Decode(&got); err != nil || d.More() {
		t.Fatalf("%v: not one JSON object: %v", args, err)
	}
	return got, code
}

func TestJSON(t *testing.T) {
	t.Chdir(newDesk(t).dir)
	for _, c := range []struct {
		args, verdict string
		files         int
	}{
		{"--root root.pem good.pdf failed.pdf", "genuine", 2},
		{"--root root.pem good.pdf bad.pdf gone.pdf", "not-genuine", 3},
		{"--root root.pem good.pdf gone.pdf", "unchecked", 2},
		{"good.pdf", "unchecked", 1},
	} {
		got, _ := runJSON(t, strings.Fields(c.args)...)
		if got.Verdict != c.verdict || len(got.Files) != c.files || got.Summary.Files != c.files {
			t.Errorf("%s: verdict %q over %d files, want %q", c.args, got.Verdict, len(got.Files), c.verdict)
		}
		if f := got.Files[0]; f.Recorded != "sanitised" || len(f.SHA256) != 64 || f.Form != "pdf" || f.Visit != "S01-000412" {
			t.Errorf("%s: first file is %+v", c.args, f)
		}
	}
}

// What several visits show together: each kind of finding, and none where all is
// well.
func TestFindings(t *testing.T) {
	d := newDesk(t)
	t.Chdir(d.dir)
	previous := ""
	visit := func(number int, before string, more ...certs.Record) *certstest.Visit {
		in := certstest.Intake()
		in.Intake.Previous = before
		v := certstest.New(d.s, number).Add(in)
		v.Add(more...)
		previous = certs.HashEnvelope(v.Envelopes()[0])
		return v
	}
	drive := func(n int) []certs.Record {
		x := certstest.Drive(n)
		return []certs.Record{certstest.Facts(x), certstest.Consent(certs.LevelClear, x), certstest.Started(x, certs.LevelClear), certstest.Finished(x, certs.LevelClear)}
	}
	a := visit(501, "", drive(1)...)
	afterA := previous
	b := visit(502, afterA, drive(2)...)
	d.spool("well", a)
	d.spool("well", b)
	d.spool("overlap", a)
	d.spool("overlap", visit(502, afterA, drive(1)...))
	d.spool("missing", a)
	d.spool("missing", visit(505, strings.Repeat("ab", 32), drive(3)...))
	d.spool("skipped", a)
	d.spool("skipped", visit(505, afterA, drive(3)...)) // numbers that were never used
	d.spool("copied", a)
	d.spool("copied", visit(502, strings.Repeat("cd", 32), drive(4)...))
	d.spool("twins", visit(502, afterA, drive(5)...))
	d.spool("twins", visit(503, afterA, drive(6)...))
	x := certstest.Drive(8)
	d.spool("orphan", visit(510, "", certstest.Facts(x), certstest.Consent(certs.LevelClear, x), certstest.Started(x, certs.LevelClear)))
	closed(d)
	for _, c := range []struct {
		args  string
		code  int
		kinds string
		want  string
	}{
		{"well", 0, "", ""},
		{"skipped", 0, "", ""},
		{"overlap", 0, "overlap", "was in visits S01-000501 and S01-000502 at the same time"},
		{"missing", 0, "gap", "stick S01: up to 3 visits are missing between S01-000501 and S01-000505"},
		{"copied", 0, "fork", "visit S01-000502 does not name visit S01-000501 as the one before it"},
		{"twins", 0, "fork", "visits S01-000502 and S01-000503 both name the same visit"},
		{"orphan", 0, "orphan", "visit S01-000510: the erasure of drive I"},
		{"closed", 0, "replaced missing-paper", "S01-000412-erasure.pdf is replaced by a later paper"},
		{"closed", 0, "replaced missing-paper", "which is not here"},
		{"altered", 0, "replaced missing-paper missing-paper", "is not the paper of that name that visit S01-000412 certified"},
	} {
		got, code := runJSON(t, "--root", "root.pem", "--root", "closed.pem", c.args)
		var kinds, sentences []string
		for _, f := range got.Summary.Findings {
			kinds, sentences = append(kinds, f.Kind), append(sentences, f.Sentence)
		}
		if code != c.code || strings.Join(kinds, " ") != c.kinds || !strings.Contains(strings.Join(sentences, "\n"), c.want) {
			t.Errorf("%s: exit %d, findings %q, want %q with %q:\n%s", c.args, code, kinds, c.kinds, c.want, strings.Join(sentences, "\n"))
		}
	}
}

// closed writes a visit whose papers the hub has replaced, and one paper that isn't
// there.
func closed(d desk) {
	stick, hub := certstest.Keys(sign.Demonstrating)
	v := certstest.Sanitised(stick, 1)
	first, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes(), Signer: stick})
	check(d.t, err)
	named := certs.Record{Kind: certs.KindCertified, Certified: &certs.Certified{Papers: []certs.Paper{{Name: "S01-000412-erasure.pdf", SHA256: certs.HashEnvelope(first)}}}}
	v.Add(named)
	v = v.Continue(hub).Add(certstest.Corrected())
	second, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes(), Signer: hub})
	check(d.t, err)
	v.Add(certs.Record{Kind: certs.KindCertified, Certified: &certs.Certified{Papers: []certs.Paper{
		{Name: "S01-000412-erasure-2.pdf", SHA256: certs.HashEnvelope(second)}, {Name: "S01-000412-disposal-2.pdf", SHA256: strings.Repeat("ef", 32)}}}})
	d.write("closed.pem", sign.CertPEM(stick.Root))
	for _, dir := range []string{"closed", "altered"} {
		d.spool(dir, v)
		d.write(dir+"/S01-000412-erasure.pdf", first)
		d.write(dir+"/S01-000412-erasure-2.pdf", second)
	}
	// A genuine paper of the same records that is not the one that was certified.
	again, err := pdf.Make(paper.Erasure, pdf.Input{Envelopes: v.Envelopes()[:len(v.Envelopes())-1], Signer: hub})
	check(d.t, err)
	d.write("altered/S01-000412-erasure-2.pdf", again)
}

// Names and texts never reach a terminal or a spreadsheet as anything but text.
func TestHostileNames(t *testing.T) {
	d := newDesk(t)
	t.Chdir(d.dir)
	good, err := os.ReadFile("good.pdf")
	check(t, err)
	names := []string{"=cmd|'calc'!A1.pdf", "+1.pdf", "-1.pdf", "@x.pdf", "\x1b[2Jclear.pdf", "tab\tand\nline.pdf", "bidi\u202efdp.pdf", "csi\u009b2J.pdf", "bytes\xff\xfe.pdf", "comma,\"quote\".pdf"}
	for _, n := range names {
		d.write("hostile/"+n, good)
	}
	d.write("names.zip", archive(t, map[string][]byte{"../../etc/\x1b[31mred.pdf": good, "=1+1.pdf": good}))
	var out, errs bytes.Buffer
	if code := run([]string{"--root", "root.pem", "hostile", "names.zip"}, &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, out.String())
	}
	clean := func(s string) {
		t.Helper()
		for _, r := range s {
			if r < ' ' && r != '\n' && r != '\r' || r >= 0x7f && r <= 0x9f || r >= 0x200b && r <= 0x206f {
				t.Errorf("rune %U is written in %q", r, s)
			}
		}
	}
	clean(out.String())
	if !strings.Contains(out.String(), `\u{001B}[2Jclear.pdf`) || !strings.Contains(out.String(), `bytes\xFF\xFE.pdf`) {
		t.Errorf("names are not shown as escapes:\n%s", out.String())
	}
	runJSON(t, "--root", "root.pem", "hostile", "names.zip")
	out.Reset()
	check(t, os.Chdir("hostile"))
	if code := run(append([]string{"--csv", "--root", "../root.pem", "--"}, names...), &out, &errs); code != 0 {
		t.Fatalf("exit %d: %s", code, out.String())
	}
	clean(out.String())
	rows, err := csv.NewReader(&out).ReadAll()
	check(t, err)
	if len(rows) != len(names)+1 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("cell %q is a formula", cell)
			}
		}
	}
	if got := rows[1][0]; got != "'"+names[0] {
		t.Errorf("first name is %q", got)
	}
}

func FuzzShow(f *testing.F) {
	f.Add("a\x1b[0m\u202e\xff\ufffd")
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range show(s) {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				t.Errorf("%q writes %U", s, r)
			}
		}
		for _, r := range ascii(s) {
			if r >= 0x7f {
				t.Errorf("%q writes %U", s, r)
			}
		}
	})
}

// FuzzArchive: whatever an archive says of itself, it is judged or named.
func FuzzArchive(f *testing.F) {
	f.Add(archive(f, map[string][]byte{"a.pdf": []byte("%PDF-1.7\n"), "spool/S01-000412-0001.json": []byte("{}")}))
	f.Add([]byte("PK\x05\x06"))
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(dir, "fuzz.zip")
		check(t, os.WriteFile(path, b, 0o600))
		if code := run([]string{path}, &bytes.Buffer{}, &bytes.Buffer{}); code != exitNotGenuine && code != exitUnchecked {
			t.Errorf("exit %d", code)
		}
	})
}

// overlapping is an archive that says of many files that their bytes are the same.
func overlapping(t testing.TB, files int) []byte {
	t.Helper()
	b := archive(t, map[string][]byte{"0.pdf": make([]byte, 1<<20)})
	at := bytes.Index(b, []byte("PK\x01\x02"))
	end := bytes.Index(b, []byte("PK\x05\x06"))
	out := bytes.Clone(b[:at])
	out = append(out, bytes.Repeat(b[at:end], files)...)
	tail := bytes.Clone(b[end:]) // PKWARE APPNOTE, 4.3.16: entries at 8 and 10, the directory's size at 12
	binary.LittleEndian.PutUint16(tail[8:], uint16(files))
	binary.LittleEndian.PutUint16(tail[10:], uint16(files))
	binary.LittleEndian.PutUint32(tail[12:], uint32(files*(end-at)))
	return append(out, tail...)
}
