package nvme

import (
	"fmt"

	"handback.example/inspect/drive"
)

// SelfTestLog asks for the Device Self-test log page (06h): 564 bytes.
func SelfTestLog() drive.Command { return log(0x06, 564) }

// Self-test codes in CDW10 (Base 2.0, figure 152).
const (
	testShort = 0x1
	testAbort = 0xf
)

// ShortSelfTest frames Device Self-test (Base 2.0, clause 5.9): short, of the controller
// and all its namespaces, in the background. It takes two minutes at most. Only
// drive.SelfTest lets it through.
func ShortSelfTest() drive.Command { return deviceSelfTest(testShort) }

// AbortSelfTest frames the end of a self-test that runs.
func AbortSelfTest() drive.Command { return deviceSelfTest(testAbort) }

func deviceSelfTest(code byte) drive.Command {
	c := admin(0x14, AllNamespaces, 0)
	c.Direction, c.Data, c.Frame[40] = drive.DirectionNone, nil, code
	return c
}

// SelfTestHead is how long the head of the log is, which tells of the test that runs. The
// results follow it.
const SelfTestHead = 4

// RunningSelfTest reads the head of the log (figure 212): whether a test runs, and how
// much of it is done.
func RunningSelfTest(b []byte) (percent int, runs bool) {
	if len(b) < 2 || b[0]&0xf == 0 {
		return 0, false
	}
	return min(int(b[1]&0x7f), 100), true
}

// SelfTest is one result of the Device Self-test log (Base 2.0, figure 214).
type SelfTest struct {
	Kind   byte // 1 short, 2 extended, Eh vendor's
	Result byte // 0 passed, 5 to 7 failed; 1 to 4, 8 and 9 broken off
	Hours  uint64
}

// selfTestUnused marks an entry without a result.
const selfTestUnused = 0xf

// ParseSelfTests reads the log: the newest of at most twenty results first.
func ParseSelfTests(b []byte) ([]SelfTest, error) {
	if len(b) != 564 {
		return nil, fmt.Errorf("no Device Self-test log: %d bytes", len(b))
	}
	var all []SelfTest
	for e := b[SelfTestHead:]; len(e) >= 28; e = e[28:] {
		if e[0]&0xf == selfTestUnused || e[0]>>4 == 0 { // kind 0 is reserved
			continue
		}
		all = append(all, SelfTest{Kind: e[0] >> 4, Result: e[0] & 0xf, Hours: le.Uint64(e[4:])})
	}
	return all, nil
}

// Passed and Failed: what a test says of the drive; one that was broken off says
// neither. 5: a fatal error; 6, 7: a segment failed.
func (t SelfTest) Passed() bool { return t.Result == 0 }

// Short tells that it was begun as ShortSelfTest begins one.
func (t SelfTest) Short() bool { return t.Kind == testShort }

// Failed: see Passed.
func (t SelfTest) Failed() bool { return t.Result >= 5 && t.Result <= 7 }
