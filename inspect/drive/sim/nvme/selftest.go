package nvme

import (
	"slices"
	"time"
)

// Self-test codes (Base 2.0, figure 152).
const (
	testShort    = 1
	testExtended = 2
	testAbort    = 15
)

// Results of a self-test (Base 2.0, figure 213).
const (
	testPassed    = 0
	testAborted   = 1
	testReset     = 2
	testFormatted = 4
	testSegment   = 7
	testSanitized = 9
)

// maxTests is the number of results in log 06h.
const maxTests = 20

// selfTest is where the drive is with its self-tests.
type selfTest struct {
	code    byte // 0: none runs
	nsid    uint32
	takes   time.Duration
	spent   time.Duration
	since   time.Time  // zero while the power is off
	results [][28]byte // the newest first
}

// startSelfTest runs the Device Self-test command (Base 2.0, clause 5.9).
func (d *Drive) startSelfTest(c *command) reply {
	t := d.cfg.SelfTest
	if !t.Supported {
		return refuse(invalidOpcode)
	}
	nsid := c.nsid()
	if nsid != 0 && nsid != allNamespaces {
		if _, s := d.active(nsid); s != success {
			return refuse(s)
		}
	}
	code := byte(c.dw(10) & 15)
	switch {
	case code == testAbort:
		d.abortSelfTest(testAborted, nil)
		return reply{}
	case code != testShort && code != testExtended:
		return refuse(invalidField)
	case d.test.code != 0:
		return refuse(selfTestInProgress)
	}
	d.test.code, d.test.nsid, d.test.spent, d.test.since = code, nsid, 0, d.Clock.Now()
	d.test.takes = t.Short
	if code == testExtended {
		d.test.takes = t.Extended
	}
	d.advanceSelfTest(d.Clock.Now())
	return reply{}
}

func (d *Drive) advanceSelfTest(now time.Time) {
	t := &d.test
	if t.code == 0 || t.since.IsZero() {
		return
	}
	t.spent, t.since = t.spent+now.Sub(t.since), now
	if t.spent < t.takes {
		return
	}
	result := byte(testPassed)
	if d.cfg.SelfTest.FailsAt > 0 {
		result = testSegment
	}
	d.endSelfTest(result)
}

// abortSelfTest ends the one that runs; which says whose are meant (nil: all).
func (d *Drive) abortSelfTest(result byte, which func(code byte) bool) {
	if d.test.code != 0 && (which == nil || which(d.test.code)) {
		d.endSelfTest(result)
	}
}

// endSelfTest keeps the result (Base 2.0, figure 213).
func (d *Drive) endSelfTest(result byte) {
	t := &d.test
	var e [28]byte
	e[0] = t.code<<4 | result
	if result == testSegment {
		e[1] = byte(d.cfg.SelfTest.FailsAt)
	}
	e[2] = 1 // the namespace is valid
	le.PutUint64(e[4:], d.cfg.SMART.PowerOnHours+d.hours())
	le.PutUint32(e[12:], t.nsid)
	t.results = slices.Insert(t.results, 0, e)
	t.results = t.results[:min(len(t.results), maxTests)]
	t.code = 0
}

// pauseSelfTest and resumeSelfTest: an extended test goes on after a power cut, a
// short one is lost.
func (d *Drive) pauseSelfTest(now time.Time) {
	d.advanceSelfTest(now)
	d.abortSelfTest(testReset, func(code byte) bool { return code == testShort })
	d.test.since = time.Time{}
}

func (d *Drive) resumeSelfTest(now time.Time) { d.test.since = now }

// selfTestLog is log page 06h (Base 2.0, figure 212).
func (d *Drive) selfTestLog() []byte {
	p := make([]byte, 4+28*maxTests)
	p[0] = d.test.code
	if d.test.code != 0 && d.test.takes > 0 {
		p[1] = byte(100 * d.test.spent / d.test.takes)
	}
	for i := range maxTests {
		at := p[4+28*i:]
		if i < len(d.test.results) {
			copy(at, d.test.results[i][:])
			continue
		}
		at[0] = 15 // not used
	}
	return p
}
