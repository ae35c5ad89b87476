package nvmetcp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"handback.example/inspect/drive/sim"
)

// AnyNQN is a name that every door takes beside its own: who knows only an address
// (the appliance under 'handback-image try') reaches the drive by it.
const AnyNQN = "nqn.2026-01.example.handback:sim"

// discoveryNQN is the well-known name of discovery subsystems (Base, clause 4.5).
const discoveryNQN = "nqn.2014-08.org.nvmexpress.discovery"

// nqnMax is the longest name (Base, clause 4.5), the NUL not counted.
const nqnMax = 223

// Limits of one door.
const (
	connectionsMax = 64
	queuesMax      = 16  // I/O queues of a controller
	depthMax       = 128 // entries of a queue: CAP.MQES + 1
	// heldMax is how much data the commands under way have in this process, of all
	// connections.
	heldMax = 256 << 20
	// handshake is how long a client may take from its connection to Connect.
	handshake = 30 * time.Second
)

// Options of a door; the zero value is a good one.
type Options struct {
	// NQN of the subsystem; the model's own (SubNQN), or else one made of its name,
	// unless given. Two doors for one kernel need two names.
	NQN string
	// Advertise is the address, HOST:PORT, that the discovery log page names: that
	// which the client connected to unless given. A guest in QEMU's user network
	// knows this computer by another.
	Advertise string
	// Log hears of connections and of what clients did wrong. It may be called from
	// several goroutines.
	Log func(string)
}

// Serve is the door to one model, until ctx ends: it closes l and every connection
// and returns nil when all is over. Any other error is the listener's.
func Serve(ctx context.Context, l net.Listener, m sim.NVMe, o Options) error {
	return newServer(m, o).serve(ctx, l)
}

func newServer(m sim.NVMe, o Options) *server {
	s := &server{model: m, options: o, conns: map[*queue]bool{}, controllers: map[uint16]*controller{}}
	s.character()
	return s
}

func (s *server) serve(ctx context.Context, l net.Listener) error {
	if n := s.options.NQN; len(n) > nqnMax || n == discoveryNQN {
		return errors.Join(fmt.Errorf("NQN %q: not a name for a subsystem of at most %d bytes", n, nqnMax), l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.model.OnPlug(func(in bool) {
		if !in {
			s.drop("the drive was unplugged")
		}
	})
	s.model.OnEvent(s.event)
	stop := context.AfterFunc(ctx, func() {
		_ = l.Close()
		s.close()
	})
	defer stop()
	err := s.accept(ctx, l)
	if ctx.Err() != nil {
		err = nil
	}
	cancel()
	_ = l.Close()
	s.close()
	s.running.Wait()
	return err
}

// server is one door.
type server struct {
	model   sim.NVMe
	options Options
	running sync.WaitGroup
	held    atomic.Int64 // bytes of data of the commands under way

	mu          sync.Mutex
	closed      bool
	conns       map[*queue]bool
	controllers map[uint16]*controller

	firstID uint16 // of the first controller
	version uint32 // property VS
}

// character takes from the model what Connect and Property Get are answered with.
func (s *server) character() {
	if s.options.NQN == "" {
		s.options.NQN = AnyNQN + ":" + s.model.Name()
		if m, ok := s.model.(interface{ SubNQN() string }); ok {
			s.options.NQN = m.SubNQN()
		}
	}
	s.firstID, s.version = 1, defaultVS
	if m, ok := s.model.(interface{ CtrlID() uint16 }); ok {
		s.firstID = m.CtrlID()
	}
	if m, ok := s.model.(interface{ Version() uint32 }); ok {
		s.version = m.Version()
	}
}

func (s *server) accept(ctx context.Context, l net.Listener) error {
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		q := newQueue(s, c)
		if reason := s.admit(q); reason != "" {
			s.log("%s: refused: %s", c.RemoteAddr(), reason)
			_ = c.Close()
			continue
		}
		s.running.Go(func() { q.run(ctx) })
	}
}

// admit a connection, or say why not.
func (s *server) admit(q *queue) string {
	if !s.model.Plugged() {
		return "the drive is unplugged"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return "the door is closed"
	case len(s.conns) >= connectionsMax:
		return "too many connections"
	}
	s.conns[q] = true
	return ""
}

// gone forgets a connection.
func (s *server) gone(q *queue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, q)
}

// drop every connection there is.
func (s *server) drop(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns) > 0 {
		s.log("%d connections dropped: %s", len(s.conns), why)
	}
	for q := range s.conns {
		_ = q.conn.Close()
	}
}

func (s *server) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.drop("the door is closed")
}

func (s *server) log(format string, a ...any) {
	if s.options.Log != nil {
		s.options.Log(fmt.Sprintf(format, a...))
	}
}

// event of the drive goes to every controller of it.
func (s *server) event(dword0 uint32) {
	s.mu.Lock()
	var all []*controller
	for _, c := range s.controllers {
		if !c.discovery {
			all = append(all, c)
		}
	}
	s.mu.Unlock()
	for _, c := range all {
		c.event(dword0)
	}
}
