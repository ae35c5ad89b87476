package practice

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"handback.example/cmd/handback/internal/bench"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/platform"
)

// Captured is a lesson on the machine of a capture: what is in it, what stands in the
// way, and models of its drives. A drive without a model stands in the way, too.
func Captured(ctx context.Context, r *inspect.Report) Lesson {
	base := *r
	base.Machine.AssetTag, base.Mains = known(tagOf(0)), known(true)
	base.Drives, base.Notes = nil, nil // that it is a capture is no thing done to the machine
	for _, d := range r.Drives {
		if d.Boot && (d.Identity.Bus == drive.BusUSB || d.Identity.Bus == drive.BusSD) {
			continue // what the capture was made from
		}
		d.Boot, d.InUse = false, nil // practice starts from none of them
		base.Drives = append(base.Drives, d)
	}
	units, left := modelled(ctx, &base)
	base.Drives, base.Unhandled = nil, slices.Clone(r.Unhandled)
	if base.Unhandled == nil && len(left) > 0 {
		base.Unhandled = []inspect.Finding{{Code: "not-looked", What: "the capture does not tell whether more drives are hidden in the machine",
			Do: "on a bench, look at the machine again"}}
	}
	for _, d := range left {
		base.Unhandled = append(base.Unhandled, inspect.Finding{Code: "not-modelled",
			What: fmt.Sprintf("%s (%s) is not in this practice: no model is like it", d.Path, cmp.Or(d.Identity.Model, "no name")),
			Do:   "on a bench, do what the screen says of that drive"})
	}
	return Lesson{drives: units, base: &captured{report: &base}}
}

// captured is the machine itself, from which a visit removes things.
type captured struct {
	mu     sync.Mutex
	report *inspect.Report
}

// look gives what the machine is now, for a visit to write into.
func (c *captured) look() *inspect.Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := *c.report
	r.Taken = time.Now()
	r.Notes, r.Missing, r.Residue = slices.Clone(r.Notes), slices.Clone(r.Missing), slices.Clone(r.Residue)
	r.Unhandled = slices.Clone(r.Unhandled)
	return &r
}

// clear removes from a firmware that is not there.
func (c *captured) clear(_ context.Context, list []wipe.Removal) bench.Cleared {
	c.mu.Lock()
	defer c.mu.Unlock()
	var done []platform.Removed
	after := slices.Clone(c.report.Residue)
	for _, l := range list {
		done = append(done, platform.Removed{Removal: l, Gone: true})
		for i, r := range after {
			if r.Item != l.Item {
				continue
			}
			r.Removable = slices.DeleteFunc(slices.Clone(r.Removable), func(o inspect.Leftover) bool { return o == l.Leftover })
			if len(r.Removable) == 0 {
				r.State, r.Evidence = inspect.ResidueAbsent, simulated
			}
			after[i] = r
		}
	}
	c.report.Residue = after
	return bench.Cleared{Done: done, After: slices.Clone(after)}
}
