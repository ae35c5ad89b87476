package health

import (
	"fmt"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
)

// ATA is what an ATA drive's logs say. What could not be read is absent.
type ATA struct {
	Media         drive.MediaType
	LogicalSector int // bytes, of what Statistics count
	// Failing is SMART RETURN STATUS, where StatusKnown.
	Failing, StatusKnown bool
	Attributes           []ata.Attribute
	Statistics           ata.Statistics
	// SelfTests, where their log could be read.
	SelfTests      []ata.SelfTest
	SelfTestsKnown bool
}

// temperatures are attributes whose thresholds tell of the place that a drive is in.
var temperatures = map[byte]bool{ata.AttrAirflow: true, ata.AttrTemperature: true}

// names of attributes that decide, for people.
var attributeNames = map[byte]string{ata.AttrReallocated: "reallocated sectors", ata.AttrUncorrectable: "reported errors",
	ata.AttrTimeout: "command time-outs", ata.AttrPending: "pending sectors", ata.AttrOffline: "uncorrectable sectors"}

// JudgeATA by SMART, device statistics and the self-test log.
func JudgeATA(a ATA) inspect.Health {
	j := &judge{}
	h := inspect.Health{SelfTest: inspect.Unknown[string]("SMART self-test log", "the log could not be read"),
		TempC: inspect.Unknown[int]("SMART 194", "the drive does not say")}
	a.counters(&h)
	a.amounts(&h)
	switch {
	case !a.StatusKnown:
		j.doubt("the drive's own verdict (SMART RETURN STATUS) could not be read")
	case a.Failing:
		j.fail("the drive says that it is failing (SMART RETURN STATUS)")
	}
	a.thresholds(j)
	if a.SelfTestsKnown {
		h.SelfTest = selfTest(j, a.SelfTests, func(t ata.SelfTest) uint64 { return uint64(t.Hours) }, "SMART self-test log")
	}
	j.count(h.Realloc, "reallocated sector", "reallocated sectors")
	j.count(h.Pending, "pending sector", "pending sectors")
	j.count(h.Uncorrectable, "uncorrectable sector", "uncorrectable sectors")
	j.count(h.Reported, "reported error that could not be corrected", "reported errors that could not be corrected")
	if a.Media != drive.MediaSSD {
		j.count(h.Timeouts, "command time-out", "command time-outs")
	}
	if h.UsedPct.Known && h.UsedPct.Value >= 100 {
		j.wear("%d %% of its rated endurance is used (%s)", h.UsedPct.Value, h.UsedPct.Source)
	}
	a.needed(j, h)
	j.verdict(&h, "SMART")
	return h
}

// needed are the counters without which nobody may call a drive good: a disk must
// tell of sectors that it gave up and of those that it is about to, a solid state
// drive of the first or of its endurance. The kind of a drive that doesn't tell is
// taken for a disk.
func (a ATA) needed(j *judge, h inspect.Health) {
	if a.Media == drive.MediaSSD {
		if !h.Realloc.Known && !h.UsedPct.Known {
			j.doubt("neither its reallocated sectors nor its endurance could be read: " + h.Realloc.Why)
		}
		return
	}
	for _, f := range []struct {
		fact inspect.Fact[int64]
		name string
	}{{h.Realloc, "reallocated"}, {h.Pending, "pending"}} {
		if !f.fact.Known {
			j.doubt(fmt.Sprintf("its %s sectors could not be read: %s (%s)", f.name, f.fact.Why, f.fact.Source))
		}
	}
}

// thresholds that the maker set.
func (a ATA) thresholds(j *judge) {
	for _, t := range a.Attributes {
		if !t.Below() || temperatures[t.ID] {
			continue
		}
		say := j.wear
		if t.Prefail {
			say = j.fail
		}
		name := attributeNames[t.ID]
		if name != "" {
			name = ", " + name
		}
		say("SMART %d%s: value %d, threshold %d, raw %d", t.ID, name, t.Value, t.Threshold, t.Raw)
	}
}

// counters of sectors and errors: by SMART, and where it has no such attribute by
// device statistics.
func (a ATA) counters(h *inspect.Health) {
	for _, c := range []struct {
		fact      *inspect.Fact[int64]
		id        byte
		statistic ata.Statistic
	}{
		{&h.Realloc, ata.AttrReallocated, a.Statistics.Reallocated},
		{&h.Pending, ata.AttrPending, a.Statistics.Candidates},
		{&h.Uncorrectable, ata.AttrOffline, ata.Statistic{}},
		{&h.Reported, ata.AttrUncorrectable, a.Statistics.Reported},
		{&h.Timeouts, ata.AttrTimeout, ata.Statistic{}},
	} {
		source := fmt.Sprintf("SMART %d", c.id)
		*c.fact = inspect.Unknown[int64](source, "the drive does not count it")
		if t, ok := a.attribute(c.id); ok {
			if t.Raw <= 1<<32-1 {
				*c.fact = inspect.Known(int64(t.Raw), source)
				continue
			}
			// Makers put other things above the low 32 bits.
			c.fact.Why = fmt.Sprintf("the count is in its maker's own format: %d", t.Raw)
		}
		if c.statistic.Valid {
			*c.fact = inspect.Known(c.statistic.Value, "device statistics")
		}
	}
}

// amounts: device statistics have units, and go before attributes, whose units are
// each maker's own.
func (a ATA) amounts(h *inspect.Health) {
	const source = "device statistics"
	s := a.Statistics
	h.WrittenB = inspect.Unknown[float64]("SMART 241", "each maker counts it in another unit")
	if s.Written.Valid && a.LogicalSector > 0 {
		h.WrittenB = inspect.Known(float64(s.Written.Value)*float64(a.LogicalSector), source)
	}
	h.UsedPct = inspect.Unknown[int](source, "the drive does not say")
	if s.Used.Valid {
		h.UsedPct = inspect.Known(int(s.Used.Value), source)
	}
	h.PowerOnH = inspect.Unknown[int64]("SMART 9", "the drive does not count it")
	if s.Hours.Valid {
		h.PowerOnH = hours(float64(s.Hours.Value), source)
	} else if t, ok := a.attribute(ata.AttrPowerOnHours); ok {
		h.PowerOnH = hours(float64(t.Raw&0xffffff), "SMART 9") // above stand minutes or seconds
	}
	for _, id := range []byte{ata.AttrTemperature, ata.AttrAirflow} {
		if t, ok := a.attribute(id); ok && !h.TempC.Known {
			h.TempC = celsius(int(t.Raw&0xff), fmt.Sprintf("SMART %d", id))
		}
	}
	if s.Celsius.Valid && !h.TempC.Known {
		h.TempC = celsius(int(s.Celsius.Value), source)
	}
}

func (a ATA) attribute(id byte) (ata.Attribute, bool) {
	for _, t := range a.Attributes {
		if t.ID == id {
			return t, true
		}
	}
	return ata.Attribute{}, false
}
