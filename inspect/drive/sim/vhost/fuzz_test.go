package vhost

import (
	"context"
	"encoding/hex"
	"testing"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive/sim"
)

// whole messages as QEMU 7.2 sends them, in hex.
var seeds = []string{
	"01000000" + "01000000" + "00000000",                      // GET_FEATURES
	"10000000" + "01000000" + "08000000" + "0800000000000000", // SET_PROTOCOL_FEATURES
	"02000000" + "01000000" + "08000000" + "0200005001000000", // SET_FEATURES
	"05000000" + "09000000" + "28000000" + "0100000000000000" + "0000004000000000" + "0000010000000000" + "00000034127f0000" + "0000000000000000",
	"08000000" + "01000000" + "08000000" + "0200000080000000",
	"0a000000" + "01000000" + "08000000" + "0200000000000000",
	"09000000" + "01000000" + "28000000" + "0200000000000000" + "00000034127f0000" + "00080034127f0000" + "00040034127f0000" + "0000000000000000",
	"0c000000" + "01000000" + "08000000" + "0200000000000000",
	"12000000" + "01000000" + "08000000" + "0200000001000000",
	"0b000000" + "01000000" + "08000000" + "0200000000000000",
	"0d000000" + "01000000" + "08000000" + "0201000000000000",
}

func unhex(t testing.TB, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

type closer struct{}

func (closer) Close() error { return nil }

// FuzzMessage: any stream of messages, each with the descriptor that it might want,
// is answered or ends in an error; every reply is one of the same request.
func FuzzMessage(f *testing.F) {
	var all []byte
	for _, s := range seeds {
		f.Add(unhex(f, s))
		all = append(all, unhex(f, s)...)
	}
	f.Add(all)
	fd, err := unix.MemfdCreate("guest", unix.MFD_CLOEXEC)
	if err != nil {
		f.Fatal(err)
	}
	if err := unix.Ftruncate(fd, 1<<16); err != nil {
		f.Fatal(err)
	}
	event, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		x := newSession(context.Background(), []sim.SCSI{newModel("ALPHA")}, closer{})
		defer x.close()
		for len(b) >= headerSize {
			m, n, err := parseHeader(b)
			if err != nil || n > len(b)-headerSize {
				return
			}
			m.payload, b = b[headerSize:headerSize+n], b[headerSize+n:]
			switch m.request {
			case setMemTable:
				m.fds = []int{fd}
			case setVringKick, setVringCall, setVringErr:
				m.fds = []int{event}
			}
			out, err := x.handle(m)
			if err != nil {
				return
			}
			if out != nil && (len(out) < headerSize || out[0] != byte(m.request)) {
				t.Fatalf("reply % x to message %d", out, m.request)
			}
		}
	})
}

// FuzzRequest: whatever stands in the guest's memory, the door reads and writes only
// there, and a chain that it takes is given back once.
func FuzzRequest(f *testing.F) {
	// Small, so that the fuzzer can shrink what it finds.
	const size, descs, avail, used = 0x400, 0, 0x80, 0xa0
	plain := make([]byte, size)
	put := func(at int, s string) { copy(plain[at:], unhex(f, s)) }
	put(descs, "0001000000000000"+"33000000"+"0100"+"0100"+"8001000000000000"+"90000000"+"0200"+"0000")
	put(avail, "0000"+"0100"+"0000")
	put(0x100, "0100400000000000"+"8877665544332211"+"000000"+"120000002400")
	f.Add(plain, byte(2))
	put(descs, "0001000000000000"+"18000000"+"0100"+"0100"+"8001000000000000"+"01000000"+"0200"+"0000")
	put(0x100, "00000000"+"05000000"+"0100400000000000"+"0000000000000000")
	f.Add(plain, byte(0))
	put(descs, "0003000000000000"+"20000000"+"0400"+"0000")
	put(0x300, "0001000000000000"+"33000000"+"0100"+"0100"+"8001000000000000"+"90000000"+"0200"+"0000")
	f.Add(plain, byte(3))
	f.Fuzz(func(t *testing.T, memory []byte, index byte) {
		if len(memory) < used+4+8*8 || len(memory) > size {
			return
		}
		m := newModel("ALPHA")
		x := newSession(context.Background(), []sim.SCSI{m, nil}, closer{})
		defer x.close()
		x.mem.regions = []region{{guest: 0, user: userBase, bytes: append(make([]byte, 0, len(memory)+8), memory...)}}
		q := x.queues[index%maxRings]
		r, err := newRing(&x.mem, 8, addresses{userBase + descs, userBase + used, userBase + avail}, 0)
		if err != nil {
			return
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		q.live = &life{ring: r, ctx: ctx, cancel: cancel, flights: map[uint16]*flight{}}
		defer func() { q.live = nil }() // it has no kick to stop
		if q.index == eventRing {
			x.features.Store(features)
			x.news = []news{{0, false}, {1, true}}
			_ = x.tell()
			return
		}
		before := r.used
		// A guest whose answers land on its own available index has no end of requests.
		for n := uint16(1); n < 64; n++ {
			fl, err := q.next()
			if fl == nil || err != nil {
				return
			}
			fl.run()
			fl.run() // once, however often it is told
			if r.used != before+n && x.ctx.Err() == nil {
				t.Fatalf("%d requests, %d given back", n, r.used-before)
			}
		}
	})
}
