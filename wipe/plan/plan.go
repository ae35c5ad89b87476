// Package plan chooses how each drive of a machine is erased, and what is removed
// from the machine itself. It is pure: facts and policy in, a ranked ladder of
// techniques or a refusal out. It touches no
// device, reads no clock, and never takes a fact that is unknown for a 'no', nor
// for a 'yes': what is not known never makes a plan stronger.
//
// # Order
//
// A ladder has every technique that the drive is known to offer, the highest
// level first. Within a level a technique that reaches what the host can't see
// stands before one that doesn't, and a sanitize that destroys the data before one
// that destroys a key: whether all of the data were always encrypted is not known.
// On a hard disk that is sanitize overwrite, crypto, block; on all others block,
// crypto, overwrite; then ATA security erase (enhanced, normal), NVMe Format
// (crypto, which changes the key of hidden cells too; user data), SCSI FORMAT UNIT,
// eMMC sanitize and secure erase; then overwrites.
//
// Where Clear is enough, time on the bench decides, and never at the cost of
// evidence: a technique of the drive's own that reaches Clear goes first if it
// takes at most half the time of the strongest and wins a minute or more; not one
// that destroys a key alone, and none where a sanitize reaches more than this
// drive (other namespaces, whose ways must be the same). An overwrite never goes
// before a technique of the drive's own, which reaches more. The others follow in
// their order.
//
// # Levels
//
// Levels follow NIST SP 800-88 Rev. 2, which leaves techniques to IEEE 2883-2022:
// a sanitize by the drive is Purge. Either mode of ATA security erase, either
// kind of NVMe Format, FORMAT UNIT and every overwrite are Clear. So is an eMMC's
// sanitize: the one public table that places it says Clear by both standards
// (Dell, KB 000186133). An Opal revert claims nothing: its step has the level of
// what erases after it.
package plan

import (
	"fmt"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Schema of the Plan that this package makes.
const Schema = "handback.plan/1"

// Fallback says what becomes of a drive whose best technique is weaker than the
// level wanted. The zero value refuses it.
type Fallback string

const (
	FallbackRefuse Fallback = "refuse"
	FallbackAsk    Fallback = "ask"   // the plan has a way, and says that it needs a person's word
	FallbackAllow  Fallback = "allow" // the policy has given its word
)

// Policy is what the owner of the data asks for.
type Policy struct {
	Want     wipe.Level
	Fallback Fallback
	// Technique forces one technique; a drive that does not offer it is refused.
	Technique wipe.TechniqueID
	// Verify says how an overwrite is read back; full where it is empty.
	Verify wipe.VerifyMode
	// Reverse has overwrites begin at the end of the drive.
	Reverse bool
	// Only says which drives are planned for; the rest are left out of the plan, and
	// nothing in it may reach them. Nil: all.
	Only func(inspect.Drive) bool
	// Platform has what a former owner left in the machine itself removed, too.
	Platform bool
	// Refuse gives what else stands against a drive. Nil function or answer: nothing.
	Refuse func(inspect.Drive) *wipe.Refusal
}

// Make plans for the drives of a report, in its order.
func Make(r *inspect.Report, p Policy) wipe.Plan {
	out := wipe.Plan{Schema: Schema, Want: p.Want}
	if r == nil {
		out.Refusals = []wipe.Refusal{{Code: "no-report", Reason: "nothing is known about this machine",
			Do: "inspect it first"}}
		return out
	}
	if p.Only == nil {
		for _, f := range r.Unhandled {
			out.Refusals = append(out.Refusals, wipe.Refusal{Code: f.Code, Reason: f.What, Do: f.Do})
		}
	}
	for i, dp := range all(r, p) {
		if p.Only == nil || p.Only(r.Drives[i]) {
			out.Drives = append(out.Drives, dp)
		}
	}
	if p.Platform {
		out.Removals = removals(r.Residue)
	}
	return out
}

// maxRemovals bounds how often the firmware's memory is written to in one visit: it
// wears, and firmware that runs out of it may not start again. What is more is left,
// and told.
const maxRemovals = 128

func removals(all []inspect.Residue) (list []wipe.Removal) {
	for _, r := range all {
		for _, l := range r.Removable {
			if len(list) < maxRemovals {
				list = append(list, wipe.Removal{Item: r.Item, Leftover: l})
			}
		}
	}
	return list
}

// NameBoot stands in place of a letter for the medium that this system was
// started from: people count the drives of the machine.
const NameBoot = "stick"

// all plans for every drive, those that Only leaves out too.
func all(r *inspect.Report, p Policy) []wipe.DrivePlan {
	subjects := make([]subject, len(r.Drives))
	lettered := 0
	for i, d := range r.Drives {
		s := subject{Drive: d, name: NameBoot, refusal: refuse(r, i, p)}
		if !d.Boot {
			s.name = letters(lettered)
			lettered++
		}
		subjects[i] = s
	}
	relate(subjects)
	// A namespace whose neighbour may not be erased is planned for without a
	// sanitize, which may take its neighbour's way too: until nothing changes.
	for {
		plans := make([]wipe.DrivePlan, len(subjects))
		for i, s := range subjects {
			plans[i] = forDrive(s, p)
		}
		if !confine(subjects, plans) {
			return plans
		}
	}
}

// subject is one drive and what its surroundings mean for it.
type subject struct {
	inspect.Drive
	name    string
	refusal *wipe.Refusal
	reach   reach
}

// forDrive plans for one drive: a refusal first, for whatever reason comes
// first; else all that the drive really offers.
func forDrive(s subject, p Policy) wipe.DrivePlan {
	dp := wipe.DrivePlan{Name: s.name, Path: s.Path, Identity: s.Identity, Geometry: s.Geometry, Refusal: s.refusal}
	if dp.Refusal != nil {
		return dp
	}
	known := quirksOf(s.Drive)
	steps := ladder(s, p, known)
	if len(steps) == 0 {
		dp.Refusal = nothingOffered(s, p)
		return dp
	}
	if steps[0].Level < p.Want {
		switch p.Fallback {
		case FallbackAllow:
		case FallbackAsk:
			dp.BelowWanted = true
		default:
			dp.Refusal = belowLevel(s, p, steps[0].Level)
			return dp
		}
	}
	dp.Ladder, dp.Restore = steps, restore(s.Drive)
	if reachesAll(steps) {
		dp.Siblings, dp.Unattached = s.reach.siblings, s.reach.unattached
	}
	dp.Warnings = warnings(s, steps, known)
	return dp
}

func word(l wipe.Level) string {
	switch l {
	case wipe.LevelClear:
		return "Clear"
	case wipe.LevelPurge:
		return "Purge"
	}
	return "none"
}

// letters name drives as people say them aloud: A to Z, then AA.
func letters(i int) string {
	if i < 26 {
		return string(rune('A' + i))
	}
	return letters(i/26-1) + string(rune('A'+i%26))
}

// Name is what a person finds on a drive's label: model and serial.
func Name(id drive.Identity) string {
	model := id.Model
	if model == "" {
		model = "a drive of unknown model"
	}
	switch {
	case id.Serial != "":
		return fmt.Sprintf("%s (serial %s)", model, id.Serial)
	case id.WWN != "":
		return fmt.Sprintf("%s (%s)", model, id.WWN)
	}
	return model + " (no serial)"
}
