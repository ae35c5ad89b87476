package nvme

// Feature identifiers (Base 2.0, figure 317; NVM 1.0, clause 4.1.3).
const (
	featArbitration  = 0x01
	featPower        = 0x02
	featTemperature  = 0x04
	featRecovery     = 0x05
	featCache        = 0x06
	featQueues       = 0x07
	featAtomicity    = 0x0a
	featAsync        = 0x0b
	featTimestamp    = 0x0e
	featKeepAlive    = 0x0f
	featHostBehavior = 0x16
	featSanitize     = 0x17
	featHostID       = 0x81
	featProtection   = 0x84
)

// Namespace write protection states (Base 2.0, clause 8.12).
const (
	protectNone       = 0
	protectOn         = 1
	protectUntilPower = 2
	protectForever    = 3
)

// features is what the host has set.
type features struct {
	values    map[byte]uint32 // those that are a dword
	hostID    [16]byte
	behavior  [512]byte
	timestamp [8]byte
}

func (d *Drive) resetFeatures() {
	d.features = features{values: map[byte]uint32{
		featArbitration: 0, featPower: 0, featTemperature: uint32(d.cfg.SMART.WarningKelvin), featRecovery: 0,
		featCache: 1, featQueues: uint32(d.cfg.Queues-1)<<16 | uint32(d.cfg.Queues-1), featAtomicity: 0,
		featAsync: 0, featKeepAlive: 0, featSanitize: 0,
	}}
}

// hasFeature: what the drive's character says of those that are optional.
func (d *Drive) hasFeature(fid byte) bool {
	switch fid {
	case featCache:
		return d.cfg.VolatileCache
	case featTimestamp:
		return d.cfg.Timestamp
	case featSanitize:
		return d.sanitizes()
	case featProtection:
		return d.cfg.WriteProtection
	case featHostID, featHostBehavior:
		return true
	}
	_, ok := d.features.values[fid]
	return ok
}

// getFeatures answers with current values; ONCS bit 4 says that there are no others.
func (d *Drive) getFeatures(c *command) reply {
	fid := byte(c.dw(10))
	if c.dw(10)>>8&7 != 0 || !d.hasFeature(fid) {
		return refuse(invalidField)
	}
	switch fid {
	case featHostID:
		if c.dw(11)&1 == 0 {
			return c.give(d.features.hostID[:8])
		}
		return c.give(d.features.hostID[:])
	case featHostBehavior:
		return c.give(d.features.behavior[:])
	case featTimestamp:
		return c.give(d.features.timestamp[:])
	case featProtection:
		n, s := d.active(c.nsid())
		if s != success {
			return refuse(s)
		}
		return reply{result: n.protect}
	}
	return reply{result: d.features.values[fid]}
}

func (d *Drive) setFeatures(c *command) reply {
	fid := byte(c.dw(10))
	switch {
	case !d.hasFeature(fid):
		return refuse(invalidField)
	case c.dw(10)>>31 != 0: // Save
		return refuse(notSaveable)
	}
	f := &d.features
	switch fid {
	case featHostID:
		n := 8
		if c.dw(11)&1 != 0 {
			n = 16
		}
		return c.take(f.hostID[:n])
	case featHostBehavior:
		return c.take(f.behavior[:])
	case featTimestamp:
		if r := c.take(f.timestamp[:6]); r.status != success {
			return r
		}
		f.timestamp[6] = 2 // its origin: set by Set Features
		return reply{}
	case featProtection:
		return d.protect(c)
	case featQueues:
		return d.setQueues(c.dw(11))
	}
	f.values[fid] = c.dw(11)
	return reply{}
}

// take the host's data.
func (c *command) take(into []byte) reply {
	if len(c.out) < len(into) {
		return refuse(sglLengthInvalid)
	}
	copy(into, c.out)
	return reply{}
}

// setQueues gives as many I/O queues as there are (Base 2.0, clause 5.27.1.5).
func (d *Drive) setQueues(want uint32) reply {
	in, out := want&0xffff, want>>16
	if in == 0xffff || out == 0xffff {
		return refuse(invalidField)
	}
	most := uint32(d.cfg.Queues - 1)
	v := min(out, most)<<16 | min(in, most)
	d.features.values[featQueues] = v
	return reply{result: v}
}

// protect changes the write protection of a namespace.
func (d *Drive) protect(c *command) reply {
	n, s := d.active(c.nsid())
	if s != success {
		return refuse(s)
	}
	to := c.dw(11) & 7
	switch {
	case to > protectForever:
		return refuse(invalidField)
	case n.protect == protectForever || n.protect == protectUntilPower && to != n.protect:
		return refuse(notChangeable)
	}
	n.protect = to
	return reply{}
}

// active gives a namespace that is attached to this controller. An ID that none can
// have is invalid, one that none has now is an invalid field (Base 2.0, clause
// 3.2.1).
func (d *Drive) active(nsid uint32) (*namespace, status) {
	if !d.valid(nsid) {
		return nil, invalidNamespace
	}
	n := d.find(nsid)
	if n == nil || !n.attached {
		return nil, invalidField
	}
	return n, success
}
