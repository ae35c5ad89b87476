package paper

import (
	"strings"

	"handback.example/certs"
)

// annexVisit says by what tool and plan, and what the machine is.
func (c *Content) annexVisit(f *facts) {
	var wide []Pair
	if k := f.Consent; k != nil {
		wide = append(wide, Pair{"Plan (SHA-256)", k.PlanDigest, Fine})
	}
	if f.Facts != nil {
		m := f.Facts.Machine
		a := []Pair{p("Tool", f.tool()), p("Secure Boot", known(m.SecureBoot)+"; lockdown "+known(m.Lockdown)), p("Hypervisor", known(m.Hypervisor))}
		b := []Pair{p("Processor", known(f.Facts.CPU)), p("Memory", known(f.Facts.Memory))}
		if len(f.Facts.Battery) > 0 {
			b = append(b, p("Battery", strings.Join(capped(f.Facts.Battery), "; ")))
		}
		a = append(a, p("Firmware", known(m.BIOS)))
		wide = append([]Pair{p("Other storage", lookedForOthers(f.Facts)), {"Image (SHA-256)", known(f.Facts.Tool.Image), Fine}}, wide...)
		c.annex("visit", "Evidence: tool and machine", Grid{[][]Pair{a, b}}, Grid{[][]Pair{wide}})
	} else if len(wide) > 0 {
		c.annex("visit", "Evidence: tool and machine", Grid{[][]Pair{wide}})
	}
}

// lookedForOthers is what it rests on that the drives on this paper are all that there
// are. What was found, or that nobody looked, stands among the exceptions too.
func lookedForOthers(f *certs.Facts) string {
	if f.LookedForOthers != certs.Yes {
		return "UNKNOWN: it was not looked for everywhere"
	}
	found := "looked for, nothing was found"
	if len(f.NotHandled) > 0 {
		found = "looked for, FOUND: see Exceptions"
	}
	if len(f.Looked) == 0 {
		return found
	}
	return found + ": " + strings.Join(capped(f.Looked), "; ")
}

func (f *facts) tool() string {
	t := certs.Tool{}
	if f.Facts != nil {
		t = f.Facts.Tool
	}
	return known(joined(" ", t.Name, t.Version))
}
