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
	s := r.stick.signer(t, r.root.cert)
	dir := t.TempDir()
	root := write(t, dir, "root.pem", sign.CertPEM(r.root.cert))
	nss := filepath.Join(dir, "nss")
	if err := os.Mkdir(nss, 0o700); err != nil {
		t.Fatal(err)
	}
	judge(t, "certutil", "-N", "-d", nss, "--empty-password")
	judge(t, "certutil", "-A", "-d", nss, "-n", "root", "-t", "CT,C,C", "-i", root)
	one, eight := certstest.Sanitised(s, 1).Envelopes(), certstest.Sanitised(s, 8).Envelopes()
	failed, none := certstest.Failed(s).Envelopes(), certstest.NoMedia(s).Envelopes()
	for name, b := range map[string][]byte{
		"one": r.stick.pdf(t, paper.Erasure, one), "eight": r.stick.pdf(t, paper.Erasure, eight), "failed": r.stick.pdf(t, paper.Erasure, failed),
		"no-media": r.stick.pdf(t, paper.Erasure, none), "disposal": r.stick.pdf(t, paper.Disposal, one), "hold": r.stick.pdf(t, paper.Hold, failed),
	} {
		t.Run(name, func(t *testing.T) {
			p := write(t, dir, name+".pdf", b)
			out := judge(t, "pdfsig", "-nssdir", nss, p)
			for _, want := range []string{"Signature is Valid", "Total document signed", "ETSI.CAdES.detached", "Certificate is Trusted"} {
				if !strings.Contains(out, want) {
					t.Errorf("pdfsig does not say %q:\n%s", want, out)
				}
			}
			judge(t, "qpdf", "--check", p)
			if out := judge(t, "qpdf", "--show-attachment=record.json", p); !strings.HasPrefix(out, "[\n{\"payloadType\":") {
				t.Errorf("qpdf finds another record.json: %.80s", out)
			}
			openssl(t, dir, name, root, b)
		})
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
	judge(t, "openssl", "cms", "-verify", "-binary", "-cades", "-inform", "DER", "-in", sig, "-content", data,
		"-CAfile", root, "-purpose", "any", "-attime", strconv.FormatInt(certstest.Start.Unix(), 10), "-out", os.DevNull)
}
