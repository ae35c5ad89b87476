package certs

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Fields of INTAKE that a correction may change: what somebody typed. A fact, a
// verdict, a grade or a decision is never corrected.
const (
	FieldTag          = "tag"
	FieldSource       = "source"
	FieldDIAL         = "dial"
	FieldPlace        = "place"
	FieldOrganisation = "organisation"
	FieldSeal         = "seal"
	FieldOperator     = "operator"
)

// Corrected says that something was entered wrongly. The hub records it; the paper
// shows what is right beside what it was.
type Corrected struct {
	Field string `json:"field"` // FieldTag, ...
	Was   string `json:"was"`
	Is    string `json:"is"`
	By    string `json:"by"` // operator ID
	Why   string `json:"why"`
}

func (c *Corrected) validate() error {
	var i Intake
	switch {
	case i.field(c.Field) == nil:
		return fmt.Errorf("field %q can't be corrected", c.Field)
	case c.Was == c.Is:
		return fmt.Errorf("%s is corrected to what it was", c.Field)
	case c.By == "" || c.Why == "":
		return errors.New("a correction needs somebody who makes it, and why")
	}
	if c.Field == FieldDIAL && !slices.Contains([]string{"0", "1", "2", "3"}, c.Was) {
		return fmt.Errorf("DIAL rating %q is not 1, 2 or 3", c.Was)
	}
	return i.correct(c)
}

// field of an intake that may be corrected; nil: none of that name. DIAL is a
// number: see correct.
func (i *Intake) field(name string) *string {
	switch name {
	case FieldTag:
		return &i.Tag
	case FieldSource:
		return &i.Source
	case FieldPlace:
		return &i.Place
	case FieldOrganisation:
		return &i.Organisation
	case FieldSeal:
		return &i.Seal
	case FieldOperator:
		return &i.Operator
	case FieldDIAL:
		dial := strconv.Itoa(i.DIAL)
		return &dial
	}
	return nil
}

// correct sets one field.
func (i *Intake) correct(c *Corrected) error {
	switch c.Field {
	case FieldDIAL:
		n, err := strconv.Atoi(c.Is)
		if err != nil || n < 1 || n > 3 || strconv.Itoa(n) != c.Is {
			return fmt.Errorf("DIAL rating %q is not 1, 2 or 3", c.Is)
		}
		i.DIAL = n
		return nil
	case FieldOperator:
		if c.Is == "" {
			return errors.New("the operator is empty")
		}
		i.Name, i.Title = "", "" // those of somebody else
	case FieldSource:
		if err := validSource(c.Is); err != nil {
			return err
		}
	case FieldTag:
		i.Generated = false
	}
	*i.field(c.Field) = c.Is
	return nil
}

// Correct makes the correction of one field of a visit, as the records have it now.
func Correct(records []Record, field, is, by, why string) (*Corrected, error) {
	i := Summarise(records).Intake
	if i == nil {
		return nil, errors.New("the visit has no INTAKE to correct")
	}
	f := i.field(field)
	if f == nil {
		return nil, fmt.Errorf("field %q can't be corrected", field)
	}
	c := &Corrected{Field: field, Was: *f, Is: is, By: by, Why: why}
	return c, c.validate()
}

// CheckCorrections says which correction of a visit doesn't start from what the
// records said then.
func CheckCorrections(records []Record) error {
	var i Intake
	for _, r := range records {
		switch r.Kind {
		case KindIntake:
			i = *r.Intake
		case KindCorrected:
			c := r.Corrected
			if f := i.field(c.Field); f == nil || *f != c.Was {
				return fmt.Errorf("record %d corrects %s from %q, which it never was", r.Seq, c.Field, c.Was)
			}
			if err := i.correct(c); err != nil {
				return fmt.Errorf("record %d: %w", r.Seq, err)
			}
		}
	}
	return nil
}
