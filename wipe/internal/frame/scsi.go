package frame

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

// scsiImmedTimeout of commands that answer before their work is done: some drives think
// for a while before they do.
const scsiImmedTimeout = 2 * time.Minute

// Service actions of SANITIZE (SBC-4 clause 5.30, table 121).
const (
	actionOverwrite   = 0x01
	actionBlock       = 0x02
	actionCrypto      = 0x03
	actionExitFailure = 0x1f
)

// scsiImmed is bit 7 of byte 1. AUSE (bit 5) would let the drive be used after a
// failure, and ZNR (bit 6) leave zones as they are: neither is ever set here.
const scsiImmed = 0x80

// SCSISanitizeBlock asks a drive for SANITIZE, BLOCK ERASE.
func SCSISanitizeBlock() drive.Command { return scsiSanitize(actionBlock, nil) }

// SCSISanitizeCrypto asks a drive for SANITIZE, CRYPTOGRAPHIC ERASE.
func SCSISanitizeCrypto() drive.Command { return scsiSanitize(actionCrypto, nil) }

// SCSISanitizeOverwrite asks a drive for SANITIZE, OVERWRITE: one pass of zeros. The
// parameter list (SBC-4 table 123) has the count in byte 0, the length of the pattern
// in bytes 2 and 3, then the pattern.
func SCSISanitizeOverwrite() drive.Command {
	return scsiSanitize(actionOverwrite, []byte{1, 0, 0, 4, 0, 0, 0, 0})
}

// SCSISanitizeExitFailure asks a drive for SANITIZE, EXIT FAILURE MODE: it gives a
// drive back to use whose sanitize failed, with whatever is still on it. No technique
// sends it.
func SCSISanitizeExitFailure() drive.Command { return scsiSanitize(actionExitFailure, nil) }

func scsiSanitize(action byte, list []byte) drive.Command {
	cdb := make([]byte, 10)
	cdb[0], cdb[1] = 0x48, scsiImmed|action
	binary.BigEndian.PutUint16(cdb[7:], uint16(len(list)))
	return scsiOut(cdb, list)
}

// scsiOut is a command with data to the drive, or without data.
func scsiOut(cdb, data []byte) drive.Command {
	c := drive.Command{Protocol: drive.ProtocolSCSI, Frame: cdb, Timeout: scsiImmedTimeout}
	if len(data) > 0 {
		c.Direction, c.Data = drive.DirectionOut, data
	}
	return c
}

// FormatUnit asks a drive for FORMAT UNIT (SBC-4 clause 5.3) as it is formatted now,
// without protection information: FMTDATA, CMPLST (blocks that were given up since it
// was made are formatted as the others), IMMED. With initialize the list asks for a
// pattern in every block and, by SI, in those that were reallocated (clause 5.3.2.3);
// without it what a format leaves in the blocks is the drive's own choice.
func FormatUnit(initialize bool) drive.Command {
	list := []byte{0, 0x02, 0, 0}
	if initialize {
		// FOV, IP, IMMED; initialization pattern descriptor: SI, default pattern.
		list = []byte{0, 0x8a, 0, 0, 0x20, 0, 0, 0}
	}
	return scsiOut([]byte{0x04, 0x18, 0, 0, 0, 0}, list)
}

// ShowBlocks asks a drive by MODE SELECT(10) (SPC-5 clause 6.14) to show so many of its
// blocks, all ones: all that it has; and to keep to that and to their length: a long
// block descriptor (SBC-4 clause 6.5.2.3). It destroys nothing, but what can be reached
// afterwards is another matter.
func ShowBlocks(blocks uint64, blockSize int) (drive.Command, error) {
	if blockSize < 512 || blockSize > 64<<10 || blocks == 0 {
		return drive.Command{}, fmt.Errorf("%d blocks of %d bytes", blocks, blockSize)
	}
	list := make([]byte, 24)
	list[4] = 1  // LONGLBA
	list[7] = 16 // length of the descriptor
	binary.BigEndian.PutUint64(list[8:], blocks)
	binary.BigEndian.PutUint32(list[20:], uint32(blockSize))
	return scsiOut([]byte{0x55, 0x11, 0, 0, 0, 0, 0, 0, byte(len(list)), 0}, list), nil // PF, SP
}
