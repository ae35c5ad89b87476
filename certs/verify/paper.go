package verify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"handback.example/certs"
	"handback.example/certs/html"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// sealed is a paper whose signature is good and covers all of it: what it says of
// itself, and how it is drawn again.
type sealed struct {
	cert   *x509.Certificate // whose key sealed it
	kind   paper.Kind
	layout int
	newest int // layout that this program knows for papers of its form
	record []byte
	// same draws the paper again from its records and compares all of it.
	same func(envelopes [][]byte) error
}

var errAnotherPage = errors.New("its pages do not say what its records say")

// paper checks a PDF or its twin.
func (c *Checker) paper(r Result, b []byte) Result {
	open := openPDF
	if r.Form == FormHTML {
		open = openHTML
	}
	p, err := open(b)
	if err != nil {
		return r.refused("%v", err)
	}
	defer c.alone(len(p.record))()
	r.Paper = string(p.kind)
	newer := p.layout > p.newest
	envelopes, records, by, err := readRecords(p.record)
	switch {
	case err != nil && newer: // its records may be of a kind that came later, too
		return c.newer(r, p)
	case err != nil:
		return r.refused("%v", err)
	}
	s := certs.Summarise(records)
	r = r.keep(records, s)
	r.Revision = s.Revision
	if !p.cert.Equal(by[len(by)-1]) {
		return r.refused("it is sealed by %q, and its last record is signed by %q", p.cert.Subject.CommonName, by[len(by)-1].Subject.CommonName)
	}
	// The keys come first: a stranger's file is not worth the drawing.
	judged := r
	judged.seen = look(envelopes, records, by, s)
	judged.seen.kind = p.kind
	judged = c.trusted(judged, records, by, s)
	switch {
	case judged.Verdict == NotGenuine:
		return judged
	case newer:
		return c.newer(r, p)
	}
	if err := p.same(envelopes); err != nil {
		return r.refused("%v", err)
	}
	if err := misnamed(r.File, p.kind, s); err != nil {
		return r.refused("%v", err)
	}
	return judged
}

// newer says that a paper can't be drawn again.
func (c *Checker) newer(r Result, p sealed) Result {
	return r.unchecked("drawn by layout %d, newer than this verifier knows (%d): get a newer handback-verify", p.layout, p.newest)
}

func readRecords(b []byte) (envelopes [][]byte, records []certs.Record, by []*x509.Certificate, err error) {
	if envelopes, err = certs.SplitEnvelopes(b); err != nil {
		return nil, nil, nil, err
	}
	records, by, err = sign.Verify(envelopes)
	return envelopes, records, by, err
}

func openPDF(b []byte) (p sealed, err error) {
	if p.cert, err = seal.ReadSignature(b); err != nil {
		return p, err
	}
	f, err := seal.ReadObjects(b)
	if err != nil {
		return p, fmt.Errorf("it is not built the way that our papers are: %w", err)
	}
	if p.kind, p.layout, err = kindOf(f); err != nil {
		return p, err
	}
	p.newest = pdf.LayoutNumber
	if p.record, err = f.Attachment(); err != nil {
		return p, err
	}
	p.same = func(envelopes [][]byte) error {
		want, err := pdf.Layout(p.kind, envelopes, p.cert)
		if err != nil {
			return err
		}
		var d *seal.Difference
		if err = want.Match(f); errors.As(err, &d) {
			return errAnotherPage
		}
		if err != nil {
			return fmt.Errorf("it is not what its records give: %w", err)
		}
		return nil
	}
	return p, nil
}

// subjectForm is how a PDF says which paper it is and which layout drew it. What it
// says is checked when the paper is drawn again.
var subjectForm = regexp.MustCompile(`^/Title .* /Subject \(([a-z]{1,16})/([1-9][0-9]{0,5})\) `)

func kindOf(f seal.File) (paper.Kind, int, error) {
	for _, o := range f.Objects {
		m := subjectForm.FindStringSubmatch(o.Dict)
		if m == nil {
			continue
		}
		n, err := strconv.Atoi(m[2])
		if err == nil && (slices.Contains(paper.Kinds, paper.Kind(m[1])) || n > pdf.LayoutNumber) {
			return paper.Kind(m[1]), n, nil
		}
	}
	return "", 0, errors.New("it is none of our papers")
}

func openHTML(b []byte) (p sealed, err error) {
	f, err := html.Read(b)
	if err != nil {
		return p, err
	}
	if p.cert, err = seal.OpenDetached(f.CMS, f.Page); err != nil {
		return p, err
	}
	p.kind, p.layout, p.newest, p.record = f.Kind, f.Layout, html.LayoutNumber, f.Record
	p.same = func(envelopes [][]byte) error {
		want, err := html.Draw(p.kind, envelopes, p.cert)
		if err != nil {
			return err
		}
		if !slices.Equal(want, f.Page) {
			return errAnotherPage
		}
		return nil
	}
	return p, nil
}

// paperForm is the form of our papers' names, in capitals too: not every computer tells
// them apart.
var paperForm = regexp.MustCompile(`(?i)^([A-Z0-9]{1,12}-[0-9]{6,9}-[a-z]+(-[0-9]+)?)\.(pdf|html)$`)

// misnamed says whether a paper lies under the name of another one of ours: that of
// one device, shown for another.
func misnamed(file string, kind paper.Kind, s certs.Summary) error {
	name := path.Base(strings.ReplaceAll(file, `\`, "/"))
	own := kind.Stem(s.Visit, s.Revision)
	m := paperForm.FindStringSubmatch(name)
	if m == nil || strings.EqualFold(m[1], own) {
		return nil
	}
	return fmt.Errorf("it is %s, under the name of another paper", own)
}
