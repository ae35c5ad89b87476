package usb_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/usb"
)

// IDENTIFY DEVICE by ATA PASS-THROUGH (16) as smartctl -d sat sends it, and (12).
const (
	identify16 = "85 08 0e 00 00 00 01 00 00 00 00 00 00 00 ec 00"
	identify12 = "a1 08 0e 00 01 00 00 00 00 ec 00 00"
)

func TestPassThroughIsHandedOnOrRefused(t *testing.T) {
	for _, cdb := range []string{identify16, identify12} {
		f := newFake(t, nil)
		if r := do(t, bridge(t, usb.Config{PassThrough: usb.PassThroughSAT}, f), cdb, 512); string(r.In) != "IDENTIFY" {
			t.Errorf("sat: %+v", r)
		}
		for _, kind := range []usb.PassThrough{"", usb.PassThroughNone} {
			f := newFake(t, nil)
			wantSense(t, do(t, bridge(t, usb.Config{PassThrough: kind}, f), cdb, 512), 5, 0x20, 0)
			if n := len(f.frames()); n != 0 {
				t.Errorf("none: %d commands reached the drive", n)
			}
		}
	}
}

func TestPassThroughHangsUntilReset(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughHang}, f)
	for name, end := range map[string]struct {
		do   func(cancel func())
		want error
	}{
		"reset": {func(func()) { b.Reset() }, usb.ErrReset},
		"power": {func(func()) { b.PowerCycle() }, sim.ErrGone},
		"ctx":   {func(cancel func()) { cancel() }, context.Canceled},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := b.SCSI(ctx, sim.SCSIRequest{CDB: unhex(identify16), In: 512})
			done <- err
		}()
		var err error
		for waiting := true; waiting; { // it may not hang yet
			end.do(cancel)
			select {
			case err = <-done:
				waiting = false
			default:
			}
		}
		cancel()
		// A command that came in the middle of the power cycle meets its second half.
		if !errors.Is(err, end.want) && (name != "power" || !errors.Is(err, usb.ErrReset)) {
			t.Errorf("%s: %v, want %v", name, err, end.want)
		}
	}
	if len(f.frames()) != 0 {
		t.Error("a hanging command reached the drive")
	}
	if r := do(t, b, "00 00 00 00 00 00", 0); r.Status != 0 {
		t.Error("the bridge did not come back after a reset")
	}
}

func TestPassThroughBreaksOff(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughStall}, f)
	if _, err := b.SCSI(t.Context(), sim.SCSIRequest{CDB: unhex(identify16), In: 512}); !errors.Is(err, usb.ErrPhase) {
		t.Errorf("stall: %v", err)
	}
	b = bridge(t, usb.Config{PassThrough: usb.PassThroughDrop}, f)
	var told []bool
	b.OnPlug(func(in bool) { told = append(told, in) })
	if _, err := b.SCSI(t.Context(), sim.SCSIRequest{CDB: unhex(identify16), In: 512}); !errors.Is(err, sim.ErrGone) {
		t.Errorf("drop: %v", err)
	}
	if !slices.Equal(told, []bool{false, true}) || len(f.power) != 0 {
		t.Errorf("the bus saw %v, the drive's power %v: want out and in, and power all the time", told, f.power)
	}
	if r := do(t, b, "00 00 00 00 00 00", 0); r.Status != 0 {
		t.Error("the bridge did not come back")
	}
}

// CRYPTO SCRAMBLE EXT (ACS-4 clause 7.36.3): feature 0011h, its signature in LBA
// 31:0 is 'Cryp'. Without its high bytes it is no longer what a drive accepts.
func TestPassThroughLosesHighBytes(t *testing.T) {
	f := newFake(t, nil)
	f.next = &sim.SCSIReply{Status: 2, Sense: unhex("72 01 00 1d 00 00 00 0e 09 0c 01 04 12 34 56 78 9a bc de f0 40 50")}
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughLow}, f)
	r := do(t, b, "85 07 20 01 11 02 03 43 70 04 79 05 72 40 b4 00", 0)
	if got := hex.EncodeToString(f.frames()[0]); got != "850720001100030070007900724"+"0b400" {
		t.Errorf("the drive got %s", got)
	}
	if got := hex.EncodeToString(r.Sense); got != "7201001d0000000e090c0104003400780"+"0bc00f04050" {
		t.Errorf("the host got %s", got)
	}
	if !bytes.Equal(f.next.Sense[12:14], []byte{0x12, 0x34}) {
		t.Error("the drive's own answer was changed")
	}
}

func TestPassThroughLosesSense(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughNoSense}, f)
	f.next = &sim.SCSIReply{Status: 2, Sense: unhex("72 01 00 1d 00 00 00 0e 09 0c 00 00 00 00 00 00 00 00 00 00 40 50")}
	if r := do(t, b, identify16, 0); r.Status != 0 || len(r.Sense) != 0 {
		t.Errorf("registers of success: %+v", r)
	}
	f.next = &sim.SCSIReply{Status: 2, Sense: unhex("72 0b 00 00 00 00 00 0e 09 0c 00 04 00 00 00 00 00 00 00 00 40 51")}
	wantSense(t, do(t, b, identify16, 0), 0, 0, 0)
}

func TestIdentityIsHidden(t *testing.T) {
	const standard, serial, pages, id = "12 00 00 00 60 00", "12 01 80 00 ff 00", "12 01 00 00 ff 00", "12 01 83 00 ff 00"
	f := newFake(t, nil)
	own := usb.Config{Vendor: "ASMT", Model: "2115", Revision: "0", Serial: "0123456789AB", Removable: true}

	if r := do(t, bridge(t, own, f), standard, 96); string(r.In[8:36]) != "ATA     WDC WD10EZEX-08W1A01" || r.In[1] != 0x80 {
		t.Errorf("the drive's: % x", r.In)
	}
	if r := do(t, bridge(t, own, f), serial, 255); string(r.In[4:]) != "WD-WCC4N1234567" {
		t.Errorf("the drive's serial: %q", r.In)
	}
	own.Identity = usb.IdentityBridge
	b := bridge(t, own, f)
	if r := do(t, b, standard, 96); string(r.In[8:36]) != "ASMT    2115            0   " || strings.Contains(string(r.In), "s") || len(r.In) != 96 {
		t.Errorf("the bridge's: %q", r.In)
	}
	for cdb, want := range map[string]string{
		serial: "0080000c" + "303132333435363738394142",
		pages:  "00000003" + "008083",
		// T10 vendor identification, ASCII: 36 characters.
		id: "00830028" + "02010024" + hex.EncodeToString([]byte("ASMT    2115            0123456789AB")),
	} {
		if r := do(t, b, cdb, 255); hex.EncodeToString(r.In) != want {
			t.Errorf("%s: %x, want %s", cdb, r.In, want)
		}
	}
	wantSense(t, do(t, b, "12 01 89 02 00 00", 512), 5, 0x24, 0)
	if r := do(t, b, "12 01 80 00 06 00", 255); len(r.In) != 6 {
		t.Errorf("allocation length 6: %d bytes", len(r.In))
	}
	own.Identity = usb.IdentityNone
	b = bridge(t, own, f)
	for _, cdb := range []string{serial, pages, id} {
		wantSense(t, do(t, b, cdb, 255), 5, 0x24, 0)
	}
}

// A bridge that shows blocks of 4096 bytes and keeps two of them: 4096 blocks of
// 512 are 512 of its own less two.
func TestOtherBlocksFallWhereTheyShould(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{BlockSize: 4096, Short: 2}, f)
	if r := do(t, b, "25 00 00 00 00 00 00 00 00 00", 8); hex.EncodeToString(r.In) != "000001fd00001000" {
		t.Errorf("READ CAPACITY(10): %x", r.In)
	}
	if r := do(t, b, "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", 32); hex.EncodeToString(r.In[:16]) != "00000000000001fd0000100000000000" {
		t.Errorf("READ CAPACITY(16): %x", r.In)
	}
	block := bytes.Repeat([]byte{0xa5}, 4096)
	if r := do(t, b, "2a 08 00 00 00 11 00 00 01 00", 0, block...); r.Status != 0 {
		t.Fatalf("WRITE(10): %+v", r)
	}
	last := f.frames()[len(f.frames())-1]
	if got := hex.EncodeToString(last); got != "8a08000000000000008800000008"+"0000" {
		t.Errorf("the drive got %s", got)
	}
	// On the medium: 11h blocks of 4096 bytes, not of 512.
	around := make([]byte, 4096+2)
	if _, err := f.medium.ReadAt(around, 0x11000-1); err != nil {
		t.Fatal(err)
	}
	if around[0] != 0 || !bytes.Equal(around[1:4097], block) || around[4097] != 0 {
		t.Error("the block lies elsewhere on the medium")
	}
	if r := do(t, b, "88 00 00 00 00 00 00 00 00 11 00 00 00 01 00 00", 4096); !bytes.Equal(r.In, block) {
		t.Error("READ(16) gives something else")
	}
	if r := do(t, b, "08 00 00 11 01 00", 4096); !bytes.Equal(r.In, block) {
		t.Error("READ(6) gives something else")
	}
	wantSense(t, do(t, b, "28 00 00 00 01 fe 00 00 01 00", 4096), 5, 0x21, 0) // kept by the bridge
	wantSense(t, do(t, b, "88 00 ff ff ff ff ff ff ff ff 00 00 00 01 00 00", 4096), 5, 0x21, 0)
	wantSense(t, do(t, b, "42 00 00 00 00 00 00 00 18 00", 0, make([]byte, 24)...), 5, 0x20, 0)
	wantSense(t, do(t, b, "12 01 b0 00 40 00", 64), 5, 0x24, 0)
}

func TestMediumErrorNamesTheHostsBlock(t *testing.T) {
	bad := uint64(0x8b)
	f := newFake(t, sim.NewScript(sim.Fault{When: sim.When{LBA: &bad, Reads: true}, Do: sim.Action{Medium: true}}))
	b := bridge(t, usb.Config{BlockSize: 4096}, f)
	r := do(t, b, "28 00 00 00 00 10 00 00 04 00", 4*4096)
	wantSense(t, r, 3, 0x11, 0)
	if got := hex.EncodeToString(r.Sense[:7]); got != "f0000300000011" {
		t.Errorf("sense %s: block 8bh of the drive is 11h of the bridge", got)
	}
}

func TestShortCapacityHidesTheEnd(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{Short: 0x10}, f)
	if r := do(t, b, "25 00 00 00 00 00 00 00 00 00", 8); hex.EncodeToString(r.In) != "00000fef00000200" {
		t.Errorf("READ CAPACITY(10): %x", r.In)
	}
	wantSense(t, do(t, b, "2a 00 00 00 0f f0 00 00 01 00", 0, make([]byte, 512)...), 5, 0x21, 0)
	if r := do(t, b, "2a 00 00 00 0f ef 00 00 01 00", 0, bytes.Repeat([]byte{7}, 512)...); r.Status != 0 {
		t.Errorf("the last block: %+v", r)
	}
}

func TestFaultsOfTheBridge(t *testing.T) {
	f := newFake(t, nil)
	op, ident := byte(0x00), uint32(0xec)
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughSAT, Serial: "A", Script: sim.NewScript(
		sim.Fault{When: sim.When{Opcode: &op, Times: 1}, Do: sim.Action{Become: "OTHER", Shrink: 0x100}},
		sim.Fault{When: sim.When{Sub: &ident}, Do: sim.Action{Abort: true, Sense: sim.SenseDescriptor}},
		sim.Fault{When: sim.When{Writes: true}, Do: sim.Action{Pretend: true}},
	)}, f)
	if r := do(t, b, identify16, 512); hex.EncodeToString(r.Sense) != "7205240000000000" {
		t.Errorf("IDENTIFY: sense %x", r.Sense)
	}
	if r := do(t, b, "2a 00 00 00 00 01 00 00 01 00", 0, bytes.Repeat([]byte{1}, 512)...); r.Status != 0 {
		t.Errorf("WRITE: %+v", r)
	}
	got := make([]byte, 512)
	if _, err := f.medium.ReadAt(got, 512); err != nil || !bytes.Equal(got, make([]byte, 512)) {
		t.Errorf("a write that was only pretended is on the medium (%v)", err)
	}
	do(t, b, "00 00 00 00 00 00", 0)
	if b.Serial() != "OTHER" {
		t.Errorf("serial %q", b.Serial())
	}
	if r := do(t, b, "25 00 00 00 00 00 00 00 00 00", 8); hex.EncodeToString(r.In) != "000000ff00000200" {
		t.Errorf("READ CAPACITY(10): %x", r.In)
	}
}

// Registers in the form that a script asks for. The fixed one has the low bytes,
// and says that there were others (SAT-4 clause 12.2.2.7).
func TestFormsOfSense(t *testing.T) {
	const registers = "72 0b 00 1d 00 00 00 0e 09 0c 01 04 12 34 56 78 9a bc de f0 40 51"
	for name, q := range map[string]struct {
		form       sim.SenseForm
		sent, want string
	}{
		"as asked":       {sim.SenseAsAsked, registers, registers},
		"fixed":          {sim.SenseFixed, registers, "70 00 0b 04 51 40 34 0a e0 78 bc f0 00 1d 00 00 00 00"},
		"28 bits":        {sim.SenseFixed, "72 0b 00 1d 00 00 00 0e 09 0c 00 04 00 34 00 78 00 bc 00 f0 40 51", "70 00 0b 04 51 40 34 0a 00 78 bc f0 00 1d 00 00 00 00"},
		"a block":        {sim.SenseFixed, "72 03 11 04 00 00 00 0c 00 0a 80 00 00 00 00 00 12 34 56 78", "f0 00 03 12 34 56 78 0a 00 00 00 00 11 04 00 00 00 00"},
		"too far":        {sim.SenseFixed, "72 03 11 04 00 00 00 0c 00 0a 80 00 00 00 00 01 12 34 56 78", "70 00 03 00 00 00 00 0a 00 00 00 00 11 04 00 00 00 00"},
		"cut off":        {sim.SenseFixed, registers[:3*21], "70 00 0b 00 00 00 00 0a 00 00 00 00 00 1d 00 00 00 00"},
		"descriptor":     {sim.SenseDescriptor, "70 00 05 00 00 00 00 0a 00 00 00 00 26 01 00 00 00 00", "72 05 26 01 00 00 00 00"},
		"missing":        {sim.SenseMissing, registers, "70 00 00 00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00"},
		"it was not any": {sim.SenseFixed, "", ""},
	} {
		f := newFake(t, nil)
		f.next = &sim.SCSIReply{Status: 2, Sense: unhex(q.sent)}
		b := bridge(t, usb.Config{PassThrough: usb.PassThroughSAT, Script: sim.NewScript(sim.Fault{Do: sim.Action{Sense: q.form}})}, f)
		wantHex(t, name, do(t, b, identify16, 0).Sense, q.want)
	}
}

func TestPlugAndPowerAreOneForBridgeAndDrive(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{}, f)
	var told []bool
	b.OnPlug(func(in bool) { told = append(told, in) })
	b.Plug(false)
	if f.Plugged() || b.Plugged() {
		t.Error("pulled out: one of them is still there")
	}
	f.Plug(true)
	if !b.Plugged() {
		t.Error("the drive is back without its bridge")
	}
	b.PowerCycle()
	if want := []bool{false, true, false, true}; !slices.Equal(told, want) || !slices.Equal(f.power, want) {
		t.Errorf("told %v, the drive's power %v, want %v", told, f.power, want)
	}
	b.Reset()
	if f.resets != 1 {
		t.Errorf("the drive heard of %d resets", f.resets)
	}
}

func TestMalformedCommands(t *testing.T) {
	f := newFake(t, nil)
	b := bridge(t, usb.Config{PassThrough: usb.PassThroughSAT, BlockSize: 4096}, f)
	for _, cdb := range []string{"", "85", "12 00 00", "28 00 00 00 00 00 00 00 01", "7f 00 00 00 00 00 00 18 00 01", "a1 08 0e 00 01 00 00 00 00 ec 00"} {
		wantSense(t, do(t, b, cdb, 512), 5, 0x24, 0)
	}
	if n := len(f.frames()); n != 0 {
		t.Errorf("%d of them reached the drive", n)
	}
	b = bridge(t, usb.Config{MaxTransfer: 65536, Basic: true}, f)
	wantSense(t, do(t, b, "28 00 00 00 00 00 00 00 81 00", 129*512), 5, 0x24, 0)
	wantSense(t, do(t, b, "48 03 00 00 00 00 00 00 00 00", 0), 5, 0x20, 0)
}

func TestConfigNamesItsFields(t *testing.T) {
	for field, c := range map[string]usb.Config{
		"Speed": {Speed: "full"}, "PassThrough": {PassThrough: "yes"}, "Identity": {Identity: "x"}, "BlockSize": {BlockSize: 520},
		"MaxTransfer": {MaxTransfer: 1 << 30}, "Vendor": {Vendor: "123456789"}, "Model": {Model: "é"}, "Serial": {Serial: strings.Repeat("1", 127)},
	} {
		if _, err := usb.New(c, newFake(t, nil)); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
