package certs

import (
	"errors"
	"fmt"
	"slices"
)

// Sources of a device.
var Sources = []string{"locker", "post", "desk", "amnesty", "partner"}

// Classifications of what a device held. One that is above OFFICIAL is recorded,
// and the visit stops: nothing of it is erased.
const (
	Official      = "official" // OFFICIAL or below
	AboveOfficial = "above"
)

func validSource(s string) error { return oneOf("source", s, append([]string{""}, Sources...)...) }

// Intake is what was said about a device when it was taken in. It never names a
// former user.
type Intake struct {
	Tag            string `json:"tag"`            // asset tag, or the generated intake number; empty where none was asked for (handback wipe)
	Generated      bool   `json:"generated"`      // Tag is an intake number: the device carried no label
	Operator       string `json:"operator"`       // operator ID as entered, not authenticated
	Role           string `json:"role"`           // 'technician', 'trainee', 'unattended'
	Source         string `json:"source"`         // one of Sources, or empty: none was asked for
	Classification string `json:"classification"` // Official, AboveOfficial, or empty: none was asked for
	DIAL           int    `json:"dial"`           // the controller's rating, 1 to 3 (ADISA 8.0); 0: not given
	Organisation   string `json:"organisation"`
	Place          string `json:"place"`
	Bench          string `json:"bench"`
	// Previous is the SHA-256 of the INTAKE envelope of the stick's visit before
	// this one; empty for a stick's first visit.
	Previous string `json:"previous"`
	// Name and Title of the operator: empty unless the settings say that names
	// stand on papers. They are kept in the hub's list.
	Name       string     `json:"name"`
	Title      string     `json:"title"`
	Seal       string     `json:"seal"` // number of the seal on the container it came in; empty: none was given
	Letterhead Letterhead `json:"letterhead"`
}

// Letterhead of the papers of a visit: it stands in the record, because a paper
// is drawn from its record alone.
type Letterhead struct {
	Organisation string   `json:"organisation"`
	Address      []string `json:"address"` // a line each
	Contact      string   `json:"contact"`
	Logo         string   `json:"logo"` // PNG in standard base64; empty: none
}

func (i *Intake) validate() error {
	switch {
	case i.Operator == "":
		return errors.New("the operator is empty")
	case i.DIAL < 0 || i.DIAL > 3:
		return fmt.Errorf("DIAL rating %d is not 1, 2 or 3", i.DIAL)
	case i.Previous != "" && !ValidHash(i.Previous):
		return errors.New("the hash of the visit before is not a SHA-256")
	}
	if err := oneOf("classification", i.Classification, "", Official, AboveOfficial); err != nil {
		return err
	}
	if err := validSource(i.Source); err != nil {
		return err
	}
	return i.Letterhead.validate()
}

// Consent is the one gate before anything is destroyed.
type Consent struct {
	PlanDigest string `json:"plan_digest"` // hex, of exactly the plan that was shown
	Who        string `json:"who"`         // operator ID
	How        string `json:"how"`         // 'tag scanned', 'unattended settings', 'serials named'
	// Scope is ScopeMachine, or ScopeNamed where only the drives below count and
	// the TPM doesn't.
	Scope string `json:"scope"`
	Want  Level  `json:"want"` // level wanted
	// Accepted is the sentence by which a level below the one wanted was
	// accepted; empty where nothing had to be.
	Accepted string         `json:"accepted"`
	Drives   []ConsentDrive `json:"drives"`
	// Leftovers are removed from the machine itself, once its drives are erased.
	Leftovers []Leftover `json:"leftovers,omitempty"`
}

// ConsentDrive is what was agreed to for one drive.
type ConsentDrive struct {
	Drive     DriveRef `json:"drive"`
	Technique string   `json:"technique"`      // a technique ID; empty where the plan refuses the drive
	Then      string   `json:"then,omitempty"` // what erases after the technique has unlocked the drive
	Level     Level    `json:"level"`
}

// Scopes of a consent.
const (
	ScopeMachine = "machine"
	ScopeNamed   = "named-drives"
)

func (c *Consent) validate() error {
	if c.Scope != ScopeMachine && c.Scope != ScopeNamed {
		return fmt.Errorf("scope %q is unknown", c.Scope)
	}
	if c.Want != LevelClear && c.Want != LevelPurge {
		return fmt.Errorf("level wanted %q is neither clear nor purge", c.Want)
	}
	for _, d := range c.Drives {
		if err := d.Level.validate(); err != nil {
			return err
		}
	}
	for _, l := range c.Leftovers {
		if l.Item == "" || l.Name == "" {
			return errors.New("what is to be removed from the machine has no name")
		}
	}
	return nil
}

// Removed says that a drive was taken out of the machine before or during the
// visit: it is somewhere else, and not sanitised here.
type Removed struct {
	Drive DriveRef `json:"drive"`
	Seal  string   `json:"seal"` // seal or bag number
	By    string   `json:"by"`
	Why   string   `json:"why"`
	// Reference of whoever destroys it: a ticket, a crate, a consignment.
	Reference string `json:"reference,omitempty"`
}

// Tested is one test of the bench.
type Tested struct {
	Question string `json:"question"` // stable id
	Ask      string `json:"ask"`      // as it was put
	Answer   string `json:"answer"`   // in the words of whoever answered
	Who      string `json:"who"`
	Kind     string `json:"kind"`     // TestAutomatic or TestOperator
	Result   string `json:"result"`   // TestPass, ...
	Evidence string `json:"evidence"` // what the result rests on; empty: the answer
}

// Who tested.
const (
	TestAutomatic = "automatic" // the appliance measured it
	TestOperator  = "operator"  // a person looked, and said so
)

// Results of a test.
const (
	TestPass       = "pass"
	TestFail       = "fail"
	TestNotPresent = "not-present"
	TestNotTested  = "not-tested" // never a pass
)

func (t *Tested) validate() error {
	if err := oneOf("kind of test", t.Kind, TestAutomatic, TestOperator); err != nil {
		return err
	}
	return oneOf("result of a test", t.Result, TestPass, TestFail, TestNotPresent, TestNotTested)
}

// Graded is the decision on the machine's way. Nothing of it changes the verdict
// on the drives.
type Graded struct {
	Policy      Policy   `json:"policy"`
	Route       string   `json:"route"` // one of Routes
	Role        string   `json:"role"`  // that a machine is redeployed as
	Function    string   `json:"function"`
	Condition   string   `json:"condition"`
	Rule        string   `json:"rule"`
	Why         string   `json:"why"`
	Better      string   `json:"better"` // nearest better route and what it would take
	Inputs      []Input  `json:"inputs"`
	Hold        []string `json:"hold"`
	LevelNeeded string   `json:"level_needed"`

	Disposition Disposition `json:"disposition"`
}

// Routes of a machine.
const (
	RouteRedeploy      = "redeploy"
	RouteRemanufacture = "remanufacture"
	RouteDonate        = "donate"
	RouteRecycle       = "recycle"
	RouteHold          = "hold"
)

// Routes that Graded may name, best first; 'hold' is none of them taken.
var Routes = []string{RouteRedeploy, RouteRemanufacture, RouteDonate, RouteRecycle, RouteHold}

func (g *Graded) validate() error {
	if !slices.Contains(Routes, g.Route) {
		return fmt.Errorf("route %q is unknown", g.Route)
	}
	return g.Disposition.validate()
}

// Policy that a decision was made by.
type Policy struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	SHA256  string `json:"sha256"`
}

// Input is one fact as the decision saw it.
type Input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Known bool   `json:"known"`
}

// Overruled is a person's word against the grade.
type Overruled struct {
	Route string `json:"route"`
	By    string `json:"by"`
	Why   string `json:"why"`
}

func (o *Overruled) validate() error {
	if !slices.Contains(Routes, o.Route) {
		return fmt.Errorf("route %q is unknown", o.Route)
	}
	return nil
}

// Decisions of a validation (NIST SP 800-88 Rev. 2, 4.5.2).
const (
	Accepted = "accepted"
	Rejected = "rejected"
	Awaiting = "awaiting"
)

// Validated is the accept or reject decision on the sanitisation. An unattended
// visit is always awaiting.
type Validated struct {
	Decision string `json:"decision"`
	By       string `json:"by"` // operator ID and role; empty while awaiting
	Why      string `json:"why"`
	// Name and Title of By: empty unless the settings say that names stand on papers.
	Name  string `json:"name"`
	Title string `json:"title"`
}

func (v *Validated) validate() error {
	switch v.Decision {
	case Awaiting:
		return nil
	case Accepted, Rejected:
		if v.By != "" {
			return nil
		}
		return fmt.Errorf("decision %q has nobody who made it", v.Decision)
	}
	return fmt.Errorf("decision %q is unknown", v.Decision)
}

// Control is a known-bad check: the bench erased or checked a drive whose result
// was known before, to show that it would notice a failure.
type Control struct {
	What   string `json:"what"`
	Expect string `json:"expect"`
	Result string `json:"result"`
	By     string `json:"by"`
}

// Certified names every paper of the visit by its SHA-256.
type Certified struct {
	Papers []Paper `json:"papers"`
}

// Paper is one file as it was written.
type Paper struct {
	Name   string `json:"name"` // 'S01-000412-erasure.pdf'
	SHA256 string `json:"sha256"`
}

func (c *Certified) validate() error {
	for _, p := range c.Papers {
		if p.Name == "" || !ValidHash(p.SHA256) {
			return fmt.Errorf("paper %q has no name or no SHA-256", p.Name)
		}
	}
	return nil
}
