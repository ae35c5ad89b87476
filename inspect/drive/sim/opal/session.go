package opal

// UIDs (Core clause 6.3, Opal clause 6.3).
const (
	uidThisSP    = 0x0000000000000001
	uidManager   = 0x00000000000000ff // SMUID
	uidAdminSP   = 0x0000020500000001
	uidLockingSP = 0x0000020500000002

	authorityAnybody = 0x0000000900000001
	authoritySID     = 0x0000000900000006
	authorityPSID    = 0x000000090001ff01
	authorityAdmin1  = 0x0000000900010001

	methodProperties   = 0x000000000000ff01
	methodStartSession = 0x000000000000ff02
	methodSyncSession  = 0x000000000000ff03
	methodCloseSession = 0x000000000000ff06
)

// status of a method (Core clause 5.1.5).
type status byte

const (
	statusSuccess          status = 0x00
	statusNotAuthorized    status = 0x01
	statusNoSessions       status = 0x07
	statusInvalidParameter status = 0x0c
	statusAuthorityLocked  status = 0x12
	statusFail             status = 0x3f
)

// What is told of this TPer's limits, in bytes, and how many of a host's properties
// it takes note of.
const (
	packetMax         = comPacketMax - comHeader
	tokenMax          = packetMax - packetHeader - subHeader
	hostPropertiesMax = 16
)

// session between a host and an SP. There is one at a time.
type session struct {
	tsn, hsn uint32
	sp       uint64
	who      map[uint64]bool // authorities that are authenticated
	over     bool            // ends when its answer is made
}

func (s *session) is(authority uint64) bool { return s.who[authority] }

// packet of a data stream: for the session manager (session numbers 0), or for the
// session that is open. Others are discarded.
func (t *TPer) packet(tsn, hsn uint32, payload []byte) {
	if tsn == 0 && hsn == 0 {
		t.manager(payload)
		return
	}
	s := t.session
	if s == nil || s.tsn != tsn || s.hsn != hsn {
		return
	}
	if in := stream(payload); in.next(tokenEndOfSession) {
		// Linux sends more behind it.
		t.session = nil
		t.reply(tsn, hsn, []byte{tokenEndOfSession})
		return
	}
	c, err := parseCall(payload)
	if err != nil {
		t.closeSession()
		return
	}
	out, st := t.method(s, c)
	if st != statusSuccess {
		out = nil
	}
	b := append([]byte{tokenStartList}, out...)
	t.reply(tsn, hsn, putStatus(append(b, tokenEndList), st))
	if s.over {
		t.session = nil
	}
}

// closeSession: the TPer ends a session in which it was sent something malformed
// (Core clause 3.3.7.1.5).
func (t *TPer) closeSession() {
	s := t.session
	t.session = nil
	t.reply(0, 0, managerCall(methodCloseSession, putNumber(putNumber(nil, uint64(s.hsn)), uint64(s.tsn)), statusSuccess))
}

// putStatus ends a method's answer.
func putStatus(b []byte, st status) []byte {
	b = append(b, tokenEndOfData, tokenStartList)
	return append(putNumber(b, uint64(st)), 0, 0, tokenEndList)
}

// managerCall: the session manager answers by a call of its own.
func managerCall(method uint64, params []byte, st status) []byte {
	b := putUID(putUID([]byte{tokenCall}, uidManager), method)
	b = append(append(b, tokenStartList), params...)
	return putStatus(append(b, tokenEndList), st)
}

// manager takes calls outside of sessions; others than these two are discarded.
func (t *TPer) manager(payload []byte) {
	c, err := parseCall(payload)
	if err != nil || c.invoking != uidManager {
		return
	}
	switch c.method {
	case methodProperties:
		out, st := t.properties(c.params)
		t.reply(0, 0, managerCall(methodProperties, out, st))
	case methodStartSession:
		out, st := t.startSession(c.params)
		t.reply(0, 0, managerCall(methodSyncSession, out, st))
	}
}

// properties: what this TPer can do, and what of the host's it took note of (Core
// clause 5.2.2.1).
func (t *TPer) properties(params []value) ([]byte, status) {
	b := []byte{tokenStartList}
	for _, p := range []struct {
		name string
		n    uint64
	}{
		{"MaxMethods", 1}, {"MaxSubpackets", 1}, {"MaxPacketSize", packetMax}, {"MaxPackets", 1},
		{"MaxComPacketSize", comPacketMax}, {"MaxResponseComPacketSize", comPacketMax}, {"MaxSessions", 1},
		{"MaxReadSessions", 0}, {"MaxIndTokenSize", tokenMax}, {"MaxAggTokenSize", tokenMax},
		{"MaxAuthentications", 2}, {"MaxTransactionLimit", 1}, {"DefSessionTimeout", 0},
	} {
		b = putProperty(b, p.name, p.n)
	}
	b = append(b, tokenEndList)
	if len(params) == 0 {
		return b, statusSuccess
	}
	name, host, ok := params[0].named()
	if len(params) > 1 || !ok || name != 0 || host.kind != kindList || len(host.list) > hostPropertiesMax {
		return nil, statusInvalidParameter
	}
	b = append(b, tokenStartName, 0, tokenStartList)
	for _, p := range host.list {
		if p.kind != kindName || p.list[0].kind != kindBytes || p.list[1].kind != kindNumber || len(p.list[0].bytes) > 32 {
			return nil, statusInvalidParameter
		}
		b = putProperty(b, string(p.list[0].bytes), p.list[1].number)
	}
	return append(b, tokenEndList, tokenEndName), statusSuccess
}

func putProperty(b []byte, name string, n uint64) []byte {
	b = putBytes(append(b, tokenStartName), []byte(name))
	return append(putNumber(b, n), tokenEndName)
}

// Names of StartSession's optional parameters (Core clause 5.2.3.1).
const (
	paramChallenge = 0
	paramAuthority = 3
	paramTimeout   = 5
)

// start is what StartSession asks for.
type start struct {
	hsn       uint32
	sp        uint64
	authority uint64
	challenge []byte
}

func parseStart(params []value) (start, bool) {
	s := start{authority: authorityAnybody}
	if len(params) < 3 || params[0].kind != kindNumber || params[0].number > 0xffffffff {
		return s, false
	}
	var spOK bool
	s.hsn = uint32(params[0].number)
	s.sp, spOK = params[1].uid()
	// Sessions that only read are not offered (Opal clause 4.1.1.2 leaves it open).
	write, writeOK := params[2].boolean()
	if !spOK || !writeOK || !write {
		return s, false
	}
	for _, p := range params[3:] {
		name, v, ok := p.named()
		if !ok {
			return s, false
		}
		switch name {
		case paramChallenge:
			s.challenge, ok = v.bytes, v.kind == kindBytes
		case paramAuthority:
			s.authority, ok = v.uid()
		case paramTimeout:
			ok = v.kind == kindNumber
		default:
			ok = false
		}
		if !ok {
			return s, false
		}
	}
	return s, true
}

// startSession opens a session to the Admin SP, or to the Locking SP where that is
// activated (Core clause 5.2.3.1). The answer to a failure has no parameters.
func (t *TPer) startSession(params []value) ([]byte, status) {
	s, ok := parseStart(params)
	switch {
	case !ok:
		return nil, statusInvalidParameter
	case s.sp != uidAdminSP && s.sp != uidLockingSP, s.sp == uidLockingSP && !t.active:
		return nil, statusInvalidParameter
	case t.session != nil:
		return nil, statusNoSessions
	}
	if st := t.authenticate(s.sp, s.authority, s.challenge); st != statusSuccess {
		return nil, st
	}
	t.lastTSN++
	t.session = &session{tsn: t.lastTSN, hsn: s.hsn, sp: s.sp, who: map[uint64]bool{s.authority: true}}
	return putNumber(putNumber(nil, uint64(s.hsn)), uint64(t.lastTSN)), statusSuccess
}

// authenticate by a PIN (Core clause 5.3.4.1.14). An authority that has none here
// is not there, or not enabled.
func (t *TPer) authenticate(sp, authority uint64, proof []byte) status {
	if authority == authorityAnybody {
		return statusSuccess
	}
	pin, ok := t.pin(sp, authority)
	switch {
	case !ok, authority == authoritySID && t.blocked:
		return statusNotAuthorized
	case t.tries[authority] >= t.c.TryLimit:
		return statusAuthorityLocked
	case string(proof) != pin:
		t.tries[authority]++
		return statusNotAuthorized
	}
	delete(t.tries, authority)
	return statusSuccess
}

func (t *TPer) pin(sp, authority uint64) (string, bool) {
	switch {
	case sp == uidAdminSP && authority == authoritySID:
		return t.sid, true
	case sp == uidAdminSP && authority == authorityPSID && t.c.PSID != "":
		return t.c.PSID, true
	case sp == uidLockingSP && authority == authorityAdmin1 && t.active:
		return t.admin1, true
	}
	return "", false
}
