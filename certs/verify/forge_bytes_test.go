package verify_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"handback.example/certs/internal/seal"
)

var rangeForm = regexp.MustCompile(`/ByteRange \[0 (\d+) (\d+) (\d+)\] *`)

// gapOf a signed PDF, whatever its range says: where /Contents begins and ends, with its brackets.
func gapOf(t testing.TB, b []byte) (from, to int) {
	t.Helper()
	from = bytes.Index(b, []byte(" /Contents <")) + len(" /Contents ")
	to = from + 2*seal.Reserve + 2
	if from < 100 || to > len(b) || b[to-1] != '>' {
		t.Fatal("no signature is found")
	}
	return from, to
}

// put a text over what stands somewhere.
func put(b []byte, at int, with string) []byte {
	b = bytes.Clone(b)
	copy(b[at:], with)
	return b
}

// flip one bit of the byte after a text's first occurrence.
func flip(t testing.TB, b []byte, after string) []byte {
	t.Helper()
	at := bytes.Index(b, []byte(after))
	if at < 0 {
		t.Fatalf("%q is not there", after)
	}
	b = bytes.Clone(b)
	b[at+len(after)] ^= 4
	return b
}

// forgeBytes are what anybody can do to a sealed PDF, without a key.
func forgeBytes(t testing.TB, real, another []byte) []vector {
	gap, end := gapOf(t, real)
	anotherGap, anotherEnd := gapOf(t, another)
	cut := func(n int) []byte { return real[:n] }
	tail := func(s string) []byte { return append(bytes.Clone(real), s...) }
	update := func(objects string) []byte {
		return tail(objects + "xref\n0 0\ntrailer\n<</Size 60 /Root 1 0 R /Prev 9>>\nstartxref\n" + strconv.Itoa(len(real)) + "\n%%EOF\n")
	}
	upper := put(real, gap+1, strings.ToUpper(string(real[gap+1:gap+2400])))
	v := func(name, what, want string, b []byte) vector {
		return vector{name: name, what: what, want: want, files: one("paper.pdf", b)}
	}
	const added, oneWay, changed, cutOff = "bytes were added after the signature", "the signature is not written the one way that ours are", "the file was changed after it was signed", "the file is cut off"
	return []vector{
		v("appended-byte", "one byte was added at the end", "1 byte was added after the signature", tail("\n")),
		v("appended-bytes", "14 bytes were added at the end", "14 bytes were added after the signature", tail("%hello, world\n")),
		v("appended-revision", "an incremental update was added that changes nothing", added, update("")),
		v("shadow-hide", "an incremental update puts an empty form over a page's content (shadow attack: hide)", added, update("4 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\n")),
		v("shadow-replace", "an incremental update puts another page in a page's place (shadow attack: replace)", added,
			update("3 0 obj\n<</Type /Page /Parent 1 0 R /Contents 4 0 R>>\nendobj\n4 0 obj\n<</Length 8>>\nstream\n(SAFE) Tj\nendstream\nendobj\n")),
		v("shadow-form", "an incremental update gives the signature's field another look", added, update("50 0 obj\n<</Type /Annot /Subtype /Widget /FT /Sig /Rect [0 0 600 800]>>\nendobj\n")),
		v("appended-attachment", "an incremental update brings another record.json", added, update("31 0 obj\n<</Type /EmbeddedFile /Length 2>>\nstream\n[]\nendstream\nendobj\n")),
		v("cut-short", "only the first 1,000 bytes are left", cutOff, cut(1000)),
		v("cut-byte", "the last byte is missing", cutOff, cut(len(real)-1)),
		v("cut-half", "the second half is missing", cutOff, cut(len(real)/2)),
		v("not-a-pdf", "another file under the name of a paper", "it is none of our files", []byte("hello\n")),
		v("empty", "an empty file", "it is none of our files", []byte{}),
		v("byte-before", "a byte stands before the header", "it is none of our files", append([]byte("\n"), real...)),
		v("other-pdf", "a PDF that nobody signed", "this PDF carries no signature of ours", []byte("%PDF-1.4\n1 0 obj\n<</Type /Catalog>>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n")),
		v("encrypted-pdf", "an encrypted PDF", "this PDF is encrypted, and ours never are", []byte("%PDF-1.4\n1 0 obj\n<</Type /Catalog>>\nendobj\ntrailer\n<</Root 1 0 R /Encrypt 2 0 R>>\n%%EOF\n")),
		v("other-signed-pdf", "a PDF that another organisation's program signed", "this PDF carries no signature of ours",
			[]byte("%PDF-1.7\n1 0 obj\n<</Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /Contents <3080> /ByteRange [0 100 200 300]>>\nendobj\n%%EOF\n")),
		v("flipped-header", "a bit of the header is flipped", changed, put(real, 7, "4")),
		v("flipped-page", "a bit of a page's content is flipped", changed, flip(t, real, "stream\n")),
		v("flipped-metadata", "a bit of the metadata is flipped", changed, flip(t, real, "<pdfaid:part>")),
		v("flipped-attachment", "a bit of record.json is flipped", changed, flip(t, real, "/Type /EmbeddedFile /Subtype /application#2Fjson /Params <</Size ")),
		v("flipped-xref", "a bit of the cross-reference table is flipped", changed, flip(t, real, " 65535 f \n")),
		v("flipped-id", "a bit of the file's identifier is flipped", changed, flip(t, real, "/ID [<")),
		v("shown-date", "the date that a reader's panel shows was changed", changed, replace(t, real, "/CreationDate (D:2026", "/CreationDate (D:2036")),
		v("upper-case-hex", "the signature is written in capitals", oneWay+": its hex has capitals", upper),
		v("padding-digits", "a digit stands in the padding of the signature", "bytes stand behind the signature, inside its place", put(real, end-3, "01")),
		v("padding-spaces", "the padding of the signature is spaces", oneWay, put(real, end-3, "  ")),
		v("no-signature-value", "the signature's value is zeros", oneWay, put(real, gap+1, strings.Repeat("0", 2*seal.Reserve))),
		v("no-contents", "the signature's value is null (universal signature forgery)", "this PDF carries no signature of ours", replace(t, real, " /Contents <", " /Content5 <")),
		v("no-byterange", "the signed range is missing (universal signature forgery)", "this PDF carries no signature of ours", replace(t, real, " /ByteRange [0 ", " /ByteRang3 [0 ")),
		v("byterange-empty", "the signed range is nothing", oneWay+": its range is not the whole file but itself", byteRange(real, "[0 0 0 0]")),
		v("byterange-negative", "the signed range has a negative length", "this PDF carries no signature of ours", byteRange(real, "[0 -1 END LEN]")),
		v("byterange-short", "the signed range leaves out the end of the file", "17 bytes were added after the signature", byteRange(real, "[0 GAP END SHORT]")),
		v("byterange-wide", "the signed range leaves out more than the signature", oneWay+": its range is not the whole file but itself", byteRange(real, "[0 GAP LATE LEN]")),
		v("byterange-shifted", "the signed range begins later", "this PDF carries no signature of ours", byteRange(real, "[1 GAP END LEN]")),
		v("byterange-five", "the signed range has five numbers", "this PDF carries no signature of ours", byteRange(real, "[0 GAP END LEN 0]")),
		v("byterange-huge", "the signed range's numbers are larger than any file", oneWay+": its range is not the whole file but itself", byteRange(real, "[0 9999999999 9999999999 99]")),
		v("wrapped", "the signed end of the file was moved behind bytes that are not signed (signature wrapping)", oneWay+": its range is not the whole file but itself", wrapped(t, real)),
		v("two-byteranges", "a second signed range stands before the real one, in a comment", oneWay+": its range is not the whole file but itself",
			bytes.Replace(bytes.Clone(real), []byte("%\xe2\xe3\xcf\xd3\n"), []byte(fmt.Sprintf("%%/ByteRange [0 1 2 3]%28s /Contents <00>\n", "")), 1)),
		v("contents-of-another", "the signature of another paper of the same stick was put in", changed, put(real, gap+1, string(another[anotherGap+1:anotherEnd-1]))),
	}
}

// byteRange writes another one.
func byteRange(b []byte, form string) []byte {
	m := rangeForm.FindSubmatchIndex(b)
	n := func(i int) int { v, _ := strconv.Atoi(string(b[m[2*i]:m[2*i+1]])); return v }
	s := strings.NewReplacer("GAP", strconv.Itoa(n(1)), "END", strconv.Itoa(n(2)), "LEN", strconv.Itoa(n(3)), "SHORT", strconv.Itoa(n(3)-17), "LATE", strconv.Itoa(n(2)+10)).Replace(form)
	room := m[1] - m[0] - len("/ByteRange ")
	return put(b, m[0]+len("/ByteRange "), fmt.Sprintf("%-*s", room, s)[:room])
}

// wrapped moves what is signed behind the gap further back, says so in the range,
// and has room of its own between.
func wrapped(t testing.TB, b []byte) []byte {
	t.Helper()
	_, end := gapOf(t, b)
	own := "\n/Type /Sig>>\nendobj\n4 0 obj\n<</Length 0>>\nstream\n\nendstream\nendobj\n"
	m := rangeForm.FindSubmatch(b)
	n, _ := strconv.Atoi(string(m[3]))
	out := append(append(bytes.Clone(b[:end]), own...), b[end:]...)
	s := fmt.Sprintf("[0 %s %d %d]", m[1], end+len(own), n)
	at := bytes.Index(out, []byte("/ByteRange ")) + len("/ByteRange ")
	return put(out, at, fmt.Sprintf("%-40s", s))
}

// byteRangeOf writes the range that belongs to a gap.
func byteRangeOf(b []byte, at, from, to int) []byte {
	s := fmt.Sprintf("[0 %d %d %d]", from, to, len(b)-to)
	return put(b, at+len("/ByteRange "), fmt.Sprintf("%-40s", s))
}
