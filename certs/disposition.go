package certs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Party to a transfer, as a waste transfer note asks for it (Waste (England and
// Wales) Regulations 2011, reg. 35). What is empty was not given.
type Party struct {
	Name    string   `json:"name"`
	Address []string `json:"address"` // a line each
	Contact string   `json:"contact"`
	Permit  string   `json:"permit"`  // environmental permit or exemption number
	Carrier string   `json:"carrier"` // waste carrier, broker or dealer registration
	SIC     string   `json:"sic"`     // Standard Industrial Classification code of the transferor
	Role    string   `json:"role"`    // 'transferor', 'carrier', 'refurbisher', 'recycler'
}

// maxAddress is the most lines that an address has.
const maxAddress = 8

func (p Party) validate() error {
	if len(p.Address) > maxAddress {
		return fmt.Errorf("an address of %d lines is no address", len(p.Address))
	}
	return nil
}

// Known reports whether anybody is named.
func (p Party) Known() bool { return p.Name != "" }

// States of equipment in law (WEEE Regulations 2013). Empty: not decided.
const (
	StatusEEE  = "eee"  // equipment that is used again: no waste
	StatusWEEE = "weee" // waste electrical and electronic equipment
)

// Disposition is what becomes of a machine on its route, as it was meant when the
// machine was graded. A person confirms its codes.
type Disposition struct {
	Partner Party   `json:"partner"`
	Status  string  `json:"status"` // StatusEEE, StatusWEEE or empty
	Waste   []Waste `json:"waste"`  // empty unless Status is StatusWEEE or a part of it is waste
	// WeightGrams of the machine, 0: unknown. WeightSource says where it is from:
	// 'typical of a laptop', 'weighed'.
	WeightGrams     int64  `json:"weight_grams"`
	WeightEstimated string `json:"weight_estimated"` // Yes or No; empty: unknown
	WeightSource    string `json:"weight_source"`
	// Removed are parts that were taken out before, for people.
	Removed []string `json:"removed"`
	// Hierarchy is the sentence on the waste hierarchy (reg. 12 and 35): why no
	// better route was open.
	Hierarchy string `json:"hierarchy"`
}

func (d Disposition) validate() error {
	if err := oneOf("status", d.Status, "", StatusEEE, StatusWEEE); err != nil {
		return err
	}
	if err := oneOf("weight_estimated", d.WeightEstimated, "", Yes, No); err != nil {
		return err
	}
	if d.WeightGrams < 0 {
		return errors.New("the weight is negative")
	}
	if err := validWaste(d.Waste); err != nil {
		return err
	}
	return d.Partner.validate()
}

// Waste is one line of a waste transfer note, and of DEFRA's digital waste
// tracking.
type Waste struct {
	LoW         string `json:"low"` // List of Wastes code: '16 02 14', '16 02 13*' where hazardous
	Description string `json:"description"`
	Hazardous   string `json:"hazardous"`  // Yes, No; empty: unknown
	Grams       int64  `json:"grams"`      // 0: unknown
	Estimated   string `json:"estimated"`  // Yes, No; empty: unknown
	Containers  string `json:"containers"` // 'loose', '1 pallet box'
}

// lowForm of a code: chapter, section, entry, and an asterisk where it is hazardous
// (Commission Decision 2000/532/EC).
var lowForm = regexp.MustCompile(`^[0-9]{2} [0-9]{2} [0-9]{2}\*?$`)

func validWaste(ws []Waste) error {
	for _, w := range ws {
		if w.LoW != "" && !lowForm.MatchString(w.LoW) {
			return fmt.Errorf("waste code %q is none of the List of Wastes", w.LoW)
		}
		if w.Grams < 0 {
			return errors.New("the weight of waste is negative")
		}
		if err := oneOf("hazardous", w.Hazardous, "", Yes, No); err != nil {
			return err
		}
		if err := oneOf("estimated", w.Estimated, "", Yes, No); err != nil {
			return err
		}
	}
	return nil
}

// Transferred says that the device was given to somebody. The hub records it.
type Transferred struct {
	To          Party   `json:"to"`
	From        Party   `json:"from"`
	Carrier     Party   `json:"carrier"`
	How         string  `json:"how"`
	Seal        string  `json:"seal"`
	Place       string  `json:"place"`
	By          string  `json:"by"`           // operator ID
	WeightGrams int64   `json:"weight_grams"` // 0: unknown
	Waste       []Waste `json:"waste"`
}

func (t *Transferred) validate() error {
	if t.WeightGrams < 0 {
		return errors.New("the weight is negative")
	}
	if !t.To.Known() {
		return errors.New("nobody is named that it was given to")
	}
	for _, p := range []Party{t.To, t.From, t.Carrier} {
		if err := p.validate(); err != nil {
			return err
		}
	}
	return validWaste(t.Waste)
}

// Received is the receiver's word that the device arrived, and what becomes of it.
// The hub records it.
type Received struct {
	By          string    `json:"by"` // who signed for it, in the receiver's own words
	Party       Party     `json:"party"`
	Place       string    `json:"place"`
	Seal        string    `json:"seal"`         // as it arrived
	WeightGrams int64     `json:"weight_grams"` // 0: unknown
	Outcomes    []Outcome `json:"outcomes"`     // empty: not declared
	Declared    string    `json:"declared"`     // the receiver's declaration, word for word
}

// Kinds of outcome, in the order of the waste hierarchy.
const (
	OutcomeReused      = "reused"
	OutcomeRefurbished = "refurbished"
	OutcomeRecycled    = "recycled"
	OutcomeRecovered   = "recovered"
	OutcomeLandfilled  = "landfilled"
)

// Outcome is how much went one way. Landfill of 0 g is declared by a line of its own:
// what isn't declared is not known.
type Outcome struct {
	Kind  string `json:"kind"`
	Grams int64  `json:"grams"`
}

func (r *Received) validate() error {
	if r.WeightGrams < 0 {
		return errors.New("the weight is negative")
	}
	seen := map[string]bool{}
	for _, o := range r.Outcomes {
		if err := oneOf("outcome", o.Kind, OutcomeReused, OutcomeRefurbished, OutcomeRecycled, OutcomeRecovered, OutcomeLandfilled); err != nil {
			return err
		}
		if o.Grams < 0 {
			return fmt.Errorf("%s: the weight is negative", o.Kind)
		}
		if seen[o.Kind] {
			return fmt.Errorf("%s is declared twice", o.Kind)
		}
		seen[o.Kind] = true
	}
	return r.Party.validate()
}

// NoLandfill reports whether the receiver declared outcomes of all that arrived, and
// landfill of 0 g among them.
func (r *Received) NoLandfill() bool {
	none := slices.ContainsFunc(r.Outcomes, func(o Outcome) bool { return o.Kind == OutcomeLandfilled && o.Grams == 0 })
	return none && r.outcomes() > 0 && r.Accounted()
}

// Accounted reports whether the outcomes weigh no less than what arrived, as far as
// that is known.
func (r *Received) Accounted() bool { return r.outcomes() >= r.WeightGrams }

// outcomes in grams.
func (r *Received) outcomes() (sum int64) {
	for _, o := range r.Outcomes {
		sum += o.Grams
	}
	return sum
}
