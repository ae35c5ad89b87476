package frame

import (
	"encoding/hex"
	"errors"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// The submission queue entries of 'nvme format -n NSID --lbaf=N --ses=1', by the
// layout of NVM Express Base 2.0: opcode in byte 0, NSID in 7:4, CDW10 in 43:40
// with LBAFL in bits 3:0, SES in 11:9, LBAFU in 13:12; all else zero.
func TestFormatUserData(t *testing.T) {
	for _, c := range []struct {
		namespace uint32
		index     uint8
		want      string
	}{
		{1, 0, "80000000" + "01000000" + "0000000000000000000000000000000000000000000000000000000000000000" + "00020000" + "0000000000000000000000000000000000000000"},
		{0x01020304, 5, "80000000" + "04030201" + "0000000000000000000000000000000000000000000000000000000000000000" + "05020000" + "0000000000000000000000000000000000000000"},
		{2, 0x2b, "80000000" + "02000000" + "0000000000000000000000000000000000000000000000000000000000000000" + "0b220000" + "0000000000000000000000000000000000000000"},
		{2, 63, "80000000" + "02000000" + "0000000000000000000000000000000000000000000000000000000000000000" + "0f320000" + "0000000000000000000000000000000000000000"},
	} {
		got, err := FormatUserData(c.namespace, c.index, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(got.Frame) != c.want {
			t.Errorf("namespace %x, format %d:\n%x\n%s", c.namespace, c.index, got.Frame, c.want)
		}
		if got.Protocol != drive.ProtocolNVMe || got.Direction != drive.DirectionNone || got.Data != nil || got.Timeout != time.Minute {
			t.Errorf("%+v", got)
		}
	}
}

// No frame may reach every namespace, and none may ask for no erasure (SES 0).
func TestFormatUserDataRefuses(t *testing.T) {
	for _, c := range []struct {
		namespace uint32
		index     uint8
	}{{0, 0}, {0xffffffff, 0}, {1, 64}, {1, 255}} {
		if got, err := FormatUserData(c.namespace, c.index, time.Minute); err == nil || got.Frame != nil {
			t.Errorf("namespace %x, format %d: %x", c.namespace, c.index, got.Frame)
		}
	}
	for i := range uint8(64) {
		c, err := FormatUserData(1, i, time.Minute)
		if err != nil || c.Frame[41]&0x0e != 0x02 {
			t.Errorf("format %d: SES is not 1 in %x (%v)", i, c.Frame, err)
		}
	}
}

// The filter of commands that change nothing must not know this one.
func TestFormatIsNotReadOnly(t *testing.T) {
	c, err := FormatUserData(1, 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := drive.ReadOnly(nil).Do(t.Context(), c); err == nil {
		t.Error("Format NVM passes for read-only")
	}
}

// 'nvme format -n NSID --lbaf=N --ses=2'.
func TestFormatCrypto(t *testing.T) {
	for _, c := range []struct {
		namespace uint32
		index     uint8
		want      string
	}{
		{1, 0, "80000000" + "01000000" + "0000000000000000000000000000000000000000000000000000000000000000" + "00040000" + "0000000000000000000000000000000000000000"},
		{0x01020304, 0x2b, "80000000" + "04030201" + "0000000000000000000000000000000000000000000000000000000000000000" + "0b240000" + "0000000000000000000000000000000000000000"},
	} {
		got, err := FormatCrypto(c.namespace, c.index, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		sameFrame(t, got, c.want)
	}
	for _, ns := range []uint32{0, 0xffffffff} {
		if got, err := FormatCrypto(ns, 0, time.Minute); err == nil || got.Frame != nil {
			t.Errorf("namespace %x: %x", ns, got.Frame)
		}
	}
}

// The submission queue entries of 'nvme sanitize': opcode 84h, NSID 0, CDW10 and
// CDW11 as nvme-cli puts its options together (SANACT 2:0, AUSE 3, OWPASS 7:4,
// OIPBP 8, NODAS 9, and the overwrite pattern).
func TestSanitize(t *testing.T) {
	const head = "8400000000000000" + "0000000000000000000000000000000000000000000000000000000000000000"
	const tail = "00000000000000000000000000000000"
	over := func(o Overwrite, keep bool) drive.Command {
		c, err := SanitizeOverwrite(o, keep, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	for options, c := range map[string]struct {
		got  drive.Command
		want string
	}{
		"-a start-block-erase":                                 {SanitizeBlock(false, time.Minute), "02000000" + "00000000"},
		"-a start-block-erase --no-dealloc":                    {SanitizeBlock(true, time.Minute), "02020000" + "00000000"},
		"-a start-crypto-erase":                                {SanitizeCrypto(false, time.Minute), "04000000" + "00000000"},
		"-a start-crypto-erase --no-dealloc":                   {SanitizeCrypto(true, time.Minute), "04020000" + "00000000"},
		"-a start-overwrite --owpass=1":                        {over(Overwrite{Passes: 1}, false), "13000000" + "00000000"},
		"-a start-overwrite --owpass=3 --ovrpat=0x01020304":    {over(Overwrite{Passes: 3, Pattern: 0x01020304}, false), "33000000" + "04030201"},
		"-a start-overwrite --owpass=0 --oipbp":                {over(Overwrite{Passes: 16, Invert: true}, false), "03010000" + "00000000"},
		"-a start-overwrite --owpass=15 --oipbp --no-dealloc ": {over(Overwrite{Passes: 15, Invert: true, Pattern: 0xa5c3f00f}, true), "f3030000" + "0ff0c3a5"},
		"-a exit-failure":                                      {SanitizeExitFailure(time.Minute), "01000000" + "00000000"},
	} {
		t.Run(options, func(t *testing.T) { sameFrame(t, c.got, head+c.want+tail) })
	}
	for _, n := range []int{-1, 0, 17} {
		if c, err := SanitizeOverwrite(Overwrite{Passes: n}, false, time.Minute); err == nil || c.Frame != nil {
			t.Errorf("%d passes: %x", n, c.Frame)
		}
	}
}

// No sanitize may be let out of its failure (AUSE), and none may name a namespace.
func TestSanitizeIsRestricted(t *testing.T) {
	all := []drive.Command{SanitizeBlock(true, 0), SanitizeBlock(false, 0), SanitizeCrypto(true, 0), SanitizeCrypto(false, 0)}
	for n := 1; n <= 16; n++ {
		for _, b := range []bool{false, true} {
			c, err := SanitizeOverwrite(Overwrite{Passes: n, Invert: b, Pattern: 0xffffffff}, b, 0)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	for _, c := range all {
		if c.Frame[40]&0x08 != 0 || hex.EncodeToString(c.Frame[4:8]) != "00000000" {
			t.Errorf("%x", c.Frame)
		}
		if _, err := drive.ReadOnly(nil).Do(t.Context(), c); !errors.Is(err, drive.ErrRefused) {
			t.Errorf("%x passes for read-only: %v", c.Frame, err)
		}
	}
}

func sameFrame(t *testing.T, got drive.Command, want string) {
	t.Helper()
	if hex.EncodeToString(got.Frame) != want {
		t.Errorf("\n%x\n%s", got.Frame, want)
	}
	if got.Protocol != drive.ProtocolNVMe || got.Direction != drive.DirectionNone || got.Data != nil || got.Timeout != time.Minute {
		t.Errorf("%+v", got)
	}
}
