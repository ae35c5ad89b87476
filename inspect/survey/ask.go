package survey

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/capture"
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
	unread := s.table(&d, dev)
	for _, p := range unread {
		d.problem("%s", p)
	}
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
	if len(unread) > 0 && d.Geometry.Size > 0 && isLocked(d.Drive) {
		d.Problems = append([]string{"what it holds can't be read while it is locked"}, without(d.Problems, unread)...)
	}
	report(d)
}

// isLocked by a password or by Opal.
func isLocked(d inspect.Drive) bool {
	return d.ATA.Locked() || d.Opal != nil && d.Opal.Locked.Known && d.Opal.Locked.Value
}

// without gives a list of its own.
func without(list, those []string) (rest []string) {
	for _, x := range list {
		if !slices.Contains(those, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

// table tells what the drive and its partitions hold: by their blocks, or where these
// were captured by what was told of them then. It gives what could not be read.
func (s survey) table(d *subject, dev drive.Media) (unread []string) {
	var c capture.Contents
	if captured, ok := dev.(capture.Finder); ok {
		var err error
		if c, err = captured.Found(); err != nil {
			return []string{fmt.Sprintf("what it holds could not be read: %v", err)}
		}
	} else {
		c = s.contents(dev)
	}
	if keeper, ok := dev.(capture.Keeper); ok {
		keeper.Keep(c)
	}
	if d.Boot = c.Boot; c.Holds != nil {
		d.Holds = c.Holds
	}
	return c.Problems
}

// contents reads the partition table and what the drive and its partitions hold.
func (s survey) contents(dev drive.Media) (c capture.Contents) {
	g := dev.Geometry()
	if g.Size == 0 {
		c.Problems = []string{"it shows no capacity: it has no medium, or it is broken"}
		return c
	}
	r := blocks{dev}
	parts, err := readTable(r, g.Size, g.LogicalBlock)
	if err != nil {
		c.Problems = append(c.Problems, fmt.Sprintf("its partition table could not be read: %v", err))
	}
	for _, p := range parts {
		c.Boot = c.Boot || slices.ContainsFunc(s.BootPartGUIDs, func(g string) bool { return strings.EqualFold(g, p.guid) })
	}
	if c.Holds, err = holdings(r, g.Size, parts); err != nil {
		c.Problems = append(c.Problems, fmt.Sprintf("what it holds could not be read: %v", err))
	}
	return c
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
