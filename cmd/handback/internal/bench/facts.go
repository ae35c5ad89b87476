package bench

import (
	"fmt"
	"strings"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
)

// facts of the machine as rows: what matters on a bench first, unknowns marked.
func facts(r *inspect.Report) (rows []wire.Fact) {
	add := func(name, value string, mark wire.Mark) {
		rows = append(rows, wire.Fact{Name: name, Value: value, Mark: mark})
	}
	for _, f := range r.Unhandled {
		add("Not reached", f.What+": "+f.Do, wire.MarkBad)
	}
	rows = append(rows, textFact("Serial number", r.Machine.Serial), textFact("Kind", r.Machine.Kind), textFact("Processor", r.CPU.Model))
	if m := r.Memory.Bytes; m.Known {
		add("Memory", fmt.Sprintf("%.0f GB", float64(m.Value)/(1<<30)), wire.MarkOK)
	} else {
		add("Memory", unknown(m.Why), wire.MarkUnknown)
	}
	for _, b := range r.Battery {
		rows = append(rows, batteryFact(b))
	}
	for _, d := range r.Displays {
		add("Display", strings.TrimSpace(fmt.Sprintf("%s %s", d.Maker, d.Model))+fmt.Sprintf(", %d x %d", d.Width, d.Height), wire.MarkOK)
	}
	rows = append(rows, tpmFact(r.TPM), yesFact("Secure Boot", r.Firmware.SecureBoot, "on", "off"), yesFact("Power lead", r.Mains, "in", "out"))
	for _, d := range r.Drives {
		if !d.Boot {
			rows = append(rows, healthFact(d))
		}
	}
	for _, n := range r.Notes {
		add("Done before", n, wire.MarkNone)
	}
	for _, m := range r.Missing {
		add("Not known", m, wire.MarkUnknown)
	}
	return rows
}

func unknown(why string) string {
	if why == "" {
		return "unknown"
	}
	return "unknown: " + why
}

func textFact(name string, f inspect.Fact[string]) wire.Fact {
	if !f.Known || f.Value == "" {
		return wire.Fact{Name: name, Value: unknown(f.Why), Mark: wire.MarkUnknown}
	}
	return wire.Fact{Name: name, Value: f.Value, Mark: wire.MarkOK}
}

func yesFact(name string, f inspect.Fact[bool], yes, no string) wire.Fact {
	switch {
	case !f.Known:
		return wire.Fact{Name: name, Value: unknown(f.Why), Mark: wire.MarkUnknown}
	case f.Value:
		return wire.Fact{Name: name, Value: yes, Mark: wire.MarkOK}
	}
	return wire.Fact{Name: name, Value: no, Mark: wire.MarkWarn}
}

func batteryFact(b inspect.Battery) wire.Fact {
	f := wire.Fact{Name: "Battery", Mark: wire.MarkOK}
	if !b.HealthPct.Known {
		f.Value, f.Mark = unknown(b.HealthPct.Why), wire.MarkUnknown
		return f
	}
	f.Value = fmt.Sprintf("%d %% of its design capacity", b.HealthPct.Value)
	if b.Cycles.Known {
		f.Value += fmt.Sprintf(", %d cycles", b.Cycles.Value)
	}
	return f
}

func tpmFact(t inspect.TPM) wire.Fact {
	f := wire.Fact{Name: "TPM", Mark: wire.MarkOK}
	switch {
	case !t.Present.Known:
		f.Value, f.Mark = unknown(t.Present.Why), wire.MarkUnknown
	case !t.Present.Value:
		f.Value, f.Mark = "none", wire.MarkNone
	default:
		f.Value = strings.TrimSpace(t.Version.Value + " " + t.Maker.Value)
		if t.OwnerAuthSet.Known && t.OwnerAuthSet.Value || t.LockoutAuthSet.Known && t.LockoutAuthSet.Value {
			f.Value, f.Mark = f.Value+", owned", wire.MarkWarn
		}
	}
	return f
}

func healthFact(d inspect.Drive) wire.Fact {
	f := wire.Fact{Name: "Drive health", Mark: wire.MarkOK}
	name := driveName(d.Identity)
	switch {
	case !d.Health.Verdict.Known:
		f.Value, f.Mark = name+": "+unknown(d.Health.Verdict.Why), wire.MarkUnknown
	case d.Health.Verdict.Value == "good":
		f.Value = name + ": good"
	default:
		f.Value, f.Mark = name+": "+d.Health.Verdict.Value, wire.MarkWarn
	}
	if len(d.Problems) > 0 {
		f.Value, f.Mark = name+": "+strings.Join(d.Problems, "; "), wire.MarkBad
	}
	return f
}
