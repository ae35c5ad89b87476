package opal

// Methods of objects (Core clause 6.3, Opal clause 6.3).
const (
	methodRevert       = 0x0000000600000202
	methodActivate     = 0x0000000600000203
	methodNext         = 0x0000000600000008
	methodGenKey       = 0x0000000600000010
	methodRevertSP     = 0x0000000600000011
	methodGet          = 0x0000000600000016
	methodSet          = 0x0000000600000017
	methodAuthenticate = 0x000000060000001c
)

// paramKeepGlobalKey is RevertSP's KeepGlobalRangeKey (Opal clause 5.1.3.2).
const paramKeepGlobalKey = 0x060000

// method runs a call in a session. What no access control entry names is 'not
// authorised' (Core clause 5.3.4.1.5.1): objects that are not there too.
func (t *TPer) method(s *session, c call) ([]byte, status) {
	switch c.method {
	case methodNext:
		return next(s, c)
	case methodGet:
		return t.get(s, c)
	case methodSet:
		return nil, t.set(s, c)
	case methodAuthenticate:
		return t.authenticateMethod(s, c)
	case methodActivate:
		return nil, t.activate(s, c)
	case methodRevert:
		return nil, t.revert(s, c)
	case methodRevertSP:
		return nil, t.revertSP(s, c)
	case methodGenKey:
		return nil, t.genKey(s, c)
	}
	return nil, statusNotAuthorized
}

// authenticateMethod adds an authority to a session (Core clause 5.3.3.12). A wrong
// PIN is no error of the method: it says false.
func (t *TPer) authenticateMethod(s *session, c call) ([]byte, status) {
	if c.invoking != uidThisSP {
		return nil, statusNotAuthorized
	}
	if len(c.params) < 1 || len(c.params) > 2 {
		return nil, statusInvalidParameter
	}
	authority, ok := c.params[0].uid()
	var proof []byte
	if ok && len(c.params) == 2 {
		var name uint64
		var v value
		name, v, ok = c.params[1].named()
		ok = ok && name == 0 && v.kind == kindBytes
		proof = v.bytes
	}
	if !ok {
		return nil, statusInvalidParameter
	}
	if _, known := t.pin(s.sp, authority); !known && authority != authorityAnybody {
		return nil, statusInvalidParameter
	}
	st := t.authenticate(s.sp, authority, proof)
	if st == statusAuthorityLocked {
		return nil, st
	}
	if st == statusSuccess {
		s.who[authority] = true
	}
	return putBool(nil, st == statusSuccess), statusSuccess
}

// activate makes the Locking SP 'Manufactured', and its Admin1 has the PIN of SID
// (Opal clause 5.1.1). No data is lost. Where it is active already nothing happens.
func (t *TPer) activate(s *session, c call) status {
	switch {
	case s.sp != uidAdminSP || c.invoking != uidLockingSP || !s.is(authoritySID):
		return statusNotAuthorized
	case len(c.params) > 0:
		return statusInvalidParameter // single user mode, DataStore sizes
	}
	if !t.active {
		t.lockingToFactory()
		t.active, t.admin1 = true, t.sid
	}
	return statusSuccess
}

// revert the whole TPer, by SID or PSID, or its Locking SP, by SID, to the state in
// which it left the factory (Opal clause 5.1.2; feature set PSID 1.00). The key
// changes only where the Locking SP was active.
func (t *TPer) revert(s *session, c call) status {
	byOwner := s.is(authoritySID) || s.is(authorityPSID) && c.invoking == uidAdminSP
	switch {
	case s.sp != uidAdminSP || !byOwner || c.invoking != uidAdminSP && c.invoking != uidLockingSP:
		return statusNotAuthorized
	case len(c.params) > 0:
		return statusInvalidParameter
	}
	if t.active || t.c.ErasesInactive {
		t.changeKey()
	}
	t.lockingToFactory()
	if c.invoking == uidAdminSP {
		t.sid = t.c.MSID
		clear(t.tries)
		s.over = true // the session ends with the answer
	}
	return statusSuccess
}

// revertSP is the Locking SP's own way back, by Admin1; the Admin SP's, by SID, is
// the same as Revert (Opal clause 5.1.3).
func (t *TPer) revertSP(s *session, c call) status {
	if c.invoking != uidThisSP {
		return statusNotAuthorized
	}
	if s.sp == uidAdminSP {
		return t.revert(s, call{invoking: uidAdminSP, params: c.params})
	}
	if !s.is(authorityAdmin1) {
		return statusNotAuthorized
	}
	keep, ok := keepGlobalKey(c.params)
	if !ok {
		return statusInvalidParameter
	}
	if keep && t.global.readEnabled && t.global.readLocked && t.global.writeEnabled && t.global.writeLocked {
		return statusFail
	}
	if !keep {
		t.changeKey()
	}
	t.lockingToFactory()
	s.over = true
	return statusSuccess
}

func keepGlobalKey(params []value) (keep, ok bool) {
	if len(params) == 0 {
		return false, true
	}
	name, v, ok := params[0].named()
	if len(params) > 1 || !ok || name != paramKeepGlobalKey {
		return false, false
	}
	return v.boolean()
}

// genKey makes a new key of the global range: all of the user area (Opal clause
// 4.3.5.2).
func (t *TPer) genKey(s *session, c call) status {
	switch {
	case s.sp != uidLockingSP || c.invoking != uidGlobalKey || !s.is(authorityAdmin1):
		return statusNotAuthorized
	case len(c.params) > 0:
		return statusInvalidParameter
	}
	t.changeKey()
	return statusSuccess
}
