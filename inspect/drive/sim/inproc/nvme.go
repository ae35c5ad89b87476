package inproc

import (
	"context"
	"encoding/binary"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/identify"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/sim"
)

// nvmeDrive speaks to one namespace of a controller.
type nvmeDrive struct {
	model sim.NVMe
	nsid  uint32
}

func (v *nvmeDrive) protocol() drive.Protocol { return drive.ProtocolNVMe }

func (v *nvmeDrive) send(ctx context.Context, c drive.Command) (drive.Completion, error) {
	r := sim.NVMeRequest{SQE: [64]byte(c.Frame)}
	if c.Direction == drive.DirectionOut {
		r.Out = c.Data
	} else {
		r.In = len(c.Data)
	}
	a, err := v.model.Admin(ctx, r)
	if err != nil {
		return drive.Completion{}, err
	}
	if c.Direction == drive.DirectionIn {
		clear(c.Data[copy(c.Data, a.In):]) // an NVMe answer has no length
	}
	return drive.Completion{Status: a.Status & 0x7ff, Result: a.Result}, nil
}

func (v *nvmeDrive) geometry(ctx context.Context, t drive.Transport) (drive.Geometry, error) {
	c := nvme.IdentifyNamespace(v.nsid)
	if _, err := t.Do(ctx, c); err != nil {
		return drive.Geometry{}, err
	}
	n, err := nvme.ParseNamespace(c.Data)
	if err != nil {
		return drive.Geometry{}, err
	}
	return sane(n.Blocks, n.BlockSize, n.BlockSize)
}

func (v *nvmeDrive) identify(ctx context.Context, t drive.Transport, _ int64) (drive.Identity, error) {
	return identify.NVMe(ctx, t, v.nsid)
}

// largest: 128 KiB, below the least that a controller may take with pages of 4 KiB
// and MDTS 5, which all known drives have.
func (v *nvmeDrive) largest() int { return 128 << 10 }

// entry of Read, Write and Flush (NVM Command Set 1.0, clause 3.2).
func (v *nvmeDrive) entry(op byte, block int64, n int) [64]byte {
	var e [64]byte
	e[0] = op
	binary.LittleEndian.PutUint32(e[4:], v.nsid)
	binary.LittleEndian.PutUint64(e[40:], uint64(block))
	if n > 0 {
		binary.LittleEndian.PutUint16(e[48:], uint16(n-1)) // NLB counts from 0
	}
	return e
}

func (v *nvmeDrive) read(ctx context.Context, p []byte, block int64, size int) error {
	a, err := v.run(ctx, sim.NVMeRequest{SQE: v.entry(0x02, block, len(p)/size), In: len(p)})
	if err != nil {
		return err
	}
	if n := copy(p, a.In); n < len(p) {
		return fmt.Errorf("only %d of %d bytes came", n, len(p))
	}
	return nil
}

func (v *nvmeDrive) write(ctx context.Context, p []byte, block int64, size int) error {
	_, err := v.run(ctx, sim.NVMeRequest{SQE: v.entry(0x01, block, len(p)/size), Out: p})
	return err
}

func (v *nvmeDrive) flush(ctx context.Context) error {
	_, err := v.run(ctx, sim.NVMeRequest{SQE: v.entry(0x00, 0, 0)})
	return err
}

func (v *nvmeDrive) run(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	a, err := v.model.IO(ctx, r)
	if err == nil && a.Status&0x7ff != 0 {
		err = fmt.Errorf("status %03xh", a.Status&0x7ff)
	}
	return a, err
}
