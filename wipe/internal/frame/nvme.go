// Package frame builds the frames of commands that destroy. Nothing outside wipe
// can import it. It builds and sends nothing; whoever sends asks the drive who it
// is first.
package frame

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// Opcodes of the NVM Express Base Specification 2.0, figure 138.
const (
	formatNVM    = 0x80
	sanitizeNVMe = 0x84
)

// Secure Erase Settings, bits 11:9 of Format NVM's CDW10 (Base 2.0, figure 189).
// SES 000b asks for no erasure at all and is not built here.
const (
	userDataErase      = 1 << 9
	cryptographicErase = 2 << 9
)

// FormatUserData asks a controller to erase all user data of one namespace and
// to keep its LBA format (Base 2.0, clause 5.14): index is that of the format in
// use. Metadata settings and protection information are left off, so it suits
// formats without metadata.
func FormatUserData(namespace uint32, index uint8, timeout time.Duration) (drive.Command, error) {
	return format(namespace, index, userDataErase, timeout)
}

// FormatCrypto asks the same, by throwing the key away under which the data were
// written.
func FormatCrypto(namespace uint32, index uint8, timeout time.Duration) (drive.Command, error) {
	return format(namespace, index, cryptographicErase, timeout)
}

func format(namespace uint32, index uint8, erase uint32, timeout time.Duration) (drive.Command, error) {
	if namespace == 0 || namespace == 0xffffffff {
		return drive.Command{}, fmt.Errorf("namespace %08xh is not one namespace", namespace)
	}
	if index > 63 {
		return drive.Command{}, fmt.Errorf("there is no LBA format %d: 63 is the last", index)
	}
	// CDW10: LBAFL in 3:0, SES in 11:9, LBAFU (the two high bits) in 13:12.
	return nvme(formatNVM, namespace, uint32(index&0xf)|uint32(index>>4)<<12|erase, 0, timeout), nil
}

// Sanitize Action, bits 2:0 of Sanitize's CDW10 (Base 2.0, figure 336).
const (
	exitFailureMode = 1
	blockErase      = 2
	overwrite       = 3
	cryptoErase     = 4
)

// noDeallocate is NDAS, bit 9 of CDW10: the blocks are to stay allocated after the
// sanitize, so that a read-back reads the medium and not a map.
const noDeallocate = 1 << 9

// SanitizeBlock asks a controller to erase all blocks of its subsystem, of every
// namespace and of none (Base 2.0, clause 5.24). Here and below NSID is 0 and AUSE
// (bit 3) too: a drive that fails must not be let out of its failure by less than a
// sanitize that succeeds.
func SanitizeBlock(keepAllocated bool, timeout time.Duration) drive.Command {
	return sanitize(blockErase, 0, keepAllocated, timeout)
}

// SanitizeCrypto asks it to change the keys of all its media.
func SanitizeCrypto(keepAllocated bool, timeout time.Duration) drive.Command {
	return sanitize(cryptoErase, 0, keepAllocated, timeout)
}

// Overwrite is how a sanitize overwrites.
type Overwrite struct {
	Passes  int    // 1 to 16
	Pattern uint32 // of the last pass, from the first byte on: the least significant first
	// Invert the pattern from one pass to the next (OIPBP).
	Invert bool
}

// SanitizeOverwrite asks it to overwrite all its media.
func SanitizeOverwrite(o Overwrite, keepAllocated bool, timeout time.Duration) (drive.Command, error) {
	if o.Passes < 1 || o.Passes > 16 {
		return drive.Command{}, fmt.Errorf("a sanitize overwrites 1 to 16 times, not %d", o.Passes)
	}
	// CDW10: OWPASS in 7:4, where 0 stands for 16; OIPBP in 8.
	cdw10 := uint32(overwrite) | uint32(o.Passes&0xf)<<4
	if o.Invert {
		cdw10 |= 1 << 8
	}
	return sanitize(cdw10, o.Pattern, keepAllocated, timeout), nil
}

func sanitize(cdw10, pattern uint32, keepAllocated bool, timeout time.Duration) drive.Command {
	if keepAllocated {
		cdw10 |= noDeallocate
	}
	return nvme(sanitizeNVMe, 0, cdw10, pattern, timeout)
}

// SanitizeExitFailure lets a drive out of a failed sanitize without one that
// succeeds: what it holds stays. No technique sends it; it is a last resort for a
// drive that is to be looked at, and only a drive whose failed sanitize allowed it
// (AUSE) takes it.
func SanitizeExitFailure(timeout time.Duration) drive.Command {
	return nvme(sanitizeNVMe, 0, exitFailureMode, 0, timeout)
}

// nvme is a submission queue entry without data (Base 2.0, figure 87).
func nvme(opcode byte, namespace, cdw10, cdw11 uint32, timeout time.Duration) drive.Command {
	f := make([]byte, 64)
	f[0] = opcode
	binary.LittleEndian.PutUint32(f[4:], namespace)
	binary.LittleEndian.PutUint32(f[40:], cdw10)
	binary.LittleEndian.PutUint32(f[44:], cdw11)
	return drive.Command{Protocol: drive.ProtocolNVMe, Frame: f, Direction: drive.DirectionNone, Timeout: timeout}
}
