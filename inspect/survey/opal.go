package survey

import (
	"context"
	"errors"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/scsi"
	"handback.example/inspect/drive/tcg"
)

const level0 = "TCG level 0 discovery"

// opal asks a drive that says that it has a security subsystem (IDENTIFY word 48 bit
// 0, OACS bit 0) for its level 0 discovery; a SCSI drive is asked at once. Where no
// way to ask is known, nothing is said of it at all.
func (s survey) opal(ctx context.Context, d *subject, dev drive.Transport) {
	switch b := d.Identity.Bus; {
	case d.Identity.Namespace != 0 && (b == drive.BusNVMe || b == drive.BusFabric):
		d.Opal = opalClaimed(ctx, dev, tcg.DiscoveryNVMe(), "Identify Controller OACS", claimsNVMe)
	case b == drive.BusSATA, b == drive.BusUSB && d.Identity.Inner:
		d.Opal = opalClaimed(ctx, dev, tcg.DiscoveryATA(), "IDENTIFY word 48", claimsATA)
	case b == drive.BusSCSI:
		d.Opal = opalSCSI(ctx, dev)
	}
}

func claimsNVMe(ctx context.Context, dev drive.Transport) (bool, error) {
	b, err := get(ctx, dev, nvme.IdentifyController())
	if err != nil {
		return false, err
	}
	c, err := nvme.ParseController(b)
	return c.Security(), err
}

func claimsATA(ctx context.Context, dev drive.Transport) (bool, error) {
	b, err := get(ctx, dev, ata.IdentifyDevice())
	if err != nil {
		return false, err
	}
	id, err := ata.ParseIdentify(b)
	return id.Trusted, err
}

func opalClaimed(ctx context.Context, dev drive.Transport, c drive.Command, source string, claims func(context.Context, drive.Transport) (bool, error)) *inspect.Opal {
	yes, err := claims(ctx, dev)
	switch {
	case err != nil:
		return opalUnknown(source, err.Error())
	case !yes:
		return opalNone(source)
	}
	b, err := get(ctx, dev, c)
	if err != nil {
		return opalUnknown(level0, "the drive has a security subsystem, and what it says of itself can't be had: "+err.Error())
	}
	return opalFacts(b)
}

// opalSCSI asks a SCSI drive, which has no word for it: one that says that it has no
// such command, or no such protocol, has no security subsystem of the TCG.
func opalSCSI(ctx context.Context, dev drive.Transport) *inspect.Opal {
	c := tcg.DiscoverySCSI()
	done, err := dev.Do(ctx, c)
	var status *drive.StatusError
	switch {
	case err == nil:
		return opalFacts(c.Data[:len(c.Data)-min(max(done.Residual, 0), len(c.Data))])
	case errors.As(err, &status) && illegal(status.Sense):
		return opalNone(level0)
	}
	return opalUnknown(level0, err.Error())
}

// illegal: ILLEGAL REQUEST because of the operation code or a field of the CDB
// (SPC-5: 05h/20h/00h, 05h/24h/00h).
func illegal(sense []byte) bool {
	s, ok := scsi.ParseSense(sense)
	return ok && s.Key == 0x5 && (s.ASC == 0x20 || s.ASC == 0x24) && s.ASCQ == 0
}

func opalFacts(b []byte) *inspect.Opal {
	v, err := tcg.ParseDiscovery(b)
	if err != nil {
		return opalUnknown(level0, err.Error())
	}
	o := opalNone(level0)
	o.Supported, o.SSC = inspect.Known(v.Reverts && v.ComID != 0, level0), inspect.Known(v.SSC, level0)
	if v.Locking {
		o.Activated, o.Locked = inspect.Known(v.Enabled, level0), inspect.Known(v.Locked, level0)
		o.Encrypts, o.Shadowed = inspect.Known(v.Encrypts, level0), inspect.Known(v.Shadowed(), level0)
	}
	const untold = "the drive does not tell: it has no Block SID Authentication"
	o.Owned, o.SIDBlocked = inspect.Unknown[bool](level0, untold), inspect.Unknown[bool](level0, untold)
	if v.BlockSID {
		o.Owned, o.SIDBlocked = inspect.Known(v.Owned, level0), inspect.Known(v.SIDBlocked, level0)
	}
	return o
}

// opalNone: the drive has no such subsystem, by its own word.
func opalNone(source string) *inspect.Opal {
	no := inspect.Known(false, source)
	return &inspect.Opal{Supported: no, SSC: inspect.Known("", source), Activated: no, Locked: no, Encrypts: no, Shadowed: no, Owned: no, SIDBlocked: no}
}

func opalUnknown(source, why string) *inspect.Opal {
	f := inspect.Unknown[bool](source, why)
	return &inspect.Opal{Supported: f, SSC: inspect.Unknown[string](source, why), Activated: f, Locked: f, Encrypts: f, Shadowed: f, Owned: f, SIDBlocked: f}
}
