package practice

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/wipe"
	"handback.example/wipe/plan"
)

// Practice drives are no larger than this: one that is sampled, and all together that
// are written and read whole, for what is written to a model stays in memory.
const (
	mostSampled  = 256 << 30
	mostWritten  = 512 << 20
	leastWritten = 4 << 20
)

// policy of the practice bench.
var policy = plan.Policy{Want: wipe.LevelPurge, Fallback: plan.FallbackAsk, Platform: true}

// modelled gives models for a machine's drives, and the drives without one: none can be
// made, or it would be erased in another way than the drive.
func modelled(ctx context.Context, r *inspect.Report) (units []unit, left []inspect.Drive) {
	drives := slices.Clone(r.Drives)
	for {
		m := *r
		m.Drives = drives
		want := plan.Make(&m, policy)
		units = unitsOf(drives, want)
		unlike := unlikely(ctx, m, units, want)
		if len(unlike) == 0 {
			return units, left
		}
		drives = slices.DeleteFunc(drives, func(d inspect.Drive) bool {
			is := slices.Contains(unlike, d.Path)
			if is {
				left = append(left, d)
			}
			return is
		})
	}
}

// unlikely names the drives whose models are not like them, in what is asked and planned.
func unlikely(ctx context.Context, m inspect.Report, units []unit, want wipe.Plan) (paths []string) {
	var fit []unit
	for _, u := range units {
		if _, err := (Lesson{drives: []unit{u}}).plug(inproc.NewHost(nil)); err == nil {
			fit = append(fit, u)
		} else {
			paths = append(paths, pathsOf(u)...)
		}
	}
	host := inproc.NewHost(nil)
	in, err := Lesson{drives: fit}.plug(host)
	if err != nil { // what each could be alone, they can't be together
		for _, u := range fit {
			paths = append(paths, pathsOf(u)...)
		}
		return paths
	}
	m.Drives = in.ask(ctx, host)
	have := plan.Make(&m, policy)
	for i, at := range in.places {
		if at.was != nil && way(want, at.was.Path) != way(have, in.paths[i]) {
			paths = append(paths, at.was.Path)
		}
	}
	return paths
}

func pathsOf(u unit) (paths []string) {
	for _, d := range u.was {
		paths = append(paths, d.Path)
	}
	return paths
}

// way that a plan goes with a drive: its techniques, or why there are none.
func way(p wipe.Plan, path string) string {
	i := slices.IndexFunc(p.Drives, func(d wipe.DrivePlan) bool { return d.Path == path })
	switch {
	case i < 0:
		return "not in the plan"
	case p.Drives[i].Refusal != nil:
		return "refused: " + p.Drives[i].Refusal.Code
	}
	s := fmt.Sprintf("below %t", p.Drives[i].BelowWanted)
	for _, st := range p.Drives[i].Ladder {
		s += fmt.Sprintf(", %s %s %d", st.Technique, st.Then, st.Level)
	}
	return s
}

// unitsOf drives that speak as a model can, those of one NVMe controller together.
func unitsOf(drives []inspect.Drive, p wipe.Plan) (units []unit) {
	groups := groupsOf(drives)
	written := 0
	for _, g := range groups {
		if !sampled(p, g[0]) {
			written++
		}
	}
	for _, g := range groups {
		d, most := g[0], int64(mostSampled)
		if !sampled(p, d) {
			most = max(mostWritten/int64(written*len(g)), leastWritten)
		}
		u := unit{text: head(d), where: d.Where, was: g}
		switch {
		case d.Identity.Bus == drive.BusNVMe && d.NVMe != nil:
			u.text += nvmeProfile(g, most)
		case d.Identity.Bus == drive.BusSATA && d.ATA != nil:
			u.text += ataProfile(d, most)
		case d.Identity.Bus == drive.BusSCSI && d.SCSI != nil:
			u.text += scsiProfile(d, most)
		case d.Identity.Bus == drive.BusMMC && d.MMC != nil:
			u.text += mmcProfile(d, most)
		default:
			u.text += "a drive that no model is like" // and no profile
		}
		units = append(units, u)
	}
	return units
}

// groupsOf drives: namespaces of one NVMe controller, by their numbers, and each other
// drive alone.
func groupsOf(drives []inspect.Drive) (groups [][]inspect.Drive) {
	of := map[string]int{}
	for _, d := range drives {
		if d.NVMe == nil || d.NVMe.Controller == "" {
			groups = append(groups, []inspect.Drive{d})
			continue
		}
		i, known := of[d.NVMe.Controller]
		if !known {
			i = len(groups)
			of[d.NVMe.Controller] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	for _, g := range groups {
		slices.SortStableFunc(g, func(a, b inspect.Drive) int { return cmp.Compare(a.Identity.Namespace, b.Identity.Namespace) })
	}
	return groups
}

// sampled: the drive erases itself, and nothing is written to all of it.
func sampled(p wipe.Plan, d inspect.Drive) bool {
	i := slices.IndexFunc(p.Drives, func(x wipe.DrivePlan) bool { return x.Path == d.Path })
	return i >= 0 && len(p.Drives[i].Ladder) > 0 && !strings.HasPrefix(string(p.Drives[i].Ladder[0].Technique), "overwrite")
}
