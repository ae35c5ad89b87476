package usbredir

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"handback.example/inspect/drive/sim/usb"
)

// Bounds of what a guest may have pending: a disk needs one packet or two.
const (
	maxPending      = 256
	maxPendingBytes = 2 * maxBulk
)

// session is one connection.
type session struct {
	door *door
	conn net.Conn
	l    layout
	ctx  context.Context

	wmu sync.Mutex // guards writing

	mu      sync.Mutex
	dev     *usb.Device // nil: the guest has no device
	waits   bool        // for the guest to say that it knows that the device is gone
	seen    int         // how often the bridge had been pulled out when it was connected
	pending map[uint64]*job
	bytes   int // of data in pending
	flight  sync.WaitGroup
	queues  [2]chan *job // to the device, from it
	workers sync.WaitGroup
}

// job is a bulk transfer that is not answered yet.
type job struct {
	dev    *usb.Device
	id     uint64
	t      transfer
	ctx    context.Context
	cancel context.CancelFunc
}

// serve one client until it leaves.
func (d *door) serve(ctx context.Context, c net.Conn) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	s := &session{door: d, conn: c, ctx: ctx, pending: map[uint64]*job{}}
	if err := s.greet(); err != nil {
		_ = c.Close()
		return ended(err)
	}
	for i := range s.queues {
		s.queues[i] = make(chan *job, maxPending)
		s.workers.Go(func() { s.work(s.queues[i]) })
	}
	s.workers.Go(s.watch)
	err := s.listen()
	cancel()
	_ = c.Close()
	for _, q := range s.queues {
		close(q)
	}
	s.workers.Wait()
	if s.dev != nil {
		s.dev.Close()
	}
	return ended(err)
}

// ended is why a connection ended, where that was not the client's wish.
func ended(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}

// greet: both ends say what they can before anything else.
func (s *session) greet() error {
	sent := make(chan error, 1)
	go func() {
		_, err := s.conn.Write(layout{}.bytes(hello(), true))
		sent <- err
	}()
	p, err := layout{}.read(s.conn, true)
	if err != nil {
		_ = s.conn.Close()
		<-sent
		return err
	}
	if err := <-sent; err != nil {
		return err
	}
	s.l = agreed(p.body)
	return nil
}

// listen to the guest.
func (s *session) listen() error {
	r := bufio.NewReaderSize(s.conn, 64<<10)
	for {
		p, err := s.l.read(r, false)
		if err != nil {
			return err
		}
		if err := s.take(p); err != nil {
			return err
		}
	}
}

// take one packet. A packet for a device that is gone is let be: the guest does not
// know it yet.
func (s *session) take(p packet) error {
	s.mu.Lock()
	dev := s.dev
	s.mu.Unlock()
	switch {
	case p.kind == typeDisconnectAck:
		return s.acknowledged()
	case p.kind == typeCancel:
		s.cancel(p.id)
		return nil
	case dev == nil:
		return nil
	}
	switch p.kind {
	case typeReset:
		dev.Reset()
	case typeSetConfig:
		return s.setConfiguration(dev, p)
	case typeGetConfig:
		return s.send(packet{typeConfigStatus, p.id, []byte{statusSuccess, dev.Configuration()}})
	case typeSetAlt:
		return s.send(packet{typeAltStatus, p.id, []byte{ok(dev.SetInterface(p.body[0], p.body[1])), p.body[0], p.body[1]}})
	case typeGetAlt:
		return s.send(packet{typeAltStatus, p.id, []byte{ok(p.body[0] == 0), p.body[0], 0}})
	case typeControl:
		return s.control(dev, p)
	case typeBulk:
		return s.bulk(p)
	}
	return nil
}

// ok as a status: a refused request is a stalled one.
func ok(done bool) byte {
	if done {
		return statusSuccess
	}
	return statusStall
}

// setConfiguration: what the device is made of now comes before the status.
func (s *session) setConfiguration(dev *usb.Device, p packet) error {
	status := ok(dev.SetConfiguration(p.body[0]))
	if err := s.describe(dev.Configuration()); err != nil {
		return err
	}
	return s.send(packet{typeConfigStatus, p.id, []byte{status, dev.Configuration()}})
}

// describe endpoints and interfaces of a configuration; 0 has none.
func (s *session) describe(config byte) error {
	var endpoints []byte
	if config != 0 {
		endpoints = []byte{usb.EndpointOut, usb.EndpointIn}
	}
	if err := s.send(packet{kind: typeEndpointInfo, body: s.l.endpoints(endpoints, s.door.bridge.MaxPacket())}); err != nil {
		return err
	}
	return s.send(packet{kind: typeInterfaceInfo, body: interfaces(int(config), usb.Class, usb.SubClass, usb.Protocol)})
}

// control request: endpoint, request, type, status, value, index, length, data.
func (s *session) control(dev *usb.Device, p packet) error {
	b := p.body[:controlHeader]
	setup := usb.Setup{Request: b[1], Type: b[2], Value: binary.LittleEndian.Uint16(b[4:]),
		Index: binary.LittleEndian.Uint16(b[6:]), Length: binary.LittleEndian.Uint16(b[8:])}
	data, in := len(p.body)-controlHeader, setup.Type&0x80 != 0
	if in && data != 0 || !in && data != int(setup.Length) {
		return fmt.Errorf("a control packet that says %d bytes and has %d", setup.Length, data)
	}
	answer, err := dev.Control(setup)
	if b[3] = ok(err == nil); err != nil {
		answer = nil
	}
	if in || err != nil {
		binary.LittleEndian.PutUint16(b[8:], uint16(len(answer)))
	}
	return s.send(packet{typeControl, p.id, append(b, answer...)})
}

func (s *session) send(p packet) error {
	s.wmu.Lock()
	defer s.wmu.Unlock()
	_, err := s.conn.Write(s.l.bytes(p, false))
	return err
}
