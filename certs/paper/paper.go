// Package paper says what stands on a visit's papers (the erasure certificate, the
// disposal certificate and the notice of HOLD), before anybody draws them: titles,
// sentences, figures, in the order in which they are read. The PDF and its HTML twin
// draw the same Content, so that neither can say what the other does not.
//
// Everything comes from the records and from the certificate of the stick that sealed
// them: the package reads no clock, no setting and no device, and decides nothing;
// what the records add up to is certs.Summarise's word. Numbers are integers.
//
// What the erasure certificate holds follows NIST SP 800-88 Rev. 2, 4.6.
package paper

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"image/png"
	"reflect"
	"strconv"
	"time"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// Kind of a paper.
type Kind string

const (
	Erasure  Kind = "erasure"
	Disposal Kind = "disposal"
	Hold     Kind = "hold"
)

// Kinds of paper, in the order in which a reader should look at them.
var Kinds = []Kind{Erasure, Disposal, Hold}

// Stem of the names of a paper's files: 'S01-000412-erasure', and of the second
// revision 'S01-000412-erasure-2'.
func (k Kind) Stem(visit string, revision int) string {
	s := visit + "-" + string(k)
	if revision > 1 {
		s += "-" + strconv.Itoa(revision)
	}
	return s
}

// Content of a paper.
type Content struct {
	Kind     Kind
	Visit    string
	Revision int // from 1
	Title    string
	Under    string // what stands under the title
	Banner   string // of papers that are no evidence, on every page; empty on those that are
	Alarm    bool   // the whole paper is marked: something went wrong or is held
	Head     Head
	Verdict  Verdict
	Sections []Section
	Seal     Seal
	Annex    []Section // what the sections rest on; it stands after the seal

	At     time.Time // claimed, of the last record
	Record []byte    // record.json
	Cert   *x509.Certificate
	Class  sign.Class
}

// Head of the first page.
type Head struct {
	Organisation string
	Address      []string
	Contact      string
	Logo         []byte // a PNG that can be drawn, at most 600 by 200 pixels; nil: none
	Date         string
}

// Mark is the shape beside a verdict: it says by form what the word says.
type Mark uint8

const (
	Warning  Mark = iota // an exclamation mark; the zero Mark is no success
	Tick                 // sanitised
	Cross                // failed
	Broken               // two bars: interrupted
	Question             // unverified
	Barred               // a bar: refused, nothing was done
	Empty                // an empty frame: no drive
	Arrow                // a route
	Stop                 // an octagon: HOLD
)

// Bad reports whether the mark is that of something that went wrong.
func (m Mark) Bad() bool { return m != Tick && m != Arrow }

// Verdict is what stands in the largest letters.
type Verdict struct {
	Mark     Mark
	Word     string
	Badge    string // a second word, of the paper's state: 'OPEN'; empty: none
	Sentence string
	Tally    []Tally // what the drives came to, where they did not all come to the same
	More     []string
}

// Tally counts drives that came to the same.
type Tally struct {
	Mark  Mark
	Words string // '7 sanitised'
}

// Bad reports whether the verdict stands in the form of what went wrong.
func (v Verdict) Bad() bool { return v.Mark.Bad() }

// Section of a paper.
type Section struct {
	ID     string // stable, a word: 'device'
	Title  string
	Blocks []Block
}

// Block of a section: a Text, List, Grid, Table or Drive.
type Block interface{ block() }

// Text is a paragraph.
type Text struct {
	Words  string
	Strong bool
}

// List of sentences.
type List struct {
	Items    []string
	Numbered bool
}

// Grid of labelled values, in columns that stand side by side where there is room.
type Grid struct{ Columns [][]Pair }

// Table with a head; every row has as many cells as the head. A cell may have
// several lines. What follows the rows is for a drawing of fixed width, and may be
// nil or, of Marks, shorter than the rows.
type Table struct {
	Caption string
	Head    []string
	Rows    [][]string
	Marks   []Mark // one a row: it stands before the row's first cell
	Shares  []int  // of the width, one a column; nil: all the same
	Forms   []Form // one a column; nil: all plain
	Dense   bool   // rows close together: what is looked up, not read
}

// Drive is all about one drive.
type Drive struct {
	Name    string // 'Drive A'
	Model   string
	Word    string // its verdict in capitals
	Mark    Mark
	Good    bool
	Columns [][]Pair
	Wide    []Pair // what takes the whole width
}

func (Text) block()  {}
func (List) block()  {}
func (Grid) block()  {}
func (Table) block() {}
func (Drive) block() {}

// Pair is a label and its value.
type Pair struct {
	Label string
	Value string
	Form  Form
}

// Form of a value.
type Form uint8

const (
	Plain  Form = iota
	Strong      // to be read first
	Small
	Code  // to be compared sign by sign: a serial
	Fine  // a hash
	Blank // to be filled in by hand: a ruled line, or a ruled line after the value
)

// Seal is what the seal proves and what not.
type Seal struct {
	Title string
	Lines []string
	Root  string // the root's key, in groups
	Hash  string // SHA-256 of record.json, hex: what the QR code holds
}

// Groups of the hash, which two people can compare aloud.
func (s Seal) Groups() string { return grouped(s.Hash, 16) }

// FullTitle names the visit too.
func (c *Content) FullTitle() string { return c.Title + " " + c.Visit }

// facts are all that a paper may say anything from.
type facts struct {
	certs.Summary
	class sign.Class
	when  map[certs.Kind]certs.Time // of the last record of each kind
}

// Compose says what stands on a paper of the visit. An error says why the visit has
// no such paper.
func Compose(kind Kind, envelopes [][]byte, cert *x509.Certificate) (*Content, error) {
	records, err := certs.Records(envelopes)
	if err != nil {
		return nil, err
	}
	if len(records) == 0 || records[0].Kind != certs.KindIntake {
		return nil, errors.New("a paper needs the records of a visit from INTAKE on")
	}
	if records[len(records)-1].Kind == certs.KindCertified {
		return nil, errors.New("record.json ends before CERTIFIED, which names the paper")
	}
	oneLine(reflect.ValueOf(records))
	class, err := sign.ClassOf(cert)
	if err != nil {
		return nil, err
	}
	f := &facts{Summary: certs.Summarise(records), class: class, when: map[certs.Kind]certs.Time{}}
	for _, r := range records {
		f.when[r.Kind] = r.At
	}
	at, err := time.Parse(time.RFC3339, f.Last.Wall)
	if err != nil {
		return nil, err
	}
	c := &Content{Kind: kind, Visit: f.Visit, Revision: f.Revision, Banner: banner(class), Head: head(f), At: at,
		Record: certs.JoinEnvelopes(envelopes), Cert: cert, Class: class}
	switch kind {
	case Erasure:
		composeErasure(c, f)
	case Disposal:
		err = composeDisposal(c, f)
	case Hold:
		err = composeHold(c, f)
	default:
		err = fmt.Errorf("paper %q is unknown", kind)
	}
	if err != nil {
		return nil, err
	}
	c.annexCourse(records)
	c.Under += " Visit " + f.Visit + "."
	if f.Revision > 1 {
		c.Under += fmt.Sprintf(" Revision %d.", f.Revision)
	}
	c.Seal = sealOf(c, f)
	return c, nil
}

func (c *Content) add(id, title string, blocks ...Block) {
	c.Sections = append(c.Sections, Section{id, title, blocks})
}

func (c *Content) annex(id, title string, blocks ...Block) {
	c.Annex = append(c.Annex, Section{id, title, blocks})
}

// head is the letterhead on record. A logo that can't be had leaves its place empty:
// a paper is never held up by one.
func head(f *facts) Head {
	l := f.Intake.Letterhead
	h := Head{Organisation: l.Organisation, Address: l.Address, Contact: l.Contact, Date: day(f.Last.Wall)}
	if h.Organisation == "" {
		h.Organisation = f.Intake.Organisation
	}
	if h.Organisation == "" {
		h.Organisation = "Handback"
	}
	h.Logo = logo(l)
	return h
}

// logo that can be drawn, and nil for every other: the header that the record vouches
// for bounds what is decoded here.
func logo(l certs.Letterhead) []byte {
	b, err := l.LogoBytes()
	if err != nil {
		return nil
	}
	if _, err := png.Decode(bytes.NewReader(b)); err != nil {
		return nil
	}
	return b
}

// banner stands on every page of papers that are no evidence.
func banner(c sign.Class) string {
	switch c {
	case sign.Production:
		return ""
	case sign.Demonstrating:
		return "DEMONSTRATION - made with a demonstration key: no evidence about any real device"
	case sign.Practice:
		return "PRACTICE - simulated drives: nothing real was erased"
	}
	return "NOT ENROLLED - made without a hub's key: proves nothing"
}

// sealOf claims no more than a signature can.
func sealOf(c *Content, f *facts) Seal {
	boot := "Secure Boot: unknown."
	if f.Facts != nil {
		switch f.Facts.Machine.SecureBoot {
		case certs.On:
			boot = "Secure Boot on: covers the kernel, not the initramfs."
		case certs.Off:
			boot = "Secure Boot off: nothing vouches for the software that ran."
		}
	}
	vouch := "Check it with handback-verify and the hub's root certificate; any change, even of one bit, shows."
	if f.class == sign.Unenrolled {
		vouch = "The key was made for this one visit and nobody vouches for it: this paper proves nothing."
	}
	return Seal{
		Title: "What this seal proves, and what not",
		Lines: []string{
			fmt.Sprintf("Sealed by %s. Operator as entered, not authenticated. Image hash self-reported. %s Tool independently evaluated: no. Validation: %s",
				sealer(c.Cert), boot, validationWords(f)),
			"The signed records are inside this file as record.json, and every figure on these pages is drawn from them; the QR code holds their SHA-256. " + vouch,
			"Times are the claim of the clock that is named beside them (rtc: the machine's own; hub: set by the hub); no time stamp vouches for them.",
		},
		Root: grouped(fmt.Sprintf("%x", c.Cert.AuthorityKeyId), 16),
		Hash: certs.HashEnvelope(c.Record),
	}
}

// sealer names the key that seals a paper.
func sealer(cert *x509.Certificate) string {
	role, name, err := sign.Holder(cert)
	if err != nil {
		return "a key that names neither stick nor hub"
	}
	return string(role) + " " + name
}
