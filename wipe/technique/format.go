package technique

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
	"handback.example/wipe"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// formatTimeout: most drives answer in seconds, some erase all of their flash
// first. When it runs out the kernel resets the controller.
const formatTimeout = time.Hour

// format has the drive erase its user data by Format NVM (Base 2.0, clause 5.14),
// block by block or by throwing its key away. Where FNA says that the command goes for
// all namespaces of the controller, all of them must be up for erasure.
type format struct {
	firmware
	build func(namespace uint32, index uint8, timeout time.Duration) (drive.Command, error)
	index uint8  // of the LBA format in use
	party *party // nil: the command reaches this namespace alone
}

func newFormat(d *Drive) *format {
	f := &format{firmware: firmware{d: d}, build: frame.FormatUserData}
	if d.Step.Technique == wipe.NVMeFormatCrypto {
		f.build = frame.FormatCrypto
	}
	return f
}

// Prepare asks for the LBA format in use, which is kept, and reads blocks to be
// looked for afterwards.
func (f *format) Prepare(ctx context.Context) error {
	f.d.Meter.Enter(wipe.PhaseSampling, true)
	c, err := f.d.controller(ctx)
	if err != nil {
		return err
	}
	if err := f.allowed(ctx, c); err != nil {
		return err
	}
	ns, err := f.d.namespace(ctx)
	if err != nil {
		return err
	}
	if ns.Metadata != 0 {
		return fmt.Errorf("the namespace keeps %d bytes of metadata with each block", ns.Metadata)
	}
	f.index = ns.Format
	return f.prepare(ctx)
}

// allowed makes sure that the command is there, that it reaches no other namespace
// than may be erased, and that no sanitize stands in its way.
func (f *format) allowed(ctx context.Context, c nvme.Controller) (err error) {
	switch {
	case !c.Format():
		return errors.New("the controller does not support Format NVM")
	case f.d.Step.Technique == wipe.NVMeFormatCrypto && c.FNA&nvme.FNACrypto == 0:
		return errors.New("the controller's Format NVM has no cryptographic erase")
	}
	if c.FNA&(nvme.FNAFormatsAll|nvme.FNAErasesAll) != 0 {
		if err := f.d.reach(ctx, c); err != nil {
			return err
		}
		if f.party, err = f.d.party(); err != nil {
			return err
		}
	}
	if c.SANICAP&nvme.SanicapAny == 0 {
		return nil
	}
	l, err := f.d.atRest(ctx)
	if err == nil && l.State == nvme.SanitizeFailed {
		err = errors.New("an earlier sanitize has failed, and the drive takes nothing but another one")
	}
	return err
}

// CanStop: once sent, Format NVM runs to its end.
func (f *format) CanStop() bool { return false }

// Erase sends Format NVM and waits for its answer. Nothing can stop it. One that a
// power cut broke off does not go on: it is sent anew.
func (f *format) Erase(ctx context.Context) Report {
	r := Report{}
	if f.d.Past.Last(journal.StepIssue) != nil {
		r.Resumed = "an earlier start had sent Format NVM, or was about to: it is sent again"
	}
	c, err := f.build(f.d.Plan.Identity.Namespace, f.index, formatTimeout)
	if err == nil {
		err = f.party.meet(ctx, "ready")
	}
	if err == nil {
		err = f.before(ctx)
	}
	if err == nil {
		err = f.issue(ctx, map[string]string{markSQE: hex.EncodeToString(c.Frame)})
	}
	if err == nil {
		err = f.party.meet(ctx, "planted")
	}
	if err == nil {
		r.Commands, err = f.party.turn(ctx, func() ([]wipe.CommandTrace, error) { return f.send(ctx, c) })
	}
	r.Sent, r.Err, r.Complete = len(r.Commands) > 0, err, err == nil
	return f.report(r)
}

func (f *format) send(ctx context.Context, c drive.Command) ([]wipe.CommandTrace, error) {
	over := f.d.Meter.Quiet(formatTimeout)
	began := f.d.clock().Now()
	done, err := f.d.Target.Do(context.WithoutCancel(ctx), c)
	over()
	if errors.Is(err, drive.ErrRefused) {
		return nil, err // it was not sent
	}
	sent := []wipe.CommandTrace{trace("Format NVM", c, done, err, f.d.clock().Now().Sub(began))}
	var status *drive.StatusError
	if err != nil && !errors.As(err, &status) {
		err = fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return sent, err
}

func trace(operation string, c drive.Command, done drive.Completion, err error, took time.Duration) wipe.CommandTrace {
	t := wipe.CommandTrace{Operation: operation, Frame: hex.EncodeToString(c.Frame), Duration: took}
	var status *drive.StatusError
	switch {
	case err == nil:
		t.Status = statusHex(done)
	case errors.As(err, &status):
		t.Status, t.Error = statusHex(status.Completion), err.Error()
	default:
		t.Error = err.Error()
	}
	return t
}

// statusHex is the status in four digits, the sense data after it where there is
// any.
func statusHex(c drive.Completion) string {
	return fmt.Sprintf("%04x%x", c.Status, c.Sense)
}

// Verify opens the drive again and looks for what stood there.
func (f *format) Verify(ctx context.Context) (wipe.Verification, error) { return f.after(ctx) }

// Grade of a firmware erasure.
func (f *format) Grade(v wipe.Verification) wipe.EvidenceGrade { return f.grade(v) }
