package inproc

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/identify"
	"handback.example/inspect/drive/scsi"
	"handback.example/inspect/drive/sim"
)

// scsiDrive speaks CDBs.
type scsiDrive struct {
	model sim.SCSI
	bus   drive.Bus
}

func (s *scsiDrive) protocol() drive.Protocol { return drive.ProtocolSCSI }

func (s *scsiDrive) send(ctx context.Context, c drive.Command) (drive.Completion, error) {
	r := sim.SCSIRequest{CDB: c.Frame}
	if c.Direction == drive.DirectionOut {
		r.Out = c.Data
	} else {
		r.In = len(c.Data)
	}
	a, err := s.model.SCSI(ctx, r)
	if err != nil {
		return drive.Completion{}, err
	}
	done := drive.Completion{Status: uint16(a.Status), Sense: a.Sense}
	if c.Direction == drive.DirectionIn {
		done.Residual = len(c.Data) - copy(c.Data, a.In)
	}
	return done, nil
}

// attentions is how often in a row a drive may say that it was reset, as Linux
// allows it.
const attentions = 5

// ask sends a command and asks again after a reset.
func ask(ctx context.Context, t drive.Transport, c drive.Command) (drive.Completion, error) {
	for n := 0; ; n++ {
		done, err := t.Do(ctx, c)
		var refused *drive.StatusError
		if n < attentions && errors.As(err, &refused) {
			if s, ok := scsi.ParseSense(refused.Sense); ok && s.Key == 0x6 {
				continue
			}
		}
		return done, err
	}
}

func (s *scsiDrive) geometry(ctx context.Context, t drive.Transport) (drive.Geometry, error) {
	c := scsi.ReadCapacity()
	done, err := ask(ctx, t, c)
	if err != nil {
		return drive.Geometry{}, err
	}
	k, err := scsi.ParseCapacity(c.Data[:len(c.Data)-done.Residual])
	if err != nil {
		return drive.Geometry{}, err
	}
	return sane(k.Blocks, k.BlockSize, k.Physical)
}

func sane(blocks uint64, logical, physical int) (drive.Geometry, error) {
	if logical < 512 || logical&(logical-1) != 0 || blocks > 1<<62/uint64(logical) {
		return drive.Geometry{}, fmt.Errorf("its size makes no sense: %d blocks of %d", blocks, logical)
	}
	return drive.Geometry{Size: int64(blocks) * int64(logical), LogicalBlock: logical, PhysicalBlock: physical}, nil
}

func (s *scsiDrive) identify(ctx context.Context, t drive.Transport, size int64) (drive.Identity, error) {
	return identify.SCSI(ctx, t, identify.Way{Bus: s.bus, Size: size})
}

func (s *scsiDrive) largest() int { return 512 << 10 }

// cdb16 of READ(16), WRITE(16) (SBC-4 clauses 5.18 and 5.48).
func cdb16(op byte, block int64, n int) []byte {
	b := make([]byte, 16)
	b[0] = op
	binary.BigEndian.PutUint64(b[2:], uint64(block))
	binary.BigEndian.PutUint32(b[10:], uint32(n))
	return b
}

func (s *scsiDrive) read(ctx context.Context, p []byte, block int64, size int) error {
	a, err := s.run(ctx, sim.SCSIRequest{CDB: cdb16(0x88, block, len(p)/size), In: len(p)})
	if err != nil {
		return err
	}
	if n := copy(p, a.In); n < len(p) {
		return fmt.Errorf("only %d of %d bytes came", n, len(p))
	}
	return nil
}

func (s *scsiDrive) write(ctx context.Context, p []byte, block int64, size int) error {
	_, err := s.run(ctx, sim.SCSIRequest{CDB: cdb16(0x8a, block, len(p)/size), Out: p})
	return err
}

// flush: SYNCHRONIZE CACHE(10) of all blocks (SBC-4 clause 5.27).
func (s *scsiDrive) flush(ctx context.Context) error {
	_, err := s.run(ctx, sim.SCSIRequest{CDB: []byte{0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0}})
	return err
}

func (s *scsiDrive) run(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	for n := 0; ; n++ {
		a, err := s.model.SCSI(ctx, r)
		if err != nil || a.Status == 0 {
			return a, err
		}
		k, ok := scsi.ParseSense(a.Sense)
		switch {
		case ok && k.Key == 0x6 && n < attentions:
		case ok && k.Good():
			return a, nil
		default:
			return a, fmt.Errorf("status %02xh, sense % x", a.Status, a.Sense)
		}
	}
}
