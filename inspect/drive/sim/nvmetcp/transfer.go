package nvmetcp

// Bits of an SGL descriptor (Base, clause 4.1.2), byte 15 of the data pointer: the
// two that commands over TCP have (TCP, clause 3.3.2).
const (
	sglAt       = 24   // of the data pointer in the entry
	sglInside   = 0x01 // Data Block, offset: the data is in the capsule
	sglOutside  = 0x5a // Transport Data Block: the data comes by PDUs
	sglLengthAt = sglAt + 8
	sglTypeAt   = sglAt + 15
)

// Directions of data: bits 1:0 of the opcode, of the type for Fabrics commands
// (Base, clause 3.3.3.1 and 6).
const (
	dirNone = 0
	dirOut  = 1
	dirIn   = 2
)

func (c *command) direction() int {
	if c.opcode() == opFabrics {
		return int(c.sqe[4] & 3)
	}
	return int(c.opcode() & 3)
}

// capsule takes a command. It gives it back when all of its data is there; nil:
// it was answered, or its data is asked for.
func (q *queue) capsule(p pdu) (*command, error) {
	c := &command{queue: q}
	copy(c.sqe[:], p.head[commonLen:])
	if err := q.enter(c); err != nil {
		return nil, err
	}
	n := int64(le.Uint32(c.sqe[sglLengthAt:]))
	kind, dir := c.sqe[sglTypeAt], c.direction()
	switch {
	case dir == dirNone || dir == dirIn|dirOut || n == 0:
		return c, nil
	case kind != sglInside && kind != sglOutside, kind == sglInside && dir == dirIn:
		q.answer(c, 0, statusSGLType, nil)
		return nil, nil
	case n > transferMax:
		q.answer(c, 0, statusSGLLength, nil)
		return nil, nil
	case !q.server.hold(c, n):
		q.answer(c, 0, statusNotReady, nil)
		return nil, nil
	case dir == dirIn:
		c.in = int(n)
		return c, nil
	case kind == sglInside:
		return q.inside(c, p.data, int(n))
	}
	return nil, q.ask(c, int(n))
}

// hold room for a command's data until it is answered or its connection ends; false:
// there is none.
func (s *server) hold(c *command, n int64) bool {
	if s.held.Add(n) > heldMax {
		s.held.Add(-n)
		return false
	}
	c.held = n
	return true
}

// inside takes the data that came in the capsule. Its address is an offset.
func (q *queue) inside(c *command, data []byte, n int) (*command, error) {
	at := le.Uint64(c.sqe[sglAt:])
	if at > uint64(len(data)) {
		q.answer(c, 0, statusSGLOffset, nil)
		return nil, nil
	}
	if data = data[at:]; n > len(data) {
		q.answer(c, 0, statusSGLLength, nil)
		return nil, nil
	}
	c.out = data[:n]
	return c, nil
}

// enter counts a command in. More than the queue holds is no longer NVMe.
func (q *queue) enter(c *command) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	depth := q.depth
	if q.controller == nil {
		depth = 1
	}
	if len(q.inFlight) >= depth {
		return wrong(fesSequence, 0, "more than %d commands in a queue of that size", depth)
	}
	if q.inFlight[c.cid()] != nil {
		return wrong(fesSequence, 0, "command identifier %d is in use", c.cid())
	}
	q.inFlight[c.cid()] = c
	return nil
}

// ask for the data of a command (R2T).
func (q *queue) ask(c *command, n int) error {
	q.mu.Lock()
	c.want = n
	for q.tags[q.lastTag] != nil {
		q.lastTag++ // fewer wait than there are tags
	}
	tag := q.lastTag
	q.lastTag++
	q.tags[tag] = c
	q.mu.Unlock()
	return q.send(r2t(c.cid(), tag, n))
}

// data of a command that was asked for, in order (TCP, clause 3.3.2.1).
func (q *queue) data(p pdu) (*command, error) {
	cid, tag := le.Uint16(p.head[8:]), le.Uint16(p.head[10:])
	at, n := le.Uint32(p.head[12:]), le.Uint32(p.head[16:])
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.tags[tag]
	switch {
	case c == nil:
		return nil, wrong(fesHeader, 10, "data for the transfer tag %04x, which nobody asked for", tag)
	case c.cid() != cid:
		return nil, wrong(fesHeader, 8, "data for command %d with the tag of command %d", cid, c.cid())
	case int64(n) != int64(len(p.data)) || n == 0:
		return nil, wrong(fesHeader, 16, "%d bytes of data in a PDU that says %d", len(p.data), n)
	case int64(at) != int64(len(c.out)) || int64(n) > int64(c.want-len(c.out)):
		return nil, wrong(fesRange, 0, "data from %d to %d, where %d of %d bytes had come", at, int64(at)+int64(n), len(c.out), c.want)
	}
	c.out = append(c.out, p.data...)
	switch last := p.flags&flagLast != 0; {
	case last != (len(c.out) == c.want):
		return nil, wrong(fesHeader, 1, "the last data of a command, and %d of %d bytes had come", len(c.out), c.want)
	case !last:
		return nil, nil
	}
	delete(q.tags, tag)
	return c, nil
}
