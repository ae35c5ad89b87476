package sat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/sat"
)

const invalidField = "70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 00 00 00"

func rich() ata.Config {
	return ata.Config{Serial: "WD-WX12345678", Model: "WDC WD10EZEX-08WN4A0", Firmware: "01.01A02", WWN: 0x50014ee20a1b2c3d,
		NativeSectors: 0x74706db0, PhysicalBlock: 4096, Rotation: 7200, FormFactor: 2,
		Trim: ata.Trim{Supported: true, Deterministic: true, Zeros: true}}
}

// TestInquiry: pages as libata and sg3_utils have them.
func TestInquiry(t *testing.T) {
	r := build(t, rich(), sat.Config{})
	b := r.good("12 00 00 00 ff 00", nil, 255)
	if len(b) != 96 || !bytes.Equal(b[:8], raw(t, "00 00 06 02 5b 00 00 02")) || string(b[8:36]) != "ATA     WDC WD10EZEX-08W1A02" {
		t.Errorf("%d bytes, % x, %q", len(b), b[:8], b[8:36])
	}
	if !bytes.Equal(b[58:66], raw(t, "00 a0 04 c0 04 60 1f 00")) {
		t.Errorf("versions % x", b[58:66])
	}
	if b := r.good("12 00 00 00 24 00", nil, 96); len(b) != 36 {
		t.Errorf("%d bytes", len(b))
	}
	for page, want := range map[string]string{
		"00": "00 00 00 07 00 80 83 89 b0 b1 b2",
		"80": "00 80 00 14 57 44 2d 57 58 31 32 33 34 35 36 37 38 20 20 20 20 20 20 20",
		"83": "00 83 00 6c 02 00 00 14 57 44 2d 57 58 31 32 33 34 35 36 37 38 20 20 20 20 20 20 20" +
			"02 01 00 44 41 54 41 20 20 20 20 20 57 44 43 20 57 44 31 30 45 5a 45 58 2d 30 38 57 4e 34 41 30" +
			"20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20 20" +
			"57 44 2d 57 58 31 32 33 34 35 36 37 38 20 20 20 20 20 20 20 01 03 00 08 50 01 4e e2 0a 1b 2c 3d",
		"b0": "00 b0 00 3c 01 00 00 08 00 00 ff ff 00 00 00 00 00 00 00 00 00 3f ff c0 00 00 00 40 00 00 00 01" +
			"00 00 00 00 00 00 00 00 00 3f ff c0",
		"b1": "00 b1 00 3c 1c 20 00 02",
		"b2": "00 b2 00 04 00 c4 02 00",
	} {
		b := r.good("12 01 "+page+" 02 40 00", nil, 576)
		w := raw(t, want)
		if len(b) < len(w) || !bytes.Equal(b[:len(w)], w) || len(b) != 4+int(b[2])<<8+int(b[3]) {
			t.Errorf("page %s: % x", page, b)
		}
	}
	b = r.good("12 01 89 02 40 00", nil, 576)
	if len(b) != 572 || b[2] != 0x02 || b[3] != 0x38 || b[36] != 0x34 || b[56] != 0xec || !bytes.Equal(b[60:], r.Identity()) {
		t.Errorf("page 89h: %d bytes, % x", len(b), b[:60])
	}
	r.check("12 01 b6 02 40 00", nil, 576, invalidField)
	r.check("12 00 80 02 40 00", nil, 576, invalidField)
	r.check("12 02 00 02 40 00", nil, 576, invalidField)
}

func TestCapacity(t *testing.T) {
	r := build(t, rich(), sat.Config{})
	if b := r.good("25 00 00 00 00 00 00 00 00 00", nil, 8); !bytes.Equal(b, raw(t, "74 70 6d af 00 00 02 00")) {
		t.Errorf("% x", b)
	}
	b := r.good("9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", nil, 32)
	if !bytes.Equal(b[:16], raw(t, "00 00 00 00 74 70 6d af 00 00 02 00 00 03 c0 00")) || len(b) != 32 {
		t.Errorf("% x", b)
	}
	r.check("9e 12 00 00 00 00 00 00 00 00 00 00 00 20 00 00", nil, 32, invalidField)
	c := rich()
	c.NativeSectors, c.LogicalBlock = 0x123456789, 4096
	r = build(t, c, sat.Config{})
	if b := r.good("25 00 00 00 00 00 00 00 00 00", nil, 8); !bytes.Equal(b, raw(t, "ff ff ff ff 00 00 10 00")) {
		t.Errorf("% x", b)
	}
}

func TestModes(t *testing.T) {
	r := build(t, rich(), sat.Config{})
	caching := "00 00 10 08 00 00 00 00 00 00 02 00 08 12 04 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"
	if b := r.good("1a 00 08 00 ff 00", nil, 255); !bytes.Equal(b[1:], raw(t, caching)[1:]) || b[0] != 31 {
		t.Errorf("% x", b)
	}
	if b := r.good("5a 08 0a 00 00 00 00 00 ff 00", nil, 255); !bytes.Equal(b, raw(t, "00 12 00 10 00 00 00 00 0a 0a 02 00 00 00 00 00 ff ff 00 1e")) {
		t.Errorf("% x", b)
	}
	if b := r.good("1a 08 7f 00 ff 00", nil, 255); len(b) != 4+12+20+12 || b[4+12+2] != 0x04 || b[4+12+20+2] != 0x04 {
		t.Errorf("changeable: % x", b)
	}
	// Write cache off: SET FEATURES reaches the drive.
	r.good("55 10 00 00 00 00 00 00 1c 00", raw(t, "00 00 00 00 00 00 00 00 08 12 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"), 0)
	if b := r.good("1a 08 08 00 ff 00", nil, 255); b[6] != 0 {
		t.Errorf("% x", b)
	}
	const badParameter = "70 00 05 00 00 00 00 0a 00 00 00 00 26 00 00 00 00 00"
	r.check("15 10 00 00 10 00", raw(t, "00 00 00 00 0a 0a 06 00 00 00 00 00 ff ff 00 1f"), 0, badParameter)
	r.check("15 10 00 00 10 00", raw(t, "00 00 00 00 01 0a 80 00 00 00 00 00 00 00 00 00"), 0, badParameter)
	r.check("15 00 00 00 10 00", raw(t, "00 00 00 00 0a 0a 06 00 00 00 00 00 ff ff 00 1e"), 0, invalidField)
	r.check("15 10 00 00 0f 00", raw(t, "00 00 00 00 0a 0a 06 00 00 00 00 00 ff ff 00"), 0, "70 00 05 00 00 00 00 0a 00 00 00 00 1a 00 00 00 00 00")
	r.check("1a 00 c8 00 ff 00", nil, 255, "70 00 05 00 00 00 00 0a 00 00 00 00 39 00 00 00 00 00")
	r.check("1a 00 1c 00 ff 00", nil, 255, invalidField)
}

func TestReports(t *testing.T) {
	c := rich()
	c.SMART.Failing = true
	r := build(t, c, sat.Config{})
	if b := r.good("a0 00 00 00 00 00 00 00 00 10 00 00", nil, 16); !bytes.Equal(b, raw(t, "00 00 00 08 00 00 00 00 00 00 00 00 00 00 00 00")) {
		t.Errorf("% x", b)
	}
	r.check("a0 00 00 00 00 00 00 00 00 0f 00 00", nil, 16, invalidField)
	if b := r.good("a3 0c 01 85 00 00 00 00 01 00 00 00", nil, 256); b[1] != 3 || b[3] != 16 || b[4] != 0x85 {
		t.Errorf("% x", b)
	}
	if b := r.good("a3 0c 01 48 00 00 00 00 01 00 00 00", nil, 256); b[1] != 1 {
		t.Errorf("SANITIZE: % x", b)
	}
	if b := r.good("a3 0c 02 9e 00 10 00 00 01 00 00 00", nil, 256); b[1] != 3 {
		t.Errorf("READ CAPACITY(16): % x", b)
	}
	all := r.good("a3 0c 00 00 00 00 00 00 10 00 00 00", nil, 4096)
	if n := len(all) - 4; n%8 != 0 || int(all[2])<<8|int(all[3]) != n || !bytes.Contains(all, raw(t, "42 00 00 00 00 00 00 0a")) {
		t.Errorf("%d bytes: % x", n, all)
	}
	if b := r.good("4d 00 2f 00 00 00 00 00 40 00", nil, 64); !bytes.Equal(b, raw(t, "2f 00 00 08 00 00 03 04 5d 10 00 00")) {
		t.Errorf("% x", b)
	}
	r.check("4d 00 30 00 00 00 00 00 40 00", nil, 64, invalidField)
	r.check("48 82 00 00 00 00 00 00 00 00", nil, 0, "70 00 05 00 00 00 00 0a 00 00 00 00 20 00 00 00 00 00")
	r.check("12", nil, 0, invalidField)
	trace := r.Trace()
	if got := trace[0]; !bytes.Equal(got.Frame, raw(t, "a0 00 00 00 00 00 00 00 00 10 00 00")) || got.Status != 0 {
		t.Errorf("trace % x", got.Frame)
	}
}

// TestUnmap and its kin: what was unmapped reads as zeros, and the flash has it still.
func TestUnmap(t *testing.T) {
	c := rich()
	c.NativeSectors = 0x200000
	r := build(t, c, sat.Config{})
	plant := func(lba int64) {
		if _, err := r.Media()[0].WriteAt([]byte("secret"), lba*512); err != nil {
			t.Fatal(err)
		}
	}
	there := func(lba int64) bool {
		b := make([]byte, 6)
		if _, err := r.Media()[0].ReadAt(b, lba*512); err != nil || string(b) != "secret" {
			t.Fatalf("the flash has %q at %#x, %v: TRIM erases nothing", b, lba, err)
		}
		in := r.good(fmt.Sprintf("28 00 %02x %02x %02x %02x 00 00 01 00", lba>>24, lba>>16&0xff, lba>>8&0xff, lba&0xff), nil, 512)
		return string(in[:6]) == "secret"
	}
	for _, lba := range []int64{0x102030, 0x102030 + 0x1ffff, 0x102030 + 0x20000} {
		plant(lba)
	}
	r.good("42 00 00 00 00 00 00 00 18 00", raw(t, "00 16 00 10 00 00 00 00 00 00 00 00 00 10 20 30 00 02 00 00 00 00 00 00"), 0)
	if there(0x102030) || there(0x102030+0x1ffff) || !there(0x102030+0x20000) {
		t.Error("not what was named")
	}
	plant(0x102030)
	r.good("93 08 00 00 00 00 00 10 20 30 00 00 00 01 00 00", make([]byte, 512), 0)
	if there(0x102030) {
		t.Error("WRITE SAME with UNMAP left it")
	}
	r.check("93 00 00 00 00 00 00 10 20 30 00 00 00 01 00 00", make([]byte, 512), 0, invalidField)
	r.check("42 00 00 00 00 00 00 00 18 00", raw(t, "00 16 00 10 00 00 00 00 00 00 00 00 00 20 00 00 00 00 00 01 00 00 00 00"), 0,
		"f0 00 05 00 20 00 00 0a 00 00 00 00 21 00 00 00 00 00")
	build(t, ata.Config{}, sat.Config{}).check("42 00 00 00 00 00 00 00 18 00", make([]byte, 24), 0,
		"70 00 05 00 00 00 00 0a 00 00 00 00 20 00 00 00 00 00")
}

// TestMediumError carries the address: 03/11/04 at the first sector that is bad.
func TestMediumError(t *testing.T) {
	r := build(t, ata.Config{Bad: []ata.Extent{{LBA: 0x0203, Count: 1}}}, sat.Config{})
	r.check("28 00 00 00 02 00 00 00 08 00", nil, 4096, "f0 00 03 00 00 02 03 0a 00 00 00 00 11 04 00 00 00 00")
	r.good("2a 00 00 00 02 03 00 00 01 00", make([]byte, 512), 0)
	r.good("28 00 00 00 02 00 00 00 08 00", nil, 4096)
	r = build(t, ata.Config{Bad: []ata.Extent{{LBA: 0x0203, Count: 1}}}, sat.Config{DescriptorSense: true})
	r.check("28 00 00 00 02 00 00 00 08 00", nil, 4096, "72 03 11 04 00 00 00 0c 00 0a 80 00 00 00 00 00 00 00 02 03")
}

// TestStartStop sends the drive to sleep and wakes it.
func TestStartStop(t *testing.T) {
	r := build(t, ata.Config{Rotation: 7200}, sat.Config{})
	r.good("1b 00 00 00 00 00", nil, 0)
	r.check("85 06 20 00 00 00 00 00 00 00 00 00 00 40 e5 00", nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 00 00 00 00 00 00 00 00 00 00 40 50")
	r.good("1b 00 00 00 01 00", nil, 0)
	r.check("85 06 20 00 00 00 00 00 00 00 00 00 00 40 e5 00", nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 00 00 00 ff 00 00 00 00 00 00 40 50")
	r.check("1b 00 00 00 02 00", nil, 0, invalidField)
}

// cell notes what a Trusted Computing subsystem gets.
type cell struct {
	protocol byte
	specific uint16
	got      []byte
}

func (c *cell) Send(protocol byte, specific uint16, b []byte) bool {
	c.protocol, c.specific, c.got = protocol, specific, b
	return true
}
func (c *cell) Receive(protocol byte, specific uint16, n int) ([]byte, bool) {
	return []byte{protocol, byte(specific >> 8), byte(specific)}, protocol != 0
}
func (c *cell) Locked() (bool, bool) { return false, false }
func (c *cell) PowerCycle()          {}

// TestSecurityProtocol becomes TRUSTED RECEIVE and SEND.
func TestSecurityProtocol(t *testing.T) {
	c := &cell{}
	r := build(t, ata.Config{TCG: c}, sat.Config{})
	if b := r.good("a2 01 07 fe 80 00 00 00 01 02 00 00", nil, 0x102*512); len(b) != 0x102*512 || !bytes.Equal(b[:3], []byte{1, 7, 0xfe}) {
		t.Errorf("%d bytes, % x", len(b), b[:3])
	}
	if b := r.good("a2 01 00 01 00 00 00 00 00 0c 00 00", nil, 512); len(b) != 12 {
		t.Errorf("%d bytes", len(b))
	}
	out := bytes.Repeat([]byte{9}, 600)
	r.good("b5 02 07 fe 00 00 00 00 02 58 00 00", out, 0)
	if c.protocol != 2 || c.specific != 0x07fe || len(c.got) != 1024 || c.got[599] != 9 || c.got[600] != 0 {
		t.Errorf("%d, %04x, %d bytes", c.protocol, c.specific, len(c.got))
	}
	r.good("a2 00 00 00 00 00 00 00 02 00 00 00", nil, 512)
	r.check("a2 ef 00 00 00 00 00 00 02 00 00 00", nil, 512, invalidField)
	build(t, ata.Config{}, sat.Config{}).check("a2 01 00 01 00 00 00 00 02 00 00 00", nil, 512, "70 00 05 00 00 00 00 0a 00 00 00 00 20 00 00 00 00 00")
}

// TestFaultsOfOwn: what the layer answers by itself can go wrong too.
func TestFaultsOfOwn(t *testing.T) {
	op := byte(0x12)
	r := build(t, ata.Config{}, sat.Config{},
		sim.Fault{When: sim.When{Opcode: &op, Times: 1}, Do: sim.Action{Abort: true}},
		sim.Fault{When: sim.When{Opcode: &op, Nth: 2, Times: 1}, Do: sim.Action{Delay: time.Hour}})
	r.check("12 00 00 00 24 00", nil, 36, invalidField)
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	_, err := r.SCSI(ctx, sim.SCSIRequest{CDB: raw(t, "12 00 00 00 24 00"), In: 36})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	r.good("12 00 00 00 24 00", nil, 36)
	r.Plug(false)
	if _, err := r.SCSI(context.Background(), sim.SCSIRequest{CDB: raw(t, "12 00 00 00 24 00"), In: 36}); !errors.Is(err, sim.ErrGone) {
		t.Error(err)
	}
}

// FuzzSCSI: any CDB is answered, with no more data than the initiator takes.
func FuzzSCSI(f *testing.F) {
	for _, cdb := range []string{hdIdentify, hdSetPassword, hdErasePrepare, hdEraseUnit, hdStatus, hdBlockErase, hdOverwrite, hdReadNative,
		"12 01 83 02 40 00", "28 00 00 00 00 05 00 00 01 00", "8a 00 00 00 00 00 00 00 00 05 00 00 00 01 00 00", "08 00 00 01 00 00",
		"15 10 00 00 10 00", "55 10 00 00 00 00 00 00 1c 00", "1a 00 3f 00 ff 00", "42 00 00 00 00 00 00 00 18 00",
		"93 08 00 00 00 00 00 00 00 05 00 00 00 01 00 00", "a2 01 00 01 00 00 00 00 02 00 00 00", "b5 01 00 01 00 00 00 00 02 00 00 00",
		"a3 0c 00 00 00 00 00 00 10 00 00 00", "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", "a0 00 00 00 00 00 00 00 00 10 00 00",
		"7f 00 00 00 00 00 00 18 1f f0 08 0e 00 00 00 00 00 00 00 00 00 00 00 01 40 ec 00 00 00 00 00 00", "03 01 00 00 fc 00"} {
		f.Add(raw(f, cdb), make([]byte, 512), 512)
	}
	f.Fuzz(func(t *testing.T, cdb, out []byte, in int) {
		c := rich()
		c.NativeSectors, c.Clock, c.TCG = 128, sim.NewManual(), &cell{}
		c.Security = ata.Security{Supported: true, UserPassword: "x"}
		c.Sanitize = ata.Sanitize{Block: true, Crypto: true, Overwrite: true}
		d, err := ata.New(c)
		if err != nil {
			t.Fatal(err)
		}
		s := sat.New(d, sat.Config{DescriptorSense: in%2 == 0})
		in = max(0, min(in, 1<<20))
		for range 2 {
			reply, err := s.SCSI(context.Background(), sim.SCSIRequest{CDB: cdb, Out: out, In: in})
			if err != nil || len(reply.In) > in || reply.Status != 0 && (reply.Status != 2 || len(reply.Sense) < 8) {
				t.Fatalf("% x: %+v, %v", cdb, reply, err)
			}
		}
	})
}
