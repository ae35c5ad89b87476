package verify_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"math/big"
	"sort"
	"strings"
	"testing"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/verify"
)

// node of a DER encoding, to be changed and written again.
type node struct {
	tag      byte
	content  []byte // of a primitive
	children []*node
}

func parse(t testing.TB, b []byte) *node {
	t.Helper()
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(b, &v)
	check(t, err)
	if len(bytes.Trim(rest, "\x00")) != 0 {
		t.Fatal("bytes stand behind")
	}
	n := &node{tag: v.FullBytes[0], content: v.Bytes}
	if v.IsCompound {
		for b := v.Bytes; len(b) > 0; {
			var c asn1.RawValue
			after, err := asn1.Unmarshal(b, &c)
			check(t, err)
			n.children, b = append(n.children, parse(t, c.FullBytes)), after
		}
	}
	return n
}

func (n *node) inside() []byte {
	if n.tag&0x20 == 0 {
		return n.content
	}
	var b []byte
	for _, c := range n.children {
		b = append(b, c.der()...)
	}
	return b
}

func (n *node) der() []byte {
	b := n.inside()
	switch {
	case len(b) < 0x80:
		return append([]byte{n.tag, byte(len(b))}, b...)
	case len(b) < 0x100:
		return append([]byte{n.tag, 0x81, byte(len(b))}, b...)
	}
	return append([]byte{n.tag, 0x82, byte(len(b) >> 8), byte(len(b))}, b...)
}

// cms of a sealed PDF, changed in one way, back in its place.
func cms(t testing.TB, b []byte, change func(c *signed) []byte) []byte {
	t.Helper()
	from, to := gapOf(t, b)
	raw, err := hex.DecodeString(string(b[from+1 : to-1]))
	check(t, err)
	c := &signed{root: parse(t, raw)}
	data := c.root.children[1].children[0] // RFC 5652, 3 and 5.1
	c.data, c.certs, c.signers = data, data.children[3], data.children[4]
	c.signer = c.signers.children[0]
	out := change(c)
	if out == nil {
		out = c.root.der()
	}
	return put(b, from+1, hex.EncodeToString(append(out, make([]byte, seal.Reserve-len(out))...)))
}

type signed struct{ root, data, certs, signers, signer *node }

// raw seals any bytes that have a gap: the thief of a key writes the file as they
// like.
func (h holder) raw(t testing.TB, b []byte) []byte {
	t.Helper()
	from, to := gapOf(t, b)
	m := rangeForm.FindIndex(b)
	b = byteRangeOf(b, m[0], from, to)
	sig, err := seal.SignDetached(h.cert, h.key, append(bytes.Clone(b[:from]), b[to:]...))
	check(t, err)
	return put(b, from+1, hex.EncodeToString(append(sig, make([]byte, seal.Reserve-len(sig))...)))
}

// forgeCMS are ways to write a signature otherwise, some of which need no key.
func forgeCMS(t testing.TB, r ring, real []byte) []vector {
	v := func(name, what, want string, change func(c *signed) []byte) vector {
		return vector{name: name, what: what, want: want, files: one("paper.pdf", cms(t, real, change))}
	}
	const oneWay = "the signature is not written the one way that ours are"
	attribute := func(der string) *node { b, _ := hex.DecodeString(der); return parse(t, b) }
	return []vector{
		v("stuffed-certificate", "a second certificate was put into the signature", "the signature carries more certificates than its signer's", func(c *signed) []byte {
			c.certs.children = append(c.certs.children, parse(t, r.stick2.cert.Raw))
			return nil
		}),
		v("certificate-of-another", "another stick's certificate stands in the signature", oneWay, func(c *signed) []byte {
			c.certs.children[0] = parse(t, r.stick2.cert.Raw)
			return nil
		}),
		v("no-certificate", "the signature's certificate was taken out", oneWay, func(c *signed) []byte {
			c.certs.children = nil
			return nil
		}),
		v("two-signers", "the signer stands in the signature twice", "the signature has 2 signers, and ours have one", func(c *signed) []byte {
			c.signers.children = append(c.signers.children, c.signer)
			return nil
		}),
		v("unsigned-attribute", "an attribute that nobody signed was added (a time stamp's place)", oneWay+": something of it was added", func(c *signed) []byte {
			c.signer.children = append(c.signer.children, attribute("a10f300d06092a864886f70d01090e31003000"[:34]))
			return nil
		}),
		v("ber-length", "a length is written with more bytes than it needs (BER)", oneWay+": it is not DER", func(c *signed) []byte {
			b := c.root.inside()
			return append([]byte{0x30, 0x84, 0, 0, byte(len(b) >> 8), byte(len(b))}, b...)
		}),
		v("ber-indefinite", "the signature's length is left open (BER)", oneWay+": it is not DER", func(c *signed) []byte {
			return append(append([]byte{0x30, 0x80}, c.root.inside()...), 0, 0)
		}),
		v("null-parameter", "an algorithm has a parameter that ours have not", oneWay+": something of it was added", func(c *signed) []byte {
			c.signer.children[2].children = append(c.signer.children[2].children, &node{tag: 5})
			return nil
		}),
		v("cms-version", "the signature's version is another", oneWay+": something of it was added", func(c *signed) []byte {
			c.data.children[0].content = []byte{3}
			return nil
		}),
		v("twin-value", "the signature's value is the other one of the two that are good", oneWay+": of the two values that would do it has the larger", func(c *signed) []byte {
			value := parse(t, c.signer.children[5].content)
			// The order of P-256: SEC 2 version 2, 2.4.2.
			n, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
			s, err := asn1.Marshal(n.Sub(n, new(big.Int).SetBytes(value.children[1].content)))
			check(t, err)
			value.children[1] = parse(t, s)
			c.signer.children[5].content = value.der()
			return nil
		}),
		v("another-value", "the signature's value is another", "the file was changed after it was signed", func(c *signed) []byte {
			value := parse(t, c.signer.children[5].content)
			value.children[0].content[5] ^= 1
			c.signer.children[5].content = value.der()
			return nil
		}),
		v("digest-only", "the signature is over the digest alone, without signed attributes", oneWay, func(c *signed) []byte {
			c.signer.children = append(c.signer.children[:3], c.signer.children[4:]...)
			return nil
		}),
		v("signing-time", "the thief of a key adds an attribute that ours have not, and signs it", oneWay+": something of it was added", func(c *signed) []byte {
			// signing-time (RFC 5652, 11.3), 24 November 2026.
			attrs := c.signer.children[3]
			attrs.children = append(attrs.children, attribute("301c06092a864886f70d010905310f170d3236313132343039333030305a"))
			sort.Slice(attrs.children, func(i, k int) bool { return bytes.Compare(attrs.children[i].der(), attrs.children[k].der()) < 0 })
			set := attrs.der()
			set[0] = 0x31 // what is signed has the universal tag (RFC 5652, 5.4)
			h := sha256.Sum256(set)
			sig, err := r.stick.key.Sign(rand.Reader, h[:], crypto.SHA256)
			check(t, err)
			c.signer.children[5].content = sig
			return nil
		}),
	}
}

// object whose dictionary holds a text.
func object(t testing.TB, d *seal.Document, holds string) *seal.Object {
	t.Helper()
	for i := range d.Objects {
		if strings.Contains(d.Objects[i].Dict, holds) {
			return &d.Objects[i]
		}
	}
	t.Fatalf("no object holds %q", holds)
	return nil
}

// say has an object say something else.
func say(t testing.TB, holds string, change func(b []byte) []byte) func(*seal.Document) {
	return func(d *seal.Document) {
		o := object(t, d, holds)
		*o = seal.Object{Dict: o.Dict, Stream: change(bytes.Clone(o.Stream)), Kind: o.Kind}
	}
}

func swap(t testing.TB, from, to string) func(*seal.Document) {
	return func(d *seal.Document) {
		o := object(t, d, from)
		o.Dict = strings.Replace(o.Dict, from, to, 1)
	}
}

// page changes the first page's content.
func page(t testing.TB, change func(b []byte) []byte) func(*seal.Document) {
	return func(d *seal.Document) {
		for i := range d.Objects {
			if o := &d.Objects[i]; o.Kind == seal.Compressed && o.Dict == "" {
				*o = seal.Object{Stream: change(bytes.Clone(o.Stream)), Kind: o.Kind}
				return
			}
		}
		t.Fatal("there is no page")
	}
}

// forgeSealed are what the thief of a stick's key can seal: the signature is good,
// and the file is not what its records give.
func forgeSealed(t testing.TB, r ring, good, failed [][]byte) []vector {
	s := r.stick
	v := func(name, what, want string, change ...func(*seal.Document)) vector {
		return vector{name: name, what: what, want: want, files: one("paper.pdf", s.pdf(t, paper.Erasure, good, change...))}
	}
	raw := func(name, what, want string, change func(b []byte) []byte) vector {
		return vector{name: name, what: what, want: want, files: one("paper.pdf", s.raw(t, change(s.pdf(t, paper.Erasure, good))))}
	}
	text := func(from, to string) func([]byte) []byte {
		return func(b []byte) []byte { return replace(t, b, from, to) }
	}
	attach := say(t, "/EmbeddedFile", func([]byte) []byte { return certs.JoinEnvelopes(failed) })
	const pages, catalog, info, signature, table, builtNot = "its pages do not say what its records say", "its catalog", "its title, subject or date is another", "the signature's dictionary", "its cross-reference table or its trailer is another", "it is not built the way that our papers are"
	return []vector{
		v("swapped-attachment", "record.json is another visit's", pages, attach),
		{name: "swapped-page", what: "the pages are another visit's", want: pages, files: one("paper.pdf",
			s.pdf(t, paper.Erasure, failed, say(t, "/EmbeddedFile", func([]byte) []byte { return certs.JoinEnvelopes(good) })))},
		v("changed-page", "a blank was added to a page's content", pages, page(t, func(b []byte) []byte { return append(b, ' ') })),
		v("hidden-page", "a white rectangle lies over a page", pages, page(t, func(b []byte) []byte { return append(b, "\n1 g 0 0 600 850 re f"...) })),
		v("changed-font", "a letter of a font has another shape", pages, say(t, "/Length1", func(b []byte) []byte { b[len(b)/2] ^= 1; return b })),
		v("changed-letters", "ones are shown as sevens, and sevens as ones, by the fonts", pages, func(d *seal.Document) {
			for i := range d.Objects {
				if o := &d.Objects[i]; len(o.Stream) == 2*0x10000 { // CIDToGIDMap (ISO 32000-1, table 117)
					m := bytes.Clone(o.Stream)
					m[2*'1'+1], m[2*'7'+1] = m[2*'7'+1], m[2*'1'+1]
					*o = seal.Object{Dict: o.Dict, Stream: m, Kind: o.Kind}
				}
			}
		}),
		v("no-record", "record.json is missing", "no record.json is embedded", swap(t, "/Type /EmbeddedFile ", "/Type /Embedded ")),
		v("attachment-renamed", "record.json has another name", "the name of its attachment is another", swap(t, "/UF (record.json)", "/UF (records.json)")),
		v("changes-allowed", "the signature allows changes (DocMDP P=3)", signature, swap(t, "/P 1 /V", "/P 3 /V")),
		v("no-docmdp", "the signature forbids no changes (no DocMDP)", catalog, swap(t, " /Perms <</DocMDP", " /Parms <</DocMDP")),
		v("script", "opening the file runs a script", catalog, swap(t, "/Type /Catalog", "/Type /Catalog /OpenAction <</S /JavaScript /JS (app)>>")),
		v("unseen-layer", "content can be switched on and off (optional content)", catalog, swap(t, "/Type /Catalog", "/Type /Catalog /OCProperties <</OCGs []>>")),
		v("hidden-object", "an object that nothing shows was hidden before the sealing (shadow attack: hide and replace)", "objects, and the records give", func(d *seal.Document) {
			d.Objects = append(d.Objects, seal.Object{Dict: "/Type /Page /Contents 4 0 R"})
		}),
		v("annotation", "a note lies over the page", "objects, and the records give", func(d *seal.Document) {
			d.Objects = append(d.Objects, seal.Object{Dict: "/Type /Annot /Subtype /FreeText /Rect [0 0 600 800]"})
		}),
		v("second-signature", "a second signature's dictionary is there", "objects, and the records give", func(d *seal.Document) {
			d.Objects = append(d.Objects, seal.Object{Dict: "/Type /Sig /Filter /Adobe.PPKLite /ByteRange [0 0 0 0]"})
		}),
		v("another-paper", "the erasure certificate says that it is the disposal certificate", pages, swap(t, "/Subject (erasure/", "/Subject (disposal/")),
		v("no-paper-of-ours", "it says that it is a paper that we don't make", "it is none of our papers", swap(t, "/Subject (erasure/", "/Subject (praise/")),
		v("layout-zero", "it says that it was drawn by a layout that never was", "it is none of our papers", swap(t, "/Subject (erasure/", "/Subject (erasure/0")),
		v("other-title", "its title is another", info, swap(t, "/Title (", "/Title (Best ")),
		v("other-time", "its date is not its records'", info, swap(t, "/CreationDate (D:2026", "/CreationDate (D:2025")),
		v("other-name", "the signer's name is another", signature, swap(t, "/Name (", "/Name (Real ")),
		raw("comment", "a comment stands between two objects", builtNot, text("endobj\n2 0 obj", "endobj\n% x\n2 0 obj")),
		raw("object-twice", "an object stands in the file twice", builtNot, func(b []byte) []byte {
			return bytes.Replace(b, []byte("endobj\n2 0 obj"), []byte("endobj\n1 0 obj\n<<>>\nendobj\n2 0 obj"), 1)
		}),
		raw("object-stream", "objects are hidden in an object stream", "the dictionary of object", text("/Type /Metadata /Subtype /XML", "/Type /ObjStm /Subtype /XML  ")),
		raw("xref-elsewhere", "an entry of the cross-reference table leads elsewhere", table, func(b []byte) []byte {
			at := bytes.LastIndex(b, []byte(" 65535 f \n")) + len(" 65535 f \n")
			return put(b, at, "0000000011")
		}),
		raw("xref-hybrid", "the trailer names a second cross-reference table (hybrid)", table, text("\ntrailer\n<</Size ", "\ntrailer\n<</XRefStm 9 /Size ")),
		raw("xref-before", "the trailer names an earlier revision", table, text("\ntrailer\n<</Size ", "\ntrailer\n<</Prev 9 /Size ")),
		raw("trailer-encrypt", "the trailer says that the file is encrypted", table, text("\ntrailer\n<</Size ", "\ntrailer\n<</Encrypt 1 0 R /Size ")),
		raw("other-catalog", "the trailer names another catalog", table, func(b []byte) []byte {
			return bytes.Replace(b, []byte(" 0 R /Info "), []byte(" 1 R /Info "), 1)
		}),
		raw("startxref", "the last line leads elsewhere", table, func(b []byte) []byte {
			at := bytes.LastIndex(b, []byte("startxref\n")) + len("startxref\n")
			return put(b, at, "1")
		}),
		raw("stream-tail", "bytes stand behind a compressed stream", "bytes stand behind a stream", func(b []byte) []byte {
			at := bytes.Index(b, []byte("\nendstream\nendobj\n"))
			head := bytes.LastIndex(b[:at], []byte("/Length ")) + len("/Length ")
			end := head + bytes.IndexByte(b[head:], '>')
			return append(append(append(append(bytes.Clone(b[:head]), plus(b[head:end], 4)...), b[end:at]...), "junk"...), b[at:]...)
		}),
	}
}

// plus adds to a number in decimal.
func plus(b []byte, n int64) []byte {
	v, _ := new(big.Int).SetString(string(b), 10)
	return []byte(v.Add(v, big.NewInt(n)).String())
}

// FuzzSealed is the thief of a stick's key who changes a paper anywhere and seals it
// again: the signature is good every time, and the paper never is.
func FuzzSealed(f *testing.F) {
	r := fixedRing(f)
	real := r.stick.pdf(f, paper.Erasure, certstest.NoMedia(r.stick.signer(f, r.root.cert)).Envelopes())
	c := checker(f, r)
	from, to := gapOf(f, real)
	f.Add(uint32(9), uint8(1), []byte("x"))
	f.Add(uint32(len(real)-6), uint8(0), []byte("% "))
	f.Add(uint32(len(real)/2), uint8(40), []byte("/Type /Catalog"))
	f.Fuzz(func(t *testing.T, at uint32, n uint8, with []byte) {
		i := int(at % uint32(len(real)))
		k := min(i+int(n), len(real))
		if i < to && k > from-60 { // the range and the signature are written anew
			return
		}
		b := append(append(bytes.Clone(real[:i]), with...), real[k:]...)
		if bytes.Equal(b, real) || bytes.Count(b, []byte(" /Contents <")) != 1 || bytes.Count(b, []byte("/ByteRange [")) != 1 {
			return
		}
		if got := c.File("paper.pdf", r.stick.raw(t, b)); got.Verdict == verify.Genuine && !inStream(real, i) {
			t.Errorf("%d bytes at %d for %q: %s", k-i, i, with, got.Sentence)
		}
	})
}

// inStream: there the same content may be compressed in another way.
func inStream(b []byte, at int) bool {
	i := bytes.LastIndex(b[:at], []byte("stream\n"))
	return i >= 3 && string(b[i-3:i]) != "end"
}
