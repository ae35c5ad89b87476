package frame

import (
	"encoding/hex"
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
