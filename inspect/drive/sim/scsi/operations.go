package scsi

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
)

// Operation codes that code outside the table asks for.
const (
	opFormat   = 0x04
	opLogSense = 0x4d
	opSanitize = 0x48

	opSendDiagnostic = 0x1d
)

// operation is one command of the drive.
type operation struct {
	code   byte
	action int    // service action; -1: the command has none
	usage  []byte // the bits of the CDB that the drive takes (SPC-5 clause 6.34)
	// seconds: recommended command timeout.
	seconds uint32
	run     func(*Drive, *request) answer
	// has says whether this drive has the command at all; nil: all drives do.
	has func(*Config) bool
	// span is set where the command names blocks.
	span                  func([]byte) (lba, blocks uint64)
	reads, writes, erases bool
	medium                bool // the medium must be usable
	blocks                bool // a plain read or write, of which no trace is kept
	always                bool // runs in any state
}

func (o *operation) length() int { return len(o.usage) }

// hasActions: the codes whose second byte holds a service action.
func hasActions(code byte) bool {
	switch code {
	case 0x48, 0x5e, 0x5f, 0x83, 0x84, 0x9e, 0x9f, 0xa3, 0xa4, 0xab:
		return true
	}
	return false
}

// find the operation of a CDB; known: the code at least is.
func find(cdb []byte) (op *operation, known bool) {
	for i := range operations {
		o := &operations[i]
		if o.code != cdb[0] {
			continue
		}
		known = true
		if o.action < 0 || len(cdb) > 1 && int(cdb[1]&0x1f) == o.action {
			return o, true
		}
	}
	return nil, known
}

// does: the drive has the command.
func (d *Drive) does(o *operation) bool { return o.has == nil || o.has(&d.cfg) }

// claimed: what REPORT SUPPORTED OPERATION CODES says, a lie where Claims has one.
func (d *Drive) claimed(o *operation) bool {
	for k, v := range d.cfg.Claims {
		if c, a, err := parseClaim(k); err == nil && c == o.code && a == o.action {
			return v
		}
	}
	return d.does(o)
}

// Blocks of the CDBs of each length (SPC-5 clause 4.2.5).
func span6(c []byte) (lba, blocks uint64) {
	n := uint64(c[4])
	if n == 0 {
		n = 256
	}
	return uint64(c[1]&0x1f)<<16 | uint64(c[2])<<8 | uint64(c[3]), n
}

func span10(c []byte) (lba, blocks uint64) {
	return uint64(binary.BigEndian.Uint32(c[2:])), uint64(binary.BigEndian.Uint16(c[7:]))
}

func span12(c []byte) (lba, blocks uint64) {
	return uint64(binary.BigEndian.Uint32(c[2:])), uint64(binary.BigEndian.Uint32(c[6:]))
}

func span16(c []byte) (lba, blocks uint64) {
	return binary.BigEndian.Uint64(c[2:]), uint64(binary.BigEndian.Uint32(c[10:]))
}

// Usage of the bytes behind the code and the next byte, by length: LBA, group
// number, length, control.
const (
	rest6  = "ff ff ff 07"
	rest10 = "ff ff ff ff 3f ff ff 07"
	rest12 = "ff ff ff ff ff ff ff ff 3f 07"
	rest16 = "ff ff ff ff ff ff ff ff ff ff ff ff 3f 07"
)

// operations of a drive, in the order of their codes.
var operations []operation

func init() { operations = table() } // the report reads the table that it is in

func thin(c *Config) bool   { return c.Thin.Unmap }
func report(c *Config) bool { return !c.NoReport }
func tcg(c *Config) bool    { return c.TCG != nil }

func table() []operation {
	all := []operation{
		entry(0x00, "00 00 00 00 07", testUnitReady),
		entry(0x03, "01 00 00 ff 07", requestSense).anyTime(),
		entry(0x04, "3f 00 00 00 07", formatUnit).when(func(c *Config) bool { return c.Format.Supported }).erasing(),
		entry(0x07, "03 00 00 00 07", reassignBlocks).onMedium(),
		entry(0x08, "1f "+rest6, read).reading(span6),
		entry(0x0a, "1f "+rest6, write).writing(span6),
		entry(0x12, "01 ff ff ff 07", inquiry).anyTime(),
		entry(0x15, "11 00 00 ff 07", modeSelect6),
		entry(0x1a, "08 ff ff ff 07", modeSense6),
		entry(0x1b, "01 00 0f f7 07", startStopUnit),
		entry(0x1c, "01 ff ff ff 07", receiveDiagnostic),
		entry(0x1d, "f7 00 ff ff 07", sendDiagnostic),
		entry(0x1e, "00 00 00 03 07", preventRemoval).when(func(c *Config) bool { return c.Removable }),
		entry(0x25, "00 ff ff ff ff 00 00 00 07", readCapacity10),
		entry(0x28, "18 "+rest10, read).reading(span10),
		entry(0x2a, "18 "+rest10, write).writing(span10),
		entry(0x2e, "16 "+rest10, writeAndVerify).writing(span10),
		entry(0x2f, "16 "+rest10, verify).reading(span10),
		entry(0x34, "02 "+rest10, prefetch).reading(span10),
		entry(0x35, "06 "+rest10, synchronize).onMedium(),
		entry(0x37, "00 1f 00 00 00 00 ff ff 07", readDefects10),
		entry(0x41, "18 "+rest10, writeSame).writing(span10).noted(),
		entry(0x42, "01 00 00 00 00 3f ff ff 07", unmap).when(thin).onMedium().destroying(),
		entry(0x4d, "00 ff ff 00 ff ff ff ff 07", logSense),
		entry(0x55, "11 00 00 00 00 00 ff ff 07", modeSelect10),
		entry(0x5a, "18 ff ff 00 00 00 ff ff 07", modeSense10),
		entry(0x88, "18 "+rest16, read).reading(span16),
		entry(0x8a, "18 "+rest16, write).writing(span16),
		entry(0x8e, "16 "+rest16, writeAndVerify).writing(span16),
		entry(0x8f, "16 "+rest16, verify).reading(span16),
		entry(0x90, "02 "+rest16, prefetch).reading(span16),
		entry(0x91, "06 "+rest16, synchronize).onMedium(),
		entry(0x93, "19 "+rest16, writeSame).writing(span16).noted(),
		entry(0xa0, "00 ff 00 00 00 ff ff ff ff 00 07", reportLUNs).anyTime(),
		entry(0xa2, "ff ff ff 80 00 ff ff ff ff 00 07", securityIn).when(tcg),
		entry(0xa8, "18 "+rest12, read).reading(span12),
		entry(0xaa, "18 "+rest12, write).writing(span12),
		entry(0xae, "16 "+rest12, writeAndVerify).writing(span12),
		entry(0xaf, "16 "+rest12, verify).reading(span12),
		entry(0xb5, "ff ff ff 80 00 ff ff ff ff 00 07", securityOut).when(tcg),
		entry(0xb7, "1f ff ff ff ff ff ff ff ff 00 07", readDefects12),
	}
	return append(all, actions()...)
}

// actions are the commands with service actions.
func actions() []operation {
	const sanitizeRest = "00 00 00 00 00 ff ff 07"
	return []operation{
		actionEntry(0x48, 0x01, "e0 "+sanitizeRest, sanitizeOverwrite).when(func(c *Config) bool { return c.Sanitize.Overwrite }).erasing(),
		actionEntry(0x48, 0x02, "e0 "+sanitizeRest, sanitizeBlock).when(func(c *Config) bool { return c.Sanitize.Block }).erasing(),
		actionEntry(0x48, 0x03, "e0 "+sanitizeRest, sanitizeCrypto).when(func(c *Config) bool { return c.Sanitize.Crypto }).erasing(),
		actionEntry(0x48, 0x1f, "e0 "+sanitizeRest, sanitizeExit).when(func(c *Config) bool { return c.Sanitize.any() }),
		actionEntry(0x5e, 0x00, "00 00 00 00 00 00 ff ff 07", readKeys),
		actionEntry(0x5e, 0x01, "00 00 00 00 00 00 ff ff 07", readKeys),
		actionEntry(0x5e, 0x02, "00 00 00 00 00 00 ff ff 07", reservationCapabilities),
		actionEntry(0x9e, 0x10, "00 ff ff ff ff ff ff ff ff ff ff ff ff 00 07", readCapacity16),
		actionEntry(0xa3, 0x0c, "00 87 ff ff ff ff ff ff ff 00 07", reportOperations).when(report).anyTime(),
		actionEntry(0xa3, 0x0d, "00 80 00 00 00 ff ff ff ff 00 07", reportFunctions).when(report).anyTime(),
	}
}

func entry(code byte, usage string, run func(*Drive, *request) answer) operation {
	b, err := hex.DecodeString(strings.ReplaceAll(usage, " ", ""))
	if err != nil {
		panic(err) // a slip in the table above
	}
	// The usage of the first byte is the code itself; any bit of it has been compared.
	return operation{code: code, action: -1, usage: append([]byte{code}, b...), seconds: 30, run: run}
}

func actionEntry(code byte, action int, usage string, run func(*Drive, *request) answer) operation {
	o := entry(code, usage, run)
	o.action = action
	o.usage[1] |= byte(action)
	return o
}

func (o operation) anyTime() operation { o.always = true; return o }

func (o operation) onMedium() operation { o.medium = true; return o }

func (o operation) destroying() operation { o.writes = true; return o }

func (o operation) erasing() operation { o.erases, o.seconds = true, 0; return o }

func (o operation) when(has func(*Config) bool) operation { o.has = has; return o }

func (o operation) reading(span func([]byte) (uint64, uint64)) operation {
	o.span, o.reads, o.medium, o.blocks = span, true, true, true
	return o
}

func (o operation) writing(span func([]byte) (uint64, uint64)) operation {
	o.span, o.writes, o.medium, o.blocks = span, true, true, true
	return o
}

// noted: it writes much, and is kept in the trace.
func (o operation) noted() operation { o.blocks = false; return o }

// allocation cuts data to the allocation length of the CDB.
func allocation(b []byte, n uint64) answer {
	return data(b[:min(uint64(len(b)), n)])
}

// reportOperations is REPORT SUPPORTED OPERATION CODES (SPC-5 clause 6.34).
func reportOperations(d *Drive, r *request) answer {
	timeouts, option := r.CDB[2]&0x80 != 0, r.CDB[2]&7
	code, action := r.CDB[3], int(binary.BigEndian.Uint16(r.CDB[4:]))
	n := uint64(binary.BigEndian.Uint32(r.CDB[6:]))
	switch option {
	case 0:
		return allocation(d.allOperations(timeouts), n)
	case 1:
		if hasActions(code) && d.lists(code) {
			return refuse(badField(2))
		}
		return allocation(d.oneOperation(code, -1, timeouts), n)
	case 2:
		if !hasActions(code) && d.lists(code) {
			return refuse(badField(2))
		}
		return allocation(d.oneOperation(code, action, timeouts), n)
	case 3:
		if !hasActions(code) {
			action = -1
		}
		return allocation(d.oneOperation(code, action, timeouts), n)
	}
	return refuse(badField(2))
}

// lists: some operation of this code is reported.
func (d *Drive) lists(code byte) bool {
	for i := range operations {
		if o := &operations[i]; o.code == code && d.claimed(o) {
			return true
		}
	}
	return false
}

func (d *Drive) allOperations(timeouts bool) []byte {
	b := make([]byte, 4)
	for i := range operations {
		o := &operations[i]
		if !d.claimed(o) {
			continue
		}
		e := make([]byte, 8)
		e[0] = o.code
		if o.action >= 0 {
			binary.BigEndian.PutUint16(e[2:], uint16(o.action))
			e[5] |= 1 // SERVACTV
		}
		binary.BigEndian.PutUint16(e[6:], uint16(o.length()))
		if timeouts {
			e[5] |= 2 // CTDP
			e = append(e, o.timeouts()...)
		}
		b = append(b, e...)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// timeouts descriptor: nominal (not told) and recommended, in seconds.
func (o *operation) timeouts() []byte {
	b := make([]byte, 12)
	b[1] = 10
	binary.BigEndian.PutUint32(b[8:], o.seconds)
	return b
}

func (d *Drive) oneOperation(code byte, action int, timeouts bool) []byte {
	for i := range operations {
		o := &operations[i]
		if o.code != code || o.action != action || !d.claimed(o) {
			continue
		}
		b := []byte{0, 3, 0, byte(o.length())} // supported as the standard says
		b = append(b, o.usage...)
		if timeouts {
			b[1] |= 0x80
			b = append(b, o.timeouts()...)
		}
		return b
	}
	return []byte{0, 1, 0, 0} // not supported
}

// reportFunctions is REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-5 clause 6.35):
// abort task, abort task set, logical unit reset.
func reportFunctions(_ *Drive, r *request) answer {
	b := []byte{0xc8, 0, 0, 0}
	if r.CDB[2]&0x80 != 0 { // extended
		b = append([]byte{0xc8, 0, 0, 12}, make([]byte, 12)...)
	}
	return allocation(b, uint64(binary.BigEndian.Uint32(r.CDB[6:])))
}
