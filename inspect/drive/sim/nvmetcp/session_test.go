package nvmetcp

import (
	"bytes"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
)

// PDUs of a session as Linux 6.1 sends them (drivers/nvme/host/tcp.c), byte for byte:
// the common header, then the submission queue entry.
const (
	icReq      = "00 00 80 00 80000000  0000 00 00 00000000 00 *112"
	icResponse = "01 00 80 00 80000000  0000 00 00 00000200 00 *112" // MAXH2CDATA 128 KiB

	// Connect: data of 1024 bytes in the capsule at 72.
	connectHead  = "04 00 48 48 48040000 "
	connectAdmin = "7f 40 0100 01 00 *19  0000000000000000 00040000 000000 01  0000 0000 1f00 00 00 78690000 00 *12"
	connectIO    = "7f 40 0200 01 00 *19  0000000000000000 00040000 000000 01  0000 0100 7f00 00 00 00000000 00 *12"
	hostID       = " 101112131415161718191a1b1c1d1e1f"
	dynamic      = " ffff 00 *238 "

	commandHead = "04 00 48 00 48000000 "
	getCAP      = "7f 40 0300 04 00 *35  01 000000 00000000 00 *16"
	getVS       = "7f 40 0400 04 00 *35  00 000000 08000000 00 *16"
	setCC       = "7f 40 0500 00 00 *35  00 000000 14000000 01004600 00 *12"
	getCSTS     = "7f 40 0600 04 00 *35  00 000000 1c000000 00 *16"
	identify    = "06 40 0700 00000000 00 *16  0000000000000000 00100000 000000 5a  01000000 00 *20"
)

// name is an NQN in its field.
func name(nqn string) []byte { return append([]byte(nqn), make([]byte, 256-len(nqn))...) }

// connect sends Connect for a subsystem.
func (i *initiator) connect(sqe, controller, nqn string) {
	i.t.Helper()
	i.send(connectHead + sqe + hostID + controller)
	i.write(name(nqn))
	i.write(name("nqn.2014-08.org.nvmexpress:uuid:host"))
	i.write(make([]byte, 256))
}

// admin is a host with an admin queue that is enabled.
func (b *bed) admin() *initiator {
	b.t.Helper()
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.connect(connectAdmin, dynamic, AnyNQN)
	if got := i.read(24); got[22] != 0 || got[23] != 0 {
		b.t.Fatalf("Connect: % x", got)
	}
	i.send(commandHead + setCC)
	i.expect("Property Set CC", "05 00 18 00 18000000  0000000000000000 0200 0000 0500 0000")
	return i
}

// io is an I/O queue of controller 1.
func (b *bed) io() *initiator {
	b.t.Helper()
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.connect(connectIO, " 0100 00 *238 ", AnyNQN)
	i.expect("Connect for queue 1", "05 00 18 00 18000000  0100000000000000 0100 0100 0200 0000")
	return i
}

// The way of Linux's driver from the connection to the first Identify.
func TestConnect(t *testing.T) {
	b := serve(t, newFake())
	i := b.dial()
	i.send(icReq)
	i.expect("ICResp", icResponse)
	i.connect(connectAdmin, dynamic, AnyNQN+":FAKE-1")
	i.expect("Connect", "05 00 18 00 18000000  0100000000000000 0100 0000 0100 0000")
	i.send(commandHead + getCAP)
	i.expect("CAP", "05 00 18 00 18000000  7f00011e20000000 0200 0000 0300 0000")
	i.send(commandHead + getVS)
	i.expect("VS", "05 00 18 00 18000000  0004010000000000 0300 0000 0400 0000")
	i.send(commandHead + identify) // before CC.EN
	i.expect("Identify of a controller that is not ready", "05 00 18 00 18000000  0000000000000000 0400 0000 0700 1880")
	i.send(commandHead + setCC)
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0500 0000 0500 0000")
	i.send(commandHead + getCSTS)
	i.expect("CSTS", "05 00 18 00 18000000  0100000000000000 0600 0000 0600 0000")
	i.send(commandHead + identify)
	i.expect("C2HData", "07 04 18 18 18100000  0700 0000 00000000 00100000 00000000")
	id := i.read(4096)
	i.expect("Identify", "05 00 18 00 18000000  0000000000000000 0700 0000 0700 0000")
	// What the transport says, and all else as the drive said it (AAh).
	for at, want := range map[int]string{
		77:   "08",   // MDTS: 1 MiB
		78:   "0100", // CNTLID as in Connect
		259:  "03",   // AERL
		320:  "0a00", // KAS
		514:  "8000", // MAXCMD
		536:  "01003000",
		768:  "6e716e2e323032362d30312e6578616d706c652e68616e646261636b3a73696d3a46414b452d3100",
		1792: "04020000 01000000 0000 00 01", // IOCCSZ 516, IORCSZ 1, ICDOFF, FCATT, MSDBD
	} {
		if w := unhex(t, want); !bytes.Equal(id[at:at+len(w)], w) {
			t.Errorf("Identify Controller byte %d: % x, want % x", at, id[at:at+len(w)], w)
		}
	}
	own := bytes.Count(id, []byte{0xaa})
	if want := 4096 - 1 - 2 - 1 - 2 - 2 - 4 - 256 - 12; own != want {
		t.Errorf("%d bytes of Identify are the drive's own, want %d", own, want)
	}
}

// Data goes over in the capsule, by R2T in several PDUs, and comes back.
func TestData(t *testing.T) {
	f := newFake()
	b := serve(t, f)
	b.admin()
	q := b.io()
	// Write of one block at LBA 3 with its data in the capsule.
	q.send("04 00 48 48 48020000  01 40 3300 01000000 00 *16  0000000000000000 00020000 000000 01  03000000 00000000 0000 00 *14")
	q.write(bytes.Repeat([]byte("C"), 512))
	q.expect("Write in the capsule", "05 00 18 00 18000000  0000000000000000 0200 0100 3300 0000")
	// Write of three blocks at LBA 4: R2T, and data in two PDUs.
	q.send(commandHead + "01 40 3400 01000000 00 *16  0000000000000000 00060000 000000 5a  04000000 00000000 0200 00 *14")
	q.expect("R2T", "09 00 18 00 18000000  3400 0000 00000000 00060000 00000000")
	q.send("06 00 18 18 18020000  3400 0000 00000000 00020000 00000000")
	q.write(bytes.Repeat([]byte("D"), 512))
	q.send("06 04 18 18 18040000  3400 0000 00020000 00040000 00000000")
	q.write(bytes.Repeat([]byte("E"), 1024))
	q.expect("Write by R2T", "05 00 18 00 18000000  0000000000000000 0300 0100 3400 0000")
	want := strings.Repeat("C", 512) + strings.Repeat("D", 512) + strings.Repeat("E", 1024)
	got := make([]byte, 2048)
	if _, err := f.medium.ReadAt(got, 3*512); err != nil || string(got) != want {
		t.Errorf("the medium holds %.20q... (%v)", got, err)
	}
	// Read of the four blocks.
	q.send(commandHead + "02 40 3500 01000000 00 *16  0000000000000000 00080000 000000 5a  03000000 00000000 0300 00 *14")
	q.expect("C2HData", "07 04 18 18 18080000  3500 0000 00000000 00080000 00000000")
	if got := q.read(2048); string(got) != want {
		t.Errorf("read %.20q...", got)
	}
	q.expect("Read", "05 00 18 00 18000000  0000000000000000 0400 0100 3500 0000")
	// A read behind the end: an error comes without data.
	q.send(commandHead + "02 40 3600 01000000 00 *16  0000000000000000 00020000 000000 5a  80000000 00000000 0000 00 *14")
	q.expect("Read behind the end", "05 00 18 00 18000000  0000000000000000 0500 0100 3600 0081")
}

// What the drive says of an admin command arrives as it said it, and the command
// arrives as it was sent.
func TestAnswersAreTheDrives(t *testing.T) {
	f := newFake()
	i := serve(t, f).admin()
	const sanitize = "84 40 2100 00000000 00 *32  8a000000 efbeadde 00 *16"
	i.send(commandHead + sanitize)
	i.expect("Sanitize", "05 00 18 00 18000000  0700000000000000 0300 0000 2100 3ac0")
	if got := f.last().SQE; !bytes.Equal(got[:], unhex(t, sanitize)) {
		t.Errorf("the drive was sent % x", got)
	}
	// Security Send takes data, Security Receive gives it.
	i.send("04 00 48 48 4b000000  81 40 2200 00000000 00 *16  0000000000000000 03000000 000000 01  00000001 03000000 00 *16  f1f2f3")
	i.expect("Security Send", "05 00 18 00 18000000  0000000000000000 0400 0000 2200 0000")
	if got := f.last(); !bytes.Equal(got.Out, unhex(t, "f1f2f3")) || got.In != 0 {
		t.Errorf("the drive was given % x, and room for %d", got.Out, got.In)
	}
	i.send(commandHead + "82 40 2300 00000000 00 *16  0000000000000000 05000000 000000 5a  00000001 05000000 00 *16")
	i.expect("data of Security Receive", "07 04 18 18 1d000000  2300 0000 00000000 05000000 00000000  4c 4c 4c 4c 4c")
	i.expect("Security Receive", "05 00 18 00 18000000  4433221100000000 0500 0000 2300 0000")
}

// Number of Queues, Keep Alive Timer, Abort and the commands that make queues on
// PCIe are the transport's; the drive never hears of them.
func TestTransportsOwn(t *testing.T) {
	f := newFake()
	i := serve(t, f).admin()
	i.send(commandHead + "09 40 4100 00000000 00 *32  07000000 03000300 00 *16")
	i.expect("Set Features, Number of Queues", "05 00 18 00 18000000  0f000f0000000000 0300 0000 4100 0000")
	i.send(commandHead + "09 40 4200 00000000 00 *32  0f000000 30750000 00 *16")
	i.expect("Set Features, Keep Alive Timer", "05 00 18 00 18000000  0000000000000000 0400 0000 4200 0000")
	i.send(commandHead + "0a 40 4300 00000000 00 *32  0f000000 00 *20")
	i.expect("Get Features, Keep Alive Timer", "05 00 18 00 18000000  3075000000000000 0500 0000 4300 0000")
	i.send(commandHead + "18 40 4400 00 *60")
	i.expect("Keep Alive", "05 00 18 00 18000000  0000000000000000 0600 0000 4400 0000")
	i.send(commandHead + "08 40 4500 00000000 00 *32  00004100 00 *20")
	i.expect("Abort", "05 00 18 00 18000000  0100000000000000 0700 0000 4500 0000")
	i.send(commandHead + "05 40 4600 00 *60")
	i.expect("Create I/O Completion Queue", "05 00 18 00 18000000  0000000000000000 0800 0000 4600 0280")
	if n := len(f.asked); n > 0 {
		t.Errorf("the drive was asked %d times", n)
	}
}

// A request for events waits; commands after it do not.
func TestEvents(t *testing.T) {
	f := newFake()
	i := serve(t, f).admin()
	i.send(commandHead + "0c 40 5100 00 *60")
	i.send(commandHead + "18 40 5200 00 *60")
	i.expect("Keep Alive", "05 00 18 00 18000000  0000000000000000 0300 0000 5200 0000")
	f.happen(0x00810106) // a sanitize has ended, log page 81h
	i.expect("the event", "05 00 18 00 18000000  0601810000000000 0400 0000 5100 0000")
	f.happen(0x00020001) // nobody asks yet: it is kept
	i.send(commandHead + "0c 40 5300 00 *60")
	i.expect("the second event", "05 00 18 00 18000000  0100020000000000 0500 0000 5300 0000")
	for n := range 5 {
		i.send(commandHead + "0c 40 54 0" + string(rune('0'+n)) + " 00 *60")
	}
	i.expect("one request too many", "05 00 18 00 18000000  0000000000000000 0600 0000")
	if got := i.read(4); got[0] != 0x54 || got[2] != 0x0a || got[3] != 0x82 {
		t.Errorf("one request too many: % x", got)
	}
}

// A command that hangs blocks no other, neither of its own queue nor of the others,
// and goes with its connection.
func TestHang(t *testing.T) {
	read, format := byte(0x02), byte(0x80)
	f := newFake(sim.Fault{When: sim.When{Opcode: &read, IO: true, Times: 1}, Do: sim.Action{Hang: true}},
		sim.Fault{When: sim.When{Opcode: &format, Times: 1}, Do: sim.Action{Hang: true}})
	b := serve(t, f)
	a, q := b.admin(), b.io()
	a.send(commandHead + "80 40 6100 ffffffff 00 *56")
	q.send(commandHead + "02 40 6200 01000000 00 *16  0000000000000000 00020000 000000 5a  00000000 00000000 0000 00 *14")
	for range 2 {
		q.send(commandHead + "00 40 6300 01000000 00 *56")
		q.expect("Flush", "05 00 18 00 18000000  0000000000000000")
		if got := q.read(8); got[4] != 0x63 || got[6]|got[7] != 0 {
			t.Errorf("Flush: % x", got)
		}
		a.send(commandHead + "84 40 6400 00 *60")
		a.expect("Sanitize", "05 00 18 00 18000000  0700000000000000")
		if got := a.read(8); got[4] != 0x64 {
			t.Errorf("Sanitize: % x", got)
		}
	}
	b.end() // and nothing is left behind
}

// Shutdown and reset by CC; the drive is told of the reset, and the I/O queues end.
func TestResetAndShutdown(t *testing.T) {
	f := newFake()
	b := serve(t, f)
	i, q := b.admin(), b.io()
	i.send(commandHead + "7f 40 7100 00 00 *35  00 000000 14000000 01404600 00 *12") // SHN 1
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0300 0000 7100 0000")
	i.send(commandHead + getCSTS)
	i.expect("CSTS", "05 00 18 00 18000000  0900000000000000 0400 0000 0600 0000")
	if n := f.wasReset(); n != 0 {
		t.Errorf("%d resets by a shutdown", n)
	}
	i.send(commandHead + "7f 40 7200 00 00 *35  00 000000 14000000 00004600 00 *12") // EN 0
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0500 0000 7200 0000")
	i.send(commandHead + getCSTS)
	i.expect("CSTS", "05 00 18 00 18000000  0000000000000000 0600 0000 0600 0000")
	q.over()
	if n := f.wasReset(); n != 1 {
		t.Errorf("%d resets", n)
	}
	// A command set that CAP does not offer.
	i.send(commandHead + "7f 40 7300 00 00 *35  00 000000 14000000 61004600 00 *12")
	i.expect("CC", "05 00 18 00 18000000  0000000000000000 0700 0000 7300 0000")
	i.send(commandHead + getCSTS)
	i.expect("CSTS", "05 00 18 00 18000000  0200000000000000 0800 0000 0600 0000")
}

// The association ends with its admin queue: the I/O queues end, the drive is
// reset, and the host may come again as often as it likes.
func TestReconnect(t *testing.T) {
	f := newFake()
	b := serve(t, f)
	for range 3 {
		i, q := b.admin(), b.io()
		_ = i.c.Close()
		q.over()
	}
	// A second host beside the first has a controller of its own.
	i := b.admin()
	other := b.dial()
	other.send(icReq)
	other.expect("ICResp", icResponse)
	other.connect(connectAdmin, dynamic, AnyNQN)
	other.expect("Connect", "05 00 18 00 18000000  0200000000000000 0100 0000 0100 0000")
	_ = i.c.Close()
	b.end()
	if n := f.wasReset(); n != 4 {
		t.Errorf("%d resets of four associations that were enabled", n)
	}
}

// Unplugged: connections are dropped and refused until the drive is back.
func TestUnplug(t *testing.T) {
	f := newFake()
	b := serve(t, f)
	i, q := b.admin(), b.io()
	f.Plug(false)
	i.over()
	q.over()
	b.heard("2 connections dropped: the drive was unplugged")
	b.dial().over()
	f.Plug(true)
	again := b.dial()
	again.send(icReq)
	again.expect("ICResp", icResponse)
}

// A drive that loses its power in a command takes the connections with it.
func TestPowerLost(t *testing.T) {
	format := byte(0x80)
	f := newFake(sim.Fault{When: sim.When{Opcode: &format}, Do: sim.Action{Hang: true}})
	b := serve(t, f)
	i := b.admin()
	i.send(commandHead + "80 40 6100 ffffffff 00 *56")
	i.send(commandHead + "18 40 5200 00 *60")
	i.expect("Keep Alive", "05 00 18 00 18000000  0000000000000000 0300 0000 5200 0000")
	for range 100 { // the format has arrived when the power goes, sooner or later
		f.PowerCycle()
		b.mu.Lock()
		done := strings.Contains(strings.Join(b.said, "\n"), "lost its power")
		b.mu.Unlock()
		if done {
			break
		}
	}
	i.over()
	b.heard("1 connections dropped: the drive lost its power")
}
