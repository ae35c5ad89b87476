package usbredir

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/usb"
)

func TestEnumeration(t *testing.T) {
	c := dial(t, newDoor(newBridge(t, usb.Config{}, newDisk(nil))), helloQEMU)
	c.configured()
	// GET DESCRIPTOR device: endpoint, request, type, status, value, index, length.
	c.write("64000000 0a000000 0100000000000000 80 06 80 00 0001 0000 1200")
	c.want("device", "64000000 1c000000 0100000000000000 80 06 80 00 0001 0000 1200"+
		"12 01 0002 00 00 00 40 2d15 7805 0302 00 00 03 01")
	c.write("64000000 0a000000 0200000000000000 80 06 80 00 0303 0904 ff00")
	c.want("serial", "64000000 24000000 0200000000000000 80 06 80 00 0303 0904 1a00"+
		"1a03 3000 3100 3200 3300 3400 3500 3600 3700 3800 3900 4100 4200")
	c.write("64000000 0a000000 0300000000000000 80 06 80 00 0103 0904 ff00")
	c.want("a string that is not there", "64000000 0a000000 0300000000000000 80 06 80 04 0103 0904 0000")
	c.write("64000000 0a000000 0400000000000000 80 fe a1 00 0000 0000 0100")
	c.want("GET MAX LUN", "64000000 0b000000 0400000000000000 80 fe a1 00 0000 0000 0100 00")
	c.write("64000000 0a000000 0500000000000000 00 ff 21 00 0000 0000 0000")
	c.want("BOT reset", "64000000 0a000000 0500000000000000 00 ff 21 00 0000 0000 0000")
	c.write("07000000 00000000 0600000000000000")
	c.want("get configuration", "08000000 02000000 0600000000000000 00 01")
	c.write("09000000 02000000 0700000000000000 00 00")
	c.want("set alt setting", "0b000000 03000000 0700000000000000 00 00 00")
	c.write("09000000 02000000 0800000000000000 00 01")
	c.want("one that is not there", "0b000000 03000000 0800000000000000 04 00 01")
	c.write("0a000000 01000000 0900000000000000 00")
	c.want("get alt setting", "0b000000 03000000 0900000000000000 00 00 00")
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

// bulk packets: endpoint, status, length, stream, length's high half.
const (
	toDevice   = "65000000 29000000 %s 02 00 1f00 00000000 0000" // with a command wrapper
	fromDevice = "65000000 0a000000 %s 81 00 %s 00000000 0000"

	cbwInquiry = "55534243 01000000 24000000 80 00 06 120000002400 00000000000000000000"
	cbwRead1   = "55534243 02000000 00020000 80 00 0a 28000000003300000100 000000000000"
	cbwWrite1  = "55534243 03000000 00020000 00 00 0a 2a000000003300000100 000000000000"
	cbwATA     = "55534243 04000000 00020000 80 00 10 85080e0000000100000000000000ec00"
)

func id(n byte) string { return hex.EncodeToString([]byte{n, 0, 0, 0, 0, 0, 0, 0x80}) }

// command sends a wrapper and sees it taken.
func (c *client) command(n byte, cbw string) {
	c.t.Helper()
	c.write(strings.ReplaceAll(toDevice, "%s", id(n)) + cbw)
	c.want("wrapper", "65000000 0a000000"+id(n)+"02 00 1f00 00000000 0000")
}

// ask for so many bytes.
func (c *client) ask(n byte, length string) {
	c.t.Helper()
	c.write(fmt.Sprintf(fromDevice, id(n), length))
}

// status wrapper, asked for and given.
func (c *client) status(n byte, csw string) {
	c.t.Helper()
	c.ask(n, "0d00")
	c.want("status", "65000000 17000000"+id(n)+"81 00 0d00 00000000 0000"+csw)
}

func TestDisk(t *testing.T) {
	d := newDisk(nil)
	c := dial(t, newDoor(newBridge(t, usb.Config{}, d)), helloQEMU)
	c.configured()
	c.command(1, cbwInquiry)
	c.ask(2, "2400")
	c.want("INQUIRY", "65000000 2e000000"+id(2)+"81 00 2400 00000000 0000"+
		"00 00 05 02 1f 00 00 02 4154412020202020 4449534b202020202020202020202020 312e3030")
	c.status(3, "55534253 01000000 00000000 00")

	block := strings.Repeat("a5c3", 256)
	c.command(4, cbwWrite1)
	c.write("65000000 0a020000" + id(5) + "02 00 0002 00000000 0000" + block)
	c.want("data", "65000000 0a000000"+id(5)+"02 00 0002 00000000 0000")
	c.status(6, "55534253 03000000 00000000 00")
	got := make([]byte, 512)
	if _, err := d.medium.ReadAt(got, 0x33*512); err != nil || !bytes.Equal(got, unhex(block)) {
		t.Errorf("the block is not on the medium (%v)", err)
	}

	c.command(7, cbwRead1)
	c.ask(8, "0002")
	c.want("READ", "65000000 0a020000"+id(8)+"81 00 0002 00000000 0000"+block)
	c.status(9, "55534253 02000000 00000000 00")

	c.command(10, cbwATA)
	c.ask(11, "0002")
	c.want("stall", "65000000 0a000000"+id(11)+"81 04 0000 00000000 0000")
	c.write("64000000 0a000000 0500000000000000 00 01 02 00 0000 8100 0000")
	c.want("CLEAR FEATURE", "64000000 0a000000 0500000000000000 00 01 02 00 0000 8100 0000")
	c.status(12, "55534253 04000000 00020000 01")
	c.write("65000000 0a000000" + id(13) + "83 00 4000 00000000 0000")
	c.want("no such endpoint", "65000000 0a000000"+id(13)+"83 02 0000 00000000 0000")
	if err := c.close(); err != nil {
		t.Error(err)
	}
}

// A client of the first version has short ids, short lengths and no sizes.
func TestPlainClient(t *testing.T) {
	c := dial(t, newDoor(newBridge(t, usb.Config{}, newDisk(nil))), helloPlain)
	c.want("endpoints", "05000000 60000000 00000000 00ff02"+none13+"0002"+none14+zeros32+zeros32)
	c.want("interfaces", strings.Replace(interfaceInfo, "0000000000000000", "00000000", 1))
	c.want("device", "01000000 08000000 00000000 02 00 00 00 2d15 7805")
	c.write("06000000 01000000 44332211 01")
	c.read()
	c.read()
	c.want("configuration", "08000000 02000000 44332211 00 01")
	c.write("65000000 27000000 01000000 02 00 1f00 00000000" + cbwInquiry)
	c.want("wrapper", "65000000 08000000 01000000 02 00 1f00 00000000")
	c.write("65000000 08000000 02000000 81 00 0500 00000000")
	c.want("INQUIRY", "65000000 0d000000 02000000 81 00 0500 00000000 00 00 05 02 1f")
}

// A command that the drive never answers stays pending until the guest cancels its
// transfer; after a reset the bridge works again.
func TestHangingReadIsCancelled(t *testing.T) {
	read := byte(0x28)
	c := dial(t, newDoor(newBridge(t, usb.Config{}, newDisk(sim.NewScript(sim.Fault{When: sim.When{Opcode: &read}, Do: sim.Action{Hang: true}})))), helloQEMU)
	c.configured()
	c.command(1, cbwRead1)
	c.ask(2, "0002")
	c.write("07000000 00000000 0600000000000000")
	c.want("get configuration, meanwhile", "08000000 02000000 0600000000000000 00 01")
	c.write("15000000 00000000" + id(99)) // one that is not pending
	c.write("15000000 00000000" + id(2))
	c.want("cancelled", "65000000 0a000000"+id(2)+"81 01 0000 00000000 0000")
	c.write("03000000 00000000 0000000000000000")
	c.write("06000000 01000000 1122334455667788 01")
	c.read()
	c.read()
	c.want("configuration", "08000000 02000000 1122334455667788 00 01")
	c.command(3, cbwInquiry)
	c.ask(4, "2400")
	if got := c.read(); len(got) != 16+10+36 || got[17] != 0 {
		t.Errorf("INQUIRY after the reset: % x", got)
	}
}

// Pulled out in the middle of a read: what is pending is cancelled, the device
// goes; it comes back when the guest knows that, and without any state.
func TestUnplugAndPlug(t *testing.T) {
	read := byte(0x28)
	b := newBridge(t, usb.Config{}, newDisk(sim.NewScript(sim.Fault{When: sim.When{Opcode: &read, Times: 1}, Do: sim.Action{Unplug: true}})))
	c := dial(t, newDoor(b), helloQEMU)
	c.configured()
	c.ask(2, "0002") // before its command, which ends the device
	c.write(strings.ReplaceAll(toDevice, "%s", id(1)) + cbwRead1)
	c.wantBoth("taken and cancelled", "65000000 0a000000"+id(1)+"02 00 1f00 00000000 0000", "65000000 0a000000"+id(2)+"81 01 0000 00000000 0000")
	c.want("gone", deviceDisconnect)
	c.write(strings.ReplaceAll(toDevice, "%s", id(3)) + cbwRead1) // it did not know yet
	b.Plug(true)
	c.write(disconnectAck)
	c.configured()
	c.command(4, cbwRead1)
	c.ask(5, "0002")
	if got := c.read(); len(got) != 16+10+512 {
		t.Errorf("READ after it came back: % x", got[:26])
	}
	c.status(6, "55534253 02000000 00000000 00")
	// Out and in so fast that the guest sees it only afterwards.
	b.PowerCycle()
	c.want("gone", deviceDisconnect)
	c.write(disconnectAck)
	c.connected()
}

func TestBridgeThatDropsOnPassThrough(t *testing.T) {
	c := dial(t, newDoor(newBridge(t, usb.Config{PassThrough: usb.PassThroughDrop}, newDisk(nil))), helloQEMU)
	c.configured()
	c.write(strings.ReplaceAll(toDevice, "%s", id(1)) + cbwATA)
	c.want("wrapper", "65000000 0a000000"+id(1)+"02 00 1f00 00000000 0000")
	c.want("gone", deviceDisconnect)
	c.write(disconnectAck)
	c.connected()
}

// Rubbish ends its connection, and nothing else.
func TestRubbish(t *testing.T) {
	d := newDoor(newBridge(t, usb.Config{}, newDisk(nil)))
	for name, q := range map[string]struct{ send, want string }{
		"type":           {"2a000000 00000000 0000000000000000", "type 42"},
		"hello again":    {"00000000 44000000 0000000000000000" + version + "ff000000", "type 0"},
		"our own type":   {"01000000 0a000000 0000000000000000 02 00 00 00 0000 0000 0000", "type 1"},
		"length":         {"06000000 02000000 0000000000000000", "type 6 with 2 bytes"},
		"huge":           {"65000000 ffffffff 0000000000000000", "type 101 with 4294967295 bytes"},
		"bulk without":   {"65000000 0a000000 0000000000000000 02 00 0100 00000000 0000", "says 1 bytes and has 0"},
		"bulk with":      {"65000000 0b000000 0000000000000000 81 00 0100 00000000 0000 00", "says 1 bytes and has 1"},
		"stream":         {"65000000 0a000000 0000000000000000 81 00 0100 01000000 0000", "stream 1"},
		"control":        {"64000000 0b000000 0000000000000000 80 06 80 00 0001 0000 1200 00", "says 18 bytes and has 1"},
		"twice":          {strings.Repeat("65000000 0a000000 0700000000000000 81 00 0d00 00000000 0000", 2), "two bulk packets of id 7"},
		"isochronous":    {"0c000000 03000000 0000000000000000 81 01 01", "type 12"},
		"bulk receiving": {"19000000 0a000000 0000000000000000 00000000 00020000 81 05", "type 25"},
	} {
		c := dial(t, d, helloQEMU)
		c.configured()
		c.write(q.send)
		c.wg.Wait()
		if c.err == nil || !strings.Contains(c.err.Error(), q.want) {
			t.Errorf("%s: %v, want %q", name, c.err, q.want)
		}
	}
	for name, h := range map[string]string{
		"no hello":    "03000000 00000000 00000000",
		"short hello": "00000000 3f000000 00000000",
		"long hello":  "00000000 c1000000 00000000",
	} {
		c := &client{t: t}
		ours, theirs := net.Pipe()
		c.conn = ours
		c.wg.Go(func() { c.err = d.serve(t.Context(), theirs) })
		c.write(h)
		c.wg.Wait()
		if c.err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	c := dial(t, d, helloQEMU)
	c.configured() // the bridge is there all the same
}

// Too many at once: 256 wait for a drive that hangs, and no more.
func TestPendingIsBounded(t *testing.T) {
	c := dial(t, newDoor(newBridge(t, usb.Config{PassThrough: usb.PassThroughHang}, newDisk(nil))), helloQEMU)
	c.configured()
	c.command(255, cbwATA)
	for i := range maxPending {
		c.ask(byte(i), "0002")
	}
	c.write("65000000 0a000000 0000000000000001 81 00 0d00 00000000 0000")
	c.wg.Wait()
	if c.err == nil || !strings.Contains(c.err.Error(), "more than 256") {
		t.Errorf("%v", c.err)
	}
}

func TestServe(t *testing.T) {
	d := newDisk(nil)
	var power []bool
	d.Power = func(on bool) { power = append(power, on) }
	b := newBridge(t, usb.Config{}, d)
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	log, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- Serve(ctx, l, b, Options{PowerCycleOnConnect: true, Log: func(s string) { log <- s }})
	}()
	for i := range 2 {
		conn, err := net.Dial("unix", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t: t, conn: conn, wide: true}
		if _, err := conn.Write(helloQEMU); err != nil {
			t.Fatal(err)
		}
		c.wide = false
		c.read()
		c.wide = true
		c.connected()
		if i == 0 {
			c.write("2a000000 00000000 0000000000000000")
			if s := <-log; s != "connection ended: a packet of type 42" {
				t.Errorf("log %q", s)
			}
		}
		_ = conn.Close()
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(power) != 2 || power[0] || !power[1] {
		t.Errorf("the drive's power went %v: want off and on, between two machines", power)
	}
}
