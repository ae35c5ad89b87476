package nvme

import (
	"cmp"
	"context"
	"slices"
	"time"

	"handback.example/inspect/drive/sim"
)

// Drive is a subsystem with its controller. It implements sim.NVMe.
type Drive struct {
	*sim.Base
	cfg    Config
	serial string // as told now: a fault may change it
	shrink uint64 // blocks that each namespace tells of at most; 0: all

	namespaces []*namespace // by ID
	free       *sim.Medium  // capacity of no namespace; nil: none
	remains    []*sim.Medium
	spare      int64 // bytes that can be made namespaces

	keys      int // media encryption keys so far
	sanitize  sanitation
	test      selfTest
	features  features
	errors    []errorEntry // the newest first
	counted   counters
	changed   []uint32 // namespaces for log 04h
	told      map[byte]bool
	listeners []func(uint32)
	pending   []uint32 // events not yet told
	clean     bool     // the host announced the shutdown
}

var _ sim.NVMe = (*Drive)(nil)

// namespace as it is now.
type namespace struct {
	id            uint32
	medium        *sim.Medium
	bytes         int64 // of user data that it was made for
	format        int   // index in LBAFormats
	extended      bool
	dps           byte // protection information type and place
	eui64         []byte
	nguid, uuid   []byte
	shared        bool
	attached      bool
	others        []uint16  // other controllers that it is attached to
	protect       uint32    // write protection state
	holes         sim.Spans // deallocated: the medium still has them
	bad           sim.Spans // made uncorrectable
	formatting    *run
	formattingEnd func() // what is true when it ended well
}

// New makes a drive. An error names the field of the Config that is wrong.
func New(c Config) (*Drive, error) {
	c.Namespaces = slices.Clone(c.Namespaces)
	if err := c.check(); err != nil {
		return nil, err
	}
	d := &Drive{Base: sim.NewBase(c.Serial, c.Clock, c.Script), cfg: c, serial: c.Serial, spare: c.Unallocated,
		free: c.UnallocatedMedium, told: map[byte]bool{}}
	d.Power = d.power
	if d.free == nil && c.Unallocated > 0 {
		d.free = sim.NewMedium(c.Unallocated)
	}
	for _, n := range c.Namespaces {
		d.namespaces = append(d.namespaces, &namespace{id: n.ID, medium: n.Medium,
			bytes: int64(n.Blocks) * int64(n.LogicalBlock), format: c.formatOf(n), extended: n.Extended,
			eui64: n.EUI64, nguid: n.NGUID, uuid: n.UUID, shared: n.Shared, attached: n.Attached,
			others: slices.Clone(n.AttachedTo)})
	}
	d.sortNamespaces()
	d.counted.since = d.Clock.Now()
	d.resetFeatures()
	d.past(c.Past)
	return d, nil
}

func (d *Drive) sortNamespaces() {
	slices.SortFunc(d.namespaces, func(a, b *namespace) int { return cmp.Compare(a.id, b.id) })
}

// Media of the drive, in this order: namespaces by ID, attached or not; capacity of
// no namespace; what deleted namespaces left, the first deleted first; boot
// partitions 0 and 1.
func (d *Drive) Media() []*sim.Medium {
	d.Mu.Lock()
	d.advance()
	out := d.userMedia()
	if d.cfg.Boot.Bytes > 0 {
		out = append(out, d.cfg.Boot.Media[:]...)
	}
	d.Mu.Unlock()
	d.tell()
	return out
}

// userMedia is all that a sanitize erases.
func (d *Drive) userMedia() []*sim.Medium {
	var out []*sim.Medium
	for _, n := range d.namespaces {
		out = append(out, n.medium)
	}
	if d.free != nil {
		out = append(out, d.free)
	}
	return append(out, d.remains...)
}

// NamespaceMedium is the medium of a namespace; nil where there is none of this ID.
// User data lie on it by LBA from its start, metadata behind them.
func (d *Drive) NamespaceMedium(id uint32) *sim.Medium {
	d.Mu.Lock()
	d.advance()
	n := d.find(id)
	d.Mu.Unlock()
	d.tell()
	if n == nil {
		return nil
	}
	return n.medium
}

func (d *Drive) find(id uint32) *namespace {
	i, ok := slices.BinarySearchFunc(d.namespaces, id, func(n *namespace, id uint32) int { return cmp.Compare(n.id, id) })
	if !ok {
		return nil
	}
	return d.namespaces[i]
}

// SubNQN, CtrlID and Version are what a door on a fabric answers Connect and
// Property Get with.
func (d *Drive) SubNQN() string  { return d.cfg.SubNQN }
func (d *Drive) CtrlID() uint16  { return d.cfg.CtrlID }
func (d *Drive) Version() uint32 { return d.cfg.Version }

// OnEvent tells a door of asynchronous events: namespace attribute changed
// (00040002h) and the end of a sanitize (00810106h; 00810206h with unexpected
// deallocation; 00810306h when its media wait for verification).
func (d *Drive) OnEvent(f func(dword0 uint32)) {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.listeners = append(d.listeners, f)
}

// event is kept back until its log page was read (Base 2.0, clause 5.2).
func (d *Drive) event(lid byte, dword0 uint32) {
	if d.told[lid] {
		return
	}
	d.told[lid] = true
	d.pending = append(d.pending, dword0)
}

// tell the listeners, without the lock.
func (d *Drive) tell() {
	d.Mu.Lock()
	events, hear := d.pending, slices.Clone(d.listeners)
	d.pending = nil
	d.Mu.Unlock()
	for _, e := range events {
		for _, f := range hear {
			f(e)
		}
	}
}

// advance brings erasures and self-tests up to the present. The caller holds Mu.
func (d *Drive) advance() {
	now := d.Clock.Now()
	d.advanceSanitize(now)
	d.advanceFormats(now)
	d.advanceSelfTest(now)
}

// Admin runs a command of the admin queue.
func (d *Drive) Admin(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	c := newCommand(r, false)
	return d.do(ctx, c, d.admin)
}

// IO runs a command of an I/O queue.
func (d *Drive) IO(ctx context.Context, r sim.NVMeRequest) (sim.NVMeReply, error) {
	c := newCommand(r, true)
	return d.do(ctx, c, func(_ context.Context, c *command) (reply, error) { return d.block(c), nil })
}

func (d *Drive) do(ctx context.Context, c *command, work func(context.Context, *command) (reply, error)) (sim.NVMeReply, error) {
	a, err := d.Begin(ctx, c.call())
	if err != nil {
		return sim.NVMeReply{}, err
	}
	c.fault = a
	if d.cfg.TCG != nil { // asked without the drive's lock
		c.readLocked, c.writeLocked = d.cfg.TCG.Locked()
	}
	d.Mu.Lock()
	d.advance()
	d.become(a)
	d.Mu.Unlock()
	var out reply
	switch {
	case a.Abort:
		out = refuse(invalidField)
	case a.Pretend:
		// success, and nothing was done
	default:
		if out, err = work(ctx, c); err != nil {
			return sim.NVMeReply{}, err
		}
	}
	d.ended(c, out)
	return sim.NVMeReply{Status: uint16(out.status), Result: out.result, In: out.in}, nil
}

// become what a fault makes of the drive.
func (d *Drive) become(a sim.Action) {
	if a.Become != "" {
		d.serial = a.Become
	}
	if a.Shrink != 0 {
		d.shrink = a.Shrink
	}
}

// ended keeps traces of a command and tells of events.
func (d *Drive) ended(c *command, out reply) {
	if out.status != success {
		d.Mu.Lock()
		d.logError(c, out.status)
		d.Mu.Unlock()
	}
	if !c.moves() {
		d.Note(c.sqe[:], uint16(out.status))
	}
	d.tell()
}

// moves: a plain read or write, which no trace keeps.
func (c *command) moves() bool {
	return c.io && (c.opcode() == opRead || c.opcode() == opWrite)
}

// admin finds the handler of a command. Those that take time or ask the TCG take
// the lock by themselves.
func (d *Drive) admin(ctx context.Context, c *command) (reply, error) {
	if s := d.gate(c); s != success {
		return refuse(s), nil
	}
	switch c.opcode() {
	case opFormat:
		return d.formatNVM(ctx, c)
	case opSecuritySend, opSecurityReceive:
		return d.security(c), nil
	}
	d.Mu.Lock()
	defer d.Mu.Unlock()
	switch c.opcode() {
	case opIdentify:
		return d.identify(c), nil
	case opGetLogPage:
		return d.logPage(c), nil
	case opGetFeatures:
		return d.getFeatures(c), nil
	case opSetFeatures:
		return d.setFeatures(c), nil
	case opSanitize:
		return d.startSanitize(c), nil
	case opNamespaceManage:
		return d.manage(c), nil
	case opNamespaceAttach:
		return d.attach(c), nil
	case opSelfTest:
		return d.startSelfTest(c), nil
	case opKeepAlive:
		return reply{}, nil
	case opAbort:
		return reply{result: 1}, nil // bit 0: nothing was aborted
	case opAsyncEvent:
		return refuse(asyncEventLimit), nil // a door holds these
	}
	return refuse(invalidOpcode), nil
}

// gate refuses what no command may have, and what a sanitize forbids.
func (d *Drive) gate(c *command) status {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	if s := d.sanitizeGate(c); s != success {
		return s
	}
	if c.fused() || len(c.out) > d.transfer() {
		return invalidField
	}
	return success
}

// transfer is the most bytes that a command moves.
func (d *Drive) transfer() int { return pageSize << d.cfg.MDTS }

// power goes (false) or comes (true). A sanitize stands still and goes on, a format
// that was cut stays cut.
func (d *Drive) power(on bool) {
	now := d.Clock.Now()
	if !on {
		d.advance()
		d.stopSanitize(now)
		d.cutFormats(now, sim.ErrGone)
		d.pauseSelfTest(now)
		if !d.clean {
			d.counted.unsafe++
		}
		d.counted.powered, d.counted.since = d.counted.powered+now.Sub(d.counted.since), time.Time{}
		return
	}
	d.clean = false
	d.counted.cycles++
	d.counted.since = now
	d.restart()
	d.resumeSanitize(now)
	d.resumeSelfTest(now)
	for _, n := range d.namespaces {
		if n.protect == protectUntilPower {
			n.protect = protectNone
		}
	}
	if d.cfg.TCG != nil {
		d.cfg.TCG.PowerCycle()
	}
}

// Reset is a reset of the controller: an erasure goes on.
func (d *Drive) Reset() {
	d.Mu.Lock()
	d.advance()
	d.abortSelfTest(testReset, func(code byte) bool { return code == testShort })
	d.restart()
	d.Mu.Unlock()
	d.tell()
}

// restart is what a reset and the return of power have in common.
func (d *Drive) restart() {
	d.resetFeatures()
	d.told = map[byte]bool{}
	d.pending = nil
	d.cancelVerification()
}

// Shutdown is the host's notice (CC.SHN) that the power will go.
func (d *Drive) Shutdown() {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	d.clean = true
}

// pattern of erased blocks.
func (d *Drive) erased() sim.Pattern { return sim.Repeat(d.cfg.ErasedAs) }

// wait until a run ended. Where it never does, the answer never comes.
func (d *Drive) wait(ctx context.Context, left func() (time.Duration, bool)) error {
	for {
		d.Mu.Lock()
		d.advance()
		t, over := left()
		d.Mu.Unlock()
		if over {
			return nil
		}
		if t <= 0 {
			t = 100 * 365 * 24 * time.Hour
		}
		if err := d.Sleep(ctx, t); err != nil {
			return err
		}
	}
}
