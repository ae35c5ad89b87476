package main

import (
	"context"
	"fmt"
	"io/fs"

	"handback.example/image/vmtest/guest/internal/wire"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/linux"
)

// Open opens a drive by the product's own opener.
func (a *agent) Open(o wire.Open, r *wire.Opened) error {
	var d drive.Device
	var err error
	if o.Target {
		d, err = linux.Opener{}.OpenTarget(o.Path)
	} else {
		d, err = linux.Opener{}.Open(o.Path)
	}
	if err != nil {
		r.Error = wire.Pack(err)
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.drives == nil {
		a.drives = map[uint64]drive.Device{}
	}
	a.next++
	a.drives[a.next] = d
	r.Handle, r.Provenance, r.Geometry = a.next, d.Provenance(), d.Geometry()
	return nil
}

func (a *agent) drive(handle uint64) (drive.Device, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d, ok := a.drives[handle]
	if !ok {
		return nil, fmt.Errorf("the drive: %w", fs.ErrClosed)
	}
	return d, nil
}

func (a *agent) target(handle uint64) (drive.Target, error) {
	d, err := a.drive(handle)
	if err != nil {
		return nil, err
	}
	t, ok := d.(drive.Target)
	if !ok {
		return nil, fmt.Errorf("the drive was opened to be read only: %w", drive.ErrRefused)
	}
	return t, nil
}

// Close closes an open drive.
func (a *agent) Close(c wire.Call, r *wire.Status) error {
	a.mu.Lock()
	d, ok := a.drives[c.Handle]
	delete(a.drives, c.Handle)
	a.mu.Unlock()
	if !ok {
		r.Error = wire.Pack(fs.ErrClosed)
		return nil
	}
	r.Error = wire.Pack(d.Close())
	return nil
}

// within gives a context that Cancel ends.
func (a *agent) within(id uint64) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.cancels == nil {
		a.cancels = map[uint64]context.CancelFunc{}
	}
	a.cancels[id] = cancel
	return ctx, func() {
		cancel()
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.cancels, id)
	}
}

// Cancel ends the context of a call, as far as it still runs.
func (a *agent) Cancel(c wire.Call, _ *wire.None) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if cancel := a.cancels[c.ID]; cancel != nil {
		cancel()
	}
	return nil
}

// Do sends a drive one command.
func (a *agent) Do(x wire.Do, r *wire.Done) error {
	d, err := a.drive(x.Handle)
	if err != nil {
		r.Error = wire.Pack(err)
		return nil
	}
	if x.Len < 0 || x.Len > 2*wire.PieceMax {
		r.Error = wire.Pack(fmt.Errorf("a command with %d bytes of data", x.Len))
		return nil
	}
	c := x.Command
	if x.Len > 0 {
		c.Data = drive.AlignedBuffer(x.Len)
		copy(c.Data, x.Command.Data)
	}
	ctx, end := a.within(x.ID)
	defer end()
	r.Completion, err = d.Do(ctx, c)
	if c.Direction == drive.DirectionIn {
		r.Data = c.Data
	}
	r.Error = wire.Pack(err)
	return nil
}

// Identify asks a drive who it is.
func (a *agent) Identify(c wire.Call, r *wire.Identified) error {
	d, err := a.drive(c.Handle)
	if err == nil {
		ctx, end := a.within(c.ID)
		defer end()
		r.Identity, err = d.Identify(ctx)
	}
	r.Error = wire.Pack(err)
	return nil
}

// Flush empties a drive's cache.
func (a *agent) Flush(c wire.Call, r *wire.Status) error {
	t, err := a.target(c.Handle)
	if err == nil {
		ctx, end := a.within(c.ID)
		defer end()
		err = t.Flush(ctx)
	}
	r.Error = wire.Pack(err)
	return nil
}

// Geometry of a drive, as the kernel has it now.
func (a *agent) Geometry(c wire.Call, r *wire.Geometry) error {
	d, err := a.drive(c.Handle)
	if err == nil {
		r.Geometry = d.Geometry()
	}
	r.Error = wire.Pack(err)
	return nil
}

// ReadAt reads blocks past the cache.
func (a *agent) ReadAt(x wire.Blocks, r *wire.Moved) error {
	d, err := a.drive(x.Handle)
	if err == nil && (x.Len < 0 || x.Len > wire.PieceMax) {
		err = fmt.Errorf("a read of %d bytes", x.Len)
	}
	if err == nil {
		b := drive.AlignedBuffer(x.Len)
		r.N, err = d.ReadAt(b, x.Off)
		r.Data = b[:r.N]
	}
	r.Error = wire.Pack(err)
	return nil
}

// WriteAt writes blocks past the cache.
func (a *agent) WriteAt(x wire.Blocks, r *wire.Moved) error {
	t, err := a.target(x.Handle)
	if err == nil {
		b := drive.AlignedBuffer(len(x.Data))
		copy(b, x.Data)
		r.N, err = t.WriteAt(b, x.Off)
	}
	r.Error = wire.Pack(err)
	return nil
}
