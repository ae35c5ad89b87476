package vhost

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// queue is one ring as the front end sets it up. It starts and stops again and
// again: firmware drives it before the kernel does.
type queue struct {
	session *session
	index   int

	mu      sync.Mutex
	num     uint32
	base    uint16 // the available entry to begin with
	at      addresses
	kick    *os.File // nil: none, the ring is stopped
	call    int      // -1: none
	enabled bool
	live    *life // nil while it is stopped
}

// life of a queue from a start to a stop.
type life struct {
	ring    *ring
	ctx     context.Context
	cancel  context.CancelFunc
	flights map[uint16]*flight // requests under way, by the head of their chain
}

// setKick takes the eventfd by which the guest tells of requests, and starts the
// ring. It must be non-blocking already: the flag is the front end's too, so that
// it is never changed here.
func (q *queue) setKick(fd int) error {
	if fd < 0 {
		return fmt.Errorf("ring %d comes without a kick: it can't be polled", q.index)
	}
	own, err := keep(fd)
	if err != nil {
		return err
	}
	q.stop()
	q.kick = os.NewFile(uintptr(own), "kick")
	return q.start()
}

// setCall takes the eventfd by which the guest is told of answers. It is told at once:
// an answer may have gone to the eventfd before, to which QEMU listens no longer when it
// sends this one, and a guest that is told for nothing looks and goes on.
func (q *queue) setCall(fd int) error {
	own := -1
	if fd >= 0 {
		var err error
		if own, err = keep(fd); err != nil {
			return err
		}
	}
	if q.call >= 0 {
		_ = unix.Close(q.call)
	}
	q.call = own
	q.interrupt()
	return nil
}

// interrupt the guest, if it may be. EAGAIN: the counter is full, so that it will be.
func (q *queue) interrupt() {
	if q.call >= 0 {
		_, _ = unix.Write(q.call, binary.NativeEndian.AppendUint64(nil, 1))
	}
}

// keep a descriptor of a message, if reading and writing it never blocks.
func keep(fd int) (int, error) {
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	switch {
	case err != nil:
		return -1, err
	case flags&unix.O_NONBLOCK == 0:
		return -1, errors.New("eventfd that blocks")
	}
	return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
}

func (q *queue) enable(on bool) error {
	q.enabled = on
	if on {
		return q.start()
	}
	q.pause()
	return nil
}

// start the ring if all is there. The caller holds q.mu.
func (q *queue) start() error {
	if q.live != nil || q.kick == nil || !q.enabled {
		return nil
	}
	r, err := newRing(&q.session.mem, q.num, q.at, q.base)
	if err != nil {
		return fmt.Errorf("ring %d: %w", q.index, err)
	}
	l := &life{ring: r, flights: map[uint16]*flight{}}
	l.ctx, l.cancel = context.WithCancel(q.session.ctx)
	if err := q.kick.SetReadDeadline(time.Time{}); err != nil {
		l.cancel()
		return fmt.Errorf("ring %d: its kick is no eventfd: %w", q.index, err)
	}
	q.live = l
	go q.serve(l, q.kick)
	return nil
}

// pause forgets the requests under way. The caller holds q.mu.
func (q *queue) pause() {
	if q.live == nil {
		return
	}
	q.live.cancel()
	q.base = q.live.ring.next
	q.live = nil
	// Wakes the reader; the next life reads anew.
	_ = q.kick.SetReadDeadline(past)
}

// stop the ring for good. The caller holds q.mu.
func (q *queue) stop() {
	q.pause()
	if q.kick != nil {
		_ = q.kick.Close()
		q.kick = nil
	}
}

// reset to what a queue is when a front end connects.
func (q *queue) reset() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stop()
	_ = q.setCall(-1) // without a descriptor there is no error
	q.num, q.base, q.at, q.enabled = 0, 0, addresses{}, false
}

// serve a life of the queue: look at its ring at once, then after each kick. A kick
// that comes to the reader of a life that is over is for the next one: it looks
// once more before it goes.
func (q *queue) serve(l *life, kick *os.File) {
	for {
		if err := q.look(); err != nil {
			q.session.fail(fmt.Errorf("ring %d: %w", q.index, err))
			return
		}
		if l.ctx.Err() != nil {
			return
		}
		var count [8]byte
		if _, err := kick.Read(count[:]); err != nil {
			if l.ctx.Err() == nil {
				q.session.fail(fmt.Errorf("kick of ring %d: %w", q.index, err))
			}
			return
		}
	}
}

// look at the ring and take what it offers.
func (q *queue) look() error {
	if q.index == eventRing {
		return q.session.tell() // its buffers wait in the ring until there is an event
	}
	for {
		f, err := q.next()
		if f == nil || err != nil {
			return err
		}
		go f.run()
	}
}

// next request of the ring; nil: there is none.
func (q *queue) next() (*flight, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.live
	if l == nil {
		return nil, nil
	}
	var f *flight
	err := q.session.mem.use(func() error {
		c, ok, err := l.ring.take()
		if err != nil || !ok {
			return err
		}
		if l.flights[c.head] != nil {
			return fmt.Errorf("descriptor %d is under way already", c.head)
		}
		f, err = newFlight(q, l, c)
		return err
	})
	if f != nil && err == nil {
		l.flights[f.chain.head] = f
	}
	return f, err
}

// finish a request with what stands in its answer, once: a request that was
// aborted, or whose ring has stopped, is over.
func (q *queue) finish(f *flight, answer ...[]byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f.cancel()
	if q.live != f.life || f.life.flights[f.chain.head] != f {
		return
	}
	delete(f.life.flights, f.chain.head)
	if err := q.give(f.life.ring, f.chain, answer...); err != nil {
		q.session.fail(fmt.Errorf("ring %d: %w", q.index, err))
	}
}

// give an answer to the guest. The caller holds q.mu.
func (q *queue) give(r *ring, c chain, answer ...[]byte) error {
	all := bytes.Join(answer, nil)
	if uint64(len(all)) > length(c.in) {
		return fmt.Errorf("%d bytes for an answer of %d", length(c.in), len(all))
	}
	interrupt := false
	err := q.session.mem.use(func() error {
		if err := q.session.mem.scatter(c.in, all); err != nil {
			return err
		}
		var err error
		interrupt, err = r.give(c.head, uint32(len(all)))
		return err
	})
	if err == nil && interrupt {
		q.interrupt()
	}
	return err
}
