package linux

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/scsi"
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

// Lengths that SG_IO takes; sense data is 252 bytes at most (SPC-5 clause 4.4).
const (
	cdbMin, cdbMax = 6, 32
	senseMax       = 252
	dataMax        = 16 << 20
)

// sgTransport carries SCSI commands, and ATA in ATA PASS-THROUGH.
type sgTransport struct{ port *port }

func (t sgTransport) Do(ctx context.Context, c drive.Command) (drive.Completion, error) {
	if err := checkSCSI(c); err != nil {
		return drive.Completion{}, err
	}
	x := newSG(c)
	start := time.Now()
	_, limit := timeouts(c.Timeout)
	if err := t.port.call(ctx, limit, x.send); err != nil {
		return drive.Completion{Duration: time.Since(start)}, fmt.Errorf("%s: %w", operation(c), err)
	}
	return x.finish(c, time.Since(start))
}

func checkSCSI(c drive.Command) error {
	switch {
	case c.Protocol != drive.ProtocolSCSI:
		return fmt.Errorf("a command of protocol %d can't be sent to a SCSI or ATA drive", c.Protocol)
	case len(c.Frame) < cdbMin || len(c.Frame) > cdbMax:
		return fmt.Errorf("a SCSI command of %d bytes", len(c.Frame))
	}
	return checkData(c)
}

// checkData: data and its direction belong together.
func checkData(c drive.Command) error {
	switch {
	case c.Direction > drive.DirectionOut:
		return fmt.Errorf("a command with data direction %d", c.Direction)
	case (c.Direction == drive.DirectionNone) != (len(c.Data) == 0):
		return fmt.Errorf("a command with data direction %d and %d bytes of data", c.Direction, len(c.Data))
	case len(c.Data) > dataMax:
		return fmt.Errorf("a command with %d bytes of data", len(c.Data))
	}
	return nil
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
			operation(c), ErrNoAnswer, h.hostStatus, h.driverStatus)
	}
	if good(c, done) {
		return done, nil
	}
	return done, &drive.StatusError{Protocol: c.Protocol, Operation: operation(c), Completion: done}
}

const (
	statusGood           = 0x00 // SAM-5 table 33
	statusCheckCondition = 0x02
)

// good: status GOOD, or sense data that tells of success: recovered, or registers
// of an ATA command that did not fail.
func good(c drive.Command, done drive.Completion) bool {
	switch done.Status {
	case statusGood:
		// Sense may come with GOOD; only deferred errors of earlier commands are bad.
		s, ok := scsi.ParseSense(done.Sense)
		return !ok || s.Good()
	case statusCheckCondition:
		s, ok := scsi.ParseSense(done.Sense)
		if !ok || !s.Good() {
			return false
		}
	default:
		return false
	}
	if isATA(c.Frame) {
		r, err := ata.ParseRegisters(done.Sense)
		return err != nil || !r.Failed()
	}
	return true
}

func isATA(cdb []byte) bool { return cdb[0] == 0x85 || cdb[0] == 0xa1 || cdb[0] == 0x7f }
