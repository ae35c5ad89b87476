package function

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/internal/tree"
)

// supply writes a folder of the power_supply class, as the kernel's ABI documents it.
func supply(t *testing.T, root, name string, files map[string]string) {
	t.Helper()
	dir := filepath.Join(root, "sys/class/power_supply", name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for f, text := range files {
		// Whole or not at all, as an attribute of the kernel is read.
		written := filepath.Join(root, name+"."+f)
		if err := os.WriteFile(written, []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(written, filepath.Join(dir, f)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBattery(t *testing.T) {
	battery := func(status, percent, volts string) map[string]string {
		return map[string]string{"type": "Battery", "present": "1", "status": status, "capacity": percent, "voltage_now": volts, "power_now": "32100000"}
	}
	for name, c := range map[string]struct {
		before, after map[string]string
		least         time.Duration
		want          Result
		says          string
	}{
		"none":             {nil, nil, 0, NotPresent, "the kernel shows no battery"},
		"none in a laptop": {nil, nil, 0, NotTested, "none is fitted, or it does not answer"},
		"a mouse's":        {map[string]string{"type": "Battery", "scope": "Device", "status": "Discharging"}, nil, 0, NotPresent, "the kernel shows no battery"},
		"the lead is in":   {battery("Charging", "87", "12100000"), nil, 0, NotTested, "it was not discharging: status Charging, charge 87 %, 32.1 W, 12.1 V"},
		"put in meanwhile": {battery("Discharging", "87", "12100000"), battery("Charging", "87", "12100000"), 0, NotTested, "it was not discharging: "},
		"carries":          {battery("Discharging", "87", "12100000"), battery("Discharging", "87", "11400000"), 0, Pass, "charge 87 % before, 87 % after; 12.1 V before, 11.4 V at least; 32.1 W"},
		"falls":            {battery("Discharging", "87", "12100000"), battery("Discharging", "60", "10400000"), 0, Fail, "charge 87 % before, 60 % after; 12.1 V before, 10.4 V at least"},
		"too short":        {battery("Discharging", "87", "12100000"), nil, time.Hour, NotTested, "too short"},
		"no gauge":         {battery("Discharging", "", "12100000"), nil, 0, NotTested, "it does not tell its charge: status Discharging, 32.1 W, 12.1 V"},
		"odd":              {battery("<script>", "65535", "-5"), nil, 0, NotTested, "it was not discharging: status not told, 32.1 W"},
		"by its current": {map[string]string{"type": "Battery", "status": "Full", "capacity": "100", "voltage_now": "8000000", "current_now": "500000"}, nil, 0, NotTested,
			"it was not discharging: status Full, charge 100 %, 4.0 W, 8.0 V"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			if c.before != nil {
				supply(t, root, "BAT0", c.before)
			}
			supply(t, root, "AC", map[string]string{"type": "Mains", "online": "0"})
			ctx, stop := context.WithTimeout(t.Context(), 60*time.Millisecond)
			defer stop()
			if c.after != nil {
				time.AfterFunc(20*time.Millisecond, func() { supply(t, root, "BAT0", c.after) })
			}
			kind := inspect.KindLaptop
			if c.want == NotPresent {
				kind = inspect.KindDesktop
			}
			o := watchBattery(ctx, tree.At(root), kind, 5*time.Millisecond, c.least)
			if o.Result != c.want || !strings.Contains(o.Evidence, c.says) {
				t.Errorf("%v: %s", o.Result, o.Evidence)
			}
		})
	}
}

// Each of several batteries counts: one that is dead, or idle, or went away, is not carried
// by the other.
func TestBatteries(t *testing.T) {
	battery := func(status, percent string) map[string]string {
		return map[string]string{"type": "Battery", "present": "1", "status": status, "capacity": percent}
	}
	for name, c := range map[string]struct {
		second, after map[string]string // none: it is taken out
		want          Result
		says          string
	}{
		"both carry":     {battery("Discharging", "70"), battery("Discharging", "70"), Pass, "charge 80 % before, 80 % after; BAT1: it carried the machine"},
		"second is dead": {battery("Unknown", "0"), battery("Unknown", "0"), NotTested, "charge 80 % before, 80 % after; BAT1: it was not discharging: status Unknown"},
		"second falls":   {battery("Discharging", "70"), battery("Discharging", "20"), Fail, "BAT1: it carried the machine"},
		"second is gone": {battery("Discharging", "70"), nil, NotTested, "; BAT1: the battery does not answer any more"},
		"second changes": {battery("Full", "100"), battery("Discharging", "100"), NotTested, "; BAT1: it was not discharging: status Full, charge 100 %"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			supply(t, root, "BAT0", battery("Discharging", "80"))
			supply(t, root, "BAT1", c.second)
			ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer stop()
			time.AfterFunc(20*time.Millisecond, func() {
				if c.after == nil {
					_ = os.Rename(filepath.Join(root, "sys/class/power_supply/BAT1"), filepath.Join(root, "BAT1"))
					return
				}
				supply(t, root, "BAT1", c.after)
			})
			o := watchBattery(ctx, tree.At(root), inspect.KindLaptop, 5*time.Millisecond, 0)
			if o.Result != c.want || !strings.HasPrefix(o.Evidence, "BAT0: it carried the machine") || !strings.Contains(o.Evidence, c.says) {
				t.Errorf("%v: %s", o.Result, o.Evidence)
			}
		})
	}
}
