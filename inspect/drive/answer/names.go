package answer

import (
	"fmt"

	"handback.example/inspect/drive"
)

// Names of commands for errors and traces. Nothing is decided by them.
var (
	nvmeNames = map[byte]string{0x02: "Get Log Page", 0x06: "Identify", 0x08: "Abort", 0x09: "Set Features",
		0x0a: "Get Features", 0x14: "Device Self-test", 0x80: "Format NVM", 0x81: "Security Send",
		0x82: "Security Receive", 0x84: "Sanitize"}
	scsiNames = map[byte]string{0x00: "TEST UNIT READY", 0x03: "REQUEST SENSE", 0x04: "FORMAT UNIT", 0x12: "INQUIRY",
		0x1a: "MODE SENSE(6)", 0x1b: "START STOP UNIT", 0x25: "READ CAPACITY(10)", 0x48: "SANITIZE", 0x4d: "LOG SENSE",
		0x5a: "MODE SENSE(10)", 0x9e: "SERVICE ACTION IN(16)", 0xa0: "REPORT LUNS", 0xa2: "SECURITY PROTOCOL IN",
		0xa3: "MAINTENANCE IN", 0xb5: "SECURITY PROTOCOL OUT"}
	mmcNames = map[byte]string{6: "SWITCH", 8: "SEND_EXT_CSD", 13: "SEND_STATUS", 31: "SEND_WRITE_PROT_TYPE", 38: "ERASE"}
	ataNames = map[byte]string{0x27: "READ NATIVE MAX ADDRESS EXT", 0x2f: "READ LOG EXT", 0x37: "SET MAX ADDRESS EXT",
		0x47: "READ LOG DMA EXT", 0x78: "ACCESSIBLE MAX ADDRESS CONFIGURATION", 0xb0: "SMART",
		0xb1: "DEVICE CONFIGURATION", 0xb4: "SANITIZE DEVICE", 0xe5: "CHECK POWER MODE", 0xec: "IDENTIFY DEVICE",
		0xf1: "SECURITY SET PASSWORD", 0xf2: "SECURITY UNLOCK", 0xf3: "SECURITY ERASE PREPARE",
		0xf4: "SECURITY ERASE UNIT", 0xf6: "SECURITY DISABLE PASSWORD", 0xf8: "READ NATIVE MAX ADDRESS"}
)

// mmcEntry is the length of one command in a frame of package mmc.
const mmcEntry = 12

// Operation names a command for people.
func Operation(c drive.Command) string {
	f := c.Frame
	switch {
	case c.Protocol == drive.ProtocolNVMe && len(f) > 0:
		return named(nvmeNames, f[0], "NVMe admin command")
	case c.Protocol == drive.ProtocolMMC && len(f) >= mmcEntry:
		// The last command of a sequence is what it is for.
		index := f[len(f)-mmcEntry]
		if n := mmcNames[index]; n != "" {
			return fmt.Sprintf("CMD%d (%s)", index, n)
		}
		return fmt.Sprintf("CMD%d", index)
	case c.Protocol != drive.ProtocolSCSI || len(f) == 0:
		return "command"
	case f[0] == 0x85 && len(f) == 16:
		return named(ataNames, f[14], "ATA command")
	case f[0] == 0xa1 && len(f) == 12:
		return named(ataNames, f[9], "ATA command")
	case f[0] == 0x7f && len(f) == 32:
		return named(ataNames, f[25], "ATA command")
	}
	return named(scsiNames, f[0], "SCSI command")
}

func named(names map[byte]string, code byte, kind string) string {
	if n := names[code]; n != "" {
		return n
	}
	return fmt.Sprintf("%s %02xh", kind, code)
}
