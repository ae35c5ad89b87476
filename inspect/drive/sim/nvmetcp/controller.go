package nvmetcp

import (
	"context"
	"sync"
	"time"
)

// Properties (Base, figure 33): offsets.
const (
	propCAP  = 0x00
	propVS   = 0x08
	propCC   = 0x14
	propCSTS = 0x1c
)

// Their values. CAP: MQES 127, CQR, 15 s to become ready, the NVM command set, pages
// of 4 KiB. VS of a model that does not say: 1.4.
const (
	valueCAP  = depthMax - 1 | 1<<16 | 30<<24 | 1<<37
	defaultVS = 0x00010400

	ccEnable     = 1 << 0
	ccShutdown   = 3 << 14               // SHN
	ccMustBeZero = 7<<4 | 0xf<<7 | 7<<11 // CSS, MPS, AMS: what CAP does not offer
	ccEntries    = 0xff << 16            // IOSQES, IOCQES
	ccEntriesNVM = 4<<20 | 6<<16         // 16 and 64 bytes
	cstsReady    = 1 << 0
	cstsFatal    = 1 << 1
	cstsShutDone = 2 << 2
)

// eventsMax is how many Asynchronous Event Requests are held (AERL + 1), and how
// many events wait for one.
const eventsMax = 4

// controller is one association of a host (Base, clause 3.1.1): an admin queue and
// its I/O queues. It ends with its admin queue.
type controller struct {
	server    *server
	id        uint16
	host      host
	discovery bool

	mu     sync.Mutex
	queues map[uint16]*queue
	cc     uint32
	csts   uint32
	held   []chan uint32 // Asynchronous Event Requests
	events []uint32      // that nobody has asked for yet
	kato   time.Duration
	alive  *time.Timer
	ended  bool
}

// join an I/O queue.
func (c *controller) join(q *queue) refusal {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ended:
		return refusal{statusInvalid, dataControllerAt, true}
	case c.csts&cstsReady == 0:
		return refusal{status: statusSequence}
	case c.queues[q.id] != nil:
		return refusal{statusInvalid, connectQueueAt, false}
	}
	c.queues[q.id] = q
	return refusal{}
}

// leave is the end of a connection. With the admin queue the association ends: a
// controller level reset for the drive (Base, clause 3.7.2).
func (c *controller) leave(q *queue) {
	c.mu.Lock()
	if c.queues[q.id] == q {
		delete(c.queues, q.id)
	}
	last := q.id == 0 && !c.ended
	c.ended = c.ended || last
	reset := last && c.csts&cstsReady != 0 && !c.discovery
	c.mu.Unlock()
	if !last {
		return
	}
	c.server.mu.Lock()
	delete(c.server.controllers, c.id)
	c.server.mu.Unlock()
	if reset {
		c.server.model.Reset()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive != nil {
		c.alive.Stop()
	}
	c.dropQueues()
}

// dropQueues ends the I/O queues. The caller holds mu.
func (c *controller) dropQueues() {
	for id, q := range c.queues {
		if id > 0 {
			_ = q.conn.Close()
		}
	}
}

// ready takes commands other than those of Fabrics.
func (c *controller) ready() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.csts&cstsReady != 0
}

// property gives a property of 4 or 8 bytes.
func (c *controller) property(at uint32, eight bool) (uint64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case at == propCAP && eight:
		return valueCAP, true
	case at == propVS && !eight:
		return uint64(c.server.version), true
	case at == propCC && !eight:
		return uint64(c.cc), true
	case at == propCSTS && !eight:
		return uint64(c.csts), true
	}
	return 0, false
}

// configure is a write to CC: enable, reset, shut down (Base, clause 3.1.3.5).
func (c *controller) configure(cc uint32) {
	c.mu.Lock()
	was := c.cc
	c.cc = cc
	reset := was&ccEnable != 0 && cc&ccEnable == 0
	switch {
	case reset:
		for _, h := range c.held {
			close(h)
		}
		c.csts, c.held, c.events = 0, nil, nil
		c.dropQueues()
	case was&ccEnable == 0 && cc&ccEnable != 0:
		c.csts = cstsReady
		if cc&ccMustBeZero != 0 || cc&ccEntries != ccEntriesNVM {
			c.csts = cstsFatal
		}
	}
	c.csts &^= cstsShutDone
	if cc&ccShutdown != 0 {
		c.csts |= cstsShutDone
	}
	c.mu.Unlock()
	if reset && !c.discovery {
		c.server.model.Reset()
	}
}

// hold an Asynchronous Event Request until there is an event, the controller is
// reset or the connection ends.
func (c *controller) hold(ctx context.Context, r *command) {
	c.mu.Lock()
	switch {
	case len(c.events) > 0:
		e := c.events[0]
		c.events = c.events[1:]
		c.mu.Unlock()
		r.queue.answer(r, uint64(e), 0, nil)
		return
	case len(c.held) >= eventsMax:
		c.mu.Unlock()
		r.queue.answer(r, 0, statusTooMany, nil)
		return
	}
	happened := make(chan uint32, 1)
	c.held = append(c.held, happened)
	c.mu.Unlock()
	select {
	case e, ok := <-happened:
		if ok {
			r.queue.answer(r, uint64(e), 0, nil)
		}
	case <-ctx.Done():
	}
}

// event of the drive, for the request that is held, or for the next one. Of more
// than a host asks for the newest are lost.
func (c *controller) event(dword0 uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case len(c.held) > 0:
		c.held[0] <- dword0
		c.held = c.held[1:]
	case c.csts&cstsReady != 0 && len(c.events) < eventsMax:
		c.events = append(c.events, dword0)
	}
}

// keepAlive sets the time after which a host that is silent is given up; 0: never.
func (c *controller) keepAlive(kato time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kato = kato
	if c.alive != nil {
		c.alive.Stop()
		c.alive = nil
	}
	if kato == 0 || c.ended {
		return
	}
	// A virtual machine that has the processor every now and then only is late, not
	// dead: it gets twice the time.
	c.alive = time.AfterFunc(2*kato, func() {
		c.server.log("controller %d: no Keep Alive for %v", c.id, 2*kato)
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, q := range c.queues {
			_ = q.conn.Close()
		}
	})
}

// heard from the host.
func (c *controller) heard() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.alive != nil {
		c.alive.Reset(2 * c.kato)
	}
}
