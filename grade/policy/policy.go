// Package policy reads the rules that package grade decides by: one TOML file
// with an id, a version, thresholds, roles and the questions that are asked on
// the bench. It holds data and checks it; it never decides about a machine.
//
// The scales are R2v3's: function F3 to F6, cosmetic condition C0 to C9.
// Levels are those of NIST SP 800-88 Rev. 2.
package policy

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"

	"handback.example/inspect"
)

// Policy is one version of the rules. Its zero value has no rules and grade
// holds every machine by it.
type Policy struct {
	ID        string     `toml:"id"`
	Version   string     `toml:"version"`
	Level     Level      `toml:"level"`
	Battery   Battery    `toml:"battery"`
	Drive     Drive      `toml:"drive"`
	Machine   Machine    `toml:"machine"`
	Grade     Grade      `toml:"grade"`
	Windows   Windows    `toml:"windows"`
	Roles     []Role     `toml:"roles"`
	Questions []Question `toml:"questions"`

	hash string
}

// Level that each route needs: 'clear' or 'purge'.
type Level struct {
	Redeploy      string `toml:"redeploy"`
	Remanufacture string `toml:"remanufacture"`
	Donate        string `toml:"donate"`
	Recycle       string `toml:"recycle"`
	// AcceptClear allows Clear with a named acceptance where purge stands.
	AcceptClear bool `toml:"accept_clear"`
}

// Battery thresholds: full charge in per cent of design, and charge cycles.
type Battery struct {
	RedeployPct    int `toml:"redeploy_pct"`
	RedeployCycles int `toml:"redeploy_cycles"`
	DonatePct      int `toml:"donate_pct"`
}

// Drive thresholds: NVMe percentage used, and raw sector counters of SMART.
type Drive struct {
	RedeployUsedPct int   `toml:"redeploy_used_pct"`
	DonateUsedPct   int   `toml:"donate_used_pct"`
	BadSectors      int64 `toml:"bad_sectors"`
}

// Machine thresholds: memory in GiB, storage in GB.
type Machine struct {
	DonateMemoryGB   int `toml:"donate_memory_gb"`
	DonateStorageGB  int `toml:"donate_storage_gb"`
	RepairableFaults int `toml:"repairable_faults"`
}

// Grade that each route needs at least.
type Grade struct {
	RedeployFunction       string `toml:"redeploy_function"`
	RedeployCondition      string `toml:"redeploy_condition"`
	RemanufactureCondition string `toml:"remanufacture_condition"`
	DonateFunction         string `toml:"donate_function"`
	DonateCondition        string `toml:"donate_condition"`
}

// Windows says what Windows 11 needs beside a supported processor, which is a fact
// of the report.
type Windows struct {
	MemoryGB  int `toml:"memory_gb"`
	StorageGB int `toml:"storage_gb"`
	Cores     int `toml:"cores"`
}

// Role that a machine can be redeployed as.
type Role struct {
	Name       string `toml:"name"`
	MemoryGB   int    `toml:"memory_gb"`  // GiB
	StorageGB  int    `toml:"storage_gb"` // GB
	BatteryPct int    `toml:"battery_pct"`
	WWAN       bool   `toml:"wwan"`
	GPU        string `toml:"gpu"` // 'discrete', or empty: any
}

// What a question's answer bears on.
const (
	CountsGate      = "gate"
	CountsCondition = "condition"
	CountsF3        = "F3"
	CountsF4        = "F4"
	// CountsNote bears on nothing: it is recorded for whoever gets the machine.
	CountsNote = "note"
)

// What a choice means.
const (
	MeansPass    = "pass"
	MeansFail    = "fail"
	MeansAbsent  = "absent" // the machine has no such part
	MeansUnknown = "unknown"
)

// NotTested is the value of the choice that every question has.
const NotTested = "not-tested"

// Question asked on the bench.
type Question struct {
	ID      string   `toml:"id"`
	Ask     string   `toml:"ask"`
	Short   string   `toml:"short"`  // 'screen': its name in a sentence
	Kinds   []string `toml:"kinds"`  // machine kinds it is asked of; empty: all
	Needs   string   `toml:"needs"`  // part of Parts that it is about; not asked where the machine is known to have none
	Counts  string   `toml:"counts"` // CountsGate, CountsCondition, CountsF3, CountsF4, CountsNote
	Repair  string   `toml:"repair"` // what to do where it fails
	Choices []Choice `toml:"choices"`
}

// Choice of a question. Value is what is recorded, Label what is shown.
type Choice struct {
	Value string `toml:"value"`
	Label string `toml:"label"`
	Means string `toml:"means"` // MeansPass, MeansFail, MeansAbsent, MeansUnknown
}

// Parts that a question may need.
var Parts = map[string]func(inspect.Devices) inspect.Fact[bool]{
	"camera":      func(d inspect.Devices) inspect.Fact[bool] { return d.Camera },
	"sound":       func(d inspect.Devices) inspect.Fact[bool] { return d.Sound },
	"touchscreen": func(d inspect.Devices) inspect.Fact[bool] { return d.Touchscreen },
}

// Applies says whether the question is for machines of this kind. A kind that is not
// known (”) is asked everything.
func (q Question) Applies(kind string) bool {
	return kind == "" || len(q.Kinds) == 0 || slices.Contains(q.Kinds, kind)
}

// Absent gives the fact that the machine has not got the part which the question is
// about. One that is not known to be absent may be there.
func (q Question) Absent(r *inspect.Report) (why string, is bool) {
	part := Parts[q.Needs]
	if r == nil || part == nil {
		return "", false
	}
	f := part(r.Devices)
	return f.Source, f.Known && !f.Value
}

// Means says what an answer stands for. No answer and an answer that is not
// among the choices are unknown.
func (q Question) Means(value string) string {
	for _, c := range q.Choices {
		if c.Value == value {
			return c.Means
		}
	}
	return MeansUnknown
}

// QuestionsFor a machine: those for its kind, but for those about parts that it has
// not got.
func (p Policy) QuestionsFor(r *inspect.Report) []Question {
	return slices.DeleteFunc(p.ForKind(r), func(q Question) bool { _, absent := q.Absent(r); return absent })
}

// ForKind gives the questions for machines of this one's kind, those about parts that
// it has not got among them. Of a nil report, or an unknown kind, they are all.
func (p Policy) ForKind(r *inspect.Report) (list []Question) {
	kind := ""
	if r != nil && r.Machine.Kind.Known {
		kind = r.Machine.Kind.Value
	}
	for _, q := range p.Questions {
		if q.Applies(kind) {
			list = append(list, q)
		}
	}
	return list
}

// Hash is the SHA-256, in hex, of the file that the policy was read from. It is
// empty for a Policy that was not parsed.
func (p Policy) Hash() string { return p.hash }

//go:embed default.toml
var defaultTOML []byte

// DefaultTOML is the file that Default is read from.
func DefaultTOML() []byte { return slices.Clone(defaultTOML) }

// Default is the policy that ships with this program. It is part of the
// program and checked by its tests, so it cannot fail to parse.
func Default() Policy {
	p, err := Parse(defaultTOML)
	if err != nil {
		panic("grade/policy: default.toml: " + err.Error())
	}
	return p
}

func sum(b []byte) string {
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}
