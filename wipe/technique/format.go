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
)

// formatTimeout: most drives answer in seconds, some erase all of their flash
// first. When it runs out the kernel resets the controller.
const formatTimeout = time.Hour

// appliesToAll: FNA bits 0 (format) and 1 (erase) say that the command reaches
// every namespace (Base 2.0, figure 275, byte 524).
const appliesToAll = 0x03

// format has the drive erase its user data by Format NVM.
type format struct {
	firmware
	index uint8 // of the LBA format in use
}

// Prepare asks for the LBA format in use, which is kept, and reads blocks to be
// looked for afterwards.
func (f *format) Prepare(ctx context.Context) error {
	if err := f.alone(ctx); err != nil {
		return err
	}
	ns, err := f.namespace(ctx)
	if err != nil {
		return err
	}
	if ns.Metadata != 0 {
		return fmt.Errorf("the namespace keeps %d bytes of metadata with each block", ns.Metadata)
	}
	if ns.Bytes() != f.d.Plan.Geometry.Size {
		return fmt.Errorf("the namespace has %d bytes, and %d were planned for", ns.Bytes(), f.d.Plan.Geometry.Size)
	}
	f.index = ns.Format
	return f.prepare(ctx)
}

// alone makes sure that the command reaches no other namespace than the one that
// it names: what the plan saw is asked again just before.
func (f *format) alone(ctx context.Context) error {
	c := nvme.IdentifyController()
	if _, err := f.d.Target.Do(ctx, c); err != nil {
		return fmt.Errorf("the controller does not say what it is: %w", err)
	}
	ctrl, err := nvme.ParseController(c.Data)
	if err != nil {
		return err
	}
	if !ctrl.Format() {
		return errors.New("the controller does not support Format NVM")
	}
	if ctrl.FNA&appliesToAll == 0 {
		return nil
	}
	l := nvme.ActiveNamespaces(0)
	if _, err := f.d.Target.Do(ctx, l); err != nil {
		return fmt.Errorf("the controller does not list its namespaces: %w", err)
	}
	ids, err := nvme.ParseNamespaceList(l.Data)
	if err != nil {
		return err
	}
	if len(ids) != 1 || ids[0] != f.d.Plan.Identity.Namespace {
		return fmt.Errorf("the command would reach all namespaces of the controller, and it has %d", len(ids))
	}
	return nil
}

func (f *format) namespace(ctx context.Context) (nvme.Namespace, error) {
	c := nvme.IdentifyNamespace(f.d.Plan.Identity.Namespace)
	if _, err := f.d.Target.Do(ctx, c); err != nil {
		return nvme.Namespace{}, fmt.Errorf("the namespace does not say how it is formatted: %w", err)
	}
	return nvme.ParseNamespace(c.Data)
}

// CanStop: once sent, Format NVM runs to its end.
func (f *format) CanStop() bool { return false }

// Erase sends Format NVM and waits for its answer. Nothing can stop it.
func (f *format) Erase(ctx context.Context) Report {
	c, err := frame.FormatUserData(f.d.Plan.Identity.Namespace, f.index, formatTimeout)
	if err == nil {
		err = f.before(ctx)
	}
	if err == nil {
		err = f.issue(ctx, nil)
	}
	if err != nil {
		return f.report(Report{Err: err})
	}
	over := f.d.Meter.Quiet(formatTimeout)
	began := f.d.clock().Now()
	done, err := f.d.Target.Do(context.WithoutCancel(ctx), c)
	over()
	r := Report{Sent: true, Commands: []wipe.CommandTrace{trace("Format NVM", c, done, err, f.d.clock().Now().Sub(began))}}
	var status *drive.StatusError
	switch {
	case err == nil:
		r.Complete = true
	case errors.Is(err, drive.ErrRefused):
		r = f.report(Report{Err: err})
	case errors.As(err, &status):
		r.Err = err
	default:
		r.Err = fmt.Errorf("%w: %w", ErrUnanswered, err)
	}
	return r
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
