package frame

import (
	"encoding/hex"
	"testing"

	"handback.example/inspect/drive"
)

// CDBs and lists as sg3_utils 1.46 sends them: 'sg_sanitize --early' with --block,
// --crypto, '--overwrite --zero' (version 1.15: a pattern of 4 bytes), --fail;
// 'sg_format --format', also with --security; and 'sg_format --resize --count=-1' in
// the form of MODE SELECT(10) with a long descriptor, as SBC-4 lays it out.
func TestSCSI(t *testing.T) {
	all, err := ShowBlocks(1<<64-1, 0x1000)
	if err != nil {
		t.Fatal(err)
	}
	some, err := ShowBlocks(0x0102030405060708, 0x208)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, cdb, list string
		got             drive.Command
	}{
		{"block", "48820000000000000000", "", SCSISanitizeBlock()},
		{"crypto", "48830000000000000000", "", SCSISanitizeCrypto()},
		{"overwrite", "48810000000000000800", "0100000400000000", SCSISanitizeOverwrite()},
		{"exit failure", "489f0000000000000000", "", SCSISanitizeExitFailure()},
		{"format", "041800000000", "00020000", FormatUnit(false)},
		{"format, initialized", "041800000000", "008a000020000000", FormatUnit(true)},
		{"all blocks", "55110000000000001800", "0000000001000010ffffffffffffffff0000000000001000", all},
		{"some blocks", "55110000000000001800", "000000000100001001020304050607080000000000000208", some},
	} {
		t.Run(c.name, func(t *testing.T) {
			if hex.EncodeToString(c.got.Frame) != c.cdb || hex.EncodeToString(c.got.Data) != c.list {
				t.Errorf("%x with %x", c.got.Frame, c.got.Data)
			}
			want := drive.DirectionNone
			if c.list != "" {
				want = drive.DirectionOut
			}
			if c.got.Direction != want || c.got.Protocol != drive.ProtocolSCSI || c.got.Timeout <= 0 {
				t.Errorf("%+v", c.got)
			}
			if _, err := drive.ReadOnly(nil).Do(t.Context(), c.got); err == nil {
				t.Error("it passes for read-only")
			}
		})
	}
}

// AUSE and ZNR are never set: a sanitize that fails must not be left by a back door.
func TestSanitizeNeverAllowsFailure(t *testing.T) {
	for _, c := range []drive.Command{SCSISanitizeBlock(), SCSISanitizeCrypto(), SCSISanitizeOverwrite()} {
		if c.Frame[1]&0xe0 != 0x80 {
			t.Errorf("%x", c.Frame)
		}
	}
	for _, n := range []int{0, 511, 65537, -1} {
		if c, err := ShowBlocks(1, n); err == nil || c.Frame != nil {
			t.Errorf("blocks of %d bytes: %x", n, c.Frame)
		}
	}
	if c, err := ShowBlocks(0, 512); err == nil || c.Frame != nil {
		t.Errorf("no blocks: %x", c.Frame)
	}
}
