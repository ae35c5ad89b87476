package scsi_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/scsi"
)

// bench is a drive under test with the clock that it lives in.
type bench struct {
	*scsi.Drive
	t     *testing.T
	clock *sim.Manual
}

// blocks of the drive of most tests: 4 MiB.
const blocks = 8192

func config() scsi.Config {
	return scsi.Config{Vendor: "HANDBACK", Product: "SAS MODEL", Revision: "A7B3", Serial: "SCSI-1", WWN: 0x5000c500a1b2c3d4,
		Blocks: blocks, Spare: 64 << 10, Rotation: 7200, FormFactor: 2,
		Sanitize: scsi.Sanitize{Overwrite: true, Block: true, Crypto: true, OverwriteTime: time.Hour, BlockTime: 10 * time.Minute, CryptoTime: 2 * time.Second},
		Format:   scsi.Format{Supported: true, Time: 2 * time.Hour}}
}

func start(t *testing.T, c scsi.Config) *bench {
	t.Helper()
	clock := sim.NewManual()
	c.Clock = clock
	d, err := scsi.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{d, t, clock}
	return b
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// do runs a CDB in hex.
func (b *bench) do(cdb string, out []byte, in int) sim.SCSIReply {
	b.t.Helper()
	r, err := b.SCSI(b.t.Context(), sim.SCSIRequest{CDB: unhex(b.t, cdb), Out: out, In: in})
	if err != nil {
		b.t.Fatalf("%s: %v", cdb, err)
	}
	return r
}

// good runs one that must end well, and gives its data.
func (b *bench) good(cdb string, out []byte, in int) []byte {
	b.t.Helper()
	r := b.do(cdb, out, in)
	if r.Status != 0 || r.Sense != nil {
		b.t.Fatalf("%s: status %02x, sense % x", cdb, r.Status, r.Sense)
	}
	return r.In
}

// bad runs one that must end in CHECK CONDITION, and gives its sense in hex.
func (b *bench) bad(cdb string, out []byte, in int) string {
	b.t.Helper()
	r := b.do(cdb, out, in)
	if r.Status != 2 {
		b.t.Errorf("%s: status %02x", cdb, r.Status)
	}
	return hex.EncodeToString(r.Sense)
}

// refused: the key and codes of fixed sense data, 'key/asc/ascq'.
func (b *bench) refused(cdb string, out []byte, in int, want string) {
	b.t.Helper()
	s := unhex(b.t, b.bad(cdb, out, in))
	if len(s) != 18 {
		b.t.Errorf("%s: sense % x", cdb, s)
		return
	}
	if got := hex.EncodeToString([]byte{s[2]})[1:] + "/" + hex.EncodeToString(s[12:13]) + "/" + hex.EncodeToString(s[13:14]); got != want {
		b.t.Errorf("%s: %s, want %s", cdb, got, want)
	}
}

// plant a person's data on the whole medium, the spare part too.
func (b *bench) plant() {
	b.t.Helper()
	m := b.Media()[0]
	if err := m.Fill(0, m.Size(), sim.Noise("a person's data")); err != nil {
		b.t.Fatal(err)
	}
}

// survives counts the bytes of the planted data that are still in their places.
func (b *bench) survives(off, n int64) int64 {
	b.t.Helper()
	want := sim.NewMedium(off + n)
	if err := want.Fill(0, off+n, sim.Noise("a person's data")); err != nil {
		b.t.Fatal(err)
	}
	p, q, left := make([]byte, n), make([]byte, n), int64(0)
	if _, err := b.Media()[0].ReadAt(p, off); err != nil {
		b.t.Fatal(err)
	}
	if _, err := want.ReadAt(q, off); err != nil {
		b.t.Fatal(err)
	}
	for at := int64(0); at < n; at += 64 {
		if bytes.Equal(p[at:at+64], q[at:at+64]) {
			left += 64
		}
	}
	return left
}

const whole = blocks*512 + 64<<10

// A sanitize erases in its time, refuses the rest meanwhile, tells its progress and
// goes on after a power cut; all of it on the medium.
func TestSanitizeOverwrite(t *testing.T) {
	b := start(t, config())
	b.plant()
	// As sg_sanitize --overwrite --pattern --count=2 --invert sends it, IMMED.
	list := append(unhex(t, "82 00 00 04"), 0xde, 0xad, 0xbe, 0xef)
	b.good("48 81 00 00 00 00 00 00 08 00", list, 0)
	b.clock.Advance(30 * time.Minute) // of two hours
	if got := hex.EncodeToString(b.good("03 00 00 00 fc 00", nil, 252)); got != "70000200000000"+"0a"+"00000000"+"041b"+"00"+"804000" {
		t.Errorf("REQUEST SENSE: %s", got)
	}
	if got := hex.EncodeToString(b.good("03 01 00 00 fc 00", nil, 252)); got != "7202041b00000008"+"0206000080400000" {
		t.Errorf("REQUEST SENSE, descriptor: %s", got)
	}
	b.refused("00 00 00 00 00 00", nil, 0, "2/04/1b")
	b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, "2/04/1b")
	b.refused("48 82 00 00 00 00 00 00 00 00", nil, 0, "2/04/1b")
	b.refused("4d 00 6f 00 00 00 00 00 fc 00", nil, 252, "2/04/1b")
	b.good("12 00 00 00 24 00", nil, 36)
	b.good("a0 00 00 00 00 00 00 00 00 10 00 00", nil, 16)
	b.good("4d 00 4d 00 00 00 00 00 fc 00", nil, 252)
	b.good("9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", nil, 32)
	if left := b.survives(0, whole); left == 0 || left == whole {
		t.Errorf("after a quarter %d bytes of %d are left", left, whole)
	}
	b.PowerCycle()
	b.clock.Advance(89 * time.Minute)
	b.refused("00 00 00 00 00 00", nil, 0, "2/04/1b")
	b.clock.Advance(time.Minute)
	b.good("00 00 00 00 00 00", nil, 0)
	if got := b.good("28 00 00 00 1f ff 00 00 01 00", nil, 512); !bytes.Equal(got, bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef}, 128)) {
		t.Errorf("the last block reads % x...", got[:8])
	}
	if left := b.survives(0, whole); left != 0 {
		t.Errorf("%d bytes survive", left)
	}
	spare := make([]byte, 4)
	if _, err := b.Media()[0].ReadAt(spare, whole-4); err != nil || hex.EncodeToString(spare) != "deadbeef" {
		t.Errorf("the spare part ends with %x, %v", spare, err)
	}
}

// Without IMMED the answer comes when all is done; a power cut leaves it unanswered.
func TestSanitizeWaits(t *testing.T) {
	b := start(t, config())
	b.plant()
	done := make(chan error, 1)
	ask := func() {
		go func() {
			r, err := b.SCSI(context.Background(), sim.SCSIRequest{CDB: unhex(t, "48 02 00 00 00 00 00 00 00 00")})
			if err == nil && r.Status != 0 {
				err = errors.New(hex.EncodeToString(r.Sense))
			}
			done <- err
		}()
		for hex.EncodeToString(b.good("03 00 00 00 fc 00", nil, 252)[12:14]) != "041b" {
			time.Sleep(time.Millisecond)
		}
	}
	ask()
	b.PowerCycle()
	if err := <-done; !errors.Is(err, sim.ErrGone) {
		t.Errorf("after a power cut: %v", err)
	}
	b.clock.Advance(10 * time.Minute)
	b.good("00 00 00 00 00 00", nil, 0)
	if left := b.survives(0, whole); left != 0 {
		t.Errorf("%d bytes survive", left)
	}
	ask()
	for ended := false; !ended; { // it sleeps a moment after it was seen to run
		b.clock.Advance(10 * time.Minute)
		select {
		case err := <-done:
			if ended = true; err != nil {
				t.Error(err)
			}
		case <-time.After(time.Millisecond):
		}
	}
}

// Each method leaves on the medium what it should.
func TestSanitizeMethods(t *testing.T) {
	read := "28 00 00 00 00 07 00 00 01 00"
	for _, c := range []struct {
		name, cdb string
		change    func(*scsi.Config)
		takes     time.Duration
		reads     string // the first bytes of block 7; empty: noise
		refused   string
	}{
		{"block", "48 82 00 00 00 00 00 00 00 00", nil, 10 * time.Minute, "0000000000000000", ""},
		{"block, ones", "48 82 00 00 00 00 00 00 00 00", func(c *scsi.Config) { c.ErasedAs = []byte{0xff} }, 10 * time.Minute, "ffffffffffffffff", ""},
		{"crypto", "48 83 00 00 00 00 00 00 00 00", nil, 2 * time.Second, "", ""},
		{"crypto, pattern", "48 83 00 00 00 00 00 00 00 00", func(c *scsi.Config) { c.CryptoAs = []byte{0x33, 0xcc, 0x55, 0xaa} }, 2 * time.Second, "33cc55aa33cc55aa", ""},
		{"crypto, write first", "48 83 00 00 00 00 00 00 00 00", func(c *scsi.Config) { c.Sanitize.WriteFirst = true }, 2 * time.Second, "", "3/11/15"},
		{"instant", "48 03 00 00 00 00 00 00 00 00", func(c *scsi.Config) { c.Sanitize.CryptoTime = 0 }, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := config()
			if c.change != nil {
				c.change(&k)
			}
			b := start(t, k)
			b.plant()
			b.good(c.cdb, nil, 0)
			if c.takes > 0 {
				b.clock.Advance(c.takes - time.Second)
				b.refused("00 00 00 00 00 00", nil, 0, "2/04/1b")
				b.clock.Advance(time.Second)
			}
			if left := b.survives(0, whole); left != 0 {
				t.Errorf("%d bytes survive", left)
			}
			if c.refused != "" {
				b.refused(read, nil, 512, c.refused)
				b.good("2a 00 00 00 00 07 00 00 01 00", make([]byte, 512), 0)
				if got := b.good(read, nil, 512); !bytes.Equal(got, make([]byte, 512)) {
					t.Errorf("what was written reads % x...", got[:8])
				}
				b.refused("28 00 00 00 00 08 00 00 01 00", nil, 512, c.refused)
				return
			}
			if got := hex.EncodeToString(b.good(read, nil, 512)[:8]); c.reads != "" && got != c.reads {
				t.Errorf("block 7 reads %s, want %s", got, c.reads)
			}
		})
	}
}

// A failed sanitize is left only as it was begun: restricted by another restricted
// one, unrestricted by EXIT FAILURE MODE too (SBC-4 clause 4.11.3).
func TestSanitizeFails(t *testing.T) {
	one := func() scsi.Config {
		c := config()
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true, Times: 1}, Do: sim.Action{FailAt: 0.5}})
		return c
	}
	const exit, block, blockAUSE = "48 1f 00 00 00 00 00 00 00 00", "48 82 00 00 00 00 00 00 00 00", "48 a2 00 00 00 00 00 00 00 00"
	fail := func(b *bench, cdb string) {
		b.plant()
		b.good(cdb, nil, 0)
		b.clock.Advance(time.Hour)
		b.refused("00 00 00 00 00 00", nil, 0, "3/31/03")
		b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, "3/31/03")
		if s := b.good("03 00 00 00 fc 00", nil, 252); s[2] != 3 || s[12] != 0x31 || s[13] != 3 {
			b.t.Errorf("REQUEST SENSE: % x", s)
		}
		if left := b.survives(0, whole); left < whole/3 || left > 2*whole/3 {
			b.t.Errorf("%d bytes of %d survive a failure half way", left, whole)
		}
	}
	t.Run("restricted", func(t *testing.T) {
		b := start(t, one())
		fail(b, block)
		if got := b.bad(exit, nil, 0); got != "70000500000000"+"0a"+"00000000"+"2400"+"00"+"c00001" {
			t.Errorf("EXIT FAILURE MODE: %s", got)
		}
		b.PowerCycle()
		b.refused("00 00 00 00 00 00", nil, 0, "3/31/03")
		b.refused(blockAUSE, nil, 0, "5/24/00")
		b.good(block, nil, 0)
		b.clock.Advance(time.Hour)
		b.good("00 00 00 00 00 00", nil, 0)
		if left := b.survives(0, whole); left != 0 {
			t.Errorf("%d bytes survive", left)
		}
		b.good(exit, nil, 0) // there is nothing to leave
	})
	t.Run("unrestricted", func(t *testing.T) {
		b := start(t, one())
		fail(b, blockAUSE)
		b.good(exit, nil, 0)
		b.good("00 00 00 00 00 00", nil, 0)
		if left := b.survives(0, whole); left == 0 {
			t.Error("leaving a failure has erased the rest")
		}
	})
}

// What a drive that lies says, and what stands on its medium.
func TestSanitizeLies(t *testing.T) {
	const block = "48 82 00 00 00 00 00 00 00 00"
	for _, c := range []struct {
		name string
		do   sim.Action
		left int64
	}{
		{"pretends", sim.Action{Pretend: true}, whole},
		{"keeps all", sim.Action{KeepAll: true}, whole},
		{"keeps a part", sim.Action{Keep: []sim.Range{{Off: 1 << 20, Len: 4096}, {Off: whole - 4096, Len: 4096}}}, 8192},
		{"brings it back", sim.Action{Reappear: 24 * time.Hour}, whole},
		{"brings it back at power on", sim.Action{Reappear: -1}, whole},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := config()
			k.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: c.do})
			b := start(t, k)
			b.plant()
			b.good(block, nil, 0)
			b.clock.Advance(time.Hour)
			b.good("00 00 00 00 00 00", nil, 0)
			if c.do.Reappear != 0 {
				if left := b.survives(0, whole); left != 0 {
					t.Errorf("%d bytes survive at first", left)
				}
				b.clock.Advance(24 * time.Hour)
				if c.do.Reappear < 0 {
					b.PowerCycle()
				}
				b.good("00 00 00 00 00 00", nil, 0)
			}
			if left := b.survives(0, whole); left != c.left {
				t.Errorf("%d bytes survive, want %d", left, c.left)
			}
		})
	}
	k := config()
	k.Script = sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: sim.Action{StickAt: 0.01}})
	b := start(t, k)
	b.good(block, nil, 0)
	b.clock.Advance(1000 * time.Hour)
	if s := b.good("03 00 00 00 fc 00", nil, 252); hex.EncodeToString(s[12:]) != "041b00"+"80028f" {
		t.Errorf("a sanitize that is stuck at 1 %%: % x", s)
	}
}

// SANITIZE that this drive lacks, and parameters that make no sense.
func TestSanitizeRefused(t *testing.T) {
	c := config()
	c.Sanitize = scsi.Sanitize{Overwrite: true, OverwriteTime: time.Hour}
	b := start(t, c)
	b.plant()
	for _, r := range []struct{ cdb, list, want string }{
		{"48 82 00 00 00 00 00 00 00 00", "", "5/24/00"},
		{"48 84 00 00 00 00 00 00 00 00", "", "5/24/00"},
		{"48 81 00 00 00 00 00 00 00 00", "", "5/24/00"},
		{"48 81 00 00 00 00 00 00 04 00", "01000000", "5/24/00"},
		{"48 81 00 00 00 00 00 02 05 00", "01000201" + strings.Repeat("00", 513), "5/24/00"},
		{"48 81 00 00 00 00 00 00 05 00", "0000000100", "5/26/00"},
		{"48 81 00 00 00 00 00 00 05 00", "2100000100", "5/26/00"},
		{"48 81 00 00 00 00 00 00 05 00", "0100000000", "5/26/00"},
		{"48 81 00 00 00 00 00 00 05 00", "0100000200", "5/26/00"},
		{"48 81 00 00 00 00 00 00 05 00", "010000", "5/1a/00"},
		{"48 81 00 01 00 00 00 00 05 00", "0100000100", "5/24/00"},
		{"48 81", "", "5/24/00"},
	} {
		b.refused(r.cdb, unhex(t, r.list), 0, r.want)
	}
	b.good("00 00 00 00 00 00", nil, 0)
	if left := b.survives(0, whole); left != whole {
		t.Errorf("a command that was refused erased: %d bytes of %d are left", left, whole)
	}
	c.Sanitize = scsi.Sanitize{}
	start(t, c).refused("48 82 00 00 00 00 00 00 00 00", nil, 0, "5/20/00")
	c.Sanitize, c.Protected = scsi.Sanitize{Block: true}, true
	start(t, c).refused("48 82 00 00 00 00 00 00 00 00", nil, 0, "7/27/00")
}

// FORMAT UNIT, as sg_format sends it; it is not resumed after a power cut.
func TestFormat(t *testing.T) {
	const cdb, immed = "04 18 00 00 00 00", "00 82 00 00"
	t.Run("to its end", func(t *testing.T) {
		b := start(t, config())
		b.plant()
		b.good(cdb, unhex(t, immed), 0)
		b.clock.Advance(30 * time.Minute)
		b.refused("00 00 00 00 00 00", nil, 0, "2/04/04")
		b.refused("9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00", nil, 32, "2/04/04")
		if s := b.good("03 00 00 00 fc 00", nil, 252); hex.EncodeToString(s[12:]) != "040400"+"804000" {
			t.Errorf("REQUEST SENSE: % x", s)
		}
		b.clock.Advance(90 * time.Minute)
		b.good("00 00 00 00 00 00", nil, 0)
		if left := b.survives(0, blocks*512); left != 0 {
			t.Errorf("%d bytes survive", left)
		}
		if left := b.survives(blocks*512, 64<<10); left != 64<<10 {
			t.Errorf("a format reached the spare part: %d bytes are left", left)
		}
	})
	t.Run("power cut", func(t *testing.T) {
		b := start(t, config())
		b.plant()
		b.good(cdb, unhex(t, immed), 0)
		b.clock.Advance(time.Hour)
		b.PowerCycle()
		b.clock.Advance(10 * time.Hour)
		b.refused("00 00 00 00 00 00", nil, 0, "2/31/00")
		b.refused("28 00 00 00 00 00 00 00 01 00", nil, 512, "3/31/00")
		if left := b.survives(0, blocks*512); left < blocks*512/3 {
			t.Errorf("the format went on: %d bytes are left", left)
		}
		b.good("48 82 00 00 00 00 00 00 00 00", nil, 0) // a sanitize makes it whole again
		b.clock.Advance(time.Hour)
		b.good("28 00 00 00 00 00 00 00 01 00", nil, 512)
		if left := b.survives(0, whole); left != 0 {
			t.Errorf("%d bytes survive", left)
		}
	})
	t.Run("pattern", func(t *testing.T) {
		c := config()
		c.Format.Time, c.Format.Quick = 0, true
		b := start(t, c)
		b.plant()
		b.good(cdb, unhex(t, "00 88 00 00 00 01 00 03 a1 b2 c3"), 0)
		if got := hex.EncodeToString(b.good("28 00 00 00 1f ff 00 00 01 00", nil, 512)); got[:12] != "a1b2c3a1b2c3" || got[1020:] != "a1b2" {
			t.Errorf("the last block reads %s...%s", got[:12], got[1020:])
		}
	})
	t.Run("quick", func(t *testing.T) {
		c := config()
		c.Format.Quick = true
		b := start(t, c)
		b.plant()
		b.good(cdb, unhex(t, immed), 0)
		b.clock.Advance(2 * time.Hour)
		b.good("00 00 00 00 00 00", nil, 0)
		if left := b.survives(0, whole); left != whole {
			t.Errorf("%d bytes of %d are left by a drive that only makes its tables anew", left, whole)
		}
	})
	t.Run("fails", func(t *testing.T) {
		c := config()
		c.Script = sim.NewScript(sim.Fault{When: sim.When{Opcode: ptr(byte(0x04))}, Do: sim.Action{FailAt: 0.25}})
		b := start(t, c)
		b.good(cdb, unhex(t, immed), 0)
		b.clock.Advance(2 * time.Hour)
		b.refused("2a 00 00 00 00 00 00 00 01 00", make([]byte, 512), 0, "3/31/00")
	})
	t.Run("refused", func(t *testing.T) {
		b := start(t, config())
		b.plant()
		for list, want := range map[string]string{"": "5/1a/00", "01 80 00 00": "5/26/00", "00 20 00 00": "5/26/00",
			"00 80 00 04": "5/26/00", "00 84 00 00": "5/26/00", "00 88 00 00": "5/1a/00", "00 88 00 00 00 02 00 01 00": "5/26/00",
			"00 88 00 00 00 01 00 02 00": "5/26/00"} {
			b.refused(cdb, unhex(t, list), 0, want)
		}
		b.refused("04 80 00 00 00 00", nil, 0, "5/24/00") // protection information
		b.refused("04 08 00 00 00 00", nil, 0, "5/24/00") // CMPLST without FMTDATA
		if left := b.survives(0, whole); left != whole {
			t.Errorf("a command that was refused erased: %d bytes are left", left)
		}
	})
}

func ptr[T any](v T) *T { return &v }

// Blocks that MODE SELECT has hidden: no command but SANITIZE reaches them until the
// whole size is set again.
func TestHiddenBlocks(t *testing.T) {
	c := config()
	c.Visible, c.Format.Time = blocks/2, 0
	b := start(t, c)
	b.plant()
	capacity := func(want string) {
		t.Helper()
		if got := hex.EncodeToString(b.good("25 00 00 00 00 00 00 00 00 00", nil, 8)); got != want {
			t.Errorf("READ CAPACITY(10): %s, want %s", got, want)
		}
	}
	capacity("00000fff" + "00000200")
	b.refused("28 00 00 00 10 00 00 00 01 00", nil, 512, "5/21/00")
	b.good("04 00 00 00 00 00", nil, 0)
	if left := b.survives(0, whole); left != whole-blocks/2*512 {
		t.Errorf("a format left %d bytes of %d", left, whole)
	}
	// All blocks, as sg_format --resize --count=-1 asks.
	b.good("15 11 00 00 0c 00", unhex(t, "00 00 00 08 ff ff ff ff 00 00 02 00"), 0)
	capacity("00001fff" + "00000200")
	if got := b.good("28 00 00 00 10 00 00 00 01 00", nil, 512); bytes.Equal(got, make([]byte, 512)) {
		t.Error("the hidden block was erased")
	}
	// The long form hides them again: 4097 blocks.
	b.good("55 11 00 00 00 00 00 00 18 00", unhex(t, "00 00 00 00 01 00 00 10 00 00 00 00 00 00 10 01 00 00 00 00 00 00 02 00"), 0)
	capacity("00001000" + "00000200")
	b.good("48 82 00 00 00 00 00 00 00 00", nil, 0)
	b.clock.Advance(time.Hour)
	if left := b.survives(0, whole); left != 0 {
		t.Errorf("after a sanitize %d bytes survive", left)
	}
	b.refused("15 11 00 00 0c 00", unhex(t, "00 00 00 08 00 00 20 01 00 00 02 00"), 0, "5/26/00")
}

// A drive with 520-byte blocks becomes one with 512 by MODE SELECT and FORMAT UNIT.
func TestBlockLength(t *testing.T) {
	c := config()
	c.LogicalBlock, c.Blocks, c.Spare = 520, 1024, 0
	b := start(t, c)
	const rc = "9e 10 00 00 00 00 00 00 00 00 00 00 00 20 00 00"
	if got := hex.EncodeToString(b.good(rc, nil, 32)[:12]); got != "00000000000003ff"+"00000208" {
		t.Errorf("READ CAPACITY(16): %s", got)
	}
	block := bytes.Repeat([]byte{0x5a}, 520)
	b.good("2a 00 00 00 03 ff 00 00 01 00", block, 0)
	if got := b.good("28 00 00 00 03 ff 00 00 01 00", nil, 520); !bytes.Equal(got, block) {
		t.Error("the last block reads back otherwise")
	}
	b.good("15 10 00 00 0c 00", unhex(t, "00 00 00 08 00 00 00 00 00 00 02 00"), 0)
	if got := hex.EncodeToString(b.good(rc, nil, 32)[:12]); got != "00000000000003ff"+"00000208" {
		t.Errorf("before the format: %s", got)
	}
	b.good("04 18 00 00 00 00", unhex(t, "00 82 00 00"), 0)
	b.clock.Advance(2 * time.Hour)
	if got := hex.EncodeToString(b.good(rc, nil, 32)[:12]); got != "000000000000040f"+"00000200" { // 1024*520/512 = 1040
		t.Errorf("after it: %s", got)
	}
	p := make([]byte, 1024*520)
	if _, err := b.Media()[0].ReadAt(p, 0); err != nil || !bytes.Equal(p, make([]byte, len(p))) {
		t.Errorf("the format left something, %v", err)
	}
}
