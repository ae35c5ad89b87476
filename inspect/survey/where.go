package survey

import (
	"fmt"
	"regexp"
	"strings"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// Parts of a device's folder in sysfs: PCI functions (domain:bus:device.function),
// libata's links and USB ports (Documentation/ABI/testing/sysfs-bus-pci, -ata, -usb).
var (
	pciFunction = regexp.MustCompile(`/([0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])(?:/|$)`)
	ataLink     = regexp.MustCompile(`/ata([0-9]+)/`)
	ataPort     = regexp.MustCompile(`^.*/ata[0-9]+/`)
	ataName     = regexp.MustCompile(`^dev[0-9]+\.([0-9]+)(\.0)?$`)
	ataHost     = regexp.MustCompile(`^host[0-9]+/target[0-9]+:([0-9]+:[0-9]+)/`)
	sasEnd      = regexp.MustCompile(`^.*/end_device-[0-9:]+`)
	usbPort     = regexp.MustCompile(`/([0-9]+-[0-9]+(?:\.[0-9]+)*)(?:/|$)`)
	scsiHost    = regexp.MustCompile(`^host[0-9]+$`)
	scsiTarget  = regexp.MustCompile(`^target[0-9]+:[0-9]+:[0-9]+$`)
	scsiDevice  = regexp.MustCompile(`^[0-9]+:[0-9]+:[0-9]+:[0-9]+$`)
	scsiAddress = regexp.MustCompile(`/([0-9]+:[0-9]+:[0-9]+:[0-9]+)(?:/|$)`)
)

// where a drive hangs, for whoever must pull the right one. It is the kernel's way of
// counting; what stands on the drive's label is the last word.
func (s survey) where(d sysblock.Disk) string {
	dir := d.Device + "/"
	pci := last(pciFunction, dir)
	controller := ""
	if pci != "" {
		controller = " of the controller at PCI " + pci
	}
	switch {
	case d.Bus == drive.BusUSB && d.USB != "":
		return "USB port " + last(usbPort, d.USB+"/")
	case strings.Contains(dir, "/ata"):
		return fmt.Sprintf("SATA link %s%s", last(ataLink, dir), controller)
	case d.Kind == sysblock.KindNVMe && d.Transport == "pcie" && pci != "":
		return "NVMe slot at PCI " + pci
	case d.Bus == drive.BusSCSI && scsiAddress.MatchString(dir):
		return "SCSI address " + last(scsiAddress, dir) + controller
	}
	return ""
}

// last match of a pattern's group: the part that is nearest to the drive.
func last(re *regexp.Regexp, dir string) string {
	found := ""
	for at := 0; at < len(dir); {
		m := re.FindStringSubmatchIndex(dir[at:])
		if m == nil {
			break
		}
		found = dir[at+m[2] : at+m[3]]
		at += m[3] // the slash behind it may begin the next one
	}
	return found
}
