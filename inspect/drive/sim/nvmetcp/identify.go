package nvmetcp

// cnsController asks for Identify Controller data (Base, figure 273).
const cnsController = 0x01

// Offsets in Identify Controller data (Base, figure 275) of what depends on the way
// to the controller.
const (
	idMDTS     = 77
	idCNTLID   = 78
	idVER      = 80
	idCNTRLTYP = 111
	idAERL     = 259
	idLPA      = 261
	idKAS      = 320
	idMAXCMD   = 514
	idSGLS     = 536
	idSUBNQN   = 768
	idIOCCSZ   = 1792
	idIORCSZ   = 1796
	idICDOFF   = 1800
	idFCATT    = 1802
	idMSDBD    = 1803
	idLen      = 4096
)

// mdts is transferMax in pages of 4 KiB, as a power of two.
const mdts = 8

// overFabrics is what a drive says of itself with what the transport says in its
// place. The drive's own stays as it is.
func (c *controller) overFabrics(own []byte) []byte {
	if len(own) < idLen {
		return own
	}
	b := append([]byte(nil), own...)
	if b[idMDTS] == 0 || b[idMDTS] > mdts {
		b[idMDTS] = mdts
	}
	c.transportFields(b)
	return b
}

func (c *controller) transportFields(b []byte) {
	le.PutUint16(b[idCNTLID:], c.id)
	b[idAERL] = eventsMax - 1
	le.PutUint16(b[idKAS:], 10) // in units of 100 ms
	le.PutUint16(b[idMAXCMD:], depthMax)
	// SGLs, without alignment; their address may be an offset; Transport Data Blocks.
	le.PutUint32(b[idSGLS:], 1|1<<20|1<<21)
	clear(b[idSUBNQN : idSUBNQN+256])
	name := c.server.options.NQN
	if c.discovery {
		name = discoveryNQN
	}
	copy(b[idSUBNQN:], name)
	le.PutUint32(b[idIOCCSZ:], (sqeLen+inCapsuleMax)/16)
	le.PutUint32(b[idIORCSZ:], cqeLen/16)
	le.PutUint16(b[idICDOFF:], 0)
	b[idFCATT] = 0 // dynamic controllers
	b[idMSDBD] = 1
}
