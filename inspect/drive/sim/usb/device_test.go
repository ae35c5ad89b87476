package usb_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/usb"
)

// configured is a device that its host has enumerated.
func configured(t *testing.T, b *usb.Bridge) *usb.Device {
	t.Helper()
	d := b.NewDevice()
	t.Cleanup(d.Close)
	if _, err := d.Control(usb.Setup{Type: 0x00, Request: 9, Value: 1}); err != nil {
		t.Fatal(err)
	}
	return d
}

func out(t *testing.T, d *usb.Device, p []byte) {
	t.Helper()
	if n, err := d.Out(t.Context(), p); err != nil || n != len(p) {
		t.Fatalf("bulk out of % x: %d, %v", p[:min(31, len(p))], n, err)
	}
}

func in(t *testing.T, d *usb.Device, n int) []byte {
	t.Helper()
	p, err := d.In(t.Context(), n)
	if err != nil {
		t.Fatalf("bulk in: %v", err)
	}
	return p
}

func wantHex(t *testing.T, what string, got []byte, want string) {
	t.Helper()
	if !bytes.Equal(got, unhex(want)) {
		t.Errorf("%s: %x, want %s", what, got, want)
	}
}

// Wrappers as Linux's usb-storage sends them.
const (
	cbwInquiry  = "55534243 01000000 24000000 80 00 06 120000002400 00000000000000000000"
	cbwRead2    = "55534243 02000000 00040000 80 00 0a 28000000003300000200 000000000000"
	cbwWrite1   = "55534243 03000000 00020000 00 00 0a 2a000000003400000100 000000000000"
	cbwReady    = "55534243 04000000 00000000 00 00 06 000000000000 00000000000000000000"
	cbwSense    = "55534243 05000000 12000000 80 00 06 030000001200 00000000000000000000"
	cbwIdentify = "55534243 06000000 00020000 80 00 10 85080e000000010000000000000" + "0ec00"
)

func TestDescriptors(t *testing.T) {
	f := newFake(t, nil)
	c := usb.Config{VendorID: 0x152d, ProductID: 0x0578, Version: 0x0203, Manufacturer: "JMicron", Product: "USB to ATA", Serial: "0123456789AB"}
	ask := func(d *usb.Device, value uint16) []byte {
		p, err := d.Control(usb.Setup{Type: 0x80, Request: 6, Value: value, Index: 0x0409, Length: 255})
		if err != nil {
			t.Fatalf("descriptor %04xh: %v", value, err)
		}
		return p
	}
	d := bridge(t, c, f).NewDevice()
	wantHex(t, "device", ask(d, 0x0100), "12 01 0002 00 00 00 40 2d15 7805 0302 01 02 03 01")
	wantHex(t, "configuration", ask(d, 0x0200), "09 02 2000 01 01 00 80 fa  09 04 00 00 02 08 06 50 00  07 05 81 02 0002 00  07 05 02 02 0002 00")
	wantHex(t, "languages", ask(d, 0x0300), "04 03 0904")
	wantHex(t, "serial", ask(d, 0x0303), "1a 03 3000 3100 3200 3300 3400 3500 3600 3700 3800 3900 4100 4200")
	wantHex(t, "qualifier", ask(d, 0x0600), "0a 06 0002 00 00 00 40 01 00")

	c.Speed, c.Serial, c.Product = usb.SpeedSuper, "", "é"
	d = bridge(t, c, f).NewDevice()
	wantHex(t, "device", ask(d, 0x0100), "12 01 0003 00 00 00 09 2d15 7805 0302 01 02 00 01")
	wantHex(t, "configuration", ask(d, 0x0200), "09 02 2c00 01 01 00 80 70  09 04 00 00 02 08 06 50 00"+
		"07 05 81 02 0004 00  06 30 0f 00 0000  07 05 02 02 0004 00  06 30 0f 00 0000")
	wantHex(t, "BOS", ask(d, 0x0f00), "05 0f 1600 02  07 10 02 00000000  0a 10 03 00 0e00 01 0a ff07")
	wantHex(t, "product", ask(d, 0x0302), "04 03 e900")
	for _, value := range []uint16{0x0303, 0x0600, 0x0101, 0x2200} {
		if _, err := d.Control(usb.Setup{Type: 0x80, Request: 6, Value: value, Length: 255}); !errors.Is(err, usb.ErrStall) {
			t.Errorf("descriptor %04xh: %v", value, err)
		}
	}
}

func TestRequests(t *testing.T) {
	d := configured(t, bridge(t, usb.Config{}, newFake(t, nil)))
	for _, q := range []struct {
		s     usb.Setup
		want  string
		stall bool
	}{
		{s: usb.Setup{Type: 0xa1, Request: 0xfe, Length: 1}, want: "00"}, // GET MAX LUN
		{s: usb.Setup{Type: 0x80, Request: 8, Length: 1}, want: "01"},
		{s: usb.Setup{Type: 0x80, Request: 0, Length: 2}, want: "0000"},
		{s: usb.Setup{Type: 0x82, Request: 0, Index: 0x81, Length: 2}, want: "0000"},
		{s: usb.Setup{Type: 0x02, Request: 3, Value: 0, Index: 0x81}},
		{s: usb.Setup{Type: 0x82, Request: 0, Index: 0x81, Length: 2}, want: "0100"},
		{s: usb.Setup{Type: 0x82, Request: 0, Index: 0x83, Length: 2}, stall: true},
		{s: usb.Setup{Type: 0x02, Request: 1, Value: 0, Index: 0x81}},
		{s: usb.Setup{Type: 0x82, Request: 0, Index: 0x81, Length: 2}, want: "0000"},
		{s: usb.Setup{Type: 0x00, Request: 9, Value: 2}, stall: true},
		{s: usb.Setup{Type: 0x01, Request: 11, Value: 1}, stall: true},
		{s: usb.Setup{Type: 0x01, Request: 11, Value: 0}},
		{s: usb.Setup{Type: 0x00, Request: 48, Length: 6}, stall: true}, // SET SEL at high speed
		{s: usb.Setup{Type: 0xc0, Request: 1, Length: 64}, stall: true},
	} {
		got, err := d.Control(q.s)
		if errors.Is(err, usb.ErrStall) != q.stall {
			t.Errorf("%+v: %v", q.s, err)
		}
		wantHex(t, "answer", got, q.want)
	}
}

func TestBulkMovesBlocks(t *testing.T) {
	f := newFake(t, nil)
	d := configured(t, bridge(t, usb.Config{}, f))
	out(t, d, unhex(cbwInquiry))
	if p := in(t, d, 36); string(p[8:16]) != "ATA     " || len(p) != 36 {
		t.Errorf("INQUIRY: %q", p)
	}
	wantHex(t, "status", in(t, d, 13), "55534253 01000000 00000000 00")

	out(t, d, unhex(cbwWrite1))
	block := bytes.Repeat([]byte{0x5a, 0xc3}, 256)
	out(t, d, block)
	wantHex(t, "status", in(t, d, 13), "55534253 03000000 00000000 00")
	got := make([]byte, 512)
	if _, err := f.medium.ReadAt(got, 0x34*512); err != nil || !bytes.Equal(got, block) {
		t.Errorf("the block is not on the medium (%v)", err)
	}

	// In two transfers: block 33h is empty, 34h is the one just written.
	out(t, d, unhex(cbwRead2))
	if !bytes.Equal(in(t, d, 512), make([]byte, 512)) || !bytes.Equal(in(t, d, 512), block) {
		t.Error("READ gives something else")
	}
	wantHex(t, "status", in(t, d, 13), "55534253 02000000 00000000 00")
}

// What BOT clause 6.7 calls the thirteen cases, as far as a model can tell them apart.
func TestBulkDisagreements(t *testing.T) {
	const read1, write1 = "28000000003300000100 000000000000", "2a000000003400000100 000000000000"
	for name, q := range map[string]struct {
		cbw    string
		out    int    // bytes of data that the host sends
		data   int    // bytes that come
		status string // residue and status
		stall  bool   // of the pipe that the data goes by
	}{
		"1: nothing":          {cbw: "00000000 00 00 06 000000000000 00000000000000000000", status: "00000000 00"},
		"2: it wants to send": {cbw: "00000000 80 00 0a" + read1, status: "00000000 02"},
		"3: it wants to take": {cbw: "00000000 00 00 0a" + write1, status: "00000000 02"},
		"4: it has nothing":   {cbw: "00020000 80 00 06 000000000000 00000000000000000000", status: "00020000 00", stall: true},
		"5: it has less":      {cbw: "00060000 80 00 0a" + read1, data: 512, status: "00040000 00", stall: true},
		"5: a short packet":   {cbw: "ff000000 80 00 06 120000000500 00000000000000000000", data: 96, status: "9f000000 00"},
		"6: all":              {cbw: "00020000 80 00 0a" + read1, data: 512, status: "00000000 00"},
		"7: it has more":      {cbw: "00010000 80 00 0a" + read1, status: "00010000 02", stall: true},
		"8: it takes":         {cbw: "00020000 80 00 0a" + write1, status: "00020000 02", stall: true},
		"9: it takes nothing": {cbw: "00020000 00 00 06 000000000000 00000000000000000000", out: 512, status: "00000000 00"},
		"10: it sends":        {cbw: "00020000 00 00 0a" + read1, out: 512, status: "00020000 02", stall: true},
		"11: it takes less":   {cbw: "00040000 00 00 0a" + write1, out: 1024, status: "00020000 00"},
		"13: it takes more":   {cbw: "00010000 00 00 0a" + write1, out: 256, status: "00010000 02", stall: true},
		"too much for it":     {cbw: "01000001 00 00 0a" + write1, status: "01000001 02", stall: true},
		"refused":             {cbw: "00020000 80 00 10" + "85080e0000000100000000000000ec00", status: "00020000 01", stall: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := configured(t, bridge(t, usb.Config{}, newFake(t, nil)))
			out(t, d, unhex("55534243 78563412"+q.cbw))
			if q.out > 0 {
				out(t, d, make([]byte, q.out))
			}
			toHost := unhex(q.cbw)[4] == 0x80
			if toHost && !strings.HasPrefix(q.cbw, "00000000") {
				p, err := d.In(t.Context(), 65536)
				if len(p) != q.data || errors.Is(err, usb.ErrStall) != q.stall {
					t.Errorf("%d bytes came, %v", len(p), err)
				}
				clearHalt(t, d, 0x81)
			}
			got := in(t, d, 13)
			wantHex(t, "status", got, "55534253 78563412"+q.status)
			if halted := halt(t, d, 0x02); !toHost && halted != q.stall {
				t.Errorf("the pipe to the device: halted %v", halted)
			}
		})
	}
}

func halt(t *testing.T, d *usb.Device, endpoint uint16) bool {
	t.Helper()
	p, err := d.Control(usb.Setup{Type: 0x82, Request: 0, Index: endpoint, Length: 2})
	if err != nil {
		t.Fatal(err)
	}
	return p[0] == 1
}

func clearHalt(t *testing.T, d *usb.Device, endpoint uint16) {
	t.Helper()
	if _, err := d.Control(usb.Setup{Type: 0x02, Request: 1, Index: endpoint}); err != nil {
		t.Fatal(err)
	}
}

// BOT clause 6.6.1: after a wrapper that is none, only a reset recovery helps.
func TestInvalidWrapperNeedsAReset(t *testing.T) {
	for name, p := range map[string]string{
		"short":     cbwReady[:len(cbwReady)-2],
		"signature": "55534244" + cbwReady[8:],
		"lun 1":     "55534243 04000000 00000000 00 01 06 000000000000 00000000000000000000",
		"no block":  "55534243 04000000 00000000 00 00 00 000000000000 00000000000000000000",
		"17 bytes":  "55534243 04000000 00000000 00 00 11 000000000000 00000000000000000000",
		"nothing":   "",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, nil)
			d := configured(t, bridge(t, usb.Config{}, f))
			if _, err := d.Out(t.Context(), unhex(p)); !errors.Is(err, usb.ErrStall) {
				t.Fatalf("%v", err)
			}
			clearHalt(t, d, 0x81)
			clearHalt(t, d, 0x02)
			if !halt(t, d, 0x81) || !halt(t, d, 0x02) {
				t.Error("the host cleared a halt before its reset")
			}
			if _, err := d.Control(usb.Setup{Type: 0x21, Request: 0xff}); err != nil {
				t.Fatal(err)
			}
			if !halt(t, d, 0x81) || !halt(t, d, 0x02) {
				t.Error("the reset cleared a halt")
			}
			clearHalt(t, d, 0x81)
			clearHalt(t, d, 0x02)
			out(t, d, unhex(cbwReady))
			wantHex(t, "status", in(t, d, 13), "55534253 04000000 00000000 00")
			if n := len(f.frames()); n != 1 {
				t.Errorf("%d commands reached the drive", n)
			}
		})
	}
}

func TestSenseWaitsForItsRequest(t *testing.T) {
	d := configured(t, bridge(t, usb.Config{}, newFake(t, nil)))
	out(t, d, unhex(cbwIdentify))
	if _, err := d.In(t.Context(), 512); !errors.Is(err, usb.ErrStall) {
		t.Fatalf("data of a refused command: %v", err)
	}
	clearHalt(t, d, 0x81)
	wantHex(t, "status", in(t, d, 13), "55534253 06000000 00020000 01")
	out(t, d, unhex(cbwSense))
	wantHex(t, "sense", in(t, d, 18), "700005 00000000 0a 00000000 2000 00 000000")
	wantHex(t, "status", in(t, d, 13), "55534253 05000000 00000000 00")
	// Asked again it is the drive's turn, which is in the middle of a sanitize.
	out(t, d, unhex(cbwSense))
	wantHex(t, "sense", in(t, d, 18), "700002 00000000 0a 00000000 041b 00 800123")
}

// The bridge asks the drive for its blocks before the first READ; a unit attention
// that it finds there is for the host.
func TestUnitAttentionReachesTheHost(t *testing.T) {
	f := newFake(t, nil)
	f.attention = true
	d := configured(t, bridge(t, usb.Config{}, f))
	out(t, d, unhex(cbwRead2))
	if _, err := d.In(t.Context(), 1024); !errors.Is(err, usb.ErrStall) {
		t.Fatalf("%v", err)
	}
	clearHalt(t, d, 0x81)
	wantHex(t, "status", in(t, d, 13), "55534253 02000000 00040000 01")
	out(t, d, unhex(cbwSense))
	wantHex(t, "sense", in(t, d, 18), "700006 00000000 0a 00000000 2900 00 000000")
	wantHex(t, "status", in(t, d, 13), "55534253 05000000 00000000 00")
	out(t, d, unhex(cbwRead2))
	if p := in(t, d, 1024); len(p) != 1024 {
		t.Errorf("READ after that: %d bytes", len(p))
	}
}

func TestStalledPassThroughIsAPhaseError(t *testing.T) {
	d := configured(t, bridge(t, usb.Config{PassThrough: usb.PassThroughStall}, newFake(t, nil)))
	out(t, d, unhex(cbwIdentify))
	if _, err := d.In(t.Context(), 512); !errors.Is(err, usb.ErrStall) {
		t.Fatalf("%v", err)
	}
	clearHalt(t, d, 0x81)
	wantHex(t, "status", in(t, d, 13), "55534253 06000000 00020000 02")
}

// A command that is never answered leaves its transfer pending; cancelling that
// ends nothing in the drive, a reset does.
func TestHangingCommandEndsWithAReset(t *testing.T) {
	f := newFake(t, nil)
	d := configured(t, bridge(t, usb.Config{PassThrough: usb.PassThroughHang}, f))
	out(t, d, unhex(cbwIdentify))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.In(ctx, 512); !errors.Is(err, context.Canceled) {
		t.Errorf("data: %v", err)
	}
	if _, err := d.Out(ctx, unhex(cbwReady)); !errors.Is(err, context.Canceled) {
		t.Errorf("another command meanwhile: %v", err)
	}
	d.Reset()
	if f.resets != 1 {
		t.Errorf("the drive heard of %d resets", f.resets)
	}
	if _, err := d.Out(t.Context(), unhex(cbwReady)); !errors.Is(err, usb.ErrStall) {
		t.Errorf("a command before the configuration: %v", err)
	}
	if !d.SetConfiguration(1) {
		t.Fatal("not configured")
	}
	out(t, d, unhex(cbwReady))
	wantHex(t, "status", in(t, d, 13), "55534253 04000000 00000000 00")
}

func TestUnpluggedDriveAnswersNothing(t *testing.T) {
	op := byte(0x28)
	f := newFake(t, sim.NewScript(sim.Fault{When: sim.When{Opcode: &op}, Do: sim.Action{Unplug: true}}))
	b := bridge(t, usb.Config{}, f)
	d := configured(t, b)
	gone := make(chan bool, 1)
	b.OnPlug(func(in bool) { gone <- in })
	out(t, d, unhex(cbwRead2))
	if in := <-gone; in || b.Plugged() {
		t.Error("the bridge is still there")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.In(ctx, 1024); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestNarrowStatusIsBabble(t *testing.T) {
	d := configured(t, bridge(t, usb.Config{}, newFake(t, nil)))
	out(t, d, unhex(cbwReady))
	if _, err := d.In(t.Context(), 12); !errors.Is(err, usb.ErrBabble) {
		t.Errorf("%v", err)
	}
}

// FuzzDevice runs whatever a host may do: each operation is a kind and its bytes.
func FuzzDevice(f *testing.F) {
	f.Add(unhex("01 1f" + cbwInquiry + "02 24 02 0d"))
	f.Add(unhex("01 1f" + cbwRead2 + "02 ff 02 ff 02 0d"))
	f.Add(unhex("01 1f" + cbwIdentify + "02 80 03 08 02010000 81000000 02 0d 01 1f" + cbwSense + "02 12 02 0d"))
	f.Add(unhex("01 1e" + cbwReady[:len(cbwReady)-2] + "03 08 21ff0000 00000000 03 08 80060001 00001200"))
	f.Fuzz(func(t *testing.T, p []byte) {
		drive := newFake(t, nil)
		d := configured(t, bridge(t, usb.Config{PassThrough: usb.PassThroughLow, BlockSize: 4096, Short: 1, Speed: usb.SpeedSuper}, drive))
		none, cancel := context.WithCancel(t.Context())
		cancel()
		for len(p) >= 2 {
			kind, n := p[0], int(p[1])
			n = min(n, len(p)-2)
			arg := p[2 : 2+n]
			switch kind {
			case 1:
				_, _ = d.Out(none, arg)
				p = p[2+n:]
			case 2:
				if got, err := d.In(none, int(p[1])); err == nil && len(got) > int(p[1]) {
					t.Fatalf("%d bytes where %d were asked for", len(got), p[1])
				}
				p = p[2:]
			case 3:
				if len(arg) >= 8 {
					s := usb.Setup{Type: arg[0], Request: arg[1], Value: uint16(arg[2]) | uint16(arg[3])<<8, Index: uint16(arg[4]) | uint16(arg[5])<<8, Length: uint16(arg[6]) | uint16(arg[7])<<8}
					if got, _ := d.Control(s); len(got) > int(s.Length) {
						t.Fatalf("%d bytes where %d were asked for", len(got), s.Length)
					}
				}
				p = p[2+n:]
			default:
				d.Reset()
				d.SetConfiguration(1)
				p = p[1:]
			}
		}
		// Whatever was done, a reset brings it back.
		d.Reset()
		d.SetConfiguration(1)
		out(t, d, unhex(cbwReady))
		wantHex(t, "status", in(t, d, 13), "55534253 04000000 00000000 00")
	})
}

// FuzzSCSI: no command block breaks a bridge, nor makes it give more than is asked.
func FuzzSCSI(f *testing.F) {
	for _, s := range []string{identify16, identify12, "12 01 83 00 ff 00", "25 00 00 00 00 00 00 00 00 00", "8a 00 00 00 00 00 00 00 01 fd 00 00 00 01 00 00", "7f 00 00 00 00 00 00 18 00 0b"} {
		f.Add(unhex(s), 512, 4096, uint8(1))
	}
	f.Fuzz(func(t *testing.T, cdb []byte, in, out int, kind uint8) {
		c := []usb.Config{{PassThrough: usb.PassThroughSAT}, {BlockSize: 4096, Short: 3, Identity: usb.IdentityBridge, Serial: "S", PassThrough: usb.PassThroughLow}, {Basic: true, Identity: usb.IdentityNone}}[kind%3]
		drive := newFake(t, nil)
		b := bridge(t, c, drive)
		sent := make([]byte, min(max(out, 0), 1<<16))
		r, err := b.SCSI(t.Context(), sim.SCSIRequest{CDB: cdb, In: min(in, 1<<16), Out: sent})
		if err != nil {
			t.Fatal(err)
		}
		if len(r.In) > max(in, 0) {
			t.Fatalf("%d bytes where %d were asked for", len(r.In), in)
		}
	})
}
