// Package plan chooses how each drive of a machine is erased. It is pure: facts
// and policy in, a ranked ladder of techniques or a refusal out. It touches no
// device, reads no clock, and never takes a fact that is unknown for a 'no'.
//
// Levels follow NIST SP 800-88 Rev. 2 and IEEE 2883-2022.
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
}

// Make plans for every drive of a report, in its order.
func Make(r *inspect.Report, p Policy) wipe.Plan {
	out := wipe.Plan{Schema: Schema, Want: p.Want}
	if r == nil {
		out.Refusals = []wipe.Refusal{{Code: "no-report", Reason: "nothing is known about this machine",
			Do: "inspect it first"}}
		return out
	}
	for _, f := range r.Unhandled {
		out.Refusals = append(out.Refusals, wipe.Refusal{Code: f.Code, Reason: f.What, Do: f.Do})
	}
	lettered := 0
	for i, d := range r.Drives {
		dp := forDrive(r, i, p)
		dp.Name, dp.Path = NameBoot, d.Path
		if !d.Boot {
			dp.Name = letters(lettered)
			lettered++
		}
		out.Drives = append(out.Drives, dp)
	}
	return out
}

// NameBoot stands in place of a letter for the medium that this system was
// started from: people count the drives of the machine.
const NameBoot = "stick"

// forDrive plans for one drive: a refusal first, for whatever reason comes
// first; else all that the drive really offers.
func forDrive(r *inspect.Report, i int, p Policy) wipe.DrivePlan {
	d := r.Drives[i]
	dp := wipe.DrivePlan{Identity: d.Identity, Geometry: d.Geometry}
	if dp.Refusal = refuse(r, i); dp.Refusal != nil {
		return dp
	}
	dp.Warnings = warnings(d)
	steps := ladder(d, p)
	if len(steps) == 0 {
		dp.Refusal = &wipe.Refusal{Code: "technique", Reason: fmt.Sprintf("%s does not offer %s", Name(d.Identity), p.Technique),
			Do: "choose another technique: 'handback plan' lists what the drive offers"}
		return dp
	}
	if steps[0].Level < p.Want {
		switch p.Fallback {
		case FallbackAllow:
		case FallbackAsk:
			dp.BelowWanted = true
		default:
			dp.Refusal = belowLevel(d.Identity, steps[0].Level, p.Want)
			return dp
		}
	}
	dp.Ladder = steps
	return dp
}

func belowLevel(id drive.Identity, best, want wipe.Level) *wipe.Refusal {
	return &wipe.Refusal{Code: "below-level",
		Reason: fmt.Sprintf("the best that can be done to %s here is %s, and %s is wanted", Name(id), word(best), word(want)),
		Do:     fmt.Sprintf("ask for %s if that is enough for where the drive goes; else take it out and have it destroyed", word(best))}
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
