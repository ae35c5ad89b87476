// Package journal is the promise that stands before every erasure: what is about
// to be destroyed is written down where a power cut does not reach it, first.
//
// The package has the contract alone. Who keeps it (the stick, a folder, the
// hub) is wired in by the command.
package journal

import (
	"context"
	"errors"

	"handback.example/wipe"
)

// Entry is what is written down before the first destructive command to a drive.
type Entry struct {
	Drive      wipe.DrivePlan // who it is, by its own answer a moment ago
	Step       wipe.Step      // what is about to be done
	PlanDigest string         // of the plan that was agreed to
	Resumed    bool           // an erasure that an earlier start had begun
}

// Journal keeps entries. It is used by several drives at once.
type Journal interface {
	// Started returns nil only when the entry is durable: written, synced, and
	// found again after the power is cut at any later moment. On any error
	// nothing is sent to the drive. It may be called again for the same drive.
	Started(ctx context.Context, e Entry) error
}

// ErrNone is the answer of None.
var ErrNone = errors.New("there is no durable place for the record of what is about to be erased")

// None keeps nothing, and says so: with it nothing is ever erased. It stands in
// where a journal was forgotten.
type None struct{}

// Started refuses.
func (None) Started(context.Context, Entry) error { return ErrNone }
