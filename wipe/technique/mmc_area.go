package technique

import (
	"context"
	"fmt"
	"hash/maphash"

	"handback.example/inspect/drive/mmc"
	"handback.example/wipe/internal/frame"
)

// mmcArea is an area of an eMMC that no block device of ours shows: it is read by
// sequences of its own, before and after. As everywhere, a block counts that was not
// one repeated byte, and of each no more is kept than a keyed hash.
type mmcArea struct {
	number  byte
	name    string
	config  byte
	sectors int64
	address func(sector uint32) uint32 // as the card counts

	key  maphash.Seed
	seen map[int64]uint64 // by sector, of those that count
}

// Numbers of areas in EXT_CSD[179].
const (
	mmcBoot1 = 1
	mmcGP1   = 4
)

// mmcAreas of a card beside the user's and RPMB.
func mmcAreas(x mmc.ExtCSD) []*mmcArea {
	var all []*mmcArea
	add := func(number byte, name string, size int64) {
		if size > 0 {
			all = append(all, &mmcArea{number: number, name: name, config: x.PartitionConfig, sectors: size / 512, address: x.Address,
				key: maphash.MakeSeed(), seen: map[int64]uint64{}})
		}
	}
	for i := range x.BootProtection {
		add(mmcBoot1+byte(i), fmt.Sprintf("boot area %d", i+1), x.BootSize)
	}
	if x.Partitioned {
		for i, n := range x.GPSizes {
			add(mmcGP1+byte(i), fmt.Sprintf("general-purpose area %d", i+1), n)
		}
	}
	return all
}

func (a *mmcArea) area(x mmc.ExtCSD) frame.MMCArea {
	return frame.MMCArea{Number: a.number, Config: x.PartitionConfig}
}

// mmcWindow is what is read at once, and mmcWindows how many are read of an area at
// most, evenly over it: boot areas are read whole.
const (
	mmcWindow  = 256 // sectors
	mmcWindows = 512 // 64 MiB
)

// each window of the area, as it reads now. The card is brought back to the user's
// area after each.
func (a *mmcArea) each(ctx context.Context, d *Drive, see func(sector int64, b []byte)) error {
	at := frame.MMCArea{Number: a.number, Config: a.config}
	if err := a.reach(ctx, d, at); err != nil {
		return err
	}
	windows := (a.sectors + mmcWindow - 1) / mmcWindow
	read := min(windows, mmcWindows)
	for i := range read {
		first := i
		if windows > read {
			first = i * (windows - 1) / (read - 1)
		}
		from := first * mmcWindow
		n := min(mmcWindow, a.sectors-from)
		c, err := frame.MMCReadArea(at, a.address(uint32(from)), uint16(n))
		if err != nil {
			return err
		}
		done, err := d.Target.Do(ctx, c)
		if _, back := d.Target.Do(ctx, frame.MMCLeave(at)); err == nil {
			err = back
		}
		if err == nil && done.Residual > 0 {
			err = fmt.Errorf("%d bytes did not come", done.Residual)
		}
		if err != nil {
			return fmt.Errorf("it can't be read from sector %d on: %w", from, err)
		}
		d.Meter.Beat()
		see(from, c.Data)
	}
	return nil
}

// reach makes sure that a sequence gets to the area: a switch that fails is told by
// nobody, and what is read and erased then is the user's.
func (a *mmcArea) reach(ctx context.Context, d *Drive, at frame.MMCArea) error {
	c, err := frame.MMCEnter(at)
	if err != nil {
		return err
	}
	_, err = d.Target.Do(ctx, c)
	if _, back := d.Target.Do(ctx, frame.MMCLeave(at)); err == nil {
		err = back
	}
	if err != nil {
		return fmt.Errorf("it can't be reached: %w", err)
	}
	x, err := mmc.ParseExtCSD(c.Data)
	if err == nil && x.Access != a.number {
		err = fmt.Errorf("the card switched to area %d in its place", x.Access)
	}
	return err
}

func (a *mmcArea) before(ctx context.Context, d *Drive) error {
	return a.each(ctx, d, func(sector int64, b []byte) {
		for ; len(b) > 0; b, sector = b[512:], sector+1 {
			if !oneByte(b[:512]) {
				a.seen[sector] = maphash.Bytes(a.key, b[:512])
			}
		}
	})
}

// areaFound are counts of sectors.
type areaFound struct{ read, counted, survivors int64 }

func (a *mmcArea) after(ctx context.Context, d *Drive) (areaFound, error) {
	f := areaFound{counted: int64(len(a.seen))}
	err := a.each(ctx, d, func(sector int64, b []byte) {
		for ; len(b) > 0; b, sector = b[512:], sector+1 {
			f.read++
			if was, ok := a.seen[sector]; ok && was == maphash.Bytes(a.key, b[:512]) {
				f.survivors++
			}
		}
	})
	return f, err
}

// oneByte: a sector of one byte all over reads the same after an erasure.
func oneByte(b []byte) bool {
	for _, c := range b[1:] {
		if c != b[0] {
			return false
		}
	}
	return true
}
