package verify_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

// stick of a fresh root.
func stick(t testing.TB, class sign.Class, name string, validity time.Duration) *sign.Signer {
	t.Helper()
	from := certstest.Start.Add(-time.Hour)
	root, rootKey, err := sign.NewRoot(class, "root", from, 24*365*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := sign.Issue(root, rootKey, sign.RoleStick, name, key.Public(), from, validity)
	if err != nil {
		t.Fatal(err)
	}
	s, err := sign.NewSigner(root, cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func made(t testing.TB, k paper.Kind, s *sign.Signer, envelopes [][]byte) []byte {
	t.Helper()
	b, err := pdf.Make(k, pdf.Input{Envelopes: envelopes, Signer: s})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// forge seals a paper of these records after changing it: what the thief of a
// stick's key could do.
func forge(t *testing.T, k paper.Kind, s *sign.Signer, envelopes [][]byte, change func(*seal.Document)) []byte {
	t.Helper()
	d, err := pdf.Layout(k, envelopes, s.Cert)
	if err != nil {
		t.Fatal(err)
	}
	change(d)
	b, err := d.Sign(s.Cert, s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// object whose dictionary holds a text.
func object(t *testing.T, d *seal.Document, holds string) *seal.Object {
	t.Helper()
	for i := range d.Objects {
		if strings.Contains(d.Objects[i].Dict, holds) {
			return &d.Objects[i]
		}
	}
	t.Fatalf("no object holds %q", holds)
	return nil
}

func swap(t *testing.T, d *seal.Document, from, to string) {
	t.Helper()
	o := object(t, d, from)
	o.Dict = strings.Replace(o.Dict, from, to, 1)
}

// content is the stream of the first page.
func content(d *seal.Document) *seal.Object { return &d.Objects[3] }

func TestForgeries(t *testing.T) {
	s := stick(t, sign.Production, "S01", 24*time.Hour)
	good, failed := certstest.Sanitised(s, 1).Envelopes(), certstest.Failed(s).Envelopes()
	real := made(t, paper.Erasure, s, good)
	gap := bytes.Index(real, []byte("/Contents <")) + len("/Contents <")
	patch := func(at int, with string) []byte {
		b := bytes.Clone(real)
		copy(b[at:], with)
		return b
	}
	sealed := func(change func(*seal.Document)) []byte { return forge(t, paper.Erasure, s, good, change) }
	nothing := func(*seal.Document) {}
	expired := stick(t, sign.Production, "S01", time.Hour+time.Minute)
	demo, practice := stick(t, sign.Demonstrating, "S01", 24*time.Hour), stick(t, sign.Practice, "S01", 24*time.Hour)
	other := stick(t, sign.Production, "S02", 24*time.Hour)
	upper := bytes.Clone(real)
	copy(upper[gap:], bytes.ToUpper(upper[gap:gap+2400]))

	forgeries := []struct {
		name, want string
		root       *x509.Certificate
		file       []byte
	}{
		{"an appended byte", "1 bytes were added after the signature", s.Root, append(bytes.Clone(real), '\n')},
		{"an appended revision", "bytes were added after the signature", s.Root, append(bytes.Clone(real),
			"4 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\nxref\n0 0\ntrailer\n<</Size 40 /Root 39 0 R /Prev 9>>\nstartxref\n60000\n%%EOF\n"...)},
		{"cut", "cut off", s.Root, real[:1000]},
		{"cut at its end", "cut off", s.Root, real[:len(real)-1]},
		{"not a PDF", "not a PDF", s.Root, []byte("hello")},
		{"empty", "not a PDF", s.Root, nil},
		{"bytes before", "not a PDF", s.Root, append([]byte("\n"), real...)},
		{"upper-case hex", "not written the one way", s.Root, upper},
		{"padding that is none", "bytes stand behind the signature", s.Root, patch(gap+2*seal.Reserve-2, "01")},
		{"padding spaces", "not written the one way", s.Root, patch(gap+2*seal.Reserve-2, "  ")},
		{"no signature value", "not written the one way", s.Root, patch(gap, strings.Repeat("0", 2*seal.Reserve))},
		{"another range", "not written the one way", s.Root, bytes.Replace(real, []byte("/ByteRange [0 "), []byte("/ByteRange [0 1"), 1)},
		{"a shown figure", "changed after it was signed", s.Root, bytes.Replace(real, []byte("/Subject (erasure/1)"), []byte("/Subject (praises/1)"), 1)},
		{"attachment of another visit", "it is not what its records give", s.Root,
			sealed(func(d *seal.Document) { object(t, d, "/EmbeddedFile").Stream = certs.JoinEnvelopes(failed) })},
		{"page of another visit", "", s.Root, forge(t, paper.Erasure, s, failed, func(d *seal.Document) {
			object(t, d, "/EmbeddedFile").Stream = certs.JoinEnvelopes(good)
		})},
		{"changed page", "its pages do not say what its records say", s.Root, sealed(func(d *seal.Document) { content(d).Stream = append(content(d).Stream, ' ') })},
		{"changed font", "its pages do not say what its records say", s.Root, sealed(func(d *seal.Document) {
			f := object(t, d, "/Length1")
			changed := bytes.Clone(f.Stream)
			changed[200] ^= 1
			*f = seal.Object{Dict: f.Dict, Stream: changed, Kind: f.Kind}
		})},
		{"no record.json", "no record.json", s.Root, sealed(func(d *seal.Document) { swap(t, d, "/Type /EmbeddedFile ", "/Type /Embedded ") })},
		{"attachment renamed", "built in another way", s.Root, sealed(func(d *seal.Document) { swap(t, d, "/UF (record.json)", "/UF (records.json)") })},
		{"changes allowed", "built in another way", s.Root, sealed(func(d *seal.Document) { swap(t, d, "/P 1 /V", "/P 3 /V") })},
		{"no DocMDP", "built in another way", s.Root, sealed(func(d *seal.Document) { swap(t, d, " /Perms <</DocMDP", " /Parms <</DocMDP") })},
		{"a script", "built in another way", s.Root, sealed(func(d *seal.Document) {
			swap(t, d, "/Type /Catalog", "/Type /Catalog /OpenAction <</S /JavaScript /JS (app)>>")
		})},
		{"one object more", "objects", s.Root, sealed(func(d *seal.Document) { d.Objects = append(d.Objects, seal.Object{Dict: "/Type /Annot"}) })},
		{"a second signature", "", s.Root, sealed(func(d *seal.Document) {
			d.Objects = append(d.Objects, seal.Object{Dict: "/Type /Sig", Kind: seal.Signature})
		})},
		{"another paper's name", "its pages do not say", s.Root, sealed(func(d *seal.Document) { swap(t, d, "/Subject (erasure/1)", "/Subject (disposal/1)") })},
		{"none of our papers", "none of our papers", s.Root, sealed(func(d *seal.Document) { swap(t, d, "/Subject (erasure/1)", "/Subject (praise)") })},
		{"a record deleted", "a record is missing", s.Root, forge(t, paper.Erasure, s, append(append([][]byte(nil), good[:5]...), good[6:]...), nothing)},
		{"records swapped", "a record is missing", s.Root, forge(t, paper.Erasure, s, append([][]byte{good[0], good[2], good[1]}, good[3:]...), nothing)},
		{"records of another stick", "is not signed by", s.Root, forge(t, paper.Erasure, s, certstest.Sanitised(other, 1).Envelopes(), nothing)},
		{"another root", "is not vouched for by this root", other.Root, real},
		{"expired key", "is not vouched for by this root", expired.Root, made(t, paper.Erasure, expired, certstest.Sanitised(expired, 1).Envelopes())},
		{"demonstration under production", "class is demonstration, the root's is production", s.Root, made(t, paper.Erasure, demo, certstest.Sanitised(demo, 1).Envelopes())},
		{"practice under production", "class is practice, the root's is production", s.Root, made(t, paper.Erasure, practice, certstest.Sanitised(practice, 1).Envelopes())},
		{"practice", "practice paper", practice.Root, made(t, paper.Erasure, practice, certstest.Sanitised(practice, 1).Envelopes())},
	}
	for _, f := range forgeries {
		r := verify.File(f.file, []*x509.Certificate{f.root}, verify.Options{})
		if r.Verdict != verify.NotGenuine || !strings.HasPrefix(r.Sentence, "Not genuine: ") || !strings.Contains(r.Sentence, f.want) {
			t.Errorf("%s: %s %q, want not-genuine with %q", f.name, r.Verdict, r.Sentence, f.want)
		}
		// Without a root, too, nothing that is broken passes for merely unchecked.
		if n := verify.File(f.file, nil, verify.Options{}); n.Verdict == verify.Genuine {
			t.Errorf("%s: genuine without a root", f.name)
		}
	}
	if r := verify.File(sealed(nothing), []*x509.Certificate{s.Root}, verify.Options{}); r.Verdict != verify.Genuine {
		t.Errorf("the forger's press itself is at fault: %s", r.Sentence)
	}
}

// Bits over the whole file, each kind of place: header, objects, streams, table,
// gap, padding, trailer.
func TestFlippedBits(t *testing.T) {
	s := stick(t, sign.Production, "S01", 24*time.Hour)
	real := made(t, paper.Erasure, s, certstest.Sanitised(s, 1).Envelopes())
	roots := []*x509.Certificate{s.Root}
	flipped := 0
	for at := 0; at < len(real); at += 101 {
		for _, bit := range []uint{uint(at % 8), 5} {
			b := bytes.Clone(real)
			b[at] ^= 1 << bit
			if r := verify.File(b, roots, verify.Options{}); r.Verdict != verify.NotGenuine {
				t.Fatalf("bit %d of byte %d: %s", bit, at, r.Sentence)
			}
			flipped++
		}
	}
	if flipped < 1000 {
		t.Errorf("only %d bits were flipped", flipped)
	}
}

func TestGenuine(t *testing.T) {
	s := stick(t, sign.Production, "S01", 24*time.Hour)
	roots := []*x509.Certificate{s.Root}
	many := certstest.Sanitised(s, 8).Envelopes()
	failed, none := certstest.Failed(s).Envelopes(), certstest.NoMedia(s).Envelopes()
	for _, c := range []struct {
		kind      paper.Kind
		envelopes [][]byte
		want      string
		sanitised bool
	}{
		{paper.Erasure, many, "Genuine: 8 drives sanitised (clear)", true},
		{paper.Disposal, many, "Genuine: 8 drives sanitised (clear)", true},
		{paper.Erasure, failed, "Genuine, and it records a failure: failed, 1 of 2 drives sanitised", false},
		{paper.Hold, failed, "the device is on HOLD", false},
		{paper.Erasure, none, "Genuine, and it records that no drive was found", false},
	} {
		b := made(t, c.kind, s, c.envelopes)
		r := verify.File(b, roots, verify.Options{RequireSanitised: true})
		if r.Verdict != verify.Genuine || !strings.Contains(r.Sentence, c.want) || r.Bad() == c.sanitised {
			t.Errorf("%s: %s, bad %v: %q, want %q", c.kind, r.Verdict, r.Bad(), r.Sentence, c.want)
		}
		if r := verify.File(b, nil, verify.Options{}); r.Verdict != verify.Unchecked {
			t.Errorf("%s without a root: %s", c.kind, r.Verdict)
		}
	}
	practice := stick(t, sign.Practice, "S01", 24*time.Hour)
	b := made(t, paper.Erasure, practice, certstest.Sanitised(practice, 1).Envelopes())
	if r := verify.File(b, []*x509.Certificate{practice.Root}, verify.Options{Practice: true}); r.Verdict != verify.Genuine || !strings.Contains(r.Sentence, "practice key") {
		t.Errorf("practice with --practice: %s %q", r.Verdict, r.Sentence)
	}
	unenrolled, err := sign.NotEnrolled("S01")
	if err != nil {
		t.Fatal(err)
	}
	b = made(t, paper.Erasure, unenrolled, certstest.NoMedia(unenrolled).Envelopes())
	for _, roots := range [][]*x509.Certificate{nil, roots, {unenrolled.Root}} {
		if r := verify.File(b, roots, verify.Options{}); r.Verdict != verify.Unchecked || !strings.Contains(r.Sentence, "Not enrolled") {
			t.Errorf("not enrolled: %s %q", r.Verdict, r.Sentence)
		}
	}
}

func FuzzFile(f *testing.F) {
	s := stick(f, sign.Production, "S01", 24*time.Hour)
	real := made(f, paper.Erasure, s, certstest.NoMedia(s).Envelopes())
	f.Add(real)
	f.Add(real[:len(real)/2])
	f.Add([]byte("%PDF-1.7\n/ByteRange [0 10 20 30] /Contents <00>\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := verify.File(b, []*x509.Certificate{s.Root}, verify.Options{})
		if r.Verdict == verify.Genuine && !bytes.Equal(b, real) {
			t.Errorf("another file than the real one is genuine: %s", r.Sentence)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	s := stick(b, sign.Production, "S01", 24*time.Hour)
	real := made(b, paper.Erasure, s, certstest.Sanitised(s, 1).Envelopes())
	b.ReportMetric(float64(len(real)), "bytes")
	for b.Loop() {
		if r := verify.File(real, []*x509.Certificate{s.Root}, verify.Options{}); r.Verdict != verify.Genuine {
			b.Fatal(fmt.Sprint(r.Sentence))
		}
	}
}
