// Package journal is the promise that stands before every erasure: what is about
// to be destroyed is written down where a power cut does not reach it, first.
//
// The package has the contract alone. Who keeps it (the stick, a folder, the
// hub) is wired in by the command.
package journal

import (
	"context"
	"errors"

	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Entry is what is written down before the first destructive command to a drive.
type Entry struct {
	Drive      wipe.DrivePlan `json:"drive"`       // who it is, by its own answer a moment ago
	Step       wipe.Step      `json:"step"`        // what is about to be done
	PlanDigest string         `json:"plan_digest"` // of the plan that was agreed to
	Resumed    bool           `json:"resumed"`     // an erasure that an earlier start had begun
}

// Journal keeps entries. It is used by several drives at once.
type Journal interface {
	// Started returns nil only when the entry is durable: written, synced, and
	// found again after the power is cut at any later moment. On any error
	// nothing is sent to the drive. It may be called again for the same drive.
	Started(ctx context.Context, e Entry) error
	// Mark keeps one step of a drive's erasure, as durably, before the step is taken.
	Mark(ctx context.Context, id drive.Identity, m Mark) error
}

// Mark is one step of an erasure that has begun: what is about to happen, and what
// the next start needs to go on from there.
type Mark struct {
	Step string            `json:"step"`
	Data map[string]string `json:"data,omitempty"`
}

// Steps that techniques mark. The data that go with each are the technique's own.
const (
	StepRestore  = "restore"  // the capacity is about to be restored
	StepCanaries = "canaries" // canaries are about to be written
	StepPassword = "password" // our temporary password is about to be set
	StepIssue    = "issue"    // the erasing command is about to be sent
	StepOffset   = "offset"   // an overwrite has put all before this offset on the medium
	StepErased   = "erased"   // the erasure has ended, the read-back begins
)

// Past is an erasure of a drive that an earlier start began and did not end.
type Past struct {
	Entry Entry
	Marks []Mark // in their order
}

// Last mark of a step, or nil.
func (p *Past) Last(step string) *Mark {
	if p == nil {
		return nil
	}
	for i := len(p.Marks) - 1; i >= 0; i-- {
		if p.Marks[i].Step == step {
			return &p.Marks[i]
		}
	}
	return nil
}

// ErrNone is the answer of None.
var ErrNone = errors.New("there is no durable place for the record of what is about to be erased")

// None keeps nothing, and says so: with it nothing is ever erased. It stands in
// where a journal was forgotten.
type None struct{}

// Started refuses.
func (None) Started(context.Context, Entry) error { return ErrNone }

// Mark refuses.
func (None) Mark(context.Context, drive.Identity, Mark) error { return ErrNone }
