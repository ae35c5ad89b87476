// Package html draws the twin of each paper as a signed web page, for readers whom a
// PDF does not serve: screen readers, small screens, large print. It says what
// certs/paper says, as the PDF does, and follows WCAG 2.2, level AA.
//
// A twin is one file: no script, no address that a browser would fetch, one style
// sheet. The signed records are inside, behind a link that saves them as record.json.
// The last line is a comment with the CMS signature (CAdES B-B, ETSI EN 319 122-1)
// over every byte before that line. The bytes come from the records and the signer's
// certificate alone, and are the same on every machine, so that the verifier can draw
// them again and compare. Every text is escaped, what would move, hide or reverse
// other text too.
package html

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/sign"
)

// LayoutNumber of the pages that this package draws. A change of as much as a byte takes a
// new number once papers are out.
const LayoutNumber = 1

// Name of a twin's file: 'S01-000412-erasure.html'.
func Name(kind paper.Kind, visit string, revision int) string {
	return kind.Stem(visit, revision) + ".html"
}

// Make a twin and sign it.
func Make(kind paper.Kind, envelopes [][]byte, signer *sign.Signer) ([]byte, error) {
	if err := paper.CheckSigner(envelopes, signer); err != nil {
		return nil, err
	}
	page, err := Draw(kind, envelopes, signer.Cert)
	if err != nil {
		return nil, err
	}
	cms, err := seal.SignDetached(signer.Cert, signer, page)
	if err != nil {
		return nil, err
	}
	return append(page, sealLine(cms)...), nil
}

// Draw a twin without its last line, the signature. The verifier calls it, too.
func Draw(kind paper.Kind, envelopes [][]byte, cert *x509.Certificate) ([]byte, error) {
	content, err := paper.Compose(kind, envelopes, cert)
	if err != nil {
		return nil, err
	}
	return draw(content)
}

const (
	doctype   = "<!DOCTYPE html>\n"
	sealOpen  = "<!-- cms "
	sealClose = " -->\n"
	recordURI = "data:application/json;base64,"
)

func sealLine(cms []byte) string {
	return sealOpen + base64.StdEncoding.EncodeToString(cms) + sealClose
}

// Is reports whether a file starts as a twin does.
func Is(b []byte) bool { return bytes.HasPrefix(b, []byte(doctype)) }

// File is a twin as it was read. What it says of itself is a claim until Draw gives
// the same Page.
type File struct {
	Page   []byte // all that is signed
	CMS    []byte
	Kind   paper.Kind
	Layout int
	Record []byte // record.json
}

// maxCMS is far above what a signature with one certificate takes.
const maxCMS = 8 << 10

const (
	layoutOpen = "\n<meta name=\"handback-layout\" content=\""
	recordOpen = "href=\"" + recordURI
)

// between is what stands between the first open and the next quotation mark.
func between(b []byte, open string) (string, bool) {
	_, after, found := bytes.Cut(b, []byte(open))
	value, _, closed := bytes.Cut(after, []byte{'"'})
	return string(value), found && closed
}

// Read the parts of a twin, without judging them.
func Read(b []byte) (File, error) {
	at := bytes.LastIndex(b, []byte("\n"+sealOpen)) + 1
	if !Is(b) || at == 0 || !bytes.HasSuffix(b, []byte(sealClose)) {
		return File{}, errors.New("it is not built the way that our papers are: its last line is no signature")
	}
	line := b[at+len(sealOpen) : len(b)-len(sealClose)]
	if len(line) > base64.StdEncoding.EncodedLen(maxCMS) {
		return File{}, errors.New("the signature is too long")
	}
	f := File{Page: b[:at:at]}
	var err error
	if f.CMS, err = base64.StdEncoding.Strict().DecodeString(string(line)); err != nil || sealLine(f.CMS) != string(b[at:]) {
		return File{}, errors.New("the signature is not written the one way that it is written")
	}
	layout, _ := between(f.Page, layoutOpen)
	kind, number, _ := strings.Cut(layout, "/")
	f.Kind = paper.Kind(kind)
	if f.Layout, err = strconv.Atoi(number); err != nil || f.Layout < 1 || kind == "" {
		return File{}, errors.New("it is none of our papers")
	}
	record, found := between(f.Page, recordOpen)
	if !found {
		return File{}, errors.New("it carries no record.json")
	}
	if f.Record, err = base64.StdEncoding.Strict().DecodeString(record); err != nil {
		return File{}, errors.New("its record.json is not plain base64")
	}
	return f, nil
}
