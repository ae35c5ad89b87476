package survey

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// hidden is what was found out about media that no drive of the report shows.
type hidden struct {
	found   []inspect.Finding // what stands in the way of saying 'every drive of this machine'
	looked  []string          // where it was looked, for people: the evidence
	missing []string          // where it could not be looked
}

// findings looks for hidden media. found is nil where that could not be done.
func (s survey) findings(subjects []subject) hidden {
	h := hidden{found: []inspect.Finding{}}
	for _, look := range []func([]subject) ([]inspect.Finding, string, error){s.controllers, s.scsiWithoutDriver, s.usbWithoutDriver, s.ataWithoutDisk} {
		f, at, err := look(subjects)
		h.found = append(h.found, f...)
		switch {
		case err != nil:
			h.missing = append(h.missing, "hidden drives: "+err.Error())
		case at != "":
			h.looked = append(h.looked, at)
		}
	}
	f, at := nvmeFindings(subjects)
	h.found = append(h.found, f...)
	if at != "" {
		h.looked = append(h.looked, at)
	}
	h.found = append(h.found, halfFindings(subjects)...)
	h.found = append(h.found, s.areaFindings(subjects)...)
	if s.Root == "" {
		h.found = append(h.found, silentFindings(subjects)...)
		h.looked = append(h.looked, count(len(subjects), "drive")+" opened")
	}
	h.found = append(h.found, bootFindings(subjects)...)
	if len(h.missing) > 0 && len(h.found) == 0 {
		h.found = nil
	}
	return h
}

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

// nvmeFindings: namespaces of a controller that are no block devices here.
func nvmeFindings(subjects []subject) (found []inspect.Finding, looked string) {
	seen := map[string]bool{}
	for _, d := range subjects {
		if d.NVMe == nil || seen[d.disk.Controller] {
			continue
		}
		seen[d.disk.Controller] = true
		if n := d.NVMe.Unattached; !n.Known {
			found = append(found, inspect.Finding{Code: "namespaces-unknown",
				What: fmt.Sprintf("whether %s has namespaces that no drive shows could not be read: %s", names(d), n.Why),
				Do:   "start again; if it stays so, take the drive out and have it erased with the maker's tool"})
		} else if n.Value > 0 {
			found = append(found, inspect.Finding{Code: "unattached-namespace",
				What: fmt.Sprintf("%s has %d namespaces that are not attached: they may hold data and can't be reached as drives", names(d), n.Value),
				Do:   "attach them with the maker's tool and start again, or take the drive out"})
		}
		hidden := 0
		for _, id := range d.namespaces {
			if !slices.ContainsFunc(subjects, func(o subject) bool {
				return o.disk.Controller == d.disk.Controller && o.Identity.Namespace == id
			}) {
				hidden++
			}
		}
		if hidden > 0 {
			found = append(found, inspect.Finding{Code: "hidden-namespace",
				What: fmt.Sprintf("%s has %d active namespaces that the kernel does not show as drives", names(d), hidden),
				Do:   "take the drive out and have it erased with the maker's tool"})
		}
	}
	if len(seen) > 0 {
		looked = "namespaces of " + count(len(seen), "NVMe controller")
	}
	return found, looked
}

// areaFindings: what an eMMC has beside its blocks is erased with them by the card's own
// erasure, and by nothing else.
func (s survey) areaFindings(subjects []subject) []inspect.Finding {
	var found []inspect.Finding
	for _, d := range subjects {
		areas, m := s.tree.Areas(d.disk), d.MMC
		if len(areas) == 0 || m != nil && (m.Sanitize.Value || m.SecureErase.Value) && m.Protected.Known && !m.Protected.Value {
			continue
		}
		found = append(found, inspect.Finding{Code: "mmc-areas",
			What: fmt.Sprintf("%s has areas of its own beside the drive (%s), and does not say that it can erase all of them itself", names(d), strings.Join(areas, ", ")),
			Do:   "keep the machine, or destroy the board's memory"})
	}
	return found
}

// halves of Intel's drives with two on one card (Optane Memory H10 and H20): flash
// ('INTEL HBRPEKNX0202A'), and Optane memory that caches it ('INTEL HBRPEKNX0202AO').
// Each is a drive of its own on the bus, and a machine that can't split its lanes shows
// only one.
const halves = "HBRPEKN"

// halfFindings: a half of such a drive without the other.
func halfFindings(subjects []subject) []inspect.Finding {
	other := func(d subject) string {
		for _, word := range strings.Fields(d.Identity.Model) {
			switch {
			case !strings.HasPrefix(word, halves):
			case strings.HasSuffix(word, "O"):
				return "flash"
			default:
				return "Optane"
			}
		}
		return ""
	}
	counts := map[string]int{}
	for _, d := range subjects {
		counts[other(d)]++
	}
	var found []inspect.Finding
	for _, d := range subjects {
		if missing := other(d); missing != "" && counts["flash"] != counts["Optane"] {
			found = append(found, inspect.Finding{Code: "optane-half",
				What: fmt.Sprintf("%s is one half of a drive with two, and its %s half is not seen beside it", names(d), missing),
				Do:   "switch Intel Rapid Storage and Optane off in the firmware's setup, then start again; if it stays so, take the drive out and destroy it"})
		}
	}
	return found
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

// silentFindings: drives that would not be opened or say who they are.
func silentFindings(subjects []subject) []inspect.Finding {
	var found []inspect.Finding
	do := "start again; if it stays so, take the drive out and destroy it"
	if os.Geteuid() != 0 {
		do = "run this as root: only root may ask a drive"
	}
	for _, d := range subjects {
		if d.answered || d.disk.Kind == sysblock.KindLoop {
			continue
		}
		found = append(found, inspect.Finding{Code: "unread-drive",
			What: fmt.Sprintf("%s could not be read: %s", names(d), strings.Join(d.Problems, "; ")),
			Do:   do})
	}
	return found
}

// bootFindings: the medium that this system was started from is spared. A second
// one that carries the same partitions would be spared too, and so would a drive
// inside the machine that somebody copied a stick to.
func bootFindings(subjects []subject) []inspect.Finding {
	var boot []string
	var found []inspect.Finding
	for _, d := range subjects {
		if !d.Boot || d.disk.Kind == sysblock.KindLoop {
			continue
		}
		boot = append(boot, names(d))
		switch d.disk.Bus {
		case drive.BusNVMe, drive.BusSATA, drive.BusSCSI, drive.BusMMC:
			found = append(found, inspect.Finding{Code: "boot-inside",
				What: names(d) + " is inside the machine and carries the partitions of a stick: it is not erased",
				Do:   "erase its partition table elsewhere, then start again from a stick"})
		}
	}
	if len(boot) > 1 {
		found = append(found, inspect.Finding{Code: "two-sticks",
			What: "several media carry the partitions of a stick, and none of them is erased: " + strings.Join(boot, ", "),
			Do:   "leave only the stick that was started from, then start again"})
	}
	return found
}

// count of things for people.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// names a drive for people: model, serial, path.
func names(d subject) string {
	return fmt.Sprintf("the drive %s, serial %s (%s)", or(d.Identity.Model, "of unknown model"), or(d.Identity.Serial, "unknown"), d.Path)
}
