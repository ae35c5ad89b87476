package nvmetcp

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// Connect that is refused says which parameter was wrong; the connection stays.
func TestConnectRefused(t *testing.T) {
	b := serve(t, newFake())
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.send(commandHead + identify)
	i.expect("a command before Connect", "05 00 18 00 18000000  0000000000000000 ffff 0000 0700 1880")
	i.connect(connectAdmin, dynamic, "nqn.2014-08.org.example:nobody")
	i.expect("another subsystem", "05 00 18 00 18000000  0001010000000000 0100 0000 0100 0483")
	i.connect(connectAdmin, " 0500 00 *238 ", AnyNQN)
	i.expect("a controller by number", "05 00 18 00 18000000  1000010000000000 0200 0000 0100 0483")
	i.connect(strings.Replace(connectAdmin, "1f00", "0000", 1), dynamic, AnyNQN)
	i.expect("a queue of one entry", "05 00 18 00 18000000  2c00000000000000 0300 0000 0100 0483")
	i.connect(strings.Replace(connectAdmin, "1f00", "8000", 1), dynamic, AnyNQN)
	i.expect("a queue of 129 entries", "05 00 18 00 18000000  2c00000000000000 0400 0000 0100 0483")
	i.connect(strings.Replace(connectIO, "0000 0100", "0000 1100", 1), " 0100 00 *238 ", AnyNQN)
	i.expect("I/O queue 17", "05 00 18 00 18000000  2a00000000000000 0500 0000 0200 0483")
	i.connect(connectIO, " 0100 00 *238 ", AnyNQN)
	i.expect("an I/O queue of no controller", "05 00 18 00 18000000  1000010000000000 0600 0100 0200 0483")
	i.connect(strings.Replace(connectAdmin, "0000 0000 1f00", "0100 0000 1f00", 1), dynamic, AnyNQN)
	i.expect("another record format", "05 00 18 00 18000000  0000000000000000 0700 0100 0100 0083")
	i.connect(connectAdmin, dynamic, AnyNQN)
	i.expect("at last", "05 00 18 00 18000000  0100000000000000 0800 0000 0100 0000")
	// An I/O queue of a controller that is not enabled.
	q := b.dial()
	q.send(icReq)
	q.expect("ICResp", icResponse)
	q.connect(connectIO, " 0100 00 *238 ", AnyNQN)
	q.expect("not enabled", "05 00 18 00 18000000  0000000000000000 0100 0100 0200 1880")
}

// Digests that a host asks for are not agreed to.
func TestNoDigests(t *testing.T) {
	i := serve(t, newFake()).dial()
	i.send("00 00 80 00 80000000  0000 00 03 00000000 00 *112")
	i.expect("ICResp", icResponse)
}

// A host that wants its data aligned to 32 bytes gets it so (HPDA 7).
func TestAlignment(t *testing.T) {
	b := serve(t, newFake())
	i := b.dial()
	i.send("00 00 80 00 80000000  0000 07 00 00000000 00 *112")
	i.expect("ICResp", icResponse)
	i.connect(connectAdmin, dynamic, discoveryNQN)
	i.expect("Connect", "05 00 18 00 18000000  00f0000000000000 0100 0000 0100 0000")
	i.send(commandHead + setCC)
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0200 0000 0500 0000")
	i.send(commandHead + "02 40 0800 00000000 00 *16  0000000000000000 10000000 000000 5a  70000300 00000000 00 *16")
	i.expect("16 bytes at byte 32", "07 04 18 20 30000000  0800 0000 00000000 10000000 00000000  00 *8  0100000000000000 0100000000000000")
}

// nvme discover: the log page in two parts, as libnvme reads it.
func TestDiscovery(t *testing.T) {
	f := newFake()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- Serve(t.Context(), l, f, Options{Advertise: "10.0.2.2:4420"}) }()
	b := &bed{t: t, addr: l.Addr().String(), fake: f}
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.connect(connectAdmin, dynamic, discoveryNQN)
	i.expect("Connect", "05 00 18 00 18000000  00f0000000000000 0100 0000 0100 0000")
	i.send(commandHead + setCC)
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0200 0000 0500 0000")
	i.send(commandHead + identify)
	i.expect("C2HData", "07 04 18 18 18100000  0700 0000 00000000 00100000 00000000")
	id := i.read(4096)
	if id[111] != 2 || string(id[768:804]) != "nqn.2014-08.org.nvmexpress.discovery" || id[804] != 0 {
		t.Errorf("type %d, name %q", id[111], id[768:810])
	}
	i.expect("Identify", "05 00 18 00 18000000  0000000000000000 0300 0000 0700 0000")
	// The entry: 1024 bytes from 1024 on.
	i.send(commandHead + "02 40 0800 00000000 00 *16  0000000000000000 00040000 000000 5a  7000ff00 00000000 00040000 00000000 00 *8")
	i.expect("C2HData", "07 04 18 18 18040000  0800 0000 00000000 00040000 00000000")
	i.expect("the entry", "03 01 02 02 0100 ffff 8000 0000 00 *20  34343230 00 *28  00 *192 "+
		"6e716e2e323032362d30312e6578616d706c652e68616e646261636b3a73696d3a46414b452d31 00 *217 "+
		"31302e302e322e32 00 *248  00 *256")
	i.expect("Get Log Page", "05 00 18 00 18000000  0000000000000000 0400 0000 0800 0000")
	i.send(commandHead + "02 40 0900 00000000 00 *16  0000000000000000 00020000 000000 5a  02007f00 00 *20")
	i.expect("another log page", "05 00 18 00 18000000  0000000000000000 0500 0000 0900 1282")
	i.send(commandHead + "80 40 0a00 ffffffff 00 *56")
	i.expect("Format", "05 00 18 00 18000000  0000000000000000 0600 0000 0a00 0280")
	if len(f.asked) > 0 {
		t.Error("the drive was asked")
	}
}

// Rubbish ends its own connection, with the reason where there is one to give, and
// the other goes on.
func TestRubbish(t *testing.T) {
	b := serve(t, newFake())
	other := b.admin()
	const write = commandHead + "01 40 3400 01000000 00 *16  0000000000000000 00060000 000000 5a  04000000 00000000 0200 00 *14 "
	for what, c := range map[string]struct {
		send, term string // FES and FEI
		queue      bool   // after Connect of an I/O queue
	}{
		"an unknown type":              {"0a 00 80 00 80000000", "0100 00000000", false},
		"a command before ICReq":       {commandHead + identify, "0200 00000000", false},
		"a later format of PDUs":       {"00 00 80 00 80000000  0100 00 00 00000000 00 *112", "0600 08000000", false},
		"an alignment of 33 dwords":    {"00 00 80 00 80000000  0000 20 00 00000000 00 *112", "0100 0a000000", false},
		"a header of 255 bytes":        {"00 00 ff 00 80000000", "0100 02000000", false},
		"4 GiB":                        {"04 00 48 48 ffffffff", "0100 04000000", true},
		"less than the header":         {"04 00 48 00 47000000", "0100 04000000", true},
		"a digest":                     {"04 01 48 00 4c000000", "0100 01000000", true},
		"data before the header's end": {"04 00 48 40 48020000", "0100 03000000", true},
		"data behind the end":          {"04 00 48 fc 4c000000", "0100 03000000", true},
		"a second ICReq":               {icReq, "0200 00000000", true},
		"data that nobody wants":       {"06 04 18 18 1c000000  3400 0700 00000000 04000000 00000000 00000000", "0100 0a000000", true},
		"data of another command":      {write + "06 04 18 18 1c000000  3500 0000 00000000 04000000 00000000 00000000", "0100 08000000", true},
		"data out of order":            {write + "06 00 18 18 1c000000  3400 0000 04000000 04000000 00000000 00000000", "0400 00000000", true},
		"more data than asked for":     {write + "06 04 18 18 18080000  3400 0000 00000000 00080000 00000000 00 *2048", "0400 00000000", true},
		"the last data too early":      {write + "06 04 18 18 1c000000  3400 0000 00000000 04000000 00000000 00000000", "0100 01000000", true},
		"a length that lies":           {write + "06 04 18 18 1c000000  3400 0000 00000000 08000000 00000000 00000000", "0100 10000000", true},
		"one command twice":            {write + write, "0200 00000000", true},
	} {
		i := b.dial()
		if c.queue {
			i = b.io()
		}
		i.send(c.send)
		if strings.HasPrefix(c.send, write) {
			i.expect(what, "09 00 18 00 18000000  3400 0000 00000000 00060000 00000000")
		}
		head := i.read(24)
		if head[0] != 3 || head[2] != 24 || string(head[8:14]) != string(unhex(t, c.term)) {
			t.Errorf("%s: % x, want FES and FEI %s", what, head, c.term)
		}
		i.read(int(le.Uint32(head[4:])) - 24)
		i.over()
	}
	other.send(commandHead + "18 40 4400 00 *60")
	other.expect("the other connection", "05 00 18 00 18000000  0000000000000000 0300 0000 4400 0000")
}

// SGLs that are not of TCP, and transfers that are too large, are refused by status.
func TestPointers(t *testing.T) {
	b := serve(t, newFake())
	b.admin()
	q := b.io()
	q.send(commandHead + "01 40 0100 01000000 00 *16  0000000000000000 00020000 000000 00  00 *24")
	q.expect("a data block by address", "05 00 18 00 18000000  0000000000000000 0200 0100 0100 2280")
	q.send(commandHead + "01 40 0200 01000000 00 *16  0000000000000000 01001000 000000 5a  00 *24")
	q.expect("a byte more than 1 MiB", "05 00 18 00 18000000  0000000000000000 0300 0100 0200 1e80")
	q.send("04 00 48 48 50000000 01 40 0300 01000000 00 *16  0000000000000000 09000000 000000 01  00 *24 0102030405060708")
	q.expect("more than the capsule holds", "05 00 18 00 18000000  0000000000000000 0400 0100 0300 1e80")
	q.send("04 00 48 48 50000000 01 40 0400 01000000 00 *16  ffffffffffffffff 09000000 000000 01  00 *24 0102030405060708")
	q.expect("an offset behind the end", "05 00 18 00 18000000  0000000000000000 0500 0100 0400 2c80")
}

// A queue takes as many commands as it is deep.
func TestDepth(t *testing.T) {
	b := serve(t, newFake())
	b.admin()
	q := b.dial()
	q.send(icReq)
	q.expect("ICResp", icResponse)
	q.connect(strings.Replace(connectIO, "7f00", "0100", 1), " 0100 00 *238 ", AnyNQN)
	q.read(24)
	for n := range 3 {
		q.send(commandHead + "01 40 0" + string(rune('1'+n)) + "00 01000000 00 *16  0000000000000000 00020000 000000 5a  00 *24")
	}
	q.read(48) // two R2Ts
	if got := q.read(24); got[0] != 3 || got[8] != 2 {
		t.Errorf("a third command in a queue of two: % x", got)
	}
}

// A host that says it will be heard and is not loses its controller.
func TestKeepAlive(t *testing.T) {
	b := serve(t, newFake())
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.connect(strings.Replace(connectAdmin, "78690000", "14000000", 1), dynamic, AnyNQN) // 20 ms
	i.read(24)
	i.over()
	b.heard("no Keep Alive for 40ms")
}

// Hosts that begin more than there is room for are told to try again, and what they
// held is free when they are gone.
func TestHeldDataIsBounded(t *testing.T) {
	b := serve(t, newFake())
	write := func(n int) string { // Write of 1 MiB, command identifier n
		return commandHead + fmt.Sprintf("01 40 %02x%02x 01000000 00 *16  0000000000000000 00001000 000000 5a  00 *24", n&0xff, n>>8)
	}
	_ = b.admin()
	for range 2 { // what was held comes back
		r2t, wait := 0, 0
		var all []*initiator
		for id := 1; id <= 3; id++ {
			q := b.dial()
			q.send(icReq)
			q.expect("ICResp", icResponse)
			q.connect(strings.Replace(connectIO, "0000 0100", fmt.Sprintf("0000 0%d00", id), 1), " 0100 00 *238 ", AnyNQN)
			if got := q.read(24); got[22] != 0 || got[23] != 0 {
				t.Fatalf("Connect for queue %d: % x", id, got)
			}
			for n := range 100 {
				q.send(write(n))
				switch got := q.read(24); {
				case got[0] == 0x09:
					r2t++
				case got[0] == 0x05 && got[22] == 0x04 && got[23] == 0x01: // 082h
					wait++
				default:
					t.Fatalf("write %d: % x", n, got)
				}
			}
			all = append(all, q)
		}
		if r2t != 256 || wait != 44 {
			t.Errorf("%d writes of 1 MiB may send their data, %d are to wait; want 256 and 44", r2t, wait)
		}
		for _, q := range all {
			_ = q.c.Close()
		}
		for n := 0; b.door.held.Load() != 0 && n < 500; n++ {
			time.Sleep(2 * time.Millisecond)
		}
		if n := b.door.held.Load(); n != 0 {
			t.Fatalf("%d bytes are held for hosts that are gone", n)
		}
	}
}

// A door's own name is checked before anybody comes.
func TestNames(t *testing.T) {
	for _, nqn := range []string{discoveryNQN, strings.Repeat("n", 224)} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := Serve(t.Context(), l, newFake(), Options{NQN: nqn}); err == nil {
			t.Errorf("%.40q was taken", nqn)
		}
		if _, err := net.DialTimeout("tcp", l.Addr().String(), time.Second); err == nil {
			t.Error("the listener was left open")
		}
	}
}
