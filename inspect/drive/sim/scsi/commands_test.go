package scsi_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/scsi"
)

// ascii of text in hex.
func ascii(s string) string { return hex.EncodeToString([]byte(s)) }

// What the drive says of itself, byte by byte; sg_inq, sg_vpd and sg_logs 1.46 read
// these bytes as what Config says.
func TestIdentity(t *testing.T) {
	c := config()
	c.PhysicalExponent, c.Thin = 3, scsi.Thin{Unmap: true, Zeros: true}
	b := start(t, c)
	zeros := func(n int) string { return strings.Repeat("00", n) }
	for _, x := range []struct{ name, cdb, want string }{
		{"INQUIRY", "12 00 00 00 60 00", "0000071" + "25b000002" + ascii("HANDBACK") + ascii("SAS MODEL       ") + ascii("A7B3") +
			ascii("SCSI-1              ") + "0000" + "00a0" + "0c60" + "05c0" + "0600" + zeros(30)},
		{"INQUIRY, cut", "12 00 00 00 05 00", "000007125b"},
		{"VPD 00", "12 01 00 00 ff 00", "00000007" + "00808386b0b1b2"},
		{"VPD 80", "12 01 80 00 ff 00", "00800006" + ascii("SCSI-1")},
		{"VPD 83", "12 01 83 00 ff 00", "0083002e" + "01030008" + "5000c500a1b2c3d4" + "0201001e" + ascii("HANDBACK") + ascii("SAS MODEL       ") + ascii("SCSI-1")},
		{"VPD 86", "12 01 86 00 ff 00", "0086003c" + "0000" + "01" + "000000" + "00b4" + zeros(52)},
		{"VPD B0", "12 01 b0 00 ff 00", "00b0003c" + "0100" + "0008" + zeros(12) + "00400000" + "00000100" + "00000001" + zeros(4) + "0000000000400000" + zeros(20)},
		{"VPD B1", "12 01 b1 00 ff 00", "00b1003c" + "1c20" + "00" + "02" + "02" + zeros(55)},
		{"VPD B2", "12 01 b2 00 ff 00", "00b20004" + "00e40200"},
		{"READ CAPACITY(10)", "25 00 00 00 00 00 00 00 00 00", "00001fff" + "00000200"},
		{"READ CAPACITY(16)", "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", "0000000000001fff" + "00000200" + "00" + "03" + "c000" + zeros(16)},
		{"REPORT LUNS", "a0 00 00 00 00 00 00 00 00 10 00 00", "0000000800000000" + zeros(8)},
		{"REPORT LUNS, well known", "a0 00 01 00 00 00 00 00 00 10 00 00", zeros(8)},
		{"PERSISTENT RESERVE IN", "5e 00 00 00 00 00 00 01 00 00", zeros(8)},
		{"RECEIVE DIAGNOSTIC", "1c 01 00 01 00 00", "0000000100"},
		{"REPORT TMF", "a3 0d 00 00 00 00 00 00 00 04 00 00", "c8000000"},
	} {
		if got := hex.EncodeToString(b.good(x.cdb, nil, 4096)); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.name, got, x.want)
		}
	}
	for _, cdb := range []string{"12 00 80 00 ff 00", "12 01 c0 00 ff 00", "12 02 00 00 ff 00", "a0 00 03 00 00 00 00 00 00 10 00 00",
		"a0 00 00 00 00 00 00 00 00 0f 00 00", "9e 10 00 00 00 00 00 00 00 01 00 00 00 20 00 00"} {
		b.refused(cdb, nil, 4096, "5/24/00")
	}
	for _, cdb := range []string{"", "02 00 00 00 00 00", "85 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"} {
		b.refused(cdb, nil, 512, "5/20/00")
	}
}

// Reads and writes of every form, their limits, and what stands on the medium.
func TestBlocks(t *testing.T) {
	b := start(t, config())
	block := func(fill byte) []byte { return bytes.Repeat([]byte{fill, ^fill}, 256) }
	m := b.Media()[0]
	for i, x := range []struct{ write, read string }{
		{"0a 00 12 34 01 00", "08 00 12 34 01 00"},
		{"2a 00 00 00 12 35 00 00 01 00", "28 00 00 00 12 35 00 00 01 00"},
		{"aa 00 00 00 12 36 00 00 00 01 00 00", "a8 08 00 00 12 36 00 00 00 01 00 00"},
		{"8a 08 00 00 00 00 00 00 12 37 00 00 00 01 00 00", "88 00 00 00 00 00 00 00 12 37 00 00 00 01 00 00"},
		{"2e 00 00 00 12 38 00 00 01 00", "28 10 00 00 12 38 00 00 01 00"},
	} {
		want := block(byte(0x31 + i))
		b.good(x.write, want, 0)
		p := make([]byte, 512)
		if _, err := m.ReadAt(p, int64(0x1234+i)*512); err != nil || !bytes.Equal(p, want) {
			t.Errorf("%s: block %#x holds % x...", x.write, 0x1234+i, p[:4])
		}
		if got := b.good(x.read, nil, 512); !bytes.Equal(got, want) {
			t.Errorf("%s: % x...", x.read, got[:4])
		}
	}
	// READ(6) of 0 is of 256 blocks; no more comes than the initiator takes.
	if got := b.good("08 00 12 34 00 00", nil, 1024); !bytes.Equal(got, append(block(0x31), block(0x32)...)) {
		t.Errorf("READ(6) of 256 blocks into 1024 bytes: %d bytes", len(got))
	}
	// VERIFY: two blocks compared, one compared with a byte that differs, none.
	b.good("2f 02 00 00 12 34 00 00 02 00", append(block(0x31), block(0x32)...), 0)
	other := append(block(0x31), block(0x32)...)
	other[700] ^= 1
	if got := b.bad("2f 02 00 00 12 34 00 00 02 00", other, 0); got != "f0000e000002bc"+"0a"+"00000000"+"1d00"+"00000000" {
		t.Errorf("VERIFY that differs at byte 700: %s", got)
	}
	b.good("8f 00 00 00 00 00 00 00 00 00 00 00 20 00 00 00", nil, 0)
	// WRITE SAME: four blocks, then two of zeros without data.
	b.good("41 00 00 00 00 10 00 00 04 00", block(0x77), 0)
	b.good("93 01 00 00 00 00 00 00 00 11 00 00 00 02 00 00", nil, 0)
	if got := b.good("28 00 00 00 00 0f 00 00 06 00", nil, 6*512); !bytes.Equal(got, slices(make([]byte, 512), block(0x77), make([]byte, 1024), block(0x77), make([]byte, 512))) {
		t.Errorf("WRITE SAME left % x...", got[510:520])
	}
	for _, x := range []struct{ cdb, want string }{
		{"28 00 00 00 20 00 00 00 01 00", "5/21/00"},
		{"88 00 ff ff ff ff ff ff ff ff 00 00 00 02 00 00", "5/21/00"},
		{"2a 00 00 00 1f ff 00 00 02 00", "5/21/00"},
		{"35 00 00 00 1f ff 00 00 02 00", "5/21/00"},
		{"2a 00 00 00 00 00 00 00 04 00", "b/4b/00"}, // three blocks of data
		{"28 20 00 00 00 00 00 00 01 00", "5/24/00"}, // RDPROTECT
		{"41 00 00 00 00 00 00 00 00 00", "5/24/00"}, // no block
		{"41 08 00 00 00 00 00 00 01 00", "5/24/00"}, // UNMAP of a drive that is not thin
		{"2f 04 00 00 00 00 00 00 01 00", "5/24/00"},
		{"42 00 00 00 00 00 00 00 18 00", "5/20/00"},
	} {
		b.refused(x.cdb, make([]byte, 3*512), 512, x.want)
	}
	b.good("35 00 00 00 00 00 00 00 00 00", nil, 0)
	b.good("91 00 00 00 00 00 00 00 1f ff 00 00 00 01 00 00", nil, 0)
	b.good("34 00 00 00 00 00 00 00 00 00", nil, 0)
}

func slices(all ...[]byte) []byte { return bytes.Join(all, nil) }

// UNMAP makes blocks read as zeros where the drive says so, and nothing where it does
// not. In either case the medium has what they held.
func TestUnmap(t *testing.T) {
	list := unhex(t, "00 26 00 20 00 00 00 00  00 00 00 00 00 00 00 05 00 00 00 02 00 00 00 00  00 00 00 00 00 00 1f ff 00 00 00 01 00 00 00 00")
	for _, zeros := range []bool{true, false} {
		c := config()
		c.Thin = scsi.Thin{Unmap: true, Zeros: zeros}
		b := start(t, c)
		b.plant()
		b.good("42 00 00 00 00 00 00 00 28 00", list, 0)
		if left := b.survives(0, whole); left != whole {
			t.Errorf("zeros %v: %d bytes are left, want %d", zeros, left, whole)
		}
		for cdb, gone := range map[string]bool{"28 00 00 00 00 04 00 00 01 00": false, "28 00 00 00 00 05 00 00 01 00": zeros,
			"28 00 00 00 00 06 00 00 01 00": zeros, "28 00 00 00 00 07 00 00 01 00": false, "28 00 00 00 1f ff 00 00 01 00": zeros} {
			if in := b.good(cdb, nil, 512); bytes.Equal(in, make([]byte, 512)) != gone {
				t.Errorf("zeros %v: %s reads as % x", zeros, cdb, in[:4])
			}
		}
		b.refused("42 00 00 00 00 00 00 00 29 00", list, 0, "5/1a/00")
		list[31] = 0x01 // block 2^32 + ...
		b.good("42 00 00 00 00 00 00 00 00 00", nil, 0)
		b.refused("42 00 00 00 00 00 00 00 28 00", append(append([]byte(nil), list[:24]...), unhex(t, "00000000000020000000000100000000")...), 0, "5/21/00")
		list[31] = 0xff
	}
}

// Blocks that can't be read, and those that can't be written either.
func TestBadBlocks(t *testing.T) {
	c := config()
	c.Bad = []scsi.Extent{{LBA: 100, Count: 3}, {LBA: 4000, Count: 2, Dead: true}}
	c.DescriptorSense = true
	b := start(t, c)
	b.good("2a 00 00 00 00 62 00 00 02 00", bytes.Repeat([]byte{0xab}, 1024), 0)
	r := b.do("28 00 00 00 00 62 00 00 04 00", nil, 2048)
	if r.Status != 2 || hex.EncodeToString(r.Sense) != "720311000000000c"+"000a80000000000000000064" {
		t.Errorf("status %02x, sense %x", r.Status, r.Sense)
	}
	if !bytes.Equal(r.In, bytes.Repeat([]byte{0xab}, 1024)) {
		t.Errorf("%d bytes before the bad block", len(r.In))
	}
	b.good("2a 00 00 00 00 65 00 00 01 00", make([]byte, 512), 0)
	b.good("28 00 00 00 00 65 00 00 01 00", nil, 512)
	if got := b.bad("28 00 00 00 00 66 00 00 01 00", nil, 512); got != "720311000000000c"+"000a80000000000000000066" {
		t.Errorf("the block behind the one that was written: %s", got)
	}
	if got := b.bad("2a 00 00 00 0f 9f 00 00 04 00", make([]byte, 2048), 0); got != "72030c000000000c"+"000a80000000000000000fa0" {
		t.Errorf("a block that can't be written: %s", got)
	}
	b.good("48 83 00 00 00 00 00 00 00 00", nil, 0) // CRYPTOGRAPHIC ERASE writes nothing, and so ends well
	b.clock.Advance(time.Hour)
	b.good("28 00 00 00 00 00 00 08 00 00", nil, 2048*512)
	if got := b.bad("2f 00 00 00 0f 9f 00 00 04 00", nil, 0); got != "720311000000000c"+"000a80000000000000000fa0" {
		t.Errorf("a dead block after a sanitize: %s", got)
	}
	// REASSIGN BLOCKS puts another sector there, and the block into the grown list.
	b.good("07 00 00 00 00 00", unhex(t, "00 00 00 08 00 00 0f a0 00 00 0f a1"), 0)
	b.good("2f 00 00 00 0f 9f 00 00 04 00", nil, 0)
	if got := hex.EncodeToString(b.good("37 00 08 00 00 00 00 00 ff 00", nil, 255)); got != "00080008"+"00000fa0"+"00000fa1" {
		t.Errorf("READ DEFECT DATA(10): %s", got)
	}
}

// An erasure that writes leaves what it can't write, and says that it failed.
func TestDeadBlocksStay(t *testing.T) {
	for cdb, failed := range map[string]string{"48 a2 00 00 00 00 00 00 00 00": "3/31/03", "04 10 00 00 00 00": "3/31/00"} {
		c := config()
		c.Bad = []scsi.Extent{{LBA: 100, Count: 3}, {LBA: 4000, Count: 2, Dead: true}}
		b := start(t, c)
		b.plant()
		b.good(cdb, unhex(t, "00 02 00 00"), 0) // FORMAT UNIT takes this list: IMMED
		b.clock.Advance(100 * time.Hour)
		if left := b.survives(0, blocks*512); left != 1024 {
			t.Errorf("%s: %d bytes are left, want those of the two dead blocks", cdb, left)
		}
		b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, failed)
	}
}

// What is unmapped is where it was until it is written or erased; WRITE SAME with
// UNMAP does no more than UNMAP, unless it brings something to write.
func TestUnmappedStays(t *testing.T) {
	c := config()
	c.Thin = scsi.Thin{Unmap: true, Zeros: true}
	b := start(t, c)
	b.plant()
	b.good("93 08 00 00 00 00 00 00 00 10 00 00 00 04 00 00", make([]byte, 512), 0)
	b.good("41 08 00 00 00 20 00 00 04 00", make([]byte, 512), 0)
	if left := b.survives(0, whole); left != whole {
		t.Errorf("%d bytes are left, want %d", left, whole)
	}
	if in := b.good("28 00 00 00 00 10 00 00 04 00", nil, 2048); !bytes.Equal(in, make([]byte, 2048)) {
		t.Error("unmapped blocks do not read as zeros")
	}
	b.good("2f 06 00 00 00 20 00 00 04 00", make([]byte, 512), 0) // BYTCHK 11b: all are as this one
	b.good("93 08 00 00 00 00 00 00 00 10 00 00 00 01 00 00", bytes.Repeat([]byte{5}, 512), 0)
	b.good("2a 00 00 00 00 11 00 00 01 00", bytes.Repeat([]byte{6}, 512), 0)
	b.PowerCycle()
	in := b.good("28 00 00 00 00 10 00 00 04 00", nil, 2048)
	if in[0] != 5 || in[512] != 6 || in[1024] != 0 {
		t.Errorf("blocks 10h to 12h read as %02x, %02x, %02x", in[0], in[512], in[1024])
	}
	if left := b.survives(0, whole); left != whole-1024 {
		t.Errorf("%d bytes are left, want all but two blocks", left)
	}
	b.good("48 82 00 00 00 00 00 00 00 00", nil, 0)
	b.clock.Advance(100 * time.Hour)
	if left := b.survives(0, whole); left != 0 {
		t.Errorf("%d bytes survive a sanitize", left)
	}
}

// Defect lists in every format (SBC-4 clause 6.2).
func TestDefects(t *testing.T) {
	c := config()
	c.Health.Primary, c.Health.Grown = []uint64{0x2345}, []uint64{0x1_0000_0401, 0x17}
	b := start(t, c)
	for _, x := range []struct{ cdb, want string }{
		{"37 00 18 00 00 00 00 01 00 00", "0018000c" + "00002345" + "ffffffff" + "00000017"},
		{"37 00 13 00 00 00 00 01 00 00", "00130008" + "0000000000002345"},
		{"37 00 0c 00 00 00 00 01 00 00", "000c0010" + "40000100" + "00000200" + "00000000" + "00002e00"},
		{"37 00 15 00 00 00 00 01 00 00", "00150008" + "00000803" + "00000045"},
		{"b7 0b 00 00 00 01 00 00 01 00 00 00", "000b000000000008" + "0000000000000017"},
		{"b7 18 00 00 00 00 00 00 00 08 00 00", "001800000000000c"},
	} {
		if got := hex.EncodeToString(b.good(x.cdb, nil, 4096)); got != x.want {
			t.Errorf("%s: %s, want %s", x.cdb, got, x.want)
		}
	}
	r := b.do("37 00 0e 00 00 00 00 01 00 00", nil, 4096)
	if r.Status != 2 || r.Sense[2] != 1 || r.Sense[12] != 0x1c || hex.EncodeToString(r.In[:4]) != "000b0010" {
		t.Errorf("a format that it lacks: % x, % x", r.Sense, r.In)
	}
}

// Mode pages: what may be changed is, the rest is refused whole.
func TestModes(t *testing.T) {
	b := start(t, config())
	sense := func(cdb, want string) {
		t.Helper()
		if got := hex.EncodeToString(b.good(cdb, nil, 4096)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", cdb, got, want)
		}
	}
	sense("1a 00 0a 00 ff 00", "17001008"+"0000200000000200"+"8a0a00100000000000002a30")
	sense("5a 18 0a 00 00 00 00 00 ff 00", "0012001000000000"+"8a0a00100000000000002a30")
	sense("5a 10 08 00 00 00 00 00 ff 00", "002a001001000010"+"00000000000020000000000000000200"+"8812"+"1400ffff0000ffffffff802000000000"+"0000")
	sense("1a 08 4a 00 ff 00", "0f001000"+"8a0a04f00800000000000000")
	if n := len(b.good("5a 08 3f 00 00 00 00 0f ff 00", nil, 4096)); n != 8+12+20+12+8+40+12 {
		t.Errorf("all pages: %d bytes", n)
	}
	b.refused("1a 08 05 00 ff 00", nil, 255, "5/24/00")
	b.refused("1a 08 0a 01 ff 00", nil, 255, "5/24/00")

	// D_SENSE, saved; SWP, not saved.
	b.good("15 11 00 00 10 00", unhex(t, "00000000"+"0a0a04100000000000002a30"), 0)
	if got := b.bad("28 00 00 00 20 00 00 00 01 00", nil, 512); got != "7205210000000000" {
		t.Errorf("sense in descriptor format: %s", got)
	}
	b.good("55 10 00 00 00 00 00 00 14 00", unhex(t, "0000000000000000"+"0a0a04100800000000002a30"), 0)
	if got := b.bad("2a 00 00 00 00 00 00 00 01 00", make([]byte, 512), 0); got != "7207270200000000" {
		t.Errorf("a write with software write protection: %s", got)
	}
	if got := b.good("1a 08 0a 00 ff 00", nil, 255); got[2] != 0x90 {
		t.Errorf("the WP bit is not there: % x", got)
	}
	b.PowerCycle()
	b.good("2a 00 00 00 00 00 00 00 01 00", make([]byte, 512), 0)
	if got := b.bad("02 00 00 00 00 00", nil, 0); got != "7205200000000000" {
		t.Errorf("D_SENSE was not kept: %s", got)
	}
	for list, want := range map[string]string{
		"00000000" + "0a0a04110000000000002a30": "2600", // a bit that can't be changed
		"00000000" + "0a0904100000000000002a":   "2600",
		"00000000" + "050a04100000000000002a30": "2600", // a page that is not there
		"00000000" + "0a0a0410":                 "1a00",
		"00000007" + "0a0a04100000000000002a30": "2600", // length of the block descriptor
		"00000000" + "0a":                       "1a00",
	} {
		out := unhex(t, list)
		if got := b.bad("15 10 00 00 "+hex.EncodeToString([]byte{byte(len(out))})+" 00", out, 0); got[4:8] != want {
			t.Errorf("%s: %s, want %s", list, got, want)
		}
	}
}

// REPORT SUPPORTED OPERATION CODES, its lies, and that the drive does what it does.
func TestOperations(t *testing.T) {
	c := config()
	c.Sanitize.Crypto = false
	c.Claims = map[string]bool{"48/03": true, "48/02": false, "42": true}
	b := start(t, c)
	ask := func(cdb, want string) {
		t.Helper()
		if got := hex.EncodeToString(b.good(cdb, nil, 4096)); got != want {
			t.Errorf("%s: %s, want %s", cdb, got, want)
		}
	}
	ask("a3 0c 02 48 00 01 00 00 01 00 00 00", "0003000a"+"48e10000000000ffff07")
	ask("a3 0c 02 48 00 02 00 00 01 00 00 00", "00010000")
	ask("a3 0c 02 48 00 03 00 00 01 00 00 00", "0003000a"+"48e30000000000ffff07")
	ask("a3 0c 81 28 00 00 00 00 01 00 00 00", "0083000a"+"2818ffffffff3fffff07"+"000a0000"+"00000000"+"0000001e")
	ask("a3 0c 01 42 00 00 00 00 01 00 00 00", "0003000a"+"4201000000003fffff07")
	ask("a3 0c 03 93 00 00 00 00 01 00 00 00", "00030010"+"9319ffffffffffffffffffffffff3f07")
	ask("a3 0c 01 85 00 00 00 00 01 00 00 00", "00010000")
	b.refused("a3 0c 01 48 00 00 00 00 01 00 00 00", nil, 512, "5/24/00")
	b.refused("a3 0c 02 28 00 00 00 00 01 00 00 00", nil, 512, "5/24/00")
	b.refused("a3 0c 04 28 00 00 00 00 01 00 00 00", nil, 512, "5/24/00")
	b.refused("a3 0f 00 00 00 00 00 00 01 00 00 00", nil, 512, "5/24/00")
	b.refused("48 83 00 00 00 00 00 00 00 00", nil, 0, "5/24/00")
	b.refused("42 00 00 00 00 00 00 00 00 00", nil, 0, "5/20/00")
	all := b.good("a3 0c 00 00 00 00 00 00 ff ff 00 00", nil, 1<<16)
	if n := int(all[2])<<8 | int(all[3]); n != len(all)-4 || n%8 != 0 {
		t.Errorf("all operations: %d bytes of %d", n, len(all))
	}
	listed := hex.EncodeToString(all)
	if !strings.Contains(listed, "480000010001000a") || strings.Contains(listed, "480000020001000a") {
		t.Errorf("all operations: %s", listed)
	}
	timed := b.good("a3 0c 80 00 00 00 00 00 ff ff 00 00", nil, 1<<16)
	if (len(timed)-4)/20 != (len(all)-4)/8 {
		t.Errorf("with time-outs %d bytes, without %d", len(timed), len(all))
	}
	c.NoReport = true
	start(t, c).refused("a3 0c 00 00 00 00 00 00 ff ff 00 00", nil, 512, "5/20/00")
}

// Log pages: what Health says, and what smartctl asks for.
func TestLogs(t *testing.T) {
	c := config()
	c.Bad = []scsi.Extent{{LBA: 0x1122, Count: 1}}
	c.Health = scsi.Health{Temperature: 37, Reference: 68, PowerOnHours: 4711, Made: "201752", StartStops: 43, LoadUnloads: 97,
		Read: scsi.Errors{Corrected: 5, Uncorrected: 3, Bytes: 0x1122334455}, NonMedium: 9, Failing: true}
	b := start(t, c)
	b.clock.Advance(2 * time.Hour)
	for _, x := range []struct{ cdb, want string }{
		{"4d 00 40 00 00 00 00 00 ff 00", "0000000b" + "00020305060d0e1015182f"},
		{"4d 00 43 00 00 00 05 00 ff 00", "03000018" + "00050208" + "0000001122334455" + "00060208" + "0000000000000003"},
		{"4d 00 46 00 00 00 00 00 ff 00", "0600000c" + "00000208" + "0000000000000009"},
		{"4d 00 4d 00 00 00 00 00 ff 00", "0d00000c" + "000003020025" + "000103020044"},
		{"4d 00 4e 00 00 00 00 00 ff 00", "0e000034" + "00010106" + ascii("201752") + "00020106" + ascii("      ") +
			"00030304" + "0000c350" + "00040304" + "0000002b" + "00050304" + "000927c0" + "00060304" + "00000061"},
		{"4d 00 55 00 00 00 00 00 ff 00", "15000028" + "0000030c" + "0004509c" + "00" + "08" + "000000000000" +
			"00010314" + "0004509c" + "13" + "1100" + "0000000000" + "0000000000001122"},
		{"4d 00 6f 00 00 00 00 00 ff 00", "2f000008" + "000003045d102544"},
	} {
		if got := hex.EncodeToString(b.good(x.cdb, nil, 4096)); got != x.want {
			t.Errorf("%s:\n got %s\nwant %s", x.cdb, got, x.want)
		}
	}
	b.refused("4d 00 51 00 00 00 00 00 ff 00", nil, 255, "5/24/00") // of drives that do not rotate
	b.refused("4d 00 43 00 00 00 07 00 ff 00", nil, 255, "5/24/00") // no parameter from there on
	if s := b.good("03 00 00 00 12 00", nil, 18); s[2] != 0 || s[12] != 0x5d || s[13] != 0x10 {
		t.Errorf("REQUEST SENSE of a drive that predicts its failure: % x", s)
	}
	c.Rotation, c.Health.Worn = 1, 83
	if got := hex.EncodeToString(start(t, c).good("4d 00 51 00 00 00 00 00 ff 00", nil, 255)); got != "11000008"+"0001030400000053" {
		t.Errorf("solid state page: %s", got)
	}
}

// Self-tests: progress, the result, the block where a long one failed.
func TestSelfTests(t *testing.T) {
	c := config()
	c.Bad = []scsi.Extent{{LBA: 0x777, Count: 1}}
	c.Health = scsi.Health{PowerOnHours: 0x1234, ShortTest: 2 * time.Minute, ExtendedTest: time.Hour}
	b := start(t, c)
	first := func() string { return hex.EncodeToString(b.good("4d 00 50 00 00 00 00 01 00 00", nil, 24)[4:]) }
	if got := first(); got != "00010310"+strings.Repeat("00", 16) {
		t.Errorf("before any: %s", got)
	}
	b.good("1d 20 00 00 00 00", nil, 0)
	b.clock.Advance(30 * time.Second)
	b.good("00 00 00 00 00 00", nil, 0) // in the background
	if s := b.good("03 00 00 00 12 00", nil, 18); hex.EncodeToString(s[12:]) != "040900"+"804000" {
		t.Errorf("REQUEST SENSE: % x", s)
	}
	b.refused("1d 40 00 00 00 00", nil, 0, "2/04/09")
	b.clock.Advance(90 * time.Second)
	if got := first(); got != "00010310"+"20"+"00"+"1234"+"ffffffffffffffff"+"00000000" {
		t.Errorf("the short one: %s", got)
	}
	b.good("1d 40 00 00 00 00", nil, 0)
	b.clock.Advance(time.Hour)
	if got := first(); got != "00010310"+"47"+"02"+"1235"+"0000000000000777"+"03110000" {
		t.Errorf("the long one: %s", got)
	}
	b.good("1d 40 00 00 00 00", nil, 0)
	b.good("1d 80 00 00 00 00", nil, 0)
	if got := first(); got[:10] != "0001031041" {
		t.Errorf("one that was aborted: %s", got)
	}
	b.good("1d 04 00 00 00 00", nil, 0) // the default one
	b.refused("1d 24 00 00 00 00", nil, 0, "5/24/00")
}

// Faults of a script, and in which form their sense data comes.
func TestFaults(t *testing.T) {
	const read = "28 00 00 00 00 00 00 00 04 00"
	for _, x := range []struct {
		name string
		do   sim.Action
		want string
		data int
	}{
		{"abort", sim.Action{Abort: true}, "70000500000000" + "0a" + "00000000" + "2400" + "00000000", 0},
		{"medium", sim.Action{Medium: true}, "f0000300000002" + "0a" + "00000000" + "1100" + "00000000", 1024},
		{"descriptor", sim.Action{Abort: true, Sense: sim.SenseDescriptor}, "7205240000000000", 0},
		{"missing", sim.Action{Abort: true, Sense: sim.SenseMissing}, "", 0},
	} {
		c := config()
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Reads: true, LBA: ptr(uint64(2))}, Do: x.do})
		b := start(t, c)
		r := b.do(read, nil, 2048)
		if r.Status != 2 || hex.EncodeToString(r.Sense) != x.want || len(r.In) != x.data {
			t.Errorf("%s: status %02x, sense %x, %d bytes", x.name, r.Status, r.Sense, len(r.In))
		}
		b.good("28 00 00 00 00 03 00 00 01 00", nil, 512)
	}

	c := config()
	c.Script = sim.NewScript(
		sim.Fault{When: sim.When{Opcode: ptr(byte(0x00)), Nth: 2, Times: 1}, Do: sim.Action{Become: "SCSI-2", Shrink: 100}},
		sim.Fault{When: sim.When{Opcode: ptr(byte(0x4d))}, Do: sim.Action{Hang: true}},
		sim.Fault{When: sim.When{Opcode: ptr(byte(0x37))}, Do: sim.Action{Unplug: true}})
	b := start(t, c)
	b.good("00 00 00 00 00 00", nil, 0)
	b.good("00 00 00 00 00 00", nil, 0)
	if got := string(b.good("12 01 80 00 ff 00", nil, 255)[4:]); got != "SCSI-2" {
		t.Errorf("the drive is %q now", got)
	}
	if got := hex.EncodeToString(b.good("12 01 83 00 ff 00", nil, 255)[8:16]); got == "5000c500a1b2c3d4" || got[:10] != "5000c500a1" {
		t.Errorf("and its name %s", got)
	}
	if got := hex.EncodeToString(b.good("25 00 00 00 00 00 00 00 00 00", nil, 8)); got != "00000063"+"00000200" {
		t.Errorf("and its capacity %s", got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := b.SCSI(ctx, sim.SCSIRequest{CDB: unhex(t, "4d 00 4d 00 00 00 00 00 ff 00"), In: 255}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a command that hangs: %v", err)
	}
	if _, err := b.SCSI(t.Context(), sim.SCSIRequest{CDB: unhex(t, "37 00 0d 00 00 00 00 00 ff 00"), In: 255}); !errors.Is(err, sim.ErrGone) || b.Plugged() {
		t.Errorf("a command that unplugs: %v", err)
	}
}

// Unit attention: once, and not for INQUIRY, REPORT LUNS and REQUEST SENSE, which
// tells it instead.
func TestUnitAttention(t *testing.T) {
	c := config()
	c.UnitAttention = true
	b := start(t, c)
	b.good("12 00 00 00 24 00", nil, 36)
	b.refused("00 00 00 00 00 00", nil, 0, "6/29/01")
	b.good("00 00 00 00 00 00", nil, 0)
	b.Reset()
	if s := b.good("03 00 00 00 12 00", nil, 18); s[2] != 6 || s[12] != 0x29 || s[13] != 2 {
		t.Errorf("REQUEST SENSE after a reset: % x", s)
	}
	b.good("00 00 00 00 00 00", nil, 0)
	b.PowerCycle()
	b.refused("00 00 00 00 00 00", nil, 0, "6/29/01")
	b.good("00 00 00 00 00 00", nil, 0)
	b.good("15 11 00 00 0c 00", unhex(t, "00 00 00 08 00 00 10 00 00 00 02 00"), 0)
	b.refused("00 00 00 00 00 00", nil, 0, "6/2a/09")
}

// A drive that was stopped reads nothing until it is started or gets its power.
func TestStopped(t *testing.T) {
	b := start(t, config())
	b.good("1b 00 00 00 00 00", nil, 0)
	b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, "2/04/02")
	b.good("1b 01 00 00 01 00", nil, 0)
	b.good("28 00 00 00 00 00 00 00 01 00", nil, 512)
	b.good("1b 00 00 00 00 00", nil, 0)
	b.PowerCycle()
	b.good("00 00 00 00 00 00", nil, 0)
	b.refused("1b 00 00 00 02 00", nil, 0, "5/24/00")
	b.refused("1e 00 00 00 01 00", nil, 0, "5/20/00")
}

// tcg stands for a security subsystem.
type tcg struct {
	sent   []string
	locked bool
	cycles int
}

func (s *tcg) Send(protocol byte, specific uint16, b []byte) bool {
	s.sent = append(s.sent, hex.EncodeToString(append([]byte{protocol, byte(specific >> 8), byte(specific)}, b...)))
	return protocol == 1
}

func (s *tcg) Receive(protocol byte, specific uint16, n int) ([]byte, bool) {
	return bytes.Repeat([]byte{protocol, byte(specific >> 8), byte(specific)}, n)[:n], protocol == 1
}

func (s *tcg) Locked() (read, write bool) { return s.locked, s.locked }
func (s *tcg) PowerCycle()                { s.cycles++ }

func TestSecurity(t *testing.T) {
	c, s := config(), &tcg{}
	c.TCG = s
	b := start(t, c)
	b.good("b5 01 12 34 00 00 00 00 00 05 00 00", []byte("hello"), 0)
	b.good("b5 01 12 34 80 00 00 00 00 01 00 00", bytes.Repeat([]byte{7}, 512), 0)
	if len(s.sent) != 2 || s.sent[0] != "011234"+ascii("hello") || len(s.sent[1]) != 2*515 {
		t.Errorf("sent %q", s.sent)
	}
	if got := hex.EncodeToString(b.good("a2 01 00 01 00 00 00 00 00 07 00 00", nil, 512)); got != "01000101000101" {
		t.Errorf("received %s", got)
	}
	if got := b.good("a2 01 00 01 80 00 00 ff ff ff 00 00", nil, 2048); len(got) != 2048 {
		t.Errorf("%d bytes received of more than was to be", len(got))
	}
	b.refused("b5 02 00 00 00 00 00 00 00 01 00 00", []byte{1}, 0, "5/24/00")
	b.refused("a2 02 00 00 00 00 00 00 00 01 00 00", nil, 1, "5/24/00")
	b.refused("b5 01 00 00 00 00 00 00 00 02 00 00", []byte{1}, 0, "b/4b/00")
	s.locked = true
	b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, "7/20/02")
	b.refused("2a 00 00 00 00 00 00 00 01 00", make([]byte, 512), 0, "7/20/02")
	b.plant()
	for _, cdb := range []string{"48 82 00 00 00 00 00 00 00 00", "48 83 00 00 00 00 00 00 00 00", "04 00 00 00 00 00"} {
		b.refused(cdb, nil, 0, "7/20/02")
	}
	b.clock.Advance(100 * time.Hour)
	if left := b.survives(0, whole); left != whole {
		t.Errorf("%d bytes are left on a locked drive, want all", left)
	}
	b.PowerCycle()
	if s.cycles != 1 {
		t.Errorf("%d power cycles", s.cycles)
	}
	start(t, config()).refused("a2 00 00 00 00 00 00 00 02 00 00 00", nil, 512, "5/20/00")
}

// Errors of a Config name its field.
func TestConfig(t *testing.T) {
	for field, change := range map[string]func(*scsi.Config){
		"Serial":              func(c *scsi.Config) { c.Serial = "a\n" },
		"Vendor":              func(c *scsi.Config) { c.Vendor = "123456789" },
		"Blocks":              func(c *scsi.Config) { c.Blocks = 0 },
		"LogicalBlock":        func(c *scsi.Config) { c.LogicalBlock = 511 },
		"Visible":             func(c *scsi.Config) { c.Visible = c.Blocks + 1 },
		"Rotation":            func(c *scsi.Config) { c.Rotation = -1 },
		"Medium":              func(c *scsi.Config) { c.Medium = sim.NewMedium(5) },
		"Bad[1]":              func(c *scsi.Config) { c.Bad = []scsi.Extent{{LBA: 1, Count: 1}, {LBA: blocks, Count: 1}} },
		"Claims":              func(c *scsi.Config) { c.Claims = map[string]bool{"sanitize": true} },
		"Health.Made":         func(c *scsi.Config) { c.Health.Made = "2024-1" },
		"Health.Temperature":  func(c *scsi.Config) { c.Health.Temperature = 300 },
		"Sanitize.CryptoTime": func(c *scsi.Config) { c.Sanitize.CryptoTime = -1 },
	} {
		c := config()
		change(&c)
		if _, err := scsi.New(c); err == nil || !strings.HasPrefix(err.Error(), field+": ") {
			t.Errorf("%s: %v", field, err)
		}
	}
	if _, err := scsi.New(scsi.Config{Blocks: 1 << 32}); err != nil {
		t.Errorf("a drive of 2 TB of which nothing else is told: %v", err)
	}
}

// The trace holds what was asked, but not every read and write.
func TestTrace(t *testing.T) {
	b := start(t, config())
	b.good("28 00 00 00 00 00 00 00 01 00", nil, 512)
	b.good("12 00 00 00 24 00", nil, 36)
	b.refused("02 00 00 00 00 00", nil, 0, "5/20/00")
	b.good("48 83 00 00 00 00 00 00 00 00", nil, 0)
	var got []string
	for _, e := range b.Trace() {
		got = append(got, hex.EncodeToString(e.Frame)+" "+hex.EncodeToString([]byte{byte(e.Status)}))
	}
	if want := "120000002400 00, 020000000000 02, 48830000000000000000 00"; strings.Join(got, ", ") != want {
		t.Errorf("%s, want %s", strings.Join(got, ", "), want)
	}
}

// FuzzSCSI: whatever comes, the drive answers in a form that the standard has, with
// no more data than was to be, and only what erases or writes changes the medium.
func FuzzSCSI(f *testing.F) {
	seeds := 0
	add := func(cdb, out string) { f.Add(unhex(f, cdb), unhex(f, out), uint16(512)); seeds++ }
	for _, cdb := range []string{"00 00 00 00 00 00", "03 01 00 00 fc 00", "12 01 83 00 fc 00", "a3 0c 80 00 00 00 00 00 ff ff 00 00", "4d 00 55 00 00 00 00 00 ff 00",
		"28 00 00 00 00 62 00 00 04 00", "88 00 ff ff ff ff ff ff ff ff ff ff ff ff 00 00", "5a 10 3f 00 00 00 00 0f ff 00", "b7 1b 00 00 00 01 00 00 01 00 00 00", "37 00 1d 00 00 00 00 02 00 00", "1d 40 00 00 00 00"} {
		add(cdb, "")
	}
	add("48 81 00 00 00 00 00 00 08 00", "82000004deadbeef")
	add("04 38 00 00 00 00", "00880000000000000001000400112233")
	add("04 18 00 00 00 00", "00820000")
	add("15 11 00 00 18 00", "00000008ffffffff000002080a0a04100000000000002a30")
	add("42 00 00 00 00 00 00 00 18 00", "00160010000000000000000000000005ffffffff00000000")
	add("07 03 00 00 00 00", "000000080000000000000064")
	add("93 09 00 00 00 00 00 00 00 11 00 00 00 02 00 00", strings.Repeat("a5", 512))
	add("8f 06 00 00 00 00 00 00 00 11 00 00 00 02 00 00", strings.Repeat("a5", 512))
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, cdb, out []byte, in uint16) {
		clock := sim.NewManual()
		c := config()
		c.Clock, c.Blocks, c.Spare, c.Thin = clock, 256, 512, scsi.Thin{Unmap: true, Zeros: true}
		c.TCG, c.Removable, c.Bad = &tcg{}, true, []scsi.Extent{{LBA: 100, Count: 2}, {LBA: 7, Count: 1, Dead: true}}
		c.Health.ShortTest, c.Health.ExtendedTest = 1, 1
		c.Sanitize.OverwriteTime, c.Sanitize.BlockTime, c.Sanitize.CryptoTime, c.Format.Time = 0, 0, 0, 0
		d, err := scsi.New(c)
		if err != nil {
			t.Fatal(err)
		}
		m := d.Media()[0]
		if err := m.Fill(0, m.Size(), sim.Noise("a person's data")); err != nil {
			t.Fatal(err)
		}
		before := content(t, m)
		ctx, cancel := context.WithCancel(t.Context())
		if len(cdb) > 0 && cdb[0] == 0x1d {
			cancel() // a self-test in the foreground waits for a clock that stands still
		}
		defer cancel()
		for range 2 { // the second meets what the first has left
			r, err := d.SCSI(ctx, sim.SCSIRequest{CDB: cdb, Out: out, In: int(in)})
			if err != nil {
				if !errors.Is(err, context.Canceled) {
					t.Fatal(err)
				}
				return
			}
			checkReply(t, r, int(in))
		}
		if !bytes.Equal(content(t, d.Media()[0]), before) && !bytes.Contains(writers, cdb[:1]) {
			t.Fatalf("% x has changed the medium", cdb)
		}
		clock.Advance(time.Second)
		d.PowerCycle()
		if r, err := d.SCSI(ctx, sim.SCSIRequest{CDB: make([]byte, 6)}); err != nil && ctx.Err() == nil {
			t.Fatalf("after it: %v, %v", r, err)
		}
	})
}

// writers are the codes of what writes or erases.
var writers = []byte{0x04, 0x07, 0x0a, 0x2a, 0x2e, 0x41, 0x42, 0x48, 0x8a, 0x8e, 0x93, 0xaa, 0xae}

func content(t *testing.T, m *sim.Medium) []byte {
	t.Helper()
	p := make([]byte, m.Size())
	if _, err := m.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	return p
}

func checkReply(t *testing.T, r sim.SCSIReply, in int) {
	t.Helper()
	switch {
	case len(r.In) > in:
		t.Fatalf("%d bytes of %d", len(r.In), in)
	case r.Status == 0 && r.Sense != nil, r.Status != 0 && r.Status != 2:
		t.Fatalf("status %02x with sense % x", r.Status, r.Sense)
	case r.Status == 2 && len(r.Sense) < 8:
		t.Fatalf("CHECK CONDITION with sense % x", r.Sense)
	}
	if r.Status == 2 && r.Sense[0]&0x7f != 0x70 && r.Sense[0] != 0x72 {
		t.Fatalf("sense % x", r.Sense)
	}
}
