package technique

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
	"handback.example/wipe/journal"
	"handback.example/wipe/verify"
)

const ataSectors = 2048 // of 512 bytes

// ataRig is an ATA drive full of somebody's data, and a bench that erases it.
type ataRig struct {
	t       *testing.T
	clock   *sim.Manual
	host    *inproc.Host
	drive   *sat.SAT
	owner   []byte // what stood on the whole medium
	hangs   bool   // a command may never be answered
	cutUnit bool   // the drive loses its power in the middle of the next ERASE UNIT

	mu    sync.Mutex
	marks []journal.Mark
	cut   func(at string) bool // the machine loses its power there
	dead  bool
}

type ataChange func(*simata.Config, *sat.Config)

func newATARig(t *testing.T, changes ...ataChange) *ataRig {
	t.Helper()
	r := &ataRig{t: t, clock: sim.NewManual()}
	c := simata.Config{Serial: "ATA-RIG-1", Model: "Model ATA", WWN: 0x5000c500a1b2c3d4, Clock: r.clock, NativeSectors: ataSectors, Rotation: 1,
		Security: simata.Security{Supported: true, Enhanced: true, EraseTime: 20 * time.Minute, EnhancedTime: 2 * time.Minute},
		Sanitize: simata.Sanitize{Crypto: true, Block: true, Overwrite: true, BlockTime: 90 * time.Second, CryptoTime: time.Second, OverwriteTime: 3 * time.Minute}}
	s := sat.Config{}
	for _, f := range changes {
		f(&c, &s)
	}
	m, err := simata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	r.drive = sat.New(m, s)
	medium := r.medium()
	if err := medium.Fill(0, medium.Size(), sim.Noise("what its owner left")); err != nil {
		t.Fatal(err)
	}
	r.owner = make([]byte, medium.Size())
	if _, err := medium.ReadAt(r.owner, 0); err != nil {
		t.Fatal(err)
	}
	r.host = inproc.NewHost(r.clock)
	if err := r.host.AttachSCSI("/dev/sda", drive.BusSATA, r.drive); err != nil {
		t.Fatal(err)
	}
	return r
}

func ataFaults(f ...sim.Fault) ataChange {
	return func(c *simata.Config, _ *sat.Config) { c.Script = sim.NewScript(f...) }
}

func (r *ataRig) medium() *sim.Medium { return r.drive.Media()[0] }

// left is how many blocks of the owner stand on the medium, hidden ones too.
func (r *ataRig) left() (n int) {
	r.t.Helper()
	b := make([]byte, len(r.owner))
	if _, err := r.medium().ReadAt(b, 0); err != nil {
		r.t.Fatal(err)
	}
	for o := 0; o < len(b); o += 512 {
		if bytes.Equal(b[o:o+512], r.owner[o:o+512]) {
			n++
		}
	}
	return n
}

// security is word 128 by the drive itself, past the bench.
func (r *ataRig) security() uint16 {
	b := r.drive.Identity()
	return uint16(b[256]) | uint16(b[257])<<8
}

func (r *ataRig) lockedOrEnabled() bool { return r.security()&0x06 != 0 }

// flowing is the rig's clock for a technique that waits: it moves at once.
type flowing struct{ *sim.Manual }

func (c flowing) Sleep(ctx context.Context, d time.Duration) error {
	c.Advance(d)
	return ctx.Err()
}

var errPower = fmt.Errorf("%w: the machine has no power", syscall.ENODEV)

// wire is the drive as the machine has it, until its power goes.
type wire struct {
	drive.Target
	r *ataRig
}

// at a point of the erasure: true where the machine is without power.
func (r *ataRig) at(point string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dead && r.cut != nil && r.cut(point) {
		r.dead = true
	}
	return r.dead
}

func (w wire) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	op := fmt.Sprintf("%02x", c.Frame[min(14, len(c.Frame)-1)])
	if w.r.at("before " + op) {
		return drive.Completion{}, errPower
	}
	over := make(chan struct{})
	go w.r.move(over, c.Timeout)
	done, err := w.Target.Do(ctx, c)
	close(over)
	if w.r.at("after " + op) {
		return drive.Completion{}, errPower
	}
	return done, err
}

// move the clock while a command is under way: on to the end of an erase that keeps
// the drive busy, and of a rig whose drive may hang, past the command's time-out.
func (r *ataRig) move(over chan struct{}, limit time.Duration) {
	began := time.Now()
	for {
		select {
		case <-over:
			return
		case <-time.After(200 * time.Microsecond):
		}
		switch {
		case r.drive.Busy() && r.cutUnit:
			r.cutUnit = false
			r.clock.Advance(time.Minute)
			r.drive.PowerCycle()
		case r.drive.Busy():
			r.clock.Advance(time.Minute)
		case r.hangs && time.Since(began) > 50*time.Millisecond:
			r.clock.Advance(limit + time.Second)
			began = time.Now()
		}
	}
}

func (w wire) ReadAt(b []byte, off int64) (int, error) {
	if w.r.at("read") {
		return 0, errPower
	}
	return w.Target.ReadAt(b, off)
}

func (w wire) WriteAt(b []byte, off int64) (int, error) {
	if w.r.at("write") {
		return 0, errPower
	}
	return w.Target.WriteAt(b, off)
}

func (w wire) Identify(ctx context.Context) (drive.Identity, error) {
	if w.r.at("identify") {
		return drive.Identity{}, errPower
	}
	return w.Target.Identify(ctx)
}

func (r *ataRig) open() (drive.Target, error) {
	r.mu.Lock()
	dead := r.dead
	r.mu.Unlock()
	if dead {
		return nil, errPower
	}
	t, err := r.host.OpenTarget("/dev/sda")
	if err != nil {
		return nil, err
	}
	return wire{t, r}, nil
}

// bench opens the drive for one technique.
func (r *ataRig) bench(id wipe.TechniqueID, past *journal.Past) *Drive {
	r.t.Helper()
	target, err := r.open()
	if err != nil {
		r.t.Fatal(err)
	}
	who, err := target.Identify(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	d := &Drive{Target: target, Meter: meter.New(), Clock: flowing{r.clock}, Past: past,
		Plan: wipe.DrivePlan{Name: "A", Path: "/dev/sda", Identity: who, Geometry: target.Geometry()}, Step: wipe.Step{Technique: id, Level: wipe.LevelPurge, Expect: 10 * time.Minute}}
	d.Reopen = func(ctx context.Context) error {
		_ = d.Target.Close()
		t, err := r.open()
		if err != nil {
			return err
		}
		who, err := t.Identify(ctx)
		if err == nil && !who.Same(d.Plan.Identity) {
			err = ErrOther
		}
		if err != nil {
			_ = t.Close()
			return err
		}
		d.Target = t
		return nil
	}
	d.Mark = func(_ context.Context, m journal.Mark) error {
		if r.at("before mark " + m.Step) {
			return errPower
		}
		r.mu.Lock()
		r.marks = append(r.marks, m)
		r.mu.Unlock()
		if r.at("after mark " + m.Step) {
			return errPower
		}
		return nil
	}
	return d
}

// ataResult is what one start of the bench made of the drive.
type ataResult struct {
	prepare error
	report  Report
	v       wipe.Verification
	verify  error
	grade   wipe.EvidenceGrade
}

// sanitised as the job judges it: nothing speaks against it.
func (x ataResult) sanitised() bool {
	return x.prepare == nil && x.report.Sent && x.report.Complete && x.report.Err == nil && x.verify == nil && x.v.Survivors == 0 && x.v.Unreadable == 0 &&
		(x.v.Result == verify.Passed || x.grade == wipe.EvidenceDeviceClaims && x.v.Counted == 0)
}

func (x ataResult) String() string {
	return fmt.Sprintf("prepare: %v; sent %t, complete %t, error: %v; verify: %v, %+v, %s; resumed %q", x.prepare, x.report.Sent, x.report.Complete, x.report.Err, x.verify, x.v, x.grade, x.report.Resumed)
}

func (r *ataRig) erase(d *Drive) (x ataResult) {
	r.t.Helper()
	defer func() { _ = d.Target.Close() }()
	t, err := For(d)
	if err != nil {
		r.t.Fatal(err)
	}
	if x.prepare = t.Prepare(r.t.Context()); x.prepare != nil {
		return x
	}
	if x.report = t.Erase(r.t.Context()); !x.report.Sent || x.report.Err != nil {
		return x
	}
	x.v, x.verify = t.Verify(r.t.Context())
	x.grade = t.Grade(x.v)
	return x
}

// honest: whatever came of it, 'sanitised' is said of an empty medium only, and no
// password is left behind.
func (r *ataRig) honest(x ataResult) {
	r.t.Helper()
	if n := r.left(); x.sanitised() && n > 0 {
		r.t.Errorf("%d blocks are left, and it says sanitised: %s", n, x)
	}
	if r.lockedOrEnabled() && (x.sanitised() || x.report.Err == nil && x.prepare == nil) {
		r.t.Errorf("a password is left (%04x), and nothing says so: %s", r.security(), x)
	}
}

var ataTechniques = []wipe.TechniqueID{wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.ATASanitizeOverwrite, wipe.ATASecurityErase, wipe.ATASecurityEraseEnhanced}

func TestATAErases(t *testing.T) {
	for _, id := range ataTechniques {
		for name, change := range map[string]ataChange{
			"a plain drive":    func(*simata.Config, *sat.Config) {},
			"descriptor sense": func(_ *simata.Config, s *sat.Config) { s.DescriptorSense = true },
			"4Kn":              func(c *simata.Config, _ *sat.Config) { c.LogicalBlock, c.NativeSectors = 4096, ataSectors/8 },
			"instantly": func(c *simata.Config, _ *sat.Config) {
				c.Sanitize.BlockTime, c.Sanitize.CryptoTime, c.Sanitize.OverwriteTime = 0, 0, 0
			},
			"reads as ones after": func(c *simata.Config, _ *sat.Config) { c.ErasedAs = sim.Repeat([]byte{0xff}) },
		} {
			t.Run(string(id)+"/"+name, func(t *testing.T) {
				r := newATARig(t, change)
				x := r.erase(r.bench(id, nil))
				if !x.sanitised() || x.grade != wipe.EvidenceCanaries || x.v.Canaries == 0 {
					t.Fatal(x)
				}
				r.honest(x)
				last := x.report.Commands[len(x.report.Commands)-1]
				if last.Frame == "" || last.Status == "" || last.Duration < 0 {
					t.Errorf("evidence %+v", x.report.Commands)
				}
			})
		}
	}
}
