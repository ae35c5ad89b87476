package usb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"handback.example/inspect/drive/sim"
)

// ErrPhase: the bridge broke the command off. On its bus that is a stalled pipe
// and a status of phase error.
var ErrPhase = errors.New("the bridge broke the command off")

// ErrReset: the command hung, and a reset of the bus ended it unanswered.
var ErrReset = errors.New("the bus was reset")

// Bridge is a USB bridge with its drive. It is a sim.SCSI; NewDevice gives what
// its bus sees.
type Bridge struct {
	*sim.Base
	cfg   Config
	drive sim.SCSI

	mu     sync.Mutex // guards what follows
	reset  chan struct{}
	geo    geometry // what the drive said last; zero: not known
	serial string
	shrink uint64 // logical blocks that it reports; 0: all
	hear   []func(bool)
}

// New builds a bridge in front of a drive. Its errors name the field of Config.
func New(c Config, drive sim.SCSI) (*Bridge, error) {
	if drive == nil {
		return nil, errors.New("a USB bridge without a drive")
	}
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("USB bridge: %w", err)
	}
	if c.MaxTransfer == 0 {
		c.MaxTransfer = maxTransfer
	}
	b := &Bridge{Base: sim.NewBase(drive.Name(), c.Clock, c.Script), cfg: c, drive: drive, reset: make(chan struct{}), serial: c.Serial}
	// The drive has its power from the bridge: both come and go together, whichever
	// of them was told first.
	b.Base.OnPlug(func(in bool) {
		drive.Plug(in)
		b.restart()
		b.tell(in)
	})
	drive.OnPlug(b.Plug)
	if !drive.Plugged() {
		b.Plug(false)
	}
	return b, nil
}

// Media are the drive's: a bridge keeps nothing.
func (b *Bridge) Media() []*sim.Medium { return b.drive.Media() }

// PowerCycle is what a host sees of it: the device goes and comes back.
func (b *Bridge) PowerCycle() {
	if b.Plugged() {
		b.Plug(false)
		b.Plug(true)
	}
}

// Reset of the bus reaches the drive: a command that hangs in the bridge is over.
func (b *Bridge) Reset() {
	b.restart()
	b.drive.Reset()
}

// OnPlug tells a door of every change of Plugged, and of a bridge that leaves the
// bus for a moment by itself: it is told false, then true.
func (b *Bridge) OnPlug(f func(in bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hear = append(b.hear, f)
}

func (b *Bridge) tell(in bool) {
	b.mu.Lock()
	hear := slices.Clone(b.hear)
	b.mu.Unlock()
	for _, f := range hear {
		f(in)
	}
}

// restart forgets what the bridge knew of its drive and ends what hangs in it.
func (b *Bridge) restart() {
	b.mu.Lock()
	defer b.mu.Unlock()
	close(b.reset)
	b.reset, b.geo = make(chan struct{}), geometry{}
}

// hang until a reset, or the power's or ctx's end.
func (b *Bridge) hang(ctx context.Context) error {
	b.mu.Lock()
	reset := b.reset
	b.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-reset:
			cancel(ErrReset)
		case <-ctx.Done():
		}
	}()
	if err := b.Sleep(ctx, math.MaxInt64); !errors.Is(err, context.Canceled) {
		return err
	}
	return context.Cause(ctx)
}

// SCSI runs one command of a host. For a fault, a pass-through command's Sub is
// the ATA command in it.
func (b *Bridge) SCSI(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	c, ok := parseCDB(r.CDB)
	a, err := b.Begin(ctx, c.call())
	if err != nil {
		return sim.SCSIReply{}, err
	}
	b.become(a)
	r.CDB, r.In = c.bytes, max(0, r.In)
	var reply sim.SCSIReply
	switch {
	case !ok, a.Abort:
		reply = refuse(keyIllegal, ascInvalidField)
	case a.Medium:
		reply = mediumError(c, a.At)
	case a.Pretend:
		reply = sim.SCSIReply{In: make([]byte, min(r.In, b.cfg.MaxTransfer))}
	case len(r.Out) > b.cfg.MaxTransfer || c.reads && r.In > b.cfg.MaxTransfer:
		reply = refuse(keyIllegal, ascInvalidField)
	default:
		if reply, err = b.run(ctx, c, r); err != nil {
			return sim.SCSIReply{}, err
		}
	}
	reply.Sense = senseAs(reply.Sense, a.Sense)
	reply.In = reply.In[:min(len(reply.In), r.In)]
	if !c.reads && !c.writes {
		b.Note(c.bytes, uint16(reply.Status))
	}
	return reply, nil
}

// become another, or smaller, as the script says.
func (b *Bridge) become(a sim.Action) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.Become != "" {
		b.serial = a.Become
	}
	if a.Shrink != 0 {
		b.shrink = a.Shrink
	}
}

// Serial that it has now.
func (b *Bridge) Serial() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.serial
}

func (b *Bridge) run(ctx context.Context, c cdb, r sim.SCSIRequest) (sim.SCSIReply, error) {
	switch {
	case c.passThrough():
		return b.passThrough(ctx, r)
	case b.cfg.Basic && !basic(c.op):
		return refuse(keyIllegal, ascInvalidOpcode), nil
	case c.op == opInquiry:
		return b.inquiry(ctx, r)
	case c.op == opReadCapacity10 || c.op == opServiceIn && c.bytes[1]&0x1f == saReadCapacity16:
		return b.readCapacity(ctx, c, r)
	case c.op == opPreventRemoval && b.cfg.Removable:
		return sim.SCSIReply{}, nil
	case b.fits():
		return b.drive.SCSI(ctx, r)
	case c.moves():
		return b.translated(ctx, c, r)
	case c.op == opModeSense6 || c.op == opModeSense10:
		r.CDB[1] |= 0x08 // DBD: a block descriptor would show the drive's blocks
		return b.drive.SCSI(ctx, r)
	case slices.Contains(unseen, c.op):
		return refuse(keyIllegal, ascInvalidOpcode), nil
	}
	return b.drive.SCSI(ctx, r)
}
