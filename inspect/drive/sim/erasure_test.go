package sim

import (
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// left counts the bytes of a medium that are still a person's.
func left(t *testing.T, m *Medium) int {
	t.Helper()
	b := make([]byte, m.Size())
	if _, err := m.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, c := range b {
		if c == 'P' {
			n++
		}
	}
	return n
}

func private(t *testing.T, size int64) *Medium {
	t.Helper()
	m := NewMedium(size)
	if err := m.Fill(0, size, Repeat([]byte("P"))); err != nil {
		t.Fatal(err)
	}
	return m
}

// An erasure goes as far as its time went, stands still without power, and goes on.
func TestErasureAndPower(t *testing.T) {
	m := private(t, 1000)
	e := Erasure{Medium: m, Ranges: []Range{{500, 500}, {0, 500}}, Takes: 10 * time.Second}
	e.Start(noon)
	step := func(at time.Duration, want int) {
		t.Helper()
		if err := e.Advance(noon.Add(at)); err != nil {
			t.Fatal(err)
		}
		if n := left(t, m); n != want {
			t.Errorf("after %s %d bytes are left, want %d", at, n, want)
		}
	}
	step(0, 1000)
	step(3*time.Second, 700)
	e.Stop(noon.Add(4 * time.Second))
	step(9*time.Second, 600)
	e.Start(noon.Add(time.Minute))
	step(time.Minute+5*time.Second, 100)
	if e.Ended() || e.Failed() || e.Left() != time.Second {
		t.Errorf("ended %v, failed %v, left %s", e.Ended(), e.Failed(), e.Left())
	}
	step(time.Minute+6*time.Second, 0)
	if !e.Ended() || e.Failed() || e.Progress() != 1 {
		t.Errorf("ended %v, failed %v, %v", e.Ended(), e.Failed(), e.Progress())
	}
}

func TestErasureThatIsBroken(t *testing.T) {
	for name, c := range map[string]struct {
		e             Erasure
		left          int
		ended, failed bool
	}{
		"keeps two ranges": {Erasure{Keep: []Range{{700, 100}, {10, 5}}}, 105, true, false},
		"in one piece":     {Erasure{Takes: -1, Keep: []Range{{700, 100}, {10, 5}, {720, 100}}}, 125, true, false},
		"to no end":        {Erasure{Keep: []Range{{300, math.MaxInt64}, {-5, 10}}}, 705, true, false},
		"keeps all":        {Erasure{Keep: []Range{{0, 1000}}}, 1000, true, false},
		"sticks":           {Erasure{StickAt: 0.655}, 345, false, false},
		"fails":            {Erasure{FailAt: 0.25}, 750, true, true},
		"in no time":       {Erasure{Takes: -1}, 0, true, false},
	} {
		m := private(t, 1000)
		e := c.e
		e.Medium, e.Ranges = m, []Range{{0, 1000}}
		if e.Takes++; e.Takes > 0 {
			e.Takes = time.Second
		}
		e.Start(noon)
		for i := range 20 {
			if err := e.Advance(noon.Add(time.Duration(i) * 100 * time.Millisecond)); err != nil {
				t.Fatal(err)
			}
		}
		if n := left(t, m); n != c.left || e.Ended() != c.ended || e.Failed() != c.failed {
			t.Errorf("%s: %d left, ended %v, failed %v", name, n, e.Ended(), e.Failed())
		}
	}
	// The medium itself breaks: never a success.
	e := Erasure{Medium: NewMedium(10), Ranges: []Range{{0, 11}}}
	e.Start(noon)
	if err := e.Advance(noon); err == nil || !e.Failed() {
		t.Errorf("erased beyond the medium: %v", err)
	}
}
