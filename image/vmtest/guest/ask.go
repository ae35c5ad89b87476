package guest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path"
	"path/filepath"
	"strings"
	"time"

	"handback.example/image/vmtest/guest/internal/wire"
)

// Command is a program to be run in the guest.
type Command struct {
	Args    []string // the first is its name or path
	Stdin   []byte
	Timeout time.Duration // a minute unless given
}

// Result of a program that was run.
type Result struct {
	Stdout, Stderr string
	// Code is its exit code, or 128 and the signal that ended it; -1 where it was
	// killed and would not end.
	Code int
}

// String is for the log of a test.
func (r Result) String() string {
	return fmt.Sprintf("exit code %d\n%s%s", r.Code, r.Stdout, r.Stderr)
}

// execGrace is how long the guest may take beyond a program's time.
const execGrace = time.Minute

// Exec runs a program in the guest. An exit code is no error. A program that
// takes longer than it may is killed: the error is context.DeadlineExceeded, and
// the result what it had said.
func (g *Guest) Exec(ctx context.Context, c Command) (Result, error) {
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	what := strings.Join(c.Args, " ")
	ctx, cancel := context.WithTimeout(ctx, c.Timeout+execGrace)
	defer cancel()
	var r wire.Executed
	if err := g.call(ctx, "Exec", wire.Exec{Args: c.Args, Stdin: c.Stdin, Timeout: c.Timeout}, &r); err != nil {
		return Result{Code: -1}, err
	}
	res := Result{Stdout: string(r.Stdout), Stderr: string(r.Stderr), Code: r.Code}
	switch {
	case r.Error != nil:
		return res, fmt.Errorf("%s does not start in the guest: %w", what, r.Error.Unpack())
	case r.TimedOut:
		return res, fmt.Errorf("%s was killed after %s: %w", what, c.Timeout, context.DeadlineExceeded)
	}
	return res, nil
}

// ReadFile reads a file of the guest, one of sysfs too.
func (g *Guest) ReadFile(ctx context.Context, name string) ([]byte, error) {
	var r wire.Data
	if err := g.call(ctx, "ReadFile", wire.File{Path: name}, &r); err != nil {
		return nil, err
	}
	return r.Data, r.Error.Unpack()
}

// WriteFile writes one, in one write. In /dev, /proc and /sys it must be there.
func (g *Guest) WriteFile(ctx context.Context, name string, data []byte) error {
	var r wire.Status
	if err := g.call(ctx, "WriteFile", wire.File{Path: name, Data: data}, &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}

// Glob gives the guest's paths that a pattern names.
func (g *Guest) Glob(ctx context.Context, pattern string) ([]string, error) {
	var r wire.Names
	if err := g.call(ctx, "Glob", wire.File{Path: pattern}, &r); err != nil {
		return nil, err
	}
	return r.Names, r.Error.Unpack()
}

// LoadModule loads a kernel module of modules.txt, as 'scsi_debug' with
// 'dev_size_mb=8'.
func (g *Guest) LoadModule(ctx context.Context, name, params string) error {
	var r wire.Status
	if err := g.call(ctx, "Load", wire.Module{Name: name, Params: params}, &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}

// UnloadModule unloads it.
func (g *Guest) UnloadModule(ctx context.Context, name string) error {
	var r wire.Status
	if err := g.call(ctx, "Unload", wire.Module{Name: name}, &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}

// Drive is a block device of the guest, as its kernel shows it: to find it by,
// not to prove who it is (that is drive.Device's Identify).
type Drive struct {
	Path          string // of its node: /dev/sda
	Sys           string // its folder below /sys/devices
	Model, Serial string
	Size          int64 // bytes
}

// Drives of the guest now.
func (g *Guest) Drives(ctx context.Context) ([]Drive, error) {
	var r wire.Disks
	if err := g.call(ctx, "Disks", wire.None{}, &r); err != nil {
		return nil, err
	}
	var all []Drive
	for _, d := range r.Disks {
		all = append(all, Drive{Path: d.Path, Sys: d.Sys, Model: d.Model, Serial: d.Serial, Size: d.Size})
	}
	return all, r.Error.Unpack()
}

// FindDrive waits for a drive with this serial, or whose path fits this pattern
// where it begins with '/'. One that has no size yet is not there yet.
func (g *Guest) FindDrive(ctx context.Context, which string) (Drive, error) {
	for {
		all, err := g.Drives(ctx)
		if err != nil {
			return Drive{}, err
		}
		for _, d := range all {
			if d.fits(which) && d.Size > 0 {
				return d, nil
			}
		}
		select {
		case <-ctx.Done():
			return Drive{}, fmt.Errorf("the guest has no drive %s, but %+v: %w; its log ends with:\n%s", which, all, ctx.Err(), g.vm.LogTail(25))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (d Drive) fits(which string) bool {
	if strings.HasPrefix(which, "/") {
		ok, err := path.Match(which, d.Path)
		return err == nil && ok
	}
	return which != "" && d.Serial == which
}

// NVMeNamespace waits for the block device of a controller's namespace ('nvme0', 1).
func (g *Guest) NVMeNamespace(ctx context.Context, controller string, n int) (Drive, error) {
	return g.FindDrive(ctx, fmt.Sprintf("/dev/%sn%d", controller, n))
}

// Connect connects the NVMe/TCP controller of a subsystem at this computer's
// address and gives its name, 'nvme0'. Further options go as the kernel takes
// them ('nr_io_queues=4'); what it does not know it refuses.
func (g *Guest) Connect(ctx context.Context, address, nqn string, options ...string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", err
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		host = "10.0.2.2" // this computer, in QEMU's user network
	}
	all := []string{"transport=tcp", "traddr=" + host, "trsvcid=" + port, "nqn=" + nqn,
		"hostnqn=nqn.2014-08.org.nvmexpress:uuid:5c3a1e2f-7d48-4b96-9a05-c1e28f7406bd"}
	for _, d := range []string{"nr_io_queues=1", "ctrl_loss_tmo=3", "reconnect_delay=1", "keep_alive_tmo=30"} {
		name, _, _ := strings.Cut(d, "=")
		if !has(options, name) {
			all = append(all, d)
		}
	}
	var r wire.Data
	if err := g.call(ctx, "Connect", wire.File{Data: []byte(strings.Join(append(all, options...), ","))}, &r); err != nil {
		return "", err
	}
	return string(r.Data), r.Error.Unpack()
}

func has(options []string, name string) bool {
	for _, o := range options {
		if n, _, _ := strings.Cut(o, "="); n == name {
			return true
		}
	}
	return false
}

// Disconnect ends a controller that Connect gave.
func (g *Guest) Disconnect(ctx context.Context, controller string) error {
	if controller != filepath.Base(controller) {
		return &fs.PathError{Op: "disconnect", Path: controller, Err: fs.ErrInvalid}
	}
	return g.WriteFile(ctx, path.Join("/sys/class/nvme", controller, "delete_controller"), []byte("1"))
}

// Suspend puts the guest to sleep (ACPI S3) and waits until it is awake again,
// which its clock does after d, whole seconds: five are enough for a guest to fall
// asleep in. Config.CanSuspend must be set.
func (g *Guest) Suspend(ctx context.Context, d time.Duration) error {
	if !g.sleeps {
		return errors.New("this guest would not wake up: it was started without guest.Config.CanSuspend")
	}
	var r wire.Status
	if err := g.call(ctx, "Suspend", d, &r); err != nil {
		return err
	}
	return r.Error.Unpack()
}
