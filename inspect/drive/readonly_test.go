package drive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
)

// The filter is proven by what it lets through: every opcode with every sub-function is
// sent, and what reaches the other side is compared with the lists below. They are
// written from the standards, command by command, and share nothing with the filter.

// reached is a transport that keeps a name of each command that came through.
type reached map[string]int

// send a frame that reads, or that has no data, and say whether it came through.
func send(t *testing.T, p Protocol, frame []byte, in bool) bool {
	t.Helper()
	c := Command{Protocol: p, Frame: frame}
	if in {
		c.Direction, c.Data = DirectionIn, make([]byte, 8)
	}
	next := &counted{}
	_, err := ReadOnly(next).Do(t.Context(), c)
	if (err == nil) != (next.n == 1) || err != nil && !errors.Is(err, ErrRefused) {
		t.Fatalf("% x: sent %d times, %v", frame, next.n, err)
	}
	if next.n == 0 {
		return false
	}
	// Nothing may pass that sends data, whatever its frame says.
	c.Direction, c.Data = DirectionOut, make([]byte, 8)
	if _, err := ReadOnly(next).Do(t.Context(), c); !errors.Is(err, ErrRefused) || next.n != 1 {
		t.Fatalf("% x with data for the drive: %v", frame, err)
	}
	return true
}

// is fails unless exactly these names were reached.
func (r reached) is(t *testing.T, want ...string) {
	t.Helper()
	for name := range r {
		if !slices.Contains(want, name) {
			t.Errorf("%s was let through (%d times)", name, r[name])
		}
	}
	for _, name := range want {
		if r[name] == 0 {
			t.Errorf("%s never passes", name)
		}
	}
}

// cdb16 is ATA PASS-THROUGH(16): SAT-4 clause 12.2.3.
func cdb16(command, protocol, flags byte, extend bool, features, count uint16, lba uint64) []byte {
	f := make([]byte, 16)
	f[0], f[1], f[2], f[14] = 0x85, protocol<<1, flags, command
	if extend {
		f[1] |= 1
	}
	binary.BigEndian.PutUint16(f[3:], features)
	binary.BigEndian.PutUint16(f[5:], count)
	f[8], f[10], f[12], f[7], f[9], f[11] = byte(lba), byte(lba>>8), byte(lba>>16), byte(lba>>24), byte(lba>>32), byte(lba>>40)
	return f
}

const (
	toHost   = 0x0e // T_DIR, BYT_BLOK, T_LENGTH 2
	fromHost = 0x06
)

// ataProtocols of SAT-4 table 159, with the way of their data and a name.
var ataProtocols = []struct {
	protocol, flags byte
	name            string
}{
	{0, 0, "hard reset"}, {1, 0, "soft reset"}, {2, 0, "reserved 2"}, {3, 0, "none"}, {4, toHost, "in"}, {4, fromHost, "PIO in, direction out"},
	{5, fromHost, "PIO out"}, {5, toHost, "PIO out, direction in"}, {6, toHost, "in"}, {6, fromHost, "DMA out"}, {7, toHost, "DMA queued"},
	{8, 0, "diagnostic"}, {9, 0, "device reset"}, {10, toHost, "in"}, {10, fromHost, "UDMA in, direction out"}, {11, fromHost, "UDMA out"},
	{12, toHost, "FPDMA"}, {12, fromHost, "FPDMA out"}, {13, 0, "reserved 13"}, {14, 0, "reserved 14"}, {15, 0, "response"},
}

// Every ATA command with every feature, by every protocol, with 28 and with 48 bits, in
// front of every LBA that a command of the list has a meaning for.
func TestReadOnlyATA(t *testing.T) {
	got := reached{}
	bits := map[bool]string{false: "28", true: "48"}
	for _, p := range ataProtocols {
		for command := range 256 {
			for _, extend := range []bool{false, true} {
				for _, lba := range []uint64{0, 0xc24f06, 0x000100} {
					// All features only where the protocol is one that may pass: by the
					// others no command does, whatever its features.
					features := 1
					if p.name == "in" && p.protocol == 4 || p.name == "none" {
						features = 256
					}
					for feature := range features {
						if send(t, ProtocolSCSI, cdb16(byte(command), p.protocol, p.flags, extend, uint16(feature), 0, lba), p.flags&8 != 0) {
							got[ataName(byte(command), byte(feature))+" "+bits[extend]+" "+p.name]++
						}
					}
				}
			}
		}
	}
	got.is(t, "IDENTIFY DEVICE 28 in", "IDENTIFY PACKET DEVICE 28 in", "CHECK POWER MODE 28 none",
		"READ NATIVE MAX ADDRESS 28 none", "READ NATIVE MAX ADDRESS EXT 48 none", "GET NATIVE MAX ADDRESS EXT 48 none",
		"DEVICE CONFIGURATION IDENTIFY 28 in", "SANITIZE STATUS EXT 48 none", "READ LOG EXT 48 in", "READ LOG DMA EXT 48 in",
		"SMART READ DATA 28 in", "SMART READ THRESHOLDS 28 in", "SMART READ LOG 28 in", "SMART RETURN STATUS 28 none",
		"TRUSTED RECEIVE 28 in", "TRUSTED RECEIVE DMA 28 in")
}

// ataName of a command, by ACS-4 clause 7 and ACS-3; its features stand in the name
// where they choose what it does.
func ataName(command, feature byte) string {
	plain := map[byte]string{0xec: "IDENTIFY DEVICE", 0xa1: "IDENTIFY PACKET DEVICE", 0xe5: "CHECK POWER MODE", 0xf8: "READ NATIVE MAX ADDRESS",
		0x27: "READ NATIVE MAX ADDRESS EXT"}
	if n := plain[command]; n != "" {
		return n
	}
	chosen := map[[2]byte]string{{0x78, 0x00}: "GET NATIVE MAX ADDRESS EXT", {0xb1, 0xc2}: "DEVICE CONFIGURATION IDENTIFY", {0xb4, 0x00}: "SANITIZE STATUS EXT",
		{0x2f, 0x00}: "READ LOG EXT", {0x47, 0x00}: "READ LOG DMA EXT", {0xb0, 0xd0}: "SMART READ DATA", {0xb0, 0xd1}: "SMART READ THRESHOLDS",
		{0xb0, 0xd5}: "SMART READ LOG", {0xb0, 0xda}: "SMART RETURN STATUS", {0x5c, 0x01}: "TRUSTED RECEIVE", {0x5d, 0x01}: "TRUSTED RECEIVE DMA"}
	if n := chosen[[2]byte{command, feature}]; n != "" {
		return n
	}
	return fmt.Sprintf("ATA %02x/%02x", command, feature)
}

// The rest of a task file: log addresses, keys, and the high bytes that only 48-bit
// commands send.
func TestReadOnlyATAFields(t *testing.T) {
	got := reached{}
	for b := range 256 {
		if send(t, ProtocolSCSI, cdb16(0x2f, 4, toHost, true, 0, 1, uint64(b)), true) {
			got[fmt.Sprintf("general log %02x", b)]++
		}
		if send(t, ProtocolSCSI, cdb16(0xb0, 4, toHost, false, 0xd5, 1, 0xc24f00|uint64(b)), true) {
			got[fmt.Sprintf("SMART log %02x", b)]++
		}
		for _, high := range []uint64{0xc24f, 0xc250, 0xc34f, 0x4fc2, 0} {
			if send(t, ProtocolSCSI, cdb16(0xb0, 3, 0, false, 0xda, 0, high<<8|uint64(b)), false) {
				got[fmt.Sprintf("SMART key %04x", high)]++
			}
		}
		// SANITIZE STATUS EXT: bit 0 of count clears a failure; and bits behind the feature.
		for count := range 256 {
			if send(t, ProtocolSCSI, cdb16(0xb4, 3, 0, true, uint16(b)<<8, uint16(count), 0), false) {
				got[fmt.Sprintf("sanitize count %02x, feature %02x00", count, b)]++
			}
		}
		// TRUSTED RECEIVE: the security protocol is the feature, its own field LBA 23:8.
		if send(t, ProtocolSCSI, cdb16(0x5c, 4, toHost, false, 1, 1, uint64(b)<<8), true) {
			got[fmt.Sprintf("trusted %04x", b)]++
		}
		if send(t, ProtocolSCSI, cdb16(0x5c, 4, toHost, false, 1, 1, uint64(b)<<16), true) {
			got[fmt.Sprintf("trusted %02x00", b)]++
		}
		// High bytes that a 28-bit command does not send must not hide anything.
		for _, f := range [][]byte{cdb16(0xec, 4, toHost, false, uint16(b)<<8, 1, 0), cdb16(0xec, 4, toHost, false, 0, uint16(b)<<8, 0), cdb16(0xec, 4, toHost, false, 0, 1, uint64(b)<<24)} {
			if send(t, ProtocolSCSI, f, true) {
				got[fmt.Sprintf("high byte %02x", b)]++
			}
		}
	}
	got.is(t, "general log 00", "general log 03", "general log 04", "general log 07", "general log 08", "general log 0c", "general log 13",
		"general log 30", "general log e0", "SMART log 00", "SMART log 01", "SMART log 06", "SMART log 09", "SMART log e0",
		"SMART key c24f", "sanitize count 00, feature 0000", "trusted 0001", "high byte 00")
}

// ATA PASS-THROUGH(12) and (32) are judged as (16) is: SAT-4 clauses 12.2.2 and 12.2.4.
func TestReadOnlyOtherPassThrough(t *testing.T) {
	for command := range 256 {
		for feature := range 256 {
			for _, way := range []struct{ protocol, flags byte }{{3, 0}, {4, toHost}} {
				lba := uint64(0x000100)
				if command == 0xb0 {
					lba = 0xc24f06
				}
				in := way.flags != 0
				for _, extend := range []byte{0, 1} {
					want := send(t, ProtocolSCSI, cdb16(byte(command), way.protocol, way.flags, extend == 1, uint16(feature), 0, lba), in)
					f12 := []byte{0xa1, way.protocol << 1, way.flags, byte(feature), 0, byte(lba), byte(lba >> 8), byte(lba >> 16), 0, byte(command), 0, 0}
					if got := extend == 0 && send(t, ProtocolSCSI, f12, in); extend == 0 && got != want {
						t.Errorf("command %02x, features %02x: (12) passes: %t, (16): %t", command, feature, got, want)
					}
					f32 := make([]byte, 32)
					f32[0], f32[7], f32[8], f32[9], f32[10], f32[11] = 0x7f, 0x18, 0x1f, 0xf0, way.protocol<<1|extend, way.flags
					f32[17], f32[18], f32[19], f32[21], f32[25] = byte(lba>>16), byte(lba>>8), byte(lba), byte(feature), byte(command)
					if got := send(t, ProtocolSCSI, f32, in); got != want {
						t.Errorf("command %02x, features %02x: (32) passes: %t, (16): %t", command, feature, got, want)
					}
				}
			}
		}
	}
}

// lengths of a CDB by its group code (SPC-5 clause 4.2.5.1).
var lengths = []int{6, 10, 10, 32, 16, 12, 6, 6}

// Every SCSI operation code with every byte 1, where service actions and options stand,
// and with some of byte 2.
func TestReadOnlySCSI(t *testing.T) {
	got := reached{}
	for op := range 256 {
		for one := range 256 {
			for _, two := range []byte{0x00, 0x01, 0x2f, 0x3f, 0x6f, 0x80, 0xff} {
				f := make([]byte, lengths[op>>5])
				f[0], f[1], f[2], f[3] = byte(op), byte(one), two, 0x01
				if op != 0x85 && op != 0xa1 && send(t, ProtocolSCSI, f, true) {
					got[scsiName(byte(op), byte(one))]++
				}
			}
		}
		// A CDB of another length is none of that command.
		for _, n := range []int{0, 1, 5, 6, 7, 9, 10, 11, 12, 13, 15, 16, 17, 31, 32, 33, 260} {
			f := make([]byte, n)
			if n > 0 {
				f[0] = byte(op)
			}
			if pass := send(t, ProtocolSCSI, f, true); pass && n != lengths[op>>5] {
				t.Errorf("%02x of %d bytes was let through", op, n)
			}
		}
	}
	got.is(t, "TEST UNIT READY", "REQUEST SENSE", "INQUIRY", "MODE SENSE(6)", "READ CAPACITY(10)", "LOG SENSE", "MODE SENSE(10)",
		"READ CAPACITY(16)", "GET LBA STATUS", "REPORT LUNS", "SECURITY PROTOCOL IN 01h", "REPORT SUPPORTED OPERATION CODES",
		"REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", "READ DEFECT DATA(12)")
}

// scsiName by SPC-5 annex E and SBC-4.
func scsiName(op, one byte) string {
	switch action := one & 0x1f; {
	case op == 0x00:
		return "TEST UNIT READY"
	case op == 0x03:
		return "REQUEST SENSE"
	case op == 0x12 && one < 2: // bit 1 asked for command support once
		return "INQUIRY"
	case op == 0x1a:
		return "MODE SENSE(6)"
	case op == 0x25:
		return "READ CAPACITY(10)"
	case op == 0x4d && one == 0: // bit 0 saves parameters
		return "LOG SENSE"
	case op == 0x5a:
		return "MODE SENSE(10)"
	case op == 0x9e && action == 0x10:
		return "READ CAPACITY(16)"
	case op == 0x9e && action == 0x12:
		return "GET LBA STATUS"
	case op == 0xa0:
		return "REPORT LUNS"
	case op == 0xa2 && one == 0x01:
		return "SECURITY PROTOCOL IN 01h"
	case op == 0xa3 && action == 0x0c:
		return "REPORT SUPPORTED OPERATION CODES"
	case op == 0xa3 && action == 0x0d:
		return "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS"
	case op == 0xb7 && one < 0x20:
		return "READ DEFECT DATA(12)"
	}
	return fmt.Sprintf("SCSI %02x/%02x", op, one)
}

// Log pages, security protocols and commands of variable length.
func TestReadOnlySCSIFields(t *testing.T) {
	got := reached{}
	for b := range 256 {
		if send(t, ProtocolSCSI, []byte{0x4d, 0, byte(b), 0, 0, 0, 0, 0, 8, 0}, true) {
			got[fmt.Sprintf("log page %02x", b&0x3f)]++
		}
		if send(t, ProtocolSCSI, []byte{0xa2, 1, byte(b), 1, 0, 0, 0, 0, 2, 0, 0, 0}, true) {
			got[fmt.Sprintf("security %02x01", b)]++
		}
		if send(t, ProtocolSCSI, []byte{0xa2, 1, 0, byte(b), 0, 0, 0, 0, 2, 0, 0, 0}, true) {
			got[fmt.Sprintf("security 00%02x", b)]++
		}
		for low := range 256 {
			f := make([]byte, 32)
			f[0], f[7], f[8], f[9], f[10], f[11], f[25] = 0x7f, 0x18, byte(b), byte(low), 4<<1, toHost, 0xec
			if send(t, ProtocolSCSI, f, true) {
				got[fmt.Sprintf("variable %02x%02x", b, low)]++
			}
			f[7], f[8], f[9] = byte(b), 0x1f, 0xf0
			if b != 0x18 && send(t, ProtocolSCSI, f, true) {
				got[fmt.Sprintf("variable of additional length %02x", b)]++
			}
		}
	}
	got.is(t, "log page 00", "log page 02", "log page 03", "log page 05", "log page 06", "log page 0d", "log page 0e", "log page 10", "log page 11",
		"log page 15", "log page 18", "log page 19", "log page 1a", "log page 2f", "security 0001", "variable 1ff0")
}

func sqe(op byte, cdw10, cdw11 uint32) []byte {
	f := make([]byte, 64)
	f[0] = op
	binary.LittleEndian.PutUint32(f[40:], cdw10)
	binary.LittleEndian.PutUint32(f[44:], cdw11)
	return f
}

// Every NVMe admin opcode with every value of CDW10 bits 7:0, and for those that may
// pass bits 15:0 and every other bit of CDW10 and CDW11 alone.
func TestReadOnlyNVMe(t *testing.T) {
	got := reached{}
	for op := range 256 {
		second := []uint32{0x00, 0x01, 0x08, 0x80, 0xff}
		if slices.Contains([]int{0x02, 0x06, 0x0a, 0x82}, op) {
			second = nil
			for b := range uint32(256) {
				second = append(second, b)
			}
		}
		for low := range uint32(256) {
			for _, high := range second {
				if send(t, ProtocolNVMe, sqe(byte(op), high<<8|low, 0), true) {
					got[nvmeName(byte(op), low, high)]++
				}
			}
		}
		for _, n := range []int{0, 1, 16, 63, 65, 128} {
			if send(t, ProtocolNVMe, append(sqe(byte(op), 0, 0), make([]byte, 64)...)[:n], true) {
				t.Errorf("%02x of %d bytes was let through", op, n)
			}
		}
	}
	want := []string{"Get Features"}
	for _, cns := range []int{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x1a, 0x1b, 0x1c} {
		want = append(want, fmt.Sprintf("Identify %02x", cns))
	}
	for _, lid := range []int{0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x09, 0x12, 0x13, 0x15, 0x80, 0x81} {
		want = append(want, fmt.Sprintf("log %02x", lid))
	}
	got.is(t, want...)
}

// nvmeName by Base 2.0: CNS alone; a log page without a specific field, its event kept or
// not; a standard feature, as it is now, by default, saved or as it can be.
func nvmeName(op byte, low, high uint32) string {
	switch {
	case op == 0x06 && high == 0:
		return fmt.Sprintf("Identify %02x", low)
	case op == 0x02 && high&0x7f == 0:
		return fmt.Sprintf("log %02x", low)
	case op == 0x0a && high <= 3 && (low >= 0x01 && low <= 0x1d || low >= 0x78 && low <= 0x87):
		return "Get Features"
	}
	return fmt.Sprintf("NVMe %02x, CDW10 %02x%02x", op, high, low)
}

func TestReadOnlyNVMeFields(t *testing.T) {
	got := reached{}
	// Security Receive: SECP in bits 31:24, SPSP in 23:8.
	for secp := range uint32(256) {
		for _, spsp := range []uint32{0x0000, 0x0001, 0x0002, 0x0100, 0x0101, 0x07fe, 0xffff} {
			for _, nssf := range []uint32{0, 1} {
				if send(t, ProtocolNVMe, sqe(0x82, secp<<24|spsp<<8|nssf, 512), true) {
					got[fmt.Sprintf("security %02x %04x %d", secp, spsp, nssf)]++
				}
			}
		}
	}
	for bit := range 64 {
		one := uint64(1) << bit
		low, high := uint32(one), uint32(one>>32)
		for name, f := range map[string][]byte{
			"health log": sqe(0x02, 0x02|low, high), "Identify": sqe(0x06, 0x01|low, high), "feature": sqe(0x0a, 0x02|low, high),
		} {
			if send(t, ProtocolNVMe, f, true) {
				got[name]++
			} else if name == "health log" && bit >= 16 && bit < 48 {
				t.Errorf("a health log of a length with bit %d is refused", bit-16)
			}
		}
		// Log specific identifiers, CDW11 31:16.
		if bit >= 48 && send(t, ProtocolNVMe, sqe(0x02, 0x02, high), true) {
			got["a log specific identifier"]++
		}
	}
	// Flags and pointers are the transport's: any bit of them is refused.
	for at := range 40 {
		for bit := range 8 {
			f := sqe(0x06, 1, 0)
			f[at] ^= 1 << bit
			if pass := send(t, ProtocolNVMe, f, true); pass && (at == 0 || at >= 1 && at < 4 || at >= 16) {
				got[fmt.Sprintf("Identify with bit %d of byte %d", bit, at)]++
			}
		}
	}
	got.is(t, "security 01 0001 0", "health log", "Identify", "feature", "Identify with bit 2 of byte 0")
}

// A command of no protocol is none that is known.
func TestReadOnlyProtocols(t *testing.T) {
	for p := range 256 {
		for _, frame := range [][]byte{{0, 0, 0, 0, 0, 0}, sqe(0x06, 1, 0), {13, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}} {
			known := Protocol(p) == ProtocolSCSI || Protocol(p) == ProtocolNVMe || Protocol(p) == ProtocolMMC
			if send(t, Protocol(p), frame, false) && !known {
				t.Errorf("protocol %d: % x was let through", p, frame)
			}
		}
	}
}
