package vhost

import (
	"encoding/binary"
	"fmt"
	"time"

	"handback.example/inspect/drive/sim"
)

// past is a deadline that wakes a reader at once.
var past = time.Unix(1, 0)

// Requests of the control ring and their sizes (virtio 1.2 clause 5.6.6.2).
const (
	typeTask      = 0
	typeQuery     = 1
	typeSubscribe = 2

	taskSize      = 24
	subscribeSize = 16
)

// Task management functions.
const (
	abortTask    = 0
	abortTaskSet = 1
	clearACA     = 2
	clearTaskSet = 3
	nexusReset   = 4
	unitReset    = 5
	queryTask    = 6
	queryTaskSet = 7
)

// Responses to them.
const (
	functionComplete  = 0
	functionSucceeded = 10
	functionRejected  = 11
	incorrectLUN      = 12
)

// control request: task management, or asynchronous notification, of which this
// controller has none.
func (f *flight) control() error {
	out, in := length(f.chain.out), length(f.chain.in)
	head, err := f.queue.session.mem.gather(f.chain.out, taskSize)
	if err != nil {
		return err
	}
	if len(head) < 4 {
		return fmt.Errorf("control request of %d bytes", out)
	}
	switch kind := binary.LittleEndian.Uint32(head); {
	case kind == typeTask && out >= taskSize && in >= 1:
		function, lun, tag := binary.LittleEndian.Uint32(head[4:]), parseAddress(head[8:]), binary.LittleEndian.Uint64(head[16:])
		f.run = func() { f.queue.finish(f, []byte{f.queue.session.manage(function, lun, tag)}) }
		return nil
	case (kind == typeQuery || kind == typeSubscribe) && out >= subscribeSize && in >= 5:
		f.run = func() { f.queue.finish(f, []byte{0, 0, 0, 0, functionComplete}) }
		return nil
	default:
		return fmt.Errorf("control request of type %d with %d bytes for a response of %d", kind, out, in)
	}
}

// manage tasks of a target. A command that a model never answers is answered here
// when it is aborted.
func (x *session) manage(function uint32, lun address, tag uint64) byte {
	t := x.target(lun)
	switch {
	case t == nil:
		return responseBadTarget
	case lun.lun != 0 && function != nexusReset:
		return incorrectLUN
	}
	all := func(f *flight) bool { return f.lun == lun }
	one := func(f *flight) bool { return f.lun == lun && f.tag == tag }
	target := func(f *flight) bool { return f.lun.ok && f.lun.target == lun.target }
	switch function {
	case abortTask:
		x.end(one, responseAborted)
	case abortTaskSet, clearTaskSet:
		x.end(all, responseAborted)
	case clearACA:
	case nexusReset, unitReset:
		x.end(target, responseReset)
		t.Reset()
	case queryTask:
		return found(x.under(one))
	case queryTaskSet:
		return found(x.under(all))
	default:
		return functionRejected
	}
	return functionComplete
}

func found(f []*flight) byte {
	if len(f) > 0 {
		return functionSucceeded
	}
	return functionComplete
}

// under way are these.
func (x *session) under(which func(*flight) bool) []*flight {
	var all []*flight
	for _, q := range x.queues[firstRing:] {
		q.mu.Lock()
		if q.live != nil {
			for _, f := range q.live.flights {
				if which(f) {
					all = append(all, f)
				}
			}
		}
		q.mu.Unlock()
	}
	return all
}

// end requests with a response; what their models say later is not heard.
func (x *session) end(which func(*flight) bool, code byte) {
	for _, f := range x.under(which) {
		f.queue.finish(f, response(code, sim.SCSIReply{}, int(length(f.chain.in)-responseSize)))
	}
}
