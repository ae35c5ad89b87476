package platform

import (
	"maps"
	"slices"
	"testing"

	"handback.example/inspect"
)

// usbInterface of a built-in device, as sysfs shows it.
func usbInterface(name, vendor, class, sub, protocol string) files {
	const dir = "sys/bus/usb/devices/"
	return files{dir + name + "/idVendor": vendor + "\n", dir + name + "/idProduct": "0001\n", dir + name + "/removable": "fixed\n",
		dir + name + ":1.0/bInterfaceClass": class + "\n", dir + name + ":1.0/bInterfaceSubClass": sub + "\n", dir + name + ":1.0/bInterfaceProtocol": protocol + "\n"}
}

// emptyBuses were read, and nothing hangs on them.
var emptyBuses = files{"sys/bus/usb/devices/usb1/idVendor": "1d6b\n", "sys/bus/pci/devices/0000:00:00.0/class": "0x060000\n",
	"sys/bus/acpi/devices/PNP0C0D:00/modalias": "acpi:PNP0C0D:\n", "sys/class/input/input0/name": "Lid Switch\n"}

func all(d inspect.Devices) map[string]inspect.Fact[bool] {
	return map[string]inspect.Fact[bool]{"wifi": d.WiFi, "bluetooth": d.Bluetooth, "wwan": d.WWAN, "camera": d.Camera, "fingerprint": d.Fingerprint,
		"touchscreen": d.Touchscreen, "touchpad": d.Touchpad, "smartcard": d.Smartcard, "sound": d.Sound}
}

// Numbers are those that a ThinkPad T480s shows: Intel Bluetooth 8087:0a2b, a
// Chicony camera, Synaptics 06cb:009a, Alcor's smartcard reader, Fibocom's modem.
func TestDevices(t *testing.T) {
	r := readFiles(t, laptop.with(emptyBuses).with(usbInterface("1-7", "8087", "e0", "01", "01")).with(usbInterface("1-8", "04f2", "0e", "01", "00")).
		with(usbInterface("1-9", "06cb", "ff", "00", "00")).with(usbInterface("1-2", "058f", "0b", "00", "00")).with(usbInterface("1-6", "2cb7", "02", "0e", "00")).
		with(files{"sys/bus/pci/devices/0000:3d:00.0/class": "0x028000\n", "sys/bus/pci/devices/0000:00:1f.3/class": "0x040300\n",
			"sys/class/input/input5/properties": "5\n", "sys/class/input/input5/capabilities/abs": "2e0800000000003\n",
			"sys/class/input/input6/properties": "2\n", "sys/class/input/input6/capabilities/abs": "3273800000000003\n"}))
	for what, f := range all(r.Devices) {
		if !f.Known || !f.Value || f.Source == "" {
			t.Errorf("%s: %+v", what, f)
		}
	}
}

func TestNoDevices(t *testing.T) {
	for what, f := range all(readFiles(t, laptop.with(emptyBuses)).Devices) {
		if !f.Known || f.Value || f.Source == "" {
			t.Errorf("on empty buses, %s: %+v", what, f)
		}
	}
	// What was plugged in from outside is not the machine's.
	f := usbInterface("1-1", "04f2", "0e", "01", "00")
	f["sys/bus/usb/devices/1-1/removable"] = "removable\n"
	if c := readFiles(t, laptop.with(emptyBuses).with(f)).Devices.Camera; !c.Known || c.Value {
		t.Errorf("a camera on a port: %+v", c)
	}
	// A touchpad of the same maker is no fingerprint reader.
	if p := readFiles(t, laptop.with(emptyBuses).with(usbInterface("1-5", "06cb", "03", "01", "02"))).Devices.Fingerprint; !p.Known || p.Value {
		t.Errorf("a touchpad: %+v", p)
	}
}

// Sound of Skylake and later may show as plain audio, that of a small tablet on no bus.
func TestSound(t *testing.T) {
	for what, f := range map[string]files{"High Definition Audio": {"sys/bus/pci/devices/0000:00:1f.3/class": "0x040380\n"}, "audio": {"sys/bus/pci/devices/0000:00:1f.3/class": "0x040100\n"},
		"Smart Sound of an Atom": {"sys/bus/acpi/devices/80860F28:00/modalias": "acpi:80860F28:\n"}, "on USB": usbInterface("1-4", "0d8c", "01", "01", "00")} {
		if s := readFiles(t, laptop.with(emptyBuses).with(f)).Devices.Sound; !s.Known || !s.Value {
			t.Errorf("%s: %+v", what, s)
		}
	}
	if s := readFiles(t, laptop.with(emptyBuses).with(files{"sys/bus/pci/devices/0000:00:05.0/class": "0x048000\n"})).Devices.Sound; s.Value {
		t.Errorf("an image processor: %+v", s)
	}
}

// A bus that was not read says neither yes nor no.
func TestUnreadBuses(t *testing.T) {
	for what, f := range all(readFiles(t, laptop).Devices) {
		if f.Known || f.Why == "" {
			t.Errorf("%s: %+v", what, f)
		}
	}
	for name, c := range map[string]struct {
		files   files
		unknown []string
	}{
		"no USB driver":    {files{"sys/bus/usb/devices/usb1/idVendor": ""}, nil},
		"image processor":  {files{"sys/bus/pci/devices/0000:00:05.0/class": "0x048000", "sys/bus/pci/devices/0000:00:05.0/vendor": "0x8086"}, []string{"camera"}},
		"SDIO":             {files{"sys/bus/sdio/devices/mmc2:0001:1/class": "0x00"}, []string{"bluetooth", "wifi"}},
		"HID over I2C":     {files{"sys/bus/acpi/devices/ELAN9008:00/modalias": "acpi:ELAN9008:PNP0C50:"}, []string{"touchpad", "touchscreen"}},
		"nonsense in USB":  {usbInterface("1-3", "zzzz", "", "x", "0x1ffffffff"), nil},
		"nonsense in axes": {files{"sys/class/input/input9/properties": "2", "sys/class/input/input9/capabilities/abs": "q"}, nil},
	} {
		var unknown []string
		for what, f := range all(readFiles(t, laptop.with(emptyBuses).with(c.files)).Devices) {
			if !f.Known {
				unknown = append(unknown, what)
			}
		}
		if slices.Sort(unknown); !slices.Equal(unknown, c.unknown) {
			t.Errorf("%s: unknown %q, want %q", name, unknown, c.unknown)
		}
	}
}

// Ports of the W510 as dmidecode reads them.
func TestPorts(t *testing.T) {
	ports := readFiles(t, machineOf(t, "Lenovo-ThinkPad-W510.bin")).Ports
	count := map[string]int{}
	for _, p := range ports {
		count[p.Kind]++
	}
	if count["USB"] != 4 || count["network"] != 1 || len(ports) < 8 {
		t.Errorf("%+v", ports)
	}
}

// Type 41 (7.42) as dmidecode prints it: 'SATA Controller, Disabled', 'Sound,
// Disabled', 'SATA Controller, Enabled'.
func TestSwitchedOff(t *testing.T) {
	f := machineOf(t, "Lenovo-ThinkPad-T480.bin")
	onboard := func(kind, name string) string {
		return "\x29\x0b\x29\x00\x01" + kind + "\x01\x00\x00\x00\xfa" + name + "\x00\x00"
	}
	f["sys/firmware/dmi/tables/DMI"] = onboard("\x09", "Onboard SATA #1") + onboard("\x07", "Onboard Audio") + onboard("\x89", "Onboard SATA #2") + "\x7f\x04\xff\xfe\x00\x00"
	r := readFiles(t, f)
	if !noted(r, "SATA controller Onboard SATA #1: the firmware has switched it off") || noted(r, "Audio") || noted(r, "SATA #2") {
		t.Errorf("%q", r.Missing)
	}
}

func TestListedBattery(t *testing.T) {
	if r := readFiles(t, machineOf(t, "Lenovo-ThinkPad-W510.bin")); !noted(r, "the firmware lists '45N1173'") {
		t.Errorf("%q", r.Missing)
	}
}

// Slots of boards as dmidecode reads them: 'x16 PCI Express 3 x16, In Use'.
func TestSlots(t *testing.T) {
	for name, want := range map[string]map[string]int{
		"MSI-MS-7816.bin": {"PCI Express in use": 6, "PCI in use": 1}, "Synology-RS3614xsp.bin": {"PCI Express in use": 5}, "Lenovo-ThinkPad-T480.bin": {}, // two of type 'Other'
	} {
		got := map[string]int{}
		for _, s := range readFiles(t, machineOf(t, name)).Slots {
			words := " unknown"
			if s.InUse.Known {
				words = map[bool]string{true: " in use", false: " free"}[s.InUse.Value]
			}
			got[s.Kind+words]++
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
