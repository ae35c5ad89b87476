// Package technique erases one drive by one technique and reads back what that
// left. It destroys; who it destroys, and whether it may, is settled before by
// the job, which also judges what is reported here.
//
// Sources: NIST SP 800-88 Rev. 2 (one overwrite pass), NVM Express Base 2.0
// clauses 5.14 (Format NVM), 5.24 and 8.21 (Sanitize).
package technique

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/internal/sweep"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

// flushTimeout: a drive with a big cache on a slow medium may take minutes.
const flushTimeout = 5 * time.Minute

// Drive is one drive under erasure. It belongs to one technique.
type Drive struct {
	Target drive.Target
	Plan   wipe.DrivePlan
	Step   wipe.Step
	Meter  *meter.Meter
	// Reopen closes Target and opens the drive again, once it is there and
	// answers as itself: after a firmware command the kernel may have looked at
	// it anew. It stores the new Target.
	Reopen func(ctx context.Context) error
	// Clock by which a technique waits and gives up. nil: the computer's own.
	Clock Clock
	// Mark makes a step durable before it is taken; on an error the step is not
	// taken, and nothing further is destroyed or locked. nil: nothing can be marked.
	Mark func(ctx context.Context, m journal.Mark) error
	// Past is what an earlier start left of this drive's erasure; nil: nothing.
	Past *journal.Past
	// Together is where namespaces of one controller meet; nil: there are no others.
	Together *Together
	// PSID from the drive's label, where a person gave it.
	PSID string

	// SlowBelow is the speed, in bytes per second, that a drive must hold over SlowFor
	// while it is overwritten or read back from end to end. 0: 1 MB/s, ten minutes.
	SlowBelow float64
	SlowFor   time.Duration

	Bad     sweep.Bad
	Buffers sweep.Buffers

	// lockTried: our ATA password was tried on it, and did not open it. A drive counts.
	lockTried bool
}

// floor under the speed of one sweep over the drive.
func (d *Drive) floor() *sweep.Floor {
	return &sweep.Floor{Now: d.clock().Now, Rate: d.SlowBelow, Window: d.SlowFor}
}

// Clock of a technique. A test moves one of its own.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// Wall is the computer's own clock.
func Wall() Clock { return wall{} }

type wall struct{}

func (wall) Now() time.Time { return time.Now() }

func (wall) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *Drive) clock() Clock {
	if d.Clock == nil {
		return wall{}
	}
	return d.Clock
}

// mark a step. Without a journal nothing may be destroyed.
func (d *Drive) mark(ctx context.Context, step string, data map[string]string) error {
	if d.Mark == nil {
		return journal.ErrNone
	}
	if err := d.Mark(ctx, journal.Mark{Step: step, Data: data}); err != nil {
		return fmt.Errorf("%w: %w", ErrUnmarked, err)
	}
	return nil
}

// ErrUnmarked: a step could not be made durable, so it was not taken.
var ErrUnmarked = errors.New("the next step could not be written down, so it was not taken")

// Alive asks the drive who it is; nil: it is there, and the one that was planned.
func (d *Drive) Alive(ctx context.Context) error {
	id, err := d.Target.Identify(ctx)
	switch {
	case err != nil:
		return err
	case !id.Same(d.Plan.Identity):
		return fmt.Errorf("%w: %s, serial %q, %d bytes", ErrOther, id.Model, id.Serial, id.Size)
	}
	return nil
}

// ErrOther: another drive answers than the one that was planned.
var ErrOther = errors.New("another drive answers")

// ErrUnanswered: a destructive command was sent and its answer is not known.
var ErrUnanswered = errors.New("the drive's answer is not known")

// Report is what a technique did. Its zero value is of no use to a success.
type Report struct {
	// Sent is true from the moment that something destructive may have reached
	// the drive.
	Sent bool
	// Complete: the technique came to its end over the whole drive, and the drive
	// confirmed it.
	Complete bool
	Written  int64 // bytes written from outside
	Commands []wipe.CommandTrace
	Err      error // why it is not complete
	// Resumed says how an erasure that was begun before was gone on with.
	Resumed string
}

// Technique on one drive. The calls come in the order Prepare, Erase, Verify,
// each at most once; Verify only after an Erase that sent something.
type Technique interface {
	// Prepare reads what must be read before. It changes nothing.
	Prepare(ctx context.Context) error
	// CanStop reports whether Erase and Verify heed the end of their ctx.
	CanStop() bool
	// Erase destroys.
	Erase(ctx context.Context) Report
	// Verify reads back. An error says that it did not come to its end.
	Verify(ctx context.Context) (wipe.Verification, error)
	// Grade is the evidence that a passed verification, or none, makes.
	Grade(v wipe.Verification) wipe.EvidenceGrade
}

// For gives the technique of d's step.
func For(d *Drive) (Technique, error) {
	switch d.Step.Technique {
	case wipe.OverwriteZero, wipe.OverwriteOne, wipe.OverwriteRandom,
		wipe.OverwriteIS5Baseline, wipe.OverwriteIS5Enhanced, wipe.OverwriteRandom3:
		return newOverwrite(d)
	case wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.ATASanitizeOverwrite:
		return newATASanitize(d)
	case wipe.ATASecurityErase, wipe.ATASecurityEraseEnhanced:
		return newATASecurity(d)
	case wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite:
		return newNVMeSanitize(d)
	case wipe.NVMeFormatUserData, wipe.NVMeFormatCrypto:
		return newFormat(d), nil
	case wipe.SCSISanitizeBlock, wipe.SCSISanitizeCrypto, wipe.SCSISanitizeOverwrite:
		return newSCSISanitize(d), nil
	case wipe.SCSIFormatUnit:
		return newSCSIFormat(d), nil
	case wipe.OpalRevert, wipe.OpalPSIDRevert:
		return newOpal(d)
	case wipe.MMCSanitize, wipe.MMCSecureErase:
		return newMMCErase(d), nil
	}
	return nil, fmt.Errorf("there is no technique %q here", d.Step.Technique)
}

func (d *Drive) narrower(ctx context.Context, what string) *sweep.Narrower {
	return &sweep.Narrower{Ctx: ctx, Block: d.Plan.Geometry.LogicalBlock, What: what, Bad: &d.Bad, Meter: d.Meter,
		Now: d.clock().Now, Alive: func() error { return d.Alive(context.Background()) }}
}

func (d *Drive) reader() verify.Reader {
	return verify.Reader{Now: d.clock().Now, Media: d.Target, Geometry: d.Plan.Geometry, Meter: d.Meter, Bad: &d.Bad, Buffers: &d.Buffers,
		Alive: func() error { return d.Alive(context.Background()) }}
}
