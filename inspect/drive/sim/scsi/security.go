package scsi

import "encoding/binary"

// transfer length of SECURITY PROTOCOL IN and OUT, in bytes (SPC-5 clauses 6.40 and
// 6.41): INC_512 counts in units of 512.
func transfer(cdb []byte) uint64 {
	n := uint64(binary.BigEndian.Uint32(cdb[6:]))
	if cdb[4]&0x80 != 0 {
		n *= 512
	}
	return n
}

// securityIn is SECURITY PROTOCOL IN.
func securityIn(d *Drive, r *request) answer {
	n := min(transfer(r.CDB), uint64(max(0, r.In)))
	b, ok := d.cfg.TCG.Receive(r.CDB[1], binary.BigEndian.Uint16(r.CDB[2:]), int(n))
	if !ok {
		return refuse(badField(1))
	}
	return allocation(b, n)
}

// securityOut is SECURITY PROTOCOL OUT.
func securityOut(d *Drive, r *request) answer {
	n := transfer(r.CDB)
	if uint64(len(r.Out)) < n {
		return refuse(code(keyAborted, 0x4b, 0x00))
	}
	if !d.cfg.TCG.Send(r.CDB[1], binary.BigEndian.Uint16(r.CDB[2:]), r.Out[:n]) {
		return refuse(badField(1))
	}
	return answer{}
}
