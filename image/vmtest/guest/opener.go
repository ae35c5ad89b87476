package guest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"handback.example/image/vmtest/guest/internal/wire"
	"handback.example/inspect/drive"
)

// Opener opens the guest's drives. Each call is made by inspect/drive/linux in
// the guest, and its errors are as that gives them: *drive.StatusError with its
// sense, *linux.InUseError, drive.ErrNoAnswer, the kernel's error number.
func (g *Guest) Opener() drive.Opener { return opener{g} }

type opener struct{ g *Guest }

var _ drive.Opener = opener{}

func (o opener) Open(path string) (drive.Device, error) {
	d, err := o.open(path, false)
	if err != nil {
		return nil, err
	}
	return &device{d}, nil
}

func (o opener) OpenTarget(path string) (drive.Target, error) {
	d, err := o.open(path, true)
	if err != nil {
		return nil, err
	}
	return &target{d}, nil
}

func (o opener) open(path string, exclusive bool) (*remote, error) {
	var r wire.Opened
	if err := o.g.call(context.Background(), "Open", wire.Open{Path: path, Target: exclusive}, &r); err != nil {
		return nil, err
	}
	if r.Error != nil {
		return nil, r.Error.Unpack()
	}
	d := &remote{g: o.g, handle: r.Handle, provenance: r.Provenance}
	d.geometry.Store(&r.Geometry)
	return d, nil
}

// remote is a drive that is open in the guest.
type remote struct {
	g          *Guest
	handle     uint64
	provenance drive.Provenance
	geometry   atomic.Pointer[drive.Geometry] // as last read
}

type (
	device struct{ *remote }
	target struct{ *remote }
)

// cancelGrace is how long the guest may take to say what became of a call that
// was given up.
const cancelGrace = 10 * time.Second

// within makes a call that ctx gives up in the guest, so that the answer is the
// guest's own. limit is how long the guest itself may take.
func (d *remote) within(ctx context.Context, limit time.Duration, method string, id wire.Call, args, reply any) error {
	if err := ctx.Err(); err != nil {
		return err // nothing was sent
	}
	long, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		time.AfterFunc(cancelGrace, cancel)
		// A guest that does not hear it gives no answer either.
		_ = d.g.call(long, "Cancel", id, &wire.None{})
	})
	defer stop()
	if err := d.g.call(long, method, args, reply); err != nil {
		return errors.Join(fmt.Errorf("%w: %w", drive.ErrNoAnswer, err), ctx.Err())
	}
	return nil
}

func (d *remote) id() wire.Call { return wire.Call{Handle: d.handle, ID: d.g.ids.Add(1)} }

// Do sends one command.
func (d *remote) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	id := d.id()
	x := wire.Do{Call: id, Command: c, Len: len(c.Data)}
	if c.Direction == drive.DirectionIn {
		x.Command.Data = nil
	}
	var r wire.Done
	if err := d.within(ctx, c.Timeout+callLimit, "Do", id, x, &r); err != nil {
		return drive.Completion{}, err
	}
	if c.Direction == drive.DirectionIn {
		copy(c.Data, r.Data)
	}
	return r.Completion, r.Error.Unpack()
}

func (d *remote) Identify(ctx context.Context) (drive.Identity, error) {
	id := d.id()
	var r wire.Identified
	if err := d.within(ctx, callLimit, "Identify", id, id, &r); err != nil {
		return drive.Identity{}, err
	}
	return r.Identity, r.Error.Unpack()
}

func (d *remote) ReadAt(p []byte, off int64) (int, error) {
	return d.pieces(len(p), func(from, to int) (int, error) {
		var r wire.Moved
		if err := d.short("ReadAt", wire.Blocks{Handle: d.handle, Off: off + int64(from), Len: to - from}, &r); err != nil {
			return 0, err
		}
		return copy(p[from:to], r.Data), r.Error.Unpack()
	})
}

func (d *target) WriteAt(p []byte, off int64) (int, error) {
	return d.pieces(len(p), func(from, to int) (int, error) {
		var r wire.Moved
		if err := d.short("WriteAt", wire.Blocks{Handle: d.handle, Off: off + int64(from), Data: p[from:to]}, &r); err != nil {
			return 0, err
		}
		return r.N, r.Error.Unpack()
	})
}

// pieces cuts what is too long for one call.
func (d *remote) pieces(n int, move func(from, to int) (int, error)) (int, error) {
	done := 0
	for {
		to := min(done+wire.PieceMax, n)
		moved, err := move(done, to)
		done += moved
		if err != nil || done >= n || done < to {
			return done, err
		}
	}
}

// short makes a call that has no context of its own.
func (d *remote) short(method string, args, reply any) error {
	return d.g.call(context.Background(), method, args, reply)
}

func (d *target) Flush(ctx context.Context) error {
	id := d.id()
	var r wire.Status
	if err := d.within(ctx, callLimit, "Flush", id, id, &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}

// Geometry as the guest's kernel has it now; of a guest that is gone, as it had
// it last.
func (d *remote) Geometry() drive.Geometry {
	var r wire.Geometry
	if err := d.short("Geometry", d.id(), &r); err == nil && r.Error == nil {
		d.geometry.Store(&r.Geometry)
	}
	return *d.geometry.Load()
}

func (d *remote) Provenance() drive.Provenance { return d.provenance }

func (d *remote) Close() error {
	var r wire.Status
	if err := d.short("Close", d.id(), &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}
