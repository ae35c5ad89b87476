package drive

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// taskFile is what a pass-through CDB makes the SAT layer send to an ATA drive.
type taskFile struct {
	command  byte
	protocol byte // SAT-4 table 159: 3 non-data, 4 PIO in, 6 DMA
	toHost   bool // T_DIR
	extend   bool // 48-bit: the high bytes below are sent
	features uint16
	count    uint16
	lba      uint64
}

// SAT-4 clauses 12.2.2 to 12.2.4.
func taskFile12(f []byte) taskFile {
	return taskFile{command: f[9], protocol: f[1] >> 1 & 0xf, toHost: f[2]&0x08 != 0,
		features: uint16(f[3]), count: uint16(f[4]),
		lba: uint64(f[5]) | uint64(f[6])<<8 | uint64(f[7])<<16}
}

func taskFile16(f []byte) taskFile {
	return taskFile{command: f[14], protocol: f[1] >> 1 & 0xf, extend: f[1]&1 != 0, toHost: f[2]&0x08 != 0,
		features: binary.BigEndian.Uint16(f[3:]), count: binary.BigEndian.Uint16(f[5:]),
		lba: uint64(f[8]) | uint64(f[10])<<8 | uint64(f[12])<<16 |
			uint64(f[7])<<24 | uint64(f[9])<<32 | uint64(f[11])<<40}
}

func taskFile32(f []byte) taskFile {
	return taskFile{command: f[25], protocol: f[10] >> 1 & 0xf, extend: f[10]&1 != 0, toHost: f[11]&0x08 != 0,
		features: binary.BigEndian.Uint16(f[20:]), count: binary.BigEndian.Uint16(f[22:]),
		lba: uint64(binary.BigEndian.Uint16(f[14:]))<<32 | uint64(binary.BigEndian.Uint32(f[16:]))}
}

// Logs that may be read: ACS-4 clause 9. Log 10h (NCQ Command Error) is not here:
// reading it ends an error state. Vendor logs are unknown.
var (
	generalLogs = []byte{0x00, 0x03, 0x04, 0x07, 0x08, 0x0c, 0x13, 0x30, 0xe0}
	smartLogs   = []byte{0x00, 0x01, 0x06, 0x09, 0xe0}
)

const smartKey = 0xc24f00 // LBA 23:8 of every SMART command (ACS-4 clause 7.46)

func refusalATA(t taskFile) string {
	if !knownATA(t) {
		return fmt.Sprintf("ATA command %02xh (features %04xh, count %04xh, protocol %d)", t.command, t.features, t.count, t.protocol)
	}
	return ""
}

func knownATA(t taskFile) bool {
	// SAT sends the high bytes only with EXTEND; set without it they would make
	// what is judged differ from what is sent.
	if !t.extend && (t.features > 0xff || t.count > 0xff || t.lba > 0xffffff) {
		return false
	}
	nonData := t.protocol == 3
	in := t.toHost && (t.protocol == 4 || t.protocol == 6 || t.protocol == 10)
	switch t.command {
	case 0xec, 0xa1: // IDENTIFY DEVICE, IDENTIFY PACKET DEVICE
		return in && !t.extend
	case 0xe5: // CHECK POWER MODE
		return nonData && !t.extend
	case 0xf8: // READ NATIVE MAX ADDRESS
		return nonData && !t.extend
	case 0x27: // READ NATIVE MAX ADDRESS EXT
		return nonData && t.extend
	case 0x78: // ACCESSIBLE MAX ADDRESS CONFIGURATION: 0000h GET NATIVE MAX ADDRESS EXT
		return nonData && t.extend && t.features == 0
	case 0xb1: // DEVICE CONFIGURATION: C2h IDENTIFY
		return in && !t.extend && t.features == 0xc2
	case 0xb4: // SANITIZE DEVICE: 0000h STATUS EXT; bit 0 of count would clear a failure
		return nonData && t.extend && t.features == 0 && t.count == 0
	case 0x2f, 0x47: // READ LOG EXT, READ LOG DMA EXT
		return in && t.extend && t.features == 0 && slices.Contains(generalLogs, byte(t.lba))
	case 0xb0:
		return knownSMART(t, in, nonData)
	case 0x5c, 0x5d: // TRUSTED RECEIVE: TCG level 0 discovery
		return in && !t.extend && t.features == 0x01 && t.lba>>8 == 0x0001
	}
	return false
}

func knownSMART(t taskFile, in, nonData bool) bool {
	if t.extend || t.lba&0xffff00 != smartKey {
		return false
	}
	switch t.features {
	case 0xd0, 0xd1: // READ DATA, READ THRESHOLDS
		return in
	case 0xd5: // READ LOG
		return in && slices.Contains(smartLogs, byte(t.lba))
	case 0xda: // RETURN STATUS
		return nonData
	}
	return false
}
