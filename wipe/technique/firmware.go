package technique

import (
	"context"
	"fmt"
	"strconv"

	"handback.example/wipe"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// Data of the marks that every erasure by firmware makes.
const (
	markKey      = "canary-key"    // StepCanaries: hex
	markCanaries = "canary-blocks" // StepIssue: how many stand
)

// firmware is what all techniques have in common in which the drive erases itself.
// Prepare calls prepare; Erase calls before, issue, then sends; Verify is after and
// Grade is grade. Where an erasure of an earlier start is gone on with, recall takes
// the place of prepare and before.
type firmware struct {
	d        *Drive
	evidence *verify.Evidence // nil: nothing was read before, nor written
	touched  bool             // canaries may have been written over what stood there
}

// prepare reads the blocks that will be looked for. It changes nothing.
func (f *firmware) prepare(ctx context.Context) (err error) {
	f.d.Meter.Enter(wipe.PhaseSampling, true)
	f.evidence, err = verify.Before(ctx, f.d.reader(), f.d.Plan.Identity.Media)
	return err
}

// before writes the canaries, once their key is durable. A drive that takes none is
// no error, its evidence is less. From here on the erasure has begun: sent says so.
func (f *firmware) before(ctx context.Context) error {
	f.d.Meter.Enter(wipe.PhaseSampling, false)
	if f.evidence == nil {
		if err := f.prepare(ctx); err != nil {
			return err
		}
	}
	key, err := verify.NewKey()
	if err != nil {
		return err
	}
	if err := f.d.mark(ctx, journal.StepCanaries, map[string]string{markKey: key.Hex()}); err != nil {
		return err
	}
	f.touched = true
	defer f.d.Meter.Quiet(flushTimeout)()
	return f.evidence.Plant(ctx, f.d.reader(), f.d.Target, f.serial(), key)
}

// issue makes durable that the erasing command is about to be sent, with the
// technique's own data, and enters the phase that can't be stopped.
func (f *firmware) issue(ctx context.Context, data map[string]string) error {
	all := map[string]string{}
	if f.evidence != nil {
		all[markCanaries] = strconv.FormatInt(f.evidence.Canaries(), 10)
	}
	for k, v := range data {
		all[k] = v
	}
	if err := f.d.mark(ctx, journal.StepIssue, all); err != nil {
		return err
	}
	f.d.running()
	return nil
}

// recall takes up the evidence of an erasure that an earlier start issued. Without
// any, the drive's word is all there is.
func (f *firmware) recall() {
	key, n, ok := f.planted()
	if ok && f.d.Past.Entry.Drive.Geometry == f.d.Plan.Geometry {
		f.evidence = verify.Recall(f.d.Plan.Geometry, f.d.Plan.Identity.Media, f.serial(), key, n)
	}
}

// planted gives the canaries of the last erasure that was issued: those that were
// planted after it were not all written when the power went.
func (f *firmware) planted() (key verify.Key, blocks int64, ok bool) {
	if f.d.Past == nil {
		return key, 0, false
	}
	var known bool // key is one
	for _, m := range f.d.Past.Marks {
		var err error
		switch m.Step {
		case journal.StepCanaries:
			key, err = verify.ParseKey(m.Data[markKey])
			known, ok = err == nil, false
		case journal.StepIssue:
			blocks, err = strconv.ParseInt(m.Data[markCanaries], 10, 64)
			ok = known && err == nil && blocks > 0
		}
	}
	return key, blocks, ok
}

// serial that the canaries hold: who the drive is by its own answer.
func (f *firmware) serial() string {
	id := f.d.Plan.Identity
	return fmt.Sprintf("%s\n%s\n%d", id.Serial, id.WWN, id.Namespace)
}

// report says what is true of every erasure by firmware: once canaries were written
// the drive was touched.
func (f *firmware) report(r Report) Report {
	r.Sent = r.Sent || f.touched
	return r
}

// after opens the drive again, for the kernel has looked at it anew, makes sure that
// it is as big as before, and looks for all that stood on it.
func (f *firmware) after(ctx context.Context) (wipe.Verification, error) {
	f.d.Meter.Enter(wipe.PhaseVerifying, false)
	// That the erasure ended is worth knowing at the next start; nothing hangs on it.
	_ = f.d.mark(ctx, journal.StepErased, nil)
	if err := f.d.Reopen(ctx); err != nil {
		return f.none(), err
	}
	if g := f.d.Target.Geometry(); g != f.d.Plan.Geometry {
		return f.none(), fmt.Errorf("it now has %d bytes in blocks of %d", g.Size, g.LogicalBlock)
	}
	if f.evidence == nil {
		return f.none(), nil
	}
	return f.evidence.After(ctx, f.d.reader())
}

func (f *firmware) none() wipe.Verification {
	if f.evidence == nil {
		return wipe.Verification{Method: "none: nothing is known of what stood there before", Result: verify.NotDone}
	}
	return f.evidence.None()
}

// grade of a firmware erasure: without canaries, the drive's word is all there is.
func (f *firmware) grade(v wipe.Verification) wipe.EvidenceGrade {
	if v.Result == verify.Passed && v.Canaries > 0 {
		return wipe.EvidenceCanaries
	}
	return wipe.EvidenceDeviceClaims
}
