// Package vmtest starts a virtual laptop in QEMU: OVMF with Secure Boot on or
// off, a stick on USB, drives on the bus that the caller names, a TPM by swtpm, a
// serial line for the log (ttyS0) and one for the screen (ttyS1). `handback-image
// try` and the tests of the booted image stand on it.
//
// It never touches a disk of this computer: drives are regular files or sockets.
// At most two machines run at once on one computer, whoever starts them. What it
// starts is ended by process id with Close, with the context, and by the kernel
// when this process dies.
//
// The machine follows QEMU 7.2's documentation, its SMBIOS tables DSP0134.
package vmtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Config of a virtual laptop. Its zero value is a laptop without stick, drive and TPM.
type Config struct {
	// Stick is the stick's image; the machine boots from it. Empty: none.
	Stick string
	// StickReadOnly gives the stick a write-protect switch that is on.
	StickReadOnly bool
	Drives        []Drive
	SecureBoot    bool
	// TPM is the folder of the TPM's state, made where it is not there. Empty: no TPM.
	TPM string
	// Variables is the file of the firmware's variables, made where it is not there.
	// Empty: they are fresh, and forgotten.
	Variables string
	// MemoryMiB: 1024 unless given.
	MemoryMiB int
	// AssetTag that the firmware reports (SMBIOS type 3). Empty: none.
	AssetTag string
	// SerialLog is where ttyS0 is written, over what was there. Empty: nowhere.
	SerialLog string
	// Screen gets what ttyS1 shows. nil: nothing reads it but the harness.
	Screen io.Writer
	// PressF12 answers the firmware's physical presence question about the TPM
	// with yes, as the person at the machine would.
	PressF12 bool
	// MaxReboots: 4 unless given. A machine that starts again more often is ended.
	MaxReboots int
	// Kernel, Initrd and Append boot a kernel directly, without a stick.
	Kernel, Initrd, Append string
	// BIOS gives the machine SeaBIOS in place of OVMF: a kernel that is booted
	// directly starts some seconds sooner. There is no Secure Boot then.
	BIOS bool
	// Channel is the name of a virtio-serial port, the other end of which is
	// VM.Channel. Empty: none.
	Channel string
	// Sound is a file, a WAV, that what the machine plays is written to. It has a speaker
	// and a microphone then. Empty: it has no sound card.
	Sound string
	// OnEvent is called for every event, in order, and must return at once.
	OnEvent func(Event)
	// OnSleep is called when the machine has fallen asleep (ACPI S3): its drives have
	// no power then. It must return at once. nil: nothing is.
	OnSleep func()
	// Say tells a person why it takes longer. nil: nobody.
	Say func(string)
	// lockDir holds the machine-wide locks; tests of the lock use their own.
	lockDir string
}

// VM is a virtual laptop that runs or has run.
type VM struct {
	cfg     Config
	dir     string
	slot    *slot
	tpm     *process
	qemu    *process
	mon     *monitor
	serial  *serial
	screen  net.Conn
	channel net.Conn // nil: none
	readers sync.WaitGroup
	stop    func() bool
	done    chan struct{} // everything is gone and tidied up

	mu       sync.Mutex
	reboots  int
	how      string // why the guest went down, as QEMU says it
	fault    error  // why we ended it
	deleting string // device that is being pulled out
	deleted  chan struct{}
}

// ErrKilled: the machine did not power itself off.
var ErrKilled = errors.New("the virtual machine did not power off by itself")

// Start starts the machine; it is ended when ctx is. It waits where two run
// already.
func Start(ctx context.Context, c Config) (*VM, error) {
	c.defaults()
	if err := checkTools(c.TPM != ""); err != nil {
		return nil, err
	}
	if err := CheckDrives(c.Drives); err != nil {
		return nil, err
	}
	s, err := takeSlot(ctx, c.lockDir, c.Say)
	if err != nil {
		return nil, err
	}
	vm := &VM{cfg: c, slot: s, done: make(chan struct{}), stop: func() bool { return true }}
	if err := vm.start(ctx); err != nil {
		vm.qemu.end(0)
		vm.tpm.end(time.Second)
		if vm.dir != "" {
			removeAll(vm.dir)
		}
		s.free()
		return nil, err
	}
	return vm, nil
}

func (c *Config) defaults() {
	if c.MemoryMiB == 0 {
		c.MemoryMiB = 1024
	}
	if c.MaxReboots == 0 {
		c.MaxReboots = 4
	}
	if c.OnEvent == nil {
		c.OnEvent = func(Event) {}
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
	if c.Screen == nil {
		c.Screen = io.Discard
	}
	if c.lockDir == "" {
		c.lockDir = "/tmp" // not TMPDIR: the lock is one for the whole computer
	}
}

func (vm *VM) start(ctx context.Context) error {
	var err error
	if vm.dir, err = runDir(); err != nil {
		return err
	}
	var fw firmware
	switch {
	case !vm.cfg.BIOS:
		if fw, err = copyFirmware(vm.cfg.SecureBoot, vm.dir, vm.cfg.Variables); err != nil {
			return err
		}
	case vm.cfg.SecureBoot:
		return errors.New("SeaBIOS has no Secure Boot")
	}
	if vm.cfg.TPM != "" {
		if vm.tpm, err = startTPM(ctx, vm.cfg.TPM, vm.dir); err != nil {
			return err
		}
	}
	args, err := vm.cfg.args(vm.dir, fw)
	if err != nil {
		return err
	}
	log, err := openLog(vm.cfg.SerialLog)
	if err != nil {
		return err
	}
	sockets := []string{"qmp", "ttyS0", "ttyS1"}
	if vm.cfg.Channel != "" {
		sockets = append(sockets, "channel")
	}
	conns, err := vm.launch(ctx, append(accelerator(ctx), args...), sockets...)
	if err != nil {
		_ = log.Close()
		return err
	}
	vm.serial, vm.screen, vm.channel = newSerial(log, vm.cfg.OnEvent), conns["ttyS1"], conns["channel"]
	vm.readers.Add(2)
	go vm.readSerial(conns["ttyS0"], log)
	go vm.readScreen()
	go vm.reap()
	vm.mon, err = newMonitor(ctx, conns["qmp"], vm.told)
	if err != nil {
		vm.qemu.end(0)
		<-vm.done
		return fmt.Errorf("the virtual laptop does not start: %w: %s", err, vm.qemu.fault())
	}
	vm.mu.Lock()
	vm.stop = context.AfterFunc(ctx, vm.Close)
	vm.mu.Unlock()
	return nil
}

// runDir is a folder for sockets, whose paths may hold 107 bytes (unix(7)).
func runDir() (string, error) {
	base := os.TempDir()
	if len(base) > 60 {
		base = "/tmp"
	}
	return os.MkdirTemp(base, "handback-vm-")
}

// removeAll of our own temporary files; one that stays harms nobody.
func removeAll(path string) { _ = os.RemoveAll(path) }

func openLog(path string) (io.WriteCloser, error) {
	if path == "" {
		return nopCloser{io.Discard}, nil
	}
	return os.Create(path)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }

// launch starts QEMU and waits until it has called every one of our sockets: we
// listen, it connects, so no port is chosen and nothing is tried twice.
func (vm *VM) launch(ctx context.Context, args []string, sockets ...string) (map[string]net.Conn, error) {
	listeners := map[string]net.Listener{}
	closeAll := func() {
		for _, l := range listeners {
			_ = l.Close()
		}
	}
	defer closeAll()
	for _, s := range sockets {
		l, err := net.Listen("unix", filepath.Join(vm.dir, s))
		if err != nil {
			return nil, err
		}
		listeners[s] = l
	}
	var err error
	if vm.qemu, err = start(qemu, args...); err != nil {
		return nil, err
	}
	settled := make(chan struct{})
	defer close(settled)
	go func() {
		select {
		case <-vm.qemu.done:
		case <-ctx.Done():
		case <-time.After(30 * time.Second):
		case <-settled:
			return
		}
		closeAll()
	}()
	conns := map[string]net.Conn{}
	for _, s := range sockets {
		conn, err := listeners[s].Accept()
		if err == nil {
			conns[s] = conn
			continue
		}
		for _, c := range conns {
			_ = c.Close()
		}
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case vm.qemu.ended():
			return nil, fmt.Errorf("the virtual laptop does not start: %s", vm.qemu.fault())
		}
		return nil, errors.New("the virtual laptop does not start: QEMU did not answer within 30 s")
	}
	return conns, nil
}

// physicalPresence is how OVMF asks before it clears a TPM on an operating
// system's request (edk2, Tcg2PhysicalPresenceLib).
const physicalPresence = "Press F12 to clear the TPM"

func (vm *VM) readSerial(conn net.Conn, log io.WriteCloser) {
	defer vm.readers.Done()
	defer log.Close()
	defer conn.Close()
	buf := make([]byte, 16<<10)
	var recent []byte
	for {
		n, err := conn.Read(buf)
		_, _ = vm.serial.Write(buf[:n]) // never fails
		if vm.cfg.PressF12 && n > 0 {
			recent = append(recent[max(0, len(recent)-len(physicalPresence)):], buf[:n]...)
			if asks(recent) {
				recent = nil
				vm.pressF12()
			}
		}
		if err != nil {
			vm.serial.end()
			return
		}
	}
}

func (vm *VM) readScreen() {
	defer vm.readers.Done()
	buf := make([]byte, 16<<10)
	out := vm.cfg.Screen
	for {
		n, err := vm.screen.Read(buf)
		if n > 0 {
			if _, werr := out.Write(buf[:n]); werr != nil {
				out = io.Discard // the guest must not wait for a terminal that is gone
			}
		}
		if err != nil {
			return
		}
	}
}

// told takes what QEMU tells unasked.
func (vm *VM) told(e qmpEvent) {
	var d struct {
		Guest  bool   `json:"guest"`
		Reason string `json:"reason"`
		Device string `json:"device"`
	}
	_ = json.Unmarshal(e.Data, &d) // events without data have none of these
	vm.mu.Lock()
	defer vm.mu.Unlock()
	switch e.Event {
	case "RESET":
		if d.Guest {
			vm.reboots++
		}
		if vm.reboots > vm.cfg.MaxReboots && vm.fault == nil {
			vm.fault = fmt.Errorf("the machine started again %d times: it was ended", vm.reboots)
			go vm.Kill()
		}
	case "SUSPEND":
		if vm.cfg.OnSleep != nil {
			vm.cfg.OnSleep()
		}
	case "SHUTDOWN":
		vm.how = d.Reason
	case "DEVICE_DELETED":
		if d.Device == vm.deleting && vm.deleted != nil {
			close(vm.deleted)
			vm.deleted = nil
		}
	}
}

// reap tidies up when QEMU has ended, whoever ended it.
func (vm *VM) reap() {
	<-vm.qemu.done
	vm.readers.Wait()
	_ = vm.screen.Close()
	if vm.channel != nil {
		_ = vm.channel.Close()
	}
	vm.tpm.end(5 * time.Second)
	removeAll(vm.dir)
	vm.slot.free()
	vm.mu.Lock()
	vm.stop()
	vm.mu.Unlock()
	close(vm.done)
}

// Wait until the machine is off and everything that was started for it is gone.
// The error is ErrKilled, with the reason, unless the guest powered itself off.
func (vm *VM) Wait() error {
	<-vm.done
	vm.mon.finished()
	vm.mu.Lock()
	defer vm.mu.Unlock()
	switch {
	case vm.fault != nil:
		return fmt.Errorf("%w: %w", ErrKilled, vm.fault)
	case vm.how == "guest-shutdown":
		return nil
	case vm.how != "":
		return fmt.Errorf("%w: %s", ErrKilled, vm.how)
	}
	return fmt.Errorf("%w: %s", ErrKilled, vm.qemu.fault())
}

// Channel is this computer's end of the virtio-serial port that Config.Channel
// names; nil where there is none. It ends with the machine.
func (vm *VM) Channel() net.Conn { return vm.channel }

// Done is closed when the machine is off and all is tidied up.
func (vm *VM) Done() <-chan struct{} { return vm.done }

// Close ends the machine as pulling its plug would, and everything that was
// started for it. What the guest wrote to its drives is in their files.
func (vm *VM) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if !vm.qemu.ended() && vm.mon.do(ctx, "quit", nil, nil) == nil {
		select {
		case <-vm.done:
			return
		case <-ctx.Done():
		}
	}
	vm.Kill()
}

// Kill ends QEMU by SIGKILL: a power cut with no chance to write anything.
func (vm *VM) Kill() {
	vm.qemu.end(0)
	<-vm.done
}

// End ends the machine and gives Wait the reason.
func (vm *VM) End(why error) {
	vm.mu.Lock()
	if vm.fault == nil {
		vm.fault = why
	}
	vm.mu.Unlock()
	vm.Close()
}
