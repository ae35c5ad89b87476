package nvmetcp

import (
	"context"
	"errors"
	"time"

	"handback.example/inspect/drive/sim"
)

// Opcodes of the admin command set that are the transport's matter (Base, figure
// 138).
const (
	opDeleteSQ    = 0x00
	opCreateSQ    = 0x01
	opGetLog      = 0x02
	opDeleteCQ    = 0x04
	opCreateCQ    = 0x05
	opIdentify    = 0x06
	opAbort       = 0x08
	opSetFeatures = 0x09
	opGetFeatures = 0x0a
	opEvent       = 0x0c
	opKeepAlive   = 0x18
)

// Features of the transport (Base, figure 317): CDW10 7:0.
const (
	featQueues    = 0x07
	featKeepAlive = 0x0f
)

// execute a command whose data is there.
func (q *queue) execute(ctx context.Context, c *command) {
	ctl := q.controller
	ctl.heard()
	switch {
	case c.opcode() == opFabrics:
		q.fabrics(c)
	case !ctl.ready():
		q.answer(c, 0, statusSequence, nil)
	case q.id > 0:
		q.model(ctx, c, q.server.model.IO)
	case q.transport(ctx, c):
	case ctl.discovery:
		q.discover(c)
	default:
		q.model(ctx, c, q.server.model.Admin)
	}
}

// model lets the drive answer. Without an answer the host hears nothing: the drive
// hangs. Where it lost its power, the controller is no more either.
func (q *queue) model(ctx context.Context, c *command, run func(context.Context, sim.NVMeRequest) (sim.NVMeReply, error)) {
	r, err := run(ctx, sim.NVMeRequest{SQE: c.sqe, Out: c.out, In: c.in})
	switch {
	case errors.Is(err, sim.ErrGone):
		q.server.drop("the drive lost its power")
		return
	case err != nil:
		return
	}
	if q.id == 0 && c.opcode() == opIdentify && byte(c.cdw(10)) == cnsController && r.Status == 0 {
		r.In = q.controller.overFabrics(r.In)
	}
	q.answer(c, uint64(r.Result), r.Status, r.In)
}

// fabrics commands once connected (Base, clause 6).
func (q *queue) fabrics(c *command) {
	if q.id > 0 {
		q.answer(c, 0, statusField, nil)
		return
	}
	at, eight := c.cdw(11), c.sqe[40]&7 == 1
	switch c.sqe[4] {
	case fabricsGet:
		if v, ok := q.controller.property(at, eight); ok {
			q.answer(c, v, 0, nil)
			return
		}
	case fabricsSet:
		if at == propCC && !eight {
			q.controller.configure(c.cdw(12))
			q.answer(c, 0, 0, nil)
			return
		}
	case fabricsConnect:
		q.answer(c, 0, statusSequence, nil)
		return
	default:
		q.answer(c, 0, statusOpcode, nil)
		return
	}
	q.answer(c, 0, statusField, nil)
}

// transport answers what is its own of the admin commands; false: it is not.
func (q *queue) transport(ctx context.Context, c *command) bool {
	ctl := q.controller
	switch c.opcode() {
	case opKeepAlive:
		q.answer(c, 0, 0, nil)
	case opEvent:
		ctl.hold(ctx, c)
	case opAbort:
		q.answer(c, 1, 0, nil) // not aborted: best effort only (Base, clause 5.1)
	case opDeleteSQ, opCreateSQ, opDeleteCQ, opCreateCQ:
		q.answer(c, 0, statusOpcode, nil) // Connect makes queues
	case opSetFeatures, opGetFeatures:
		return q.features(c)
	default:
		return false
	}
	return true
}

func (q *queue) features(c *command) bool {
	ctl, set := q.controller, c.opcode() == opSetFeatures
	switch byte(c.cdw(10)) {
	case featQueues:
		n := uint64(queuesMax - 1)
		q.answer(c, n<<16|n, 0, nil) // NCQA, NSQA, 0's based
	case featKeepAlive:
		if set {
			ctl.keepAlive(time.Duration(c.cdw(11)) * time.Millisecond)
			q.answer(c, 0, 0, nil)
			break
		}
		ctl.mu.Lock()
		kato := ctl.kato
		ctl.mu.Unlock()
		q.answer(c, uint64(kato/time.Millisecond), 0, nil)
	default:
		return false
	}
	return true
}
