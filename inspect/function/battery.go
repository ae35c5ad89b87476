package function

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
)

// charge is what one battery tells at one moment; 0: it does not.
type charge struct {
	status       string  // one of statuses
	volts, watts float64 // watts whatever their way
	percent      int
}

// shortest is how long a battery must have carried the load for a result.
const shortest = 30 * time.Second

// steepest fall of the charge, in points of a hundred within a minute: a battery that
// falls faster would be empty in ten.
const steepest = 10

// Battery watches the machine's batteries until ctx is done, while something else loads
// the processor. One that is not discharging, as while the lead is in, carries nothing and
// is not tested: it is said what it did instead. Of several each must carry the load. Where the kernel shows none, there is none only in a
// machine of a kind that has none: a dead pack does not show either.
func Battery(ctx context.Context, kind string) Outcome {
	return watchBattery(ctx, tree.At(""), kind, sampleTime, shortest)
}

// without a battery are machines of these kinds.
var without = []string{inspect.KindDesktop, inspect.KindAllInOne, inspect.KindMiniPC, inspect.KindStickPC, inspect.KindServer, inspect.KindVirtual}

func watchBattery(ctx context.Context, t *tree.Tree, kind string, every, least time.Duration) Outcome {
	all := map[string]*watched{}
	for name, c := range readCharges(t) {
		all[name] = &watched{first: c}
		all[name].take(c)
	}
	switch {
	case len(all) == 0 && slices.Contains(without, kind):
		return Outcome{NotPresent, "the kernel shows no battery"}
	case len(all) == 0:
		return Outcome{NotTested, "the kernel shows no battery: none is fitted, or it does not answer"}
	}
	began := time.Now()
	for pause(ctx, every) {
		now := readCharges(t)
		for name, w := range all {
			if c, found := now[name]; found {
				w.take(c)
			} else {
				w.gone = true
			}
		}
	}
	return together(all, time.Since(began), least)
}

// together makes one result of every battery's: the worst of them.
func together(all map[string]*watched, took, least time.Duration) (o Outcome) {
	worst := []Result{Fail, NotTested, Pass}
	for i, name := range slices.Sorted(maps.Keys(all)) {
		one := all[name].outcome(took, least)
		if len(all) > 1 {
			one.Evidence = name + ": " + one.Evidence
		}
		if i == 0 {
			o = one
			continue
		}
		o.Result = worst[min(slices.Index(worst, o.Result), slices.Index(worst, one.Result))]
		o.Evidence += "; " + one.Evidence
	}
	return o
}

// watched is one battery for as long as the load lasts.
type watched struct {
	first, last charge
	lowest      float64 // volts
	idle        *charge // at the first moment when it did not carry the machine; nil: it always did
	gone        bool    // it did not answer once
}

func (w *watched) take(c charge) {
	w.last = c
	if c.status != discharging && w.idle == nil {
		w.idle = &c
	}
	if c.volts > 0 && (w.lowest == 0 || c.volts < w.lowest) {
		w.lowest = c.volts
	}
}

func (w *watched) outcome(took, least time.Duration) Outcome {
	switch {
	case w.gone:
		return Outcome{NotTested, "the battery does not answer any more"}
	case w.idle != nil:
		return Outcome{NotTested, "it was not discharging: " + w.idle.words()}
	case took < least:
		return Outcome{NotTested, fmt.Sprintf("it carried the load for %.0f s, which is too short", took.Seconds())}
	case w.first.percent == 0 || w.last.percent == 0:
		return Outcome{NotTested, "it does not tell its charge: " + w.last.words()}
	}
	o := Outcome{Pass, fmt.Sprintf("it carried the machine under load for %.0f s: charge %d %% before, %d %% after", took.Seconds(), w.first.percent, w.last.percent)}
	if w.first.volts > 0 {
		o.Evidence += fmt.Sprintf("; %.1f V before, %.1f V at least", w.first.volts, w.lowest)
	}
	if w.last.watts > 0 {
		o.Evidence += fmt.Sprintf("; %.1f W", w.last.watts)
	}
	if float64(w.first.percent-w.last.percent)/took.Minutes() >= steepest {
		o.Result = Fail
	}
	return o
}

const discharging = "Discharging"

func (c charge) words() string {
	s := "status " + c.status
	if c.status == "" {
		s = "status not told"
	}
	if c.percent > 0 {
		s += fmt.Sprintf(", charge %d %%", c.percent)
	}
	if c.watts > 0 {
		s += fmt.Sprintf(", %.1f W", c.watts)
	}
	if c.volts > 0 {
		s += fmt.Sprintf(", %.1f V", c.volts)
	}
	return s
}

// readCharges of the batteries of the machine itself (Documentation/ABI/testing/
// sysfs-class-power; in micro units): a mouse has one of scope 'Device'.
func readCharges(t *tree.Tree) map[string]charge {
	const class = "sys/class/power_supply"
	names, err := t.List(class)
	if err != nil {
		return nil
	}
	all := map[string]charge{}
	for _, n := range names {
		dir := class + "/" + n + "/"
		text := func(name string) string {
			s, err := t.Text(dir + name)
			if err != nil {
				return ""
			}
			return s
		}
		if text("type") != "Battery" || text("scope") == "Device" || text("present") == "0" {
			continue
		}
		micro := func(name string) float64 {
			n, _ := count(t, dir+name)
			return float64(n) / 1e6
		}
		c := charge{volts: micro("voltage_now"), watts: micro("power_now")}
		if c.watts == 0 {
			c.watts = c.volts * micro("current_now")
		}
		if p, ok := count(t, dir+"capacity"); ok && p <= 100 {
			c.percent = int(p)
		}
		if s := text("status"); slices.Contains(statuses, s) {
			c.status = s
		}
		all[n] = c
	}
	return all
}

// statuses that the kernel's ABI names.
var statuses = []string{"Unknown", "Charging", discharging, "Full", "Not charging"}
