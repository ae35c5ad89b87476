package drivetest_test

import (
	"io"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/inspect/drive"
	. "handback.example/inspect/drive/drivetest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/mmc"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/scsi"
)

const mib = 1 << 20

// Models that have all that the suite asks for.
func newATA(t testing.TB, clock sim.Clock, serial string, changes ...func(*ata.Config)) *ata.Drive {
	t.Helper()
	c := ata.Config{Serial: serial, Model: "Model ATA", Firmware: "FW 1.00", WWN: 0x5000c500a1b2c3d4, Clock: clock,
		NativeSectors: 64 * mib / 512, LogicalBlock: 512, PhysicalBlock: 4096, Rotation: 1,
		Security: ata.Security{Supported: true, Enhanced: true, EraseTime: 20 * time.Minute, EnhancedTime: 2 * time.Minute},
		Sanitize: ata.Sanitize{Crypto: true, Block: true, Overwrite: true, BlockTime: 3 * time.Minute, CryptoTime: time.Second, OverwriteTime: time.Hour},
	}
	for _, f := range changes {
		f(&c)
	}
	d, err := ata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newNVMe(t testing.TB, clock sim.Clock, serial string) *nvme.Drive {
	t.Helper()
	d, err := nvme.New(nvme.Config{Serial: serial, Model: "Model NVMe", Firmware: "FW 1.00", Clock: clock,
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: 64 * mib, Attached: true, EUI64: []byte{1, 2, 3, 4, 5, 6, 7, 8}}},
		Format:     nvme.Format{Supported: true, Crypto: true, EraseTime: 30 * time.Second},
		Sanitize:   nvme.Sanitize{Block: true, Crypto: true, BlockTime: 3 * time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newSCSI(t testing.TB, clock sim.Clock, serial string) *scsi.Drive {
	t.Helper()
	d, err := scsi.New(scsi.Config{Vendor: "MODEL", Product: "SAS DISK", Revision: "FW10", Serial: serial, WWN: 0x5000cca0251f3b60,
		Blocks: 64 * mib / 512, Rotation: 10000, UnitAttention: true, Clock: clock,
		Sanitize: scsi.Sanitize{Block: true, Overwrite: true, BlockTime: 3 * time.Minute, OverwriteTime: time.Hour},
		Format:   scsi.Format{Supported: true, Time: time.Hour}})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newMMC(t testing.TB, clock sim.Clock) *mmc.Drive {
	t.Helper()
	d, err := mmc.New(mmc.Config{Manufacturer: 0x15, Product: "BJTD4R", Revision: 3, Serial: "0xc5f7a1b2", Sectors: 64 * mib / 512,
		BootSize: 4 * mib, SecureErase: true, Trim: true, Sanitize: true, SecureEraseTime: 10 * time.Second, SanitizeTime: 10 * time.Second, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// all that a model in the same process has.
func all(kind Kind) []Need {
	n := []Need{Medium, Power, Clock, RefusesWrong, Sanitize}
	switch kind {
	case SATA:
		return append(n, Registers, SMART, Security, HPA, SetMax, SerialPage)
	case NVMe:
		return append(n, Format, LogSanitize)
	case EMMC:
		return n
	}
	return append(n, SerialPage)
}

func medium(m sim.Model) func() io.ReaderAt {
	return func() io.ReaderAt { return m.Media()[0] }
}

func TestModelsInProcess(t *testing.T) {
	clock := sim.NewManual()
	host := inproc.NewHost(clock)
	sas, card := newSCSI(t, clock, "SAS-1"), newMMC(t, clock)
	disk, flash := sat.New(newATA(t, clock, "ATA-1"), sat.Config{DescriptorSense: true}), newNVMe(t, clock, "NVME-1")
	for _, err := range []error{host.AttachSCSI("/dev/sda", drive.BusSATA, disk), host.AttachNVMe("/dev/nvme0n1", flash, 1),
		host.AttachSCSI("/dev/sdb", drive.BusSCSI, sas), host.AttachMMC("/dev/mmcblk0", drive.BusMMC, card)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []Rig{
		{Name: "ATA model", Kind: SATA, Path: "/dev/sda", Medium: medium(disk), PowerCycle: func(*testing.T) { disk.PowerCycle() },
			Want: drive.Identity{Bus: drive.BusSATA, Media: drive.MediaSSD, Model: "Model ATA", Serial: "ATA-1", Firmware: "FW 1.00", WWN: "naa.5000c500a1b2c3d4", Size: 64 * mib}},
		{Name: "SCSI model", Kind: SCSI, Path: "/dev/sdb", Medium: medium(sas), PowerCycle: func(*testing.T) { sas.PowerCycle() },
			Want: drive.Identity{Bus: drive.BusSCSI, Media: drive.MediaHDD, Model: "MODEL SAS DISK", Serial: "SAS-1", Firmware: "FW10", WWN: "naa.5000cca0251f3b60", Size: 64 * mib}},
		{Name: "NVMe model", Kind: NVMe, Path: "/dev/nvme0n1", Medium: medium(flash), PowerCycle: func(*testing.T) { flash.PowerCycle() },
			Want: drive.Identity{Bus: drive.BusNVMe, Media: drive.MediaSSD, Model: "Model NVMe", Serial: "NVME-1", Firmware: "FW 1.00", WWN: "eui.0102030405060708", Size: 64 * mib}},
		{Name: "eMMC model", Kind: EMMC, Path: "/dev/mmcblk0", Medium: medium(card), PowerCycle: func(*testing.T) { card.PowerCycle() },
			Want: drive.Identity{Bus: drive.BusMMC, Media: drive.MediaFlash, Model: "BJTD4R", Serial: "0xc5f7a1b2", Firmware: "0.3", Size: 64 * mib}},
	} {
		r.Opener, r.Advance, r.Has = host, clock.Advance, all(r.Kind)
		t.Run(r.Name, func(t *testing.T) {
			n := Run(t, r)
			vmtest.Figure(t, "in process: %s", n)
			if n.LeftOut > 0 {
				t.Errorf("%d cases were left out: a model in process has all that is asked", n.LeftOut)
			}
		})
	}
}
