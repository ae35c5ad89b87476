// Package verify says whether a paper is genuine: sealed whole by a stick that a
// given root vouches for, with records inside that are signed, complete and in
// order, and with pages that say what those records say and nothing else.
//
// It trusts nothing but the roots that it is given, needs no network, reads no
// file and links no device code. It is stricter than a PDF reader: the whole file
// is drawn again from its records and compared (see certs/internal/seal), so that
// an appended revision, a swapped attachment or a second signature has no place
// to hide. It cannot say whether a record is true: only who sealed it.
package verify

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"handback.example/certs"
	"handback.example/certs/internal/seal"
	"handback.example/certs/paper"
	"handback.example/certs/pdf"
	"handback.example/certs/sign"
)

// Verdict on a file. The zero Verdict is none.
type Verdict string

const (
	Genuine    Verdict = "genuine"
	NotGenuine Verdict = "not-genuine"
	Unchecked  Verdict = "unchecked"
)

// Options of a check.
type Options struct {
	Practice         bool // papers of the practice class are accepted
	RequireSanitised bool // a paper that records anything else counts as failing
}

// Result of checking one file.
type Result struct {
	File     string  `json:"file"`
	Verdict  Verdict `json:"verdict"`
	Sentence string  `json:"sentence"`
	SHA256   string  `json:"sha256,omitempty"` // of the file
	// What follows is known only where the file could be read as a paper. It may
	// be believed only where Verdict is Genuine.
	Paper     string `json:"paper,omitempty"` // erasure, disposal, hold
	Visit     string `json:"visit,omitempty"`
	Stick     string `json:"stick,omitempty"`
	Class     string `json:"class,omitempty"`
	Records   int    `json:"records,omitempty"`
	Sanitised string `json:"recorded,omitempty"` // the verdict that the records add up to
	Level     string `json:"level,omitempty"`
	Time      string `json:"time,omitempty"` // claimed, not proven
	// Missed is what --require asked for and the paper does not record.
	Missed string `json:"missed,omitempty"`
}

// Bad reports whether the file counts as failing: exit code 1.
func (r Result) Bad() bool { return r.Verdict == NotGenuine || r.Missed != "" }

// refused is why a file is not genuine, in words for a reader.
func (r Result) refused(format string, a ...any) Result {
	r.Verdict, r.Sentence = NotGenuine, "Not genuine: "+fmt.Sprintf(format, a...)+"."
	return r
}

// File checks one paper. Without roots nothing is called genuine.
func File(b []byte, roots []*x509.Certificate, o Options) Result {
	sum := sha256.Sum256(b)
	r := Result{SHA256: hex.EncodeToString(sum[:])}
	cert, err := seal.ReadSignature(b)
	if err != nil {
		return r.refused("%v", err)
	}
	f, err := seal.ReadObjects(b)
	if err != nil {
		return r.refused("it is not built the way that our papers are: %v", err)
	}
	kind, err := kindOf(f)
	if err != nil {
		return r.refused("%v", err)
	}
	r.Paper = string(kind)
	envelopes, records, err := readRecords(f, cert)
	if err != nil {
		return r.refused("%v", err)
	}
	s := certs.Summarise(records)
	r.Visit, r.Stick, r.Records, r.Time = s.Visit, s.Stick, len(records), s.Last.Wall
	r.Sanitised, r.Level = string(s.Verdict), string(s.Level)
	if err := samePage(f, kind, envelopes, cert); err != nil {
		return r.refused("%v", err)
	}
	return r.trusted(cert, roots, s, o)
}

// kindOf reads which paper the file says that it is. What it says is checked
// when the paper is drawn again.
func kindOf(f seal.File) (paper.Kind, error) {
	for _, o := range f.Objects {
		if !strings.HasPrefix(o.Dict, "/Title ") {
			continue
		}
		for _, k := range paper.Kinds {
			if strings.Contains(o.Dict, " /Subject ("+pdf.Subject(k)+") ") {
				return k, nil
			}
		}
	}
	return "", errors.New("it is none of our papers")
}

func readRecords(f seal.File, cert *x509.Certificate) ([][]byte, []certs.Record, error) {
	raw, err := f.Attachment()
	if err != nil {
		return nil, nil, err
	}
	envelopes, err := certs.SplitEnvelopes(raw)
	if err != nil {
		return nil, nil, err
	}
	records, by, err := sign.Verify(envelopes)
	if err == nil && !by[len(by)-1].Equal(cert) {
		err = fmt.Errorf("its last record is not signed by %q, who sealed it", cert.Subject.CommonName)
	}
	return envelopes, records, err
}

// samePage draws the paper again from the records and compares all of it.
func samePage(f seal.File, kind paper.Kind, envelopes [][]byte, cert *x509.Certificate) error {
	want, err := pdf.Layout(kind, envelopes, cert)
	if err != nil {
		return err
	}
	err = want.Match(f)
	var d *seal.Difference
	if errors.As(err, &d) {
		return errors.New("its pages do not say what its records say")
	}
	if err != nil {
		return fmt.Errorf("it is not what its records give: %w", err)
	}
	return nil
}

// trusted judges the key, now that the file is known to be whole and consistent.
func (r Result) trusted(cert *x509.Certificate, roots []*x509.Certificate, s certs.Summary, o Options) Result {
	class, err := sign.ClassOf(cert)
	if err != nil {
		return r.refused("%v", err)
	}
	r.Class = string(class)
	if class == sign.Unenrolled {
		r.Verdict, r.Sentence = Unchecked, "Not enrolled: this paper was made without a hub's key; nothing vouches for what it says."
		return r.required(s, o)
	}
	if len(roots) == 0 {
		r.Verdict, r.Sentence = Unchecked, "Unchecked: without a root nobody vouches for stick "+s.Stick+"; name the hub's root certificate with --root."
		return r.required(s, o)
	}
	at, err := time.Parse(time.RFC3339, s.Last.Wall)
	if err != nil {
		return r.refused("%v", err)
	}
	for _, root := range roots {
		if _, err = sign.CheckStick(root, cert, at); err == nil {
			break
		}
	}
	if err != nil {
		return r.refused("%v", err)
	}
	if class == sign.Practice && !o.Practice {
		return r.refused("it is a practice paper: nothing real was erased (--practice accepts it)")
	}
	r.Verdict, r.Sentence = Genuine, genuineSentence(r, s, class)
	return r.required(s, o)
}

// required applies --require sanitised: to every paper that is not refused anyway.
func (r Result) required(s certs.Summary, o Options) Result {
	if o.RequireSanitised && s.Verdict != certs.Sanitised {
		r.Missed = "sanitised"
		r.Sentence += " Required: sanitised."
	}
	return r
}

func genuineSentence(r Result, s certs.Summary, class sign.Class) string {
	word := "Genuine"
	if class != sign.Production {
		word += " (" + string(class) + " key)"
	}
	n := len(s.Media)
	drives := fmt.Sprintf("%d drives", n)
	if n == 1 {
		drives = "1 drive"
	}
	tail := fmt.Sprintf("visit %s, sealed by stick %s, claimed time %s, not proven", s.Visit, s.Stick, s.Last.Wall)
	switch s.Verdict {
	case certs.Sanitised:
		word += fmt.Sprintf(": %s sanitised (%s)", drives, s.Level)
		if !s.Good() {
			word += ", TPM " + s.TPMResult
		}
	case certs.NoMedia:
		word += ", and it records that no drive was found"
	case certs.BelowLevel:
		word += fmt.Sprintf(", and it records a level below the one wanted: %s sanitised (%s)", drives, s.Level)
	default:
		word += fmt.Sprintf(", and it records a failure: %s, %d of %s sanitised", s.Verdict, s.Sanitised, drives)
	}
	if r.Paper == string(paper.Hold) {
		word += "; the device is on HOLD"
	}
	return word + "; " + tail + "."
}
