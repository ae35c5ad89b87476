package plan

import (
	"slices"
	"strings"
	"testing"

	"handback.example/inspect"
	"handback.example/wipe"
)

func TestRestore(t *testing.T) {
	const size = int64(1 << 30)
	known := func(v int64) inspect.Fact[int64] { return inspect.Known(v, "test") }
	for name, c := range map[string]struct {
		native, dco inspect.Fact[int64]
		ama, hidden inspect.Fact[bool]
		ways        []string
		to          int64
		refused     bool
	}{
		"nothing hidden":         {native: known(size)},
		"native not told":        {},
		"HPA":                    {native: known(2 * size), hidden: inspect.Known(true, ""), ways: []string{"hpa"}, to: 2 * size},
		"AMA":                    {native: known(2 * size), ama: inspect.Known(true, ""), ways: []string{"ama"}, to: 2 * size},
		"DCO":                    {native: known(size), dco: known(3 * size), hidden: inspect.Known(true, ""), ways: []string{"dco"}, to: 3 * size},
		"HPA in a DCO":           {native: known(2 * size), dco: known(3 * size), ways: []string{"hpa", "dco"}, to: 3 * size},
		"DCO of the same size":   {native: known(2 * size), dco: known(2 * size), ways: []string{"hpa"}, to: 2 * size},
		"DCO alone is told":      {dco: known(2 * size), hidden: inspect.Known(true, ""), ways: []string{"dco"}, to: 2 * size},
		"hidden, not how much":   {hidden: inspect.Known(true, ""), refused: true},
		"hidden, figures differ": {native: known(size), hidden: inspect.Known(true, ""), refused: true},
		"native makes no sense":  {native: known(-1)},
	} {
		t.Run(name, func(t *testing.T) {
			d := ssd("A1")
			d.ATA.NativeMax, d.ATA.DCOMax, d.ATA.AMA, d.ATA.Hidden = c.native, c.dco, c.ama, c.hidden
			dp := one(d, wantClear)
			if (dp.Refusal != nil) != c.refused || c.refused && (dp.Refusal.Code != "hidden-area" || dp.Restore != nil) {
				t.Fatalf("refusal %+v, restore %+v", dp.Refusal, dp.Restore)
			}
			if len(c.ways) == 0 {
				if dp.Restore != nil {
					t.Errorf("restore %+v", dp.Restore)
				}
				return
			}
			if r := dp.Restore; r == nil || r.From != size || r.To != c.to || !slices.Equal(r.Ways, c.ways) {
				t.Fatalf("restore %+v", r)
			}
			if w := strings.Join(dp.Warnings, "\n"); !strings.Contains(w, "restored first") {
				t.Errorf("nobody is told: %q", w)
			}
		})
	}
}

// The time is that of the whole drive.
func TestRestoredTakesLonger(t *testing.T) {
	d := ssd("A1")
	p := Policy{Want: wipe.LevelClear, Technique: wipe.OverwriteZero}
	before := one(d, p).Ladder[0].Expect
	d.ATA.NativeMax.Value = 1 << 40
	if after := one(d, p).Ladder[0].Expect; after < 100*before {
		t.Errorf("%v, then %v", before, after)
	}
}
