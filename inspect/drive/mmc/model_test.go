package mmc_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/drive/sim"
	model "handback.example/inspect/drive/sim/mmc"
)

// carrier takes frames to a model as the package says what they are, by offsets of its
// own.
type carrier struct{ card *model.Drive }

func (c carrier) Do(ctx context.Context, cmd drive.Command) (drive.Completion, error) {
	if _, err := mmc.Parse(cmd); err != nil {
		return drive.Completion{}, err
	}
	var r1 []uint32
	for f := cmd.Frame; len(f) > 0; f = f[12:] {
		r := sim.MMCRequest{Index: f[0], Arg: binary.BigEndian.Uint32(f[4:])}
		if len(f) == 12 {
			r.In = len(cmd.Data)
		}
		a, err := c.card.MMC(ctx, r)
		if err != nil {
			return drive.Completion{}, errors.Join(drive.ErrNoAnswer, err)
		}
		r1 = append(r1, a.Status)
		copy(cmd.Data, a.In)
	}
	done := mmc.Complete(r1)
	if done.Status != 0 {
		return done, &drive.StatusError{Protocol: cmd.Protocol, Completion: done}
	}
	return done, nil
}

func newCard(t *testing.T, clock sim.Clock) *model.Drive {
	t.Helper()
	card, err := model.New(model.Config{Product: "BJNB4R", Serial: "0xdac7c038", Sectors: 8 << 20, BootSize: 4 << 20, RPMBSize: 2 << 20,
		GPSizes: [4]int64{0, 8 << 20}, Trim: true, Sanitize: true, SanitizeTime: time.Minute, Firmware: "FW 1.2",
		LifeA: 7, LifeB: 2, PreEOL: 3, BootProtection: [2]string{"permanent", "power-on"},
		Protected: []model.Group{{Sector: 16384, Sectors: 1, Kind: "permanent"}}, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	if err := card.SetUp(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return card
}

func sequence(t *testing.T, s string) drive.Command {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return drive.Command{Protocol: drive.ProtocolMMC, Frame: b}
}

// What the frames ask a model of a card, which decodes them by itself, and what the
// parsers make of its answers.
func TestModelReads(t *testing.T) {
	card := newCard(t, sim.NewManual())
	read := drive.ReadOnly(carrier{card})
	status := func() mmc.Status {
		t.Helper()
		done, err := read.Do(t.Context(), mmc.SendStatus(1))
		if err != nil {
			t.Fatal(err)
		}
		return mmc.Status(done.Result)
	}
	if s := status(); !s.Idle() {
		t.Errorf("%s", s)
	}
	if _, err := (carrier{card}).Do(t.Context(), sequence(t, "06 02 0000 03af0100 0000 0000")); err != nil {
		t.Fatal(err) // ERASE_GROUP_DEF, as Linux sets it
	}
	c := mmc.SendExtCSD()
	if _, err := read.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	x, err := mmc.ParseExtCSD(c.Data)
	if err != nil || x.Size() != 4<<30 || !x.BySector || x.BootSize != 4<<20 || x.RPMBSize != 2<<20 || x.GPSizes != [4]int64{0, 8 << 20} || !x.Partitioned ||
		!x.Trim || !x.Discard || !x.Sanitize || x.SecureErase || x.SecureTrim || !x.HighCapacityErase || x.EraseGroup != 512<<10 || x.ProtectGroup != 8<<20 ||
		x.Firmware != "FW 1.2" || x.LifeA != 7 || x.LifeB != 2 || x.PreEOL != 3 || x.Revision != 8 ||
		x.BootProtection != [2]mmc.Protection{mmc.ProtectionPermanent, mmc.ProtectionPower} {
		t.Errorf("%+v, %v", x, err)
	}
	c = mmc.SendWriteProtType(0)
	if _, err := read.Do(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if g, err := mmc.ParseWriteProtection(c.Data); err != nil || g[0] != mmc.ProtectionNone || g[1] != mmc.ProtectionPermanent || g[2] != mmc.ProtectionNone {
		t.Errorf("%v, %v", g, err)
	}
	if _, err := read.Do(t.Context(), mmc.SendStatus(2)); !errors.Is(err, drive.ErrNoAnswer) {
		t.Errorf("the status of another card: %v", err)
	}
}

// An erase sequence as one command, and a sanitize that is not over when it is
// answered.
func TestModelErases(t *testing.T) {
	clock := sim.NewManual()
	card := newCard(t, clock)
	user := card.Area("user")
	if err := user.Fill(0, user.Size(), sim.Repeat([]byte("secret! "))); err != nil {
		t.Fatal(err)
	}
	do := func(s string) (drive.Completion, error) {
		t.Helper()
		return carrier{card}.Do(t.Context(), sequence(t, s))
	}
	done, err := do("23 01 0000 00000400 0000 0000 24 01 0000 000007ff 0000 0000 26 02 0000 00000000 0000 0000")
	if err != nil || !bytes.Equal(done.Sense, []byte{0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0}) {
		t.Fatalf("%+v, %v", done, err)
	}
	// The same, broken by SET_BLOCKLEN: its R1 tells, and it is the third of four.
	done, err = do("23 01 0000 00000800 0000 0000 24 01 0000 00000bff 0000 0000 10 01 0000 00000200 0000 0000 26 02 0000 00000000 0000 0000")
	var refused *drive.StatusError
	if !errors.As(err, &refused) || done.Status != 3 || mmc.Status(done.Result).String() != "transfer, erase sequence reset" {
		t.Errorf("%+v, %v", done, err)
	}
	if done, err = do("06 02 0000 03a50100 0000 0000"); err != nil {
		t.Fatalf("%+v, %v", done, err)
	}
	done, err = drive.ReadOnly(carrier{card}).Do(t.Context(), mmc.SendStatus(1))
	if s := mmc.Status(done.Result); err != nil || s.Idle() || s.State() != mmc.StateProgramming {
		t.Errorf("during the sanitize: %s, %v", s, err)
	}
	clock.Advance(time.Minute)
	done, err = drive.ReadOnly(carrier{card}).Do(t.Context(), mmc.SendStatus(1))
	if s := mmc.Status(done.Result); err != nil || !s.Idle() {
		t.Errorf("after the sanitize: %s, %v", s, err)
	}
	for sector, want := range map[int64]bool{0x3ff: true, 0x400: false, 0x7ff: false, 0x800: true} {
		p := make([]byte, 512)
		if _, err := user.ReadAt(p, sector*512); err != nil {
			t.Fatal(err)
		}
		if got := bytes.Equal(p, bytes.Repeat([]byte("secret! "), 64)); got != want {
			t.Errorf("sector %x has its data: %t", sector, got)
		}
	}
}
