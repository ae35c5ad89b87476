package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"handback.example/image/vmtest/guest/internal/wire"
)

// address of the guest in QEMU's user network, which is 10.0.2.0/24; the computer
// that runs the test is 10.0.2.2.
var address, mask = []byte{10, 0, 2, 15}, []byte{255, 255, 255, 0}

// Connect connects an NVMe/TCP controller and gives its name, by what the kernel
// takes on /dev/nvme-fabrics.
func (a *agent) Connect(f wire.File, r *wire.Data) error {
	name, err := a.connect(f.Data)
	r.Data, r.Error = []byte(name), wire.Pack(err)
	return nil
}

func (a *agent) connect(options []byte) (string, error) {
	a.network.Do(func() { a.networkFault = a.bringUp() })
	if a.networkFault != nil {
		return "", a.networkFault
	}
	f, err := os.OpenFile("/dev/nvme-fabrics", os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if _, err := f.Write(options); err != nil {
		return "", fmt.Errorf("connect by NVMe/TCP (%s): %w", options, err)
	}
	// 'instance=0,cntlid=1'
	b := make([]byte, 256)
	n, err := f.Read(b)
	if err != nil {
		return "", err
	}
	for _, word := range strings.Split(strings.TrimSpace(string(b[:n])), ",") {
		if i, ok := strings.CutPrefix(word, "instance="); ok {
			return "nvme" + i, nil
		}
	}
	return "", fmt.Errorf("/dev/nvme-fabrics says %q", b[:n])
}

// bringUp gives the adapter its address.
func (a *agent) bringUp() error {
	for _, m := range []string{"e1000e", "nvme_tcp"} {
		if err := a.modules.load(m, ""); err != nil {
			return err
		}
	}
	name, err := adapter(10 * time.Second)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }() // it carried nothing
	r, err := unix.NewIfreq(name)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		request uint
		address []byte
	}{{unix.SIOCSIFADDR, address}, {unix.SIOCSIFNETMASK, mask}} {
		if err := r.SetInet4Addr(s.address); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, s.request, r); err != nil {
			return fmt.Errorf("address of %s: %w", name, err)
		}
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("bring %s up: %w", name, err)
	}
	return carrier(name, 10*time.Second)
}

// adapter is the only network adapter that is a device.
func adapter(limit time.Duration) (string, error) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if m, err := filepath.Glob("/sys/class/net/*/device"); err == nil && len(m) > 0 {
			return filepath.Base(filepath.Dir(m[0])), nil
		}
	}
	return "", fmt.Errorf("the machine has no network adapter")
}

// carrier waits for the cable: a connection that is begun before would wait for a
// second SYN.
func carrier(name string, limit time.Duration) error {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if attr(filepath.Join("/sys/class/net", name), "carrier") == "1" {
			return nil
		}
	}
	return fmt.Errorf("%s has no cable: give guest.Config the drive's address in NVMeTCP", name)
}
