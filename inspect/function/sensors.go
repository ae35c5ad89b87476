package function

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
)

// sensors of the processor, as sysfs shows them below a root. What the machine does
// not tell is unknown.
type sensors struct{ root string }

// reading of the sensors at one moment.
type reading struct {
	celsius  inspect.Fact[int] // the hottest part of the processor
	critical inspect.Fact[int] // the temperature that it must not reach
	// throttled counts how often the hardware slowed the processor down for its heat,
	// since power-on.
	throttled inspect.Fact[int64]
	mhz, base inspect.Fact[int] // of all processors on average now; what it is sold with
}

const (
	notTold = "the machine does not tell it"
	milli   = 1000 // hwmon and thermal zones count in 1/1000 degree Celsius
)

func (s sensors) read() reading {
	r := reading{celsius: inspect.Unknown[int]("hwmon", notTold), critical: inspect.Unknown[int]("hwmon", notTold),
		throttled: inspect.Unknown[int64]("thermal_throttle", notTold), mhz: inspect.Unknown[int]("cpufreq", notTold), base: inspect.Unknown[int]("cpufreq", notTold)}
	t := tree.At(s.root)
	hwmon(t, &r)
	if !r.celsius.Known {
		zones(t, &r)
	}
	processors(t, &r)
	return r
}

// processorChips are the hwmon drivers of processors' own sensors (the kernel's
// Documentation/hwmon).
var processorChips = []string{"coretemp", "k10temp", "k8temp", "zenpower", "via_cputemp"}

// hwmon sensors of the processor: the hottest input, the lowest limit.
func hwmon(t *tree.Tree, r *reading) {
	const class = "sys/class/hwmon"
	chips, err := t.List(class)
	if err != nil {
		return
	}
	for _, c := range chips {
		dir := class + "/" + c + "/"
		name, err := t.Text(dir + "name")
		if err != nil || !slices.Contains(processorChips, name) {
			continue
		}
		files, err := t.List(dir)
		if err != nil {
			continue
		}
		for _, f := range files {
			switch {
			case strings.HasPrefix(f, "temp") && strings.HasSuffix(f, "_input"):
				r.hotter(degrees(t, dir+f), name)
			case strings.HasPrefix(f, "temp") && strings.HasSuffix(f, "_crit"):
				r.limit(degrees(t, dir+f), name)
			}
		}
	}
}

// zoneKinds are thermal zones that tell of the processor, the nearest first. Firmware's
// own zone (acpitz) is often beside it.
var zoneKinds = []string{"x86_pkg_temp", "TCPU", "acpitz"}

// zones of the kernel's thermal class (Documentation/driver-api/thermal/sysfs-api.rst).
func zones(t *tree.Tree, r *reading) {
	const class = "sys/class/thermal"
	names, err := t.List(class)
	if err != nil {
		return
	}
	for _, kind := range zoneKinds {
		for _, n := range names {
			dir := class + "/" + n + "/"
			if is, err := t.Text(dir + "type"); err != nil || is != kind || !strings.HasPrefix(n, "thermal_zone") {
				continue
			}
			r.hotter(degrees(t, dir+"temp"), "thermal zone "+kind)
			for i := range 16 {
				trip := fmt.Sprintf("%strip_point_%d_", dir, i)
				if is, err := t.Text(trip + "type"); err == nil && is == "critical" {
					r.limit(degrees(t, trip+"temp"), "thermal zone "+kind)
				}
			}
		}
		if r.celsius.Known {
			return
		}
	}
}

func (r *reading) hotter(c int, source string) {
	if c > 0 && (!r.celsius.Known || c > r.celsius.Value) {
		r.celsius = inspect.Known(c, source)
	}
}

func (r *reading) limit(c int, source string) {
	if c > 0 && (!r.critical.Known || c < r.critical.Value) {
		r.critical = inspect.Known(c, source)
	}
}

// degrees Celsius of a file in 1/1000; 0: it gives none that a processor can have.
func degrees(t *tree.Tree, name string) int {
	n, ok := count(t, name)
	if c := n / milli; ok && c > 0 && c <= 150 {
		return int(c)
	}
	return 0
}

// count in a file, which is not below zero.
func count(t *tree.Tree, name string) (int64, bool) {
	text, err := t.Text(name)
	if err != nil {
		return 0, false
	}
	return parseCount(text)
}

func parseCount(text string) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// processors: counters of throttling (Documentation/ABI/testing/sysfs-devices-system-cpu)
// and frequencies (admin-guide/pm/cpufreq.rst and intel_pstate.rst), in kHz.
func processors(t *tree.Tree, r *reading) {
	const dir = "sys/devices/system/cpu"
	names, err := t.List(dir)
	if err != nil {
		return
	}
	var sum, cores int64
	for _, n := range names {
		if _, err := strconv.Atoi(strings.TrimPrefix(n, "cpu")); err != nil {
			continue
		}
		for _, f := range []string{"core_throttle_count", "package_throttle_count"} {
			if n, ok := count(t, dir+"/"+n+"/thermal_throttle/"+f); ok {
				r.throttled = inspect.Known(r.throttled.Value+n, "thermal_throttle")
			}
		}
		if khz, ok := count(t, dir+"/"+n+"/cpufreq/scaling_cur_freq"); ok {
			sum, cores = sum+khz, cores+1
		}
		if khz, ok := count(t, dir+"/"+n+"/cpufreq/base_frequency"); ok && khz > 0 {
			r.base = inspect.Known(int(khz/1000), "cpufreq")
		}
	}
	if cores > 0 && sum > 0 {
		r.mhz = inspect.Known(int(sum/cores/1000), "cpufreq")
	}
}
