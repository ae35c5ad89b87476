package ata

import "encoding/binary"

// Logs by their address (ACS-4 clause 9).
const (
	logDirectory    = 0x00
	logSummary      = 0x01 // summary SMART error log
	logErrors       = 0x03 // extended comprehensive SMART error log
	logStatistics   = 0x04
	logSelfTest     = 0x06
	logSelfTestExt  = 0x07
	logIdentify     = 0x30
	identifyLogLast = 0x08
)

// readLog is READ LOG EXT and READ LOG DMA EXT: log address in LBA 7:0, page in
// LBA 39:32 and 15:8, a count of 512-byte pages.
func (d *Drive) readLog(r *request) answer {
	log, page := byte(r.LBA), int(r.LBA>>8&0xff)|int(r.LBA>>32&0xff)<<8
	pages := d.generalLog(log)
	if n := int(r.Count); n == 0 || page+n > len(pages) {
		return aborted()
	}
	var b []byte
	for _, p := range pages[page:][:r.Count] {
		b = append(b, p...)
	}
	return data(b)
}

// generalLog gives a log's pages of 512 bytes; none where there is no such log.
func (d *Drive) generalLog(log byte) [][]byte {
	switch log {
	case logDirectory:
		b := make([]byte, 512)
		binary.LittleEndian.PutUint16(b, 1) // version
		for _, l := range []byte{logErrors, logStatistics, logSelfTestExt, logIdentify} {
			binary.LittleEndian.PutUint16(b[2*int(l):], uint16(len(d.generalLog(l))))
		}
		return [][]byte{b}
	case logErrors:
		if d.has(FeatureSMART) {
			b := make([]byte, 512)
			b[0] = 1
			b[511] = -sum(b)
			return [][]byte{b}
		}
	case logStatistics:
		return d.statistics()
	case logSelfTestExt:
		if d.has(FeatureSMART) {
			return [][]byte{d.selfTestLogExt()}
		}
	case logIdentify:
		var all [][]byte
		for p := range byte(identifyLogLast + 1) {
			all = append(all, d.identifyLog(p))
		}
		return all
	}
	return nil
}

// smartLog is SMART READ LOG.
func (d *Drive) smartLog(log byte, n int) answer {
	var b []byte
	switch log {
	case logDirectory:
		b = make([]byte, 512)
		b[0] = 1
		for _, l := range []byte{logSummary, logSelfTest} {
			b[2*int(l)] = 1
		}
	case logSummary:
		b = make([]byte, 512)
		b[0] = 1
		b[511] = -sum(b)
	case logSelfTest:
		b = d.selfTestLog()
	}
	if b == nil || n != 1 {
		return aborted()
	}
	return data(b)
}

// selfTestLog is log 06h: 21 entries of 24 bytes; byte 508 names the newest.
func (d *Drive) selfTestLog() []byte {
	b := make([]byte, 512)
	b[0] = 1
	for i, t := range d.smart.log {
		e := b[2+24*i:]
		e[0], e[1] = t.test, t.status
		binary.LittleEndian.PutUint16(e[2:], t.hours)
		binary.LittleEndian.PutUint32(e[5:], uint32(min(t.lba, 0xffffffff)))
	}
	b[508] = byte(len(d.smart.log))
	b[511] = -sum(b)
	return b
}

// selfTestLogExt is log 07h: 19 entries of 26 bytes; bytes 3:2 name the newest.
func (d *Drive) selfTestLogExt() []byte {
	b := make([]byte, 512)
	b[0] = 1
	b[2] = byte(len(d.smart.log))
	for i, t := range d.smart.log {
		e := b[4+26*i:]
		e[0], e[1] = t.test, t.status
		binary.LittleEndian.PutUint16(e[2:], t.hours)
		binary.LittleEndian.PutUint32(e[5:], uint32(t.lba))
		binary.LittleEndian.PutUint16(e[9:], uint16(t.lba>>32))
	}
	b[511] = -sum(b)
	return b
}

// Device statistics, log 04h (ACS-4): a header, then quadwords whose bit 63 says
// 'supported' and bit 62 'valid'.
const statistic = 3 << 62

// statistics: the list of pages; general, rotating media, errors, temperature, solid
// state (ACS-4 clauses 9.5.4 to 9.5.10).
func (d *Drive) statistics() [][]byte {
	all := make([][]byte, 8)
	for n := range byte(8) {
		all[n] = logPage(n)
	}
	put := func(page, at int, v uint64) {
		binary.LittleEndian.PutUint64(all[page][at:], statistic|v&(1<<48-1))
	}
	put(1, 8, uint64(d.powered))
	put(1, 16, d.hours())
	put(1, 24, d.written)
	put(1, 40, d.read)
	raw := map[byte]uint64{}
	for _, a := range d.attributes() {
		raw[a.ID] = a.Raw
	}
	put(4, 8, raw[187])
	put(5, 8, raw[194]&0xff)
	pages := []byte{0, 1, 4, 5}
	if d.cfg.Rotation == 1 {
		put(7, 8, uint64(d.cfg.SMART.Used))
		pages = append(pages, 7)
	} else {
		put(3, 32, raw[5])
		put(3, 56, raw[197])
		pages = append(pages, 3)
	}
	all[0][8] = byte(len(pages))
	copy(all[0][9:], pages)
	return all
}

// logPage begins a page of a log: revision 0001h, and its number in 23:16.
func logPage(n byte) []byte {
	b := make([]byte, 512)
	b[0], b[2] = 1, n
	return b
}
