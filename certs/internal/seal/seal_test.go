package seal

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"testing"
	"time"
)

func key(t testing.TB) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return certify(t, k), k
}

func certify(t testing.TB, k crypto.Signer) *x509.Certificate {
	t.Helper()
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "T"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func document() *Document {
	return &Document{Root: 4, Info: 1, Objects: []Object{
		{Dict: "/Title (T)"},
		{Dict: "/Type /EmbeddedFile /Params <</Size 5>>", Stream: []byte("hello"), Kind: Compressed},
		{Dict: "/Type /Sig /Filter /Adobe.PPKLite", Kind: Signature},
		{Dict: "/Type /Catalog"},
		{Dict: "/Type /Metadata", Stream: []byte("<x/>"), Kind: Plain},
	}}
}

func TestSignReadMatch(t *testing.T) {
	c, k := key(t)
	b, err := document().Sign(c, k)
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadSignature(b)
	if err != nil || !got.Equal(c) {
		t.Fatalf("certificate %v, %v", got, err)
	}
	f, err := ReadObjects(b)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := f.Attachment(); err != nil || string(a) != "hello" {
		t.Errorf("attachment %q, %v", a, err)
	}
	if err := document().Match(f); err != nil {
		t.Error(err)
	}
	other := document()
	other.Objects[1].Stream = []byte("hallo")
	var d *Difference
	if err := other.Match(f); !errors.As(err, &d) || d.Object != 2 {
		t.Errorf("another stream: %v", err)
	}
	other = document()
	other.Objects[0].Dict = "/Title (U)"
	if err := other.Match(f); err == nil {
		t.Error("another dictionary matches")
	}
}

// A stream may be compressed in another way, but nothing may stand behind it.
func TestMatchCompression(t *testing.T) {
	c, k := key(t)
	for name, x := range map[string]struct {
		stream string
		want   bool
	}{
		// A stored block (RFC 1951, 3.2.4); the checksum is Python's zlib.adler32.
		"stored":       {"\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x15", true},
		"bytes behind": {"\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x15X", false},
		"bad checksum": {"\x78\x01\x01\x05\x00\xfa\xffhello\x06\x2c\x02\x16", false},
	} {
		d := document()
		l := d.assemble([][]byte{nil, []byte(x.stream), nil, nil, []byte("<x/>")})
		cms, err := signCMS(c, k, l.digest())
		if err != nil {
			t.Fatal(err)
		}
		b, err := l.fill(cms)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSignature(b); err != nil {
			t.Fatal(err)
		}
		f, err := ReadObjects(b)
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Match(f); (err == nil) != x.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The value that stands beside every ECDSA signature's value is as good to
// mathematics, and no second form of ours.
func TestTwin(t *testing.T) {
	c, k := key(t)
	cms, err := SignDetached(c, k, []byte("file"))
	if err != nil {
		t.Fatal(err)
	}
	var ci contentInfo
	if _, err := asn1.Unmarshal(cms, &ci); err != nil {
		t.Fatal(err)
	}
	var v ecdsaValue
	if _, err := asn1.Unmarshal(ci.Content.SignerInfos[0].Signature, &v); err != nil {
		t.Fatal(err)
	}
	// The order of P-256: SEC 2 version 2, 2.4.2.
	n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	v.S.Sub(n, v.S)
	if ci.Content.SignerInfos[0].Signature, err = asn1.Marshal(v); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("file"))
	set, err := signedAttributes(c, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	if h := sha256.Sum256(set); !ecdsa.VerifyASN1(&k.PublicKey, h[:], ci.Content.SignerInfos[0].Signature) {
		t.Fatal("the twin is no twin")
	}
	twin, err := asn1.Marshal(ci)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenDetached(twin, []byte("file")); !errors.Is(err, ErrMalform) {
		t.Errorf("the twin: %v", err)
	}
}

// A stick's key may live in a token that does RSA.
func TestRSA(t *testing.T) {
	for bits, want := range map[int]bool{3072: true, 2048: false} {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		c := certify(t, k)
		b, err := document().Sign(c, k)
		if !want {
			if err == nil {
				t.Errorf("RSA-%d seals", bits)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ReadSignature(b); err != nil || !got.Equal(c) {
			t.Errorf("RSA-%d: %v", bits, err)
		}
		b[100] ^= 1
		if _, err := ReadSignature(b); !errors.Is(err, ErrChanged) {
			t.Errorf("RSA-%d, changed: %v", bits, err)
		}
	}
}

// Everything that CMS allows beside the one form is refused, though its
// signature value is right.
func TestCMSOneForm(t *testing.T) {
	c, k := key(t)
	c2, _ := key(t)
	digest := sha256.Sum256([]byte("file"))
	good, err := signCMS(c, k, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	open := func(b []byte) error {
		_, err := OpenDetached(b, []byte("file"))
		return err
	}
	if err := open(good); err != nil {
		t.Fatal(err)
	}
	change := func(f func(*contentInfo)) []byte {
		var ci contentInfo
		if _, err := asn1.Unmarshal(good, &ci); err != nil {
			t.Fatal(err)
		}
		f(&ci)
		b, err := asn1.Marshal(ci)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	stuffed := change(func(ci *contentInfo) { ci.Content.Certificates = implicit0(append(bytes.Clone(c.Raw), c2.Raw...)) })
	other := change(func(ci *contentInfo) { ci.Content.Certificates = implicit0(c2.Raw) })
	version := change(func(ci *contentInfo) { ci.Content.Version = 3 })
	twice := change(func(ci *contentInfo) {
		ci.Content.SignerInfos = append(ci.Content.SignerInfos, ci.Content.SignerInfos[0])
	})
	wrong := change(func(ci *contentInfo) { ci.Content.SignerInfos[0].Signature = []byte{0x30, 6, 2, 1, 1, 2, 1, 1} })
	noESS := change(func(ci *contentInfo) {
		b := ci.Content.SignerInfos[0].SignedAttrs.Bytes
		ci.Content.SignerInfos[0].SignedAttrs = implicit0(b[:len(b)-4])
	})
	behind := append(bytes.Clone(good), 0x05, 0x00)
	for name, b := range map[string][]byte{"stuffed with a certificate": stuffed, "another certificate": other, "another version": version,
		"two signers": twice, "wrong value": wrong, "attributes cut": noESS, "bytes behind": behind, "empty": nil} {
		if open(b) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := OpenDetached(good, []byte("changed")); !errors.Is(err, ErrChanged) {
		t.Errorf("another file: %v", err)
	}
	if err := open(stuffed); !errors.Is(err, ErrStuffed) {
		t.Errorf("stuffed: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	c, k := key(f)
	b, err := document().Sign(c, k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(Header + "1 0 obj\n<< /Length 999999999>>\nstream\n"))
	f.Add([]byte(Header + "1 0 obj\n<</Type /EmbeddedFile  /Length 3>>\nstream\nabc\nendstream\nendobj\nxref\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ReadSignature(b)
		if file, err := ReadObjects(b); err == nil {
			_, _ = file.Attachment()
			_ = document().Match(file)
		}
	})
}

// always is a key that signs the same thing the same way every time (RFC 6979): the
// processes that fuzz must agree on what the real signature is.
type always struct{ *ecdsa.PrivateKey }

func (k always) Sign(_ io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	return k.PrivateKey.Sign(nil, digest, o)
}

func FuzzCMS(f *testing.F) {
	raw, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	k := always{raw}
	c := certify(f, k)
	digest := sha256.Sum256([]byte("file"))
	good, err := signCMS(c, k, digest[:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := OpenDetached(b, []byte("file")); err == nil && !bytes.Equal(b, good) {
			t.Errorf("another signature is accepted: %x", b)
		}
	})
}
