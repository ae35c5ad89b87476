package sysblock

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"handback.example/inspect/drive"
)

// Kind is the way that a drive is spoken to.
type Kind uint8

// The zero Kind is a drive that nothing here knows how to ask.
const (
	KindUnknown Kind = iota
	KindNVMe
	KindSCSI // ATA too: by its SAT layer
	KindMMC
	KindVirtio
	KindLoop
)

// Disk is one whole block device that is a drive.
type Disk struct {
	Name string // the kernel's: 'sda'
	Dev  string // '8:0'
	Dir  string // its folder in sysfs, without links: '/sys/devices/…/block/sda'
	Seq  string // the kernel's running number of disks: never given twice in one boot; may be empty
	Size int64  // bytes
	Kind Kind
	Bus  drive.Bus
	// Device is the folder of the device that the disk is of; empty for loop.
	Device string
	// Driver of that device, empty where there is none.
	Driver string
	// Controller of an NVMe namespace: its folder and its transport.
	Controller string
	Transport  string
	// USB is the folder of the USB device that it hangs on, or empty.
	USB string
}

// Path of its device node.
func (d Disk) Path() string { return "/dev/" + strings.ReplaceAll(d.Name, "!", "/") }

// ErrPartition: what was named is a part of a drive.
var ErrPartition = errors.New("it is a partition: name the whole drive")

// errNoDrive: a block device that is no drive: a stack upon drives, a RAM disk,
// an optical drive, a path of a multipath drive.
var errNoDrive = errors.New("it is no drive: a RAM disk, an optical drive or a device that stands on other drives")

// Disks finds all drives, in the order of their places in the machine. Skipped
// without a word are RAM disks, optical drives, stacks (device-mapper, RAID),
// network block devices, loop devices without a file, and readers without a card.
// Drives that could not be understood are in the error, and the rest is given.
func (t Tree) Disks() ([]Disk, error) {
	names, err := t.List("/sys/block")
	if err != nil {
		return nil, fmt.Errorf("list the drives: %w", err)
	}
	var disks []Disk
	var failed []error
	for _, name := range names {
		d, err := t.disk("/sys/block/" + name)
		switch {
		case errors.Is(err, errNoDrive), err != nil && t.Gone("/sys/block", name):
		case err != nil:
			failed = append(failed, fmt.Errorf("%s: %w", name, err))
		default:
			disks = append(disks, d)
		}
	}
	slices.SortFunc(disks, func(a, b Disk) int {
		return cmp.Or(natural(a.place(), b.place()), natural(a.Name, b.Name))
	})
	return disks, errors.Join(failed...)
}

// place by which drives are sorted: a namespace with several paths has no place
// of its own, its controller has.
func (d Disk) place() string {
	if d.Controller != "" {
		return d.Controller
	}
	return d.Dir
}

// Lookup finds a drive by its device number, 'major:minor'.
func (t Tree) Lookup(dev string) (Disk, error) {
	dir := "/sys/dev/block/" + dev
	part, err := t.Has(dir, "partition")
	switch {
	case err != nil:
		return Disk{}, err
	case part:
		return Disk{}, ErrPartition
	}
	return t.disk(dir)
}

func (t Tree) disk(link string) (Disk, error) {
	dir, err := t.Real(link)
	if err != nil {
		return Disk{}, err
	}
	d := Disk{Name: filepath.Base(dir), Dir: dir}
	if t.Is(dir, "hidden", "1") {
		return Disk{}, errNoDrive
	}
	if d.Dev, err = t.Attr(dir, "dev"); err != nil {
		return Disk{}, err
	}
	sectors, err := t.Attr(dir, "size")
	if err != nil {
		return Disk{}, err
	}
	// In units of 512 bytes, whatever the logical block (Documentation/ABI/stable/sysfs-block).
	n, err := strconv.ParseInt(sectors, 10, 54)
	if err != nil || n < 0 {
		return Disk{}, fmt.Errorf("its size %.32q makes no sense", sectors)
	}
	d.Size = n * 512
	d.Seq, _ = t.Attr(dir, "diskseq")
	return t.classify(d)
}

// classify finds out what kind of drive a disk is, by its device's subsystem.
func (t Tree) classify(d Disk) (Disk, error) {
	onDevice, err := t.Has(d.Dir, "device")
	switch {
	case err != nil:
		return Disk{}, err
	case !onDevice:
		return t.virtual(d)
	}
	if d.Device, err = t.Real(filepath.Join(d.Dir, "device")); err != nil {
		return Disk{}, err
	}
	if d.Driver, err = t.Link(d.Device, "driver"); err != nil {
		return Disk{}, err
	}
	subsystem, err := t.Link(d.Device, "subsystem")
	if err != nil {
		return Disk{}, err
	}
	switch subsystem {
	case "nvme":
		return t.nvme(d, d.Device)
	case "nvme-subsystem":
		return t.paths(d)
	case "scsi":
		return t.scsi(d)
	case "mmc":
		return t.mmc(d)
	case "virtio":
		d.Kind, d.Bus = KindVirtio, drive.BusVirtio
	case "block": // an area of another disk, see Areas
		return Disk{}, errNoDrive
	case "mtd", "platform": // flash of the firmware; a floppy drive
		return Disk{}, errNoDrive
	}
	return t.noMedium(d)
}

// virtual disks hang on no device. Of them only a loop device stands for a drive.
func (t Tree) virtual(d Disk) (Disk, error) {
	if major, _, _ := strings.Cut(d.Dev, ":"); major != "7" {
		return Disk{}, errNoDrive
	}
	loop, err := t.Has(d.Dir, "loop")
	switch {
	case err != nil:
		return Disk{}, err
	case !loop:
		return Disk{}, errNoDrive
	}
	d.Kind, d.Bus = KindLoop, drive.BusLoop
	return d, nil
}

// paths to a namespace that the kernel reaches by several: the controllers of its
// subsystem. One that can't be read is no path; a drive without any is one all the same.
func (t Tree) paths(d Disk) (Disk, error) {
	names, err := t.List(d.Device)
	if err != nil {
		return Disk{}, err
	}
	var controllers []string
	for _, name := range names {
		c, err := t.Real(filepath.Join(d.Device, name))
		if err != nil || c == d.Device {
			continue
		}
		subsystem, _ := t.Link(c, "subsystem")
		if has, _ := t.Has(c, "transport"); has && subsystem == "nvme" {
			controllers = append(controllers, c)
		}
	}
	slices.SortFunc(controllers, natural)
	return t.nvme(d, controllers...)
}

// nvme takes the first live one of the controllers that a namespace is reached by.
func (t Tree) nvme(d Disk, controllers ...string) (Disk, error) {
	d.Kind = KindNVMe
	for _, c := range controllers {
		if d.Controller == "" || !t.Is(d.Controller, "state", "live") && t.Is(c, "state", "live") {
			d.Controller = c
		}
	}
	if d.Controller == "" {
		return d, nil // a drive all the same; nobody can ask it
	}
	d.Transport, _ = t.Attr(d.Controller, "transport")
	switch d.Transport {
	case "pcie":
		d.Bus = drive.BusNVMe
	case "":
	default:
		d.Bus = drive.BusFabric
	}
	return d, nil
}

// scsi peripheral device types (SPC-5 table 150) that are drives: direct access,
// optical memory, reduced block, host-managed zoned.
var scsiDrives = []string{"0", "7", "14", "20"}

// SCSIDrive: a device of that peripheral type is a drive.
func SCSIDrive(kind string) bool { return slices.Contains(scsiDrives, kind) }

func (t Tree) scsi(d Disk) (Disk, error) {
	kind, err := t.Attr(d.Device, "type")
	if err != nil {
		return Disk{}, err
	}
	if !SCSIDrive(kind) {
		return Disk{}, errNoDrive
	}
	d.Kind, d.Bus = KindSCSI, drive.BusSCSI
	for _, dir := range Ancestors(d.Device) {
		bus, err := t.hop(dir)
		switch {
		case err != nil:
			return Disk{}, err
		case bus == drive.BusUSB && d.USB == "":
			d.Bus, d.USB = bus, dir
		case bus == drive.BusFabric, bus == drive.BusSATA:
			d.Bus = bus
		}
	}
	return t.noMedium(d)
}

// hop is the bus that one folder on the way to a SCSI disk stands for, unknown where it
// stands for none.
func (t Tree) hop(dir string) (drive.Bus, error) {
	base := filepath.Base(dir)
	for _, host := range []string{"iscsi_host/", "fc_host/", "srp_host/"} {
		if has, err := t.Has(dir, host+base); has || err != nil {
			return drive.BusFabric, err
		}
	}
	subsystem, err := t.Link(dir, "subsystem")
	if err != nil {
		return drive.BusUnknown, err
	}
	if subsystem == "usb" {
		if has, err := t.Has(dir, "idVendor"); has || err != nil {
			return drive.BusUSB, err
		}
	}
	if has, err := t.Has(dir, "ata_port/"+base); has || err != nil {
		return drive.BusSATA, err
	}
	return drive.BusUnknown, nil
}

func (t Tree) mmc(d Disk) (Disk, error) {
	d.Kind = KindMMC
	switch kind, _ := t.Attr(d.Device, "type"); kind {
	case "SD":
		d.Bus = drive.BusSD
	case "MMC":
		d.Bus = drive.BusMMC
	}
	return t.noMedium(d)
}

// Areas of an eMMC that are block devices of their own, below that of the drive:
// boot areas ('mmcblk0boot0') and general-purpose areas ('mmcblk0gp0'). The
// replay-protected area is none.
func (t Tree) Areas(d Disk) ([]string, error) {
	if d.Kind != KindMMC {
		return nil, nil
	}
	return t.below(d.Dir, func(dir string) (bool, error) {
		for _, name := range []string{"dev", "size"} {
			if has, err := t.Has(dir, name); !has || err != nil {
				return false, err
			}
		}
		part, err := t.Has(dir, "partition")
		return !part, err
	})
}

// noMedium: a card reader without a card, a drive bay without a disk, is none. A
// drive that is fixed and has no size is one that doesn't work.
func (t Tree) noMedium(d Disk) (Disk, error) {
	if d.Size == 0 && t.Is(d.Dir, "removable", "1") {
		return Disk{}, errNoDrive
	}
	return d, nil
}

// Partitions of a disk, as the kernel sees them, by name.
func (t Tree) Partitions(dir string) ([]string, error) {
	return t.below(dir, func(dir string) (bool, error) { return t.Has(dir, "partition") })
}

// below: the parts of a disk of one kind, by name: it begins with the disk's own.
func (t Tree) below(dir string, is func(dir string) (bool, error)) (parts []string, err error) {
	names, err := t.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, filepath.Base(dir)) {
			continue
		}
		yes, err := is(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if yes {
			parts = append(parts, name)
		}
	}
	return parts, nil
}

// BackingFile of a loop device; ok is false where it has none.
func (t Tree) BackingFile(d Disk) (path string, ok bool) {
	path, err := t.Attr(d.Dir, "loop/backing_file")
	return strings.TrimSuffix(path, " (deleted)"), err == nil && path != ""
}

// Node is the path of the device node of a folder of sysfs, with the device
// number that it must have.
func (t Tree) Node(dir string) (path, dev string, err error) {
	if dev, err = t.Attr(dir, "dev"); err != nil {
		return "", "", err
	}
	uevent, err := t.Bytes(filepath.Join(dir, "uevent"), attrMax)
	if err != nil {
		return "", "", err
	}
	for line := range strings.Lines(string(uevent)) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "DEVNAME="); ok && filepath.IsLocal(name) {
			return "/dev/" + name, dev, nil
		}
	}
	return "", "", fmt.Errorf("%s has no device node", dir)
}
