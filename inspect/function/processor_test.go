package function

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"handback.example/inspect"
)

// Each sum gives its known answer, and any wrong bit on its way a wrong one.
func TestSums(t *testing.T) {
	for _, s := range sums() {
		if !s.right() {
			t.Errorf("%s: wrong", s.name)
		}
	}
	a := bytes.Repeat([]byte("a"), 1000)
	a[617] ^= 0x10
	if sha256Million(a) || sha512Million(a) {
		t.Error("a wrong bit in the message changes nothing")
	}
	if mersennePrime(1277) { // composite: no factor is known, and the test says so
		t.Error("2^1277-1 is no prime")
	}
	x, y := grids()
	x[3][95]++
	if product(x, y) {
		t.Error("a wrong element changes nothing")
	}
	x, y = grids()
	y[95][0] = -y[95][0]
	if product(x, y) {
		t.Error("a wrong sign changes nothing")
	}
}

func quick(s stress) stress {
	s.time, s.sample, s.cool = 50*time.Millisecond, 5*time.Millisecond, time.Millisecond
	if s.sums == nil {
		s.sums = func(int) []sum { return []sum{{"a sum", func() bool { time.Sleep(time.Millisecond); return true }}} }
	}
	if s.look == nil {
		s.look = sensors{"/nowhere"}.read
	}
	return s
}

func TestStress(t *testing.T) {
	all := cores()
	if len(all) == 0 {
		t.Fatal("no core")
	}
	last := 0.0
	o := quick(stress{cores: all}).run(t.Context(), func(d float64) { last = d })
	if o.Result != Pass || !strings.Contains(o.Evidence, "every answer right (a sum); temperature not told, throttling not told") {
		t.Errorf("%v: %s", o.Result, o.Evidence)
	}
	if last != 1 {
		t.Errorf("the last progress was %v", last)
	}

	bad := all[len(all)-1]
	o = quick(stress{cores: all, sums: func(core int) []sum {
		return []sum{{"a sum", func() bool { return core != bad }}}
	}}).run(t.Context(), func(float64) {})
	if o.Result != Fail || !strings.HasPrefix(o.Evidence, "core "+strconv.Itoa(bad)+" computed a wrong answer (a sum)") {
		t.Errorf("a wrong core: %v: %s", o.Result, o.Evidence)
	}

	ctx, stop := context.WithCancel(t.Context())
	stop()
	o = quick(stress{cores: all}).run(ctx, func(float64) {})
	if o.Result != NotTested || !strings.Contains(o.Evidence, "stopped") {
		t.Errorf("stopped: %v: %s", o.Result, o.Evidence)
	}
	if o = quick(stress{}).run(t.Context(), func(float64) {}); o.Result != NotTested {
		t.Errorf("no cores: %v: %s", o.Result, o.Evidence)
	}
	// A core that this machine hasn't got can't be stressed, and is no pass.
	one := quick(stress{cores: append(all, 1000)})
	b := &bout{stress: one}
	b.rounds = append(b.rounds, make([]atomic.Int64, len(one.cores))...)
	b.core(len(one.cores) - 1)
	if b.idle() != len(one.cores) {
		t.Errorf("%d of %d cores idle", b.idle(), len(one.cores))
	}
}

// Heat ends the stress before its time, and is no pass.
func TestStressHeat(t *testing.T) {
	for name, c := range map[string]struct {
		critical inspect.Fact[int]
		at       int
		want     string
	}{
		"its own limit":  {inspect.Known(95, "test"), 95, "stopped at 95 °C: clean the fan and test again; "},
		"no limit told":  {inspect.Unknown[int]("test", "none"), 100, "stopped at 100 °C: clean the fan and test again; "},
		"below it":       {inspect.Known(95, "test"), 94, ""},
		"below any told": {inspect.Unknown[int]("test", "none"), 99, ""},
	} {
		n := 0
		look := func() reading {
			r := reading{celsius: inspect.Known(40, "test"), critical: c.critical, throttled: inspect.Known(int64(7+n), "test"),
				mhz: inspect.Known(2890, "test"), base: inspect.Known(1600, "test")}
			if n++; n > 1 {
				r.celsius.Value = c.at
			}
			return r
		}
		o := quick(stress{cores: cores()[:1], look: look}).run(t.Context(), func(float64) {})
		if (o.Result == NotTested) != (c.want != "") || !strings.HasPrefix(o.Evidence, c.want) {
			t.Errorf("%s: %v: %s", name, o.Result, o.Evidence)
		}
		if !strings.Contains(o.Evidence, "40 °C before, "+strconv.Itoa(c.at)+" °C at most") || !strings.Contains(o.Evidence, "throttled ") ||
			!strings.Contains(o.Evidence, "2.9 GHz on average (base 1.6 GHz)") {
			t.Errorf("%s: %s", name, o.Evidence)
		}
	}
}

// Files as the kernel's documentation has them: hwmon/coretemp.rst, hwmon/k10temp.rst,
// driver-api/thermal/sysfs-api.rst, ABI/testing/sysfs-devices-system-cpu.
func TestSensors(t *testing.T) {
	const cpu = "sys/devices/system/cpu/"
	intel := map[string]string{
		"sys/class/hwmon/hwmon0/name": "acpitz\n", "sys/class/hwmon/hwmon0/temp1_input": "120000\n",
		"sys/class/hwmon/hwmon3/name": "coretemp\n", "sys/class/hwmon/hwmon3/temp1_input": "47000\n", "sys/class/hwmon/hwmon3/temp1_crit": "100000\n",
		"sys/class/hwmon/hwmon3/temp2_input": "52000\n", "sys/class/hwmon/hwmon3/temp2_crit": "100000\n", "sys/class/hwmon/hwmon3/temp2_crit_alarm": "0\n",
		cpu + "cpu0/thermal_throttle/core_throttle_count": "3\n", cpu + "cpu1/thermal_throttle/core_throttle_count": "4\n", cpu + "cpu0/thermal_throttle/package_throttle_count": "5\n",
		cpu + "cpu0/cpufreq/scaling_cur_freq": "3400000\n", cpu + "cpu1/cpufreq/scaling_cur_freq": "3000000\n", cpu + "cpu0/cpufreq/base_frequency": "1600000\n",
		cpu + "cpufreq/policy0": "", cpu + "cpuidle/current_driver": "intel_idle\n",
	}
	amd := map[string]string{"sys/class/hwmon/hwmon1/name": "k10temp\n", "sys/class/hwmon/hwmon1/temp1_input": "61375\n", "sys/class/hwmon/hwmon1/temp3_input": "58250\n"}
	zone := map[string]string{"sys/class/thermal/thermal_zone0/type": "acpitz\n", "sys/class/thermal/thermal_zone0/temp": "44800\n",
		"sys/class/thermal/thermal_zone0/trip_point_0_type": "passive\n", "sys/class/thermal/thermal_zone0/trip_point_0_temp": "90000\n",
		"sys/class/thermal/thermal_zone0/trip_point_1_type": "critical\n", "sys/class/thermal/thermal_zone0/trip_point_1_temp": "128000\n",
		"sys/class/thermal/cooling_device0/type": "Processor\n"}
	odd := map[string]string{"sys/class/hwmon/hwmon3/name": "coretemp\n", "sys/class/hwmon/hwmon3/temp1_input": "-1\n", "sys/class/hwmon/hwmon3/temp2_input": "999999999999999999999\n",
		"sys/class/hwmon/hwmon3/temp1_crit": "0\n", cpu + "cpu0/cpufreq/scaling_cur_freq": "<unknown>\n", cpu + "cpu0/thermal_throttle/core_throttle_count": "\n"}
	for name, c := range map[string]struct {
		files                              map[string]string
		celsius, critical, mhz, base, thro int // -1: unknown
	}{
		"coretemp":     {intel, 52, 100, 3200, 1600, 12},
		"k10temp":      {amd, 61, -1, -1, -1, -1},
		"thermal zone": {zone, 44, 128, -1, -1, -1},
		"odd values":   {odd, -1, -1, -1, -1, -1},
		"nothing":      {nil, -1, -1, -1, -1, -1},
	} {
		root := t.TempDir()
		for file, text := range c.files {
			path := filepath.Join(root, file)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		r := sensors{root}.read()
		got := [5]int{value(r.celsius), value(r.critical), value(r.mhz), value(r.base), -1}
		if r.throttled.Known {
			got[4] = int(r.throttled.Value)
		}
		if got != [5]int{c.celsius, c.critical, c.mhz, c.base, c.thro} {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func value(f inspect.Fact[int]) int {
	if !f.Known {
		return -1
	}
	return f.Value
}

func FuzzCount(f *testing.F) {
	for _, text := range []string{"47000", "0", "-1", "9223372036854775808", "0x10", "<unknown>", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, ok := parseCount(text)
		if n < 0 || !ok && n != 0 || ok && strings.TrimLeft(strings.TrimLeft(text, "+-"), "0123456789_") != "" {
			t.Errorf("%q: %d, %t", text, n, ok)
		}
	})
}
