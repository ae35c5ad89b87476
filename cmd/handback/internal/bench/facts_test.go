package bench

import (
	"testing"

	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
	"handback.example/inspect/health"
)

// What a drive says of its health, with the reasons; a drive that fails is bad, one that
// says nothing is unknown, and neither looks like one that is good.
func TestHealthFact(t *testing.T) {
	for name, c := range map[string]struct {
		health inspect.Health
		want   wire.Fact
	}{
		"good": {inspect.Health{Verdict: inspect.Known(health.Good, "SMART")}, wire.Fact{Value: "Model X 500 GB: good", Mark: wire.MarkOK}},
		"worn": {inspect.Health{Verdict: inspect.Known(health.Worn, "SMART"), Reasons: []string{"304 reallocated sectors (SMART 5)", "8 pending sectors (SMART 197)"}},
			wire.Fact{Value: "Model X 500 GB: worn: 304 reallocated sectors (SMART 5); 8 pending sectors (SMART 197)", Mark: wire.MarkWarn}},
		"failing": {inspect.Health{Verdict: inspect.Known(health.Failing, "SMART"), Reasons: []string{"its newest self-test failed"}},
			wire.Fact{Value: "Model X 500 GB: failing: its newest self-test failed", Mark: wire.MarkBad}},
		"unknown": {inspect.Health{Verdict: inspect.Unknown[string]("SMART", "SMART is switched off in the drive")},
			wire.Fact{Value: "Model X 500 GB: unknown: SMART is switched off in the drive", Mark: wire.MarkUnknown}},
	} {
		c.want.Name = "Drive health"
		if got := healthFact(inspect.Drive{Identity: drive.Identity{Model: "Model X", Size: 500e9}, Health: c.health}); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
