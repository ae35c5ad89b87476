package opal

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
)

const (
	testMSID = "MSID-0123456789ABCDEFGHIJKL"      // 27 characters
	testPSID = "PSID0123456789ABCDEF0123456789AB" // 32
)

// Transfers of block/sed-opal.c (Linux 6.1), byte by byte as its cmd_start,
// add_token_* and cmd_finalize lay them out for ComID 07FEh and session 41h, without
// the zeros up to 2,048 that follow: ComPacket, packet and subpacket header,
// payload.
const (
	sendStartAnybody = "0000000007fe000000000000000000000000004c 000000000000000000000000000000000000000000000034 000000000000000000000027" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f1f9f0000000f100"
	sendGetMSID = "0000000007fe000000000000000000000000004c 000010010000004100000000000000000000000000000034 000000000000000000000025" +
		"f8a80000000b00008402a80000000600000016f0f0f20303f3f20403f3f1f1f9f0000000f1000000"
	sendEnd1001 = "0000000007fe000000000000000000000000002c 000010010000004100000000000000000000000000000014 000000000000000000000008" +
		"faf1f9f0000000f1"
	sendEnd1002  = "0000000007fe000000000000000000000000002c 000010020000004100000000000000000000000000000014 000000000000000000000008 faf1f9f0000000f1"
	sendEnd1003  = "0000000007fe000000000000000000000000002c 000010030000004100000000000000000000000000000014 000000000000000000000008 faf1f9f0000000f1"
	sendEnd1004  = "0000000007fe000000000000000000000000002c 000010040000004100000000000000000000000000000014 000000000000000000000008 faf1f9f0000000f1"
	sendStartSID = "0000000007fe0000000000000000000000000078 000000000000000000000000000000000000000000000060 000000000000000000000053" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f200d01b4d5349442d303132333435363738394142434445464748494a4b4cf3f203a80000000900000006f3f1f9f0000000f100"
	sendSetSID = "0000000007fe0000000000000000000000000050 000010020000004100000000000000000000000000000038 000000000000000000000029" +
		"f8a80000000b00000001a80000000600000017f0f201f0f203a56f776e6572f3f1f3f1f9f0000000f1000000"
	sendStartPSID = "0000000007fe000000000000000000000000007c 000000000000000000000000000000000000000000000064 000000000000000000000058" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000101f200d0205053494430313233343536373839414243444546303132333435363738394142f3f203a8000000090001ff01f3f1f9f0000000f1"
	sendRevert1001 = "0000000007fe0000000000000000000000000040 000010010000004100000000000000000000000000000028 00000000000000000000001b" +
		"f8a80000020500000001a80000000600000202f0f1f9f0000000f100"
	sendGetLifeCycle = "0000000007fe000000000000000000000000004c 000010030000004100000000000000000000000000000034 000000000000000000000025" +
		"f8a80000020500000002a80000000600000016f0f0f20306f3f20406f3f1f1f9f0000000f1000000"
	sendActivate = "0000000007fe0000000000000000000000000040 000010030000004100000000000000000000000000000028 00000000000000000000001b" +
		"f8a80000020500000002a80000000600000203f0f1f9f0000000f100"
	sendStartAdmin1 = "0000000007fe0000000000000000000000000060 000000000000000000000000000000000000000000000048 00000000000000000000003c" +
		"f8a800000000000000ffa8000000000000ff02f08141a8000002050000000201f200a56f776e6572f3f203a80000000900010001f3f1f9f0000000f1"
	sendSetup = "0000000007fe0000000000000000000000000054 00001004000000410000000000000000000000000000003c 000000000000000000000030" +
		"f8a80000080200000001a80000000600000017f0f201f0f20501f3f20601f3f20700f3f20800f3f1f3f1f9f0000000f1"
	sendLock = "0000000007fe000000000000000000000000004c 000010050000004100000000000000000000000000000034 000000000000000000000028" +
		"f8a80000080200000001a80000000600000017f0f201f0f20701f3f20801f3f1f3f1f9f0000000f1"
)

// Answers, as Core lays them out.
const (
	wantSync1001 = "0000000007fe0000000000000000000000000044 00000000000000000000000000000000000000000000002c 000000000000000000000020" +
		"f8a800000000000000ffa8000000000000ff03f08141821001f1f9f0000000f1"
	wantSyncRefused = "0000000007fe0000000000000000000000000040 000000000000000000000000000000000000000000000028 00000000000000000000001b" +
		"f8a800000000000000ffa8000000000000ff03f0f1f9f0010000f100"
	wantMSID = "0000000007fe0000000000000000000000000050 000010010000004100000000000000000000000000000038 00000000000000000000002a" +
		"f0f0f203d01b4d5349442d303132333435363738394142434445464748494a4b4cf3f1f1f9f0000000f10000"
	wantEnd1001 = "0000000007fe0000000000000000000000000028 000010010000004100000000000000000000000000000010 000000000000000000000001 fa000000"
	wantDone1   = "0000000007fe000000000000000000000000002c 000010010000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"
	wantDone2   = "0000000007fe000000000000000000000000002c 000010020000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"
	wantDone3   = "0000000007fe000000000000000000000000002c 000010030000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"
	wantDone4   = "0000000007fe000000000000000000000000002c 000010040000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"
	wantDone5   = "0000000007fe000000000000000000000000002c 000010050000004100000000000000000000000000000014 000000000000000000000008 f0f1f9f0000000f1"
	wantState8  = "0000000007fe0000000000000000000000000034 00001003000000410000000000000000000000000000001c 00000000000000000000000e" +
		"f0f0f20608f3f1f1f9f0000000f10000"
	wantClose = "0000000007fe0000000000000000000000000044 00000000000000000000000000000000000000000000002c 000000000000000000000020" +
		"f8a800000000000000ffa8000000000000ff06f08141821001f1f9f0000000f1"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// kernel sends a transfer as sed-opal does, 2,048 bytes, and gives the answer.
func kernel(t testing.TB, x *TPer, send string) []byte {
	t.Helper()
	b := make([]byte, 2048)
	copy(b, unhex(t, send))
	if !x.Send(1, 0x07fe, b) {
		t.Fatalf("refused: %s", send)
	}
	answer, ok := x.Receive(1, 0x07fe, 2048)
	if !ok {
		t.Fatal("the answer was refused")
	}
	return answer
}

func exchange(t testing.TB, x *TPer, send, want string) {
	t.Helper()
	if got := kernel(t, x, send); !bytes.Equal(got, unhex(t, want)) {
		t.Fatalf("to  %s\ngot %x\nnot %s", send, got, strings.ReplaceAll(want, " ", ""))
	}
}

// drive is a medium with a person's data, encrypted by a TPer.
type drive struct {
	*TPer
	medium *sim.Medium
}

func newDrive(t *testing.T, c Config) drive {
	t.Helper()
	m := sim.NewMedium(1 << 30)
	if err := m.Fill(0, m.Size(), sim.Repeat([]byte("secret! "))); err != nil {
		t.Fatal(err)
	}
	c.MSID, c.PSID, c.Rekey = testMSID, testPSID, Scramble("x", m)
	x, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return drive{x, m}
}

// keeps: the data is there, at both ends and in the middle; or none of it is.
func (d drive) keeps(t *testing.T) bool {
	t.Helper()
	there := 0
	for _, off := range []int64{0, 512 << 20, 1<<30 - 512} {
		p := make([]byte, 512)
		if _, err := d.medium.ReadAt(p, off); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(p, []byte("secret! ")); n == 64 {
			there++
		} else if n > 0 {
			t.Fatalf("a block at %d is half erased", off)
		}
	}
	if there != 0 && there != 3 {
		t.Fatalf("%d of 3 blocks are left", there)
	}
	return there == 3
}

// The life of a drive as the kernel's ioctls drive it: TAKE_OWNERSHIP,
// ACTIVATE_LSP, LR_SETUP, LOCK_UNLOCK, a power cycle, PSID_REVERT_TPR.
func TestKernelLife(t *testing.T) {
	d := newDrive(t, Config{})
	exchange(t, d.TPer, sendStartAnybody, wantSync1001)
	exchange(t, d.TPer, sendGetMSID, wantMSID)
	exchange(t, d.TPer, sendEnd1001, wantEnd1001)
	kernel(t, d.TPer, sendStartSID)
	exchange(t, d.TPer, sendSetSID, wantDone2)
	kernel(t, d.TPer, sendEnd1002)

	kernel(t, d.TPer, strings.NewReplacer("0000000007fe0000000000000000000000000078", "0000000007fe0000000000000000000000000060",
		"000000000000000000000000000000000000000000000060", "000000000000000000000000000000000000000000000048",
		"000000000000000000000053", "00000000000000000000003c",
		"d01b4d5349442d303132333435363738394142434445464748494a4b4c", "a56f776e6572").Replace(sendStartSID))
	exchange(t, d.TPer, sendGetLifeCycle, wantState8)
	exchange(t, d.TPer, sendActivate, wantDone3)
	kernel(t, d.TPer, sendEnd1003)

	kernel(t, d.TPer, sendStartAdmin1)
	exchange(t, d.TPer, sendSetup, wantDone4)
	kernel(t, d.TPer, sendEnd1004)
	if r, w := d.Locked(); r || w {
		t.Error("it is locked before it is told to")
	}
	kernel(t, d.TPer, sendStartAdmin1)
	exchange(t, d.TPer, sendLock, wantDone5)
	if r, w := d.Locked(); !r || !w {
		t.Error("LOCK_UNLOCK did not lock it")
	}
	d.PowerCycle()
	if r, w := d.Locked(); !r || !w {
		t.Error("a power cycle unlocked it")
	}
	if !d.keeps(t) {
		t.Error("taking ownership, activating and locking lost data")
	}
	h := host{t, d.TPer}
	s := h.start("0000020500000001", "000000090001ff01", testPSID)
	if st := s.call("0000020500000001", "0000000600000202", ""); st != 0 {
		t.Fatalf("PSID revert: %02x", st)
	}
	if d.keeps(t) || d.KeyChanges() != 1 {
		t.Errorf("after a PSID revert the data is there; %d keys", d.KeyChanges())
	}
	if r, w := d.Locked(); r || w {
		t.Error("still locked")
	}
	exchange(t, d.TPer, strings.NewReplacer("00001005", "00001006").Replace(sendLock), "0000000007fe0000000000000000000000000000")
}

// What the kernel sends to a drive that nobody activated (PSID_REVERT_TPR), and what
// becomes of the data: Opal clause 5.1.2.2.
func TestRevertOfInactive(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		keeps  bool
	}{
		{"by the standard", Config{}, true},
		{"a drive that does more", Config{ErasesInactive: true}, false},
		{"a drive that does nothing", Config{ErasesInactive: true, RevertKeepsData: true}, true},
		{"activated", Config{Activated: true}, false},
		{"locked", Config{Activated: true, Locked: true}, false},
		{"activated, does nothing", Config{Activated: true, RevertKeepsData: true}, true},
		{"SID blocked: PSID is not", Config{Activated: true, SIDBlocked: true, SID: "owner"}, false},
	} {
		d := newDrive(t, c.config)
		exchange(t, d.TPer, sendStartPSID, wantSync1001)
		exchange(t, d.TPer, sendRevert1001, wantDone1)
		if d.keeps(t) != c.keeps {
			t.Errorf("%s: the data is kept: %t", c.name, !c.keeps)
		}
	}
}

// A power cycle in the middle of a revert's session, before the revert: nothing
// happened, and the session is gone.
func TestPowerCutBeforeRevert(t *testing.T) {
	d := newDrive(t, Config{Activated: true, Locked: true})
	exchange(t, d.TPer, sendStartPSID, wantSync1001)
	d.PowerCycle()
	exchange(t, d.TPer, sendRevert1001, "0000000007fe0000000000000000000000000000")
	if r, _ := d.Locked(); !r || !d.keeps(t) || d.KeyChanges() != 0 {
		t.Error("a revert without a session did something")
	}
}

// Level 0 discovery by the byte: of a drive in its factory state, and of one that
// is owned, activated, locked and blocked.
func TestDiscovery(t *testing.T) {
	const head = "00000001 00000000 00000000 0000000000000000 0000000000000000 0000000000000000 0000000000000000"
	for _, c := range []struct {
		config Config
		want   string
	}{
		{Config{MSID: "m"}, "00000090" + head +
			"0001100c 11000000 00000000 00000000" +
			"0002100c 09000000 00000000 00000000" +
			"0003101c 01000000 00000000 00000200 0000000000000008 0000000000000000" +
			"02031010 07fe0001 00000400 08000000 00000000" +
			"0402100c 00000000 00000000 00000000"},
		{Config{MSID: "m", SID: "s", Activated: true, Locked: true, SIDBlocked: true, ComID: 0x1234, BlockSize: 4096, Alignment: 0x0102030405060708}, "00000090" + head +
			"0001100c 11000000 00000000 00000000" +
			"0002100c 0f000000 00000000 00000000" +
			"0003101c 01000000 00000000 00001000 0102030405060708 0000000000000000" +
			"02031010 12340001 00000400 08000000 00000000" +
			"0402100c 03000000 00000000 00000000"},
		{Config{MSID: "m", Activated: true, LockEnabled: true, NoBlockSID: true, Alignment: 1}, "00000080" + head +
			"0001100c 11000000 00000000 00000000" +
			"0002100c 0b000000 00000000 00000000" +
			"0003101c 00000000 00000000 00000200 0000000000000001 0000000000000000" +
			"02031010 07fe0001 00000400 08000000 00000000"},
	} {
		x, err := New(c.config)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := x.Receive(1, 1, 2048)
		if want := unhex(t, c.want); !ok || !bytes.Equal(got, want) {
			t.Errorf("got  %x\nwant %x", got, want)
		}
		if cut, ok := x.Receive(1, 1, 20); !ok || !bytes.Equal(cut, got[:20]) {
			t.Errorf("20 bytes of it: %x", cut)
		}
	}
}

// host sends calls and reads the status of answers by offset.
type host struct {
	t testing.TB
	x *TPer
}

type hostSession struct {
	host
	tsn     uint32
	results []byte // of the last call, with its status list
}

func (h host) exchange(tsn, hsn uint32, payload string) []byte {
	h.t.Helper()
	p := unhex(h.t, payload)
	b := make([]byte, 56, 2048)
	b[4], b[5] = 0x07, 0xfe
	binary.BigEndian.PutUint32(b[16:], uint32(36+len(p)))
	binary.BigEndian.PutUint32(b[20:], tsn)
	binary.BigEndian.PutUint32(b[24:], hsn)
	binary.BigEndian.PutUint32(b[40:], uint32(12+len(p)))
	binary.BigEndian.PutUint32(b[52:], uint32(len(p)))
	if !h.x.Send(1, 0x07fe, append(b, p...)) {
		h.t.Fatalf("refused: %s", payload)
	}
	a, ok := h.x.Receive(1, 0x07fe, 2048)
	if !ok || len(a) < 56 {
		return nil
	}
	return a[56 : 56+binary.BigEndian.Uint32(a[52:])]
}

const tail = "f1 f9 f0 00 00 00 f1"

func (h host) tryStart(sp, authority, pin string) (answer []byte, st byte) {
	h.t.Helper()
	with := ""
	if authority != "" {
		with = "f2 00 d0" + hex.EncodeToString(append([]byte{byte(len(pin))}, pin...)) + "f3 f2 03 a8" + authority + "f3"
	}
	a := h.exchange(0, 0, "f8 a800000000000000ff a8000000000000ff02 f0 8141 a8"+sp+"01"+with+tail)
	return a, a[len(a)-4]
}

func (h host) start(sp, authority, pin string) *hostSession {
	h.t.Helper()
	a, st := h.tryStart(sp, authority, pin)
	if st != 0 || len(a) != 32 {
		h.t.Fatalf("no session: %x", a)
	}
	return &hostSession{h, uint32(a[23])<<8 | uint32(a[24]), nil}
}

// call gives the status; 89h, as the kernel's number for it, where none came.
func (s *hostSession) call(object, method, params string) byte {
	s.t.Helper()
	s.results = s.exchange(s.tsn, 0x41, "f8 a8"+object+" a8"+method+" f0 "+params+tail)
	if n := len(s.results); n >= 6 && s.results[0] == 0xf0 {
		return s.results[n-4]
	}
	return 0x89
}

func (s *hostSession) end() { s.t.Helper(); s.exchange(s.tsn, 0x41, "fa"+tail) }

const (
	spAdmin, spLocking       = "0000020500000001", "0000020500000002"
	whoSID, whoAdmin1        = "0000000900000006", "0000000900010001"
	whoPSID                  = "000000090001ff01"
	objPINSID, objPINMSID    = "0000000b00000001", "0000000b00008402"
	objGlobal, objKey        = "0000080200000001", "0000080600000001"
	mGet, mSet, mGenKey      = "0000000600000016", "0000000600000017", "0000000600000010"
	mRevert, mRevertSP       = "0000000600000202", "0000000600000011"
	mActivate, mAuthenticate = "0000000600000203", "000000060000001c"
	objThisSP                = "0000000000000001"
	all                      = "f0 f1" // an empty cell block
)

// SECURE_ERASE_LR: the kernel asks for the active key of the range and has it made
// anew.
func TestGenKey(t *testing.T) {
	d := newDrive(t, Config{Activated: true, Admin1: "a"})
	h := host{t, d.TPer}
	s := h.start(spLocking, whoAdmin1, "a")
	if st := s.call(objGlobal, mGet, "f0 f2 03 0a f3 f2 04 0a f3 f1"); st != 0 || !bytes.Equal(s.results[:15], unhex(t, "f0f0f20aa80000080600000001f3f1")) {
		t.Fatalf("%02x %x", st, s.results)
	}
	if st := s.call(objKey, mGenKey, ""); st != 0 || d.keeps(t) {
		t.Errorf("%02x; the data is there: %t", st, d.keeps(t))
	}
	if r, _ := d.Locked(); r {
		t.Error("a new key locked the range")
	}
}

func TestRevertSP(t *testing.T) {
	const keep = "f2 83060000 01 f3"
	for _, c := range []struct {
		name   string
		config Config
		params string
		status byte
		keeps  bool
		active bool
	}{
		{"", Config{Activated: true, Admin1: "a"}, "", 0, false, false},
		{"keep the key", Config{Activated: true, Admin1: "a", LockEnabled: true}, keep, 0, true, false},
		{"keep the key of a locked range", Config{Activated: true, Admin1: "a", Locked: true}, keep, 0x3f, true, true},
		{"locked", Config{Activated: true, Admin1: "a", Locked: true}, "", 0, false, false},
		{"do not keep", Config{Activated: true, Admin1: "a"}, "f2 83060000 00 f3", 0, false, false},
		{"another parameter", Config{Activated: true, Admin1: "a"}, "f2 83060001 00 f3", 0x0c, true, true},
	} {
		d := newDrive(t, c.config)
		h := host{t, d.TPer}
		s := h.start(spLocking, whoAdmin1, "a")
		if st := s.call(objThisSP, mRevertSP, c.params); st != c.status {
			t.Errorf("%s: status %02x", c.name, st)
		}
		if c.status != 0 {
			s.end()
		}
		if _, st := h.tryStart(spLocking, whoAdmin1, "a"); d.keeps(t) != c.keeps || (st == 0) != c.active {
			t.Errorf("%s: data is there: %t, Admin1 starts with %02x", c.name, d.keeps(t), st)
		}
	}
}

// Who may not, and what they get.
func TestRefusals(t *testing.T) {
	d := newDrive(t, Config{SID: "owner", Activated: true, Admin1: "a", Locked: true})
	h := host{t, d.TPer}
	for _, c := range []struct {
		sp, who, pin string
		want         byte
	}{
		{spAdmin, whoSID, testMSID, 0x01},
		{spAdmin, whoPSID, "PSID", 0x01},
		{spAdmin, whoAdmin1, "a", 0x01},          // of the other SP
		{spLocking, whoSID, "owner", 0x01},       // likewise
		{spLocking, "0000000900030001", "", 1},   // User1 is not enabled
		{"0000020500000003", whoSID, "o", 0x0c},  // no such SP
		{spLocking, whoAdmin1, "", 0x01},         // an empty PIN
		{spAdmin, "0000000900000001", "", 0x00},  // Anybody
		{spAdmin, "0000000900000001", "x", 0x07}, // one session at a time
	} {
		if a, st := h.tryStart(c.sp, c.who, c.pin); st != c.want {
			t.Errorf("%s %s %q: %x", c.sp, c.who, c.pin, a)
		}
	}
	s := &hostSession{h, 0x1001, nil} // Anybody's
	for _, c := range []struct {
		object, method, params string
		want                   byte
	}{
		{objPINMSID, mGet, all, 0},
		{objPINSID, mGet, all, 1},
		{objPINSID, mSet, "f2 01 f0 f2 03 a1 78 f3 f1 f3", 1},
		{objGlobal, mGet, all, 1}, // not in this SP
		{spAdmin, mRevert, "", 1},
		{spLocking, mRevert, "", 1},
		{spLocking, mActivate, "", 1},
		{objThisSP, mRevertSP, "", 1},
		{objThisSP, mAuthenticate, "a8" + whoSID + "f2 00 a1 78 f3", 0}, // false
		{objThisSP, mAuthenticate, "a8" + whoAdmin1, 0x0c},
		{objThisSP, mAuthenticate, "", 0x0c},
		{spLocking, mGet, "", 0x0c},
		{spLocking, mGet, "f0 f2 03 06 f3 f2 04 05 f3 f1", 0x0c},
		{spLocking, "0000000600000601", "05", 1}, // Random
	} {
		if st := s.call(c.object, c.method, c.params); st != c.want {
			t.Errorf("%s %s %s: %x", c.object, c.method, c.params, s.results)
		}
	}
	s.end()
	s = h.start(spLocking, whoAdmin1, "a")
	if st := s.call("0000080200000000", "0000000600000008", ""); st != 0 || !bytes.Equal(s.results, unhex(t, "f0 f0 a80000080200000001 f1 f1 f9 f0 00 00 00 f1")) {
		t.Errorf("rows of the Locking table: %x", s.results)
	}
	for _, c := range []struct {
		object, method, params string
		want                   byte
	}{
		{objGlobal, mSet, "f2 01 f0 f2 03 05 f3 f1 f3", 1},                // RangeStart
		{objGlobal, mSet, "f2 01 f0 f2 07 00 f3 f2 08 02 f3 f1 f3", 0x0c}, // neither is set
		{objGlobal, mSet, "f2 01 f0 f2 09 f0 04 f1 f3 f1 f3", 0x0c},       // no such reset
		{objGlobal, "0000000600000803", "", 1},                            // Erase: single user mode
		{"0000080200030001", mGet, all, 1},                                // another range
		{objKey, mGenKey, "01", 0x0c},
		{"0000080300000000", "0000000600000008", "", 1}, // rows of another table
		{spAdmin, mRevert, "", 1},
	} {
		if st := s.call(c.object, c.method, c.params); st != c.want {
			t.Errorf("%s %s %s: %x", c.object, c.method, c.params, s.results)
		}
	}
	if r, w := d.Locked(); !r || !w || !d.keeps(t) || d.KeyChanges() != 0 {
		t.Error("something that was refused was done")
	}
}

// After five wrong PINs the right one is no help until the power goes; each
// authority counts by itself.
func TestLockedOut(t *testing.T) {
	d := newDrive(t, Config{SID: "owner"})
	h := host{t, d.TPer}
	for range 5 {
		exchange(t, d.TPer, sendStartSID, wantSyncRefused)
	}
	if _, st := h.tryStart(spAdmin, whoSID, "owner"); st != 0x12 {
		t.Errorf("the right PIN after five wrong ones: %02x", st)
	}
	s := h.start(spAdmin, whoPSID, testPSID)
	// PSID is for the whole TPer: it reverts no Locking SP alone.
	if st := s.call(spLocking, mRevert, ""); st != 0x01 || d.KeyChanges() != 0 {
		t.Errorf("PSID and the Locking SP: %02x", st)
	}
	s.end()
	for range 5 {
		if _, st := h.tryStart(spAdmin, whoPSID, "PSID"); st != 0x01 {
			t.Errorf("a wrong PSID: %02x", st)
		}
	}
	if _, st := h.tryStart(spAdmin, whoPSID, testPSID); st != 0x12 {
		t.Errorf("the PSID after five wrong ones: %02x", st)
	}
	d.PowerCycle()
	for range 4 {
		h.tryStart(spAdmin, whoSID, "wrong")
	}
	s = h.start(spAdmin, whoSID, "owner")
	if st := s.call(objPINSID, mGet, all); st != 0 || bytes.Contains(s.results, []byte("owner")) ||
		!bytes.Contains(s.results, unhex(t, "f20505f3 f20600f3")) {
		t.Errorf("%02x %x", st, s.results)
	}
}

// Block SID Authentication: SID is out until the power goes, and the discovery says
// so.
func TestBlockSID(t *testing.T) {
	d := newDrive(t, Config{})
	h := host{t, d.TPer}
	block := make([]byte, 512)
	if !d.Send(2, 5, block) || d.Send(2, 5, block) {
		t.Error("it must be taken once")
	}
	if _, st := h.tryStart(spAdmin, whoSID, testMSID); st != 0x01 {
		t.Errorf("SID: %02x", st)
	}
	if b, _ := d.Receive(1, 1, 512); b[48+16+16+32+20+4] != 0x02 {
		t.Errorf("% x", b)
	}
	d.PowerCycle()
	h.start(spAdmin, whoSID, testMSID)
}

// A revert by the owner, in the Admin SP's session, ends it; another session sees
// MSID as SID's PIN.
func TestOwnerRevert(t *testing.T) {
	d := newDrive(t, Config{SID: "owner", Activated: true})
	h := host{t, d.TPer}
	s := h.start(spAdmin, whoSID, "owner")
	if st := s.call(spLocking, mRevert, ""); st != 0 || d.keeps(t) {
		t.Errorf("of the Locking SP: %02x", st)
	}
	if st := s.call(spAdmin, mRevert, ""); st != 0 || d.KeyChanges() != 1 {
		t.Errorf("of all: %02x, %d keys", st, d.KeyChanges())
	}
	h.start(spAdmin, whoSID, testMSID)
}

// Properties, as sedutil asks for them, with two of the host's.
func TestProperties(t *testing.T) {
	d := newDrive(t, Config{})
	a := host{t, d.TPer}.exchange(0, 0, "f8 a800000000000000ff a8000000000000ff01 f0"+
		"f2 00 f0 f2 d010 4d6178436f6d5061636b657453697a65 820800 f3 f2 ad 4d61785061636b657453697a65 8207ec f3 f1 f3"+tail)
	for _, want := range []string{
		"f8a800000000000000ffa8000000000000ff01f0f0",
		"f2d0104d6178436f6d5061636b657453697a65820800f3", // MaxComPacketSize 2048
		"f2ad4d61785061636b657453697a658207ecf3",         // MaxPacketSize 2028
		"f2af4d6178496e64546f6b656e53697a658207c8f3",     // MaxIndTokenSize 1992
		"f1f200f0f2d0104d6178436f6d5061636b657453697a65820800f3f2ad4d61785061636b657453697a658207ecf3f1f3f1f9f0000000f1",
	} {
		if !bytes.Contains(a, unhex(t, want)) {
			t.Errorf("no %s in %x", want, a)
		}
	}
}

// The ways of the transport: too short a buffer, an answer that nobody fetched, the
// stack reset that ends a session whose host is gone.
func TestTransport(t *testing.T) {
	d := newDrive(t, Config{})
	if b, ok := d.Receive(0, 0, 512); !ok || !bytes.Equal(b, unhex(t, "0000000000000003000102")) {
		t.Errorf("protocols: %x", b)
	}
	first := make([]byte, 2048)
	copy(first, unhex(t, sendStartAnybody))
	if !d.Send(1, 0x07fe, first) || d.Send(1, 0x07fe, first) {
		t.Error("a second transfer before the first one's answer")
	}
	short, _ := d.Receive(1, 0x07fe, 40)
	if want := unhex(t, "00000000 07fe0000 00000058 00000058 00000000"); !bytes.Equal(short, want) {
		t.Errorf("% x", short)
	}
	if full, _ := d.Receive(1, 0x07fe, 88); !bytes.Equal(full, unhex(t, wantSync1001)) {
		t.Errorf("% x", full)
	}
	if none, _ := d.Receive(1, 0x07fe, 512); !bytes.Equal(none, unhex(t, "00000000 07fe0000 00000000 00000000 00000000")) {
		t.Errorf("% x", none)
	}
	h := host{t, d.TPer}
	if _, st := h.tryStart(spAdmin, "", ""); st != 0x07 {
		t.Errorf("a second session: %02x", st)
	}
	if b, _ := d.Receive(2, 0x07fe, 512); !bytes.Equal(b, unhex(t, "07fe0000 00000000 00000000")) {
		t.Errorf("nothing was asked: % x", b)
	}
	if !d.Send(2, 0x07fe, unhex(t, "07fe0000 00000002 0000000000000000")) {
		t.Fatal("stack reset refused")
	}
	if b, _ := d.Receive(2, 0x07fe, 512); !bytes.Equal(b, unhex(t, "07fe0000 00000002 00000004 00000000")) {
		t.Errorf("stack reset: % x", b)
	}
	h.start(spAdmin, "", "")
	for _, bad := range []struct {
		protocol byte
		specific uint16
		data     string
	}{
		{1, 0x07ff, sendStartAnybody}, {1, 1, sendStartAnybody}, {0, 0, ""}, {0xef, 0, ""}, {1, 0x07fe, ""},
		{1, 0x07fe, "0000000007ff000000000000000000000000004c"}, {1, 0x07fe, "0000000007fe000000000000000000000000004c"},
		{1, 0x07fe, "0000000007fe0000000000000000000000ffffff"}, {2, 0x07fe, "07fe0000"}, {2, 0x07fe, "07fe000000000009"},
		{2, 4, "00"}, {2, 5, ""},
	} {
		if d.Send(bad.protocol, bad.specific, unhex(t, bad.data)) {
			t.Errorf("taken: %+v", bad)
		}
	}
}

// A malformed call ends the session; a call for a session that is not open is
// dropped.
func TestMalformed(t *testing.T) {
	for _, payload := range []string{"f8", "f8 a8", "f8 a80000000b00008402 a80000000600000016 f0 f0 f1", "00", "",
		"f8 a80000000b00008402 a80000000600000016 f0 f0 f1 f1 f9 f0 01 00 00 f1", // the host gave it up
		"f8 a80000000b00008402 a80000000600000016 f0 f0 f1 f1 f9 f0 00 00 00 f1 00",
		"f8 a70000000b000084 a80000000600000016 f0 f1 f9 f0 00 00 00 f1",
		"f8 a80000000b00008402 a80000000600000016" + strings.Repeat("f0", 1000),
		"f8 a80000000b00008402 a80000000600000016 f0 " + strings.Repeat("f0", 20) + strings.Repeat("f1", 20) + tail,
		"f8 a80000000b00008402 a80000000600000016 f0 f2 f0 f1 01 f3 " + tail,
		"f8 a80000000b00008402 a80000000600000016 f0 41 " + tail,
		"f8 a80000000b00008402 a80000000600000016 f0 e2ffffff00 " + tail,
		"f8 a80000000b00008402 a80000000600000016 f0 89000000000000000000 " + tail,
	} {
		d := newDrive(t, Config{})
		h := host{t, d.TPer}
		h.start(spAdmin, "", "")
		if a := h.exchange(0x1002, 0x41, "f8 a80000000b00008402 a80000000600000016 f0 f0 f1"+tail); a != nil {
			t.Errorf("an answer in a session that is not there: %x", a)
		}
		if a := h.exchange(0x1001, 0x41, payload); !bytes.Equal(a, unhex(t, wantClose)[56:]) {
			t.Errorf("%s: %x", payload, a)
		}
		h.start(spAdmin, "", "")
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"MSID is missing":                    {},
		"PSID has 33 characters, 32 at most": {MSID: "m", PSID: strings.Repeat("x", 33)},
		"Admin1 has a PIN only where":        {MSID: "m", Admin1: "a"},
		"LockEnabled and Locked need":        {MSID: "m", Locked: true},
		"ComID is 0001h":                     {MSID: "m", ComID: 1},
		"TryLimit is -1":                     {MSID: "m", TryLimit: -1},
		"SIDBlocked needs":                   {MSID: "m", SIDBlocked: true, NoBlockSID: true},
	} {
		if x, err := New(c); x != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// Whatever is sent to a locked drive without a PIN, it neither unlocks nor loses its
// key, and what it answers is no longer than asked for.
func FuzzTPer(f *testing.F) {
	for _, s := range []string{sendStartAnybody, sendGetMSID, sendEnd1001, sendStartSID, sendSetSID, sendStartPSID, sendRevert1001,
		sendGetLifeCycle, sendActivate, sendStartAdmin1, sendSetup, sendLock} {
		f.Add(byte(1), uint16(0x07fe), unhex(f, s), 2048)
	}
	f.Add(byte(2), uint16(0x07fe), unhex(f, "07fe0000000000020000000000000000"), 512)
	f.Add(byte(2), uint16(5), []byte{1}, 512)
	f.Fuzz(func(t *testing.T, protocol byte, specific uint16, data []byte, n int) {
		x, err := New(Config{MSID: "msid", PSID: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", SID: "a secret of the owner",
			Activated: true, Admin1: "and another one", Locked: true})
		if err != nil {
			t.Fatal(err)
		}
		start := make([]byte, 2048)
		copy(start, unhex(t, sendStartAnybody))
		x.Send(1, 0x07fe, start)
		x.Receive(1, 0x07fe, 2048)
		x.Send(protocol, specific, data)
		b, _ := x.Receive(protocol, specific, n)
		if len(b) > max(n, 0) {
			t.Fatalf("%d bytes, %d were asked for", len(b), n)
		}
		if r, w := x.Locked(); !r || !w || x.KeyChanges() != 0 {
			t.Fatal("unlocked or erased without a PIN")
		}
	})
}
