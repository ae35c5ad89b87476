package paper

import (
	"fmt"
	"strings"

	"handback.example/certs"
)

// annexVisit says by what tool, plan and clocks, and what the machine is.
func (c *Content) annexVisit(f *facts) {
	a := []Pair{p("First record", clock(f.First)), p("Last record", clock(f.Last))}
	var b, wide []Pair
	if k := f.Consent; k != nil {
		wide = append(wide, Pair{"Plan (SHA-256)", k.PlanDigest, Fine})
	}
	if f.Facts == nil {
		c.annex("visit", "Evidence: tool and machine", Grid{[][]Pair{append(a, wide...)}})
		return
	}
	m, t := f.Facts.Machine, f.Facts.Tool
	a = append([]Pair{p("Tool", known(t.Name)+" "+known(t.Version))}, a...)
	b = append(b, p("Secure Boot", known(m.SecureBoot)+"; lockdown "+known(m.Lockdown)), p("Hypervisor", known(m.Hypervisor)), p("Firmware", known(m.BIOS)),
		p("Processor", known(f.Facts.CPU)), p("Memory", known(f.Facts.Memory)))
	if len(f.Facts.Battery) > 0 {
		b = append(b, p("Battery", strings.Join(capped(f.Facts.Battery), "; ")))
	}
	wide = append([]Pair{{"Image (SHA-256)", known(t.Image), Fine}}, wide...)
	c.annex("visit", "Evidence: tool and machine", Grid{[][]Pair{a, b}}, Grid{[][]Pair{wide}})
}

// clock is a time with its source: a claim, beside the time since power-on, which is
// measured.
func clock(t certs.Time) string {
	source := "the machine's own clock"
	if t.Source == certs.SourceHub {
		source = "clock set by the hub"
	}
	return fmt.Sprintf("%s (%s), %s s after power-on", date(t.Wall), source, number(t.Uptime))
}
