package technique

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/tcg"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	client "handback.example/wipe/internal/tcg"
)

// Steps that a revert marks. The PSID is never among their data.
const (
	stepRevert   = "revert"   // the drive is about to be given back its factory state
	stepReverted = "reverted" // it was, and what erases comes next
)

// opal gives a self-encrypting drive back its factory state, by the owner's PIN
// where that is still the one of the factory or by the PSID on the label, and then
// runs another technique. The revert opens a locked drive, and may change its key;
// it counts for nothing by itself (Opal 2.01 clause 5.1.2.2: without activated
// locking the key stays; sedutil issue 291: a drive that kept its data). What
// follows brings its own canaries and its own proof; before the revert nothing can
// be read of a locked drive.
type opal struct {
	d     *Drive
	then  Technique
	bus   frame.SecurityBus
	party *party // namespaces that one revert reaches

	who    client.Authority
	pin    []byte        // PSID; MSID is asked for
	before tcg.Discovery // as the drive is when Erase begins
	done   string        // how it is known that it is reverted already; empty: it isn't
}

func newOpal(d *Drive) (Technique, error) {
	o := &opal{d: d, bus: securityBus(d.Plan.Identity), who: client.SID}
	switch {
	case o.bus == 0:
		return nil, fmt.Errorf("no way is known to a security subsystem of a drive on %q", d.Plan.Identity.Bus)
	case d.Step.Then == "" || d.Step.Then == wipe.OpalRevert || d.Step.Then == wipe.OpalPSIDRevert:
		return nil, fmt.Errorf("a revert erases nothing by itself, and %q follows it", d.Step.Then)
	}
	if d.Step.Technique == wipe.OpalPSIDRevert {
		o.who = client.PSID
	}
	var err error
	if o.party, err = d.party(); err == nil {
		err = o.asThen(func() (err error) { o.then, err = For(d); return err })
	}
	return o, err
}

// securityBus by which a drive of that identity is spoken to; 0: none is known.
func securityBus(id drive.Identity) frame.SecurityBus {
	switch b := id.Bus; {
	case id.Namespace != 0 && (b == drive.BusNVMe || b == drive.BusFabric):
		return frame.SecurityNVMe
	case b == drive.BusSATA, b == drive.BusUSB && id.Inner:
		return frame.SecurityATA
	case b == drive.BusSCSI:
		return frame.SecuritySCSI
	}
	return 0
}

// asThen lets the technique that follows see its own step, and what an earlier start
// left of it.
func (o *opal) asThen(f func() error) error {
	step, past := o.d.Step, o.d.Past
	defer func() { o.d.Step, o.d.Past = step, past }()
	o.d.Step.Technique, o.d.Step.Then = step.Then, ""
	if past != nil {
		p := *past
		p.Entry.Step = o.d.Step
		o.d.Past = &p
	}
	return f()
}

// Prepare asks the drive how it stands and whether what is needed is there. Where an
// earlier start has reverted it, it makes ready what follows.
func (o *opal) Prepare(ctx context.Context) error {
	o.d.Meter.Enter(wipe.PhaseSampling, true)
	if o.d.Past.Last(stepReverted) != nil {
		// It may be sanitizing itself now, and answer nothing else.
		o.done = "an earlier start had given the drive back its factory state"
		return o.prepareThen(ctx)
	}
	if o.bus == frame.SecurityNVMe {
		c, err := o.d.controller(ctx)
		if err == nil {
			err = o.d.reach(ctx, c)
		}
		if err != nil {
			return err
		}
	}
	var err error
	if o.before, err = o.discover(ctx); err != nil {
		return err
	}
	switch {
	case !o.before.Reverts || o.before.ComID == 0:
		return fmt.Errorf("the drive has no security subsystem that can be reverted (%q)", o.before.SSC)
	case !active(o.before) && o.d.Past.Last(stepRevert) != nil:
		o.done = "an earlier start gave the drive back its factory state, by its own word"
		return o.prepareThen(ctx)
	case !active(o.before):
		return errors.New("the drive's locking is not active: there is nothing to revert")
	}
	return o.credentials()
}

// active: there is something that a revert undoes.
func active(d tcg.Discovery) bool { return d.Enabled || d.Locked || d.MBREnabled }

// credentials are looked at before anything is asked of the drive: each wrong one
// costs one of few tries, so none is guessed.
func (o *opal) credentials() error {
	if o.who == client.SID {
		switch {
		case o.before.SIDBlocked:
			return errors.New("the firmware has blocked the owner's authority (Block SID): only the PSID on the label helps")
		case o.before.BlockSID && o.before.Owned:
			return errors.New("somebody has taken ownership of the drive: only the PSID on its label helps")
		}
		return nil
	}
	if o.d.PSID == "" {
		return errors.New("the PSID on the drive's label is needed, and nobody has given it")
	}
	psid, err := tcg.ParsePSID(o.d.PSID)
	o.pin = []byte(psid)
	return err
}

func (o *opal) prepareThen(ctx context.Context) error {
	return o.asThen(func() error { return o.then.Prepare(ctx) })
}

// CanStop: the revert itself can't; what follows may.
func (o *opal) CanStop() bool { return o.then.CanStop() }

// Erase reverts the drive, and has the other technique erase it.
func (o *opal) Erase(ctx context.Context) Report {
	if o.done != "" {
		r := o.eraseThen(ctx, Report{})
		r.Resumed = o.done + "; what follows a revert was gone on with. " + r.Resumed
		return r
	}
	if err := o.d.mark(ctx, stepRevert, map[string]string{"then": string(o.d.Step.Then)}); err != nil {
		return Report{Err: err}
	}
	if err := o.party.meet(ctx, "ready"); err != nil {
		return Report{Err: err}
	}
	commands, err := o.party.once(ctx, func() ([]wipe.CommandTrace, error) { return o.revert(ctx) })
	r := Report{Sent: len(commands) > 0, Commands: commands, Err: err}
	if err == nil {
		r.Err = o.reverted(ctx)
	}
	if r.Err != nil {
		return r
	}
	if err := o.prepareThen(ctx); err != nil {
		r.Err = fmt.Errorf("the drive is back in its factory state, but it can't be made ready for %s: %w", o.d.Step.Then, err)
		return r
	}
	return o.eraseThen(ctx, r)
}

// reverted: the drive says so itself, and it is still who it was.
func (o *opal) reverted(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.d.Reopen(ctx); err != nil {
		return fmt.Errorf("after its revert: %w", err)
	}
	now, err := o.discover(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("after its revert: %w", err)
	case active(now):
		return errors.New("the drive says that it is back in its factory state, and its locking is still active")
	}
	return o.d.mark(ctx, stepReverted, nil)
}

// eraseThen erases; r is what was done before.
func (o *opal) eraseThen(ctx context.Context, r Report) Report {
	var then Report
	_ = o.asThen(func() error { then = o.then.Erase(ctx); return nil })
	then.Sent = then.Sent || r.Sent
	then.Commands = append(r.Commands, then.Commands...)
	return then
}

// Verify is that of what followed.
func (o *opal) Verify(ctx context.Context) (v wipe.Verification, err error) {
	err = o.asThen(func() (err error) { v, err = o.then.Verify(ctx); return err })
	return v, err
}

// Grade is that of what followed: a revert adds nothing to it.
func (o *opal) Grade(v wipe.Verification) (g wipe.EvidenceGrade) {
	_ = o.asThen(func() error { g = o.then.Grade(v); return nil })
	return g
}

// discover asks for the level 0 discovery, past the filter as every other command.
func (o *opal) discover(ctx context.Context) (tcg.Discovery, error) {
	b, err := (&securityLink{d: o.d, bus: o.bus}).Receive(ctx, tcg.Protocol, tcg.ComIDDiscovery, discoveryLength)
	if err != nil {
		return tcg.Discovery{}, fmt.Errorf("the drive does not say how its locking stands: %w", err)
	}
	return tcg.ParseDiscovery(b)
}

const discoveryLength = 2048
