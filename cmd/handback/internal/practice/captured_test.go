package practice_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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

func notModelled(r *inspect.Report, path string) bool {
	return slices.ContainsFunc(r.Unhandled, func(f inspect.Finding) bool {
		return f.Code == "not-modelled" && strings.HasPrefix(f.What, path+" ")
	})
}

// A machine of practice is planned for as the captured one is: the same techniques for
// each drive, and the same in the way of the whole.
func TestCapturedPlans(t *testing.T) {
	policy := plan.Policy{Want: wipe.LevelClear}
	modelled, left := 0, 0
	for _, name := range captures(t) {
		r := replay(t, name)
		b, err := practice.New(t.Context(), t.TempDir(), []practice.Lesson{practice.Captured(t.Context(), r)})
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
		want, have, out := plan.Make(r, policy), plan.Make(got, policy), 0
		for _, d := range want.Drives {
			i := slices.IndexFunc(have.Drives, func(h wipe.DrivePlan) bool {
				return h.Identity.Serial == d.Identity.Serial && h.Identity.Bus == d.Identity.Bus && h.Identity.Namespace == d.Identity.Namespace
			})
			if i < 0 {
				left, out = left+1, out+1
				if !notModelled(got, d.Path) {
					t.Errorf("%s: %s (%s, serial %q) is not there, and nothing says so", filepath.Base(name), d.Path, d.Identity.Model, d.Identity.Serial)
				}
				continue
			}
			modelled++
			if way(have.Drives[i]) != way(d) {
				t.Errorf("%s: %s (%s)\n practice: %s\n captured: %s", filepath.Base(name), d.Path, d.Identity.Model, way(have.Drives[i]), way(d))
			}
		}
		if len(want.Refusals)+out != len(have.Refusals) {
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
	l := begin(t, []practice.Lesson{practice.Captured(t.Context(), replay(t, captured+"qemu-laptop.tar.gz"))}, 0)
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
	l := begin(t, []practice.Lesson{practice.Captured(t.Context(), r)}, 0)
	v := l.check()
	if row := v.Plan.Rows[0]; row.Refused != "" || !strings.Contains(row.How, "ATA sanitise, block erase") {
		t.Errorf("the plan is %+v", v.Plan.Rows)
	}
	l.do(wire.Intent{Kind: wire.IntentPowerOff})
	<-l.end
}

// drives as a survey may find them, each changed by f.
func sataDrive(f func(*inspect.Drive)) inspect.Drive {
	d := inspect.Drive{Path: "/dev/sda", ATA: &inspect.ATA{Security: inspect.Known(uint16(0x21), ""), Sanitize: inspect.Known(uint16(0xb000), ""),
		SanitizeState: inspect.Known(inspect.SanitizeIdle, ""), NativeMax: inspect.Known[int64](8<<30, "")}}
	return changed(d, drive.BusSATA, f)
}

func scsiDrive(f func(*inspect.Drive)) inspect.Drive {
	d := inspect.Drive{Path: "/dev/sdb", SCSI: &inspect.SCSI{SanitizeBlock: inspect.Known(true, ""), FormatUnit: inspect.Known(true, ""),
		SanitizeState: inspect.Known(inspect.SanitizeIdle, ""), MaxBytes: inspect.Known[int64](8<<30, "")}}
	return changed(d, drive.BusSCSI, f)
}

func nvmeDrive(f func(*inspect.Drive)) inspect.Drive {
	d := inspect.Drive{Path: "/dev/nvme0n1", NVMe: &inspect.NVMe{Controller: "/dev/nvme0", Format: inspect.Known(true, ""), FNA: inspect.Known(uint8(4), ""),
		SANICAP: inspect.Known(uint32(3), ""), SanitizeState: inspect.Known(inspect.SanitizeIdle, ""), LBAFormat: inspect.Known(uint8(0), ""),
		MetadataBytes: inspect.Known(0, ""), Namespaces: inspect.Known(1, ""), Unattached: inspect.Known(0, "")}}
	d.Identity.Namespace = 1
	return changed(d, drive.BusNVMe, f)
}

func changed(d inspect.Drive, b drive.Bus, f func(*inspect.Drive)) inspect.Drive {
	n := d.Identity.Namespace
	d.Identity = drive.Identity{Bus: b, Model: "MAKER Disk", Serial: "SER1", Firmware: "1", Size: 8 << 30, Namespace: n}
	d.Geometry = drive.Geometry{Size: 8 << 30, LogicalBlock: 512, PhysicalBlock: 512}
	f(&d)
	return d
}

const evil = "x\"\n[ata]\nserial = \"y\\ \x1b[2J\u202eπ\x00"

// A drive is in the practice as it is, or is named as one that is not: practice shows no
// stronger way than the bench would go. One drive that no model is like takes no other away.
func TestCapturedLikeness(t *testing.T) {
	policy := plan.Policy{Want: wipe.LevelPurge, Fallback: plan.FallbackAsk, Platform: true}
	unknown := inspect.Fact[string]{}
	for name, c := range map[string]struct {
		drive inspect.Drive
		in    bool
	}{
		"SATA":               {sataDrive(func(*inspect.Drive) {}), true},
		"SCSI":               {scsiDrive(func(*inspect.Drive) {}), true},
		"NVMe":               {nvmeDrive(func(*inspect.Drive) {}), true},
		"SATA locked":        {sataDrive(func(d *inspect.Drive) { d.ATA.Security.Value = 0x27 }), true},
		"was in use":         {sataDrive(func(d *inspect.Drive) { d.InUse, d.Boot = []string{"/ is mounted from it"}, true }), true},
		"password, open":     {sataDrive(func(d *inspect.Drive) { d.ATA.Security.Value = 0x23 }), false},
		"state unknown":      {sataDrive(func(d *inspect.Drive) { d.ATA.SanitizeState = unknown }), false},
		"SCSI state unknown": {scsiDrive(func(d *inspect.Drive) { d.SCSI.SanitizeState = unknown }), false},
		"NVMe state unknown": {nvmeDrive(func(d *inspect.Drive) { d.NVMe.SanitizeState = unknown }), false},
		"zoned":              {sataDrive(func(d *inspect.Drive) { d.Zoned = inspect.Known("host-managed", "") }), false},
		"special":            {nvmeDrive(func(d *inspect.Drive) { d.Special = "unknown" }), false},
		"SCSI hides":         {scsiDrive(func(d *inspect.Drive) { d.SCSI.MaxBytes.Value = 9 << 30 }), false},
		"metadata":           {nvmeDrive(func(d *inspect.Drive) { d.NVMe.MetadataBytes.Value = 8 }), false},
		"blocks of 520":      {scsiDrive(func(d *inspect.Drive) { d.Geometry.LogicalBlock = 520 }), false},
		"blocks of 2^40":     {nvmeDrive(func(d *inspect.Drive) { d.Geometry.LogicalBlock = 1 << 40 }), false},
		"namespace 2^32-1":   {nvmeDrive(func(d *inspect.Drive) { d.Identity.Namespace = ^uint32(0) }), false},
		"no serial":          {nvmeDrive(func(d *inspect.Drive) { d.Identity.Serial = "" }), false},
		"WWN of garbage":     {sataDrive(func(d *inspect.Drive) { d.Identity.WWN = "naa.ffffffffffffffff" }), false},
		"no size":            {sataDrive(func(d *inspect.Drive) { d.Identity.Size, d.Geometry.Size = -1, 0 }), false},
		"all bits":           {sataDrive(func(d *inspect.Drive) { d.ATA.Security.Value, d.ATA.Sanitize.Value = 0xffff, 0xffff }), false},
		"did not answer":     {inspect.Drive{Path: "/dev/sda", Identity: drive.Identity{Bus: drive.BusSATA}}, false},
		"USB":                {changed(inspect.Drive{Path: "/dev/sdc"}, drive.BusUSB, func(*inspect.Drive) {}), false},
		"hostile text":       {sataDrive(func(d *inspect.Drive) { d.Identity.Model, d.Identity.Firmware = evil, evil }), true},
	} {
		good := nvmeDrive(func(d *inspect.Drive) {
			d.Path, d.NVMe.Controller, d.Identity.Serial = "/dev/nvme9n1", "/dev/nvme9", "GOOD"
		})
		r := &inspect.Report{Drives: []inspect.Drive{c.drive, good}, Unhandled: []inspect.Finding{}}
		b, err := practice.New(t.Context(), t.TempDir(), []practice.Lesson{practice.Captured(t.Context(), r)})
		if err != nil {
			t.Fatal(err)
		}
		w, err := b.World(0, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := w.Survey(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if in := len(got.Drives) == 2; in != c.in || in == notModelled(got, c.drive.Path) || len(got.Drives) < 1 || got.Drives[len(got.Drives)-1].Identity.Serial != "GOOD" {
			t.Errorf("%s: in practice %t, want %t; findings %+v", name, in, c.in, got.Unhandled)
			continue
		}
		if free := *r; c.in {
			free.Drives[0].InUse, free.Drives[0].Boot = nil, false
			want, have := plan.Make(&free, policy), plan.Make(got, policy)
			if way(want.Drives[0]) != way(have.Drives[0]) {
				t.Errorf("%s: practice %s, captured %s", name, way(have.Drives[0]), way(want.Drives[0]))
			}
			if id := got.Drives[0].Identity; strings.ContainsAny(id.Model+id.Serial+id.Firmware, "\x1b\n\x00") {
				t.Errorf("%s: %+v", name, id)
			}
		}
	}
}

// Practice takes no more memory than one drive's worth, however many are overwritten.
func TestCapturedSizes(t *testing.T) {
	r := &inspect.Report{Unhandled: []inspect.Finding{}}
	for i := range 24 {
		r.Drives = append(r.Drives, scsiDrive(func(d *inspect.Drive) {
			d.Path, d.Identity.Serial = fmt.Sprintf("/dev/sd%c", 'a'+i), fmt.Sprintf("SER%d", i)
			d.SCSI.SanitizeBlock.Value, d.SCSI.FormatUnit.Value = false, false
		}))
	}
	b, err := practice.New(t.Context(), t.TempDir(), []practice.Lesson{practice.Captured(t.Context(), r)})
	if err != nil {
		t.Fatal(err)
	}
	w, err := b.World(0, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got, err := w.Survey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for _, d := range got.Drives {
		sum += d.Identity.Size
	}
	if len(got.Drives) != 24 || sum > 512<<20 {
		t.Errorf("%d drives of %d bytes together", len(got.Drives), sum)
	}
}
