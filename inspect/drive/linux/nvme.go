package linux

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/drive/nvme"
)

// nvmeCommand is struct nvme_passthru_cmd of linux/nvme_ioctl.h.
type nvmeCommand struct {
	opcode, flags uint8
	reserved      uint16
	nsid          uint32
	cdw2, cdw3    uint32
	metadata      uint64
	addr          uint64
	metadataLen   uint32
	dataLen       uint32
	cdw           [6]uint32 // 10 to 15
	timeout       uint32    // ms
	result        uint32    // completion queue entry, dword 0
}

const (
	ioctlNVMeAdmin = 0xc0484e41 // NVME_IOCTL_ADMIN_CMD
	ioctlNVMeID    = 0x4e40     // NVME_IOCTL_ID
)

// Status values that the kernel makes up where a command did not come to an end:
// Base 2.0 figure 97, 'Host Pathing Error' and 'Command Aborted By Host'. The
// drive never said them.
const (
	statusHostPath    = 0x370
	statusHostAborted = 0x371
)

// nvmeTransport carries admin commands, by the controller's character device.
type nvmeTransport struct{ port *port }

func (t nvmeTransport) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	x, err := newNVMe(c)
	if err != nil {
		return drive.Completion{}, err
	}
	start := time.Now()
	_, limit := timeouts(c.Timeout)
	if err := t.port.call(ctx, limit, x.send); err != nil {
		return drive.Completion{Duration: time.Since(start)}, fmt.Errorf("%s: %w", answer.Operation(c), err)
	}
	return x.finish(c, time.Since(start))
}

// nvmeCall is one admin command under way; it owns what the kernel writes to.
type nvmeCall struct {
	command nvmeCommand
	data    []byte
	status  int
}

func newNVMe(c drive.Command) (*nvmeCall, error) {
	if err := answer.Check(c, drive.ProtocolNVMe); err != nil {
		return nil, err
	}
	f := c.Frame
	le := binary.LittleEndian
	x := &nvmeCall{command: nvmeCommand{opcode: f[0], nsid: le.Uint32(f[4:]), cdw2: le.Uint32(f[8:]), cdw3: le.Uint32(f[12:])}}
	for i := range x.command.cdw {
		x.command.cdw[i] = le.Uint32(f[40+4*i:])
	}
	x.command.timeout, _ = timeouts(c.Timeout)
	if len(c.Data) > 0 {
		x.data = drive.AlignedBuffer(len(c.Data))
		x.command.dataLen = uint32(len(x.data))
		if c.Direction == drive.DirectionOut {
			copy(x.data, c.Data)
		}
	}
	return x, nil
}

func (x *nvmeCall) send(fd uintptr) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(x)
	if len(x.data) > 0 {
		pin.Pin(&x.data[0])
		x.command.addr = uint64(uintptr(unsafe.Pointer(&x.data[0])))
	}
	var err error
	x.status, err = ioctl(fd, ioctlNVMeAdmin, unsafe.Pointer(&x.command))
	return err
}

func (x *nvmeCall) finish(c drive.Command, took time.Duration) (drive.Completion, error) {
	// The kernel gives the status field without its phase bit: SC 7:0, SCT 10:8,
	// then retry delay, More and Do Not Retry.
	done := drive.Completion{Status: uint16(x.status & 0x7ff), Result: x.command.result, Duration: took}
	if c.Direction == drive.DirectionIn {
		copy(c.Data, x.data)
	}
	if done.Status == statusHostPath || done.Status == statusHostAborted {
		return done, fmt.Errorf("%s: %w: the kernel gave the command up (status %03xh)", answer.Operation(c), drive.ErrNoAnswer, done.Status)
	}
	return done, answer.Judge(c, done)
}

// namespace is the number of the namespace that this block device is, as the
// kernel knows it of the open descriptor.
func (d *device) namespace() (uint32, error) {
	var nsid int
	err := d.block.control(func(fd uintptr) (err error) {
		nsid, err = ioctl(fd, ioctlNVMeID, nil)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("ask for the namespace: %w", err)
	}
	if nsid <= 0 || int64(nsid) >= nvme.AllNamespaces {
		return 0, fmt.Errorf("namespace %d makes no sense", nsid)
	}
	return uint32(nsid), nil
}
