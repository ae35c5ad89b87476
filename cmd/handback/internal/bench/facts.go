package bench

import (
	"fmt"
	"strings"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/health"
)

// facts of the machine as rows: what matters on a bench first, unknowns marked.
func facts(r *inspect.Report) (rows []wire.Fact) {
	add := func(name, value string, mark wire.Mark) {
		rows = append(rows, wire.Fact{Name: name, Value: value, Mark: mark})
	}
	for _, f := range r.Unhandled {
		add("Not reached", f.What+": "+f.Do, wire.MarkBad)
	}
	rows = append(rows, textFact("Serial number", r.Machine.Serial), textFact("Kind", r.Machine.Kind), textFact("Processor", r.CPU.Model),
		windows11Fact(r.CPU))
	if m := r.Memory.Bytes; m.Known {
		add("Memory", fmt.Sprintf("%.0f GB", float64(m.Value)/(1<<30)), wire.MarkOK)
	} else {
		add("Memory", unknown(m.Why), wire.MarkUnknown)
	}
	for _, b := range r.Battery {
		rows = append(rows, batteryFact(b))
	}
	for _, d := range r.Displays {
		rows = append(rows, displayFact(d))
	}
	if parts := fitted(r.Devices); parts != "" {
		add("Parts", parts, wire.MarkOK)
	}
	rows = append(rows, tpmFact(r.TPM), yesFact("Secure Boot", r.Firmware.SecureBoot, "on", "off"), yesFact("Power lead", r.Mains, "in", "out"))
	for _, d := range r.Drives {
		if !d.Boot {
			rows = append(rows, healthFact(d))
		}
	}
	rows = append(rows, residueFacts(r.Residue)...)
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

// windows11Fact says by what it was judged: a rule, or a list of its date.
func windows11Fact(c inspect.CPU) wire.Fact {
	f := yesFact("Windows 11", c.Windows11, "processor supported", "processor not supported")
	if c.Windows11.Known {
		f.Value += ", by " + c.Windows11.Source
	}
	return f
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

func displayFact(d inspect.Display) wire.Fact {
	f := wire.Fact{Name: "Display", Mark: wire.MarkOK, Value: strings.TrimSpace(d.Maker+" "+d.Model) + fmt.Sprintf(", %d x %d", d.Width, d.Height)}
	if d.DiagonalMM > 0 {
		f.Value += fmt.Sprintf(", %.1f in", float64(d.DiagonalMM)/25.4)
	}
	if d.Problem != "" {
		f.Value, f.Mark = f.Value+"; "+d.Problem, wire.MarkWarn
	}
	return f
}

// fitted parts that were seen; what was not is in the report.
func fitted(d inspect.Devices) string {
	var names []string
	for _, p := range []struct {
		name string
		fact inspect.Fact[bool]
	}{{"Wi-Fi", d.WiFi}, {"Bluetooth", d.Bluetooth}, {"WWAN", d.WWAN}, {"camera", d.Camera}, {"fingerprint reader", d.Fingerprint}, {"touchscreen", d.Touchscreen},
		{"touchpad", d.Touchpad}, {"smartcard reader", d.Smartcard}} {
		if p.fact.Value {
			names = append(names, p.name)
		}
	}
	return strings.Join(names, ", ")
}

// residueFacts: what a former owner left, each in a row; what can't be told, in one.
func residueFacts(all []inspect.Residue) (rows []wire.Fact) {
	var unknown []string
	for _, r := range all {
		switch r.State {
		case inspect.ResiduePresent:
			rows = append(rows, wire.Fact{Name: "Left in it", Value: r.Item + ": " + r.Evidence, Mark: wire.MarkWarn})
		case inspect.ResidueUnknown:
			unknown = append(unknown, r.Item)
		}
	}
	if len(unknown) > 0 {
		rows = append(rows, wire.Fact{Name: "Not known", Value: "whether these are left in it: " + strings.Join(unknown, ", "), Mark: wire.MarkUnknown})
	}
	return rows
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
	case d.Health.Verdict.Value == health.Good:
		f.Value = name + ": good"
	default:
		f.Value, f.Mark = name+": "+d.Health.Verdict.Value+": "+strings.Join(d.Health.Reasons, "; "), wire.MarkWarn
		if d.Health.Verdict.Value == health.Failing {
			f.Mark = wire.MarkBad
		}
	}
	if len(d.Problems) > 0 {
		f.Value, f.Mark = name+": "+strings.Join(d.Problems, "; "), wire.MarkBad
	}
	return f
}
