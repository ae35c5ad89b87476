package function

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// ProcessorTest bounds the stress of the processor.
type ProcessorTest struct {
	Time time.Duration `json:"time_ns"`
}

// hottest a processor may get that names no limit of its own, in degrees Celsius.
const hottest = 100

// Pauses of the stress: how often the sensors are read, and how long the processor may
// cool down before they are read for the last time.
const (
	sampleTime = time.Second
	coolTime   = 5 * time.Second
)

// Processor computes sums whose answers are known on every core at once, and looks at
// temperature and throttling meanwhile. A wrong answer fails; heat up to the processor's
// limit ends the test.
func Processor(ctx context.Context, t ProcessorTest, tell func(done float64)) Outcome {
	return stress{cores: cores(), sums: func(int) []sum { return sums() }, look: sensors{}.read,
		time: t.Time, sample: sampleTime, cool: coolTime}.run(ctx, tell)
}

// cores that this process may use, by their numbers.
func cores() (list []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for n := range len(set) * 64 {
		if set.IsSet(n) {
			list = append(list, n)
		}
	}
	return list
}

type stress struct {
	cores              []int
	sums               func(core int) []sum
	look               func() reading
	time, sample, cool time.Duration
}

// bout is one stress that runs.
type bout struct {
	stress
	stop   atomic.Bool
	rounds []atomic.Int64 // of each core

	mu    sync.Mutex
	wrong []string
}

func (s stress) run(ctx context.Context, tell func(float64)) Outcome {
	if len(s.cores) == 0 {
		return Outcome{NotTested, "the kernel does not say which cores there are"}
	}
	b := &bout{stress: s, rounds: make([]atomic.Int64, len(s.cores))}
	heat := heat{before: s.look()}
	began := time.Now()
	var all sync.WaitGroup
	for i := range s.cores {
		all.Go(func() { b.core(i) })
	}
	why := b.watch(ctx, &heat, began, tell)
	b.stop.Store(true)
	all.Wait()
	took := time.Since(began)
	pause(ctx, s.cool)
	heat.after = s.look()
	return b.outcome(why, took, heat)
}

// core keeps one core busy until the stress is over.
func (b *bout) core(i int) {
	runtime.LockOSThread() // never unlocked: the thread ends with its core's work
	var set unix.CPUSet
	set.Set(b.cores[i])
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return // its rounds stay 0, and it was not tested
	}
	list := b.sums(b.cores[i])
	for !b.stop.Load() {
		for _, s := range list {
			if !s.right() {
				b.mu.Lock()
				b.wrong = append(b.wrong, fmt.Sprintf("core %d computed a wrong answer (%s)", b.cores[i], s.name))
				b.mu.Unlock()
				b.stop.Store(true)
				return
			}
		}
		b.rounds[i].Add(1)
	}
}

// watch until the time is over and each core has come round at least once; it says why
// the stress ended before that.
func (b *bout) watch(ctx context.Context, h *heat, began time.Time, tell func(float64)) (why string) {
	for !b.stop.Load() {
		if !pause(ctx, b.sample) {
			return "the test was stopped"
		}
		r := b.look()
		h.add(r)
		limit := hottest
		if r.critical.Known {
			limit = r.critical.Value
		}
		if r.celsius.Known && r.celsius.Value >= limit {
			return fmt.Sprintf("stopped at %d °C: clean the fan and test again", r.celsius.Value)
		}
		spent := time.Since(began)
		tell(min(1, float64(spent)/float64(b.time)))
		if spent >= b.time && b.idle() == 0 {
			return ""
		}
		if spent > b.time+slack {
			return fmt.Sprintf("%d of %d cores had no time: the machine was busy", b.idle(), len(b.cores))
		}
	}
	return ""
}

// slack is how much longer the stress may take where the erasure needs the cores.
const slack = 2 * time.Minute

// idle counts the cores that have not come round.
func (b *bout) idle() (n int) {
	for i := range b.rounds {
		if b.rounds[i].Load() == 0 {
			n++
		}
	}
	return n
}

func (b *bout) outcome(why string, took time.Duration, h heat) Outcome {
	var rounds int64
	for i := range b.rounds {
		rounds += b.rounds[i].Load()
	}
	n := fmt.Sprintf("%d cores", len(b.cores))
	if len(b.cores) == 1 {
		n = "1 core"
	}
	load := fmt.Sprintf("%s for %.0f s, %d rounds", n, took.Seconds(), rounds)
	switch {
	case len(b.wrong) > 0:
		return Outcome{Fail, strings.Join(b.wrong, ", ") + "; " + load + "; " + h.words()}
	case why != "":
		return Outcome{NotTested, why + "; " + load + ", no wrong answer; " + h.words()}
	}
	var names []string
	for _, s := range b.sums(b.cores[0]) {
		names = append(names, s.name)
	}
	return Outcome{Pass, load + ", every answer right (" + strings.Join(names, ", ") + "); " + h.words()}
}

// pause reports whether it came to its end.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// heat is what the sensors told from before to after.
type heat struct {
	before, after reading
	peak          int   // degrees Celsius; 0: not told
	mhz, samples  int64 // sum of the average frequencies under load
}

func (h *heat) add(r reading) {
	if r.celsius.Known {
		h.peak = max(h.peak, r.celsius.Value)
	}
	if r.mhz.Known {
		h.mhz, h.samples = h.mhz+int64(r.mhz.Value), h.samples+1
	}
}

// words: what is not told is said to be.
func (h *heat) words() string {
	var parts []string
	switch b, a := h.before.celsius, h.after.celsius; {
	case h.peak == 0 || !b.Known || !a.Known:
		parts = append(parts, "temperature not told")
	default:
		temp := fmt.Sprintf("%d °C before, %d °C at most, %d °C after", b.Value, h.peak, a.Value)
		if c := h.before.critical; c.Known {
			temp += fmt.Sprintf(" (limit %d °C)", c.Value)
		}
		parts = append(parts, temp)
	}
	switch b, a := h.before.throttled, h.after.throttled; {
	case !b.Known || !a.Known || a.Value < b.Value:
		parts = append(parts, "throttling not told")
	case a.Value == b.Value:
		parts = append(parts, "not throttled")
	default:
		parts = append(parts, fmt.Sprintf("throttled %d times", a.Value-b.Value))
	}
	if h.samples > 0 {
		speed := fmt.Sprintf("%.1f GHz on average", float64(h.mhz/h.samples)/1000)
		if b := h.before.base; b.Known {
			speed += fmt.Sprintf(" (base %.1f GHz)", float64(b.Value)/1000)
		}
		parts = append(parts, speed)
	}
	return strings.Join(parts, ", ")
}
