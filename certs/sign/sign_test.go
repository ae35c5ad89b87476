package sign_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

func demonstration(t *testing.T) *sign.Signer {
	t.Helper()
	root, _, stick, key, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.LoadStick(root, stick, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestChainAndResume(t *testing.T) {
	s := demonstration(t)
	v := certstest.Sanitised(s, 2)
	c, err := sign.Continue(s, v.Envelopes())
	if err != nil {
		t.Fatal(err)
	}
	r := certstest.TPM(certs.TPMCleared)
	r.At = certs.At(certstest.Start, certs.SourceRTC, time.Minute)
	if _, err := c.Append(r); err != nil {
		t.Fatal(err)
	}
	records, by, err := sign.Verify(c.Envelopes())
	if err != nil || len(records) != len(v.Envelopes())+1 || !by[len(by)-1].Equal(s.Cert) {
		t.Fatalf("%d records, %v", len(records), err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	s := demonstration(t)
	good := certstest.Sanitised(s, 1).Envelopes()
	second := certstest.Failed(s).Envelopes()
	edit := func(from, to string) [][]byte {
		out := append([][]byte(nil), good...)
		e, err := certs.ParseEnvelope(out[5])
		if err != nil {
			t.Fatal(err)
		}
		b, err := e.PayloadBytes()
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(b), from) {
			t.Fatalf("record 6 lacks %q", from)
		}
		e.Payload = base64.StdEncoding.EncodeToString([]byte(strings.Replace(string(b), from, to, 1)))
		if out[5], err = e.Bytes(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	for name, c := range map[string]struct {
		in   [][]byte
		want string
	}{
		"none":          {nil, "no records"},
		"edited":        {edit(`"result":"cleared"`, `"result":"pending"`), "is not signed by"},
		"deleted":       {append(append([][]byte(nil), good[:3]...), good[4:]...), "a record is missing"},
		"first deleted": {good[1:], "first record is missing"},
		"swapped":       {append(append([][]byte(nil), good[0], good[2], good[1]), good[3:]...), "a record is missing"},
		"another visit": {append(append([][]byte(nil), good[:2]...), second[2:]...), "is of visit"},
		"broken chain":  {append(append([][]byte(nil), certstest.Sanitised(s, 1).Envelopes()[:3]...), good[3:]...), "the chain is broken"},
		"no envelope":   {[][]byte{[]byte("{}")}, "envelope"},
		"not JSON":      {[][]byte{[]byte("hello")}, "envelope"},
	} {
		if _, _, err := sign.Verify(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error is %v, want one with %q", name, err, c.want)
		}
		if len(c.in) > 0 {
			if _, err := sign.Continue(s, c.in); err == nil {
				t.Errorf("%s: resumed", name)
			}
		}
	}
}

// The chain does not take what a record can't say, and is not harmed by it.
func TestAppendRefuses(t *testing.T) {
	c := sign.NewChain(demonstration(t), "S01-000001")
	if _, err := c.Append(certs.Record{Kind: certs.KindTPM, TPM: &certs.TPM{Result: "gone"}}); err == nil {
		t.Error("a record that is none was taken")
	}
	if len(c.Envelopes()) != 0 {
		t.Error("a refused record is in the chain")
	}
}

func TestCheckStick(t *testing.T) {
	now := time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	root := func(c sign.Class) *x509.Certificate {
		r, key, err := sign.NewRoot(c, "root", now.Add(-time.Hour), 24*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := sign.Issue(r, key, sign.RoleStick, "S01", demonstration(t).Public(), now.Add(-time.Hour), 2*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := sign.CheckStick(r, cert, now); err != nil || got != c {
			t.Errorf("class %q, %v; want %q", got, err, c)
		}
		if _, err := sign.CheckStick(r, cert, now.Add(3*time.Hour)); err == nil {
			t.Error("an expired key is accepted")
		}
		if _, err := sign.CheckStick(r, cert, now.Add(-3*time.Hour)); err == nil {
			t.Error("a key is accepted before its time")
		}
		return r
	}
	production, practice := root(sign.Production), root(sign.Practice)
	if _, err := sign.CheckStick(production, demonstration(t).Cert, now); err == nil || !strings.Contains(err.Error(), "class is demonstration, the root's is production") {
		t.Errorf("a demonstration key under a production root: %v", err)
	}
	if _, err := sign.CheckStick(production, practice, now); err == nil {
		t.Error("a root stands for a stick")
	}
}

func TestLoadStickRefuses(t *testing.T) {
	rootA, keyA, stickA, stickKeyA, err := sign.Demonstration("S01")
	if err != nil {
		t.Fatal(err)
	}
	rootB, _, stickB, stickKeyB, err := sign.Demonstration("S02")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][3][]byte{
		"another's key":    {rootA, stickA, stickKeyB},
		"another's root":   {rootB, stickA, stickKeyA},
		"another's stick":  {rootA, stickB, stickKeyB},
		"no key":           {rootA, stickA, nil},
		"no certificate":   {rootA, nil, stickKeyA},
		"root as stick":    {rootA, rootA, keyA},
		"key in its place": {stickKeyA, stickA, stickKeyA},
	} {
		if _, err := sign.LoadStick(c[0], c[1], c[2]); err == nil {
			t.Errorf("%s: loaded", name)
		}
	}
	stick, key, err := sign.Enrol(rootA, keyA, "S09")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := sign.LoadStick(rootA, stick, key); err != nil || s.Stick != "S09" || s.Class != sign.Demonstrating {
		t.Errorf("a second stick: %+v, %v", s, err)
	}
}

// RFC 8785, 3.2.2.2 (escapes) and 3.2.3 (order of members).
func TestCanonicalOrderAndEscapes(t *testing.T) {
	r := certs.Record{Kind: certs.KindTested, Tested: &certs.Tested{Question: "<&>\u20ac\u000f\n\"\\"}}
	b, err := sign.Canonical(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"at":{"source":"","uptime":0,"wall":""},"kind":"TESTED","prev":"","schema":"","seq":0,"stick":"","tested":{"answer":"","ask":"","evidence":"","kind":"","question":"<&>€\u000f\n\"\\","result":"","who":""},"visit":""}`
	if string(b) != want {
		t.Errorf("canonical JSON is\n%s\nwant\n%s", b, want)
	}
}

// OpenSSL, on an envelope: the signature is over DSSE's encoding of the payload.
func TestOpenSSLAgreesOnEnvelope(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is not installed: .ci/setup test installs it")
	}
	s := demonstration(t)
	e, err := certs.ParseEnvelope(certstest.Sanitised(s, 1).Envelopes()[0])
	if err != nil {
		t.Fatal(err)
	}
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := base64.StdEncoding.DecodeString(e.Signatures[0].Sig)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(s.Public())
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	signed := append([]byte("DSSEv1 36 application/vnd.handback.record+json "+strconv.Itoa(len(payload))+" "), payload...)
	out, err := exec.Command("openssl", "dgst", "-sha256", "-verify", write("pub.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})),
		"-signature", write("sig", sig), write("signed", signed)).CombinedOutput()
	if err != nil {
		t.Errorf("openssl: %v\n%s", err, out)
	}
}
