package technique

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/internal/pattern"
	"handback.example/wipe/verify"
)

// scsiSanitize is SANITIZE (SBC-4 clauses 4.11 and 5.30). It reaches every block that
// the drive has, shown or not, goes on after a power cut, and where it fails the drive
// stays unusable until another one has done it: the right to leave that state (AUSE)
// is never asked for.
type scsiSanitize struct {
	scsiRun
	action byte
	// filled: the drive let no block be read until it was written, and was written full.
	filled bool
}

// Operation code and service actions.
const (
	opSanitize      = 0x48
	actionOverwrite = 0x01
	actionBlock     = 0x02
	actionCrypto    = 0x03
)

func newSCSISanitize(d *Drive) *scsiSanitize {
	s := &scsiSanitize{scsiRun: scsiRun{firmware: firmware{d: d}, running: scsi.ActivitySanitize, failed: scsi.SanitizeFailed}}
	var c drive.Command
	switch d.Step.Technique {
	case wipe.SCSISanitizeBlock:
		s.name, s.action, c = "SANITIZE, block erase", actionBlock, frame.SCSISanitizeBlock()
	case wipe.SCSISanitizeCrypto:
		s.name, s.action, c = "SANITIZE, cryptographic erase", actionCrypto, frame.SCSISanitizeCrypto()
	default:
		s.name, s.action, c = "SANITIZE, overwrite", actionOverwrite, frame.SCSISanitizeOverwrite()
	}
	s.commands = []drive.Command{c}
	return s
}

// Prepare asks whether the drive has this command, and what it is at.
func (s *scsiSanitize) Prepare(ctx context.Context) error {
	if err := s.d.scsiHas(ctx, opSanitize, int(s.action)); err != nil {
		return err
	}
	return s.look(ctx)
}

// scsiHas: the drive itself says that it has a command.
func (d *Drive) scsiHas(ctx context.Context, code byte, action int) error {
	c := scsi.SupportedOperation(code, action)
	done, err := d.scsiDo(ctx, c)
	if err != nil {
		return fmt.Errorf("the drive does not say whether it has the command: %w", err)
	}
	has, err := scsi.ParseSupport(c.Data[:max(0, len(c.Data)-done.Residual)], code)
	if err == nil && !has.Supported {
		err = errors.New("the drive does not have the command")
	}
	return err
}

// Erase sanitizes. A drive that lets nothing be read afterwards until it was written
// (03h/11h/15h) is written full of zeros: it would be of no use to its next owner, and
// nothing could be looked for.
func (s *scsiSanitize) Erase(ctx context.Context) Report {
	r := s.scsiRun.Erase(ctx)
	if !r.Complete || s.action == actionOverwrite || !s.mustBeWritten(ctx) {
		return r
	}
	s.filled = true
	o := &overwrite{d: s.d, passes: []pattern.Pattern{pattern.Zero{}}}
	err := o.run(ctx, place{})
	r.Written, r.Complete = o.written.Load(), err == nil && o.written.Load() == s.d.Plan.Geometry.Size
	if err != nil {
		r.Err = fmt.Errorf("it was sanitized, and must be written before it can be read: %w", err)
	}
	return r
}

// mustBeWritten: the first block can't be read, for it was not written since.
func (s *scsiSanitize) mustBeWritten(ctx context.Context) bool {
	_, err := s.d.scsiDo(ctx, scsi.ReadFirstBlock(s.d.Plan.Geometry.LogicalBlock))
	var status *drive.StatusError
	if !errors.As(err, &status) {
		return false
	}
	k, ok := scsi.ParseSense(status.Sense)
	return ok && k == scsi.Sense{Key: 0x3, ASC: 0x11, ASCQ: 0x15}
}

// Verify looks for what stood there. On a drive that was written full since, what is
// gone says nothing of the sanitize; what is left says that nothing helped.
func (s *scsiSanitize) Verify(ctx context.Context) (wipe.Verification, error) {
	v, err := s.scsiRun.Verify(ctx)
	if s.filled && v.Survivors == 0 && v.Unreadable == 0 {
		v = wipe.Verification{Method: "none: every block had to be written before it could be read", BytesRead: v.BytesRead, Result: verify.NotDone}
	}
	return v, err
}
