// Package frame builds the frames of commands that destroy. Nothing outside wipe
// can import it. It builds and sends nothing; whoever sends asks the drive who it
// is first.
//
// Source: NVM Express Base Specification 2.0, clause 5.14 (Format NVM).
package frame

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive"
)

const formatNVM = 0x80 // opcode

// userDataErase is SES 001b, bits 11:9 of CDW10. SES 000b asks for no erasure at
// all and is not built here.
const userDataErase = 1 << 9

// FormatUserData asks a controller to erase all user data of one namespace and
// to keep its LBA format: index is that of the format in use. Metadata settings
// and protection information are left off, so it suits formats without metadata.
func FormatUserData(namespace uint32, index uint8, timeout time.Duration) (drive.Command, error) {
	if namespace == 0 || namespace == 0xffffffff {
		return drive.Command{}, fmt.Errorf("namespace %08xh is not one namespace", namespace)
	}
	if index > 63 {
		return drive.Command{}, fmt.Errorf("there is no LBA format %d: 63 is the last", index)
	}
	f := make([]byte, 64)
	f[0] = formatNVM
	binary.LittleEndian.PutUint32(f[4:], namespace)
	// CDW10: LBAFL in 3:0, SES in 11:9, LBAFU (the two high bits) in 13:12.
	binary.LittleEndian.PutUint32(f[40:], uint32(index&0xf)|uint32(index>>4)<<12|userDataErase)
	return drive.Command{Protocol: drive.ProtocolNVMe, Frame: f, Direction: drive.DirectionNone, Timeout: timeout}, nil
}
