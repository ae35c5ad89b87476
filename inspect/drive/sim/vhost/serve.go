package vhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"handback.example/inspect/drive/sim"
	"handback.example/inspect/drive/sim/internal/onebyone"
)

// maxTargets is how many a virtio SCSI controller of QEMU can name.
const maxTargets = 256

// Server is a controller with its drives. Its fields are set before Serve.
type Server struct {
	// Targets are the drives; the place of one is its target number. A nil place is a
	// target that isn't there.
	Targets []sim.SCSI
	// PowerCycleOnConnect takes every connection but the first as a machine that was
	// switched off and on again: all drives lose their power before it is served. A
	// guest that only restarts keeps its connection, and its drives their power.
	PowerCycleOnConnect bool
	// Log is told why a connection ended, other than by its client's wish. nil:
	// nobody is.
	Log func(string)

	mu      sync.Mutex
	session *session
}

// Serve answers front ends on l with these targets until ctx is done; see Server.
func Serve(ctx context.Context, l net.Listener, targets ...sim.SCSI) error {
	return (&Server{Targets: targets}).Serve(ctx, l)
}

// Serve answers front ends on a unix socket, one after the other, until ctx is done
// or the listener fails; it closes l. The error is nil when ctx ended it.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if len(s.Targets) > maxTargets {
		return errors.Join(fmt.Errorf("%d drives for one controller: it takes %d", len(s.Targets), maxTargets), l.Close())
	}
	for i, t := range s.Targets {
		if t != nil {
			t.OnPlug(func(in bool) { s.plugged(i, in) })
		}
	}
	again := s.powerCycle
	if !s.PowerCycleOnConnect {
		again = nil
	}
	return onebyone.Serve(ctx, l, again, func(c net.Conn) error { return s.serve(ctx, c) }, s.Log)
}

func (s *Server) powerCycle() {
	for _, t := range s.Targets {
		if t != nil && t.Plugged() {
			sim.SwitchOn(t)
		}
	}
}

// serve one front end until it leaves.
func (s *Server) serve(ctx context.Context, c net.Conn) error {
	defer c.Close()
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("vhost-user needs a unix socket: it passes descriptors")
	}
	x := newSession(ctx, s.Targets, conn)
	defer x.close()
	defer context.AfterFunc(x.ctx, func() { _ = conn.Close() })()
	s.set(x)
	defer s.set(nil)
	return x.run(conn)
}

func (s *Server) set(x *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = x
}

// plugged tells the guest, if there is one.
func (s *Server) plugged(target int, in bool) {
	s.mu.Lock()
	x := s.session
	s.mu.Unlock()
	if x != nil {
		x.plugged(target, in)
	}
}
