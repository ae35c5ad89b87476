package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// port is our end of the virtio-serial port. The kernel reads as 'end of file'
// what only means that nobody has opened the other end yet (virtio_console.c,
// wait_port_writable and port_fops_read), and the news of that comes some time
// after the port itself.
type port struct {
	*os.File
	heard bool
}

const openWait = 30 * time.Second

func (p *port) Read(b []byte) (int, error) {
	for end := time.Now().Add(openWait); ; {
		n, err := p.File.Read(b)
		if p.heard || !errors.Is(err, io.EOF) || time.Now().After(end) {
			p.heard = p.heard || n > 0
			return n, err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// openPort waits for the port with this name and opens it.
func openPort(name string, limit time.Duration) (*port, error) {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		found, err := filepath.Glob("/sys/class/virtio-ports/*/name")
		if err != nil {
			return nil, err
		}
		for _, f := range found {
			b, err := os.ReadFile(f)
			if err != nil || strings.TrimSpace(string(b)) != name {
				continue
			}
			f, err := os.OpenFile(filepath.Join("/dev", filepath.Base(filepath.Dir(f))), os.O_RDWR, 0)
			if err != nil {
				return nil, err
			}
			return &port{File: f}, nil
		}
	}
	return nil, fmt.Errorf("there is no virtio-serial port %s", name)
}
