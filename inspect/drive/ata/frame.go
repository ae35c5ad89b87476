// Package ata frames ATA commands that destroy nothing and change nothing, and
// parses what they answer. The frames are ATA PASS-THROUGH(16) CDBs of SAT-4
// clause 12.2.3; commands and data follow ACS-4. The package does no input or
// output and never sends a password, a SET MAX, a SANITIZE or a SECURITY command.
package ata

import (
	"time"

	"handback.example/inspect/drive"
)

const sector = 512

// Byte 1 of the CDB: PROTOCOL in bits 4:1, EXTEND in bit 0 (SAT-4 table 158).
const (
	protocolNonData = 0x06 // protocol 3
	protocolPIOIn   = 0x08 // protocol 4
	extend          = 0x01
)

// Byte 2 of the CDB.
const (
	checkCondition = 0x20 // CK_COND: the registers come back as sense data
	pioIn          = 0x0e // T_DIR from the device, BYT_BLOK blocks, T_LENGTH in COUNT
)

// timeout of commands that read registers or one block.
const timeout = 10 * time.Second

// Key in LBA 15:8 and 23:16 goes with every SMART command (ACS-4, 7.46).
const smartMid, smartHigh = 0x4f, 0xc2

// IdentifyDevice frames IDENTIFY DEVICE (ACS-4 clause 7.13); 512 bytes come.
func IdentifyDevice() drive.Command {
	return in([16]byte{0: 0x85, 1: protocolPIOIn, 2: pioIn, 6: 1, 14: 0xec})
}

// ReadNativeMaxExt frames READ NATIVE MAX ADDRESS EXT (ACS-3 clause 7.32): the
// highest LBA that the drive has, hidden area and all, in its registers.
func ReadNativeMaxExt() drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData | extend, 2: checkCondition, 13: 0x40, 14: 0x27})
}

// ReadNativeMax frames READ NATIVE MAX ADDRESS (ACS-3), for drives
// without 48-bit addresses; see Registers.LBA28.
func ReadNativeMax() drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData, 2: checkCondition, 13: 0x40, 14: 0xf8})
}

// GetNativeMaxExt frames GET NATIVE MAX ADDRESS EXT (ACS-4 clause 7.1), what
// drives with Accessible Max Address have in place of READ NATIVE MAX.
func GetNativeMaxExt() drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData | extend, 2: checkCondition, 13: 0x40, 14: 0x78})
}

// DCOIdentify frames DEVICE CONFIGURATION IDENTIFY (ACS-3): 512 bytes
// of what the drive can do at most, whatever an overlay takes away.
func DCOIdentify() drive.Command {
	return in([16]byte{0: 0x85, 1: protocolPIOIn, 2: pioIn, 4: 0xc2, 6: 1, 14: 0xb1})
}

// SanitizeStatusExt frames SANITIZE STATUS EXT (ACS-4, SANITIZE DEVICE feature
// 0000h): it starts and clears nothing. The answer is for ParseSanitize.
func SanitizeStatusExt() drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData | extend, 2: checkCondition, 13: 0x40, 14: 0xb4})
}

// SMARTReadData frames SMART READ DATA (ACS-3 clause 7.48.6).
func SMARTReadData() drive.Command { return smartIn(0xd0) }

// SMARTReadThresholds frames SMART READ THRESHOLDS: obsolete since ATA-5, and
// what every drive answers yet.
func SMARTReadThresholds() drive.Command { return smartIn(0xd1) }

// SMARTReturnStatus frames SMART RETURN STATUS (ACS-4 clause 7.46.5): the answer
// is in LBA 23:8 of the registers, see Registers.SMARTFailing.
func SMARTReturnStatus() drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData, 2: checkCondition, 4: 0xda, 10: smartMid, 12: smartHigh, 14: 0xb0})
}

func smartIn(feature byte) drive.Command {
	return in([16]byte{0: 0x85, 1: protocolPIOIn, 2: pioIn, 4: feature, 6: 1, 10: smartMid, 12: smartHigh, 14: 0xb0})
}

func in(cdb [16]byte) drive.Command {
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: cdb[:], Direction: drive.DirectionIn,
		Data: make([]byte, sector), Timeout: timeout}
}

func registers(cdb [16]byte) drive.Command {
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: cdb[:], Timeout: timeout}
}
