package health

import (
	"fmt"
	"math"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/scsi"
)

// SCSI is what a SCSI drive's log pages and its defect list say. A page that could
// not be read is nil.
type SCSI struct {
	Media drive.MediaType
	Pages map[byte][]scsi.Parameter
	// Grown defects, where GrownKnown.
	Grown      int64
	GrownKnown bool
}

// JudgeSCSI by informational exceptions, error counters, defects and self-tests.
func JudgeSCSI(s SCSI) inspect.Health {
	j := &judge{}
	h := inspect.Health{Realloc: inspect.Unknown[int64]("grown defect list", "the list could not be read"),
		Uncorrectable: none("SMART 198"), Timeouts: none("SMART 188"),
		SelfTest: inspect.Unknown[string]("log page 10h", "the drive has no such page, or it could not be read")}
	s.prediction(j)
	if s.GrownKnown {
		h.Realloc = inspect.Known(s.Grown, "grown defect list")
	}
	s.errors(&h)
	s.amounts(&h)
	if page := s.Pages[scsi.LogSelfTests]; page != nil {
		h.SelfTest = selfTest(j, scsi.SelfTests(page), func(t scsi.SelfTest) uint64 { return uint64(t.Hours) }, "log page 10h")
	}
	j.count(h.Realloc, "grown defect", "grown defects")
	j.count(h.Pending, "block that waits to be reassigned", "blocks that wait to be reassigned")
	j.count(h.Reported, "error that could not be corrected", "errors that could not be corrected")
	switch {
	case h.UsedPct.Known && h.UsedPct.Value >= 100:
		j.wear("%d %% of its rated endurance is used (%s)", h.UsedPct.Value, h.UsedPct.Source)
	case s.Media == drive.MediaSSD && !h.UsedPct.Known && !h.Realloc.Known:
		j.doubt("neither its grown defects nor its endurance could be read")
	case s.Media != drive.MediaSSD && !h.Realloc.Known:
		j.doubt("its grown defects could not be read")
	}
	j.verdict(&h, "log page 2Fh")
	return h
}

// prediction is the drive's own word: 5Dh predicts its failure, 0Bh warns (SPC-5
// annex F). Of the warnings, those of temperature, power and enclosure tell nothing
// of the drive.
func (s SCSI) prediction(j *judge) {
	asc, ascq, ok := scsi.Prediction(s.Pages[scsi.LogInformational])
	switch {
	case !ok:
		j.doubt("the drive's own verdict (log page 2Fh) could not be read")
	case asc == 0x5d:
		j.fail("the drive predicts its failure (%02xh/%02xh)", asc, ascq)
	case asc == 0x0b && ascq == 0x03:
		j.fail("the drive warns that its own test failed (%02xh/%02xh)", asc, ascq)
	case asc == 0x0b && (ascq == 0x04 || ascq == 0x05):
		j.wear("the drive warns that it found a medium error (%02xh/%02xh)", asc, ascq)
	}
}

// errors that could not be corrected: of reading, writing and verifying together.
func (s SCSI) errors(h *inspect.Health) {
	const source = "log pages 02h, 03h, 05h"
	h.Reported = inspect.Unknown[int64](source, "the drive does not count them")
	total, known := uint64(0), false
	for _, page := range []byte{scsi.LogWriteErrors, scsi.LogReadErrors, scsi.LogVerifyErrors} {
		if e := scsi.ErrorCounters(s.Pages[page]); e.Known {
			total, known = min(total+min(e.Uncorrected, math.MaxInt32), math.MaxInt32), true
		}
	}
	if known {
		h.Reported = inspect.Known(int64(total), source)
	}
	h.WrittenB = inspect.Unknown[float64]("log page 02h", "the drive does not count it")
	if e := scsi.ErrorCounters(s.Pages[scsi.LogWriteErrors]); e.BytesKnown {
		h.WrittenB = inspect.Known(float64(e.Bytes), "log page 02h")
	}
}

func (s SCSI) amounts(h *inspect.Health) {
	source := func(page byte) string { return fmt.Sprintf("log page %02Xh", page) }
	const silent = "the drive does not say"
	h.PowerOnH = inspect.Unknown[int64](source(scsi.LogBackground), silent)
	h.Pending = inspect.Unknown[int64](source(scsi.LogBackground), silent)
	if scan, ok := scsi.BackgroundScan(s.Pages[scsi.LogBackground]); ok {
		h.PowerOnH = hours(float64(scan.Minutes/60), source(scsi.LogBackground))
		h.Pending = inspect.Known(int64(scan.Pending), source(scsi.LogBackground))
	}
	h.TempC = inspect.Unknown[int](source(scsi.LogTemperature), silent)
	if t, ok := scsi.Celsius(s.Pages[scsi.LogTemperature]); ok {
		h.TempC = celsius(t, source(scsi.LogTemperature))
	}
	h.UsedPct = inspect.Unknown[int](source(scsi.LogSolidState), silent)
	if used, ok := scsi.Endurance(s.Pages[scsi.LogSolidState]); ok {
		h.UsedPct = inspect.Known(used, source(scsi.LogSolidState))
	}
}
