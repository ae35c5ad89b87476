package job

import (
	"slices"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// climb runs the ladder's steps: the next one where one did not erase, the drive is
// known to be at rest, and nobody has stopped. None is weaker than the first, which
// is what was agreed to.
func (a *attempt) climb() wipe.Outcome {
	if r := a.claim(); r != nil {
		return a.refused(*r)
	}
	defer func() { _ = a.d.Target.Close(); a.d.Buffers.Release() }()
	var all []wipe.Outcome
	for _, step := range a.steps() {
		a.d.Step, a.d.Past, a.d.Bad = step, pastOf(a.past, step), sweep.Bad{}
		o := a.step()
		all = append(all, o)
		if !another(o) || a.stop.Err() != nil || a.life.Err() != nil {
			break
		}
	}
	return oneOf(all)
}

// steps in the order in which they are tried. What an earlier start has begun comes
// first: the drive may still be at it.
func (a *attempt) steps() []wipe.Step {
	var list []wipe.Step
	for _, s := range a.plan.Ladder {
		if s.Level >= a.plan.Ladder[0].Level {
			list = append(list, s)
		}
	}
	if a.past != nil {
		begun := slices.IndexFunc(list, func(s wipe.Step) bool { return sameWay(s, a.past.Entry.Step) })
		if begun > 0 {
			s := list[begun]
			list = slices.Insert(slices.Delete(list, begun, begun+1), 0, s)
		}
	}
	return list
}

// pastOf is what a technique may know of an earlier start: all, where that ran the
// same technique; else what holds of the drive whoever asks: its capacity, our
// password.
func pastOf(p *journal.Past, s wipe.Step) *journal.Past {
	if p == nil || sameWay(p.Entry.Step, s) {
		return p
	}
	c := *p
	c.Marks = slices.DeleteFunc(slices.Clone(p.Marks), func(m journal.Mark) bool {
		return m.Step != journal.StepPassword && m.Step != journal.StepRestore
	})
	return &c
}

func sameWay(a, b wipe.Step) bool { return a.Technique == b.Technique && a.Then == b.Then }

// oneOf makes one outcome of all that was tried: the last that sent something, for
// a refusal after it must not hide it; the others stand beside it.
func oneOf(all []wipe.Outcome) wipe.Outcome {
	last := len(all) - 1
	for i, o := range slices.Backward(all) {
		if o.Verdict != wipe.Refused {
			last = i
			break
		}
	}
	o := all[last]
	for i, x := range all {
		if i != last {
			o.Attempts = append(o.Attempts, wipe.Attempt{Technique: x.Technique, Verdict: x.Verdict, What: x.What, Commands: x.Commands})
		}
	}
	return o
}

// another technique may do what this one did not: it can't be had here, or the drive
// says itself that it refuses it or that it failed. Where data was found that should
// be gone, or nobody knows what the drive is doing, a person decides.
func another(o wipe.Outcome) bool {
	switch o.Verdict {
	case wipe.Refused:
		return o.Code == codeNotPrepared || o.Code == codeNotSent
	case wipe.Failed:
		return o.Code == codeNotErased && o.Verification.Result == verify.NotDone && o.Verification.Survivors == 0
	}
	return false
}

// step runs one technique. A hidden capacity comes back first: what is read before
// the erasure must be read of the whole drive.
func (a *attempt) step() wipe.Outcome {
	order := []func() *wipe.Refusal{a.prepare, a.record, a.lastWord}
	if a.plan.Restore != nil && a.restored == "" {
		order = []func() *wipe.Refusal{a.record, a.lastWord, a.restore, a.prepare}
	}
	for _, do := range order {
		if r := do(); r != nil {
			return a.refused(*r)
		}
	}
	return a.erase()
}

// expected is who must answer, and in which shape: as planned, but for a capacity
// that was restored.
func (a *attempt) expected() (drive.Identity, drive.Geometry) {
	return a.d.Plan.Identity, a.d.Plan.Geometry
}
