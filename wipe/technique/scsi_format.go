package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
)

// scsiFormat is FORMAT UNIT (SBC-4 clause 5.3). It makes every block anew that the
// drive shows, so all are shown first; it ends with the power, and is then begun anew.
// What it leaves in the blocks is the drive's choice unless it takes an initialization
// pattern, which is asked for first.
type scsiFormat struct {
	scsiRun
	blocks uint64 // that were planned for
}

const opFormat = 0x04

// ErrHides: the drive hides blocks that no technique reaches but the one that failed,
// so none is tried after it.
var ErrHides = errors.New("it hides blocks behind its end")

// stepBlocks: all blocks are about to be shown; its data are how many were shown.
const stepBlocks = "blocks"

func newSCSIFormat(d *Drive) *scsiFormat {
	return &scsiFormat{scsiRun: scsiRun{firmware: firmware{d: d}, name: "FORMAT UNIT", running: scsi.ActivityFormat, failed: scsi.FormatCorrupted,
		commands: []drive.Command{frame.FormatUnit(true), frame.FormatUnit(false)}, again: true},
		blocks: uint64(d.Plan.Geometry.Blocks())}
}

// Prepare asks whether the drive has the command, how its blocks are made, and what it
// is at. A format would take protection information away, and with it change what the
// drive is.
func (s *scsiFormat) Prepare(ctx context.Context) error {
	if err := s.d.scsiHas(ctx, opFormat, scsi.NoAction); err != nil {
		return err
	}
	if k, err := s.d.capacity(ctx); err == nil && k.Protected {
		return errors.New("its blocks carry protection information, which a format would take away")
	}
	return s.look(ctx)
}

// Erase has the drive show all blocks that it has, formats them, and has it show as
// many as before.
func (s *scsiFormat) Erase(ctx context.Context) Report {
	shown, commands, err := s.showAll(ctx)
	if err != nil {
		// How many it shows now is not known: nothing else may be tried on what the
		// system takes for its size.
		return s.report(Report{Sent: len(commands) > 0, Commands: commands, Err: err})
	}
	r := s.scsiRun.Erase(ctx)
	r.Commands = append(commands, r.Commands...)
	if shown == s.blocks {
		return r
	}
	t, err := s.show(ctx, s.blocks)
	r.Commands, r.Sent = append(r.Commands, t), true
	switch {
	case err != nil:
		r.Complete, r.Err = false, fmt.Errorf("%w (%d blocks where %d were planned for), and does not hide them again: %w", ErrHides, shown, s.blocks, errors.Join(r.Err, err))
	case r.Err != nil && !errors.Is(r.Err, ErrUnanswered):
		r.Err = fmt.Errorf("%w; %w (%d blocks)", r.Err, ErrHides, shown-s.blocks)
	}
	return r
}

// showAll unhides what MODE SELECT has hidden and says how many blocks are shown then.
// A drive that is at something, or does not take this, stays as it is: what can't be
// unhidden was not hidden this way.
func (s *scsiFormat) showAll(ctx context.Context) (uint64, []wipe.CommandTrace, error) {
	if st, err := s.d.scsiState(ctx); err != nil || st.activity != scsi.ActivityNone {
		return s.blocks, nil, nil // the run itself looks into that
	}
	if err := s.d.mark(ctx, stepBlocks, map[string]string{"shown": fmt.Sprint(s.blocks)}); err != nil {
		return 0, nil, err
	}
	t, err := s.show(ctx, ^uint64(0))
	commands := []wipe.CommandTrace{t}
	var status *drive.StatusError
	if err != nil && !errors.As(err, &status) {
		return 0, commands, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	k, err := s.d.capacity(ctx)
	if err != nil {
		return 0, commands, fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	if k.BlockSize != s.d.Plan.Geometry.LogicalBlock || k.Blocks < s.blocks {
		return 0, commands, fmt.Errorf("%w: the drive now has %d blocks of %d bytes, and %d of %d were planned for", ErrOther, k.Blocks, k.BlockSize, s.blocks, s.d.Plan.Geometry.LogicalBlock)
	}
	return k.Blocks, commands, nil
}

func (s *scsiFormat) show(ctx context.Context, blocks uint64) (wipe.CommandTrace, error) {
	c, err := frame.ShowBlocks(blocks, s.d.Plan.Geometry.LogicalBlock)
	if err != nil {
		return wipe.CommandTrace{}, err
	}
	began := s.d.clock().Now()
	done, err := s.d.scsiDo(ctx, c)
	t := trace("MODE SELECT, number of blocks", c, done, err, s.d.clock().Now().Sub(began))
	t.Frame += hex.EncodeToString(c.Data)
	return t, err
}
