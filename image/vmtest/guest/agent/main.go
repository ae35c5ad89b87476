// Command agent is PID 1 of a test's guest: it loads kernel modules, serves the
// calls of the test's process over a virtio-serial port, runs programs, opens
// drives, and switches the machine off when it is told to. It belongs to no
// image that anybody gets: whoever holds the port may do anything.
package main

import (
	"fmt"
	"net/rpc"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/image/vmtest/guest/internal/wire"
)

func main() {
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "this is PID 1 of a test's guest, and nothing else")
		os.Exit(2)
	}
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "agent:", err)
	}
	off()
}

func serve() error {
	if err := mounts(); err != nil {
		return err
	}
	m, err := newLoader()
	if err != nil {
		return err
	}
	for _, name := range []string{"virtio_pci", "virtio_console"} {
		if err := m.load(name, ""); err != nil {
			return err
		}
	}
	port, err := openPort(wire.Channel, 30*time.Second)
	if err != nil {
		return err
	}
	a := &agent{modules: m, ready: make(chan struct{})}
	go a.start()
	s := rpc.NewServer()
	if err := s.RegisterName(wire.Service, a); err != nil {
		return err
	}
	fmt.Println("agent: serving")
	s.ServeConn(port)
	return fmt.Errorf("nobody is at the other end of the port")
}

// mounts are those without which neither Go, nor tools, nor we get far.
func mounts() error {
	for _, m := range []struct{ source, on, kind string }{
		{"proc", "/proc", "proc"}, {"sysfs", "/sys", "sysfs"}, {"devtmpfs", "/dev", "devtmpfs"},
		{"tmpfs", "/run", "tmpfs"}, {"tmpfs", "/tmp", "tmpfs"},
	} {
		if err := unix.Mount(m.source, m.on, m.kind, 0, ""); err != nil && err != unix.EBUSY {
			return fmt.Errorf("mount %s: %w", m.on, err)
		}
	}
	return nil
}

// off switches the machine off; what is written is on the drives first.
func off() {
	unix.Sync()
	if err := unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF); err != nil {
		fmt.Fprintln(os.Stderr, "agent: power off:", err)
	}
	select {} // PID 1 must not end
}
