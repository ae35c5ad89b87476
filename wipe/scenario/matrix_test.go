package scenario

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"handback.example/image/vmtest"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

var update = flag.Bool("update", false, "write the matrix anew")

// matrixFile in the repository is what these tests found.
const matrixFile = "../MATRIX.md"

// medium is one kind of drive, small, with all that its kind may have.
type medium struct {
	name string
	text string
}

const head = "name = \"a drive\"\nsource = \"made up for the matrix\"\n"

const ataText = `
[ata]
serial = "M1"
model = "Matrix ATA"
firmware = "1"
native_sectors = 8192
rotation = %d
[ata.security]
supported = true
enhanced = true
erase_time = "2m"
enhanced_time = "2m"
[ata.sanitize]
crypto = true
block = %v
overwrite = true
crypto_time = "2s"
block_time = "3m"
overwrite_time = "30m"
[sat]
descriptor_sense = true
`

const nvmeText = `
[nvme]
serial = "M1"
model = "Matrix NVMe"
firmware = "1"
[nvme.format]
supported = true
crypto = true
erase_time = "20s"
crypto_time = "2s"
[nvme.sanitize]
crypto = true
block = true
overwrite = true
crypto_time = "2s"
block_time = "3m"
overwrite_time = "30m"
[[nvme.namespaces]]
id = 1
bytes = 4194304
attached = true
eui64 = "0102030405060708"
`

var media = []medium{
	{"SATA SSD", head + fmt.Sprintf(ataText, 1, true)},
	{"SATA disk", head + fmt.Sprintf(ataText, 7200, false)},
	{"NVMe", head + nvmeText},
	{"NVMe, a second namespace that nobody has", head + nvmeText + "[[nvme.namespaces]]\nid = 2\nbytes = 4194304\n"},
	{"SAS disk", head + `
[scsi]
vendor = "MATRIX"
product = "SAS"
serial = "M1"
wwn = 0x5000cca0251f3b60
blocks = 8192
rotation = 10000
[scsi.sanitize]
overwrite = true
block = true
crypto = true
overwrite_time = "30m"
block_time = "3m"
crypto_time = "2s"
[scsi.format]
supported = true
time = "30m"
`},
	{"eMMC", head + `
[mmc]
manufacturer = 0x15
product = "MATRIX"
serial = "0xc5f7a1b2"
sectors = 8192
boot_size = 131072
secure_erase = true
trim = true
sanitize = true
erase_time = "2s"
secure_erase_time = "40s"
sanitize_time = "30s"
`},
	{"USB case that passes through", head + "[usb]\nserial = \"CASE\"\npass_through = \"sat\"\n" + fmt.Sprintf(ataText, 1, true)},
	{"USB case that refuses", head + "[usb]\nserial = \"CASE\"\npass_through = \"none\"\n" + fmt.Sprintf(ataText, 7200, true)},
}

// fault is one thing that goes wrong, as a profile says it.
type fault struct{ name, text string }

func one1(when, do string) string { return "[[fault]]\n" + when + "\n" + do + "\n" }

// Faults of erasures that the drive runs, and of overwrites. The extent that is kept
// lies in the middle of the drive.
var (
	firmwareFaults = []fault{
		{"none", ""},
		{"refuses", one1("erases = true", "abort = true")},
		{"never answers", one1("erases = true", "hang = true")},
		{"takes long to answer", one1("erases = true", "delay = \"8s\"")},
		{"is pulled out", one1("erases = true", "unplug = true")},
		{"comes back as another", one1("erases = true", "become = \"OTHER\"")},
		{"comes back smaller", one1("erases = true", "shrink = 4096")},
		{"says done, did nothing", one1("erases = true", "pretend = true")},
		{"takes its time, erases nothing", one1("erases = true", "keep_all = true")},
		{"leaves a megabyte", one1("erases = true", "keep = [{ off = 1572864, len = 1048576 }]")},
		{"stays at a third for ever", one1("erases = true", "stick_at = 0.33")},
		{"fails half-way", one1("erases = true", "fail_at = 0.5")},
		{"loses all sense data", one1("", "sense = \"missing\"")},
		{"fixed sense data", one1("", "sense = \"fixed\"")},
		{"can't be read in the middle", one1("reads = true\nlba = 4000\nblocks = 8", "medium = true")},
		{"can't be written in the middle", one1("writes = true\nlba = 4000\nblocks = 8", "medium = true")},
	}
	overwriteFaults = []fault{
		{"none", ""},
		{"refuses", one1("writes = true", "abort = true")},
		{"never answers", one1("writes = true\nnth = 3", "hang = true")},
		{"takes long to answer", one1("writes = true", "delay = \"8s\"")},
		{"is pulled out", one1("writes = true\nnth = 3", "unplug = true")},
		{"comes back as another", one1("writes = true\nnth = 3", "become = \"OTHER\"")},
		{"comes back smaller", one1("writes = true\nnth = 3", "shrink = 4096")},
		{"says done, did nothing", one1("writes = true", "pretend = true")},
		{"drops one write", one1("writes = true\nnth = 4\ntimes = 1", "pretend = true")},
		{"loses all sense data", one1("", "sense = \"missing\"")},
		{"can't be read in the middle", one1("reads = true\nlba = 4000\nblocks = 8", "medium = true")},
		{"can't be written in the middle", one1("writes = true\nlba = 4000\nblocks = 8", "medium = true")},
	}
)

// techniques in the order of the matrix.
var techniques = []wipe.TechniqueID{
	wipe.OverwriteZero, wipe.OverwriteOne, wipe.OverwriteRandom, wipe.OverwriteIS5Baseline, wipe.OverwriteIS5Enhanced, wipe.OverwriteRandom3,
	wipe.ATASanitizeBlock, wipe.ATASanitizeCrypto, wipe.ATASanitizeOverwrite, wipe.ATASecurityErase, wipe.ATASecurityEraseEnhanced,
	wipe.NVMeSanitizeBlock, wipe.NVMeSanitizeCrypto, wipe.NVMeSanitizeOverwrite, wipe.NVMeFormatUserData, wipe.NVMeFormatCrypto,
	wipe.SCSISanitizeBlock, wipe.SCSISanitizeCrypto, wipe.SCSISanitizeOverwrite, wipe.SCSIFormatUnit,
	wipe.MMCSanitize, wipe.MMCSecureErase,
}

// legacy profiles and ones that differ in a byte only are tried without faults.
var plainOnly = []wipe.TechniqueID{wipe.OverwriteOne, wipe.OverwriteIS5Baseline, wipe.OverwriteIS5Enhanced, wipe.OverwriteRandom3}

func overwrites(t wipe.TechniqueID) bool { return strings.HasPrefix(string(t), "overwrite-") }

// cell of the matrix.
type cell struct{ medium, technique, fault string }

// TestMatrix runs every technique that a medium offers against every fault, and
// compares what came of it with the matrix in the repository.
func TestMatrix(t *testing.T) {
	var mu sync.Mutex
	found := map[cell]string{}
	t.Run("cells", func(t *testing.T) {
		for _, m := range media {
			for _, technique := range techniques {
				faults := firmwareFaults
				switch {
				case slices.Contains(plainOnly, technique):
					faults = overwriteFaults[:1]
				case overwrites(technique):
					faults = overwriteFaults
				}
				if !offers(t, m, technique) {
					continue
				}
				for _, f := range faults {
					t.Run(fmt.Sprintf("%s/%s/%s", m.name, technique, f.name), func(t *testing.T) {
						t.Parallel()
						v := runCell(t, m, technique, f)
						mu.Lock()
						defer mu.Unlock()
						found[cell{m.name, string(technique), f.name}] = v
					})
				}
			}
		}
	})
	vmtest.Figure(t, "%d scenarios in process, each judged by what is left on its medium", len(found))
	if len(found) < 150 {
		t.Errorf("%d scenarios, want 150 at least", len(found))
	}
	compare(t, render(found))
}

// offers: the plan has the technique for this medium.
func offers(t *testing.T, m medium, technique wipe.TechniqueID) bool {
	t.Helper()
	w := newWorld(t)
	w.add("medium.toml", m.text)
	p := plan.Make(w.survey(), plan.Policy{Want: wipe.LevelClear, Technique: technique})
	if len(p.Drives) == 0 {
		t.Fatalf("%s: no drive", m.name)
	}
	if r := p.Drives[0].Refusal; r != nil && r.Code != "technique" {
		t.Fatalf("%s is refused: %s", m.name, r.Reason)
	}
	return len(p.Drives[0].Ladder) > 0
}

// runCell erases one drive and gives the verdict in words. Where something is left
// that the technique does not claim to reach (another namespace, a boot area), the
// words say so.
func runCell(t *testing.T, m medium, technique wipe.TechniqueID, f fault) string {
	w := newWorld(t)
	text := m.text
	if f.text != "" {
		text += f.text
	}
	d := w.add("medium.toml", text)
	p := plan.Make(w.survey(), plan.Policy{Want: wipe.LevelClear, Technique: technique})
	if len(p.Drives[0].Ladder) == 0 {
		return "refused by the plan: " + p.Drives[0].Refusal.Code
	}
	o := w.run(p)[0]
	aside := beside(t, d)
	target := left(t, d) - aside
	if d.MMC != nil && o.Level == wipe.LevelClear {
		// What an eMMC has unmapped stands in its flash and is given to no host: Clear
		// asks that no host gets it, and Linux hides that a sanitize broke off.
		seen := w.visible(0)
		aside, target = aside+target-seen, seen
	}
	if o.Verdict == wipe.Sanitised && target > 0 {
		t.Fatalf("called sanitised at level %s by %s, and %d bytes are left: %s", levelWord(o.Level), o.Evidence, target, o.What)
	}
	if o.Verdict == wipe.Sanitised && aside > 0 && o.NotShown == "" {
		t.Fatalf("%d bytes are left beside the drive, and nothing is said of them", aside)
	}
	if o.Verdict != wipe.Sanitised && o.Do == "" {
		t.Errorf("%s, and nothing to do about it: %s", o.Verdict, o.What)
	}
	v := string(o.Verdict)
	if o.Verdict == wipe.Sanitised {
		v += " (" + levelWord(o.Level) + ", " + string(o.Evidence) + ")"
	}
	if o.Code != "" {
		v += ": " + o.Code
	}
	return v
}

func levelWord(l wipe.Level) string {
	b, err := l.MarshalText()
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// render writes the matrix: a table for each medium, a column for each technique.
func render(found map[cell]string) string {
	var out strings.Builder
	out.WriteString("# What comes of a technique on a medium when something goes wrong\n\n" +
		"Made by the tests in wipe/scenario (`go test ./wipe/scenario -run TestMatrix -update`); each cell is a run on a\n" +
		"model, judged by what is left on its medium. No cell says 'sanitised' where data is left in what the technique\n" +
		"claims to reach.\n")
	for _, m := range media {
		fmt.Fprintf(&out, "\n## %s\n\n| technique | the drive … | verdict |\n|---|---|---|\n", m.name)
		for _, technique := range techniques {
			for _, f := range faultOrder() {
				if v, ok := found[cell{m.name, string(technique), f}]; ok {
					fmt.Fprintf(&out, "| %s | %s | %s |\n", technique, f, v)
				}
			}
		}
	}
	return out.String()
}

func faultOrder() []string {
	var names []string
	for _, f := range slices.Concat(firmwareFaults, overwriteFaults) {
		if !slices.Contains(names, f.name) {
			names = append(names, f.name)
		}
	}
	return names
}

// compare what was found with what the repository says.
func compare(t *testing.T, got string) {
	t.Helper()
	if t.Failed() {
		return // a cell that failed has no verdict
	}
	if *update {
		if err := os.WriteFile(matrixFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(matrixFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) == got {
		return
	}
	was, is := cellsOf(string(want)), cellsOf(got)
	for _, c := range slices.Sorted(maps.Keys(is)) {
		if was[c] != is[c] {
			t.Errorf("%s: %q, and the matrix says %q", c, is[c], was[c])
		}
		delete(was, c)
	}
	for _, c := range slices.Sorted(maps.Keys(was)) {
		t.Errorf("%s: not found, and the matrix says %q", c, was[c])
	}
	t.Log("look at what changed, and write the matrix anew by: go test ./wipe/scenario -run TestMatrix -update")
}

// cellsOf a matrix: medium, technique and fault, and the verdict.
func cellsOf(text string) map[string]string {
	cells, medium := map[string]string{}, ""
	for l := range strings.SplitSeq(text, "\n") {
		if m, ok := strings.CutPrefix(l, "## "); ok {
			medium = m
		}
		if f := strings.Split(l, "|"); len(f) == 5 {
			cells[medium+" /"+f[1]+"/"+f[2]] = strings.TrimSpace(f[3])
		}
	}
	return cells
}
