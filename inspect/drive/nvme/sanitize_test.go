package nvme

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// frames as 'nvme sanitize-log', 'nvme get-log -i 0x15 -l 16' and 'nvme list-ctrl -n 7'
// send them: Get Log Page with NSID FFFFFFFFh and the number of dwords less one in
// CDW10 31:16, Identify with CNS 12h.
func TestFrames(t *testing.T) {
	const pointers = "0000000000000000000000000000000000000000000000000000000000000000"
	for name, c := range map[string]struct {
		got  drive.Command
		n    int
		want string
	}{
		"sanitize log": {SanitizeLog(), 512, "02000000" + "ffffffff" + pointers + "81007f00"},
		"smart log":    {SMARTLog(), 512, "02000000" + "ffffffff" + pointers + "02007f00"},
		"boot log":     {BootLog(), 16, "02000000" + "ffffffff" + pointers + "15000300"},
		"list-ctrl":    {AttachedControllers(0x01020307), 4096, "06000000" + "07030201" + pointers + "12000000"},
	} {
		if got := hex.EncodeToString(c.got.Frame); got != c.want+strings.Repeat("0", 40) || len(c.got.Data) != c.n || c.got.Direction != drive.DirectionIn {
			t.Errorf("%s: %s, %d bytes", name, got, len(c.got.Data))
		}
	}
}

// page of log 81h with every field its own: SPROG 028Fh, SSTAT, SCDW10 000003F3h,
// estimates of 102030h, 405h and FFFFFFFFh seconds.
func page(t testing.TB, sstat string) []byte {
	b, err := hex.DecodeString("8f02" + sstat + "f3030000" + "30201000" + "05040000" + "ffffffff")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, make([]byte, 512-len(b))...)
}

func TestParseSanitize(t *testing.T) {
	for sstat, c := range map[string]struct {
		state     SanitizeState
		passes    int
		untouched bool
		good      bool
	}{
		"0000": {SanitizeNever, 0, false, false},
		"0001": {SanitizeNever, 0, true, false},
		"0101": {SanitizeDone, 0, true, true},
		"7a00": {SanitizeRunning, 15, false, false},
		"8300": {SanitizeFailed, 16, false, false},
		"0401": {SanitizeDeallocated, 0, true, true},
		"0500": {5, 0, false, false},
		"fffe": {7, 31, false, false},
	} {
		l, err := ParseSanitize(page(t, sstat))
		if err != nil {
			t.Fatal(err)
		}
		want := Sanitize{Progress: 655, State: c.state, Passes: c.passes, Untouched: c.untouched, CDW10: 0x3f3,
			Overwrite: 0x102030 * time.Second, Block: 0x405 * time.Second}
		if l != want || l.State.Succeeded() != c.good {
			t.Errorf("%s: %+v", sstat, l)
		}
	}
	for _, n := range []int{0, 36, 511, 513, 4096} {
		if l, err := ParseSanitize(make([]byte, n)); err == nil || l.State.Succeeded() {
			t.Errorf("%d bytes: %+v", n, l)
		}
	}
}

// An overwrite's estimate is that of 16 passes.
func TestSanitizeEstimate(t *testing.T) {
	l := Sanitize{Overwrite: 1600 * time.Second, Block: 70 * time.Second}
	for cdw10, want := range map[uint32]time.Duration{0x2: 70 * time.Second, 0x202: 70 * time.Second, 0x4: 0, 0x13: 100 * time.Second,
		0x33: 300 * time.Second, 0x3: 1600 * time.Second, 0x1: 0, 0: 0, 0xfffffff8: 0} {
		if got := l.Estimate(cdw10); got != want {
			t.Errorf("CDW10 %08x: %s", cdw10, got)
		}
	}
}

func TestParseBootLog(t *testing.T) {
	for in, want := range map[string]int64{
		"00000000 00000080 0000000000000000": 0,
		"01ffffff 10000080 ffffffffffffffff": 2 * 16 * 131072,
		"00000000 ffffffff 0000000000000000": 2 * 32767 * 131072,
	} {
		b, err := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		if n, err := ParseBootLog(b); n != want || err != nil {
			t.Errorf("%s: %d, %v", in, n, err)
		}
	}
	for _, n := range []int{0, 15, 17} {
		if _, err := ParseBootLog(make([]byte, n)); err == nil {
			t.Errorf("%d bytes pass", n)
		}
	}
}

func TestParseControllerList(t *testing.T) {
	for in, want := range map[string][]uint16{"0000": {}, "0200 0100 0f03": {1, 0x30f}, "0100 ffff 0200": {0xffff},
		"0200 0100 0100": nil, "0200 0200 0100": nil, "0008": nil, "ffff": nil} {
		b, err := hex.DecodeString(strings.ReplaceAll(in, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseControllerList(append(b, make([]byte, 4096-len(b))...))
		if (err == nil) != (want != nil) || len(got) != len(want) {
			t.Errorf("%s: %v, %v", in, got, err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v", in, got)
			}
		}
	}
	if _, err := ParseControllerList(make([]byte, 4095)); err == nil {
		t.Error("4095 bytes pass")
	}
}

// Where Identify Controller says what decides: SANICAP in bytes 331:328, RPMBS in
// 315:312, CMIC in 76, FNA in 524 (Base 2.0, figure 275).
func TestParseControllerBits(t *testing.T) {
	b := make([]byte, 4096)
	copy(b[4:], "S1")
	copy(b[328:], []byte{0x06, 0, 0, 0xa0})
	copy(b[312:], []byte{0x0b, 0x00, 0x1f, 0x07})
	b[76], b[524] = 0x02, 0x06
	c, err := ParseController(b)
	if err != nil {
		t.Fatal(err)
	}
	if units, n := c.RPMB(); units != 3 || n != 32*131072 {
		t.Errorf("RPMB %d x %d", units, n)
	}
	if c.SANICAP != 0xa0000006 || c.SANICAP&SanicapAny != SanicapBlock|SanicapOverwrite || !c.Shared() || c.FNA != FNAErasesAll|FNACrypto {
		t.Errorf("%+v", c)
	}
	b[76] = 0x05
	if c, _ := ParseController(b); c.Shared() {
		t.Error("CMIC 05h is not bit 1")
	}
}

// No page, however long and whatever is in it, makes a parser panic or a state that
// is none a success.
func FuzzParse(f *testing.F) {
	f.Add(page(f, "0101"))
	f.Add(bytes.Repeat([]byte{0xff}, 512))
	f.Add(bytes.Repeat([]byte{0xff}, 4096))
	f.Add(make([]byte, 16))
	f.Fuzz(func(t *testing.T, b []byte) {
		if l, err := ParseSanitize(b); err == nil {
			if l.State > 7 || l.State.Succeeded() != (b[2]&7 == 1 || b[2]&7 == 4) || l.Estimate(l.CDW10) < 0 {
				t.Errorf("%+v", l)
			}
		}
		if n, err := ParseBootLog(b); err == nil && (n < 0 || n%(1<<18) != 0) {
			t.Errorf("%d bytes of boot partitions", n)
		}
		if ids, err := ParseControllerList(b); err == nil && len(ids) > 2047 {
			t.Errorf("%d controllers", len(ids))
		}
		if c, err := ParseController(b); err == nil {
			if units, n := c.RPMB(); units > 7 || n <= 0 {
				t.Errorf("RPMB %d x %d", units, n)
			}
		}
		_, _ = ParseNamespace(b)
		_, _ = ParseNamespaceList(b)
	})
}
