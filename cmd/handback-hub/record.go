package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"

	"handback.example/certs"
	"handback.example/cmd/internal/bounded"
)

const visitUsage = `
--data DIR              the hub's folder
--visit PATH            a stick's folder (spool/, certificates/), a folder of records, or
                        a record.json; new records and papers land beside the old ones
--number S01-000412     which visit, where PATH holds several
--passphrase-file FILE  of the hub's keys, where they are locked
--by ID                 %s

Every record is checked under the hub's root first. Nothing that is there is replaced:
the new paper names the ones that it replaces.
`

var validatedUsage = `usage: handback-hub validated --data DIR --visit PATH --by ID --decision accepted|rejected
           [--name NAME] [--title TITLE] [--why TEXT]

Records the decision on a visit's result (NIST SP 800-88 Rev. 2, 4.5.2), and makes its
papers anew. What was not sanitised can't be accepted.

--name, --title  of who decides, where they are to stand on the papers
--why TEXT       the reason; a rejection needs one
` + fmt.Sprintf(visitUsage, "who decides, as an operator ID")

var transferredUsage = `usage: handback-hub transferred --data DIR --visit PATH --by ID [--to NAME] [--how TEXT]
           [--carrier NAME] [--place TEXT] [--seal NUMBER] [--grams N] [--details FILE]

Records to whom a device was given, and makes its disposal certificate anew.

--to NAME        without it, the partner that was named when the machine was graded
--details FILE   addresses, permits, registrations and waste: JSON with the record's own
                 names, as certs/schema has them for TRANSFERRED; options go before it
` + fmt.Sprintf(visitUsage, "who gave it away, as an operator ID")

var receivedUsage = `usage: handback-hub received --data DIR --visit PATH --by NAME [--party NAME] [--place TEXT]
           [--seal NUMBER] [--grams N] [--outcome KIND=GRAMS ...] [--declared TEXT] [--details FILE]

Records that a device arrived and what becomes of it, as the receiver says; its disposal
certificate is CLOSED then.

--party NAME     the receiver; without it, the one that it was given to
--outcome        reused=1450, refurbished=, recycled=, recovered=, landfilled=0; say
                 landfilled=0 only where the receiver declared it
--declared TEXT  the receiver's declaration, word for word
--details FILE   JSON with the record's own names, as for RECEIVED; options go before it
` + fmt.Sprintf(visitUsage, "who signed for it")

var correctedUsage = `usage: handback-hub corrected --data DIR --visit PATH --by ID --field NAME --is TEXT --why TEXT

Records that something was entered wrongly, and makes the visit's papers anew: they show
what is right beside what it was. A fact, a verdict or a grade is never corrected.

--field NAME  tag, source, dial, place, organisation, seal, operator
` + fmt.Sprintf(visitUsage, "who corrects it, as an operator ID")

// request is what the commands have in common.
type request struct {
	data, path, number, by string
	pass                   passphrase
}

func (q *request) flags(f *flag.FlagSet) {
	f.StringVar(&q.data, "data", "", "")
	f.StringVar(&q.path, "visit", "", "")
	f.StringVar(&q.number, "number", "", "")
	f.StringVar(&q.by, "by", "", "")
	f.StringVar(&q.pass.file, "passphrase-file", "", "")
}

// run opens the visit and records what do makes of it.
func (q *request) run(c *console, do func(records []certs.Record) (certs.Record, error)) error {
	switch {
	case q.data == "":
		return misused("--data DIR is missing: it says where the hub's keys are")
	case q.path == "":
		return misused("--visit PATH is missing: it says where the visit's records are")
	case q.by == "":
		return misused("--by is missing: it says who answers for this record")
	}
	h, done, err := openHub(q.data, c.now())
	if err != nil {
		return err
	}
	defer done()
	a, err := openAfterlife(c, h, q.path, q.number, &q.pass)
	if err != nil {
		return err
	}
	return a.run(do)
}

// details reads a payload from a file of JSON, strictly. No name: nothing.
func details(name string, payload any) error {
	if name == "" {
		return nil
	}
	b, err := bounded.ReadRegular(name, maxRead)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(payload); err != nil {
		return misused("%s: %w", name, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return misused("%s: more than one JSON value", name)
	}
	return nil
}

// given sets what was given on the command line.
func given(to *string, s string) {
	if s != "" {
		*to = s
	}
}

func setupValidated(f *flag.FlagSet) func(c *console) error {
	var q request
	v := certs.Validated{}
	q.flags(f)
	f.StringVar(&v.Decision, "decision", "", "")
	f.StringVar(&v.Name, "name", "", "")
	f.StringVar(&v.Title, "title", "", "")
	f.StringVar(&v.Why, "why", "", "")
	return func(c *console) error {
		switch {
		case v.Decision != certs.Accepted && v.Decision != certs.Rejected:
			return misused("--decision is %q: it must be accepted or rejected", v.Decision)
		case v.Decision == certs.Rejected && v.Why == "":
			return misused("--why is missing: a rejection needs a reason")
		}
		v.By = q.by
		return q.run(c, func(records []certs.Record) (certs.Record, error) {
			s := certs.Summarise(records)
			if v.Decision == certs.Accepted && s.Verdict != certs.Sanitised && s.Verdict != certs.BelowLevel {
				return certs.Record{}, fmt.Errorf("visit %s can't be accepted: its records say %s", s.Visit, s.Verdict)
			}
			return certs.Record{Kind: certs.KindValidated, Validated: &v}, nil
		})
	}
}

func setupTransferred(f *flag.FlagSet) func(c *console) error {
	var q request
	var to, how, carrier, place, seal, file string
	var grams int64
	q.flags(f)
	f.StringVar(&to, "to", "", "")
	f.StringVar(&how, "how", "", "")
	f.StringVar(&carrier, "carrier", "", "")
	f.StringVar(&place, "place", "", "")
	f.StringVar(&seal, "seal", "", "")
	f.Int64Var(&grams, "grams", 0, "")
	f.StringVar(&file, "details", "", "")
	return func(c *console) error {
		return q.run(c, func(records []certs.Record) (certs.Record, error) {
			t := &certs.Transferred{}
			s := certs.Summarise(records)
			if s.Graded != nil {
				t.To = s.Graded.Disposition.Partner
			}
			if s.Intake != nil {
				l := s.Intake.Letterhead
				t.From = certs.Party{Name: s.Intake.Organisation, Address: l.Address, Contact: l.Contact, Role: "transferor"}
			}
			if err := details(file, t); err != nil {
				return certs.Record{}, err
			}
			if to != "" && to != t.To.Name {
				t.To = certs.Party{Name: to}
			}
			given(&t.How, how)
			given(&t.Carrier.Name, carrier)
			given(&t.Place, place)
			given(&t.Seal, seal)
			if t.By = q.by; grams != 0 {
				t.WeightGrams = grams
			}
			if t.To.Name == "" {
				return certs.Record{}, misused("--to NAME is missing: when the machine was graded no partner was named")
			}
			return certs.Record{Kind: certs.KindTransferred, Transferred: t}, nil
		})
	}
}

func setupReceived(f *flag.FlagSet) func(c *console) error {
	var q request
	var party, place, seal, declared, file string
	var grams int64
	var outcomes []certs.Outcome
	q.flags(f)
	f.StringVar(&party, "party", "", "")
	f.StringVar(&place, "place", "", "")
	f.StringVar(&seal, "seal", "", "")
	f.StringVar(&declared, "declared", "", "")
	f.Int64Var(&grams, "grams", 0, "")
	f.StringVar(&file, "details", "", "")
	f.Func("outcome", "", func(s string) error {
		kind, n, _ := strings.Cut(s, "=")
		g, err := strconv.ParseInt(n, 10, 64)
		if err != nil {
			return errors.New("it is written like reused=1450, in grams")
		}
		outcomes = append(outcomes, certs.Outcome{Kind: kind, Grams: g})
		return nil
	})
	return func(c *console) error {
		return q.run(c, func(records []certs.Record) (certs.Record, error) {
			r := &certs.Received{}
			if t := certs.Summarise(records).Transferred; t != nil {
				r.Party = t.To
			}
			if err := details(file, r); err != nil {
				return certs.Record{}, err
			}
			if party != "" && party != r.Party.Name {
				r.Party = certs.Party{Name: party}
			}
			given(&r.Place, place)
			given(&r.Seal, seal)
			given(&r.Declared, declared)
			if r.By = q.by; grams != 0 {
				r.WeightGrams = grams
			}
			if outcomes != nil {
				r.Outcomes = outcomes
			}
			if r.Party.Name == "" {
				return certs.Record{}, misused("--party NAME is missing: no record says to whom the device was given")
			}
			return certs.Record{Kind: certs.KindReceived, Received: r}, nil
		})
	}
}

func setupCorrected(f *flag.FlagSet) func(c *console) error {
	var q request
	var field, is, why string
	q.flags(f)
	f.StringVar(&field, "field", "", "")
	f.StringVar(&is, "is", "", "")
	f.StringVar(&why, "why", "", "")
	return func(c *console) error {
		switch {
		case field == "":
			return misused("--field is missing: it says what is corrected")
		case why == "":
			return misused("--why is missing: a correction needs a reason")
		}
		return q.run(c, func(records []certs.Record) (certs.Record, error) {
			x, err := certs.Correct(records, field, is, q.by, why)
			if err != nil {
				return certs.Record{}, usageError{err}
			}
			return certs.Record{Kind: certs.KindCorrected, Corrected: x}, nil
		})
	}
}
