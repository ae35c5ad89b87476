package technique

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/nvme"
)

// controller is what the drive's controller says of itself, now.
func (d *Drive) controller(ctx context.Context) (nvme.Controller, error) {
	c := nvme.IdentifyController()
	if _, err := d.Target.Do(ctx, c); err != nil {
		return nvme.Controller{}, fmt.Errorf("the controller does not say what it is: %w", err)
	}
	return nvme.ParseController(c.Data)
}

// namespace is what the drive's namespace says of itself; it must be as big as planned.
func (d *Drive) namespace(ctx context.Context) (nvme.Namespace, error) {
	c := nvme.IdentifyNamespace(d.Plan.Identity.Namespace)
	if _, err := d.Target.Do(ctx, c); err != nil {
		return nvme.Namespace{}, fmt.Errorf("the namespace does not say how it is formatted: %w", err)
	}
	n, err := nvme.ParseNamespace(c.Data)
	if err == nil && n.Bytes() != d.Plan.Geometry.Size {
		err = fmt.Errorf("the namespace has %d bytes, and %d were planned for", n.Bytes(), d.Plan.Geometry.Size)
	}
	return n, err
}

// sanitizeLog is what the drive says of its most recent sanitize.
func (d *Drive) sanitizeLog(ctx context.Context) (nvme.Sanitize, []byte, error) {
	c := nvme.SanitizeLog()
	if _, err := d.Target.Do(ctx, c); err != nil {
		return nvme.Sanitize{}, nil, fmt.Errorf("the drive does not say whether it is being sanitized: %w", err)
	}
	l, err := nvme.ParseSanitize(c.Data)
	return l, c.Data, err
}

// reach makes sure that a command to all namespaces of the controller reaches none
// that may not be erased: what the plan saw is asked again just before. Namespaces
// that are attached to nobody are reached too, and are nobody's; what another
// controller of the subsystem has is not ours.
func (d *Drive) reach(ctx context.Context, c nvme.Controller) error {
	active, err := d.list(ctx, nvme.ActiveNamespaces)
	if err != nil {
		return err
	}
	planned := append([]uint32{d.Plan.Identity.Namespace}, d.Plan.Siblings...)
	for _, id := range active {
		if !slices.Contains(planned, id) {
			return fmt.Errorf("the command would reach namespace %d too, which is not to be erased", id)
		}
	}
	for _, id := range planned {
		if !slices.Contains(active, id) {
			return fmt.Errorf("the controller does not list namespace %d, which was planned for", id)
		}
	}
	if !c.Management() {
		if c.Shared() && c.NN > uint32(len(active)) {
			return errors.New("the drive has other controllers, and does not say which namespaces they have")
		}
		return nil
	}
	allocated, err := d.list(ctx, nvme.AllocatedNamespaces)
	if err != nil {
		return err
	}
	hidden := slices.DeleteFunc(allocated, func(id uint32) bool { return slices.Contains(active, id) })
	if len(hidden) > d.Plan.Unattached {
		return fmt.Errorf("the drive has %d namespaces that are attached to nobody, and %d were planned for", len(hidden), d.Plan.Unattached)
	}
	for _, id := range hidden {
		if err := d.nobodys(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// nobodys: no controller of the subsystem has this namespace.
func (d *Drive) nobodys(ctx context.Context, id uint32) error {
	c := nvme.AttachedControllers(id)
	if _, err := d.Target.Do(ctx, c); err != nil {
		return fmt.Errorf("the drive does not say who has namespace %d: %w", id, err)
	}
	of, err := nvme.ParseControllerList(c.Data)
	if err == nil && len(of) > 0 {
		err = fmt.Errorf("the command would reach namespace %d, which controller %d has", id, of[0])
	}
	return err
}

// listFull: a list of so many goes on in another one. No drive of a computer that is
// handed in has as many namespaces.
const listFull = 1024

func (d *Drive) list(ctx context.Context, ask func(after uint32) drive.Command) ([]uint32, error) {
	c := ask(0)
	if _, err := d.Target.Do(ctx, c); err != nil {
		return nil, fmt.Errorf("the controller does not list its namespaces: %w", err)
	}
	ids, err := nvme.ParseNamespaceList(c.Data)
	if err == nil && len(ids) >= listFull {
		err = fmt.Errorf("the controller has %d namespaces and more", len(ids))
	}
	return ids, err
}

// atRest waits for the end of a sanitize that somebody else began, for nothing can
// be done before, and gives what the drive says then.
func (d *Drive) atRest(ctx context.Context) (nvme.Sanitize, error) {
	l, _, err := d.sanitizeLog(ctx)
	if err != nil || l.State != nvme.SanitizeRunning {
		return l, err
	}
	err = d.poll(ctx, patienceWith(believed(l.Estimate(l.CDW10))), func(ctx context.Context) (progress, error) {
		l, _, err = d.sanitizeLog(ctx)
		return progress{done: l.State != nvme.SanitizeRunning, fraction: fraction(l)}, err
	})
	if err != nil {
		err = fmt.Errorf("a sanitize that was not begun here runs in the drive: %w", err)
	}
	return l, err
}

// believed is the longest time that a drive's estimate is taken for: an overwrite of
// the biggest drive sixteen times over.
func believed(estimate time.Duration) time.Duration { return min(estimate, 72*time.Hour) }

func fraction(l nvme.Sanitize) float64 { return float64(l.Progress) / 65536 }
