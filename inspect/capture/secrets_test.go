package capture_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/hex"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/nvme"
	"handback.example/inspect/drive/sim/sat"
	"handback.example/inspect/drive/sim/scsi"
)

// secrets are all that names a machine or a person in the planted one.
var secrets = map[string]string{
	"machine serial": "PF2ABC9Z", "board serial": "L1HF8XK03QY", "case serial": "CZC8437QVM", "asset tag": "DWP-LAPTOP-004711", "OEM string": "Alice's laptop",
	"module serial": "3A5B9C71", "battery serial": "BT-77819-QX", "smart battery": "SBDS-0999-77", "display serial": "CN0D3RPF744",
	"disk serial": "S5Y2NJ0R123456", "SAS serial": "ZAD0WXYZ8877", "SSD serial": "S676NX0RB88112", "USB serial": "4C530001230918",
	"volume": "ALICE-BACKUP", "user": "alicee", "mapped volume": "alice--vg-home", "server": "fileserver7", "text on the disk": "Dear diary of Alice",
	"boot entry": "Alice's Fedora", "boot folder": "alicelinux", "Wi-Fi network": "AliceHomeWiFi", "firmware tag": "PROPERTY-ALICE-9", "owner": "Alice Examplewoman",
	"interface": "enx00e04c680a1b", "permanent address": "0011ffabcde1", "dock": "A44CC8112233", "network in a variable's name": "GREENBOATS", "pen": "F0T934702RGJHFVAW",
	"family name": "bondsson", "digits": "7654321", "short tag": "QX2B3",
	"tunnel": "wg-bobby-home", "modem": "5g-van-bobby", "maker's descriptor": "BOBBY-77319",
}

// numbers that do so too, as bytes in hex.
var numbers = map[string]string{
	"UUID": "4c4c454400385a10805ac7c04f463733", "MAC": "00e04c680a1b", "WWN": "5002538f4331b2a9", "SAS name": "5000c500a7e81d3b", "NGUID": "36344730529001a60025384500000001",
	"EUI-64": "0025388b0140a6f1", "partition": "7f1e4ac09b2d4c5fa1b2c3d4e5f60718", "EK": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"display number": "3f7a11c4", "card number": "dac7c039", "btrfs": "c0ffee11223344556677889900aabbcc",
	"long partition": "2d9a7b31c4e85f604a1be2c7d8095f36", "short partition": "93e1b6f47a2c4d058e6f1a2b3c4d5e60",
}

func structure(kind byte, data []byte, text ...string) []byte {
	b := append([]byte{kind, byte(4 + len(data)), kind, 0}, data...)
	for _, s := range text {
		b = append(append(b, s...), 0)
	}
	if len(text) == 0 {
		b = append(b, 0)
	}
	return append(b, 0)
}

// smbios of the planted machine.
func smbios() []byte {
	uuid, _ := hex.DecodeString(numbers["UUID"])
	flip := append([]byte{uuid[3], uuid[2], uuid[1], uuid[0], uuid[5], uuid[4], uuid[7], uuid[6]}, uuid[8:]...)
	system := append(append([]byte{1, 2, 3, 4}, flip...), 6, 5, 0)
	memory := make([]byte, 0x54-4)
	copy(memory[0x0c-4:], []byte{0x00, 0x20, 0x0d, 0, 1, 2, 0x1a, 0, 0, 0, 0, 3, 4, 5, 6})
	battery := []byte{1, 2, 0, 3, 4, 2, 0, 0, 0, 0, 0, 0, 0x7e, 0x91, 0, 0, 0, 0, 0, 0, 0, 0}
	return bytes.Join([][]byte{
		structure(0, []byte{1, 2, 0, 0, 3, 0}, "LENOVO", "N2HET75W", "09/18/2023"),
		structure(1, system, "LENOVO", "20TDS00A00", "ThinkPad E14", secrets["machine serial"], "SKU-"+secrets["digits"]),
		structure(2, []byte{1, 2, 3, 4, 5, 0, 0}, "LENOVO", "20TDS00A00", "SDK0J40697", secrets["board serial"], secrets["asset tag"]),
		structure(3, []byte{1, 10, 2, 3, 4, 3, 3, 3, 3}, "LENOVO", "v "+secrets["short tag"], secrets["case serial"], secrets["short tag"]),
		structure(11, []byte{1}, secrets["OEM string"]),
		structure(17, memory, "ChannelA-DIMM0", "BANK 0", "Samsung", secrets["module serial"], secrets["digits"], "M471A1K43DB1-CWE"),
		structure(22, battery, "Front", "SMP", secrets["battery serial"], "5B10W51827", secrets["smart battery"]),
		structure(133, []byte(secrets["owner"]), secrets["owner"]),
		structure(127, nil),
	}, nil)
}

// edid of a display with a number, a name, a serial number, and an extension that has
// it too.
func edid() string {
	b := make([]byte, 128)
	copy(b, "\x00\xff\xff\xff\xff\xff\xff\x00\x10\xac\x2d\xa1")
	number, _ := hex.DecodeString(numbers["display number"])
	copy(b[12:], number)
	copy(b[16:], []byte{10, 30, 1, 4, 0xa5, 52, 32})
	copy(b[54:], "\x00\x00\x00\xfc\x00DELL P2419H\n ")
	copy(b[72:], "\x00\x00\x00\xff\x00"+secrets["display serial"]+"\n ")
	copy(b[90:], "\x00\x00\x00\xfe\x00"+secrets["user"]+"\n      ")
	copy(b[108:], "\x00\x00\x00\x0f\x00"+secrets["maker's descriptor"]+"\n ")
	b[126] = 1
	for _, v := range b[:127] {
		b[127] -= v
	}
	return string(b) + secrets["display serial"] + strings.Repeat("\x00", 128-len(secrets["display serial"]))
}

func wide(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

func number(name string) []byte { b, _ := hex.DecodeString(numbers[name]); return b }

// loadOption of a system on a partition.
func loadOption() string {
	guid := number("partition")
	flip := append([]byte{guid[3], guid[2], guid[1], guid[0], guid[5], guid[4], guid[7], guid[6]}, guid[8:]...)
	return loadOptionOn("\x04\x01\x2a\x00\x01\x00\x00\x00" + strings.Repeat("\x01", 16) + string(flip) + "\x02\x02")
}

func loadOptionOn(hd string) string {
	file := wide(`\EFI\` + secrets["boot folder"] + `\shimx64.efi` + "\x00")
	path := hd + "\x04\x04" + string(binary.LittleEndian.AppendUint16(nil, uint16(4+len(file)))) + file + "\x7f\xff\x04\x00"
	return "\x07\x00\x00\x00" + "\x01\x00\x00\x00" + string(binary.LittleEndian.AppendUint16(nil, uint16(len(path)))) + wide(secrets["boot entry"]+"\x00") + path + secrets["owner"]
}

// planted machine: each of the secrets, in each place where a machine keeps such.
func planted(t *testing.T) *bed {
	b := newBed(t)
	b.file("sys/firmware/dmi/tables/DMI", string(smbios()))
	b.file("sys/class/dmi/id/product_serial", secrets["machine serial"]+"\n")
	b.file("sys/class/dmi/id/product_uuid", "4c4c4544-0038-5a10-805a-c7c04f463733\n")
	b.file("sys/class/dmi/id/board_asset_tag", secrets["asset tag"]+"\n")
	b.file("sys/class/dmi/id/product_name", "20TDS00A00\n")
	b.file("sys/class/dmi/id/product_sku", "SKU-"+secrets["digits"]+"\n")
	b.file("sys/class/dmi/id/chassis_version", "v "+secrets["short tag"]+"\n")
	b.file("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 140\nmodel name\t: 11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz\nstepping\t: 1\nSerial\t\t: "+secrets["machine serial"]+"\n\n")
	b.file("sys/class/power_supply/BAT0/type", "Battery\n")
	b.file("sys/class/power_supply/BAT0/present", "1\n")
	b.file("sys/class/power_supply/BAT0/serial_number", secrets["battery serial"]+"\n")
	b.file("sys/class/power_supply/BAT0/model_name", "5B10W51827\n")
	b.file("sys/class/power_supply/hid-"+secrets["pen"]+"-battery/type", "Battery\n")
	b.file("sys/class/power_supply/hid-"+secrets["pen"]+"-battery/scope", "Device\n")
	b.file("sys/class/drm/card0-DP-1/status", "connected\n")
	b.file("sys/class/drm/card0-DP-1/edid", edid())
	net := "sys/devices/pci0000:00/0000:00:1f.6/net/" + secrets["interface"]
	b.file(net+"/address", "00:e0:4c:68:0a:1b\n")
	b.file(net+"/addr_assign_type", "0\n")
	b.file(net+"/type", "1\n")
	b.file(net+"/uevent", "INTERFACE="+secrets["interface"]+"\nIFALIAS="+secrets["owner"]+"\n")
	b.link("sys/class/net/"+secrets["interface"], net)
	net = "sys/devices/pci0000:00/0000:00:1f.6/usb2/net/wlx" + secrets["permanent address"]
	b.file(net+"/address", "4a:77:12:34:56:78\n") // a random one
	b.file(net+"/addr_assign_type", "3\n")
	b.file(net+"/type", "1\n")
	b.file(net+"/uevent", "INTERFACE=wlx"+secrets["permanent address"]+"\n")
	b.link("sys/class/net/wlx"+secrets["permanent address"], net)
	for _, net := range []string{"sys/devices/virtual/net/" + secrets["tunnel"], "sys/devices/pci0000:00/0000:00:14.0/usb1/1-3/net/" + secrets["modem"]} {
		b.file(net+"/address", "00:00:00:00:00:00\n")
		b.file(net+"/addr_assign_type", "0\n")
		b.file(net+"/type", "1\n")
		b.file(net+"/uevent", "INTERFACE="+filepath.Base(net)+"\n")
		b.link("sys/class/net/"+filepath.Base(net), net)
	}
	b.file("sys/firmware/efi/efivars/"+secrets["dock"]+"-937fe521-95ae-4d1a-8929-48bcd90ad31a", "\x07\x00\x00\x00abc")
	b.file("sys/firmware/efi/efivars/Wifi-"+secrets["network in a variable's name"]+"-aabbccdd-2222-3333-4444-555555555555", "\x07\x00\x00\x00abc")
	const global = "-8be4df61-93ca-11d2-aa0d-00e098032b8c"
	b.file("sys/firmware/efi/efivars/Boot0003"+global, loadOption())
	// Hard-drive nodes of other lengths than the standard's.
	b.file("sys/firmware/efi/efivars/Boot0007"+global, loadOptionOn("\x04\x01\x2b\x00\x01\x00\x00\x00"+strings.Repeat("\x01", 16)+string(number("long partition"))+"\x02\x02\x00"))
	b.file("sys/firmware/efi/efivars/Boot0008"+global, loadOptionOn("\x04\x01\x1e\x00\x01\x00\x00\x00\x01\x01\x01\x01"+string(number("short partition"))+"\x02\x02"))
	b.file("sys/firmware/efi/efivars/BootCurrent"+global, "\x06\x00\x00\x00\x01\x00")
	b.file("sys/firmware/efi/efivars/SecureBoot"+global, "\x06\x00\x00\x00\x01")
	b.file("sys/firmware/efi/efivars/preferred-networks-36c28ab5-6566-4c50-9ebd-cbb920f83843", "\x07\x00\x00\x00"+secrets["Wi-Fi network"])
	b.file("sys/class/firmware-attributes/dell-wmi-sysman/attributes/Asset/type", "string\n")
	b.file("sys/class/firmware-attributes/dell-wmi-sysman/attributes/Asset/current_value", secrets["firmware tag"]+"\n")
	b.file("proc/self/mountinfo", "22 27 0:21 / /proc rw - proc proc rw\n30 1 8:33 / /media/"+secrets["user"]+"/"+secrets["volume"]+" rw shared:1 - ext4 /dev/disk/by-label/"+secrets["volume"]+" rw\n"+
		"31 1 252:0 / /home/"+secrets["user"]+" rw - ext4 /dev/mapper/"+secrets["mapped volume"]+" rw\n33 1 8:34 / /home/j."+secrets["family name"]+" rw - ext4 /dev/mapper/home-j."+secrets["family name"]+" rw\n32 1 0:50 / /mnt/share rw - nfs4 "+secrets["server"]+":/export/"+secrets["user"]+" rw,addr="+secrets["server"]+"\n")
	b.file("proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n/home/"+secrets["user"]+"/swapfile file 4 0 -2\n")
	b.folder("sys/fs/btrfs/c0ffee11-2233-4455-6677-889900aabbcc/devices/sdz")
	b.drives()
	b.tpm = inspect.TPM{Present: inspect.Known(true, "sysfs"), EKHash: inspect.Known(numbers["EK"], "TPM2_CreatePrimary")}
	b.folder("sys/class/tpm/tpm0")
	return b
}

// drives of the planted machine.
func (b *bed) drives() {
	medium := sim.NewMedium(32 << 20)
	b.must(medium.Fill(0, 32<<20, sim.Repeat([]byte((secrets["text on the disk"] + strings.Repeat("\n", 32))[:32]))))
	disk, err := ata.New(ata.Config{Serial: secrets["disk serial"], Model: "Samsung SSD 870 EVO", Firmware: "SVT02B6Q", WWN: 0x5002538f4331b2a9, NativeSectors: 1 << 16, Medium: medium, Clock: sim.NewManual()})
	b.must(err)
	sas, err := scsi.New(scsi.Config{Vendor: "SEAGATE", Product: "ST600MM0088", Serial: secrets["SAS serial"], WWN: 0x5000c500a7e81d3b, Blocks: 1 << 16, Clock: sim.NewManual()})
	b.must(err)
	ssd, err := nvme.New(nvme.Config{Serial: secrets["SSD serial"], Model: "SAMSUNG MZVL2512HCJQ", Firmware: "GXA7801Q", Clock: sim.NewManual(),
		Namespaces: []nvme.Namespace{{ID: 1, Bytes: 32 << 20, Attached: true, NGUID: number("NGUID"), EUI64: number("EUI-64")}}})
	b.must(err)
	b.n++
	link := b.controller("0x010601", "ahci") + "/ata1"
	b.folder(link + "/ata_port/ata1")
	b.scsiDisk(link+"/host1/target1:0:0/1:0:0:0", "sda")
	b.must(b.host.AttachSCSI("/dev/sda", drive.BusSATA, sat.New(disk, sat.Config{})))
	b.n++
	b.scsiDisk(b.controller("0x010700", "mpt3sas")+"/host2/target2:0:0/2:0:0:0", "sdb")
	b.must(b.host.AttachSCSI("/dev/sdb", drive.BusSCSI, sas))
	b.n++
	dir := b.controller("0x010802", "nvme") + "/nvme/nvme0"
	b.file(dir+"/transport", "pcie\n")
	b.file(dir+"/state", "live\n")
	b.folder("sys/class/nvme")
	b.link(dir+"/subsystem", "sys/class/nvme")
	b.block(dir+"/nvme0n1", dir, 32<<20)
	b.must(b.host.AttachNVMe("/dev/nvme0n1", ssd, 1))
	b.drive("../../testdata/drives/emmc-tablet.toml")
	stick, err := scsi.New(scsi.Config{Vendor: "SanDisk", Product: "Extreme SSD", Blocks: 1 << 16, Clock: sim.NewManual()})
	b.must(err)
	b.n++
	port := b.controller("0x0c0330", "xhci_hcd") + "/usb1/1-4"
	b.file(port+"/idVendor", "0781\n")
	b.file(port+"/serial", secrets["USB serial"]+"\n")
	b.folder("sys/bus/usb")
	b.link(port+"/subsystem", "sys/bus/usb")
	b.scsiDisk(port+"/1-4:1.0/host5/target5:0:0/5:0:0:0", "sde")
	b.must(b.host.AttachSCSI("/dev/sde", drive.BusUSB, stick))
	// A partition, and a volume upon it.
	b.file("sys/devices/virtual/block/dm-0/dev", "252:0\n")
	b.file("sys/devices/virtual/block/dm-0/size", "8\n")
	b.file("sys/devices/virtual/block/dm-0/dm/name", secrets["mapped volume"]+"\n")
	b.file("sys/devices/virtual/block/dm-0/dm/uuid", "LVM-"+numbers["btrfs"]+"\n")
	b.link("sys/block/dm-0", "sys/devices/virtual/block/dm-0")
	b.link(link+"/host1/target1:0:0/1:0:0:0/block/sda/holders/dm-0", "sys/devices/virtual/block/dm-0")
	b.file("sys/devices/virtual/block/loop0/dev", "7:0\n")
	b.file("sys/devices/virtual/block/loop0/size", "8\n")
	b.file("sys/devices/virtual/block/loop0/loop/backing_file", "/home/"+secrets["user"]+"/"+secrets["volume"]+".img\n")
	b.link("sys/block/loop0", "sys/devices/virtual/block/loop0")
}

func (b *bed) scsiDisk(dir, name string) {
	b.file(dir+"/type", "0\n")
	b.link(dir+"/subsystem", "sys/bus/scsi")
	b.link("sys/bus/scsi/devices/"+filepath.Base(dir), dir)
	b.block(dir+"/block/"+name, dir, 1<<25)
}

func (b *bed) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// unpacked is all of an archive: names, targets, contents.
func unpacked(t *testing.T, archive []byte) map[string]string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[h.Name] = h.Name + "\n" + h.Linkname + "\n" + string(b)
	}
}

// formsOf a secret in which it may stand somewhere.
func formsOf(s string) map[string]string {
	swap := []byte(s + " ")[:len(s)+len(s)%2]
	for i := 0; i+1 < len(swap); i += 2 {
		swap[i], swap[i+1] = swap[i+1], swap[i]
	}
	forms := map[string]string{"text": s, "capitals": strings.ToUpper(s), "small letters": strings.ToLower(s), "UTF-16": wide(s), "swapped": strings.TrimSpace(string(swap))}
	for name, form := range forms {
		forms[name+" in hex"] = hex.EncodeToString([]byte(form))
	}
	return forms
}

func formsOfNumber(h string) map[string]string {
	b, _ := hex.DecodeString(h)
	back, swap := make([]byte, len(b)), bytes.Clone(b)
	for i, v := range b {
		back[len(b)-1-i] = v
	}
	for i := 0; i+1 < len(swap); i += 2 {
		swap[i], swap[i+1] = swap[i+1], swap[i]
	}
	forms := map[string]string{"bytes": string(b), "backwards": string(back), "swapped": string(swap), "hex": h, "capital hex": strings.ToUpper(h), "swapped hex": hex.EncodeToString(swap), "backwards in hex": hex.EncodeToString(back)}
	if len(b) == 16 {
		forms["UUID"] = h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
		guid := append([]byte{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6]}, b[8:]...)
		forms["GUID"], forms["GUID in hex"] = string(guid), hex.EncodeToString(guid)
	}
	var parts []string
	for _, v := range b {
		parts = append(parts, hex.EncodeToString([]byte{v}))
	}
	forms["colons"] = strings.Join(parts, ":")
	return forms
}

// TestNoSecrets: none of what names the planted machine and its owner is in the
// capture, in any form; and each was read, or the test would show nothing.
func TestNoSecrets(t *testing.T) {
	b := planted(t)
	r, bare, archive, replace := takenBare(t, b.doors())
	same(t, r, archive, replace)
	had, has := unpacked(t, bare), unpacked(t, archive)
	check := func(what string, forms map[string]string) {
		if found := find(had, forms); (len(found) > 0) == (what == "text on the disk") {
			t.Errorf("%s: it was read: %q", what, found)
		}
		for _, f := range find(has, forms) {
			t.Errorf("%s: %s", what, f)
		}
	}
	for what, s := range secrets {
		check(what, formsOf(s))
	}
	for what, h := range numbers {
		check(what, formsOfNumber(h))
	}
	// What says of what kind the machine is stays.
	whole := strings.Join(lines(t, replayed(t, archive)), "\n")
	for _, kept := range []string{"LENOVO", "20TDS00A00", "ThinkPad E14", "N2HET75W", "M471A1K43DB1-CWE", "i5-1135G7", "DELL P2419H", "Samsung SSD 870 EVO", "SVT02B6Q", "ST600MM0088", "SAMSUNG MZVL2512HCJQ", "GXA7801Q"} {
		if !strings.Contains(whole, kept) {
			t.Errorf("%s is not in the report of the capture", kept)
		}
	}
}

// find the entries of an archive that have something in one of its forms.
func find(all map[string]string, forms map[string]string) (found []string) {
	for name, text := range all {
		for form, s := range forms {
			if strings.Contains(text, s) {
				found = append(found, name+" has it as "+form)
			}
		}
	}
	return found
}

// A file of which nobody knows what it holds is withheld, and the report says so: it
// does not take the setting for one that isn't there.
func TestWithheld(t *testing.T) {
	b := newBed(t)
	b.file("sys/firmware/acpi/tables/DSDT", "x")
	b.file("sys/class/firmware-attributes/dell-wmi-sysman/attributes/Absolute/current_value", secrets["owner"]+"\n")
	r, archive, _ := taken(t, b.doors())
	if r.Unhandled == nil || len(r.Unhandled) != 0 {
		t.Fatalf("%+v", r.Unhandled)
	}
	if found := find(unpacked(t, archive), formsOf(secrets["owner"])); len(found) > 0 {
		t.Error(found)
	}
	const name = "/sys/class/firmware-attributes/dell-wmi-sysman/attributes/Absolute/current_value"
	c, err := capture.Read(bytes.NewReader(archive))
	if err != nil || !slices.Equal(c.Manifest().Withheld, []string{name}) {
		t.Fatalf("%+v, %v", c.Manifest(), err)
	}
	defer c.Close()
	is := take(t, c.Doors())
	if !slices.Contains(is.Missing, name+": it is not recorded in the capture") || is.Unhandled != nil {
		t.Errorf("%q, %+v", is.Missing, is.Unhandled)
	}
}
