package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// pullWait: an engine that gives no View for this long counts as away.
	pullWait = 3 * time.Second
	// sendWait: taking an Intent may mean to write to a slow stick first.
	sendWait = 60 * time.Second
)

// Client is a screen's end of the socket. It connects when it is asked for
// something and again after every failure, so an engine that starts again is
// found by the next Pull. Both methods may be called at once: an Intent that
// takes long does not hold up the View.
type Client struct {
	pull, send line
}

// NewSocketClient does not connect yet.
func NewSocketClient(path string) *Client {
	return &Client{pull: line{path: path}, send: line{path: path}}
}

// Pull gives the View of now.
func (c *Client) Pull(ctx context.Context) (View, error) {
	return c.pull.ask(ctx, Request{}, pullWait)
}

// Send gives an Intent to the engine, once: after an error nobody knows whether
// it was taken, and only the next View tells.
func (c *Client) Send(ctx context.Context, i Intent) (View, error) {
	return c.send.ask(ctx, Request{Intent: &i}, sendWait)
}

// Close ends the connections; a later call connects anew.
func (c *Client) Close() error {
	c.pull.close()
	c.send.close()
	return nil
}

// line is one connection: one request at a time, one answer to each.
type line struct {
	path string
	mu   sync.Mutex
	conn net.Conn
	r    *bufio.Reader
	have uint64
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

func (l *line) drop() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn, l.r = nil, nil
	}
}

func (l *line) ask(ctx context.Context, req Request, wait time.Duration) (View, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req.Have = l.have
	v, err := l.roundTrip(ctx, req)
	if err != nil || req.Intent != nil {
		// Intents are rare, and the engine hangs up on a line that is idle: each has
		// a connection of its own, so that none is lost in a dead one.
		l.drop()
	}
	if err != nil {
		return View{}, err
	}
	l.have = v.Revision
	return v, nil
}

func (l *line) roundTrip(ctx context.Context, req Request) (View, error) {
	b, err := json.Marshal(req)
	if err != nil {
		return View{}, err
	}
	if l.conn == nil {
		var d net.Dialer
		if l.conn, err = d.DialContext(ctx, "unix", l.path); err != nil {
			return View{}, err
		}
		l.r = bufio.NewReader(l.conn)
	}
	conn := l.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := conn.Write(append(b, '\n')); err != nil {
		return View{}, err
	}
	answer, err := readLine(l.r, maxReply)
	if err != nil {
		return View{}, err
	}
	if !stop() {
		// The deadline that fired may cut the next request: begin anew.
		return View{}, ctx.Err()
	}
	var rep Reply
	if err := json.Unmarshal(answer, &rep); err != nil {
		return View{}, fmt.Errorf("the engine's answer can't be read: %w", err)
	}
	return rep.View, nil
}
