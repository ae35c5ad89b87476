package practice

import (
	"fmt"
	"time"

	"handback.example/inspect"
)

func known[T any](v T) inspect.Fact[T] { return inspect.Known(v, simulated) }

// tagOf a practice machine.
func tagOf(n int) string { return fmt.Sprintf("PRACTICE-%d", n+1) }

// machine of a lesson, without its drives.
func (l Lesson) machine(n int) *inspect.Report {
	if l.base != nil {
		return l.base.look()
	}
	return madeUp(n, l.Name)
}

// madeUp is a laptop that never was.
func madeUp(n int, name string) *inspect.Report {
	return &inspect.Report{Schema: inspect.Schema, Taken: time.Now(),
		Machine: inspect.Machine{Maker: known("Practice"), Model: known(name), Serial: known(tagOf(n)),
			UUID: known(fmt.Sprintf("00000000-0000-4000-8000-%012d", n+1)), AssetTag: known(tagOf(n)),
			Kind: known(inspect.KindLaptop), BIOS: known("Practice 1"), Year: known(time.Now().Year() - 3), Hypervisor: known(false)},
		CPU: inspect.CPU{Model: known("Practice processor"), Family: known("Practice"), Windows11: known(true), Cores: known(4), Threads: known(8)},
		Memory: inspect.Memory{Bytes: known[int64](16 << 30), Slots: known(1), Max: known[int64](32 << 30), ECC: known(false),
			Modules: []inspect.MemoryModule{{Slot: "1", Bytes: 16 << 30, Kind: "DDR4", Speed: 3200, Maker: "Practice", Form: "SODIMM", Soldered: known(false)}}},
		Battery:  []inspect.Battery{{Name: "BAT0", DesignWh: known(50.0), FullWh: known(45.0), HealthPct: known(90), ChargePct: known(80), Cycles: known(120), Chemistry: known("Li-ion")}},
		Displays: []inspect.Display{{Connector: "eDP-1", Maker: "Practice", Model: "Panel", Width: 1920, Height: 1080, DiagonalMM: 356, Internal: true}},
		Network:  []inspect.NIC{{Name: "wlan0", MAC: "02:00:00:00:00:01", Kind: "wifi"}},
		Devices: inspect.Devices{WiFi: known(true), Bluetooth: known(true), WWAN: known(false), Camera: known(true), Fingerprint: known(false),
			Touchscreen: known(false), Touchpad: known(true), Smartcard: known(false), Sound: known(true)},
		Firmware: inspect.Firmware{UEFI: known(true), SecureBoot: known(true), SetupMode: known(false), PowerOnPassword: known(false), AdminPassword: known(false)},
		TPM: inspect.TPM{Present: known(true), Version: known("2.0"), Maker: known("Practice"), LockoutAuthSet: known(false),
			DisableClear: known(false), InLockout: known(false), OwnerAuthSet: known(true)},
		Mains:     known(true),
		Unhandled: []inspect.Finding{},
		Looked:    []string{"the lesson"},
		Notes:     []string{simulated + ": there is no such machine"},
	}
}
