package mmc

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive"
)

// groupsMax: a card that would have more write protection groups than these is not
// believed: 16 TiB in groups of 256 MiB are as many.
const groupsMax = 1 << 16

// Address is the argument of a command for a sector of the card: its number, or its
// first byte on cards of up to 2 GiB.
func (x ExtCSD) Address(sector uint32) uint32 {
	if x.BySector {
		return sector
	}
	return sector * 512
}

// ErrGroups: how big a write protection group is now is not in EXT_CSD.
var ErrGroups = errors.New("the size of the groups in use is not that of EXT_CSD")

// UserProtection asks for the write protection of every group of the user area, and
// gives the strongest that it found. It asks about the area that is accessed, and so
// only where that is the user's.
func UserProtection(ctx context.Context, t drive.Transport, x ExtCSD) (Protection, error) {
	size := x.ProtectGroup / 512
	switch {
	case !x.HighCapacityErase || size <= 0:
		return ProtectionUnknown, ErrGroups
	case x.Access != 0:
		return ProtectionUnknown, fmt.Errorf("area %d is accessed, not the user's", x.Access)
	case int64(x.Sectors)/size >= groupsMax:
		return ProtectionUnknown, fmt.Errorf("%d sectors in groups of %d make no sense", x.Sectors, size)
	}
	worst := ProtectionNone
	for at := int64(0); at < int64(x.Sectors); at += 32 * size {
		c := SendWriteProtType(x.Address(uint32(at)))
		done, err := t.Do(ctx, c)
		if err == nil && done.Residual > 0 {
			err = fmt.Errorf("the answer is %d bytes short", done.Residual)
		}
		if err != nil {
			return ProtectionUnknown, fmt.Errorf("the write protection from sector %d on: %w", at, err)
		}
		groups, err := ParseWriteProtection(c.Data)
		if err != nil {
			return ProtectionUnknown, err
		}
		for i, p := range groups {
			// What lies beyond the end of the card is none of it.
			if at+int64(i)*size < int64(x.Sectors) {
				worst = max(worst, p)
			}
		}
	}
	return worst, nil
}
