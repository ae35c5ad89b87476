package frame

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
)

// Sequences as 'mmc erase legacy', 'mmc erase secure-erase' and 'mmc sanitize' of
// mmc-utils put them into MMC_IOC_MULTI_CMD and MMC_IOC_CMD, in the layout of package
// inspect/drive/mmc; switches of the area as 'mmc-utils bootpart enable' lays a write of
// EXT_CSD[179] out: access 11b in bits 25:24, B3h, the value.
func TestMMC(t *testing.T) {
	must := func(c drive.Command, err error) drive.Command {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	const (
		start = "23010000 00010203 00000000"
		end   = "24010000 0a0b0c0d 00000000"
	)
	boot2 := MMCArea{Number: 2, Config: 0x48} // it boots from area 1, and says so
	for _, c := range []struct {
		name, frame string
		data        int
		got         drive.Command
	}{
		{"erase", start + end + "26020000 00000000 00000000", 0, must(MMCErase(MMCArea{}, 0x00010203, 0x0a0b0c0d, false, time.Minute))},
		{"secure erase", start + end + "26020000 80000000 00000000", 0, must(MMCErase(MMCArea{Config: 0x48}, 0x00010203, 0x0a0b0c0d, true, time.Minute))},
		{"of a boot area", "06020000 03b34a01 00000000" + start + end + "26020000 00000000 00000000" + "06020000 03b34801 00000000", 0,
			must(MMCErase(boot2, 0x00010203, 0x0a0b0c0d, false, time.Minute))},
		{"of the last general-purpose area, while another is accessed", "06020000 03b31f01 00000000" + start + end + "26020000 80000000 00000000" + "06020000 03b31801 00000000", 0,
			must(MMCErase(MMCArea{Number: 7, Config: 0x1d}, 0x00010203, 0x0a0b0c0d, true, time.Minute))},
		{"sanitize", "06020000 03a50101 00000000", 0, MMCSanitize(time.Hour)},
		{"read", "06020000 03b34a01 00000000" + "17010000 00000102 00000000" + "12010000 0a0b0c0d 02000102", 0x102 * 512, must(MMCReadArea(boot2, 0x0a0b0c0d, 0x102))},
		{"enter", "06020000 03b34a01 00000000" + "08010000 00000000 02000001", 512, must(MMCEnter(boot2))},
		{"leave", "06020000 03b34801 00000000", 0, MMCLeave(boot2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := hex.EncodeToString(c.got.Frame); got != strings.ReplaceAll(c.frame, " ", "") || len(c.got.Data) != c.data {
				t.Errorf("%s with %d bytes", got, len(c.got.Data))
			}
			if _, err := mmc.Parse(c.got); err != nil || c.got.Timeout <= 0 {
				t.Errorf("%v, within %s", err, c.got.Timeout)
			}
			if _, err := drive.ReadOnly(nil).Do(t.Context(), c.got); err == nil {
				t.Error("it passes for read-only")
			}
		})
	}
}

// RPMB is never named, no range runs backwards, and the user's area is not entered.
func TestMMCRefuses(t *testing.T) {
	for name, err := range map[string]error{
		"RPMB":            func() error { _, err := MMCErase(MMCArea{Number: 3}, 0, 1, false, 1); return err }(),
		"area 8":          func() error { _, err := MMCErase(MMCArea{Number: 8}, 0, 1, false, 1); return err }(),
		"backwards":       func() error { _, err := MMCErase(MMCArea{}, 1, 0, false, 1); return err }(),
		"without end":     func() error { _, err := MMCErase(MMCArea{}, 0, 1, false, 0); return err }(),
		"a read of RPMB":  func() error { _, err := MMCReadArea(MMCArea{Number: 3}, 0, 1); return err }(),
		"of the user's":   func() error { _, err := MMCReadArea(MMCArea{}, 0, 1); return err }(),
		"of nothing":      func() error { _, err := MMCReadArea(MMCArea{Number: 1}, 0, 0); return err }(),
		"of too much":     func() error { _, err := MMCReadArea(MMCArea{Number: 1}, 0, 1025); return err }(),
		"into RPMB":       func() error { _, err := MMCEnter(MMCArea{Number: 3}); return err }(),
		"into the user's": func() error { _, err := MMCEnter(MMCArea{}); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
