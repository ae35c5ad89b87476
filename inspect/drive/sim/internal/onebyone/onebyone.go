// Package onebyone takes the clients of the models' sockets, one after the other.
package onebyone

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// firstWord is how long a client may be silent before it has said anything. Those of
// the protocols here speak at once: vhost-user with a request for features, usbredir
// with a hello.
var firstWord = 10 * time.Second

// Serve answers clients on l until ctx is done or the listener fails; it closes l.
// A client that says nothing is sent away, so that it bars nobody. again is called
// before every client but the first; log is told why a client's session ended with an
// error. Both may be nil. The error is nil when ctx ended it.
func Serve(ctx context.Context, l net.Listener, again func(), serve func(net.Conn) error, log func(string)) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	served := false
	for {
		c, err := l.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				_ = c.Close()
			}
			return nil
		case err != nil:
			return err
		}
		if err = spoken(ctx, c); err == nil {
			if served && again != nil {
				again()
			}
			served = true
			err = serve(c)
		} else {
			_ = c.Close()
		}
		if err != nil && ctx.Err() == nil && log != nil {
			log("connection ended: " + err.Error())
		}
	}
}

// spoken waits for a client's first byte and leaves it where it is: a message may
// carry descriptors, which only its reader can take.
func spoken(ctx context.Context, c net.Conn) error {
	s, ok := c.(syscall.Conn)
	if !ok {
		return errors.New("not a socket")
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })()
	if err := c.SetReadDeadline(time.Now().Add(firstWord)); err != nil {
		return err
	}
	var peek error
	err = raw.Read(func(fd uintptr) bool {
		_, _, peek = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return !errors.Is(peek, syscall.EAGAIN)
	})
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("the client said nothing for %s", firstWord)
	case err != nil:
		return err
	case peek != nil:
		return peek
	}
	return c.SetReadDeadline(time.Time{})
}
