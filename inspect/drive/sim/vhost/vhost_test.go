package vhost

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive/sim"
)

func ptr[T any](v T) *T { return &v }

// Requests reach the drive that they name, with their data, and answers come back
// where the guest wants them.
func TestRequests(t *testing.T) {
	alpha, bravo := newModel("ALPHA"), newModel("BRAVO")
	bravo.reply = sim.SCSIReply{Status: 2, Sense: []byte{0x72, 0x05, 0x24, 0x00}, In: []byte("data")}
	name, _ := serve(t, &Server{Targets: []sim.SCSI{alpha, nil, bravo}})
	f := dial(t, name)
	f.connect()

	f.ask(0, header(2, 0, 0x1122334455667788, 0x85, 0x21, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16), []byte("to the drive"), 32)
	_, response, in := f.answer()
	want := "04000000" + "16000000" + "0000" + "02" + "00" + "72052400" + strings.Repeat("00", 92)
	if got := hex.EncodeToString(response); got != want {
		t.Errorf("response %s, want %s", got, want)
	}
	if string(in) != "BRAVO data" {
		t.Errorf("data in %q", in)
	}
	asked := bravo.took()
	if len(asked) != 1 || len(alpha.took()) != 0 {
		t.Fatalf("%d and %d commands came", len(asked), len(alpha.took()))
	}
	if got := hex.EncodeToString(asked[0].CDB); got != "8521030405060708090a0b0c0d0e0f10" {
		t.Errorf("CDB %s", got)
	}
	if string(asked[0].Out) != "to the drive" || asked[0].In != 32 {
		t.Errorf("data out %q, %d bytes in", asked[0].Out, asked[0].In)
	}

	for _, target := range []byte{1, 3, 255} {
		f.ask(1, header(target, 0, 1, 0x12, 0, 0, 0, 36), nil, 36)
		if _, response, in := f.answer(); response[11] != 3 || response[4] != 36 || len(in) != 0 {
			t.Errorf("target %d that isn't there: response % x", target, response[:12])
		}
	}
}

// A logical unit that isn't there is answered as SAM-5 clause 5.11 says.
func TestAbsentUnit(t *testing.T) {
	m := newModel("ALPHA")
	name, _ := serve(t, &Server{Targets: []sim.SCSI{m}})
	f := dial(t, name)
	f.connect()
	f.ask(0, header(0, 1, 1, 0x12, 0, 0, 0, 36), nil, 36)
	if _, r, in := f.answer(); r[10] != 0 || len(in) != 36 || in[0] != 0x7f {
		t.Errorf("INQUIRY: status %02x, % x", r[10], in)
	}
	f.ask(0, header(0, 1, 1, 0x03, 0, 0, 0, 18), nil, 18)
	if _, _, in := f.answer(); len(in) != 18 || in[2] != 5 || in[12] != 0x25 {
		t.Errorf("REQUEST SENSE: % x", in)
	}
	f.ask(0, header(0, 1, 1, 0x00), nil, 0)
	if _, r, _ := f.answer(); r[10] != 2 || r[0] != 18 || r[12+2] != 5 || r[12+12] != 0x25 {
		t.Errorf("TEST UNIT READY: % x", r[:32])
	}
	if n := len(m.took()); n != 0 {
		t.Errorf("unit 0 took %d of them", n)
	}
	f.ask(0, header(0, 1, 1, 0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 16), nil, 16)
	if _, _, in := f.answer(); string(in) != "ALPHA " || len(m.took()) != 1 {
		t.Errorf("REPORT LUNS went elsewhere: %q", in)
	}
}

// A drive that hangs holds up neither its neighbour nor its own next command; its
// command is answered when it is aborted, when the unit is reset, when the power
// goes and when the drive is pulled out, each in the way that the kernel knows.
func TestHang(t *testing.T) {
	hang := sim.Fault{When: sim.When{Opcode: ptr(byte(0x48))}, Do: sim.Action{Hang: true}}
	alpha, bravo := newModel("ALPHA", hang), newModel("BRAVO")
	name, _ := serve(t, &Server{Targets: []sim.SCSI{alpha, bravo}})
	f := dial(t, name)
	f.connect()
	sanitize := header(0, 0, 0x77, 0x48, 0x82)
	alive := func() {
		t.Helper()
		for target := range byte(2) {
			f.ask(1, header(target, 0, 2, 0x00), nil, 16)
			if slot, r, _ := f.answer(); slot != 1 || r[11] != 0 {
				t.Fatalf("slot %d, response %d", slot, r[11])
			}
		}
	}
	end := func(what string, code byte, do func()) {
		t.Helper()
		f.ask(0, sanitize, nil, 0)
		alive()
		do()
		if slot, r, _ := f.answer(); slot != 0 || r[11] != code {
			t.Errorf("%s: slot %d, response %d, want %d", what, slot, r[11], code)
		}
	}
	task := func(function uint32, tag uint64) byte {
		t.Helper()
		copy(f.mem[heap+0x40000:], append(append(words32(0, function), 1, 0, 0x40, 0, 0, 0, 0, 0), words64(tag)...))
		f.mem[heap+0x41000] = 0xee
		f.ring[0].chain(0, piece{heap + 0x40000, 24, false}, piece{heap + 0x41000, 1, true})
		f.ring[0].offer(0)
		f.ring[0].wait()
		return f.mem[heap+0x41000]
	}
	end("abort task", 2, func() {
		if got := task(6, 0x77); got != 10 {
			t.Errorf("query task: %d", got)
		}
		if got := task(0, 0x77); got != 0 {
			t.Errorf("abort task: %d", got)
		}
		if got := task(6, 0x77); got != 0 {
			t.Errorf("query task after it: %d", got)
		}
	})
	end("unit reset", 4, func() { task(5, 0) })
	if a, b := alpha.wasReset(), bravo.wasReset(); a != 1 || b != 0 {
		t.Errorf("%d and %d resets", a, b)
	}
	end("power cycle", 6, alpha.PowerCycle)
	end("pulled out", 3, func() { alpha.Plug(false) })
	if got := task(5, 0); got != 3 {
		t.Errorf("reset of a drive that is gone: %d", got)
	}
}

// Plugging is told on the event ring, also what happened before the guest had room.
func TestHotPlug(t *testing.T) {
	m := newModel("ALPHA")
	name, _ := serve(t, &Server{Targets: []sim.SCSI{nil, nil, m}})
	f := dial(t, name)
	f.connect()
	// What was asked first was answered: the connection is up.
	f.ask(0, header(2, 0, 1, 0), nil, 8)
	f.answer()
	m.Plug(false)
	m.Plug(true)
	r := f.ring[1]
	for i := range 2 {
		r.chain(i, piece{heap + i*16, 16, true})
		r.offer(uint16(i))
	}
	for i, want := range []string{"01000000" + "0102000000000000" + "02000000", "01000000" + "0102000000000000" + "01000000"} {
		if _, n := r.wait(); n != 16 {
			t.Fatalf("an event of %d bytes", n)
		}
		if got := hex.EncodeToString(f.mem[heap+i*16:][:16]); got != want {
			t.Errorf("event %s, want %s", got, want)
		}
	}
}

// Firmware drives the ring before the kernel does: it stops and starts again. What
// was under way then never touches the guest's memory.
func TestRestart(t *testing.T) {
	m := newModel("ALPHA", sim.Fault{When: sim.When{Opcode: ptr(byte(0x48))}, Do: sim.Action{Hang: true}})
	name, _ := serve(t, &Server{Targets: []sim.SCSI{m}})
	f := dial(t, name)
	f.connect()
	for range 3 {
		f.ask(1, header(0, 0, 1, 0), nil, 8)
		f.answer()
		f.ask(0, header(0, 0, 2, 0x48, 1), nil, 0)
		f.ask(1, header(0, 0, 3, 0), nil, 8)
		f.answer() // the hanging one was taken before it
		if base := f.ring[2].stop(); base != 3 {
			t.Errorf("the ring stopped at %d", base)
		}
		for i := range f.mem[heap:] {
			f.mem[heap+i] = 0x55
		}
		m.PowerCycle() // the model's answer comes now
		f.ring[2].start()
	}
	f.ask(1, header(0, 0, 1, 0), nil, 8)
	f.answer()
	if at := heap + 0x4000; !bytes.Equal(f.mem[at:at+256], bytes.Repeat([]byte{0x55}, 256)) {
		t.Errorf("a ring that had stopped was answered: % x", f.mem[at:at+16])
	}
}

// QEMU changes the eventfd to which it listens at any time and waits for no answer: what
// was told to the one before may be told to nobody.
func TestNewCallIsTold(t *testing.T) {
	name, _ := serve(t, &Server{Targets: []sim.SCSI{newModel("ALPHA")}})
	f := dial(t, name)
	f.connect()
	f.ask(0, header(0, 0, 1, 0), nil, 8)
	r := f.ring[firstRing]
	for !r.done() {
		time.Sleep(time.Millisecond)
	}
	r.call = eventfd(t)
	f.send(setVringCall, words64(firstRing), r.call)
	fds := []unix.PollFd{{Fd: int32(r.call), Events: unix.POLLIN}}
	if n, err := unix.Poll(fds, 10_000); n != 1 || err != nil {
		t.Errorf("the guest is not told: %d, %v", n, err)
	}
	f.answer()
}

// Indirect tables, an available ring on an odd place, a table of memory that
// changes while the rings run.
func TestLayouts(t *testing.T) {
	m := newModel("ALPHA")
	name, _ := serve(t, &Server{Targets: []sim.SCSI{m}})
	f := dial(t, name)
	for _, r := range f.ring {
		r.avail += 2
	}
	// The front end's own word access wants the index aligned.
	f.connect()
	f.memory()
	r := f.ring[2]
	copy(f.mem[heap:], header(0, 0, 9, 0x12, 0, 0, 0, 36))
	table := f.mem[heap+0x1000:]
	copy(table, append(words64(guestBase+heap), words32(20, 1|1<<16)...))
	copy(table[16:], append(words64(guestBase+heap+20), words32(31, 1|2<<16)...))
	copy(table[32:], append(words64(guestBase+heap+0x2000), words32(109, 3|3<<16)...))
	copy(table[48:], append(words64(guestBase+heap+0x3000), words32(40, 2)...))
	r.put(5, guestBase+heap+0x1000, 64, 4, 0)
	binary.LittleEndian.PutUint16(f.mem[r.avail+4:], 5)
	binary.LittleEndian.PutUint16(f.mem[r.avail+2:], 1)
	if _, err := unix.Write(r.kick, words64(1)); err != nil {
		t.Fatal(err)
	}
	if head, n := r.wait(); head != 5 || n != 108+6 {
		t.Fatalf("descriptor %d with %d bytes", head, n)
	}
	if got := string(f.mem[heap+0x2000+108:][:1]) + string(f.mem[heap+0x3000:][:5]); got != "ALPHA " {
		t.Errorf("data in %q", got)
	}
	if c := m.took(); len(c) != 1 || hex.EncodeToString(c[0].CDB) != "120000002400" {
		t.Errorf("commands %x", c)
	}
}

// Rubbish ends its connection, with a reason; the drives and the next front end do
// not notice.
func TestRubbish(t *testing.T) {
	m := newModel("ALPHA")
	name, logged := serve(t, &Server{Targets: []sim.SCSI{m}})
	whole := header(0, 0, 1, 0)
	for _, c := range []struct {
		what, says string
		do         func(f *frontEnd)
	}{
		{"version", "version 2", func(f *frontEnd) { _, _ = f.conn.Write(words32(1, 2, 0)) }},
		{"unknown", "message 99 is not known", func(f *frontEnd) { f.send(99, nil) }},
		{"length", "message 5 of 1073741824 bytes", func(f *frontEnd) { _, _ = f.conn.Write(words32(5, 1, 1<<30)) }},
		{"cut off", "unexpected EOF", func(f *frontEnd) { _, _ = f.conn.Write(words32(5, 1, 8)); _ = f.conn.CloseWrite() }},
		{"features", "were not offered", func(f *frontEnd) { f.send(2, words64(1<<34)) }},
		{"ring number", "ring 200 of 18", func(f *frontEnd) { f.send(8, words32(200, 8)) }},
		{"ring size", "ring of 7 entries", func(f *frontEnd) { f.send(18, words32(2, 0)); f.send(8, words32(2, 7)); f.send(18, words32(2, 1)) }},
		{"regions", "memory table of 4000000 regions", func(f *frontEnd) { f.send(5, words32(4000000, 0)) }},
		{"no descriptor", "with 0 descriptors", func(f *frontEnd) {
			f.send(5, append(words32(1, 0), words64(guestBase, guestSize, userBase, 0)...))
		}},
		{"short file", "its file has", func(f *frontEnd) {
			f.send(5, append(words32(1, 0), words64(guestBase, 1<<30, userBase, 0)...), f.fd)
		}},
		{"wrapping region", "memory region", func(f *frontEnd) {
			f.send(5, append(words32(1, 0), words64(1<<64-4096, 8192, userBase, 0)...), f.fd)
		}},
		{"no kick", "without a kick", func(f *frontEnd) { f.send(12, words64(2|0x100)) }},
		{"kick that is a file", "kick", func(f *frontEnd) {
			fd, err := unix.MemfdCreate("kick", 0)
			if err != nil {
				t.Fatal(err)
			}
			defer closeAll([]int{fd})
			if err := unix.SetNonblock(fd, true); err != nil {
				t.Fatal(err)
			}
			f.send(12, words64(2), fd)
		}},
		{"head", "descriptor 8 of 8", func(f *frontEnd) { f.ring[2].offer(8) }},
		{"loop", "never ends", func(f *frontEnd) { f.ring[2].put(0, guestBase+heap, 1, 1, 0); f.ring[2].offer(0) }},
		{"address", "is in no region", func(f *frontEnd) { f.ring[2].put(0, guestBase+guestSize-1, 2, 0, 0); f.ring[2].offer(0) }},
		{"last address", "is in no region", func(f *frontEnd) { f.ring[2].put(0, 1<<64-1, 1<<32-1, 0, 0); f.ring[2].offer(0) }},
		{"order", "behind one to write", func(f *frontEnd) {
			f.ring[2].chain(0, piece{heap, 108, true}, piece{heap, 51, false})
			f.ring[2].offer(0)
		}},
		{"short request", "request of 50 bytes", func(f *frontEnd) {
			f.ring[2].chain(0, piece{heap, 50, false}, piece{heap, 108, true})
			f.ring[2].offer(0)
		}},
		{"short response", "response of 107", func(f *frontEnd) {
			f.ring[2].chain(0, piece{heap, 51, false}, piece{heap, 107, true})
			f.ring[2].offer(0)
		}},
		{"more than may be", "bytes of data out", func(f *frontEnd) {
			// The same megabyte again and again, by an indirect table.
			table := f.mem[heap+0x8000:]
			for i := range 32 {
				copy(table[16*i:], append(words64(guestBase), words32(1<<20, 1|uint32(i+1)<<16)...))
			}
			copy(table[16*32:], append(words64(guestBase+heap), words32(108, 2)...))
			f.ring[2].put(0, guestBase+heap+0x8000, 16*33, 4, 0)
			f.ring[2].offer(0)
		}},
		{"indirect in indirect", "indirect descriptor within", func(f *frontEnd) {
			copy(f.mem[heap:], append(words64(guestBase+heap), words32(16, 4)...))
			f.ring[2].put(0, guestBase+heap, 16, 4, 0)
			f.ring[2].offer(0)
		}},
		{"indirect length", "indirect table of 17 bytes", func(f *frontEnd) { f.ring[2].put(0, guestBase+heap, 17, 4, 0); f.ring[2].offer(0) }},
		{"index that jumps", "offers", func(f *frontEnd) { f.ring[2].sent += 100; f.ring[2].offer(0) }},
		{"control", "control request of type 9", func(f *frontEnd) {
			copy(f.mem[heap:], words32(9, 0))
			f.ring[0].chain(0, piece{heap, 24, false}, piece{heap + 64, 1, true})
			f.ring[0].offer(0)
		}},
		{"event buffer", "8 bytes for an answer of 16", func(f *frontEnd) {
			f.ring[1].chain(0, piece{heap, 8, true})
			f.ring[1].offer(0)
			m.Plug(false)
			m.Plug(true)
		}},
		{"memory cut short", "gone from under", func(f *frontEnd) {
			if err := unix.Ftruncate(f.fd, 4096); err != nil {
				t.Fatal(err)
			}
			if _, err := unix.Write(f.ring[2].kick, words64(1)); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.what, func(t *testing.T) {
			f := dial(t, name)
			f.connect()
			f.ask(1, whole, nil, 8)
			f.answer()
			c.do(f)
			select {
			case line := <-logged:
				if !strings.Contains(line, c.says) {
					t.Errorf("logged %q, want %q", line, c.says)
				}
			case <-time.After(patience):
				t.Fatal("the connection goes on")
			}
		})
	}
	f := dial(t, name)
	f.connect()
	f.ask(0, whole, nil, 8)
	if _, r, in := f.answer(); r[11] != 0 || string(in) != "ALPHA " {
		t.Errorf("after all that: response %d, %q", r[11], in)
	}
}

// A new connection is a machine that was switched on, where the server is told so.
func TestPowerCycleOnConnect(t *testing.T) {
	for _, on := range []bool{false, true} {
		m, out := newModel("ALPHA"), newModel("OUT")
		out.Plug(false)
		cycles := 0
		m.Power = func(up bool) {
			if up {
				cycles++
			}
		}
		name, _ := serve(t, &Server{Targets: []sim.SCSI{m, out}, PowerCycleOnConnect: on})
		for range 3 {
			f := dial(t, name)
			f.connect()
			f.ask(0, header(0, 0, 1, 0), nil, 8)
			f.answer()
			_ = f.conn.Close()
		}
		m.Mu.Lock()
		got := cycles
		m.Mu.Unlock()
		if want := map[bool]int{false: 0, true: 2}[on]; got != want {
			t.Errorf("%v: %d power cycles, want %d", on, got, want)
		}
	}
}

// What does not fit in memory is put off: the guest sends it again.
func TestTooMuchAtOnce(t *testing.T) {
	m := newModel("ALPHA")
	s := &Server{Targets: []sim.SCSI{m}}
	name, _ := serve(t, s)
	f := dial(t, name)
	f.connect()
	f.ask(0, header(0, 0, 1, 0x8a), make([]byte, 512), 0)
	f.answer()
	s.mu.Lock()
	x := s.session
	s.mu.Unlock()
	x.held.Add(maxHeld)
	f.ask(0, header(0, 0, 2, 0x8a), make([]byte, 512), 0)
	if _, r, _ := f.answer(); r[10] != 0x28 || r[11] != 0 {
		t.Errorf("status %02x, response %d", r[10], r[11])
	}
	x.held.Add(-maxHeld)
	f.ask(0, header(0, 0, 3, 0x8a), make([]byte, 512), 0)
	if _, r, _ := f.answer(); r[10] != 0 || len(m.took()) != 2 {
		t.Errorf("status %02x after it, %d commands ran", r[10], len(m.took()))
	}
}
