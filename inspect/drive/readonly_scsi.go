package drive

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// logPages that LOG SENSE may read: SPC-5 clause 7.3 and SBC-4 clause 6.4.
// Vendor pages (30h to 3Eh) are unknown and not among them.
var logPages = []byte{0x00, 0x02, 0x03, 0x05, 0x06, 0x0d, 0x0e, 0x10, 0x11, 0x15, 0x18, 0x19, 0x1a, 0x2f}

// cdbLength by the group code of an opcode (SPC-5 clause 4.2.5.1); 0: of variable
// length, reserved or the vendor's.
var cdbLength = [8]int{6, 10, 10, 0, 16, 12, 0, 0}

func refusalSCSI(f []byte) string {
	if len(f) == 0 {
		return "an empty command"
	}
	op := f[0]
	if op == 0x7f {
		return refusalVariable(f)
	}
	if n := cdbLength[op>>5]; n == 0 || len(f) != n {
		return fmt.Sprintf("SCSI command %02xh of %d bytes", op, len(f))
	}
	ok := false
	switch op {
	case 0x00, // TEST UNIT READY
		0x03, // REQUEST SENSE
		0x1a, // MODE SENSE(6)
		0x25, // READ CAPACITY(10)
		0x5a, // MODE SENSE(10)
		0xa0: // REPORT LUNS
		ok = true
	case 0xb7: // READ DEFECT DATA(12): REQ_GLIST, REQ_PLIST and the format
		ok = f[1]&0xe0 == 0
	case 0x12: // INQUIRY: bit 0 EVPD; bit 1 (CMDDT) is obsolete
		ok = f[1]&^1 == 0
	case 0x4d: // LOG SENSE: bit 0 of byte 1 (SP) would save parameters
		ok = f[1] == 0 && slices.Contains(logPages, f[2]&0x3f)
	case 0x9e: // SERVICE ACTION IN(16): READ CAPACITY(16), GET LBA STATUS
		ok = f[1]&0x1f == 0x10 || f[1]&0x1f == 0x12
	case 0xa3: // MAINTENANCE IN: REPORT SUPPORTED OPERATION CODES, and TASK MANAGEMENT FUNCTIONS
		ok = f[1]&0x1f == 0x0c || f[1]&0x1f == 0x0d
	case 0xa2: // SECURITY PROTOCOL IN: TCG level 0 discovery (protocol 01h, ComID 0001h)
		ok = f[1] == 0x01 && binary.BigEndian.Uint16(f[2:]) == 0x0001
	case 0x85:
		return refusalATA(taskFile16(f))
	case 0xa1:
		// To an optical drive this opcode is BLANK: such a drive is never opened.
		return refusalATA(taskFile12(f))
	}
	if !ok {
		return fmt.Sprintf("SCSI command %02xh (byte 1 %02xh, byte 2 %02xh)", op, f[1], f[2])
	}
	return ""
}

// refusalVariable judges commands of variable length (SPC-5 clause 4.2.3): the
// only one known is ATA PASS-THROUGH(32), SAT-4 clause 12.2.4.
func refusalVariable(f []byte) string {
	if len(f) == 32 && f[7] == 0x18 && binary.BigEndian.Uint16(f[8:]) == 0x1ff0 {
		return refusalATA(taskFile32(f))
	}
	return "a SCSI command of variable length"
}
