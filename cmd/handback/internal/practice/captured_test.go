package practice_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"handback.example/cmd/handback/internal/practice"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/capture"
	"handback.example/inspect/drive"
	"handback.example/inspect/survey"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

func replay(t *testing.T, name string) *inspect.Report {
	t.Helper()
	c, err := capture.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	r, err := survey.Take(t.Context(), survey.Options{WithTPM: true, Doors: c.Doors()})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func captures(t *testing.T) []string {
	t.Helper()
	names, err := filepath.Glob("../../../../testdata/captures/*.tar.gz")
	if err != nil || len(names) < 10 {
		t.Fatalf("%d captures, %v", len(names), err)
	}
	return names
}

// way that a plan goes with a drive: its techniques, or why there are none.
func way(d wipe.DrivePlan) string {
	if d.Refusal != nil {
		return "refused: " + d.Refusal.Code
	}
	var s []string
	for _, st := range d.Ladder {
		s = append(s, fmt.Sprintf("%s+%s (%v)", st.Technique, st.Then, st.Level))
	}
	return fmt.Sprintf("%s, below %t", strings.Join(s, ", "), d.BelowWanted)
}

// A machine of practice is planned for as the captured one is: the same techniques for
// each drive, and the same in the way of the whole.
func TestCapturedPlans(t *testing.T) {
	policy := plan.Policy{Want: wipe.LevelClear}
	modelled, left := 0, 0
	for _, name := range captures(t) {
		r := replay(t, name)
		b, err := practice.New(t.Context(), t.TempDir(), []practice.Lesson{practice.Captured(r)})
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.World(0, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		got, err := w.Survey(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		want, have := plan.Make(r, policy), plan.Make(got, policy)
		for _, d := range want.Drives {
			i := slices.IndexFunc(have.Drives, func(h wipe.DrivePlan) bool {
				return h.Identity.Serial == d.Identity.Serial && h.Identity.Bus == d.Identity.Bus && h.Identity.Namespace == d.Identity.Namespace
			})
			if i < 0 {
				left++
				if !slices.ContainsFunc(got.Notes, func(n string) bool { return strings.HasPrefix(n, d.Path+" is not in this practice") }) {
					t.Errorf("%s: %s (%s, serial %q) is not there, and nothing says so", filepath.Base(name), d.Path, d.Identity.Model, d.Identity.Serial)
				}
				continue
			}
			modelled++
			if way(have.Drives[i]) != way(d) {
				t.Errorf("%s: %s (%s)\n practice: %s\n captured: %s", filepath.Base(name), d.Path, d.Identity.Model, way(have.Drives[i]), way(d))
			}
		}
		if len(want.Refusals) != len(have.Refusals) {
			t.Errorf("%s: in the way of the whole: %+v, captured: %+v", filepath.Base(name), have.Refusals, want.Refusals)
		}
	}
	t.Logf("%d drives are modelled, %d are left out", modelled, left)
	if modelled < 15 {
		t.Errorf("%d drives only", modelled)
	}
}

const captured = "../../../../testdata/captures/"

// A captured laptop goes the whole way: its drives are erased, what its former owner left
// in the firmware is taken away, and its papers are those of practice.
func TestCapturedVisit(t *testing.T) {
	t.Parallel()
	l := begin(t, []practice.Lesson{practice.Captured(replay(t, captured+"qemu-laptop.tar.gz"))}, 0)
	v := l.check()
	if len(v.Plan.Rows) != 2 || !strings.Contains(v.Machine, "Notebook 14") {
		t.Fatalf("%s: the plan is %+v", v.Machine, v.Plan)
	}
	for n := 1; n <= 2; n++ {
		path := fmt.Sprintf("/practice/drive%d", n)
		if n == 1 {
			path += "n1"
		}
		if zero(l.read(path, 1<<20)) {
			t.Errorf("%s was empty before", path)
		}
	}
	if h := v.Plan.Rows[0].Holds + "; " + v.Plan.Rows[1].Holds; !strings.Contains(h, "BitLocker") || !strings.Contains(h, "ext4") {
		t.Errorf("the drives hold %s", h)
	}
	v = l.result()
	// Its drives can't be purged, and nothing in the capture tells whether it hides more.
	for _, says := range []string{"sanitised, but below the level wanted", "TPM cleared", "whether more drives are hidden"} {
		if !strings.Contains(strings.Join(v.Result.Lines, " "), says) || v.Result.Pass {
			t.Errorf("the result is %+v", v.Result)
		}
	}
	r, err := l.w.Survey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	was := replay(t, captured+"qemu-laptop.tar.gz")
	for _, d := range r.Drives {
		if len(d.Holds) > 0 {
			t.Errorf("after its erasure %s holds %v", d.Path, d.Holds)
		}
	}
	taken := 0
	for i, res := range r.Residue {
		if len(was.Residue[i].Removable) > 0 {
			taken++
			if res.State != inspect.ResidueAbsent {
				t.Errorf("%s is %s after the visit", res.Item, res.State)
			}
		}
	}
	if taken != 1 {
		t.Errorf("%d items were taken away", taken)
	}
	for _, path := range []string{"/practice/drive1n1", "/practice/drive2"} {
		if !zero(l.read(path, 1<<20)) {
			t.Errorf("%s is not erased", path)
		}
	}
	l.papers()
	l.over()
}

// A frozen drive of a captured machine is freed by a sleep, as on a bench.
func TestCapturedFrozen(t *testing.T) {
	t.Parallel()
	r := replay(t, captured+"models.tar.gz")
	r.Unhandled = []inspect.Finding{}
	r.Drives = slices.DeleteFunc(r.Drives, func(d inspect.Drive) bool { return d.Path != "/dev/sdl" })
	if len(r.Drives) != 1 {
		t.Fatalf("%d drives", len(r.Drives))
	}
	l := begin(t, []practice.Lesson{practice.Captured(r)}, 0)
	v := l.check()
	if row := v.Plan.Rows[0]; row.Refused != "" || !strings.Contains(row.How, "ATA sanitise, block erase") {
		t.Errorf("the plan is %+v", v.Plan.Rows)
	}
	l.do(wire.Intent{Kind: wire.IntentPowerOff})
	<-l.end
}

// A capture comes from anybody: what its drives say is text, whatever is in it.
func TestCapturedHostile(t *testing.T) {
	const evil = "x\"\n[ata]\nserial = \"y\\ \x1b[2J\u202eπ\x00"
	id := drive.Identity{Model: evil + strings.Repeat("m", 90), Serial: evil + strings.Repeat("s", 90), Firmware: evil, WWN: "naa." + evil, Size: -1}
	sized := func(b drive.Bus, size int64) drive.Identity {
		i := id
		i.Bus, i.Size = b, size
		return i
	}
	for name, d := range map[string]inspect.Drive{
		"nvme":        {NVMe: &inspect.NVMe{SANICAP: inspect.Known(^uint32(0), ""), FNA: inspect.Known(^uint8(0), ""), Unattached: inspect.Known(1<<30, "")}, Identity: sized(drive.BusNVMe, 1<<62)},
		"ata":         {ATA: &inspect.ATA{Security: inspect.Known(^uint16(0), ""), Sanitize: inspect.Known(^uint16(0), ""), NativeMax: inspect.Known[int64](1<<62, ""), DCOMax: inspect.Known[int64](1<<62, ""), EraseTime: inspect.Known(time.Duration(1<<62), "")}, Identity: sized(drive.BusSATA, -1)},
		"scsi":        {SCSI: &inspect.SCSI{SanitizeBlock: inspect.Known(true, "")}, Identity: sized(drive.BusSCSI, 1<<62)},
		"mmc":         {MMC: &inspect.MMC{BootBytes: inspect.Known[int64](1<<62, ""), RPMBBytes: inspect.Known[int64](-5, "")}, Identity: sized(drive.BusMMC, 0)},
		"no identity": {ATA: &inspect.ATA{}, Identity: drive.Identity{Bus: drive.BusSATA}},
	} {
		b, err := practice.New(t.Context(), t.TempDir(), []practice.Lesson{practice.Captured(&inspect.Report{Drives: []inspect.Drive{d}})})
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.World(0, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, err := w.Survey(t.Context(), nil)
		if err != nil || len(r.Drives) != 1 || r.Drives[0].Identity.Bus != d.Identity.Bus || strings.ContainsAny(r.Drives[0].Identity.Model+r.Drives[0].Identity.Serial, "\x1b\n\x00") {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}
