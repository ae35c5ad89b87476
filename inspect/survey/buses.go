package survey

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
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

// usbWithoutDriver: an interface of class 08h (mass storage) that nobody drives.
func (s survey) usbWithoutDriver([]subject) ([]inspect.Finding, string, error) {
	return s.mayHave("USB", "/sys/bus/usb/devices", func(name, dir string) (f inspect.Finding, hidden bool, err error) {
		if !strings.Contains(name, ":") {
			return f, false, nil // a device or a hub, which has its interfaces beside it
		}
		class, err := s.tree.Attr(dir, "bInterfaceClass")
		if err != nil || class != "08" {
			return f, false, err
		}
		driver, err := s.tree.Link(dir, "driver")
		if err != nil || driver != "" {
			return f, false, err
		}
		return inspect.Finding{Code: "no-driver", What: fmt.Sprintf("the USB storage device at port %s has no driver here", name),
			Do: "pull it out, or erase it elsewhere if it belongs to the machine"}, true, nil
	})
}

// ataWithoutDisk: a drive that answered on a SATA link since the start, and is no disk
// now: it was given up, or fell out of its connector. libata keeps its class
// (Documentation/ABI/testing/sysfs-ata).
func (s survey) ataWithoutDisk(subjects []subject) ([]inspect.Finding, string, error) {
	return s.mayHave("SATA", "/sys/class/ata_device", func(_, dir string) (f inspect.Finding, hidden bool, err error) {
		class, err := s.tree.Attr(dir, "class")
		port := ataPort.FindString(dir)
		if err != nil || class != "ata" || port == "" || below(subjects, strings.TrimSuffix(port, "/")) {
			return f, false, err
		}
		return inspect.Finding{Code: "lost-drive",
			What: fmt.Sprintf("a drive on SATA link %s answered when the machine was started, and is gone", last(ataLink, port)),
			Do:   "switch the machine off, see that the drive sits well, and start again; if it stays so, take it out and destroy it"}, true, nil
	})
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
