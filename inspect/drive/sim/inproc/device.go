package inproc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/drive/sim"
)

// speaker is one command set: how commands and blocks get to a model.
type speaker interface {
	protocol() drive.Protocol
	// send runs one command; its error means that no answer came.
	send(ctx context.Context, c drive.Command) (drive.Completion, error)
	// geometry asks the drive, over a transport that gives up in time.
	geometry(ctx context.Context, t drive.Transport) (drive.Geometry, error)
	identify(ctx context.Context, t drive.Transport, size int64) (drive.Identity, error)
	// largest is the longest transfer of one read or write, bytes.
	largest() int
	read(ctx context.Context, p []byte, block int64, size int) error
	write(ctx context.Context, p []byte, block int64, size int) error
	flush(ctx context.Context) error
}

// Time limits as Linux has them.
const (
	defaultTimeout = time.Minute
	ioTimeout      = 30 * time.Second
	flushTimeout   = 3 * time.Minute
)

// device is an open model.
type device struct {
	*slot
	clock  sim.Clock
	fenced drive.Transport
	geo    drive.Geometry
	done   func()
	closed bool
}

// bounded is a transport that gives up what is not answered in time, and resets the
// drive, as a kernel does.
type bounded struct{ d *device }

func (d *device) raw() drive.Transport { return bounded{d} }

func (b bounded) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	d := b.d
	if err := answer.Check(c, d.speak.protocol()); err != nil {
		return drive.Completion{}, err
	}
	limit := c.Timeout
	if limit <= 0 {
		limit = defaultTimeout
	}
	start := d.clock.Now()
	var done drive.Completion
	own := c // the model's memory until it lets it go
	own.Frame, own.Data = append([]byte(nil), c.Frame...), append([]byte(nil), c.Data...)
	err := d.within(ctx, limit, func(ctx context.Context) (err error) {
		done, err = d.speak.send(ctx, own)
		return err
	})
	if err != nil {
		return drive.Completion{Duration: d.clock.Now().Sub(start)}, fmt.Errorf("%s: %w", answer.Operation(c), err)
	}
	done.Duration = d.clock.Now().Sub(start)
	if c.Direction == drive.DirectionIn {
		copy(c.Data, own.Data)
	}
	return done, answer.Judge(c, done)
}

// within runs fn until its time is over; then the command is aborted and the drive
// reset. What fn wrote may be read only where the error is nil.
func (d *device) within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	work, over := inner, func() {}
	if m, ok := d.clock.(*sim.Manual); ok {
		work, over = m.Working(inner)
	}
	go func() {
		defer over()
		ended <- fn(work)
	}()
	late := make(chan struct{})
	go func() {
		if d.clock.Sleep(inner, limit) == nil {
			close(late)
		}
	}()
	select {
	case err := <-ended:
		return answered(err)
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", drive.ErrNoAnswer, ctx.Err())
	case <-late:
	}
	// A test's clock may be moved in leaps while a command is at work.
	select {
	case err := <-ended:
		return answered(err)
	case <-time.After(leap):
	}
	stop()
	<-ended
	d.model.Reset()
	return fmt.Errorf("%w for %s", drive.ErrNoAnswer, limit)
}

// leap is the real time that a command has to end when a clock has leapt over its
// time limit.
const leap = 100 * time.Millisecond

// answered tells of a drive that has gone in a kernel's words.
func answered(err error) error {
	if errors.Is(err, sim.ErrGone) {
		return fmt.Errorf("%w: %w", drive.ErrNoAnswer, unix.ENODEV)
	}
	return err
}

func (d *device) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if d.closed {
		return drive.Completion{}, unix.EBADF
	}
	return d.fenced.Do(ctx, c)
}

// measure asks the drive for its size. One that does not say it now (it is locked,
// it is being erased) has the size that it had, as a kernel keeps it.
func (d *device) measure() error {
	g, err := d.speak.geometry(context.Background(), d.fenced)
	d.known.Lock()
	defer d.known.Unlock()
	switch {
	case err == nil:
		d.known.geo = g
	case d.known.geo.Size == 0:
		return fmt.Errorf("ask for its size: %w", err)
	}
	d.geo = d.known.geo
	return nil
}

func (d *device) Geometry() drive.Geometry { return d.geo }

func (d *device) Provenance() drive.Provenance { return drive.ProvenanceModel }

func (d *device) Identify(ctx context.Context) (drive.Identity, error) {
	id, err := d.speak.identify(ctx, d.fenced, d.geo.Size)
	if err != nil {
		return drive.Identity{}, fmt.Errorf("identify %s: %w", d.path, err)
	}
	if id.Bus == drive.BusUnknown {
		id.Bus = d.bus
	}
	id.Size = d.geo.Size
	return id, nil
}

func (d *device) Close() error {
	if d.closed {
		return unix.EBADF
	}
	d.closed = true
	if d.done != nil {
		d.done()
	}
	return nil
}

// aligned: what O_DIRECT holds its callers to.
func (d *device) aligned(p []byte, off int64) error {
	n := int64(d.geo.LogicalBlock)
	if d.closed {
		return unix.EBADF
	}
	if n <= 0 || off < 0 || off%n != 0 || int64(len(p))%n != 0 || !drive.Aligned(p) {
		return fmt.Errorf("%d bytes at %d: %w", len(p), off, unix.EINVAL)
	}
	return nil
}

func (d *device) ReadAt(p []byte, off int64) (int, error) {
	if err := d.aligned(p, off); err != nil {
		return 0, err
	}
	rest := max(0, d.geo.Size-off)
	whole := p[:min(int64(len(p)), rest)]
	n, err := d.pieces(whole, off, func(ctx context.Context, b []byte, block int64) error {
		return d.speak.read(ctx, b, block, d.geo.LogicalBlock)
	})
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

// pieces moves data in transfers that the drive takes; each has a buffer of its own.
func (d *device) pieces(p []byte, off int64, move func(context.Context, []byte, int64) error) (int, error) {
	most := max(d.speak.largest()/d.geo.LogicalBlock, 1) * d.geo.LogicalBlock
	for n := 0; n < len(p); {
		b := append([]byte(nil), p[n:min(len(p), n+most)]...)
		block := (off + int64(n)) / int64(d.geo.LogicalBlock)
		if err := d.within(context.Background(), ioTimeout, func(ctx context.Context) error { return move(ctx, b, block) }); err != nil {
			return n, fmt.Errorf("block %d of %s: %w: %w", block, d.path, unix.EIO, err)
		}
		n += copy(p[n:], b)
	}
	return len(p), nil
}

// target is a model that may be erased: every command passes.
type target struct{ *device }

func (t *target) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if t.closed {
		return drive.Completion{}, unix.EBADF
	}
	return t.raw().Do(ctx, c)
}

func (t *target) WriteAt(p []byte, off int64) (int, error) {
	if err := t.aligned(p, off); err != nil {
		return 0, err
	}
	if off+int64(len(p)) > t.geo.Size {
		return 0, fmt.Errorf("%d bytes at %d: %w", len(p), off, unix.ENOSPC)
	}
	return t.pieces(p, off, func(ctx context.Context, b []byte, block int64) error {
		return t.speak.write(ctx, b, block, t.geo.LogicalBlock)
	})
}

func (t *target) Flush(ctx context.Context) error {
	if err := t.within(ctx, flushTimeout, t.speak.flush); err != nil {
		return fmt.Errorf("flush the cache of %s: %w: %w", t.path, unix.EIO, err)
	}
	return nil
}
