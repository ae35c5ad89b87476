package drive

import (
	"encoding/binary"
	"fmt"
)

// refusalMMC judges a frame of package mmc: one entry of 12 bytes (command index,
// response, two zeros, argument, length and number of data blocks). A sequence is
// refused whatever it holds: no command that reads needs another with it.
//
// Source: JESD84-B51 clause 6.10. CMD9 and CMD10 are not here: a card that is in use
// does not answer them, and the kernel keeps what they tell.
func refusalMMC(f []byte, data int) string {
	if len(f) != 12 {
		return fmt.Sprintf("an MMC sequence of %d bytes", len(f))
	}
	arg, block, count := binary.BigEndian.Uint32(f[4:]), binary.BigEndian.Uint16(f[8:]), binary.BigEndian.Uint16(f[10:])
	// R1: none of these leaves the card busy.
	ok := f[1] == 1 && f[2] == 0 && f[3] == 0 && int(block)*int(count) == data
	switch f[0] {
	case 8: // SEND_EXT_CSD
		ok = ok && arg == 0 && block == 512 && count == 1
	case 13: // SEND_STATUS: bit 0 (HPI) would break off what the card does, bit 15 asks for the queue
		ok = ok && arg&0xffff == 0 && block == 0 && count == 0
	case 31: // SEND_WRITE_PROT_TYPE
		ok = ok && block == 8 && count == 1
	default:
		ok = false
	}
	if !ok {
		return fmt.Sprintf("MMC command CMD%d (argument %08xh, %d blocks of %d bytes)", f[0], arg, count, block)
	}
	return ""
}
