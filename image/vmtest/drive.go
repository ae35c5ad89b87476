package vmtest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Bus is how a drive hangs on the virtual laptop.
type Bus string

// The buses that ParseDrive knows.
const (
	BusNVMe     Bus = "nvme"
	BusSATA     Bus = "sata"
	BusUSB      Bus = "usb"
	BusSD       Bus = "sd"
	BusVhost    Bus = "vhost"    // vhost-user-scsi: a SCSI target of ours behind a socket
	BusNVMeTCP  Bus = "nvme-tcp" // an NVMe/TCP target of ours; the guest is told by SMBIOS
	BusUSBRedir Bus = "usbredir" // a USB device of ours behind a socket
	// BusSCSI is for tests only, ParseDrive does not know it: a SCSI disk on virtio.
	BusSCSI Bus = "scsi"
	// BusRAID is for tests only too: a SCSI disk behind a RAID controller.
	BusRAID Bus = "raid"
	// BusNVMeDetached is for tests only too: an NVMe drive with a second namespace that
	// is attached to no controller.
	BusNVMeDetached Bus = "nvme-detached"
)

// Drive is one drive of the virtual laptop.
type Drive struct {
	Bus Bus
	// Target is a raw file as QEMU takes it ('disk.img', 'blkdebug:faults.conf:disk.img')
	// for nvme, sata, usb, sd and those for tests only; a socket's path for vhost and usbredir;
	// HOST:PORT for nvme-tcp, and after a comma nqn=NQN where the subsystem takes no
	// other name (a door of package nvmetcp takes the one that the guest uses).
	Target string
	// BytesPerSecond bounds how fast a drive that is a file reads and writes, so
	// that something can be done to the machine meanwhile. 0: no bound.
	BytesPerSecond int64
}

// ParseDrive reads 'nvme:PATH' and its siblings. It looks at no file.
func ParseDrive(s string) (Drive, error) {
	bus, target, ok := strings.Cut(s, ":")
	d := Drive{Bus: Bus(bus), Target: target}
	if !ok || target == "" {
		return Drive{}, fmt.Errorf("drive %q: write it as nvme:PATH, sata:PATH, usb:PATH, sd:PATH, vhost:SOCKET, nvme-tcp:HOST:PORT or usbredir:SOCKET", s)
	}
	if strings.ContainsAny(target, "\x00\n\r") {
		return Drive{}, fmt.Errorf("drive %q: its path holds a line break or a NUL", s)
	}
	switch d.Bus {
	case BusNVMe, BusSATA, BusUSB, BusSD, BusVhost, BusUSBRedir:
		return d, nil
	case BusNVMeTCP:
		address, nqn, named := strings.Cut(target, ",")
		if rest, ok := strings.CutPrefix(nqn, "nqn=nqn."); named && (!ok || rest == "" || strings.ContainsAny(rest, ", ")) {
			return Drive{}, fmt.Errorf("drive %q: write it as nvme-tcp:HOST:PORT or nvme-tcp:HOST:PORT,nqn=NQN", s)
		}
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			return Drive{}, fmt.Errorf("drive %q: %w: write it as nvme-tcp:HOST:PORT", s, err)
		}
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
			return Drive{}, fmt.Errorf("drive %q: write it as nvme-tcp:HOST:PORT, with a port from 1 to 65535", s)
		}
		return d, nil
	}
	return Drive{}, fmt.Errorf("drive %q: %q is no bus: it is one of nvme, sata, usb, sd, vhost, nvme-tcp, usbredir", s, bus)
}

// String writes a drive as ParseDrive reads it.
func (d Drive) String() string { return string(d.Bus) + ":" + d.Target }

// file is the image file behind Target, without QEMU's protocol in front of it;
// empty where the drive is not a file.
func (d Drive) file() string {
	switch d.Bus {
	case BusNVMe, BusSATA, BusUSB, BusSD, BusSCSI, BusRAID, BusNVMeDetached:
	default:
		return ""
	}
	// blkdebug:CONF:IMG, as QEMU's block/blkdebug.c takes it apart: the first
	// colon after the name ends CONF.
	if rest, ok := strings.CutPrefix(d.Target, "blkdebug:"); ok {
		if _, img, ok := strings.Cut(rest, ":"); ok {
			return img
		}
	}
	return d.Target
}

// serialMax is the length of the serial number field of ATA IDENTIFY DEVICE
// (ACS-4, words 10 to 19) and of NVMe Identify Controller (bytes 4 to 23).
const serialMax = 20

// Serial that the guest reads: the backing file's base name in capitals without
// its ending. Empty where the drive brings its own (vhost, nvme-tcp, usbredir) or
// has none (sd).
func (d Drive) Serial() string {
	if d.Bus == BusSD || d.file() == "" {
		return ""
	}
	base := filepath.Base(d.file())
	if ext := filepath.Ext(base); ext != base {
		base = strings.TrimSuffix(base, ext)
	}
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '_'
		}
		return r
	}, strings.ToUpper(base))
	return clean[:min(len(clean), serialMax)]
}

// check looks at the file or socket behind a drive, so that the person hears of
// it before a machine is started and in our words.
func (d Drive) check() error {
	switch d.Bus {
	case BusVhost, BusUSBRedir:
		st, err := os.Stat(d.Target)
		if err != nil {
			return fmt.Errorf("drive %s: no socket: %w: start the program behind it first", d, err)
		}
		if st.Mode()&os.ModeSocket == 0 {
			return fmt.Errorf("drive %s: %s is not a socket", d, d.Target)
		}
	case BusNVMe, BusSATA, BusUSB, BusSD, BusSCSI, BusRAID, BusNVMeDetached:
		return d.checkFile()
	}
	return nil
}

func (d Drive) checkFile() error {
	st, err := os.Stat(d.file())
	if err != nil {
		return fmt.Errorf("drive %s: %w: make the file first, by: truncate -s 512M %s", d, err, d.file())
	}
	if !st.Mode().IsRegular() {
		return fmt.Errorf("drive %s: %s is not a regular file: a virtual laptop erases its drives, so it is given files only", d, d.file())
	}
	if st.Size() < 1<<20 {
		return fmt.Errorf("drive %s: %s holds %d bytes: make it 1 MiB at least", d, d.file(), st.Size())
	}
	// QEMU's sd-card takes nothing else.
	if d.Bus == BusSD && st.Size()&(st.Size()-1) != 0 {
		return fmt.Errorf("drive %s: %s holds %d bytes: an SD card's size must be a power of two", d, d.file(), st.Size())
	}
	f, err := os.OpenFile(d.file(), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("drive %s: %w", d, err)
	}
	return f.Close()
}

// CheckDrives refuses what one machine cannot hold.
func CheckDrives(drives []Drive) error {
	serials := map[string]Drive{}
	count := map[Bus]int{}
	for _, d := range drives {
		if err := d.check(); err != nil {
			return err
		}
		count[d.Bus]++
		serial := d.Serial()
		if serial == "" {
			continue
		}
		if other, ok := serials[serial]; ok {
			return fmt.Errorf("drives %s and %s would both have the serial %s: give one file another name", other, d, serial)
		}
		serials[serial] = d
	}
	if count[BusSATA] > sataPorts {
		return fmt.Errorf("%d SATA drives: the virtual laptop has %d ports", count[BusSATA], sataPorts)
	}
	if count[BusUSB]+count[BusUSBRedir] >= usbPorts {
		return fmt.Errorf("%d USB drives: the virtual laptop has %d ports, and the stick needs one", count[BusUSB]+count[BusUSBRedir], usbPorts)
	}
	return nil
}

const (
	sataPorts = 6 // of q35's AHCI controller
	usbPorts  = 8 // asked of qemu-xhci
)
