// Package identify asks a drive who it is, over any transport: by INQUIRY and its
// pages, IDENTIFY DEVICE and Identify Controller. It sends only what changes
// nothing (the transport that it is given should be a drive.ReadOnly), asks anew at
// each call, and never makes a name up: what a drive does not say stays empty.
package identify

import (
	"bytes"
	"context"
	"errors"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/scsi"
)

// Way is what the host knows of a drive without asking it.
type Way struct {
	Bus  drive.Bus
	Size int64 // of the block device, bytes
	// USBSerial is the string descriptor of a USB device, or empty.
	USBSerial string
}

// asked is a drive that questions go to.
type asked struct {
	Way
	t drive.Transport
}

// read sends a command that only reads, and gives what came, no more. A 'unit
// attention' tells of a reset that was before the command: it is asked once more.
func (d asked) read(ctx context.Context, c drive.Command) ([]byte, error) {
	done, err := d.t.Do(ctx, c)
	var refused *drive.StatusError
	if errors.As(err, &refused) && refused.Protocol == drive.ProtocolSCSI {
		if s, ok := scsi.ParseSense(refused.Sense); ok && s.Key == 0x6 {
			done, err = d.t.Do(ctx, c)
		}
	}
	if err != nil {
		return nil, err
	}
	return c.Data[:len(c.Data)-done.Residual], nil
}

// SCSI asks by INQUIRY, and where a SAT layer may stand before an ATA drive, asks
// that drive itself. Bus is left open where the way says enough of it; Size is the
// caller's.
func SCSI(ctx context.Context, t drive.Transport, w Way) (drive.Identity, error) {
	d := asked{w, t}
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
	if d.Bus != drive.BusUSB || !std.Removable {
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
	if d.Bus == drive.BusSCSI {
		inner.Bus = drive.BusSATA
	}
	// A bridge that shows less than the drive, or joins two, is not the drive.
	inner.Inner = d.Bus != drive.BusUSB || inner.Size == w.Size
	return inner, nil
}

// keepsToItself: a SAT layer refused to let its drive be asked. Some USB bridges
// break off instead of refusing; one that still answers for itself did no worse.
func (d asked) keepsToItself(ctx context.Context, err error) bool {
	var refused *drive.StatusError
	if errors.As(err, &refused) || errors.Is(err, ata.ErrNotIdentify) {
		return true
	}
	if d.Bus != drive.BusUSB || ctx.Err() != nil {
		return false
	}
	_, err = d.read(ctx, scsi.Inquiry())
	return err == nil
}

// maybeATA: behind this SCSI device there may be an ATA drive. Of USB devices only
// those that are fixed media are asked: sticks and card readers have no ATA drive
// in them, and some hang when they are asked.
func (d asked) maybeATA(std scsi.Standard, pages []byte) bool {
	switch d.Bus {
	case drive.BusSATA:
		return true
	case drive.BusUSB:
		return !std.Removable
	}
	return std.Vendor == "ATA" || bytes.IndexByte(pages, 0x89) >= 0
}

func (d asked) identifyATA(ctx context.Context) (drive.Identity, error) {
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
func (d asked) vpdPages(ctx context.Context) ([]byte, error) {
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

func (d asked) scsiIdentity(ctx context.Context, std scsi.Standard, pages []byte) (drive.Identity, error) {
	id := drive.Identity{Model: std.Model(), Firmware: std.Revision, Raw: std.Raw,
		Inner: d.Bus == drive.BusSCSI || d.Bus == drive.BusFabric}
	page := func(n byte, c drive.Command, parse func([]byte)) error {
		if bytes.IndexByte(pages, n) < 0 {
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
	if id.Serial == "" && d.USBSerial != "" {
		id.Serial, id.Raw.Serial = drive.Clean([]byte(d.USBSerial)), drive.Hex([]byte(d.USBSerial))
	}
	if id.Media == drive.MediaUnknown && d.Bus == drive.BusUSB && std.Removable {
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
