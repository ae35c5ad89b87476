package grade

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"handback.example/grade/policy"
	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// kind of the machine, ” where it is not known.
func kind(r *inspect.Report) string {
	if r == nil || !r.Machine.Kind.Known {
		return ""
	}
	return r.Machine.Kind.Value
}

// mayHaveBattery is false only for machines that are known to be made without.
func mayHaveBattery(kind string) bool {
	return !slices.Contains([]string{"desktop", "all-in-one", "mini-pc", "server", "stick-pc", "virtual"}, kind)
}

// batteryCriterion: full charge against design, and cycles. A worn pack can be
// replaced, so it never closes Remanufacture. The worst of several packs counts.
func batteryCriterion(r *inspect.Report, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "battery", Value: "unknown"}, remanufacture: pass,
		need: "replace the battery", find: "read the battery's health and cycles in the firmware setup"}
	if !mayHaveBattery(kind(r)) {
		c.Value, c.Known, c.redeploy, c.donate = "not needed: "+kind(r), true, pass, pass
		return c
	}
	if r == nil || len(r.Battery) == 0 {
		c.Value, c.find = "none was seen", "see whether a battery is fitted"
		return c
	}
	c.redeploy, c.donate, c.Known = pass, pass, true
	var values []string
	for _, b := range r.Battery {
		health := atLeast(b.HealthPct, p.Battery.RedeployPct)
		c.redeploy = worse(c.redeploy, worse(health, atMost(b.Cycles, p.Battery.RedeployCycles)))
		c.donate = worse(c.donate, atLeast(b.HealthPct, p.Battery.DonatePct))
		c.Known = c.Known && b.HealthPct.Known && b.Cycles.Known
		values = append(values, number(b.HealthPct, " %")+", cycles "+number(b.Cycles, ""))
	}
	c.Value = strings.Join(values, " and ")
	return c
}

// driveCriterion judges by each drive's own health log. A drive can be
// replaced, so it never closes Remanufacture.
func driveCriterion(r *inspect.Report, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "drives", Value: "none was seen"}, remanufacture: pass,
		need: "replace the drive", find: "look why the drive gives no health log"}
	ds := internal(r)
	if len(ds) == 0 {
		c.need, c.find = "fit a drive", "see whether a drive is fitted"
		return c
	}
	c.redeploy, c.donate, c.Known = pass, pass, true
	var values []string
	for _, d := range ds {
		c.redeploy = worse(c.redeploy, healthy(d.Health, p.Drive.RedeployUsedPct, p.Drive.BadSectors, "good"))
		c.donate = worse(c.donate, healthy(d.Health, p.Drive.DonateUsedPct, p.Drive.BadSectors, "good", "worn"))
		c.Known = c.Known && d.Health.Verdict.Known
		values = append(values, healthWords(d))
	}
	c.Value = strings.Join(values, "; ")
	return c
}

// internal drives of the machine: not the medium it was started from, not what
// only hangs on it, not files.
func internal(r *inspect.Report) []inspect.Drive {
	if r == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(r.Drives), func(d inspect.Drive) bool {
		return d.Boot || d.Removable.Known && d.Removable.Value || d.Provenance == drive.ProvenanceLoop || d.Identity.Bus == drive.BusLoop
	})
}

// healthy needs the log's own good word; a counter that is known and too high
// fails even where the drive calls itself good.
func healthy(h inspect.Health, usedAtMost int, sectors int64, words ...string) verdict {
	v := unknown
	if h.Verdict.Known {
		v = check(slices.Contains(words, h.Verdict.Value))
	}
	for _, n := range []inspect.Fact[int64]{h.Realloc, h.Reported, h.Timeouts, h.Pending, h.Uncorrectable} {
		if n.Known && n.Value > sectors {
			return fail
		}
	}
	if h.UsedPct.Known && h.UsedPct.Value > usedAtMost || h.Critical.Known && h.Critical.Value != 0 {
		return fail
	}
	return v
}

func healthWords(d inspect.Drive) string {
	w := cmp.Or(strings.TrimSpace(d.Identity.Model+" "+d.Identity.Serial), d.Path) + ": "
	if !d.Health.Verdict.Known {
		return w + "no health log"
	}
	w += d.Health.Verdict.Value
	if d.Health.UsedPct.Known {
		w += fmt.Sprintf(", %d %% used", d.Health.UsedPct.Value)
	}
	return w
}

// Firmware and graphics keep a part of the memory for themselves, so a module
// of 8 GB may show as 7.6: 15/16 is enough.
func hasMemory(b inspect.Fact[int64], gb int) verdict {
	if !b.Known {
		return unknown
	}
	return check(b.Value/15*16 >= int64(gb)<<30)
}

// hasStorage asks for one drive of that size.
func hasStorage(r *inspect.Report, gb int) verdict {
	v := fail
	ds := internal(r)
	for _, d := range ds {
		switch {
		case d.Identity.Size >= int64(gb)*1e9:
			return pass
		case d.Identity.Size <= 0:
			v = unknown
		}
	}
	if len(ds) == 0 {
		return unknown // none was seen: there may be one behind a driver that we lack
	}
	return v
}

func memoryCriterion(r *inspect.Report, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "memory size", Value: "unknown"}, redeploy: pass, remanufacture: pass,
		need: fmt.Sprintf("fit %d GB of memory", p.Machine.DonateMemoryGB), find: "read the memory's size"}
	if r != nil && r.Memory.Bytes.Known {
		c.Known, c.Value = true, fmt.Sprintf("%.1f GB", float64(r.Memory.Bytes.Value)/(1<<30))
		c.donate = hasMemory(r.Memory.Bytes, p.Machine.DonateMemoryGB)
	}
	return c
}

func storageCriterion(r *inspect.Report, p policy.Policy) criterion {
	c := criterion{Seen: Seen{Name: "storage size", Value: "unknown"}, redeploy: pass, remanufacture: pass,
		need: fmt.Sprintf("fit a drive of %d GB", p.Machine.DonateStorageGB), find: "see whether a drive is fitted"}
	c.donate = hasStorage(r, p.Machine.DonateStorageGB)
	var sizes []string
	for _, d := range internal(r) {
		c.Known = d.Identity.Size > 0
		sizes = append(sizes, fmt.Sprintf("%d GB", d.Identity.Size/1e9))
	}
	if c.Known {
		c.Value = strings.Join(sizes, ", ")
	}
	return c
}

func atLeast(f inspect.Fact[int], n int) verdict {
	if !f.Known {
		return unknown
	}
	return check(f.Value >= n)
}

func atMost(f inspect.Fact[int], n int) verdict {
	if !f.Known {
		return unknown
	}
	return check(f.Value <= n)
}

// worse of two: a failure outweighs an unknown, an unknown outweighs a pass.
func worse(a, b verdict) verdict {
	if a == fail || b == fail {
		return fail
	}
	return min(a, b)
}

func number(f inspect.Fact[int], unit string) string {
	if !f.Known {
		return "unknown"
	}
	return fmt.Sprint(f.Value) + unit
}
