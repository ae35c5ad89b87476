package function

import (
	"context"
	"fmt"
	"slices"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
)

// charge is what one battery tells at one moment; 0: it does not.
type charge struct {
	status       string  // 'Charging', 'Discharging', 'Full', 'Not charging'
	volts, watts float64 // watts whatever their way
	percent      int
}

// shortest is how long a battery must have carried the load for a result.
const shortest = 30 * time.Second

// steepest fall of the charge, in points of a hundred within a minute: a battery that
// falls faster would be empty in ten.
const steepest = 10

// Battery watches the machine's battery until ctx is done, while something else loads
// the processor. While the lead is in, the battery carries nothing and is not tested: it
// is said what it did instead. Where the kernel shows none, there is none only in a
// machine of a kind that has none: a dead pack does not show either.
func Battery(ctx context.Context, kind string) Outcome {
	return watchBattery(ctx, tree.At(""), kind, sampleTime, shortest)
}

// without a battery are machines of these kinds.
var without = []string{inspect.KindDesktop, inspect.KindAllInOne, inspect.KindMiniPC, inspect.KindStickPC, inspect.KindServer, inspect.KindVirtual}

func watchBattery(ctx context.Context, t *tree.Tree, kind string, every, least time.Duration) Outcome {
	first, found := readCharge(t)
	switch {
	case !found && slices.Contains(without, kind):
		return Outcome{NotPresent, "the kernel shows no battery"}
	case !found:
		return Outcome{NotTested, "the kernel shows no battery: none is fitted, or it does not answer"}
	}
	last, lowest, carried, began := first, first.volts, first.status == discharging, time.Now()
	for pause(ctx, every) {
		now, found := readCharge(t)
		if !found {
			return Outcome{NotTested, "the battery does not answer any more"}
		}
		last, carried = now, carried && now.status == discharging
		if now.volts > 0 && (lowest == 0 || now.volts < lowest) {
			lowest = now.volts
		}
	}
	took := time.Since(began)
	switch {
	case !carried:
		return Outcome{NotTested, "the lead is in: " + last.words()}
	case took < least:
		return Outcome{NotTested, fmt.Sprintf("it carried the load for %.0f s, which is too short", took.Seconds())}
	case first.percent == 0 || last.percent == 0:
		return Outcome{NotTested, "it does not tell its charge: " + last.words()}
	}
	o := Outcome{Pass, fmt.Sprintf("it carried the machine under load for %.0f s: charge %d %% before, %d %% after", took.Seconds(), first.percent, last.percent)}
	if first.volts > 0 {
		o.Evidence += fmt.Sprintf("; %.1f V before, %.1f V at least", first.volts, lowest)
	}
	if last.watts > 0 {
		o.Evidence += fmt.Sprintf("; %.1f W", last.watts)
	}
	if float64(first.percent-last.percent)/took.Minutes() >= steepest {
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

// readCharge of the first battery of the machine itself (Documentation/ABI/testing/
// sysfs-class-power; in micro units): a mouse has one of scope 'Device'.
func readCharge(t *tree.Tree) (c charge, found bool) {
	const class = "sys/class/power_supply"
	names, err := t.List(class)
	if err != nil {
		return c, false
	}
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
		c.volts, c.watts = micro("voltage_now"), micro("power_now")
		if c.watts == 0 {
			c.watts = c.volts * micro("current_now")
		}
		if p, ok := count(t, dir+"capacity"); ok && p <= 100 {
			c.percent = int(p)
		}
		for _, s := range []string{"Charging", discharging, "Full", "Not charging"} {
			if text("status") == s {
				c.status = s
			}
		}
		return c, true
	}
	return c, false
}
