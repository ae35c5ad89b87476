package frame

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// ATA commands inside ATA PASS-THROUGH(16) (SAT-4 clause 12.2.3): those of SANITIZE
// DEVICE and of the Security feature set by ACS-4 (clauses 7.36 to 7.43), those that
// change the capacity by ACS-3 (SET MAX ADDRESS, DEVICE CONFIGURATION) and ACS-4
// (ACCESSIBLE MAX ADDRESS CONFIGURATION).

// TemporaryPassword is what locks an ATA drive while its SECURITY ERASE UNIT runs:
// the command needs a password, and takes it away when it has ended well.
//
// It is fixed and published, in this source and in the handbook, because it guards
// nothing: the drive is being erased. A password that was drawn by chance would lock
// the drive for ever when the power goes and the record of it is lost with it. This
// one can be typed into any tool (hdparm --security-unlock), and Handback tries it
// once on each drive that it finds locked.
const TemporaryPassword = "HANDBACK-TEMPORARY"

// ataTimeout of commands that are done at once, on a disk that has to spin up first.
const ataTimeout = time.Minute

// Bytes 1 and 2 of the CDB.
const (
	ataNonData        = 3 << 1 // PROTOCOL
	ataPIOOut         = 5 << 1
	ataExtend         = 0x01 // 48-bit: the high bytes are sent
	ataCheckCondition = 0x20 // CK_COND: the registers come back as sense data
	ataOutBlocks      = 0x06 // BYT_BLOK, T_LENGTH in COUNT, to the drive
	ataLBA            = 0x40 // device register
)

// ataRegisters of a command that carries no data.
type ataRegisters struct {
	features, count uint16
	lba             uint64
	device, command byte
	extend          bool
}

func (r ataRegisters) command16() drive.Command {
	f := make([]byte, 16)
	f[0], f[1], f[2] = 0x85, ataNonData, ataCheckCondition
	if r.extend {
		f[1] |= ataExtend
	}
	binary.BigEndian.PutUint16(f[3:], r.features)
	binary.BigEndian.PutUint16(f[5:], r.count)
	// LBA bytes alternate, high byte first: 31:24, 7:0, 39:32, 15:8, 47:40, 23:16.
	f[7], f[8] = byte(r.lba>>24), byte(r.lba)
	f[9], f[10] = byte(r.lba>>32), byte(r.lba>>8)
	f[11], f[12] = byte(r.lba>>40), byte(r.lba>>16)
	f[13], f[14] = ataLBA|r.device, r.command
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: f, Timeout: ataTimeout}
}

const ataSanitizeDevice = 0xb4

// SANITIZE DEVICE, feature and key of each action (ACS-4 clause 7.36).
// FREEZE LOCK and ANTIFREEZE LOCK are not built here.
const (
	ataSanitizeCryptoScrambleFeature = 0x0011
	ataSanitizeBlockEraseFeature     = 0x0012
	ataSanitizeOverwriteFeature      = 0x0014

	ataKeyCryptoScramble = 0x43727970 // 'Cryp'
	ataKeyBlockErase     = 0x426b4572 // 'BkEr'
	ataKeyOverwrite      = 0x4f57     // 'OW' in 47:32, the pattern in 31:0
)

// ATASanitizeCrypto has the drive change its key. FAILURE MODE (count bit 4) stays
// clear in this and its siblings: a drive that could leave a failed sanitize by mere
// command would give its data back.
func ATASanitizeCrypto() drive.Command {
	return ataSanitize(ataSanitizeCryptoScrambleFeature, 0, ataKeyCryptoScramble)
}

// ATASanitizeBlock has the drive erase its cells.
func ATASanitizeBlock() drive.Command {
	return ataSanitize(ataSanitizeBlockEraseFeature, 0, ataKeyBlockErase)
}

// ATASanitizeOverwrite has the drive write a pattern over everything, so many times:
// 1 to 15.
func ATASanitizeOverwrite(passes int, pattern uint32) (drive.Command, error) {
	if passes < 1 || passes > 15 {
		return drive.Command{}, fmt.Errorf("a sanitize of %d passes: it has 1 to 15", passes)
	}
	return ataSanitize(ataSanitizeOverwriteFeature, uint16(passes), ataKeyOverwrite<<32|uint64(pattern)), nil
}

// ATASanitizeClearFailure asks for the status and clears a failed sanitize that was
// started with FAILURE MODE by somebody else. What was not erased can be read then.
func ATASanitizeClearFailure() drive.Command { return ataSanitize(0, 1, 0) }

func ataSanitize(feature, count uint16, lba uint64) drive.Command {
	return ataRegisters{features: feature, count: count, lba: lba, command: ataSanitizeDevice, extend: true}.command16()
}

// Commands of the Security feature set, ACS-4 clauses 7.38 to 7.43.
const (
	ataSecuritySetPassword     = 0xf1
	ataSecurityUnlock          = 0xf2
	ataSecurityErasePrepare    = 0xf3
	ataSecurityEraseUnit       = 0xf4
	ataSecurityDisablePassword = 0xf6
)

// Word 0 of their data: bit 0 is clear for the user's password, bit 1 set for the
// enhanced erase. Word 8 bit 0 of SET PASSWORD is clear: level high, so that a
// master password still opens the drive.
const ataEnhancedErase = 0x02

// ATASetPassword sets TemporaryPassword as the user's. From the next power cycle on
// the drive is locked.
func ATASetPassword() drive.Command { return ataSecurity(ataSecuritySetPassword, 0) }

// ATAUnlock opens a drive that is locked with TemporaryPassword until its next power
// cycle. A wrong password counts: after five of them the drive must be switched off.
func ATAUnlock() drive.Command { return ataSecurity(ataSecurityUnlock, 0) }

// ATADisablePassword takes TemporaryPassword away from a drive that is not locked.
func ATADisablePassword() drive.Command { return ataSecurity(ataSecurityDisablePassword, 0) }

// ATAErasePrepare must stand directly before ATAEraseUnit.
func ATAErasePrepare() drive.Command {
	return ataRegisters{command: ataSecurityErasePrepare}.command16()
}

// ATAEraseUnit has the drive erase itself, by TemporaryPassword. It answers when it
// has ended: after hours.
func ATAEraseUnit(enhanced bool, timeout time.Duration) drive.Command {
	mode := byte(0)
	if enhanced {
		mode = ataEnhancedErase
	}
	c := ataSecurity(ataSecurityEraseUnit, mode)
	c.Timeout = timeout
	return c
}

// ataSecurity frames a command with a block of 512 bytes: control in byte 0, password
// in bytes 2 to 33, zeros after it (ACS-4 table 'SECURITY password data').
func ataSecurity(command, control byte) drive.Command {
	data := make([]byte, 512)
	data[0] = control
	copy(data[2:34], TemporaryPassword)
	return drive.Command{Protocol: drive.ProtocolSCSI, Direction: drive.DirectionOut, Data: data, Timeout: ataTimeout,
		Frame: []byte{0: 0x85, 1: ataPIOOut, 2: ataOutBlocks, 6: 1, 13: ataLBA, 14: command, 15: 0}}
}

// Commands that change the capacity. keep makes it last over a power cycle, which a
// drive takes once a power-up (ACS-3 clause 4.11: Host Protected Area).
const (
	ataSetMaxAddress       = 0xf9
	ataSetMaxAddressExt    = 0x37
	ataAccessibleMax       = 0x78
	ataDeviceConfiguration = 0xb1

	ataValueKept            = 1 << 0 // count bit 0 of SET MAX
	ataFeatureSetAccessible = 0x0001
	ataFeatureRestore       = 0xc0
)

// ATASetMaxExt makes last the highest address, for good. It must directly follow a
// READ NATIVE MAX ADDRESS EXT.
func ATASetMaxExt(last uint64) (drive.Command, error) {
	if err := ataAddress(last, 1<<48); err != nil {
		return drive.Command{}, err
	}
	return ataRegisters{count: ataValueKept, lba: last, command: ataSetMaxAddressExt, extend: true}.command16(), nil
}

// ATASetMax is its form of 28 bits, directly after a READ NATIVE MAX ADDRESS.
func ATASetMax(last uint64) (drive.Command, error) {
	if err := ataAddress(last, 1<<28); err != nil {
		return drive.Command{}, err
	}
	// Bits 27:24 go in the device register.
	return ataRegisters{count: ataValueKept, lba: last & 0xffffff, device: byte(last >> 24), command: ataSetMaxAddress}.command16(), nil
}

// ATASetAccessibleMax makes last the highest address (ACS-4 clause 7.1). Count is
// zero: bit 0 would have newer drives change their names.
func ATASetAccessibleMax(last uint64) (drive.Command, error) {
	if err := ataAddress(last, 1<<48); err != nil {
		return drive.Command{}, err
	}
	return ataRegisters{features: ataFeatureSetAccessible, lba: last, command: ataAccessibleMax, extend: true}.command16(), nil
}

func ataAddress(last, limit uint64) error {
	if last == 0 || last >= limit {
		return fmt.Errorf("%d is no highest address", last)
	}
	return nil
}

// ATADCORestore takes a device configuration overlay away, with all that it hides:
// capacity and features (ACS-3 clause 4.8). A protected area must be gone before.
func ATADCORestore() drive.Command {
	return ataRegisters{features: ataFeatureRestore, command: ataDeviceConfiguration}.command16()
}
