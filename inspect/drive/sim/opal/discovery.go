package opal

import "encoding/binary"

// discovery is the answer to level 0 discovery: a header and a descriptor per
// feature (Core clause 3.3.6, Opal clause 3.1.1).
func (t *TPer) discovery() []byte {
	b := make([]byte, 48) // 16 of the header, 32 of the vendor
	b[7] = 1              // structure revision 0.1
	for _, f := range [][]byte{t.featureTPer(), t.featureLocking(), t.featureGeometry(), t.featureOpal(), t.featureBlockSID()} {
		b = append(b, f...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// feature begins a descriptor: code, version in 7:4, the length of what follows.
func feature(code uint16, version, length byte) []byte {
	b := make([]byte, 4+int(length))
	binary.BigEndian.PutUint16(b, code)
	b[2], b[3] = version<<4, length
	return b
}

// featureTPer: synchronous protocol (bit 0) and streaming (bit 4), which Opal asks
// for.
func (t *TPer) featureTPer() []byte {
	b := feature(0x0001, 1, 12)
	b[4] = 0x11
	return b
}

func (t *TPer) featureLocking() []byte {
	b := feature(0x0002, 1, 12)
	read, write := t.global.locked(t.active)
	for bit, set := range []bool{true, t.active, read || write, true, t.mbr.enabled, t.mbr.done} {
		if set {
			b[4] |= 1 << bit
		}
	}
	return b
}

func (t *TPer) featureGeometry() []byte {
	b := feature(0x0003, 1, 28)
	if t.c.Alignment > 1 {
		b[4] = 1
	}
	binary.BigEndian.PutUint32(b[12:], t.c.BlockSize)
	binary.BigEndian.PutUint64(b[16:], t.c.Alignment)
	return b
}

// Admins and users of the Locking SP: what Opal asks for at least. Of them only
// Admin1 is ever enabled here.
const admins, users = 4, 8

func (t *TPer) featureOpal() []byte {
	b := feature(0x0203, 1, 16)
	binary.BigEndian.PutUint16(b[4:], t.c.ComID)
	binary.BigEndian.PutUint16(b[6:], 1)
	binary.BigEndian.PutUint16(b[9:], admins)
	binary.BigEndian.PutUint16(b[11:], users)
	// Bytes 13 and 14: the initial PIN of SID is MSID, and a revert makes it so again.
	return b
}

// featureBlockSID: TCG Storage Feature Set Block SID Authentication 1.00, clause 2.
func (t *TPer) featureBlockSID() []byte {
	if t.c.NoBlockSID {
		return nil
	}
	b := feature(0x0402, 1, 12)
	if t.sid != t.c.MSID {
		b[4] |= 1
	}
	if t.blocked {
		b[4] |= 2
	}
	b[5] = t.clearEvents & 1
	return b
}
