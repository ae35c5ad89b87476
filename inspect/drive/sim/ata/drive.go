package ata

import (
	"context"
	"maps"
	"time"

	"handback.example/inspect/drive/sim"
)

// Drive is the model.
type Drive struct {
	*sim.Base
	cfg    Config
	medium *sim.Medium
	serial string

	// Sectors: on the medium, up to native max, accessible after a power-up, now.
	all, native, kept, current uint64
	shrunk                     uint64 // 0: no lie about them
	dcoFeatures                uint16 // word 7 of the overlay: what it leaves
	maxAddress                 maxAddress

	security security
	sanitize sanitize
	unit     *unitErase
	smart    smartState
	bad      map[uint64]bool // pending sectors; true: dead
	healed   uint64          // sectors that were given a new place
	trimmed  sim.Spans       // sectors that read as zeros; the medium has their data

	mode       byte // of power, as CHECK POWER MODE says it
	multiple   byte // SET MULTIPLE MODE
	writeCache bool
	readAhead  bool
	before     done // the command before this one
	hear       []func(on bool)
	written    uint64 // logical sectors, for the statistics
	read       uint64
	powered    uint32 // how often power came
}

// done is a command that is over.
type done struct {
	command byte
	good    bool
}

// New gives a drive that has just been booted with its machine.
func New(c Config) (*Drive, error) {
	if err := c.fromCapture(); err != nil {
		return nil, err
	}
	c.defaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.Medium == nil {
		c.Medium = sim.NewMedium(c.bytes())
	}
	c.Claims, c.Words = maps.Clone(c.Claims), maps.Clone(c.Words)
	d := &Drive{Base: sim.NewBase(c.Serial, c.Clock, c.Script), cfg: c, medium: c.Medium, serial: c.Serial,
		all: c.NativeSectors + c.DCO, native: c.NativeSectors, kept: c.NativeSectors - c.HPA,
		shrunk: c.ShrinkReported, dcoFeatures: 0xffff, bad: map[uint64]bool{}}
	for _, e := range c.Bad {
		for i := range e.Count {
			d.bad[e.LBA+i] = e.Dead
		}
	}
	d.security.fill(c.Security)
	d.smart.born = d.Clock.Now()
	d.Power = d.power
	d.powerOn()
	d.firmware()
	return d, nil
}

// Media is the one medium, as it stands now.
func (d *Drive) Media() []*sim.Medium {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	return []*sim.Medium{d.medium}
}

// Busy: the drive is at a SECURITY ERASE UNIT and answers nothing until it is over.
func (d *Drive) Busy() bool {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.advance()
	return d.unit != nil
}

// LogicalBlock is the size of a logical sector in bytes.
func (d *Drive) LogicalBlock() int { return d.cfg.LogicalBlock }

// Boot is a power cycle of the whole machine: its firmware looks at the drive and
// may freeze it. PowerCycle alone is what suspend or a hot-plug do.
func (d *Drive) Boot() {
	d.PowerCycle()
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.firmware()
}

// firmware freezes what it freezes at a boot.
func (d *Drive) firmware() {
	if d.cfg.Security.Freeze == FreezeBoot {
		d.security.freeze()
	}
	if d.cfg.Sanitize.Freeze == FreezeBoot {
		d.sanitize.freeze()
	}
}

// OnPower tells a layer above of the power: it goes (false) and comes. The
// function is called with the drive locked and calls nothing of it.
func (d *Drive) OnPower(f func(on bool)) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.hear = append(d.hear, f)
}

// power is the hook of the kit, with Mu held.
func (d *Drive) power(on bool) {
	if on {
		d.powerOn()
	} else {
		d.powerOff()
	}
	for _, f := range d.hear {
		f(on)
	}
}

func (d *Drive) powerOff() {
	d.advance()
	d.sanitize.stop(d.Clock.Now())
	d.cutUnit()
	d.smart.cut()
}

func (d *Drive) powerOn() {
	d.powered++
	d.current = d.kept
	d.maxAddress = maxAddress{}
	d.mode, d.multiple, d.before = powerActive, 0, done{}
	d.writeCache, d.readAhead = !d.cfg.WriteCacheOff, !d.cfg.ReadAheadOff
	d.security.powerOn(d.cfg.Security.Freeze == FreezeAlways)
	d.sanitize.powerOn(d.Clock.Now(), d.cfg.Sanitize.Freeze == FreezeAlways)
	if d.cfg.TCG != nil && d.powered > 1 {
		d.cfg.TCG.PowerCycle()
	}
}

// advance brings what runs by itself up to now. Mu is held.
func (d *Drive) advance() {
	now := d.Clock.Now()
	if d.sanitize.advance(now) {
		d.sanitized()
	}
	d.advanceUnit(now)
	d.advanceTest(now)
}

// visible is a number of sectors as a drive tells it that lies about its size.
func (d *Drive) visible(n uint64) uint64 {
	if d.shrunk > 0 {
		return min(n, d.shrunk)
	}
	return n
}

// Capacity is the number of logical sectors that are accessible now.
func (d *Drive) Capacity() uint64 {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	return d.visible(d.current)
}

// Execute runs one command. An error means that no answer comes.
func (d *Drive) Execute(ctx context.Context, t TaskFile, out []byte) (Registers, []byte, error) {
	r := request{TaskFile: t.seen(), out: out}
	call := d.call(r.TaskFile)
	var err error
	if r.action, err = d.Begin(ctx, call); err != nil {
		return Registers{}, nil, err
	}
	if err := d.lockIdle(ctx); err != nil {
		return Registers{}, nil, err
	}
	d.take(r.action)
	a := d.run(&r)
	d.before = done{r.Command, !a.regs.Failed()}
	d.Mu.Unlock()
	if a.unit != nil {
		if a, err = d.await(ctx, a.unit); err != nil {
			d.Note(t.Bytes(), statusBusy)
			return Registers{}, nil, err
		}
	}
	a.regs.Sense = r.action.Sense
	if !call.Reads && !call.Writes {
		d.Note(t.Bytes(), uint16(a.regs.Error)<<8|uint16(a.regs.Status))
	}
	return a.regs, a.in, nil
}

// lockIdle takes Mu when the drive is not busy with an erase: until then it shows
// BSY and takes no command.
func (d *Drive) lockIdle(ctx context.Context) error {
	for {
		d.Mu.Lock()
		d.advance()
		u := d.unit
		if u == nil {
			return nil
		}
		d.Mu.Unlock()
		if err := d.wait(ctx, u); err != nil {
			return err
		}
	}
}

// take honours what an action says of all later answers.
func (d *Drive) take(a sim.Action) {
	if a.Become != "" {
		d.serial = a.Become
	}
	if a.Shrink != 0 {
		d.shrunk = a.Shrink
	}
}

// run decides about a command and runs it. Mu is held.
func (d *Drive) run(r *request) answer {
	c, known := commands[r.Command]
	switch {
	case r.action.Abort, !known,
		d.security.locked && !d.allowedLocked(c, r),
		d.sanitize.busy() && !d.allowedSanitizing(r):
		return aborted()
	case r.action.Pretend && c.effect:
		return ok()
	}
	if d.mode != powerActive && c.wakes {
		d.mode = powerActive
	}
	return c.run(d, r)
}

// hours that the drive is on, for SMART.
func (d *Drive) hours() uint64 {
	return d.cfg.SMART.Hours + uint64(d.Clock.Now().Sub(d.smart.born)/time.Hour)
}
