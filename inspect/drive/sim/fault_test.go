package sim

import (
	"context"
	"errors"
	"testing"
	"time"
)

func ptr[T any](v T) *T { return &v }

func TestScript(t *testing.T) {
	abort := Action{Abort: true}
	read := func(lba, n uint64) Call { return Call{Opcode: 0x25, LBA: lba, Blocks: n, Reads: true} }
	hits := func(w When, calls ...Call) (s string) {
		x := NewScript(Fault{w, abort})
		for i, c := range calls {
			if x.Next(c, time.Duration(i)*time.Second).Abort {
				s += "x"
			} else {
				s += "."
			}
		}
		return s
	}
	r := read(8, 8)
	for _, c := range []struct {
		name string
		when When
		in   []Call
		want string
	}{
		{"every call", When{}, []Call{r, {}}, "xx"},
		{"by opcode", When{Opcode: ptr(byte(0x25))}, []Call{r, {Opcode: 0x35}, r}, "x.x"},
		{"by feature", When{Opcode: ptr(byte(0xb4)), Sub: ptr(uint32(0x12))}, []Call{{Opcode: 0xb4, Sub: 0x12}, {Opcode: 0xb4}}, "x."},
		{"by block", When{LBA: ptr(uint64(15))}, []Call{r, read(0, 15), read(0, 16), read(16, 1), {}}, "x.x.."},
		{"by blocks", When{LBA: ptr(uint64(100)), Blocks: 10}, []Call{read(109, 1), read(110, 1), read(90, 10), read(90, 11)}, "x..x"},
		{"the third", When{Nth: 3}, []Call{r, r, r, r}, "..xx"},
		{"the second, once", When{Nth: 2, Times: 1}, []Call{r, r, r}, ".x."},
		{"twice", When{Times: 2}, []Call{r, r, r}, "xx."},
		{"after two seconds", When{After: 2 * time.Second}, []Call{r, r, r}, "..x"},
		{"writes", When{Writes: true}, []Call{r, {Writes: true}}, ".x"},
		{"I/O of NVMe", When{IO: true}, []Call{r, {IO: true}}, ".x"},
		{"erasures", When{Erases: true}, []Call{r, {Erases: true}}, ".x"},
	} {
		if got := hits(c.when, c.in...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	// Of two faults that speak of the same, the first counts; others add up.
	x := NewScript(Fault{When{}, Action{Delay: 1}}, Fault{When{}, Action{Delay: 2, Medium: true, Keep: []Range{{1, 2}}}},
		Fault{When{LBA: ptr(uint64(12))}, Action{Keep: []Range{{3, 4}}}})
	a := x.Next(r, 0)
	if a.Delay != 1 || !a.Medium || a.At != 8 || len(a.Keep) != 2 {
		t.Errorf("%+v", a)
	}
	if a := NewScript(Fault{When{LBA: ptr(uint64(12))}, Action{Medium: true}}).Next(r, 0); a.At != 12 {
		t.Errorf("the bad block is %d", a.At)
	}
}

// What is under way when the power goes, or the drive is pulled out, is never
// answered, and a drive that is out answers nothing.
func TestBaseLosesWhatIsUnderWay(t *testing.T) {
	for name, cut := range map[string]func(*Base){
		"power": func(b *Base) { b.PowerCycle() },
		"plug":  func(b *Base) { b.Plug(false) },
	} {
		clock := NewManual()
		b := NewBase("A", clock, NewScript(Fault{When{Nth: 2, Times: 1}, Action{Hang: true}}))
		powered := []bool{}
		b.Power = func(on bool) { powered = append(powered, on) }
		if _, err := b.Begin(t.Context(), Call{}); err != nil {
			t.Fatal(err)
		}
		got := make(chan error)
		go func() {
			_, err := b.Begin(context.Background(), Call{})
			got <- err
		}()
		for {
			b.Mu.Lock()
			under := b.script.seen[0] == 2
			b.Mu.Unlock()
			if under {
				break
			}
		}
		cut(b)
		if err := <-got; !errors.Is(err, ErrGone) {
			t.Errorf("%s: %v", name, err)
		}
		if in := b.Plugged(); in != (name == "power") {
			t.Errorf("%s: plugged %v", name, in)
		}
		if _, err := b.Begin(t.Context(), Call{}); (err == nil) != b.Plugged() {
			t.Errorf("%s: afterwards %v", name, err)
		}
		b.Plug(true)
		b.Plug(true)
		if _, err := b.Begin(t.Context(), Call{}); err != nil {
			t.Errorf("%s: put back: %v", name, err)
		}
		if len(powered) != 2 || powered[0] || !powered[1] {
			t.Errorf("%s: power went %v", name, powered)
		}
	}
}

// Data comes back when its time has come, or with the next power cycle.
func TestReappear(t *testing.T) {
	for name, after := range map[string]time.Duration{"in an hour": time.Hour, "at the next power cycle": -1} {
		clock := NewManual()
		b := NewBase("A", clock, nil)
		m := private(t, 10)
		b.Mu.Lock()
		err := b.Reappear(Action{Reappear: after}, m)
		b.Mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Fill(0, 10, Zeros); err != nil {
			t.Fatal(err)
		}
		look := func() int {
			if _, err := b.Begin(t.Context(), Call{}); err != nil {
				t.Fatal(err)
			}
			return left(t, m)
		}
		clock.Advance(59 * time.Minute)
		if n := look(); n != 0 {
			t.Errorf("%s: too early", name)
		}
		if after < 0 {
			b.PowerCycle()
		} else {
			clock.Advance(time.Minute)
		}
		if n := look(); n != 10 {
			t.Errorf("%s: it did not come back", name)
		}
	}
}

// Who sleeps an hour wakes at once, in the order of their times; a sleep that was
// given up is waited for by nobody.
func TestClockFlows(t *testing.T) {
	clock := NewManual()
	ctx, stop := context.WithCancel(t.Context())
	flowing := make(chan struct{})
	go func() { defer close(flowing); clock.Flow(ctx, time.Millisecond) }()
	woke := make(chan time.Duration, 3)
	for _, d := range []time.Duration{2 * time.Hour, time.Hour, 24 * time.Hour} {
		go func() {
			if clock.SleepUntil(t.Context(), noon.Add(d)) == nil {
				woke <- clock.Now().Sub(noon)
			}
		}()
	}
	for _, want := range []time.Duration{time.Hour, 2 * time.Hour, 24 * time.Hour} {
		if got := <-woke; got < want {
			t.Errorf("awake after %s, want %s", got, want)
		}
	}
	given, giveUp := context.WithCancel(t.Context())
	giveUp()
	if err := clock.Sleep(given, time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	time.Sleep(10 * time.Millisecond)
	if now := clock.Now().Sub(noon); now != 24*time.Hour {
		t.Errorf("the clock went on to %s though nobody waits", now)
	}
	stop()
	<-flowing
}
