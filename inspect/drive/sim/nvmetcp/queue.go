package nvmetcp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// queue is one connection: one submission and completion queue of a controller
// (TCP, clause 3.1).
type queue struct {
	server *server
	conn   net.Conn
	align  int // of data to the host, from ICReq

	// Set by Connect, before anything else runs.
	controller *controller
	id         uint16
	depth      int
	flow       bool // the host looks at the head of the submission queue

	write sync.Mutex
	head  uint16 // of the submission queue

	mu       sync.Mutex
	inFlight map[uint16]*command
	tags     map[uint16]*command // by transfer tag: those that wait for data
	lastTag  uint16
}

// command is one submission queue entry that has no completion yet.
type command struct {
	queue *queue
	sqe   [sqeLen]byte
	out   []byte // data to the drive that came so far
	want  int    // how much there will be
	in    int    // room for data from the drive
	held  int64  // of the door's heldMax
}

func (c *command) opcode() byte { return c.sqe[0] }
func (c *command) cid() uint16  { return le.Uint16(c.sqe[2:]) }
func (c *command) cdw(n int) uint32 {
	return le.Uint32(c.sqe[4*n:])
}

func newQueue(s *server, c net.Conn) *queue {
	return &queue{server: s, conn: c, inFlight: map[uint16]*command{}, tags: map[uint16]*command{}}
}

// run is the whole life of a connection. What still runs when it ends is told so by
// its context and waited for.
func (q *queue) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	err := q.session(ctx, &running)
	if f := (*fault)(nil); errors.As(err, &f) {
		q.server.log("%s: %v", q.conn.RemoteAddr(), f)
		_ = q.conn.SetWriteDeadline(time.Now().Add(time.Second))
		_ = q.send(termination(f))
	}
	cancel()
	if q.controller != nil {
		q.controller.leave(q) // before the host sees the end: it may come again at once
	}
	_ = q.conn.Close()
	running.Wait()
	q.mu.Lock()
	for _, c := range q.inFlight {
		q.server.held.Add(-c.held)
	}
	q.mu.Unlock()
	q.server.gone(q)
}

// session answers PDUs until the connection ends.
func (q *queue) session(ctx context.Context, running *sync.WaitGroup) error {
	_ = q.conn.SetReadDeadline(time.Now().Add(handshake))
	if err := q.hello(); err != nil {
		return err
	}
	for {
		p, err := readPDU(q.conn)
		if err != nil {
			return err
		}
		var ready *command
		switch p.kind {
		case pduCapsuleCmd:
			ready, err = q.capsule(p)
		case pduH2CData:
			ready, err = q.data(p)
		case pduH2CTerm:
			q.server.log("%s: the host ended the connection: status %02x", q.conn.RemoteAddr(), le.Uint16(p.head[8:]))
			return io.EOF
		default:
			err = wrong(fesSequence, 0, "a second ICReq")
		}
		if f := (*fault)(nil); errors.As(err, &f) && f.header == nil {
			f.header = p.head
		}
		if err != nil {
			return err
		}
		if ready == nil {
			continue
		}
		if q.controller == nil { // Connect: nothing runs beside it
			if err := q.connect(ready); err != nil {
				return err
			}
			continue
		}
		running.Go(func() { q.execute(ctx, ready) })
	}
}

// hello is the exchange of ICReq and ICResp (TCP, clause 3.6.2).
func (q *queue) hello() error {
	p, err := readPDU(q.conn)
	if err != nil {
		return err
	}
	var f *fault
	switch {
	case p.kind != pduICReq:
		f = wrong(fesSequence, 0, "a PDU of type %02x before ICReq", p.kind)
	case le.Uint16(p.head[8:]) != 0:
		f = wrong(fesUnsupported, 8, "PDU format version %d", le.Uint16(p.head[8:]))
	case p.head[10] > 31:
		f = wrong(fesHeader, 10, "an alignment of %d dwords", int(p.head[10])+1)
	}
	if f != nil {
		f.header = p.head
		return f
	}
	q.align = 4 * (int(p.head[10]) + 1)
	return q.send(icResp())
}

func (q *queue) send(parts ...[]byte) error {
	q.write.Lock()
	defer q.write.Unlock()
	return q.sendLocked(parts...)
}

func (q *queue) sendLocked(parts ...[]byte) error {
	b := net.Buffers(parts)
	_, err := b.WriteTo(q.conn)
	return err
}

// answer a command: its data, if all is well, then its completion.
func (q *queue) answer(c *command, result uint64, status uint16, in []byte) {
	q.mu.Lock()
	delete(q.inFlight, c.cid())
	q.mu.Unlock()
	defer q.server.held.Add(-c.held)
	q.write.Lock()
	defer q.write.Unlock()
	head := uint16(0xffff) // no flow control
	if q.flow {
		q.head = (q.head + 1) % uint16(q.depth)
		head = q.head
	}
	var parts [][]byte
	if in = in[:min(len(in), c.in)]; status == 0 && len(in) > 0 {
		parts = append(parts, c2hHeader(c.cid(), q.align, len(in)), in)
	}
	parts = append(parts, capsuleResp(result, head, q.id, c.cid(), status))
	if err := q.sendLocked(parts...); err != nil {
		_ = q.conn.Close() // the reader ends it
	}
}
