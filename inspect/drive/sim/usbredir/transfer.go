package usbredir

import (
	"context"
	"errors"
	"fmt"

	"handback.example/inspect/drive/sim/usb"
)

// bulk transfer: it waits its turn at its endpoint and is answered from there.
func (s *session) bulk(p packet) error {
	t, err := s.l.parseBulk(p.body)
	if err != nil {
		return err
	}
	if t.endpoint != usb.EndpointIn && t.endpoint != usb.EndpointOut {
		t.status, t.length, t.data = statusInvalid, 0, nil
		return s.send(packet{typeBulk, p.id, s.l.bulk(t)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch _, twice := s.pending[p.id]; {
	case s.dev == nil:
		return nil
	case twice:
		return fmt.Errorf("two bulk packets of id %d at once", p.id)
	case len(s.pending) >= maxPending || s.bytes+len(t.data) > maxPendingBytes:
		return fmt.Errorf("more than %d bulk packets or %d bytes at once", maxPending, maxPendingBytes)
	}
	j := &job{dev: s.dev, id: p.id, t: t}
	j.ctx, j.cancel = context.WithCancel(s.ctx)
	s.pending[p.id] = j
	s.bytes += len(t.data)
	s.flight.Add(1)
	s.queues[t.endpoint>>7] <- j // has room for all that may be pending
	return nil
}

// cancel a transfer, which is then answered as cancelled; one that was answered
// meanwhile is not.
func (s *session) cancel(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.pending[id]; j != nil {
		j.cancel()
	}
}

// work off an endpoint's transfers in turn.
func (s *session) work(queue <-chan *job) {
	for j := range queue {
		s.run(j)
	}
}

func (s *session) run(j *job) {
	size := len(j.t.data)
	t := j.t
	err := j.ctx.Err()
	switch {
	case err != nil:
		t.length, t.data = 0, nil
	case t.endpoint == usb.EndpointIn:
		t.data, err = j.dev.In(j.ctx, int(min(t.length, maxBulk)))
		t.length = uint32(len(t.data))
	default:
		var n int
		n, err = j.dev.Out(j.ctx, t.data)
		t.length, t.data = uint32(n), nil
	}
	t.status = statusOf(err)
	j.cancel()
	s.mu.Lock()
	delete(s.pending, j.id)
	s.bytes -= size
	s.mu.Unlock()
	// An error is the connection's end, of which the listener hears too.
	_ = s.send(packet{typeBulk, j.id, s.l.bulk(t)})
	s.flight.Done()
}

func statusOf(err error) byte {
	switch {
	case err == nil:
		return statusSuccess
	case errors.Is(err, usb.ErrStall):
		return statusStall
	case errors.Is(err, usb.ErrBabble):
		return statusBabble
	case errors.Is(err, context.Canceled):
		return statusCancelled
	}
	return statusIOError
}
