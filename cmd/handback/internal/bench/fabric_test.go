package bench

import (
	"context"
	"errors"
	"strings"
	"testing"

	"handback.example/certs/sign"
	"handback.example/cmd/handback/internal/exit"
	"handback.example/cmd/handback/internal/wire"
	"handback.example/inspect"
	"handback.example/inspect/drive"
)

// fabricEngine has looked at a machine that is virtual, or not, or of which nobody
// knows, with a key of a class.
func fabricEngine(t *testing.T, class sign.Class, virtual inspect.Fact[bool], connect func() (int, error)) (e *Engine, surveys *int) {
	t.Helper()
	b := newBed(t)
	signer := *b.signer
	signer.Class = class
	b.signer = &signer
	surveys = new(int)
	w := b.world()
	w.Survey = func(context.Context, func(inspect.Drive)) (*inspect.Report, error) {
		*surveys++
		r := &inspect.Report{Unhandled: []inspect.Finding{}}
		r.Machine.Hypervisor = virtual
		if *surveys > 1 {
			r.Drives = []inspect.Drive{{Path: "/dev/nvme0n1", Identity: drive.Identity{Bus: drive.BusFabric, Model: "Model", Serial: "FAB-1", Namespace: 1}}}
		}
		return r, nil
	}
	w.Fabric = func(context.Context) (int, error) { return connect() }
	e = New(w)
	e.ctx = t.Context()
	e.begin(e.ctx)
	return e, surveys
}

// Drives on a network are asked for in a demonstration in a virtual machine, and
// nowhere else.
func TestFabricOnlyInDemonstrations(t *testing.T) {
	yes, no := inspect.Known(true, "test"), inspect.Known(false, "test")
	for name, c := range map[string]struct {
		class   sign.Class
		virtual inspect.Fact[bool]
		asked   bool
	}{
		"demonstration":               {sign.Demonstrating, yes, true},
		"demonstration, real machine": {sign.Demonstrating, no, false},
		"demonstration, nobody knows": {sign.Demonstrating, inspect.Fact[bool]{}, false},
		"practice":                    {sign.Practice, yes, false},
		"production":                  {sign.Production, no, false},
		"production, virtual":         {sign.Production, yes, false},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			e, surveys := fabricEngine(t, c.class, c.virtual, func() (int, error) { asked = true; return 1, nil })
			if asked != c.asked || c.asked != (*surveys == 2) {
				t.Errorf("asked %v, %d looks at the machine", asked, *surveys)
			}
			if n := len(e.report.Drives); c.asked != (n == 1) {
				t.Errorf("%d drives", n)
			}
		})
	}
}

// A drive that is named and not reached ends the visit.
func TestFabricUnreached(t *testing.T) {
	e, _ := fabricEngine(t, sign.Demonstrating, inspect.Known(true, "test"), func() (int, error) { return 1, errors.New("the drive at 10.0.2.2:4420: connection refused") })
	v := e.View()
	if v.Stage != wire.StageStopped || v.Notice == nil || !strings.Contains(v.Notice.What, "10.0.2.2:4420: connection refused") || e.code != exit.NotDone {
		t.Errorf("stage %s, code %d, notice %+v", v.Stage, e.code, v.Notice)
	}
}

// Where none is named nobody looks again.
func TestFabricNone(t *testing.T) {
	e, surveys := fabricEngine(t, sign.Demonstrating, inspect.Known(true, "test"), func() (int, error) { return 0, nil })
	if *surveys != 1 || e.View().Stage != wire.StageIntake {
		t.Errorf("%d looks, stage %s", *surveys, e.View().Stage)
	}
}
