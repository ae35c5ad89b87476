package sim_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"handback.example/inspect/drive/sim"
)

// Spans are held to a plain list of blocks, and none is changed by what is made of
// it: a command that is refused half way has changed nothing.
func TestSpans(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var s sim.Spans
	var plain [64]bool
	for n := range 3000 {
		from, to := r.Uint64N(64), r.Uint64N(65)
		before, held := s, slices.Clone(s)
		if n%2 == 0 {
			s = s.Add(from, to)
		} else {
			s = s.Remove(from, to)
		}
		for i := from; i < to; i++ {
			plain[i] = n%2 == 0
		}
		if !slices.Equal(before, held) {
			t.Fatalf("%v was %v before blocks %d to %d were added or taken away", before, held, from, to)
		}
		var got [64]bool
		last := uint64(0)
		for i, e := range s {
			if e.From >= e.To || i > 0 && e.From <= last {
				t.Fatalf("%v", s)
			}
			last = e.To
			for b := e.From; b < e.To; b++ {
				got[b] = true
			}
		}
		if got != plain {
			t.Fatalf("%v after %d to %d", s, from, to)
		}
		inside := 0
		for _, e := range s.In(from, to) {
			inside += int(e.To - e.From)
		}
		want := 0
		for i := from; i < to; i++ {
			if plain[i] {
				want++
			}
		}
		if inside != want {
			t.Fatalf("%d blocks of %v lie from %d to %d, want %d", inside, s, from, to, want)
		}
	}
}
