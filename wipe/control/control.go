// Package control checks the engine itself: a drive is erased in a way that is known
// to be bad, and the engine must say so. A bench whose read-back is blind (a bridge
// that answers from its cache, a kernel that doesn't ask the drive, an error in this
// program) is found out by that, before it is believed about a person's drive.
//
// The drive is overwritten by the engine twice. The first time some blocks, at places
// that a seed gives, get something else than the engine writes: a residue, which the
// read-back must find to the last block. The second time nothing is in the way, and
// nothing must be found. Both are erasures like any other: the same guards, the same
// journal, the same verdicts.
package control

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"

	"handback.example/wipe"
	"handback.example/wipe/job"
	"handback.example/wipe/plan"
	"handback.example/wipe/verify"
)

// Verdict of a check.
type Verdict string

// The words of a check. The zero Verdict is none of them, and no success.
const (
	Passed  Verdict = "passed"   // every residue was found, and then none
	Failed  Verdict = "failed"   // the engine is not to be believed here
	NotDone Verdict = "not-done" // the check did not come to its end
)

// Result of a check.
type Result struct {
	Verdict Verdict `json:"verdict"`
	What    string  `json:"what"` // one sentence, for people
	Do      string  `json:"do,omitempty"`
	Seed    string  `json:"seed"`    // hex: the places can be had again from it
	Planted int64   `json:"planted"` // blocks with a residue
	Found   int64   `json:"found"`   // blocks that the read-back found wrong
	Then    int64   `json:"then"`    // blocks that were found after the proper overwrite
	// Bad is the outcome of the erasure that was made bad, and Good that of the proper
	// one; nil: there was none. After a check that failed, Good claims nothing.
	Bad  *wipe.Outcome `json:"bad,omitempty"`
	Good *wipe.Outcome `json:"good,omitempty"`
}

// NewSeed draws one.
func NewSeed() (seed [32]byte, err error) {
	if _, err := rand.Read(seed[:]); err != nil {
		return seed, fmt.Errorf("no random seed: %w", err)
	}
	return seed, nil
}

// ErrPlan: what is to be checked must be one overwrite of one drive, read back wholly.
var ErrPlan = errors.New("a check needs the plan of one drive, an overwrite that is read back wholly")

// Run checks the engine on the one drive of a plan, ERASING it. The options are those
// of an erasure, with what guards it; what an earlier start left of one is not gone
// on with. The end of ctx stops it. watch, where there is one, is given each of the
// two erasures as it starts, and returns when it has ended.
func Run(ctx context.Context, p wipe.Plan, o job.Options, seed [32]byte, watch func(*job.Fleet)) (Result, error) {
	if len(p.Drives) != 1 || p.Drives[0].Refusal == nil && !whole(p.Drives[0].Ladder) {
		return Result{}, ErrPlan
	}
	o.Past = nil
	r := Result{Seed: hex.EncodeToString(seed[:])}
	if p.Drives[0].Refusal == nil {
		places := placesOf(p.Drives[0].Geometry, seed)
		r.Planted = int64(len(places))
		spoilt := o
		spoilt.Opener = spoiler{o.Opener, places}
		r.Bad = run(ctx, p, spoilt, watch)
	} else {
		r.Bad = run(ctx, p, o, watch)
	}
	r.Found = r.Bad.Verification.Survivors
	if r.Bad.Verdict == wipe.Refused {
		r.refused()
		return r, nil
	}
	// Whatever was found: no residue is left to be met by somebody else.
	r.Good = run(ctx, p, o, watch)
	r.Then = r.Good.Verification.Survivors
	r.judge()
	return r, nil
}

// whole: nothing but overwrites that are read back to the last block.
func whole(ladder []wipe.Step) bool {
	for _, s := range ladder {
		if s.Technique != wipe.OverwriteZero && s.Technique != wipe.OverwriteOne && s.Technique != wipe.OverwriteRandom || s.Verify != wipe.VerifyFull {
			return false
		}
	}
	return len(ladder) > 0
}

// run one erasure to its end.
func run(ctx context.Context, p wipe.Plan, o job.Options, watch func(*job.Fleet)) *wipe.Outcome {
	fleet := job.Start(ctx, p, o)
	if watch != nil {
		watch(fleet)
	}
	<-fleet.Done()
	return &fleet.Outcomes()[0]
}

func (r *Result) refused() {
	r.Verdict, r.What, r.Do = NotDone, "Nothing was done: "+r.Bad.What, r.Bad.Do
}

// judge: the bad erasure must have been found out to the block, and the good one be
// good.
func (r *Result) judge() {
	name := plan.Name(r.Bad.Drive.Identity)
	ended := r.Bad.Verification.Result == verify.Passed || r.Bad.Verification.Result == verify.Failed
	switch {
	case !ended || r.Bad.BadBlocks > 0 || r.Bad.Verification.Unreadable > 0:
		r.Verdict = NotDone
		r.What = "The check did not come to its end: " + r.Bad.What
		r.Do = "Take another drive, and check again."
	case r.Bad.Verdict == wipe.Sanitised, r.Found != r.Planted:
		r.Verdict = Failed
		r.What = fmt.Sprintf("Of %d blocks with a residue on %s, the read-back found %d, and called the drive %s.", r.Planted, name, r.Found, r.Bad.Verdict)
		r.Do = "Erase nothing here: change the cable, dock and port, and check again; every drive that was erased here since the last check that passed is in doubt."
		r.disown()
	case r.Bad.Verdict != wipe.Failed:
		r.Verdict = NotDone
		r.What = "The check did not come to its end: " + r.Bad.What
		r.Do = r.Bad.Do
	case r.Good.Verdict == wipe.Sanitised && r.Then == 0:
		r.Verdict = Passed
		r.What = fmt.Sprintf("Each of %d blocks with a residue on %s was found; after a proper overwrite none was.", r.Planted, name)
	case r.Then > 0:
		r.Verdict = Failed
		r.What = fmt.Sprintf("After a proper overwrite of %s, %d blocks read back as something else.", name, r.Then)
		r.Do = r.Good.Do
	default:
		r.Verdict, r.What, r.Do = NotDone, "The residue was found; the proper overwrite did not come to its end: "+r.Good.What, r.Good.Do
	}
}

// disown: an engine that did not see what was there is not believed when it sees
// nothing.
func (r *Result) disown() {
	if r.Good.Verdict != wipe.Sanitised {
		return
	}
	r.Good.Verdict, r.Good.Level, r.Good.Evidence, r.Good.Code = wipe.Unverified, wipe.LevelNone, "", "control-failed"
	r.Good.What = "It was overwritten, and the read-back of this bench is not to be believed: it did not find a residue that was there."
	r.Good.Do = "Erase the drive again on another bench."
}
