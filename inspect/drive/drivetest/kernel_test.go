package drivetest_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest"
	"handback.example/inspect/drive"
	. "handback.example/inspect/drive/drivetest"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/nvmetcp"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/usb"
	"handback.example/inspect/drive/sim/usbredir"
	"handback.example/inspect/drive/sim/vhost"
)

// file is a drive of QEMU's own over a file of zeros, whose base name is its serial.
func file(t *testing.T, bus vmtest.Bus, name string) (vmtest.Drive, func() io.ReaderAt) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.Truncate(64 * mib); err != nil {
		t.Fatal(err)
	}
	return vmtest.Drive{Bus: bus, Target: f.Name()}, func() io.ReaderAt { return f }
}

// listen on a socket that ends with the test.
func listen(t *testing.T, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// socket has a path short enough for the kernel (107 bytes, unix(7)).
func socket(t *testing.T) (net.Listener, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "door-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	return listen(t, "unix", name), name
}

// serve a door until the test ends; its error fails the test.
func serve(t *testing.T, door func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- door(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func serveVhost(t *testing.T, targets ...sim.SCSI) vmtest.Drive {
	t.Helper()
	l, name := socket(t)
	s := &vhost.Server{Targets: targets, Log: func(s string) { t.Log("vhost-user-scsi: " + s) }}
	serve(t, func(ctx context.Context) error { return s.Serve(ctx, l) })
	return vmtest.Drive{Bus: vmtest.BusVhost, Target: name}
}

func serveUSB(t *testing.T, b *usb.Bridge) vmtest.Drive {
	t.Helper()
	l, name := socket(t)
	serve(t, func(ctx context.Context) error {
		return usbredir.Serve(ctx, l, b, usbredir.Options{Log: func(s string) { t.Log("usbredir: " + s) }})
	})
	return vmtest.Drive{Bus: vmtest.BusUSBRedir, Target: name}
}

func serveNVMe(t *testing.T, m sim.NVMe) string {
	t.Helper()
	l := listen(t, "tcp", "127.0.0.1:0")
	address := l.Addr().String()
	serve(t, func(ctx context.Context) error {
		return nvmetcp.Serve(ctx, l, m, nvmetcp.Options{Log: func(s string) { t.Log("NVMe/TCP: " + s) }})
	})
	return address
}

// TestBehindKernel holds to the suite what a real kernel's drivers make of QEMU's
// own drives and of the models, all at once in one machine.
func TestBehindKernel(t *testing.T) {
	clock := sim.NewManual()
	disk := sat.New(newATA(t, clock, "ATA-K"), sat.Config{DescriptorSense: true})
	sas := newSCSI(t, clock, "SAS-K")
	flash := newNVMe(t, clock, "NVME-K")
	bridged, err := usb.New(usb.Config{VendorID: 0x152d, ProductID: 0x0578, Serial: "USB-K", PassThrough: usb.PassThroughSAT, Clock: clock},
		sat.New(newATA(t, clock, "ATA-USB"), sat.Config{DescriptorSense: true}))
	if err != nil {
		t.Fatal(err)
	}
	address := serveNVMe(t, flash)
	var drives []vmtest.Drive
	media := map[string]func() io.ReaderAt{}
	for bus, name := range map[vmtest.Bus]string{vmtest.BusNVMe: "QNVME", vmtest.BusSATA: "QSATA", vmtest.BusUSB: "QUSB", vmtest.BusSD: "QSD", vmtest.BusSCSI: "QSCSI"} {
		d, m := file(t, bus, name+".img")
		drives, media[name] = append(drives, d), m
	}
	drives = append(drives, serveVhost(t, disk, sas), serveUSB(t, bridged))
	g := guest.Boot(t, guest.Config{Drives: drives, NVMeTCP: []string{address}})
	controller := g.ConnectNVMe(address, flash.SubNQN(), "ctrl_loss_tmo=60")

	qemu := []Need{Medium, RefusesWrong}
	models := func(kind Kind) []Need { return all(kind) }
	replug := func(m sim.Model, path string) func(*testing.T) {
		return func(t *testing.T) {
			m.Plug(false)
			m.Plug(true)
			waitReads(t, g, path)
		}
	}
	for _, r := range []Rig{
		{Name: "QEMU's AHCI, libata", Kind: SATA, Path: g.WaitDrive("QSATA").Path, Medium: media["QSATA"],
			Has: append(qemu, Registers, SMART, HPA, SerialPage), Want: drive.Identity{Bus: drive.BusSATA, Serial: "QSATA", Size: 64 * mib}},
		{Name: "QEMU's NVMe", Kind: NVMe, Path: g.WaitDrive("QNVME").Path, Medium: media["QNVME"],
			Has: append(qemu, Format), Want: drive.Identity{Bus: drive.BusNVMe, Serial: "QNVME", Size: 64 * mib}},
		{Name: "QEMU's SCSI", Kind: SCSI, Path: g.WaitDrive("QSCSI").Path, Medium: media["QSCSI"],
			Has: append(qemu, SerialPage), Want: drive.Identity{Bus: drive.BusSCSI, Serial: "QSCSI", Size: 64 * mib}},
		{Name: "QEMU's USB storage", Kind: SCSI, Path: g.WaitDrive("QUSB").Path, Medium: media["QUSB"],
			Has: append(qemu, SerialPage), Want: drive.Identity{Bus: drive.BusUSB, Serial: "QUSB", Size: 64 * mib}},
		{Name: "QEMU's SD card", Kind: Card, Path: g.WaitDrive("/dev/mmcblk?").Path, Medium: media["QSD"],
			Has: qemu, Want: drive.Identity{Bus: drive.BusSD, Model: "QEMU!", Serial: "0xdeadbeef", Size: 64 * mib}},
		{Name: "ATA model, vhost-user-scsi", Kind: SATA, Path: g.WaitDrive("ATA-K").Path, Medium: medium(disk), Advance: clock.Advance,
			PowerCycle: func(*testing.T) { disk.PowerCycle() }, Has: models(SATA), Want: drive.Identity{Bus: drive.BusSATA, Serial: "ATA-K", Size: 64 * mib}},
		{Name: "SCSI model, vhost-user-scsi", Kind: SCSI, Path: g.WaitDrive("SAS-K").Path, Medium: medium(sas), Advance: clock.Advance,
			PowerCycle: func(*testing.T) { sas.PowerCycle() }, Has: models(SCSI), Want: drive.Identity{Bus: drive.BusSCSI, Serial: "SAS-K", Size: 64 * mib}},
		{Name: "NVMe model, NVMe/TCP", Kind: NVMe, Path: "/dev/" + controller + "n1", Medium: medium(flash), Advance: clock.Advance,
			PowerCycle: replug(flash, "/dev/"+controller+"n1"), Has: models(NVMe),
			Want: drive.Identity{Bus: drive.BusFabric, Serial: "NVME-K", WWN: "eui.0102030405060708", Size: 64 * mib}},
		{Name: "ATA model behind a USB bridge, usbredir", Kind: SATA, Path: g.WaitDrive("USB-K").Path, Medium: medium(bridged), Advance: clock.Advance,
			Has: []Need{Medium, Clock, Registers, SMART, HPA, RefusesWrong, SerialPage, Sanitize}, Want: drive.Identity{Bus: drive.BusUSB, Serial: "ATA-USB", Size: 64 * mib}},
	} {
		r.Opener, r.Timeout = g.Opener(), 30*time.Second
		t.Run(r.Name, func(t *testing.T) { vmtest.Figure(t, "behind a real kernel: %s", Run(t, r)) })
	}
}

// waitReads waits until a drive that was away answers again.
func waitReads(t *testing.T, g *guest.Test, path string) {
	t.Helper()
	var err error
	for range 100 {
		if err = tryIdentify(t, g, path); err == nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("%s did not come back: %v", path, err)
}

func tryIdentify(t *testing.T, g *guest.Test, path string) error {
	d, err := g.Opener().Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Identify(t.Context()); err != nil {
		return fmt.Errorf("identify: %w", err)
	}
	return nil
}
