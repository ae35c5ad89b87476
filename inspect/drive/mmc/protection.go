package mmc

import (
	"encoding/binary"
	"fmt"
)

// Protection of an area or group against writing and erasure. The zero Protection
// is unknown.
type Protection byte

// Kinds of protection (JESD84-B51 clause 6.6.14): temporary can be taken off again
// by CMD29, power-on by a power cycle, permanent never.
const (
	ProtectionUnknown Protection = iota
	ProtectionNone
	ProtectionTemporary
	ProtectionPower
	ProtectionPermanent
)

var protectionNames = [...]string{"unknown", "none", "temporary", "until the power goes", "permanent"}

func (p Protection) String() string {
	if int(p) < len(protectionNames) {
		return protectionNames[p]
	}
	return fmt.Sprintf("protection %d", byte(p))
}

// bootProtection of EXT_CSD[174]: 3 is reserved.
func bootProtection(code byte) Protection {
	return [4]Protection{ProtectionNone, ProtectionPower, ProtectionPermanent, ProtectionUnknown}[code]
}

// ParseWriteProtection reads the 8 bytes of SEND_WRITE_PROT_TYPE: the protection of
// 32 groups, the first of which is the one that was asked for. Groups beyond the end
// of the card read as unprotected.
func ParseWriteProtection(b []byte) ([32]Protection, error) {
	var groups [32]Protection
	if len(b) != 8 {
		return groups, fmt.Errorf("no write protection: %d bytes", len(b))
	}
	bits := binary.BigEndian.Uint64(b)
	for i := range groups {
		groups[i] = [4]Protection{ProtectionNone, ProtectionTemporary, ProtectionPower, ProtectionPermanent}[bits&3]
		bits >>= 2
	}
	return groups, nil
}

// CSD is what Handback reads of a card's CSD register (JESD84-B51 clause 7.3): the
// protection of the whole card. A card tells it only while the kernel sets it up
// (CMD9 is illegal later), which keeps it in sysfs (attribute 'csd').
type CSD struct {
	Structure                 byte // 126: 3 says that EXT_CSD tells
	PermanentlyWriteProtected bool // bit 13
	WriteProtected            bool // bit 12: for the time being
}

// ParseCSD reads the 16 bytes of an MMC's CSD.
func ParseCSD(b []byte) (CSD, error) {
	if len(b) != 16 {
		return CSD{}, fmt.Errorf("no CSD: %d bytes", len(b))
	}
	return CSD{Structure: b[0] >> 6, PermanentlyWriteProtected: b[14]&0x20 != 0, WriteProtected: b[14]&0x10 != 0}, nil
}
