package usb

import (
	"encoding/binary"
	"unicode/utf16"
)

// Descriptor types (USB 2.0 table 9-5, USB 3.2 table 9-6).
const (
	descDevice        = 1
	descConfiguration = 2
	descString        = 3
	descQualifier     = 6
	descBOS           = 15
)

// Interface of a bridge: SCSI transparent command set, Bulk-Only Transport (USB
// Mass Storage Class Overview 1.4 tables 2 and 3).
const (
	Class, SubClass, Protocol = 0x08, 0x06, 0x50
)

// Endpoints of its bulk pipes.
const (
	EndpointIn  = 0x81
	EndpointOut = 0x02
)

// Indices of the string descriptors.
const (
	stringLanguages = iota
	stringManufacturer
	stringProduct
	stringSerial
)

const english = 0x0409 // the one language of the strings

// IDs are vendor, product and version as the device descriptor has them.
func (b *Bridge) IDs() (vendor, product, version uint16) {
	return b.cfg.VendorID, b.cfg.ProductID, b.cfg.Version
}

// Super: the bridge runs at 5 Gbit/s.
func (b *Bridge) Super() bool { return b.cfg.Speed == SpeedSuper }

// MaxPacket of its bulk endpoints (USB 2.0 clause 5.8.3, USB 3.2 table 9-24).
func (b *Bridge) MaxPacket() int {
	if b.Super() {
		return 1024
	}
	return 512
}

// index of a string descriptor; 0 where the text is not there.
func index(i byte, text string) byte {
	if text == "" {
		return 0
	}
	return i
}

// deviceDescriptor: USB 2.0 table 9-8; at super speed the packet size of endpoint
// 0 is an exponent (USB 3.2 table 9-11).
func (b *Bridge) deviceDescriptor() []byte {
	version, packet := uint16(0x0200), byte(64)
	if b.Super() {
		version, packet = 0x0300, 9
	}
	d := []byte{18, descDevice, 0, 0, 0, 0, 0, packet, 0, 0, 0, 0, 0, 0,
		index(stringManufacturer, b.cfg.Manufacturer), index(stringProduct, b.cfg.Product), index(stringSerial, b.Serial()), 1}
	binary.LittleEndian.PutUint16(d[2:], version)
	binary.LittleEndian.PutUint16(d[8:], b.cfg.VendorID)
	binary.LittleEndian.PutUint16(d[10:], b.cfg.ProductID)
	binary.LittleEndian.PutUint16(d[12:], b.cfg.Version)
	return d
}

// configuration with its interface and endpoints (USB 2.0 tables 9-10, 9-12,
// 9-13; at super speed each endpoint has a companion, USB 3.2 table 9-26).
func (b *Bridge) configuration() []byte {
	power := byte(250) // 500 mA in units of 2 mA
	if b.Super() {
		power = 112 // 896 mA in units of 8 mA
	}
	d := []byte{9, descConfiguration, 0, 0, 1, 1, 0, 0x80, power,
		9, 4, 0, 0, 2, Class, SubClass, Protocol, 0}
	packet := uint16(b.MaxPacket())
	for _, e := range []byte{EndpointIn, EndpointOut} {
		d = append(d, 7, 5, e, 2, byte(packet), byte(packet>>8), 0)
		if b.Super() {
			d = append(d, 6, 0x30, 15, 0, 0, 0)
		}
	}
	binary.LittleEndian.PutUint16(d[2:], uint16(len(d)))
	return d
}

// qualifier is what a device of high speed would be at full speed (USB 2.0 table
// 9-9).
func qualifier() []byte { return []byte{10, descQualifier, 0x00, 0x02, 0, 0, 0, 64, 1, 0} }

// bos tells a host of USB 3 what the device can (USB 3.2 clause 9.6.2): it is one
// of super speed and asks for no link power management at high speed.
func bos() []byte {
	return []byte{5, descBOS, 22, 0, 2,
		7, 0x10, 0x02, 0, 0, 0, 0,
		10, 0x10, 0x03, 0, 0x0e, 0, 1, 0x0a, 0xff, 0x07}
}

// text is a string descriptor (USB 2.0 tables 9-15 and 9-16).
func (b *Bridge) text(i byte) ([]byte, bool) {
	var s string
	switch i {
	case stringLanguages:
		return []byte{4, descString, english & 0xff, english >> 8}, true
	case stringManufacturer:
		s = b.cfg.Manufacturer
	case stringProduct:
		s = b.cfg.Product
	case stringSerial:
		s = b.Serial()
	}
	if s == "" {
		return nil, false
	}
	d := []byte{0, descString}
	for _, u := range utf16.Encode([]rune(s)) {
		if len(d) > 2*stringMax {
			break // a script may give a serial longer than New takes
		}
		d = binary.LittleEndian.AppendUint16(d, u)
	}
	d[0] = byte(len(d))
	return d, true
}

// descriptor that a host asks for by type and index; false: there is none.
func (b *Bridge) descriptor(kind, i byte) ([]byte, bool) {
	switch kind {
	case descDevice:
		return b.deviceDescriptor(), i == 0
	case descConfiguration:
		return b.configuration(), i == 0
	case descString:
		return b.text(i)
	case descQualifier:
		return qualifier(), i == 0 && !b.Super()
	case descBOS:
		return bos(), i == 0 && b.Super()
	}
	return nil, false
}
