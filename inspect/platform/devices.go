package platform

import (
	"slices"
	"strings"

	"handback.example/inspect"
)

// devices of the machine that have no list of their own, by their presence on
// the buses: whether a driver runs them plays no part. What is plugged into a port
// from outside is left out where the firmware says which ports those are.
func (s *survey) devices() {
	b := s.buses()
	d := &s.r.Devices
	d.WiFi = s.wifi(b)
	d.Bluetooth = b.find("Bluetooth", isBluetooth, b.usbErr, b.pciErr)
	d.WWAN = s.wwan(b)
	d.Camera = b.find("camera", isCamera, b.usbErr, b.pciErr)
	d.Fingerprint = b.find("fingerprint reader", isFingerprint, b.usbErr, b.acpiErr)
	d.Smartcard = b.find("smartcard reader", func(p part) bool { return p.bus == "USB" && p.class == 0x0b }, b.usbErr)
	d.Touchscreen, d.Touchpad = s.touch(b)
	d.Sound = b.find("sound card", isSound, b.usbErr, b.pciErr, b.acpiErr)
	if b.sdio && !d.Bluetooth.Value {
		// Tablets have it on a serial line beside their Wi-Fi.
		d.Bluetooth = inspect.Unknown[bool]("SDIO", "none was seen on USB, and a part on SDIO may hold one")
	}
	if b.imageUnit && !d.Camera.Value {
		d.Camera = inspect.Unknown[bool]("PCI", "none was seen on USB, and an image processor is fitted, on which one may hang")
	}
}

// storageParts are the onboard devices (7.42.1) that drives hang on.
var storageParts = map[byte]string{0x04: "SCSI controller", 0x08: "PATA controller", 0x09: "SATA controller", 0x0a: "SAS controller", 0x0e: "eMMC controller", 0x0f: "NVMe controller", 0x10: "UFS controller"}

// switchedOff notes storage controllers that the firmware lists and has switched
// off: a drive on one is not seen by anybody. One machine in forty lists such.
func (s *survey) switchedOff() {
	for _, t := range s.table {
		if t.kind != typeOnboard || len(t.data) < 6 || t.byte(0x05)&0x80 != 0 {
			continue
		}
		if what := storageParts[t.byte(0x05)]; what != "" {
			s.missing(strings.TrimSpace(what+" "+clean(t.text(0x04))), "the firmware has switched it off, so a drive on it would not be seen: look into its set-up")
		}
	}
}

// part of the machine on one of its buses.
type part struct {
	bus             string // USB: one interface; PCI; ACPI
	vendor, product uint64
	class, sub      uint64
	protocol        uint64
	name            string // ACPI: its identifiers
}

// buses as they were found.
type buses struct {
	parts                   []part
	usbErr, pciErr, acpiErr error
	sdio                    bool // something hangs on SDIO
	imageUnit               bool // Intel's image processor
}

const errNoBus = plainError("the kernel runs no driver of this bus")

func (s *survey) buses() (b buses) {
	b.usbErr = s.usb(&b)
	b.pciErr = s.pci(&b)
	names, err := s.Tree.List("sys/bus/acpi/devices")
	if b.acpiErr = err; err == nil && len(names) == 0 {
		b.acpiErr = errNoBus
	}
	for _, name := range names {
		ids, _ := s.Tree.Text("sys/bus/acpi/devices/" + name + "/modalias")
		b.parts = append(b.parts, part{bus: "ACPI", name: name + " " + ids})
	}
	names, _ = s.Tree.List("sys/bus/sdio/devices")
	b.sdio = len(names) > 0
	return b
}

// usb lists the interfaces of all devices that are built in. A bus without a root
// hub has no driver.
func (s *survey) usb(b *buses) error {
	const dir = "sys/bus/usb/devices/"
	names, err := s.Tree.List(dir)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "usb") }) {
		return errNoBus
	}
	for _, name := range names {
		device, _, isInterface := strings.Cut(name, ":")
		if !isInterface {
			continue
		}
		if how, err := s.Tree.Text(dir + device + "/removable"); err == nil && how == "removable" {
			continue
		}
		b.parts = append(b.parts, part{bus: "USB", vendor: s.bare(dir + device + "/idVendor"), product: s.bare(dir + device + "/idProduct"),
			class: s.bare(dir + name + "/bInterfaceClass"), sub: s.bare(dir + name + "/bInterfaceSubClass"), protocol: s.bare(dir + name + "/bInterfaceProtocol")})
	}
	return nil
}

// bare hexadecimal number of a file; none is above every class and vendor.
func (s *survey) bare(name string) uint64 {
	if n, ok := s.hex(name); ok {
		return n
	}
	return 1 << 32
}

func (s *survey) pci(b *buses) error {
	const dir = "sys/bus/pci/devices/"
	names, err := s.Tree.List(dir)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errNoBus
	}
	for _, name := range names {
		class := s.bare(dir + name + "/class")
		p := part{bus: "PCI", vendor: s.bare(dir + name + "/vendor"), product: s.bare(dir + name + "/device"), class: class >> 16, sub: class >> 8 & 0xff}
		b.parts = append(b.parts, p)
		b.imageUnit = b.imageUnit || p.vendor == 0x8086 && p.class == 0x04 && p.sub == 0x80
	}
	return nil
}

// find says whether one of the parts is it; 'no' needs every bus to have been read.
func (b buses) find(what string, is func(part) bool, errs ...error) inspect.Fact[bool] {
	for _, p := range b.parts {
		if is(p) {
			return inspect.Known(true, p.bus)
		}
	}
	for _, err := range errs {
		if err != nil {
			return inspect.Unknown[bool]("sysfs", "no "+what+" was seen, but a bus could not be read: "+because(err))
		}
	}
	return inspect.Known(false, "no "+what+" on the buses that were read")
}

// Classes of USB are those of usb.org (Defined Class Codes), of PCI those of the
// PCI Code and ID Assignment Specification 1.11.
func isBluetooth(p part) bool {
	switch p.bus {
	case "USB": // wireless controller, radio frequency, Bluetooth
		return p.class == 0xe0 && p.sub == 0x01 && p.protocol == 0x01
	case "PCI":
		return p.class == 0x0d && p.sub == 0x11
	}
	return false
}

func isCamera(p part) bool { return p.bus == "USB" && p.class == 0x0e } // video

// soundACPI are sound cards that hang on no bus which tells of them: Intel's Smart Sound
// Technology of Atom tablets, and the audio coprocessor of AMD's Stoney Ridge.
var soundACPI = []string{"80860F28", "808622A8", "AMD7000", "ESSX8316"}

func isSound(p part) bool {
	switch p.bus {
	case "USB": // audio
		return p.class == 0x01
	case "PCI": // multimedia: audio, or High Definition Audio
		return p.class == 0x04 && (p.sub == 0x01 || p.sub == 0x03)
	case "ACPI":
		return slices.ContainsFunc(soundACPI, func(id string) bool { return strings.Contains(p.name, id) })
	}
	return false
}

// fingerprintMakers on USB: they have a class of their own making, so that what
// else these makers build (touchpads) is told apart.
var fingerprintMakers = []uint64{0x138a, 0x06cb, 0x27c6, 0x04f3, 0x08ff, 0x147e, 0x1c7a, 0x10a5, 0x2808, 0x05ba, 0x298d}

// fingerprintACPI are readers on SPI.
var fingerprintACPI = []string{"FPC1", "GXFP", "ELAN70", "BASE0"}

func isFingerprint(p part) bool {
	switch p.bus {
	case "USB":
		return p.class == 0xff && slices.Contains(fingerprintMakers, p.vendor)
	case "ACPI":
		return slices.ContainsFunc(fingerprintACPI, func(id string) bool { return strings.HasPrefix(p.name, id) })
	}
	return false
}

// modemMakers on USB: Sierra, Quectel, Fibocom, Telit, Ericsson, Huawei, Option, ZTE.
var modemMakers = []uint64{0x1199, 0x2c7c, 0x2cb7, 0x1bc7, 0x0bdb, 0x12d1, 0x0af0, 0x19d2}

func (s *survey) wwan(b buses) inspect.Fact[bool] {
	if s.hasNIC("wwan") {
		return inspect.Known(true, "network interface")
	}
	return b.find("WWAN modem", func(p part) bool {
		switch p.bus {
		case "USB": // communications, mobile broadband (MBIM)
			return p.class == 0x02 && p.sub == 0x0e || p.class == 0xff && slices.Contains(modemMakers, p.vendor)
		case "PCI": // cellular
			return p.class == 0x0d && p.sub == 0x40
		}
		return false
	}, b.usbErr, b.pciErr)
}

func (s *survey) wifi(b buses) inspect.Fact[bool] {
	if s.hasNIC("wifi") {
		return inspect.Known(true, "network interface")
	}
	if b.sdio {
		return inspect.Unknown[bool]("SDIO", "no interface was seen, and a part on SDIO may be one")
	}
	return b.find("Wi-Fi", func(p part) bool { return p.bus == "PCI" && p.class == 0x02 && p.sub == 0x80 }, b.usbErr, b.pciErr)
}

func (s *survey) hasNIC(kind string) bool {
	return slices.ContainsFunc(s.r.Network, func(n inspect.NIC) bool { return n.Kind == kind })
}

// Input properties and axes (linux/input-event-codes.h).
const (
	propPointer = 1 << 0 // a touchpad moves a pointer
	propDirect  = 1 << 1 // a screen is touched where it shows
	absMTX      = 0x35   // ABS_MT_POSITION_X
)

// touch by the kernel's input devices. A part on I2C that no driver runs may be
// either.
func (s *survey) touch(b buses) (screen, pad inspect.Fact[bool]) {
	const dir = "sys/class/input/"
	names, err := s.Tree.List(dir)
	for _, name := range names {
		if !strings.HasPrefix(name, "input") || !s.touches(dir+name+"/capabilities/abs") {
			continue
		}
		switch properties := s.bare(dir + name + "/properties"); {
		case properties&(1<<32) != 0:
		case properties&propDirect != 0:
			screen = inspect.Known(true, "input device")
		case properties&propPointer != 0:
			pad = inspect.Known(true, "input device")
		}
	}
	why := ""
	switch {
	case err != nil:
		why = because(err)
	case b.usbErr != nil:
		why = because(b.usbErr)
	case slices.ContainsFunc(b.parts, func(p part) bool { return p.bus == "ACPI" && strings.Contains(p.name, "PNP0C50") }):
		why = "a touch device on I2C is fitted, and the kernel does not say which it is"
	case b.acpiErr != nil:
		why = because(b.acpiErr)
	}
	return touchOr(screen, "touchscreen", why), touchOr(pad, "touchpad", why)
}

func touchOr(f inspect.Fact[bool], what, why string) inspect.Fact[bool] {
	switch {
	case f.Known:
		return f
	case why != "":
		return inspect.Unknown[bool]("input devices", "no "+what+" was seen: "+why)
	}
	return inspect.Known(false, "no "+what+" among the input devices")
}

// touches: the axes hold a finger's position. The kernel prints the bits in words
// of 64 from the highest down.
func (s *survey) touches(name string) bool {
	text, err := s.Tree.Text(name)
	if err != nil {
		return false
	}
	fields := strings.Fields(text)
	if len(fields) == 0 {
		return false
	}
	n, ok := parseHex(fields[len(fields)-1], 64)
	return ok && n&(1<<absMTX) != 0
}
