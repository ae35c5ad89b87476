package usbredir

import (
	"encoding/binary"
	"fmt"
	"io"
	"slices"
)

// Packet types. Direction: h from usb-host (us), g from usb-guest.
const (
	typeHello         = 0   // both
	typeConnect       = 1   // h
	typeDisconnect    = 2   // h
	typeReset         = 3   // g
	typeInterfaceInfo = 4   // h
	typeEndpointInfo  = 5   // h
	typeSetConfig     = 6   // g
	typeGetConfig     = 7   // g
	typeConfigStatus  = 8   // h
	typeSetAlt        = 9   // g
	typeGetAlt        = 10  // g
	typeAltStatus     = 11  // h
	typeCancel        = 21  // g
	typeDisconnectAck = 24  // g
	typeControl       = 100 // both
	typeBulk          = 101 // both
)

// Capabilities by bit.
const (
	capDeviceVersion = 1 << 1
	capDisconnectAck = 1 << 3
	capMaxPacket     = 1 << 4
	capWideIDs       = 1 << 5
	capWideLength    = 1 << 6

	offered = capDeviceVersion | capDisconnectAck | capMaxPacket | capWideIDs | capWideLength
)

// Status of a transfer.
const (
	statusSuccess = iota
	statusCancelled
	statusInvalid
	statusIOError
	statusStall
	statusTimeout
	statusBabble
)

// maxBulk bounds the data of one bulk packet: more than a transfer of xHCI's holds.
const maxBulk = 16 << 20

const versionSize = 64 // of the text in a hello

// packet without what its header says of its length.
type packet struct {
	kind uint32
	id   uint64
	body []byte
}

// layout is what both ends' capabilities make of the packets.
type layout struct{ caps uint32 }

func (l layout) has(c uint32) bool { return l.caps&c != 0 }

// bulkHeader is the size of a bulk packet before its data.
func (l layout) bulkHeader() int {
	if l.has(capWideLength) {
		return 10
	}
	return 8
}

const controlHeader = 10

// sizes that the body of a guest's packet may have; false: it is none that a guest
// sends to a device like ours.
func (l layout) sizes(kind uint32) (least, most uint32, ok bool) {
	exact := map[uint32]uint32{typeReset: 0, typeSetConfig: 1, typeGetConfig: 0, typeSetAlt: 2, typeGetAlt: 1, typeCancel: 0, typeDisconnectAck: 0}
	if n, ok := exact[kind]; ok {
		return n, n, true
	}
	switch kind {
	case typeHello:
		return versionSize, versionSize + 4*32, true // a few words of capabilities
	case typeControl:
		return controlHeader, controlHeader + 0xffff, true
	case typeBulk:
		n := uint32(l.bulkHeader())
		return n, n + maxBulk, true
	}
	return 0, 0, false
}

// read one packet of a guest's. The id of a hello has 32 bits always.
func (l layout) read(r io.Reader, hello bool) (packet, error) {
	head := make([]byte, 12)
	if l.has(capWideIDs) && !hello {
		head = make([]byte, 16)
	}
	if _, err := io.ReadFull(r, head); err != nil {
		return packet{}, err
	}
	p := packet{kind: binary.LittleEndian.Uint32(head), id: uint64(binary.LittleEndian.Uint32(head[8:]))}
	if len(head) == 16 {
		p.id = binary.LittleEndian.Uint64(head[8:])
	}
	n := binary.LittleEndian.Uint32(head[4:])
	least, most, ok := l.sizes(p.kind)
	switch {
	case !ok || hello != (p.kind == typeHello):
		return packet{}, fmt.Errorf("a packet of type %d", p.kind)
	case n < least || n > most:
		return packet{}, fmt.Errorf("a packet of type %d with %d bytes", p.kind, n)
	}
	p.body = make([]byte, n)
	_, err := io.ReadFull(r, p.body)
	return p, err
}

// bytes of a packet as they go out.
func (l layout) bytes(p packet, hello bool) []byte {
	b := binary.LittleEndian.AppendUint32(nil, p.kind)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.body)))
	if l.has(capWideIDs) && !hello {
		b = binary.LittleEndian.AppendUint64(b, p.id)
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(p.id))
	}
	return append(b, p.body...)
}

// hello that we send.
func hello() packet {
	b := make([]byte, versionSize, versionSize+4)
	copy(b, "handback drive model")
	return packet{kind: typeHello, body: binary.LittleEndian.AppendUint32(b, offered)}
}

// agreed are the capabilities that a hello and we have in common. Words of them
// that we do not know are let be.
func agreed(body []byte) layout {
	if len(body) < versionSize+4 {
		return layout{}
	}
	return layout{binary.LittleEndian.Uint32(body[versionSize:]) & offered}
}

// transfer is the header of a bulk packet.
type transfer struct {
	endpoint, status byte
	length           uint32
	stream           uint32
	data             []byte
}

// parseBulk of a body that has its header at least.
func (l layout) parseBulk(b []byte) (transfer, error) {
	n := l.bulkHeader()
	t := transfer{endpoint: b[0], status: b[1], length: uint32(binary.LittleEndian.Uint16(b[2:])), stream: binary.LittleEndian.Uint32(b[4:]), data: b[n:]}
	if n == 10 {
		t.length |= uint32(binary.LittleEndian.Uint16(b[8:])) << 16
	}
	in := t.endpoint&0x80 != 0
	switch {
	case t.stream != 0:
		return t, fmt.Errorf("a bulk packet for stream %d", t.stream)
	case in && len(t.data) != 0, !in && uint64(len(t.data)) != uint64(t.length):
		return t, fmt.Errorf("a bulk packet for endpoint %02xh that says %d bytes and has %d", t.endpoint, t.length, len(t.data))
	}
	return t, nil
}

// bulk answers a transfer: with what it moved, and the data where the guest reads.
func (l layout) bulk(t transfer) []byte {
	b := []byte{t.endpoint, t.status, byte(t.length), byte(t.length >> 8), 0, 0, 0, 0}
	if l.has(capWideLength) {
		b = append(b, byte(t.length>>16), byte(t.length>>24))
	}
	return append(b, t.data...)
}

// endpoints: type, interval and interface of 32 each, and the size of their packets;
// 0 to 15 lead to the device, 16 to 31 from it.
func (l layout) endpoints(bulk []byte, size int) []byte {
	const control, bulkType, none = 0, 2, 255
	b := append(slices.Repeat([]byte{none}, 32), make([]byte, 64)...)
	b[0], b[16] = control, control
	if l.has(capMaxPacket) {
		b = append(b, make([]byte, 64)...)
	}
	for _, e := range bulk {
		i := int(e&0x80>>3 | e&0x0f)
		b[i] = bulkType
		if l.has(capMaxPacket) {
			binary.LittleEndian.PutUint16(b[96+2*i:], uint16(size))
		}
	}
	return b
}

// interfaces: how many, then number, class, subclass and protocol of 32 each.
func interfaces(n int, class, sub, protocol byte) []byte {
	b := make([]byte, 4+4*32)
	if n > 0 {
		b[0], b[4+32], b[4+64], b[4+96] = byte(n), class, sub, protocol
	}
	return b
}

// connect tells of a device of one interface, whose class is the interface's matter.
func (l layout) connect(speed byte, vendor, product, version uint16) []byte {
	b := []byte{speed, 0, 0, 0, byte(vendor), byte(vendor >> 8), byte(product), byte(product >> 8)}
	if l.has(capDeviceVersion) {
		b = append(b, byte(version), byte(version>>8))
	}
	return b
}
