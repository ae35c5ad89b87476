package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
	"handback.example/cmd/internal/settings"
)

var recordFile = regexp.MustCompile(`^(S01-[0-9]{6})-[0-9]{4}\.json$`)

// taken is what one visit left on the stick.
type taken struct {
	records []certs.Record
	summary certs.Summary
	papers  map[string][]byte // PDFs, by their names
	twins   map[string][]byte // the same in HTML
}

// takeOne takes out what the stick's only visit left.
func (l *laptop) takeOne() taken {
	l.t.Helper()
	visits := l.take()
	if len(visits) != 1 {
		l.t.Fatalf("the stick holds visits %v, want one", slices.Sorted(maps.Keys(visits)))
	}
	return slices.Collect(maps.Values(visits))[0]
}

// take takes records and papers out of the stick and checks the form of all:
// every record signed, in one chain without a gap, and as the published schema
// has it; every paper named by CERTIFIED with its hash.
func (l *laptop) take() map[string]taken {
	l.t.Helper()
	names, err := takePapers(l.stick, l.dir)
	if err != nil {
		l.t.Fatal(err)
	}
	cert := l.stickCert()
	visits := map[string]taken{}
	for visit, envelopes := range spool(l.t, l.dir) {
		records, by, err := sign.Verify(envelopes)
		if err != nil {
			l.t.Fatalf("the records of %s: %v", visit, err)
		}
		if !by[0].Equal(cert) {
			l.t.Fatalf("the records of %s are signed by %s", visit, by[0].Subject)
		}
		if err := certstest.CheckEnvelopes(envelopes); err != nil {
			l.t.Errorf("visit %s: %v", visit, err)
		}
		visits[visit] = taken{records: records, summary: certs.Summarise(records), papers: map[string][]byte{}, twins: map[string][]byte{}}
	}
	twins, err := filepath.Glob(filepath.Join(l.dir, settings.CertificatesDir, "*.html"))
	if err != nil {
		l.t.Fatal(err)
	}
	for _, n := range append(names, twins...) {
		b, err := os.ReadFile(n)
		if err != nil {
			l.t.Fatal(err)
		}
		name := filepath.Base(n)
		v, ok := visits[name[:len("S01-000001")]]
		if !ok {
			l.t.Errorf("paper %s is of no visit on the stick", name)
			continue
		}
		if filepath.Ext(name) == ".html" {
			v.twins[name] = b
		} else {
			v.papers[name] = b
		}
	}
	for _, v := range visits {
		v.certified(l.t)
	}
	return visits
}

// certified checks that the papers are those that the last record names.
func (v taken) certified(t *testing.T) {
	t.Helper()
	last := v.records[len(v.records)-1]
	if last.Certified == nil {
		return // cut off, or it has no papers: tests that want some say so
	}
	if len(last.Certified.Papers) != len(v.papers)+len(v.twins) || len(v.papers) != len(v.twins) {
		t.Errorf("CERTIFIED names %d papers, the stick holds %d PDFs and %d twins", len(last.Certified.Papers), len(v.papers), len(v.twins))
	}
	for _, p := range last.Certified.Papers {
		if sum := sha256.Sum256(append(v.papers[p.Name], v.twins[p.Name]...)); hex.EncodeToString(sum[:]) != p.SHA256 {
			t.Errorf("%s is not the paper that CERTIFIED names", p.Name)
		}
	}
}

// spool gives the envelopes of each visit, in order, from a folder that they were
// taken out to.
func spool(t *testing.T, dir string) map[string][][]byte {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(dir, settings.SpoolDir))
	if err != nil {
		t.Fatal(err)
	}
	visits := map[string][][]byte{}
	for _, e := range entries { // sorted by name, which is in order
		m := recordFile.FindStringSubmatch(e.Name())
		if m == nil {
			t.Errorf("%s is no record", e.Name())
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, settings.SpoolDir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		visits[m[1]] = append(visits[m[1]], b)
	}
	return visits
}

func (l *laptop) stickCert() *x509.Certificate {
	l.t.Helper()
	files, err := readESP(l.stick, espStick)
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := sign.ParseCert(files[espStick])
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

func (l *laptop) root() *x509.Certificate {
	l.t.Helper()
	b, err := os.ReadFile(filepath.Join(l.dir, settings.RootPEM))
	if err != nil {
		l.t.Fatal(err)
	}
	c, err := sign.ParseCert(b)
	if err != nil {
		l.t.Fatal(err)
	}
	return c
}

// genuine checks every paper of a visit by our own verifier, and that there are
// papers of exactly these kinds.
func (l *laptop) genuine(v taken, kinds ...string) {
	l.t.Helper()
	root := l.root()
	var got []string
	for name, b := range v.papers {
		r := verify.File(b, []*x509.Certificate{root}, verify.Options{})
		if r.Verdict != verify.Genuine {
			l.t.Errorf("%s is %s: %s", name, r.Verdict, r.Sentence)
		}
		if r.Sanitised != string(v.summary.Verdict) {
			l.t.Errorf("%s records %q, the records on the stick %q", name, r.Sanitised, v.summary.Verdict)
		}
		if certs.Verdict(r.Sanitised) != certs.Sanitised && !verify.File(b, []*x509.Certificate{root}, verify.Options{RequireSanitised: true}).Bad() {
			l.t.Errorf("%s records %q and passes for sanitised", name, r.Sanitised)
		}
		got = append(got, r.Paper)
	}
	slices.Sort(got)
	slices.Sort(kinds)
	if !slices.Equal(got, kinds) {
		l.t.Errorf("the papers are %v, want %v", got, kinds)
	}
}

// forged checks that a changed paper is refused: one bit, all over the file, and
// one byte behind its end.
func (l *laptop) forged(name string, b []byte) {
	l.t.Helper()
	roots := []*x509.Certificate{l.root()}
	const flips = 48
	for i := range flips {
		x := bytes.Clone(b)
		x[(i*len(x)+i*7919)/flips%len(x)] ^= 1 << (i % 8)
		if r := verify.File(x, roots, verify.Options{}); r.Verdict != verify.NotGenuine {
			l.t.Errorf("%s with flipped bit %d is %s", name, i, r.Verdict)
		}
	}
	if r := verify.File(append(bytes.Clone(b), '\n'), roots, verify.Options{}); r.Verdict != verify.NotGenuine {
		l.t.Errorf("%s with one more byte is %s", name, r.Verdict)
	}
	if r := verify.File(b, nil, verify.Options{}); r.Verdict != verify.Unchecked {
		l.t.Errorf("%s without a root is %s", name, r.Verdict)
	}
}

// tool runs a program that is not ours.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v (make test installs what is missing)\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// foreign lets programs that share no code with us judge a visit's papers.
func (l *laptop) foreign(v taken) {
	l.t.Helper()
	nss := l.t.TempDir()
	tool(l.t, "certutil", "-N", "-d", nss, "--empty-password")
	tool(l.t, "certutil", "-A", "-d", nss, "-n", "root", "-t", "CT,C,C", "-i", filepath.Join(l.dir, settings.RootPEM))
	for name := range v.papers {
		file := filepath.Join(l.dir, settings.CertificatesDir, name)
		out := tool(l.t, "pdfsig", "-nssdir", nss, file)
		for _, want := range []string{"Signature is Valid", "Certificate is Trusted", "Total document signed", "ETSI.CAdES.detached"} {
			if !strings.Contains(out, want) {
				l.t.Errorf("%s: pdfsig does not say %q:\n%s", name, want, out)
			}
		}
		tool(l.t, "qpdf", "--check", file)
		if out := tool(l.t, "qpdf", "--show-attachment=record.json", file); out != string(certs.JoinEnvelopes(l.envelopes(v))) {
			l.t.Errorf("%s: record.json is not what the stick's spool holds", name)
		}
	}
}

// envelopes of a visit that its papers hold: all but CERTIFIED.
func (l *laptop) envelopes(v taken) [][]byte {
	l.t.Helper()
	all := spool(l.t, l.dir)[v.records[0].Visit]
	return all[:len(all)-1]
}

// text of a visit's paper of one kind, in one line.
func (l *laptop) text(v taken, kind string) string {
	l.t.Helper()
	file := filepath.Join(l.dir, settings.CertificatesDir, v.records[0].Visit+"-"+kind+".pdf")
	return strings.Join(strings.Fields(tool(l.t, "pdftotext", "-layout", file, "-")), " ")
}

// medium of a visit by the drive's serial.
func (v taken) medium(t *testing.T, serial string) certs.Medium {
	t.Helper()
	for _, m := range v.summary.Media {
		if m.Drive.Serial == serial {
			return m
		}
	}
	t.Fatalf("no record tells of drive %s", serial)
	return certs.Medium{}
}

// ends are the FINISHED of a drive, in order.
func (v taken) ends(serial string) (list []certs.Finished) {
	for _, r := range v.records {
		if r.Finished != nil && r.Finished.Drive.Serial == serial {
			list = append(list, *r.Finished)
		}
	}
	return list
}
