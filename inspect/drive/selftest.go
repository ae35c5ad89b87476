package drive

import "encoding/binary"

// Tester opens a drive to be tested: its Transport is behind SelfTest.
type Tester interface {
	OpenTest(path string) (Device, error)
}

// SelfTest lets through what ReadOnly does and, beyond that, exactly the commands that
// start a drive's short self-test in the background, and that end one. Such a test reads
// the medium and changes nothing on it; the drive answers other commands meanwhile.
// The extended tests, which take hours, and those that hold a drive up until they are
// over are not among them.
//
// Sources: ACS-3 clause 7.48.2 (SMART EXECUTE OFF-LINE IMMEDIATE), NVM Express Base 2.0
// clause 5.9 (Device Self-test), SPC-5 clause 6.42 (SEND DIAGNOSTIC).
func SelfTest(t Transport) Transport { return fence{t, refusalTest} }

func refusalTest(c Command) string {
	if c.Direction == DirectionNone && len(c.Data) == 0 && knownTest(c) {
		return ""
	}
	return refusal(c)
}

func knownTest(c Command) bool {
	f := c.Frame
	switch {
	case c.Protocol == ProtocolNVMe && len(f) == 64:
		return knownTestNVMe(f)
	case c.Protocol != ProtocolSCSI || len(f) == 0:
		return false
	case f[0] == 0x1d && len(f) == 6: // SELF-TEST CODE in byte 1, bits 7:5: 1 background short, 4 abort
		return (f[1] == 0x20 || f[1] == 0x80) && f[2] == 0 && f[3] == 0 && f[4] == 0 && f[5] == 0
	case f[0] == 0x85 && len(f) == 16:
		return knownTestATA(taskFile16(f))
	case f[0] == 0xa1 && len(f) == 12:
		return knownTestATA(taskFile12(f))
	}
	return false
}

// Features D4h, and the subcommand in LBA 7:0: 01h short, 7Fh abort.
func knownTestATA(t taskFile) bool {
	return t.command == 0xb0 && t.protocol == 3 && !t.extend && t.features == 0xd4 && t.count == 0 &&
		(t.lba == smartKey|0x01 || t.lba == smartKey|0x7f)
}

// Self-test Code in CDW10 3:0: 1h short, Fh abort.
func knownTestNVMe(f []byte) bool {
	if f[0] != 0x14 {
		return false
	}
	for i, b := range f {
		named := i == 0 || i >= 4 && i < 8 || i == 40 // opcode, namespace, code
		if b != 0 && !named {
			return false
		}
	}
	code := binary.LittleEndian.Uint32(f[40:])
	return code == 0x1 || code == 0xf
}
