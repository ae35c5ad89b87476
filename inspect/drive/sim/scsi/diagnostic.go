package scsi

import (
	"encoding/binary"
	"time"
)

// Results of a self-test (SPC-5 table 412).
const (
	testPassed   = 0x0
	testAborted  = 0x1 // by SEND DIAGNOSTIC
	testOther    = 0x2 // by another command
	testFailed   = 0x7 // another segment failed
	testRunning  = 0xf
	testsKept    = 20
	testAbort    = 4
	testExtended = 2
)

// selfTest is one self-test.
type selfTest struct {
	code   byte // self-test code of SEND DIAGNOSTIC
	result byte
	hours  int
	lba    uint64 // of the first failure
	bad    bool
	begun  time.Time
	takes  time.Duration
	share  float64 // of takes, at the last look
}

// selfTests, the newest first.
type selfTests struct{ list []*selfTest }

func (t *selfTests) running() bool {
	return len(t.list) > 0 && t.list[0].result == testRunning
}

// foreground: the test that runs was asked for with that.
func (t *selfTests) foreground() bool { return t.running() && t.list[0].code >= 5 }

func (t *selfTests) progress() float64 { return t.list[0].share }

// left is how long the test that runs still needs.
func (t *selfTests) left(now time.Time) time.Duration {
	return max(1, t.list[0].begun.Add(t.list[0].takes).Sub(now))
}

// stop is the power cut.
func (t *selfTests) stop(d *Drive) { t.abort(d, testOther) }

func (t *selfTests) abort(d *Drive, result byte) {
	if t.running() {
		t.list[0].result, t.list[0].hours = result, d.hours()
	}
}

// settleTest ends a test whose time is over. A long one meets bad blocks.
func (d *Drive) settleTest(now time.Time) {
	if !d.tests.running() {
		return
	}
	t := d.tests.list[0]
	if spent := now.Sub(t.begun); spent < t.takes {
		t.share = float64(spent) / float64(t.takes)
		return
	}
	t.result, t.hours = testPassed, d.hours()
	if e, at, bad := d.bad.first(0, d.whole, false); bad && t.code&3 == testExtended && e.ascq == 0 {
		t.result, t.lba, t.bad = testFailed, at, true
	}
}

// sendDiagnostic is SEND DIAGNOSTIC (SPC-5 clause 6.42).
func sendDiagnostic(d *Drive, r *request) answer {
	kind, n := r.CDB[1]>>5, binary.BigEndian.Uint16(r.CDB[3:])
	h := &d.cfg.Health
	switch {
	case n != 0: // pages: only the list of them, which asks for nothing
		if kind != 0 || len(r.Out) < int(n) || n < 4 {
			return refuse(code(keyIllegal, 0x1a, 0x00))
		}
		if r.Out[0] != 0 {
			return refuse(badParameter(0))
		}
		return answer{}
	case kind == 0: // the default self-test passes at once
		return answer{}
	case r.CDB[1]&0x04 != 0: // with SELFTEST the code is 0
		return refuse(badField(1))
	case kind == testAbort:
		d.tests.abort(d, testAborted)
		return answer{}
	case kind == 3 || kind == 7:
		return refuse(badField(1))
	case d.tests.running():
		return refuse(code(keyNotReady, 0x04, 0x09).progress(d.tests.progress()))
	}
	t := &selfTest{code: kind, result: testRunning, begun: d.Clock.Now(), takes: h.ShortTest}
	if kind&3 == testExtended {
		t.takes = h.ExtendedTest
	}
	d.tests.list = append([]*selfTest{t}, d.tests.list[:min(len(d.tests.list), testsKept-1)]...)
	d.settleTest(d.Clock.Now())
	return answer{wait: kind >= 5}
}

// receiveDiagnostic is RECEIVE DIAGNOSTIC RESULTS: the list of pages, which has only
// itself.
func receiveDiagnostic(_ *Drive, r *request) answer {
	if r.CDB[2] != 0 {
		return refuse(badField(2))
	}
	return allocation([]byte{0, 0, 0, 1, 0}, uint64(binary.BigEndian.Uint16(r.CDB[3:])))
}

// parameters of the self-test results page: 20, also those that never ran.
func (t *selfTests) parameters() []parameter {
	var all []parameter
	for i := range testsKept {
		v := make([]byte, 16)
		if i < len(t.list) {
			t.list[i].put(v)
		}
		all = append(all, parameter{uint16(i + 1), 0x03, v})
	}
	return all
}

func (t *selfTest) put(v []byte) {
	v[0] = t.code<<5 | t.result
	binary.BigEndian.PutUint16(v[2:], uint16(min(t.hours, 0xffff)))
	binary.BigEndian.PutUint64(v[4:], 0xffffffffffffffff)
	if t.bad {
		v[1] = 2 // segment
		binary.BigEndian.PutUint64(v[4:], t.lba)
		v[12], v[13], v[14] = keyMedium, 0x11, 0x00
	}
}
