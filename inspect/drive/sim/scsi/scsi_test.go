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
	m, left := b.Media()[0], int64(0)
	p, q := make([]byte, 64), make([]byte, 64)
	for at := off; at < off+n; at += 64 {
		if _, err := m.ReadAt(p, at); err != nil {
			b.t.Fatal(err)
		}
		if _, err := want.ReadAt(q, at); err != nil {
			b.t.Fatal(err)
		}
		if bytes.Equal(p, q) {
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
