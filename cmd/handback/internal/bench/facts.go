package bench

import (
	"fmt"
	"strings"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/health"
	"handback.example/wipe"
)

// facts of the machine as rows, part by part: what stands in the way first, what could
// not be read last.
func facts(r *inspect.Report, refusals []wipe.Refusal) []wire.Fact {
	rows := hiddenFacts(r, refusals)
	left := append([]wire.Fact{tpmFact(r.TPM), yesFact("Secure Boot", r.Firmware.SecureBoot, "on", "off")}, residueFacts(r.Residue)...)
	rows = append(rows, inPart(wire.PartLeft, left)...)
	rows = append(rows, inPart(wire.PartMachine, machineFacts(r))...)
	for _, m := range r.Missing {
		rows = append(rows, wire.Fact{Part: wire.PartUnknown, Value: m, Mark: wire.MarkUnknown})
	}
	for _, left := range r.Residue {
		if left.State == inspect.ResidueUnknown {
			rows = append(rows, wire.Fact{Part: wire.PartUnknown, Value: left.Item + ": " + left.Evidence, Mark: wire.MarkUnknown})
		}
	}
	return rows
}

func inPart(p wire.Part, rows []wire.Fact) []wire.Fact {
	for i := range rows {
		rows[i].Part = p
	}
	return rows
}

// hiddenFacts: what nobody can reach, each with what to do; else where it was looked.
func hiddenFacts(r *inspect.Report, refusals []wipe.Refusal) (rows []wire.Fact) {
	for _, f := range refusals {
		rows = append(rows, wire.Fact{Part: wire.PartHidden, Value: f.Reason, Do: f.Do, Mark: wire.MarkBad})
	}
	if len(rows) == 0 && r.Unhandled != nil {
		var places []string // how much there was at each stands in the record
		for _, l := range r.Looked {
			place, _, _ := strings.Cut(l, ":")
			places = append(places, place)
		}
		rows = append(rows, wire.Fact{Part: wire.PartHidden, Name: "Other storage", Value: "none found, by " + or(strings.Join(places, ", "), "nothing"), Mark: wire.MarkOK})
	}
	return rows
}

func machineFacts(r *inspect.Report) (rows []wire.Fact) {
	lead := yesFact("Power lead", r.Mains, "in", "out")
	if lead.Mark == wire.MarkWarn {
		lead.Do = "put the power lead in"
	}
	rows = append(rows, lead, textFact("Serial number", r.Machine.Serial), textFact("Kind", r.Machine.Kind), textFact("Processor", r.CPU.Model),
		windows11Fact(r.CPU), memoryFact(r.Memory))
	for _, b := range r.Battery {
		rows = append(rows, batteryFact(b))
	}
	for _, d := range r.Displays {
		rows = append(rows, displayFact(d))
	}
	if parts := fitted(r.Devices); parts != "" {
		rows = append(rows, wire.Fact{Name: "Parts", Value: parts, Mark: wire.MarkOK})
	}
	for _, n := range r.Notes {
		rows = append(rows, wire.Fact{Name: "Done before", Value: n, Mark: wire.MarkNone})
	}
	return rows
}

func memoryFact(m inspect.Memory) wire.Fact {
	if !m.Bytes.Known {
		return wire.Fact{Name: "Memory", Value: unknown(m.Bytes.Why), Mark: wire.MarkUnknown}
	}
	return wire.Fact{Name: "Memory", Value: fmt.Sprintf("%.0f GB", float64(m.Bytes.Value)/(1<<30)), Mark: wire.MarkOK}
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

// residueFacts: what a former owner left. What can't be told stands with all else that is
// not known.
func residueFacts(all []inspect.Residue) (rows []wire.Fact) {
	for _, r := range all {
		if r.State == inspect.ResiduePresent {
			rows = append(rows, wire.Fact{Value: r.Item + ": " + r.Evidence, Mark: wire.MarkWarn})
		}
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

// healthWords of a drive: what it says of its health, and why that is no better.
func healthWords(h inspect.Health) (word string, mark wire.Mark, why []string) {
	switch v := h.Verdict; {
	case !v.Known:
		return "unknown", wire.MarkUnknown, []string{or(v.Why, "the drive does not say")}
	case v.Value == health.Good:
		return v.Value, wire.MarkOK, nil
	case v.Value == health.Failing:
		return v.Value, wire.MarkBad, h.Reasons
	default:
		return v.Value, wire.MarkWarn, h.Reasons
	}
}
