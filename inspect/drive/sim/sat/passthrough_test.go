package sat_test

import (
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/sat"
)

// CDBs as hdparm 9.65 sends them.
const (
	hdIdentify     = "85 08 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00"
	hdSetPassword  = "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f1 00"
	hdUnlock       = "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f2 00"
	hdErasePrepare = "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f3 00"
	hdEraseUnit    = "85 0a 06 00 00 00 01 00 00 00 00 00 00 40 f4 00"
	hdFreeze       = "85 06 20 00 00 00 00 00 00 00 00 00 00 40 f5 00"
	hdReadNative   = "85 07 20 00 00 00 00 00 00 00 00 00 00 40 27 00"
	hdStatus       = "85 07 20 00 00 00 00 00 00 00 00 00 00 40 b4 00"
	hdBlockErase   = "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"
	hdOverwrite    = "85 07 20 00 14 00 01 a1 d4 57 c3 4f b2 40 b4 00"
)

func passwordBlock(text string) []byte {
	b := make([]byte, 512)
	copy(b[2:], text)
	return b
}

func TestPassThroughForms(t *testing.T) {
	r := build(t, ata.Config{Serial: "ABCDEFGH"}, sat.Config{})
	for _, cdb := range []string{
		hdIdentify,
		"a1 08 0e 00 01 00 00 00 40 ec 00 00",
		"7f 00 00 00 00 00 00 18 1f f0 08 0e 00 00 00 00 00 00 00 00 00 00 00 01 40 ec 00 00 00 00 00 00",
		"85 0c 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00", // DMA, as smartctl may
		"85 08 0f 00 00 00 00 00 00 00 00 00 00 40 ec 00", // the transport says the length
	} {
		if b := r.good(cdb, nil, 512); len(b) != 512 || string(b[20:28]) != "BADCFEHG" {
			t.Errorf("%s: %d bytes", cdb, len(b))
		}
	}
	// A length in bytes: 4 of them.
	if b := r.good("85 08 0a 00 00 00 04 00 00 00 00 00 00 40 ec 00", nil, 512); len(b) != 4 {
		t.Errorf("%d bytes", len(b))
	}
	for _, cdb := range []string{ // INVALID FIELD IN CDB
		"85 06 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00", // non-data with a length
		"85 08 20 00 00 00 01 00 00 00 00 00 00 40 ec 00", // PIO in without one
		"85 08 06 00 00 00 01 00 00 00 00 00 00 40 ec 00", // PIO in to the drive
		"85 0a 0e 00 00 00 01 00 00 00 00 00 00 40 f1 00", // PIO out from it
		"85 0e 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00", // protocol 7
		"85 28 0e 00 00 00 01 00 00 00 00 00 00 40 ec 00", // MULTIPLE_COUNT
		"7f 00 00 00 00 00 00 18 1f f1 08 0e 00 00 00 00 00 00 00 00 00 00 00 01 40 ec 00 00 00 00 00 00",
	} {
		r.check(cdb, nil, 512, "70 00 05 00 00 00 00 0a 00 00 00 00 24 00 00 00 00 00")
	}
	// The drive is asked for data and none is taken.
	r.check("85 06 20 00 00 00 01 00 00 00 00 00 00 40 ec 00", nil, 0, "70 00 0b 00 50 40 00 0a 00 00 00 00 00 00 00 00 00 00")
	// The drive is sent data that it does not take: it has ended the command before, and
	// has done it.
	r.check("85 0a 06 00 00 00 01 00 00 00 00 00 00 40 e1 00", make([]byte, 512), 0, "70 00 0b 00 50 40 00 0a 00 00 00 00 00 00 00 00 00 00")
	// It is to send some, and has none.
	r.check("85 08 0e 00 00 00 01 00 00 00 00 00 00 40 e5 00", nil, 512, "70 00 0b 00 50 40 80 0a 00 00 00 00 00 00 00 00 00 00")
	r.check("85 06 20 00 00 00 01 00 00 00 00 00 00 40 ec 00", nil, 0, "70 00 0b 00 50 40 00 0a 00 00 00 00 00 00 00 00 00 00")
	n := len(r.Trace())
	if got := r.Trace()[n-1]; len(got.Frame) != ata.FrameSize || got.Frame[12] != 0xec {
		t.Errorf("trace % x", got.Frame)
	}
	r = build(t, ata.Config{}, sat.Config{NoPassThrough: true})
	r.check(hdIdentify, nil, 512, "70 00 05 00 00 00 00 0a 00 00 00 00 20 00 00 00 00 00")
}

// TestPassThroughBytes: every byte of a 32-byte and a 16-byte CDB lands where it
// belongs.
func TestPassThroughBytes(t *testing.T) {
	r := build(t, ata.Config{}, sat.Config{})
	for cdb, want := range map[string]string{
		"85 07 20 12 34 56 78 9c f0 ab 1e cd 2d 4b 3f 00":                                                 "01 12 34 56 78 cd ab 9c 2d 1e f0 4b 3f 00",
		"7f 00 00 00 00 00 00 18 1f f0 07 20 00 00 cd ab 9c 2d 1e f0 12 34 56 78 4b 3f 00 00 00 00 00 00": "01 12 34 56 78 cd ab 9c 2d 1e f0 4b 3f 00",
		"85 06 20 12 34 56 78 9c f0 ab 1e cd 2d 4b 3f 00":                                                 "00 00 34 00 78 00 00 00 2d 1e f0 4b 3f 00",
		"a1 06 20 34 78 f0 1e 2d 4b 3f 00 00":                                                             "00 00 34 00 78 00 00 00 2d 1e f0 4b 3f 00",
	} {
		if reply := r.send(cdb, nil, 0); reply.Status != 2 {
			t.Errorf("%s: WRITE LOG EXT is aborted: %02x", cdb, reply.Status)
		}
		trace := r.Trace()
		if got := trace[len(trace)-1].Frame; string(got) != string(raw(t, want)) {
			t.Errorf("%s: % x", cdb, got)
		}
	}
}

// TestStatusReturn: registers in every form of sense data (SAT-4 clauses 12.2.2.7
// and 12.2.2.8).
func TestStatusReturn(t *testing.T) {
	big := ata.Config{NativeSectors: 0x010203040507}
	r := build(t, big, sat.Config{})
	const descriptor = "72 01 00 1d 00 00 00 0e 09 0c 01 00 00 00 03 06 02 05 01 04 40 50"
	r.check(hdReadNative, nil, 0, descriptor)
	// RETURN RESPONSE INFORMATION gives them again.
	r.check("85 1e 00 00 00 00 00 00 00 00 00 00 00 00 00 00", nil, 0, descriptor)
	// Without CK_COND nothing comes.
	r.good("85 07 00 00 00 00 00 00 00 00 00 00 00 40 27 00", nil, 0)
	// An error in fixed format, as libata sends it without D_SENSE...
	r.check("85 07 20 00 00 00 01 00 00 00 00 00 00 40 3f 00", nil, 0, "70 00 0b 04 51 40 00 0a 80 00 00 00 00 00 00 00 00 00")
	// ... and in a descriptor with it.
	r.good("15 10 00 00 10 00", raw(t, "00 00 00 00 0a 0a 06 00 00 00 00 00 ff ff 00 1e"), 0)
	r.check("85 07 20 00 00 00 01 00 00 00 00 00 00 40 3f 00", nil, 0, "72 0b 00 00 00 00 00 0e 09 0c 01 04 00 00 00 00 00 00 00 00 40 51")

	r = build(t, big, sat.Config{Sense: sim.SenseFixed})
	r.check(hdReadNative, nil, 0, "70 00 01 00 50 40 00 0a a0 06 05 04 00 1d 00 00 00 00")
	r.check("85 06 20 00 00 00 00 00 00 00 00 00 00 40 e5 00", nil, 0, "70 00 01 00 50 40 ff 0a 00 00 00 00 00 1d 00 00 00 00")

	// An adapter that drops it: nothing can be known.
	r = build(t, big, sat.Config{Sense: sim.SenseMissing})
	if reply := r.send(hdReadNative, nil, 0); reply.Status != 0 || reply.Sense != nil {
		t.Errorf("%+v", reply)
	}
	if reply := r.send("85 07 20 00 00 00 01 00 00 00 00 00 00 40 3f 00", nil, 0); reply.Status != 2 || reply.Sense != nil {
		t.Errorf("%+v", reply)
	}
	// Or only now and then.
	op := byte(0x27)
	r = build(t, big, sat.Config{}, sim.Fault{When: sim.When{Opcode: &op, Nth: 2}, Do: sim.Action{Sense: sim.SenseFixed}})
	r.check(hdReadNative, nil, 0, descriptor)
	r.check(hdReadNative, nil, 0, "70 00 01 00 50 40 00 0a a0 06 05 04 00 1d 00 00 00 00")
}

// TestCrashLeavesLocked is the machine that loses its power between SET PASSWORD
// and ERASE UNIT, seen from a host.
func TestCrashLeavesLocked(t *testing.T) {
	r := build(t, ata.Config{Security: ata.Security{Supported: true}}, sat.Config{})
	secret := []byte("a person's data")
	if _, err := r.Media()[0].WriteAt(secret, 5*512); err != nil {
		t.Fatal(err)
	}
	r.good(hdSetPassword, passwordBlock("handback"), 0)
	r.PowerCycle()
	r.check("00 00 00 00 00 00", nil, 0, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00")
	r.good("00 00 00 00 00 00", nil, 0)
	r.check("28 00 00 00 00 05 00 00 01 00", nil, 512, "70 00 0b 00 00 00 00 0a 00 00 00 00 00 00 00 00 00 00")
	if b := r.good(hdIdentify, nil, 512); b[256] != 0x07 {
		t.Errorf("word 128: % x", b[256:258])
	}
	b := make([]byte, len(secret))
	if _, err := r.Media()[0].ReadAt(b, 5*512); err != nil || string(b) != string(secret) {
		t.Error("the data is gone before the erase")
	}
	r.check(hdErasePrepare, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 00 00 00 00 00 00 00 00 00 00 40 50")
	r.good(hdEraseUnit, passwordBlock("handback"), 0)
	if _, err := r.Media()[0].ReadAt(b, 5*512); err != nil || string(b) == string(secret) {
		t.Error("the data is there after the erase")
	}
	if b := r.good("28 00 00 00 00 05 00 00 01 00", nil, 512); b[0] != 0 {
		t.Error("reads something else than zeros")
	}
	if b := r.good(hdIdentify, nil, 512); b[256] != 0x01 {
		t.Errorf("word 128: % x", b[256:258])
	}
	r.good(hdSetPassword, passwordBlock("again"), 0)
	r.PowerCycle()
	r.good("12 00 00 00 24 00", nil, 36) // INQUIRY leaves the unit attention
	r.check(hdUnlock, passwordBlock("again"), 0, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00")
	r.good(hdUnlock, passwordBlock("again"), 0)
	r.check(hdFreeze, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 00 00 00 00 00 00 00 00 00 00 40 50")
	r.check(hdSetPassword, passwordBlock("x"), 0, "70 00 0b 04 51 40 00 0a 00 00 00 00 00 00 00 00 00 00")
}

// TestSanitizeSeen: what a host sees of a sanitize, by pass-through and by CDBs.
func TestSanitizeSeen(t *testing.T) {
	op := byte(0xb4)
	c := ata.Config{Sanitize: ata.Sanitize{Block: true, Overwrite: true, BlockTime: 100 * time.Minute, OverwriteTime: 100 * time.Minute}}
	r := build(t, c, sat.Config{}, sim.Fault{When: sim.When{Opcode: &op, Erases: true, Nth: 2}, Do: sim.Action{FailAt: 0.5}})
	if _, err := r.Media()[0].WriteAt([]byte("secret"), 4000*512); err != nil {
		t.Fatal(err)
	}
	r.check(hdStatus, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 01 00 00 00 00 ff 00 ff 00 00 40 50")
	r.check(hdOverwrite, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 01 00 40 00 00 00 00 00 00 00 40 50")
	r.clock.Advance(40 * time.Minute)
	r.check(hdStatus, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 01 00 40 00 00 66 00 66 00 00 40 50")
	const running = "70 00 02 00 00 00 00 0a 00 00 00 00 04 1b 00 80 66 66"
	r.check("00 00 00 00 00 00", nil, 0, running)
	r.check("28 00 00 00 00 00 00 00 01 00", nil, 512, running)
	r.check("35 00 00 00 00 00 00 00 00 00", nil, 0, running)
	if b := r.good("03 00 00 00 12 00", nil, 18); string(b) != string(raw(t, running)) {
		t.Errorf("REQUEST SENSE: % x", b)
	}
	if b := r.good("03 01 00 00 fc 00", nil, 252); string(b) != string(raw(t, "72 02 04 1b 00 00 00 08 02 06 00 00 80 66 66 00")) {
		t.Errorf("REQUEST SENSE: % x", b)
	}
	r.good("25 00 00 00 00 00 00 00 00 00", nil, 8)
	r.PowerCycle()
	r.clock.Advance(60 * time.Minute)
	r.good("03 00 00 00 12 00", nil, 18) // the unit attention
	r.check(hdStatus, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 01 00 80 00 00 ff 00 ff 00 00 40 50")
	if b := r.good("28 00 00 00 0f a0 00 00 01 00", nil, 512); string(b[:4]) != "\xd4\xc3\xb2\xa1" {
		t.Errorf("reads % x", b[:4])
	}
	r.check(hdBlockErase, nil, 0, "72 01 00 1d 00 00 00 0e 09 0c 01 00 40 00 00 00 00 00 00 00 40 50")
	r.clock.Advance(time.Hour)
	r.check("00 00 00 00 00 00", nil, 0, "70 00 03 00 00 00 00 0a 00 00 00 00 31 03 00 00 00 00")
	r.check(hdStatus, nil, 0, "70 00 0b 04 51 40 00 0a 80 01 00 00 00 00 00 00 00 00")
}

// TestResets: a hard reset by pass-through, and the unit attention that follows.
func TestResets(t *testing.T) {
	r := build(t, ata.Config{}, sat.Config{})
	r.good("00 00 00 00 00 00", nil, 0)
	r.good("85 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00", nil, 0)
	r.check(hdIdentify, nil, 512, "70 00 06 00 00 00 00 0a 00 00 00 00 29 00 00 00 00 00")
	r.good(hdIdentify, nil, 512)
	quiet := build(t, ata.Config{}, sat.Config{NoAttention: true})
	quiet.PowerCycle()
	quiet.good(hdIdentify, nil, 512)
	if s := quiet.SAT.Name(); s != "SAT0001" {
		t.Errorf("name %s", s)
	}
}
