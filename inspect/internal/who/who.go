// Package who learns who a drive is: from its own answers, and for the kinds that
// aren't asked by commands from what the kernel read of them. It is the same for a
// drive that is there and for one that was captured.
package who

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

// Drive is what is known of a drive before it is asked.
type Drive struct {
	Tree sysblock.Tree
	Disk sysblock.Disk
	Size int64 // of the block device
	// Namespace that the block device is, of an NVMe drive.
	Namespace uint32
}

// Is asks a drive who it is.
func (d Drive) Is(ctx context.Context, t drive.Transport) (id drive.Identity, err error) {
	switch d.Disk.Kind {
	case sysblock.KindNVMe:
		id, err = identify.NVMe(ctx, t, d.Namespace)
	case sysblock.KindSCSI:
		id, err = identify.SCSI(ctx, t, identify.Way{Bus: d.Disk.Bus, Size: d.Size, USBSerial: d.usbSerial()})
	case sysblock.KindMMC:
		id, err = d.card()
	case sysblock.KindVirtio:
		id, err = d.virtio()
	case sysblock.KindLoop:
		id, err = d.loop()
	default:
		err = errors.New("it is of a kind that can't be asked who it is")
	}
	if err != nil {
		return drive.Identity{}, err
	}
	if id.Bus == drive.BusUnknown {
		id.Bus = d.Disk.Bus
	}
	id.Size = d.Size
	return id, nil
}

// usbSerial is the string descriptor that the device gave when it was plugged in;
// the kernel keeps it as long as it stays. Empty: there is none.
func (d Drive) usbSerial() string {
	if d.Disk.USB == "" {
		return ""
	}
	s, err := d.Tree.Attr(d.Disk.USB, "serial")
	if err != nil {
		return ""
	}
	return s
}

// virtio: the kernel asks the device at each reading of this attribute.
func (d Drive) virtio() (drive.Identity, error) {
	id := drive.Identity{Model: "virtio disk", Inner: true}
	s, err := d.Tree.Attr(d.Disk.Dir, "serial")
	if err != nil {
		return drive.Identity{}, fmt.Errorf("ask the virtual disk for its serial: %w", err)
	}
	id.Serial, id.Raw.Serial = drive.Clean([]byte(s)), drive.Hex([]byte(s))
	return id, nil
}

// loop: a loop device's serial is its backing file's base name, in
// capitals and without its ending.
func (d Drive) loop() (drive.Identity, error) {
	file, ok := d.Tree.BackingFile(d.Disk)
	if !ok {
		return drive.Identity{}, errors.New("the loop device has no backing file any more")
	}
	base := filepath.Base(file)
	serial := strings.ToUpper(strings.TrimSuffix(base, filepath.Ext(base)))
	return drive.Identity{Media: drive.MediaFile, Model: "loop device", Inner: true,
		Serial: drive.Clean([]byte(serial)), Raw: drive.Raw{Serial: drive.Hex([]byte(serial))}}, nil
}

// card reads the card's CID register, which the kernel asked for when the
// card was put in: 16 bytes in hex. Only the card has it; a card that is changed
// is another disk to the kernel.
func (d Drive) card() (drive.Identity, error) {
	s, err := d.Tree.Attr(d.Disk.Device, "cid")
	if err != nil {
		return drive.Identity{}, fmt.Errorf("read the card's CID: %w", err)
	}
	cid, err := hex.DecodeString(s)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("the card's CID makes no sense: %.40q", s)
	}
	return identify.CID(cid, d.Disk.Bus)
}
