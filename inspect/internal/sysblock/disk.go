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
		case errors.Is(err, errNoDrive):
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
	if t.Has(dir, "partition") {
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
	if !t.Has(d.Dir, "device") {
		return t.virtual(d)
	}
	device, err := t.Real(filepath.Join(d.Dir, "device"))
	if err != nil {
		return Disk{}, err
	}
	d.Device, d.Driver = device, t.Link(device, "driver")
	switch t.Link(device, "subsystem") {
	case "nvme", "nvme-subsystem":
		return t.nvme(d)
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
	if major, _, _ := strings.Cut(d.Dev, ":"); major != "7" || !t.Has(d.Dir, "loop") {
		return Disk{}, errNoDrive
	}
	d.Kind, d.Bus = KindLoop, drive.BusLoop
	return d, nil
}

// nvme finds the controller: the device itself, or for a namespace that the
// kernel reaches by several paths, the first live controller of its subsystem.
func (t Tree) nvme(d Disk) (Disk, error) {
	d.Kind = KindNVMe
	candidates := []string{d.Device}
	if t.Link(d.Device, "subsystem") == "nvme-subsystem" {
		names, err := t.List(d.Device)
		if err != nil {
			return Disk{}, err
		}
		candidates = nil
		for _, name := range names {
			if c, err := t.Real(filepath.Join(d.Device, name)); err == nil && c != d.Device && t.Link(c, "subsystem") == "nvme" && t.Has(c, "transport") {
				candidates = append(candidates, c)
			}
		}
		slices.SortFunc(candidates, natural)
	}
	for _, c := range candidates {
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

func (t Tree) scsi(d Disk) (Disk, error) {
	kind, err := t.Attr(d.Device, "type")
	if err != nil {
		return Disk{}, err
	}
	if !slices.Contains(scsiDrives, kind) {
		return Disk{}, errNoDrive
	}
	d.Kind, d.Bus = KindSCSI, drive.BusSCSI
	for _, dir := range Ancestors(d.Device) {
		base := filepath.Base(dir)
		switch {
		case t.Has(dir, "iscsi_host/"+base), t.Has(dir, "fc_host/"+base), t.Has(dir, "srp_host/"+base):
			d.Bus = drive.BusFabric
		case t.Link(dir, "subsystem") == "usb" && t.Has(dir, "idVendor"):
			if d.USB == "" {
				d.Bus, d.USB = drive.BusUSB, dir
			}
		case t.Has(dir, "ata_port/"+base):
			d.Bus = drive.BusSATA
		}
	}
	return t.noMedium(d)
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
func (t Tree) Areas(d Disk) []string {
	if d.Kind != KindMMC {
		return nil
	}
	names, err := t.List(d.Dir)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(names, func(name string) bool {
		dir := filepath.Join(d.Dir, name)
		return !t.Has(dir, "dev") || !t.Has(dir, "size") || t.Has(dir, "partition")
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

// Partitions of a disk, as the kernel sees them, by name: it begins with the disk's own.
func (t Tree) Partitions(dir string) ([]string, error) {
	names, err := t.List(dir)
	if err != nil {
		return nil, err
	}
	disk := filepath.Base(dir)
	return slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(name, disk) || !t.Has(filepath.Join(dir, name), "partition")
	}), nil
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
