package vmtest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
)

// errGone: the machine has ended, and its monitor with it.
var errGone = errors.New("the virtual machine has ended")

// qmpEvent is something that QEMU tells unasked.
type qmpEvent struct {
	Event string          `json:"event"`
	Data  json.RawMessage `json:"data"`
}

// qmpMessage is one line from QEMU (QEMU Machine Protocol Specification, section
// 2): a greeting, a return, an error or an event.
type qmpMessage struct {
	QMP    json.RawMessage `json:"QMP"`
	ID     *uint64         `json:"id"`
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
	qmpEvent
}

// monitor is a client of QEMU's machine protocol over one connection.
type monitor struct {
	conn   io.ReadWriteCloser
	mu     sync.Mutex
	next   uint64
	wait   map[uint64]chan qmpMessage
	closed bool
	events func(qmpEvent)
	done   chan struct{} // the connection has ended and every event is given
}

// newMonitor reads the greeting and leaves negotiation mode. Every event is
// given to events, in order, from one goroutine.
func newMonitor(ctx context.Context, conn io.ReadWriteCloser, events func(qmpEvent)) (*monitor, error) {
	m := &monitor{conn: conn, wait: map[uint64]chan qmpMessage{}, events: events, done: make(chan struct{})}
	go m.read()
	if err := m.do(ctx, "qmp_capabilities", nil, nil); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return m, nil
}

func (m *monitor) read() {
	defer close(m.done)
	s := bufio.NewScanner(m.conn)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var msg qmpMessage
		if json.Unmarshal(s.Bytes(), &msg) != nil {
			break // not QEMU's protocol: nothing after it can be trusted
		}
		switch {
		case msg.Event != "":
			m.events(msg.qmpEvent)
		case msg.ID != nil:
			m.mu.Lock()
			c := m.wait[*msg.ID]
			delete(m.wait, *msg.ID)
			m.mu.Unlock()
			if c != nil {
				c <- msg
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, c := range m.wait {
		close(c)
	}
	m.wait = nil
	_ = m.conn.Close()
}

// do runs one command and reads its answer into out, where out is not nil.
func (m *monitor) do(ctx context.Context, command string, args, out any) error {
	c := make(chan qmpMessage, 1)
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return fmt.Errorf("QMP %s: %w", command, errGone)
	}
	m.next++
	id := m.next
	m.wait[id] = c
	b, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
		ID        uint64 `json:"id"`
	}{command, args, id})
	if err == nil {
		_, err = m.conn.Write(append(b, '\n'))
	}
	m.mu.Unlock()
	if err != nil {
		return fmt.Errorf("QMP %s: %w", command, err)
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("QMP %s: no answer: %w", command, ctx.Err())
	case msg, ok := <-c:
		switch {
		case !ok:
			return fmt.Errorf("QMP %s: %w", command, errGone)
		case msg.Error != nil:
			return fmt.Errorf("QMP %s: %s", command, msg.Error.Desc)
		case out != nil:
			return json.Unmarshal(msg.Return, out)
		}
		return nil
	}
}

// finished waits until every event of a machine that has ended is given.
func (m *monitor) finished() { <-m.done }
