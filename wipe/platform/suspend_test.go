package platform

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
)

// sysfs of a laptop that can sleep. A plain file keeps what was written to it last,
// over its first bytes, as sysfs does not: what a file held before is longer than
// nothing only where that matters.
func sysfs(t *testing.T, change map[string]string) string {
	t.Helper()
	files := map[string]string{
		"sys/power/state":              "freeze mem disk",
		"sys/power/mem_sleep":          "s2idle [deep]",
		"sys/power/wakeup_count":       "17",
		"sys/class/rtc/rtc0/name":      "rtc_cmos",
		"sys/class/rtc/rtc0/wakealarm": "",
		"sys/class/rtc/rtc1/wakealarm": "",
	}
	maps.Copy(files, change)
	root := t.TempDir()
	for name, text := range files {
		if text == "-" {
			continue
		}
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func content(t *testing.T, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSuspend(t *testing.T) {
	for name, change := range map[string]map[string]string{
		"as a laptop has it":  nil,
		"one kind of sleep":   {"sys/power/mem_sleep": "-"},
		"an older kernel":     {"sys/power/wakeup_count": "-"},
		"its light sleep set": {"sys/power/mem_sleep": "[s2idle] deep"},
	} {
		root := sysfs(t, change)
		if err := (Machine{Root: root}).Suspend(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s := content(t, root, "sys/power/state"); !strings.HasPrefix(s, "mem") {
			t.Errorf("%s: state %q", name, s)
		}
		if a := content(t, root, "sys/class/rtc/rtc0/wakealarm"); a != "+8" {
			t.Errorf("%s: alarm %q", name, a)
		}
		if a := content(t, root, "sys/class/rtc/rtc1/wakealarm"); a != "" {
			t.Errorf("%s: alarm of the other clock %q", name, a)
		}
		if _, has := change["sys/power/mem_sleep"]; !has {
			if s := content(t, root, "sys/power/mem_sleep"); !strings.HasPrefix(s, "deep") {
				t.Errorf("%s: mem_sleep %q", name, s)
			}
		}
	}
	root := sysfs(t, nil)
	if err := (Machine{Root: root, For: 5500 * time.Millisecond}).Suspend(t.Context()); err != nil || content(t, root, "sys/class/rtc/rtc0/wakealarm") != "+5" {
		t.Errorf("a sleep of its own: %v", err)
	}
}

// Where the machine can't, nothing is told to sleep.
func TestSuspendRefuses(t *testing.T) {
	low := []inspect.Battery{{ChargePct: inspect.Known(14, "x")}}
	mute := []inspect.Battery{{ChargePct: inspect.Unknown[int]("x", "y")}}
	off := inspect.Known(false, "x")
	for name, c := range map[string]struct {
		change map[string]string
		m      Machine
		says   string
	}{
		"no power management":   {map[string]string{"sys/power/state": "-"}, Machine{}, "no sleep"},
		"no sleep in memory":    {map[string]string{"sys/power/state": "freeze disk"}, Machine{}, "no sleep in memory"},
		"modern standby":        {map[string]string{"sys/power/mem_sleep": "[s2idle]"}, Machine{}, "leaves the drives their power"},
		"no clock":              {map[string]string{"sys/class/rtc/rtc0/wakealarm": "-", "sys/class/rtc/rtc1/wakealarm": "-"}, Machine{}, "clock can't wake it"},
		"battery nearly empty":  {nil, Machine{Mains: off, Batteries: low}, "battery is nearly empty"},
		"battery does not tell": {nil, Machine{Mains: off, Batteries: mute}, "plug the power lead in"},
		"mains not known":       {nil, Machine{Batteries: low}, "plug the power lead in"},
	} {
		root := sysfs(t, c.change)
		c.m.Root = root
		err := c.m.Suspend(t.Context())
		if !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if c.change["sys/power/state"] == "" {
			if s := content(t, root, "sys/power/state"); s != "freeze mem disk" {
				t.Errorf("%s: it was told %q", name, s)
			}
		}
	}
	if err := (Machine{Root: t.TempDir()}).Suspend(t.Context()); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrCannot) {
		t.Errorf("an empty folder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	root := sysfs(t, nil)
	if err := (Machine{Root: root}).Suspend(ctx); !errors.Is(err, context.Canceled) || content(t, root, "sys/power/state") != "freeze mem disk" {
		t.Errorf("given up: %v", err)
	}
	for _, m := range []Machine{{Batteries: low, Mains: inspect.Known(true, "x")}, {Batteries: append(mute, inspect.Battery{ChargePct: inspect.Known(15, "x")})}} {
		m.Root = sysfs(t, nil)
		if err := m.Suspend(t.Context()); err != nil {
			t.Errorf("power enough: %v", err)
		}
	}
}

// A kernel that says nothing and counts no sleep has not slept.
func TestSuspendDidNot(t *testing.T) {
	root := sysfs(t, map[string]string{"sys/power/suspend_stats/success": "3"})
	if err := (Machine{Root: root}).Suspend(t.Context()); !errors.Is(err, ErrAwake) || errors.Is(err, ErrCannot) {
		t.Errorf("%v", err)
	}
	root = sysfs(t, map[string]string{"sys/power/suspend_stats/success": "a few"})
	if err := (Machine{Root: root}).Suspend(t.Context()); err != nil {
		t.Errorf("a count that is none: %v", err)
	}
}
