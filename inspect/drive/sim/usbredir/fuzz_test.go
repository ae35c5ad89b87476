package usbredir

import (
	"bytes"
	"io"
	"net"
	"testing"

	"handback.example/inspect/drive/sim/usb"
)

// FuzzPacket: whatever comes is a packet within its bounds or an error, and a
// packet goes out as it came.
func FuzzPacket(f *testing.F) {
	f.Add(helloQEMU, uint32(0), true)
	f.Add(unhex("06000000 01000000 1122334455667788 01"), uint32(0xff), false)
	f.Add(unhex("64000000 0a000000 0100000000000000 80 06 80 00 0001 0000 1200"), uint32(0x20), false)
	f.Add(unhex("65000000 29000000 0100000000000080 02 00 1f00 00000000 0000"+cbwRead1), uint32(0x7a), false)
	f.Add(unhex("65000000 08000000 02000000 81 00 0500 00000000"), uint32(0), false)
	f.Fuzz(func(t *testing.T, b []byte, caps uint32, hello bool) {
		l := layout{caps & offered}
		p, err := l.read(bytes.NewReader(b), hello)
		if err != nil {
			return
		}
		if again := l.bytes(p, hello); !bytes.Equal(again, b[:len(again)]) {
			t.Fatalf("% x came back as % x", b, again)
		}
		if p.kind != typeBulk {
			return
		}
		if h, err := l.parseBulk(p.body); err == nil && !bytes.Equal(l.bulk(h)[:4], p.body[:4]) {
			t.Fatalf("header % x came back as % x", p.body[:4], l.bulk(h)[:4])
		}
	})
}

// FuzzSession: a client says anything; it loses its connection at most.
func FuzzSession(f *testing.F) {
	set := "03000000 00000000 0000000000000000 06000000 01000000 1122334455667788 01"
	bulk := func(s string) string { return "65000000 29000000 0100000000000000 02 00 1f00 00000000 0000" + s }
	f.Add(unhex(set + bulk(cbwInquiry) + "65000000 0a000000 0200000000000000 81 00 2400 00000000 0000"))
	f.Add(unhex(set + bulk(cbwWrite1) + "65000000 0b000000 0300000000000000 02 00 0100 00000000 0000 55"))
	f.Add(unhex(set + bulk(cbwATA) + "15000000 00000000 0100000000000000" + disconnectAck))
	f.Add(unhex("64000000 0a000000 0500000000000000 00 ff 21 00 0000 0000 0000 09000000 02000000 0800000000000000 00 01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		bridge := newBridge(t, usb.Config{PassThrough: usb.PassThroughHang}, newDisk(nil))
		ours, theirs := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = newDoor(bridge).serve(t.Context(), theirs)
		}()
		go func() { _, _ = io.Copy(io.Discard, ours) }()
		_, _ = ours.Write(helloQEMU)
		_, _ = ours.Write(b)
		_ = ours.Close()
		<-done
	})
}
