package technique

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"handback.example/inspect/drive"
	"handback.example/wipe"
	"handback.example/wipe/internal/meter"
)

// couple are the two namespaces of one controller, and where they meet.
func couple(t *testing.T) (g *Together, a, b *party) {
	t.Helper()
	var plans []wipe.DrivePlan
	for n := uint32(1); n <= 2; n++ {
		plans = append(plans, wipe.DrivePlan{Identity: drive.Identity{Model: "M", Serial: "S", Namespace: n}, Siblings: []uint32{3 - n}})
	}
	g = NewTogether(plans)
	var of [2]*party
	for i := range of {
		d := &Drive{Plan: plans[i], Meter: meter.New(), Together: g, Step: wipe.Step{Technique: wipe.NVMeSanitizeBlock}}
		p, err := d.party()
		if err != nil || !slices.Equal(p.members, []uint32{1, 2}) {
			t.Fatalf("%+v, %v", p, err)
		}
		of[i] = p
	}
	return g, of[0], of[1]
}

// both runs two things at once and gives their errors.
func both(a, b func() error) (x, y error) {
	var wg sync.WaitGroup
	wg.Go(func() { x = a() })
	wg.Go(func() { y = b() })
	wg.Wait()
	return x, y
}

func TestTogetherMeet(t *testing.T) {
	g, a, b := couple(t)
	x, y := both(func() error { return a.meet(t.Context(), "here") }, func() error { return b.meet(t.Context(), "here") })
	if x != nil || y != nil {
		t.Error(x, y)
	}
	x, y = both(func() error { return a.meet(t.Context(), "there") }, func() error { g.Leave(b.id); return nil })
	if !errors.Is(x, ErrAlone) || y != nil {
		t.Error(x, y)
	}
	// Who comes late to where one was given up does not go on alone.
	if err := b.meet(t.Context(), "there"); !errors.Is(err, ErrAlone) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, c, _ := couple(t)
	if err := c.meet(ctx, "here"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// One sends for both. Where it ends without a word, nobody knows what was sent.
func TestTogetherOnce(t *testing.T) {
	sent := []wipe.CommandTrace{{Operation: "Sanitize"}}
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		first func(g *Together, a *party) error
		want  error
		n     int
	}{
		"sent": {func(_ *Together, a *party) error {
			_, err := a.once(t.Context(), func() ([]wipe.CommandTrace, error) { return sent, nil })
			return err
		}, nil, 1},
		"refused": {func(_ *Together, a *party) error {
			_, _ = a.once(t.Context(), func() ([]wipe.CommandTrace, error) { return sent, refused })
			return nil
		}, refused, 1},
		"ended while it sent": {func(g *Together, a *party) error {
			g.Leave(a.id)
			return nil
		}, ErrUnanswered, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g, a, b := couple(t)
			var got []wipe.CommandTrace
			x, y := both(func() error { return c.first(g, a) }, func() (err error) {
				got, err = b.once(t.Context(), func() ([]wipe.CommandTrace, error) { t.Error("sent twice"); return nil, nil })
				return err
			})
			if x != nil || !errors.Is(y, c.want) || len(got) != c.n {
				t.Error(x, y, got)
			}
		})
	}
}

// One after the other, and nobody goes on before the last.
func TestTogetherTurn(t *testing.T) {
	_, a, b := couple(t)
	var mu sync.Mutex
	var order []string
	turn := func(p *party, name string, pause time.Duration) func() error {
		return func() error {
			_, err := p.turn(t.Context(), func() ([]wipe.CommandTrace, error) {
				time.Sleep(pause)
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return nil, nil
			})
			mu.Lock()
			defer mu.Unlock()
			order = append(order, "on")
			return err
		}
	}
	x, y := both(turn(a, "a", 20*time.Millisecond), turn(b, "b", 20*time.Millisecond))
	if x != nil || y != nil || !slices.Equal(order, []string{"a", "b", "on", "on"}) {
		t.Error(x, y, order)
	}
	// One that has ended holds up nobody.
	g, _, d := couple(t)
	g.Leave(drive.Identity{Model: "M", Serial: "S", Namespace: 1})
	if _, err := d.turn(t.Context(), func() ([]wipe.CommandTrace, error) { return nil, nil }); err != nil {
		t.Error(err)
	}
}

// A drive without siblings waits for nobody; one with siblings never goes alone.
func TestTogetherNobody(t *testing.T) {
	d := &Drive{Plan: wipe.DrivePlan{Identity: drive.Identity{Serial: "S", Namespace: 1}}, Meter: meter.New()}
	p, err := d.party()
	if p != nil || err != nil || p.meet(t.Context(), "here") != nil {
		t.Error(p, err)
	}
	d.Plan.Siblings = []uint32{2}
	if _, err := d.party(); !errors.Is(err, ErrAlone) {
		t.Error(err)
	}
	d.Together = NewTogether([]wipe.DrivePlan{d.Plan})
	if p, err = d.party(); err != nil {
		t.Fatal(err)
	}
	if err := p.meet(t.Context(), "here"); !errors.Is(err, ErrAlone) {
		t.Errorf("waited for one that is in no plan: %v", err)
	}
	var none *Together
	none.Leave(d.Plan.Identity)
}
