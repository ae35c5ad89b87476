package vmtest

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"
)

// escape a value of a QEMU option list, where a comma ends the value.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// Node and device name of the stick, and the port that it is always put into.
const stickID = "stick"

// stickDevice as QMP's device_add takes it and -device by JSON.
func stickDevice() map[string]any {
	return map[string]any{
		"driver": "usb-storage", "id": stickID, "bus": "xhci.0", "port": "1", "drive": stickID,
		"bootindex": 0, "removable": true, "serial": "HANDBACK-STICK", "werror": "report", "rerror": "report",
	}
}

// stickBlock is the stick's medium. A node made by -blockdev stays when its
// device is pulled out; one made by -drive would go with it.
func stickBlock(path string, readOnly bool) map[string]any {
	return map[string]any{
		"driver": "raw", "node-name": stickID, "read-only": readOnly,
		"file": map[string]any{"driver": "file", "filename": path},
	}
}

func jsonArg(v any) (string, error) {
	b, err := json.Marshal(v)
	return string(b), err
}

// args of the whole machine but its accelerator; dir is the folder of its sockets.
func (c Config) args(dir string, fw firmware) ([]string, error) {
	a := []string{"-nodefaults", "-no-user-config", "-display", "none", "-vga", "std",
		"-name", "handback", "-cpu", cpu, "-m", strconv.Itoa(c.MemoryMiB)}
	if c.has(BusVhost) {
		// A vhost-user back end maps the guest's memory: it must be shared.
		a = append(a, "-object", fmt.Sprintf("memory-backend-memfd,id=m0,size=%dM,share=on", c.MemoryMiB))
		a = append(a, fw.args("memory-backend=m0")...)
	} else {
		a = append(a, fw.args()...)
	}
	a = append(a, "-chardev", "socket,id=qmp,path="+escape(filepath.Join(dir, "qmp")), "-mon", "chardev=qmp,mode=control")
	for _, tty := range []string{"ttyS0", "ttyS1"} {
		a = append(a, "-chardev", "socket,id="+tty+",path="+escape(filepath.Join(dir, tty)), "-serial", "chardev:"+tty)
	}
	a = append(a, "-device", fmt.Sprintf("qemu-xhci,id=xhci,p2=%d,p3=%d", usbPorts, usbPorts))
	if c.Channel != "" {
		a = append(a, "-chardev", "socket,id=channel,path="+escape(filepath.Join(dir, "channel")),
			"-device", "virtio-serial-pci", "-device", "virtserialport,chardev=channel,name="+escape(c.Channel))
	}
	if c.TPM != "" {
		a = append(a, "-chardev", "socket,id=tpm,path="+escape(filepath.Join(dir, "tpm.sock")),
			"-tpmdev", "emulator,id=tpm,chardev=tpm", "-device", "tpm-crb,tpmdev=tpm")
	}
	if c.Stick != "" {
		block, err := jsonArg(stickBlock(c.Stick, c.StickReadOnly))
		if err != nil {
			return nil, err
		}
		device, err := jsonArg(stickDevice())
		if err != nil {
			return nil, err
		}
		a = append(a, "-blockdev", block, "-device", device)
	}
	if c.Sound != "" {
		a = append(a, "-audiodev", "wav,id=sound,path="+escape(c.Sound), "-device", "ich9-intel-hda", "-device", "hda-micro,audiodev=sound")
	}
	if c.Kernel != "" {
		a = append(a, "-kernel", c.Kernel, "-initrd", c.Initrd, "-append", c.Append)
	}
	a = append(a, laptop(c.AssetTag, dir)...)
	return append(a, driveArgs(c.Drives)...), nil
}

// cpu: every instruction that the accelerator has; under TCG a static Go program
// then hashes at 50 MB/s and encrypts at 54 where qemu64 gives 20 and 24. Not
// five-level page tables, which cost TCG a walk more on each miss.
// Name, vendor, family, model and stepping are those of a notebook, so that a
// demonstration's machine can be graded.
const cpu = "max,la57=off,vendor=GenuineIntel,family=6,model=142,stepping=12,model-id=" + cpuName

const cpuName = "Intel(R) Core(TM) i5-8365U CPU @ 1.60GHz"

// driveArgs of all drives. An error of the file is the guest's error: it never
// stops the machine (werror=report).
func driveArgs(drives []Drive) []string {
	var a []string
	sata, network := 0, false
	port := 1 // of the stick
	for i, d := range drives {
		id := fmt.Sprintf("d%d", i)
		serial := ""
		if s := d.Serial(); s != "" {
			serial = ",serial=" + escape(s)
		}
		const report = ",werror=report,rerror=report"
		if d.file() != "" {
			a = append(a, "-drive", "if=none,id="+id+",format=raw"+driveReport(d.Bus)+throttle(d.BytesPerSecond)+",file="+escape(d.Target))
		}
		switch d.Bus {
		case BusNVMe:
			a = append(a, "-device", "nvme,drive="+id+serial)
		case BusSATA:
			// A solid state drive (ATA8-ACS, word 217), as laptops have: QEMU counts no
			// pending sectors, without which no disk is called healthy.
			a = append(a, "-device", fmt.Sprintf("ide-hd,bus=ide.%d,drive=%s,rotation_rate=1%s%s", sata, id, serial, report))
			sata++
		case BusUSB:
			port++
			a = append(a, "-device", fmt.Sprintf("usb-storage,id=%s,bus=xhci.0,port=%d,drive=%s%s%s", usbID(i), port, id, serial, report))
		case BusSCSI:
			a = append(a, "-device", "virtio-scsi-pci,id=scsi"+id, "-device", fmt.Sprintf("scsi-hd,bus=scsi%s.0,drive=%s%s%s", id, id, serial, report))
		case BusRAID:
			a = append(a, "-device", "megasas,id=raid"+id, "-device", fmt.Sprintf("scsi-hd,bus=raid%s.0,drive=%s%s%s", id, id, serial, report))
		case BusNVMeDetached:
			a = append(a, "-device", "nvme-subsys,id=subsys"+id, "-device", fmt.Sprintf("nvme,id=nvme%s,subsys=subsys%s%s", id, id, serial),
				"-device", fmt.Sprintf("nvme-ns,bus=nvme%s,drive=%s,nsid=1", id, id),
				"-blockdev", "driver=null-co,read-zeroes=on,size=16777216,node-name=detached"+id,
				"-device", fmt.Sprintf("nvme-ns,bus=nvme%s,drive=detached%s,nsid=2,detached=on", id, id))
		case BusSD:
			a = append(a, "-device", "sdhci-pci,id=sdhci"+id, "-device", "sd-card,bus=pcie.0/sdhci"+id+"/sd-bus,drive="+id)
		case BusVhost:
			a = append(a, "-chardev", "socket,id="+id+",path="+escape(d.Target),
				"-device", "vhost-user-scsi-pci,num_queues=1,chardev="+id)
		case BusUSBRedir:
			port++
			a = append(a, "-chardev", "socket,id="+id+",path="+escape(d.Target),
				"-device", fmt.Sprintf("usb-redir,bus=xhci.0,port=%d,chardev=%s", port, id))
		case BusNVMeTCP:
			a = append(a, "-smbios", "type=11,value="+escape(guestTarget(d.Target)))
			network = true
		}
	}
	if !network {
		// A bench works offline: the adapter that a laptop has, and no cable in it.
		return append(a, "-nic", "none", "-device", "e1000e")
	}
	return append(a, "-nic", "user,model=e1000e")
}

// usbID of a drive on USB, by its place among the drives.
func usbID(i int) string { return fmt.Sprintf("usb%d", i) }

func throttle(bytesPerSecond int64) string {
	if bytesPerSecond <= 0 {
		return ""
	}
	return fmt.Sprintf(",throttling.bps-total=%d", bytesPerSecond)
}

// driveReport is the policy on the drive itself, for the devices that have none.
func driveReport(b Bus) string {
	if b == BusSD || b == BusNVMe || b == BusNVMeDetached {
		return ",werror=report,rerror=report"
	}
	return ""
}

// NVMeTCPKey begins the SMBIOS type 11 string (OEM Strings, DSP0134 clause 7.12)
// that tells the guest of an NVMe/TCP drive; ADDRESS:PORT as the guest reaches it
// follows, and ',nqn=NQN' where it was given. The appliance honours it in a
// demonstration under a hypervisor only (its package fabric).
const NVMeTCPKey = "handback-test:nvme-tcp="

// guestTarget is the string for one target; this computer is 10.0.2.2 in QEMU's
// user network.
func guestTarget(target string) string {
	address, nqn, named := strings.Cut(target, ",")
	if named {
		nqn = "," + nqn
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return NVMeTCPKey + target
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "10.0.2.2"
	}
	return NVMeTCPKey + net.JoinHostPort(host, port) + nqn
}

func (c Config) has(b Bus) bool {
	for _, d := range c.Drives {
		if d.Bus == b {
			return true
		}
	}
	return false
}
