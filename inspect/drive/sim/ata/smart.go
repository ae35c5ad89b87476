package ata

import (
	"encoding/binary"
	"slices"
	"time"
)

// SMART of a drive (ACS-4; attributes as ATA/ATAPI-5 and all makers
// have them).
type SMART struct {
	Off        bool // no SMART feature set at all
	Disabled   bool // SMART DISABLE OPERATIONS was sent some day
	Attributes []Attribute
	Failing    bool // RETURN STATUS says that a threshold is exceeded
	Hours      uint64
	Used       byte // percent of the rated endurance of a drive that does not rotate
	// How long self-tests take; 0: two minutes and an hour.
	ShortTest, ExtendedTest time.Duration
}

// Attribute is one of thirty. The model keeps the raw values of 5, 9, 197 and 198
// up to its state.
type Attribute struct {
	ID           byte
	Flags        uint16 // bit 0: pre-failure
	Value, Worst byte
	Threshold    byte
	Raw          uint64 // 48 bits
}

const attributesMax = 30

// usual attributes of a drive whose Config names none.
var usual = []Attribute{
	{1, 0x000f, 200, 200, 51, 0}, {5, 0x0033, 100, 100, 10, 0}, {9, 0x0032, 99, 99, 0, 0},
	{12, 0x0032, 100, 100, 0, 7}, {194, 0x0022, 34, 45, 0, 34}, {197, 0x0012, 100, 100, 0, 0},
	{198, 0x0010, 100, 100, 0, 0}, {199, 0x003e, 200, 200, 0, 0},
}

// smartState is what changes.
type smartState struct {
	born    time.Time
	set     bool // enabled was set
	enabled bool
	test    byte      // self-test that runs: 1 short, 2 extended; 0: none
	started time.Time // that test
	takes   time.Duration
	verdict byte // execution status of the last test, 7:4
	log     []testResult
}

// testResult is an entry of the self-test log.
type testResult struct {
	test, status byte
	hours        uint16
	lba          uint64
}

// Subcommands of SMART, in features (ACS-4 clause 7.46; D0h and D1h by
// ATA/ATAPI-5).
const (
	smartReadData       = 0xd0
	smartReadThresholds = 0xd1
	smartAutosave       = 0xd2
	smartExecute        = 0xd4
	smartReadLog        = 0xd5
	smartEnable         = 0xd8
	smartDisable        = 0xd9
	smartReturnStatus   = 0xda
	smartOffline        = 0xdb

	smartKey = 0xc24f // LBA 23:8 of every SMART command
)

func (d *Drive) smartCommand(r *request) answer {
	s := &d.smart
	if !d.has(FeatureSMART) || r.LBA>>8&0xffff != smartKey {
		return aborted()
	}
	sub := byte(r.Features)
	if !d.smartEnabled() && sub != smartEnable {
		return aborted()
	}
	switch sub {
	case smartReadData:
		return data(d.smartData())
	case smartReadThresholds:
		return data(d.smartThresholds())
	case smartReadLog:
		return d.smartLog(byte(r.LBA), int(r.Count&0xff))
	case smartExecute:
		return d.selfTest(byte(r.LBA))
	case smartEnable, smartDisable:
		s.set, s.enabled = true, sub == smartEnable
		return ok()
	case smartAutosave, smartOffline:
		return ok()
	case smartReturnStatus:
		a := ok()
		a.regs.LBA = smartKey << 8
		if d.smartFailing() {
			a.regs.LBA = 0x2cf4 << 8
		}
		return a
	}
	return aborted()
}

func (d *Drive) smartEnabled() bool {
	if d.smart.set {
		return d.smart.enabled
	}
	return !d.cfg.SMART.Disabled
}

func (d *Drive) smartFailing() bool {
	if d.cfg.SMART.Failing {
		return true
	}
	return slices.ContainsFunc(d.attributes(), func(a Attribute) bool {
		return a.Flags&1 != 0 && a.Threshold > 0 && a.Value <= a.Threshold
	})
}

// attributes as they are now.
func (d *Drive) attributes() []Attribute {
	all := d.cfg.SMART.Attributes
	if len(all) == 0 {
		all = usual
	}
	all = slices.Clone(all)
	for i := range all {
		switch a := &all[i]; a.ID {
		case 5:
			a.Raw += d.healed
		case 9:
			a.Raw += d.hours()
		case 197, 198:
			a.Raw = max(a.Raw-min(a.Raw, d.healed), uint64(len(d.bad)))
		}
	}
	return all
}

// smartData is READ DATA: revision, thirty attributes of twelve bytes, self-test
// state, capabilities, checksum (ACS-3 clause 7.48.6).
func (d *Drive) smartData() []byte {
	b := make([]byte, 512)
	b[0] = 0x10
	for i, a := range d.attributes() {
		e := b[2+12*i:]
		e[0] = a.ID
		binary.LittleEndian.PutUint16(e[1:], a.Flags)
		e[3], e[4] = a.Value, a.Worst
		binary.LittleEndian.PutUint32(e[5:], uint32(a.Raw))
		binary.LittleEndian.PutUint16(e[9:], uint16(a.Raw>>32))
	}
	b[363] = d.testStatus()
	b[367] = 0x11 // off-line immediate, self-tests
	b[368] = 0x03 // saves by itself and before power goes
	b[370] = 0x01 // error logging
	short, long := minutes(d.cfg.SMART.ShortTest), minutes(d.cfg.SMART.ExtendedTest)
	b[372], b[373] = byte(min(short, 255)), byte(min(long, 255))
	if long >= 255 {
		binary.LittleEndian.PutUint16(b[375:], uint16(min(long, 0xffff)))
	}
	b[511] = -sum(b)
	return b
}

func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }

func (d *Drive) smartThresholds() []byte {
	b := make([]byte, 512)
	b[0] = 0x10
	for i, a := range d.attributes() {
		b[2+12*i], b[3+12*i] = a.ID, a.Threshold
	}
	b[511] = -sum(b)
	return b
}

// selfTest is EXECUTE OFF-LINE IMMEDIATE: short and extended tests in the
// background, and the abort of one.
func (d *Drive) selfTest(sub byte) answer {
	s := &d.smart
	switch sub {
	case 0x00: // off-line data collection: nothing to collect
	case 0x01, 0x02:
		d.endTest(0x1) // by the host
		s.test, s.started, s.takes = sub, d.Clock.Now(), d.cfg.SMART.ShortTest
		if sub == 0x02 {
			s.takes = d.cfg.SMART.ExtendedTest
		}
	case 0x7f:
		d.endTest(0x1)
	default:
		return aborted()
	}
	return ok()
}

// testStatus is byte 363: a verdict above, tenths that are left below.
func (d *Drive) testStatus() byte {
	s := &d.smart
	if s.test == 0 {
		return s.verdict << 4
	}
	tenths := 9
	if s.takes > 0 {
		tenths = 9 - int(10*d.Clock.Now().Sub(s.started)/s.takes)
	}
	return 0xf0 | byte(max(0, min(9, tenths)))
}

func (d *Drive) advanceTest(now time.Time) {
	s := &d.smart
	if s.test == 0 || now.Sub(s.started) < s.takes {
		return
	}
	verdict := byte(0x0)
	if _, bad := d.firstBad(0, d.all, false); bad && s.test == 0x02 {
		verdict = 0x7 // read element
	}
	d.endTest(verdict)
}

// endTest logs the end of a test that runs.
func (d *Drive) endTest(verdict byte) {
	s := &d.smart
	if s.test == 0 {
		return
	}
	e := testResult{test: s.test, status: verdict << 4, hours: uint16(d.hours()), lba: 1<<48 - 1}
	if verdict == 0x7 {
		e.lba, _ = d.firstBad(0, d.all, false)
	}
	s.test, s.verdict = 0, verdict
	s.log = append(s.log, e)
	if len(s.log) > testsMax {
		s.log = s.log[1:]
	}
}

// testsMax is what the self-test log of 512 bytes holds.
const testsMax = 19

// cut: a power cut interrupts a test (2: by a reset).
func (s *smartState) cut() {
	if s.test != 0 {
		s.test, s.verdict = 0, 0x2
	}
}

// Failing is what SMART RETURN STATUS would say. No command is counted.
func (d *Drive) Failing() bool {
	d.Mu.Lock()
	defer d.Mu.Unlock()
	return d.has(FeatureSMART) && d.smartFailing()
}
