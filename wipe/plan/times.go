package plan

import (
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// Times where a drive gives none of its own. They are for people who plan their
// bench, and for nothing that decides about success.
const (
	expectFormat     = 30 * time.Second // most drives answer within seconds
	expectErase      = 2 * time.Minute
	expectKey        = 2 * time.Second
	expectCard       = 2 * time.Minute
	expectSample     = 20 * time.Second // 4 GB in pieces of 4 KiB, twice
	expectSampleDisk = 3 * time.Minute  // seeks
)

// estimateMax: a drive that estimates more than a month is not believed.
const estimateMax = 31 * 24 * time.Hour

func expectBlock(d inspect.Drive, own inspect.Fact[time.Duration]) time.Duration {
	return estimate(own, expectErase) + check(d)
}

func expectCrypto(d inspect.Drive, own inspect.Fact[time.Duration]) time.Duration {
	return estimate(own, expectKey) + check(d)
}

// expectPass: the drive goes over its whole medium.
func expectPass(d inspect.Drive, own inspect.Fact[time.Duration]) time.Duration {
	return estimate(own, pass(d)) + check(d)
}

func estimate(own inspect.Fact[time.Duration], otherwise time.Duration) time.Duration {
	if own.Known && own.Value > 0 && own.Value < estimateMax {
		return own.Value
	}
	return otherwise
}

// expectOverwrite from outside, and reading it back.
func expectOverwrite(d inspect.Drive, v wipe.VerifyMode, passes int) time.Duration {
	e := pass(d) * time.Duration(passes)
	if v == wipe.VerifyFull {
		return e + pass(d)
	}
	return e + check(d)
}

// pass over the whole drive, once; by the kind of drive, for the job measures.
func pass(d inspect.Drive) time.Duration {
	perS := int64(200e6)
	switch {
	case d.Identity.Bus == drive.BusUSB || d.Identity.Bus == drive.BusSD:
		perS = 30e6
	case d.Identity.Bus == drive.BusMMC:
		perS = 100e6
	case d.Identity.Bus == drive.BusNVMe, kind(d) == drive.MediaFile:
		perS = 1e9
	case kind(d) == drive.MediaHDD:
		perS = 120e6
	case kind(d) == drive.MediaSSD:
		perS = 400e6
	}
	return time.Second + time.Duration(capacity(d)/perS)*time.Second
}

// check of what a firmware technique left: samples read before and after, never
// longer than reading all.
func check(d inspect.Drive) time.Duration {
	if kind(d) == drive.MediaHDD {
		return min(expectSampleDisk, 2*pass(d))
	}
	return min(expectSample, 2*pass(d))
}
