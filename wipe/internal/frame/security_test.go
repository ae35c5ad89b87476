package frame

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
)

// Field by field of ACS-4 and SAT-4, SPC-5, and Base 2.0, as Linux fills them in
// ata_scsi_security_inout_xlat, sd_sec_submit and nvme_sec_submit (6.1): protocol 01h,
// ComID 1A2Bh, 2,048 bytes.
func TestSecurity(t *testing.T) {
	zeros := strings.Repeat("00", 32)
	for _, c := range []struct {
		bus     SecurityBus
		out, in string
	}{
		{SecurityATA, "850a0600010004000000" + "2b001a005e00", "85080e00010004000000" + "2b001a005c00"},
		{SecuritySCSI, "b5011a2b0000" + "00000800" + "0000", "a2011a2b0000" + "00000800" + "0000"},
		{SecurityNVMe, "81000000" + "00000000" + zeros + "002b1a01" + "00080000" + zeros[:32], "82000000" + "00000000" + zeros + "002b1a01" + "00080000" + zeros[:32]},
	} {
		data := make([]byte, 2048)
		out, err := SecurityOut(c.bus, 1, 0x1a2b, data, time.Minute)
		if err != nil || hex.EncodeToString(out.Frame) != c.out || out.Direction != drive.DirectionOut || &out.Data[0] != &data[0] || out.Timeout != time.Minute {
			t.Errorf("%d out: %x (%v)", c.bus, out.Frame, err)
		}
		in, err := SecurityIn(c.bus, 1, 0x1a2b, 2048, time.Minute)
		if err != nil || hex.EncodeToString(in.Frame) != c.in || in.Direction != drive.DirectionIn || len(in.Data) != 2048 {
			t.Errorf("%d in: %x (%v)", c.bus, in.Frame, err)
		}
		for name, x := range map[string]drive.Command{"out": out, "in": in} {
			if _, err := drive.ReadOnly(nil).Do(t.Context(), x); err == nil {
				t.Errorf("%d %s passes for read-only", c.bus, name)
			}
		}
	}
	if out, err := SecurityOut(SecurityATA, 2, 0x0102, make([]byte, 64<<10), 0); err != nil || hex.EncodeToString(out.Frame) != "850a0600020080000000020001005e00" {
		t.Errorf("128 blocks: %x (%v)", out.Frame, err)
	}
}

func TestSecurityRefuses(t *testing.T) {
	for _, n := range []int{0, 1, 511, 513, 64<<10 + 512} {
		for bus := range SecurityNVMe + 1 {
			if c, err := SecurityOut(bus, 1, 1, make([]byte, n), 0); err == nil {
				t.Errorf("%d bytes: %x", n, c.Frame)
			}
			if c, err := SecurityIn(bus, 1, 1, n, 0); err == nil {
				t.Errorf("%d bytes: %x", n, c.Frame)
			}
		}
	}
	for _, bus := range []SecurityBus{0, 4} {
		if c, err := SecurityOut(bus, 1, 1, make([]byte, 512), 0); err == nil {
			t.Errorf("bus %d: %x", bus, c.Frame)
		}
	}
	if _, err := SecurityIn(SecurityATA, 1, 1, -1, 0); err == nil {
		t.Error("-1 bytes")
	}
}
