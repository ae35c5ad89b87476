package survey

import (
	"testing"

	"handback.example/inspect/drive"
	"handback.example/inspect/internal/sysblock"
)

// Folders as Linux names them, of a laptop, a desktop with a SAS adapter and a dock.
func TestWhere(t *testing.T) {
	const pci = "/sys/devices/pci0000:00/0000:00:"
	for _, c := range []struct {
		d    sysblock.Disk
		want string
	}{
		{sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusSATA, Device: pci + "17.0/ata3/host2/target2:0:0/2:0:0:0"}, "SATA link 3 of the controller at PCI 0000:00:17.0"},
		{sysblock.Disk{Kind: sysblock.KindNVMe, Bus: drive.BusNVMe, Transport: "pcie", Device: pci + "1d.0/0000:03:00.0/nvme/nvme0"}, "NVMe slot at PCI 0000:03:00.0"},
		{sysblock.Disk{Kind: sysblock.KindNVMe, Bus: drive.BusFabric, Transport: "tcp", Device: "/sys/devices/virtual/nvme-fabrics/ctl/nvme1"}, ""},
		{sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusUSB, USB: pci + "14.0/usb2/2-1/2-1.4", Device: pci + "14.0/usb2/2-1/2-1.4/2-1.4:1.0/host4/target4:0:0/4:0:0:0"}, "USB port 2-1.4"},
		{sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusSCSI, Device: pci + "01.0/0000:01:00.0/host0/port-0:3/end_device-0:3/target0:0:3/0:0:3:0"}, "SCSI address 0:0:3:0 of the controller at PCI 0000:01:00.0"},
		{sysblock.Disk{Kind: sysblock.KindLoop, Bus: drive.BusLoop}, ""},
		{sysblock.Disk{Kind: sysblock.KindSCSI, Bus: drive.BusSCSI}, ""},
	} {
		if got := (survey{}).where(c.d); got != c.want {
			t.Errorf("%s: %q", c.d.Device, got)
		}
	}
}
