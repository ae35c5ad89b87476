package vhost

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"handback.example/inspect/drive/sim"
)

// Sizes of a request (virtio 1.2 clause 5.6.6.1), with the CDB and sense sizes that
// are the default.
const (
	requestSize  = 51
	responseSize = 108
	senseMax     = 96
)

// maxData of one request, either way, and of all that are under way. Linux sends 8
// MiB at most.
const (
	maxData = 16 << 20
	maxHeld = 256 << 20
)

// Responses of the controller (virtio 1.2 clause 5.6.6.1.1).
const (
	responseOK               = 0
	responseAborted          = 2
	responseBadTarget        = 3
	responseReset            = 4
	responseTransportFailure = 6
)

const statusTaskSetFull = 0x28 // SAM-5 table 33: the kernel sends it again later

// flight is a request under way.
type flight struct {
	queue  *queue
	life   *life
	ctx    context.Context
	cancel context.CancelFunc
	chain  chain
	held   int64
	run    func()

	// Of a request of a drive.
	lun address
	tag uint64
}

// newFlight decodes a chain. The caller is within memory.use.
func newFlight(q *queue, l *life, c chain) (*flight, error) {
	f := &flight{queue: q, life: l, chain: c}
	var err error
	if q.index == controlRing {
		err = f.control()
	} else {
		err = f.request()
	}
	if err != nil {
		return nil, err
	}
	f.ctx, f.cancel = context.WithCancel(l.ctx)
	return f, nil
}

// request of a drive: the header, data to it; the response, data from it.
func (f *flight) request() error {
	m := &f.queue.session.mem
	out, in := length(f.chain.out), length(f.chain.in)
	switch {
	case out < requestSize || in < responseSize:
		return fmt.Errorf("request of %d bytes for a response of %d", out, in)
	case out > requestSize+maxData || in > responseSize+maxData:
		return fmt.Errorf("request with %d bytes of data out and %d in", out-requestSize, in-responseSize)
	}
	head, err := m.gather(f.chain.out, requestSize)
	if err != nil {
		return err
	}
	f.lun, f.tag = parseAddress(head[:8]), binary.LittleEndian.Uint64(head[8:])
	f.held = int64(out - requestSize + in - responseSize)
	if f.queue.session.held.Add(f.held) > maxHeld {
		f.queue.session.held.Add(-f.held)
		f.run = func() { f.queue.finish(f, response(responseOK, sim.SCSIReply{Status: statusTaskSetFull}, 0)) }
		return nil
	}
	all, err := m.gather(f.chain.out, out)
	if err != nil {
		f.queue.session.held.Add(-f.held)
		return err
	}
	r := sim.SCSIRequest{CDB: cut(head[19:requestSize]), Out: all[requestSize:], In: int(in - responseSize)}
	f.run = func() { f.scsi(r) }
	return nil
}

// scsi runs the command and answers, unless the drive never does.
func (f *flight) scsi(r sim.SCSIRequest) {
	x := f.queue.session
	defer x.held.Add(-f.held)
	t := x.target(f.lun)
	if t == nil {
		f.queue.finish(f, response(responseBadTarget, sim.SCSIReply{}, r.In))
		return
	}
	var a sim.SCSIReply
	var err error
	if f.lun.lun == 0 || r.CDB[0] == opReportLUNs {
		a, err = t.SCSI(f.ctx, r)
	} else {
		a = absent(r)
	}
	switch {
	case errors.Is(err, sim.ErrGone) && t.Plugged(): // only its power was gone
		f.queue.finish(f, response(responseTransportFailure, sim.SCSIReply{}, r.In))
	case errors.Is(err, sim.ErrGone):
		f.queue.finish(f, response(responseBadTarget, sim.SCSIReply{}, r.In))
	case err != nil:
		// The command hung until its ring stopped: there is nobody to tell.
	default:
		a.In = a.In[:min(len(a.In), r.In)]
		f.queue.finish(f, response(responseOK, a, r.In-len(a.In)), a.In)
	}
}

// target that is there; nil: none.
func (x *session) target(a address) sim.SCSI {
	if !a.ok || a.target >= len(x.targets) {
		return nil
	}
	if t := x.targets[a.target]; t != nil && t.Plugged() {
		return t
	}
	return nil
}

// response header (virtio 1.2 clause 5.6.6.1).
func response(code byte, a sim.SCSIReply, residual int) []byte {
	b := make([]byte, responseSize)
	n := copy(b[12:], a.Sense[:min(len(a.Sense), senseMax)])
	binary.LittleEndian.PutUint32(b, uint32(n))
	binary.LittleEndian.PutUint32(b[4:], uint32(residual))
	b[10], b[11] = a.Status, code
	return b
}

// address of a logical unit.
type address struct {
	ok          bool // it is one of a target
	target, lun int
}

// parseAddress: 1, the target, the unit in SAM's single-level format.
func parseAddress(b []byte) address {
	return address{ok: b[0] == 1, target: int(b[1]), lun: int(b[2]&0x3f)<<8 | int(b[3])}
}

// cut a CDB to the length that its operation code has (SPC-5 clause 4.2.5): the
// request holds 32 bytes of it. Codes of vendors have 16 at most in practice.
func cut(cdb []byte) []byte {
	switch op := cdb[0]; {
	case op == 0x7e: // extended
		return cdb
	case op == 0x7f: // variable: the length is at 7
		return cdb[:min(len(cdb), 8+int(cdb[7]))]
	case op < 0x20:
		return cdb[:6]
	case op < 0x60:
		return cdb[:10]
	case op >= 0xa0 && op < 0xc0:
		return cdb[:12]
	}
	return cdb[:16]
}

// Commands that a target answers for a logical unit that it does not have.
const (
	opRequestSense = 0x03
	opInquiry      = 0x12
	opReportLUNs   = 0xa0
)

// noSuchUnit: illegal request, logical unit not supported (05h/25h/00h).
var noSuchUnit = []byte{0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x25, 0, 0, 0, 0, 0}

// absent answers for a logical unit that isn't there (SAM-5 clause 5.11, SPC-5
// clause 6.7.2): INQUIRY says so, REQUEST SENSE too, all else is refused.
func absent(r sim.SCSIRequest) sim.SCSIReply {
	limit := func(b []byte, allocation int) sim.SCSIReply {
		return sim.SCSIReply{In: append([]byte(nil), b[:min(len(b), allocation, r.In)]...)}
	}
	switch r.CDB[0] {
	case opInquiry:
		b := make([]byte, 36)
		b[0], b[2], b[3], b[4] = 0x7f, 0x07, 0x02, 31 // no device can be there
		return limit(b, int(binary.BigEndian.Uint16(r.CDB[3:])))
	case opRequestSense:
		return limit(noSuchUnit, int(r.CDB[4]))
	}
	return sim.SCSIReply{Status: 0x02, Sense: append([]byte(nil), noSuchUnit...)}
}
