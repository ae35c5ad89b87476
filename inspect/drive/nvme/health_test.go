package nvme

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

func unhexed(t testing.TB, n int, at map[int]string) []byte {
	t.Helper()
	b := make([]byte, n)
	for off, s := range at {
		d, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		copy(b[off:], d)
	}
	return b
}

// The log page of Base 2.0, figure 207, every field its own.
func TestParseSMART(t *testing.T) {
	b := unhexed(t, 512, map[int]string{0: "15", 1: "3901", 3: "5a", 4: "0a", 5: "6e", 32: "ff", 48: "0102030405", 64: "ff", 112: "ff", 128: "0403", 144: "ff", 160: "08", 168: "01"})
	got, err := ParseSMART(b)
	want := SMART{Critical: 0x15, Kelvin: 313, Spare: 90, SpareLimit: 10, Used: 110, WrittenBytes: 0x0504030201 * 512000, PowerOnHours: 0x0304, MediaErrors: 8 + 18446744073709551616}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
}

// Figures 213 and 214: a result has its kind above, its result below; hours at 4.
func TestParseSelfTests(t *testing.T) {
	log := func(change map[int]string) []byte {
		b := unhexed(t, 564, nil)
		for i := 4; i < len(b); i += 28 {
			b[i] = 0xf
		}
		for off, s := range change {
			copy(b[off:], unhexed(t, len(s)/2, map[int]string{0: s}))
		}
		return b
	}
	for name, c := range map[string]struct {
		data []byte
		want []SelfTest
	}{
		"none":         {log(nil), nil},
		"three":        {log(map[int]string{4: "10", 8: "0102030405060708", 32: "27", 60: "e9"}), []SelfTest{{1, 0, 0x0807060504030201}, {2, 7, 0}, {14, 9, 0}}},
		"zeros":        {make([]byte, 564), nil}, // a test of no kind
		"one, unnamed": {log(map[int]string{4: "1f"}), nil},
	} {
		got, err := ParseSelfTests(c.data)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := ParseSelfTests(make([]byte, 563)); err == nil {
		t.Errorf("%v", got)
	}
	for result, want := range map[byte][2]bool{0: {true, false}, 1: {}, 4: {}, 5: {false, true}, 7: {false, true}, 8: {}, 9: {}} {
		if s := (SelfTest{Result: result}); s.Passed() != want[0] || s.Failed() != want[1] {
			t.Errorf("result %d: passed %t, failed %t", result, s.Passed(), s.Failed())
		}
	}
}

// As nvme-cli 2.3 sends device-self-test; the kernel's own fields (flags and identifier
// in bytes 1 to 3, metadata in 39) are the transport's.
func TestSelfTestFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"14000000ffffffff" + strings.Repeat("00", 32) + "01" + strings.Repeat("00", 23): ShortSelfTest(),
		"14000000ffffffff" + strings.Repeat("00", 32) + "0f" + strings.Repeat("00", 23): AbortSelfTest(),
	} {
		if got := hex.EncodeToString(c.Frame); got != want || c.Data != nil || c.Direction != drive.DirectionNone {
			t.Errorf("%s, %d bytes; want %s", got, len(c.Data), want)
		}
	}
}

// Figure 212: byte 0 names the operation, byte 1 how much of it is done.
func TestRunningSelfTest(t *testing.T) {
	for head, want := range map[string]int{"0000": -1, "0032": -1, "0114": 20, "0263": 99, "f1e4": 100, "0e00": 0, "": -1, "01": -1} {
		percent, runs := RunningSelfTest(unhexed(t, len(head)/2, map[int]string{0: head}))
		if runs != (want >= 0) || runs && percent != want {
			t.Errorf("%s: %d %%, %t", head, percent, runs)
		}
	}
}

func FuzzParseHealth(f *testing.F) {
	f.Add(unhexed(f, 564, map[int]string{4: "10", 32: "27"}))
	f.Add(unhexed(f, 512, map[int]string{0: "15", 168: "ff"}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if percent, runs := RunningSelfTest(b); percent < 0 || percent > 100 || !runs && percent != 0 {
			t.Errorf("%d %%, %t", percent, runs)
		}
		if all, err := ParseSelfTests(b); len(all) > 20 || err != nil && all != nil {
			t.Errorf("%d, %v", len(all), err)
		}
		if s, err := ParseSMART(b); err != nil && s != (SMART{}) || s.MediaErrors < 0 || s.PowerOnHours < 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
