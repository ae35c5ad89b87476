package scsi

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"time"

	"handback.example/inspect/drive/sim"
)

// Drive is a model of one drive; it implements sim.SCSI.
type Drive struct {
	*sim.Base
	cfg    Config
	medium *sim.Medium

	// What follows is guarded by Mu.
	serial    string
	wwn       uint64
	block     int    // bytes of a logical block as formatted
	whole     uint64 // blocks of that size that there are
	visible   uint64 // blocks that are shown
	shrunk    uint64 // a lie about them; 0: none
	next      int    // block length from the next FORMAT UNIT on
	modes     modes
	bad       extents
	holes     sim.Spans // unmapped blocks that read as zeros; the medium has their data
	grown     []uint64
	sanitize  sanitizing
	format    formatting
	tests     selfTests
	attention *sense // to be told once
	stopped   bool
	keys      int // changes of the key so far
	made      time.Time
}

var _ sim.SCSI = (*Drive)(nil)

// New makes a drive that has power. An error names the field of c.
func New(c Config) (*Drive, error) {
	c.defaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	d := &Drive{Base: sim.NewBase(c.name(), c.Clock, c.Script), cfg: c, medium: c.Medium,
		serial: c.Serial, wwn: c.WWN, block: c.LogicalBlock, next: c.LogicalBlock, whole: c.Blocks, visible: c.Visible,
		grown: append([]uint64(nil), c.Health.Grown...)}
	if d.medium == nil {
		d.medium = sim.NewMedium(c.bytes())
	}
	for _, e := range c.Bad {
		d.bad.add(extent{from: e.LBA, to: e.LBA + e.Count, dead: e.Dead, asc: 0x11, ascq: 0x00})
	}
	d.modes = newModes(&d.cfg)
	d.made = d.Clock.Now()
	d.Power = d.power
	d.attend(0x29, 0x01) // power on occurred
	return d, nil
}

// Media is the one medium, brought up to the present.
func (d *Drive) Media() []*sim.Medium {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.settle()
	return []*sim.Medium{d.medium}
}

// power goes and comes. A sanitize goes on, a format does not.
func (d *Drive) power(on bool) {
	now := d.Clock.Now()
	if !on {
		d.settle()
		d.sanitize.stop(now)
		d.format.stop(now)
		d.tests.stop(d)
		return
	}
	d.sanitize.start(now)
	d.modes.powerOn()
	d.stopped = false
	if d.cfg.TCG != nil {
		d.cfg.TCG.PowerCycle()
	}
	d.attend(0x29, 0x01)
}

// Reset of the bus: the mode pages are as saved, the initiator is told.
func (d *Drive) Reset() {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.modes.powerOn()
	d.attend(0x29, 0x02) // SCSI bus reset occurred
}

// attend remembers a unit attention condition.
func (d *Drive) attend(asc, ascq byte) {
	if d.cfg.UnitAttention {
		d.attention = code(keyAttention, asc, ascq)
	}
}

// settle brings all that takes time up to the present.
func (d *Drive) settle() {
	now := d.Clock.Now()
	d.settleSanitize(now)
	d.settleFormat(now)
	d.settleTest(now)
}

// request is one command on its way through the drive.
type request struct {
	sim.SCSIRequest
	op          *operation // nil: not known
	action      sim.Action
	lba, blocks uint64
}

// SCSI runs one command.
func (d *Drive) SCSI(ctx context.Context, in sim.SCSIRequest) (sim.SCSIReply, error) {
	r := &request{SCSIRequest: in}
	fault := r.decode()
	var err error
	if r.action, err = d.Begin(ctx, r.call()); err != nil {
		return sim.SCSIReply{}, err
	}
	d.Mu.Lock()
	d.take(r.action)
	d.settle()
	a := refuse(fault)
	if fault == nil {
		a = d.run(r)
	}
	reply := d.reply(a, r.action.Sense, r.In)
	d.Mu.Unlock()
	if a.wait {
		if reply, err = d.finish(ctx, r); err != nil {
			return sim.SCSIReply{}, err
		}
	}
	if r.op == nil || !r.op.blocks {
		d.Note(in.CDB, uint16(reply.Status))
	}
	return reply, nil
}

// finish waits for what a command without IMMED has started.
func (d *Drive) finish(ctx context.Context, r *request) (sim.SCSIReply, error) {
	for {
		d.Mu.Lock()
		d.settle()
		left, failed, running := d.pending(r)
		reply := d.reply(refuse(failed), r.action.Sense, 0)
		d.Mu.Unlock()
		if !running {
			return reply, nil
		}
		if err := d.Sleep(ctx, left); err != nil {
			return sim.SCSIReply{}, err
		}
	}
}

// pending says how long the run of a command goes on, and how it failed.
func (d *Drive) pending(r *request) (left time.Duration, failed *sense, running bool) {
	switch {
	case r.op.code == opSanitize && d.sanitize.state == sanitizeRunning:
		return patience(d.sanitize.run), nil, true
	case r.op.code == opSanitize && d.sanitize.state == sanitizeFailed:
		return 0, code(keyMedium, 0x31, 0x03), false
	case r.op.code == opFormat && d.format.run != nil:
		return patience(d.format.run), nil, true
	case r.op.code == opFormat && d.format.corrupt:
		return 0, code(keyMedium, 0x31, 0x01), false
	case r.op.code == opSendDiagnostic && d.tests.running():
		return d.tests.left(d.Clock.Now()), nil, true
	case r.op.code == opSendDiagnostic && d.tests.list[0].result == testFailed:
		return 0, code(keyHardware, 0x3e, 0x03), false // logical unit failed self-test
	}
	return 0, nil, false
}

// patience is how long a run still needs; one that is stuck needs for ever.
func patience(e *sim.Erasure) time.Duration {
	if left := e.Left(); left > 0 {
		return left
	}
	return math.MaxInt64 / 4
}

// take honours what an action says of all later answers. A drive that has become
// another has another name too.
func (d *Drive) take(a sim.Action) {
	if a.Become != "" && a.Become != d.serial {
		d.serial = a.Become
		if d.wwn != 0 {
			h := fnv.New32a()
			_, _ = h.Write([]byte(a.Become)) // it never fails
			d.wwn ^= uint64(h.Sum32()&0xffffff) | 1
		}
	}
	if a.Shrink != 0 {
		d.shrunk = a.Shrink
	}
}

// decode finds the operation and its blocks. The sense is what is wrong with the
// CDB by itself.
func (r *request) decode() *sense {
	if len(r.CDB) == 0 {
		return code(keyIllegal, 0x20, 0x00)
	}
	op, known := find(r.CDB)
	if op == nil && !known {
		return code(keyIllegal, 0x20, 0x00) // invalid command operation code
	}
	if op == nil {
		return badField(1) // a service action that is not known
	}
	if len(r.CDB) < op.length() {
		return code(keyIllegal, 0x24, 0x00)
	}
	r.op, r.CDB = op, r.CDB[:op.length()]
	if op.span != nil {
		r.lba, r.blocks = op.span(r.CDB)
	}
	for i, c := range r.CDB {
		if c&^op.usage[i] != 0 {
			return badField(i)
		}
	}
	return nil
}

// call is the command as faults see it.
func (r *request) call() sim.Call {
	var c sim.Call
	if len(r.CDB) > 0 {
		c.Opcode = r.CDB[0]
	}
	if r.op == nil {
		if len(r.CDB) > 1 && hasActions(c.Opcode) {
			c.Sub = uint32(r.CDB[1] & 0x1f)
		}
		return c
	}
	if r.op.action >= 0 {
		c.Sub = uint32(r.op.action)
	}
	c.LBA, c.Blocks = r.lba, r.blocks
	c.Reads, c.Writes, c.Erases = r.op.reads, r.op.writes, r.op.erases
	return c
}

// run a command that is well formed. Mu is held.
func (d *Drive) run(r *request) answer {
	if s := d.attention; s != nil && !r.op.always {
		d.attention = nil
		return refuse(s)
	}
	switch {
	case !d.does(r.op):
		return refuse(d.unknown(r.op))
	case r.action.Abort:
		return refuse(code(keyIllegal, 0x24, 0x00))
	}
	if s := d.state(r); s != nil {
		return refuse(s)
	}
	if r.action.Pretend {
		return answer{}
	}
	return r.op.run(d, r)
}

// unknown is the answer to a command that this drive lacks.
func (d *Drive) unknown(op *operation) *sense {
	for i := range operations {
		if o := &operations[i]; o.code == op.code && o != op && d.does(o) {
			return badField(1)
		}
	}
	return code(keyIllegal, 0x20, 0x00)
}

// state refuses what can't be done now; nil: it can.
func (d *Drive) state(r *request) *sense {
	if r.op.always {
		return nil
	}
	if s := d.stateOfSanitize(r); s != nil {
		return s
	}
	switch {
	case d.format.run != nil:
		return code(keyNotReady, 0x04, 0x04).progress(d.format.run.Progress())
	case d.format.corrupt && r.op.code == 0x00:
		return code(keyNotReady, 0x31, 0x00)
	case d.format.corrupt && r.op.medium:
		return code(keyMedium, 0x31, 0x00) // medium format corrupted
	case d.tests.foreground():
		return code(keyNotReady, 0x04, 0x09).progress(d.tests.progress())
	case d.stopped && (r.op.medium || r.op.code == 0x00):
		return code(keyNotReady, 0x04, 0x02) // initializing command required
	case r.op.writes || r.op.erases:
		if s := d.writable(); s != nil || !r.op.erases {
			return s
		}
		return d.locked(true) // what is kept shut is not erased
	}
	return nil
}

func (d *Drive) writable() *sense {
	switch {
	case d.cfg.Protected:
		return code(keyProtect, 0x27, 0x00)
	case d.modes.softwareProtect():
		return code(keyProtect, 0x27, 0x02)
	}
	return nil
}

// capacity is the number of blocks that the drive says it has.
func (d *Drive) capacity() uint64 {
	if d.shrunk > 0 {
		return min(d.shrunk, d.visible)
	}
	return d.visible
}

func (d *Drive) String() string {
	return fmt.Sprintf("%s %s %s", d.cfg.Vendor, d.cfg.Product, d.Name())
}
