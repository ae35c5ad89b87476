package health

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/nvme"
	"handback.example/inspect/drive/scsi"
)

var update = flag.Bool("update", false, "write testdata/verdicts.txt anew")

// report is a line of testdata/smartctl.jsonl: what smartctl says of a drive.
type report struct {
	File, Protocol string
	Model          string `json:"model_name"`
	SCSIModel      string `json:"scsi_model_name"`
	Rotation       *int   `json:"rotation_rate"`
	Block          int    `json:"logical_block_size"`
	Passed         *bool
	Celsius        *int
	Hours          *int64
	Attributes     []struct {
		ID                   byte
		Flags                uint16
		Value, Worst, Thresh byte
		Raw                  uint64
	} `json:"ata_smart_attributes"`
	Statistics []struct {
		Page   byte
		Offset int
		Value  int64
		Flags  byte
	} `json:"ata_device_statistics"`
	SelfTests []struct {
		Type, Status byte
		Hours        uint16
	} `json:"ata_smart_self_test_log"`
	NVMe *struct {
		Critical    byte   `json:"critical_warning"`
		Temperature int    `json:"temperature"`
		Spare       byte   `json:"available_spare"`
		SpareLimit  byte   `json:"available_spare_threshold"`
		Used        byte   `json:"percentage_used"`
		Written     uint64 `json:"data_units_written"`
		Hours       uint64 `json:"power_on_hours"`
		MediaErrors uint64 `json:"media_errors"`
	} `json:"nvme_smart_health_information_log"`
	Counters map[string]struct {
		Gigabytes   string `json:"gigabytes_processed"`
		Uncorrected uint64 `json:"total_uncorrected_errors"`
	} `json:"scsi_error_counter_log"`
	Grown *int64 `json:"scsi_grown_defect_list"`
}

func (r report) media() drive.MediaType {
	switch {
	case r.Rotation == nil:
		return drive.MediaUnknown
	case *r.Rotation == 0:
		return drive.MediaSSD
	}
	return drive.MediaHDD
}

func (r report) judge(t *testing.T) (inspect.Health, bool) {
	switch r.Protocol {
	case "ATA":
		return r.judgeATA(t), true
	case "SCSI":
		return r.judgeSCSI(t), true
	case "NVMe":
		return r.judgeNVMe(), true
	}
	return inspect.Health{}, false
}

// pages of the statistics log as the drive must have sent them: smartctl tells each
// value's place and the flags of its top byte.
func (r report) pages(t *testing.T) ata.Statistics {
	pages := map[byte][]byte{}
	for _, s := range r.Statistics {
		if pages[s.Page] == nil {
			pages[s.Page] = append([]byte{1, 0, s.Page}, make([]byte, 509)...)
		}
		binary.LittleEndian.PutUint64(pages[s.Page][s.Offset:], uint64(s.Value)&(1<<56-1)|uint64(s.Flags)<<56)
	}
	var all ata.Statistics
	for n, b := range pages {
		if err := all.Parse(b, n); err != nil {
			t.Errorf("%s: page %d: %v", r.File, n, err)
		}
	}
	return all
}

func (r report) judgeATA(t *testing.T) inspect.Health {
	a := ATA{Media: r.media(), LogicalSector: r.Block, Statistics: r.pages(t), SelfTestsKnown: r.SelfTests != nil}
	if r.Passed != nil {
		a.Failing, a.StatusKnown = !*r.Passed, true
	}
	for _, x := range r.Attributes {
		a.Attributes = append(a.Attributes, ata.Attribute{ID: x.ID, Prefail: x.Flags&1 != 0, Value: x.Value, Worst: x.Worst, Threshold: x.Thresh, Raw: x.Raw})
	}
	for _, x := range r.SelfTests {
		a.SelfTests = append(a.SelfTests, ata.SelfTest{Kind: x.Type, Status: x.Status >> 4, Hours: x.Hours})
	}
	return JudgeATA(a)
}

func (r report) judgeNVMe() inspect.Health {
	n := r.NVMe
	return JudgeNVMe(NVMe{SMART: nvme.SMART{Critical: n.Critical, Kelvin: uint16(n.Temperature + 273), Spare: n.Spare, SpareLimit: n.SpareLimit,
		Used: n.Used, WrittenBytes: float64(n.Written) * 512000, PowerOnHours: float64(n.Hours), MediaErrors: float64(n.MediaErrors)}})
}

func (r report) judgeSCSI(t *testing.T) inspect.Health {
	s := SCSI{Media: r.media(), Pages: map[byte][]scsi.Parameter{}}
	if r.Passed != nil && *r.Passed {
		s.Pages[scsi.LogInformational] = []scsi.Parameter{{Code: 0, Value: []byte{0, 0}}}
	}
	for name, page := range map[string]byte{"write": scsi.LogWriteErrors, "read": scsi.LogReadErrors, "verify": scsi.LogVerifyErrors} {
		c, ok := r.Counters[name]
		if !ok {
			continue
		}
		gb, err := strconv.ParseFloat(c.Gigabytes, 64)
		if err != nil {
			t.Fatal(err)
		}
		s.Pages[page] = []scsi.Parameter{{Code: 5, Value: binary.BigEndian.AppendUint64(nil, uint64(gb*1e9))},
			{Code: 6, Value: binary.BigEndian.AppendUint64(nil, c.Uncorrected)}}
	}
	if r.Grown != nil {
		s.Grown, s.GrownKnown = *r.Grown, true
	}
	if r.Celsius != nil {
		s.Pages[scsi.LogTemperature] = []scsi.Parameter{{Code: 0, Value: []byte{0, byte(*r.Celsius)}}}
	}
	if r.Hours != nil {
		s.Pages[scsi.LogBackground] = []scsi.Parameter{{Code: 0, Value: binary.BigEndian.AppendUint32(nil, uint32(*r.Hours*60))}}
	}
	return JudgeSCSI(s)
}

// edited reports have counters that their authors changed by hand for a test of their
// own: smartctl's summary is no longer that of its attributes.
var edited = map[string]bool{"scrutiny-smart-ata-date2.json": true}

// TestRealDrives judges 186 real drives. Hours and temperatures must be those that
// smartctl made of the same bytes; the verdicts stand in a table for people.
func TestRealDrives(t *testing.T) {
	f, err := os.Open("testdata/smartctl.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var table strings.Builder
	counts, lines := map[string]int{}, bufio.NewScanner(f)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		h, ok := r.judge(t)
		if !ok {
			fmt.Fprintf(&table, "%-8s %s: smartctl could not open it\n", "-", r.File)
			continue
		}
		verdict := cmp.Or(h.Verdict.Value, "unknown")
		counts[verdict]++
		model := cmp.Or(r.Model, r.SCSIModel, r.File)
		fmt.Fprintf(&table, "%-8s %-4s %-3s %-26.26s %s%s\n", verdict, r.Protocol, cmp.Or(string(r.media()), "?"), model, figures(h), reasons(h))
		if h.Verdict.Known != (h.Verdict.Value != "") || h.Verdict.Value != Good && len(h.Reasons) == 0 || h.Verdict.Value == Good && len(h.Reasons) > 0 {
			t.Errorf("%s: %+v, %q", r.File, h.Verdict, h.Reasons)
		}
		if r.Passed != nil && !*r.Passed && h.Verdict.Value != Failing {
			t.Errorf("%s says that it is failing: %+v", r.File, h.Verdict)
		}
		if edited[r.File] {
			continue
		}
		if r.Hours != nil && h.PowerOnH.Known && h.PowerOnH.Value != *r.Hours {
			t.Errorf("%s: %d hours, smartctl says %d", r.File, h.PowerOnH.Value, *r.Hours)
		}
		if r.Celsius != nil && h.TempC.Known && h.TempC.Value != *r.Celsius {
			t.Errorf("%s: %d degrees, smartctl says %d", r.File, h.TempC.Value, *r.Celsius)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&table, "\ngood %d, worn %d, failing %d, unknown %d\n", counts[Good], counts[Worn], counts[Failing], counts["unknown"])
	golden(t, "testdata/verdicts.txt", table.String())
}

// figures that a person would look for, '-' where unknown.
func figures(h inspect.Health) string {
	n := func(f inspect.Fact[int64]) string {
		if !f.Known {
			return "-"
		}
		return strconv.FormatInt(f.Value, 10)
	}
	used := "-"
	if h.UsedPct.Known {
		used = fmt.Sprintf("%d %%", h.UsedPct.Value)
	}
	return fmt.Sprintf("hours %6s used %5s realloc %4s pending %3s offline %3s reported %4s timeouts %4s",
		n(h.PowerOnH), used, n(h.Realloc), n(h.Pending), n(h.Uncorrectable), n(h.Reported), n(h.Timeouts))
}

func reasons(h inspect.Health) string {
	if len(h.Reasons) == 0 {
		return ""
	}
	return "\n         " + strings.Join(h.Reasons, "\n         ")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, []byte(got)) {
		t.Errorf("%s is another one now; see testdata/README.md for how to write it anew:\n%s", name, got)
	}
}
