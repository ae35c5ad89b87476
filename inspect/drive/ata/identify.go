package ata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// Identify is IDENTIFY DEVICE data (ACS-4 clause 9.11, table 'IDENTIFY DEVICE
// data'), as far as Handback uses it.
type Identify struct {
	Model, Serial, Firmware string // clean
	Raw                     drive.Raw
	WWN                     string // 'naa.' and 16 hex digits, or empty

	Sectors       uint64 // user addressable logical sectors
	LogicalSector int    // bytes
	PhysicalBlock int    // bytes

	LBA48         bool // word 83 bit 10
	HPA           bool // word 82 bit 10: the Host Protected Area feature set
	SMART         bool // word 82 bit 0
	SMARTEnabled  bool // word 85 bit 0
	Logs          bool // word 84 bit 5: the General Purpose Logging feature set
	AMA           bool // word 119 bit 8: Accessible Max Address
	Trusted       bool // word 48 bit 0: the Trusted Computing feature set
	Sanitize      uint16
	SanitizeKnown bool   // word 59 says something
	DCO           bool   // word 83 bit 11: the Device Configuration Overlay feature set
	Security      uint16 // word 128, see SecurityEnabled and its siblings
	Erase         Time   // word 89: of SECURITY ERASE UNIT in normal mode
	EraseEnhanced Time   // word 90: in enhanced mode
	Rotation      uint16 // word 217: 1 = not rotating, 0401h and up = rpm, 0 = not reported
	FormFactor    uint16 // word 168
}

// Bits of Identify.Security (ACS-4, IDENTIFY DEVICE word 128).
const (
	SecuritySupported = 1 << 0
	SecurityEnabled   = 1 << 1 // a user password is set
	SecurityLocked    = 1 << 2
	SecurityFrozen    = 1 << 3
	SecurityExpired   = 1 << 4 // five wrong passwords: nothing more until power is cycled
	SecurityEnhanced  = 1 << 5 // SECURITY ERASE UNIT has its enhanced mode
)

// Bits of Identify.Sanitize (ACS-4, IDENTIFY DEVICE word 59).
const (
	SanitizeAntiFreeze = 1 << 10
	SanitizeSupported  = 1 << 12
	SanitizeCrypto     = 1 << 13
	SanitizeOverwrite  = 1 << 14
	SanitizeBlock      = 1 << 15
)

// Time is how long a SECURITY ERASE UNIT takes, as words 89 and 90 say it: units of
// two minutes in bits 7:0, or in 14:0 where bit 15 is set (ACS-4).
type Time uint16

// Known time; false where the word says nothing, or only 'more than that'.
func (t Time) Known() (time.Duration, bool) {
	n, most := uint16(t)&0xff, uint16(0xff)
	if t&0x8000 != 0 {
		n, most = uint16(t)&0x7fff, 0x7fff
	}
	return time.Duration(n) * 2 * time.Minute, n != 0 && n != most
}

// ErrNotIdentify: what came is no IDENTIFY DEVICE data; its sense is unknown.
var ErrNotIdentify = errors.New("no IDENTIFY DEVICE data")

// ParseIdentify reads 512 bytes of IDENTIFY DEVICE data. It refuses what a
// bridge makes up where it has no answer: another length, a checksum that is
// wrong, neither model nor serial.
func ParseIdentify(b []byte) (Identify, error) {
	if len(b) != sector {
		return Identify{}, fmt.Errorf("%w: %d bytes", ErrNotIdentify, len(b))
	}
	if err := checksum(b); err != nil {
		return Identify{}, err
	}
	w := func(n int) uint16 { return binary.LittleEndian.Uint16(b[2*n:]) }
	serial, firmware, model := b[20:40], b[46:54], b[54:94]
	id := Identify{
		Model: text(model), Serial: text(serial), Firmware: text(firmware),
		Raw:      drive.Raw{Model: drive.Hex(model), Serial: drive.Hex(serial), Firmware: drive.Hex(firmware)},
		LBA48:    valid(w(83)) && w(83)&(1<<10) != 0,
		HPA:      valid(w(83)) && w(82)&(1<<10) != 0,
		SMART:    valid(w(83)) && w(82)&1 != 0,
		Logs:     valid(w(84)) && w(84)&(1<<5) != 0,
		AMA:      valid(w(119)) && w(119)&(1<<8) != 0,
		Trusted:  valid(w(48)) && w(48)&1 != 0,
		DCO:      valid(w(83)) && w(83)&(1<<11) != 0,
		Security: w(128), Erase: Time(w(89)), EraseEnhanced: Time(w(90)), Rotation: w(217), FormFactor: w(168),
		Sanitize: w(59), SanitizeKnown: true,
	}
	id.SMARTEnabled = id.SMART && valid(w(87)) && w(85)&1 != 0
	if id.Model == "" && id.Serial == "" {
		return Identify{}, fmt.Errorf("%w: neither model nor serial in it", ErrNotIdentify)
	}
	id.Sectors = sectors(b, w, id.LBA48)
	id.LogicalSector, id.PhysicalBlock = blocks(w)
	id.WWN = wwn(w)
	return id, nil
}

// checksum of word 255: where its low byte is A5h, all 512 bytes add up to zero
// (ACS-4 clause 9.11.11). Without A5h there is none.
func checksum(b []byte) error {
	if b[510] != 0xa5 {
		return nil
	}
	var sum byte
	for _, c := range b {
		sum += c
	}
	if sum != 0 {
		return fmt.Errorf("%w: its checksum is wrong", ErrNotIdentify)
	}
	return nil
}

// valid: words with validity bits say something only with bits 15:14 at 01b.
func valid(w uint16) bool { return w>>14 == 1 }

// sectors: words 230-233 where word 69 bit 3 is set (extended number of user
// addressable sectors), else 100-103, else 60-61.
func sectors(b []byte, w func(int) uint16, lba48 bool) uint64 {
	le := binary.LittleEndian
	if w(69)&(1<<3) != 0 {
		if n := le.Uint64(b[460:]); n != 0 {
			return n
		}
	}
	if lba48 {
		if n := le.Uint64(b[200:]); n != 0 {
			return n
		}
	}
	return uint64(le.Uint32(b[120:]))
}

// blocks: word 106 bit 12 = logical sector longer than 256 words, its size in
// words 117-118; bits 3:0 = 2^n logical sectors in a physical one.
func blocks(w func(int) uint16) (logical, physical int) {
	logical = sector
	if !valid(w(106)) {
		return logical, logical
	}
	if w(106)&(1<<12) != 0 {
		if words := uint32(w(117)) | uint32(w(118))<<16; words >= 256 && words <= 1<<20 {
			logical = 2 * int(words)
		}
	}
	physical = logical
	if w(106)&(1<<13) != 0 {
		physical = logical << (w(106) & 0xf)
	}
	return logical, physical
}

// wwn: words 108-111, most significant word first, where word 87 bit 8 says that
// there is one.
func wwn(w func(int) uint16) string {
	if !valid(w(87)) || w(87)&(1<<8) == 0 {
		return ""
	}
	v := uint64(w(108))<<48 | uint64(w(109))<<32 | uint64(w(110))<<16 | uint64(w(111))
	if v>>60 != 5 { // NAA 5: IEEE registered; nothing else is allowed here
		return ""
	}
	return fmt.Sprintf("naa.%016x", v)
}

// text of an ATA string: the two characters of each word are swapped.
func text(b []byte) string {
	s := make([]byte, len(b))
	for i := 0; i+1 < len(b); i += 2 {
		s[i], s[i+1] = b[i+1], b[i]
	}
	return drive.Clean(s)
}

// Bytes of the drive as it presents itself, or 0 where that is no sane number.
func (id Identify) Bytes() int64 {
	if id.Sectors == 0 || id.LogicalSector <= 0 || id.Sectors > uint64(1<<62)/uint64(id.LogicalSector) {
		return 0
	}
	return int64(id.Sectors) * int64(id.LogicalSector)
}

// Media type by word 217.
func (id Identify) Media() drive.MediaType {
	switch {
	case id.Rotation == 1:
		return drive.MediaSSD
	case id.Rotation >= 0x0401 && id.Rotation < 0xffff:
		return drive.MediaHDD
	}
	return drive.MediaUnknown
}
