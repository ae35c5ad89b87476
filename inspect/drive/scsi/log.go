package scsi

import (
	"encoding/binary"
	"fmt"

	"handback.example/inspect/drive"
)

// Log pages (SPC-5 table 348, SBC-4 table 258).
const (
	LogSupported     = 0x00
	LogWriteErrors   = 0x02
	LogReadErrors    = 0x03
	LogVerifyErrors  = 0x05
	LogTemperature   = 0x0d
	LogSelfTests     = 0x10
	LogSolidState    = 0x11
	LogBackground    = 0x15
	LogInformational = 0x2f
)

// logMax holds the longest page that is read: 2049 results of the background scan of
// 24 bytes each.
const logMax = 0xc100

// LogSense frames LOG SENSE (SPC-5 clause 6.9) of the cumulative values of a page. SP
// is 0: nothing is saved.
func LogSense(page byte) drive.Command {
	return in([]byte{0x4d, 0, 1<<6 | page, 0, 0, 0, 0, logMax >> 8, logMax & 0xff, 0}, logMax)
}

// ParseLogPages reads which pages a drive has.
func ParseLogPages(b []byte) ([]byte, error) {
	return logPayload(b, LogSupported)
}

func logPayload(b []byte, page byte) ([]byte, error) {
	if len(b) < 4 || b[0]&0x3f != page {
		return nil, fmt.Errorf("log page %02xh: %w", page, errShort)
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if 4+n > len(b) {
		return nil, fmt.Errorf("log page %02xh: %w", page, errShort)
	}
	return b[4 : 4+n], nil
}

// Parameter of a log page (SPC-5 clause 7.3.2.2).
type Parameter struct {
	Code  uint16
	Value []byte
}

// ParseLog reads the parameters of a page. A page of which a part is missing is an
// error: what is not there would read as zero.
func ParseLog(b []byte, page byte) ([]Parameter, error) {
	p, err := logPayload(b, page)
	if err != nil {
		return nil, err
	}
	var all []Parameter
	for len(p) > 0 {
		if len(p) < 4 || 4+int(p[3]) > len(p) {
			return nil, fmt.Errorf("log page %02xh: %w", page, errShort)
		}
		n := 4 + int(p[3])
		all = append(all, Parameter{binary.BigEndian.Uint16(p), p[4:n]})
		p = p[n:]
	}
	return all, nil
}

// find the value of a parameter that is at least so long.
func find(ps []Parameter, code uint16, n int) ([]byte, bool) {
	for _, p := range ps {
		if p.Code == code {
			return p.Value, len(p.Value) >= n
		}
	}
	return nil, false
}

// number reads a counter of up to eight bytes.
func number(v []byte) (uint64, bool) {
	if len(v) == 0 || len(v) > 8 {
		return 0, false
	}
	var n uint64
	for _, c := range v {
		n = n<<8 | uint64(c)
	}
	return n, true
}

// Errors of the read, write and verify error counter pages (SPC-5 clause 7.3.6).
type Errors struct {
	Uncorrected uint64 // parameter 0006h
	Bytes       uint64 // 0005h: bytes processed
	// BytesKnown, Known: the drive has these parameters.
	BytesKnown, Known bool
}

// ErrorCounters of a page's parameters.
func ErrorCounters(ps []Parameter) Errors {
	var e Errors
	if v, ok := find(ps, 6, 1); ok {
		e.Uncorrected, e.Known = number(v)
	}
	if v, ok := find(ps, 5, 1); ok {
		e.Bytes, e.BytesKnown = number(v)
	}
	return e
}

// Celsius of the Temperature page (SPC-5 clause 7.3.21): FFh is 'not known'.
func Celsius(ps []Parameter) (int, bool) {
	v, ok := find(ps, 0, 2)
	if !ok || v[1] == 0xff {
		return 0, false
	}
	return int(v[1]), true
}

// Endurance that is used, in percent, may exceed 100 (SBC-4 clause 6.4.9).
func Endurance(ps []Parameter) (int, bool) {
	v, ok := find(ps, 1, 4)
	if !ok {
		return 0, false
	}
	return int(v[3]), true
}

// Prediction is the additional sense of the Informational Exceptions page (SPC-5
// clause 7.3.10): 00h/00h where the drive has nothing to tell.
func Prediction(ps []Parameter) (asc, ascq byte, ok bool) {
	v, ok := find(ps, 0, 2)
	if !ok {
		return 0, 0, false
	}
	return v[0], v[1], true
}

// Scan is what the Background Scan page says (SBC-4 clause 6.4.2).
type Scan struct {
	Minutes uint64 // with power on
	Pending int    // blocks that wait for a write or a person to be reassigned
}

// BackgroundScan of a page's parameters: the status is parameter 0000h, each result
// 0001h to 0800h, with REASSIGN STATUS in bits 7:4 of its fifth byte.
func BackgroundScan(ps []Parameter) (Scan, bool) {
	v, ok := find(ps, 0, 4)
	if !ok {
		return Scan{}, false
	}
	s := Scan{Minutes: uint64(binary.BigEndian.Uint32(v))}
	for _, p := range ps {
		if p.Code >= 1 && p.Code <= 0x800 && len(p.Value) >= 5 && p.Value[4]>>4 == 1 {
			s.Pending++
		}
	}
	return s, true
}

// Self-test codes (SPC-5 table 'SELF-TEST CODE').
const (
	testShort = 1 // in the background
	testAbort = 4
)

// ShortSelfTest frames SEND DIAGNOSTIC (SPC-5 clause 6.42) of a background short
// self-test. Only drive.SelfTest lets it through.
func ShortSelfTest() drive.Command { return sendDiagnostic(testShort) }

// AbortSelfTest frames the end of a background self-test.
func AbortSelfTest() drive.Command { return sendDiagnostic(testAbort) }

// sendDiagnostic has the self-test code in byte 1, bits 7:5.
func sendDiagnostic(code byte) drive.Command {
	return drive.Command{Protocol: drive.ProtocolSCSI, Frame: []byte{0x1d, code << 5, 0, 0, 0, 0}, Timeout: timeout}
}

// SelfTest is one of the twenty results of the Self-Test Results page (SPC-5 clause
// 7.3.19).
type SelfTest struct {
	Code   byte   // of SEND DIAGNOSTIC: 1 short, 2 extended, in the background; 5, 6 in the foreground
	Result byte   // 0 passed, 3 to 7 failed, 1 and 2 broken off, Fh runs
	Hours  uint16 // power-on hours, FFFFh: or more
}

// SelfTests of a page's parameters, the newest first. An entry of zeros is none.
func SelfTests(ps []Parameter) []SelfTest {
	var all []SelfTest
	for _, p := range ps {
		if p.Code < 1 || p.Code > 20 || len(p.Value) < 16 || [16]byte(p.Value) == [16]byte{} {
			continue
		}
		all = append(all, SelfTest{Code: p.Value[0] >> 5, Result: p.Value[0] & 0xf, Hours: binary.BigEndian.Uint16(p.Value[2:])})
	}
	return all
}

// Passed and Failed: what a test says of the drive; one that was broken off, or
// still runs, says neither.
func (t SelfTest) Passed() bool { return t.Result == 0 }

// Short tells that it was begun as ShortSelfTest begins one.
func (t SelfTest) Short() bool { return t.Code == testShort }

// Failed: see Passed.
func (t SelfTest) Failed() bool { return t.Result >= 3 && t.Result <= 7 }

// Running: see Passed.
func (t SelfTest) Running() bool { return t.Result == 0xf }

// GrownDefects frames READ DEFECT DATA(12) (SBC-4 clause 5.14) for the header alone
// of the grown list, by long block addresses: how long it is.
func GrownDefects() drive.Command {
	return in([]byte{0xb7, 0x0b, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0}, 8)
}

// ParseGrownDefects gives the number of blocks that the drive gave up since it was
// made. The drive answers in a format of its own choice.
func ParseGrownDefects(b []byte) (int64, error) {
	if len(b) < 8 || b[1]&0x08 == 0 { // GLISTV: it is the grown list
		return 0, fmt.Errorf("READ DEFECT DATA: %w", errShort)
	}
	// How long the name of a defect is, by format: 0 a short block address, 1 to 5 what
	// has eight bytes (SBC-4 table 45).
	each := uint32(8)
	switch format := b[1] & 7; {
	case format == 0:
		each = 4
	case format > 5:
		return 0, fmt.Errorf("READ DEFECT DATA: a list of format %d", format)
	}
	n := binary.BigEndian.Uint32(b[4:])
	if n%each != 0 {
		return 0, fmt.Errorf("READ DEFECT DATA: a list of %d bytes makes no sense", n)
	}
	return int64(n / each), nil
}
