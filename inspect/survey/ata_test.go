package survey

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/drive/ata"
	"handback.example/inspect/drive/sim"
	simata "handback.example/inspect/drive/sim/ata"
	"handback.example/inspect/drive/sim/inproc"
	"handback.example/inspect/drive/sim/sat"
)

func modelATA(t *testing.T, c simata.Config, s sat.Config) *inspect.ATA {
	t.Helper()
	clock := sim.NewManual()
	c.Serial, c.Clock = "FACTS-1", clock
	m, err := simata.New(c)
	if err != nil {
		t.Fatal(err)
	}
	model, host := sat.New(m, s), inproc.NewHost(clock)
	if err := host.AttachSCSI("/dev/sda", drive.BusSATA, model); err != nil {
		t.Fatal(err)
	}
	return askATA(t, host)
}

func askATA(t *testing.T, host *inproc.Host) *inspect.ATA {
	t.Helper()
	dev, err := host.Open("/dev/sda")
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	d := &subject{}
	survey{}.ata(t.Context(), d, dev)
	return d.ATA
}

const (
	mib     = 1 << 20
	sectors = 64 * mib / 512
)

// What the models hide is found by each of the ways that there are, and what an
// adapter cuts off stays unknown.
func TestATACapacityFacts(t *testing.T) {
	const native, ext, old, overlay = "READ NATIVE MAX ADDRESS EXT", "GET NATIVE MAX ADDRESS EXT", "READ NATIVE MAX ADDRESS", "DEVICE CONFIGURATION IDENTIFY"
	whole := func(source string) inspect.Fact[int64] { return inspect.Known[int64](64*mib, source) }
	for name, c := range map[string]struct {
		config      simata.Config
		sat         sat.Config
		native, dco inspect.Fact[int64]
		hidden      bool
	}{
		"nothing": {simata.Config{NativeSectors: sectors}, sat.Config{}, whole(native), whole(overlay), false},
		"HPA":     {simata.Config{NativeSectors: sectors, HPA: 1000}, sat.Config{}, whole(native), whole(overlay), true},
		"AMA": {simata.Config{NativeSectors: sectors, HPA: 1000, AMA: true}, sat.Config{}, whole(ext),
			inspect.Unknown[int64](overlay, "the drive says that it has no device configuration overlay"), true},
		"DCO":         {simata.Config{NativeSectors: sectors - 1000, DCO: 1000}, sat.Config{}, inspect.Known[int64](64*mib-512000, native), whole(overlay), true},
		"DCO and HPA": {simata.Config{NativeSectors: sectors - 1000, HPA: 7, DCO: 1000}, sat.Config{}, inspect.Known[int64](64*mib-512000, native), whole(overlay), true},
		"28 bits": {simata.Config{NativeSectors: sectors, HPA: 1000, Words: map[int]uint16{83: 0x7900, 86: 0x3800}}, sat.Config{},
			whole(old), whole(overlay), true},
		"4Kn": {simata.Config{NativeSectors: sectors / 8, HPA: 9, LogicalBlock: 4096}, sat.Config{}, whole(native), whole(overlay), true},
		"registers lost": {simata.Config{NativeSectors: sectors, HPA: 1000}, sat.Config{Sense: sim.SenseMissing},
			inspect.Unknown[int64](native, "the answer holds no ATA registers"), whole(overlay), true}, // DCO tells
	} {
		t.Run(name, func(t *testing.T) {
			a := modelATA(t, c.config, c.sat)
			if a.NativeMax != c.native || a.DCOMax != c.dco {
				t.Errorf("native %+v\nDCO %+v", a.NativeMax, a.DCOMax)
			}
			if hides := a.Hidden.Known && a.Hidden.Value; hides != c.hidden || a.Hidden.Known && !a.Hidden.Value {
				t.Errorf("hidden %+v", a.Hidden)
			}
			if a.AMA != inspect.Known(c.config.AMA, "IDENTIFY word 119") {
				t.Errorf("AMA %+v", a.AMA)
			}
		})
	}
}

func TestATASanitizeFacts(t *testing.T) {
	all := simata.Sanitize{Block: true, BlockTime: time.Hour}
	frozen := all
	frozen.Freeze = simata.FreezeAlways
	const source = "SANITIZE STATUS EXT"
	const blockErase = "85 07 20 00 12 00 00 42 72 00 45 00 6b 40 b4 00"
	for name, c := range map[string]struct {
		sanitize simata.Sanitize
		sat      sat.Config
		fault    sim.Action
		start    bool
		want     inspect.Fact[string]
	}{
		"none":    {simata.Sanitize{}, sat.Config{}, sim.Action{}, false, inspect.Unknown[string](source, "the drive does not say that it can sanitize itself")},
		"idle":    {all, sat.Config{}, sim.Action{}, false, inspect.Known(inspect.SanitizeIdle, source)},
		"frozen":  {frozen, sat.Config{}, sim.Action{}, false, inspect.Known(inspect.SanitizeFrozen, source)},
		"running": {all, sat.Config{}, sim.Action{}, true, inspect.Known(inspect.SanitizeRunning, source)},
		"failed":  {all, sat.Config{DescriptorSense: true}, sim.Action{FailAt: 1e-9}, true, inspect.Known(inspect.SanitizeFailed, source)},
		"cut":     {all, sat.Config{Sense: sim.SenseFixed}, sim.Action{}, true, inspect.Unknown[string](source, ata.ErrCut.Error())},
		"lost":    {all, sat.Config{Sense: sim.SenseMissing}, sim.Action{}, true, inspect.Unknown[string](source, ata.ErrNoRegisters.Error())},
	} {
		t.Run(name, func(t *testing.T) {
			clock := sim.NewManual()
			config := simata.Config{Serial: "FACTS-1", Clock: clock, NativeSectors: sectors, Sanitize: c.sanitize,
				Script: sim.NewScript(sim.Fault{When: sim.When{Erases: true}, Do: c.fault})}
			m, err := simata.New(config)
			if err != nil {
				t.Fatal(err)
			}
			model, host := sat.New(m, c.sat), inproc.NewHost(clock)
			if err := host.AttachSCSI("/dev/sda", drive.BusSATA, model); err != nil {
				t.Fatal(err)
			}
			if c.start {
				target, err := host.OpenTarget("/dev/sda")
				if err != nil {
					t.Fatal(err)
				}
				_, err = target.Do(t.Context(), drive.Command{Protocol: drive.ProtocolSCSI, Frame: bytesOf(t, blockErase)})
				var refused *drive.StatusError
				if errors.As(err, &refused) {
					t.Fatal(err)
				}
				clock.Advance(time.Minute)
			}
			if a := askATA(t, host); a.SanitizeState != c.want {
				t.Errorf("%+v", a.SanitizeState)
			}
		})
	}
}

// Words 89 and 90, by hand: units of two minutes, 255 for more than 508 of them, bit
// 15 for the form of 15 bits.
func TestATAEraseTimes(t *testing.T) {
	const source = "IDENTIFY word 89"
	for word, want := range map[ata.Time]inspect.Fact[time.Duration]{
		0x0000: inspect.Unknown[time.Duration](source, "the drive does not say how long it takes"),
		0x0001: inspect.Known(2*time.Minute, source),
		0x00fe: inspect.Known(508*time.Minute, source),
		0x00ff: inspect.Unknown[time.Duration](source, "it takes longer than the word can say: more than 8h28m0s"),
		0x0a01: inspect.Known(2*time.Minute, source),
		0x8000: inspect.Unknown[time.Duration](source, "the drive does not say how long it takes"),
		0x80ff: inspect.Known(510*time.Minute, source),
		0xfffe: inspect.Known(65532*time.Minute, source),
		0xffff: inspect.Unknown[time.Duration](source, "it takes longer than the word can say: more than 1092h12m0s"),
	} {
		if got := eraseTime(word, source); !reflect.DeepEqual(got, want) {
			t.Errorf("%04x: %+v", uint16(word), got)
		}
	}
	a := modelATA(t, simata.Config{NativeSectors: sectors, Security: simata.Security{Supported: true, Enhanced: true, EraseTime: 74 * time.Minute, EnhancedTime: 4 * time.Minute}}, sat.Config{})
	if a.EraseTime.Value != 74*time.Minute || a.EnhancedTime.Value != 4*time.Minute || !strings.Contains(a.EnhancedTime.Source, "90") {
		t.Errorf("%+v, %+v", a.EraseTime, a.EnhancedTime)
	}
}
