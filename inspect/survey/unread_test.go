package survey

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/tree"
)

// unread are the files of a folder, one of which gives an error to whoever looks at it,
// lists it or reads it; before that, pulled is removed from the folder.
type unread struct {
	tree.Files
	name, pulled string
	errno        syscall.Errno
}

func (u unread) fail(op, name string) error {
	if name != u.name {
		return nil
	}
	if root, err := u.Folder(); err == nil && u.pulled != "" {
		_ = os.Remove(filepath.Join(root, u.pulled)) // gone already at the second try
	}
	return &fs.PathError{Op: op, Path: name, Err: u.errno}
}

func (u unread) Look(name string) (tree.Entry, error) {
	e, err := u.Files.Look(name)
	if err == nil && e.Kind != tree.File { // lstat(2) of a file works where reading it fails
		err = u.fail("lstat", name)
	}
	return e, err
}

func (u unread) Read(name string, most int64) ([]byte, error) {
	if err := u.fail("read", name); err != nil {
		return nil, err
	}
	return u.Files.Read(name, most)
}

func (u unread) List(name string) ([]string, error) {
	if err := u.fail("open", name); err != nil {
		return nil, err
	}
	return u.Files.List(name)
}

const (
	ahciDir = "/sys/devices/pci0000:00/0000:00:17.0"
	ataDir  = ahciDir + "/ata1/link1/dev1.0/ata_device/dev1.0"
	diskDir = ahciDir + "/ata1/host0/target0:0:0/0:0:0:0"
	slotDir = "/sys/devices/pci0000:00/0000:00:1a.0/mmc_host/mmc1"
	cardDir = "/sys/devices/pci0000:00/0000:00:1a.0/mmc_host/mmc0/mmc0:0001/block/mmcblk0"
	usbDir  = "/sys/devices/u/1-2/1-2:1.0"

	otherDevices = "sys/devices/x/2:0:0:0/type = 5\nsys/bus/scsi/devices/2:0:0:0 -> /sys/devices/x/2:0:0:0\n" +
		"sys/devices/u/1-2/idVendor = 1d6b\nsys/bus/usb/devices/1-2 -> /sys/devices/u/1-2\n" +
		"sys/devices/x/host2/\nsys/bus/scsi/devices/host2 -> /sys/devices/x/host2\n"
)

// ordinary is a machine that has a device on every bus, and nothing hidden.
func ordinary() string {
	return quiet + pci("0000:00:17.0", "0x010601", "ahci", "remapped_nvme = 0") + pci("0000:00:02.0", "0x030000", "") + sata("0000:00:17.0") + ataDevice("none", 1) +
		mmcDisk("MMC", "mmcblk0p1") + cardDir[1:] + "/mmcblk0p1/partition = 1\n" + mmcHost + slotDir[1:] + "/power/\nsys/class/mmc_host/mmc1 -> " + slotDir + "\n" + usbStorage("type = 5") + otherDevices
}

func (u unread) drives(t *testing.T, root string) driveFacts {
	t.Helper()
	u.Files = tree.At(root).Files
	return begin(Options{Doors: capture.Doors{Tree: &tree.Tree{Files: u}}}).drives(t.Context())
}

// What could not be read is not 'nothing there': the list is absent, it is said of what,
// and the place is not among those that were looked at.
func TestUnreadIsNotNothing(t *testing.T) {
	root := plant(t, ordinary())
	if f := (unread{}).drives(t, root); f.hidden.found == nil || len(f.hidden.found) != 0 || len(f.hidden.missing) != 0 || len(f.hidden.looked) != 5 || len(f.drives) != 2 {
		t.Fatalf("the machine that is the ground of all cases: %+v, drives %+v", f.hidden, f.drives)
	}
	always := []syscall.Errno{syscall.EIO, syscall.EACCES, syscall.ENODEV, syscall.ELOOP}
	// What every device of its kind has: that it is absent tells nothing either.
	must := append([]syscall.Errno{syscall.ENOENT}, always...)
	for _, c := range []struct {
		name, says, bus string
		errnos          []syscall.Errno
	}{
		{"/sys/bus/pci/devices", "the PCI devices could not be listed", "PCI", must},
		{"/sys/bus/pci/devices/0000:00:02.0", "what 0000:00:02.0 on the PCI bus is", "PCI", always},
		{"/sys/devices/pci0000:00/0000:00:02.0/class", "what 0000:00:02.0 on the PCI bus is", "PCI", must},
		{ahciDir + "/driver", "what 0000:00:17.0 on the PCI bus is", "PCI", always},
		{ahciDir + "/remapped_nvme", "what 0000:00:17.0 on the PCI bus is", "PCI", always},
		{"/sys/bus/scsi/devices", "the devices of the SCSI bus could not be listed", "SCSI", always},
		{"/sys/bus/scsi/devices/2:0:0:0", "what 2:0:0:0 on the SCSI bus is", "SCSI", always},
		{"/sys/devices/x/2:0:0:0/type", "what 2:0:0:0 on the SCSI bus is", "SCSI", must},
		{diskDir + "/block", "what 0:0:0:0 on the SCSI bus is", "SCSI", always},
		{"/sys/bus/usb", "the devices of the USB bus could not be listed", "USB", always},
		{"/sys/bus/usb/devices", "the devices of the USB bus could not be listed", "USB", always},
		{usbDir + "/bInterfaceClass", "what 1-2:1.0 on the USB bus is", "USB", must},
		{usbDir + "/driver", "what 1-2:1.0 on the USB bus is", "USB", always},
		{usbDir, "what 1-2:1.0 on the USB bus is", "USB", always},
		{usbDir + "/host4", "what 1-2:1.0 on the USB bus is", "USB", must},
		{usbDir + "/host4/target4:0:0", "what 1-2:1.0 on the USB bus is", "USB", must},
		{"/sys/class/mmc_host", "the devices of the SD and eMMC bus could not be listed", "SD and eMMC", always},
		{slotDir, "what mmc1 on the SD and eMMC bus is", "SD and eMMC", must},
		{"/sys/class/ata_device", "the devices of the SATA bus could not be listed", "SATA", always},
		{ataDir + "/class", "what dev1.0 on the SATA bus is", "SATA", must},
		{cardDir + "/mmcblk0p1", "areas of its own", "", always},
		{diskDir + "/block/sda/size", "sda: ", "", must},
		{diskDir + "/block/sda/device", "sda: ", "", always},
		{diskDir + "/subsystem", "sda: ", "", always},
	} {
		for _, errno := range c.errnos {
			h := unread{name: c.name, errno: errno}.drives(t, root).hidden
			if h.found != nil || !slices.ContainsFunc(h.missing, func(m string) bool {
				return strings.Contains(m, c.says) && strings.Contains(m, errno.Error())
			}) {
				t.Errorf("%s, %v: found %v (nil %v), missing %q", c.name, errno, h.found, h.found == nil, h.missing)
			}
			if c.bus != "" && slices.ContainsFunc(h.looked, func(l string) bool { return strings.HasPrefix(l, c.bus) }) {
				t.Errorf("%s, %v: looked %q", c.name, errno, h.looked)
			}
		}
	}
}

// A port whose host nobody could look for is not one without a host.
func TestUnreadPort(t *testing.T) {
	root := plant(t, quiet+pci("0000:00:17.0", "0x010601", "ahci")+ataDevice("ata", 1))
	if h := (unread{}).drives(t, root).hidden; len(h.found) != 1 || h.found[0].Code != "lost-drive" || len(h.missing) != 0 {
		t.Fatalf("the ground: %+v", h)
	}
	if h := (unread{name: ahciDir + "/ata1", errno: syscall.EIO}).drives(t, root).hidden; h.found != nil || len(h.missing) != 1 {
		t.Errorf("%+v", h)
	}
}

// What one machine has and another has not may be absent.
func TestAbsentIsNothing(t *testing.T) {
	root := plant(t, ordinary())
	for _, name := range []string{"/sys/bus/scsi/devices", "/sys/bus/usb", "/sys/class/ata_device", "/sys/class/mmc_host", ahciDir + "/remapped_nvme"} {
		if h := (unread{name: name, errno: syscall.ENOENT}).drives(t, root).hidden; h.found == nil || len(h.found)+len(h.missing) != 0 {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// What is pulled out while it is looked at is no part of the machine; what only says that
// it is gone, and is still on its bus, is.
func TestPulledOut(t *testing.T) {
	for name, link := range map[string]string{
		"/sys/devices/pci0000:00/0000:00:02.0/class": "/sys/bus/pci/devices/0000:00:02.0",
		"/sys/devices/x/2:0:0:0/type":                "/sys/bus/scsi/devices/2:0:0:0",
		usbDir + "/bInterfaceClass":                  "/sys/bus/usb/devices/1-2:1.0",
		ataDir + "/class":                            "/sys/class/ata_device/dev1.0",
		slotDir:                                      "/sys/class/mmc_host/mmc1",
		cardDir + "/size":                            "/sys/block/mmcblk0",
	} {
		for _, errno := range []syscall.Errno{syscall.ENODEV, syscall.ENOENT} {
			if h := (unread{name: name, pulled: link, errno: errno}).drives(t, plant(t, ordinary())).hidden; h.found == nil || len(h.found)+len(h.missing) != 0 {
				t.Errorf("%s, %v: %+v", name, errno, h)
			}
		}
	}
}

// One that can't be read hides none that can, and the others are counted.
func TestSeveralUnread(t *testing.T) {
	lines := quiet
	for _, at := range []string{"1:0:0:0", "2:0:0:0", "3:0:0:0"} {
		lines += "sys/devices/x/" + at + "/type/\nsys/bus/scsi/devices/" + at + " -> /sys/devices/x/" + at + "\n"
	}
	lines += "sys/devices/x/4:0:0:0/type = 14\nsys/bus/scsi/devices/4:0:0:0 -> /sys/devices/x/4:0:0:0\n"
	r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, lines))})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Unhandled) != 1 || !strings.Contains(r.Unhandled[0].What, "of unknown model at SCSI 4:0:0:0") {
		t.Errorf("found: %+v", r.Unhandled)
	}
	if !slices.Contains(r.Missing, "hidden drives: what 1:0:0:0 on the SCSI bus is could not be read: /sys/devices/x/1:0:0:0/type is no plain file; nor could 2 other devices be read") {
		t.Errorf("missing: %q", r.Missing)
	}
}

// A medium whose host can't be asked for its name is not taken for a common disk, and one
// whose port is not told is neither inside nor outside.
func TestMediumThatCannotBeTold(t *testing.T) {
	lines := "sys/devices/p/host0/scsi_host/host0/proc_name = ahci\nsys/devices/p/host0/removable = fixed\n"
	disk := sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusSATA, Device: "/sys/devices/p/host0", Dir: "/sys/devices/p/host0/block/sda"}
	for _, c := range []struct {
		name                string
		errno               syscall.Errno
		special             string
		removable, problems bool
	}{
		{"", 0, "", true, false},
		{"/sys/devices/p/host0/scsi_host/host0/proc_name", syscall.EIO, "unknown", true, true},
		{"/sys/devices/p/host0/scsi_host/host0/proc_name", syscall.ENOENT, "", true, false},
		{"/sys/devices/p/host0/removable", syscall.EACCES, "", false, false},
		{"/sys/devices/p/host0/removable", syscall.ENOENT, "", true, false},
	} {
		s := survey{tree: sysblock.Tree{Tree: &tree.Tree{Files: unread{Files: tree.At(plant(t, lines)).Files, name: c.name, errno: c.errno}}}}
		d := s.base(disk)
		told := slices.ContainsFunc(d.Problems, func(p string) bool { return strings.Contains(p, "special kind") })
		if d.Special != c.special || d.Removable.Known != c.removable || d.Removable.Value || told != c.problems {
			t.Errorf("%s, %v: special %q, removable %+v, %q", c.name, c.errno, d.Special, d.Removable, d.Problems)
		}
	}
}

// A tree whose /sys can't be looked at is not one without it.
func TestTreeThatCannotBeRead(t *testing.T) {
	for errno, says := range map[syscall.Errno]string{syscall.EIO: "input/output error", syscall.ENOENT: "no folder /sys"} {
		files := unread{Files: tree.At(plant(t, quiet)).Files, name: "/sys", errno: errno}
		if r, err := Take(t.Context(), Options{Doors: capture.Doors{Tree: &tree.Tree{Files: files}}}); r != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v, %v", errno, r, err)
		}
	}
}
