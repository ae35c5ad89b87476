package usbredir

import (
	"context"
	"net"
	"sync"

	"handback.example/inspect/drive/sim/internal/onebyone"
	"handback.example/inspect/drive/sim/usb"
)

// Options of a door. The zero value is one that says nothing and leaves the
// drive its power.
type Options struct {
	// PowerCycleOnConnect takes every connection but the first as a machine that was
	// switched off and on again: the bridge and its drive lose their power before it
	// is served. A guest that only restarts keeps its connection.
	PowerCycleOnConnect bool
	// Log is told why a connection ended, other than by its client's wish. nil:
	// nobody is.
	Log func(string)
}

// door is what outlives a connection: whether the bridge is plugged in.
type door struct {
	bridge *usb.Bridge

	mu   sync.Mutex
	gone int  // how often it was pulled out
	in   bool // it is in now
	tell chan struct{}
}

// Serve answers QEMU on l, one client after the other, until ctx is done or the
// listener fails; it closes l. The error is nil when ctx ended it.
func Serve(ctx context.Context, l net.Listener, b *usb.Bridge, o Options) error {
	d := newDoor(b)
	again := b.PowerCycle
	if !o.PowerCycleOnConnect {
		again = nil
	}
	return onebyone.Serve(ctx, l, again, func(c net.Conn) error { return d.serve(ctx, c) }, o.Log)
}

func newDoor(b *usb.Bridge) *door {
	d := &door{bridge: b, tell: make(chan struct{}, 1)}
	b.OnPlug(d.plugged)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = b.Plugged()
	return d
}

func (d *door) plugged(in bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.in = in
	if !in {
		d.gone++
	}
	d.wake()
}

// wake the session, which looks for itself.
func (d *door) wake() {
	select {
	case d.tell <- struct{}{}:
	default: // it was told already
	}
}

func (d *door) state() (gone int, in bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gone, d.in
}
