package platform

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/internal/tree"
)

// powerWait ends the wait for a battery whose controller does not answer: the
// kernel asks it anew at each read.
const powerWait = 10 * time.Second

const powerClass = "sysfs power_supply"

// supplies is what the power_supply class shows.
type supplies struct {
	batteries []inspect.Battery
	statuses  []string // of the batteries: 'Charging', 'Discharging'
	online    []bool   // of mains adapters and USB inputs
	err       error
}

// power reads batteries and adapters.
func (s *survey) power() {
	done := make(chan supplies, 1) // room for one: a late answer waits for nobody
	t := s.Tree
	go func() { done <- readSupplies(t) }()
	var p supplies
	select {
	case p = <-done:
		if p.err != nil {
			s.missing("battery and mains power", because(p.err))
		}
	case <-s.ctx.Done():
		p.err = s.ctx.Err()
		s.missing("battery and mains power", "the battery's controller did not answer in time")
	case <-time.After(powerWait):
		p.err = plainError("it did not answer in time")
		s.missing("battery and mains power", "the battery's controller did not answer in time")
	}
	s.r.Battery = append(s.r.Battery, p.batteries...)
	s.r.Mains = mains(p)
}

// powerOfKind closes what the kind of machine tells about power.
func (s *survey) powerOfKind() {
	k := s.r.Machine.Kind
	switch {
	case !k.Known:
	case portable(k.Value) && len(s.r.Battery) == 0:
		why := "none was seen in a " + k.Value
		// It says that a place for one is there, no more: some desktops list one too.
		if all := s.designs(); len(all) > 0 && all[0].Model.Known {
			why += ", and the firmware lists '" + all[0].Model.Value + "'"
		}
		s.missing("battery", why)
	case !portable(k.Value) && !s.r.Mains.Known && len(s.r.Battery) == 0:
		// What has no battery and runs, runs on mains power.
		s.r.Mains = inspect.Known(true, "kind of machine: "+k.Value)
	}
	if !s.r.Mains.Known {
		s.missing("mains power", s.r.Mains.Why)
	}
}

// readSupplies may outlive the survey.
func readSupplies(t *tree.Tree) (p supplies) {
	names, err := t.List("sys/class/power_supply")
	if err != nil {
		p.err = err
		return p
	}
	for _, name := range names {
		d := supply{t, "sys/class/power_supply/" + name + "/"}
		// Scope 'Device' is the battery of a mouse, or a phone that charges.
		if d.text("scope") == "Device" {
			continue
		}
		switch kind := d.text("type"); {
		case kind == "Battery" && d.text("present") != "0":
			p.batteries = append(p.batteries, d.battery(drive.Clean([]byte(name))))
			p.statuses = append(p.statuses, d.text("status"))
		case kind == "Mains" || strings.HasPrefix(kind, "USB"):
			switch d.text("online") {
			case "1":
				p.online = append(p.online, true)
			case "0":
				p.online = append(p.online, false)
			}
		}
	}
	return p
}

// mains power: an adapter that is on, else adapters that are off, else what the
// batteries do.
func mains(p supplies) inspect.Fact[bool] {
	switch {
	case p.err != nil:
		return inspect.Unknown[bool](powerClass, because(p.err))
	case slices.Contains(p.online, true):
		return inspect.Known(true, powerClass)
	case len(p.online) > 0:
		return inspect.Known(false, powerClass)
	}
	for _, status := range p.statuses {
		switch status {
		case "Discharging":
			return inspect.Known(false, powerClass+" status")
		case "Charging":
			return inspect.Known(true, powerClass+" status")
		}
	}
	return inspect.Unknown[bool](powerClass, "the kernel shows no power adapter")
}

// supply is one device's folder.
type supply struct {
	tree *tree.Tree
	dir  string
}

func (d supply) text(name string) string {
	text, err := d.tree.Text(d.dir + name)
	if err != nil {
		return ""
	}
	return text
}

// battery by energy (uWh), or by charge (uAh) at the voltage that it was designed
// for (uV).
func (d supply) battery(name string) inspect.Battery {
	design, full := d.energy("energy_full_design"), d.energy("energy_full")
	if !design.Known && !full.Known {
		volts := d.number("voltage_min_design")
		design, full = d.charge("charge_full_design", volts), d.charge("charge_full", volts)
	}
	design, full = plausible(design), plausible(full)
	return inspect.Battery{Name: name, DesignWh: design, FullWh: full, HealthPct: healthOf(design, full),
		ChargePct: d.percent(), Cycles: d.cycles(), Chemistry: d.chemistry(),
		Maker: d.name("manufacturer"), Model: d.name("model_name"), Serial: d.serial(), Year: d.year()}
}

// name is text that the battery's own gauge holds.
func (d supply) name(file string) inspect.Fact[string] {
	source := powerClass + " " + file
	text, err := d.tree.Text(d.dir + file)
	if err != nil {
		return inspect.Unknown[string](source, because(err))
	}
	return named([]byte(text), source)
}

// serial: a gauge without one gives 0.
func (d supply) serial() inspect.Fact[string] {
	f := d.name("serial_number")
	if f.Value == "0" {
		return inspect.Unknown[string](f.Source, "the battery gives 0, which says nothing")
	}
	return f
}

func (d supply) year() inspect.Fact[int] {
	source := powerClass + " manufacture_year"
	n, err := strconv.Atoi(d.text("manufacture_year"))
	if err != nil || !plausibleYear(n) {
		return inspect.Unknown[int](source, "the battery does not say")
	}
	return inspect.Known(n, source)
}

// chemistry: the kernel has words of its own (Documentation/ABI/testing/sysfs-class-power)
// and gives 'Unknown' for what it does not know of the firmware's four letters.
func (d supply) chemistry() inspect.Fact[string] { return d.name("technology") }

// number that the kernel gives; what ACPI uses for 'unknown', in its units of mWh
// or as the kernel scales it, is unknown here.
func (d supply) number(name string) inspect.Fact[float64] {
	source := powerClass + " " + name
	text, err := d.tree.Text(d.dir + name)
	if err != nil {
		return inspect.Unknown[float64](source, because(err))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return inspect.Unknown[float64](source, "the kernel gives no number")
	case n <= 0 || n == 0xffff || n == 0xffff*1000 || n >= 0xffffffff:
		return inspect.Unknown[float64](source, "the battery gives "+strconv.FormatInt(n, 10)+", which says nothing")
	}
	return inspect.Known(float64(n), source)
}

func (d supply) energy(name string) inspect.Fact[float64] { return scaled(d.number(name), 1e-6) }

func (d supply) charge(name string, volts inspect.Fact[float64]) inspect.Fact[float64] {
	amps := d.number(name)
	if amps.Known && !volts.Known {
		return inspect.Unknown[float64](amps.Source, "the battery gives a charge, but no voltage")
	}
	return scaled(amps, volts.Value*1e-12)
}

func scaled(f inspect.Fact[float64], by float64) inspect.Fact[float64] {
	f.Value *= by
	return f
}

// Packs of machines that people carry hold 5 to 100 Wh; nothing that is fitted
// into one holds 500.
func plausible(f inspect.Fact[float64]) inspect.Fact[float64] {
	if f.Known && (f.Value < 1 || f.Value > 500) {
		return inspect.Unknown[float64](f.Source, "the battery gives "+strconv.FormatFloat(f.Value, 'f', 3, 64)+" Wh, which cannot be")
	}
	f.Value = math.Round(f.Value*100) / 100
	return f
}

// healthOf a battery; above 150 % is a gauge that was never set.
func healthOf(design, full inspect.Fact[float64]) inspect.Fact[int] {
	const source = "full charge against design"
	switch {
	case !design.Known:
		return inspect.Unknown[int](source, design.Why)
	case !full.Known:
		return inspect.Unknown[int](source, full.Why)
	}
	pct := int(full.Value / design.Value * 100)
	if pct > 150 {
		return inspect.Unknown[int](source, "the battery gives "+strconv.Itoa(pct)+" % of its design, which cannot be")
	}
	return inspect.Known(pct, source)
}

func (d supply) percent() inspect.Fact[int] {
	source := powerClass + " capacity"
	n, err := strconv.Atoi(d.text("capacity"))
	if err != nil || n < 0 || n > 100 {
		return inspect.Unknown[int](source, "the kernel gives no percentage")
	}
	return inspect.Known(n, source)
}

// cycles: a battery that does not count says 0.
func (d supply) cycles() inspect.Fact[int] {
	source := powerClass + " cycle_count"
	n := d.number("cycle_count")
	if !n.Known {
		return inspect.Unknown[int](source, n.Why)
	}
	if n.Value > 20000 {
		return inspect.Unknown[int](source, "the battery gives a count that cannot be")
	}
	return inspect.Known(int(n.Value), source)
}
