package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

const (
	doAHCI   = "switch storage from RAID to AHCI in the firmware's setup, then start again"
	doHBA    = "switch it to show each drive (HBA, JBOD or AHCI) and start again, or take the drives out and erase them elsewhere"
	doDriver = "this system can't reach what hangs on it: take the drives out and erase them elsewhere"
)

// transparent drivers show the drives behind a RAID controller as they are.
var transparent = []string{"ahci", "vmd", "nvme"}

// chipsets whose makers put a RAID mode into the firmware's setup: Intel and AMD. A
// controller of anybody else is a card.
var chipsets = []string{"0x8086", "0x1022", "0x1002"}

// controllers of the PCI bus: classes 01h (mass storage) and 0805h (SD host).
func (s survey) controllers(subjects []subject) (found []inspect.Finding, looked string, failed error) {
	const bus = "/sys/bus/pci/devices"
	names, err := s.tree.List(bus)
	if err != nil {
		return nil, "", fmt.Errorf("the PCI devices could not be listed: %w", err)
	}
	storage := 0
	failed = s.each("PCI", bus, names, func(name, dir string) error {
		class, err := s.tree.Attr(dir, "class")
		if err != nil {
			return err
		}
		if isStorage(class) {
			storage++
		}
		f, err := s.controller(name, dir, class, below(subjects, dir))
		found = append(found, f...)
		return err
	})
	return found, fmt.Sprintf("PCI bus: %s, %s among them", count(len(names), "device"), count(storage, "storage controller")), failed
}

func isStorage(class string) bool {
	return strings.HasPrefix(class, "0x01") || strings.HasPrefix(class, "0x0805")
}

// below: some drive hangs on the device with that folder.
func below(subjects []subject, dir string) bool {
	return slices.ContainsFunc(subjects, func(d subject) bool {
		return strings.HasPrefix(d.disk.Device, dir+"/") || strings.HasPrefix(d.disk.Controller, dir+"/")
	})
}

func (s survey) controller(name, dir, class string, drives bool) (found []inspect.Finding, err error) {
	driver, err := s.tree.Link(dir, "driver")
	if err != nil {
		return nil, err
	}
	vendor, _ := s.tree.Attr(dir, "vendor")
	device, _ := s.tree.Attr(dir, "device")
	what := fmt.Sprintf("at PCI %s (%s:%s)", name, strings.TrimPrefix(vendor, "0x"), strings.TrimPrefix(device, "0x"))
	raid, storage := strings.HasPrefix(class, "0x0104"), isStorage(class)
	switch {
	case raid && !drives && !slices.Contains(chipsets, vendor):
		found = append(found, inspect.Finding{Code: "raid-mode", What: "the RAID controller " + what + " shows no drive", Do: doHBA})
	case raid && !drives:
		found = append(found, inspect.Finding{Code: "raid-mode", What: "the RAID controller " + what + " shows no drive", Do: doAHCI})
	case storage && driver == "":
		found = append(found, inspect.Finding{Code: "no-driver", What: "the storage controller " + what + " has no driver here", Do: doDriver})
	case raid && !slices.Contains(transparent, driver):
		found = append(found, inspect.Finding{Code: "raid-volume", What: "the RAID controller " + what + " may show volumes, not the drives themselves",
			Do: doHBA})
	case strings.HasPrefix(class, "0x0108") && !drives:
		found = append(found, inspect.Finding{Code: "nvme-no-drive", What: "the NVMe controller " + what + " shows no drive",
			Do: "switch the machine off and on and start again; if it stays so, take the drive out"})
	}
	// Attribute of the ahci driver: NVMe drives that the chip set hides behind itself.
	n, err := s.tree.AttrOrNone(dir, "remapped_nvme")
	if n != "" && n != "0" {
		found = append(found, inspect.Finding{Code: "remapped-nvme",
			What: fmt.Sprintf("the SATA controller %s hides NVMe drives (%.8s)", what, n), Do: doAHCI})
	}
	return found, err
}

// scsiWithoutDriver: a SCSI device that is a disk and has no block device.
func (s survey) scsiWithoutDriver([]subject) ([]inspect.Finding, string, error) {
	return s.mayHave("SCSI", "/sys/bus/scsi/devices", func(name, dir string) (f inspect.Finding, hidden bool, err error) {
		if !scsiDevice.MatchString(name) {
			return f, false, nil // a host or a target
		}
		kind, err := s.tree.Attr(dir, "type")
		if err != nil || !sysblock.SCSIDrive(kind) {
			return f, false, err
		}
		shown, err := s.tree.List(filepath.Join(dir, "block"))
		if len(shown) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f, false, err
		}
		model, _ := s.tree.Attr(dir, "model") // only its name
		return inspect.Finding{Code: "no-driver", What: fmt.Sprintf("the disk %s at SCSI %s has no driver here", or(drive.Clean([]byte(model)), "of unknown model"), name), Do: doDriver}, true, nil
	})
}

// usbWithoutDrive: an interface of class 08h (mass storage) that nobody drives, or whose
// driver found nothing to drive. A reader without a card and an optical drive are SCSI
// devices; so is the stick of this system.
func (s survey) usbWithoutDrive([]subject) ([]inspect.Finding, string, error) {
	return s.mayHave("USB", "/sys/bus/usb/devices", func(name, dir string) (f inspect.Finding, hidden bool, err error) {
		if !strings.Contains(name, ":") {
			return f, false, nil // a device or a hub, which has its interfaces beside it
		}
		class, err := s.tree.Attr(dir, "bInterfaceClass")
		if err != nil || class != "08" {
			return f, false, err
		}
		driver, err := s.tree.Link(dir, "driver")
		if err != nil {
			return f, false, err
		}
		if driver == "" {
			return inspect.Finding{Code: "no-driver", What: fmt.Sprintf("the USB storage device at port %s has no driver here", name),
				Do: "pull it out, or erase it elsewhere if it belongs to the machine"}, true, nil
		}
		shows, err := s.scsiBelow(dir)
		if shows || err != nil {
			return f, false, err
		}
		product, _ := s.tree.Attr(filepath.Dir(dir), "product") // only its name
		// It may have come just now: usb-storage waits a second before it looks (delay_use).
		return inspect.Finding{Code: "usb-no-drive", What: fmt.Sprintf("the USB storage device %s at port %s shows no drive", or(drive.Clean([]byte(product)), "of unknown name"), name),
			Do: "pull it out and put it in again; if it stays so, leave it out, or erase it elsewhere if it belongs to the machine"}, true, nil
	})
}

// scsiBelow: some SCSI device hangs on the device with that folder, by a host of its own.
func (s survey) scsiBelow(dir string) (bool, error) {
	dirs := []string{dir}
	for _, kind := range []*regexp.Regexp{scsiHost, scsiTarget, scsiDevice} {
		var next []string
		for _, dir := range dirs {
			names, err := s.tree.List(dir)
			if err != nil {
				return false, err
			}
			for _, name := range names {
				if kind.MatchString(name) {
					next = append(next, filepath.Join(dir, name))
				}
			}
		}
		dirs = next
	}
	return len(dirs) > 0, nil
}

// ataDrives are the classes of ATA devices that are drives, and not optical ones. A zoned
// one that was given up has no word: the table of Linux, ata_class_names in
// drivers/ata/libata-transport.c, has none for ATA_DEV_ZAC_UNSUP, and one for all others.
var ataDrives = []string{"ata", "zac", ""}

// ataWithoutDisk: a drive that answered on a SATA link since the start, and is no disk
// now: it was given up, or fell out of its connector. libata keeps its class
// (Documentation/ABI/testing/sysfs-ata).
func (s survey) ataWithoutDisk(subjects []subject) ([]inspect.Finding, string, error) {
	onSAS := map[string]int{}
	found, looked, err := s.mayHave("SATA", "/sys/class/ata_device", func(name, dir string) (f inspect.Finding, hidden bool, err error) {
		class, err := s.tree.Attr(dir, "class")
		port := ataPort.FindString(dir)
		if err != nil || !slices.Contains(ataDrives, class) || port == "" {
			return f, false, err
		}
		address, at := ataTarget(name)
		if slices.ContainsFunc(subjects, func(d subject) bool {
			target, here := strings.CutPrefix(d.disk.Device, port)
			m := ataHost.FindStringSubmatch(target)
			return here && m != nil && m[1] == address
		}) {
			return f, false, nil
		}
		children, err := s.tree.List(filepath.Clean(port))
		if err != nil {
			return f, false, err
		}
		if !slices.ContainsFunc(children, scsiHost.MatchString) {
			onSAS[filepath.Dir(filepath.Clean(port))]++
			return f, false, nil
		}
		return inspect.Finding{Code: "lost-drive",
			What: fmt.Sprintf("a drive on SATA link %s%s answered when the machine was started, and is gone", last(ataLink, port), at),
			Do:   doSit}, true, nil
	})
	for _, controller := range slices.Sorted(maps.Keys(onSAS)) {
		if shown := s.sataBelow(controller, subjects); shown < onSAS[controller] {
			found = append(found, inspect.Finding{Code: "lost-drive",
				What: fmt.Sprintf("%s answered on the SAS controller at PCI %s when the machine was started, and %d of them can be seen", count(onSAS[controller], "SATA drive"), filepath.Base(controller), shown),
				Do:   doSit})
		}
	}
	return found, looked, err
}

const doSit = "switch the machine off, see that the drive sits well, and start again; if it stays so, take it out and destroy it"

// sataBelow counts the SATA drives on the SCSI host of a SAS controller. The drivers of
// some (libsas in Linux: isci, mvsas) have libata speak to SATA drives by ports without a
// SCSI host: which drive is on which port is not to be seen, only how many there are
// (sas_ata_init in drivers/scsi/libsas/sas_ata.c). What an end device speaks is told by
// drivers/scsi/scsi_transport_sas.c; where it is not told, the drive does not count.
func (s survey) sataBelow(controller string, subjects []subject) (n int) {
	for _, d := range subjects {
		if !strings.HasPrefix(d.disk.Device, controller+"/host") {
			continue
		}
		end := sasEnd.FindString(d.disk.Device)
		if end == "" {
			continue
		}
		// A drive behind an interposer speaks SSP, and is none of libata's.
		speaks, err := s.tree.Attr(filepath.Join(end, "sas_device", filepath.Base(end)), "target_port_protocols")
		if err == nil && (strings.Contains(speaks, "sata") || strings.Contains(speaks, "stp")) && !strings.Contains(speaks, "ssp") {
			n++
		}
	}
	return n
}

// ataTarget is the channel and the target that an ATA device has on the SCSI host of its
// port, and what tells it from others of the port, for people. In IDE mode a port has two
// devices, dev1.0 and dev1.1: their numbers are the targets of channel 0. Of a port
// multiplier each link has one, dev1.2.0, and is a channel whose target is 0. So has
// Linux it: ata_tdev_add in drivers/ata/libata-transport.c, ata_scsi_scan_host in
// drivers/ata/libata-scsi.c.
func ataTarget(name string) (address, at string) {
	m := ataName.FindStringSubmatch(name)
	switch {
	case m == nil:
		return "", "" // of no disk
	case m[2] != "":
		return m[1] + ":0", fmt.Sprintf(" (port %s of its multiplier)", m[1])
	}
	return "0:" + m[1], fmt.Sprintf(" (device %s)", m[1])
}

// mmcHosts: one without a card is an empty slot, or has memory soldered to it that does
// not answer. Nothing in sysfs of Linux 6.1 tells which: the host's class has no attribute
// (drivers/mmc/core/host.c), and _RMV of ACPI is none. Most laptops have a slot, so an
// empty host is no finding, and it is said.
func (s survey) mmcHosts([]subject) ([]inspect.Finding, string, error) {
	hosts, empty := 0, 0
	_, looked, err := s.mayHave("SD and eMMC", "/sys/class/mmc_host", func(name, dir string) (f inspect.Finding, hidden bool, err error) {
		names, err := s.tree.List(dir)
		if err != nil {
			return f, false, err
		}
		hosts++
		if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, name+":") }) {
			empty++
		}
		return f, false, nil
	})
	if looked != "" {
		looked = fmt.Sprintf("SD and eMMC hosts: %d, without a medium: %d", hosts, empty)
		if empty > 0 {
			looked += " (an empty slot, or memory that does not answer)"
		}
	}
	return nil, looked, err
}

// mayHave looks at a bus that not every machine has: one without it has no device there.
func (s survey) mayHave(kind, bus string, look func(name, dir string) (f inspect.Finding, hidden bool, err error)) (found []inspect.Finding, looked string, failed error) {
	names, err := s.tree.List(bus)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "", nil
	case err != nil:
		return nil, "", fmt.Errorf("the devices of the %s bus could not be listed: %w", kind, err)
	}
	failed = s.each(kind, bus, names, func(name, dir string) error {
		f, hidden, err := look(name, dir)
		if hidden {
			found = append(found, f)
		}
		return err
	})
	return found, fmt.Sprintf("%s bus: %s", kind, count(len(names), "device")), failed
}

// each device of a bus. What a device of its kind always says of itself, and this one
// does not, is not 'none of ours': the error names the first such device, and none hides
// another. One that was pulled out meanwhile is passed over.
func (s survey) each(kind, bus string, names []string, look func(name, dir string) error) (failed error) {
	more := 0
	for _, name := range names {
		dir, err := s.tree.Real(filepath.Join(bus, name))
		if err == nil {
			err = look(name, dir)
		}
		switch {
		case err == nil, s.tree.Gone(bus, name):
		case failed == nil:
			failed = fmt.Errorf("what %s on the %s bus is could not be read: %w", name, kind, err)
		default:
			more++
		}
	}
	if more > 0 {
		return fmt.Errorf("%w; nor could %s be read", failed, count(more, "other device"))
	}
	return failed
}
