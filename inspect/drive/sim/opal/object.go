package opal

// Objects that have columns (Core clause 6.3, Opal clauses 4.2 and 4.3).
const (
	uidPINSID      = 0x0000000b00000001
	uidPINMSID     = 0x0000000b00008402
	uidPINAdmin1   = 0x0000000b00010001
	uidLockingInfo = 0x0000080100000001
	uidLocking     = 0x0000080200000000 // the table
	uidGlobalRange = 0x0000080200000001
	uidMBRControl  = 0x0000080300000001
	uidGlobalKey   = 0x0000080600000001 // K_AES_256
)

// Columns that are spoken of elsewhere.
const (
	columnPIN          = 3
	columnReadEnabled  = 5
	columnWriteEnabled = 6
	columnReadLocked   = 7
	columnWriteLocked  = 8
	columnLockOnReset  = 9
	columnMBREnable    = 1
	columnMBRDone      = 2
	columnDoneOnReset  = 3
)

// Life cycle states (Opal table 5.3.2.2).
const manufacturedInactive, manufactured = 8, 9

// cell is one column of an object; who must be authenticated to read it.
type cell struct {
	column uint64
	value  []byte
	who    uint64
}

func number64(n uint64) []byte { return putNumber(nil, n) }

func text(s string) []byte { return putBytes(nil, []byte(s)) }

func flag(v bool) []byte { return putBool(nil, v) }

// row of an object, or nothing where there is no such object in the SP.
func (t *TPer) row(sp, uid uint64) []cell {
	if sp == uidAdminSP {
		switch uid {
		case uidAdminSP:
			return spRow(uid, "Admin", manufactured)
		case uidLockingSP:
			state := uint64(manufacturedInactive)
			if t.active {
				state = manufactured
			}
			return spRow(uid, "Locking", state)
		case uidPINMSID:
			return []cell{{0, putUID(nil, uid), authorityAnybody}, {columnPIN, text(t.c.MSID), authorityAnybody}}
		case uidPINSID:
			return t.pinRow(uid, authoritySID)
		}
		return nil
	}
	switch uid {
	case uidPINAdmin1:
		return t.pinRow(uid, authorityAdmin1)
	case uidLockingInfo:
		return t.lockingInfo()
	case uidGlobalRange:
		return t.globalRow()
	case uidGlobalKey:
		// Mode 23 is 'media encryption': the cipher's own mode is not told.
		return []cell{{0, putUID(nil, uid), authorityAnybody}, {4, number64(23), authorityAnybody}}
	case uidMBRControl:
		return []cell{{0, putUID(nil, uid), authorityAnybody}, {columnMBREnable, flag(t.mbr.enabled), authorityAnybody},
			{columnMBRDone, flag(t.mbr.done), authorityAnybody}, {columnDoneOnReset, putResets(t.mbr.onReset), authorityAnybody}}
	}
	return nil
}

// spRow is a row of the SP table (Core clause 5.4.2.3); column 7 is Frozen.
func spRow(uid uint64, name string, state uint64) []cell {
	return []cell{{0, putUID(nil, uid), authorityAnybody}, {1, text(name), authorityAnybody},
		{6, number64(state), authorityAnybody}, {7, flag(false), authorityAnybody}}
}

// pinRow is a row of the C_PIN table (Core clause 5.3.2.12) but the PIN, which
// nobody reads: TryLimit, Tries, Persistence.
func (t *TPer) pinRow(uid, authority uint64) []cell {
	return []cell{{0, putUID(nil, uid), authority}, {5, number64(uint64(t.c.TryLimit)), authority},
		{6, number64(uint64(t.tries[authority])), authority}, {7, flag(false), authority}}
}

// lockingInfo: Core clause 5.7.2.1. No range but the global one.
func (t *TPer) lockingInfo() []cell {
	any := uint64(authorityAnybody)
	return []cell{{0, putUID(nil, uidLockingInfo), any}, {2, number64(1), any}, {3, number64(1), any}, {4, number64(0), any},
		{7, flag(t.c.Alignment > 1), any}, {8, number64(uint64(t.c.BlockSize)), any}, {9, number64(t.c.Alignment), any}, {10, number64(0), any}}
}

// globalRow: Core clause 5.7.2.2. Of it everybody may read UID and name.
func (t *TPer) globalRow() []cell {
	g, admin := t.global, uint64(authorityAdmin1)
	return []cell{{0, putUID(nil, uidGlobalRange), authorityAnybody}, {1, text("Locking_GlobalRange"), authorityAnybody},
		{3, number64(0), admin}, {4, number64(0), admin},
		{columnReadEnabled, flag(g.readEnabled), admin}, {columnWriteEnabled, flag(g.writeEnabled), admin},
		{columnReadLocked, flag(g.readLocked), admin}, {columnWriteLocked, flag(g.writeLocked), admin},
		{columnLockOnReset, putResets(g.onReset), admin}, {10, putUID(nil, uidGlobalKey), admin}}
}

func putResets(kinds []byte) []byte {
	b := []byte{tokenStartList}
	return append(append(b, kinds...), tokenEndList)
}

// get reads columns of an object (Core clause 5.3.3.6): those of the cell block
// that the session may read; where it may read none of the object, the method is
// not authorised.
func (t *TPer) get(s *session, c call) ([]byte, status) {
	row := t.row(s.sp, c.invoking)
	allowed := false
	for _, x := range row {
		allowed = allowed || x.who == authorityAnybody || s.is(x.who)
	}
	if !allowed {
		return nil, statusNotAuthorized
	}
	from, to, ok := cellBlock(c.params)
	if !ok {
		return nil, statusInvalidParameter
	}
	b := []byte{tokenStartList}
	for _, x := range row {
		if x.column >= from && x.column <= to && (x.who == authorityAnybody || s.is(x.who)) {
			b = putNumber(append(b, tokenStartName), x.column)
			b = append(append(b, x.value...), tokenEndName)
		}
	}
	return append(b, tokenEndList), statusSuccess
}

// next lists the rows of the Locking table (Core clause 5.3.3.8), all of them: there
// is one.
func next(s *session, c call) ([]byte, status) {
	switch {
	case s.sp != uidLockingSP || c.invoking != uidLocking:
		return nil, statusNotAuthorized
	case len(c.params) > 0:
		return nil, statusInvalidParameter // from where, and how many
	}
	return append(putUID([]byte{tokenStartList}, uidGlobalRange), tokenEndList), statusSuccess
}

// cellBlock of an object: columns by number, 3 the first and 4 the last; rows have
// no place in it (Core clause 5.1.4.2.3).
func cellBlock(params []value) (from, to uint64, ok bool) {
	if len(params) != 1 || params[0].kind != kindList {
		return 0, 0, false
	}
	to = ^uint64(0)
	for _, p := range params[0].list {
		name, v, ok := p.named()
		if !ok || v.kind != kindNumber {
			return 0, 0, false
		}
		switch name {
		case 3:
			from = v.number
		case 4:
			to = v.number
		default:
			return 0, 0, false
		}
	}
	return from, to, from <= to
}

// setters of an object's columns: each checks its value and gives what does it.
type setter func(v value) (do func(), ok bool)

func (t *TPer) setters(s *session, uid uint64) map[uint64]setter {
	switch {
	case s.sp == uidAdminSP && uid == uidPINSID && s.is(authoritySID):
		return map[uint64]setter{columnPIN: pinSetter(&t.sid)}
	case s.sp != uidLockingSP || !s.is(authorityAdmin1):
		return nil
	case uid == uidPINAdmin1:
		return map[uint64]setter{columnPIN: pinSetter(&t.admin1)}
	case uid == uidGlobalRange:
		g := &t.global
		return map[uint64]setter{columnReadEnabled: flagSetter(&g.readEnabled), columnWriteEnabled: flagSetter(&g.writeEnabled),
			columnReadLocked: flagSetter(&g.readLocked), columnWriteLocked: flagSetter(&g.writeLocked),
			columnLockOnReset: resetSetter(&g.onReset)}
	case uid == uidMBRControl:
		return map[uint64]setter{columnMBREnable: flagSetter(&t.mbr.enabled), columnMBRDone: flagSetter(&t.mbr.done),
			columnDoneOnReset: resetSetter(&t.mbr.onReset)}
	}
	return nil
}

func pinSetter(to *string) setter {
	return func(v value) (func(), bool) {
		pin := string(v.bytes)
		return func() { *to = pin }, v.kind == kindBytes && len(pin) <= pinMax
	}
}

func flagSetter(to *bool) setter {
	return func(v value) (func(), bool) {
		b, ok := v.boolean()
		return func() { *to = b }, ok
	}
}

// resetSetter: power cycle, hardware and programmatic reset (Core table 32).
func resetSetter(to *[]byte) setter {
	return func(v value) (func(), bool) {
		var kinds []byte
		ok := v.kind == kindList && len(v.list) <= 4
		for _, k := range v.list {
			ok = ok && k.kind == kindNumber && k.number <= 3
			kinds = append(kinds, byte(k.number))
		}
		return func() { *to = kinds }, ok
	}
}

// set writes columns of an object, all or none (Core clause 5.3.3.7): parameter 1
// is the list of values by column.
func (t *TPer) set(s *session, c call) status {
	setters := t.setters(s, c.invoking)
	if setters == nil {
		return statusNotAuthorized
	}
	if len(c.params) == 0 {
		return statusSuccess
	}
	name, values, ok := c.params[0].named()
	if len(c.params) > 1 || !ok || name != 1 || values.kind != kindList {
		return statusInvalidParameter
	}
	var changes []func()
	for _, p := range values.list {
		column, v, ok := p.named()
		if !ok {
			return statusInvalidParameter
		}
		check := setters[column]
		if check == nil {
			return statusNotAuthorized // no access control entry names the column
		}
		do, ok := check(v)
		if !ok {
			return statusInvalidParameter
		}
		changes = append(changes, do)
	}
	for _, do := range changes {
		do()
	}
	return statusSuccess
}
