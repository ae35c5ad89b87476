package sim

import (
	"context"
	"errors"
	"testing"
)

func TestPowerCycleOfAnUnpluggedDrive(t *testing.T) {
	b := NewBase("S1", NewManual(), nil)
	var power []bool
	b.Power = func(on bool) { power = append(power, on) }
	b.Plug(false)
	b.PowerCycle()
	if _, err := b.Begin(context.Background(), Call{}); !errors.Is(err, ErrGone) {
		t.Errorf("err %v", err)
	}
	b.Plug(true)
	b.PowerCycle()
	if len(power) != 4 || power[0] || !power[1] || power[2] || !power[3] {
		t.Errorf("power %v", power)
	}
}
