package usb_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strings"
	"sync"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/usb"
)

// fake is a drive of 4096 blocks of 512 bytes that answers as the SAT layer of one
// would, and keeps what reached it.
type fake struct {
	*sim.Base
	medium *sim.Medium

	mu     sync.Mutex
	got    [][]byte
	resets int
	power  []bool
	next   *sim.SCSIReply // to a pass-through command

	attention bool // it was reset, which the next command hears
}

const fakeBlocks = 4096

func newFake(t *testing.T, script *sim.Script) *fake {
	t.Helper()
	f := &fake{Base: sim.NewBase("WD-WCC4N1234567", sim.NewManual(), script), medium: sim.NewMedium(fakeBlocks * 512)}
	f.Power = func(on bool) { f.power = append(f.power, on) }
	return f
}

func (f *fake) Media() []*sim.Medium { return []*sim.Medium{f.medium} }

func (f *fake) Reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resets++
}

func (f *fake) frames() [][]byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.got)
}

func (f *fake) SCSI(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	c := sim.Call{Opcode: r.CDB[0]}
	switch c.Opcode {
	case 0x28, 0x2a:
		c.LBA, c.Blocks = uint64(binary.BigEndian.Uint32(r.CDB[2:])), uint64(binary.BigEndian.Uint16(r.CDB[7:]))
	case 0x88, 0x8a, 0x8f:
		c.LBA, c.Blocks = binary.BigEndian.Uint64(r.CDB[2:]), uint64(binary.BigEndian.Uint32(r.CDB[10:]))
	}
	c.Reads, c.Writes = c.Opcode == 0x28 || c.Opcode == 0x88, c.Opcode == 0x2a || c.Opcode == 0x8a
	a, err := f.Begin(ctx, c)
	if err != nil {
		return sim.SCSIReply{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, slices.Clone(r.CDB))
	reply := f.answer(c, a, r)
	reply.In = reply.In[:min(len(reply.In), r.In)]
	return reply, nil
}

func (f *fake) answer(c sim.Call, a sim.Action, r sim.SCSIRequest) sim.SCSIReply {
	if c.LBA > fakeBlocks || c.Blocks > fakeBlocks-c.LBA {
		return sim.SCSIReply{Status: 2, Sense: unhex("700005 00000000 0a 00000000 2100 00 000000")}
	}
	if f.attention {
		f.attention = false
		return sim.SCSIReply{Status: 2, Sense: unhex("700006 00000000 0a 00000000 2900 00 000000")}
	}
	if a.Medium {
		s := unhex("f00003 00000000 0a 00000000 1100 00 000000")
		binary.BigEndian.PutUint32(s[3:], uint32(a.At))
		return sim.SCSIReply{Status: 2, Sense: s}
	}
	switch c.Opcode {
	case 0x12:
		return f.inquiry(r.CDB)
	case 0x25:
		return sim.SCSIReply{In: unhex("00000fff 00000200")}
	case 0x9e:
		return sim.SCSIReply{In: append(unhex("0000000000000fff 00000200 00 03 c000"), make([]byte, 16)...)}
	case 0x28, 0x88:
		p := make([]byte, c.Blocks*512)
		_, _ = f.medium.ReadAt(p, int64(c.LBA*512))
		return sim.SCSIReply{In: p}
	case 0x2a, 0x8a:
		if uint64(len(r.Out)) < c.Blocks*512 {
			return sim.SCSIReply{Status: 2, Sense: unhex("70000b 00000000 0a 00000000 4b00 00 000000")}
		}
		_, _ = f.medium.WriteAt(r.Out[:c.Blocks*512], int64(c.LBA*512))
		return sim.SCSIReply{}
	case 0x85, 0xa1:
		if f.next != nil {
			return *f.next
		}
		return sim.SCSIReply{In: []byte("IDENTIFY")}
	case 0x00, 0x1a, 0x8f, 0x91, 0x48:
		return sim.SCSIReply{}
	case 0x03:
		return sim.SCSIReply{In: unhex("700002 00000000 0a 00000000 041b 00 800123")}
	}
	return sim.SCSIReply{Status: 2, Sense: unhex("700005 00000000 0a 00000000 2000 00 000000")}
}

func (f *fake) inquiry(cdb []byte) sim.SCSIReply {
	if cdb[1]&1 == 0 {
		return sim.SCSIReply{In: append(unhex("00 00 05 02 5b 00 00 02"), "ATA     WDC WD10EZEX-08W1A01"+strings.Repeat("s", 60)...)}
	}
	switch cdb[2] {
	case 0x80:
		return sim.SCSIReply{In: append(unhex("00 80 00 0f"), "WD-WCC4N1234567"...)}
	case 0xb0:
		return sim.SCSIReply{In: unhex("00 b0 00 3c 00 01 00 08")}
	}
	return sim.SCSIReply{In: []byte{0, cdb[2], 0, 0}}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// bridge of a configuration before a drive.
func bridge(t *testing.T, c usb.Config, f *fake) *usb.Bridge {
	t.Helper()
	c.Clock = f.Clock
	b, err := usb.New(c, f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// do a command in process that is answered.
func do(t *testing.T, b *usb.Bridge, cdb string, in int, out ...byte) sim.SCSIReply {
	t.Helper()
	r, err := b.SCSI(t.Context(), sim.SCSIRequest{CDB: unhex(cdb), In: in, Out: out})
	if err != nil {
		t.Fatalf("%s: %v", cdb, err)
	}
	return r
}

func wantSense(t *testing.T, r sim.SCSIReply, key, asc, ascq byte) {
	t.Helper()
	if len(r.Sense) < 14 || r.Status != 2 || r.Sense[2]&0x0f != key || r.Sense[12] != asc || r.Sense[13] != ascq {
		t.Errorf("status %02xh, sense % x; want 02h, %x/%02x/%02x", r.Status, r.Sense, key, asc, ascq)
	}
}
