package usb

import (
	"context"
	"encoding/binary"
	"errors"

	"handback.example/inspect/drive/sim"
)

// phase of a Bulk-Only device (BOT clause 5.3).
type phase int

const (
	phaseCommand phase = iota // a command wrapper is awaited
	phaseOut                  // data from the host
	phaseWork                 // the command runs
	phaseIn                   // data to the host
	phaseStatus               // a status wrapper is there
)

// Wrappers (BOT clauses 5.1 and 5.2), little-endian.
const (
	cbwSize, cswSize           = 31, 13
	cbwSignature, cswSignature = 0x43425355, 0x53425355

	cswPassed, cswFailed, cswPhaseError = 0, 1, 2
)

// cbw is a command block wrapper.
type cbw struct {
	tag, length uint32
	in          bool
	block       []byte
}

// parseCBW says false to one that is not valid and meaningful (BOT clause 6.2): the
// bridge has one logical unit.
func parseCBW(p []byte) (cbw, bool) {
	if len(p) != cbwSize || binary.LittleEndian.Uint32(p) != cbwSignature {
		return cbw{}, false
	}
	n := int(p[14])
	if p[12]&0x7f != 0 || p[13] != 0 || n < 1 || n > 16 {
		return cbw{}, false
	}
	return cbw{
		tag: binary.LittleEndian.Uint32(p[4:]), length: binary.LittleEndian.Uint32(p[8:]),
		in: p[12]&0x80 != 0, block: append([]byte(nil), p[15:15+n]...),
	}, true
}

// Out takes one transfer of the host's: a command wrapper, or data for a command.
// It waits while the device is busy. n is how much was taken.
func (d *Device) Out(ctx context.Context, p []byte) (n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.config == 0 || d.haltOut:
			return 0, ErrStall
		case d.phase == phaseCommand:
			return d.command(p)
		case d.phase == phaseOut:
			return d.collect(p)
		}
		if err := d.wait(ctx); err != nil {
			return 0, err
		}
	}
}

// command begins. The caller holds mu.
func (d *Device) command(p []byte) (int, error) {
	c, ok := parseCBW(p)
	if !ok {
		d.locked, d.haltIn, d.haltOut = true, true, true // BOT clause 6.6.1
		d.changed()
		return 0, ErrStall
	}
	d.cbw, d.out, d.in, d.sent, d.residue = c, nil, nil, 0, c.length
	switch {
	case c.length == 0 || c.in:
		d.work()
	case c.length > uint32(d.b.cfg.MaxTransfer):
		d.broken()
	default:
		d.phase = phaseOut
		d.changed()
	}
	return len(p), nil
}

// collect data for a command, which runs when all is there. A transfer that ends
// early, or one that goes on too long, is no data for it. The caller holds mu.
func (d *Device) collect(p []byte) (int, error) {
	left := int(d.cbw.length) - len(d.out)
	short := len(p) < left && (len(p) == 0 || len(p)%d.b.MaxPacket() != 0)
	if short || len(p) > left {
		d.broken()
		return 0, ErrStall
	}
	if d.out = append(d.out, p...); len(p) == left {
		d.work()
	}
	return len(p), nil
}

// broken: the host and the device do not agree about the data (BOT clause 6.7). The
// caller holds mu.
func (d *Device) broken() {
	d.in, d.out = nil, nil
	d.haltOut = d.haltOut || !d.cbw.in && d.cbw.length > 0
	d.haltIn = d.haltIn || d.cbw.in && d.cbw.length > 0
	d.finish(cswPhaseError, d.cbw.length)
}

// finish makes the status wrapper ready. The caller holds mu.
func (d *Device) finish(status byte, residue uint32) {
	d.phase, d.status, d.residue = phaseStatus, status, residue
	d.changed()
}

// work runs the command beside the bus; the one before has ended first. The caller
// holds mu.
func (d *Device) work() {
	ctx, cancel := context.WithCancel(context.Background())
	before, ended := d.ended, make(chan struct{})
	d.phase, d.cancel, d.ended = phaseWork, cancel, ended
	d.changed()
	c, out, sense := d.cbw, d.out, d.sense
	d.sense = nil
	go func() {
		defer close(ended)
		<-before
		reply, err := d.b.wrapped(ctx, c, out, sense)
		d.mu.Lock()
		defer d.mu.Unlock()
		if ctx.Err() == nil {
			d.answer(reply, err)
		}
		cancel()
	}()
}

// answer of the drive, or none: then the bus waits for ever. The caller holds mu.
func (d *Device) answer(r result, err error) {
	switch {
	case errors.Is(err, ErrPhase):
		d.broken()
		return
	case err != nil:
		return
	}
	d.sense = r.sense
	d.in, d.out = r.in, nil
	if d.cbw.in && d.cbw.length > 0 {
		d.status, d.residue = r.status, d.cbw.length-uint32(len(r.in))
		d.phase = phaseIn
		d.send()
		d.changed()
		return
	}
	d.finish(r.status, d.cbw.length-r.taken)
}

// send looks whether data is left. Where there was less than the host expects, and
// no short packet shows that, the pipe stalls (BOT clause 6.7.2). The caller holds
// mu.
func (d *Device) send() {
	if len(d.in) > 0 {
		return
	}
	d.phase = phaseStatus
	if d.residue > 0 && d.sent%d.b.MaxPacket() == 0 {
		d.haltIn = true
	}
}

// In gives one transfer to the host, of at most limit bytes: data, or a status
// wrapper. It waits until there is one. Data may come with ErrStall.
func (d *Device) In(ctx context.Context, limit int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for {
		switch {
		case d.config == 0 || d.haltIn:
			return nil, ErrStall
		case d.phase == phaseIn:
			return d.give(limit)
		case d.phase == phaseStatus:
			return d.wrapper(limit)
		}
		if err := d.wait(ctx); err != nil {
			return nil, err
		}
	}
}

// give data. The caller holds mu.
func (d *Device) give(limit int) ([]byte, error) {
	p := d.in[:min(limit, len(d.in))]
	d.in, d.sent = d.in[len(p):], d.sent+len(p)
	d.send()
	d.changed()
	if d.haltIn && len(p) < limit {
		return p, ErrStall // the same transfer meets the stall
	}
	return p, nil
}

// wrapper of the status. The caller holds mu.
func (d *Device) wrapper(limit int) ([]byte, error) {
	d.phase = phaseCommand
	d.changed()
	if limit < cswSize {
		return nil, ErrBabble
	}
	p := make([]byte, cswSize)
	binary.LittleEndian.PutUint32(p, cswSignature)
	binary.LittleEndian.PutUint32(p[4:], d.cbw.tag)
	binary.LittleEndian.PutUint32(p[8:], d.residue)
	p[12] = d.status
	return p, nil
}

// result is a drive's answer as the status wrapper and REQUEST SENSE tell it.
type result struct {
	status byte
	taken  uint32 // of the host's data
	in     []byte
	sense  []byte
}

// wrapped runs the command of a wrapper. The sense data of the one before answers
// REQUEST SENSE; without any, the drive does.
func (b *Bridge) wrapped(ctx context.Context, c cbw, out, sense []byte) (result, error) {
	if c.block[0] == opRequestSense && len(sense) > 0 && len(c.block) >= 6 {
		n := uint32(c.block[4])
		if !c.in {
			n = 0
		}
		return result{in: sense[:min(uint32(len(sense)), n, c.length)]}, nil
	}
	out, refusal, err := b.agree(ctx, c, out)
	if err != nil || refusal.Status != 0 {
		return result{status: cswFailed, sense: refusal.Sense}, err
	}
	r := sim.SCSIRequest{CDB: c.block, Out: out}
	if c.in {
		r.In = int(min(c.length, uint32(b.cfg.MaxTransfer)))
	}
	reply, err := b.SCSI(ctx, r)
	w := result{status: cswPassed, taken: uint32(len(out)), in: reply.In, sense: reply.Sense}
	if reply.Status != 0 {
		w.status, w.taken = cswFailed, 0
	}
	return w, err
}

// agree on the data: ErrPhase where the wrapper and a command that reads or writes
// blocks mean data of other directions, or the host's is too little (BOT clause
// 6.7, cases 2, 3, 7, 8, 10 and 13); such a command is not run. Of too much from the
// host the command gets its part (case 11). The drive is asked for the size of its
// blocks; a unit attention that it has for the host instead is the host's.
func (b *Bridge) agree(ctx context.Context, c cbw, out []byte) ([]byte, sim.SCSIReply, error) {
	k, ok := parseCDB(c.block)
	if !ok || !k.reads && !k.writes || k.blocks == 0 {
		return out, sim.SCSIReply{}, nil // the drive says what is wrong, or wants none
	}
	if c.in != k.reads {
		return nil, sim.SCSIReply{}, ErrPhase
	}
	g, reply, err := b.known(ctx)
	if err != nil {
		return nil, sim.SCSIReply{}, err
	}
	if reply.Status != 0 {
		if key, _ := senseParts(reply.Sense); key == keyAttention {
			return nil, reply, nil
		}
		return out, sim.SCSIReply{}, nil // not known: the command will meet the same refusal
	}
	want := k.blocks * g.block
	if uint64(c.length) < want {
		return nil, sim.SCSIReply{}, ErrPhase
	}
	return out[:min(uint64(len(out)), want)], sim.SCSIReply{}, nil
}
