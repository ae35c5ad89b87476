package grade

import (
	"slices"
	"testing"

	"handback.example/grade/policy"
	"handback.example/inspect"
	"pgregory.net/rapid"
)

// dial is one fact as a scale from worst to best, and its unknown.
type dial struct {
	name    string
	steps   int
	set     func(*Input, int)
	unknown func(*Input)
}

func answers(id string, worstToBest ...string) dial {
	return dial{id, len(worstToBest), func(in *Input, i int) { in.Answers[id] = worstToBest[i] },
		func(in *Input) { in.Answers[id] = policy.NotTested }}
}

func fact[T any](name string, at func(*Input) *inspect.Fact[T], worstToBest ...T) dial {
	return dial{name, len(worstToBest), func(in *Input, i int) { *at(in) = inspect.Known(worstToBest[i], "t") },
		func(in *Input) { *at(in) = inspect.Unknown[T]("t", "not read") }}
}

var dials = []dial{
	answers(AnswerStolen, "yes", "no"),
	answers("battery-case", "swollen", "flat"),
	answers("lock", "locked", "none"),
	answers("condition", "C1", "C2", "C3", "C4", "C5", "C6"),
	answers("screen", "broken", "works"),
	answers("keyboard", "broken", "works"),
	answers("charging", "broken", "works"),
	answers("touchpad", "broken", "works"),
	answers("ports", "broken", "works"),
	answers("hinges", "broken", "works"),
	answers("touchscreen", "broken", "works"),
	fact("health", func(in *Input) *inspect.Fact[int] { return &in.Report.Battery[0].HealthPct }, 20, 59, 60, 79, 80, 84, 85, 100),
	fact("cycles", func(in *Input) *inspect.Fact[int] { return &in.Report.Battery[0].Cycles }, 2000, 751, 750, 1),
	fact("drive", func(in *Input) *inspect.Fact[string] { return &in.Report.Drives[0].Health.Verdict }, "failing", "worn", "good"),
	fact("memory", func(in *Input) *inspect.Fact[int64] { return &in.Report.Memory.Bytes }, 2<<30, 4<<30, 8<<30, 16<<30, 32<<30),
	fact("processor", func(in *Input) *inspect.Fact[bool] { return &in.Report.CPU.Windows11 }, false, true),
	fact("secure boot", func(in *Input) *inspect.Fact[bool] { return &in.Report.Firmware.SecureBoot }, false, true),
	fact("tpm version", func(in *Input) *inspect.Fact[string] { return &in.Report.TPM.Version }, "1.2", "2.0"),
	{"level", 3, func(in *Input, i int) { in.Level = []string{"none", "clear", "purge"}[i] }, func(in *Input) { in.Level = "" }},
	{"tpm", 2, func(in *Input, i int) { in.TPM = []string{TPMNotCleared, TPMCleared}[i] }, func(in *Input) { in.TPM = TPMUnknown }},
	{"storage", 3, func(in *Input, i int) { in.Report.Drives[0].Identity.Size = []int64{64e9, 128e9, 512e9}[i] },
		func(in *Input) { in.Report.Drives[0].Identity.Size = 0 }},
}

// value of a route: Hold is the lowest, since nothing may leave.
func value(r Route) int {
	return slices.Index([]Route{Hold, Recycle, Donate, Remanufacture, Redeploy}, r)
}

func draw(t *rapid.T, withUnknown bool) (build func() Input, at []int) {
	at = make([]int, len(dials))
	low := 0
	if withUnknown {
		low = -1
	}
	for i, d := range dials {
		at[i] = rapid.IntRange(low, d.steps-1).Draw(t, d.name)
		// Mostly good machines: otherwise nearly every one is held.
		if rapid.IntRange(0, 3).Draw(t, "bias") > 0 {
			at[i] = d.steps - 1
		}
	}
	return func() Input {
		in := good()
		for i, d := range dials {
			if at[i] < 0 {
				d.unknown(&in)
			} else {
				d.set(&in, at[i])
			}
		}
		return in
	}, at
}

func TestBetterFactsNeverGiveAWorseRoute(t *testing.T) {
	p := policy.Default()
	rapid.Check(t, func(t *rapid.T) {
		build, at := draw(t, false)
		before := Decide(build(), p)
		i := rapid.IntRange(0, len(dials)-1).Draw(t, "which")
		if at[i] == dials[i].steps-1 {
			return
		}
		at[i]++
		if after := Decide(build(), p); value(after.Route) < value(before.Route) {
			t.Fatalf("a better %s turns %s into %s (%s)", dials[i].name, before.Route, after.Route, after.Why)
		}
	})
}

// Not knowing a fact never opens a better route than any value of it: the
// decision gets no better, or the machine is held.
func TestUnknownNeverImproves(t *testing.T) {
	p := policy.Default()
	rapid.Check(t, func(t *rapid.T) {
		build, at := draw(t, true)
		i := rapid.IntRange(0, len(dials)-1).Draw(t, "which")
		if at[i] < 0 {
			at[i] = 0
		}
		known := Decide(build(), p)
		at[i] = -1
		if after := Decide(build(), p); after.Route != Hold && value(after.Route) > value(known.Route) && known.Route != Hold {
			t.Fatalf("not knowing %s turns %s into %s", dials[i].name, known.Route, after.Route)
		} else if known.Route == Hold && after.Route != Hold {
			t.Fatalf("not knowing %s lifts a hold (%v) to %s", dials[i].name, known.Hold, after.Route)
		}
	})
}

func TestRedeployMeansThatNothingWasUnknown(t *testing.T) {
	p := policy.Default()
	rapid.Check(t, func(t *rapid.T) {
		build, at := draw(t, true)
		if d := Decide(build(), p); d.Route == Redeploy && slices.Contains(at, -1) {
			t.Fatalf("redeployed with an unknown %s", dials[slices.Index(at, -1)].name)
		}
	})
}
