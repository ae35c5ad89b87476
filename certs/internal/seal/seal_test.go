package seal

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
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
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "T"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, k
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
		room := make([]byte, Reserve)
		copy(room, b)
		_, err := openCMS(room, digest[:])
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
	again := sha256.Sum256([]byte("changed"))
	room := make([]byte, Reserve)
	copy(room, good)
	if _, err := openCMS(room, again[:]); !errors.Is(err, ErrChanged) {
		t.Errorf("another file: %v", err)
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

func FuzzCMS(f *testing.F) {
	c, k := key(f)
	digest := sha256.Sum256([]byte("file"))
	good, err := signCMS(c, k, digest[:])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := openCMS(b, digest[:]); err == nil && !bytes.Equal(bytes.TrimRight(b, "\x00"), bytes.TrimRight(good, "\x00")) {
			t.Errorf("another signature is accepted: %x", b)
		}
	})
}
