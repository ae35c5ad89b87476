package technique

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/wipe/internal/frame"
	"handback.example/wipe/journal"
)

// RestoreCapacity has a drive show all that it has: first what a protected area hides
// (HPA, or AMA on newer drives), then what a configuration overlay does (DCO), for a
// protected area stands in the way of the overlay (ACS-3 clauses 4.8 and 4.11, ACS-4
// clause 4.5). It asks the drive what it hides, now, and does no more than that.
//
// On success d has been opened anew, d.Plan has the whole capacity in Geometry and
// Identity, and the sentence says what came back: all that is planned, erased and
// read of d from then on is the whole drive. ErrPowerCycle says that the drive, or
// this system, shows the rest only after it was switched off and on; the drive then
// is as it was, or shows more of it. No data is destroyed.
func RestoreCapacity(ctx context.Context, d *Drive) (sentence string, err error) {
	c := &capacity{ataSent: ataSent{drive: d}}
	if err := c.look(ctx); err != nil {
		return "", err
	}
	from := c.id.Bytes()
	var ways []string
	for _, step := range []struct {
		hides func() bool
		show  func(context.Context) error
		name  func() string
	}{{c.area, c.showArea, c.areaName}, {c.overlay, c.showOverlay, func() string { return "DCO" }}, {c.area, c.showArea, c.areaName}} {
		if !step.hides() {
			continue
		}
		if err := step.show(ctx); err != nil {
			return "", err
		}
		if err := c.look(ctx); err != nil {
			return "", err
		}
		ways = append(ways, step.name())
	}
	if err := c.complete(); err != nil {
		return "", err
	}
	if err := c.reopen(ctx); err != nil {
		return "", err
	}
	if len(ways) == 0 {
		return fmt.Sprintf("The drive shows all of its %d bytes: nothing was hidden any more.", c.id.Bytes()), nil
	}
	return fmt.Sprintf("The drive hid %d of its %d bytes (%s); all of it is shown now.",
		c.id.Bytes()-from, c.id.Bytes(), strings.Join(ways, ", then ")), nil
}

// capacity of a drive, by three figures. Addresses are the last ones.
type capacity struct {
	ataSent
	id             ata.Identify
	native, most   uint64 // by READ NATIVE MAX (or its like), by DCO IDENTIFY
	hasNative, has bool   // they are known
}

// look asks the drive for all three.
func (c *capacity) look(ctx context.Context) (err error) {
	if c.id, _, err = ataIdentify(ctx, c.drive.Target); err != nil {
		return err
	}
	if c.id.Bytes() == 0 {
		return errors.New("its own size makes no sense")
	}
	if _, locked, _, _ := ataState(c.id); locked {
		return ErrLocked
	}
	c.hasNative, c.has = false, false
	if c.id.AMA || c.id.HPA {
		if c.native, err = c.readNative(ctx); err != nil {
			return fmt.Errorf("its native size could not be read: %w", err)
		}
		c.hasNative = true
	}
	if !c.id.DCO {
		return nil
	}
	identify := ata.DCOIdentify()
	done, _, err := ataAsk(ctx, c.drive.Target, identify)
	switch {
	case ataAborted(err):
		return nil // frozen, as many firmwares leave it: what it hides stays unknown
	case err != nil:
		return fmt.Errorf("its configuration overlay could not be read: %w", err)
	case done.Residual > 0:
		return errors.New("its configuration overlay could not be read to its end")
	}
	c.most, err = ata.ParseOverlay(identify.Data)
	c.has = err == nil
	return err
}

// readNative is the last address with the protected area. The command that changes it
// must follow this one directly.
func (c *capacity) readNative(ctx context.Context) (uint64, error) {
	ask, ext := ata.ReadNativeMaxExt(), true
	switch {
	case c.id.AMA:
		ask = ata.GetNativeMaxExt()
	case !c.id.LBA48:
		ask, ext = ata.ReadNativeMax(), false
	}
	done, _, err := ataAsk(ctx, c.drive.Target, ask)
	if err != nil {
		return 0, err
	}
	r, err := ata.ParseRegisters(done.Sense)
	last := r.LBA
	if !ext {
		last = r.LBA28()
	}
	switch {
	case err != nil:
		return 0, err
	case r.Failed():
		return 0, errors.New("the drive refused the command")
	case ext && (r.Cut || !r.Extend):
		return 0, ata.ErrCut
	case last == 0 || last >= 1<<48-1 || last+1 < c.id.Sectors:
		return 0, fmt.Errorf("%d is no last address of a drive that shows %d sectors", last, c.id.Sectors)
	}
	return last, nil
}

func (c *capacity) area() bool { return c.hasNative && c.native+1 > c.id.Sectors }

func (c *capacity) areaName() string {
	if c.id.AMA {
		return "AMA"
	}
	return "HPA"
}

// overlay hides what lies above the native size.
func (c *capacity) overlay() bool {
	return c.has && c.most+1 > c.id.Sectors && (!c.hasNative || c.most > c.native)
}

// showArea sets the highest address to the native one, to stay.
func (c *capacity) showArea(ctx context.Context) error {
	if err := c.drive.mark(ctx, journal.StepRestore, c.data(c.areaName(), c.native)); err != nil {
		return err
	}
	last, err := c.readNative(ctx) // directly before the change
	if err != nil {
		return err
	}
	name, set := "SET MAX ADDRESS EXT", frame.ATASetMaxExt
	switch {
	case c.id.AMA:
		name, set = "SET ACCESSIBLE MAX ADDRESS EXT", frame.ATASetAccessibleMax
	case !c.id.LBA48:
		name, set = "SET MAX ADDRESS", func(last uint64) (drive.Command, error) { return frame.ATASetMax(last) }
	}
	command, err := set(last)
	if err != nil {
		return err
	}
	if _, err := c.send(name, command); err != nil {
		return c.refused(name, err)
	}
	return nil
}

// showOverlay takes the overlay away, with all that it hides.
func (c *capacity) showOverlay(ctx context.Context) error {
	const name = "DEVICE CONFIGURATION RESTORE"
	if err := c.drive.mark(ctx, journal.StepRestore, c.data("DCO", c.most)); err != nil {
		return err
	}
	if _, err := c.send(name, frame.ATADCORestore()); err != nil {
		return c.refused(name, err)
	}
	return nil
}

// refused: a drive takes one change of its size a power-up, and none that its
// firmware has frozen; both end with its power.
func (c *capacity) refused(name string, err error) error {
	if ataAnswered(err) || attention(err) {
		return fmt.Errorf("%s: %w: %w", name, ErrPowerCycle, err)
	}
	return fmt.Errorf("%s: %w: %w", name, ErrUnanswered, err)
}

func (c *capacity) data(way string, last uint64) map[string]string {
	return map[string]string{"way": way, "sectors": fmt.Sprint(c.id.Sectors), "last": fmt.Sprint(last)}
}

// complete: nothing is hidden any more, as far as the drive says, and there is as
// much as was planned for.
func (c *capacity) complete() error {
	to := int64(0)
	if c.drive.Plan.Restore != nil {
		to = c.drive.Plan.Restore.To
	}
	switch {
	case c.area() || c.overlay():
		return fmt.Errorf("%w: it took the change and still shows %d bytes", ErrPowerCycle, c.id.Bytes())
	case c.id.Bytes() < c.drive.Plan.Identity.Size:
		return fmt.Errorf("%w: it shows %d bytes, and showed %d before", ErrOther, c.id.Bytes(), c.drive.Plan.Identity.Size)
	case c.id.Bytes() < to:
		return fmt.Errorf("it shows %d bytes, and must show %d", c.id.Bytes(), to)
	}
	return nil
}

// reopen the drive with its new size. This system may keep the old one until it is
// started again.
func (c *capacity) reopen(ctx context.Context) error {
	old := c.drive.Plan
	size := c.id.Bytes()
	if size%int64(max(old.Geometry.LogicalBlock, 1)) != 0 {
		return fmt.Errorf("its size of %d bytes is not whole blocks", size)
	}
	c.drive.Plan.Identity.Size, c.drive.Plan.Geometry.Size = size, size
	err := c.drive.Reopen(ctx)
	if err == nil && c.drive.Target.Geometry() == c.drive.Plan.Geometry {
		return nil
	}
	now := c.drive.Plan.Geometry
	c.drive.Plan.Identity, c.drive.Plan.Geometry = old.Identity, old.Geometry
	if err == nil {
		g := c.drive.Target.Geometry()
		return fmt.Errorf("%w: the drive shows %d bytes in blocks of %d, and this system still %d in blocks of %d", ErrPowerCycle, now.Size, now.LogicalBlock, g.Size, g.LogicalBlock)
	}
	if again := c.drive.Reopen(ctx); again != nil {
		return errors.Join(err, again)
	}
	return fmt.Errorf("%w: the drive shows %d bytes, and this system still %d", ErrPowerCycle, now.Size, c.drive.Target.Geometry().Size)
}
