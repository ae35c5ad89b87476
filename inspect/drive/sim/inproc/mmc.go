package inproc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/drive/identify"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/drive/sim"
)

// AttachMMC hangs an eMMC or an SD card at a path.
func (h *Host) AttachMMC(path string, bus drive.Bus, m sim.MMC) error {
	return h.attach(&slot{path: path, bus: bus, model: m, speak: &mmcDrive{model: m, bus: bus, clock: h.clock}})
}

// mmcDrive speaks the bus of cards. The host's part of it is to give the card an
// address, to select it, and to wait while it is busy.
type mmcDrive struct {
	model sim.MMC
	bus   drive.Bus
	clock sim.Clock

	mu      sync.Mutex // a command and what goes with it are one on the bus
	cid     []byte
	byBytes bool // addresses count bytes: a card of up to 2 GiB
}

// bySector is bit 30 of the OCR register (clause 7.1).
const bySector = 1 << 30

// highCapacityGroups writes 1 to EXT_CSD[175] (ERASE_GROUP_DEF, clause 7.4.50).
var highCapacityGroups = sim.MMCRequest{Index: 6, Arg: 0x03af0101}

// address that the host gives the only card of its bus.
const address = 1 << 16

func (x *mmcDrive) protocol() drive.Protocol { return drive.ProtocolMMC }

// one command; a response that tells of an error is one.
func (x *mmcDrive) one(ctx context.Context, r sim.MMCRequest) (sim.MMCReply, error) {
	a, err := x.model.MMC(ctx, r)
	if err == nil {
		if bad := mmc.Status(a.Status).Errors(); bad != 0 && r.Index > 3 {
			err = fmt.Errorf("CMD%d: card status %08xh", r.Index, a.Status)
		}
	}
	return a, err
}

// ready sets a card up that has lost its power (JESD84-B51 clause 6.4), with erase and
// write protection groups of the size that EXT_CSD tells, as Linux does.
func (x *mmcDrive) ready(ctx context.Context) error {
	if a, err := x.model.MMC(ctx, sim.MMCRequest{Index: 13, Arg: address}); err == nil && mmc.Status(a.Status).State() != mmc.StateStandby {
		return x.settled(ctx)
	}
	for _, r := range []sim.MMCRequest{{Index: 0}, {Index: 1, Arg: 0x40ff8000}, {Index: 2, In: 16}, {Index: 3, Arg: address}, {Index: 7, Arg: address}, highCapacityGroups} {
		a, err := x.one(ctx, r)
		if err != nil {
			return err
		}
		switch r.Index {
		case 1:
			x.byBytes = a.Status&bySector == 0
		case 2:
			x.cid = a.In
		}
	}
	return x.settled(ctx)
}

// settled waits while the card is busy, and asks less and less often.
func (x *mmcDrive) settled(ctx context.Context) error {
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 2*time.Second) {
		a, err := x.model.MMC(ctx, sim.MMCRequest{Index: 13, Arg: address})
		if err != nil {
			return err
		}
		if mmc.Status(a.Status).State() != mmc.StateProgramming {
			return nil
		}
		if err := x.clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

func (x *mmcDrive) send(ctx context.Context, c drive.Command) (drive.Completion, error) {
	entries, err := mmc.Parse(c)
	if err != nil {
		return drive.Completion{}, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.ready(ctx); err != nil {
		return drive.Completion{}, err
	}
	var r1 []uint32
	for _, e := range entries {
		r := sim.MMCRequest{Index: e.Index, Arg: e.Arg}
		if c.Direction == drive.DirectionOut {
			r.Out = c.Data[:e.Bytes()]
		} else {
			r.In = e.Bytes()
		}
		a, err := x.model.MMC(ctx, r)
		if err != nil {
			return drive.Completion{}, fmt.Errorf("%s: CMD%d: %w: %w", answer.Operation(c), e.Index, drive.ErrNoAnswer, err)
		}
		r1 = append(r1, a.Status)
		copy(c.Data, a.In)
		if mmc.Status(a.Status).Errors() != 0 {
			break
		}
		if e.Response == mmc.R1b {
			if err := x.settled(ctx); err != nil {
				return drive.Completion{}, err
			}
		}
	}
	return mmc.Complete(r1), nil
}

func (x *mmcDrive) geometry(ctx context.Context, t drive.Transport) (drive.Geometry, error) {
	c := mmc.SendExtCSD()
	if _, err := t.Do(ctx, c); err != nil {
		return drive.Geometry{}, err
	}
	e, err := mmc.ParseExtCSD(c.Data)
	if err != nil {
		return drive.Geometry{}, err
	}
	return sane(uint64(e.Size()/512), 512, 4096)
}

func (x *mmcDrive) identify(ctx context.Context, _ drive.Transport, _ int64) (drive.Identity, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.ready(ctx); err != nil {
		return drive.Identity{}, err
	}
	return identify.CID(x.cid, x.bus)
}

func (x *mmcDrive) largest() int { return 512 << 10 }

// move blocks: CMD23 says how many, CMD18 reads and CMD25 writes them.
func (x *mmcDrive) move(ctx context.Context, r sim.MMCRequest, blocks int) (sim.MMCReply, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if err := x.ready(ctx); err != nil {
		return sim.MMCReply{}, err
	}
	if x.byBytes {
		r.Arg *= 512
	}
	if _, err := x.one(ctx, sim.MMCRequest{Index: 23, Arg: uint32(blocks)}); err != nil {
		return sim.MMCReply{}, err
	}
	a, err := x.one(ctx, r)
	if err != nil {
		return a, err
	}
	if err := x.settled(ctx); err != nil {
		return a, err
	}
	// What went wrong meanwhile is told by the next response.
	_, err = x.one(ctx, sim.MMCRequest{Index: 13, Arg: address})
	return a, err
}

func (x *mmcDrive) read(ctx context.Context, p []byte, block int64, size int) error {
	a, err := x.move(ctx, sim.MMCRequest{Index: 18, Arg: uint32(block), In: len(p)}, len(p)/size)
	if err != nil {
		return err
	}
	if n := copy(p, a.In); n < len(p) {
		return fmt.Errorf("only %d of %d bytes came", n, len(p))
	}
	return nil
}

func (x *mmcDrive) write(ctx context.Context, p []byte, block int64, size int) error {
	_, err := x.move(ctx, sim.MMCRequest{Index: 25, Arg: uint32(block), Out: p}, len(p)/size)
	return err
}

// flush: the models have no cache that is switched on.
func (x *mmcDrive) flush(ctx context.Context) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.ready(ctx)
}
