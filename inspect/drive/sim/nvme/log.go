package nvme

import (
	"slices"
	"time"
)

// Log page identifiers (Base 2.0, figure 202).
const (
	logSupported   = 0x00
	logErrors      = 0x01
	logSMART       = 0x02
	logFirmware    = 0x03
	logChanged     = 0x04
	logEffects     = 0x05
	logSelfTest    = 0x06
	logBoot        = 0x15
	logReservation = 0x80
	logSanitize    = 0x81
)

// maxErrors is the number of entries in log 01h (ELPE).
const maxErrors = 64

// logPage gives a part of a log page (Base 2.0, clause 5.16).
func (d *Drive) logPage(c *command) reply {
	lid, lsp := byte(c.dw(10)), c.dw(10)>>8&0x7f
	dwords := uint64(c.dw(10)>>16) | uint64(c.dw(11)&0xffff)<<16 // NUMDL, NUMDU: less one
	n, off := (dwords+1)*4, uint64(c.dw(13))<<32|uint64(c.dw(12))
	if n > uint64(d.transfer()) || off%4 != 0 || c.dw(14)>>23&1 != 0 { // OT: an index
		return refuse(invalidField)
	}
	n = min(n, uint64(c.in))
	if lid == logBoot {
		return d.bootLog(lsp, n, off)
	}
	page, s := d.page(lid, c.nsid())
	if s != success {
		return refuse(s)
	}
	if off > uint64(len(page)) {
		return refuse(invalidField)
	}
	// What lies behind the page is undefined: zeros.
	out := make([]byte, n)
	copy(out, page[off:])
	if c.dw(10)>>15&1 == 0 { // Retain Asynchronous Event
		d.acknowledge(lid)
	}
	return reply{in: out}
}

// acknowledge: the host has seen a page, the event that pointed to it may come again.
func (d *Drive) acknowledge(lid byte) {
	delete(d.told, lid)
	if lid == logChanged {
		d.changed = nil
	}
}

func (d *Drive) page(lid byte, nsid uint32) ([]byte, status) {
	switch lid {
	case logSupported:
		return d.supportedLog(), success
	case logErrors:
		return d.errorLog(), success
	case logSMART:
		if nsid != 0 && nsid != allNamespaces { // LPA bit 0: not by namespace
			return nil, invalidField
		}
		return d.smartLog(), success
	case logFirmware:
		return d.firmwareLog(), success
	case logChanged:
		return d.changedLog(), success
	case logEffects:
		return d.effectsLog(), success
	case logSelfTest:
		if d.cfg.SelfTest.Supported {
			return d.selfTestLog(), success
		}
	case logSanitize:
		if d.sanitizes() {
			return d.sanitizeLog(), success
		}
	}
	return nil, invalidLogPage
}

// supportedLog is log page 00h: a dword for each identifier.
func (d *Drive) supportedLog() []byte {
	p := make([]byte, 1024)
	for lid := range 256 {
		_, s := []byte(nil), success
		if lid != logSupported {
			_, s = d.page(byte(lid), allNamespaces)
		}
		if s == success || lid == logBoot && d.cfg.Boot.Bytes > 0 {
			p[4*lid] = 1
		}
	}
	return p
}

// errorEntry is one entry of log 01h (Base 2.0, figure 206).
type errorEntry struct {
	count uint64
	sqid  uint16
	cid   uint16
	st    status
	lba   uint64
	nsid  uint32
}

// logError keeps a command that failed.
func (d *Drive) logError(c *command, s status) {
	d.counted.errors++
	e := errorEntry{count: d.cfg.SMART.ErrorLogEntries + d.counted.errors, cid: c.cid(), st: s, nsid: c.nsid()}
	if c.io {
		e.sqid, e.lba = 1, c.lba()
	}
	d.errors = slices.Insert(d.errors, 0, e)
	d.errors = d.errors[:min(len(d.errors), maxErrors)]
}

func (d *Drive) errorLog() []byte {
	p := make([]byte, 64*maxErrors)
	for i, e := range d.errors {
		at := p[64*i:]
		le.PutUint64(at, e.count)
		le.PutUint16(at[8:], e.sqid)
		le.PutUint16(at[10:], e.cid)
		le.PutUint16(at[12:], uint16(e.st)<<1)
		le.PutUint16(at[14:], 0xffff) // where in the command: not told
		if d.sanitize.run == nil {    // a sanitize hides it (NVM 1.0, clause 5.9)
			le.PutUint64(at[16:], e.lba)
		}
		le.PutUint32(at[24:], e.nsid)
	}
	return p
}

// counters of what the drive did since it was made.
type counters struct {
	read, written  uint64 // bytes
	reads, writes  uint64 // commands
	media, errors  uint64
	cycles, unsafe uint64
	powered        time.Duration // before the last power cut
	since          time.Time     // the power is on; zero while it is off
}

// hours that the drive had power.
func (d *Drive) hours() uint64 {
	t := d.counted.powered
	if !d.counted.since.IsZero() {
		t += d.Clock.Now().Sub(d.counted.since)
	}
	return uint64(t / time.Hour)
}

// smartLog is log page 02h (Base 2.0, figure 207).
func (d *Drive) smartLog() []byte {
	p := make([]byte, 512)
	s, n := d.cfg.SMART, d.counted
	p[0] = s.CriticalWarning
	le.PutUint16(p[1:], s.Kelvin)
	p[3], p[4], p[5] = s.Spare, s.SpareThreshold, s.Used
	for i, v := range []uint64{
		s.UnitsRead + thousands(n.read), s.UnitsWritten + thousands(n.written),
		s.HostReads + n.reads, s.HostWrites + n.writes, s.Busy,
		s.PowerCycles + n.cycles, s.PowerOnHours + d.hours(), s.UnsafeShutdowns + n.unsafe,
		s.MediaErrors + n.media, s.ErrorLogEntries + n.errors,
	} {
		le.PutUint64(p[32+16*i:], v) // numbers of 16 bytes
	}
	le.PutUint32(p[192:], s.WarningMinutes)
	le.PutUint32(p[196:], s.CriticalMinutes)
	for i, k := range s.Sensors {
		le.PutUint16(p[200+2*i:], k)
	}
	return p
}

// thousands of 512-byte units, rounded up.
func thousands(bytes uint64) uint64 { return (bytes + 511999) / 512000 }

// firmwareLog is log page 03h (Base 2.0, figure 208).
func (d *Drive) firmwareLog() []byte {
	p := make([]byte, 512)
	p[0] = 1 // the first slot is active
	for i, s := range d.cfg.FirmwareSlots {
		text(p[8+8*i:16+8*i], s)
	}
	return p
}

// changedLog is log page 04h: namespaces that changed since it was read.
func (d *Drive) changedLog() []byte {
	p := make([]byte, pageSize)
	for i, id := range d.changed {
		le.PutUint32(p[4*i:], id)
	}
	return p
}

// change remembers a namespace for the host, and tells of it where the host wants
// to know (feature 0Bh bit 8).
func (d *Drive) change(id uint32) {
	if !slices.Contains(d.changed, id) {
		d.changed = append(d.changed, id)
		slices.Sort(d.changed)
	}
	if d.features.values[featAsync]>>8&1 != 0 {
		d.event(logChanged, 0x00040002)
	}
}

// effectsLog is log page 05h (Base 2.0, figure 210): what is supported, and which
// commands change blocks (bit 1), namespaces (bits 2, 3), the controller (bit 4), or
// want to run alone (bits 18:16).
func (d *Drive) effectsLog() []byte {
	p := make([]byte, pageSize)
	set := func(at int, op byte, has bool, v uint32) {
		if has {
			le.PutUint32(p[at+4*int(op):], v|1)
		}
	}
	for _, op := range []byte{opGetLogPage, opIdentify, opAbort, opSetFeatures, opGetFeatures, opAsyncEvent, opKeepAlive} {
		set(0, op, true, 0)
	}
	c := d.cfg
	set(0, opFormat, c.Format.Supported, 1<<1|1<<2|1<<17)
	set(0, opSanitize, d.sanitizes(), 1<<1|1<<17)
	set(0, opNamespaceManage, c.NamespaceManagement, 1<<3)
	set(0, opNamespaceAttach, c.NamespaceManagement, 1<<3)
	set(0, opSelfTest, c.SelfTest.Supported, 0)
	set(0, opSecuritySend, c.TCG != nil, 1<<1)
	set(0, opSecurityReceive, c.TCG != nil, 0)
	set(1024, opFlush, true, 0)
	set(1024, opRead, true, 0)
	set(1024, opWrite, true, 1<<1)
	set(1024, opCompare, c.Compare, 0)
	set(1024, opVerify, c.Verify, 0)
	set(1024, opWriteUncorrectable, c.WriteUncorrectable, 1<<1)
	set(1024, opWriteZeroes, c.WriteZeroes, 1<<1)
	set(1024, opDSM, c.DSM, 1<<1)
	return p
}

// bootLog is log page 15h: a header of 16 bytes, then the boot partition that LSP
// bit 0 names (Base 2.0, clause 5.16.1.22).
func (d *Drive) bootLog(lsp uint32, n, off uint64) reply {
	b := d.cfg.Boot
	if b.Bytes == 0 {
		return refuse(invalidLogPage)
	}
	if off > uint64(b.Bytes)+16 {
		return refuse(invalidField)
	}
	out, head := make([]byte, n), make([]byte, 16)
	head[0] = byte(lsp & 1)
	le.PutUint32(head[4:], uint32(b.Bytes/bootUnit)|uint32(b.Active)<<31)
	at := 0
	if off < 16 {
		at = copy(out, head[off:])
		off = 16
	}
	from := int64(off) - 16
	end := min(int64(len(out)), int64(at)+b.Bytes-from)
	if _, err := b.Media[lsp&1].ReadAt(out[at:end], from); err != nil {
		return refuse(internalError)
	}
	return reply{in: out}
}
