package linux

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/scsi"
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
			id, err = d.identifyNVMe(ctx, nsid)
		}
	case sysblock.KindSCSI:
		id, err = d.identifySCSI(ctx, g.Size)
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
	now, err := sysblock.Tree("").Lookup(d.disk.Dev)
	if err != nil {
		return fmt.Errorf("the drive has gone: %w", err)
	}
	if now.Dir != d.disk.Dir || now.Seq != d.disk.Seq || now.Device != d.disk.Device || now.Controller != d.disk.Controller {
		return errChanged
	}
	return d.sameDisk()
}

// read sends a command that only reads, and gives what came, no more. A 'unit
// attention' tells of a reset that was before the command: it is asked once more.
func (d *device) read(ctx context.Context, c drive.Command) ([]byte, error) {
	done, err := d.readOnly.Do(ctx, c)
	var refused *drive.StatusError
	if errors.As(err, &refused) && refused.Protocol == drive.ProtocolSCSI {
		if s, ok := scsi.ParseSense(refused.Sense); ok && s.Key == 0x6 {
			done, err = d.readOnly.Do(ctx, c)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.Data[:len(c.Data)-done.Residual], nil
}

// identifySCSI asks by INQUIRY, and where a SAT layer may stand before an ATA
// drive, asks that drive itself.
func (d *device) identifySCSI(ctx context.Context, size int64) (drive.Identity, error) {
	b, err := d.read(ctx, scsi.Inquiry())
	if err != nil {
		return drive.Identity{}, err
	}
	std, err := scsi.ParseInquiry(b)
	if err != nil {
		return drive.Identity{}, err
	}
	var pages []byte
	// Sticks and card readers are not asked for more: some hang when they are, and
	// one of them is what this system was started from.
	if d.disk.Bus != drive.BusUSB || !std.Removable {
		if pages, err = d.vpdPages(ctx); err != nil {
			return drive.Identity{}, err
		}
	}
	id, err := d.scsiIdentity(ctx, std, pages)
	if err != nil || !d.maybeATA(std, pages) {
		return id, err
	}
	inner, err := d.identifyATA(ctx)
	if err != nil {
		if d.keepsToItself(ctx, err) {
			id.Inner = false
			return id, nil
		}
		return drive.Identity{}, err
	}
	if d.disk.Bus == drive.BusSCSI {
		inner.Bus = drive.BusSATA
	}
	// A bridge that shows less than the drive, or joins two, is not the drive.
	inner.Inner = d.disk.Bus != drive.BusUSB || inner.Size == size
	return inner, nil
}

// keepsToItself: a SAT layer refused to let its drive be asked. Some USB bridges
// break off instead of refusing; one that still answers for itself did no worse.
func (d *device) keepsToItself(ctx context.Context, err error) bool {
	var refused *drive.StatusError
	if errors.As(err, &refused) || errors.Is(err, ata.ErrNotIdentify) {
		return true
	}
	if d.disk.Bus != drive.BusUSB || ctx.Err() != nil {
		return false
	}
	_, err = d.read(ctx, scsi.Inquiry())
	return err == nil
}

// maybeATA: behind this SCSI device there may be an ATA drive. Of USB devices only
// those that are fixed media are asked: sticks and card readers have no ATA drive
// in them, and some hang when they are asked.
func (d *device) maybeATA(std scsi.Standard, pages []byte) bool {
	switch d.disk.Bus {
	case drive.BusSATA:
		return true
	case drive.BusUSB:
		return !std.Removable
	}
	return std.Vendor == "ATA" || contains(pages, 0x89)
}

func (d *device) identifyATA(ctx context.Context) (drive.Identity, error) {
	b, err := d.read(ctx, ata.IdentifyDevice())
	if err != nil {
		return drive.Identity{}, err
	}
	a, err := ata.ParseIdentify(b)
	if err != nil {
		return drive.Identity{}, err
	}
	return drive.Identity{Media: a.Media(), Model: a.Model, Serial: a.Serial, Firmware: a.Firmware,
		WWN: a.WWN, Size: a.Bytes(), Raw: a.Raw}, nil
}

// vpdPages: only pages that a device lists are asked for; some break on others.
func (d *device) vpdPages(ctx context.Context) ([]byte, error) {
	b, err := d.read(ctx, scsi.SupportedPages())
	var refused *drive.StatusError
	if errors.As(err, &refused) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pages, err := scsi.ParseSupportedPages(b)
	if err != nil {
		return nil, nil // a device that answers with something else has none
	}
	return pages, nil
}

func (d *device) scsiIdentity(ctx context.Context, std scsi.Standard, pages []byte) (drive.Identity, error) {
	id := drive.Identity{Model: std.Model(), Firmware: std.Revision, Raw: std.Raw,
		Inner: d.disk.Bus == drive.BusSCSI || d.disk.Bus == drive.BusFabric}
	page := func(n byte, c drive.Command, parse func([]byte)) error {
		if !contains(pages, n) {
			return nil
		}
		b, err := d.read(ctx, c)
		var refused *drive.StatusError
		if errors.As(err, &refused) {
			return nil
		}
		if err == nil {
			parse(b)
		}
		return err
	}
	// A page that makes no sense leaves its field empty: unknown.
	err := errors.Join(
		page(0x80, scsi.UnitSerial(), func(b []byte) { id.Serial, id.Raw.Serial, _ = scsi.ParseSerial(b) }),
		page(0x83, scsi.Identification(), func(b []byte) { id.WWN, _ = scsi.ParseIdentification(b) }),
		page(0xb1, scsi.Characteristics(), func(b []byte) { id.Media = rotation(b) }))
	if id.Serial == "" && d.disk.USB != "" {
		id.Serial, id.Raw.Serial = d.usbSerial()
	}
	if id.Media == drive.MediaUnknown && d.disk.Bus == drive.BusUSB && std.Removable {
		id.Media = drive.MediaFlash
	}
	return id, err
}

func rotation(b []byte) drive.MediaType {
	switch rate, err := scsi.ParseCharacteristics(b); {
	case err != nil:
	case rate == 1:
		return drive.MediaSSD
	case rate >= 0x0401 && rate < 0xffff:
		return drive.MediaHDD
	}
	return drive.MediaUnknown
}

// usbSerial is the string descriptor that the device gave when it was plugged in;
// the kernel keeps it as long as it stays.
func (d *device) usbSerial() (clean, raw string) {
	s, err := sysblock.Tree("").Attr(d.disk.USB, "serial")
	if err != nil {
		return "", ""
	}
	return drive.Clean([]byte(s)), drive.Hex([]byte(s))
}

// identifyVirtio: the kernel asks the device at each reading of this attribute.
func (d *device) identifyVirtio() (drive.Identity, error) {
	id := drive.Identity{Model: "virtio disk", Inner: true}
	s, err := sysblock.Tree("").Attr(d.disk.Dir, "serial")
	if err != nil {
		return drive.Identity{}, fmt.Errorf("ask the virtual disk for its serial: %w", err)
	}
	id.Serial, id.Raw.Serial = drive.Clean([]byte(s)), drive.Hex([]byte(s))
	return id, nil
}

// identifyLoop: a loop device's serial is its backing file's base name, in
// capitals and without its ending.
func (d *device) identifyLoop() (drive.Identity, error) {
	file, ok := sysblock.Tree("").BackingFile(d.disk)
	if !ok {
		return drive.Identity{}, errors.New("the loop device has no backing file any more")
	}
	base := filepath.Base(file)
	serial := strings.ToUpper(strings.TrimSuffix(base, filepath.Ext(base)))
	return drive.Identity{Media: drive.MediaFile, Model: "loop device", Inner: true,
		Serial: drive.Clean([]byte(serial)), Raw: drive.Raw{Serial: drive.Hex([]byte(serial))}}, nil
}

func contains(pages []byte, page byte) bool { return strings.IndexByte(string(pages), page) >= 0 }
