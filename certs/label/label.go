// Package label draws the sticker that goes on a device when it leaves the bench:
// what device it is, the word on its erasure, its route, and a QR code that leads
// back to the signed records.
//
// A label is no evidence: it is not signed, and whoever must know scans the code
// and looks at the paper. It is drawn from the records alone, and says 'SANITISED'
// only where certs.Summary.Good does; every other word is white on black.
//
// It comes as PDF in the size of the label, for printers that take PDF, and as
// ZPL II (Zebra Technologies, Programming Guide P1099958) for label printers of
// 203 dots per inch (8 a millimetre).
package label

import (
	"errors"
	"fmt"
	"strings"

	"handback.example/certs"
	"handback.example/certs/sign"
)

// Size of a label: width by height in millimetres.
type Size string

// The sizes that are on sale for the usual label printers.
const (
	Small Size = "62x29"
	Large Size = "100x50"
)

// Sizes that a label can have.
var Sizes = []Size{Small, Large}

// Label is what stands on it.
type Label struct {
	Tag    string
	Device string // maker and model
	Serial string
	Word   string // 'SANITISED', or what stands against it
	Good   bool   // Word is that of success
	Level  string // 'Purge' or 'Clear'; empty unless Good
	Route  string // 'REDEPLOY'; empty: not graded
	Visit  string
	Hash   string // SHA-256 of record.json, hex
	Banner string // of keys that are no evidence: 'DEMONSTRATION'
}

// Of the records of a visit, from INTAKE to the last before CERTIFIED.
func Of(envelopes [][]byte, class sign.Class) (Label, error) {
	records, err := certs.Records(envelopes)
	if err != nil {
		return Label{}, fmt.Errorf("label: %w", err)
	}
	if len(records) == 0 || records[0].Intake == nil {
		return Label{}, errors.New("label: the records do not begin with INTAKE")
	}
	s := certs.Summarise(records)
	l := Label{Tag: s.Intake.Tag, Visit: s.Visit, Hash: certs.HashEnvelope(certs.JoinEnvelopes(envelopes)), Route: strings.ToUpper(s.Route), Good: s.Good()}
	if s.Facts != nil {
		m := s.Facts.Machine
		l.Device, l.Serial = strings.TrimSpace(m.Maker+" "+m.Model), m.Serial
	}
	if l.Word = word(s); l.Good {
		l.Level = map[certs.Level]string{certs.LevelPurge: "Purge", certs.LevelClear: "Clear"}[s.Level]
	}
	if class != sign.Production {
		l.Banner = strings.ToUpper(string(class))
	}
	return l, nil
}

// word on the erasure of the whole device.
func word(s certs.Summary) string {
	switch {
	case s.Good():
		return "SANITISED"
	case s.Verdict == certs.Sanitised && s.TPMResult == certs.TPMNotCleared:
		return "TPM NOT CLEARED"
	case s.Verdict == certs.Sanitised:
		return "TPM UNKNOWN"
	}
	if w, ok := words[s.Verdict]; ok {
		return w
	}
	return "UNKNOWN"
}

var words = map[certs.Verdict]string{certs.Failed: "FAILED", certs.Interrupted: "INTERRUPTED", certs.Unverified: "UNVERIFIED",
	certs.BelowLevel: "BELOW LEVEL", certs.RefusedVerdict: "NOT ERASED", certs.NoMedia: "NO DRIVE"}

// code is the text of the QR code.
func (l Label) code() string { return l.Visit + " " + l.Hash }

// line is one line of text on the label, in millimetres.
type line struct {
	x, y, w, h float64 // box: upper left corner, width, height
	text       string
	bold, bar  bool // bar: white on black, over the whole box
}

// layout gives the lines, and the place and side of the QR code, in millimetres.
// Both kinds of output draw the same.
func (l Label) layout(size Size) (lines []line, qr [3]float64, err error) {
	w, h, err := size.millimetres()
	if err != nil {
		return nil, qr, err
	}
	u := h / 29 // the small label is the measure
	side := 20.5 * u
	qr = [3]float64{w - side - 1.5*u, 2.2 * u, side}
	tw := qr[0] - 3.5*u
	at := func(y, h float64, s string, bold, bar bool) {
		lines = append(lines, line{1.5 * u, y * u, tw, h * u, clean(s), bold, bar})
	}
	at(1.4, 3.6, l.Tag, true, false)
	at(5.4, 6.6, l.Word, true, !l.Good)
	if l.Level == "" {
		at(12.8, 5.6, l.Route, true, false)
	} else {
		at(12.3, 2.5, "level "+l.Level, false, false)
		at(15, 3.9, l.Route, true, false)
	}
	at(19.3, 2.5, l.Device, false, false)
	at(21.9, 2.5, serial(l.Serial), false, false)
	at(24.6, 2.7, l.Visit, true, false)
	lines = append(lines, line{qr[0], 23.4 * u, side, 2 * u, grouped(l.Hash), false, false})
	if l.Banner != "" {
		lines = append(lines, line{qr[0] - 1*u, 25.9 * u, side + 2*u, 2.4 * u, clean(l.Banner), true, true})
	}
	return lines, qr, nil
}

func serial(s string) string {
	if s == "" {
		return ""
	}
	return "serial " + s
}

// grouped gives the first digits of a hash as the screen and the papers show them.
func grouped(hash string) string {
	if len(hash) < 16 {
		return hash
	}
	return hash[:4] + " " + hash[4:8] + " " + hash[8:12] + " " + hash[12:16]
}

func (s Size) millimetres() (w, h float64, err error) {
	switch s {
	case Small:
		return 62, 29, nil
	case Large:
		return 100, 50, nil
	}
	return 0, 0, fmt.Errorf("label size %q is unknown: it must be one of %v", string(s), Sizes)
}

// textMost is the longest text that a line takes, in characters; longer ones are
// cut, and end in '...'.
const textMost = 40

// clean leaves printable ASCII, which every printer has; the rest stands as an
// escape. What a device or a person wrote can't be a command.
func clean(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u{%04X}`, r)
		}
	}
	if t := b.String(); len(t) > textMost {
		return t[:textMost-3] + "..."
	}
	return b.String()
}
