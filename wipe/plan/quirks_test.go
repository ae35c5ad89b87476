package plan

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
)

// The table: sorted, each id once, each with its source; none takes away a way that
// every drive has.
func TestQuirkTable(t *testing.T) {
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	for i, q := range quirks {
		switch {
		case !id.MatchString(q.id):
			t.Errorf("id %q", q.id)
		case i > 0 && quirks[i-1].id >= q.id:
			t.Errorf("%s does not come after %s", q.id, quirks[i-1].id)
		case q.model == "" || q.warn == "" || q.source == "":
			t.Errorf("%+v", q)
		}
		for _, s := range slices.Concat(q.remove, q.clear) {
			if strings.HasPrefix(string(s), "overwrite-") {
				t.Errorf("%s takes %s", q.id, s)
			}
		}
	}
	if len(quirks) == 0 {
		t.Error("the table is empty")
	}
}

func TestQuirksLower(t *testing.T) {
	evo := sata(drive.MediaSSD)
	evo.Identity.Model = "Samsung SSD 840 EVO 250GB"
	dp := one(evo, wantPurge)
	if strings.Contains(techniques(dp), "crypto") || dp.Ladder[0].Technique != wipe.ATASanitizeBlock {
		t.Errorf("ladder %s", techniques(dp))
	}
	if w := strings.Join(dp.Warnings, "\n"); !strings.Contains(w, "[key-samsung-840-evo]") {
		t.Errorf("warnings %q", w)
	}
	evo.ATA.Sanitize.Value = 0x3000 // crypto alone
	if dp = one(evo, wantPurge); !dp.BelowWanted || strings.Contains(techniques(dp), "sanitize") {
		t.Errorf("ladder %s", techniques(dp))
	}
	// A revert is followed by what is left.
	if dp = one(opal(evo, true), wantPurge); dp.Ladder[0].Then == wipe.ATASanitizeCrypto {
		t.Errorf("%+v", dp.Ladder[0])
	}
	intel := nvmeFull("A1")
	intel.Identity.Model = "INTEL SSDPEKNW512G8"
	if w := strings.Join(one(intel, wantPurge).Warnings, "\n"); !strings.Contains(w, "[stuck-intel-660p]") {
		t.Errorf("warnings %q", w)
	}
	card := emmc()
	card.Identity.Model = "VYL00M"
	if dp = one(card, wantPurge); strings.Contains(techniques(dp), "mmc-secure-erase") || !strings.Contains(techniques(dp), "mmc-sanitize") {
		t.Errorf("ladder %s", techniques(dp))
	}
	card.Identity.Model = "VYL00MX"
	if dp = one(card, wantPurge); !strings.Contains(techniques(dp), "mmc-secure-erase") {
		t.Errorf("another card: %s", techniques(dp))
	}
}

func TestQuirkFits(t *testing.T) {
	d := func(model, firmware string) inspect.Drive {
		return inspect.Drive{Identity: drive.Identity{Model: model, Firmware: firmware}}
	}
	q := quirk{model: "OCZ-VERTEX", exact: true, firmware: "1.30"}
	for _, c := range []struct {
		model, firmware string
		fits            bool
	}{{"OCZ-VERTEX", "1.30", true}, {"ATA OCZ-VERTEX", "1.30 ", true}, {"OCZ-VERTEX2", "1.30", false}, {"OCZ-VERTEX", "1.31", false}, {"", "", false}} {
		if q.fits(d(c.model, c.firmware)) != c.fits {
			t.Errorf("%q %q", c.model, c.firmware)
		}
	}
}

// A claim that is lowered says by whom.
func TestQuirkCap(t *testing.T) {
	steps := one(sata(drive.MediaSSD), wantPurge).Ladder
	low := lower(steps, []quirk{{clear: []wipe.TechniqueID{wipe.ATASanitizeBlock, wipe.OverwriteZero}, source: "somebody"}})
	if len(low) != len(steps) || low[0].Level != wipe.LevelClear || !strings.Contains(low[0].Standard, "somebody") || low[1].Level != wipe.LevelPurge {
		t.Errorf("%+v", low[0])
	}
	if steps[0].Level != wipe.LevelPurge {
		t.Error("the steps that were given have changed")
	}
}
