package survey

import (
	"context"
	"encoding/hex"
	"fmt"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/health"
)

// mmc asks an eMMC what decides about techniques: EXT_CSD, and the write protection of
// every group.
func (s survey) mmc(ctx context.Context, d *subject, dev drive.Transport) {
	const source = "EXT_CSD"
	b, err := get(ctx, dev, mmc.SendExtCSD())
	var x mmc.ExtCSD
	if err == nil {
		x, err = mmc.ParseExtCSD(b)
	}
	if err != nil {
		d.problem("EXT_CSD: %v", err)
		d.Health.Verdict = inspect.Unknown[string](source, err.Error())
		return
	}
	if x.Size() != d.Identity.Size {
		d.problem("the card says that its user area has %d bytes, and %d are shown", x.Size(), d.Identity.Size)
	}
	var gp int64
	if x.Partitioned {
		for _, n := range x.GPSizes {
			gp += n
		}
	}
	facts := &inspect.MMC{SecureErase: inspect.Known(x.SecureErase, source+"[231]"), Sanitize: inspect.Known(x.Sanitize, source+"[231]"),
		BootBytes: inspect.Known(2*x.BootSize, source+"[226]"), RPMBBytes: inspect.Known(x.RPMBSize, source+"[168]"),
		GPBytes: inspect.Known(gp, source+"[143]"), GroupBytes: inspect.Unknown[int64](source+"[224]", "the size in use is not that of EXT_CSD")}
	if x.HighCapacityErase && x.EraseGroup > 0 {
		facts.GroupBytes = inspect.Known(x.EraseGroup, source+"[224]")
	}
	facts.Protected = s.protection(ctx, d, dev, x)
	d.MMC = facts
	d.Health = health.JudgeMMC(x)
}

// protection of the card by its CSD, which the kernel keeps, of its boot areas and of
// every group of its user area. One that is protected is enough to know.
func (s survey) protection(ctx context.Context, d *subject, dev drive.Transport, x mmc.ExtCSD) inspect.Fact[bool] {
	if d.disk.Device != "" {
		if protected, err := s.cardProtected(d.disk.Device); err != nil {
			d.problem("whether the whole card is write-protected could not be read: %v", err)
			return inspect.Unknown[bool]("CSD", err.Error())
		} else if protected {
			return inspect.Known(true, "CSD")
		}
	}
	for i, p := range x.BootProtection {
		switch {
		case x.BootSize == 0 || p == mmc.ProtectionNone:
		case p == mmc.ProtectionUnknown:
			return inspect.Unknown[bool]("EXT_CSD[174]", fmt.Sprintf("the code of boot area %d is none that is known", i+1))
		default:
			d.problem("boot area %d is write-protected: %s", i+1, p)
			return inspect.Known(true, "EXT_CSD[174]")
		}
	}
	const source = "SEND_WRITE_PROT_TYPE"
	kind, err := mmc.UserProtection(ctx, dev, x)
	switch {
	case err != nil:
		if !refused(err) {
			d.problem("%s: %v", source, err)
		}
		return inspect.Unknown[bool](source, err.Error())
	case kind != mmc.ProtectionNone:
		d.problem("a part of its user area is write-protected: %s", kind)
		return inspect.Known(true, source)
	}
	return inspect.Known(false, source)
}

// cardProtected by the card's CSD register, which the kernel read when it was put in.
func (s survey) cardProtected(device string) (bool, error) {
	text, err := s.tree.Attr(device, "csd")
	if err != nil {
		return false, err
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		return false, fmt.Errorf("the CSD makes no sense: %.40q", text)
	}
	c, err := mmc.ParseCSD(b)
	return c.WriteProtected || c.PermanentlyWriteProtected, err
}
