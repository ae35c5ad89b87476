package vhost

import "encoding/binary"

// Events (virtio 1.2 clause 5.6.6.3).
const (
	eventSize    = 16
	eventsMissed = 1 << 31
	eventReset   = 1 // VIRTIO_SCSI_T_TRANSPORT_RESET

	reasonRescan  = 1
	reasonRemoved = 2

	maxNews = 64 // that wait for the guest; what is more is told as 'missed'
)

// news of a target for the guest.
type news struct {
	target int
	in     bool
}

// plugged is called when a target comes or goes.
func (x *session) plugged(target int, in bool) {
	x.events.Lock()
	if len(x.news) < maxNews {
		x.news = append(x.news, news{target, in})
	} else {
		x.missed = true
	}
	x.events.Unlock()
	if err := x.tell(); err != nil {
		x.fail(err)
	}
}

// tell the guest what it has room for. A guest that did not take the hot-plug
// feature hears nothing, and scans when it wants to.
func (x *session) tell() error {
	q := x.queues[eventRing]
	q.mu.Lock()
	defer q.mu.Unlock()
	x.events.Lock()
	defer x.events.Unlock()
	for q.live != nil && len(x.news) > 0 && x.features.Load()&featureHotplug != 0 {
		var c chain
		var ok bool
		err := x.mem.use(func() (err error) { c, ok, err = q.live.ring.take(); return err })
		if err != nil || !ok {
			return err
		}
		if err := q.give(q.live.ring, c, x.news[0].event(x.missed)); err != nil {
			return err
		}
		x.news, x.missed = x.news[1:], false
	}
	return nil
}

// event as the guest reads it: u32 event, the unit's address, u32 reason.
func (n news) event(missed bool) []byte {
	b := make([]byte, eventSize)
	kind, reason := uint32(eventReset), uint32(reasonRemoved)
	if missed {
		kind |= eventsMissed
	}
	if n.in {
		reason = reasonRescan
	}
	binary.LittleEndian.PutUint32(b, kind)
	b[4], b[5] = 1, byte(n.target)
	binary.LittleEndian.PutUint32(b[12:], reason)
	return b
}
