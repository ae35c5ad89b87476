package health

import (
	"math"

	"handback.example/inspect"
	"handback.example/inspect/drive/nvme"
)

// Critical warning bits (NVM Express Base 2.0, figure 207). Bit 1 is temperature.
var warnings = []struct {
	bit  uint8
	what string
}{
	{1 << 0, "its spare blocks are below their threshold"},
	{1 << 2, "it is no longer reliable"},
	{1 << 3, "it has become read-only"},
	{1 << 4, "the backup of its volatile memory has failed"},
	{1 << 5, "its persistent memory region is no longer reliable"},
}

// NVMe is what an NVMe controller's logs say.
type NVMe struct {
	SMART nvme.SMART
	// SelfTests, where their log could be read.
	SelfTests      []nvme.SelfTest
	SelfTestsKnown bool
}

// JudgeNVMe by the SMART / Health Information log and the self-test log.
func JudgeNVMe(n NVMe) inspect.Health {
	const source = "NVMe log 02h"
	l, j := n.SMART, &judge{}
	h := inspect.Health{Critical: inspect.Known(l.Critical, source), UsedPct: inspect.Known(int(l.Used), source),
		SparePct: inspect.Known(int(l.Spare), source), WrittenB: inspect.Known(l.WrittenBytes, source),
		PowerOnH: hours(l.PowerOnHours, source), TempC: celsius(int(l.Kelvin)-273, source),
		Reported: inspect.Known(int64(min(l.MediaErrors, math.MaxInt32)), source),
		Realloc:  none("SMART 5"), Pending: none("SMART 197"), Uncorrectable: none("SMART 198"), Timeouts: none("SMART 188"),
		SelfTest: inspect.Unknown[string]("NVMe log 06h", "the drive has no such log, or it could not be read")}
	for _, w := range warnings {
		if l.Critical&w.bit != 0 {
			j.fail("the drive warns: %s (critical warning %02xh)", w.what, l.Critical)
		}
	}
	if l.Spare < l.SpareLimit && l.Critical&1 == 0 {
		j.fail("%d %% of its spare blocks are left, threshold %d %% (%s)", l.Spare, l.SpareLimit, source)
	}
	if n.SelfTestsKnown {
		h.SelfTest = selfTest(j, n.SelfTests, func(t nvme.SelfTest) uint64 { return t.Hours }, "NVMe log 06h")
	}
	j.count(h.Reported, "media error", "media errors")
	if l.Used >= 100 {
		j.wear("%d %% of its rated endurance is used (%s)", l.Used, source)
	}
	j.verdict(&h, source)
	return h
}

// none: that kind of drive has no such counter.
func none(source string) inspect.Fact[int64] {
	return inspect.Unknown[int64](source, "this kind of drive does not count it")
}
