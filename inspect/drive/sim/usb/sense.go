package usb

import (
	"encoding/binary"
	"math"

	"handback.example/inspect/drive/sim"
)

// Status codes (SAM-5 clause 5.3.1).
const statusCheck = 0x02

// Sense keys and additional sense codes with their qualifiers (SPC-5 clause 4.4.7
// and annex F).
const (
	keyNone      = 0x0
	keyMedium    = 0x3
	keyHardware  = 0x4
	keyIllegal   = 0x5
	keyAttention = 0x6

	ascNone           = 0x0000
	ascATAInfo        = 0x001d // ATA PASS-THROUGH INFORMATION AVAILABLE
	ascWriteError     = 0x0c00
	ascReadError      = 0x1100
	ascInvalidOpcode  = 0x2000
	ascOutOfRange     = 0x2100
	ascInvalidField   = 0x2400
	ascInternalTarget = 0x4400
)

// fixed sense data (SPC-5 clause 4.4.3) of a command that failed now.
func fixed(key byte, asc uint16) []byte {
	s := make([]byte, 18)
	s[0], s[2], s[7] = 0x70, key, 10
	binary.BigEndian.PutUint16(s[12:], asc)
	return s
}

func refuse(key byte, asc uint16) sim.SCSIReply {
	return sim.SCSIReply{Status: statusCheck, Sense: fixed(key, asc)}
}

// mediumError at a block, which the Information field names.
func mediumError(c cdb, at uint64) sim.SCSIReply {
	asc := uint16(ascReadError)
	if c.writes {
		asc = ascWriteError
	}
	r := refuse(keyMedium, asc)
	if at <= math.MaxUint32 {
		r.Sense[0] |= 0x80 // VALID
		binary.BigEndian.PutUint32(r.Sense[3:], uint32(at))
	}
	return r
}

// isDescriptor: response codes 72h and 73h (SPC-5 clause 4.4.2).
func isDescriptor(s []byte) bool { return len(s) >= 8 && s[0]&0x7e == 0x72 }

// senseParts are key and codes, of either format; zero where there is none.
func senseParts(s []byte) (key byte, asc uint16) {
	switch {
	case isDescriptor(s):
		return s[1] & 0x0f, binary.BigEndian.Uint16(s[2:])
	case len(s) >= 14:
		return s[2] & 0x0f, binary.BigEndian.Uint16(s[12:])
	}
	return keyNone, ascNone
}

// descriptor of a type in sense data of the descriptor format (SPC-5 clause
// 4.4.2.1), from its first byte; nil where it is not there whole.
func descriptor(s []byte, kind byte, size int) []byte {
	if !isDescriptor(s) {
		return nil
	}
	for d := s[8:]; len(d) >= 2; d = d[2+int(d[1]):] {
		if d[0] == kind && int(d[1]) == size-2 && len(d) >= size {
			return d[:size]
		}
		if len(d) < 2+int(d[1]) {
			return nil
		}
	}
	return nil
}

// Descriptor types: information (SPC-5 clause 4.4.2.2), ATA status return (SAT-4
// clause 12.2.2.6).
const (
	descInformation, descInformationSize = 0x00, 12
	descATA, descATASize                 = 0x09, 14
)

// senseAs gives sense data in the form that a script asks for.
func senseAs(s []byte, form sim.SenseForm) []byte {
	switch {
	case len(s) == 0:
		return s
	case form == sim.SenseMissing:
		return fixed(keyNone, ascNone)
	case form == sim.SenseFixed && isDescriptor(s):
		return toFixed(s)
	case form == sim.SenseDescriptor && !isDescriptor(s):
		key, asc := senseParts(s)
		d := []byte{0x72, key, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(d[2:], asc)
		return d
	}
	return s
}

// toFixed keeps what the fixed format has room for: of ATA registers, the low
// bytes (SAT-4 clause 12.2.2.7).
func toFixed(d []byte) []byte {
	key, asc := senseParts(d)
	s := fixed(key, asc)
	if i := descriptor(d, descInformation, descInformationSize); i != nil && binary.BigEndian.Uint32(i[4:]) == 0 {
		s[0] |= i[2] & 0x80
		copy(s[3:7], i[8:12])
	}
	r := descriptor(d, descATA, descATASize)
	if r == nil {
		return s
	}
	s[3], s[4], s[5], s[6] = r[3], r[13], r[12], r[5] // error, status, device, count
	s[8] = r[2] & 1 << 7                              // EXTEND
	if r[4] != 0 {
		s[8] |= 0x40
	}
	if r[6]|r[8]|r[10] != 0 {
		s[8] |= 0x20
	}
	s[9], s[10], s[11] = r[7], r[9], r[11]
	return s
}

// scaleSense divides the block that sense data names by ratio: the host's blocks
// are so many of the drive's.
func scaleSense(s []byte, ratio uint64) {
	if i := descriptor(s, descInformation, descInformationSize); i != nil && i[2]&0x80 != 0 {
		binary.BigEndian.PutUint64(i[4:], binary.BigEndian.Uint64(i[4:])/ratio)
	}
	if len(s) >= 7 && s[0] == 0xf0 {
		binary.BigEndian.PutUint32(s[3:], uint32(uint64(binary.BigEndian.Uint32(s[3:]))/ratio))
	}
}
