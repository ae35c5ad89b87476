// Package verify reads a drive back after its erasure and counts what it finds. It
// writes nothing but canaries, before a drive erases itself, and judges nothing: the
// verdict is the job's.
//
// Overwrites are read back wholly (Full) or by a sample (Sample). What a drive erases
// by itself is proved by what is no longer there (Evidence): keyed canaries, and a
// sample of what stood there before; zeros are never asked for.
//
// A read-back sees what the drive addresses now. Over-provisioned and
// reallocated cells are out of its reach, and no count here says anything of
// them.
package verify

import (
	"context"
	"fmt"
	"io"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/internal/sweep"
)

// Results of a verification: the words of wipe.Verification.Result.
const (
	Passed  = "passed"
	Failed  = "failed"
	NotDone = "not done"
)

// Reader reads one drive. Its fields are all needed.
type Reader struct {
	Media drive.Media
	// Geometry that was agreed to. What the drive shows by now is not asked: one
	// that has shrunk must not be found complete.
	Geometry drive.Geometry
	Meter    *meter.Meter
	Bad      *sweep.Bad   // where unreadable blocks are listed
	Alive    func() error // asks the drive who it is
	Buffers  *sweep.Buffers
	Now      func() time.Time // nil: the computer's clock
	// Floor of a full read-back; nil: the drive may be as slow as it is.
	Floor *sweep.Floor
}

func (r Reader) narrower(ctx context.Context) *sweep.Narrower {
	return &sweep.Narrower{Ctx: ctx, Block: r.Geometry.LogicalBlock, What: "read error", Bad: r.Bad, Alive: r.Alive, Meter: r.Meter, Now: r.Now}
}

// read fills b from off, or fails: a drive that gives less than was asked for
// without an error has not answered.
func (r Reader) read(b []byte, off int64) error {
	n, err := r.Media.ReadAt(b, off)
	if n == len(b) {
		return nil // io.EOF with all bytes is no error
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("%d of %d bytes came", n, len(b))
	}
	return err
}
