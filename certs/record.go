// Package certs is the permanent record of what was done to a device: the kinds
// of record, the envelope that carries one, and the one function that says what
// a visit's records add up to. Papers, verifier and appliance all ask that
// function; none of them counts for itself.
//
// The package never signs, never touches a device and never draws: those live
// in certs/sign and certs/pdf. It stands on the standard library alone, because
// a record must be readable for as long as the law asks for it.
//
// What a record holds follows NIST SP 800-88 Rev. 2, 4.6 (certificate of
// sanitization). Records are canonical JSON (RFC 8785) in DSSE envelopes.
// Numbers are integers below 2^53 (RFC 8785, 3.2.2.3; RFC 7493, 2.2): there is no
// floating point anywhere. Text that is empty is unknown, and no zero value
// stands for success.
package certs

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"time"
)

// Schema of every Record that this package writes and reads.
const Schema = "handback.record/1"

// Kind of a record.
type Kind string

// The kinds of record of a visit. The payload field has the same name.
const (
	KindIntake      Kind = "INTAKE"
	KindFacts       Kind = "FACTS"
	KindConsent     Kind = "CONSENT"
	KindStarted     Kind = "STARTED"
	KindFinished    Kind = "FINISHED"
	KindRefused     Kind = "REFUSED"
	KindRemoved     Kind = "REMOVED"
	KindTPM         Kind = "TPM"
	KindPlatform    Kind = "PLATFORM"
	KindTested      Kind = "TESTED"
	KindGraded      Kind = "GRADED"
	KindOverruled   Kind = "OVERRULED"
	KindValidated   Kind = "VALIDATED"
	KindControl     Kind = "CONTROL"
	KindCertified   Kind = "CERTIFIED"
	KindTransferred Kind = "TRANSFERRED"
	KindReceived    Kind = "RECEIVED"
	KindCorrected   Kind = "CORRECTED"
)

// Kinds of record, in the order in which a visit comes to them. What follows
// CERTIFIED is the hub's to record.
var Kinds = []Kind{KindIntake, KindFacts, KindConsent, KindStarted, KindFinished, KindRefused, KindRemoved, KindTPM,
	KindPlatform, KindTested, KindGraded, KindOverruled, KindValidated, KindControl, KindCertified, KindTransferred, KindReceived, KindCorrected}

// Record is one step of one visit. Exactly the payload field that Kind names is
// set.
type Record struct {
	Schema string `json:"schema"`
	Kind   Kind   `json:"kind"`
	Visit  string `json:"visit"` // 'S01-000412'
	Seq    int    `json:"seq"`   // 1 for INTAKE, then without a gap
	Prev   string `json:"prev"`  // hex SHA-256 of the envelope before, as bytes; empty for the first
	At     Time   `json:"at"`
	Stick  string `json:"stick"` // 'S01'

	Intake      *Intake      `json:"intake,omitempty"`
	Facts       *Facts       `json:"facts,omitempty"`
	Consent     *Consent     `json:"consent,omitempty"`
	Started     *Started     `json:"started,omitempty"`
	Finished    *Finished    `json:"finished,omitempty"`
	Refused     *Refused     `json:"refused,omitempty"`
	Removed     *Removed     `json:"removed,omitempty"`
	TPM         *TPM         `json:"tpm,omitempty"`
	Platform    *Platform    `json:"platform,omitempty"`
	Tested      *Tested      `json:"tested,omitempty"`
	Graded      *Graded      `json:"graded,omitempty"`
	Overruled   *Overruled   `json:"overruled,omitempty"`
	Validated   *Validated   `json:"validated,omitempty"`
	Control     *Control     `json:"control,omitempty"`
	Certified   *Certified   `json:"certified,omitempty"`
	Transferred *Transferred `json:"transferred,omitempty"`
	Received    *Received    `json:"received,omitempty"`
	Corrected   *Corrected   `json:"corrected,omitempty"`
}

// Clock that a wall time was read from. Both are claims.
const (
	SourceRTC = "rtc" // the machine's own clock
	SourceHub = "hub" // a clock set by the hub
)

// Time of a record: a claim (Wall) and a measurement (Uptime).
type Time struct {
	Wall   string `json:"wall"`   // RFC 3339, UTC, whole seconds
	Source string `json:"source"` // SourceRTC or SourceHub
	Uptime int64  `json:"uptime"` // seconds since power-on, monotonic
}

// At makes the Time of a moment.
func At(wall time.Time, source string, uptime time.Duration) Time {
	return Time{Wall: Stamp(wall), Source: source, Uptime: int64(uptime / time.Second)}
}

// Stamp is how a moment stands in a record: RFC 3339, UTC, whole seconds.
func Stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// payload that r.Kind asks for, nil where it is missing or the kind is unknown.
func (r *Record) payload() any {
	switch r.Kind {
	case KindIntake:
		return r.Intake
	case KindFacts:
		return r.Facts
	case KindConsent:
		return r.Consent
	case KindStarted:
		return r.Started
	case KindFinished:
		return r.Finished
	case KindRefused:
		return r.Refused
	case KindRemoved:
		return r.Removed
	case KindTPM:
		return r.TPM
	case KindPlatform:
		return r.Platform
	case KindTested:
		return r.Tested
	case KindGraded:
		return r.Graded
	case KindOverruled:
		return r.Overruled
	case KindValidated:
		return r.Validated
	case KindControl:
		return r.Control
	case KindCertified:
		return r.Certified
	case KindTransferred:
		return r.Transferred
	case KindReceived:
		return r.Received
	case KindCorrected:
		return r.Corrected
	}
	return nil
}

// payloads counts the payload fields that are set.
func (r *Record) payloads() int {
	n := 0
	v := reflect.ValueOf(*r)
	for i := range v.NumField() {
		if f := v.Field(i); f.Kind() == reflect.Pointer && !f.IsNil() {
			n++
		}
	}
	return n
}

var (
	visitForm = regexp.MustCompile(`^([A-Z0-9]{1,12})-([0-9]{6}|[1-9][0-9]{6,8})$`) // one way to write a number
	stickForm = regexp.MustCompile(`^[A-Z0-9]{1,12}$`)
)

// ValidHash reports whether s is a SHA-256 in lower-case hex.
func ValidHash(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && hex.EncodeToString(b) == s
}

// Validate says what is wrong with the form of a record. It does not judge what
// the record says: a drive's FINISHED that contradicts itself is still a record
// (losing it would be worse), and Summarise never counts it as success.
func (r *Record) Validate() error {
	p := r.payload()
	switch {
	case r.Schema != Schema:
		return fmt.Errorf("record schema is %q, not %q", r.Schema, Schema)
	case p == nil:
		return fmt.Errorf("record kind %q is unknown", r.Kind)
	case reflect.ValueOf(p).IsNil():
		return fmt.Errorf("record %s carries no %s", r.Kind, r.Kind)
	case r.payloads() != 1:
		return fmt.Errorf("record %s carries more than one payload", r.Kind)
	case !visitForm.MatchString(r.Visit):
		return fmt.Errorf("visit %q is not a visit number", r.Visit)
	case !stickForm.MatchString(r.Stick):
		return fmt.Errorf("stick %q is not a stick's name", r.Stick)
	case visitForm.FindStringSubmatch(r.Visit)[1] != r.Stick:
		return fmt.Errorf("visit %s is not one of stick %s", r.Visit, r.Stick)
	case r.Seq < 1:
		return fmt.Errorf("record %s of visit %s has no sequence number", r.Kind, r.Visit)
	case (r.Seq == 1) != (r.Prev == ""), r.Prev != "" && !ValidHash(r.Prev):
		return fmt.Errorf("record %d of visit %s does not name the record before", r.Seq, r.Visit)
	case (r.Seq == 1) != (r.Kind == KindIntake):
		return fmt.Errorf("record %d of visit %s is %s: a visit starts with INTAKE and has one", r.Seq, r.Visit, r.Kind)
	}
	if err := r.At.validate(); err != nil {
		return fmt.Errorf("record %d of visit %s: %w", r.Seq, r.Visit, err)
	}
	if v, ok := p.(interface{ validate() error }); ok {
		if err := v.validate(); err != nil {
			return fmt.Errorf("record %d of visit %s, %s: %w", r.Seq, r.Visit, r.Kind, err)
		}
	}
	if err := checkBounds(reflect.ValueOf(*r), false); err != nil {
		return fmt.Errorf("record %d of visit %s, %s: %w", r.Seq, r.Visit, r.Kind, err)
	}
	return nil
}

func (t Time) validate() error {
	w, err := time.Parse(time.RFC3339, t.Wall)
	switch {
	case err != nil || Stamp(w) != t.Wall:
		return fmt.Errorf("time %q is not RFC 3339 in UTC with whole seconds", t.Wall)
	case t.Source != SourceRTC && t.Source != SourceHub:
		return fmt.Errorf("clock source %q is neither rtc nor hub", t.Source)
	case t.Uptime < 0:
		return errors.New("uptime is negative")
	}
	return nil
}

// ParseRecord reads a record strictly: an unknown field, a second value or a
// wrong form is an error.
func ParseRecord(b []byte) (Record, error) {
	var r Record
	if err := strict(b, &r, maxRecord); err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	if err := r.Validate(); err != nil {
		return Record{}, err
	}
	return r, nil
}

// strict decodes exactly one JSON value of at most some bytes, without unknown
// fields.
func strict(b []byte, v any, most int) error {
	if len(b) > most {
		return fmt.Errorf("%d bytes are too many", len(b))
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than one JSON value")
	}
	return nil
}
