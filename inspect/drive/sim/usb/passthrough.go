package usb

import (
	"context"
	"slices"

	"handback.example/inspect/drive/sim"
)

// passThrough does with ATA PASS-THROUGH (SAT-4 clause 12.2) what this bridge does.
func (b *Bridge) passThrough(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	switch b.cfg.PassThrough {
	case PassThroughSAT:
		return b.drive.SCSI(ctx, r)
	case PassThroughHang:
		return sim.SCSIReply{}, b.hang(ctx)
	case PassThroughStall:
		return sim.SCSIReply{}, ErrPhase
	case PassThroughDrop:
		b.restart()
		b.tell(false)
		b.tell(true)
		return sim.SCSIReply{}, sim.ErrGone
	case PassThroughLow:
		return b.passLow(ctx, r)
	case PassThroughNoSense:
		reply, err := b.drive.SCSI(ctx, r)
		return loseSense(reply), err
	}
	return refuse(keyIllegal, ascInvalidOpcode), nil
}

// passLow clears the high byte of features, count and LBA in ATA PASS-THROUGH (16)
// on the way in, of count and LBA in the returned registers on the way out.
func (b *Bridge) passLow(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if r.CDB[0] == opATA16 {
		for _, high := range []int{3, 5, 7, 9, 11} {
			r.CDB[high] = 0
		}
	}
	reply, err := b.drive.SCSI(ctx, r)
	reply.Sense = slices.Clone(reply.Sense)
	if d := descriptor(reply.Sense, descATA, descATASize); d != nil {
		for _, high := range []int{4, 6, 8, 10} {
			d[high] = 0
		}
	}
	return reply, err
}

// loseSense: a command that worked is GOOD without its registers, one that failed
// fails without a reason.
func loseSense(r sim.SCSIReply) sim.SCSIReply {
	if r.Status != statusCheck {
		return r
	}
	if _, asc := senseParts(r.Sense); asc == ascATAInfo {
		r.Status, r.Sense = 0, nil
		return r
	}
	r.Sense = fixed(keyNone, ascNone)
	return r
}
