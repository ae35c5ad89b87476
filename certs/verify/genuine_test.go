package verify_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"handback.example/certs"
	"handback.example/certs/certstest"
	"handback.example/certs/html"
	"handback.example/certs/paper"
	"handback.example/certs/papers"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
	"handback.example/certs/verify"
)

func mustRead(t testing.TB, b []byte) html.File {
	t.Helper()
	f, err := html.Read(b)
	check(t, err)
	return f
}

func dataURI(record []byte) string {
	return "data:application/json;base64," + base64.StdEncoding.EncodeToString(record)
}

// selfSigned is a root that has the name of r's root, and another key.
func selfSigned(t testing.TB, r ring) *x509.Certificate {
	c := *r.stick.cert
	c.Subject, c.SerialNumber = r.stick.cert.Subject, r.stick.cert.SerialNumber
	parent := *r.root.cert
	parent.PublicKey = r.otherStick.cert.PublicKey
	return create(t, &c, &parent, r.otherStick.key.Public(), r.otherStick.key)
}

// genuine files, and one that is not enrolled.
func genuine(t testing.TB, r ring) []vector {
	s, hub := r.stick.signer(t, r.root.cert), r.hub.signer(t, r.root.cert)
	good, failed, none := certstest.Sanitised(s, 1).Envelopes(), certstest.Failed(s).Envelopes(), certstest.NoMedia(s).Envelopes()
	closed := certstest.Closed(s, hub).Envelopes()
	v := func(name, what, want, file string, b []byte) vector {
		return vector{name: name, what: what, want: want, root: r.root, verdict: verify.Genuine, files: one(file, b)}
	}
	lost := v("lost-later", "the stick was lost after the paper's time, as the paper claims", "sealed before, as its time says, which is not proven", "S01-000412-erasure.pdf", r.stick.pdf(t, paper.Erasure, good))
	lost.list = r.list(t, sign.Lost, start.Add(24*time.Hour), r.stick)
	practice := v("practice-accepted", "a practice paper, where practice is accepted", "Genuine (practice key)", "S01-000412-erasure.pdf",
		r.practiceStick.pdf(t, paper.Erasure, chain(t, records(t, good), func(int) holder { return r.practiceStick })))
	practice.root, practice.practice = r.practice, true
	unenrolled := v("not-enrolled", "an image without keys made it", "Not enrolled", "S01-000414-erasure.pdf",
		r.unenrolled.pdf(t, paper.Erasure, chain(t, records(t, none), func(int) holder { return r.unenrolled })))
	unenrolled.verdict = verify.Unchecked
	return []vector{
		v("sanitised", "one drive, sanitised", "Genuine: 1 drive sanitised (clear); visit S01-000412, sealed by stick S01, claimed time", "S01-000412-erasure.pdf", r.stick.pdf(t, paper.Erasure, good)),
		v("sanitised-twin", "its twin", "Genuine: 1 drive sanitised (clear)", "S01-000412-erasure.html", r.stick.twin(t, paper.Erasure, good)),
		v("disposal", "its disposal certificate, OPEN", "Genuine: 1 drive sanitised (clear)", "S01-000412-disposal.pdf", r.stick.pdf(t, paper.Disposal, good)),
		v("failed", "one of two drives failed", "Genuine, and it records a failure: failed, 1 of 2 drives sanitised", "S01-000413-erasure.pdf", r.stick.pdf(t, paper.Erasure, failed)),
		v("hold", "the notice of HOLD", "the device is on HOLD", "S01-000413-hold.pdf", r.stick.pdf(t, paper.Hold, failed)),
		v("no-media", "no drive was found", "Genuine, and it records that no drive was found", "S01-000414-erasure.pdf", r.stick.pdf(t, paper.Erasure, none)),
		v("records", "a visit's records, not certified yet", "and the visit is not certified", "record.json", certs.JoinEnvelopes(good)),
		v("closed", "the disposal certificate that the hub sealed when the receiver had answered", "disposal CLOSED; revision 3", closedName(t, closed), r.hub.pdf(t, paper.Disposal, closed)),
		v("closed-records", "a visit's records to the end", "Genuine: ", "record.json", certs.JoinEnvelopes(closed)),
		lost, practice, unenrolled,
	}
}

func closedName(t testing.TB, closed [][]byte) string {
	s := certs.Summarise(records(t, closed))
	return paper.Disposal.Stem(s.Visit, s.Revision) + ".pdf"
}

// Bits over the whole file, each kind of place: header, objects, streams, table,
// gap, padding, trailer; of a PDF and of its twin.
func TestFlippedBits(t *testing.T) {
	r := freshRing(t)
	good := certstest.Sanitised(r.stick.signer(t, r.root.cert), 1).Envelopes()
	c := checker(t, r)
	for name, real := range map[string][]byte{"paper.pdf": r.stick.pdf(t, paper.Erasure, good), "paper.html": r.stick.twin(t, paper.Erasure, good)} {
		flipped := 0
		for at := 0; at < len(real); at += len(real)/600 + 1 {
			for _, bit := range []uint{uint(at % 8), 5} {
				b := bytes.Clone(real)
				b[at] ^= 1 << bit
				if got := c.File(name, b); got.Verdict != verify.NotGenuine {
					t.Fatalf("%s: bit %d of byte %d: %s", name, bit, at, got.Sentence)
				}
				flipped++
			}
		}
		if flipped < 1000 {
			t.Errorf("%s: only %d bits were flipped", name, flipped)
		}
	}
}

func checker(t testing.TB, r ring) *verify.Checker {
	t.Helper()
	trust, err := sign.NewTrust([]*x509.Certificate{r.root.cert}, nil, start)
	check(t, err)
	return &verify.Checker{Trust: trust}
}

// A token's RSA key seals a paper and signs its records.
func TestRSA(t *testing.T) {
	r := freshRing(t)
	h := rsaStick(t, r.root)
	records := records(t, certstest.Sanitised(r.stick.signer(t, r.root.cert), 1).Envelopes())
	real := h.pdf(t, paper.Erasure, chain(t, records, func(int) holder { return h }))
	if got := checker(t, r).File("paper.pdf", real); got.Verdict != verify.Genuine {
		t.Errorf("RSA-3072: %s", got.Sentence)
	}
}

// A paper that a later layout drew is not called false for that.
func TestNewerLayout(t *testing.T) {
	r := freshRing(t)
	good := certstest.Sanitised(r.stick.signer(t, r.root.cert), 1).Envelopes()
	newer := func(h holder) []vectorFile {
		return one("paper.pdf", h.pdf(t, paper.Erasure, good, swap(t, fmt.Sprintf("/Subject (erasure/%d)", pdf.LayoutNumber), "/Subject (erasure/987)")))
	}
	twin := r.stick.twin(t, paper.Erasure, good, func(b []byte) []byte {
		return replace(t, b, fmt.Sprintf(`content="erasure/%d"`, html.LayoutNumber), `content="erasure/987"`)
	})
	for _, c := range []struct {
		name    string
		v       vector
		verdict verify.Verdict
		want    string
	}{
		{"PDF", vector{root: r.root, files: newer(r.stick)}, verify.Unchecked, "Unchecked: drawn by layout 987, newer than this verifier knows"},
		{"twin", vector{root: r.root, files: one("paper.html", twin)}, verify.Unchecked, "Unchecked: drawn by layout 987, newer than this verifier knows"},
		{"another root", vector{root: r.other, files: newer(r.stick)}, verify.NotGenuine, "is not vouched for by this root"},
		{"sealed by another", vector{root: r.root, files: newer(r.stick2)}, verify.NotGenuine, "it is sealed by"},
	} {
		if verdict, sentence := c.v.judge(t); verdict != c.verdict || !strings.Contains(sentence, c.want) {
			t.Errorf("%s: %s %q, want %s with %q", c.name, verdict, sentence, c.verdict, c.want)
		}
	}
}

func FuzzFile(f *testing.F) {
	r := fixedRing(f)
	s := r.stick.signer(f, r.root.cert)
	none := certstest.NoMedia(s).Envelopes()
	c := checker(f, r)
	real := map[string]bool{}
	for _, b := range [][]byte{r.stick.pdf(f, paper.Erasure, none), r.stick.twin(f, paper.Erasure, none), certs.JoinEnvelopes(none), append(bytes.Clone(none[0]), '\n')} {
		real[string(b)] = true
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte("%PDF-1.7\n/ByteRange [0 10 20 30] /Contents <00>\n%%EOF\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// A visit's records without the last ones are genuine, too, and with or without a last line's end.
		if got := c.File("file", b); got.Verdict == verify.Genuine && !real[string(b)] && got.Form != verify.FormRecords {
			t.Errorf("another file than the real one is genuine: %s", got.Sentence)
		}
	})
}

func BenchmarkFile(b *testing.B) {
	r := freshRing(b)
	good := certstest.Sanitised(r.stick.signer(b, r.root.cert), 1).Envelopes()
	c := checker(b, r)
	for name, real := range map[string][]byte{"pdf": r.stick.pdf(b, paper.Erasure, good), "html": r.stick.twin(b, paper.Erasure, good), "records": certs.JoinEnvelopes(good)} {
		b.Run(name, func(b *testing.B) {
			b.ReportMetric(float64(len(real)), "bytes")
			for b.Loop() {
				if got := c.File("file", real); got.Verdict != verify.Genuine {
					b.Fatal(got.Sentence)
				}
			}
		})
	}
}

func BenchmarkMake(b *testing.B) {
	r := freshRing(b)
	good := certstest.Sanitised(r.stick.signer(b, r.root.cert), 1).Envelopes()
	for b.Loop() {
		r.stick.pdf(b, paper.Erasure, good)
	}
}

// The largest visit of which a paper is made is read again; of a larger one there is no
// paper, rather than one that nobody calls genuine.
func TestLargest(t *testing.T) {
	r := freshRing(t)
	s := r.stick.signer(t, r.root.cert)
	v := certstest.New(s, 412).Add(certstest.Intake())
	f := certstest.Facts(certstest.Drive(0))
	f.Facts.Notes = []string{strings.Repeat("0", 16000), strings.Repeat("1", 16000), strings.Repeat("2", 16000), strings.Repeat("3", 16000)}
	f.At = certs.At(start, certs.SourceRTC, time.Minute)
	one := func() int {
		b, err := v.Chain.Append(f)
		check(t, err)
		return len(b)
	}
	for size := one(); len(certs.JoinEnvelopes(v.Envelopes()))+size+2 <= certs.MaxVisit; {
		size = one()
	}
	c := checker(t, r)
	made, err := papers.Make(paper.Erasure, v.Envelopes(), s)
	check(t, err)
	for _, p := range made {
		if got := c.File(p.Name, p.Data); got.Verdict != verify.Genuine {
			t.Errorf("%s, %d bytes: %s", p.Name, len(p.Data), got.Sentence)
		}
	}
	if got := c.File("record.json", certs.JoinEnvelopes(v.Envelopes())); got.Verdict != verify.Genuine {
		t.Errorf("record.json: %s", got.Sentence)
	}
	one()
	if _, err := papers.Make(paper.Erasure, v.Envelopes(), s); err == nil {
		t.Error("a paper is made of more than anybody reads")
	}
}

// What --require sanitised asks for is drives, TPM and a result that nobody rejected.
func TestRequireSanitised(t *testing.T) {
	stick, _ := certstest.Keys(sign.Production)
	visit := func(more ...certs.Record) []byte {
		return certs.JoinEnvelopes(certstest.Sanitised(stick, 1).Add(more...).Envelopes())
	}
	for name, c := range map[string]struct {
		file   []byte
		missed bool
	}{
		"sanitised":       {visit(), false},
		"accepted":        {visit(certstest.Validated(certs.Accepted, "sup02")), false},
		"rejected":        {visit(certstest.Validated(certs.Rejected, "sup02")), true},
		"TPM not cleared": {visit(certstest.TPM(certs.TPMNotCleared)), true},
		"TPM pending":     {visit(certstest.TPM(certs.TPMPending)), true},
		"failed":          {certs.JoinEnvelopes(certstest.Failed(stick).Envelopes()), true},
	} {
		r := verify.File(c.file, []*x509.Certificate{stick.Root}, verify.Options{RequireSanitised: true})
		if r.Verdict != verify.Genuine || r.Bad() != c.missed || strings.HasSuffix(r.Sentence, "Required: sanitised.") != c.missed {
			t.Errorf("%s: %s, bad %v", name, r.Sentence, r.Bad())
		}
	}
}
