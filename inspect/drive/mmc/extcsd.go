package mmc

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// ExtCSD is what EXT_CSD (JESD84-B51 clause 7.4) tells of a card's areas, of how it
// can be erased and of its wear. Sizes are bytes. What a revision of the register
// does not have is zero or false.
type ExtCSD struct {
	Revision byte // 192: 5 is 4.41, 6 is 4.5, 7 is 5.0, 8 is 5.1

	Sectors    uint32 // 212: of the user area, 512 bytes each
	BySector   bool   // it is addressed by sector: more than 2 GiB; else by byte
	SectorSize int    // 61: 512 or 4096, what the card keeps to now
	BootSize   int64  // 226: of each of the two boot areas
	RPMBSize   int64  // 168
	// GPSizes of the general-purpose areas (143 to 154). Where Partitioned is false
	// nobody finished laying them out, and they are not there.
	GPSizes     [4]int64
	Partitioned bool // 155, bit 0

	SecureErase bool // 231, bit 0: CMD38 with 80000000h
	SecureTrim  bool // bits 0 and 4: CMD38 with 80000001h, then 80008000h
	Trim        bool // bit 4: CMD38 with 1
	Discard     bool // revision 6 on: CMD38 with 3
	Sanitize    bool // bit 6: EXT_CSD[165]
	ErasedOnes  bool // 181: erased memory reads as ones

	HighCapacityErase bool  // 175, bit 0: the erase unit is that of 224, not the CSD's
	EraseGroup        int64 // 224: the high-capacity erase unit
	ProtectGroup      int64 // 221 of these: the high-capacity write protection group

	// Times that the card may need at most, for one group (223, 230, 229, 232), and
	// for a CMD6 that names none of its own (248).
	EraseTime, SecureEraseTime, SecureTrimTime, TrimTime, SwitchTime time.Duration

	BootProtection [2]Protection // 174
	BootWP, UserWP byte          // 173, 171, as they are
	Access         byte          // 179, bits 2:0: the area that is accessed, 0 the user's
	// PartitionConfig is 179 as it is: how the card boots too, which a switch of the
	// area must not change.
	PartitionConfig byte
	QueueOn         bool // 15: the command queue is on

	PreEOL       byte   // 267: 1 normal, 2 warning, 3 urgent
	LifeA, LifeB byte   // 268, 269: tenths of the life used, counted from 1; 11: all of it
	Firmware     string // 254 to 261, clean
	FirmwareRaw  string // the same in hex
}

// Size of the user area.
func (x ExtCSD) Size() int64 { return int64(x.Sectors) * 512 }

const (
	unit128K = 128 << 10
	unit512K = 512 << 10
	unit300  = 300 * time.Millisecond
)

// Revisions of the register that brought fields of ours with them.
const revision43, revision44, revision441, revision45, revision50 = 3, 4, 5, 6, 7

// ParseExtCSD reads the 512 bytes of SEND_EXT_CSD.
func ParseExtCSD(b []byte) (ExtCSD, error) {
	if len(b) != 512 {
		return ExtCSD{}, fmt.Errorf("no EXT_CSD: %d bytes", len(b))
	}
	sectors := binary.LittleEndian.Uint32(b[212:])
	if sectors == 0 {
		// A card of 2 GB or less: its size is in the CSD; all of zero is no card.
		return ExtCSD{}, fmt.Errorf("no EXT_CSD: it tells no number of sectors (revision %d)", b[192])
	}
	x := ExtCSD{Revision: b[192], Sectors: sectors, BySector: sectors > 2<<30/512, SectorSize: 512}
	if x.Revision >= revision43 {
		x.Access, x.PartitionConfig = b[179]&7, b[179]
		x.BootSize = int64(b[226]) * unit128K
		x.EraseGroup = int64(b[224]) * unit512K
		x.ProtectGroup = int64(b[221]) * x.EraseGroup
		x.HighCapacityErase = b[175]&1 != 0
		x.EraseTime = time.Duration(b[223]) * unit300
	}
	if x.Revision >= revision44 {
		x.areas(b)
		x.erasing(b)
	}
	if x.Revision >= revision441 {
		x.BootProtection = [2]Protection{bootProtection(b[174] & 3), bootProtection(b[174] >> 2 & 3)}
		x.BootWP, x.UserWP, x.RPMBSize = b[173], b[171], int64(b[168])*unit128K
	}
	if x.Revision >= revision45 {
		x.SwitchTime = time.Duration(b[248]) * 10 * time.Millisecond
		x.QueueOn = b[15]&1 != 0
		if b[61] == 1 {
			x.SectorSize = 4096
		}
	}
	if x.Revision >= revision50 {
		x.PreEOL, x.LifeA, x.LifeB = b[267], b[268], b[269]
		x.Firmware, x.FirmwareRaw = drive.Clean(b[254:262]), hex.EncodeToString(b[254:262])
	}
	return x, nil
}

// areas that an owner may have laid out.
func (x *ExtCSD) areas(b []byte) {
	x.Partitioned = b[155]&1 != 0
	for i := range x.GPSizes {
		m := b[143+3*i:]
		x.GPSizes[i] = (int64(m[0]) | int64(m[1])<<8 | int64(m[2])<<16) * x.ProtectGroup
	}
}

func (x *ExtCSD) erasing(b []byte) {
	secure, trim := b[231]&0x01 != 0, b[231]&0x10 != 0
	x.SecureErase, x.Trim, x.SecureTrim = secure, trim, secure && trim
	x.ErasedOnes = b[181] == 1
	x.SecureEraseTime = x.EraseTime * time.Duration(b[230])
	x.SecureTrimTime = x.EraseTime * time.Duration(b[229])
	x.TrimTime = time.Duration(b[232]) * unit300
	if x.Revision >= revision45 {
		x.Discard, x.Sanitize = true, b[231]&0x40 != 0
	}
}
