package linux

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/identify"
	"handback.example/inspect/internal/sysblock"
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
	var id drive.Identity
	switch d.disk.Kind {
	case sysblock.KindNVMe:
		var nsid uint32
		if nsid, err = d.namespace(); err == nil {
			id, err = identify.NVMe(ctx, d.readOnly, nsid)
		}
	case sysblock.KindSCSI:
		id, err = identify.SCSI(ctx, d.readOnly, identify.Way{Bus: d.disk.Bus, Size: g.Size, USBSerial: d.usbSerial()})
	case sysblock.KindMMC:
		id, err = d.identifyMMC()
	case sysblock.KindVirtio:
		id, err = d.identifyVirtio()
	case sysblock.KindLoop:
		id, err = d.identifyLoop()
	default:
		err = errors.New("it is of a kind that can't be asked who it is")
	}
	if err != nil {
		return drive.Identity{}, err
	}
	if id.Bus == drive.BusUnknown {
		id.Bus = d.disk.Bus
	}
	id.Size = g.Size
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

// usbSerial is the string descriptor that the device gave when it was plugged in;
// the kernel keeps it as long as it stays. Empty: there is none.
func (d *device) usbSerial() string {
	if d.disk.USB == "" {
		return ""
	}
	s, err := sysblock.Live().Attr(d.disk.USB, "serial")
	if err != nil {
		return ""
	}
	return s
}

// identifyVirtio: the kernel asks the device at each reading of this attribute.
func (d *device) identifyVirtio() (drive.Identity, error) {
	id := drive.Identity{Model: "virtio disk", Inner: true}
	s, err := sysblock.Live().Attr(d.disk.Dir, "serial")
	if err != nil {
		return drive.Identity{}, fmt.Errorf("ask the virtual disk for its serial: %w", err)
	}
	id.Serial, id.Raw.Serial = drive.Clean([]byte(s)), drive.Hex([]byte(s))
	return id, nil
}

// identifyLoop: a loop device's serial is its backing file's base name, in
// capitals and without its ending.
func (d *device) identifyLoop() (drive.Identity, error) {
	file, ok := sysblock.Live().BackingFile(d.disk)
	if !ok {
		return drive.Identity{}, errors.New("the loop device has no backing file any more")
	}
	base := filepath.Base(file)
	serial := strings.ToUpper(strings.TrimSuffix(base, filepath.Ext(base)))
	return drive.Identity{Media: drive.MediaFile, Model: "loop device", Inner: true,
		Serial: drive.Clean([]byte(serial)), Raw: drive.Raw{Serial: drive.Hex([]byte(serial))}}, nil
}

// identifyMMC reads the card's CID register, which the kernel asked for when the
// card was put in: 16 bytes in hex. Only the card has it; a card that is changed
// is another disk to the kernel.
func (d *device) identifyMMC() (drive.Identity, error) {
	s, err := sysblock.Live().Attr(d.disk.Device, "cid")
	if err != nil {
		return drive.Identity{}, fmt.Errorf("read the card's CID: %w", err)
	}
	cid, err := hex.DecodeString(s)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("the card's CID makes no sense: %.40q", s)
	}
	return identify.CID(cid, d.disk.Bus)
}
