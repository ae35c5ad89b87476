package sign_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/certs/certstest"
	"handback.example/certs/sign"
)

// The times of these tests: enrolled, sealed, revoked, read.
var (
	enrolled = time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	sealed   = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)
	revoked  = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	read     = time.Date(2026, 12, 15, 9, 0, 0, 0, time.UTC)
)

const year = 365 * 24 * time.Hour

// authority is a root and its key.
type authority struct {
	root *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB, c sign.Class) authority {
	t.Helper()
	root, key, err := sign.NewRoot(c, "Handback root", enrolled, 20*year)
	if err != nil {
		t.Fatal(err)
	}
	return authority{root, key}
}

func (a authority) issue(t testing.TB, role sign.Role, name string, pub crypto.PublicKey) *x509.Certificate {
	t.Helper()
	c, err := sign.Issue(a.root, a.key, role, name, pub, enrolled, year)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (a authority) list(t testing.TB, before *x509.RevocationList, add ...sign.Revocation) *x509.RevocationList {
	t.Helper()
	l, err := sign.IssueList(a.root, a.key, before, revoked, 90*24*time.Hour, add...)
	if err != nil {
		t.Fatal(err)
	}
	if l, err = sign.ParseList(sign.ListPEM(l)); err != nil {
		t.Fatal(err)
	}
	return l
}

func freshKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func trust(t testing.TB, now time.Time, root *x509.Certificate, lists ...*x509.RevocationList) *sign.Trust {
	t.Helper()
	tr, err := sign.NewTrust([]*x509.Certificate{root}, lists, now)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// Whether a key that was taken back was good before depends on why.
func TestRevocation(t *testing.T) {
	a := newAuthority(t, sign.Production)
	stick := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public())
	for _, c := range []struct {
		name   string
		reason sign.Reason
		from   time.Time
		at     time.Time
		want   string // of the error; empty: good, and the revocation is told
	}{
		{"compromised later", sign.KeyCompromise, revoked, sealed, "nothing that it sealed is genuine"},
		{"compromised", sign.KeyCompromise, revoked, read, "nothing that it sealed is genuine"},
		{"lost later", sign.Lost, revoked, sealed, ""},
		{"lost", sign.Lost, revoked, revoked, "not to be trusted from 1 December 2026 12:00 UTC on (lost)"},
		{"lost before it was noticed", sign.Lost, sealed.Add(-time.Hour), sealed, "not to be trusted from 24 November 2026 08:30 UTC on (lost)"},
		{"superseded later", sign.Superseded, revoked, sealed, ""},
		{"superseded", sign.Superseded, revoked, read, "(superseded)"},
		{"ceased later", sign.Ceased, revoked, sealed, ""},
		{"ceased", sign.Ceased, revoked, read, "(ceased)"},
	} {
		l := a.list(t, nil, sign.Revocation{Serial: stick.SerialNumber, Reason: c.reason, From: c.from, Done: revoked})
		j, err := trust(t, read, a.root, l).Judge(stick, c.at)
		switch {
		case c.want == "" && (err != nil || j.Class != sign.Production || j.Role != sign.RoleStick || j.Name != "S07"):
			t.Errorf("%s: %+v, %v", c.name, j, err)
		case c.want == "" && (len(j.Unknown) != 1 || !strings.Contains(j.Unknown[0], "not proven")):
			t.Errorf("%s: that it was revoked later is not told: %q", c.name, j.Unknown)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// A reason that nobody gave, or that is none of the harmless ones, is the worst.
func TestRevocationWithoutReason(t *testing.T) {
	a := newAuthority(t, sign.Production)
	stick := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public())
	for code, good := range map[int]bool{0: false, 1: false, 2: false, 3: true, 4: true, 5: true, 6: false, 9: true, 10: false} {
		der, err := x509.CreateRevocationList(rand.Reader, &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: revoked, NextUpdate: revoked.Add(year),
			RevokedCertificateEntries: []x509.RevocationListEntry{{SerialNumber: stick.SerialNumber, RevocationTime: revoked, ReasonCode: code}}}, a.root, a.key)
		if err != nil {
			t.Fatal(err)
		}
		l, err := sign.ParseList(der)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := trust(t, read, a.root, l).Judge(stick, sealed); (err == nil) != good {
			t.Errorf("reason code %d: %v", code, err)
		}
	}
}

// What is not known about a revocation is said.
func TestRevocationUnknown(t *testing.T) {
	a := newAuthority(t, sign.Production)
	stick := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public())
	l := a.list(t, nil)
	for _, c := range []struct {
		name string
		now  time.Time
		list []*x509.RevocationList
		want string
	}{
		{"no list", read, nil, "no revocation list was given"},
		{"a list of the day", read, []*x509.RevocationList{l}, ""},
		{"an old list", read.Add(year), []*x509.RevocationList{l}, "a newer revocation list was due on 1 March 2027"},
		{"a clock that is slow", sealed, []*x509.RevocationList{l}, "one of them is wrong"},
	} {
		j, err := trust(t, c.now, a.root, c.list...).Judge(stick, sealed)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := strings.Join(j.Unknown, "; "); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: unknown is %q, want %q", c.name, got, c.want)
		}
	}
}

// An old list beside a new one, in any order, hides nothing; a list's number grows
// and its entries stay.
func TestListsGrow(t *testing.T) {
	a := newAuthority(t, sign.Production)
	one, two := a.issue(t, sign.RoleStick, "S01", freshKey(t).Public()), a.issue(t, sign.RoleStick, "S02", freshKey(t).Public())
	first := a.list(t, nil, sign.Revocation{Serial: one.SerialNumber, Reason: sign.Lost, From: sealed.Add(-time.Minute), Done: revoked})
	second := a.list(t, first, sign.Revocation{Serial: two.SerialNumber, Reason: sign.Ceased, From: sealed.Add(-time.Minute), Done: revoked})
	third := a.list(t, second)
	if first.Number.Int64() != 1 || second.Number.Int64() != 2 || third.Number.Int64() != 3 {
		t.Errorf("numbers %v, %v, %v", first.Number, second.Number, third.Number)
	}
	for _, lists := range [][]*x509.RevocationList{{third}, {first, second}, {second, first}, {first, third}} {
		for _, c := range []*x509.Certificate{one, two} {
			if _, err := trust(t, read, a.root, lists...).Judge(c, sealed); err == nil || !strings.Contains(err.Error(), "revoked") {
				t.Errorf("%s: %v", c.Subject.CommonName, err)
			}
		}
	}
	if _, err := sign.IssueList(a.root, a.key, third, read, year, sign.Revocation{Serial: one.SerialNumber, Reason: sign.Ceased, From: read, Done: read}); err == nil {
		t.Error("a revocation was replaced by a later and weaker one")
	}
	worse := a.list(t, third, sign.Revocation{Serial: one.SerialNumber, Reason: sign.KeyCompromise, From: revoked, Done: revoked})
	if r := sign.Revoked(worse, one.SerialNumber); r == nil || r.Reason != sign.KeyCompromise || len(worse.RevokedCertificateEntries) != 2 {
		t.Errorf("a key that turned out compromised is %+v", r)
	}
}

func TestNewTrustRefuses(t *testing.T) {
	a, b := newAuthority(t, sign.Production), newAuthority(t, sign.Production)
	stick := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public())
	odd := func(change func(c *x509.Certificate)) *x509.Certificate {
		c := *a.root
		change(&c)
		der, err := x509.CreateCertificate(rand.Reader, &c, &c, &a.key.PublicKey, a.key)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, c := range []struct {
		name string
		root *x509.Certificate
		list *x509.RevocationList
		want string
	}{
		{"another root's list", a.root, b.list(t, nil), "signed by no root that was given"},
		{"a stick as root", stick, nil, "is not a root's certificate"},
		{"room for others below", odd(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = 1, false }), nil, "may have others between"},
		{"no limit below", odd(func(c *x509.Certificate) { c.MaxPathLen, c.MaxPathLenZero = -1, false }), nil, "may have others between"},
		{"a root that seals", odd(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageDigitalSignature }), nil, "is not a root's certificate"},
		{"no class", odd(func(c *x509.Certificate) { c.Policies, c.PolicyIdentifiers = nil, nil }), nil, "names 0 of its policies"},
		{"unknown and critical", odd(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
		}), nil, "critical extension"},
	} {
		var lists []*x509.RevocationList
		if c.list != nil {
			lists = append(lists, c.list)
		}
		if _, err := sign.NewTrust([]*x509.Certificate{c.root}, lists, read); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func TestJudgeRefuses(t *testing.T) {
	a, b := newAuthority(t, sign.Production), newAuthority(t, sign.Production)
	demo := newAuthority(t, sign.Demonstrating)
	good := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public())
	odd := func(change func(c *x509.Certificate)) *x509.Certificate {
		c := *good
		change(&c)
		der, err := x509.CreateCertificate(rand.Reader, &c, a.root, good.PublicKey, a.key)
		if err != nil {
			t.Fatal(err)
		}
		out, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		cert *x509.Certificate
		at   time.Time
		want string
	}{
		{"another root's stick", b.issue(t, sign.RoleStick, "S07", freshKey(t).Public()), sealed, "not vouched for by this root"},
		{"another class", demo.issue(t, sign.RoleStick, "S07", freshKey(t).Public()), sealed, "class is demonstration, the root's is production"},
		{"the root itself", a.root, sealed, "names no stick and no hub"},
		{"before its time", good, enrolled.Add(-time.Second), "is valid from"},
		{"after its time", good, enrolled.Add(year + time.Second), "is valid from"},
		{"may issue", odd(func(c *x509.Certificate) { c.IsCA = true }), sealed, "may issue certificates"},
		{"for TLS", odd(func(c *x509.Certificate) { c.KeyUsage |= x509.KeyUsageKeyAgreement }), sealed, "is not for sealing"},
		{"unknown and critical", odd(func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 4, 1, 99999, 1}, Critical: true, Value: []byte{5, 0}}}
		}), sealed, "critical extension"},
		{"no name", odd(func(c *x509.Certificate) { c.RawSubject, c.Subject.CommonName = nil, "Handback stick " }), sealed, "names no stick and no hub"},
		{"a weak or foreign key", a.issue(t, sign.RoleStick, "S07", p384.Public()), sealed, "neither P-256 nor RSA-3072"},
	} {
		if _, err := trust(t, read, a.root).Judge(c.cert, c.at); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// A token's RSA key signs as well as a P-256 one; one of another length does not.
func TestRSA(t *testing.T) {
	a := newAuthority(t, sign.Production)
	for bits, good := range map[int]bool{2048: false, 3072: true} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		cert := a.issue(t, sign.RoleStick, "S07", key.Public())
		if _, err := trust(t, read, a.root).Judge(cert, sealed); (err == nil) != good {
			t.Errorf("RSA-%d: %v", bits, err)
		}
		digest := sha256.Sum256([]byte("a record"))
		sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if got := sign.VerifyDigest(cert, digest[:], sig); got != good {
			t.Errorf("RSA-%d: the signature is taken: %v", bits, got)
		}
		sig[17] ^= 1
		if sign.VerifyDigest(cert, digest[:], sig) {
			t.Errorf("RSA-%d: a changed signature is taken", bits)
		}
		s, err := sign.NewSigner(a.root, cert, key)
		if (err == nil) != good {
			t.Errorf("RSA-%d as a signer: %v", bits, err)
		}
		if err != nil {
			continue
		}
		if _, by, err := sign.Verify(certstest.Sanitised(s, 1).Envelopes()); err != nil || !by[0].Equal(cert) {
			t.Errorf("records signed by RSA-%d: %v", bits, err)
		}
	}
}

func TestParseListRefuses(t *testing.T) {
	a := newAuthority(t, sign.Production)
	make := func(change func(l *x509.RevocationList)) []byte {
		l := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: revoked, NextUpdate: revoked.Add(year)}
		change(l)
		der, err := x509.CreateRevocationList(rand.Reader, l, a.root, a.key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	good := make(func(*x509.RevocationList) {})
	if _, err := sign.ParseList(good); err != nil {
		t.Fatalf("a list as DER: %v", err)
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: good})
	for _, c := range []struct {
		name string
		in   []byte
		want string
	}{
		{"nothing", nil, "no revocation list in it"},
		{"text", []byte("hello"), "no revocation list in it"},
		{"a certificate", sign.CertPEM(a.root), "no PEM revocation list in it"},
		{"two lists", append(block, block...), "more than one PEM block"},
		{"bytes behind", append(good[:len(good):len(good)], 0), "no revocation list in it"},
		// RFC 5280, 5.2.5 and 5.2.4: both are critical.
		{"a part of all", make(func(l *x509.RevocationList) {
			l.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 28}, Critical: true, Value: []byte{0x30, 0x03, 0x81, 0x01, 0xff}}}
		}), "covers a part"},
		{"a delta", make(func(l *x509.RevocationList) {
			l.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 27}, Critical: true, Value: []byte{0x02, 0x01, 0x01}}}
		}), "covers a part"},
		{"a date that is none", make(func(l *x509.RevocationList) {
			l.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: big.NewInt(7), RevocationTime: revoked,
				ExtraExtensions: []pkix.Extension{{Id: []int{2, 5, 29, 24}, Value: []byte{0x05, 0x00}}}}}
		}), "entry of certificate 7 is not understood"},
	} {
		if _, err := sign.ParseList(c.in); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

func FuzzParseList(f *testing.F) {
	a := newAuthority(f, sign.Production)
	l := a.list(f, nil, sign.Revocation{Serial: big.NewInt(7), Reason: sign.Lost, From: sealed, Done: revoked})
	f.Add(l.Raw)
	f.Add(sign.ListPEM(l))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := sign.ParseList(b)
		if err != nil {
			return
		}
		for _, e := range l.RevokedCertificateEntries {
			if sign.Revoked(l, e.SerialNumber) == nil {
				t.Error("an entry is not found")
			}
		}
	})
}

// OpenSSL reads the list, finds the root's signature and the entry's reason and
// date, and refuses the stick that is on it.
func TestOpenSSLAgreesOnList(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Fatal("openssl is not installed: .ci/setup test installs it")
	}
	a := newAuthority(t, sign.Production)
	bad, good := a.issue(t, sign.RoleStick, "S07", freshKey(t).Public()), a.issue(t, sign.RoleHub, "North", freshKey(t).Public())
	l := a.list(t, nil, sign.Revocation{Serial: bad.SerialNumber, Reason: sign.Lost, From: sealed, Done: revoked})
	dir := t.TempDir()
	file := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	root, list := file("root.pem", sign.CertPEM(a.root)), file("crl.pem", sign.ListPEM(l))
	for _, c := range []struct {
		args []string
		fail bool
		want []string
	}{
		{[]string{"crl", "-in", list, "-CAfile", root, "-noout", "-text"}, false,
			[]string{"verify OK", "Privilege Withdrawn", "Nov 24 09:30:00 2026 GMT", "Revocation Date: Dec  1 12:00:00 2026 GMT"}},
		{[]string{"verify", "-attime", "1797325200", "-crl_check", "-CAfile", root, "-CRLfile", list, file("good.pem", sign.CertPEM(good))}, false, []string{"OK"}},
		{[]string{"verify", "-attime", "1797325200", "-crl_check", "-CAfile", root, "-CRLfile", list, file("bad.pem", sign.CertPEM(bad))}, true, []string{"certificate revoked"}},
	} {
		out, err := exec.Command("openssl", c.args...).CombinedOutput()
		if (err != nil) != c.fail {
			t.Errorf("openssl %s: %v\n%s", c.args[0], err, out)
		}
		for _, w := range c.want {
			if !strings.Contains(string(out), w) {
				t.Errorf("openssl %s lacks %q:\n%s", c.args[0], w, out)
			}
		}
	}
}

// Whatever a certificate says: only what the root has signed is taken.
func FuzzJudge(f *testing.F) {
	a := newAuthority(f, sign.Production)
	good := a.issue(f, sign.RoleStick, "S07", freshKey(f).Public())
	f.Add(good.Raw)
	f.Add(a.root.Raw)
	f.Add(newAuthority(f, sign.Production).issue(f, sign.RoleHub, "North", freshKey(f).Public()).Raw)
	tr := trust(f, read, a.root, a.list(f, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		cert, err := x509.ParseCertificate(b)
		if err != nil {
			return
		}
		j, err := tr.Judge(cert, sealed)
		if err == nil && (string(cert.RawTBSCertificate) != string(good.RawTBSCertificate) || j.Name != "S07" || j.Class != sign.Production) {
			t.Errorf("taken: %+v", j)
		}
	})
}
