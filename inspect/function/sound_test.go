package function

import (
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A tone is on its own speaker, has its own pitch, and neither begins nor ends with a
// click.
func TestTone(t *testing.T) {
	for at, hz := range map[Speaker]float64{LeftSpeaker: toneLow, RightSpeaker: toneHigh} {
		b := at.tone()
		if len(b) != toneFrames*soundFrame {
			t.Fatalf("%v has %d bytes", at, len(b))
		}
		rises, loudest, jump := 0, 0.0, 0.0
		before := 0.0
		for i := range toneFrames {
			sample := func(s Speaker) float64 {
				return float64(int16(binary.LittleEndian.Uint16(b[i*soundFrame+int(s)*2:]))) / math.MaxInt16
			}
			v := sample(at)
			if sample(1-at) != 0 {
				t.Fatalf("%v: the other speaker plays at frame %d", at, i)
			}
			if before < 0 && v >= 0 {
				rises++
			}
			loudest, jump, before = max(loudest, math.Abs(v)), max(jump, math.Abs(v-before)), v
		}
		if got := float64(rises) * soundRate / toneFrames; math.Abs(got-hz) > 2 {
			t.Errorf("%v plays %.0f Hz, want %.0f", at, got, hz)
		}
		if loudest < 0.45 || loudest > 0.55 || jump > 0.07 || math.Abs(before) > 0.01 {
			t.Errorf("%v: loudest %.2f, largest step %.3f, last %.3f", at, loudest, jump, before)
		}
	}
}

// Only what plays is ever opened, and only what leads to a speaker is turned up.
func TestSoundOnlyPlays(t *testing.T) {
	names := []string{"card0", "controlC0", "hwC0D0", "pcmC0D0c", "pcmC0D3p", "pcmC0D0p", "pcmC1D0c", "timer", "midiC0D0", "pcmC0D0p0", "xpcmC0D0p"}
	if got := outputs(names); !slices.Equal(got, []string{"pcmC0D0p", "pcmC0D3p"}) {
		t.Errorf("outputs are %q", got)
	}
	for _, n := range []string{"Master Playback Switch", "Speaker Playback Volume", "Headphone Playback Switch"} {
		if _, ok := loudness(n); !ok {
			t.Errorf("%s stays as it is", n)
		}
	}
	for _, n := range []string{"Mic Playback Switch", "Internal Mic Playback Volume", "Capture Switch", "Capture Volume", "Mic Boost Volume", "Beep Playback Volume", "Loopback Mixing",
		"Line Playback Volume", "IEC958 Playback Switch", "Master", ""} {
		if _, ok := loudness(n); ok {
			t.Errorf("%s is changed", n)
		}
	}
	for name, display := range map[string]bool{"ALC257 Analog": false, "HDMI 0": true, "DP 1": true, "CX8200 Analog": false, "Generic Analog": false} {
		if ofDisplay(name) != display {
			t.Errorf("%s is a display's: %v", name, !display)
		}
	}
}

// about is what the kernel tells of a control.
func about(name string, kind, access, count uint32, low, high int64) []byte {
	b := make([]byte, elemInfoSize)
	order := binary.NativeEndian
	order.PutUint32(b, 7) // numid
	copy(b[16:60], name)
	order.PutUint32(b[64:], kind)
	order.PutUint32(b[68:], access)
	order.PutUint32(b[72:], count)
	order.PutUint64(b[80:], uint64(low))
	order.PutUint64(b[88:], uint64(high))
	return b
}

func TestSoundSetting(t *testing.T) {
	value := func(b []byte, i int) int64 { return int64(binary.NativeEndian.Uint64(b[72+8*i:])) }
	b, ok := setting(about("Master Playback Volume", elemInteger, elemWritable, 2, 0, 87))
	if !ok || len(b) != elemValueSize || binary.NativeEndian.Uint32(b) != 7 || value(b, 0) != 73 || value(b, 1) != 73 || value(b, 2) != 0 {
		t.Errorf("a volume of two channels: %v, % x", ok, b[:96])
	}
	if b, ok := setting(about("Speaker Playback Volume", elemInteger, elemWritable, 1, -100, 0)); !ok || value(b, 0) != -15 {
		t.Errorf("a volume below zero: %v, %d", ok, value(b, 0))
	}
	if b, ok := setting(about("Speaker Playback Switch", elemBoolean, elemWritable, 2, 0, 0)); !ok || value(b, 0) != 1 || value(b, 1) != 1 {
		t.Error("a switch is not switched on")
	}
	for what, b := range map[string][]byte{
		"another's":      about("Mic Playback Volume", elemInteger, elemWritable, 2, 0, 87),
		"read only":      about("Master Playback Volume", elemInteger, 1, 2, 0, 87),
		"inactive":       about("Master Playback Volume", elemInteger, elemWritable|elemInactive, 2, 0, 87),
		"of no range":    about("Master Playback Volume", elemInteger, elemWritable, 2, 5, 1),
		"a list":         about("Master Playback Volume", 3, elemWritable, 1, 0, 87),
		"no channel":     about("Master Playback Switch", elemBoolean, elemWritable, 0, 0, 1),
		"of 2^32 - 1":    about("Master Playback Switch", elemBoolean, elemWritable, math.MaxUint32, 0, 1),
		"without a name": about("", elemBoolean, elemWritable, 1, 0, 1),
	} {
		if _, ok := setting(b); ok {
			t.Errorf("one that is %s is set", what)
		}
	}
}

func FuzzSoundSetting(f *testing.F) {
	f.Add(about("Master Playback Volume", elemInteger, elemWritable, 2, 0, 87))
	f.Add(about("Speaker Playback Switch", elemBoolean, elemWritable, 128, math.MinInt64, math.MaxInt64))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = append(b, make([]byte, elemInfoSize)...)[:elemInfoSize] // the kernel fills it whole
		if v, ok := setting(b); ok && (len(v) != elemValueSize || !strings.Contains(text(v[16:60]), " Playback ")) {
			t.Errorf("%q is set by %d bytes", text(b[16:60]), len(v))
		}
	})
}

// The request is the kernel's structure, byte for byte where it asks for something.
func TestHardwareParameters(t *testing.T) {
	b := hardwareParameters()
	u := func(at int) uint32 { return binary.NativeEndian.Uint32(b[at:]) }
	for what, c := range map[string][2]uint32{
		"access": {u(4), 1 << 3}, "format": {u(36), 1 << 2}, "subformat": {u(68), 1}, "access, more": {u(8), 0},
		"sample bits, least": {u(260), 0}, "sample bits, most": {u(264), math.MaxUint32},
		"channels, least": {u(284), 2}, "channels, most": {u(288), 2}, "rate, least": {u(296), 48000}, "rate, most": {u(300), 48000},
		"period, least": {u(308), 20000}, "requested": {u(512), math.MaxUint32}, "info": {u(520), math.MaxUint32},
	} {
		if c[0] != c[1] {
			t.Errorf("%s is %#x, want %#x", what, c[0], c[1])
		}
	}
	if len(b) != 608 {
		t.Errorf("%d bytes", len(b))
	}
}

// A machine without a sound card, and a card that is none, are told.
func TestOpenSoundWithout(t *testing.T) {
	sys, dev := t.TempDir(), t.TempDir()
	if _, err := OpenSound(sys, dev); !errors.Is(err, ErrNoSound) {
		t.Errorf("without a card: %v", err)
	}
	for _, n := range []string{"pcmC0D0c", "pcmC0D0p"} {
		if err := errors.Join(os.MkdirAll(filepath.Join(sys, "class/sound", n), 0o755), os.WriteFile(filepath.Join(dev, n), nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := OpenSound(sys, dev); err == nil || !strings.Contains(err.Error(), "pcmC0D0p does not play two channels") {
		t.Errorf("a file that is no card: %v", err)
	}
}
