package linux

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
	"handback.example/inspect/drive/mmc"
)

// mmcCommand is struct mmc_ioc_cmd of linux/mmc/ioctl.h.
type mmcCommand struct {
	write       int32 // not 0: data goes to the card
	application int32 // not 0: CMD55 goes first; never here
	opcode, arg uint32
	response    [4]uint32 // of R1 the first
	flags       uint32
	blockSize   uint32
	blocks      uint32
	sleepMin    uint32 // us, after the command
	sleepMax    uint32
	dataTimeout uint32 // ns; 0: the kernel's own
	busyTimeout uint32 // ms; 0: the kernel's own
	pad         uint32
	data        uint64
}

// mmcSequence is struct mmc_ioc_multi_cmd with its commands.
type mmcSequence struct {
	count    uint64
	commands [255]mmcCommand
}

const (
	ioctlMMC      = 0xc048b300 // MMC_IOC_CMD
	ioctlMMCMulti = 0xc008b301 // MMC_IOC_MULTI_CMD

	// Flags of linux/mmc/core.h, those of SPI with them, as mmc-utils sends them: R1
	// (present, CRC, opcode), R1b (busy too), and that the command moves data.
	mmcR1   = 0x095
	mmcR1b  = 0x49d
	mmcADTC = 0x020
)

// mmcTransport carries sequences of bus commands to an eMMC or SD card, by its block
// device. The kernel has set the card up and selected it, so that only what the
// 'transfer' state allows is answered; of an SD card that is SEND_STATUS, SEND_EXT_CSD
// is not. The kernel may send CMD6 of its own before a sequence (it selects the area
// of this block device, and turns the command queue off and on), and CMD13 after a
// command with R1b, whose error bits nobody sees (see package mmc); never anything
// between two commands with R1.
type mmcTransport struct{ port *port }

func (t mmcTransport) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	x, err := newMMC(c)
	if err != nil {
		return drive.Completion{}, err
	}
	start := time.Now()
	_, limit := timeouts(c.Timeout)
	if err := t.port.call(ctx, limit, x.send); err != nil {
		return drive.Completion{Duration: time.Since(start)}, fmt.Errorf("%s: %w", answer.Operation(c), mmcError(err))
	}
	return x.finish(c, time.Since(start))
}

// mmcError judges what the kernel said instead of an answer. Some numbers come of
// its own checks, before anything was sent. After any other some of the commands may
// have been carried out.
func mmcError(err error) error {
	var number unix.Errno
	if !errors.As(err, &number) {
		return err // of ours
	}
	switch number {
	case unix.EPERM, unix.ENOTTY, unix.EOVERFLOW, unix.EFAULT, unix.ENOMEM:
		return err
	case unix.ETIMEDOUT:
		return fmt.Errorf("%w: the card does not know the command, or can't do it now: %w", drive.ErrNoAnswer, err)
	}
	return fmt.Errorf("%w: %w", drive.ErrNoAnswer, err)
}

// mmcCall is one sequence under way; it owns what the kernel writes to.
type mmcCall struct {
	sequence mmcSequence
	data     []byte
}

func newMMC(c drive.Command) (*mmcCall, error) {
	if err := answer.Check(c, drive.ProtocolMMC); err != nil {
		return nil, err
	}
	entries, err := mmc.Parse(c)
	if err != nil {
		return nil, err
	}
	x := &mmcCall{}
	busy, _ := timeouts(c.Timeout)
	writes := c.Direction == drive.DirectionOut
	for i, e := range entries {
		m := &x.sequence.commands[i]
		*m = mmcCommand{opcode: uint32(e.Index), arg: e.Arg, flags: mmcR1, blockSize: uint32(e.BlockSize), blocks: uint32(e.Blocks)}
		if e.Response == mmc.R1b {
			m.flags, m.busyTimeout = mmcR1b, busy
			writes = writes || c.Direction == drive.DirectionNone // as mmc-utils has it
		}
		if e.Bytes() > 0 {
			m.flags |= mmcADTC
		}
	}
	x.sequence.count = uint64(len(entries))
	for i := range entries {
		if writes {
			x.sequence.commands[i].write = 1
		}
	}
	if len(c.Data) > 0 {
		x.data = drive.AlignedBuffer(len(c.Data))
		if c.Direction == drive.DirectionOut {
			copy(x.data, c.Data)
		}
	}
	return x, nil
}

func (x *mmcCall) send(fd uintptr) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	pin.Pin(x)
	if len(x.data) > 0 {
		pin.Pin(&x.data[0])
		x.sequence.commands[x.sequence.count-1].data = uint64(uintptr(unsafe.Pointer(&x.data[0])))
	}
	if x.sequence.count == 1 {
		_, err := ioctl(fd, ioctlMMC, unsafe.Pointer(&x.sequence.commands[0]))
		return err
	}
	_, err := ioctl(fd, ioctlMMCMulti, unsafe.Pointer(&x.sequence))
	return err
}

func (x *mmcCall) finish(c drive.Command, took time.Duration) (drive.Completion, error) {
	r1 := make([]uint32, x.sequence.count)
	for i := range r1 {
		r1[i] = x.sequence.commands[i].response[0]
	}
	done := mmc.Complete(r1)
	done.Duration = took
	if c.Direction == drive.DirectionIn {
		copy(c.Data, x.data)
	}
	return done, answer.Judge(c, done)
}
