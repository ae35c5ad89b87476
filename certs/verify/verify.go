// Package verify says whether a file is genuine: a paper sealed whole, or a visit's
// records, by keys that a given root vouches for; with records that are signed,
// complete and in order; and with pages that say what those records say and nothing
// else.
//
// It trusts nothing but the roots and the revocation lists that it is given, needs no
// network, reads no file and links no device code. It is stricter than a PDF reader:
// the whole file is drawn again from its records and compared (see
// certs/internal/seal), so that an appended revision, a swapped attachment or a
// second signature has no place to hide. It cannot say whether a record is true:
// only who sealed it. Times are claims: see the sentences.
package verify

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// Verdict on a file. The zero Verdict is none.
type Verdict string

const (
	Genuine    Verdict = "genuine"
	NotGenuine Verdict = "not-genuine"
	Unchecked  Verdict = "unchecked"
)

// Checker judges files.
type Checker struct {
	// Trust is what keys are judged by; where it is nil, nothing is called genuine,
	// and WhyNoTrust says why there is none ('no root was given').
	Trust      *sign.Trust
	WhyNoTrust string
	// Lists says that Trust holds a revocation list: where there is none, what is
	// not known for that reason is not said once more for each file.
	Lists bool
	Options

	large sync.Mutex // one file of many records at a time: what they take adds up
}

// largeRecords is far above the records of a machine of many drives.
const largeRecords = 512 << 10

// alone until what it gives is called, where a file's records are many.
func (c *Checker) alone(bytes int) (done func()) {
	if bytes <= largeRecords {
		return func() {}
	}
	c.large.Lock()
	return c.large.Unlock
}

// Options of a check.
type Options struct {
	Practice         bool // papers of the practice class are accepted
	RequireSanitised bool // a file that records anything else counts as failing
}

// Result of checking one file, or the records of one visit.
type Result struct {
	File     string  `json:"file"`
	Verdict  Verdict `json:"verdict"`
	Sentence string  `json:"sentence"`
	SHA256   string  `json:"sha256,omitempty"` // of the file
	// What follows is known only where the file could be read as ours. It may be
	// believed only where Verdict is Genuine.
	Form      Form   `json:"form,omitempty"`
	Paper     string `json:"paper,omitempty"` // erasure, disposal, hold
	Revision  int    `json:"revision,omitempty"`
	Visit     string `json:"visit,omitempty"`
	Stick     string `json:"stick,omitempty"`
	Class     string `json:"class,omitempty"`
	Records   int    `json:"records,omitempty"`
	Sanitised string `json:"recorded,omitempty"` // the verdict that the records add up to
	Level     string `json:"level,omitempty"`
	Time      string `json:"time,omitempty"` // claimed, not proven
	// Missed is what was required and the file does not record.
	Missed string `json:"missed,omitempty"`
	// Unknown is what could not be learnt about the keys, a sentence each.
	Unknown []string `json:"unknown,omitempty"`

	seen *seen // what Reconcile compares with other files
}

// Bad reports whether the file counts as failing: exit code 1.
func (r Result) Bad() bool { return r.Verdict == NotGenuine || r.Missed != "" }

// Refused is the Result of a file that is not genuine, in words for a reader.
func Refused(file, format string, a ...any) Result { return Result{File: file}.refused(format, a...) }

func (r Result) refused(format string, a ...any) Result {
	r.seen = nil // it contradicts nobody
	r.Verdict, r.Sentence = NotGenuine, "Not genuine: "+fmt.Sprintf(format, a...)+"."
	return r
}

// Unread is the Result of a file that could not be judged.
func Unread(file, format string, a ...any) Result { return Result{File: file}.unchecked(format, a...) }

func (r Result) unchecked(format string, a ...any) Result {
	r.Verdict, r.Sentence = Unchecked, "Unchecked: "+fmt.Sprintf(format, a...)+"."
	return r
}

// Form of a file of ours.
type Form string

const (
	FormPDF     Form = "pdf"
	FormHTML    Form = "html"    // the twin of a PDF
	FormRecords Form = "records" // of one visit
)

// File checks one file by its content. Its name counts only where it has the form
// of our papers' names: then it must be this paper's.
func (c *Checker) File(name string, b []byte) Result {
	sum := sha256.Sum256(b)
	r := Result{File: name, SHA256: hex.EncodeToString(sum[:]), Form: FormOf(b)}
	switch r.Form {
	case FormPDF, FormHTML:
		return c.paper(r, b)
	case FormRecords:
		defer c.alone(len(b))()
		envelopes, err := Envelopes(b)
		if err != nil {
			return r.refused("%v", err)
		}
		return c.records(r, envelopes)
	}
	return r.refused("it is none of our files: neither a PDF, nor the twin of one, nor a record")
}

// File checks one file by its content under given roots, without a revocation list.
// Without roots nothing is called genuine.
func File(b []byte, roots []*x509.Certificate, o Options) Result {
	c := Checker{Options: o, WhyNoTrust: "no root was given"}
	if len(roots) > 0 {
		t, err := sign.NewTrust(roots, nil, time.Now())
		if err != nil {
			return Refused("", "%v", err)
		}
		c.Trust = t
	}
	return c.File("", b)
}

// Visit checks the records of one visit that lie in files of their own: name is for
// people.
func (c *Checker) Visit(name string, envelopes [][]byte) Result {
	n := 0
	for _, e := range envelopes {
		n += len(e)
	}
	defer c.alone(n)()
	return c.records(Result{File: name, Form: FormRecords}, envelopes)
}

// keep what the records say of themselves.
func (r Result) keep(records []certs.Record, s certs.Summary) Result {
	r.Visit, r.Stick, r.Records, r.Time = s.Visit, s.Stick, len(records), s.Last.Wall
	r.Sanitised, r.Level = string(s.Verdict), string(s.Level)
	return r
}
