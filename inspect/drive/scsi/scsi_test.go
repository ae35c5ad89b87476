package scsi

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"handback.example/inspect/drive"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// CDBs as sg_opcodes --opcode=48,3, sg_opcodes --opcode=4, sg_requests and sg_turs
// of sg3_utils 1.46 send them, but for their allocation lengths; all pass the
// filter of commands that change nothing, except the read of a block.
func TestFrames(t *testing.T) {
	for want, c := range map[string]drive.Command{
		"a30c 02 48 0003 00000040 0000":         SupportedOperation(0x48, 3),
		"a30c 02 9e 0102 00000040 0000":         SupportedOperation(0x9e, 0x102),
		"a30c 01 04 0000 00000040 0000":         SupportedOperation(0x04, NoAction),
		"0300 0000 fc00":                        RequestSense(),
		"0000 0000 0000":                        TestUnitReady(),
		"8800 00000000 00000000 0000 0001 0000": ReadFirstBlock(520),
	} {
		if got := hex.EncodeToString(c.Frame); got != strings.ReplaceAll(want, " ", "") {
			t.Errorf("%s, want %s", got, want)
		}
		if (c.Direction == drive.DirectionIn) != (len(c.Data) > 0) || c.Timeout <= 0 {
			t.Errorf("%+v", c)
		}
		sent := false
		_, _ = drive.ReadOnly(sends(func() { sent = true })).Do(t.Context(), c)
		if sent != (c.Frame[0] != 0x88) {
			t.Errorf("%s: passes for read-only: %v", want, sent)
		}
	}
}

type sends func()

func (s sends) Do(context.Context, drive.Command) (drive.Completion, error) {
	s()
	return drive.Completion{}, nil
}

func TestSupport(t *testing.T) {
	for in, want := range map[string]struct {
		supported, fails bool
		usage            string
	}{
		"0003 000a 48e3 0000 0000 00ff ff07":      {true, false, "48e300000000 00ffff07"},
		"0083 000a 48e3 0000 0000 00ff ff07 000a": {true, false, "48e300000000 00ffff07"}, // with timeouts behind it
		"0001 0000":                          {},
		"0005 000a 48e3 0000 0000 00ff ff07": {}, // in the vendor's way
		"0000 0000":                          {fails: true},
		"0002 0000":                          {fails: true},
		"0003 000a 42e3 0000 0000 00ff ff07": {fails: true}, // of another command
		"0003 000a 48e3":                     {fails: true},
		"0003 ffff 48e3 0000 0000 00ff ff07": {fails: true},
		"0003 0000":                          {fails: true},
		"0003":                               {fails: true},
		"":                                   {fails: true},
	} {
		got, err := ParseSupport(unhex(t, in), 0x48)
		if got.Supported != want.supported || (err != nil) != want.fails || hex.EncodeToString(got.Usage) != strings.ReplaceAll(want.usage, " ", "") {
			t.Errorf("%s: %+v, %v", in, got, err)
		}
	}
}

// What drives say of themselves, in both formats.
func TestActivity(t *testing.T) {
	for in, want := range map[string]struct {
		is       Activity
		progress float64 // negative: none
	}{
		"700002000000000a00000000041b00804000":                     {ActivitySanitize, 0.25},
		"f00002000000000a00000000041b00804000":                     {ActivitySanitize, 0.25},
		"700000000000000a00000000041b0080ffff":                     {ActivitySanitize, 65535.0 / 65536},
		"7202041b000000080206000080400000":                         {ActivitySanitize, 0.25},
		"7202041b00000014000a80000000000000000fa00206000080800000": {ActivitySanitize, 0.5},  // behind another descriptor
		"7202041b000000080206000080":                               {ActivitySanitize, -1},   // cut off
		"7202041b000000ff0206000080400000":                         {ActivitySanitize, 0.25}, // says that it is longer
		"7202041b":                                                 {ActivitySanitize, -1},
		"700002000000000a00000000041b00004000":                     {ActivitySanitize, -1}, // SKSV is not set
		"7000020000000006000000000 41b":                            {ActivitySanitize, -1},
		"700002000000000a00000000040400800000":                     {ActivityFormat, 0},
		"700002000000000a000000000409008001 00":                    {ActivityOther, 1.0 / 256},
		"700002000000000a00000000040200000000":                     {ActivityUnknown, -1},
		"700003000000000a00000000310300804000":                     {SanitizeFailed, -1}, // of this key the bytes tell retries
		"700003000000000a00000000310000000000":                     {FormatCorrupted, -1},
		"700002000000000a00000000310100000000":                     {FormatCorrupted, -1},
		"700006000000000a00000000290100000000":                     {Attention, -1},
		"7206310300000000":                                         {Attention, -1},
		"700000000000000a00000000000000000000":                     {ActivityNone, -1},
		"700000000000000a000000005d1000000000":                     {ActivityNone, -1}, // a failure is predicted
		"700004000000000a00000000440000000000":                     {ActivityUnknown, -1},
		"700005000000000a000000002400 00cf0002":                    {ActivityUnknown, -1}, // of this one a byte of the CDB
	} {
		b := unhex(t, in)
		s, ok := ParseSense(b)
		f, told := Progress(b)
		if !ok || s.Activity() != want.is || told != (want.progress >= 0) || told && f != want.progress {
			t.Errorf("%s: activity %d, progress %v %v", in, s.Activity(), f, told)
		}
	}
}

// Nothing that a drive sends makes a parser panic, or a progress leave its bounds.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"7202041b000000080206000080400000", "700002000000000a00000000041b00804000", "72", "7202041b000000ff02ff0000",
		"0003000a48e30000000000ffff07"} {
		f.Add(unhex(f, s[:len(s)&^1]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := Progress(b); ok && (p < 0 || p >= 1) {
			t.Errorf("progress %v", p)
		}
		if s, ok := ParseSense(b); ok {
			_ = s.Activity()
		}
		if s, err := ParseSupport(b, 0x48); err == nil && s.Supported && s.Usage[0] != 0x48 {
			t.Errorf("%+v", s)
		}
	})
}
