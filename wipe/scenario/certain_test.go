package scenario

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"handback.example/image/vmtest"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// lies of each technique that must be found, in so many shares side by side.
const lies, shares = 100, 5

// TestCertainty holds every firmware technique to what the record claims: where a
// drive leaves a stretch as long as the record is certain of, it is found, 100 of 100.
func TestCertainty(t *testing.T) {
	var caught atomic.Int64
	t.Run("techniques", func(t *testing.T) {
		for _, m := range media {
			if m.name == "NVMe, a second namespace that nobody has" || strings.HasPrefix(m.name, "USB") || m.name == "SATA disk" {
				continue // the same commands once more
			}
			for _, technique := range techniques {
				if overwrites(technique) || !offers(t, m, technique) {
					continue
				}
				for share := range shares {
					t.Run(fmt.Sprintf("%s/%s/%d", m.name, technique, share), func(t *testing.T) {
						t.Parallel()
						catch(t, sized(m, 1<<20), technique, lies/shares-1, &caught)
						// A drive of which a sample is read; that costs more.
						catch(t, sized(m, 9<<20), technique, 1, &caught)
					})
				}
			}
		}
	})
	vmtest.Figure(t, "%d lies of 16 firmware techniques were found, 100 of 100 each: a stretch is left that is as long as the record is certain of", caught.Load())
	if caught.Load() != 16*lies {
		t.Errorf("%d lies were found, want %d of each of 16 techniques", caught.Load(), lies)
	}
}

func catch(t *testing.T, m medium, technique wipe.TechniqueID, lies int, caught *atomic.Int64) {
	o := lie(t, m, technique, "")
	extent, size := o.Verification.Extent, o.Drive.Geometry.Size
	if o.Verdict != wipe.Sanitised || extent < 512 || extent > size/8 {
		t.Fatalf("%s, certain of %d bytes of %d: %s", o.Verdict, extent, size, o.What)
	}
	for n, tries := 0, 0; n < lies; tries++ {
		at := rand.Int64N((size-extent)/512+1) * 512
		o := lie(t, m, technique, one1("erases = true", fmt.Sprintf("keep = [{ off = %d, len = %d }]", at, extent)))
		// Places are drawn anew for each erasure, and what is certain with them.
		if o.Verdict == wipe.Sanitised && o.Verification.Extent > extent && tries < 2*lies {
			extent = o.Verification.Extent
			continue
		}
		if o.Verdict != wipe.Failed || o.Code != "survivors" {
			t.Fatalf("%d bytes from %d on are left, and it is called %s, certain of %d: %s", extent, at, o.Verdict, o.Verification.Extent, o.What)
		}
		n++
		caught.Add(1)
	}
}

// sized is a medium with another size, that is quick to erase itself.
func sized(m medium, bytes int64) medium {
	m.text = strings.NewReplacer("native_sectors = 8192", fmt.Sprintf("native_sectors = %d", bytes/512), "bytes = 4194304", fmt.Sprintf("bytes = %d", bytes),
		"blocks = 8192", fmt.Sprintf("blocks = %d", bytes/512), "sectors = 8192", fmt.Sprintf("sectors = %d", bytes/512),
		`"30m"`, `"20s"`, `"3m"`, `"20s"`, `"40s"`, `"2s"`, `"30s"`, `"2s"`).Replace(m.text)
	return m
}

// lie erases a drive that is full of private data once, with a fault of its erasure,
// in a world that is gone after it.
func lie(t *testing.T, m medium, technique wipe.TechniqueID, fault string) (o wipe.Outcome) {
	t.Helper()
	t.Run("lie", func(t *testing.T) {
		w := newWorld(t)
		w.add("medium.toml", m.text+fault)
		o = w.run(plan.Make(w.survey(), plan.Policy{Want: wipe.LevelClear, Technique: technique}))[0]
	})
	return o
}
