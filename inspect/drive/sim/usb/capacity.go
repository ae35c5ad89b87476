package usb

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"handback.example/inspect/drive/sim"
)

// geometry of the drive and what the bridge makes of it. Its zero value is: not
// known.
type geometry struct {
	ratio  uint64 // logical blocks of the drive in one of the bridge's
	block  uint64 // bytes in one of the bridge's
	blocks uint64 // that the bridge shows
}

// fits: the bridge shows the drive's own blocks, all of them.
func (b *Bridge) fits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.cfg.BlockSize == 0 && b.cfg.Short == 0 && b.shrink == 0
}

// measure asks the drive by READ CAPACITY(16), SBC-4 clause 5.20. Where it gives a
// reply with a status, that is the drive's refusal.
func (b *Bridge) measure(ctx context.Context) (geometry, sim.SCSIReply, error) {
	ask := sim.SCSIRequest{CDB: []byte{opServiceIn, saReadCapacity16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0}, In: 32}
	reply, err := b.drive.SCSI(ctx, ask)
	if err != nil || reply.Status != 0 {
		return geometry{}, reply, err
	}
	if len(reply.In) < 12 {
		return geometry{}, refuse(keyHardware, ascInternalTarget), nil
	}
	last, block := binary.BigEndian.Uint64(reply.In), uint64(binary.BigEndian.Uint32(reply.In[8:]))
	g, ok := b.shape(last, block)
	if !ok {
		return geometry{}, refuse(keyHardware, ascInternalTarget), nil
	}
	b.mu.Lock()
	b.geo = g
	b.mu.Unlock()
	return g, sim.SCSIReply{}, nil
}

// shape is what the bridge shows of a drive; false where nothing can be made of it.
func (b *Bridge) shape(last, block uint64) (geometry, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := geometry{ratio: 1, block: block}
	if b.cfg.BlockSize != 0 {
		g.block = uint64(b.cfg.BlockSize)
	}
	if block == 0 || last == math.MaxUint64 || g.block%block != 0 {
		return geometry{}, false
	}
	g.ratio = g.block / block
	g.blocks = (last + 1) / g.ratio
	if g.blocks <= b.cfg.Short {
		return geometry{}, false
	}
	g.blocks -= b.cfg.Short
	if b.shrink != 0 {
		g.blocks = min(g.blocks, b.shrink)
	}
	return g, true
}

// known is the geometry as the bridge remembers it since its last reset.
func (b *Bridge) known(ctx context.Context) (geometry, sim.SCSIReply, error) {
	b.mu.Lock()
	g := b.geo
	b.mu.Unlock()
	if g.block != 0 {
		return g, sim.SCSIReply{}, nil
	}
	return b.measure(ctx)
}

// readCapacity in either length, of what the bridge shows.
func (b *Bridge) readCapacity(ctx context.Context, c cdb, r sim.SCSIRequest) (sim.SCSIReply, error) {
	if b.fits() {
		return b.drive.SCSI(ctx, r)
	}
	g, reply, err := b.measure(ctx)
	if err != nil || reply.Status != 0 {
		return reply, err
	}
	if c.op == opReadCapacity10 {
		in := make([]byte, 8) // SBC-4 clause 5.19
		binary.BigEndian.PutUint32(in, uint32(min(g.blocks-1, math.MaxUint32)))
		binary.BigEndian.PutUint32(in[4:], uint32(g.block))
		return sim.SCSIReply{In: in}, nil
	}
	in := make([]byte, 32) // nothing of protection, alignment or provisioning
	binary.BigEndian.PutUint64(in, g.blocks-1)
	binary.BigEndian.PutUint32(in[8:], uint32(g.block))
	return sim.SCSIReply{In: in[:min(32, uint64(binary.BigEndian.Uint32(c.bytes[10:])))]}, nil
}

// translated runs a command that reads, writes, verifies or flushes on the drive's
// blocks. It is told there in its 16-byte form, whose fields have room for more.
func (b *Bridge) translated(ctx context.Context, c cdb, r sim.SCSIRequest) (sim.SCSIReply, error) {
	g, reply, err := b.known(ctx)
	if err != nil || reply.Status != 0 {
		return reply, err
	}
	if c.lba > g.blocks || c.blocks > g.blocks-c.lba {
		return refuse(keyIllegal, ascOutOfRange), nil
	}
	if c.blocks*g.ratio > math.MaxUint32 {
		return refuse(keyIllegal, ascInvalidField), nil
	}
	r.CDB = c.wide(g.ratio)
	reply, err = b.drive.SCSI(ctx, r)
	reply.Sense = slices.Clone(reply.Sense)
	scaleSense(reply.Sense, g.ratio)
	return reply, err
}

// wide forms of commands by the low five bits of their opcode (SBC-4 clause 5).
var wide = map[byte]byte{
	opRead6 & 0x1f: opRead16, opWrite6 & 0x1f: opWrite16,
	opWriteVerify10 & 0x1f: opWriteVerify16, opVerify10 & 0x1f: opVerify16,
	opSyncCache10 & 0x1f: opSyncCache16,
}

// wide is the command on the drive's blocks.
func (c cdb) wide(ratio uint64) []byte {
	op := c.op
	if op < opRead16 || op > opSyncCache16 {
		op = wide[c.op&0x1f]
	}
	b := make([]byte, 16)
	b[0] = op
	if c.op != opRead6 && c.op != opWrite6 {
		b[1] = c.bytes[1] // protection, DPO, FUA, BYTCHK, IMMED
	}
	binary.BigEndian.PutUint64(b[2:], c.lba*ratio)
	binary.BigEndian.PutUint32(b[10:], uint32(c.blocks*ratio))
	return b
}
