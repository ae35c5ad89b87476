package usb

import (
	"context"
	"errors"
	"sync"

	"handback.example/inspect/drive/sim"
)

// Errors of a transfer, beside ctx's.
var (
	// ErrStall: the endpoint answers STALL.
	ErrStall = errors.New("the endpoint stalled")
	// ErrBabble: the device sent more than the host asked for.
	ErrBabble = errors.New("the endpoint sent more than was asked for")
)

// Device is a bridge as its bus sees it, from the time that it was plugged in. It
// may be used from many goroutines, one for each endpoint.
type Device struct {
	b *Bridge

	mu      sync.Mutex
	change  chan struct{} // closed and made anew whenever something below changes
	config  byte
	haltIn  bool
	haltOut bool // the pipe to the device
	locked  bool // an invalid command: both pipes stay halted until a reset

	phase   phase
	cbw     cbw
	out     []byte // data from the host so far
	in      []byte // data to the host that is left
	sent    int
	status  byte // of the status wrapper
	residue uint32
	sense   []byte // of the command before, until it is asked for
	cancel  context.CancelFunc
	ended   chan struct{} // closed when the last command's goroutine has ended
}

// NewDevice is what a bus finds when the bridge is plugged in.
func (b *Bridge) NewDevice() *Device {
	ended := make(chan struct{})
	close(ended)
	return &Device{b: b, change: make(chan struct{}), cancel: func() {}, ended: ended}
}

// Setup packet of a control request (USB 2.0 table 9-2).
type Setup struct {
	Type, Request        byte
	Value, Index, Length uint16
}

// Requests (USB 2.0 table 9-4, USB 3.2 table 9-5; BOT clause 3).
const (
	reqGetStatus        = 0
	reqClearFeature     = 1
	reqSetFeature       = 3
	reqSetAddress       = 5
	reqGetDescriptor    = 6
	reqGetConfiguration = 8
	reqSetConfiguration = 9
	reqGetInterface     = 10
	reqSetInterface     = 11
	reqSetSEL           = 48
	reqIsochDelay       = 49
	reqGetMaxLUN        = 0xfe
	reqBOTReset         = 0xff

	featureHalt = 0 // ENDPOINT_HALT
)

// request is type and request in one.
func request(kind, r byte) uint16 { return uint16(kind)<<8 | uint16(r) }

// Control answers a request to endpoint 0: with data where the host reads, else
// with none. ErrStall refuses it.
func (d *Device) Control(s Setup) ([]byte, error) {
	in, ok := d.control(s)
	if !ok {
		return nil, ErrStall
	}
	return in[:min(len(in), int(s.Length))], nil
}

func (d *Device) control(s Setup) ([]byte, bool) {
	switch request(s.Type, s.Request) {
	case request(0x80, reqGetDescriptor):
		return d.b.descriptor(byte(s.Value>>8), byte(s.Value))
	case request(0x80, reqGetStatus), request(0x81, reqGetStatus):
		return []byte{0, 0}, true // powered by the bus, wakes nobody
	case request(0x82, reqGetStatus):
		halt, ok := d.halted(byte(s.Index))
		return []byte{halt, 0}, ok
	case request(0x80, reqGetConfiguration):
		return []byte{d.Configuration()}, true
	case request(0x81, reqGetInterface):
		return []byte{0}, s.Index == 0
	case request(0xa1, reqGetMaxLUN):
		return []byte{0}, s.Index == 0
	}
	return nil, d.order(s)
}

// order is a request without an answer.
func (d *Device) order(s Setup) bool {
	switch request(s.Type, s.Request) {
	case request(0x00, reqSetAddress):
		return true // the bus' matter
	case request(0x00, reqSetConfiguration):
		return s.Value <= 0xff && d.SetConfiguration(byte(s.Value))
	case request(0x01, reqSetInterface):
		return s.Value <= 0xff && s.Index == 0 && d.SetInterface(0, byte(s.Value))
	case request(0x02, reqClearFeature):
		return s.Value == featureHalt && d.setHalt(byte(s.Index), false)
	case request(0x02, reqSetFeature):
		return s.Value == featureHalt && d.setHalt(byte(s.Index), true)
	case request(0x00, reqSetFeature), request(0x00, reqClearFeature):
		return d.b.Super() && s.Value >= 48 && s.Value <= 50 // U1_ENABLE, U2_ENABLE, LTM_ENABLE
	case request(0x00, reqSetSEL), request(0x00, reqIsochDelay):
		return d.b.Super()
	case request(0x21, reqBOTReset):
		return s.Index == 0 && d.botReset()
	}
	return false
}

// Reset of the port: nothing is configured, the command under way is over, and the
// drive hears of it.
func (d *Device) Reset() {
	d.mu.Lock()
	d.abort()
	d.config, d.haltIn, d.haltOut, d.sense = 0, false, false, nil
	d.mu.Unlock()
	d.b.Reset()
}

// Close ends what is under way: the bus is gone.
func (d *Device) Close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abort()
	d.config = 0
}

// Configuration that is set; 0: none.
func (d *Device) Configuration() byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config
}

// SetConfiguration says false to one that the bridge has not. Its endpoints begin
// anew (USB 2.0 clause 9.1.1.5).
func (d *Device) SetConfiguration(n byte) bool {
	if n > 1 {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abort()
	d.config, d.haltIn, d.haltOut = n, false, false
	return true
}

// SetInterface chooses an alternate setting: there is one.
func (d *Device) SetInterface(i, alt byte) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.config == 1 && i == 0 && alt == 0
}

func (d *Device) halted(endpoint byte) (byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	halt := map[byte]bool{EndpointIn: d.haltIn, EndpointOut: d.haltOut, 0: false, 0x80: false}
	h, ok := halt[endpoint]
	if h {
		return 1, ok
	}
	return 0, ok
}

// setHalt of a bulk pipe. After an invalid command both stay halted whatever the
// host clears, until its reset (BOT clause 6.6.1).
func (d *Device) setHalt(endpoint byte, on bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	on = on || d.locked
	switch endpoint {
	case EndpointIn:
		d.haltIn = on
	case EndpointOut:
		d.haltOut = on
	case 0, 0x80:
	default:
		return false
	}
	d.changed()
	return true
}

// botReset makes the device ready for a command; the pipes stay as they are (BOT
// clause 3.1).
func (d *Device) botReset() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.abort()
	return true
}

// abort what is under way. The caller holds mu.
func (d *Device) abort() {
	d.cancel()
	d.cancel = func() {}
	d.phase, d.locked, d.out, d.in = phaseCommand, false, nil, nil
	d.changed()
}

// changed wakes who waits. The caller holds mu.
func (d *Device) changed() {
	close(d.change)
	d.change = make(chan struct{})
}

// wait for a change. The caller holds mu, and holds it again afterwards.
func (d *Device) wait(ctx context.Context) error {
	change := d.change
	d.mu.Unlock()
	defer d.mu.Lock()
	select {
	case <-change:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var _ sim.SCSI = (*Bridge)(nil)
