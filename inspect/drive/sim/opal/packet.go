package opal

import (
	"encoding/binary"
)

// Lengths of a ComPacket's, packet's and subpacket's header (Core clause 3.2.3), and
// the largest ComPacket that is taken and sent: what Opal asks for at least.
const (
	comHeader, packetHeader, subHeader = 20, 24, 12
	comPacketMax                       = 2048
)

// Security protocols (Core clause 3.3.1): which there are, TCG's own, and its
// management of ComIDs.
const (
	protocolInformation = 0x00
	protocolTCG         = 0x01
	protocolManagement  = 0x02
)

// ComIDs that are not a TPer's own.
const (
	comIDDiscovery = 0x0001
	comIDTPerReset = 0x0004
	comIDBlockSID  = 0x0005
)

// Send takes one transfer to a security protocol.
func (t *TPer) Send(protocol byte, specific uint16, data []byte) bool {
	t.mu.Lock()
	ok := t.send(protocol, specific, data)
	var rekey func()
	if t.newKey {
		t.newKey, rekey = false, t.rekey
	}
	t.mu.Unlock()
	if rekey != nil {
		rekey()
	}
	return ok
}

func (t *TPer) send(protocol byte, specific uint16, data []byte) bool {
	switch {
	case protocol == protocolTCG && specific == t.c.ComID:
		return t.sendComPacket(data)
	case protocol == protocolManagement && specific == t.c.ComID:
		return t.sendManagement(data)
	case protocol == protocolManagement && specific == comIDTPerReset:
		return t.tperReset()
	case protocol == protocolManagement && specific == comIDBlockSID && !t.c.NoBlockSID:
		return t.blockSID(data)
	}
	return false
}

// Receive gives what a security protocol has to say, n bytes at most; the transport
// fills up what its blocks ask for.
func (t *TPer) Receive(protocol byte, specific uint16, n int) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n < 0 {
		return nil, false
	}
	var b []byte
	switch {
	case protocol == protocolInformation && specific == 0:
		b = []byte{0, 0, 0, 0, 0, 0, 0, 3, protocolInformation, protocolTCG, protocolManagement} // SPC-5 clause 7.7.1.3
	case protocol == protocolInformation && specific == 1:
		b = []byte{0, 0, 0, 0} // no certificate
	case protocol == protocolTCG && specific == comIDDiscovery:
		b = t.discovery()
	case protocol == protocolTCG && specific == t.c.ComID:
		return t.receiveComPacket(n), true
	case protocol == protocolManagement && specific == t.c.ComID:
		b = t.receiveManagement()
	default:
		return nil, false
	}
	return b[:min(n, len(b))], true
}

// sendComPacket: one packet with one subpacket and one method, and no other before
// the answer was fetched (Core clause 3.3.10.2: a violation of the synchronous
// protocol is refused).
func (t *TPer) sendComPacket(b []byte) bool {
	if len(b) < comHeader || t.answer != nil {
		return false
	}
	n := binary.BigEndian.Uint32(b[16:])
	if n > comPacketMax-comHeader || int(n) > len(b)-comHeader ||
		binary.BigEndian.Uint16(b[4:]) != t.c.ComID || binary.BigEndian.Uint16(b[6:]) != 0 {
		return false
	}
	b = b[comHeader : comHeader+int(n)]
	if len(b) < packetHeader {
		return true // an empty ComPacket says nothing
	}
	tsn, hsn := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	n = binary.BigEndian.Uint32(b[20:])
	b = b[packetHeader:]
	if int64(n) > int64(len(b)) {
		return true // what makes no sense is discarded
	}
	if b = b[:n]; len(b) < subHeader || binary.BigEndian.Uint16(b[6:]) != 0 {
		return true
	}
	n = binary.BigEndian.Uint32(b[8:])
	b = b[subHeader:]
	if int64(n) > int64(len(b)) {
		return true
	}
	t.packet(tsn, hsn, b[:n])
	return true
}

// reply makes the answer that the next Receive fetches.
func (t *TPer) reply(tsn, hsn uint32, payload []byte) {
	padded := (len(payload) + 3) &^ 3
	b := make([]byte, comHeader+packetHeader+subHeader+padded)
	be := binary.BigEndian
	be.PutUint16(b[4:], t.c.ComID)
	be.PutUint32(b[16:], uint32(packetHeader+subHeader+padded))
	p := b[comHeader:]
	be.PutUint32(p, tsn)
	be.PutUint32(p[4:], hsn)
	be.PutUint32(p[20:], uint32(subHeader+padded))
	be.PutUint32(p[packetHeader+8:], uint32(len(payload)))
	copy(p[packetHeader+subHeader:], payload)
	t.answer = b
}

// receiveComPacket: where the answer does not fit, its length is told and it stays
// (Core clause 3.3.10.2.1); where there is none, an empty ComPacket is.
func (t *TPer) receiveComPacket(n int) []byte {
	b := make([]byte, comHeader)
	binary.BigEndian.PutUint16(b[4:], t.c.ComID)
	if len(t.answer) > n {
		binary.BigEndian.PutUint32(b[8:], uint32(len(t.answer)))
		binary.BigEndian.PutUint32(b[12:], uint32(len(t.answer)))
	} else if t.answer != nil {
		b, t.answer = t.answer, nil
	}
	return b[:min(n, len(b))]
}

// Requests of protocol 02h (Core clause 3.3.4.7).
const (
	requestVerify     = 1
	requestStackReset = 2
)

// sendManagement is HANDLE_COMID_REQUEST.
func (t *TPer) sendManagement(b []byte) bool {
	if len(b) < 8 || binary.BigEndian.Uint16(b) != t.c.ComID || binary.BigEndian.Uint16(b[2:]) != 0 {
		return false
	}
	m := make([]byte, 12, 48)
	copy(m, b[:8])
	switch binary.BigEndian.Uint32(b[4:]) {
	case requestVerify:
		// State 'Issued' or 'Associated' (Core table 17), and times that are not kept.
		state := byte(2)
		if t.session != nil {
			state = 3
		}
		m = append(m, 0, 0, 0, state)
		m = append(m, make([]byte, 30)...)
	case requestStackReset:
		t.session, t.answer = nil, nil
		m = append(m, 0, 0, 0, 0) // success
	default:
		return false
	}
	binary.BigEndian.PutUint16(m[10:], uint16(len(m)-12))
	t.management = m
	return true
}

// receiveManagement: HANDLE_COMID_RESPONSE; request code 0 where there is none.
func (t *TPer) receiveManagement() []byte {
	if m := t.management; m != nil {
		t.management = nil
		return m
	}
	m := make([]byte, 12)
	binary.BigEndian.PutUint16(m, t.c.ComID)
	return m
}

// tperReset is TPER_RESET (Opal clause 3.2.3), which the ProgrammaticResetEnable
// column of the TPerInfo table would have to allow: nobody can set it here.
func (t *TPer) tperReset() bool { return false }

// blockSID: SID may not authenticate from now on, until the next power cycle
// (Block SID Authentication 1.00 clause 3). It is refused where it is done already,
// or a session is open.
func (t *TPer) blockSID(b []byte) bool {
	if len(b) < 1 || t.blocked || t.session != nil {
		return false
	}
	t.blocked, t.clearEvents = true, b[0]&1
	return true
}
