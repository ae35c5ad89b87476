package mmc

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
)

// bench is a card in the hands of a host, with a person's data in every area.
type bench struct {
	*Drive
	t     testing.TB
	clock *sim.Manual
}

const testSectors = 8 << 20 // 4 GiB

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	clock := sim.NewManual()
	c := Config{Manufacturer: 0x15, OEM: 0x00, Product: "BJNB4R", Revision: 0x0f, Serial: "0xdac7c038", Year: 2017, Month: 1,
		Sectors: testSectors, BootSize: 4 << 20, RPMBSize: 4 << 20, GPSizes: [4]int64{8 << 20, 0, 16 << 20},
		SecureErase: true, Trim: true, Sanitize: true, Clock: clock}
	if change != nil {
		change(&c)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range d.Media() {
		if err := m.Fill(0, m.Size(), sim.Repeat([]byte("secret! "))); err != nil {
			t.Fatal(err)
		}
	}
	b := &bench{d, t, clock}
	b.setUp()
	return b
}

func (b *bench) setUp() {
	b.t.Helper()
	if err := b.SetUp(b.t.Context(), 1); err != nil {
		b.t.Fatal(err)
	}
}

// r1 sends a command without data.
func (b *bench) r1(index byte, arg uint32) uint32 {
	b.t.Helper()
	a, err := b.MMC(b.t.Context(), sim.MMCRequest{Index: index, Arg: arg})
	if err != nil {
		b.t.Fatalf("CMD%d %08x: %v", index, arg, err)
	}
	return a.Status
}

// want sends a command and compares its R1.
func (b *bench) want(index byte, arg, r1 uint32) {
	b.t.Helper()
	if got := b.r1(index, arg); got != r1 {
		b.t.Errorf("CMD%d %08x: R1 %08x, want %08x", index, arg, got, r1)
	}
}

// silent sends a command that is not answered.
func (b *bench) silent(index byte, arg uint32) {
	b.t.Helper()
	if a, err := b.MMC(b.t.Context(), sim.MMCRequest{Index: index, Arg: arg}); !errors.Is(err, ErrNoResponse) {
		b.t.Errorf("CMD%d %08x: %+v, %v", index, arg, a, err)
	}
}

func (b *bench) status() uint32 { b.t.Helper(); return b.r1(13, 1<<16) }

// erase sends an erase sequence.
func (b *bench) eraseAll(from, to, arg uint32) {
	b.t.Helper()
	b.want(35, from, 0x900)
	b.want(36, to, 0x900)
	b.want(38, arg, 0x900)
}

func (b *bench) in(index byte, arg uint32, n int) []byte {
	b.t.Helper()
	a, err := b.MMC(b.t.Context(), sim.MMCRequest{Index: index, Arg: arg, In: n})
	if err != nil || a.Status&bitErrors != 0 {
		b.t.Fatalf("CMD%d %08x: %08x, %v", index, arg, a.Status, err)
	}
	return a.In
}

var secret = bytes.Repeat([]byte("secret! "), 64)

// host reads a sector as the host sees it, flash as a laboratory does.
func (b *bench) host(at uint32) string { b.t.Helper(); return name(b.in(17, at, 512)) }

func (b *bench) flash(area string, at int64) string {
	b.t.Helper()
	p := make([]byte, 512)
	if _, err := b.Area(area).ReadAt(p, at*512); err != nil {
		b.t.Fatal(err)
	}
	return name(p)
}

func name(p []byte) string {
	switch {
	case bytes.Equal(p, secret):
		return "secret"
	case bytes.Equal(p, make([]byte, 512)):
		return "zeros"
	case bytes.Equal(p, bytes.Repeat([]byte{0xff}, 512)):
		return "ones"
	}
	return hex.EncodeToString(p[:16])
}

func (b *bench) expect(what, got, want string) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// The way of a card from power to transfer, its registers by the byte. The CID is that
// of a real card (Samsung BJNB4R, which Linux shows without its CRC).
func TestIdentification(t *testing.T) {
	b := newBench(t, nil)
	b.PowerCycle()
	b.silent(8, 0)
	b.silent(13, 1<<16)
	b.want(0, 0, 0)
	b.want(1, 0x40ff8080, 0xc0ff8080)
	if cid := b.in(2, 0, 16); !bytes.Equal(cid[:15], unhex(t, "150100424a4e4234520fdac7c03814")) || cid[15] != 0x1f {
		t.Errorf("CID % x", cid)
	}
	b.want(3, 0x2a<<16, 0x400)
	b.silent(9, 0x2b<<16)
	if csd := b.in(9, 0x2a<<16, 16); !bytes.Equal(csd[:15], unhex(t, "d02701320f5903fff6dbffef8e4040")) {
		t.Errorf("CSD % x", csd)
	}
	if cid := b.in(10, 0x2a<<16, 16); len(cid) != 16 {
		t.Errorf("CID % x", cid)
	}
	b.want(7, 0x2a<<16, 0x00400700) // it tells of the CMD9 that was not for it
	b.want(13, 0x2a<<16, 0x900)
	b.silent(9, 0x2a<<16) // now it is in use
	b.want(13, 0x2a<<16, 0x00400900)
	b.want(13, 0x2a<<16, 0x900)
	b.silent(13, 0x2b<<16)
	b.want(7, 0, 0) // another card is selected: no answer
	b.want(7, 0x2a<<16, 0x00400700)
}

// CRC of known registers: QEMU's SD card, and the examples of the SD specification
// (clause 4.5): the CRC of CMD0 is 4Ah, of CMD17 2Ah.
func TestCRC7(t *testing.T) {
	for s, want := range map[string]byte{"aa585951454d552101deadbeef0062": 0x19 >> 1, "4000000000": 0x4a, "5100000000": 0x2a} {
		if got := crc7(unhex(t, s)); got != want {
			t.Errorf("%s: %02x, want %02x", s, got, want)
		}
	}
}

func TestExtCSD(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.LifeA, c.LifeB, c.PreEOL, c.Firmware, c.ErasedOnes = 3, 5, 2, "FW123456", true
		c.BootProtection = [2]string{"permanent", "power-on"}
	})
	x := b.in(8, 0, 512)
	for at, want := range map[int]string{61: "00", 143: "010000 000000 020000 000000 01", 160: "07", 168: "20", 171: "00", 173: "00 06 00", 179: "00",
		181: "01", 192: "08", 212: "00008000", 221: "10", 223: "01 01", 226: "20", 229: "11 1b 51 02", 248: "19", 254: "4657313233343536", 267: "020305"} {
		if got := x[at : at+len(unhex(t, want))]; !bytes.Equal(got, unhex(t, want)) {
			t.Errorf("[%d]: % x, want %s", at, got, want)
		}
	}
}

// Erase, trim and discard: the host reads zeros, a laboratory reads the data, until a
// sanitize; which leaves alone what is still mapped.
func TestUnmapAndSanitize(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SanitizeTime = 100 * time.Second })
	b.want(6, 0x03af0100, 0x900) // ERASE_GROUP_DEF: groups of 1024 sectors
	b.eraseAll(1024, 2047, 0)
	b.eraseAll(4096, 4096, 1)
	b.eraseAll(5000, 5001, 3)
	for at, want := range map[uint32]string{1023: "secret", 1024: "zeros", 2047: "zeros", 2048: "secret", 4095: "secret", 4096: "zeros", 4097: "secret",
		5000: "zeros", 5001: "zeros", 5002: "secret"} {
		b.expect("the host", b.host(at), want)
		b.expect("the flash", b.flash("user", int64(at)), "secret")
	}
	b.want(6, 0x03a50100, 0x900)
	if got := b.status(); got != 0xe00 {
		t.Errorf("during the sanitize: %08x, want programming, not ready", got)
	}
	b.silent(17, 0)
	b.clock.Advance(50 * time.Second)
	b.expect("half of it: first", b.flash("user", 1024), "zeros")
	b.expect("half of it: last", b.flash("user", 5001), "secret")
	b.clock.Advance(50 * time.Second)
	if got := b.status(); got != 0x00400900 {
		t.Errorf("after the sanitize: %08x, want the illegal CMD17", got)
	}
	for at, want := range map[uint32]string{1023: "secret", 1024: "zeros", 2047: "zeros", 2048: "secret", 4096: "zeros", 5001: "zeros", 5002: "secret", testSectors - 1: "secret"} {
		b.expect("the host", b.host(at), want)
		b.expect("the flash", b.flash("user", int64(at)), want)
	}
}

// A card that has no sanitize says so, and what was erased is in its flash.
func TestSanitizeThatIsNone(t *testing.T) {
	for what, change := range map[string]func(*Config){
		"none":       func(c *Config) { c.Sanitize = false },
		"before 4.5": func(c *Config) { c.Sanitize, c.Standard = false, 5 },
	} {
		b := newBench(t, change)
		b.eraseAll(0, 8191, 0)
		b.want(6, 0x03a50100, 0x900)
		if got := b.status(); got != 0x980 { // SWITCH_ERROR
			t.Errorf("%s: %08x", what, got)
		}
		b.expect(what, b.flash("user", 0), "secret")
	}
}

// A sanitize by itself erases nothing.
func TestSanitizeOfMapped(t *testing.T) {
	b := newBench(t, nil)
	b.want(6, 0x03a50100, 0x900)
	if got := b.status(); got != 0x900 {
		t.Errorf("%08x", got)
	}
	b.expect("the host", b.host(0), "secret")
	b.expect("the flash", b.flash("user", 0), "secret")
}

// A power cut ends a sanitize for good, and nothing tells of it.
func TestPowerCutInSanitize(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SanitizeTime = 100 * time.Second })
	b.eraseAll(0, testSectors-1, 0)
	before := b.in(8, 0, 512)
	b.want(6, 0x03a50100, 0x900)
	b.clock.Advance(25 * time.Second)
	b.PowerCycle()
	b.clock.Advance(time.Hour)
	b.setUp()
	if got := b.status(); got != 0x900 {
		t.Errorf("%08x", got)
	}
	if after := b.in(8, 0, 512); !bytes.Equal(before, after) {
		t.Error("EXT_CSD tells of it")
	}
	b.expect("a quarter of the flash", b.flash("user", testSectors/4-1), "zeros")
	b.expect("the rest of it", b.flash("user", testSectors/4), "secret")
	b.expect("the host", b.host(testSectors-1), "zeros")
	b.want(6, 0x03a50100, 0x900)
	b.clock.Advance(100 * time.Second)
	b.expect("after another one", b.flash("user", testSectors-1), "zeros")
}

// HPI breaks off a sanitize, where the host has switched it on; so does CMD0.
func TestBrokenOff(t *testing.T) {
	for name, off := range map[string]func(b *bench){
		"HPI":   func(b *bench) { b.want(13, 1<<16|1, 0xe00); b.want(13, 1<<16, 0x900) },
		"CMD0":  func(b *bench) { b.want(0, 0, 0); b.setUp() },
		"RST_n": func(b *bench) { b.Reset(); b.setUp() },
	} {
		b := newBench(t, func(c *Config) { c.SanitizeTime = 100 * time.Second })
		b.eraseAll(0, testSectors-1, 0)
		b.want(6, 0x03a10100, 0x900)
		b.want(6, 0x03a50100, 0x900)
		b.clock.Advance(50 * time.Second)
		off(b)
		b.clock.Advance(time.Hour)
		b.expect(name+": first", b.flash("user", 0), "zeros")
		b.expect(name+": last", b.flash("user", testSectors-1), "secret")
	}
	b := newBench(t, func(c *Config) { c.SanitizeTime = 100 * time.Second })
	b.want(6, 0x03a50100, 0x900)
	b.want(13, 1<<16|1, 0xe00) // not switched on
	b.want(13, 1<<16, 0xe00)
}

// Secure erase and secure trim remove the data at once.
func TestSecure(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SecureEraseTime = 10 * time.Second; c.ErasedOnes = true })
	b.eraseAll(0, 100, 0x80000000)
	if got := b.status(); got != 0xe00 {
		t.Errorf("%08x", got)
	}
	b.clock.Advance(10 * time.Second)
	b.expect("the host", b.host(0), "ones")
	b.expect("the flash", b.flash("user", 100), "ones")
	// The group of the last address to its end: 1024 sectors by this CSD.
	b.expect("the end of the group", b.flash("user", 1023), "ones")
	b.expect("the next group", b.flash("user", 1024), "secret")
	b.eraseAll(2000, 2001, 0x80000001)
	b.eraseAll(3000, 3000, 0x80000001)
	b.expect("marked", b.flash("user", 2000), "secret")
	b.eraseAll(0, 0, 0x80008000)
	b.clock.Advance(10 * time.Second)
	for at, want := range map[int64]string{1999: "secret", 2000: "ones", 2001: "ones", 2002: "secret", 3000: "ones"} {
		b.expect("after step 2", b.flash("user", at), want)
	}
}

// A card can do what EXT_CSD[231] says, and no more.
func TestUnsupported(t *testing.T) {
	b := newBench(t, func(c *Config) { c.SecureErase, c.Trim, c.Sanitize, c.Standard = false, false, false, 5 })
	for _, arg := range []uint32{1, 3, 0x80000000, 0x80000001, 0x80008000, 2, 0xffffffff} {
		b.want(35, 0, 0x900)
		b.want(36, 100, 0x900)
		b.want(38, arg, 0x00080900)
	}
	b.want(6, 0x03a50100, 0x900)
	if got := b.status(); got != 0x980 {
		t.Errorf("sanitize: %08x, want a switch error", got)
	}
	b.expect("the host", b.host(0), "secret")
}

// The errors of an erase sequence.
func TestEraseSequence(t *testing.T) {
	b := newBench(t, nil)
	b.want(38, 0, 0x10000900)
	b.want(36, 100, 0x10000900)
	b.want(35, 0, 0x900)
	b.want(38, 0, 0x10000900)
	b.want(35, 0, 0x900)
	b.want(36, 100, 0x900)
	b.want(13, 1<<16, 0x900) // the only command that may come between
	b.want(16, 512, 0x2900)  // erase reset
	b.want(38, 0, 0x10000900)
	b.want(35, testSectors, 0x80000900)
	b.want(36, 100, 0x10000900)
	b.want(35, 0, 0x900)
	b.want(36, testSectors, 0x80000900)
	b.want(38, 0, 0x10000900)
	b.want(35, 200, 0x900)
	b.want(36, 100, 0x900)
	b.want(38, 0, 0x900)
	b.want(13, 1<<16, 0x08000900) // erase parameter
	b.want(35, 0, 0x900)
	b.silent(62, 0)
	b.want(36, 100, 0x10402900) // erase sequence error, illegal command, erase reset
	b.expect("after all that", b.host(0), "secret")
}

// Areas: boot and general-purpose areas are reached by PARTITION_CONFIG and have their
// own data; RPMB is never erased.
func TestAreas(t *testing.T) {
	b := newBench(t, nil)
	for _, c := range []struct {
		access  uint32
		name    string
		sectors uint32
	}{{1, "boot1", 8192}, {2, "boot2", 8192}, {4, "GP1", 16384}, {6, "GP3", 32768}} {
		b.want(6, 0x03b30000|c.access<<8, 0x900)
		b.want(35, 0, 0x900)
		b.want(36, c.sectors, 0x80000900)
		b.eraseAll(0, c.sectors-1, 0)
		b.expect("the host, "+c.name, b.host(c.sectors-1), "zeros")
	}
	b.want(6, 0x03b30500, 0x900) // GP2 is not there
	b.want(13, 1<<16, 0x980)
	b.want(6, 0x03b30000, 0x900)
	b.expect("the user area", b.host(0), "secret")
	b.want(6, 0x03a50100, 0x900)
	for area, want := range map[string]string{"user": "secret", "boot1": "zeros", "boot2": "zeros", "GP1": "zeros", "GP3": "zeros", "RPMB": "secret"} {
		b.expect("the flash of "+area, b.flash(area, 0), want)
	}
	b.want(6, 0x03b30300, 0x900)
	for _, index := range []byte{17, 24, 35, 38} {
		b.silent(index, 0)
	}
	b.PowerCycle()
	b.setUp()
	if x := b.in(8, 0, 512); x[179] != 0 {
		t.Errorf("after a power cycle the area is %d", x[179])
	}
	if n := len(b.Media()); n != 6 {
		t.Errorf("%d media", n)
	}
}

// Write protection: of boot areas, of groups, of the card. What is protected survives
// erase and sanitize, and the card says so.
func TestWriteProtection(t *testing.T) {
	b := newBench(t, func(c *Config) {
		c.BootProtection = [2]string{"power-on", "permanent"}
		c.Protected = []Group{{Sector: 0, Sectors: 1, Kind: "permanent"}, {Sector: 1 << 20, Sectors: 1, Kind: "power-on"}}
	})
	b.want(6, 0x03af0100, 0x900) // groups of 8 MiB
	if wp := b.in(31, 0, 8); !bytes.Equal(wp, unhex(t, "0000000000000003")) {
		t.Errorf("% x", wp)
	}
	if wp := b.in(30, 1<<20, 4); !bytes.Equal(wp, unhex(t, "00000001")) {
		t.Errorf("% x", wp)
	}
	b.want(35, 0, 0x900)
	b.want(36, testSectors-1, 0x900)
	b.want(38, 0, 0x900)
	b.want(13, 1<<16, 0x8900) // groups were left out
	b.want(6, 0x03a50100, 0x900)
	for at, want := range map[int64]string{0: "secret", 16383: "secret", 16384: "zeros", 1<<20 - 1: "zeros", 1 << 20: "secret", 1<<20 + 16383: "secret", 1<<20 + 16384: "zeros"} {
		b.expect("the flash", b.flash("user", at), want)
	}
	if a, err := b.MMC(t.Context(), sim.MMCRequest{Index: 24, Arg: 5, Out: make([]byte, 512)}); err != nil || a.Status != 0x04000900 {
		t.Errorf("a write: %08x, %v", a.Status, err)
	}
	b.want(29, 0, 0x04000900) // it is permanent
	b.want(6, 0x03b30100, 0x900)
	b.eraseAll(0, 8191, 0)
	b.want(13, 1<<16, 0x8900)
	b.expect("boot1", b.flash("boot1", 0), "secret")
	b.PowerCycle()
	b.setUp()
	b.want(6, 0x03b30100, 0x900)
	b.eraseAll(0, 8191, 0)
	b.want(13, 1<<16, 0x900)
	b.want(6, 0x03b30200, 0x900)
	b.eraseAll(0, 8191, 0)
	b.want(13, 1<<16, 0x8900)
	b.want(6, 0x03a50100, 0x900)
	b.expect("boot1, free again", b.flash("boot1", 0), "zeros")
	b.expect("boot2, for ever", b.flash("boot2", 0), "secret")
}

// A host protects: groups by CMD28, boot areas by BOOT_WP; and takes off what can be.
func TestSettingProtection(t *testing.T) {
	b := newBench(t, nil)
	b.want(6, 0x03af0100, 0x900)
	b.want(28, 16384, 0x900)
	if wp := b.in(31, 0, 8); !bytes.Equal(wp, unhex(t, "0000000000000004")) {
		t.Errorf("temporary: % x", wp)
	}
	b.want(29, 16384, 0x900)
	b.want(6, 0x03ab0100, 0x900)
	b.want(28, 32768, 0x900)
	b.want(6, 0x03ab0400, 0x900)
	b.want(28, 49152, 0x900)
	if wp := b.in(31, 0, 8); !bytes.Equal(wp, unhex(t, "00000000000000e0")) {
		t.Errorf("power-on and permanent: % x", wp)
	}
	b.want(28, testSectors, 0x80000900)
	b.want(6, 0x03ad0100, 0x900)
	if x := b.in(8, 0, 512); x[174] != 0x05 {
		t.Errorf("both boot areas until the power goes: %02x", x[174])
	}
	b.want(6, 0x03ad0000, 0x900) // can't be taken back
	b.want(13, 1<<16, 0x980)
	b.PowerCycle()
	b.setUp()
	b.want(6, 0x03ad8c00, 0x900) // permanently, area 2 only
	if x := b.in(8, 0, 512); x[173] != 0x8c || x[174] != 0x08 {
		t.Errorf("area 2 for ever: %02x %02x", x[173], x[174])
	}
	b.want(6, 0x03af0100, 0x900)
	if wp := b.in(31, 0, 8); !bytes.Equal(wp, unhex(t, "00000000000000c0")) {
		t.Errorf("after the power cycle: % x", wp)
	}
}

// The whole card is protected by its CSD.
func TestCardProtected(t *testing.T) {
	b := newBench(t, func(c *Config) { c.WriteProtected = "permanent" })
	b.eraseAll(0, testSectors-1, 0)
	b.want(13, 1<<16, 0x8900)
	b.want(6, 0x03a50100, 0x900)
	b.expect("the flash", b.flash("user", 0), "secret")
	b.want(7, 0, 0)
	if csd := b.in(9, 1<<16, 16); csd[14] != 0x60 {
		t.Errorf("CSD % x", csd)
	}
}

// Blocks: counted and open transfers, errors of addresses and lengths, a card of 1 GiB
// that counts bytes.
func TestBlocks(t *testing.T) {
	b := newBench(t, nil)
	data := bytes.Repeat([]byte("0123456789abcdef"), 96) // 3 blocks
	write := func(index byte, arg uint32, out []byte) uint32 {
		t.Helper()
		a, err := b.MMC(t.Context(), sim.MMCRequest{Index: index, Arg: arg, Out: out})
		if err != nil {
			t.Fatal(err)
		}
		return a.Status
	}
	b.want(23, 3, 0x900)
	if s := write(25, 10, data); s != 0x900 {
		t.Errorf("%08x", s)
	}
	b.want(23, 3, 0x900)
	if got := b.in(18, 10, 1536); !bytes.Equal(got, data) {
		t.Errorf("% x", got[:32])
	}
	if got := b.in(18, 11, 1024); !bytes.Equal(got, data[512:]) {
		t.Errorf("% x", got[:32])
	}
	b.want(13, 1<<16, 0xa00) // the transfer is open
	b.silent(17, 0)
	b.want(12, 0, 0x00400a00)
	b.want(13, 1<<16, 0x900)
	b.want(23, 2, 0x900)
	for _, c := range []struct {
		index byte
		arg   uint32
		n     int
		want  uint32
	}{{18, 0, 1536, 0x20000900}, {17, 0, 1024, 0x20000900}, {17, 0, 100, 0x20000900}, {17, testSectors, 512, 0x80000900}, {17, 0xffffffff, 512, 0x80000900},
		{18, testSectors - 1, 1024, 0x80000900}, {17, 0, 0, 0x20000900}, {17, 0, -512, 0x20000900}} {
		if a, err := b.MMC(t.Context(), sim.MMCRequest{Index: c.index, Arg: c.arg, In: c.n}); err != nil || a.Status != c.want || len(a.In) > 0 {
			t.Errorf("%+v: %08x, %d bytes, %v", c, a.Status, len(a.In), err)
		}
	}
	b.want(16, 1024, 0x20000900)
	// Written again, an erased block is mapped.
	b.eraseAll(0, 1023, 0)
	if s := write(24, 10, data[:512]); s != 0x900 {
		t.Errorf("%08x", s)
	}
	b.want(6, 0x03a50100, 0x900)
	b.expect("written after the erase", b.host(10), "30313233343536373839616263646566")
	b.expect("not written", b.flash("user", 11), "zeros")

	small := newBench(t, func(c *Config) { c.Sectors = 2 << 20 })
	if n := small.Area("user").Size(); n != 1<<30 {
		t.Error(n)
	}
	small.want(35, 1<<19, 0x900)
	small.want(36, 1<<20, 0x900)
	small.want(38, 1, 0x900)
	for at, want := range map[uint32]string{1<<19 - 512: "secret", 1 << 19: "zeros", 1 << 20: "zeros", 1<<20 + 512: "secret"} {
		small.expect("by byte", small.host(at), want)
	}
	small.want(35, 100, 0x40000900)
	small.want(0, 0, 0)
	small.want(1, 0, 0x80ff8080)
}

// What a script does with a card.
func TestFaults(t *testing.T) {
	erases := sim.When{Erases: true}
	sanitize := func(d sim.Action) func(*Config) {
		return func(c *Config) {
			op := byte(6)
			c.SanitizeTime = 100 * time.Second
			c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: &op, Erases: true}, Do: d})
		}
	}
	run := func(change func(*Config)) *bench {
		t.Helper()
		b := newBench(t, change)
		b.eraseAll(0, testSectors-1, 0)
		b.r1(6, 0x03a50100)
		b.clock.Advance(time.Hour)
		return b
	}
	b := run(sanitize(sim.Action{Pretend: true}))
	b.expect("pretends", b.flash("user", 5), "secret")
	b.want(13, 1<<16, 0x900)
	b = run(sanitize(sim.Action{Keep: []sim.Range{{Off: 1 << 30, Len: 512}}}))
	b.expect("keeps", b.flash("user", 1<<21), "secret")
	b.expect("and erases the rest", b.flash("user", 1<<21+1), "zeros")
	b = run(sanitize(sim.Action{KeepAll: true}))
	b.expect("keeps all", b.flash("user", 5), "secret")
	b = run(sanitize(sim.Action{StickAt: 0.25}))
	b.want(13, 1<<16, 0xe00)
	b.expect("stuck", b.flash("user", testSectors/4), "secret")
	b.expect("stuck", b.flash("user", testSectors/4-1), "zeros")
	b = run(sanitize(sim.Action{FailAt: 0.5}))
	b.want(13, 1<<16, 0x00080900)
	b.expect("failed", b.flash("user", testSectors-1), "secret")
	b = run(sanitize(sim.Action{Abort: true}))
	b.want(13, 1<<16, 0x900)
	b.expect("refused", b.flash("user", 5), "secret")

	b = newBench(t, func(c *Config) { c.Script = sim.NewScript(sim.Fault{When: erases, Do: sim.Action{Reappear: -1}}) })
	b.eraseAll(0, testSectors-1, 0)
	b.expect("erased", b.host(7), "zeros")
	b.PowerCycle()
	b.setUp()
	b.expect("there again", b.host(7), "secret")

	at := uint64(7)
	b = newBench(t, func(c *Config) {
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Reads: true, LBA: &at}, Do: sim.Action{Medium: true}})
	})
	b.want(23, 4, 0x900)
	a, err := b.MMC(t.Context(), sim.MMCRequest{Index: 18, Arg: 5, In: 2048})
	if err != nil || a.Status != 0x900 || len(a.In) != 1024 {
		t.Errorf("%08x, %d bytes, %v", a.Status, len(a.In), err)
	}
	b.want(13, 1<<16, 0x00200900)

	b = newBench(t, func(c *Config) {
		op := byte(13)
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: &op}, Do: sim.Action{Become: "0x01020304", Shrink: 1000}})
	})
	b.status()
	b.want(17, 1000, 0x20000900) // no data asked for
	if x := b.in(8, 0, 512); !bytes.Equal(x[212:216], unhex(t, "e8030000")) {
		t.Errorf("% x", x[212:216])
	}
	b.want(7, 0, 0)
	if cid := b.in(10, 1<<16, 16); !bytes.Equal(cid[10:14], []byte{1, 2, 3, 4}) {
		t.Errorf("% x", cid)
	}
}

// The trace has what was asked but the blocks.
func TestTrace(t *testing.T) {
	b := newBench(t, nil)
	b.host(0)
	b.eraseAll(1, 2, 0)
	b.silent(62, 9)
	var got []string
	for _, e := range b.Trace()[5:] {
		got = append(got, hex.EncodeToString(e.Frame)+" "+hex.EncodeToString([]byte{byte(e.Status)}))
	}
	if want := "2300000001 00,2400000002 00,2600000000 00,3e00000009 01"; strings.Join(got, ",") != want {
		t.Errorf("%s", got)
	}
}

func TestConfig(t *testing.T) {
	for want, c := range map[string]Config{
		"no Sectors":          {Serial: "1"},
		"ExtCSD has 3 bytes":  {Serial: "1", ExtCSD: make([]byte, 3)},
		"CSD has 15":          {Serial: "1", Sectors: 1, CSD: make([]byte, 15)},
		"the Serial \"x\"":    {Sectors: 1, Serial: "x"},
		"the Product has 7":   {Serial: "1", Sectors: 1, Product: "1234567"},
		"the Firmware has 9":  {Serial: "1", Sectors: 1, Firmware: "123456789"},
		"Year and Month":      {Serial: "1", Sectors: 1, Year: 2029, Month: 1},
		"no Standard 4":       {Serial: "1", Sectors: 1, Standard: 4},
		"Sanitize came":       {Serial: "1", Sectors: 1, Standard: 5, Sanitize: true},
		"WriteProtected":      {Serial: "1", Sectors: 1, WriteProtected: "power-on"},
		"BootProtection":      {Serial: "1", Sectors: 1, BootProtection: [2]string{"temporary"}},
		"Protected":           {Serial: "1", Sectors: 1, Protected: []Group{{Kind: "permanent"}}},
		"BootSize is 1,":      {Serial: "1", Sectors: 1, BootSize: 1},
		"RPMBSize is -131072": {Serial: "1", Sectors: 1, RPMBSize: -128 << 10},
		"GPSizes has 1,":      {Serial: "1", Sectors: 1, GPSizes: [4]int64{0, 1}},
		"the Medium has 512":  {Serial: "1", Sectors: 2, Medium: sim.NewMedium(512)},
	} {
		if d, err := New(c); d != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	x := make([]byte, 512)
	copy(x[192:], []byte{8})
	copy(x[212:], []byte{0, 0, 0x40, 0x1d})
	x[226] = 1
	if d, err := New(Config{Serial: "1", ExtCSD: x}); err != nil || len(d.Media()) != 3 || d.Area("user").Size() != 251255586816 {
		t.Errorf("a capture: %v", err)
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Whatever a host sends, the card lives: it answers a status afterwards, or says after
// a reset that it is ready, and no answer is longer than asked for.
func FuzzMMC(f *testing.F) {
	f.Add([]byte{35, 0, 0, 0, 0, 36, 0, 0, 4, 0, 38, 0x80, 0, 0, 0}, 512)
	f.Add([]byte{6, 3, 0xa5, 1, 0, 13, 0, 1, 0, 0}, 512)
	f.Add([]byte{23, 0, 0, 0, 2, 18, 0, 0, 0, 0}, 1024)
	f.Add([]byte{6, 3, 0xb3, 1, 0, 24, 0, 0, 0, 7, 31, 0, 0, 0, 0}, 512)
	f.Add([]byte{28, 0, 0, 0, 0, 29, 0, 0, 0, 0, 30, 0, 0, 0, 0, 7, 0, 0, 0, 0, 5, 0, 1, 0x80, 0}, 8)
	f.Fuzz(func(t *testing.T, b []byte, n int) {
		d, err := New(Config{Serial: "7", Sectors: 8 << 20, BootSize: 128 << 10, Trim: true, SecureErase: true, Sanitize: true, Clock: sim.NewManual(),
			GPSizes: [4]int64{8 << 20}, RPMBSize: 128 << 10, Protected: []Group{{Sector: 100000, Sectors: 7, Kind: "temporary"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.SetUp(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		n = min(n, 1<<20)
		for ; len(b) >= 5; b = b[5:] {
			r := sim.MMCRequest{Index: b[0], Arg: uint32(b[1])<<24 | uint32(b[2])<<16 | uint32(b[3])<<8 | uint32(b[4]), In: n}
			if b[0] == 24 || b[0] == 25 {
				r.Out, r.In = make([]byte, max(n, 0)), 0
			}
			a, err := d.MMC(t.Context(), r)
			if len(a.In) > max(n, 0) || err != nil && !errors.Is(err, ErrNoResponse) {
				t.Fatalf("CMD%d: %d bytes, %v", r.Index, len(a.In), err)
			}
		}
		d.PowerCycle()
		if err := d.SetUp(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if a, err := d.MMC(t.Context(), sim.MMCRequest{Index: 13, Arg: 1 << 16}); err != nil || a.Status != 0x900 {
			t.Fatalf("%08x, %v", a.Status, err)
		}
	})
}
