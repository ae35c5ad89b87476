package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sort"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// digested is what a consent is given to: which drives, what is done to them and
// what that reaches, and what is removed from the machine itself. Its fields, and their order, are the digest's format.
type digested struct {
	Schema   string          `json:"schema"`
	Want     wipe.Level      `json:"want"`
	Drives   []digestedDrive `json:"drives"`
	Refusals []string        `json:"refusals"`
	// Removals by what they remove alone: the words for people are not in it.
	Removals []digestedRemoval `json:"removals,omitempty"`
}

type digestedRemoval struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

type digestedDrive struct {
	Identity    drive.Identity `json:"identity"`
	Geometry    drive.Geometry `json:"geometry"`
	Ladder      []digestedStep `json:"ladder"`
	Refusal     string         `json:"refusal"`
	BelowWanted bool           `json:"below_wanted"`
	Restore     *wipe.Restore  `json:"restore,omitempty"`
	Siblings    []uint32       `json:"siblings,omitempty"`
	Unattached  int            `json:"unattached,omitempty"`
}

type digestedStep struct {
	Technique wipe.TechniqueID `json:"technique"`
	Level     wipe.Level       `json:"level"`
	Standard  string           `json:"standard"`
	Verify    wipe.VerifyMode  `json:"verify"`
	Shortfall string           `json:"not_shown"`
	Then      wipe.TechniqueID `json:"then,omitempty"`
	Reverse   bool             `json:"reverse,omitempty"`
}

// Digest is the hex SHA-256 of what matters in a plan. Paths, letters and the
// order of the drives are not in it, for the kernel deals them out anew at each
// start; neither are expected times and sentences.
func Digest(p wipe.Plan) string {
	d := digested{Schema: p.Schema, Want: p.Want}
	for _, dp := range p.Drives {
		d.Drives = append(d.Drives, digestDrive(dp))
	}
	sort.Slice(d.Drives, func(i, j int) bool { return string(encode(d.Drives[i])) < string(encode(d.Drives[j])) })
	for _, r := range p.Refusals {
		d.Refusals = append(d.Refusals, r.Code)
	}
	sort.Strings(d.Refusals)
	for _, r := range p.Removals {
		d.Removals = append(d.Removals, digestedRemoval{r.Kind, r.Name, r.SHA256})
	}
	sort.Slice(d.Removals, func(i, j int) bool { return string(encode(d.Removals[i])) < string(encode(d.Removals[j])) })
	sum := sha256.Sum256(encode(d))
	return hex.EncodeToString(sum[:])
}

func digestDrive(dp wipe.DrivePlan) digestedDrive {
	d := digestedDrive{Identity: dp.Identity, Geometry: dp.Geometry, BelowWanted: dp.BelowWanted,
		Restore: dp.Restore, Siblings: dp.Siblings, Unattached: dp.Unattached}
	for _, s := range dp.Ladder {
		d.Ladder = append(d.Ladder, digestedStep{s.Technique, s.Level, s.Standard, s.Verify, s.Shortfall, s.Then, s.Reverse})
	}
	if dp.Refusal != nil {
		d.Refusal = dp.Refusal.Code
	}
	return d
}

// encode writes JSON that is a function of the value alone: structs in the order
// of their fields, no maps, no floats.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("plan: a struct of strings and integers does not encode: %v", err))
	}
	return b
}
