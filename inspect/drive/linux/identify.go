package linux

import (
	"context"
	"fmt"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/who"
)

// Identify asks the drive who it is. Each call asks anew, after it made sure that
// the disk in sysfs is still the one that is open here.
func (d *device) Identify(ctx context.Context) (drive.Identity, error) {
	id, err := d.identify(ctx)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("identify %s: %w", d.path, err)
	}
	return id, nil
}

func (d *device) identify(ctx context.Context) (drive.Identity, error) {
	if err := d.still(); err != nil {
		return drive.Identity{}, err
	}
	g, err := readGeometry(d.block.file)
	if err != nil {
		return drive.Identity{}, err
	}
	var namespace uint32
	if d.disk.Kind == sysblock.KindNVMe {
		if namespace, err = d.namespace(); err != nil {
			return drive.Identity{}, err
		}
	}
	id, err := who.Drive{Tree: sysblock.Live(), Disk: d.disk, Size: g.Size, Namespace: namespace}.Is(ctx, d.fenced)
	if err != nil {
		return drive.Identity{}, err
	}
	// It may have been pulled out while it was asked.
	return id, d.still()
}

// still: sysfs shows the same disk, by the same way, as when it was opened.
func (d *device) still() error {
	now, err := sysblock.Live().Lookup(d.disk.Dev)
	if err != nil {
		return fmt.Errorf("the drive has gone: %w", err)
	}
	if now.Dir != d.disk.Dir || now.Seq != d.disk.Seq || now.Device != d.disk.Device || now.Controller != d.disk.Controller {
		return errChanged
	}
	return d.sameDisk()
}
