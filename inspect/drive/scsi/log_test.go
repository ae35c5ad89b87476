package scsi

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

// CDBs as sg_logs --page=2f and smartctl send them, but for their allocation lengths.
func TestLogFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"4d 00 6f 00 00 00 00 c1 00 00":       LogSense(LogInformational),
		"4d 00 40 00 00 00 00 c1 00 00":       LogSense(LogSupported),
		"b7 0b 00 00 00 00 00 00 00 08 00 00": GrownDefects(),
	} {
		if got := hex.EncodeToString(c.Frame); got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s, want %s", got, want)
		}
		sent := false
		_, _ = drive.ReadOnly(sends(func() { sent = true })).Do(t.Context(), c)
		if !sent {
			t.Errorf("%s is not let through", want)
		}
	}
}

func parse(t testing.TB, page byte, s string) []Parameter {
	t.Helper()
	ps, err := ParseLog(unhex(t, s), page)
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

// Log pages in the layout of SPC-5 clause 7.3 and SBC-4 clause 6.4.
func TestLogPages(t *testing.T) {
	if b, err := ParseLogPages(unhex(t, "00 00 0004 00 02 0d 2f ffff")); err != nil || !bytes.Equal(b, []byte{0, 2, 0x0d, 0x2f}) {
		t.Errorf("% x, %v", b, err)
	}
	e := ErrorCounters(parse(t, 0x02, "02 00 0018 0005 02 08 0102030405060708 0006 02 04 0000000a 0003 02 00"))
	if e != (Errors{Uncorrected: 10, Known: true, Bytes: 0x0102030405060708, BytesKnown: true}) {
		t.Errorf("%+v", e)
	}
	if e := ErrorCounters(parse(t, 0x03, "03 00 0000")); e != (Errors{}) {
		t.Errorf("%+v", e)
	}
	if c, ok := Celsius(parse(t, 0x0d, "0d 00 000c 0000 03 02 001f 0001 03 02 003c")); c != 31 || !ok {
		t.Errorf("%d, %t", c, ok)
	}
	if c, ok := Celsius(parse(t, 0x0d, "0d 00 0006 0000 03 02 00ff")); ok {
		t.Errorf("%d", c)
	}
	if n, ok := Endurance(parse(t, 0x11, "11 00 0008 0001 03 04 0000006e")); n != 110 || !ok {
		t.Errorf("%d, %t", n, ok)
	}
	if asc, ascq, ok := Prediction(parse(t, 0x2f, "2f 00 0008 0000 03 04 5d101f3c")); asc != 0x5d || ascq != 0x10 || !ok {
		t.Errorf("%x %x %t", asc, ascq, ok)
	}
	scan, ok := BackgroundScan(parse(t, 0x15, "15 00 0040 0000 03 0c 00012345 00 08 0000 00000000"+
		"0001 03 14 00000001 13 110000 00000000 0000000000000007 0002 03 14 00000001 53 110000 00000000 0000000000000008"))
	if !ok || scan != (Scan{Minutes: 0x12345, Pending: 1}) {
		t.Errorf("%+v, %t", scan, ok)
	}
	tests := SelfTests(parse(t, 0x10, "10 00 0028 0001 03 10 25 01 0102 ffffffffffffffff 00000000 0002 03 10 00000000000000000000000000000000"))
	if len(tests) != 1 || tests[0] != (SelfTest{Code: 1, Result: 5, Hours: 0x0102}) || !tests[0].Short() || !tests[0].Failed() || tests[0].Passed() {
		t.Errorf("%+v", tests)
	}
	for name, c := range map[string]struct {
		page byte
		in   string
	}{"short": {2, "02 00"}, "another page": {2, "03 00 0000"}, "cut": {2, "02 00 0006 0006 02 04 0000"}, "a parameter beyond the page": {2, "02 00 0006 0006 02 04 0000 0000"}} {
		if ps, err := ParseLog(unhex(t, c.in), c.page); err == nil {
			t.Errorf("%s: %+v", name, ps)
		}
	}
}

// Header of READ DEFECT DATA(12): which list, in which format, and its length.
func TestGrownDefects(t *testing.T) {
	for in, want := range map[string]int64{"00 0b 0000 00000018": 3, "00 08 0000 00000018": 6, "00 0d 0000 00000000": 0,
		"00 03 0000 00000018": -1, "00 0e 0000 00000018": -1, "00 0b 0000 00000017": -1, "00 0b 0000": -1} {
		n, err := ParseGrownDefects(unhex(t, in))
		if (err != nil) != (want < 0) || err == nil && n != want {
			t.Errorf("%s: %d, %v", in, n, err)
		}
	}
}

func FuzzLog(f *testing.F) {
	f.Add(unhex(f, "02 00 0018 0005 02 08 0102030405060708 0006 02 04 0000000a 0003 02 00"), byte(2))
	f.Add(unhex(f, "15 00 0010 0000 03 0c 00012345 00 08 0000 00000000"), byte(0x15))
	f.Add(unhex(f, "10 00 ffff 0001 03 ff"), byte(0x10))
	f.Fuzz(func(t *testing.T, b []byte, page byte) {
		_, _ = ParseLogPages(b)
		if n, err := ParseGrownDefects(b); n < 0 || err != nil && n != 0 {
			t.Errorf("%d, %v", n, err)
		}
		ps, err := ParseLog(b, page)
		if err != nil {
			return
		}
		n := 4
		for _, p := range ps {
			n += 4 + len(p.Value)
		}
		if n > len(b) {
			t.Errorf("%d bytes of parameters in %d", n, len(b))
		}
		ErrorCounters(ps)
		Celsius(ps)
		Endurance(ps)
		Prediction(ps)
		SelfTests(ps)
		if s, ok := BackgroundScan(ps); ok && s.Pending > len(ps) {
			t.Errorf("%+v", s)
		}
	})
}

// SPC-5 clause 6.42: the code stands in bits 7:5 of byte 1, 1h for a short test in the
// background, 4h to end one; no parameter list goes.
func TestSelfTestFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{"1d2000000000": ShortSelfTest(), "1d8000000000": AbortSelfTest()} {
		if got := hex.EncodeToString(c.Frame); got != want || c.Data != nil || c.Direction != drive.DirectionNone {
			t.Errorf("%s, %d bytes; want %s", got, len(c.Data), want)
		}
	}
	for result := range byte(16) {
		if s := (SelfTest{Result: result}); s.Running() != (result == 15) || s.Running() && (s.Passed() || s.Failed()) {
			t.Errorf("result %d runs: %t", result, s.Running())
		}
	}
}
