package scsi

import (
	"encoding/binary"
	"fmt"
	"strings"

	"handback.example/inspect/drive/sim"
)

// Vital product data pages.
const (
	vpdSupported       = 0x00
	vpdSerial          = 0x80
	vpdIdentification  = 0x83
	vpdExtended        = 0x86
	vpdLimits          = 0xb0
	vpdCharacteristics = 0xb1
	vpdProvisioning    = 0xb2
)

// Version descriptors (SPC-5 table 157): SAM-5, SAS-3, SPC-5, SBC-4.
var versions = []uint16{0x00a0, 0x0c60, 0x05c0, 0x0600}

// pad text with blanks to n bytes.
func pad(s string, n int) []byte { return []byte(s + strings.Repeat(" ", max(0, n-len(s)))) }

// inquiry is INQUIRY (SPC-5 clause 6.7).
func inquiry(d *Drive, r *request) answer {
	page, n := r.CDB[2], uint64(binary.BigEndian.Uint16(r.CDB[3:]))
	if r.CDB[1]&1 == 0 {
		if page != 0 {
			return refuse(badField(2))
		}
		return allocation(d.standard(), n)
	}
	pages := d.vitalPages()
	body, ok := pages[page]
	if !ok {
		return refuse(badField(2))
	}
	b := []byte{0, page, byte(len(body) >> 8), byte(len(body))}
	return allocation(append(b, body...), n)
}

// standard INQUIRY data (SPC-5 clause 6.7.2).
func (d *Drive) standard() []byte {
	b := make([]byte, 96)
	if d.cfg.Removable {
		b[1] = 0x80
	}
	b[2] = 0x07 // SPC-5
	b[3] = 0x12 // HISUP, format 2
	b[4] = byte(len(b) - 5)
	b[7] = 0x02 // CMDQUE
	copy(b[8:], pad(d.cfg.Vendor, 8))
	copy(b[16:], pad(d.cfg.Product, 16))
	copy(b[32:], pad(d.cfg.Revision, 4))
	copy(b[36:], pad(d.serial, 20)[:20]) // where drives of this kind show it too
	for i, v := range versions {
		binary.BigEndian.PutUint16(b[58+2*i:], v)
	}
	return b
}

// vitalPages are the bodies of all pages.
func (d *Drive) vitalPages() map[byte][]byte {
	all := map[byte][]byte{
		vpdIdentification:  d.identification(),
		vpdExtended:        d.extended(),
		vpdLimits:          d.limits(),
		vpdCharacteristics: d.characteristics(),
	}
	if d.serial != "" {
		all[vpdSerial] = []byte(d.serial)
	}
	if d.cfg.Thin.Unmap {
		all[vpdProvisioning] = d.provisioning()
	}
	list := []byte{vpdSupported}
	for p := 1; p < 256; p++ {
		if _, ok := all[byte(p)]; ok {
			list = append(list, byte(p))
		}
	}
	all[vpdSupported] = list
	return all
}

// identification: designators of the logical unit (SPC-5 clause 7.7.6), its NAA
// name and, as for T10 vendors, its text.
func (d *Drive) identification() []byte {
	var b []byte
	if d.wwn != 0 {
		b = append(b, 0x01, 0x03, 0, 8) // binary, logical unit, NAA
		b = binary.BigEndian.AppendUint64(b, d.wwn)
	}
	text := append(pad(d.cfg.Vendor, 8), fmt.Sprintf("%-16s%s", d.cfg.Product, d.serial)...)
	b = append(b, 0x02, 0x01, 0, byte(len(text))) // ASCII, logical unit, T10 vendor ID
	return append(b, text...)
}

// extended INQUIRY data (SPC-5 clause 7.7.7).
func (d *Drive) extended() []byte {
	b := make([]byte, 60)
	if !d.cfg.WriteCacheOff {
		b[2] = 0x01 // V_SUP
	}
	minutes := (d.cfg.Health.ExtendedTest.Seconds() + 59) / 60
	binary.BigEndian.PutUint16(b[6:], uint16(min(minutes, 0xfffe)))
	return b
}

// limits are the block limits (SBC-4 clause 6.6.4): no limit of a transfer.
func (d *Drive) limits() []byte {
	b := make([]byte, 60)
	b[0] = 0x01                                                  // WSNZ: WRITE SAME of 0 blocks is refused
	binary.BigEndian.PutUint16(b[2:], 1<<d.cfg.PhysicalExponent) // optimal transfer granularity
	binary.BigEndian.PutUint64(b[32:], sameMax)
	if d.cfg.Thin.Unmap {
		binary.BigEndian.PutUint32(b[16:], unmapBlocks)
		binary.BigEndian.PutUint32(b[20:], unmapDescriptors)
		binary.BigEndian.PutUint32(b[24:], 1)
	}
	return b
}

// characteristics of the block device (SBC-4 clause 6.6.2).
func (d *Drive) characteristics() []byte {
	b := make([]byte, 60)
	binary.BigEndian.PutUint16(b, uint16(d.cfg.Rotation))
	b[3] = byte(d.cfg.FormFactor)
	b[4] = 0x02 // FUAB
	return b
}

// provisioning (SBC-4 clause 6.6.6): thin.
func (d *Drive) provisioning() []byte {
	b := []byte{0, 0xe0, 2, 0} // LBPU, LBPWS, LBPWS10
	if d.cfg.Thin.Zeros {
		b[1] |= 0x04 // LBPRZ
	}
	return b
}

// testUnitReady: what it could say was said by state.
func testUnitReady(*Drive, *request) answer { return answer{} }

// requestSense is REQUEST SENSE (SPC-5 clause 6.39): a unit attention, or what goes
// on in the drive.
func requestSense(d *Drive, r *request) answer {
	s := d.attention
	d.attention = nil
	if s == nil {
		s = d.pollable()
	}
	descriptor := r.CDB[1]&1 != 0
	switch r.action.Sense {
	case sim.SenseFixed:
		descriptor = false
	case sim.SenseDescriptor:
		descriptor = true
	}
	return allocation(s.bytes(descriptor), uint64(r.CDB[4]))
}

// pollable sense data (SPC-5 clause 5.12.2).
func (d *Drive) pollable() *sense {
	switch {
	case d.sanitize.state == sanitizeRunning:
		return d.sanitizing()
	case d.sanitize.state == sanitizeFailed:
		return code(keyMedium, 0x31, 0x03)
	case d.format.run != nil:
		return code(keyNotReady, 0x04, 0x04).progress(d.format.run.Progress())
	case d.format.corrupt:
		return code(keyMedium, 0x31, 0x00)
	case d.tests.running():
		return code(keyNotReady, 0x04, 0x09).progress(d.tests.progress())
	case d.stopped:
		return code(keyNotReady, 0x04, 0x02)
	case d.cfg.Health.Failing && d.modes.tellsFailure():
		return code(keyNone, 0x5d, 0x10)
	}
	return code(keyNone, 0, 0)
}

// startStopUnit (SBC-4 clause 5.31).
func startStopUnit(d *Drive, r *request) answer {
	switch condition := r.CDB[4] >> 4; {
	case condition != 0: // power conditions: none that changes what is asked here
	case r.CDB[4]&2 != 0 && !d.cfg.Removable:
		return refuse(badField(4)) // LOEJ
	default:
		d.stopped = r.CDB[4]&1 == 0
	}
	return answer{}
}

func preventRemoval(*Drive, *request) answer { return answer{} }

// readKeys is PERSISTENT RESERVE IN, READ KEYS and READ RESERVATION: there are none.
func readKeys(_ *Drive, r *request) answer {
	return allocation(make([]byte, 8), uint64(binary.BigEndian.Uint16(r.CDB[7:])))
}

// reservationCapabilities says that no type is supported.
func reservationCapabilities(_ *Drive, r *request) answer {
	return allocation([]byte{0, 8, 0, 0x80, 0, 0, 0, 0}, uint64(binary.BigEndian.Uint16(r.CDB[7:])))
}

// reportLUNs: one logical unit, number 0 (SPC-5 clause 6.32).
func reportLUNs(_ *Drive, r *request) answer {
	n := uint64(binary.BigEndian.Uint32(r.CDB[6:]))
	b := make([]byte, 16)
	b[3] = 8
	switch r.CDB[2] {
	case 0x00, 0x02:
	case 0x01: // well known logical units: none
		b = b[:8]
		b[3] = 0
	default:
		return refuse(badField(2))
	}
	if n < 16 {
		return refuse(badField(6))
	}
	return allocation(b, n)
}
