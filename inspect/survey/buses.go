package survey

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
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
	names, err := s.tree.List("/sys/bus/pci/devices")
	if err != nil {
		return nil, "", fmt.Errorf("the PCI devices could not be listed: %w", err)
	}
	storage := 0
	for _, name := range names {
		dir, err := s.tree.Real("/sys/bus/pci/devices/" + name)
		if err != nil {
			failed = err
			continue
		}
		class, err := s.tree.Attr(dir, "class")
		if err != nil {
			failed = err
			continue
		}
		if isStorage(class) {
			storage++
		}
		found = append(found, s.controller(name, dir, class, below(subjects, dir))...)
	}
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

func (s survey) controller(name, dir, class string, drives bool) []inspect.Finding {
	var found []inspect.Finding
	driver := s.tree.Link(dir, "driver")
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
	if n, err := s.tree.Attr(dir, "remapped_nvme"); err == nil && n != "0" {
		found = append(found, inspect.Finding{Code: "remapped-nvme",
			What: fmt.Sprintf("the SATA controller %s hides NVMe drives (%.8s)", what, n), Do: doAHCI})
	}
	return found
}

// scsiWithoutDriver: a SCSI device that is a disk and has no block device.
func (s survey) scsiWithoutDriver([]subject) ([]inspect.Finding, string, error) {
	return s.each("SCSI", "/sys/bus/scsi/devices", func(name, dir string) (f inspect.Finding, ok bool) {
		kind, err := s.tree.Attr(dir, "type")
		if err != nil || kind != "0" && kind != "20" {
			return f, false // a host, a target, or no disk
		}
		if names, err := s.tree.List(filepath.Join(dir, "block")); err == nil && len(names) > 0 {
			return f, false
		}
		model, _ := s.tree.Attr(dir, "model")
		return inspect.Finding{Code: "no-driver", What: fmt.Sprintf("the disk %s at SCSI %s has no driver here", drive.Clean([]byte(model)), name), Do: doDriver}, true
	})
}

// usbWithoutDriver: an interface of class 08h (mass storage) that nobody drives.
func (s survey) usbWithoutDriver([]subject) ([]inspect.Finding, string, error) {
	return s.each("USB", "/sys/bus/usb/devices", func(name, dir string) (f inspect.Finding, ok bool) {
		if !s.tree.Is(dir, "bInterfaceClass", "08") || s.tree.Link(dir, "driver") != "" {
			return f, false
		}
		return inspect.Finding{Code: "no-driver", What: fmt.Sprintf("the USB storage device at port %s has no driver here", name),
			Do: "pull it out, or erase it elsewhere if it belongs to the machine"}, true
	})
}

// each device of a bus; a machine without that bus has none.
func (s survey) each(name, bus string, look func(name, dir string) (inspect.Finding, bool)) (found []inspect.Finding, looked string, err error) {
	if !s.tree.Exists(bus) {
		return nil, "", nil
	}
	names, err := s.tree.List(bus)
	if err != nil {
		return nil, "", fmt.Errorf("%s could not be listed: %w", bus, err)
	}
	for _, name := range names {
		dir, err := s.tree.Real(filepath.Join(bus, name))
		if err != nil {
			return found, "", err
		}
		if f, ok := look(name, dir); ok {
			found = append(found, f)
		}
	}
	return found, fmt.Sprintf("%s bus: %s", name, count(len(names), "device")), nil
}

// ataWithoutDisk: a drive that answered on a SATA link since the start, and is no disk
// now: it was given up, or fell out of its connector. libata keeps its class
// (Documentation/ABI/testing/sysfs-ata).
func (s survey) ataWithoutDisk(subjects []subject) ([]inspect.Finding, string, error) {
	return s.each("SATA", "/sys/class/ata_device", func(_, dir string) (f inspect.Finding, ok bool) {
		port := ataPort.FindString(dir)
		if port == "" || !s.tree.Is(dir, "class", "ata") || below(subjects, strings.TrimSuffix(port, "/")) {
			return f, false
		}
		return inspect.Finding{Code: "lost-drive",
			What: fmt.Sprintf("a drive on SATA link %s answered when the machine was started, and is gone", last(ataLink, port)),
			Do:   "switch the machine off, see that the drive sits well, and start again; if it stays so, take it out and destroy it"}, true
	})
}
