package verify_test

import (
	"bytes"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// judge runs a program that is not ours.
func judge(t *testing.T, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatalf("%s is not installed: .ci/setup test installs it", name)
	}
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, dir, name string, b []byte) string {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.WriteFile(p, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

var contents = regexp.MustCompile(`/ByteRange \[0 (\d+) (\d+) (\d+)\] *\s*/Contents <([0-9a-f]+)>`)

// Every kind of paper, before judges that share no code with us.
func TestForeignJudges(t *testing.T) {
	r := freshRing(t)
	dir := t.TempDir()
	root := write(t, dir, "root.pem", sign.CertPEM(r.root.cert))
	nss := filepath.Join(dir, "nss")
	if err := os.Mkdir(nss, 0o700); err != nil {
		t.Fatal(err)
	}
	judge(t, "certutil", "-N", "-d", nss, "--empty-password")
	judge(t, "certutil", "-A", "-d", nss, "-n", "root", "-t", "CT,C,C", "-i", root)
	for name, b := range judged(t, r) {
		t.Run(name, func(t *testing.T) {
			p := write(t, dir, name+".pdf", b)
			out := judge(t, "pdfsig", "-nssdir", nss, p)
			for _, want := range []string{"Signature is Valid", "Total document signed", "ETSI.CAdES.detached", "Certificate is Trusted"} {
				if !strings.Contains(out, want) {
					t.Errorf("pdfsig does not say %q:\n%s", want, out)
				}
			}
			judge(t, "qpdf", "--check", p)
			record := judge(t, "qpdf", "--show-attachment=record.json", p)
			envelopes, err := certs.SplitEnvelopes([]byte(record))
			if err != nil {
				t.Fatalf("qpdf finds another record.json: %v", err)
			}
			pdftotext(t, p, envelopes)
			openssl(t, dir, name, root, b)
		})
	}
	// The twin's signature is a CMS signature over all that stands before it.
	twin := mustRead(t, r.stick.twin(t, paper.Erasure, certstest.Sanitised(r.stick.signer(t, r.root.cert), 1).Envelopes()))
	cmsVerify(t, root, write(t, dir, "twin.der", twin.CMS), write(t, dir, "twin.data", twin.Page))
}

// judged papers: every kind, every verdict, long and strange names, many drives,
// Welsh, the hub's, and a token's.
func judged(t *testing.T, r ring) map[string][]byte {
	s, hub := r.stick.signer(t, r.root.cert), r.hub.signer(t, r.root.cert)
	a, b := certstest.Drive(0), certstest.Drive(1)
	begun := func(intake certs.Record, drives ...certs.Drive) *certstest.Visit {
		v := certstest.New(s, 500).Add(intake, certstest.Facts(drives...), certstest.Consent(certs.LevelClear, drives...))
		for _, d := range drives {
			v.Add(certstest.Started(d, certs.LevelClear))
		}
		return v
	}
	welsh, long := certstest.Intake(), certstest.Intake()
	welsh.Intake.Organisation, welsh.Intake.Place = "Yr Adran Enghreifftiau: Tŷ Ŵyn", "Hwb, Uned 4, Casnewydd, Ŷr Wyddgrug, âêîôûŵŷ ÂÊÎÔÛŴŶ"
	long.Intake.Organisation, long.Intake.Place = strings.Repeat("Department for Long Names and Places ", 6), "\u202edeppilf \U0001f600 \u0301 (a\\b) <c> & 'd'"
	unverified, below := certstest.Finished(a, certs.LevelClear), certstest.Consent(certs.LevelPurge, b)
	unverified.Finished.Verification.Survivors = 3
	below.Consent.Accepted = "Clear is enough for this drive"
	strange := certstest.Drive(2)
	strange.Model, strange.Serial = strings.Repeat("M", 200), `((\\)) <<>> %PDF- endobj`
	closed := certstest.Closed(s, hub).Envelopes()
	token := rsaStick(t, r.root)
	erasure := func(v *certstest.Visit) []byte { return r.stick.pdf(t, paper.Erasure, v.Envelopes()) }
	return map[string][]byte{
		"sanitised": erasure(certstest.Sanitised(s, 1)), "many": erasure(certstest.Sanitised(s, 24)), "purged": erasure(certstest.Purged(s)),
		"failed": erasure(certstest.Failed(s)), "interrupted": erasure(begun(certstest.Intake(), a).Add(certstest.Cut(a))), "orphan": erasure(begun(certstest.Intake(), a)),
		"unverified": erasure(begun(certstest.Intake(), a).Add(unverified, certstest.TPM(certs.TPMNotCleared))), "refused": erasure(begun(certstest.Intake(), a).Add(certstest.NotSent(a))),
		"below-level": erasure(certstest.New(s, 501).Add(certstest.Intake(), certstest.Facts(b), below, certstest.Started(b, certs.LevelClear), certstest.Finished(b, certs.LevelClear))),
		"no-media":    erasure(certstest.NoMedia(s)), "mixed": erasure(begun(certstest.Intake(), a, b).Add(certstest.Finished(a, certs.LevelClear), certstest.FailedAt(b))),
		"welsh": erasure(begun(welsh, a).Add(certstest.Finished(a, certs.LevelClear), certstest.TPM(certs.TPMCleared))), "long": erasure(begun(long, strange).Add(certstest.Finished(strange, certs.LevelClear))),
		"disposal": r.stick.pdf(t, paper.Disposal, certstest.Sanitised(s, 1).Envelopes()), "hold": r.stick.pdf(t, paper.Hold, certstest.Failed(s).Envelopes()),
		"closed": r.hub.pdf(t, paper.Disposal, closed), "corrected": r.hub.pdf(t, paper.Erasure, closed),
		"token": token.pdf(t, paper.Erasure, chain(t, records(t, certstest.Sanitised(s, 1).Envelopes()), func(int) holder { return token })),
	}
}

// pdftotext finds what ties the paper to the device. That every other figure stands
// there, too, certs/pdf tests.
func pdftotext(t *testing.T, path string, envelopes [][]byte) {
	t.Helper()
	tight := func(s string) string { return strings.Join(strings.Fields(s), "") }
	text := tight(judge(t, "pdftotext", path, "-"))
	s := certs.Summarise(records(t, envelopes))
	want := []string{s.Visit, s.Intake.Tag, s.Facts.Machine.Serial, s.Facts.Machine.Model}
	if strings.Contains(path, "erasure") {
		want = append(want, s.Facts.Machine.UUID, s.Facts.EKHash)
	}
	for _, m := range s.Media {
		want = append(want, m.Drive.Serial)
	}
	for _, w := range want {
		if !strings.Contains(text, tight(w)) {
			t.Errorf("pdftotext does not find %q", w)
		}
	}
}

func openssl(t *testing.T, dir, name, root string, b []byte) {
	t.Helper()
	m := contents.FindSubmatch(b)
	if m == nil {
		t.Fatal("no signature is found")
	}
	n := func(i int) int { v, _ := strconv.Atoi(string(m[i])); return v }
	der, err := hex.DecodeString(string(m[4]))
	if err != nil {
		t.Fatal(err)
	}
	sig := write(t, dir, name+".der", der)
	data := write(t, dir, name+".data", append(bytes.Clone(b[:n(1)]), b[n(2):n(2)+n(3)]...))
	cmsVerify(t, root, sig, data)
}

func cmsVerify(t *testing.T, root, sig, data string) {
	t.Helper()
	judge(t, "openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", sig, "-content", data,
		"-CAfile", root, "-purpose", "any", "-attime", strconv.FormatInt(certstest.Start.Unix(), 10), "-out", os.DevNull)
}

// PDFBox knows PDF/A-1b only: each paper is put before it without its attachment, as
// version 1.4 with the older mark, its fonts without the tag of a subset, and is
// otherwise the same. It takes Java, and
// seconds for each paper: make test-long.
func TestPreflight(t *testing.T) {
	if os.Getenv("HANDBACK_PREFLIGHT") == "" {
		t.Skip("make test-long asks PDFBox")
	}
	dir := t.TempDir()
	var jars []string
	for _, j := range []string{"preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "commons-io", "jaxb-api", "javax.activation"} {
		jars = append(jars, "/usr/share/java/"+j+".jar")
	}
	for name, b := range judged(t, freshRing(t)) {
		p := write(t, dir, name+".pdf", older(t, b))
		if out := judge(t, "java", "-cp", strings.Join(jars, ":"), "org.apache.pdfbox.preflight.Validator_A1b", p); !strings.Contains(out, "is a valid PDF/A-1b file") {
			t.Errorf("%s: %s", name, out)
		}
	}
}

// older is a paper as PDF/A-1b, with every byte in its place.
func older(t *testing.T, b []byte) []byte {
	t.Helper()
	blank := func(from string) {
		b = replace(t, b, from, strings.Repeat(" ", len(from)))
	}
	b = replace(t, b, "%PDF-1.7", "%PDF-1.4")
	b = replace(t, b, "<pdfaid:part>3<", "<pdfaid:part>1<")
	names := regexp.MustCompile(`/Names <</EmbeddedFiles <</Names \[\(record.json\) \d+ 0 R\]>>>> /AF \[\d+ 0 R\]`).Find(b)
	files := regexp.MustCompile(` /EF <</F \d+ 0 R /UF \d+ 0 R>>`).Find(b)
	if names == nil || files == nil {
		t.Fatal("the attachment is not found")
	}
	blank(string(names))
	blank(string(files))
	// A-1 asks a subset for a list of its glyphs, CIDSet (ISO 19005-1, 6.3.5), which A-3
	// does not (ISO 19005-3, 6.2.11.4.2): without the tag it is no subset to PDFBox.
	return bytes.ReplaceAll(b, []byte("+NotoSans"), []byte("-NotoSans"))
}
