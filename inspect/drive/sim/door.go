package sim

import (
	"context"
	"net"
)

// OneByOne answers the clients of a door on l, one after the other, until ctx is done
// or the listener fails; it closes l. again is called before every client but the
// first; log is told why a client's session ended with an error. Both may be nil. The
// error is nil when ctx ended it.
func OneByOne(ctx context.Context, l net.Listener, again func(), serve func(net.Conn) error, log func(string)) error {
	defer l.Close()
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	for n := 0; ; n++ {
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
		if n > 0 && again != nil {
			again()
		}
		if err := serve(c); err != nil && ctx.Err() == nil && log != nil {
			log("connection ended: " + err.Error())
		}
	}
}
