package ata

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// Task files that smartctl 7.3 sends for the same pages, as a model of a drive wrote them
// down, in CDBs of SAT-4 clause 12.2.3.
func TestHealthFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"85 08 0e 00 d5 00 01 00 06 00 4f 00 c2 00 b0 00": SelfTestLog(),
		"85 09 0e 00 00 00 01 00 04 00 07 00 00 00 2f 00": DeviceStatistics(7),
	} {
		if got := hex.EncodeToString(c.Frame); got != strings.ReplaceAll(want, " ", "") || len(c.Data) != 512 {
			t.Errorf("% x, %d bytes; want %s", c.Frame, len(c.Data), want)
		}
		if _, err := drive.ReadOnly(nothing{}).Do(t.Context(), c); err != nil {
			t.Error(err)
		}
	}
}

// ACS-3 clause 7.48.2: features D4h, the subcommand in LBA 7:0 and the key in LBA 23:8;
// no data goes.
func TestSelfTestFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"85 06 00 00 d4 00 00 00 01 00 4f 00 c2 00 b0 00": ShortSelfTest(),
		"85 06 00 00 d4 00 00 00 7f 00 4f 00 c2 00 b0 00": AbortSelfTest(),
	} {
		if got := hex.EncodeToString(c.Frame); got != strings.ReplaceAll(want, " ", "") || c.Data != nil || c.Direction != drive.DirectionNone {
			t.Errorf("% x, %d bytes; want %s", c.Frame, len(c.Data), want)
		}
		if _, err := drive.SelfTest(nothing{}).Do(t.Context(), c); err != nil {
			t.Error(err)
		}
		if _, err := drive.ReadOnly(nothing{}).Do(t.Context(), c); err == nil {
			t.Errorf("ReadOnly lets % x through", c.Frame)
		}
	}
}

// stateOf SMART data: bytes 363 (status and tenths), 367 (capabilities), 372 (minutes).
func stateOf(status, capability, minutes byte) []byte {
	b := make([]byte, 512)
	b[363], b[367], b[372] = status, capability, minutes
	b[511] = -(status + capability + minutes)
	return b
}

func TestParseSelfTestState(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want SelfTestState
		runs bool
		what string
	}{
		"passed":        {stateOf(0x00, 0x5b, 2), SelfTestState{true, SelfTest{}, 0, 2}, false, ""},
		"runs":          {stateOf(0xf7, 0x1b, 1), SelfTestState{true, SelfTest{Status: 0xf}, 70, 1}, true, ""},
		"runs, begins":  {stateOf(0xff, 0x1b, 1), SelfTestState{true, SelfTest{Status: 0xf}, 90, 1}, true, ""},
		"broken off":    {stateOf(0x19, 0x1b, 1), SelfTestState{true, SelfTest{Status: 1}, 0, 1}, false, ""},
		"reading fails": {stateOf(0x70, 0x10, 255), SelfTestState{true, SelfTest{Status: 7}, 0, 255}, false, "reading"},
		"has none":      {stateOf(0x00, 0x2f, 0), SelfTestState{}, false, ""},
	} {
		got, err := ParseSelfTestState(c.data)
		if err != nil || got != c.want || got.Running() != c.runs || got.What() != c.what {
			t.Errorf("%s: %+v, %v, %q", name, got, err, got.What())
		}
	}
	for name, b := range map[string][]byte{"short": make([]byte, 511), "a wrong sum": append(make([]byte, 511), 1)} {
		if got, err := ParseSelfTestState(b); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseSelfTestState(f *testing.F) {
	f.Add(stateOf(0xf7, 0x1b, 1))
	f.Add(stateOf(0x70, 0x10, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := ParseSelfTestState(b); s.Left < 0 || s.Left > 100 || err != nil && s != (SelfTestState{}) || s.Failed() == (s.What() == "") {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// statisticsOf a page: at these offsets stand these eight bytes, lowest first.
func statisticsOf(t testing.TB, page byte, at map[int]string) []byte {
	b := append([]byte{1, 0, page}, make([]byte, 509)...)
	for off, s := range at {
		copy(b[off:], bytesOf(t, s))
	}
	return b
}

func TestStatistics(t *testing.T) {
	var s Statistics
	for page, b := range map[byte][]byte{
		1: statisticsOf(t, 1, map[int]string{16: "01020300 000000c0", 24: "010203040506 00c0", 40: "ffffffffffff00c0"}),
		3: statisticsOf(t, 3, map[int]string{32: "04030000 000000c0", 56: "05000000 00000080"}), // kept, not valid
		4: statisticsOf(t, 4, map[int]string{8: "07000000 000000d0"}),                           // with DSN
		5: statisticsOf(t, 5, map[int]string{8: "f9000000 000000c0"}),
		7: statisticsOf(t, 7, map[int]string{8: "6e000000 000000e0"}), // normalised
	} {
		if err := s.Parse(b, page); err != nil {
			t.Fatal(err)
		}
	}
	want := Statistics{Hours: Statistic{0x030201, true}, Written: Statistic{0x060504030201, true}, Reallocated: Statistic{0x0304, true},
		Reported: Statistic{7, true}, Celsius: Statistic{-7, true}, Used: Statistic{110, true}}
	if s != want {
		t.Errorf("%+v", s)
	}
	for name, b := range map[string][]byte{"short": make([]byte, 511), "another page": statisticsOf(t, 2, nil), "zeros": make([]byte, 512)} {
		if err := new(Statistics).Parse(b, 1); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	list := statisticsOf(t, 0, map[int]string{8: "07 00 01 02 05 07 08 ff"})
	if pages, err := StatisticsPages(list); err != nil || !bytes.Equal(pages, []byte{1, 5, 7}) {
		t.Errorf("% x, %v", pages, err)
	}
	// Pages behind the end of the list are none.
	if pages, err := StatisticsPages(statisticsOf(t, 0, map[int]string{8: "02 00 01 07"})); err != nil || !bytes.Equal(pages, []byte{1}) {
		t.Errorf("% x, %v", pages, err)
	}
}

func FuzzStatistics(f *testing.F) {
	f.Add(statisticsOf(f, 0, map[int]string{8: "05 00 01 03 04 05 07"}), byte(0))
	f.Add(statisticsOf(f, 3, map[int]string{32: "ffffffffffffffff"}), byte(3))
	f.Add([]byte{1}, byte(9))
	f.Fuzz(func(t *testing.T, b []byte, page byte) {
		if pages, err := StatisticsPages(b); err == nil && (len(pages) > 5 || !slices.IsSorted(pages)) {
			t.Errorf("% x", pages)
		}
		var s Statistics
		if err := s.Parse(b, page); err != nil && s != (Statistics{}) {
			t.Errorf("%+v with %v", s, err)
		}
		if s.Written.Value < 0 || s.Reallocated.Value < 0 || s.Used.Value > 255 || s.Celsius.Value < -128 {
			t.Errorf("%+v", s)
		}
	})
}

// selfTestsOf a log of these entries in their places, with a checksum.
func selfTestsOf(t testing.TB, newest byte, entries map[int]string) []byte {
	b := make([]byte, 512)
	b[0], b[508] = 1, newest
	for i, s := range entries {
		copy(b[2+24*i:], bytesOf(t, s))
	}
	for _, c := range b[:511] {
		b[511] -= c
	}
	return b
}

// The newest is named by byte 508; the log is a ring.
func TestParseSelfTests(t *testing.T) {
	for name, c := range map[string]struct {
		data []byte
		want []SelfTest
	}{
		"none":  {selfTestsOf(t, 0, nil), nil},
		"three": {selfTestsOf(t, 3, map[int]string{0: "01 00 0100", 1: "02 79 0203", 2: "81 f4 0304"}), []SelfTest{{0x81, 0xf, 0x0403}, {2, 7, 0x0302}, {1, 0, 1}}},
		"ring":  {selfTestsOf(t, 1, map[int]string{0: "01 00 0500", 20: "01 30 0400", 19: "01 10 0300"}), []SelfTest{{1, 0, 5}, {1, 3, 4}, {1, 1, 3}}},
	} {
		got, err := ParseSelfTests(c.data)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for name, b := range map[string][]byte{"a place that is none": selfTestsOf(t, 22, nil), "short": make([]byte, 511), "a wrong sum": append(make([]byte, 511), 1)} {
		if got, err := ParseSelfTests(b); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	for status, want := range map[byte][2]bool{0: {true, false}, 1: {false, false}, 2: {false, false}, 3: {false, true}, 8: {false, true}, 9: {false, false}, 15: {false, false}} {
		if s := (SelfTest{Status: status}); s.Passed() != want[0] || s.Failed() != want[1] {
			t.Errorf("status %d: passed %t, failed %t", status, s.Passed(), s.Failed())
		}
	}
}

func FuzzParseSelfTests(f *testing.F) {
	f.Add(selfTestsOf(f, 3, map[int]string{0: "01 00 0100", 1: "02 79 0203", 2: "81 f4 0304"}))
	f.Add(selfTestsOf(f, 255, nil))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := ParseSelfTests(b)
		if len(got) > 21 || err != nil && got != nil {
			t.Errorf("%d, %v", len(got), err)
		}
	})
}

// smartOf makes a SMART page: twelve bytes for each attribute, and the checksum.
func smartOf(t testing.TB, entries ...string) []byte {
	b := make([]byte, 512)
	for i, s := range entries {
		copy(b[2+12*i:], bytesOf(t, s))
	}
	for _, c := range b[:511] {
		b[511] -= c
	}
	return b
}

func FuzzParseSMART(f *testing.F) {
	f.Add(smartOf(f, "05 3300 64 63 010203040506 00", "c2 2200 20 2a 200000000000 00"), smartOf(f, "05 24"))
	f.Add(smartOf(f), []byte{})
	f.Add([]byte{1}, []byte(nil))
	f.Fuzz(func(t *testing.T, data, thresholds []byte) {
		all, err := ParseSMART(data, thresholds)
		if len(all) > 30 || err != nil && all != nil {
			t.Errorf("%d, %v", len(all), err)
		}
		for _, a := range all {
			if a.ID == 0 || a.Raw >= 1<<48 {
				t.Errorf("%+v", a)
			}
		}
	})
}

// Every byte of an entry in its place.
func TestParseSMART(t *testing.T) {
	all, err := ParseSMART(smartOf(t, "05 3300 64 63 010203040506 00", "00", "bb 3200 02 01 070000000000 00"), smartOf(t, "bb 03", "05 24"))
	want := []Attribute{{5, true, 100, 99, 0x24, 0x060504030201}, {187, false, 2, 1, 3, 7}}
	if err != nil || !slices.Equal(all, want) || all[0].Below() || !all[1].Below() {
		t.Errorf("%+v, %v", all, err)
	}
}
