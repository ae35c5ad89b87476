package verify_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"io"
	"math/big"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// same is a key that signs the same thing the same way every time (RFC 6979), so
// that vectors change only where they must.
type same struct{ *ecdsa.PrivateKey }

func (k same) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, o)
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return k
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// holder of a key, who need not be anybody that Handback would enrol.
type holder struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// signer of a holder who is in order.
func (h holder) signer(t testing.TB, root *x509.Certificate) *sign.Signer {
	t.Helper()
	s, err := sign.NewSigner(root, h.cert, h.key)
	check(t, err)
	return s
}

// pdf of any records, sealed by the holder, after a change: what the thief of a key
// could do.
func (h holder) pdf(t testing.TB, k paper.Kind, envelopes [][]byte, change ...func(*seal.Document)) []byte {
	t.Helper()
	d, err := pdf.Layout(k, envelopes, h.cert)
	check(t, err)
	for _, f := range change {
		f(d)
	}
	b, err := d.Sign(h.cert, h.key)
	check(t, err)
	return b
}

// twin likewise.
func (h holder) twin(t testing.TB, k paper.Kind, envelopes [][]byte, change ...func([]byte) []byte) []byte {
	t.Helper()
	page, err := html.Draw(k, envelopes, h.cert)
	check(t, err)
	for _, f := range change {
		page = f(page)
	}
	cms, err := seal.SignDetached(h.cert, h.key, page)
	check(t, err)
	return append(page, "<!-- cms "+base64.StdEncoding.EncodeToString(cms)+" -->\n"...)
}

// envelope of any bytes, signed by the holder.
func (h holder) envelope(t testing.TB, payload []byte, withCert bool) []byte {
	t.Helper()
	digest := sha256.Sum256(certs.PAE(certs.PayloadType, payload))
	sig, err := h.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	check(t, err)
	der, err := x509.MarshalPKIXPublicKey(h.cert.PublicKey)
	check(t, err)
	id := sha256.Sum256(der)
	s := certs.Signature{KeyID: hex.EncodeToString(id[:]), Sig: base64.StdEncoding.EncodeToString(sig)}
	if withCert {
		s.Cert = base64.StdEncoding.EncodeToString(h.cert.Raw)
	}
	e, err := certs.Envelope{PayloadType: certs.PayloadType, Payload: base64.StdEncoding.EncodeToString(payload), Signatures: []certs.Signature{s}}.Bytes()
	check(t, err)
	return e
}

// chain signs records anew, each by the holder that by names, and links them.
func chain(t testing.TB, records []certs.Record, by func(i int) holder) [][]byte {
	t.Helper()
	var out [][]byte
	var before *x509.Certificate
	for i, r := range records {
		r.Seq, r.Prev = i+1, ""
		if i > 0 {
			r.Prev = certs.HashEnvelope(out[i-1])
		}
		payload, err := sign.Canonical(r)
		check(t, err)
		h := by(i)
		out = append(out, h.envelope(t, payload, before == nil || !before.Equal(h.cert)))
		before = h.cert
	}
	return out
}

// records of a visit, to be changed and signed anew.
func records(t testing.TB, envelopes [][]byte) []certs.Record {
	t.Helper()
	r, err := certs.Records(envelopes)
	check(t, err)
	return r
}

// ring of keys: everybody that the vectors need.
type ring struct {
	root, other, demo, practice        holder // 'other' is another production root
	stick, stick2, hub                 holder // of root
	otherStick, otherHub               holder // of other: named as those of root are
	demoStick, practiceStick           holder
	unenrolled                         holder // a stick of an image that was built without keys
	short, early                       holder // stick certificates that end too soon, and begin too late
	ca, bare, use, critical, weak, sub holder // what no hub would issue; sub: signed by a stick
}

var start = certstest.Start

// newRing takes each key by its name: from files, or a fresh one.
func newRing(t testing.TB, key func(name string) *ecdsa.PrivateKey) ring {
	t.Helper()
	from := start.Add(-24 * time.Hour)
	root := func(name string, class sign.Class) holder {
		k := key(name)
		// NewRoot makes a key of its own: this takes its certificate's form.
		form, _, err := sign.NewRoot(class, "Handback "+name, from, 10*365*24*time.Hour)
		check(t, err)
		form.PublicKey = k.Public()
		form.SubjectKeyId, err = sign.KeyID(k.Public())
		check(t, err)
		return holder{create(t, serial(form, name), form, k.Public(), same{k}), same{k}}
	}
	issue := func(by holder, name, common string, change func(*x509.Certificate)) holder {
		k := key(name)
		c := &x509.Certificate{Subject: pkix.Name{CommonName: common}, NotBefore: from, NotAfter: from.Add(5 * 365 * 24 * time.Hour), BasicConstraintsValid: true,
			KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment, Policies: by.cert.Policies}
		id, err := sign.KeyID(k.Public())
		check(t, err)
		c.SubjectKeyId = id
		if change != nil {
			change(c)
		}
		return holder{create(t, serial(c, name), by.cert, k.Public(), by.key), same{k}}
	}
	r := ring{root: root("production", sign.Production), other: root("other", sign.Production), demo: root("demonstration", sign.Demonstrating), practice: root("practice", sign.Practice)}
	r.stick = issue(r.root, "stick", "Handback stick S01", nil)
	r.stick2 = issue(r.root, "stick2", "Handback stick S02", nil)
	r.hub = issue(r.root, "hub", "Handback hub Leeds", nil)
	r.otherStick = issue(r.other, "other-stick", "Handback stick S01", nil)
	r.otherHub = issue(r.other, "other-hub", "Handback hub Leeds", nil)
	r.demoStick = issue(r.demo, "demonstration-stick", "Handback stick S01", nil)
	r.practiceStick = issue(r.practice, "practice-stick", "Handback stick S01", nil)
	r.unenrolled = issue(root("unenrolled", sign.Unenrolled), "unenrolled-stick", "Handback stick S01", nil)
	r.short = issue(r.root, "short", "Handback stick S01", func(c *x509.Certificate) { c.NotAfter = start.Add(time.Minute) })
	r.early = issue(r.root, "early", "Handback stick S01", func(c *x509.Certificate) { c.NotBefore = start.Add(time.Minute) })
	r.ca = issue(r.root, "ca", "Handback stick S01", func(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, c.KeyUsage|x509.KeyUsageCertSign })
	r.bare = issue(r.root, "bare", "Handback stick S01", func(c *x509.Certificate) { c.Policies = nil })
	r.use = issue(r.root, "use", "Handback stick S01", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })
	r.critical = issue(r.root, "critical", "Handback stick S01", func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
	})
	r.sub = issue(r.stick, "sub", "Handback stick S01", nil)
	r.weak = issue(r.root, "weak", "Handback lorry S01", nil)
	return r
}

// serial numbers are made of names, so that certificates can be made again.
func serial(c *x509.Certificate, name string) *x509.Certificate {
	h := sha256.Sum256([]byte(name))
	c.SerialNumber = new(big.Int).SetBytes(h[:15])
	return c
}

func create(t testing.TB, c, parent *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, pub, key)
	check(t, err)
	got, err := x509.ParseCertificate(der)
	check(t, err)
	return got
}

// rsaStick is a stick whose key lives in a token that does RSA.
func rsaStick(t testing.TB, root holder) holder {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 3072)
	check(t, err)
	cert, err := sign.Issue(root.cert, root.key, sign.RoleStick, "S01", k.Public(), start.Add(-time.Hour), 5*365*24*time.Hour)
	check(t, err)
	return holder{cert, k}
}

// freshRing has keys that nobody has seen.
func freshRing(t testing.TB) ring {
	t.Helper()
	return newRing(t, func(string) *ecdsa.PrivateKey { return newKey(t) })
}

// fixedRing has the same keys in every process that fuzzes.
func fixedRing(t testing.TB) ring {
	t.Helper()
	return newRing(t, func(name string) *ecdsa.PrivateKey {
		h := sha256.Sum256([]byte("fuzz " + name))
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), h[:])
		check(t, err)
		return k
	})
}

// list of revocations by the root.
func (r ring) list(t testing.TB, reason sign.Reason, from time.Time, who holder) *x509.RevocationList {
	t.Helper()
	l, err := sign.IssueList(r.root.cert, r.root.key, nil, start.Add(48*time.Hour), 365*24*time.Hour, sign.Revocation{Serial: who.cert.SerialNumber, Reason: reason, From: from, Done: from})
	check(t, err)
	return l
}
