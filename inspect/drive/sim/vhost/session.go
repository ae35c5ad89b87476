package vhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"handback.example/inspect/drive/sim"
)

// Features that the controller offers.
const (
	featureHotplug = 1 << 1 // VIRTIO_SCSI_F_HOTPLUG (virtio 1.2 clause 5.6.3)
	// VIRTIO_SCSI_F_CHANGE: QEMU acknowledges it whether it was offered or not.
	featureChange   = 1 << 2
	featureIndirect = 1 << 28 // VIRTIO_F_INDIRECT_DESC
	featureProtocol = 1 << 30 // VHOST_USER_F_PROTOCOL_FEATURES: without it QEMU refuses
	featureVersion1 = 1 << 32 // VIRTIO_F_VERSION_1

	features = featureHotplug | featureChange | featureIndirect | featureProtocol | featureVersion1

	protocolMQ       = 1 << 0 // GET_QUEUE_NUM
	protocolReplyAck = 1 << 3 // the front end waits for what it marks

	protocolFeatures = protocolMQ | protocolReplyAck
)

// Rings of a controller (virtio 1.2 clause 5.6.2): control, events, requests.
const (
	controlRing = 0
	eventRing   = 1
	firstRing   = 2
	maxRings    = firstRing + 16
)

// session is one front end's connection.
type session struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	targets []sim.SCSI
	mem     memory
	queues  [maxRings]*queue
	conn    io.Closer // closed when a ring finds rubbish

	features atomic.Uint64 // that the guest takes
	held     atomic.Int64  // bytes of data of the requests under way

	events sync.Mutex
	news   []news // events that the guest has not taken yet
	missed bool
}

func newSession(ctx context.Context, targets []sim.SCSI, conn io.Closer) *session {
	x := &session{targets: targets, conn: conn}
	x.ctx, x.cancel = context.WithCancelCause(ctx)
	for i := range x.queues {
		x.queues[i] = &queue{session: x, index: i, call: -1}
	}
	return x
}

// fail ends the session for what a ring found.
func (x *session) fail(err error) {
	x.cancel(err)
	_ = x.conn.Close()
}

// run answers messages until the front end leaves, which is no error.
func (x *session) run(c *net.UnixConn) error {
	for {
		m, err := readMessage(c)
		if err == nil {
			err = x.answer(c, m)
		}
		switch cause := context.Cause(x.ctx); {
		case cause != nil:
			return cause
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (x *session) answer(c io.Writer, m message) error {
	out, err := x.handle(m)
	closeAll(m.fds)
	if err == nil && out == nil && m.flags&flagNeedReply != 0 {
		out = reply64(m.request, 0) // done
	}
	if err == nil && out != nil {
		_, err = c.Write(out)
	}
	return err
}

// close ends all rings; requests under way find nothing to answer to.
func (x *session) close() {
	x.cancel(context.Canceled)
	for _, q := range x.queues {
		q.reset()
	}
	x.mem.close()
}

// handle one message; the reply is nil where there is none. The caller closes the
// descriptors.
func (x *session) handle(m message) ([]byte, error) {
	switch m.request {
	case getFeatures:
		return reply64(m.request, features), nil
	case getProtocolFeatures:
		return reply64(m.request, protocolFeatures), nil
	case getQueueNum:
		return reply64(m.request, maxRings), nil
	case setFeatures:
		return nil, x.setFeatures(m)
	case setProtocolFeatures:
		v, err := m.u64()
		if err == nil && v&^protocolFeatures != 0 {
			err = fmt.Errorf("protocol features %#x were not offered", v&^protocolFeatures)
		}
		return nil, err
	case setOwner:
		return nil, nil
	case resetOwner:
		for _, q := range x.queues {
			q.reset()
		}
		return nil, nil
	case setMemTable:
		places, err := m.places()
		if err != nil {
			return nil, err
		}
		return nil, x.mem.replace(places, m.fds)
	case setVringNum, setVringBase, setVringEnable, getVringBase:
		return x.state(m)
	case setVringAddr:
		i, a, err := m.addresses()
		return nil, x.onQueue(i, err, func(q *queue) error { q.at = a; return nil })
	case setVringKick, setVringCall, setVringErr:
		return nil, x.descriptor(m)
	}
	return nil, fmt.Errorf("message %d is not known", m.request)
}

func (x *session) setFeatures(m message) error {
	v, err := m.u64()
	if err == nil && v&^uint64(features) != 0 {
		err = fmt.Errorf("features %#x were not offered", v&^uint64(features))
	}
	if err != nil {
		return err
	}
	x.features.Store(v)
	if v&featureProtocol != 0 {
		return nil
	}
	// Rings of a front end without protocol features are enabled from the start.
	for _, q := range x.queues {
		if err := x.onQueue(uint32(q.index), nil, func(q *queue) error { return q.enable(true) }); err != nil {
			return err
		}
	}
	return nil
}

// state messages carry a ring's index and a number.
func (x *session) state(m message) ([]byte, error) {
	i, n, err := m.state()
	var out []byte
	err = x.onQueue(i, err, func(q *queue) error {
		switch m.request {
		case setVringNum:
			q.num = n
		case setVringBase:
			if n > 0xffff {
				return fmt.Errorf("ring base %d", n)
			}
			q.base = uint16(n)
		case setVringEnable:
			return q.enable(n == 1)
		case getVringBase:
			q.stop()
			out = binary.LittleEndian.AppendUint32(nil, i)
			out = reply(m.request, binary.LittleEndian.AppendUint32(out, uint32(q.base)))
		}
		return nil
	})
	return out, err
}

// descriptor messages bring an eventfd for a ring.
func (x *session) descriptor(m message) error {
	i, fd, err := m.descriptor()
	return x.onQueue(i, err, func(q *queue) error {
		switch m.request {
		case setVringKick:
			return q.setKick(fd)
		case setVringCall:
			return q.setCall(fd)
		}
		return nil // errors of rings end the connection: nobody is told otherwise
	})
}

// onQueue runs f with a queue locked, unless parsing its message failed.
func (x *session) onQueue(i uint32, err error, f func(*queue) error) error {
	switch {
	case err != nil:
		return err
	case i >= maxRings:
		return fmt.Errorf("ring %d of %d", i, maxRings)
	}
	q := x.queues[i]
	q.mu.Lock()
	defer q.mu.Unlock()
	return f(q)
}
