package linux

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/answer"
)

// sgHeader is struct sg_io_hdr of scsi/sg.h, version 3 of the interface.
type sgHeader struct {
	interfaceID    int32 // 'S'
	direction      int32
	cmdLen         uint8
	senseMax       uint8
	iovecCount     uint16
	dataLen        uint32
	data           unsafe.Pointer
	cmd            unsafe.Pointer
	sense          unsafe.Pointer
	timeout        uint32 // ms
	flags          uint32
	packID         int32
	user           unsafe.Pointer
	status         uint8 // SCSI status byte
	maskedStatus   uint8
	messageStatus  uint8
	senseLen       uint8
	hostStatus     uint16
	driverStatus   uint16
	residual       int32
	duration       uint32 // ms
	additionalInfo uint32
}

const (
	ioctlSG = 0x2285 // SG_IO

	sgNone    = -1 // SG_DXFER_NONE
	sgToDrive = -2 // SG_DXFER_TO_DEV
	sgToHost  = -3 // SG_DXFER_FROM_DEV

	// DRIVER_SENSE: sense data is there. Every other value of the driver's status
	// (04h error, 06h time-out) means that the command broke on the way.
	driverSense = 0x08
)

// senseMax is the length of the longest sense data (SPC-5 clause 4.4).
const senseMax = 252

// sgTransport carries SCSI commands, and ATA in ATA PASS-THROUGH.
type sgTransport struct{ port *port }

func (t sgTransport) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if err := answer.Check(c, drive.ProtocolSCSI); err != nil {
		return drive.Completion{}, err
	}
	x := newSG(c)
	start := time.Now()
	_, limit := timeouts(c.Timeout)
	if err := t.port.call(ctx, limit, x.send); err != nil {
		return drive.Completion{Duration: time.Since(start)}, fmt.Errorf("%s: %w", answer.Operation(c), err)
	}
	return x.finish(c, time.Since(start))
}

// sgCall is one command under way. It owns all memory that the kernel reads and
// writes: the caller's may be used again as soon as Do has returned, the kernel's
// not before the ioctl has.
type sgCall struct {
	header           sgHeader
	cdb, sense, data []byte
}

func newSG(c drive.Command) *sgCall {
	x := &sgCall{cdb: append([]byte(nil), c.Frame...), sense: make([]byte, senseMax)}
	x.header = sgHeader{interfaceID: 'S', direction: sgNone, cmdLen: uint8(len(x.cdb)), senseMax: senseMax}
	x.header.timeout, _ = timeouts(c.Timeout)
	if len(c.Data) > 0 {
		x.data = drive.AlignedBuffer(len(c.Data))
		x.header.dataLen, x.header.direction = uint32(len(x.data)), sgToHost
		if c.Direction == drive.DirectionOut {
			x.header.direction = sgToDrive
			copy(x.data, c.Data)
		}
	}
	return x
}

func (x *sgCall) send(fd uintptr) error {
	var pin runtime.Pinner
	defer pin.Unpin()
	x.header.cmd, x.header.sense = unsafe.Pointer(&x.cdb[0]), unsafe.Pointer(&x.sense[0])
	pin.Pin(&x.cdb[0])
	pin.Pin(&x.sense[0])
	if len(x.data) > 0 {
		x.header.data = unsafe.Pointer(&x.data[0])
		pin.Pin(&x.data[0])
	}
	pin.Pin(x)
	_, err := ioctl(fd, ioctlSG, unsafe.Pointer(&x.header))
	return err
}

// finish tells what the drive answered, or that it is not known.
func (x *sgCall) finish(c drive.Command, took time.Duration) (drive.Completion, error) {
	h := &x.header
	done := drive.Completion{Status: uint16(h.status &^ 1), Duration: took,
		Sense: x.sense[:min(int(h.senseLen), len(x.sense))]}
	if n := int(h.residual); n > 0 {
		done.Residual = min(n, len(x.data))
	}
	if c.Direction == drive.DirectionIn {
		copy(c.Data, x.data)
	}
	if h.hostStatus != 0 || h.driverStatus&^driverSense != 0 {
		return done, fmt.Errorf("%s: %w: the host adapter reports %02xh, its driver %02xh",
			answer.Operation(c), drive.ErrNoAnswer, h.hostStatus, h.driverStatus)
	}
	return done, answer.Judge(c, done)
}
