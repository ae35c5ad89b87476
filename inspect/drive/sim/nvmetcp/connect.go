package nvmetcp

import (
	"bytes"
	"time"
)

// Opcodes (Base, figures 87 and 138) and types of Fabrics commands (Base, figure 498).
const (
	opFabrics = 0x7f

	fabricsSet     = 0x00 // Property Set
	fabricsConnect = 0x01
	fabricsGet     = 0x04 // Property Get
)

// Offsets in Connect and its data (Base, figures 501 and 502).
const (
	connectFormatAt  = 40
	connectQueueAt   = 42
	connectSizeAt    = 44
	connectAttrAt    = 46
	connectKATOAt    = 48
	connectDataLen   = 1024
	dataControllerAt = 16
	dataSubsystemAt  = 256
	dataHostAt       = 512

	attrNoFlow = 1 << 2 // disable SQ flow control
	anyID      = 0xffff // the dynamic controller model
)

// host is who connected: its identifier and name.
type host [16 + 256]byte

// refusal of Connect: the status, and where the parameter is that is wrong.
type refusal struct {
	status uint16
	at     int
	inData bool
}

func (r refusal) result() uint64 {
	if r.inData {
		return 1<<16 | uint64(r.at) // IATTR, IPO
	}
	return uint64(r.at)
}

// connect makes this connection a queue of a controller (Base, clause 6.3). A
// refusal leaves it as it was: the host may try again.
func (q *queue) connect(c *command) error {
	if c.opcode() != opFabrics || c.sqe[4] != fabricsConnect {
		q.answer(c, 0, statusSequence, nil)
		return nil
	}
	id, size := le.Uint16(c.sqe[connectQueueAt:]), le.Uint16(c.sqe[connectSizeAt:])
	r := refusal{}
	switch {
	case le.Uint16(c.sqe[connectFormatAt:]) != 0:
		r.status = statusFormat
	case len(c.out) != connectDataLen:
		r.status = statusSGLLength
	case id > queuesMax:
		r = refusal{statusInvalid, connectQueueAt, false}
	case size == 0 || int(size) >= depthMax:
		r = refusal{statusInvalid, connectSizeAt, false}
	}
	if r.status != 0 {
		q.answer(c, r.result(), r.status, nil)
		return nil
	}
	q.mu.Lock()
	q.id, q.depth = id, int(size)+1
	q.mu.Unlock()
	q.flow = c.sqe[connectAttrAt]&attrNoFlow == 0
	ctl, r := q.join(c)
	if r.status != 0 {
		q.server.log("%s: Connect for queue %d refused: status %03x at %d", q.conn.RemoteAddr(), id, r.status&0x7ff, r.at)
		q.answer(c, r.result(), r.status, nil)
		return nil
	}
	q.controller = ctl
	q.server.log("%s: queue %d of controller %d", q.conn.RemoteAddr(), id, ctl.id)
	q.answer(c, uint64(ctl.id), 0, nil)
	return q.conn.SetReadDeadline(time.Time{})
}

// join makes a controller for an admin queue, and finds that of an I/O queue.
func (q *queue) join(c *command) (*controller, refusal) {
	var h host
	copy(h[:16], c.out)
	copy(h[16:], c.out[dataHostAt:])
	id := le.Uint16(c.out[dataControllerAt:])
	name := c.out[dataSubsystemAt:dataHostAt]
	n := bytes.IndexByte(name, 0)
	if n < 0 {
		return nil, refusal{statusInvalid, dataSubsystemAt, true}
	}
	nqn := string(name[:n])
	discovery := nqn == discoveryNQN
	if !discovery && nqn != q.server.options.NQN && nqn != AnyNQN {
		return nil, refusal{statusInvalid, dataSubsystemAt, true}
	}
	if q.id > 0 {
		if discovery {
			return nil, refusal{statusInvalid, connectQueueAt, false}
		}
		return q.server.joinIO(q, id, h)
	}
	if id != anyID {
		return nil, refusal{statusInvalid, dataControllerAt, true}
	}
	return q.server.newController(q, h, discovery, time.Duration(c.cdw(connectKATOAt/4))*time.Millisecond)
}

// newController on its admin queue.
func (s *server) newController(q *queue, h host, discovery bool, kato time.Duration) (*controller, refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.controllers) >= connectionsMax {
		return nil, refusal{status: statusBusy}
	}
	c := &controller{server: s, id: s.freeID(discovery), host: h, discovery: discovery, queues: map[uint16]*queue{0: q}}
	s.controllers[c.id] = c
	c.keepAlive(kato)
	return c, refusal{}
}

// discoveryIDs are above those of the drive, which belong to its namespaces' lists.
const discoveryIDs = 0xf000

// freeID is the drive's own ID for the first host, and the next ones for more. FFF0h
// to FFFFh are reserved.
func (s *server) freeID(discovery bool) uint16 {
	id := s.firstID
	if discovery {
		id = discoveryIDs
	}
	for ; s.controllers[id] != nil || id == 0 || id >= 0xfff0; id++ {
	}
	return id
}

// joinIO finds the controller of an I/O queue.
func (s *server) joinIO(q *queue, id uint16, h host) (*controller, refusal) {
	s.mu.Lock()
	c := s.controllers[id]
	s.mu.Unlock()
	switch {
	case c == nil || c.discovery:
		return nil, refusal{statusInvalid, dataControllerAt, true}
	case c.host != h:
		return nil, refusal{statusInvalid, dataHostAt, true}
	}
	return c, c.join(q)
}
