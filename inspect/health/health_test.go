package health

import (
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/mmc"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/scsi"
)

// is fails unless the verdict is that ("" is unknown), and some reason of one that is
// not good says so.
func is(t *testing.T, name string, h inspect.Health, want, reason string) {
	t.Helper()
	if h.Verdict.Value != want || h.Verdict.Known != (want != "") {
		t.Errorf("%s: %+v, %q", name, h.Verdict, h.Reasons)
	}
	if reason == "" != (len(h.Reasons) == 0) || reason != "" && !slices.ContainsFunc(h.Reasons, func(r string) bool { return strings.Contains(r, reason) }) {
		t.Errorf("%s: %q has nothing of %q", name, h.Reasons, reason)
	}
	if !h.Verdict.Known && h.Verdict.Why == "" {
		t.Errorf("%s: unknown without a reason", name)
	}
}

// disk that nothing speaks against, with one thing changed.
func disk(change func(*ATA)) inspect.Health {
	a := ATA{Media: drive.MediaHDD, LogicalSector: 512, StatusKnown: true,
		Attributes: []ata.Attribute{{ID: 5, Prefail: true, Value: 100, Threshold: 10}, {ID: 197, Value: 100}}}
	if change != nil {
		change(&a)
	}
	return JudgeATA(a)
}

func add(a ata.Attribute) func(*ATA) {
	return func(d *ATA) {
		d.Attributes = append(slices.DeleteFunc(d.Attributes, func(o ata.Attribute) bool { return o.ID == a.ID }), a)
	}
}

func TestJudgeATA(t *testing.T) {
	tests := func(status ...byte) func(*ATA) {
		return func(a *ATA) {
			a.SelfTestsKnown = true
			for _, s := range status {
				a.SelfTests = append(a.SelfTests, ata.SelfTest{Kind: 1, Status: s, Hours: 77})
			}
		}
	}
	both := func(c ...func(*ATA)) func(*ATA) {
		return func(a *ATA) {
			for _, c := range c {
				c(a)
			}
		}
	}
	silent := func(a *ATA) { a.StatusKnown = false }
	ssd := func(a *ATA) { a.Media = drive.MediaSSD }
	bare := func(a *ATA) { a.Attributes = nil }
	for _, c := range []struct {
		name         string
		change       func(*ATA)
		want, reason string
	}{
		{"nothing against it", nil, "good", ""},
		{"its own word unknown", silent, "", "RETURN STATUS"},
		{"its own word bad", func(a *ATA) { a.Failing = true }, "failing", "says that it is failing"},
		{"a prefail threshold", add(ata.Attribute{ID: 1, Prefail: true, Value: 10, Threshold: 10, Raw: 99}), "failing", "SMART 1: value 10, threshold 10, raw 99"},
		{"the same, its own word unknown", both(silent, add(ata.Attribute{ID: 1, Prefail: true, Value: 10, Threshold: 10})), "failing", "SMART 1"},
		{"one above its threshold", add(ata.Attribute{ID: 1, Prefail: true, Value: 11, Threshold: 10}), "good", ""},
		{"thresholds that say nothing", both(add(ata.Attribute{ID: 1, Prefail: true, Value: 0, Threshold: 0}), add(ata.Attribute{ID: 7, Prefail: true, Value: 9, Threshold: 255})), "good", ""},
		{"an old-age threshold", add(ata.Attribute{ID: 233, Value: 9, Threshold: 10}), "worn", "SMART 233"},
		{"heat", add(ata.Attribute{ID: 190, Value: 44, Threshold: 45}), "good", ""},
		{"reallocated", add(ata.Attribute{ID: 5, Value: 100, Raw: 1}), "worn", "1 reallocated sector (SMART 5)"},
		{"pending", add(ata.Attribute{ID: 197, Value: 100, Raw: 2}), "worn", "2 pending sectors (SMART 197)"},
		{"uncorrectable", add(ata.Attribute{ID: 198, Value: 100, Raw: 4294967295}), "worn", "4294967295 uncorrectable sectors (SMART 198)"},
		{"reported", add(ata.Attribute{ID: 187, Value: 100, Raw: 3}), "worn", "3 reported errors"},
		{"time-outs of a disk", add(ata.Attribute{ID: 188, Value: 100, Raw: 3}), "worn", "3 command time-outs"},
		{"time-outs of an SSD", both(ssd, add(ata.Attribute{ID: 188, Value: 100, Raw: 3})), "good", ""},
		{"worn, its own word unknown", both(silent, add(ata.Attribute{ID: 5, Value: 100, Raw: 1})), "", "reallocated"},
		{"a count in the maker's format", add(ata.Attribute{ID: 5, Value: 100, Raw: 0x010000000000}), "", "maker's own format: 1099511627776 (SMART 5)"},
		{"the same, with statistics", both(add(ata.Attribute{ID: 5, Value: 100, Raw: 0x010000000000}),
			func(a *ATA) { a.Statistics.Reallocated = ata.Statistic{Value: 4, Valid: true} }), "worn", "4 reallocated sectors (device statistics)"},
		{"a disk without counters", bare, "", "pending sectors could not be read"},
		{"a disk whose statistics have them", both(bare, func(a *ATA) {
			a.Statistics.Reallocated, a.Statistics.Candidates = ata.Statistic{Valid: true}, ata.Statistic{Valid: true}
		}), "good", ""},
		{"an SSD without counters", both(ssd, bare), "", "endurance"},
		{"an SSD with its endurance", both(ssd, bare, func(a *ATA) { a.Statistics.Used = ata.Statistic{Value: 99, Valid: true} }), "good", ""},
		{"an SSD that is used up", both(ssd, bare, func(a *ATA) { a.Statistics.Used = ata.Statistic{Value: 100, Valid: true} }), "worn", "100 % of its rated endurance"},
		{"a kind that doesn't tell, without counters", both(bare, func(a *ATA) { a.Media = drive.MediaUnknown }), "", "pending"},
		{"no self-test", tests(), "good", ""},
		{"passed after a failure", tests(0, 7), "good", ""},
		{"failed after a pass", tests(7, 0), "failing", "failed, at 77 hours"},
		{"broken off after a failure", tests(1, 2, 15, 3), "failing", "self-test"},
		{"status 9 says nothing", tests(9), "good", ""},
	} {
		is(t, c.name, disk(c.change), c.want, c.reason)
	}
}

// Units: sectors of the drive's own size, hours in the low three bytes, a temperature
// below zero, and nothing made of a count that makes no sense.
func TestATAAmounts(t *testing.T) {
	h := disk(func(a *ATA) {
		a.LogicalSector = 4096
		a.Attributes = append(a.Attributes, ata.Attribute{ID: 9, Raw: 0xabcd00000102}, ata.Attribute{ID: 190, Raw: 0x21})
		a.Statistics = ata.Statistics{Written: ata.Statistic{Value: 1000, Valid: true}}
	})
	if h.WrittenB != inspect.Known(4096000.0, "device statistics") || h.PowerOnH != inspect.Known[int64](258, "SMART 9") || h.TempC != inspect.Known(33, "SMART 190") {
		t.Errorf("%+v, %+v, %+v", h.WrittenB, h.PowerOnH, h.TempC)
	}
	h = disk(func(a *ATA) {
		a.Attributes = append(a.Attributes, ata.Attribute{ID: 9, Raw: 0xffffff}, ata.Attribute{ID: 194})
		a.Statistics = ata.Statistics{Celsius: ata.Statistic{Value: -7, Valid: true}}
	})
	if h.PowerOnH.Known || h.TempC != inspect.Known(-7, "device statistics") || h.WrittenB.Known || h.UsedPct.Known {
		t.Errorf("%+v", h)
	}
}

func TestJudgeNVMe(t *testing.T) {
	for _, c := range []struct {
		name         string
		change       func(*nvme.SMART)
		want, reason string
	}{
		{"healthy", func(*nvme.SMART) {}, "good", ""},
		{"hot", func(s *nvme.SMART) { s.Critical = 0x02 }, "good", ""},
		{"spare, says the drive", func(s *nvme.SMART) { s.Critical = 0x01 }, "failing", "critical warning 01h"},
		{"spare, by the figures", func(s *nvme.SMART) { s.Spare = 9 }, "failing", "9 % of its spare blocks are left, threshold 10 %"},
		{"unreliable", func(s *nvme.SMART) { s.Critical = 0x04 }, "failing", "reliable"},
		{"read-only", func(s *nvme.SMART) { s.Critical = 0x08 }, "failing", "read-only"},
		{"no backup", func(s *nvme.SMART) { s.Critical = 0x10 }, "failing", "backup"},
		{"memory region", func(s *nvme.SMART) { s.Critical = 0x20 }, "failing", "region"},
		{"99 % used", func(s *nvme.SMART) { s.Used = 99 }, "good", ""},
		{"100 % used", func(s *nvme.SMART) { s.Used = 100 }, "worn", "100 % of its rated"},
		{"media errors", func(s *nvme.SMART) { s.MediaErrors = 7 }, "worn", "7 media errors"},
		{"more than 64 bits hold", func(s *nvme.SMART) { s.MediaErrors = 1e30 }, "worn", "2147483647 media errors"},
	} {
		s := nvme.SMART{Kelvin: 313, Spare: 90, SpareLimit: 10, Used: 3, WrittenBytes: 512e6, PowerOnHours: 1234}
		c.change(&s)
		h := JudgeNVMe(NVMe{SMART: s})
		is(t, c.name, h, c.want, c.reason)
		if h.PowerOnH.Value != 1234 || h.TempC.Value != 40 || h.Realloc.Known {
			t.Errorf("%s: %+v", c.name, h)
		}
	}
	failed := NVMe{SMART: nvme.SMART{Kelvin: 300, Spare: 100}, SelfTestsKnown: true, SelfTests: []nvme.SelfTest{{Result: 1}, {Result: 7, Hours: 5}, {}}}
	is(t, "self-test", JudgeNVMe(failed), "failing", "failed, at 5 hours")
	if h := JudgeNVMe(NVMe{SMART: nvme.SMART{PowerOnHours: 1e9}}); h.PowerOnH.Known || h.TempC.Known {
		t.Errorf("%+v, %+v", h.PowerOnH, h.TempC)
	}
}

func TestJudgeSCSI(t *testing.T) {
	word := func(asc, ascq byte) []scsi.Parameter {
		return []scsi.Parameter{{Code: 0, Value: []byte{asc, ascq, 30}}}
	}
	for _, c := range []struct {
		name         string
		change       func(*SCSI)
		want, reason string
	}{
		{"healthy", func(*SCSI) {}, "good", ""},
		{"predicts its failure", func(s *SCSI) { s.Pages[0x2f] = word(0x5d, 0x10) }, "failing", "5dh/10h"},
		{"hot", func(s *SCSI) { s.Pages[0x2f] = word(0x0b, 0x01) }, "good", ""},
		{"its own test failed", func(s *SCSI) { s.Pages[0x2f] = word(0x0b, 0x03) }, "failing", "0bh/03h"},
		{"found a medium error", func(s *SCSI) { s.Pages[0x2f] = word(0x0b, 0x05) }, "worn", "0bh/05h"},
		{"no word of its own", func(s *SCSI) { delete(s.Pages, 0x2f) }, "", "2Fh"},
		{"grown defects", func(s *SCSI) { s.Grown = 56 }, "worn", "56 grown defects"},
		{"no defect list", func(s *SCSI) { s.GrownKnown = false }, "", "grown defects could not be read"},
		{"errors of two pages", func(s *SCSI) {
			s.Pages[2], s.Pages[5] = []scsi.Parameter{{Code: 6, Value: []byte{0, 3}}}, []scsi.Parameter{{Code: 6, Value: []byte{4}}}
		}, "worn", "7 errors"},
		{"a block waits", func(s *SCSI) {
			s.Pages[0x15] = []scsi.Parameter{{Code: 0, Value: []byte{0, 0, 0, 120}}, {Code: 1, Value: []byte{0, 0, 0, 0, 0x13}}, {Code: 2, Value: []byte{0, 0, 0, 0, 0x53}}}
		}, "worn", "1 block that waits"},
		{"self-test failed", func(s *SCSI) {
			s.Pages[0x10] = []scsi.Parameter{{Code: 1, Value: []byte{0x27, 1, 0x01, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}}}
		}, "failing", "failed, at 258 hours"},
		{"an SSD that is used up", func(s *SCSI) {
			s.Media, s.Pages[0x11] = drive.MediaSSD, []scsi.Parameter{{Code: 1, Value: []byte{0, 0, 0, 101}}}
		}, "worn", "101 % of its rated"},
		{"an SSD without either", func(s *SCSI) { s.Media, s.GrownKnown = drive.MediaSSD, false }, "", "endurance"},
	} {
		s := SCSI{Media: drive.MediaHDD, GrownKnown: true, Pages: map[byte][]scsi.Parameter{0x2f: word(0, 0)}}
		c.change(&s)
		is(t, c.name, JudgeSCSI(s), c.want, c.reason)
	}
}

func TestJudgeMMC(t *testing.T) {
	for _, c := range []struct {
		name         string
		x            mmc.ExtCSD
		want, reason string
	}{
		{"new", mmc.ExtCSD{PreEOL: 1, LifeA: 1, LifeB: 1}, "good", ""},
		{"warning", mmc.ExtCSD{PreEOL: 2, LifeA: 3, LifeB: 5}, "worn", "80 %"},
		{"urgent", mmc.ExtCSD{PreEOL: 3}, "failing", "90 %"},
		{"its life is used up", mmc.ExtCSD{PreEOL: 1, LifeA: 4, LifeB: 11}, "worn", "[269] 0bh"},
		{"says nothing", mmc.ExtCSD{}, "", "does not say"},
		{"a reserved code", mmc.ExtCSD{PreEOL: 9, LifeA: 200}, "", "does not say"},
	} {
		h := JudgeMMC(c.x)
		is(t, c.name, h, c.want, c.reason)
		if used := max(c.x.LifeA, c.x.LifeB); h.UsedPct.Known != (used > 0 && used < 12) || h.UsedPct.Known && h.UsedPct.Value != 10*int(used) {
			t.Errorf("%s: %+v", c.name, h.UsedPct)
		}
	}
}
