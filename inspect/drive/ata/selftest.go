package ata

import (
	"encoding/binary"
	"errors"

	"handback.example/inspect/drive"
)

const logSelfTest = 0x06

var errSelfTest = errors.New("no self-test log: length or checksum is wrong")

// SelfTestLog frames SMART READ LOG of the SMART self-test log (ACS-4 clause 9.20).
func SelfTestLog() drive.Command {
	return in([16]byte{0: 0x85, 1: protocolPIOIn, 2: pioIn, 4: 0xd5, 6: 1, 8: logSelfTest, 10: smartMid, 12: smartHigh, 14: 0xb0})
}

// Subcommands of SMART EXECUTE OFF-LINE IMMEDIATE (ACS-3 table 'SMART EXECUTE OFF-LINE
// IMMEDIATE Subcommands').
const (
	testShort = 0x01 // in the background
	testAbort = 0x7f
)

// ShortSelfTest frames SMART EXECUTE OFF-LINE IMMEDIATE of a short self-test: the drive
// answers at once, tests itself in the background, and stays of use meanwhile. Only
// drive.SelfTest lets it through.
func ShortSelfTest() drive.Command { return offline(testShort) }

// AbortSelfTest frames the end of a self-test that runs.
func AbortSelfTest() drive.Command { return offline(testAbort) }

func offline(sub byte) drive.Command {
	return registers([16]byte{0: 0x85, 1: protocolNonData, 4: 0xd4, 8: sub, 10: smartMid, 12: smartHigh, 14: 0xb0})
}

// SelfTestState is what SMART READ DATA says of self-tests (ACS-3 table 'Device SMART
// data structure').
type SelfTestState struct {
	Supported bool // byte 367 bit 4
	SelfTest       // the newest: its status alone
	Left      int  // percent of a test that runs
	Minutes   int  // that a short test takes, as the drive says
}

// ParseSelfTestState reads the 512 bytes of SMART READ DATA.
func ParseSelfTestState(data []byte) (SelfTestState, error) {
	if !sums(data) {
		return SelfTestState{}, errSelfTest
	}
	s := SelfTestState{Supported: data[367]&0x10 != 0, SelfTest: SelfTest{Status: data[363] >> 4}, Minutes: int(data[372])}
	if s.Running() {
		s.Left = 10 * min(int(data[363]&0xf), 9)
	}
	return s, nil
}

// What names the part that a test found bad (ACS-3 table 'Self-test execution status
// values'); empty where it found none.
func (t SelfTest) What() string {
	return map[byte]string{3: "an error of the test itself", 4: "a part that it does not name", 5: "its electronics", 6: "seeking", 7: "reading",
		8: "damage by handling"}[t.Status]
}

// SelfTest is one entry of the self-test log.
type SelfTest struct {
	Kind   byte   // LBA 7:0 of the command: 1 short, 2 extended, 3 conveyance, bit 7: captive
	Status byte   // 0 passed, 1 and 2 broken off, 3 to 8 failed, Fh runs
	Hours  uint16 // power-on hours when it ended: they begin anew after 65535
}

// selfTests in the log, of which byte 508 names the newest (ACS-4 table 'SMART
// self-test log').
const selfTests = 21

// ParseSelfTests reads 512 bytes of the log: the newest first. A drive that never
// tested itself has none.
func ParseSelfTests(b []byte) ([]SelfTest, error) {
	if !sums(b) {
		return nil, errSelfTest
	}
	newest := int(b[508])
	if newest > selfTests {
		return nil, errSelfTest
	}
	var all []SelfTest
	if newest == 0 {
		return nil, nil
	}
	for i := range selfTests {
		at := (newest - 1 - i + selfTests) % selfTests
		e := b[2+24*at:][:24]
		if [24]byte(e) == [24]byte{} {
			break // not written yet
		}
		all = append(all, SelfTest{Kind: e[0], Status: e[1] >> 4, Hours: binary.LittleEndian.Uint16(e[2:])})
	}
	return all, nil
}

// Passed and Failed: what a test says of the drive; one that was broken off, or
// still runs, says neither.
func (t SelfTest) Passed() bool { return t.Status == 0 }

const testRuns = 0xf

// Running: see Passed.
func (t SelfTest) Running() bool { return t.Status == testRuns }

// Short tells that it was begun as ShortSelfTest begins one.
func (t SelfTest) Short() bool { return t.Kind == testShort }

// Failed: see Passed.
func (t SelfTest) Failed() bool { return t.Status >= 3 && t.Status <= 8 }
