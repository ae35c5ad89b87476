package frame

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

func must(t *testing.T) func(c drive.Command, err error) drive.Command {
	return func(c drive.Command, err error) drive.Command {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// What hdparm 9.65 puts into SG_IO for the same commands (--sanitize-block-erase,
// --sanitize-overwrite hex:a1b2c3d4 with three passes, -N p123456789 and so on),
// taken down from its ioctl. SET MAX ADDRESS and SET ACCESSIBLE MAX ADDRESS EXT are
// its own but for obsolete bits of the device register (E0h for 40h), and for count
// bit 0 of the latter, which makes newer drives change their names.
func TestATAFrames(t *testing.T) {
	ok := must(t)
	for name, c := range map[string]struct {
		command drive.Command
		want    string
	}{
		"BLOCK ERASE EXT":            {ATASanitizeBlock(), "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"},
		"CRYPTO SCRAMBLE EXT":        {ATASanitizeCrypto(), "85 07 20 00 11 00 00 43 70 00 79 00 72 40 b4 00"},
		"OVERWRITE EXT":              {ok(ATASanitizeOverwrite(3, 0xa1b2c3d4)), "85 07 20 00 14 00 03 a1 d4 57 c3 4f b2 40 b4 00"},
		"SANITIZE STATUS EXT, clear": {ATASanitizeClearFailure(), "85 07 20 00 00 00 01 00 00 00 00 00 00 40 b4 00"},
		"SECURITY ERASE PREPARE":     {ATAErasePrepare(), "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f3 00"},
		"SET MAX ADDRESS EXT":        {ok(ATASetMaxExt(123456788)), "85 07 20 00 00 00 01 07 14 00 cd 00 5b 40 37 00"},
		"SET MAX ADDRESS EXT, high":  {ok(ATASetMaxExt(0x0000a1b2c3d4e5f6)), "85 07 20 00 00 00 01 c3 f6 b2 e5 a1 d4 40 37 00"},
		"SET MAX ADDRESS":            {ok(ATASetMax(0x01234567)), "85 06 20 00 00 00 01 00 67 00 45 00 23 41 f9 00"},
		"SET ACCESSIBLE MAX ADDRESS": {ok(ATASetAccessibleMax(78187492)), "85 07 20 00 01 00 00 04 e4 00 0b 00 a9 40 78 00"},
		"DCO RESTORE":                {ATADCORestore(), "85 06 20 00 c0 00 00 00 00 00 00 00 00 40 b1 00"},
	} {
		if got := c.command; hex.EncodeToString(got.Frame) != strings.ReplaceAll(c.want, " ", "") {
			t.Errorf("%s:\n% x\n%s", name, got.Frame, c.want)
		}
		if got := c.command; got.Protocol != drive.ProtocolSCSI || got.Direction != drive.DirectionNone || got.Data != nil || got.Timeout != time.Minute {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// hdparm --user-master u --security-…; its data: control, password from byte 2 on.
func TestATASecurityFrames(t *testing.T) {
	const password = "48414e444241434b2d54454d504f52415259" // HANDBACK-TEMPORARY
	for name, c := range map[string]struct {
		command     drive.Command
		frame, data string
	}{
		"SET PASSWORD":         {ATASetPassword(), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f1 00", "0000" + password},
		"UNLOCK":               {ATAUnlock(), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f2 00", "0000" + password},
		"ERASE UNIT":           {ATAEraseUnit(false, time.Hour), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f4 00", "0000" + password},
		"ERASE UNIT, enhanced": {ATAEraseUnit(true, time.Hour), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f4 00", "0200" + password},
		"DISABLE PASSWORD":     {ATADisablePassword(), "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f6 00", "0000" + password},
	} {
		got := c.command
		if hex.EncodeToString(got.Frame) != strings.ReplaceAll(c.frame, " ", "") {
			t.Errorf("%s:\n% x\n%s", name, got.Frame, c.frame)
		}
		if want := c.data + strings.Repeat("00", 512-len(c.data)/2); hex.EncodeToString(got.Data) != want {
			t.Errorf("%s: data %x", name, got.Data)
		}
		if got.Protocol != drive.ProtocolSCSI || got.Direction != drive.DirectionOut {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := ATAEraseUnit(true, 3*time.Hour).Timeout; got != 3*time.Hour {
		t.Errorf("ERASE UNIT waits for %s", got)
	}
	if len(TemporaryPassword) > 32 {
		t.Error("the password does not fit")
	}
}

func TestATAFramesRefuse(t *testing.T) {
	for name, err := range map[string]error{
		"no passes": second(ATASanitizeOverwrite(0, 0)), "16 passes": second(ATASanitizeOverwrite(16, 0)),
		"SET MAX ADDRESS EXT to 0": second(ATASetMaxExt(0)), "to 2^48": second(ATASetMaxExt(1 << 48)),
		"SET MAX ADDRESS to 0": second(ATASetMax(0)), "to 2^28": second(ATASetMax(1 << 28)),
		"SET ACCESSIBLE to 0": second(ATASetAccessibleMax(0)), "to the end": second(ATASetAccessibleMax(1<<64 - 1)),
	} {
		if err == nil {
			t.Errorf("%s: built", name)
		}
	}
}

func second(_ drive.Command, err error) error { return err }

// The filter of commands that change nothing must know none of them.
func TestATAFramesAreNotReadOnly(t *testing.T) {
	ok := must(t)
	all := []drive.Command{ATASanitizeBlock(), ATASanitizeCrypto(), ok(ATASanitizeOverwrite(1, 0)), ATASanitizeClearFailure(),
		ATASetPassword(), ATAUnlock(), ATAErasePrepare(), ATAEraseUnit(false, 0), ATADisablePassword(),
		ok(ATASetMaxExt(1)), ok(ATASetMax(1)), ok(ATASetAccessibleMax(1)), ATADCORestore()}
	for _, c := range all {
		if _, err := drive.ReadOnly(nil).Do(t.Context(), c); err == nil {
			t.Errorf("% x passes for read-only", c.Frame)
		}
	}
}
