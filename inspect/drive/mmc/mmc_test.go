package mmc

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The frames by the byte, and that each may pass where nothing may be changed.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		command drive.Command
		frame   string
		data    int
	}{
		{SendExtCSD(), "08 01 0000 00000000 0200 0001", 512},
		{SendStatus(0x1a2b), "0d 01 0000 1a2b0000 0000 0000", 0},
		{SendWriteProtType(0x01020304), "1f 01 0000 01020304 0008 0001", 8},
	} {
		if !bytes.Equal(c.command.Frame, unhex(t, c.frame)) || len(c.command.Data) != c.data || c.command.Timeout <= 0 ||
			(c.command.Direction == drive.DirectionIn) != (c.data > 0) || c.command.Protocol != drive.ProtocolMMC {
			t.Errorf("%s: %+v", c.frame, c.command)
		}
		sent := &sink{}
		if _, err := drive.ReadOnly(sent).Do(t.Context(), c.command); err != nil || sent.n != 1 {
			t.Errorf("%s: %v", c.frame, err)
		}
		if e, err := Parse(c.command); err != nil || len(e) != 1 || e[0].Response != R1 {
			t.Errorf("%s: %+v, %v", c.frame, e, err)
		}
	}
}

type sink struct{ n int }

func (s *sink) Do(context.Context, drive.Command) (drive.Completion, error) {
	s.n++
	return drive.Completion{}, nil
}

func TestParse(t *testing.T) {
	good := drive.Command{Protocol: drive.ProtocolMMC, Direction: drive.DirectionIn, Data: make([]byte, 1536),
		Frame: unhex(t, "23 01 0000 01020304 0000 0000"+"24 02 0000 05060708 0000 0000"+"12 01 0000 090a0b0c 0200 0003")}
	e, err := Parse(good)
	if err != nil || len(e) != 3 || e[0] != (Entry{35, R1, 0x01020304, 0, 0}) || e[1] != (Entry{36, R1b, 0x05060708, 0, 0}) ||
		e[2] != (Entry{18, R1, 0x090a0b0c, 512, 3}) || e[2].Bytes() != 1536 {
		t.Errorf("%+v, %v", e, err)
	}
	one := func(s string, data int) drive.Command {
		return drive.Command{Protocol: drive.ProtocolMMC, Frame: unhex(t, s), Data: make([]byte, data)}
	}
	for name, c := range map[string]drive.Command{
		"empty":                    one("", 0),
		"a byte short":             one("0d 01 0000 00010000 0000 00", 0),
		"a byte long":              one("0d 01 0000 00010000 0000 0000 00", 0),
		"256 commands":             one(strings.Repeat("0d0100000001000000000000", 256), 0),
		"CMD64":                    one("40 01 0000 00000000 0000 0000", 0),
		"no response":              one("0d 00 0000 00000000 0000 0000", 0),
		"R2":                       one("0a 03 0000 00000000 0000 0000", 0),
		"byte 2":                   one("0d 01 0100 00000000 0000 0000", 0),
		"byte 3":                   one("0d 01 0001 00000000 0000 0000", 0),
		"less data than told":      one("08 01 0000 00000000 0200 0001", 511),
		"more data than told":      one("08 01 0000 00000000 0200 0001", 513),
		"a length without a count": one("0d 01 0000 00000000 0200 0000", 0),
		"a count without a length": one("0d 01 0000 00000000 0000 0001", 0),
		"more than 512 KiB":        one("12 01 0000 00000000 0200 0401", 0x80200),
		"data in the middle":       one("0801000000000000 02000001"+"0d0100000001000000000000", 512),
		"data in both":             one("0801000000000000 02000001"+"0801000000000000 02000001", 512),
		"another protocol":         {Protocol: drive.ProtocolSCSI, Frame: unhex(t, "0d0100000001000000000000")},
		"no protocol":              {Frame: unhex(t, "0d0100000001000000000000")},
	} {
		if e, err := Parse(c); err == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// The status of each command of a sequence, and what is made of it.
func TestComplete(t *testing.T) {
	for _, c := range []struct {
		r1     []uint32
		status uint16
		result uint32
		sense  string
	}{
		{[]uint32{0x900, 0x800, 0x901}, 0, 0x901, "00000900 00000800 00000901"},
		{[]uint32{0x900, 0x10000900, 0x901}, 2, 0x10000900, "00000900 10000900 00000901"},
		{[]uint32{0x980}, 1, 0x980, "00000980"},
		{[]uint32{0x02004960}, 0, 0x02004960, "02004960"}, // locked, ECC disabled, event, APP_CMD: no errors
		{nil, 0, 0, ""},
	} {
		got := Complete(c.r1)
		if got.Status != c.status || got.Result != c.result || !bytes.Equal(got.Sense, unhex(t, c.sense)) {
			t.Errorf("%x: %+v", c.r1, got)
		}
	}
}

// Every bit of table 68 by itself.
func TestStatus(t *testing.T) {
	names := map[uint]string{31: "address out of range", 30: "address misaligned", 29: "block length error", 28: "erase sequence error",
		27: "erase parameter error", 26: "write protection violation", 24: "lock or unlock failed", 23: "CRC error", 22: "illegal command",
		21: "ECC failed", 20: "controller error", 19: "error", 18: "underrun", 17: "overrun", 16: "CID or CSD overwrite",
		15: "protected groups were not erased", 13: "erase sequence reset", 7: "switch error"}
	for bit := uint(0); bit < 32; bit++ {
		s := Status(1) << bit
		want, isError := names[bit]
		if (s.Errors() != 0) != isError || isError && !strings.HasSuffix(s.String(), ", "+want) {
			t.Errorf("bit %d: %x, %q", bit, s.Errors(), s)
		}
	}
	for _, c := range []struct {
		raw  Status
		text string
		idle bool
	}{
		{0x00000900, "transfer", true}, {0x00000e00, "programming", false}, {0x00000800, "transfer", false},
		{0x02000900, "transfer, locked", true}, {0x10000900, "transfer, erase sequence error", false}, {0x00001400, "sleep", false},
		{0x00001e00, "state 15", false},
	} {
		if c.raw.String() != c.text || c.raw.Idle() != c.idle {
			t.Errorf("%08x: %q, idle %t", uint32(c.raw), c.raw, c.raw.Idle())
		}
	}
}

// extCSD of a card of 5.1 whose fields all differ.
func extCSD() []byte {
	b := make([]byte, 512)
	for at, v := range map[int]byte{15: 1, 61: 1, 143: 0x05, 144: 0x02, 145: 0x01, 152: 0x07, 155: 1, 160: 7, 168: 0x20, 171: 0x44,
		173: 0x51, 174: 0x06, 175: 1, 179: 0x4a, 181: 1, 192: 8, 212: 0x00, 213: 0x80, 214: 0xa3, 215: 0x03, 221: 0x10, 223: 0x03,
		224: 0x08, 226: 0x21, 229: 0x11, 230: 0x13, 231: 0x55, 232: 0x05, 248: 0x19, 254: 'F', 255: 'W', 256: '1', 257: 0, 258: 0xff,
		259: 0x1b, 260: 'x', 261: 0, 267: 2, 268: 4, 269: 9} {
		b[at] = v
	}
	return b
}

func TestExtCSD(t *testing.T) {
	x, err := ParseExtCSD(extCSD())
	want := ExtCSD{Revision: 8, Sectors: 61046784, BySector: true, SectorSize: 4096, BootSize: 4325376, RPMBSize: 4194304,
		// 4 MiB units, 64 MiB protection groups.
		GPSizes: [4]int64{66053 * 67108864, 0, 0, 7 * 67108864}, Partitioned: true,
		SecureErase: true, SecureTrim: true, Trim: true, Discard: true, Sanitize: true, ErasedOnes: true,
		HighCapacityErase: true, EraseGroup: 4194304, ProtectGroup: 67108864,
		EraseTime: 900 * time.Millisecond, SecureEraseTime: 17100 * time.Millisecond, SecureTrimTime: 15300 * time.Millisecond,
		TrimTime: 1500 * time.Millisecond, SwitchTime: 250 * time.Millisecond,
		BootProtection: [2]Protection{ProtectionPermanent, ProtectionPower}, BootWP: 0x51, UserWP: 0x44, Access: 2, PartitionConfig: 0x4a, QueueOn: true,
		PreEOL: 2, LifeA: 4, LifeB: 9, Firmware: "FW1 x", FirmwareRaw: "46573100ff1b7800"}
	if err != nil || x != want {
		t.Errorf("got  %+v\nwant %+v\n%v", x, want, err)
	}
	if x.Size() != 31255953408 {
		t.Errorf("%d bytes", x.Size())
	}
}

// What an older register does not have is not made up of the bytes that stand there.
func TestOldExtCSD(t *testing.T) {
	for revision, check := range map[byte]func(ExtCSD) bool{
		2: func(x ExtCSD) bool { return x.BootSize == 0 && x.EraseGroup == 0 && x.Access == 0 && !x.SecureErase },
		3: func(x ExtCSD) bool {
			return x.BootSize == 4325376 && !x.SecureErase && !x.Trim && x.GPSizes == [4]int64{}
		},
		4: func(x ExtCSD) bool {
			return x.SecureErase && x.BootProtection == [2]Protection{} && x.RPMBSize == 0 && x.UserWP == 0
		},
		5: func(x ExtCSD) bool {
			return x.RPMBSize == 4194304 && !x.Sanitize && !x.Discard && x.SectorSize == 512 && !x.QueueOn
		},
		6: func(x ExtCSD) bool {
			return x.Sanitize && x.Discard && x.PreEOL == 0 && x.LifeA == 0 && x.Firmware == ""
		},
		7: func(x ExtCSD) bool { return x.PreEOL == 2 && x.Firmware == "FW1 x" },
	} {
		b := extCSD()
		b[192] = revision
		if x, err := ParseExtCSD(b); err != nil || !check(x) {
			t.Errorf("revision %d: %+v, %v", revision, x, err)
		}
	}
	if _, err := ParseExtCSD(make([]byte, 512)); err == nil {
		t.Error("512 zeros are a card")
	}
	for _, n := range []int{0, 511, 513} {
		if _, err := ParseExtCSD(make([]byte, n)); err == nil {
			t.Errorf("%d bytes were taken", n)
		}
	}
	b := extCSD()
	b[174], b[212], b[213], b[214], b[215] = 0x0c, 0, 0, 0x40, 0 // 2 GiB exactly
	if x, err := ParseExtCSD(b); err != nil || x.BySector || x.BootProtection != [2]Protection{ProtectionNone, ProtectionUnknown} {
		t.Errorf("%+v, %v", x, err)
	}
}

// mmc-utils 0+git20220624 reads the same bytes, the first group from the last.
func TestWriteProtection(t *testing.T) {
	g, err := ParseWriteProtection(unhex(t, "40 00 00 00 00 00 00 e4"))
	if err != nil || g[0] != ProtectionNone || g[1] != ProtectionTemporary || g[2] != ProtectionPower || g[3] != ProtectionPermanent ||
		g[4] != ProtectionNone || g[31] != ProtectionTemporary {
		t.Errorf("%v, %v", g, err)
	}
	for _, n := range []int{0, 7, 9} {
		if g, err := ParseWriteProtection(make([]byte, n)); err == nil || g[0] != ProtectionUnknown {
			t.Errorf("%d bytes: %v", n, g[0])
		}
	}
	if ProtectionPermanent.String() != "permanent" || Protection(0).String() != "unknown" || Protection(9).String() != "protection 9" {
		t.Error("names")
	}
}

// The CSD of a Samsung BJNB4R of 32 GB as Linux shows it, and its two bits of
// protection by turns.
func TestCSD(t *testing.T) {
	for s, want := range map[string]CSD{
		"d02701320f5903fff6dbffef8e404000": {3, false, false},
		"d02701320f5903fff6dbffef8e406000": {3, true, false},
		"902701320f5903fff6dbffef8e405000": {2, false, true},
	} {
		if c, err := ParseCSD(unhex(t, s)); err != nil || c != want {
			t.Errorf("%s: %+v, %v", s, c, err)
		}
	}
	if _, err := ParseCSD(make([]byte, 15)); err == nil {
		t.Error("15 bytes were taken")
	}
}

func FuzzParsers(f *testing.F) {
	f.Add(extCSD())
	f.Add([]byte("\x40\x00\x00\x00\x00\x00\x00\xe4"))
	f.Add([]byte("\x08\x01\x00\x00\x00\x00\x00\x00\x02\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if x, err := ParseExtCSD(b); err == nil {
			if x.Sectors == 0 || x.BootSize < 0 || x.RPMBSize < 0 || x.EraseGroup < 0 || x.Firmware != drive.Clean([]byte(x.Firmware)) {
				t.Fatalf("%+v", x)
			}
			for _, n := range x.GPSizes {
				if n < 0 {
					t.Fatalf("%+v", x)
				}
			}
		}
		if _, err := ParseWriteProtection(b); (err == nil) != (len(b) == 8) {
			t.Fatal(err)
		}
		c := drive.Command{Protocol: drive.ProtocolMMC, Frame: b, Direction: drive.DirectionIn, Data: make([]byte, 512)}
		if e, err := Parse(c); err == nil && len(e) != len(b)/12 {
			t.Fatalf("%d entries of %d bytes", len(e), len(b))
		}
		// What the filter lets through is one of three commands, whatever else is in it.
		_, err := drive.ReadOnly(&sink{}).Do(t.Context(), c)
		if err == nil && !bytes.Equal(b, []byte("\x08\x01\x00\x00\x00\x00\x00\x00\x02\x00\x00\x01")) || err != nil && !errors.Is(err, drive.ErrRefused) {
			t.Fatalf("% x: %v", b, err)
		}
	})
}
