package ata

import (
	"encoding/binary"
	"errors"
)

// Registers are an ATA drive's output registers after a command.
type Registers struct {
	Error, Status, Device byte
	Count                 uint16
	LBA                   uint64 // 48 bits
	// Extend: the high bytes of count and LBA are given too.
	Extend bool
	// Cut: the drive had more in its high bytes than the form of the answer holds
	// (fixed format): Count and LBA are not the whole.
	Cut bool
}

// ErrNoRegisters: the sense data holds no ATA registers. Some host adapters drop
// them: then the result of the command is not known.
var ErrNoRegisters = errors.New("the answer holds no ATA registers")

// ParseRegisters takes the registers from sense data of either format: the ATA
// Status Return descriptor (type 09h, SAT-4 clause 12.2.2.7) of descriptor
// format, or the Information and Command-specific fields of fixed format (SAT-4
// clause 12.2.2.8), which libata sends unless D_SENSE is set.
func ParseRegisters(sense []byte) (Registers, error) {
	if len(sense) < 8 {
		return Registers{}, ErrNoRegisters
	}
	switch sense[0] & 0x7f {
	case 0x72, 0x73:
		return descriptorRegisters(sense)
	case 0x70, 0x71:
		return fixedRegisters(sense)
	}
	return Registers{}, ErrNoRegisters
}

func descriptorRegisters(s []byte) (Registers, error) {
	d := s[8:]
	if n := int(s[7]); n < len(d) {
		d = d[:n]
	}
	for len(d) >= 2 {
		n := 2 + int(d[1])
		if n > len(d) {
			break
		}
		if d[0] == 0x09 && d[1] == 12 {
			return Registers{
				Extend: d[2]&1 != 0, Error: d[3], Count: binary.BigEndian.Uint16(d[4:]),
				LBA: uint64(d[7]) | uint64(d[9])<<8 | uint64(d[11])<<16 |
					uint64(d[6])<<24 | uint64(d[8])<<32 | uint64(d[10])<<40,
				Device: d[12], Status: d[13],
			}, nil
		}
		d = d[n:]
	}
	return Registers{}, ErrNoRegisters
}

// fixedRegisters: only additional sense 00h/1Dh 'ATA pass through information
// available', or an abort of the command, puts registers here; the drive's high
// bytes are told by two bits only.
func fixedRegisters(s []byte) (Registers, error) {
	if len(s) < 14 || s[7] < 6 {
		return Registers{}, ErrNoRegisters
	}
	key, asc, ascq := s[2]&0xf, s[12], s[13]
	if (asc != 0x00 || ascq != 0x1d) && key != 0x0b {
		return Registers{}, ErrNoRegisters
	}
	r := Registers{Error: s[3], Status: s[4], Device: s[5], Count: uint16(s[6]),
		Extend: s[8]&0x80 != 0,
		LBA:    uint64(s[9]) | uint64(s[10])<<8 | uint64(s[11])<<16}
	r.Cut = s[8]&0x60 != 0 // COUNT or LBA upper bytes not zero
	if r.Status == 0 {
		return Registers{}, ErrNoRegisters // a drive that answers has DRDY or ERR set
	}
	return r, nil
}

// Status register bits, ACS-4 clause 6.2.
const (
	statusErr = 0x01
	statusDF  = 0x20

	errorAbort = 0x04 // of the error register
)

// Failed: the drive refused the command or broke in it.
func (r Registers) Failed() bool { return r.Status&(statusErr|statusDF) != 0 || r.Status == 0 }

// LBA28 is the address in the answer to a 28-bit command: bits 27:24 stand in the
// device register (ACS-3).
func (r Registers) LBA28() uint64 { return r.LBA&0xffffff | uint64(r.Device&0xf)<<24 }

// whole: both bytes of count and all six of the LBA are here.
func (r Registers) whole() bool { return r.Extend && !r.Cut }

// SMARTFailing reads the answer to SMART RETURN STATUS; known is false where the
// registers say neither 'good' (C24Fh) nor 'a threshold is exceeded' (2CF4h).
func (r Registers) SMARTFailing() (failing, known bool) {
	switch r.LBA >> 8 & 0xffff {
	case 0xc24f:
		return false, !r.Failed()
	case 0x2cf4:
		return true, !r.Failed()
	}
	return false, false
}
