package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"handback.example/inspect"
)

// machineRows: what names the machine first, then what it is made of.
func machineRows(t table, r *inspect.Report) {
	m := r.Machine
	t.row("machine", strings.TrimSuffix(words(m.Maker)+" "+words(m.Model)+", "+m.Version.Value, ", "))
	t.row("serial", words(m.Serial))
	t.row("asset tag", words(m.AssetTag))
	t.row("kind", reasoned(m.Kind))
	t.row("made in", reasoned(m.Year))
	t.row("firmware", words(m.BIOS)+"; UEFI "+words(r.Firmware.UEFI)+", Secure Boot "+words(r.Firmware.SecureBoot))
	t.row("passwords", "administrator "+set(r.Firmware.AdminPassword)+", power-on "+set(r.Firmware.PowerOnPassword))
	t.row("processor", words(r.CPU.Model)+", cores "+words(r.CPU.Cores)+"; "+words(r.CPU.Family))
	t.row("Windows 11", reasoned(r.CPU.Windows11)+", as far as the processor goes")
	memoryRows(t, r.Memory)
	for _, g := range r.GPU {
		t.row("graphics", g)
	}
	t.row("TPM", tpmWords(r.TPM))
	t.row("mains power", words(r.Mains))
	for _, b := range r.Battery {
		t.row("battery "+b.Name, "health "+words(b.HealthPct)+" %, cycles "+words(b.Cycles)+", charge "+words(b.ChargePct)+" %, "+words(b.Chemistry)+", serial "+words(b.Serial)+", made in "+words(b.Year))
	}
	for _, p := range r.Supplies {
		t.row("power supply", strings.Join(strings.Fields(p.Name+" "+words(p.Maker)+" "+words(p.Model)), " ")+", "+words(p.Watts)+" W")
	}
	for _, d := range r.Displays {
		t.row("display "+d.Connector, displayWords(d))
	}
	for _, n := range r.Network {
		t.row("network "+n.Name, n.Kind+" "+n.MAC)
	}
	deviceRows(t, r.Devices)
	if len(r.Ports) > 0 {
		t.row("ports", tallied(r.Ports, func(p inspect.Port) string { return p.Kind }))
	}
	if len(r.Slots) > 0 {
		t.row("slots", tallied(r.Slots, slotWords))
	}
}

// reasoned is a fact with where it comes from, or why it is unknown.
func reasoned[T any](f inspect.Fact[T]) string {
	if !f.Known {
		return "unknown: " + f.Why
	}
	return words(f) + "; by " + f.Source
}

func set(f inspect.Fact[bool]) string {
	switch {
	case !f.Known:
		return "unknown"
	case f.Value:
		return "set"
	}
	return "not set"
}

func memoryRows(t table, m inspect.Memory) {
	whole := "unknown"
	if m.Bytes.Known {
		whole = size(m.Bytes.Value, 1<<30, "GiB")
	}
	if m.Max.Known {
		whole += ", of " + size(m.Max.Value, 1<<30, "GiB") + " that the board takes"
	}
	t.row("memory", whole)
	for _, d := range m.Modules {
		fitted := or(d.Form, "form unknown")
		if d.Soldered.Known {
			fitted = map[bool]string{true: "soldered", false: "in a slot"}[d.Soldered.Value]
		}
		t.row("memory "+or(d.Slot, "module"), strings.Join(strings.Fields(fmt.Sprintf("%s %s %d MT/s %s %s, %s", size(d.Bytes, 1<<30, "GiB"), d.Kind, d.Speed, d.Maker, d.Part, fitted)), " "))
	}
}

func displayWords(d inspect.Display) string {
	line := fmt.Sprintf("%s %s, %d x %d", d.Maker, d.Model, d.Width, d.Height)
	if d.DiagonalMM > 0 {
		line += fmt.Sprintf(", %.1f in", float64(d.DiagonalMM)/25.4)
	}
	if d.Problem != "" {
		line += "; " + d.Problem
	}
	return line
}

// deviceRows in one row for each answer: what is there, what is not, what can't be told.
func deviceRows(t table, d inspect.Devices) {
	var there, missing, unknown []string
	for _, x := range []struct {
		name string
		fact inspect.Fact[bool]
	}{{"Wi-Fi", d.WiFi}, {"Bluetooth", d.Bluetooth}, {"WWAN", d.WWAN}, {"camera", d.Camera}, {"fingerprint reader", d.Fingerprint}, {"touchscreen", d.Touchscreen},
		{"touchpad", d.Touchpad}, {"smartcard reader", d.Smartcard}, {"sound card", d.Sound}} {
		switch {
		case !x.fact.Known:
			unknown = append(unknown, x.name)
		case x.fact.Value:
			there = append(there, x.name)
		default:
			missing = append(missing, x.name)
		}
	}
	t.row("parts", or(strings.Join(there, ", "), "none seen"))
	if len(missing) > 0 {
		t.row("not fitted", strings.Join(missing, ", "))
	}
	if len(unknown) > 0 {
		t.row("can't be told", strings.Join(unknown, ", "))
	}
}

func slotWords(s inspect.Slot) string {
	if !s.InUse.Known {
		return s.Kind
	}
	return s.Kind + map[bool]string{true: " in use", false: " free"}[s.InUse.Value]
}

// tallied are things by their kind: '4 USB, audio, network'.
func tallied[T any](all []T, kind func(T) string) string {
	count := map[string]int{}
	for _, one := range all {
		count[kind(one)]++
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(count)) {
		if n := count[k]; n > 1 {
			k = fmt.Sprintf("%d %s", n, k)
		}
		words = append(words, k)
	}
	return strings.Join(words, ", ")
}

// residueLines: what is left first, then what can't be told; what is not there is
// in the report only.
func residueLines(all []inspect.Residue) (lines []string) {
	for _, state := range []string{inspect.ResiduePresent, inspect.ResidueUnknown} {
		for _, r := range all {
			if r.State == state {
				lines = append(lines, r.Item+", "+r.State+": "+r.Evidence)
			}
		}
	}
	return lines
}
