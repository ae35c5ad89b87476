package drive

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// What may be read by an admin command: NVM Express Base 2.0, figures 273
// (Identify CNS), 202 (log pages), 317 (features).
var (
	identifyCNS = []byte{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
		0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1c}
	// Not 07h and 08h (telemetry: a bit of the command makes the controller take a
	// new one) nor 0Dh (persistent events: reading makes a context).
	nvmeLogs = []byte{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x12, 0x13, 0x15, 0x80, 0x81}
)

func refusalNVMe(f []byte) string {
	if len(f) != 64 {
		return fmt.Sprintf("an NVMe command of %d bytes", len(f))
	}
	// Fused, SGL, command identifier and every pointer are the transport's.
	for _, b := range append(slices.Clone(f[1:4]), f[16:40]...) {
		if b != 0 {
			return "an NVMe command with flags or pointers of its own"
		}
	}
	cdw10, cdw11 := binary.LittleEndian.Uint32(f[40:]), binary.LittleEndian.Uint32(f[44:])
	ok := false
	switch f[0] {
	case 0x06: // Identify: CNS in bits 7:0
		ok = slices.Contains(identifyCNS, byte(cdw10)) && cdw10&0xff00 == 0
	case 0x02: // Get Log Page: LID 7:0, LSP 14:8, RAE 15
		ok = slices.Contains(nvmeLogs, byte(cdw10)) && cdw10&0x7f00 == 0 && cdw11>>16 == 0
	case 0x0a: // Get Features: the standard's own, current, default, saved or supported
		fid := byte(cdw10)
		ok = (fid >= 0x01 && fid <= 0x1d || fid >= 0x78 && fid <= 0x87) && cdw10&^0x7ff == 0 && cdw10>>8 <= 3
	case 0x82: // Security Receive: SECP 31:24 = 01h, SPSP 23:8 = 0001h: level 0 discovery
		ok = cdw10 == 0x01000100
	}
	if !ok {
		return fmt.Sprintf("NVMe admin command %02xh (CDW10 %08xh, CDW11 %08xh)", f[0], cdw10, cdw11)
	}
	return ""
}
