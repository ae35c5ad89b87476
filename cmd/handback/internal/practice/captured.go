package practice

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"handback.example/cmd/handback/internal/bench"
	"handback.example/inspect"
	"handback.example/wipe"
	"handback.example/wipe/platform"
)

// Captured is a lesson on the machine of a capture: what is in it, what stands in the
// way, and models that offer what its drives offer.
func Captured(r *inspect.Report) Lesson {
	base := *r
	base.Machine.AssetTag = known(tagOf(0))
	base.Drives, base.Notes = nil, slices.Clone(r.Notes)
	units, left := unitsOf(r.Drives)
	for _, d := range left {
		base.Notes = append(base.Notes, fmt.Sprintf("%s is not in this practice: there is no model of %s", d.Path, unlike(d)))
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
		for i := range after {
			if after[i].Item == l.Item {
				after[i] = inspect.Residue{Item: l.Item, State: inspect.ResidueAbsent, Evidence: simulated}
			}
		}
	}
	c.report.Residue = after
	return bench.Cleared{Done: done, After: slices.Clone(after)}
}
