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
	runs     bool
	percent  int    // of one that runs; -1: the drive does not tell
	result   Result // of the newest that came to an end
	what     string // what it found bad, or how it ended
	supports bool   // the drive has a short self-test
	expect   time.Duration
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
	return progress{runs: s.Running(), percent: 100 - s.Left, result: result(s.Passed(), s.Failed()), what: s.What(),
		supports: s.Supported, expect: time.Duration(s.Minutes) * time.Minute}, nil
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
	p := progress{supports: true, expect: nvmeShort}
	if p.percent, p.runs = nvme.RunningSelfTest(log.Data); !p.runs && len(list) > 0 {
		p.result = result(list[0].Passed(), list[0].Failed())
		p.what = fmt.Sprintf("its log says result %d", list[0].Result)
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
	p := progress{supports: true, expect: nvmeShort, percent: -1}
	if list := scsi.SelfTests(ps); len(list) > 0 {
		p.runs, p.result = list[0].Running(), result(list[0].Passed(), list[0].Failed())
		p.what = fmt.Sprintf("its log says result %d", list[0].Result)
	}
	return p, nil
}

func result(passed, failed bool) Result {
	switch {
	case passed:
		return Pass
	case failed:
		return Fail
	}
	return NotTested
}
