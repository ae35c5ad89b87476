package function

import (
	"context"
	"errors"
	"fmt"
	"time"

	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/scsi"
)

// progress of a drive's own test.
type progress struct {
	supports bool // the drive has a short self-test
	expect   time.Duration
	runs     bool
	log      string  // of the tests that ended, as the drive gave it; empty: it gives none
	newest   *ending // in the log, if that is of a short test
	status   *ending // that the drive tells beside the log, of whatever test was the last
}

// ending of a test. The zero Result: it was broken off.
type ending struct {
	result Result
	what   string // what it found bad, or how it ended
}

// ours is how the test ended that was begun after before was seen; ran: it was seen to
// run. A log that says what it said before tells of another test; and the status of a
// drive that never tested itself is that of one that passed (ACS-3 table 'Self-test
// execution status values'), so it counts only once a test ran.
func (p progress) ours(before progress, ran bool) *ending {
	switch {
	case before.log != "" && p.log != "" && p.log != before.log:
		return p.newest
	case ran:
		return p.status
	}
	return nil
}

// selfTest is how drives of one command set test themselves.
type selfTest struct {
	start, abort func() drive.Command
	look         func(ctx context.Context, t drive.Transport) (progress, error)
}

// nvmeShort is what a short test takes at most (Base 2.0, clause 8.6.1); SPC-5 asks the
// same of SCSI drives (clause 5.14.2).
const nvmeShort = 2 * time.Minute

var (
	ataTest  = selfTest{ata.ShortSelfTest, ata.AbortSelfTest, lookATA}
	nvmeTest = selfTest{nvme.ShortSelfTest, nvme.AbortSelfTest, lookNVMe}
	scsiTest = selfTest{scsi.ShortSelfTest, scsi.AbortSelfTest, lookSCSI}
)

func lookATA(ctx context.Context, t drive.Transport) (progress, error) {
	c := ata.SMARTReadData()
	if _, err := t.Do(ctx, c); err != nil {
		return progress{}, err
	}
	s, err := ata.ParseSelfTestState(c.Data)
	if err != nil {
		return progress{}, err
	}
	p := progress{supports: s.Supported, expect: time.Duration(s.Minutes) * time.Minute, runs: s.Running()}
	if !p.runs {
		p.status = endingATA(s.SelfTest)
	}
	log := ata.SelfTestLog()
	if _, err := t.Do(ctx, log); err != nil {
		var refused *drive.StatusError
		if errors.As(err, &refused) {
			return p, nil // many a USB bridge gives no logs
		}
		return progress{}, err
	}
	if list, err := ata.ParseSelfTests(log.Data); err == nil {
		p.log = string(log.Data)
		if len(list) > 0 && list[0].Short() && !list[0].Running() {
			p.newest = endingATA(list[0])
		}
	}
	return p, nil
}

func lookNVMe(ctx context.Context, t drive.Transport) (progress, error) {
	id := nvme.IdentifyController()
	if _, err := t.Do(ctx, id); err != nil {
		return progress{}, err
	}
	c, err := nvme.ParseController(id.Data)
	if err != nil || !c.SelfTest() {
		return progress{}, err
	}
	log := nvme.SelfTestLog()
	if _, err := t.Do(ctx, log); err != nil {
		return progress{}, err
	}
	list, err := nvme.ParseSelfTests(log.Data)
	if err != nil {
		return progress{}, err
	}
	p := progress{supports: true, expect: nvmeShort, log: string(log.Data[nvme.SelfTestHead:])}
	if _, p.runs = nvme.RunningSelfTest(log.Data); len(list) > 0 && list[0].Short() {
		p.newest = endingOf(list[0].Passed(), list[0].Failed(), fmt.Sprintf("its log says result %d", list[0].Result))
	}
	return p, nil
}

func lookSCSI(ctx context.Context, t drive.Transport) (progress, error) {
	c := scsi.LogSense(scsi.LogSelfTests)
	if _, err := t.Do(ctx, c); err != nil {
		var refused *drive.StatusError
		if errors.As(err, &refused) {
			return progress{}, nil // no such page: no self-test that could be followed
		}
		return progress{}, err
	}
	ps, err := scsi.ParseLog(c.Data, scsi.LogSelfTests)
	if err != nil {
		return progress{}, err
	}
	p := progress{supports: true, expect: nvmeShort, log: string(c.Data)}
	if list := scsi.SelfTests(ps); len(list) > 0 {
		if p.runs = list[0].Running(); list[0].Short() {
			p.newest = endingOf(list[0].Passed(), list[0].Failed(), fmt.Sprintf("its log says result %d", list[0].Result))
		}
	}
	return p, nil
}

func endingATA(t ata.SelfTest) *ending { return endingOf(t.Passed(), t.Failed(), t.What()) }

func endingOf(passed, failed bool, what string) *ending {
	e := &ending{what: what}
	switch {
	case passed:
		e.result = Pass
	case failed:
		e.result = Fail
	}
	return e
}
