package survey

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
	"handback.example/inspect/internal/tree"
)

// plant makes a tree of files from lines: 'file = text', 'link -> /sys/…',
// 'folder/'. Links are relative, as in sysfs.
func plant(t *testing.T, lines string) string {
	t.Helper()
	root := t.TempDir()
	for line := range strings.Lines(lines) {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\n"), " \t") // a text may be empty
		name, text, isFile := strings.Cut(line, " = ")
		link, to, isLink := strings.Cut(line, " -> ")
		var err error
		switch {
		case line == "":
			continue
		case isFile:
			if err = os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err == nil {
				err = os.WriteFile(filepath.Join(root, name), []byte(text+"\n"), 0o644)
			}
		case isLink:
			if to, err = filepath.Rel(filepath.Dir("/"+link), to); err == nil {
				if err = os.MkdirAll(filepath.Join(root, filepath.Dir(link)), 0o755); err == nil {
					err = os.Symlink(to, filepath.Join(root, link))
				}
			}
		default:
			err = os.MkdirAll(filepath.Join(root, line), 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// pci makes a device of the PCI bus.
func pci(address, class, driver string, more ...string) string {
	dir := "sys/devices/pci0000:00/" + address
	s := dir + "/class = " + class + "\n" + dir + "/vendor = 0x8086\n" + dir + "/device = 0x282a\nsys/bus/pci/devices/" + address + " -> /" + dir + "\n"
	if driver != "" {
		s += "sys/bus/pci/drivers/" + driver + "/\n" + dir + "/driver -> /sys/bus/pci/drivers/" + driver + "\n"
	}
	for _, m := range more {
		s += dir + "/" + m + "\n"
	}
	return s
}

// sata makes a disk on an AHCI controller.
func sata(address string) string {
	dir := "sys/devices/pci0000:00/" + address + "/ata1/host0/target0:0:0/0:0:0:0"
	return dir + "/type = 0\n" + dir + "/model = Maker's  SSD 850\n" + dir + "/rev = 1B6Q\n" + dir + "/subsystem -> /sys/bus/scsi\nsys/bus/scsi/devices/0:0:0:0 -> /" + dir + "\n" +
		"sys/devices/pci0000:00/" + address + "/ata1/ata_port/ata1/\n" +
		dir + "/block/sda/dev = 8:0\n" + dir + "/block/sda/size = 2048\n" + dir + "/block/sda/removable = 0\n" + dir + "/block/sda/device -> /" + dir + "\n" +
		"sys/block/sda -> /" + dir + "/block/sda\n"
}

// nvme makes a namespace on an NVMe controller.
func nvmeDisk(address string) string {
	dir := "sys/devices/pci0000:00/" + address + "/nvme/nvme0"
	return dir + "/transport = pcie\n" + dir + "/state = live\n" + dir + "/model = PM9A1 NVMe\n" + dir + "/serial = S676NX0R\n" + dir + "/firmware_rev = 36309099\n" +
		dir + "/subsystem -> /sys/class/nvme\nsys/class/nvme/\n" +
		dir + "/nvme0n1/dev = 259:0\n" + dir + "/nvme0n1/size = 4096\n" + dir + "/nvme0n1/removable = 0\n" + dir + "/nvme0n1/device -> /" + dir + "\n" +
		"sys/block/nvme0n1 -> /" + dir + "/nvme0n1\n"
}

// ataDevice is a device on a SATA link, as libata keeps it.
func ataDevice(class string, link int) string {
	return ataNamed(class, fmt.Sprintf("ata%d/link%d", link, link), fmt.Sprintf("dev%d.0", link))
}

// ataNamed is one of several devices of a port.
func ataNamed(class, link, name string) string {
	const at = "sys/devices/pci0000:00/0000:00:17.0/"
	port, _, _ := strings.Cut(link, "/")
	dir := at + link + "/" + name + "/ata_device/" + name
	return at + port + "/host0/power/\n" + dir + "/class = " + class + "\nsys/class/ata_device/" + name + " -> /" + dir + "\n"
}

// onSAS are SATA drives of a SAS controller: as many as answered on a port of libata's,
// each without a SCSI host, and the disks of the one host.
func onSAS(answered int, speak ...string) string {
	s := pci("0000:00:17.0", "0x010700", "isci")
	for n := range answered {
		s += strings.ReplaceAll(ataDevice("ata", n+1), fmt.Sprintf("sys/devices/pci0000:00/0000:00:17.0/ata%d/host0/power/\n", n+1), "")
	}
	for n, protocols := range speak {
		at := fmt.Sprintf("/host6/port-6:%d/end_device-6:%d/target6:0:%d/6:0:%d:0", n, n, n, n)
		s += strings.NewReplacer("/ata1/host0/target0:0:0/0:0:0:0", at, "/0:0:0:0", fmt.Sprintf("/6:0:%d:0", n), "/ata1/ata_port/ata1/", at+"/power/",
			"sda", fmt.Sprintf("sd%c", 'a'+n), "8:0", fmt.Sprintf("8:%d", 16*n)).Replace(sata("0000:00:17.0"))
		end := fmt.Sprintf("end_device-6:%d", n)
		s += fmt.Sprintf("sys/devices/pci0000:00/0000:00:17.0/host6/port-6:%d/%s/sas_device/%s/target_port_protocols = %s\n", n, end, end, protocols)
	}
	return s
}

// usbStorage is an interface of a USB device that a driver has, with its host, and what a
// SCSI device on it is like; a disk's has its lines of block.
func usbStorage(lines ...string) string {
	const dir = "sys/devices/u/1-2/1-2:1.0"
	s := "sys/devices/u/1-2/product = Stick\n" + dir + "/bInterfaceClass = 08\nsys/bus/usb/devices/1-2:1.0 -> /" + dir + "\n" +
		"sys/bus/usb/drivers/usb-storage/\n" + dir + "/driver -> /sys/bus/usb/drivers/usb-storage\n" + dir + "/host4/scsi_host/host4/proc_name = usb-storage\n"
	const at = dir + "/host4/target4:0:0/4:0:0:0"
	if len(lines) > 0 {
		s += at + "/subsystem -> /sys/bus/scsi\nsys/bus/scsi/devices/4:0:0:0 -> /" + at + "\n"
	}
	for _, l := range lines {
		s += at + "/" + l + "\n"
		if strings.HasPrefix(l, "block/") {
			s += at + "/block/sdb/dev = 8:16\n" + at + "/block/sdb/removable = 1\n" + at + "/block/sdb/device -> /" + at + "\nsys/block/sdb -> /" + at + "/block/sdb\n"
		}
	}
	return s
}

// secondSATA is the second disk of a port in IDE mode.
var secondSATA = onPort("0:1", "sdb", "8:16")

// multiplier of SATA ports with two drives, those of some of which are disks.
func multiplier(disks ...int) string {
	s := ataDevice("pmp", 1) + ataNamed("ata", "ata1/link1.0", "dev1.0.0") + ataNamed("ata", "ata1/link1.1", "dev1.1.0")
	for _, n := range disks {
		s += onPort(fmt.Sprintf("%d:0", n), fmt.Sprintf("sd%c", 'a'+n), fmt.Sprintf("8:%d", 16*n))
	}
	return s
}

// onPort is one of several disks of a port, by its channel and target.
func onPort(address, name, number string) string {
	return strings.NewReplacer("target0:0:0/0:0:0:0", "target0:"+address+"/0:"+address+":0", "/0:0:0:0", "/0:"+address+":0", "sda", name, "8:0", number).Replace(sata("0000:00:17.0"))
}

// mmcHost is the host of mmcDisk, in its class.
const mmcHost = "sys/devices/pci0000:00/0000:00:1a.0/mmc_host/mmc0/power/\nsys/class/mmc_host/mmc0 -> /sys/devices/pci0000:00/0000:00:1a.0/mmc_host/mmc0\n"

// mmcDisk is a card, with an area of its own beside its blocks.
func mmcDisk(kind, area string) string {
	dir := "sys/devices/pci0000:00/0000:00:1a.0/mmc_host/mmc0/mmc0:0001"
	s := dir + "/type = " + kind + "\n" + dir + "/subsystem -> /sys/bus/mmc\nsys/bus/mmc/\n" +
		dir + "/block/mmcblk0/dev = 179:0\n" + dir + "/block/mmcblk0/size = 2048\n" + dir + "/block/mmcblk0/device -> /" + dir + "\n" +
		"sys/block/mmcblk0 -> /" + dir + "/block/mmcblk0\n"
	if area != "" {
		s += dir + "/block/mmcblk0/" + area + "/dev = 179:8\n" + dir + "/block/mmcblk0/" + area + "/size = 16\n"
	}
	return s
}

const quiet = "sys/block/\nsys/bus/pci/devices/\nsys/firmware/acpi/tables/DSDT = DSDT\nproc/self/mountinfo = 22 27 0:21 / /proc rw - proc proc rw\n"

func TestTakeOfATree(t *testing.T) {
	root := plant(t, quiet+pci("0000:00:17.0", "0x010601", "ahci", "remapped_nvme = 0")+sata("0000:00:17.0")+pci("0000:00:04.0", "0x010802", "nvme")+nvmeDisk("0000:00:04.0"))
	r, err := Take(t.Context(), Options{Doors: capture.Folder(root)})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Drives) != 2 || r.Unhandled == nil || len(r.Unhandled) != 0 {
		t.Fatalf("%+v, %+v", r.Drives, r.Unhandled)
	}
	n, s := r.Drives[0], r.Drives[1]
	if n.Path != "/dev/nvme0n1" || n.Identity.Model != "PM9A1 NVMe" || n.Identity.Serial != "S676NX0R" || n.Identity.Size != 2<<20 || n.Identity.Bus != drive.BusNVMe {
		t.Errorf("%+v", n.Identity)
	}
	if s.Path != "/dev/sda" || s.Identity.Model != "Maker's SSD 850" || s.Identity.Serial != "" || s.Identity.Bus != drive.BusSATA || s.Identity.Firmware != "1B6Q" {
		t.Errorf("%+v", s.Identity)
	}
	if want := []string{"PCI bus: 2 devices, 2 storage controllers among them", "SCSI bus: 1 device", "ACPI tables: 1"}; !slices.Equal(r.Looked, want) {
		t.Errorf("looked: %q", r.Looked)
	}
	for _, d := range r.Drives {
		// Nothing that comes from a tree may be taken for a drive that is there.
		if d.Provenance != drive.ProvenanceUnknown || d.Identity.Inner || len(d.Problems) != 1 || d.Health.Verdict.Known || d.Geometry != (drive.Geometry{}) || len(d.InUse) != 0 {
			t.Errorf("%+v", d)
		}
	}
}

func TestFindings(t *testing.T) {
	for _, c := range []struct {
		name, lines string
		want        []string
	}{
		{"all well", pci("0000:00:17.0", "0x010601", "ahci") + sata("0000:00:17.0"), nil},
		{"an empty AHCI controller", pci("0000:00:17.0", "0x010601", "ahci"), nil},
		{"no storage at all", pci("0000:00:02.0", "0x030000", "") + pci("0000:00:1f.0", "0x060100", ""), nil},
		{"RAID mode without disks", pci("0000:00:17.0", "0x010400", "ahci"), []string{"raid-mode"}},
		{"VMD without a driver", pci("0000:00:0e.0", "0x010400", ""), []string{"raid-mode"}},
		{"RAID mode with disks by AHCI", pci("0000:00:17.0", "0x010400", "ahci") + sata("0000:00:17.0"), nil},
		{"VMD with disks", pci("0000:00:0e.0", "0x010400", "vmd") + nvmeDisk("0000:00:0e.0/pci10000:e0/10000:e0:06.0"), nil},
		{"a RAID card without disks", strings.Replace(pci("0000:00:17.0", "0x010400", "megaraid_sas"), "0x8086", "0x1000", 1), []string{"raid-mode"}},
		{"a RAID card without a driver", strings.Replace(pci("0000:00:17.0", "0x010400", ""), "0x8086", "0x1000", 1), []string{"raid-mode"}},
		{"an eMMC with boot areas", mmcDisk("MMC", "mmcblk0boot0"), []string{"mmc-areas"}},
		{"an SD card in the reader", mmcDisk("SD", ""), nil},
		{"a drive that was given up", pci("0000:00:17.0", "0x010601", "ahci") + ataDevice("ata", 1), []string{"lost-drive"}},
		{"a drive on its link", pci("0000:00:17.0", "0x010601", "ahci") + sata("0000:00:17.0") + ataDevice("ata", 1), nil},
		{"another one given up beside it", pci("0000:00:17.0", "0x010601", "ahci") + sata("0000:00:17.0") + ataDevice("ata", 1) + ataDevice("ata", 2), []string{"lost-drive"}},
		{"SATA drives of a SAS controller", onSAS(2, "sata", "sata"), nil},
		{"one of them given up", onSAS(2, "sata"), []string{"lost-drive"}},
		{"one of them given up beside a SAS drive, or an interposer", onSAS(2, "sata", "ssp"), []string{"lost-drive"}},
		{"a SATA drive behind an expander, and a SAS drive", onSAS(1, "stp", "ssp"), nil},
		{"nobody says what the end devices speak", onSAS(1, "none"), []string{"lost-drive"}},
		{"a link without a drive", pci("0000:00:17.0", "0x010601", "ahci") + ataDevice("none", 1), nil},
		{"an optical drive", pci("0000:00:17.0", "0x010601", "ahci") + ataDevice("atapi", 1), nil},
		{"a zoned drive on its link", pci("0000:00:17.0", "0x010601", "ahci") + sata("0000:00:17.0") + ataDevice("zac", 1), nil},
		{"a zoned drive that fell out", pci("0000:00:17.0", "0x010601", "ahci") + ataDevice("zac", 1), []string{"lost-drive"}},
		{"a zoned drive that was given up: its class has no word", pci("0000:00:17.0", "0x010601", "ahci") + ataDevice("", 1), []string{"lost-drive"}},
		{"IDE mode: the second drive of a port given up", pci("0000:00:17.0", "0x01018f", "ata_piix") + sata("0000:00:17.0") + ataDevice("ata", 1) + ataNamed("ata", "ata1/link1", "dev1.1"), []string{"lost-drive"}},
		{"IDE mode: the first drive of a port given up", pci("0000:00:17.0", "0x01018f", "ata_piix") + secondSATA + ataDevice("ata", 1) + ataNamed("ata", "ata1/link1", "dev1.1"), []string{"lost-drive"}},
		{"IDE mode: two drives on a port", pci("0000:00:17.0", "0x01018f", "ata_piix") + sata("0000:00:17.0") + secondSATA + ataDevice("ata", 1) + ataNamed("ata", "ata1/link1", "dev1.1"), nil},
		{"IDE mode: a drive and an optical one", pci("0000:00:17.0", "0x01018f", "ata_piix") + sata("0000:00:17.0") + ataDevice("ata", 1) + ataNamed("atapi", "ata1/link1", "dev1.1"), nil},
		{"a port multiplier with a drive on each port", pci("0000:00:17.0", "0x010601", "ahci") + multiplier(0, 1), nil},
		{"a drive behind a port multiplier given up", pci("0000:00:17.0", "0x010601", "ahci") + multiplier(1), []string{"lost-drive"}},
		{"volumes of a RAID card", pci("0000:00:17.0", "0x010400", "megaraid_sas") + sata("0000:00:17.0"), []string{"raid-volume"}},
		{"a disk is not on the controller of a like name", pci("0000:00:17.0", "0x010400", "ahci") + sata("0000:00:17.01"), []string{"raid-mode"}},
		{"remapped NVMe", pci("0000:00:17.0", "0x010601", "ahci", "remapped_nvme = 2") + sata("0000:00:17.0"), []string{"remapped-nvme"}},
		{"remapped NVMe in RAID mode", pci("0000:00:17.0", "0x010400", "ahci", "remapped_nvme = 1"), []string{"raid-mode", "remapped-nvme"}},
		{"a controller without a driver", pci("0000:00:17.0", "0x010700", ""), []string{"no-driver"}},
		{"an SD host without a driver", pci("0000:00:17.0", "0x080501", ""), []string{"no-driver"}},
		{"an NVMe controller that shows nothing", pci("0000:00:04.0", "0x010802", "nvme"), []string{"nvme-no-drive"}},
		{"a SCSI disk without a driver", "sys/devices/x/2:0:0:0/type = 0\nsys/devices/x/2:0:0:0/model = LOST\nsys/bus/scsi/devices/2:0:0:0 -> /sys/devices/x/2:0:0:0\n", []string{"no-driver"}},
		{"a SCSI optical drive", "sys/devices/x/2:0:0:0/type = 5\nsys/bus/scsi/devices/2:0:0:0 -> /sys/devices/x/2:0:0:0\nsys/devices/x/host2/\nsys/bus/scsi/devices/host2 -> /sys/devices/x/host2\n", nil},
		{"memory that keeps its data", "sys/firmware/acpi/tables/NFIT = NFIT\n", []string{"persistent-memory"}},
		{"USB storage without a driver", "sys/devices/u/1-2:1.0/bInterfaceClass = 08\nsys/bus/usb/devices/1-2:1.0 -> /sys/devices/u/1-2:1.0\nsys/devices/u/1-3:1.0/bInterfaceClass = 03\nsys/bus/usb/devices/1-3:1.0 -> /sys/devices/u/1-3:1.0\n", []string{"no-driver"}},
		{"USB storage whose driver found no disk", usbStorage(), []string{"usb-no-drive"}},
		{"a USB stick", usbStorage("type = 0", "block/sdb/size = 2048"), nil},
		{"a USB reader without a card", usbStorage("type = 0", "block/sdb/size = 0"), nil},
		{"a USB optical drive", usbStorage("type = 5"), nil},
		{"an SD host without a card", pci("0000:00:1a.0", "0x080501", "sdhci-pci") + mmcHost, nil},
	} {
		r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, quiet+c.lines))})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range r.Unhandled {
			got = append(got, f.Code)
			if f.Code == "remapped-nvme" && !strings.Contains(f.Do, "from RAID to AHCI") || f.What == "" || f.Do == "" {
				t.Errorf("%s: %+v", c.name, f)
			}
		}
		if !slices.Equal(got, c.want) || r.Unhandled == nil {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// What a finding says is which drive, and what to do.
func TestFindingsSayWhich(t *testing.T) {
	const ahci, usb = "switch the machine off", "pull it out and put it in again"
	for _, c := range []struct{ lines, what, do string }{
		{ataDevice("ata", 3), "a drive on SATA link 3 (device 0) answered", ahci},
		{ataNamed("ata", "ata1/link1", "dev1.1"), "a drive on SATA link 1 (device 1) answered", ahci},
		{onSAS(2, "sata"), "2 SATA drives answered on the SAS controller at PCI 0000:00:17.0 when the machine was started, and 1 of them can be seen", ahci},
		{multiplier(1), "a drive on SATA link 1 (port 0 of its multiplier) answered", ahci},
		{multiplier(0), "a drive on SATA link 1 (port 1 of its multiplier) answered", ahci},
		{usbStorage(), "the USB storage device Stick at port 1-2:1.0 shows no drive", usb},
	} {
		r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, quiet+c.lines))})
		if err != nil || len(r.Unhandled) != 1 || !strings.HasPrefix(r.Unhandled[0].What, c.what) || !strings.HasPrefix(r.Unhandled[0].Do, c.do) {
			t.Errorf("%s: %+v, %v", c.what, r.Unhandled, err)
		}
	}
}

// A host without a card may be an empty slot, or have memory that does not answer: the
// reader is told.
func TestMMCHosts(t *testing.T) {
	for lines, want := range map[string]string{
		"":                           "",
		mmcDisk("MMC", "") + mmcHost: "SD and eMMC hosts: 1, without a medium: 0",
		mmcHost:                      "SD and eMMC hosts: 1, without a medium: 1 (an empty slot, or memory that does not answer)",
		ordinary()[len(quiet):]:      "SD and eMMC hosts: 2, without a medium: 1 (an empty slot, or memory that does not answer)",
		"sys/class/mmc_host/\n":      "SD and eMMC hosts: 0, without a medium: 0",
	} {
		r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, quiet+lines))})
		if err != nil || r.Unhandled == nil || len(r.Unhandled) > 0 {
			t.Fatalf("%q: %+v, %v", want, r.Unhandled, err)
		}
		at := slices.IndexFunc(r.Looked, func(l string) bool { return strings.HasPrefix(l, "SD and eMMC") })
		if want == "" && at >= 0 || want != "" && (at < 0 || r.Looked[at] != want) {
			t.Errorf("%q, want %q", r.Looked, want)
		}
	}
}

// Where nobody could look, the list is not empty but absent, and says why.
func TestFindingsThatCouldNotBeLookedFor(t *testing.T) {
	for name, lines := range map[string]string{
		"no PCI bus":        strings.Replace(quiet, "sys/bus/pci/devices/\n", "", 1),
		"a device unknown":  quiet + "sys/bus/pci/devices/0000:00:01.0 -> /sys/devices/none\n",
		"a device unnamed":  quiet + "sys/devices/d/vendor = 1\nsys/bus/pci/devices/0000:00:01.0 -> /sys/devices/d\n",
		"a SCSI bus broken": quiet + "sys/bus/scsi/devices/2:0:0:0 -> /sys/devices/none\n",
		"no memory listed":  strings.Replace(quiet, "sys/firmware/acpi/tables/DSDT = DSDT\n", "", 1),
	} {
		r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, lines))})
		if err != nil || r.Unhandled != nil || !slices.ContainsFunc(r.Missing, func(m string) bool { return strings.HasPrefix(m, "hidden drives: ") }) {
			t.Errorf("%s: %v %q %v", name, r.Unhandled, r.Missing, err)
		}
	}
	r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, strings.Replace(quiet, "sys/block/\n", "", 1)))})
	if err != nil || r.Drives != nil || !slices.ContainsFunc(r.Missing, func(m string) bool { return strings.Contains(m, "list the drives") }) {
		t.Errorf("a machine whose drives can't be listed: %+v, %v", r, err)
	}
}

// A drive of which nobody can tell who uses it is not free.
func TestUseThatCannotBeTold(t *testing.T) {
	lines := strings.Replace(quiet, "proc/self/mountinfo", "proc/self/mounts", 1) + pci("0000:00:17.0", "0x010601", "ahci") + sata("0000:00:17.0")
	r, err := Take(t.Context(), Options{Doors: capture.Folder(plant(t, lines))})
	if err != nil || len(r.Drives) != 1 || len(r.Drives[0].InUse) != 1 || len(r.Drives[0].Problems) != 2 {
		t.Errorf("%+v, %v", r.Drives, err)
	}
}

func TestFindingsAcrossDrives(t *testing.T) {
	codes := func(subjects ...subject) string {
		var all []string
		nvme, _, _ := nvmeFindings(subjects)
		halves, _, _ := halfFindings(subjects)
		for _, f := range slices.Concat(nvme, halves, silentFindings(subjects), bootFindings(subjects)) {
			all = append(all, f.Code)
		}
		return strings.Join(all, " ")
	}
	drv := func(bus drive.Bus, change func(*subject)) subject {
		d := subject{answered: true}
		d.disk.Bus, d.Identity.Bus, d.disk.Kind = bus, bus, sysblock.KindSCSI
		if change != nil {
			change(&d)
		}
		return d
	}
	boot := func(d *subject) { d.Boot = true }
	namespace := func(id uint32, unattached int, active ...uint32) func(*subject) {
		return func(d *subject) {
			d.disk.Controller, d.Identity.Namespace, d.namespaces = "/sys/n", id, active
			d.NVMe = &inspect.NVMe{Unattached: inspect.Known(unattached, "")}
		}
	}
	unlisted := func(d *subject) { d.disk.Controller, d.NVMe = "/sys/n", &inspect.NVMe{} }
	model := func(m string) func(*subject) { return func(d *subject) { d.Identity.Model = m } }
	const flash, optane = "INTEL HBRPEKNX0202A", "INTEL HBRPEKNX0202AO"
	silent := func(d *subject) { d.answered = false }
	file := func(d *subject) { d.answered, d.Boot, d.disk.Kind = false, true, sysblock.KindLoop }
	for want, got := range map[string]string{
		"":                                    codes(drv(drive.BusNVMe, model(optane)), drv(drive.BusNVMe, model(flash)), drv(drive.BusUSB, boot), drv(drive.BusNVMe, namespace(1, 0, 1)), drv(drive.BusLoop, file), drv(drive.BusLoop, file)),
		"unattached-namespace":                codes(drv(drive.BusNVMe, namespace(1, 2, 1, 2)), drv(drive.BusNVMe, namespace(2, 2, 1, 2))),
		"namespaces-unknown":                  codes(drv(drive.BusNVMe, unlisted)),
		"hidden-namespace":                    codes(drv(drive.BusNVMe, namespace(1, 0, 1, 2))),
		"optane-half":                         codes(drv(drive.BusNVMe, model(flash)), drv(drive.BusNVMe, model("INTEL MEMPEK1W032GA"))),
		"optane-half optane-half optane-half": codes(drv(drive.BusNVMe, model(optane)), drv(drive.BusNVMe, model(optane)), drv(drive.BusNVMe, model(flash))),
		"unread-drive":                        codes(drv(drive.BusSATA, silent)),
		"boot-inside":                         codes(drv(drive.BusSATA, boot)),
		"two-sticks":                          codes(drv(drive.BusUSB, boot), drv(drive.BusUSB, boot)),
		"boot-inside two-sticks":              codes(drv(drive.BusUSB, boot), drv(drive.BusNVMe, boot)),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Areas of an eMMC go with its own erasure: with nothing else, and not where something
// of it is write-protected.
func TestAreasOfAnEMMC(t *testing.T) {
	root := plant(t, quiet+mmcDisk("MMC", "mmcblk0boot0"))
	s := survey{tree: sysblock.Tree{Tree: tree.At(root)}}
	disks, err := s.tree.Disks()
	if err != nil || len(disks) != 1 {
		t.Fatal(disks, err)
	}
	yes, no, unknown := inspect.Known(true, ""), inspect.Known(false, ""), inspect.Fact[bool]{}
	for name, c := range map[string]struct {
		mmc   *inspect.MMC
		found int
	}{
		"never asked":        {nil, 1},
		"no erasure":         {&inspect.MMC{Sanitize: no, SecureErase: no, Protected: no}, 1},
		"sanitize":           {&inspect.MMC{Sanitize: yes, SecureErase: no, Protected: no}, 0},
		"secure erase":       {&inspect.MMC{Sanitize: no, SecureErase: yes, Protected: no}, 0},
		"protected":          {&inspect.MMC{Sanitize: yes, SecureErase: yes, Protected: yes}, 1},
		"protection unknown": {&inspect.MMC{Sanitize: yes, SecureErase: yes, Protected: unknown}, 1},
	} {
		d := subject{disk: disks[0]}
		d.MMC = c.mmc
		if f, _, err := s.areaFindings([]subject{d}); err != nil || len(f) != c.found || c.found > 0 && !strings.Contains(f[0].What, "mmcblk0boot0") {
			t.Errorf("%s: %+v", name, f)
		}
	}
}

func TestRemovable(t *testing.T) {
	root := plant(t, "sys/devices/p/fixed/removable = fixed\nsys/devices/p/out/removable = removable\nsys/devices/p/open/removable = unknown\nsys/devices/p/out/deep/x = 1\nsys/devices/p/disk/removable = 1\n")
	s := survey{tree: sysblock.Tree{Tree: tree.At(root)}}
	for name, c := range map[string]struct {
		disk  sysblock.Disk
		known bool
		value bool
	}{
		"SATA":                    {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusSATA, Device: "/sys/devices/p/none"}, true, false},
		"NVMe in a cable's end":   {sysblock.Disk{Kind: sysblock.KindNVMe, Bus: drive.BusNVMe, Device: "/sys/devices/p/out/deep"}, true, true},
		"SD":                      {sysblock.Disk{Kind: sysblock.KindMMC, Bus: drive.BusSD}, true, true},
		"eMMC":                    {sysblock.Disk{Kind: sysblock.KindMMC, Bus: drive.BusMMC, Device: "/sys/devices/p/none"}, true, false},
		"USB stick":               {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, Dir: "/sys/devices/p/disk"}, true, true},
		"USB, in the machine":     {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, Device: "/sys/devices/p/fixed", USB: "/sys/devices/p/fixed"}, true, false},
		"USB, at a hub inside":    {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, Device: "/sys/devices/p/fixed/open", USB: "/sys/devices/p/fixed/open"}, false, false},
		"USB, at an outside port": {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, Device: "/sys/devices/p/out"}, true, true},
		"USB, nobody knows":       {sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, Device: "/sys/devices/p/open"}, false, false},
	} {
		if f := s.removable(c.disk); f.Known != c.known || f.Value != c.value {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
