// Package guest is a test's Linux machine: Debian's kernel in QEMU, foreign tools
// in it (hdparm, nvme-cli, sg3-utils, smartmontools), and its drives opened from
// the test's own process, with the product's own drivers at work in the guest. A
// model of a drive is so shown to a real kernel and to judges that others wrote.
//
//	g := guest.Boot(t, guest.Config{Drives: []vmtest.Drive{{Bus: vmtest.BusVhost, Target: socket}}})
//	d := g.WaitDrive("SERIAL-1")                 // or a pattern of its path: "/dev/mmcblk?"
//	r := g.Run("hdparm", "-I", d.Path)           // r.Stdout, r.Stderr, r.Code
//	target, err := g.Opener().OpenTarget(d.Path) // a drive.Target: Do, ReadAt, WriteAt, Flush, ...
//	g.ConnectNVMe("127.0.0.1:4420", "nqn...")    // Config.NVMeTCP had that address
//
// The guest is an initramfs: the kernel and modules by package packages, programs
// and their libraries copied from this computer, and an agent as PID 1, which
// package main in the folder agent is. Calls to it go over a virtio-serial port.
// What they change is the guest's drives alone; nothing of the appliance stands
// on this package.
//
// QEMU's own SATA disk fails the first queued write after 'hdparm -I' (an error
// that it answered before sticks to it); libata tries again, and its log tells.
package guest

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"handback.example/image/vmtest"
	"handback.example/image/vmtest/guest/internal/wire"
)

// Config of a guest. Its zero value is one without drives.
type Config struct {
	Drives []vmtest.Drive
	// NVMeTCP are the addresses (127.0.0.1:PORT) of NVMe/TCP targets that
	// ConnectNVMe will be asked for: with one, the guest has a network.
	NVMeTCP []string
	// Tools are further programs of this computer, by name or path.
	Tools []string
	// MemoryMiB: 512 unless given.
	MemoryMiB int
	// Append is added to the kernel's command line.
	Append string
	// CanSuspend lets the guest be suspended. It takes some seconds longer to start.
	CanSuspend bool
	// OnSleep is called when the guest has fallen asleep: its drives have no power then.
	OnSleep func()
	// SerialLog is where what the kernel says is written. Empty: nowhere.
	SerialLog string
	// Say tells a person why it takes longer. nil: nobody.
	Say func(string)
}

// Guest is a machine that runs or has run.
type Guest struct {
	vm     *vmtest.VM
	client *rpc.Client
	dir    string
	ids    atomic.Uint64 // of calls that can be given up
	once   sync.Once
	sleeps bool // Config.CanSuspend
}

// bootLimit is for a machine that shares two cores with others.
const bootLimit = 3 * time.Minute

// Start starts a guest and waits until its drivers are loaded. Its drives may come
// a moment later: WaitDrive. The guest ends with Close and with ctx.
func Start(ctx context.Context, c Config) (*Guest, error) {
	if c.Say == nil {
		c.Say = func(string) {}
	}
	s, err := build(ctx, c.Tools, c.Say)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "handback-guest-")
	if err != nil {
		return nil, err
	}
	g := &Guest{dir: dir, sleeps: c.CanSuspend}
	if err := g.start(ctx, c, s); err != nil {
		g.Close()
		return nil, err
	}
	return g, nil
}

func (g *Guest) start(ctx context.Context, c Config, s *system) error {
	v := vmtest.Config{Drives: slices.Clone(c.Drives), MemoryMiB: c.MemoryMiB, SerialLog: c.SerialLog, OnSleep: c.OnSleep, Say: c.Say,
		Kernel: s.plain, Initrd: filepath.Join(g.dir, "initrd"), BIOS: true, Channel: wire.Channel,
		// A panic stops the machine, so that its log ends there.
		Append: "console=ttyS0 loglevel=6 panic=0 mitigations=off " + c.Append}
	if c.CanSuspend {
		// QEMU puts a kernel that it has loaded itself back as it was at each reset,
		// and a machine that wakes up is reset.
		v.Kernel = s.packed
	}
	if v.MemoryMiB == 0 {
		v.MemoryMiB = 512
	}
	for _, a := range c.NVMeTCP {
		v.Drives = append(v.Drives, vmtest.Drive{Bus: vmtest.BusNVMeTCP, Target: a})
	}
	if err := os.WriteFile(v.Initrd, s.initrd, 0o600); err != nil {
		return err
	}
	var err error
	if g.vm, err = vmtest.Start(ctx, v); err != nil {
		return err
	}
	g.client = rpc.NewClient(g.vm.Channel())
	go g.watch()
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	var r wire.Status
	if err := g.call(ctx, "Ready", wire.None{}, &r); err != nil {
		return fmt.Errorf("the guest does not start: %w", err)
	}
	if err := r.Error.Unpack(); err != nil {
		return fmt.Errorf("the guest does not start: %w", err)
	}
	return nil
}

// watch ends a machine whose kernel has given up: nobody would answer.
func (g *Guest) watch() {
	if g.vm.WaitText(context.Background(), "Kernel panic - not syncing") == nil {
		time.Sleep(500 * time.Millisecond) // the rest of what it says
		g.vm.End(errors.New("the guest's kernel panicked"))
	}
}

// ErrGone: the guest has ended, or has not answered; what became of the call is
// not known.
var ErrGone = errors.New("the guest does not answer")

// callLimit is for calls whose context has no end: longer than the guest's kernel
// waits for a drive (package linux gives up after a command's time and 45 s more,
// a flush after three minutes), so that only a guest that hangs meets it.
const callLimit = 5 * time.Minute

// call makes one call. An error means that no reply came.
func (g *Guest) call(ctx context.Context, method string, args, reply any) error {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callLimit)
		defer cancel()
	}
	c := g.client.Go(wire.Service+"."+method, args, reply, make(chan *rpc.Call, 1))
	select {
	case <-c.Done:
		return g.gone(method, c.Error)
	case <-ctx.Done():
		return g.gone(method, ctx.Err())
	}
}

func (g *Guest) gone(method string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w (%s): %w; its log ends with:\n%s", ErrGone, method, err, g.vm.LogTail(25))
}

// VM is the machine itself: to pull a drive out, or to cut its power.
func (g *Guest) VM() *vmtest.VM { return g.vm }

// PowerOff lets the guest switch itself off, its caches written, and waits for it.
func (g *Guest) PowerOff(ctx context.Context) error {
	if err := g.call(ctx, "PowerOff", wire.None{}, &wire.Status{}); err != nil {
		return err
	}
	select {
	case <-g.vm.Done():
		return g.vm.Wait()
	case <-ctx.Done():
		return fmt.Errorf("the guest does not power off: %w; its log ends with:\n%s", ctx.Err(), g.vm.LogTail(25))
	}
}

// Close ends the guest as pulling its plug would.
func (g *Guest) Close() {
	g.once.Do(func() {
		if g.vm != nil {
			g.vm.Close()
			_ = g.client.Close() // its connection ended with the machine
		}
		_ = os.RemoveAll(g.dir) // a rest costs room only
	})
}
