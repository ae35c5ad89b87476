package scsi

import (
	"encoding/binary"
	"time"
)

// Log pages.
const (
	logSupported     = 0x00
	logWriteErrors   = 0x02 // SPC-5 clause 7.3.6
	logReadErrors    = 0x03
	logVerifyErrors  = 0x05
	logNonMedium     = 0x06
	logTemperature   = 0x0d // SPC-5 clause 7.3.21
	logStartStop     = 0x0e // SPC-5 clause 7.3.20
	logSelfTests     = 0x10 // SPC-5 clause 7.3.19
	logSolidState    = 0x11 // SBC-4 clause 6.4.9
	logBackground    = 0x15 // SBC-4 clause 6.4.2
	logPort          = 0x18 // SPL-4: protocol-specific port
	logInformational = 0x2f // SPC-5 clause 7.3.10
)

// logSense is LOG SENSE (SPC-5 clause 6.9): all values are cumulative; the others
// are not kept.
func logSense(d *Drive, r *request) answer {
	page, sub := r.CDB[2]&0x3f, r.CDB[3]
	from, n := binary.BigEndian.Uint16(r.CDB[5:]), uint64(binary.BigEndian.Uint16(r.CDB[7:]))
	if sub != 0 {
		return refuse(badField(3))
	}
	if page == logSupported {
		var list []byte
		for p := range byte(0x40) {
			if p == logSupported || d.logPage(p) != nil {
				list = append(list, p)
			}
		}
		return allocation(logBytes(page, list), n)
	}
	parameters := d.logPage(page)
	if parameters == nil {
		return refuse(badField(2))
	}
	var b []byte
	for _, p := range parameters {
		if p.code >= from {
			b = append(b, p.bytes()...)
		}
	}
	if len(b) == 0 {
		return refuse(badField(5)) // the pointer is beyond the last one
	}
	return allocation(logBytes(page, b), n)
}

func logBytes(page byte, b []byte) []byte {
	head := []byte{page, 0, byte(len(b) >> 8), byte(len(b))}
	return append(head, b...)
}

// parameter of a log page.
type parameter struct {
	code   uint16
	format byte // FORMAT AND LINKING: 01 ASCII list, 3 binary list; 2: bounded counter
	value  []byte
}

func (p parameter) bytes() []byte {
	b := binary.BigEndian.AppendUint16(nil, p.code)
	return append(append(b, p.format, byte(len(p.value))), p.value...)
}

func counter(code uint16, n uint64) parameter {
	return parameter{code, 0x02, binary.BigEndian.AppendUint64(nil, n)}
}

func (d *Drive) logPage(page byte) []parameter {
	h := &d.cfg.Health
	switch page {
	case logWriteErrors:
		return h.Write.parameters()
	case logReadErrors:
		return h.Read.parameters()
	case logVerifyErrors:
		return h.Verify.parameters()
	case logNonMedium:
		return []parameter{counter(0, h.NonMedium)}
	case logTemperature:
		return []parameter{{0, 0x03, []byte{0, byte(h.Temperature)}}, {1, 0x03, []byte{0, byte(h.Reference)}}}
	case logStartStop:
		return h.startStop()
	case logSelfTests:
		return d.tests.parameters()
	case logSolidState:
		if d.cfg.Rotation == 1 {
			return []parameter{{1, 0x03, []byte{0, 0, 0, byte(h.Worn)}}}
		}
	case logBackground:
		return d.background()
	case logPort:
		return []parameter{{1, 0x03, d.port()}}
	case logInformational:
		asc, ascq := byte(0), byte(0)
		if h.Failing {
			asc, ascq = 0x5d, 0x10
		}
		return []parameter{{0, 0x03, []byte{asc, ascq, byte(h.Temperature), byte(h.Reference)}}}
	}
	return nil
}

// parameters of an error counter page: total errors corrected (3), times the
// algorithm ran (4), bytes processed (5), errors not corrected (6).
func (e Errors) parameters() []parameter {
	return []parameter{counter(0, 0), counter(1, e.Corrected), counter(2, 0), counter(3, e.Corrected),
		counter(4, e.Corrected), counter(5, e.Bytes), counter(6, e.Uncorrected)}
}

func (h *Health) startStop() []parameter {
	u32 := func(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }
	return []parameter{{1, 0x01, []byte(h.Made)}, {2, 0x01, []byte("      ")}, {3, 0x03, u32(50000)},
		{4, 0x03, u32(h.StartStops)}, {5, 0x03, u32(600000)}, {6, 0x03, u32(h.LoadUnloads)}}
}

// hours of power so far.
func (d *Drive) hours() int {
	return d.cfg.Health.PowerOnHours + int(d.Clock.Now().Sub(d.made)/time.Hour)
}

// background scan results: status, then an event for each bad block that the scan
// would have met, 2048 at most.
func (d *Drive) background() []parameter {
	minutes := uint32(d.hours() * 60)
	status := make([]byte, 12)
	binary.BigEndian.PutUint32(status, minutes)
	status[5] = 8 // idle, waiting
	all := []parameter{{0, 0x03, status}}
	for _, e := range d.bad {
		for lba := e.from; lba < e.to && len(all) <= 2048; lba++ {
			v := make([]byte, 20)
			binary.BigEndian.PutUint32(v, minutes)
			v[4] = 0x10 | keyMedium // reassignment is pending a write
			v[5], v[6] = e.asc, e.ascq
			binary.BigEndian.PutUint64(v[12:], lba)
			all = append(all, parameter{uint16(len(all)), 0x03, v})
		}
	}
	return all
}

// port of SAS: one phy, at an initiator.
func (d *Drive) port() []byte {
	v := make([]byte, 4+48)
	v[0], v[3] = 0x06, 1        // SAS, one phy
	v[4+3] = 44                 // bytes of its descriptor that follow
	v[4+4], v[4+5] = 0x10, 0x0a // an end device is attached; 6 Gbit/s
	v[4+6] = 0x08               // which is an SSP initiator
	if d.wwn != 0 {
		binary.BigEndian.PutUint64(v[4+8:], d.wwn)
	}
	return v
}
