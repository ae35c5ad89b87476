package usbredir

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/usb"
)

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

// disk is a drive of 256 blocks of 512 bytes that reads, writes and says who it is.
type disk struct {
	*sim.Base
	medium *sim.Medium
}

func newDisk(script *sim.Script) *disk {
	return &disk{sim.NewBase("DISK", sim.NewManual(), script), sim.NewMedium(256 * 512)}
}

func (d *disk) Media() []*sim.Medium { return []*sim.Medium{d.medium} }

func (d *disk) SCSI(ctx context.Context, r sim.SCSIRequest) (sim.SCSIReply, error) {
	c := sim.Call{Opcode: r.CDB[0]}
	if c.Opcode == 0x28 || c.Opcode == 0x2a {
		c.LBA, c.Blocks = uint64(binary.BigEndian.Uint32(r.CDB[2:])), uint64(binary.BigEndian.Uint16(r.CDB[7:]))
		c.Reads, c.Writes = c.Opcode == 0x28, c.Opcode == 0x2a
	}
	if _, err := d.Begin(ctx, c); err != nil {
		return sim.SCSIReply{}, err
	}
	var in []byte
	var err error
	switch c.Opcode {
	case 0x12:
		in = append(unhex("00 00 05 02 1f 00 00 02"), "ATA     DISK            1.00"...)
	case 0x9e:
		in = append(unhex("00000000000000ff 00000200"), make([]byte, 20)...)
	case 0x28:
		in = make([]byte, c.Blocks*512)
		_, err = d.medium.ReadAt(in, int64(c.LBA*512))
	case 0x2a:
		_, err = d.medium.WriteAt(r.Out, int64(c.LBA*512))
	case 0x00:
	default:
		return sim.SCSIReply{Status: 2, Sense: unhex("700005 00000000 0a 00000000 2000 00 000000")}, nil
	}
	if err != nil {
		return sim.SCSIReply{Status: 2, Sense: unhex("700005 00000000 0a 00000000 2100 00 000000")}, nil
	}
	return sim.SCSIReply{In: in[:min(len(in), r.In)]}, nil
}

// client is a usb-guest that writes and reads literal packets.
type client struct {
	t    *testing.T
	conn net.Conn
	wg   sync.WaitGroup
	err  error // of the door, after close
	wide bool  // 16-byte headers
}

// Capabilities of QEMU 7.2 (0xff), and hello packets with all and none of them.
var (
	helloQEMU  = unhex("00000000 44000000 00000000" + version + "ff000000")
	helloPlain = unhex("00000000 44000000 00000000" + version + "00000000")
)

// version of a hello: 'qemu usb-redir guest 7.2.22', 64 bytes.
const version = "71656d7520757362 2d72656469722067 7565737420372e32 2e32320000000000" +
	"0000000000000000 0000000000000000 0000000000000000 0000000000000000"

// dial a door without a listener.
func dial(t *testing.T, d *door, hello []byte) *client {
	t.Helper()
	ours, theirs := net.Pipe()
	c := &client{t: t, conn: ours, wide: len(hello) >= 80 && hello[76] == 0xff}
	if err := ours.SetDeadline(time.Now().Add(10 * time.Second)); err != nil { // not a test that hangs
		t.Fatal(err)
	}
	c.wg.Go(func() { c.err = d.serve(t.Context(), theirs) })
	t.Cleanup(func() { _ = c.close() })
	c.wg.Go(func() { _, _ = ours.Write(hello) })
	got := make([]byte, 80)
	if _, err := io.ReadFull(ours, got); err != nil {
		t.Fatal(err)
	}
	if want := unhex("00000000 44000000 00000000"); !bytes.Equal(got[:12], want) || hex.EncodeToString(got[76:]) != "7a000000" {
		t.Fatalf("hello % x", got)
	}
	return c
}

// close and say why the door ended the connection.
func (c *client) close() error {
	_ = c.conn.Close()
	c.wg.Wait()
	return c.err
}

func (c *client) write(s string) {
	c.t.Helper()
	if _, err := c.conn.Write(unhex(s)); err != nil {
		c.t.Fatalf("the door is closed: %v", err)
	}
}

// read one packet of whatever type.
func (c *client) read() []byte {
	c.t.Helper()
	head := make([]byte, 12)
	if c.wide {
		head = make([]byte, 16)
	}
	if _, err := io.ReadFull(c.conn, head); err != nil {
		c.t.Fatalf("nothing comes from the door: %v", err)
	}
	body := make([]byte, binary.LittleEndian.Uint32(head[4:]))
	if _, err := io.ReadFull(c.conn, body); err != nil {
		c.t.Fatal(err)
	}
	return append(head, body...)
}

func (c *client) want(what, s string) {
	c.t.Helper()
	if got := c.read(); !bytes.Equal(got, unhex(s)) {
		c.t.Errorf("%s:\n% x, want\n% x", what, got, unhex(s))
	}
}

// wantBoth packets, in either order: they come from two endpoints.
func (c *client) wantBoth(what, s1, s2 string) {
	c.t.Helper()
	a, b := c.read(), c.read()
	if bytes.Equal(a, unhex(s2)) {
		a, b = b, a
	}
	if !bytes.Equal(a, unhex(s1)) || !bytes.Equal(b, unhex(s2)) {
		c.t.Errorf("%s: % x and % x", what, a, b)
	}
}

// What the door says of a bridge of high speed: endpoint 02h is of type bulk and
// 81h is, each with packets of 512 bytes; one interface 08/06/50; speed 2.
const (
	none13, none14 = "ffffffffffffffffffffffffff", "ffffffffffffffffffffffffffff"
	zeros32        = "0000000000000000000000000000000000000000000000000000000000000000"

	endpointInfo = "05000000 a0000000 0000000000000000" +
		"00ff02" + none13 + "0002" + none14 + zeros32 + zeros32 +
		"00000000 0002 0000000000000000000000000000000000000000000000000000" + "0000 0002 00000000000000000000000000000000000000000000000000000000"
	interfaceInfo = "04000000 84000000 0000000000000000 01000000" + zeros32 +
		"08000000000000000000000000000000 00000000000000000000000000000000" +
		"06000000000000000000000000000000 00000000000000000000000000000000" +
		"50000000000000000000000000000000 00000000000000000000000000000000"
	deviceConnect    = "01000000 0a000000 0000000000000000 02 00 00 00 2d15 7805 0302"
	deviceDisconnect = "02000000 00000000 0000000000000000"
	disconnectAck    = "18000000 00000000 0000000000000000"
)

func newBridge(t testing.TB, c usb.Config, d *disk) *usb.Bridge {
	t.Helper()
	c.VendorID, c.ProductID, c.Version, c.Serial, c.Clock = 0x152d, 0x0578, 0x0203, "0123456789AB", d.Clock
	b, err := usb.New(c, d)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *client) connected() {
	c.t.Helper()
	c.want("endpoints", endpointInfo)
	c.want("interfaces", interfaceInfo)
	c.want("device", deviceConnect)
}

// configured: as QEMU does when its guest enumerates.
func (c *client) configured() {
	c.t.Helper()
	c.connected()
	c.write("03000000 00000000 0000000000000000")    // reset
	c.write("06000000 01000000 1122334455667788 01") // set configuration 1
	c.want("endpoints", endpointInfo)
	c.want("interfaces", interfaceInfo)
	c.want("configuration", "08000000 02000000 1122334455667788 00 01")
}
