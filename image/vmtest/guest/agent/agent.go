package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/image/vmtest/guest/internal/wire"
	"handback.example/inspect/drive"
	"handback.example/wipe/platform"
)

// agent serves the calls; each runs in a goroutine of its own. Its exported
// methods are what net/rpc finds.
type agent struct {
	modules *loader
	ready   chan struct{}
	fault   error // of the start; read after ready

	network      sync.Once
	networkFault error

	mu      sync.Mutex
	next    uint64
	drives  map[uint64]drive.Device
	cancels map[uint64]context.CancelFunc
}

// start loads the drivers of all that a machine of vmtest may have.
func (a *agent) start() {
	defer close(a.ready)
	list, err := listed(wire.Load)
	if err != nil {
		a.fault = err
		return
	}
	for _, m := range list {
		a.fault = errors.Join(a.fault, a.modules.load(m[0], m[1]))
	}
}

// Ready waits until the modules are loaded.
func (a *agent) Ready(_ wire.None, r *wire.Status) error {
	<-a.ready
	r.Error = wire.Pack(a.fault)
	return nil
}

// Load loads a kernel module.
func (a *agent) Load(m wire.Module, r *wire.Status) error {
	r.Error = wire.Pack(a.modules.load(m.Name, m.Params))
	return nil
}

// Unload unloads one.
func (a *agent) Unload(m wire.Module, r *wire.Status) error {
	r.Error = wire.Pack(a.modules.unload(m.Name))
	return nil
}

// fileMax bounds what ReadFile gives.
const fileMax = 64 << 20

// ReadFile reads a file, one of sysfs too.
func (a *agent) ReadFile(f wire.File, r *wire.Data) error {
	st, err := os.Stat(f.Path)
	if err == nil && st.Size() > fileMax {
		err = fmt.Errorf("%s holds %d bytes: too many", f.Path, st.Size())
	}
	if err == nil {
		r.Data, err = os.ReadFile(f.Path)
	}
	r.Error = wire.Pack(err)
	return nil
}

// WriteFile writes a file in one write, as sysfs wants it. One that is not there
// is made, but not in /dev and /sys, where a spelling mistake would make a file in
// memory out of an order to the kernel.
func (a *agent) WriteFile(f wire.File, r *wire.Status) error {
	flags := os.O_WRONLY | os.O_TRUNC | os.O_CREATE
	if strings.HasPrefix(f.Path, "/dev/") || strings.HasPrefix(f.Path, "/sys/") || strings.HasPrefix(f.Path, "/proc/") {
		flags = os.O_WRONLY
	}
	file, err := os.OpenFile(f.Path, flags, 0o755)
	if err == nil {
		_, err = file.Write(f.Data)
		err = errors.Join(err, file.Close())
	}
	r.Error = wire.Pack(err)
	return nil
}

// Glob gives the paths that a pattern names.
func (a *agent) Glob(f wire.File, r *wire.Names) error {
	var err error
	r.Names, err = filepath.Glob(f.Path)
	r.Error = wire.Pack(err)
	return nil
}

// Suspend puts the machine to sleep in memory until the clock wakes it, as the
// appliance does.
func (a *agent) Suspend(d time.Duration, r *wire.Status) error {
	r.Error = wire.Pack(platform.Machine{For: d}.Suspend(context.Background()))
	return nil
}

// PowerOff switches the machine off, once the answer is on its way.
func (a *agent) PowerOff(wire.None, *wire.Status) error {
	unix.Sync()
	time.AfterFunc(50*time.Millisecond, off)
	return nil
}
