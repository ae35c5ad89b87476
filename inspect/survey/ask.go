package survey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// ask opens a drive and asks it everything, from what matters most to what
// matters least, and reports after each step. It may hang at any of them.
func (s survey) ask(ctx context.Context, d subject, report func(subject)) {
	dev, err := s.Doors.Opener.Open(d.Path)
	if err != nil {
		d.problem("it could not be opened: %v", err)
		report(d)
		return
	}
	defer dev.Close()
	d.Provenance, d.Geometry = dev.Provenance(), dev.Geometry()
	s.table(&d, dev)
	report(d)
	if id, err := dev.Identify(ctx); err != nil {
		d.problem("it did not say who it is: %v", err)
	} else {
		d.Identity, d.answered = id, true
		if why := usable(id.Serial); why != "" {
			d.problem("%s: it can't be chosen by serial", why)
		}
	}
	d.Rotational = rotational(d.Identity)
	report(d)
	if !d.answered {
		return
	}
	s.commands(ctx, &d, dev)
	report(d)
	s.opal(ctx, &d, dev)
	report(d)
}

// table reads the partition table and what the drive and its partitions hold.
func (s survey) table(d *subject, dev drive.Media) {
	size := d.Geometry.Size
	if size == 0 {
		d.problem("it shows no capacity: it has no medium, or it is broken")
		return
	}
	r := blocks{dev}
	parts, err := readTable(r, size, d.Geometry.LogicalBlock)
	if err != nil {
		d.problem("its partition table could not be read: %v", err)
	}
	for _, p := range parts {
		d.Boot = d.Boot || slices.ContainsFunc(s.BootPartGUIDs, func(g string) bool { return strings.EqualFold(g, p.guid) })
	}
	holds, err := holdings(r, size, parts)
	if err != nil {
		d.problem("what it holds could not be read: %v", err)
	}
	if holds != nil {
		d.Holds = holds
	}
}

// commands asks what depends on the drive's command set.
func (s survey) commands(ctx context.Context, d *subject, dev drive.Device) {
	switch b := d.Identity.Bus; {
	case d.Identity.Namespace != 0 && (b == drive.BusNVMe || b == drive.BusFabric):
		s.nvme(ctx, d, dev)
	case b == drive.BusSATA, b == drive.BusUSB && d.Identity.Inner:
		s.ata(ctx, d, dev)
	case b == drive.BusSCSI:
		s.scsi(ctx, d, dev)
	case b == drive.BusMMC:
		s.mmc(ctx, d, dev)
	default:
		why := "this kind of drive has no health log that is read here"
		d.Health.Verdict = inspect.Unknown[string]("", why)
	}
}

// rotational by what the drive says; the kernel's own attribute is a guess.
func rotational(id drive.Identity) inspect.Fact[bool] {
	switch id.Media {
	case drive.MediaHDD:
		return inspect.Known(true, "medium rotation rate")
	case drive.MediaSSD, drive.MediaFlash:
		return inspect.Known(false, "kind of medium")
	}
	return inspect.Unknown[bool]("medium rotation rate", "the drive does not say")
}

// get sends a command that reads, and gives the whole of its data.
func get(ctx context.Context, t drive.Transport, c drive.Command) ([]byte, error) {
	done, err := t.Do(ctx, c)
	if err != nil {
		return nil, err
	}
	if done.Residual > 0 {
		return nil, fmt.Errorf("the answer is %d bytes short", done.Residual)
	}
	return c.Data, nil
}

// refused: the drive answered that it does not do this.
func refused(err error) bool {
	var status *drive.StatusError
	return errors.As(err, &status)
}
